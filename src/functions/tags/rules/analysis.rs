//! Checks every cell of the operands' values: which rules match there?
//!
//! The work is the product of the operands' places times the rules. Beyond [`MOST_CELLS`] there is no analysis: rules over
//! many operands are checked on the data only. The same applies beyond [`MOST_TESTS`].

use std::collections::{BTreeMap, BTreeSet};

use super::axis::Axis;
use super::boxes;
use super::condition::{Condition, Operands};
use super::value::Domain;

/// The most cells that are examined.
pub const MOST_CELLS: u64 = 1_000_000;

/// The most tests that are made, over all cells.
const MOST_TESTS: u64 = 1_000_000_000;

/// A part of the space that no rule matches, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rules that match, by their numbers from 0; none in a gap.
    pub rules: Vec<usize>,
    /// The part, as SQL.
    pub condition: String,
    /// The number of cells in it.
    pub cells: u64,
}

/// The findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// Gaps first, then overlaps by their rules.
    pub findings: Vec<Finding>,
    /// The cells of the space.
    pub cells: u64,
    /// Pairs of rules of which the later one matches everything the earlier one does, and more: the steps of a ladder.
    pub steps: BTreeSet<(usize, usize)>,
}

impl Analysis {
    /// True for a ladder: each rule matches everything that the rules before it match, and more, so their order is intended.
    pub fn is_ladder(&self, rules: &[usize]) -> bool {
        rules.len() > 1 && rules.windows(2).all(|pair| self.steps.contains(&(pair[0], pair[1])))
    }

    /// The number of cells for which `by` holds for the number of matching rules.
    #[cfg(test)]
    pub fn claimed(&self, by: impl Fn(usize) -> bool) -> u64 {
        self.findings.iter().filter(|finding| by(finding.rules.len())).map(|finding| finding.cells).sum()
    }
}

/// Why there is no analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Constants of an operand that cannot be compared with one another.
    NotUnderstood(String),
    /// More cells than [`MOST_CELLS`], or more tests in them than [`MOST_TESTS`].
    TooManyCells(u64),
}

/// Examines every cell. `limits` are conditions that hold for every row; a limit on an operand that no rule tests is ignored.
///
/// # Errors
/// Why there is no analysis.
pub fn analyse(operands: &Operands, domains: &[Domain], rules: &[Condition], limits: &[Condition]) -> Result<Analysis, Problem> {
    let used = used_by(rules);
    let limits: Vec<&Condition> = limits.iter().filter(|limit| operands_of(limit).iter().all(|one| used.contains(one))).collect();
    let conditions: Vec<&Condition> = rules.iter().chain(limits.iter().copied()).collect();
    let mut axes = vec![];
    for number in &used {
        let Some(operand) = operands.list.get(*number) else { continue };
        let domain = domains.get(*number).copied().unwrap_or(Domain::ANY);
        axes.push(Axis::cut(*number, operand, domain, &conditions).map_err(Problem::NotUnderstood)?);
    }
    let tests = conditions.iter().map(|condition| condition.tests()).sum::<usize>() as u64;
    let places = axes.iter().map(|axis| axis.places.len() as u64).sum::<u64>();
    if tests.saturating_mul(places) > MOST_TESTS / 10 {
        return Err(Problem::TooManyCells(size(&axes)));
    }
    // Limits on a single operand remove places from it before the product is formed.
    let (single, several): (Vec<&Condition>, Vec<&Condition>) = limits.iter().partition(|limit| operands_of(limit).len() == 1);
    for limit in single {
        let tables = Tables::new(limit, &used, &axes);
        let Some(place) = operands_of(limit).first().and_then(|number| used.iter().position(|other| other == number)) else {
            continue;
        };
        let Some(axis) = axes.get_mut(place) else { continue };
        let mut cell = vec![0; used.len()];
        let mut kept = vec![];
        for (number, value) in axis.places.drain(..).enumerate() {
            cell[place] = number as u32;
            if tables.at(&cell) == Some(true) {
                kept.push(value);
            }
        }
        axis.places = kept;
    }
    let cells = size(&axes);
    if cells > MOST_CELLS || cells.saturating_mul(tests) > MOST_TESTS {
        return Err(Problem::TooManyCells(cells));
    }
    let rules: Vec<Tables> = rules.iter().map(|rule| Tables::new(rule, &used, &axes)).collect();
    let several: Vec<Tables> = several.into_iter().map(|limit| Tables::new(limit, &used, &axes)).collect();

    let mut found: BTreeMap<Vec<usize>, Vec<u32>> = BTreeMap::new();
    let mut claims = Claims::new(rules.len());
    let mut cell = vec![0_u32; axes.len()];
    let mut looked_at = 0;
    for _ in 0..cells {
        if several.iter().all(|limit| limit.at(&cell) == Some(true)) {
            looked_at += 1;
            let matching: Vec<usize> =
                rules.iter().enumerate().filter(|(_, rule)| rule.at(&cell) == Some(true)).map(|(number, _)| number).collect();
            claims.add(&matching);
            if matching.len() != 1 {
                found.entry(matching).or_default().extend(&cell);
            }
        }
        for (place, axis) in cell.iter_mut().zip(&axes).rev() {
            *place += 1;
            if (*place as usize) < axis.places.len() {
                break;
            }
            *place = 0;
        }
    }
    let findings = found.into_iter().flat_map(|(rules, cells)| {
        let boxes = boxes::join(&axes, &cells);
        boxes.into_iter().map({
            let axes = &axes;
            move |one| {
                let parts: Vec<String> = axes.iter().zip(&one.sets).filter_map(|(axis, set)| axis.sql(set)).collect();
                let condition = if parts.is_empty() { "TRUE".to_string() } else { parts.join(" AND ") };
                Finding { rules: rules.clone(), condition, cells: one.cells }
            }
        })
    });
    Ok(Analysis { findings: findings.collect(), cells: looked_at, steps: claims.steps() })
}

