//! The table macro `completeness`.

use datafusion::common::Result;
use sqlparser::ast::Expr;

use super::input::{INPUT, is_missing, list};
use crate::adapter::definitions::Definitions;
use crate::adapter::macro_input::{Known, name_of, question};
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::text::{as_sql, literal, trimmed};

/// Says which key fields a row lacks.
#[derive(Debug)]
pub struct Completeness;

const KEY_FIELDS: &str = "key_fields";
const THRESHOLD: &str = "threshold";
const PLACEHOLDERS: &str = "placeholders";
const LABELS: &str = "labels";

/// The columns after those of the input.
const ADDED: [&str; 3] = ["missing_fields", "missing_share", "completeness_status"];

const DOC: Doc = Doc {
    name: "completeness",
    kind: Kind::Relation,
    domain: "quality",
    summary: "Marks rows in which too many key fields are missing.",
    description: "\
One row per input row. `missing_share` is the number of missing key fields divided by the number of key fields. A row is incomplete if its
share is above `threshold`: with 10 key fields and a threshold of 0.3, from four missing fields on. A field is missing if it is NULL, a
string of only white space (full-width Chinese spaces included), NaN, or one of `placeholders`, compared without case and surrounding white
space.

A key field can be any expression: `nullif(age, 200)` counts an age of 200 as missing.

**Cost.** One pass, row by row; nothing is kept in memory.

**Elsewhere.** pandas: `isna().mean(axis=1)`, where blank strings and placeholders count as given; R: `rowMeans(is.na(…))`. For columns
instead of rows: `data_profile`.",
    arguments: &[
        INPUT,
        Argument::required(KEY_FIELDS, Takes::Columns, "fields that should be filled; expressions over the input"),
        Argument::optional(THRESHOLD, Takes::Float(0.0, 1.0), "0.3", "a row is incomplete if a larger share of its key fields is missing"),
        Argument::optional(PLACEHOLDERS, Takes::Names, "", "strings that mean \"no value\": `['unknown', '-', '无']`"),
        Argument::optional(LABELS, Takes::Choice(&["en", "zh"]), "'en'", "`complete` and `incomplete`, or 完整 and 待补充"),
    ],
    columns: &[
        Column { name: "(input)", data_type: "of the input", text: "the columns of the input" },
        Column { name: ADDED[0], data_type: "VARCHAR[]", text: "missing key fields; an empty list if there are none" },
        Column { name: ADDED[1], data_type: "DOUBLE", text: "share of the key fields that are missing" },
        Column { name: ADDED[2], data_type: "VARCHAR", text: "`complete` or `incomplete`; 完整 or 待补充" },
    ],
    examples: &["SELECT completeness_status, count(*) AS customers
FROM completeness(sample_customers(rows => 1000), key_fields => [gender, age, phone, email], threshold => 0.3)
GROUP BY completeness_status ORDER BY customers DESC;"],
    ..Doc::EMPTY
};

impl TableMacro for Completeness {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        Ok(Some(question(&call.relation(INPUT.name)?, &list(call, KEY_FIELDS)?)))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        let input = call.relation(INPUT.name)?;
        let fields = list(&call, KEY_FIELDS)?;
        let known = Known::of(&call, fields.len());
        known.check_free(&call, &ADDED)?;
        let placeholders = call.options.names(PLACEHOLDERS).unwrap_or_default();
        if placeholders.iter().any(|text| text.trim().is_empty()) {
            return Err(invalid(DOC.name, "placeholders must not contain a blank string; blank strings count as missing anyway"));
        }
        let missing: Vec<String> = fields
            .iter()
            .enumerate()
            .map(|(number, field)| {
                let is_missing = is_missing(field, known.asked(number));
                match placeholders {
                    [] => is_missing,
                    texts => format!("({is_missing} OR {})", is_placeholder(field, texts)),
                }
            })
            .collect();
        let names = fields
            .iter()
            .zip(&missing)
            .map(|(field, is_missing)| format!("CASE WHEN {is_missing} THEN {} END", literal(&name_of(field))));
        let names = names.collect::<Vec<_>>().join(", ");
        let count =
            missing.iter().map(|is_missing| format!("CASE WHEN {is_missing} THEN 1 ELSE 0 END")).collect::<Vec<_>>().join(" + ");
        let share = format!("CAST({count} AS DOUBLE) / {}", fields.len());
        let (incomplete, complete) =
            if call.options.word(LABELS)? == "zh" { ("待补充", "完整") } else { ("incomplete", "complete") };
        Ok(format!(
            "SELECT {alias}.*, array_compact(make_array({names})) AS missing_fields, {share} AS missing_share, \
               CASE WHEN {share} > {threshold} THEN '{incomplete}' ELSE '{complete}' END AS completeness_status \
             FROM {input}",
            alias = input.alias,
            threshold = call.options.float(THRESHOLD)?,
        ))
    }
}

fn is_placeholder(field: &Expr, texts: &[String]) -> String {
    let text = trimmed(&format!("CAST({} AS VARCHAR)", as_sql(field)));
    let texts: Vec<String> = texts.iter().map(|text| literal(&text.trim().to_lowercase())).collect();
    format!("coalesce(lower({text}) IN ({}), false)", texts.join(", "))
}
