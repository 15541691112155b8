//! The log-rank test.

use super::curve::At;
use super::dense::{cholesky, solve};
use crate::kernels::control::{Control, Stop};
use crate::kernels::special::chi2_upper;

/// The result of the test.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRank {
    /// For each group: rows, events, and the number of events expected if the groups did not differ.
    pub groups: Vec<(u64, u64, f64)>,
    /// The χ² statistic; `None` unless at least two groups can differ.
    pub statistic: Option<f64>,
    pub degrees_of_freedom: usize,
    pub p_value: Option<f64>,
}

/// Tests whether groups differ. For each stratum and group, `strata` holds the distinct durations in ascending order. Groups are
/// compared within strata, and the differences are added up over the strata.
///
/// # Errors
/// The call was cancelled.
pub fn log_rank(strata: &[Vec<Vec<At>>], control: Control<'_>) -> Result<LogRank, Stop> {
    let size = strata.iter().map(Vec::len).max().unwrap_or(0);
    let mut groups = vec![(0, 0, 0.0); size];
    let mut variance = vec![0.0; size * size];
    for stratum in strata {
        add(stratum, &mut groups, &mut variance, control)?;
    }
    // Groups without variance cannot differ. The differences of the others sum to 0, so the last of them is redundant.
    let informed: Vec<usize> = (0..size).filter(|group| variance[group * size + group] > 0.0).collect();
    let degrees_of_freedom = informed.len().saturating_sub(1);
    let mut statistic = None;
    if degrees_of_freedom > 0 {
        let used = &informed[..degrees_of_freedom];
        let matrix: Vec<f64> =
            used.iter().flat_map(|i| used.iter().map(|j| variance[i * size + j]).collect::<Vec<_>>()).collect();
        let differences: Vec<f64> = used.iter().map(|group| groups[*group].1 as f64 - groups[*group].2).collect();
        if let Ok(factor) = cholesky(&matrix, degrees_of_freedom) {
            let solved = solve(&factor, degrees_of_freedom, &differences);
            statistic = Some(differences.iter().zip(solved).map(|(one, other)| one * other).sum());
        }
    }
    let p_value = statistic.map(|statistic: f64| chi2_upper(statistic, degrees_of_freedom as f64));
    Ok(LogRank { groups, statistic, degrees_of_freedom, p_value })
}

fn add(stratum: &[Vec<At>], groups: &mut [(u64, u64, f64)], variance: &mut [f64], control: Control<'_>) -> Result<(), Stop> {
    let size = groups.len();
    let mut at_risk: Vec<u64> = vec![0; size];
    for (group, rows) in stratum.iter().enumerate() {
        at_risk[group] = rows.iter().map(|at| at.events + at.censored).sum();
        groups[group].0 += at_risk[group];
        groups[group].1 += rows.iter().map(|at| at.events).sum::<u64>();
    }
    let mut places = vec![0; stratum.len()];
    loop {
        control.check()?;
        let next = stratum.iter().zip(&places).filter_map(|(rows, place)| rows.get(*place).map(|at: &At| at.duration));
        let Some(duration) = next.reduce(f64::min) else { return Ok(()) };
        let mut events = 0;
        let mut gone = vec![0; size];
        for (group, rows) in stratum.iter().enumerate() {
            if let Some(at) = rows.get(places[group]).filter(|at| at.duration == duration) {
                events += at.events;
                gone[group] = at.events + at.censored;
                places[group] += 1;
            }
        }
        let all: u64 = at_risk.iter().sum();
        if events > 0 {
            let (all, happened) = (all as f64, events as f64);
            let spread = if all > 1.0 { happened * (all - happened) / (all * all * (all - 1.0)) } else { 0.0 };
            for i in (0..size).filter(|group| at_risk[*group] > 0) {
                let here = at_risk[i] as f64;
                groups[i].2 += happened * here / all;
                for j in 0..size {
                    let there = at_risk[j] as f64;
                    let of_all = if i == j { all } else { 0.0 };
                    variance[i * size + j] += spread * here * (of_all - there);
                }
            }
        }
        for (group, gone) in gone.into_iter().enumerate() {
            at_risk[group] -= gone;
        }
    }
}