/// For each rule, which other rules do not match some cell that it matches, as bits: 64 rules per word.
struct Claims {
    rules: usize,
    without: Vec<Vec<u64>>,
}

impl Claims {
    fn new(rules: usize) -> Self {
        Self { rules, without: vec![vec![0; rules.div_ceil(64)]; rules] }
    }

    /// Adds a cell that these rules match.
    fn add(&mut self, matching: &[usize]) {
        let mut others = vec![u64::MAX; self.rules.div_ceil(64)];
        matching.iter().for_each(|rule| others[rule / 64] &= !(1 << (rule % 64)));
        for rule in matching {
            self.without[*rule].iter_mut().zip(&others).for_each(|(word, others)| *word |= others);
        }
    }

    /// True when one rule matches a cell that the other does not.
    fn claims_more(&self, rule: usize, other: usize) -> bool {
        self.without[rule][other / 64] >> (other % 64) & 1 == 1
    }

    fn steps(&self) -> BTreeSet<(usize, usize)> {
        let pairs = (0..self.rules).flat_map(|later| (0..later).map(move |former| (former, later)));
        pairs.filter(|(former, later)| !self.claims_more(*former, *later) && self.claims_more(*later, *former)).collect()
    }
}

fn size(axes: &[Axis]) -> u64 {
    axes.iter().fold(1, |cells, axis| cells.saturating_mul(axis.places.len() as u64))
}

/// The operands that rules test, in ascending order.
pub fn used_by(conditions: &[Condition]) -> Vec<usize> {
    let mut used = vec![];
    conditions.iter().for_each(|condition| condition.operands(&mut used));
    used.sort_unstable();
    used.dedup();
    used
}

fn operands_of(condition: &Condition) -> Vec<usize> {
    used_by(std::slice::from_ref(condition))
}

/// A condition in which each test is a table over the places of its axis.
enum Tables {
    Constant(Option<bool>),
    Test(usize, Vec<Option<bool>>),
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Is(Box<Self>, Option<bool>),
}

impl Tables {
    fn new(condition: &Condition, used: &[usize], axes: &[Axis]) -> Self {
        let inner = |condition: &Condition| Self::new(condition, used, axes);
        match condition {
            Condition::Constant(value) => Self::Constant(*value),
            Condition::Test(operand, test) => {
                let place = used.iter().position(|number| number == operand);
                match place.and_then(|place| Some((place, axes.get(place)?))) {
                    Some((place, axis)) => Self::Test(place, axis.truths(test)),
                    None => Self::Constant(None),
                }
            }
            Condition::All(parts) => Self::All(parts.iter().map(inner).collect()),
            Condition::Any(parts) => Self::Any(parts.iter().map(inner).collect()),
            Condition::Not(part) => Self::Not(Box::new(inner(part))),
            Condition::Is(part, value) => Self::Is(Box::new(inner(part)), *value),
        }
    }

    /// Its value in a cell. AND is false if any part is false, OR is true if any part is true; otherwise an unknown part makes it unknown.
    fn at(&self, cell: &[u32]) -> Option<bool> {
        let decided = |parts: &[Self], deciding: bool| {
            let mut value = Some(!deciding);
            for part in parts {
                match part.at(cell) {
                    Some(part) if part == deciding => return Some(deciding),
                    Some(_) => {}
                    None => value = None,
                }
            }
            value
        };
        match self {
            Self::Constant(value) => *value,
            Self::Test(axis, table) => cell.get(*axis).and_then(|place| table.get(*place as usize)).copied().flatten(),
            Self::All(parts) => decided(parts, false),
            Self::Any(parts) => decided(parts, true),
            Self::Not(part) => part.at(cell).map(|value| !value),
            Self::Is(part, value) => Some(part.at(cell) == *value),
        }
    }
}
