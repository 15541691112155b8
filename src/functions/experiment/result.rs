//! The relation function `experiment_result`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;

use super::cells::{CONTROL, Design, GROUP};
use super::effects::{Asked, Compare, Rules};
use super::prepared::Prepared;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{did_you_mean, invalid};
use crate::kernels::adjust::Method;
use crate::kernels::experiment::Alternative;
use crate::language::Language;

/// Says whether an experiment worked.
#[derive(Debug)]
pub struct ExperimentResult;

pub const INPUT: Argument = Argument::required(
    "input",
    Takes::Relation,
    "one row per customer, or per unit that was assigned to groups: never one per visit or order",
);
pub const METRIC: Argument =
    Argument::required("metric", Takes::Metrics, "metric to compare; for a condition, the share of rows where it is true");
pub const DENOMINATOR: Argument = Argument::optional(
    "denominator",
    Takes::Metrics,
    "",
    "compares a ratio of sums: Σ metric / Σ denominator, for example revenue per order. One column for all metrics, or one for each",
);
pub const PRE: Argument = Argument::optional(
    "pre",
    Takes::Metrics,
    "",
    "column from before the experiment that explains part of the metric (CUPED). One for all metrics, or one for each; NULL counts as 0",
);
pub const CONFIDENCE: Argument =
    Argument::optional("confidence", Takes::Float(0.0, 1.0), "0.95", "confidence level of the intervals; above 0 and below 1");
pub const ALTERNATIVE: Argument = Argument::optional(
    "alternative",
    Takes::Choice(Alternative::NAMES),
    "'two_sided'",
    "which differences count against \"no effect\": both directions, or only one",
);

const DOC: Doc = Doc {
    name: "experiment_result",
    kind: Kind::Relation,
    domain: "experiment",
    summary: "Evaluates an experiment: sample ratio, effect, interval and p-value of each metric, and a decision in words.",
    description: "\
One row per segment, metric and treatment, in the order of the segments, of `metric` and of the groups. First look at `srm`: if the groups
do not have the planned sizes, customers were lost on the way to one of them, and nothing else in the row can be trusted. The test is χ²
over the rows of all groups, with or without a metric; a `srm_p_value` below `srm_alpha` is a mismatch.

**Tests.** `auto` uses the z test if every value of a metric is 0 or 1, otherwise Welch's t test. `z` uses the pooled share of both groups
in its denominator; the interval uses the variance of each group. `chi_square` is Pearson's test without Yates' correction, which equals z².
`mann_whitney` compares ranks: `statistic` is U of the treatment, and `statistic / (control_rows * rows)` is the share of pairs in which the
treatment's row is larger. It is exact if a group has at most 8 rows (the other at most 10,000) and no value occurs twice, otherwise
corrected for ties and continuity; difference and interval remain those of the means. With `denominator` the test is `delta`: the variance
of a ratio is that of (metric − ratio · denominator) / mean denominator, with the normal distribution.

**Covariate.** With `pre`, means are adjusted by θ · (mean of pre in the group − mean of pre in both groups), where θ = cov(metric, pre) /
var(pre) over the rows of both groups. `variance_reduction` is the share by which this reduces the variance of the difference: 0.5 is worth
twice the rows. Use only what was known before the groups were assigned.

**Winsorising.** `winsorize => 0.99` replaces values of a metric above its 99 % quantile, over all groups and segments, by that quantile
(linear interpolation, as in `percentile_cont`); `threshold` and `winsorized_rows` show what was done.

**Several tests.** `p_adjusted` is adjusted over all rows of the result: `holm` limits the probability of any false finding, `bh` the share
of false findings. Intervals are not adjusted.

**Looking early.** The p-value of a test with a fixed size is valid for one look only. With `tau`, the standard deviation of the effects
that you consider possible, `sequential_p_value` and its interval are valid at any time and for any number of looks (mixture sequential
probability ratio test); these p-values are then adjusted and used for the decision.

`minimum_detectable_effect` is the true difference that this many rows find with probability `power`, by the noncentral t distribution if
the test is Welch's, otherwise by the normal one; a result that is not significant only says that the effect is probably smaller. `verdict` is one of `sample_ratio_mismatch`, `too_few_rows` (fewer than two in a group, or fewer
than five expected successes or failures), `no_variation` (none within the groups), `better`, `worse`, `no_difference`; `decision` says it in
words.

