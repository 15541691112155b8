//! The result of a comparison in words.

use crate::language::Language;

/// The result of a comparison in words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// The group sizes differ from the planned shares.
    SampleRatioMismatch,
    /// Too few rows for the test.
    TooFewRows,
    /// Nothing varies within the groups.
    NoVariation,
    /// Significant, in the desired direction.
    Better,
    /// Significant, in the other direction.
    Worse,
    /// Not significant.
    NoDifference,
}

impl Verdict {
    /// The word in the result.
    pub fn word(self) -> &'static str {
        match self {
            Self::SampleRatioMismatch => "sample_ratio_mismatch",
            Self::TooFewRows => "too_few_rows",
            Self::NoVariation => "no_variation",
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoDifference => "no_difference",
        }
    }
}

/// The facts that the words describe.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub metric: &'a str,
    pub srm_p_value: Option<f64>,
    pub difference: Option<f64>,
    pub uplift: Option<f64>,
    /// The p-value that the decision is based on.
    pub p_value: Option<f64>,
    pub detectable: Option<f64>,
    pub detectable_uplift: Option<f64>,
    pub power: f64,
}

impl Facts<'_> {
    fn is_difference(&self) -> bool {
        self.difference.is_some_and(|difference| difference != 0.0)
    }
}

/// A sentence.
pub fn words(verdict: Verdict, facts: &Facts<'_>, language: Language) -> String {
    match language {
        Language::En => english(verdict, facts),
        Language::Zh => chinese(verdict, facts),
    }
}

fn english(verdict: Verdict, facts: &Facts<'_>) -> String {
    let metric = facts.metric;
    match verdict {
        Verdict::SampleRatioMismatch => {
            format!("do not read this: the groups are not in the planned ratio (p {})", p(facts.srm_p_value))
        }
        Verdict::TooFewRows => "too few rows to tell".into(),
        Verdict::NoVariation if facts.is_difference() => {
            format!("no test is possible: {metric} does not vary within the groups, only between them")
        }
        Verdict::NoVariation => format!("nothing to compare: {metric} has one value in all rows"),
        Verdict::Better | Verdict::Worse => {
            let word = if verdict == Verdict::Better { "better" } else { "worse" };
            let side = if facts.difference.is_some_and(|difference| difference < 0.0) { "below" } else { "above" };
            let size = size(facts.uplift, facts.difference);
            format!("{word}: {metric} is {size} {side} the control (p {})", p(facts.p_value))
        }
        Verdict::NoDifference => match facts.detectable {
            None => "no difference shown".into(),
            Some(_) => {
                let size = size(facts.detectable_uplift, facts.detectable);
                let power = percent(facts.power);
                format!("no difference shown; one of {size} or more would have been found with a probability of {power}")
            }
        },
    }
}

fn chinese(verdict: Verdict, facts: &Facts<'_>) -> String {
    let metric = facts.metric;
    match verdict {
        Verdict::SampleRatioMismatch => format!("结果不可用：各组样本量与计划比例不符（p {}）", p(facts.srm_p_value)),
        Verdict::TooFewRows => "样本太少，无法判断".into(),
        Verdict::NoVariation if facts.is_difference() => format!("无法检验：{metric} 在各组内没有变化，只在组间不同"),
        Verdict::NoVariation => format!("无法比较：{metric} 的取值全部相同"),
        Verdict::Better | Verdict::Worse => {
            let word = if verdict == Verdict::Better { "显著更好" } else { "显著更差" };
            let side = if facts.difference.is_some_and(|difference| difference < 0.0) { "低" } else { "高" };
            format!("{word}：{metric} 比对照组{side} {}（p {}）", size(facts.uplift, facts.difference), p(facts.p_value))
        }
        Verdict::NoDifference => match facts.detectable {
            None => "未发现差异".into(),
            Some(_) => {
                let size = size(facts.detectable_uplift, facts.detectable);
                format!("未发现差异；若真实差异达到 {size} 或以上，有 {} 的概率会被发现", percent(facts.power))
            }
        },
    }
}

fn size(share: Option<f64>, absolute: Option<f64>) -> String {
    match (share, absolute) {
        (Some(share), _) => percent(share.abs()),
        (None, Some(absolute)) => digits(absolute.abs()),
        (None, None) => String::new(),
    }
}

fn percent(share: f64) -> String {
    format!("{}%", digits(100.0 * share))
}

/// Three digits are enough for a reader.
fn digits(number: f64) -> String {
    let written = if number >= 100.0 {
        format!("{number:.0}")
    } else if number >= 10.0 {
        format!("{number:.1}")
    } else if number >= 1.0 {
        format!("{number:.2}")
    } else if number >= 1e-3 || number == 0.0 {
        format!("{number:.3}")
    } else {
        return format!("{number:.1e}");
    };
    if written.contains('.') { written.trim_end_matches('0').trim_end_matches('.').to_string() } else { written }
}

fn p(p_value: Option<f64>) -> String {
    match p_value {
        Some(p_value) if p_value < 1e-4 => "< 0.0001".into(),
        Some(p_value) => format!("= {p_value:.4}"),
        None => "= NULL".into(),
    }
}
