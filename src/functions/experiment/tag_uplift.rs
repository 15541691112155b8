//! The relation function `tag_uplift`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringViewArray, new_empty_array};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use serde::{Deserialize, Serialize};

use super::cells::{CONTROL, Cells, Design, GROUP};
use super::effects::{Asked, Effect, Rules};
use super::prepared::Prepared;
use super::result::{CONFIDENCE, INPUT, METRIC, PRE, between, named};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::{Step, StepContext, Streams};
use crate::adapter::usable_rows::rows_without;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::unusable;
use crate::kernels::adjust::{Method, adjust_known};
use crate::kernels::experiment::Alternative;
use crate::kernels::experiment::moments::Moments;
use crate::kernels::experiment::ratio::{Heterogeneity, heterogeneity};
use crate::language::Language;

/// Finds out whether a tag tells for whom a treatment works.
#[derive(Debug)]
pub struct TagUplift;

const TAGS: &str = "tags";
/// A tag with more values is a number that should be cut into bands first.
const MOST_VALUES: usize = 1000;

const DOC: Doc = Doc {
    name: "tag_uplift",
    kind: Kind::Relation,
    domain: "experiment",
    summary: "Tests whether a tag is worth using for targeting: the effect of an experiment for each value of each tag, and whether effects differ.",
    description: "\
One row per tag, value, metric and treatment. The tags must have been known before the experiment began: if the treatment changes a tag,
different customers are compared. Customers without the tag form a separate value, NULL, which comes first.

`p_value` is for the effect in one value, with the tests of `experiment_result`; `p_adjusted` limits the share of false findings among all
rows (`adjust`). Many values of many tags always show a few effects by chance, so a tag is judged by the differences between its values:
`heterogeneity` is Cochran's Q = Σ (effect − common effect)² / std_err² over them, χ² with one degree of freedom less than there are values.
Its p-value, adjusted over tags, metrics and treatments, decides. Values with fewer than two rows in a group, or for a share with fewer than
five expected successes or failures, are not used.

`verdict` is `pays` (the effects differ: treat by the tag), `does_not_pay` (no difference between the values shown: treat everybody alike),
or `cannot_tell` (fewer than two values could be compared); `decision` says it in words.

**Cost.** One pass. Each combination of a tag's value, group and metric keeps a few sums, so memory grows with the values of the tags: cut
numbers into bands (`generalize`), and leave out columns with a value for every customer.

**Elsewhere.** In R and statsmodels an interaction term (`metric ~ variant * tag`) answers the same question for one tag; `rma` of R's
metafor gives Q over given effects; `causalml` and `econml` fit an effect for each customer. None of them goes through a list of tags and
corrects for their number.",
    arguments: &[
        INPUT,
        GROUP,
        CONTROL,
        METRIC,
        PRE,
        Argument::required(TAGS, Takes::Columns, "list of tag columns; cut numbers into bands"),
        CONFIDENCE,
        Argument::optional("adjust", Takes::Choice(Method::NAMES), "'bh'", "how p-values are adjusted"),
        Argument::optional("language", Takes::Choice(Language::NAMES), "'en'", "language of `decision`"),
    ],
    columns: &[
        Column { name: "tag", data_type: "VARCHAR", text: "the tag" },
        Column { name: "value", data_type: "VARCHAR", text: "value of the tag as a string; NULL: customers without the tag" },
        Column { name: "metric", data_type: "VARCHAR", text: "the metric" },
        Column { name: "(group)", data_type: "as the role", text: "the treatment, under the column's own name" },
        Column { name: "control_rows", data_type: "BIGINT", text: "rows of the control with this value" },
        Column { name: "rows", data_type: "BIGINT", text: "rows of the treatment with this value" },
        Column { name: "control_mean", data_type: "DOUBLE", text: "mean or share of the control" },
        Column { name: "mean", data_type: "DOUBLE", text: "mean or share of the treatment" },
        Column { name: "difference", data_type: "DOUBLE", text: "treatment minus control" },
        Column { name: "std_err", data_type: "DOUBLE", text: "standard error of the difference" },
        Column { name: "lower", data_type: "DOUBLE", text: "lower end of the interval" },
        Column { name: "upper", data_type: "DOUBLE", text: "upper end of the interval" },
        Column { name: "relative_uplift", data_type: "DOUBLE", text: "difference / control" },
        Column {
            name: "p_value",
            data_type: "DOUBLE",
            text: "probability of a difference at least this large without an effect",
        },
        Column { name: "p_adjusted", data_type: "DOUBLE", text: "`p_value` adjusted over all rows" },
        Column { name: "heterogeneity", data_type: "DOUBLE", text: "Cochran's Q of the tag" },
        Column { name: "degrees_of_freedom", data_type: "DOUBLE", text: "degrees of freedom of `heterogeneity`" },
        Column {
            name: "heterogeneity_p_value",
            data_type: "DOUBLE",
            text: "probability of such differences if the effect were the same for all values",
        },
        Column {
            name: "heterogeneity_p_adjusted",
            data_type: "DOUBLE",
            text: "`heterogeneity_p_value` adjusted over tags, metrics and treatments",
        },
        Column { name: "verdict", data_type: "VARCHAR", text: "`pays`, `does_not_pay` or `cannot_tell`" },
        Column { name: "decision", data_type: "VARCHAR", text: "the same in words" },
    ],
    examples: &[
        "SELECT tag, value, control_rows, rows, round(difference, 3) AS difference, round(p_adjusted, 4) AS p_adjusted, round(heterogeneity_p_adjusted, 4) AS differs, verdict
FROM tag_uplift((SELECT i % 2 AS variant, i % 3 AS loyalty, i / 2 % 2 AS region, (i * 37 % 101) / 10.0 + CASE WHEN i % 3 = 2 AND i % 2 = 1 THEN 4 ELSE 0 END AS spent
    FROM generate_series(1, 1200) AS t(i)),
  group => variant, control => '0', metric => spent, tags => [loyalty, region]);",
        "-- Nothing was done to these customers, so no tag may pay.
SELECT tag, value, control_rows, rows, round(difference, 2) AS difference, round(p_adjusted, 3) AS p_adjusted, verdict
FROM tag_uplift((SELECT c.gender, c.city_tier, assign(c.customer_id, salt => 'coupon') AS variant, coalesce(sum(o.amount), 0) AS spent
    FROM sample_customers(rows => 1000) AS c LEFT JOIN sample_orders(rows => 10000) AS o USING (customer_id)
    GROUP BY c.customer_id, c.gender, c.city_tier),
  group => variant, control => 'control', metric => spent, tags => [gender, city_tier])
LIMIT 4;",
    ],
    source: "W. G. Cochran: The combination of estimates from different experiments (1954)",
    ..Doc::EMPTY
};

