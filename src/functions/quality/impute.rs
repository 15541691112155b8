//! The table macro `impute`.

use datafusion::common::Result;
use sqlparser::ast::Expr;

use super::input::{INPUT, is_missing, one_or_list};
use crate::adapter::definitions::Definitions;
use crate::adapter::macro_input::{Known, column_name, name_of, question, required};
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{did_you_mean, invalid};
use crate::text::{as_sql, identifier, literal, trimmed};

/// Fills missing values with what similar rows have.
#[derive(Debug)]
pub struct Impute;

const TARGET: &str = "target";
const FROM: &str = "from";
const MIN_CONFIDENCE: &str = "min_confidence";
const MIN_SUPPORT: &str = "min_support";
const UNKNOWN: &str = "unknown";

/// The suffixes added to the target's name.
const ADDED: [&str; 4] = ["source", "confidence", "support", "evidence"];

const DOC: Doc = Doc {
    name: "impute",
    kind: Kind::Relation,
    domain: "quality",
    summary: "Fills missing values of a column with the most frequent value among similar rows, and marks them.",
    description: "\
Rows that have a target are grouped by their value of `from`, and the most frequent target v of a group fills the gaps of rows with that
value of `from`. `confidence` is the share of v in the group, `support` the number of rows in the group. A gap is filled only if confidence
is at least `min_confidence` and support at least `min_support`; otherwise a string becomes `unknown`, and other types stay NULL. If several
values are equally frequent, the smallest is taken.

With several columns in `from`, all of them together are tried first, then each alone in their order; the first that reaches both thresholds
fills the gap. A column that is NULL or blank in a row is not used for that row. A target is missing if it is NULL, blank, NaN or `unknown`.

Nothing is filled silently: `…_source` shows for each row whether its value was given, inferred or is unknown. The input is read once for
the rows and once for each of these attempts.

**Cost.** Memory grows with the number of distinct pairs of `from` and `target`, not of rows.

**Limits.** A filled value is a guess: `confidence` is measured on rows that have the value, and rows without it may be different. Keep
`…_source` in every report.

**Elsewhere.** scikit-learn: `SimpleImputer(strategy='most_frequent')` over all rows, `KNNImputer` for numbers; R: `mice`, which draws
several values.",
    arguments: &[
        INPUT,
        Argument::required(TARGET, Takes::Column, "column to fill; NULL, blank, NaN and `unknown` are gaps"),
        Argument::required(FROM, Takes::Column, "columns to infer it from: an expression, or a list of them"),
        Argument::optional(MIN_CONFIDENCE, Takes::Share, "0.8", "minimum share of the most frequent value"),
        Argument::optional(MIN_SUPPORT, Takes::Integer(1, i64::MAX), "10", "minimum number of rows in the group"),
        Argument::optional(UNKNOWN, Takes::Text, "'unknown'", "string for a value that stays missing; it also counts as missing in the input"),
    ],
    columns: &[
        Column { name: "(input)", data_type: "of the input", text: "the columns of the input, with the target filled" },
        Column { name: "(target)_source", data_type: "VARCHAR", text: "`given`, `inferred` or `unknown`" },
        Column { name: "(target)_confidence", data_type: "DOUBLE", text: "for an inferred value: its share" },
        Column { name: "(target)_support", data_type: "BIGINT", text: "for an inferred value: rows in the group" },
        Column { name: "(target)_evidence", data_type: "VARCHAR", text: "for an inferred value: what it was inferred from, such as `category = beauty`" },
    ],
    examples: &["SELECT gender, gender_source, count(*) AS customers, round(avg(gender_confidence), 3) AS confidence
FROM impute((
  SELECT c.customer_id, c.gender, p.category
  FROM sample_customers(rows => 1000) AS c JOIN (
    SELECT customer_id, preference(category, 1) AS category
    FROM sample_orders(rows => 10000) JOIN sample_order_items(rows => 25000) USING (order_id) GROUP BY customer_id) AS p
  ON c.customer_id = p.customer_id), target => gender, from => category, min_confidence => 0.7)
GROUP BY gender, gender_source ORDER BY gender, gender_source;"],
    ..Doc::EMPTY
};

impl TableMacro for Impute {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        Ok(Some(question(&call.relation(INPUT.name)?, &asked(call)?)))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        let input = call.relation(INPUT.name)?;
        let all = asked(&call)?;
        let known = Known::of(&call, all.len());
        let Some((target, from)) = all.split_first() else { return Err(invalid(DOC.name, "target is missing")) };
        let name = column_name(target).ok_or_else(|| {
            invalid(
                DOC.name,
                format!("target must be a column of the input, got {}; name the expression in (SELECT … AS …)", as_sql(*target)),
            )
        })?;
        if known.is_known() && known.column(&name).is_none() {
            let suggestion = did_you_mean(&name, known.names());
            let columns: Vec<&str> = known.names().collect();
            return Err(invalid(
                DOC.name,
                format!("the input has no column \"{name}\"{suggestion}; it has {}", columns.join(", ")),
            ));
        }
        let added = ADDED.map(|part| format!("{name}_{part}"));
        known.check_free(&call, &added.each_ref().map(String::as_str))?;
        let unknown = call.options.text(UNKNOWN).unwrap_or("unknown");
        let data_type = known.asked(0).map(|field| field.data_type().clone());
        let is_text = data_type.as_ref().is_none_or(|data_type| data_type.is_string());
        let sql = as_sql(*target);
        let mut missing = is_missing(target, known.asked(0));
        if is_text {
            let text = trimmed(&format!("CAST({sql} AS VARCHAR)"));
            missing = format!("({missing} OR lower({text}) = {})", literal(&unknown.trim().to_lowercase()));
        }
        let evidence: Vec<(String, String)> = from
            .iter()
            .enumerate()
            .map(|(number, column)| {
                let blank = is_missing(column, known.asked(number + 1));
                (name_of(column), format!("CASE WHEN NOT {blank} THEN {} END", as_sql(*column)))
            })
            .collect();
        let mut questions: Vec<Vec<usize>> = if evidence.len() > 1 { vec![(0..evidence.len()).collect()] } else { vec![] };
        questions.extend((0..evidence.len()).map(|column| vec![column]));
        let (confidence, support) = (call.options.float(MIN_CONFIDENCE)?, call.options.integer(MIN_SUPPORT)?);
        // Names that no column of the input has, because the input's columns stand next to them without a table's name.
        let mut joins = String::new();
        let mut cases = [const { String::new() }; 4];
        for (number, columns) in questions.iter().enumerate() {
            let answer = format!("\"answer {number}\"");
            let keys = |prefix: &str| {
                columns.iter().map(|column| format!("{prefix}\"evidence {column}\"")).collect::<Vec<_>>().join(", ")
            };
            let selected =
                columns.iter().map(|column| format!("{} AS \"evidence {column}\", ", evidence[*column].1)).collect::<String>();
            let present =
                columns.iter().map(|column| format!("({}) IS NOT NULL", evidence[*column].1)).collect::<Vec<_>>().join(" AND ");
            let on = columns
                .iter()
                .map(|column| format!("({}) = {answer}.\"evidence {column}\"", evidence[*column].1))
                .collect::<Vec<_>>();
            joins.push_str(&format!(
                " LEFT JOIN (SELECT {keys}, \"told value\", \"told rows\", CAST(\"rows\" AS DOUBLE) / \"told rows\" AS \"told share\" FROM \
                   (SELECT {keys}, \"told value\", \"rows\", sum(\"rows\") OVER (PARTITION BY {keys}) AS \"told rows\", \
                      row_number() OVER (PARTITION BY {keys} ORDER BY \"rows\" DESC, \"told value\") AS \"place\" FROM \
                      (SELECT {keys}, \"told value\", count(*) AS \"rows\" FROM \
                         (SELECT {selected}{sql} AS \"told value\" FROM {input} WHERE NOT {missing} AND {present}) AS \"told rows\" \
                       GROUP BY {keys}, \"told value\") AS \"counted\") AS \"placed\" \
                 WHERE \"place\" = 1 AND \"told rows\" >= {support} AND CAST(\"rows\" AS DOUBLE) / \"told rows\" >= {confidence:?}) AS {answer} ON {}",
                on.join(" AND "),
                keys = keys(""),
            ));
            let text = columns.iter().map(|column| {
                let (name, value) = &evidence[*column];
                format!("{} || CAST({value} AS VARCHAR)", literal(&format!("{name} = ")))
            });
            let when = format!(" WHEN {answer}.\"told rows\" IS NOT NULL THEN ");
            cases[0].push_str(&format!("{when}{answer}.\"told value\""));
            cases[1].push_str(&format!("{when}{answer}.\"told share\""));
            cases[2].push_str(&format!("{when}{answer}.\"told rows\""));
            cases[3].push_str(&format!("{when}{}", text.collect::<Vec<_>>().join(" || ' and ' || ")));
        }
        let [values, shares, told, texts] = cases;
        let otherwise = if is_text { literal(unknown) } else { "NULL".to_string() };
        let filled = format!("CASE WHEN NOT {missing} THEN {sql}{values} ELSE {otherwise} END");
        let filled = match &data_type {
            Some(data_type) if !data_type.is_nested() => format!("arrow_cast({filled}, {})", literal(&data_type.to_string())),
            _ => filled,
        };
        let any = (0..questions.len())
            .map(|number| format!("\"answer {number}\".\"told rows\" IS NOT NULL"))
            .collect::<Vec<_>>()
            .join(" OR ");
        let [source, share, rows, evidence] = added.each_ref().map(|name| identifier(name));
        // NULL where the value was given and nothing was inferred.
        let inferred =
            |cases: &str, data_type: &str| format!("CASE WHEN NOT {missing} THEN NULL{cases} ELSE CAST(NULL AS {data_type}) END");
        Ok(format!(
            "SELECT {alias}.* REPLACE ({filled} AS {column}), \
               CASE WHEN NOT {missing} THEN 'given' WHEN {any} THEN 'inferred' ELSE 'unknown' END AS {source}, \
               {} AS {share}, CAST({} AS BIGINT) AS {rows}, {} AS {evidence} FROM {input}{joins}",
            inferred(&shares, "DOUBLE"),
            inferred(&told, "BIGINT"),
            inferred(&texts, "VARCHAR"),
            alias = input.alias,
            column = identifier(&name),
        ))
    }
}

/// The target, then the columns it is inferred from.
fn asked(call: &MacroCall) -> Result<Vec<&Expr>> {
    let mut asked = vec![required(call, TARGET)?];
    asked.extend(one_or_list(call, FROM)?);
    Ok(asked)
}