Dropped and counted are rows without a group or segment, rows of groups that `groups` does not list, and for each metric the rows where it,
or the denominator, is NULL or not finite. Sums are exact: the result does not depend on how the input is split or ordered. Memory grows
with the number of groups; `mann_whitney` and `winsorize` keep the values.

**Cost.** One pass for everything but ranks: a group, segment and metric keep a few sums. `winsorize` reads the input a second time to find the
quantile; `mann_whitney` sorts the values of a metric in memory.

**Elsewhere.** `ttest_ind(…, equal_var=False)` and `mannwhitneyu` of scipy, `proportions_ztest` of statsmodels; `t.test` of R is Welch's
too, but `prop.test` corrects for continuity unless `correct = FALSE`. They take columns of values, one metric at a time, and leave the
sample ratio, ratios of sums, covariates and several looks to you. DuckDB and PostgreSQL have the means and variances (`avg`, `var_samp`),
and no tests.",
    arguments: &[
        INPUT,
        GROUP,
        CONTROL,
        METRIC,
        DENOMINATOR,
        PRE,
        Argument::optional(
            "per",
            Takes::Column,
            "",
            "column whose values get results of their own, such as a channel; p-values are adjusted over all of them",
        ),
        Argument::optional(
            "groups",
            Takes::Texts,
            "",
            "labels of the groups in the order of `shares`; default: all, the control first and the others in ascending order",
        ),
        Argument::optional(
            "shares",
            Takes::Shares,
            "",
            "planned shares of the groups; they need not add up to 1; default: equal shares",
        ),
        Argument::optional("test", Takes::Choice(Asked::NAMES), "'auto'", "how groups are compared"),
        ALTERNATIVE,
        CONFIDENCE,
        Argument::optional(
            "adjust",
            Takes::Choice(Method::NAMES),
            "'holm'",
            "how p-values are adjusted over the rows of the result",
        ),
        Argument::optional("winsorize", Takes::Share, "", "values above this quantile are replaced by it, for example 0.99"),
        Argument::optional(
            "tau",
            Takes::Float(0.0, f64::INFINITY),
            "",
            "expected size of differences, in units of the metric; makes results valid at any time",
        ),
        Argument::optional("power", Takes::Float(0.0, 1.0), "0.8", "probability for `minimum_detectable_effect`"),
        Argument::optional("srm_alpha", Takes::Float(0.0, 1.0), "0.001", "p-value below which the group sizes are a mismatch"),
        Argument::optional("lower_is_better", Takes::Names, "", "names of metrics where lower is better, such as refunds"),
        Argument::optional("language", Takes::Choice(Language::NAMES), "'en'", "language of `decision`"),
    ],
    columns: &[
        Column { name: "(per)", data_type: "as the role", text: "the segment, under the column's own name; only with `per`" },
        Column { name: "metric", data_type: "VARCHAR", text: "the metric" },
        Column {
            name: "(group)",
            data_type: "as the role",
            text: "the treatment compared with the control, under the column's own name",
        },
        Column { name: "test", data_type: "VARCHAR", text: "`welch`, `z`, `chi_square`, `mann_whitney` or `delta`" },
        Column { name: "srm_p_value", data_type: "DOUBLE", text: "probability of such group sizes if the planned shares hold" },
        Column { name: "srm", data_type: "BOOLEAN", text: "true: sample ratio mismatch, do not use the row" },
        Column { name: "control_rows", data_type: "BIGINT", text: "rows of the control with the metric" },
        Column { name: "rows", data_type: "BIGINT", text: "rows of the treatment with the metric" },
        Column { name: "control_mean", data_type: "DOUBLE", text: "mean, share or ratio of the control" },
        Column { name: "mean", data_type: "DOUBLE", text: "mean, share or ratio of the treatment" },
        Column { name: "difference", data_type: "DOUBLE", text: "treatment minus control" },
        Column { name: "std_err", data_type: "DOUBLE", text: "standard error of the difference" },
        Column { name: "lower", data_type: "DOUBLE", text: "lower end of the interval; NULL if the alternative has none" },
        Column { name: "upper", data_type: "DOUBLE", text: "upper end of the interval" },
        Column { name: "relative_uplift", data_type: "DOUBLE", text: "difference / control" },
        Column { name: "relative_lower", data_type: "DOUBLE", text: "lower end of its interval, by the delta method" },
        Column { name: "relative_upper", data_type: "DOUBLE", text: "upper end of its interval" },
        Column { name: "statistic", data_type: "DOUBLE", text: "t, z, χ² or U" },
        Column { name: "degrees_of_freedom", data_type: "DOUBLE", text: "for t and χ²" },
        Column {
            name: "p_value",
            data_type: "DOUBLE",
            text: "probability of a statistic at least this extreme without an effect",
        },
        Column { name: "p_adjusted", data_type: "DOUBLE", text: "the p-value used for the decision, adjusted over all rows" },
        Column { name: "theta", data_type: "DOUBLE", text: "factor θ of the covariate" },
        Column { name: "variance_reduction", data_type: "DOUBLE", text: "share of the variance that the covariate removes" },
        Column { name: "threshold", data_type: "DOUBLE", text: "value at which larger values were cut" },
        Column { name: "winsorized_rows", data_type: "BIGINT", text: "rows of both groups whose value was cut" },
        Column { name: "sequential_p_value", data_type: "DOUBLE", text: "p-value valid at any time; only with `tau`" },
        Column { name: "sequential_lower", data_type: "DOUBLE", text: "lower end of the interval that is valid at any time" },
        Column { name: "sequential_upper", data_type: "DOUBLE", text: "upper end of that interval" },
        Column {
            name: "minimum_detectable_effect",
            data_type: "DOUBLE",
            text: "true difference that is found with probability `power`",
        },
        Column { name: "relative_detectable_effect", data_type: "DOUBLE", text: "`minimum_detectable_effect` / control" },
        Column { name: "verdict", data_type: "VARCHAR", text: "the result in a word" },
        Column { name: "decision", data_type: "VARCHAR", text: "the result in a sentence" },
    ],
    examples: &[
        "CREATE OR REPLACE TABLE trial AS SELECT customer_id, assign(customer_id, salt => 'coupon') AS variant, count(o.order_id) AS orders, coalesce(sum(o.amount), 0) AS spent
FROM sample_customers(rows => 2000) LEFT JOIN sample_orders(rows => 4000) AS o USING (customer_id) GROUP BY customer_id;
SELECT metric, variant, srm, control_rows, rows, round(difference, 4) AS difference, round(p_value, 4) AS p_value, decision
FROM experiment_result(trial, group => variant, control => 'control', metric => [orders > 0, orders, spent]);",
        "SELECT round(control_mean, 4) AS control_mean, round(mean, 4) AS mean, round(theta, 4) AS theta, round(variance_reduction, 4) AS variance_reduction, verdict, decision
FROM experiment_result((SELECT i % 2 AS variant, i % 7 AS before, i % 7 + i % 3 + i % 2 AS after FROM generate_series(1, 600) AS t(i)),
  group => variant, control => '0', metric => after, pre => before, language => 'zh');",
    ],
    source: "R. Kohavi, D. Tang, Y. Xu: Trustworthy Online Controlled Experiments (2020); A. Deng et al.: CUPED (2013); A. Deng, U. Knoblich, J. Lu: delta method (2018); R. Johari et al.: Always Valid Inference (2015)",
    ..Doc::EMPTY
};

