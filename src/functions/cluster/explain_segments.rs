//! The relation function `explain_segments`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringViewArray, UInt32Array};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::texts;
use super::thresholds::threshold;
use crate::adapter::aggregate::plain;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::tree::numbers::{Cut, Numbers, float_key};
use crate::kernels::tree::rules::{Condition, Leaf, Range, leaves};
use crate::kernels::tree::{Features, Options, Tree};
use crate::learning::clustering::count;
use crate::learning::features::{
    Compute, Computing, Exact, FeatureSpec, Filled, Gather, Kind as FeatureKind, MISSING, ORDERED_FEATURES, OWN_KEY, Rows,
};
use crate::text::{self, grouped, literal};

#[derive(Debug)]
pub struct ExplainSegments;

const LABEL: Argument = Argument::required(
    "label",
    Takes::Column,
    "what is to be explained: a segment, a cluster or the value of a tag, of any type; few values give clear rules",
);
const MAX_DEPTH: Argument = Argument::optional(
    "max_depth",
    Takes::Integer(1, 20),
    "3",
    "maximum number of conditions in a rule: 3 can be read, 20 can not",
);
const MAX_RULES: Argument = Argument::optional(
    "max_rules",
    Takes::Integer(2, 1000),
    "12",
    "maximum number of rules; give at least the number of distinct labels, or the rarest have no rule",
);
const MIN_SHARE: Argument = Argument::optional(
    "min_share",
    Takes::Float(0.0, 0.5),
    "0.01",
    "minimum share of the rows that a rule must match: 0.01 leaves out rules for fewer than one row in a hundred",
);

const DOC: Doc = Doc {
    name: "explain_segments",
    kind: Kind::Relation,
    domain: "cluster",
    summary: "Explains groups by a few readable rules that you can paste into a tag as a CASE.",
    description: "\
A small decision tree separates the labels; each leaf is a rule. Every row matches exactly one rule. The tree splits where a split reduces
impurity (Gini) most, up to `max_depth` conditions and `max_rules` rules; if splits are equal, the first feature wins. All values of a
feature are tried as thresholds, for any number of rows, and compared in their own type: large integers, decimals and times exactly. The
threshold shown is the shortest number that splits in the same way, or the last date or time on the left side.

`when_then` is the rule in SQL: put `CASE` before all of them and `END` after them to get a tag that assigns the same rows. Strings and
booleans are compared as text. A text column with more than 50 distinct values, and more than one for every ten rows, identifies rows rather
than groups of them. Its rules would be lists of hundreds of values. So it is ignored, with a note, unless it is the only feature. A note
also names columns that keep numbers as text: CAST them, because thresholds work better on numbers. With `missing => 'mean'`, a rule says
where rows without a value belong.

**Cost.** All rows are in memory. Each numeric feature is sorted, and scanned again for each level of the tree, up to `max_depth`: the time
grows with rows · features · depth, in parallel over the features.

**Elsewhere.** `DecisionTreeClassifier(max_leaf_nodes=…)` with `export_text` in scikit-learn, where text must be encoded first and
thresholds are rounded doubles; `rpart` in R, `tree_train` in MADlib. None of them writes a CASE.",
    arguments: &[
        Argument::required("input", Takes::Relation, "one row per customer"),
        LABEL,
        OWN_KEY,
        ORDERED_FEATURES,
        MAX_DEPTH,
        MAX_RULES,
        MIN_SHARE,
        MISSING,
    ],
    columns: &[
        Column {
            name: "(label)",
            data_type: "of the label",
            text: "label of most rows of the rule, under the column's own name",
        },
        Column { name: "rule", data_type: "VARCHAR", text: "condition of the rule" },
        Column { name: "purity", data_type: "DOUBLE", text: "share of the rule's rows that have the label" },
        Column { name: "coverage", data_type: "DOUBLE", text: "share of all rows that match the rule" },
        Column { name: "recall", data_type: "DOUBLE", text: "share of the label's rows that match the rule" },
        Column { name: "rows", data_type: "BIGINT", text: "number of rows that match the rule" },
        Column { name: "explanation", data_type: "VARCHAR", text: "the rule and its measures as a sentence" },
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
        let label = Field::new(&label.column, plain(label.field.data_type()).clone(), false);
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
        let (wanted, input) = FeatureSpec::read_exact(&call, Some(LABEL.name))?;
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
        let mut codes: Vec<Vec<u32>> = rows.categories.iter_mut().map(|category| std::mem::take(&mut category.codes)).collect();
        leave_out_names(&rows, &mut codes, running).map_err(|error| running.worker.fail(error))?;
        let values = Values::all(running.wanted, &rows, &codes);
        let numeric: Vec<Numbers<'_>> = values.iter().filter_map(|values| values.numbers).collect();
        let min_leaf = (self.min_share * rows.len() as f64).ceil() as u64;
        let options = Options { max_depth: self.max_depth, max_leaves: self.max_rules, min_leaf };
        let features = Features { numeric: &numeric, codes: &codes };
        let tree =
            Tree::grow(features, &label.codes, label.values.len(), &options, control).map_err(|stop| running.stopped(stop))?;
        let columns =
            RuleWriter { wanted: running.wanted, rows: &rows, values: &values, labels: &label.values }.columns(&leaves(&tree));
        running.worker.send(columns)
    }
}

