//! The pages of `nps_result`, `csat_result` and `ces_result`.

use crate::docs::{Argument, Column, Doc, Kind, Takes};

pub const PERIODS: &[&str] = &["day", "week", "month", "quarter", "year"];
pub const ADJUSTMENTS: &[&str] = &["holm", "bh", "bonferroni", "none"];

const INPUT: Argument = Argument::required("input", Takes::Relation, "answers, one row each");
const PER: Argument =
    Argument::optional("per", Takes::Column, "", "segments: each has rows of its own, and is compared with all others");
const TIME: Argument = Argument::optional("time", Takes::Time, "", "when it was answered: a row for each period");
const PERIOD: Argument =
    Argument::optional("period", Takes::Choice(PERIODS), "'month'", "the periods that `time` is cut into; weeks begin on Monday");
const CONFIDENCE: Argument =
    Argument::optional("confidence", Takes::Float(0.0, 1.0), "0.95", "how sure the intervals are; above 0 and below 1");
const ADJUST: Argument = Argument::optional(
    "adjust",
    Takes::Choice(ADJUSTMENTS),
    "'holm'",
    "how p values allow for the number of tests in the result",
);

const PER_COLUMN: Column =
    Column { name: "(per)", data_type: "as the role", text: "the segment, under its own name; with `per` only" };
const PERIOD_COLUMN: Column = Column { name: "period", data_type: "DATE", text: "the first day of the period; with `time` only" };
const RESPONSES: Column = Column { name: "responses", data_type: "BIGINT", text: "answers on the scale" };
const INVALID: Column = Column {
    name: "invalid",
    data_type: "BIGINT",
    text: "numbers that are no answer: off the scale, or not whole; they count for nothing else",
};
const STD_ERR: Column = Column {
    name: "std_err",
    data_type: "DOUBLE",
    text: "standard error of the score, by the variance of the sample; NULL below two answers",
};
const LOWER: Column = Column { name: "lower", data_type: "DOUBLE", text: "the interval's lower end" };
const UPPER: Column = Column { name: "upper", data_type: "DOUBLE", text: "its upper end" };
const PREVIOUS: Column = Column {
    name: "previous_period",
    data_type: "DATE",
    text: "the last period before this one with answers of the segment; with `time` only, as the next three",
};
const CHANGE: Column = Column { name: "change", data_type: "DOUBLE", text: "the score less that of the previous period" };
const CHANGE_P: Column =
    Column { name: "change_p_value", data_type: "DOUBLE", text: "how likely chance alone gives a change at least this great" };
const CHANGE_ADJUSTED: Column =
    Column { name: "change_p_adjusted", data_type: "DOUBLE", text: "the same, allowing for all changes in the result" };
const REST: Column = Column {
    name: "rest_difference",
    data_type: "DOUBLE",
    text: "the score less that of all other segments in the period; with `per` only, as the next two",
};
const REST_P: Column =
    Column { name: "rest_p_value", data_type: "DOUBLE", text: "how likely chance alone gives a difference at least this great" };
const REST_ADJUSTED: Column = Column {
    name: "rest_p_adjusted",
    data_type: "DOUBLE",
    text: "the same, allowing for all segments and periods in the result",
};

pub const NPS: Doc = Doc {
    name: "nps_result",
    kind: Kind::Relation,
    domain: "feedback",
    summary: "The Net Promoter Score with its interval, by segment and over time, and whether differences are more than chance.",
    description: "\
One row per segment and period, in the order of both; one row in all without `per` and `time`. Promoters answer 9 or 10, passives 7 or 8, detractors 0 to 6; `score` is 100 times
(promoters − detractors) / responses.

The interval is Bonett's and Price's adjusted Wald interval of a difference of two shares of one sample (one promoter and one detractor are added to the counts), which holds its
confidence for few answers too, and ends at −100 and 100. The p values are two-sided, of Welch's t test on +1, 0 and −1: of the change since the previous period, and of the difference to
all other segments of the same period taken together. Each is NULL where the answers of one side are all alike, or fewer than two.

`change_p_adjusted` allows for all changes in the result, `rest_p_adjusted` for all differences: with Holm's method, the chance of any false finding among them is at most the bound that you
compare with; `'bh'` bounds the share of false findings.

Rows without a score, segment or time are left out and counted. Other numbers than 0 to 10 are counted in `invalid`. Memory is for segments, periods and answers that differ.",
    arguments: &[INPUT, Argument::required("score", Takes::Number, "the answer, a whole number from 0 to 10"), PER, TIME, PERIOD, CONFIDENCE, ADJUST],
    columns: &[
        PER_COLUMN,
        PERIOD_COLUMN,
        RESPONSES,
        INVALID,
        Column { name: "promoters", data_type: "BIGINT", text: "answers of 9 and 10" },
        Column { name: "passives", data_type: "BIGINT", text: "answers of 7 and 8" },
        Column { name: "detractors", data_type: "BIGINT", text: "answers of 0 to 6" },
        Column { name: "score", data_type: "DOUBLE", text: "Net Promoter Score, −100 to 100; NULL without answers" },
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
    summary: "The share of satisfied answers with its interval, by segment and over time, and whether differences are more than chance.",
    description: "\
One row per segment and period, in the order of both; one row in all without `per` and `time`. `score` is the share of answers of at least `satisfied`.

The interval is Wilson's. The p values are two-sided, of the test of two shares with a pooled variance (chi-square without a correction, which is right when each side has five satisfied and five
other answers or so): of the change since the previous period, and of the difference to all other segments of the same period taken together. Each is NULL where all answers are alike.

`change_p_adjusted` allows for all changes in the result, `rest_p_adjusted` for all differences: with Holm's method, the chance of any false finding among them is at most the bound that you
compare with; `'bh'` bounds the share of false findings.

Rows without a score, segment or time are left out and counted. Numbers off the scale are counted in `invalid`. Memory is for segments, periods and answers that differ.",
    arguments: &[
        INPUT,
        Argument::required("score", Takes::Number, "the answer, a whole number from 1 to `scale`"),
        Argument::optional("satisfied", Takes::Integer(1, 100), "4", "the least answer that is satisfied"),
        Argument::optional("scale", Takes::Integer(2, 100), "5", "the greatest answer"),
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
        Column { name: "score", data_type: "DOUBLE", text: "their share, 0 to 1; NULL without answers" },
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
    summary: "The Customer Effort Score, which is the mean answer, with its interval, by segment and over time, and whether differences are more than chance.",
    description: "\
One row per segment and period, in the order of both; one row in all without `per` and `time`. `score` is the mean of the answers from 1 to `scale`, as they are: whether 7 is easy or
hard depends on how the question was put. It fits any other mean of answers on a scale.

The interval is Student's. The p values are two-sided, of Welch's t test: of the change since the previous period, and of the difference to all other segments of the same period taken
together. Each is NULL where the answers of one side are all alike, or fewer than two.

`change_p_adjusted` allows for all changes in the result, `rest_p_adjusted` for all differences: with Holm's method, the chance of any false finding among them is at most the bound that you
compare with; `'bh'` bounds the share of false findings.

Rows without a score, segment or time are left out and counted. Numbers off the scale are counted in `invalid`. Memory is for segments, periods and answers that differ.",
    arguments: &[
        INPUT,
        Argument::required("score", Takes::Number, "the answer, a whole number from 1 to `scale`"),
        Argument::optional("scale", Takes::Integer(2, 100), "7", "the greatest answer"),
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
        Column { name: "score", data_type: "DOUBLE", text: "the mean answer; NULL without answers" },
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
