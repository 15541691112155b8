//! The relation function `cluster_profile`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, StringViewArray, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::cluster_validity::CLUSTER;
use super::texts;
use crate::adapter::aggregate::plain;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::cluster::Statistics;
use crate::kernels::control::Stop;
use crate::learning::features::{
    Compute, Computing, FeatureSpec, Gather, Kind as FeatureKind, MISSING, MIXED_FEATURES, OWN_KEY, Rows,
};

#[derive(Debug)]
pub struct ClusterProfile;

const LABELS: Argument = Argument::optional("labels", Takes::Choice(&["en", "zh"]), "'en'", "language of the description");

/// Rows of a category: its most over-represented values.
const VALUES: usize = 3;

/// Features that a description names.
const NAMED: usize = 3;

const DOC: Doc = Doc {
    name: "cluster_profile",
    kind: Kind::Relation,
    domain: "cluster",
    summary: "Describes groups by their features: what each group is like and how it differs from the rest, also as a sentence.",
    description: "\
One row per group and numeric feature. For a categorical feature, up to three rows per group: the values that are more frequent in the group
than in all rows, the most over-represented first; if there is none, one row for its most frequent value.

`difference` makes features comparable. For a number it is (mean of the group − mean of all rows) / population standard deviation of all
rows; for a value of a category the same with its share p as the mean and √(p (1 − p)) as the standard deviation. `rank` orders the features
of a group by the largest absolute difference. The first three are in `description`, which is the same in all rows of a group:
`SELECT DISTINCT cluster_id, description FROM …`. There, \"category beauty more often than others (7 %, 2.4 times)\" means that 7 % of the
group have the value, 2.4 times the share in all rows.

**Cost.** All rows are in memory, as in `kmeans`; the result has groups times features rows. Medians are exact, so each feature of a group
is sorted once.

**Elsewhere.** `groupby().mean()` of pandas and `catdes` of R's FactoMineR, which tests each difference instead of measuring it (`v.test`);
with many rows every difference is significant, but not every one is large. DuckDB's SUMMARIZE describes all rows, not groups.",
    arguments: &[
        Argument::required("input", Takes::Relation, "one row per customer, with the customer's group"),
        CLUSTER,
        OWN_KEY,
        MIXED_FEATURES,
        MISSING,
        LABELS,
    ],
    columns: &[
        Column { name: "(cluster)", data_type: "of the cluster", text: "the group, under the column's own name" },
        Column { name: "rows", data_type: "BIGINT", text: "rows in the group" },
        Column { name: "share", data_type: "DOUBLE", text: "share of all rows" },
        Column { name: "feature", data_type: "VARCHAR", text: "name of the feature" },
        Column { name: "rank", data_type: "INT", text: "1: the feature in which the group differs most" },
        Column { name: "difference", data_type: "DOUBLE", text: "difference from all rows, in standard deviations" },
        Column { name: "mean", data_type: "DOUBLE", text: "for a number: mean of the group" },
        Column { name: "median", data_type: "DOUBLE", text: "for a number: median of the group" },
        Column {
            name: "stddev",
            data_type: "DOUBLE",
            text: "for a number: sample standard deviation of the group; NULL for a group of one row",
        },
        Column { name: "overall_mean", data_type: "DOUBLE", text: "for a number: mean of all rows" },
        Column { name: "value", data_type: "VARCHAR", text: "for a category: the value" },
        Column { name: "value_share", data_type: "DOUBLE", text: "share of the group's rows that have the value" },
        Column { name: "lift", data_type: "DOUBLE", text: "that share / the share of all rows that have the value" },
        Column { name: "description", data_type: "VARCHAR", text: "the group described in a sentence" },
    ],
    examples: &["SELECT DISTINCT cluster_id, description
FROM cluster_profile((SELECT r.*, cluster_id
    FROM rfm(sample_orders(rows => 5000), customer => customer_id, order_time => ordered_at, amount => amount) AS r
    JOIN kmeans((SELECT customer_id, recency_days, frequency, monetary
                 FROM rfm(sample_orders(rows => 5000), customer => customer_id, order_time => ordered_at, amount => amount)),
           key => customer_id, n_clusters => 3) AS k ON r.customer_id = k.customer_id),
  cluster => cluster_id, key => customer_id, features => [recency_days, frequency, monetary])
ORDER BY cluster_id;"],
    source: "the standardised mean difference of J. Cohen: Statistical Power Analysis for the Behavioral Sciences (1988), group against all rows.",
    ..Doc::EMPTY
};

impl RelationFunction for ClusterProfile {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let cluster = roles.required(CLUSTER.name)?;
        let cluster = Field::new(&cluster.column, plain(cluster.field.data_type()).clone(), false);
        let others = DOC.columns.iter().skip(1).map(|column| {
            let data_type = match column.data_type {
                "VARCHAR" => DataType::Utf8View,
                "BIGINT" => DataType::Int64,
                "INT" => DataType::Int32,
                _ => DataType::Float64,
            };
            Field::new(column.name, data_type, true)
        });
        Ok(std::iter::once(cluster).chain(others).map(FieldRef::from).collect())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (wanted, input) = FeatureSpec::read(&call, Some(CLUSTER.name))?;
        let compute = Describe { labels: call.options.word(LABELS.name)?.to_string() };
        Gather::new(wanted, compute).over([input], call.schema)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Describe {
    labels: String,
}

/// The statistics of one feature in one group.
enum Seen {
    Number { own: Statistics, overall: Statistics },
    Value { value: String, share: f64, lift: f64 },
}

struct Line {
    feature: String,
    difference: f64,
    rank: i32,
    seen: Seen,
}

struct ClusterLines {
    rows: usize,
    share: f64,
    lines: Vec<Line>,
}

impl Plain for Describe {
    const NAME: &'static str = "ClusterProfile";
}

impl Compute for Describe {
    fn compute(&self, mut rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        // Memory for the members by cluster, and for a column next to its parts.
        let _taken = running.take(rows.len() * 24)?;
        let label = rows.label.take().unwrap_or_default();
        let clusters = label.values.len();
        let mut members: Vec<Vec<usize>> = vec![vec![]; clusters];
        label.codes.iter().enumerate().for_each(|(row, code)| members[*code as usize].push(row));
        let mut lines: Vec<Vec<Line>> = (0..clusters).map(|_| vec![]).collect();
        let (mut numbers, mut categories) = (0, 0);
        for feature in &running.wanted.features {
            running.worker.control(1).check()?;
            running.show(feature.name.clone());
            match feature.kind {
                FeatureKind::Number => {
                    let mut all: Vec<f64> = rows.numbers.column(numbers).collect();
                    let overall = Statistics::of(&mut all);
                    for (members, lines) in members.iter().zip(&mut lines) {
                        let mut own: Vec<f64> = members.iter().map(|row| rows.numbers.value(*row, numbers)).collect();
                        lines.extend(
                            Statistics::of(&mut own).zip(overall).map(|(own, overall)| number(&feature.name, own, overall)),
                        );
                    }
                    numbers += 1;
                }
                FeatureKind::Category => {
                    let values = texts(&rows.categories[categories].values).map_err(|error| running.worker.fail(error))?;
                    let codes = &rows.categories[categories].codes;
                    let mut counts = vec![vec![0_usize; values.len()]; clusters + 1];
                    for (row, code) in codes.iter().enumerate() {
                        counts[label.codes[row] as usize][*code as usize] += 1;
                        counts[clusters][*code as usize] += 1;
                    }
                    for (cluster, lines) in lines.iter_mut().enumerate() {
                        lines.extend(over_represented(&feature.name, &values, &counts[cluster], &counts[clusters]));
                    }
                    categories += 1;
                }
            }
        }
        let groups = members.iter().zip(lines).map(|(members, lines)| ClusterLines {
            rows: members.len(),
            share: members.len() as f64 / label.codes.len() as f64,
            lines: ranked(lines),
        });
        let groups: Vec<ClusterLines> = groups.collect();
        running.worker.send(self.columns(&groups, &label.values, running.wanted.label.as_deref().unwrap_or_default()))
    }
}

fn number(feature: &str, own: Statistics, overall: Statistics) -> Line {
    let deviation = overall.moments.population_deviation;
    let difference = if deviation > 0.0 { (own.moments.mean - overall.moments.mean) / deviation } else { 0.0 };
    Line { feature: feature.to_string(), difference, rank: 0, seen: Seen::Number { own, overall } }
}

/// The values that are more frequent in a group than among all rows, the most over-represented first.
fn over_represented(feature: &str, values: &[String], own: &[usize], all: &[usize]) -> Vec<Line> {
    let (own_rows, all_rows) = (own.iter().sum::<usize>() as f64, all.iter().sum::<usize>() as f64);
    let line = |code: usize| {
        let (share, overall) = (own[code] as f64 / own_rows, all[code] as f64 / all_rows);
        let deviation = (overall * (1.0 - overall)).sqrt();
        let difference = if deviation > 0.0 { (share - overall) / deviation } else { 0.0 };
        let seen = Seen::Value { value: values[code].clone(), share, lift: share / overall };
        Line { feature: feature.to_string(), difference, rank: 0, seen }
    };
    let mut more: Vec<Line> = (0..values.len()).map(line).filter(|line| line.difference > 0.0).collect();
    more.sort_by(|a, b| b.difference.total_cmp(&a.difference));
    more.truncate(VALUES);
    if more.is_empty() {
        more.extend((0..values.len()).rev().max_by_key(|code| own[*code]).map(line));
    }
    more
}

/// Ranks the features of a group.
fn ranked(mut lines: Vec<Line>) -> Vec<Line> {
    let mut features: Vec<(String, f64)> = vec![];
    for line in &lines {
        match features.iter_mut().find(|(feature, _)| *feature == line.feature) {
            Some((_, greatest)) => *greatest = greatest.max(line.difference.abs()),
            None => features.push((line.feature.clone(), line.difference.abs())),
        }
    }
    features.sort_by(|a, b| b.1.total_cmp(&a.1));
    for line in &mut lines {
        line.rank = features.iter().position(|(feature, _)| *feature == line.feature).map_or(0, |place| place as i32 + 1);
    }
    lines
}

impl Describe {
    fn is_chinese(&self) -> bool {
        self.labels == "zh"
    }

    /// Describes the group in a sentence.
    fn sentence(&self, name: &str, cluster: &str, group: &ClusterLines) -> String {
        let named = (1..=NAMED as i32).filter_map(|rank| {
            let of_rank = group.lines.iter().filter(|line| line.rank == rank);
            of_rank.max_by(|a, b| a.difference.abs().total_cmp(&b.difference.abs()))
        });
        let parts: Vec<String> = named.map(|line| self.part(line)).collect();
        let share = 100.0 * group.share;
        match self.is_chinese() {
            true => format!("{name} {cluster}：占 {share:.1} %；{}", parts.join("；")),
            false => format!("{name} {cluster}: {share:.1} % of rows; {}", parts.join("; ")),
        }
    }

    fn part(&self, line: &Line) -> String {
        let Line { feature, difference, seen, .. } = line;
        let size = difference.abs();
        match (seen, self.is_chinese()) {
            (Seen::Number { own, overall }, true) => {
                let word = if size < 0.1 {
                    "与总体相近"
                } else if *difference > 0.0 {
                    "偏高"
                } else {
                    "偏低"
                };
                format!(
                    "{feature} {word}（均值 {}，总体 {}，相差 {difference:+.1} 个标准差）",
                    short(own.moments.mean),
                    short(overall.moments.mean)
                )
            }
            (Seen::Number { own, overall }, false) => {
                let word = if size < 0.1 {
                    "ordinary"
                } else if *difference > 0.0 {
                    "high"
                } else {
                    "low"
                };
                format!(
                    "{word} {feature} (mean {}, overall {}, {difference:+.1} SD)",
                    short(own.moments.mean),
                    short(overall.moments.mean)
                )
            }
            // A value that is more frequent than elsewhere can still be rare, so the sentence does not say that it is common.
            (Seen::Value { value, share, lift }, true) => {
                let (percent, times) = (100.0 * share, format!("为总体的 {lift:.1} 倍"));
                match *difference >= 0.1 {
                    true => format!("{feature} 偏多 {value}（{percent:.0} %，{times}）"),
                    false => format!("{feature} 与总体相近（{value} 占 {percent:.0} %，{times}）"),
                }
            }
            (Seen::Value { value, share, lift }, false) => {
                let percent = 100.0 * share;
                match *difference >= 0.1 {
                    true => format!("{feature} {value} more often than others ({percent:.0} %, {lift:.1} times)"),
                    false => format!("ordinary {feature} ({value} {percent:.0} %, {lift:.1} times)"),
                }
            }
        }
    }

    fn columns(&self, groups: &[ClusterLines], labels: &ArrayRef, name: &str) -> Result<Vec<ArrayRef>> {
        let names = texts(labels)?;
        let sentences: Vec<String> =
            groups.iter().zip(&names).map(|(group, cluster)| self.sentence(name, cluster, group)).collect();
        let lines: Vec<(usize, &Line)> =
            groups.iter().enumerate().flat_map(|(place, group)| group.lines.iter().map(move |line| (place, line))).collect();
        let clusters: UInt32Array = lines.iter().map(|(group, _)| *group as u32).collect();
        let number = |value: &dyn Fn(&Line) -> Option<f64>| -> ArrayRef {
            Arc::new(lines.iter().map(|(_, line)| value(line)).collect::<Float64Array>())
        };
        let of_number = |value: fn(&Statistics, &Statistics) -> Option<f64>| {
            number(&|line| match &line.seen {
                Seen::Number { own, overall } => value(own, overall),
                Seen::Value { .. } => None,
            })
        };
        let of_value = |value: fn(f64, f64) -> f64| {
            number(&|line| match &line.seen {
                Seen::Value { share, lift, .. } => Some(value(*share, *lift)),
                Seen::Number { .. } => None,
            })
        };
        let value = |line: &Line| match &line.seen {
            Seen::Value { value, .. } => Some(value.clone()),
            Seen::Number { .. } => None,
        };
        Ok(vec![
            take(labels, &clusters, None)?,
            Arc::new(lines.iter().map(|(group, _)| groups[*group].rows as i64).collect::<Int64Array>()),
            Arc::new(lines.iter().map(|(group, _)| groups[*group].share).collect::<Float64Array>()),
            Arc::new(lines.iter().map(|(_, line)| Some(line.feature.as_str())).collect::<StringViewArray>()),
            Arc::new(lines.iter().map(|(_, line)| line.rank).collect::<Int32Array>()),
            number(&|line| Some(line.difference)),
            of_number(|own, _| Some(own.moments.mean)),
            of_number(|own, _| Some(own.median)),
            of_number(|own, _| own.moments.sample_deviation),
            of_number(|_, overall| Some(overall.moments.mean)),
            Arc::new(lines.iter().map(|(_, line)| value(line)).collect::<StringViewArray>()),
            of_value(|share, _| share),
            of_value(|_, lift| lift),
            Arc::new(lines.iter().map(|(group, _)| Some(sentences[*group].as_str())).collect::<StringViewArray>()),
        ])
    }
}

/// A number for reading: no decimals if it is large, two significant digits if it is small.
fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 1.0 => format!("{number:.1}"),
        _ => format!("{number:.3}"),
    }
}