/// A number strictly between 0 and 1.
pub fn between(call: &Call, name: &str) -> Result<f64> {
    let value = call.options.float(name)?;
    if value > 0.0 && value < 1.0 {
        return Ok(value);
    }
    Err(invalid(call.doc.name, format!("{name} must be above 0 and below 1, got {value}")))
}

/// The column of the result that has the name of a role.
pub fn named(roles: &Roles, name: &str) -> Option<FieldRef> {
    let role = roles.get(name)?;
    Some(Arc::new(Field::new(&role.column, role.field.data_type().clone(), true)))
}

impl RelationFunction for ExperimentResult {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |(name, data_type): (&str, DataType)| -> FieldRef { Arc::new(Field::new(name, data_type, true)) };
        let real = |name| field((name, DataType::Float64));
        let mut columns: Vec<FieldRef> = named(roles, "per").into_iter().collect();
        columns.push(field(("metric", DataType::Utf8View)));
        columns.extend(named(roles, GROUP.name));
        columns.push(field(("test", DataType::Utf8View)));
        columns.push(real("srm_p_value"));
        columns.push(field(("srm", DataType::Boolean)));
        columns.extend(["control_rows", "rows"].map(|name| field((name, DataType::Int64))));
        let reals = [
            "control_mean",
            "mean",
            "difference",
            "std_err",
            "lower",
            "upper",
            "relative_uplift",
            "relative_lower",
            "relative_upper",
        ];
        columns.extend(reals.map(real));
        columns.extend(
            ["statistic", "degrees_of_freedom", "p_value", "p_adjusted", "theta", "variance_reduction", "threshold"].map(real),
        );
        columns.push(field(("winsorized_rows", DataType::Int64)));
        columns.extend(["sequential_p_value", "sequential_lower", "sequential_upper"].map(real));
        columns.extend(["minimum_detectable_effect", "relative_detectable_effect"].map(real));
        columns.extend(["verdict", "decision"].map(|name| field((name, DataType::Utf8View))));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let rules = rules(&call)?;
        let design = Design::of(&call)?;
        let metrics: Vec<String> = call.roles.list(METRIC.name).map(|(_, role)| role.column.clone()).collect();
        let less = call.options.names("lower_is_better").unwrap_or_default();
        if let Some(unknown) = less.iter().find(|name| !metrics.contains(name)) {
            let suggestion = did_you_mean(unknown, metrics.iter().map(String::as_str));
            let problem = format!(
                "lower_is_better names \"{unknown}\", which is not a metric{suggestion}; the metrics are {}",
                metrics.join(", ")
            );
            return Err(invalid(DOC.name, problem));
        }
        let segmented = call.roles.get("per").is_some();
        let keys = if segmented { vec!["per", GROUP.name] } else { vec![GROUP.name] };
        let by_rank = rules.asked == Asked::MannWhitney;
        let winsorize = if call.options.is_given("winsorize") { Some(call.options.float("winsorize")?) } else { None };
        let prepared = Prepared::of(&call, &keys, &[], winsorize, by_rank)?;
        let mut inputs = vec![prepared.sums(&keys)?];
        if by_rank {
            inputs.push(prepared.values(&keys)?);
        }
        let step = Compare {
            function: DOC.name.into(),
            design,
            rules,
            metrics: metrics.into_iter().map(|name| (name.clone(), less.contains(&name))).collect(),
            covariates: call.roles.list(PRE.name).map(|(_, role)| role.column.clone()).collect(),
            segmented,
        };
        step.over(inputs, call.schema)
    }
}