impl RelationFunction for TagUplift {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |(name, data_type): (&str, DataType)| -> FieldRef { Arc::new(Field::new(name, data_type, true)) };
        let text = |name| field((name, DataType::Utf8View));
        let mut columns: Vec<FieldRef> = ["tag", "value", "metric"].map(text).into();
        columns.extend(named(roles, GROUP.name));
        columns.extend(["control_rows", "rows"].map(|name| field((name, DataType::Int64))));
        let reals = [
            "control_mean",
            "mean",
            "difference",
            "std_err",
            "lower",
            "upper",
            "relative_uplift",
            "p_value",
            "p_adjusted",
            "heterogeneity",
            "degrees_of_freedom",
            "heterogeneity_p_value",
            "heterogeneity_p_adjusted",
        ];
        columns.extend(reals.map(|name| field((name, DataType::Float64))));
        columns.extend(["verdict", "decision"].map(text));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let names = |role: &str| call.roles.list(role).map(|(_, role)| role.column.clone()).collect::<Vec<_>>();
        let own: Vec<String> = call.roles.list(TAGS).map(|(_, role)| role.field.name().clone()).collect();
        let prepared = Prepared::of(&call, &[GROUP.name], &own, None, true)?;
        let inputs = own.iter().map(|tag| prepared.sums(&[tag, GROUP.name])).collect::<Result<Vec<_>>>()?;
        let rules = Rules {
            asked: Asked::Auto,
            alternative: Alternative::TwoSided,
            confidence: between(&call, CONFIDENCE.name)?,
            power: 0.8,
            tau: None,
            ratio: false,
            covariate: call.roles.get(PRE.name).is_some(),
            adjust: Method::named(call.options.word("adjust")?),
            srm_alpha: 0.0,
            language: Language::named(call.options.word("language")?).unwrap_or_default(),
        };
        let step = CompareTags { design: Design::of(&call)?, rules, tags: names(TAGS), metrics: names(METRIC.name) };
        step.over(inputs, call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompareTags {
    design: Design,
    rules: Rules,
    tags: Vec<String>,
    metrics: Vec<String>,
}

impl Plain for CompareTags {
    const NAME: &'static str = "CompareTags";
}

impl Step for CompareTags {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (schema, whole) = (Arc::clone(&context.schema), self.clone());
        let result = async move {
            let mut rows = vec![];
            for (place, (input, tag)) in inputs.into_iter().flatten().zip(&whole.tags).enumerate() {
                let cells = Cells::collect(input, true, &whole.design, &context).await?;
                if cells.segments() > MOST_VALUES {
                    let problem = format!(
                        "{tag} has {} values, at most {MOST_VALUES} can be compared; cut it into bands: tags => [width_bucket(…)], or CASE WHEN",
                        cells.segments()
                    );
                    return Err(unusable(DOC.name, problem));
                }
                if place == 0 {
                    whole.tell(&cells, &context);
                }
                rows.extend(whole.of_tag(place, &cells)?);
            }
            whole.written(&rows, &context)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(result))))
    }
}

