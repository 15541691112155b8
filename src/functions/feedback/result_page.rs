//! The pages of `nps_result`, `csat_result` and `ces_result`.

use crate::docs::{Argument, Column, Doc, Kind, Takes};

pub const PERIODS: &[&str] = &["day", "week", "month", "quarter", "year"];
pub const ADJUSTMENTS: &[&str] = &["holm", "bh", "bonferroni", "none"];

const INPUT: Argument = Argument::required("input", Takes::Relation, "answers, one row per answer");
const PER: Argument =
    Argument::optional("per", Takes::Column, "", "segments: each has its own rows and is compared with all others");
const TIME: Argument = Argument::optional("time", Takes::Time, "", "time of the answer: gives one row per period");
const PERIOD: Argument =
    Argument::optional("period", Takes::Choice(PERIODS), "'month'", "unit of the periods; weeks begin on Monday");
const CONFIDENCE: Argument =
    Argument::optional("confidence", Takes::Float(0.0, 1.0), "0.95", "confidence level of the intervals; above 0 and below 1");
const ADJUST: Argument = Argument::optional(
    "adjust",
    Takes::Choice(ADJUSTMENTS),
    "'holm'",
    "how p-values are adjusted for the number of tests in the result",
);

const PER_COLUMN: Column =
    Column { name: "(per)", data_type: "as the role", text: "the segment, under the column's own name; only with `per`" };
const PERIOD_COLUMN: Column = Column { name: "period", data_type: "DATE", text: "first day of the period; only with `time`" };
const RESPONSES: Column = Column { name: "responses", data_type: "BIGINT", text: "number of answers on the scale" };
const INVALID: Column = Column {
    name: "invalid",
    data_type: "BIGINT",
    text: "numbers that are not answers: off the scale, or not integers; ignored everywhere else",
};
const STD_ERR: Column = Column {
    name: "std_err",
    data_type: "DOUBLE",
    text: "standard error of the score, from the sample variance; NULL with fewer than two answers",
};
const LOWER: Column = Column { name: "lower", data_type: "DOUBLE", text: "lower end of the interval" };
const UPPER: Column = Column { name: "upper", data_type: "DOUBLE", text: "upper end of the interval" };
const PREVIOUS: Column = Column {
    name: "previous_period",
    data_type: "DATE",
    text: "previous period with answers of the segment; like the next three columns, only with `time`",
};
const CHANGE: Column = Column { name: "change", data_type: "DOUBLE", text: "score minus the score of the previous period" };
const CHANGE_P: Column =
    Column { name: "change_p_value", data_type: "DOUBLE", text: "probability of a change at least this large by chance" };
const CHANGE_ADJUSTED: Column =
    Column { name: "change_p_adjusted", data_type: "DOUBLE", text: "`change_p_value` adjusted for all changes in the result" };
const REST: Column = Column {
    name: "rest_difference",
    data_type: "DOUBLE",
    text: "score minus the score of all other segments in the period; like the next two columns, only with `per`",
};
const REST_P: Column =
    Column { name: "rest_p_value", data_type: "DOUBLE", text: "probability of a difference at least this large by chance" };
const REST_ADJUSTED: Column = Column {
    name: "rest_p_adjusted",
    data_type: "DOUBLE",
    text: "`rest_p_value` adjusted for all segments and periods in the result",
};

