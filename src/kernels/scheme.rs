//! Segment schemes: every cell of scores belongs to exactly one segment.
//!
//! The published ten-segment table of R's package `rfm` leaves 10 of its 125 cells without a segment and gives 58 to several
//! segments; the schemes here are grids, and a test checks every cell.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// The available schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Eleven segments over recency and the mean of frequency and monetary, on fifths of the scale.
    Standard,
    /// Eight segments: whether each of the three scores is above its mean.
    Eight,
    /// Six tiers over scores from 0 to 100.
    ValueTier,
}

/// The names accepted for `scheme`.
pub const SCHEMES: &[&str] = &["standard", "eight", "value_tier"];
/// The names accepted for `labels`.
pub const LABELS: &[&str] = &["en", "zh"];

/// A segment's name in both languages.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    en: &'static str,
    zh: &'static str,
}

impl Label {
    const fn new(en: &'static str, zh: &'static str) -> Self {
        Self { en, zh }
    }

    /// The name in the requested language.
    pub fn text(self, labels: &str) -> &'static str {
        if labels == "zh" { self.zh } else { self.en }
    }
}

/// One customer's scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scores {
    pub recency: u8,
    pub frequency: u8,
    pub monetary: u8,
}

/// What the scores mean: their range, and which of them count as high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Highest score: the number of bins, or 100 for percent scores.
    pub most: u8,
    /// True if the lowest score is 0 (percent), not 1.
    pub from_zero: bool,
    /// For `eight`: a score is high if it is above this, in the order R, F, M.
    pub means: [f64; 3],
}

impl Scale {
    /// Scores 1 to `bins`, high above the middle.
    pub fn bins(bins: u8) -> Self {
        Self { most: bins, from_zero: false, means: [f64::from(bins + 1) / 2.0; 3] }
    }

    /// Scores 0 to 100, high above 50.
    pub const PERCENT: Self = Self { most: 100, from_zero: true, means: [50.0; 3] };

    /// The possible scores.
    pub fn scores(&self) -> RangeInclusive<u8> {
        u8::from(!self.from_zero)..=self.most
    }

    /// The fifth of the scale that a score falls in, 1 to 5.
    fn fifth(&self, score: u8) -> u8 {
        if self.from_zero { (score / 20 + 1).min(5) } else { (u16::from(score) * 5).div_ceil(u16::from(self.most)) as u8 }
    }
}

/// Segments of `standard`: the range of recency, then of the mean of frequency and monetary (rounded up), both in fifths.
const STANDARD: [(Label, RangeInclusive<u8>, RangeInclusive<u8>); 11] = [
    (Label::new("Champions", "冠军客户"), 5..=5, 4..=5),
    (Label::new("Loyal", "忠诚客户"), 3..=4, 4..=5),
    (Label::new("Potential Loyalist", "潜在忠诚客户"), 4..=5, 2..=3),
    (Label::new("New", "新客户"), 5..=5, 1..=1),
    (Label::new("Promising", "有前景客户"), 4..=4, 1..=1),
    (Label::new("Need Attention", "需要关注客户"), 3..=3, 3..=3),
    (Label::new("About To Sleep", "即将沉睡客户"), 3..=3, 1..=2),
    (Label::new("Cannot Lose", "不能失去客户"), 1..=2, 5..=5),
    (Label::new("At Risk", "流失风险客户"), 1..=2, 3..=4),
    (Label::new("Hibernating", "休眠客户"), 2..=2, 1..=2),
    (Label::new("Lost", "流失客户"), 1..=1, 1..=2),
];

/// Segments of `eight`: whether recency, frequency and monetary are high.
const EIGHT: [(Label, [bool; 3]); 8] = [
    (Label::new("Important Value", "重要价值客户"), [true, true, true]),
    (Label::new("Important Develop", "重要发展客户"), [true, false, true]),
    (Label::new("Important Keep", "重要保持客户"), [false, true, true]),
    (Label::new("Important Win-back", "重要挽留客户"), [false, false, true]),
    (Label::new("General Value", "一般价值客户"), [true, true, false]),
    (Label::new("General Develop", "一般发展客户"), [true, false, false]),
    (Label::new("General Keep", "一般保持客户"), [false, true, false]),
    (Label::new("General Win-back", "一般挽留客户"), [false, false, false]),
];

/// Tiers of `value_tier`, on 0–100: recency in four bands, frequency and monetary in three.
const VALUE_TIER: [Label; 6] = [
    Label::new("High Value", "高价值客户"),
    Label::new("Potential", "潜力客户"),
    Label::new("Churn Risk", "流失风险客户"),
    Label::new("Steady", "稳健客户"),
    Label::new("Recent", "近期客户"),
    Label::new("General", "一般客户"),
];