/// The effect for one value of a tag.
struct Row {
    tag: usize,
    value: Option<String>,
    metric: usize,
    group: ArrayRef,
    control_rows: i64,
    rows: i64,
    effect: Effect,
    /// The index of the tag's heterogeneity test that this effect is part of.
    part: usize,
}

impl CompareTags {
    fn tell(&self, cells: &Cells, context: &StepContext) {
        cells.tell_others(context);
        for (place, metric) in self.metrics.iter().enumerate() {
            let missing = cells.of_design().map(|cell| {
                let used = cell.moments.get(place).map_or(0, |moments| moments.rows.unsigned_abs());
                cell.rows.saturating_sub(used)
            });
            context.left_out(rows_without(metric)).add(missing.sum::<u64>() as usize);
        }
    }

    fn of_tag(&self, tag: usize, cells: &Cells) -> Result<Vec<Row>> {
        let (none, control) = (Moments::default(), cells.control_label());
        let mut rows = vec![];
        for segment in 0..cells.segments() {
            for (metric, name) in self.metrics.iter().enumerate() {
                let is_flag = cells.of_design().filter_map(|cell| cell.moments.get(metric)).all(Moments::is_flag);
                let test = self.rules.test(DOC.name, name, is_flag)?;
                let of = |label| cells.cell(segment, label).and_then(|cell| cell.moments.get(metric)).unwrap_or(&none);
                for (place, group) in cells.treatments().into_iter().enumerate() {
                    let (one, other) = (of(control), of(group));
                    rows.push(Row {
                        tag,
                        value: cells.segment_text(segment)?,
                        metric,
                        group: cells.label_values(&[group])?,
                        control_rows: one.rows,
                        rows: other.rows,
                        effect: self.rules.effect(one, other, test),
                        part: place,
                    });
                }
            }
        }
        Ok(rows)
    }

