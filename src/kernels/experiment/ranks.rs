//! The Mann–Whitney test: whether the values of one group tend to be greater than those of another.

use super::Alternative;
use crate::kernels::special::normal_cdf;

/// Rows of both groups that have one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tied {
    /// Rows of the control.
    pub control: u64,
    /// Rows of the treatment.
    pub treatment: u64,
}

/// The test's result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// Pairs of a treatment's and a control's row in which the treatment's is greater; of equal ones a half.
    pub statistic: f64,
    /// The share of such pairs.
    pub superiority: f64,
    /// The p-value; none when all values are equal.
    pub p_value: Option<f64>,
    /// Whether it counts all orders, or is that of the normal distribution.
    pub is_exact: bool,
}

/// A group of at most this many rows, without ties, is compared exactly.
const EXACT: u64 = 8;
/// The other group may then have so many, so that counts fit in 128 bits.
const EXACT_OTHER: u64 = 10_000;

/// Compares two groups given by their values in ascending order. None when a group has no rows.
///
/// Exact where a group has at most eight rows and no value comes twice; otherwise the normal distribution, with the correction for ties and
/// for continuity.
pub fn mann_whitney(values: &[Tied], alternative: Alternative) -> Option<MannWhitney> {
    let control: u64 = values.iter().map(|tied| tied.control).sum();
    let treatment: u64 = values.iter().map(|tied| tied.treatment).sum();
    if control == 0 || treatment == 0 {
        return None;
    }
    // Twice the statistic is whole.
    let (mut twice, mut below, mut ties) = (0_u128, 0_u128, 0_u128);
    for tied in values {
        let (of_control, of_treatment) = (u128::from(tied.control), u128::from(tied.treatment));
        twice += of_treatment * (2 * below + of_control);
        below += of_control;
        let together = of_control + of_treatment;
        ties += together * together * together - together;
    }
    let statistic = twice as f64 / 2.0;
    let pairs = control as f64 * treatment as f64;
    let superiority = statistic / pairs;
    let (few, many) = (control.min(treatment), control.max(treatment));
    if ties == 0 && few <= EXACT && many <= EXACT_OTHER {
        let p_value = Some(exact(few, many, (twice / 2) as u64, alternative));
        return Some(MannWhitney { statistic, superiority, p_value, is_exact: true });
    }
    let all = (control + treatment) as f64;
    let variance = pairs / 12.0 * ((all + 1.0) - ties as f64 / (all * (all - 1.0)));
    if variance <= 0.0 {
        return Some(MannWhitney { statistic, superiority, p_value: None, is_exact: false });
    }
    let middle = pairs / 2.0;
    // The continuity correction brings the statistic half a step nearer to the middle.
    let p_value = match alternative {
        Alternative::TwoSided => 2.0 * normal_cdf(-((statistic - middle).abs() - 0.5) / variance.sqrt()),
        Alternative::Greater => normal_cdf(-(statistic - middle - 0.5) / variance.sqrt()),
        Alternative::Less => normal_cdf((statistic - middle + 0.5) / variance.sqrt()),
    };
    Some(MannWhitney { statistic, superiority, p_value: Some(p_value.min(1.0)), is_exact: false })
}

/// The share of the orders that are as far out.
fn exact(few: u64, many: u64, statistic: u64, alternative: Alternative) -> f64 {
    let most = few * many;
    let (low, high) = (statistic, most - statistic);
    let share = |up_to: u64| {
        let counts = orders(few, many, up_to);
        counts.iter().sum::<i128>() as f64 / choose(few, many)
    };
    match alternative {
        Alternative::TwoSided => (2.0 * share(low.min(high))).min(1.0),
        Alternative::Greater => share(high),
        Alternative::Less => share(low),
    }
}

/// In how many orders the statistic is 0, 1, … `up_to`: the coefficients of the Gaussian binomial.
fn orders(few: u64, many: u64, up_to: u64) -> Vec<i128> {
    let length = up_to as usize + 1;
    let mut counts = vec![0_i128; length];
    counts[0] = 1;
    for step in 1..=few as usize {
        let times = step + many as usize;
        for place in (times..length).rev() {
            counts[place] -= counts[place - times];
        }
        for place in step..length {
            counts[place] += counts[place - step];
        }
    }
    counts
}

fn choose(few: u64, many: u64) -> f64 {
    let orders = (1..=i128::from(few)).fold(1_i128, |orders, step| orders * (i128::from(many) + step) / step);
    orders as f64
}
