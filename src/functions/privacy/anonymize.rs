//! The table macro `anonymize`.

use std::fmt::Write;

use datafusion::common::Result;
use sqlparser::ast::Expr;

use super::classes::{INPUT, QUASI_IDENTIFIERS};
use super::generalized::{ARGUMENTS, HIERARCHIES};
use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Column, Doc, Kind};
use crate::error::{did_you_mean, invalid};
use crate::text::as_sql;

/// Returns a table in which every row shares its quasi-identifiers with others.
#[derive(Debug)]
pub struct Anonymize;

const DOC: Doc = Doc {
    name: "anonymize",
    kind: Kind::Relation,
    domain: "privacy",
    summary: "Generalizes the quasi-identifiers of a table, as text, until the table is k-anonymous; rare rows are dropped.",
    description: "\
Every quasi-identifier has levels, from the original values to `*`, which means any value. All rows get the same level of a column
(full-domain generalisation):

| type | levels |
|---|---|
| numbers | bands whose widths double; the narrowest is 1 or 5 times a power of ten, with at most about 32 bands: ages in 5, 10, 20 … years, `25-29`; numbers with decimals as `[2.5, 5)` |
| dates, times | day, month, quarter (`2025-Q1`), year, decade |
| text | shorter and shorter prefixes: `4767*`, `476*`, `47*` … |
| booleans | `*` |
| with `hierarchies` | your own levels: rows such as `('city', '杭州', '浙江', '华东')`. A value that is not listed, or has NULL at a level, keeps its last text |

Of all combinations of levels where every class has k rows after dropping at most the share `suppress_at_most` of the rows, the one with the
smallest loss is chosen. A value in a group of g of the m values of its column loses (g − 1) / (m − 1); a dropped row loses everything. The
search is exact; ties are resolved by the order of the levels. The result does not depend on the order of rows.

All other columns stay as they are: remove those that identify a person, and check the sensitive ones with `l_diversity` and `t_closeness`.
What was done is reported after the query and by `anonymization_loss`, which takes the same arguments; `k_anonymity` of the result checks
it. NULL is a value like any other, and becomes `*` only at the last level.

Two tables made at different times from one source can be combined to identify people, even if each is k-anonymous: do not publish a second
one with other levels.

**Cost.** The input is read twice. Memory grows with the number of distinct combinations of quasi-identifiers, and time with them and with
the combinations of levels that are tried: the product of the numbers of levels, of which most are excluded without being computed.

**Elsewhere.** ARX has the same full-domain generalisation with Flash, and more models; `localSuppression` of R's sdcMicro removes single
values instead of rows; PostgreSQL Anonymizer has `generalize_…` functions for bands that you choose, without a search for k.",
    arguments: ARGUMENTS,
    columns: &[
        Column {
            name: "(input)",
            data_type: "as the input; quasi-identifiers VARCHAR",
            text: "the columns of the input, in their order",
        },
    ],
    examples: &["SELECT age, gender, count(*) AS rows
FROM anonymize(sample_customers(rows => 500), quasi_identifiers => [age, gender], k => 20)
GROUP BY age, gender ORDER BY age, gender LIMIT 5;"],
    source: "L. Sweeney: Achieving k-anonymity privacy protection using generalization and suppression (2002); K. LeFevre, D. DeWitt, R. Ramakrishnan: Incognito (2005); F. Kohlmayer et al.: Flash (2012)",
    ..Doc::EMPTY
};

impl TableMacro for Anonymize {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        Ok(Some(format!("SELECT * FROM {}", call.relation(INPUT.name)?)))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        let input = call.relation(INPUT.name)?;
        let quasi = quasi_identifiers(&call)?;
        let mut replaced = String::new();
        let mut joined = String::new();
        for (number, column) in quasi.iter().enumerate() {
            let (comma, and) = if number == 0 { ("", "") } else { (", ", " AND ") };
            let name = as_sql(column);
            let _ = write!(replaced, "{comma}\"generalized\".\"general {number}\" AS {name}");
            let _ = write!(joined, "{and}{}.{name} IS NOT DISTINCT FROM \"generalized\".\"value {number}\"", input.alias);
        }
        let list: Vec<String> = quasi.iter().map(as_sql).collect();
        let mut options = String::new();
        if call.expression(HIERARCHIES.name).is_some() {
            let _ = write!(options, ", {} => (SELECT * FROM {})", HIERARCHIES.name, call.relation(HIERARCHIES.name)?);
        }
        for (name, value) in call.options.written() {
            let _ = write!(options, ", {name} => {value}");
        }
        Ok(format!(
            "SELECT {alias}.* REPLACE ({replaced}) FROM {input} \
             JOIN generalized_values_of((SELECT * FROM {input}), quasi_identifiers => [{list}]{options}) AS \"generalized\" ON {joined}",
            alias = input.alias,
            list = list.join(", "),
        ))
    }
}

/// The names of the columns, without a table's name before them.
fn quasi_identifiers(call: &MacroCall) -> Result<Vec<Expr>> {
    let wrong = || {
        let problem = "quasi_identifiers takes a list of columns of the input; write quasi_identifiers => [age, city]";
        invalid(DOC.name, problem)
    };
    let given = call
        .expression(QUASI_IDENTIFIERS.name)
        .ok_or_else(|| invalid(DOC.name, "quasi_identifiers is missing; write quasi_identifiers => [age, city]"))?;
    let elements = match given {
        Expr::Array(list) if !list.elem.is_empty() => list.elem.as_slice(),
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => std::slice::from_ref(given),
        _ => return Err(wrong()),
    };
    let mut columns: Vec<Expr> = vec![];
    for element in elements {
        let name = match element {
            Expr::Identifier(name) => name.clone(),
            Expr::CompoundIdentifier(names) => names.last().cloned().ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        let plain = if name.quote_style.is_none() { name.value.to_lowercase() } else { name.value.clone() };
        if let Some(schema) = &call.columns
            && schema.field_with_name(&plain).is_err()
        {
            let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let suggestion = did_you_mean(&plain, known.iter().copied());
            let problem =
                format!("quasi_identifiers: the input has no column \"{plain}\"{suggestion}; it has {}", known.join(", "));
            return Err(invalid(DOC.name, problem));
        }
        let column = Expr::Identifier(name);
        if columns.contains(&column) {
            return Err(invalid(DOC.name, format!("quasi_identifiers names \"{plain}\" twice; name it once")));
        }
        columns.push(column);
    }
    Ok(columns)
}