pub const NPS: Doc = Doc {
    name: "nps_result",
    kind: Kind::Relation,
    domain: "feedback",
    summary: "Returns the Net Promoter Score by segment and over time, with intervals, and tests whether differences are due to chance.",
    description: "\
One row per segment and period, ordered by both; a single row without `per` and `time`. Promoters answer 9 or 10, passives 7 or 8,
detractors 0 to 6; `score` is 100 × (promoters − detractors) / responses.

The interval is the adjusted Wald interval of Bonett and Price for a difference of two shares of one sample (one promoter and one detractor
are added to the counts). It keeps its confidence level with few answers too, and is limited to −100 to 100. The p-values are two-sided,
from Welch's t test on +1, 0 and −1: for the change since the previous period, and for the difference from all other segments of the same
period together. A p-value is NULL if the answers of one side are all equal, or fewer than two.

`change_p_adjusted` is adjusted for all changes in the result, `rest_p_adjusted` for all differences. With Holm's method, the probability of
any false finding is at most the level that you compare with; `'bh'` limits the share of false findings instead.

Rows without a score, segment or time are dropped and counted. Numbers other than 0 to 10 are counted in `invalid`. Memory grows with the
number of segments, periods and distinct answers.

**Cost.** One pass; the tests take no second one.

**Elsewhere.** R: package `NPS`. In SQL the score alone is an average of 100, 0 and -100.",
    arguments: &[INPUT, Argument::required("score", Takes::Number, "answer, an integer from 0 to 10"), PER, TIME, PERIOD, CONFIDENCE, ADJUST],
    columns: &[
        PER_COLUMN,
        PERIOD_COLUMN,
        RESPONSES,
        INVALID,
        Column { name: "promoters", data_type: "BIGINT", text: "answers of 9 and 10" },
        Column { name: "passives", data_type: "BIGINT", text: "answers of 7 and 8" },
        Column { name: "detractors", data_type: "BIGINT", text: "answers of 0 to 6" },
        Column { name: "score", data_type: "DOUBLE", text: "Net Promoter Score, −100 to 100; NULL if there are no answers" },
        STD_ERR,
        LOWER,
        UPPER,
        PREVIOUS,
        CHANGE,
        CHANGE_P,
        CHANGE_ADJUSTED,
        REST,
        REST_P,
        REST_ADJUSTED,
    ],
    examples: &[
        "SELECT responses, invalid, promoters, passives, detractors, score, round(lower, 1) AS lower, round(upper, 1) AS upper
FROM nps_result((SELECT * FROM (VALUES (10), (9), (9), (8), (7), (6), (2), (99), (NULL)) AS given(score)), score => score);",
        "SELECT city, period, responses, round(score, 1) AS score, round(change, 1) AS change, round(change_p_adjusted, 4) AS p, round(rest_difference, 1) AS rest_difference
FROM nps_result((SELECT CASE WHEN customer_id % 2 = 0 THEN 'north' ELSE 'south' END AS city, ordered_at, order_id % 11 AS score FROM sample_orders(rows => 2000)),
  score => score, per => city, time => ordered_at, period => 'year');",
    ],
    source: "F. F. Reichheld: The One Number You Need to Grow (2003); D. G. Bonett, R. M. Price: Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on Paired Data (2012); B. L. Welch (1947); S. Holm (1979)",
    ..Doc::EMPTY
};

pub const CSAT: Doc = Doc {
    name: "csat_result",
    kind: Kind::Relation,
    domain: "feedback",
    summary: "Returns the share of satisfied answers by segment and over time, with intervals, and tests whether differences are due to chance.",
    description: "\
One row per segment and period, ordered by both; a single row without `per` and `time`. `score` is the share of answers that are at least
`satisfied`.

The interval is Wilson's. The p-values are two-sided, from the test of two shares with pooled variance (chi-square without a correction,
which is reliable if each side has about five satisfied and five other answers): for the change since the previous period, and for the
difference from all other segments of the same period together. A p-value is NULL if all answers are equal.

`change_p_adjusted` is adjusted for all changes in the result, `rest_p_adjusted` for all differences. With Holm's method, the probability of
any false finding is at most the level that you compare with; `'bh'` limits the share of false findings instead.

Rows without a score, segment or time are dropped and counted. Numbers off the scale are counted in `invalid`. Memory grows with the number
of segments, periods and distinct answers.

**Cost.** One pass; the tests take no second one.

