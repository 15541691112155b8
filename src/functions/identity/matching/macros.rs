//! Shared by the three macros: their arguments, and the call that replaces them.

use std::fmt::Write;

use datafusion::common::Result;
use sqlparser::ast::Expr;

use super::reading::{names, read};
use super::spec::Gives;
use crate::adapter::table_macro::MacroCall;
use crate::docs::{Argument, Takes};
use crate::error::{did_you_mean, invalid};
use crate::text::{as_sql, literal};

/// The columns of `parameters` that are read.
pub const PARAMETERS_COLUMNS: [&str; 4] = ["comparison", "level", "m", "u"];

pub const INPUT: Argument = Argument::required("input", Takes::Relation, "one row per record");
pub const PARAMETERS_RELATION: Argument = Argument::optional(
    "parameters",
    Takes::Relation,
    "",
    "result of `match_parameters` for the same comparisons, for example from a table: nothing is learned again",
);
pub const KEY: Argument = Argument::required("key", Takes::Value("column"), "key of the record; must be unique");
pub const COMPARISONS: Argument = Argument::required(
    "comparisons",
    Takes::Calls("list of comparisons"),
    "`[jaro_winkler(name, 0.92, 0.8), exact(city, term_frequency => true), date_distance(birth_date, 31, 366), email]`",
);
pub const BLOCKING: Argument = Argument::required(
    "blocking",
    Takes::Value("list of conditions"),
    "rules that decide which records are compared: `[l.email = r.email, l.surname = r.surname AND left(l.name, 1) = left(r.name, 1)]`; a single column means that it is equal on both sides",
);
pub const SOURCE: Argument = Argument::optional(
    "source",
    Takes::Value("column"),
    "",
    "source of the record: only records of different sources are paired",
);
pub const PRIOR: Argument = Argument::optional(
    "prior",
    Takes::Float(0.0, 1.0),
    "",
    "probability that two random records are one person; default: estimated from the pairs of the rules",
);
pub const MAX_BLOCK_SIZE: Argument = Argument::optional(
    "max_block_size",
    Takes::Integer(2, 1_000_000),
    "5000",
    "blocks with more records are skipped, with a note: n records are n · (n − 1) ∕ 2 pairs",
);
pub const MAX_RANDOM_PAIRS: Argument = Argument::optional(
    "max_random_pairs",
    Takes::Integer(1000, 100_000_000),
    "1000000",
    "number of random pairs for u; all pairs if there are fewer",
);
pub const RANDOM_STATE: Argument =
    Argument::optional("random_state", Takes::Integer(0, i64::MAX), "0", "seed of the random pairs");

/// The source of the method and of its terms.
pub const SOURCE_OF_METHOD: &str = "I. P. Fellegi, A. B. Sunter: A Theory for Record Linkage (1969); names after Splink.";

/// Rejects names that the input does not have, written as in the call.
fn check_columns(call: &MacroCall, argument: &str, expressions: &[Expr]) -> Result<()> {
    let Some(columns) = &call.columns else { return Ok(()) };
    let known: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
    for name in expressions.iter().flat_map(names) {
        if !known.contains(&name.as_str()) {
            let suggestion = did_you_mean(&name, known.iter().copied());
            let problem = format!("{argument}: the input has no column \"{name}\"{suggestion}; it has {}", known.join(", "));
            return Err(invalid(call.doc.name, problem));
        }
    }
    Ok(())
}

/// The query that a call stands for.
pub fn expand(call: &MacroCall, gives: Gives) -> Result<String> {
    let function = call.doc.name;
    let required =
        |name: &str| call.expression(name).ok_or_else(|| invalid(function, format!("{name} is missing; write {name} => …")));
    let reading = read(function, required("comparisons")?, required("blocking")?)?;
    check_columns(call, "comparisons", &reading.columns)?;
    check_columns(call, "blocking", &reading.blocks)?;
    let list = |columns: &[Expr]| columns.iter().map(as_sql).collect::<Vec<_>>().join(", ");
    let spec = serde_json::to_string(&reading.spec).map_err(|error| invalid(function, error))?;
    let input = call.relation("input")?;
    let mut text = format!(
        "SELECT * FROM {function}_of((SELECT * FROM {input}), key => {}, columns => [{}], blocks => [{}], spec => {}",
        as_sql(required("key")?),
        list(&reading.columns),
        list(&reading.blocks),
        literal(&spec)
    );
    for name in ["source", "new_records"] {
        if let Some(given) = call.expression(name) {
            let _ = write!(text, ", {name} => {}", as_sql(given));
        }
    }
    if call.expression("parameters").is_some() {
        let _ = write!(text, ", parameters => (SELECT * FROM {})", call.relation("parameters")?);
    }
    if gives == Gives::Explanation {
        let _ = write!(text, ", pair => (SELECT {} AS l, {} AS r)", as_sql(required("a")?), as_sql(required("b")?));
    }
    for (name, value) in call.options.written() {
        let _ = write!(text, ", {name} => {value}");
    }
    text.push(')');
    Ok(text)
}
