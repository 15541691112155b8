//! The relation function `explain_segments`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringViewArray, UInt32Array};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::tree::rules::{Condition, Leaf, Range, leaves};
use crate::kernels::tree::{Features, Options, Tree};
use crate::learning::clustering::count;
use crate::learning::features::{
    Compute, Computing, FeatureSpec, Gather, Kind as FeatureKind, MISSING, MIXED_FEATURES, OWN_KEY, Rows,
};
use crate::text::{self, literal};

#[derive(Debug)]
pub struct ExplainSegments;

const LABEL: Argument = Argument::required("label", Takes::Column, "the segment, cluster or tag value to be explained");
const MAX_DEPTH: Argument =
    Argument::optional("max_depth", Takes::Integer(1, 20), "3", "the most conditions on the way to a rule");
const MAX_RULES: Argument = Argument::optional("max_rules", Takes::Integer(2, 1000), "12", "the most rules");
const MIN_SHARE: Argument =
    Argument::optional("min_share", Takes::Float(0.0, 0.5), "0.01", "the least share of the rows that a rule holds for");

const DOC: Doc = Doc {
    name: "explain_segments",
    kind: Kind::Relation,
    domain: "cluster",
    summary: "Explains groups by a few readable rules, that can be pasted as the CASE of a tag.",
    description: "\
A small decision tree tells the labels apart; each leaf is a rule. Rules do not overlap and leave nothing out, so that each row is in one of them. The tree grows
where a split takes away most impurity (Gini), up to `max_depth` conditions and `max_rules` rules; of equal splits the first feature wins. Thresholds are the
shortest decimals that split as well; beyond 50,000 rows they are among 256 quantiles of the feature.

`when_then` is the rule in SQL: put `CASE`, all of them, and `END` around them to have a tag. Texts and truth values are compared as texts.",
    arguments: &[
        Argument::required("input", Takes::Relation, "a row each customer"),
        LABEL,
        OWN_KEY,
        MIXED_FEATURES,
        MAX_DEPTH,
        MAX_RULES,
        MIN_SHARE,
        MISSING,
    ],
    columns: &[
        Column { name: "(label)", data_type: "of the label", text: "under its own name: what most rows of the rule have" },
        Column { name: "rule", data_type: "VARCHAR", text: "the condition" },
        Column { name: "purity", data_type: "DOUBLE", text: "share of the rule's rows that have the label" },
        Column { name: "coverage", data_type: "DOUBLE", text: "share of all rows that the rule holds for" },
        Column { name: "recall", data_type: "DOUBLE", text: "share of the label's rows that the rule holds for" },
        Column { name: "rows", data_type: "BIGINT", text: "that the rule holds for" },
        Column { name: "explanation", data_type: "VARCHAR", text: "the rule with its measures, to read" },
        Column { name: "when_then", data_type: "VARCHAR", text: "the rule as WHEN … THEN …" },
    ],
    examples: &["SELECT explanation
FROM explain_segments((SELECT customer_id, segment, recency_days, frequency, monetary
                       FROM rfm(sample_orders(rows => 5000), customer => customer_id, order_time => ordered_at, amount => amount)),
  label => segment, key => customer_id, max_rules => 6)
ORDER BY coverage DESC;"],
    source: "L. Breiman, J. Friedman, R. Olshen, C. Stone: Classification and Regression Trees (1984)",
    ..Doc::EMPTY
};

impl RelationFunction for ExplainSegments {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let label = roles.required(LABEL.name)?;
        let label = Field::new(&label.column, label.field.data_type().clone(), false);
        let others = DOC.columns.iter().skip(1).map(|column| {
            let data_type = match column.data_type {
                "VARCHAR" => DataType::Utf8View,
                "BIGINT" => DataType::Int64,
                _ => DataType::Float64,
            };
            Field::new(column.name, data_type, false)
        });
        Ok(std::iter::once(label).chain(others).map(FieldRef::from).collect())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (wanted, input) = FeatureSpec::read(&call, Some(LABEL.name))?;
        let compute = Explain {
            max_depth: count(&call.options, MAX_DEPTH.name)?,
            max_rules: count(&call.options, MAX_RULES.name)?,
            min_share: call.options.float(MIN_SHARE.name)?,
        };
        Gather::new(wanted, compute).over([input], call.schema)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Explain {
    max_depth: usize,
    max_rules: usize,
    min_share: f64,
}

impl Plain for Explain {
    const NAME: &'static str = "ExplainSegments";
}

impl Compute for Explain {
    fn compute(&self, mut rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let control = running.worker.control(running.worker.threads);
        let label = rows.label.take().unwrap_or_default();
        let codes: Vec<Vec<u32>> = rows.categories.iter_mut().map(|category| std::mem::take(&mut category.codes)).collect();
        let min_leaf = (self.min_share * rows.len() as f64).ceil() as u64;
        let options = Options { max_depth: self.max_depth, max_leaves: self.max_rules, min_leaf };
        let features = Features { numeric: &rows.numbers, codes: &codes };
        let tree =
            Tree::grow(features, &label.codes, label.values.len(), &options, control).map_err(|stop| running.stopped(stop))?;
        let columns = RuleWriter { wanted: running.wanted, rows: &rows, labels: &label.values }.columns(&leaves(&tree));
        running.worker.send(columns)
    }
}

/// What leaves are written with.
struct RuleWriter<'a> {
    wanted: &'a FeatureSpec,
    rows: &'a Rows,
    labels: &'a ArrayRef,
}

impl RuleWriter<'_> {
    fn columns(&self, leaves: &[Leaf]) -> Result<Vec<ArrayRef>> {
        let classes: UInt32Array = leaves.iter().map(|leaf| leaf.class).collect();
        let labels = take(self.labels, &classes, None)?;
        let texts = cast(&labels, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let is_number = self.labels.data_type().is_numeric();
        let rules = leaves.iter().map(|leaf| self.rule(leaf)).collect::<Result<Vec<String>>>()?;
        let number = |value: fn(&Leaf) -> f64| -> ArrayRef { Arc::new(leaves.iter().map(value).collect::<Float64Array>()) };
        let text = |write: &dyn Fn(usize, &Leaf) -> String| -> ArrayRef {
            Arc::new(leaves.iter().enumerate().map(|(place, leaf)| Some(write(place, leaf))).collect::<StringViewArray>())
        };
        let name = self.wanted.label.as_deref().unwrap_or_default();
        let explanation = text(&|place, leaf| {
            format!(
                "{} → {name} {}, purity {:.2}, {:.0} % of rows",
                rules[place],
                texts.value(place),
                leaf.purity,
                100.0 * leaf.coverage
            )
        });
        let when_then = text(&|place, _| {
            let value = if is_number { texts.value(place).to_string() } else { literal(texts.value(place)) };
            format!("WHEN {} THEN {value}", rules[place])
        });
        Ok(vec![
            labels,
            text(&|place, _| rules[place].clone()),
            number(|leaf| leaf.purity),
            number(|leaf| leaf.coverage),
            number(|leaf| leaf.recall),
            Arc::new(leaves.iter().map(|leaf| leaf.rows as i64).collect::<Int64Array>()),
            explanation,
            when_then,
        ])
    }

    fn rule(&self, leaf: &Leaf) -> Result<String> {
        let conditions = leaf.conditions.iter().map(|condition| self.condition(condition)).collect::<Result<Vec<_>>>()?;
        Ok(if conditions.is_empty() { "true".to_string() } else { conditions.join(" AND ") })
    }

    /// A condition in SQL. Numbers come first among the tree's features, then categories.
    fn condition(&self, condition: &Condition) -> Result<String> {
        let numbers = self.rows.numbers.columns();
        let kind = if condition.feature < numbers { FeatureKind::Number } else { FeatureKind::Category };
        let place = if condition.feature < numbers { condition.feature } else { condition.feature - numbers };
        let name =
            self.wanted.of_kind(kind).nth(place).map_or_else(String::new, |(_, feature)| quoted_unless_plain(&feature.name));
        Ok(match &condition.range {
            Range::AtMost(most) => format!("{name} <= {most}"),
            Range::Above(least) => format!("{name} > {least}"),
            Range::Between(least, most) => format!("{name} > {least} AND {name} <= {most}"),
            Range::Missing => format!("{name} IS NULL"),
            Range::NotMissing => format!("{name} IS NOT NULL"),
            Range::OneOf(codes) => self.among(&name, "=", "IN", place, codes)?,
            Range::NoneOf(codes) => self.among(&name, "<>", "NOT IN", place, codes)?,
        })
    }

    fn among(&self, name: &str, one: &str, several: &str, place: usize, codes: &[u32]) -> Result<String> {
        let values = cast(&self.rows.categories[place].values, &DataType::Utf8)?;
        let values = values.as_string::<i32>();
        let texts: Vec<String> = codes.iter().map(|code| literal(values.value(*code as usize))).collect();
        Ok(match texts.as_slice() {
            [text] => format!("{name} {one} {text}"),
            _ => format!("{name} {several} ({})", texts.join(", ")),
        })
    }
}

/// A name as it is written in SQL: in quotes where it needs them.
fn quoted_unless_plain(name: &str) -> String {
    let is_plain = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if is_plain { name.to_string() } else { text::identifier(name) }
}