/// A text column with more distinct values than this may hold names.
const MOST_KINDS: usize = 50;
/// It holds names if there are no more rows per value than this.
const ROWS_A_NAME: usize = 10;
/// A text column with fewer distinct values holds codes, even if they look like numbers.
const FEW_KINDS: usize = 12;

/// Ignores text columns that identify single rows, as if all rows had the same value, and adds a note; also notes numbers that are
/// stored as text.
fn leave_out_names(rows: &Rows, codes: &mut [Vec<u32>], running: &Computing<'_>) -> Result<()> {
    let categories: Vec<(&str, &ArrayRef)> = running
        .wanted
        .of_kind(FeatureKind::Category)
        .zip(&rows.categories)
        .map(|((_, feature), category)| (feature.name.as_str(), &category.values))
        .collect();
    let is_name = |values: &ArrayRef| values.len() > MOST_KINDS && values.len() > rows.len() / ROWS_A_NAME;
    let others = running.wanted.features.len() - categories.iter().filter(|(_, values)| is_name(values)).count();
    for ((name, values), codes) in categories.into_iter().zip(codes) {
        let left_out = is_name(values) && others > 0;
        let (own, kinds) = (quoted_unless_plain(name), grouped(values.len() as u64));
        let advice = format!("most of its texts read as numbers: write TRY_CAST(trim({own}) AS DOUBLE) AS {own}");
        match (left_out, values.len() > FEW_KINDS && are_numbers(values)?) {
            (true, is_number) => {
                codes.fill(0);
                let advice = if is_number { format!("; {advice}") } else { String::new() };
                let all = grouped(rows.len() as u64);
                running.note(format!("{name} was left out: it has {kinds} different texts in {all} rows{advice}"));
            }
            (false, true) => running.note(format!("{name} is text with {kinds} distinct values, and {advice}")),
            (false, false) => {}
        }
    }
    Ok(())
}

/// True when at least nine of ten strings can be read as numbers.
fn are_numbers(values: &ArrayRef) -> Result<bool> {
    let texts = cast(values, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>();
    let reads = texts.iter().flatten().filter(|text| text.trim().parse::<f64>().is_ok_and(f64::is_finite)).count();
    Ok(10 * reads >= 9 * texts.len())
}

/// What is needed to write out the leaves.
struct RuleWriter<'a> {
    wanted: &'a FeatureSpec,
    rows: &'a Rows,
    /// The features in the order of the tree: numbers, then categories.
    values: &'a [Values<'a>],
    labels: &'a ArrayRef,
}

/// A feature as a tree and its rules see it.
struct Values<'a> {
    name: &'a str,
    /// For a number, its values; otherwise the feature's position among the categories.
    numbers: Option<Numbers<'a>>,
    category: usize,
    /// The type of the original values.
    data_type: Option<&'a DataType>,
    /// What rows without a value got instead, as a key or a code.
    filled: Option<i128>,
    /// Whether some values were infinite or NaN.
    beyond: bool,
}

