//! The table macro `training_set`.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{Expr, Value, ValueWithSpan};

use crate::adapter::definitions::{Definitions, Published};
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::catalog::snapshots::{ColumnRole, PublishedColumn};
use crate::catalog::state_columns::{KEY, value as state_value};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{did_you_mean, invalid};
use crate::text::{as_sql, identifier, literal, sql_type};

/// Joins outcomes with the tags as they were before the outcome was known.
#[derive(Debug)]
pub struct TrainingSet;

const PROFILE: &str = "profile";
const TARGET: &str = "target";
const FEATURES: &str = "features";
const AS_OF: &str = "as_of";

const DOC: Doc = Doc {
    name: "training_set",
    kind: Kind::Relation,
    domain: "model",
    summary: "Joins later outcomes of customers with their tags as they were at an earlier time: rows to train a model on.",
    description: "\
One row per row of `target`. Its first three columns are the key of a customer, a time, and the outcome at that time: the label. Each tag
has the value that the profile had published as of `as_of`, an expression over the columns of `target`: the time itself, or an earlier time
such as `label_time - INTERVAL '30 days'`. A DATE is the beginning of that day, so that nothing of the day itself is known: write
`day + INTERVAL '1 day'` for its end. So a tag cannot contain information from later, and no later refresh changes a row.

A tag that had no value at that time, or was not computed yet, is NULL: the history of a profile begins with its first refresh. To train on
the past, refresh the profile for past days in order, the earliest first: `REFRESH PROFILE customer WITH (as_of = DATE '2025-01-31')`, then
the next. Attributes are included if the profile keeps their history. Tags with several values per customer cannot be features.

**Cost.** One join for each tag: the periods of the tag and `target`, by key. Time grows with the tags, the rows of `target` and the
changes of values, not with the number of refreshes.

**Elsewhere.** Feast: `get_historical_features`; Databricks: `create_training_set` with `timestamp_lookup_key`; DuckDB and pandas: `ASOF JOIN`
and `merge_asof` over a table of tag values with their times.",
    arguments: &[
        Argument::required(PROFILE, Takes::Name("profile"), "name of the profile whose tags become features; it must have been refreshed before"),
        Argument::required(TARGET, Takes::Relation, "table or query whose first three columns are the key of a customer, a time and the label"),
        Argument::optional(FEATURES, Takes::Value("list of tags"), "", "tags to use; default: all with one value per customer"),
        Argument::optional(AS_OF, Takes::Value("time expression"), "", "time at which a row's tags are read; default: the second column of `target`"),
    ],
    columns: &[
        Column { name: "…", data_type: "of the target", text: "the columns of `target`" },
        Column { name: "…", data_type: "of the tags", text: "the tags, under their own names" },
    ],
    examples: &["CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id FROM sample_customers(rows => 300);
CREATE OR REPLACE TAG orders_so_far ON shopper AS SELECT customer_id, count(*) FROM sample_orders(rows => 2000) WHERE ordered_at < $as_of GROUP BY customer_id;
REFRESH PROFILE shopper WITH (as_of = DATE '2025-03-31', rewind = true);
REFRESH PROFILE shopper WITH (as_of = DATE '2025-06-30');
SELECT buys, count(*) AS customers, avg(orders_so_far) AS orders_so_far
FROM training_set(shopper,
  (SELECT customer_id, TIMESTAMP '2025-06-30' AS until, bool_or(ordered_at BETWEEN DATE '2025-04-01' AND DATE '2025-06-30') AS buys
   FROM sample_orders(rows => 2000) GROUP BY customer_id),
  features => [orders_so_far], as_of => until - INTERVAL '90 days')
GROUP BY buys ORDER BY buys;"],
    source: "point-in-time joins as in feature stores",
    ..Doc::EMPTY
};

impl TableMacro for TrainingSet {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, definitions: &dyn Definitions) -> Result<Option<String>> {
        // The columns of both sides: the names in the target, and the types of the tags.
        let published = definitions.published(call.required_name(PROFILE)?, None)?;
        Ok(Some(format!("SELECT * FROM {} CROSS JOIN {} AS published", call.relation(TARGET)?, published.table)))
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let profile = call.required_name(PROFILE)?;
        let published = definitions.published(profile, None)?;
        let target = call.relation(TARGET)?;
        let Some(columns) = &call.columns else {
            if let Some(problem) = call.problem.clone().filter(|_| call.missing_table().is_none()) {
                return Err(DataFusionError::Shared(problem));
            }
            return Err(invalid(
                DOC.name,
                "target cannot read a CTE of the query around the call; write it as (WITH … SELECT …)",
            ));
        };
        let names: Vec<&String> = columns.fields().iter().map(|field| field.name()).take_while(|name| *name != KEY).collect();
        let [key, time, _label, ..] = names.as_slice() else {
            let problem = format!("target must have three columns or more: key, time and label; it has {}", names.len());
            return Err(invalid(DOC.name, problem));
        };
        let features = features(&call, profile, &published)?;
        if let Some(taken) = features.iter().find(|feature| names.contains(&&feature.name)) {
            let problem = format!("target has a column {0} with the name of a tag; rename it: {0} AS …", taken.name);
            return Err(invalid(DOC.name, problem));
        }
        let as_of = call.expression(AS_OF).map_or_else(|| identifier(time), as_sql);
        let history = format!("profile.{}", identifier(&format!("{profile}_history")));
        let mut shown: Vec<String> = names.iter().map(|name| format!("wanted.{}", identifier(name))).collect();
        let mut joins = String::new();
        for (place, feature) in features.iter().enumerate() {
            let field = columns.field_with_name(&state_value(&feature.name));
            let sql_type = field.map_or("VARCHAR".into(), |field| sql_type(field.data_type()));
            shown.push(format!("CAST(h{place}.value AS {sql_type}) AS {}", identifier(&feature.name)));
            joins += &format!(
                "\nLEFT JOIN (SELECT * FROM {history} AS h(of_key, tag, value, valid_from, valid_to, tag_version) WHERE tag = {tag}) AS h{place} \
                 ON h{place}.of_key = wanted.{key} AND h{place}.valid_from <= wanted.{MOMENT} \
                 AND (h{place}.valid_to IS NULL OR h{place}.valid_to > wanted.{MOMENT})",
                tag = literal(&feature.name),
                key = identifier(key),
            );
        }
        Ok(format!(
            "SELECT {shown} FROM (SELECT *, CAST({as_of} AS TIMESTAMP(6)) AS {MOMENT} FROM {target}) AS wanted{joins}",
            shown = shown.join(", "),
        ))
    }
}