impl Scheme {
    /// The scheme with that name, one of [`SCHEMES`].
    pub fn named(name: &str) -> Self {
        match name {
            "eight" => Self::Eight,
            "value_tier" => Self::ValueTier,
            _ => Self::Standard,
        }
    }

    /// The scale that the scheme's published table is defined on.
    pub fn own_scale(self) -> Scale {
        match self {
            Self::ValueTier => Scale::PERCENT,
            _ => Scale::bins(5),
        }
    }

    /// Its segments.
    pub fn labels(self) -> Vec<Label> {
        match self {
            Self::Standard => STANDARD.iter().map(|(label, ..)| *label).collect(),
            Self::Eight => EIGHT.iter().map(|(label, _)| *label).collect(),
            Self::ValueTier => VALUE_TIER.to_vec(),
        }
    }

    /// The segment of a customer's scores, as an index into [`Self::labels`].
    pub fn segment(self, scores: Scores, scale: &Scale) -> usize {
        let found = match self {
            Self::Standard => {
                let recency = scale.fifth(scores.recency);
                let value = (scale.fifth(scores.frequency) + scale.fifth(scores.monetary)).div_ceil(2);
                STANDARD.iter().position(|(_, r, fm)| r.contains(&recency) && fm.contains(&value))
            }
            Self::Eight => {
                let [r, f, m] = scale.means;
                let high = [f64::from(scores.recency) > r, f64::from(scores.frequency) > f, f64::from(scores.monetary) > m];
                EIGHT.iter().position(|(_, cell)| *cell == high)
            }
            Self::ValueTier => Some(value_tier(scores)),
        };
        // Both tables are grids without a gap; a test checks every cell.
        found.unwrap_or_default()
    }
}

fn value_tier(scores: Scores) -> usize {
    let Scores { recency, frequency, monetary } = scores;
    let any_high = frequency >= 80 || monetary >= 80;
    let both_low = frequency < 60 && monetary < 60;
    if recency >= 80 && frequency >= 80 && monetary >= 80 {
        0
    } else if any_high && recency < 60 {
        1
    } else if recency < 40 && both_low {
        2
    } else if recency >= 60 && !both_low {
        3
    } else if recency >= 60 {
        4
    } else {
        5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_covers_every_cell_exactly_once() {
        for recency in 1..=5u8 {
            for value in 1..=5u8 {
                let owners = STANDARD.iter().filter(|(_, r, fm)| r.contains(&recency) && fm.contains(&value)).count();
                assert_eq!(owners, 1, "R {recency}, FM {value}");
            }
        }
    }

    #[test]
    fn eight_covers_every_cell_exactly_once() {
        for cell in 0..8u8 {
            let cell = [cell & 4 != 0, cell & 2 != 0, cell & 1 != 0];
            assert_eq!(EIGHT.iter().filter(|(_, own)| *own == cell).count(), 1, "{cell:?}");
        }
    }

    /// The three tiers with published conditions never overlap, and the other tiers cover exactly the remaining cells.
    #[test]
    fn value_tier_keeps_its_thresholds() {
        let edges = [0u8, 39, 40, 59, 60, 79, 80, 100];
        for r in edges {
            for f in edges {
                for m in edges {
                    let high = r >= 80 && f >= 80 && m >= 80;
                    let potential = (f >= 80 || m >= 80) && r < 60;
                    let churn = r < 40 && f < 60 && m < 60;
                    assert!(u8::from(high) + u8::from(potential) + u8::from(churn) <= 1, "{r} {f} {m}");
                    let expected = if high {
                        Some(0)
                    } else if potential {
                        Some(1)
                    } else if churn {
                        Some(2)
                    } else {
                        None
                    };
                    let tier = value_tier(Scores { recency: r, frequency: f, monetary: m });
                    match expected {
                        Some(expected) => assert_eq!(tier, expected, "{r} {f} {m}"),
                        None => assert!(tier >= 3, "{r} {f} {m}"),
                    }
                }
            }
        }
    }

    #[test]
    fn any_number_of_bins_uses_the_whole_grid() {
        for bins in 2..=10u8 {
            let scale = Scale::bins(bins);
            assert_eq!(scale.fifth(bins), 5);
            assert!(scale.fifth(1) >= 1);
        }
        assert_eq!((Scale::PERCENT.fifth(0), Scale::PERCENT.fifth(100)), (1, 5));
    }
}