fn rules(call: &Call) -> Result<Rules> {
    let options = &call.options;
    let rules = Rules {
        asked: Asked::named(options.word("test")?),
        alternative: Alternative::named(options.word(ALTERNATIVE.name)?),
        confidence: between(call, CONFIDENCE.name)?,
        power: between(call, "power")?,
        tau: if options.is_given("tau") { Some(options.float("tau")?) } else { None },
        ratio: call.roles.get(DENOMINATOR.name).is_some(),
        covariate: call.roles.get(PRE.name).is_some(),
        adjust: Method::named(options.word("adjust")?),
        srm_alpha: options.float("srm_alpha")?,
        language: Language::named(options.word("language")?).unwrap_or_default(),
    };
    let word = options.word("test")?;
    let problem = match rules.asked {
        Asked::Welch | Asked::Proportions | Asked::ChiSquare | Asked::MannWhitney if rules.ratio => {
            format!("a ratio is compared by the delta method, not by test '{word}'; leave test out")
        }
        Asked::Proportions | Asked::ChiSquare | Asked::MannWhitney if rules.covariate => {
            format!("means adjusted by pre are compared by Welch's test, not by test '{word}'; leave test out")
        }
        Asked::ChiSquare if rules.alternative != Alternative::TwoSided => {
            "test 'chi_square' cannot be one-sided; write test => 'z', or leave alternative out".to_string()
        }
        Asked::MannWhitney if rules.tau.is_some() => {
            "tau applies to means, not to test 'mann_whitney'; leave one of them out".to_string()
        }
        _ if rules.tau == Some(0.0) => "tau must be above 0; give the size of differences to expect".to_string(),
        _ => return Ok(rules),
    };
    Err(invalid(DOC.name, problem))
}