**Elsewhere.** The interval is statsmodels' `proportion_confint(method='wilson')` and R's `prop.test(correct = FALSE)`; the test is
`proportions_ztest`.",
    arguments: &[
        INPUT,
        Argument::required("score", Takes::Number, "answer, an integer from 1 to `scale`"),
        Argument::optional("satisfied", Takes::Integer(1, 100), "4", "smallest answer that counts as satisfied"),
        Argument::optional("scale", Takes::Integer(2, 100), "5", "largest answer of the scale"),
        PER,
        TIME,
        PERIOD,
        CONFIDENCE,
        ADJUST,
    ],
    columns: &[
        PER_COLUMN,
        PERIOD_COLUMN,
        RESPONSES,
        INVALID,
        Column { name: "satisfied", data_type: "BIGINT", text: "answers of at least `satisfied`" },
        Column { name: "score", data_type: "DOUBLE", text: "share of satisfied answers, 0 to 1; NULL if there are no answers" },
        STD_ERR,
        LOWER,
        UPPER,
        PREVIOUS,
        CHANGE,
        CHANGE_P,
        CHANGE_ADJUSTED,
        REST,
        REST_P,
        REST_ADJUSTED,
    ],
    examples: &["SELECT channel, responses, satisfied, round(score, 3) AS score, round(lower, 3) AS lower, round(upper, 3) AS upper, round(rest_p_adjusted, 4) AS p
FROM csat_result((SELECT channel, 1 + order_id % 5 AS score FROM sample_orders(rows => 2000)), score => score, per => channel);"],
    source: "E. B. Wilson: Probable Inference, the Law of Succession, and Statistical Inference (1927); S. Holm (1979)",
    ..Doc::EMPTY
};

pub const CES: Doc = Doc {
    name: "ces_result",
    kind: Kind::Relation,
    domain: "feedback",
    summary: "Returns the Customer Effort Score (the mean answer) by segment and over time, with intervals, and tests whether differences are due to chance.",
    description: "\
One row per segment and period, ordered by both; a single row without `per` and `time`. `score` is the mean of the answers from 1 to
`scale`, as they are: whether 7 means easy or hard depends on the question. You can use it for any other mean of answers on a scale.

The interval is Student's. The p-values are two-sided, from Welch's t test: for the change since the previous period, and for the difference
from all other segments of the same period together. A p-value is NULL if the answers of one side are all equal, or fewer than two.

`change_p_adjusted` is adjusted for all changes in the result, `rest_p_adjusted` for all differences. With Holm's method, the probability of
any false finding is at most the level that you compare with; `'bh'` limits the share of false findings instead.

Rows without a score, segment or time are dropped and counted. Numbers off the scale are counted in `invalid`. Memory grows with the number
of segments, periods and distinct answers.

**Cost.** One pass; the tests take no second one.

**Elsewhere.** R: `t.test`, of one sample for the interval, of two for the p-values; scipy: `ttest_ind(equal_var=False)`.",
    arguments: &[
        INPUT,
        Argument::required("score", Takes::Number, "answer, an integer from 1 to `scale`"),
        Argument::optional("scale", Takes::Integer(2, 100), "7", "largest answer of the scale"),
        PER,
        TIME,
        PERIOD,
        CONFIDENCE,
        ADJUST,
    ],
    columns: &[
        PER_COLUMN,
        PERIOD_COLUMN,
        RESPONSES,
        INVALID,
        Column { name: "score", data_type: "DOUBLE", text: "mean answer; NULL if there are no answers" },
        STD_ERR,
        LOWER,
        UPPER,
        PREVIOUS,
        CHANGE,
        CHANGE_P,
        CHANGE_ADJUSTED,
        REST,
        REST_P,
        REST_ADJUSTED,
    ],
    examples: &["SELECT responses, round(score, 2) AS score, round(lower, 2) AS lower, round(upper, 2) AS upper
FROM ces_result((SELECT * FROM (VALUES (7), (6), (6), (5), (2)) AS given(score)), score => score);"],
    source: "M. Dixon, K. Freeman, N. Toman: Stop Trying to Delight Your Customers (2010); B. L. Welch (1947); S. Holm (1979)",
    ..Doc::EMPTY
};