impl<'a> Values<'a> {
    /// The features in the order of the tree.
    fn all(wanted: &'a FeatureSpec, rows: &'a Rows, codes: &[Vec<u32>]) -> Vec<Self> {
        let (mut column, mut all) = (0, vec![]);
        for (place, feature) in wanted.of_kind(FeatureKind::Number) {
            let exact = rows.exact.iter().find(|exact| exact.feature == place);
            let numbers = exact.map_or_else(
                || {
                    column += 1;
                    Numbers::Floats(&rows.numbers, column - 1)
                },
                Exact::numbers,
            );
            let filled = rows.filled[place].and_then(|filled| match filled {
                Filled::Number(mean) => float_key(mean).map(i128::from),
                Filled::Exact(key) => Some(key),
            });
            let data_type = exact.map(|exact| &exact.data_type);
            let (numbers, beyond) = (Some(numbers), rows.beyond[place]);
            all.push(Values { name: &feature.name, numbers, category: 0, data_type, filled, beyond });
        }
        for (category, (place, feature)) in wanted.of_kind(FeatureKind::Category).enumerate() {
            // Rows without a value got the most frequent one (ties: the first), so it is now more frequent than all others.
            let filled = (rows.missing[place] > 0).then(|| i128::from(most_frequent(&codes[category])));
            all.push(Values { name: &feature.name, numbers: None, category, data_type: None, filled, beyond: false });
        }
        all
    }
}

fn most_frequent(codes: &[u32]) -> u32 {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    codes.iter().for_each(|code| *counts.entry(*code).or_default() += 1);
    counts.into_iter().max_by_key(|(code, count)| (*count, std::cmp::Reverse(*code))).map_or(0, |(code, _)| code)
}

impl RuleWriter<'_> {
    fn columns(&self, leaves: &[Leaf]) -> Result<Vec<ArrayRef>> {
        let classes: UInt32Array = leaves.iter().map(|leaf| leaf.class).collect();
        let labels = take(self.labels, &classes, None)?;
        let texts = texts(&labels)?;
        let is_bare = labels.data_type().is_numeric() || *labels.data_type() == DataType::Boolean;
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
                texts[place],
                leaf.purity,
                100.0 * leaf.coverage
            )
        });
        let when_then = text(&|place, _| {
            let value = if is_bare { texts[place].clone() } else { literal(&texts[place]) };
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

    /// A condition in SQL.
    fn condition(&self, condition: &Condition) -> Result<String> {
        let values = &self.values[condition.feature];
        let own = quoted_unless_plain(values.name);
        // Values that are not finite were left out or replaced by the mean.
        let name = match values.beyond && values.filled.is_some() {
            true => format!("CASE WHEN abs({own}) <= {:e} THEN {own} END", f64::MAX),
            false => own.clone(),
        };
        let at_most = |cut: &Cut| Ok::<_, DataFusionError>(format!("{name} <= {}", threshold(cut, values.data_type)?));
        let above = |cut: &Cut| Ok::<_, DataFusionError>(format!("{name} > {}", threshold(cut, values.data_type)?));
        let is_filled = |range: &dyn Fn(i128) -> bool| values.filled.is_some_and(range);
        let (text, with_missing) = match &condition.range {
            Range::AtMost(cut) => (at_most(cut)?, is_filled(&|key| key <= cut.low)),
            Range::Above(cut) => (above(cut)?, is_filled(&|key| key > cut.low)),
            Range::Between(least, most) => {
                (format!("{} AND {}", above(least)?, at_most(most)?), is_filled(&|key| key > least.low && key <= most.low))
            }
            Range::Missing => (format!("{name} IS NULL"), false),
            Range::NotMissing => (format!("{name} IS NOT NULL"), false),
            Range::OneOf(codes) => {
                let is_one = |code: i128| codes.iter().any(|one| i128::from(*one) == code);
                (self.among(&name, "=", "IN", values.category, codes)?, is_filled(&is_one))
            }
            Range::NoneOf(codes) => {
                let is_none = |code: i128| codes.iter().all(|one| i128::from(*one) != code);
                (self.among(&name, "<>", "NOT IN", values.category, codes)?, is_filled(&is_none))
            }
        };
        Ok(if with_missing { format!("({text} OR {name} IS NULL)") } else { text })
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

/// A name as SQL: in quotes where needed.
fn quoted_unless_plain(name: &str) -> String {
    let is_plain = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if is_plain { name.to_string() } else { text::identifier(name) }
}
