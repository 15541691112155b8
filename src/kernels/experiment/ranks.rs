//! The Mann–Whitney test: whether the values of one group tend to be greater than those of another.

use super::Alternative;
use crate::kernels::special::normal_cdf;

/// The rows of both groups that share one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tied {
    /// The number of control rows.
    pub control: u64,
    /// The number of treatment rows.
    pub treatment: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// The U statistic: the number of pairs of a treatment and a control row in which the treatment row is greater; equal rows count one
    /// half.
    pub statistic: f64,
    /// U as a share of all pairs.
    pub superiority: f64,
    /// The p-value; `None` if all values are equal.
    pub p_value: Option<f64>,
    /// Whether the p-value is exact, rather than from the normal approximation.
    pub is_exact: bool,
}

/// The most rows that the smaller group may have for an exact p-value.
const EXACT: u64 = 8;
/// The most rows that the larger group may then have, so that the counts fit into 128 bits.
const EXACT_OTHER: u64 = 10_000;

/// Compares two groups, given by their distinct values in ascending order. `None` if a group has no rows.
///
/// The p-value is exact if one group has at most eight rows and no value occurs twice. Otherwise it comes from the normal distribution,
/// with corrections for ties and for continuity.
pub fn mann_whitney(values: &[Tied], alternative: Alternative) -> Option<MannWhitney> {
    let control: u64 = values.iter().map(|tied| tied.control).sum();
    let treatment: u64 = values.iter().map(|tied| tied.treatment).sum();
    if control == 0 || treatment == 0 {
        return None;
    }
    // Twice the statistic is an integer.
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
    // The continuity correction moves the statistic half a step towards the middle.
    let p_value = match alternative {
        Alternative::TwoSided => 2.0 * normal_cdf(-((statistic - middle).abs() - 0.5) / variance.sqrt()),
        Alternative::Greater => normal_cdf(-(statistic - middle - 0.5) / variance.sqrt()),
        Alternative::Less => normal_cdf((statistic - middle + 0.5) / variance.sqrt()),
    };
    Some(MannWhitney { statistic, superiority, p_value: Some(p_value.min(1.0)), is_exact: false })
}

/// The share of all orders of the rows that are at least as extreme.
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

/// The number of orders in which the statistic is 0, 1, … `up_to`: the coefficients of the Gaussian binomial.
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
