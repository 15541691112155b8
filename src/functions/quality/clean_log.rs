//! The table macro `clean_log`.

use datafusion::common::Result;

use super::input::INPUT;
use super::rules::{CHANGE, KEY, RULES, Rules, ask};
use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};

/// Lists what rules change.
#[derive(Debug)]
pub struct CleanLog;

const DOC: Doc = Doc {
    name: "clean_log",
    kind: Kind::Relation,
    domain: "quality",
    summary: "Lists the changes that `clean` makes with the same rules: one row per row and applied rule.",
    description: "\
With the same input and rules, `clean` and `clean_log` agree: each change in the log is also in `changes` of the cleaned rows, and rows that
a rule drops are only in the log. Join it with the cleaned rows by the key to see the values before cleaning.

The key should identify one row. It has the value before cleaning, even if a rule changes it. For the rules, see `clean`.

**Cost.** As `clean`: one pass, nothing is kept in memory. A row for each change.

**Elsewhere.** A log of this kind is what OpenRefine keeps as its history.",
    arguments: &[
        INPUT,
        RULES,
        Argument::required(KEY, Takes::Column, "key of the row in the log: an expression, or a list of them"),
    ],
    columns: &[
        Column { name: "(key)", data_type: "of the key", text: "key of the row, under its own name" },
        Column { name: CHANGE[0], data_type: "VARCHAR", text: "name of the rule" },
        Column { name: CHANGE[1], data_type: "VARCHAR", text: "`null`, `replace`, `clip`, `flag` or `drop`" },
        Column { name: CHANGE[2], data_type: "VARCHAR", text: "the column that the rule changed or tested; NULL if it names none" },
        Column { name: CHANGE[3], data_type: "VARCHAR", text: "the value before" },
        Column { name: CHANGE[4], data_type: "VARCHAR", text: "the value after; NULL for a dropped row" },
    ],
    examples: &["SELECT rule, action, before, after, count(*) AS customers
FROM clean_log(sample_customers(rows => 1000), key => customer_id, rules => [
  {name: 'age out of range', column: age, condition: age NOT BETWEEN 0 AND 120, action: 'null'},
  {name: 'no way to reach', condition: phone IS NULL AND email IS NULL, action: 'drop'}])
GROUP BY rule, action, before, after ORDER BY customers DESC;"],
    ..Doc::EMPTY
};

impl TableMacro for CleanLog {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        Ok(Some(ask(call)?))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        Rules::read(&call, &[])?.log()
    }
}