/// The time at which the tags of a row are read, among the columns of the target.
const MOMENT: &str = "\"moment of the tags\"";

/// The requested tags.
fn features<'a>(call: &MacroCall, profile: &str, published: &'a Published) -> Result<Vec<&'a PublishedColumn>> {
    let known = || published.columns.iter().filter(|column| column.has_history() && column.role != ColumnRole::Tags);
    let Some(expression) = call.expression(FEATURES) else { return Ok(known().collect()) };
    let listed = match expression {
        Expr::Array(list) => list.elem.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut features = vec![];
    for element in listed {
        let name = match element {
            Expr::Identifier(name) => name.value.clone(),
            Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(name), .. }) => name.clone(),
            other => return Err(invalid(DOC.name, format!("features takes the names of tags, got {other}"))),
        };
        let Some(found) = known().find(|column| column.name == name) else {
            let names = || known().map(|column| column.name.as_str());
            let problem = match published.columns.iter().find(|column| column.name == name).map(|column| column.role) {
                Some(ColumnRole::Tags) => format!("tag {name} has several values per customer; a feature has one"),
                Some(ColumnRole::Attribute) => {
                    format!("attribute {name} has no history; make the profile WITH (history = '{name}') and refresh it")
                }
                _ => {
                    let suggestion = did_you_mean(&name, names());
                    let listed = names().collect::<Vec<_>>().join(", ");
                    format!("profile {profile} has published no tag \"{name}\"{suggestion}; it has {listed}")
                }
            };
            return Err(published.lacks(invalid(DOC.name, problem)));
        };
        features.push(found);
    }
    Ok(features)
}
