//! The table macro `clean`.

use datafusion::common::Result;

use super::input::INPUT;
use super::rules::{ABOUT_RULES, KEY, RULES, Rules, Wanted, ask};
use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};

/// Applies rules to rows.
#[derive(Debug)]
pub struct Clean;

const ROWS: &str = "rows";
const CHANGES: &str = "changes";

const DOC: Doc = Doc {
    name: "clean",
    kind: Kind::Relation,
    domain: "quality",
    summary: "Applies cleaning rules to rows and records in each row what was changed.",
    description: ABOUT_RULES,
    arguments: &[
        INPUT,
        RULES,
        Argument::optional(
            KEY,
            Takes::Column,
            "",
            "not used by `clean`; accepted so that the same arguments work for `clean_log`",
        ),
        Argument::optional(
            ROWS,
            Takes::Choice(&["kept", "dropped", "all"]),
            "'kept'",
            "which rows to return: those that no rule drops, those that a rule drops (for example to keep refunds separately), or both",
        ),
    ],
    columns: &[
        Column { name: "(input)", data_type: "of the input", text: "the columns of the input, cleaned" },
        Column {
            name: CHANGES,
            data_type: "STRUCT(rule VARCHAR, action VARCHAR, column_name VARCHAR, before VARCHAR, after VARCHAR)[]",
            text: "what each rule that applied did, in the order of the rules; an empty list if none applied. `clean_log` returns the same as rows",
        },
    ],
    examples: &["SELECT customer_id, age, changes
FROM clean(sample_customers(rows => 1000), rules => [
  {name: 'age out of range', column: age, condition: age NOT BETWEEN 0 AND 120, action: 'null'},
  {name: 'no way to reach', condition: phone IS NULL AND email IS NULL, action: 'drop'}])
WHERE changes <> [] ORDER BY customer_id LIMIT 5;"],
    ..Doc::EMPTY
};

impl TableMacro for Clean {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        Ok(Some(ask(call)?))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        let wanted = match call.options.word(ROWS)? {
            "dropped" => Wanted::Dropped,
            "all" => Wanted::All,
            _ => Wanted::Kept,
        };
        Rules::read(&call, &[CHANGES])?.rows(wanted)
    }
}