    fn written(&self, rows: &[Row], context: &StepContext) -> Result<RecordBatch> {
        let compared = |row: &Row| row.effect.comparison.filter(|_| !row.effect.is_rare);
        let adjusted =
            adjust_known(&rows.iter().map(|row| row.effect.p_value(&self.rules)).collect::<Vec<_>>(), self.rules.adjust);
        // One test for each tag, metric and treatment.
        type Test = ((usize, usize, usize), Option<Heterogeneity>, String);
        let mut tests: Vec<Test> = vec![];
        for row in rows {
            let key = (row.tag, row.metric, row.part);
            if tests.iter().any(|(other, _, _)| *other == key) {
                continue;
            }
            let own = || rows.iter().filter(move |row| (row.tag, row.metric, row.part) == key);
            let effects: Vec<(f64, f64)> = own().filter_map(compared).map(|found| (found.difference, found.std_err)).collect();
            let values = own().filter_map(|row| Some((row.value.as_deref().unwrap_or("NULL"), compared(row)?.difference)));
            let values: Vec<(&str, f64)> = values.collect();
            let ends = |word: std::cmp::Ordering| {
                let better = |one: &&(&str, f64), other: &&(&str, f64)| one.1.total_cmp(&other.1);
                if word.is_gt() { values.iter().max_by(better) } else { values.iter().min_by(better) }
            };
            let (best, worst) = (ends(std::cmp::Ordering::Greater), ends(std::cmp::Ordering::Less));
            let told = match (best, worst, self.rules.language) {
                (Some(best), Some(worst), Language::En) => {
                    format!("greatest for {} ({}), least for {} ({})", best.0, signed(best.1), worst.0, signed(worst.1))
                }
                (Some(best), Some(worst), Language::Zh) => {
                    format!("{} 最大（{}），{} 最小（{}）", best.0, signed(best.1), worst.0, signed(worst.1))
                }
                _ => String::new(),
            };
            tests.push((key, heterogeneity(&effects), told));
        }
        let p_values: Vec<Option<f64>> = tests.iter().map(|(_, test, _)| Some((*test)?.p_value)).collect();
        let of_tests = adjust_known(&p_values, self.rules.adjust);
        let place = |row: &Row| tests.iter().position(|(key, _, _)| *key == (row.tag, row.metric, row.part)).unwrap_or(0);
        let verdict = |row: &Row| match of_tests[place(row)] {
            None => "cannot_tell",
            Some(p_value) if p_value < 1.0 - self.rules.confidence => "pays",
            Some(_) => "does_not_pay",
        };
        let decision = |row: &Row| {
            let (tag, told) = (self.tags.get(row.tag).map_or("", String::as_str), &tests[place(row)].2);
            match (verdict(row), self.rules.language) {
                ("pays", Language::En) => format!("{tag} pays: the effect differs between its values, {told}"),
                ("pays", Language::Zh) => format!("{tag} 有价值：不同取值的效果不同，{told}"),
                ("does_not_pay", Language::En) => {
                    format!("{tag} does not pay: no difference of the effect between its values was shown")
                }
                ("does_not_pay", Language::Zh) => format!("{tag} 没有价值：未发现不同取值的效果有差异"),
                (_, Language::En) => format!("cannot tell: fewer than two values of {tag} could be compared"),
                (_, Language::Zh) => format!("无法判断：{tag} 可比较的取值少于两个"),
            }
        };
        let text =
            |of: &dyn Fn(&Row) -> Option<String>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<StringViewArray>()) };
        let whole = |of: fn(&Row) -> i64| -> ArrayRef { Arc::new(rows.iter().map(|row| Some(of(row))).collect::<Int64Array>()) };
        let real = |of: &dyn Fn(&Row) -> Option<f64>| -> ArrayRef {
            Arc::new(rows.iter().map(|row| of(row).filter(|value| value.is_finite())).collect::<Float64Array>())
        };
        let test = |of: fn(Heterogeneity) -> f64| real(&|row| tests[place(row)].1.map(of));
        let of_group = context.schema.field(3).data_type();
        let groups = match rows {
            [] => new_empty_array(of_group),
            rows => concat(&rows.iter().map(|row| row.group.as_ref()).collect::<Vec<_>>())?,
        };
        let columns = vec![
            text(&|row| self.tags.get(row.tag).cloned()),
            text(&|row| row.value.clone()),
            text(&|row| self.metrics.get(row.metric).cloned()),
            groups,
            whole(|row| row.control_rows),
            whole(|row| row.rows),
            real(&|row| Some(row.effect.control?.mean)),
            real(&|row| Some(row.effect.treatment?.mean)),
            real(&|row| Some(row.effect.comparison?.difference)),
            real(&|row| Some(row.effect.comparison?.std_err)),
            real(&|row| row.effect.comparison?.interval.0),
            real(&|row| row.effect.comparison?.interval.1),
            real(&|row| row.effect.comparison?.uplift),
            real(&|row| row.effect.comparison?.p_value),
            Arc::new(adjusted.iter().copied().collect::<Float64Array>()),
            test(|found| found.statistic),
            test(|found| found.degrees_of_freedom),
            test(|found| found.p_value),
            real(&|row| of_tests[place(row)]),
            text(&|row| Some(verdict(row).to_string())),
            text(&|row| Some(decision(row))),
        ];
        Ok(RecordBatch::try_new(Arc::clone(&context.schema), columns)?)
    }
}

/// A difference with its sign and four digits.
fn signed(difference: f64) -> String {
    let size = difference.abs();
    if size >= 1.0 || size == 0.0 {
        format!("{difference:+.2}")
    } else if size >= 1e-4 {
        format!("{difference:+.4}")
    } else {
        format!("{difference:+.1e}")
    }
}
