//! How strongly the levels of the comparisons indicate that a pair is one person: the model of Fellegi and Sunter.
//!
//! For each level of a comparison, `m` is its probability if both records are one person, and `u` if they are not. Given that,
//! comparisons are assumed to be independent, so the weights log₂(m ∕ u) of a pair's levels and the weight of the prior add up
//! to the weight of the pair.
//!
//! `u` is estimated from random pairs, `m` by expectation maximisation over the pairs of each blocking rule, without the
//! comparisons that the rule itself decides. Because some random pairs are one person, each counts for `u` by the probability
//! that it is not, once `m` is known.
//!
//! Pairs with the same levels, their *pattern*, are counted together: there are a few thousand patterns, for any number of pairs.
//!
//! I. P. Fellegi, A. B. Sunter: A Theory for Record Linkage (1969); W. E. Winkler: Using the EM Algorithm for Weight Computation (1988).

use std::collections::BTreeMap;

/// The levels of a pair packed into one number in a mixed radix: one digit per comparison, 0 for a missing value.
#[derive(Debug, Clone)]
pub struct Patterns {
    /// The radix of each comparison: its number of levels plus one.
    bases: Vec<u64>,
}

impl Patterns {
    /// Creates the packing for comparisons with these numbers of levels; `None` if their patterns do not fit into 64 bits.
    pub fn new(levels: &[usize]) -> Option<Self> {
        let bases: Vec<u64> = levels.iter().map(|levels| *levels as u64 + 1).collect();
        bases.iter().try_fold(1_u64, |product, base| product.checked_mul(*base))?;
        Some(Self { bases })
    }

    /// Packs digits into a pattern.
    pub fn pack(&self, digits: impl Iterator<Item = usize>) -> u64 {
        self.bases.iter().zip(digits).fold(0, |pattern, (base, digit)| pattern * base + digit as u64)
    }

    /// Unpacks the digits of a pattern.
    pub fn unpack(&self, mut pattern: u64) -> Vec<usize> {
        let mut digits = vec![0; self.bases.len()];
        for (digit, base) in digits.iter_mut().zip(&self.bases).rev() {
            *digit = (pattern % base) as usize;
            pattern /= base;
        }
        digits
    }
}

/// The number of pairs per pattern.
pub type Counts = BTreeMap<u64, u64>;

/// The m and u of one level of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    pub m: f64,
    pub u: f64,
}

impl Level {
    /// log₂(m ∕ u).
    pub fn weight(&self) -> f64 {
        (self.m / self.u).log2()
    }
}

/// A model: the probability that two random records are one person, and the levels of each comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub prior: f64,
    pub comparisons: Vec<Vec<Level>>,
    /// Per comparison, whether m was estimated. If not, because every rule decides the comparison, m is a guess.
    pub is_trained: Vec<bool>,
}

/// What changes the odds by a smaller factor than this is no evidence: a column of one value, or one without equal values.
const LEAST_EVIDENCE: f64 = 1.1;

impl Model {
    /// Whether some levels are evidence that a pair is one person.
    pub fn has_evidence(&self) -> bool {
        let best = |levels: &Vec<Level>| levels.iter().map(|level| level.m / level.u).fold(0.0, f64::max);
        self.comparisons.iter().map(best).product::<f64>() >= LEAST_EVIDENCE
    }
}

/// The smallest probability a level can have.
const LEAST: f64 = 1e-9;

/// The probability for a weight, the log₂ of the odds.
pub fn probability(weight: f64) -> f64 {
    // Correct for any weight: beyond about ±1,000 the power is infinite or 0, and the quotient 0 or 1.
    1.0 / (1.0 + (-weight).exp2())
}

/// The weight of a probability: the log₂ of its odds.
pub fn weight(probability: f64) -> f64 {
    (probability / (1.0 - probability)).log2()
}

/// The input from which a model is learned.
#[derive(Debug)]
pub struct Training<'a> {
    pub patterns: &'a Patterns,
    /// The number of levels of each comparison.
    pub levels: &'a [usize],
    /// The patterns of pairs drawn at random.
    pub random: &'a Counts,
    /// For each blocking rule, the patterns of its pairs, and for each comparison whether the rule decides it.
    pub rules: &'a [(Counts, Vec<bool>)],
    /// The patterns of all pairs that some rule brings together.
    pub candidates: &'a Counts,
    /// The number of pairs of records there are.
    pub all_pairs: f64,
    /// The prior, if known.
    pub prior: Option<f64>,
    pub max_iter: usize,
}

/// The m that estimation starts from: equality is likely, and the other levels share the rest, less for less similar ones.
fn first_m(levels: usize) -> Vec<f64> {
    let weights: Vec<f64> = (0..levels).map(|level| if level + 1 == levels { 0.9 } else { 0.1 * (level + 1) as f64 }).collect();
    normalized(&weights)
}

/// Scales weights to add up to 1, with each share at least about [`LEAST`].
fn normalized(weights: &[f64]) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    if sum.is_nan() || sum <= 0.0 {
        return vec![1.0 / weights.len() as f64; weights.len()];
    }
    let bounded: Vec<f64> = weights.iter().map(|weight| (weight / sum).max(LEAST)).collect();
    let sum: f64 = bounded.iter().sum();
    bounded.into_iter().map(|share| share / sum).collect()
}

/// A pattern, unpacked, with its number of pairs.
struct Pattern {
    digits: Vec<usize>,
    pairs: f64,
}

fn unpacked(patterns: &Patterns, counts: &Counts) -> Vec<Pattern> {
    counts.iter().map(|(pattern, pairs)| Pattern { digits: patterns.unpack(*pattern), pairs: *pairs as f64 }).collect()
}

/// The product of m ∕ u over the levels of a pattern, except for the comparisons in `without` and missing values.
fn factor(comparisons: &[Vec<Level>], digits: &[usize], without: &[bool]) -> f64 {
    let levels = comparisons.iter().zip(digits).enumerate();
    let factor = |(number, (levels, digit)): (usize, (&Vec<Level>, &usize))| match digit.checked_sub(1) {
        Some(level) if !without.get(number).copied().unwrap_or(false) => levels[level].m / levels[level].u,
        _ => 1.0,
    };
    levels.map(factor).product()
}

/// The probability that a pair is one person, by Bayes' rule.
fn posterior(prior: f64, factor: f64) -> f64 {
    let odds = prior / (1.0 - prior) * factor;
    if odds.is_infinite() { 1.0 } else { odds / (1.0 + odds) }
}

/// How often u and m are estimated in turn, because each depends on the other.
const ROUNDS: usize = 4;

/// Learns a model.
pub fn train(training: &Training<'_>) -> Model {
    let random = unpacked(training.patterns, training.random);
    let candidates = unpacked(training.patterns, training.candidates);
    let rules: Vec<(Vec<Pattern>, &[bool])> =
        training.rules.iter().map(|(counts, decided)| (unpacked(training.patterns, counts), decided.as_slice())).collect();
    let comparisons: Vec<Vec<Level>> = training
        .levels
        .iter()
        .map(|levels| first_m(*levels).into_iter().map(|m| Level { m, u: 1.0 / *levels as f64 }).collect())
        .collect();
    let mut model = Model { prior: 0.0, is_trained: vec![false; comparisons.len()], comparisons };
    estimate_u(&mut model, &random);
    for round in 0..ROUNDS {
        estimate_m(&mut model, &rules, training.max_iter);
        model.prior = training.prior.unwrap_or_else(|| prior(&model, &candidates, training.all_pairs));
        if round + 1 < ROUNDS {
            estimate_u(&mut model, &random);
        }
    }
    model
}

/// Estimates u from random pairs, each weighted by the probability that it is two persons. Each level starts with half a pair, so that
/// one that happens not to be drawn is not impossible.
fn estimate_u(model: &mut Model, random: &[Pattern]) {
    let mut counts: Vec<Vec<f64>> = model.comparisons.iter().map(|levels| vec![0.5; levels.len()]).collect();
    for pattern in random {
        let other = match model.prior {
            0.0 => 1.0,
            prior => 1.0 - posterior(prior, factor(&model.comparisons, &pattern.digits, &[])),
        };
        for (counts, digit) in counts.iter_mut().zip(&pattern.digits) {
            if let Some(level) = digit.checked_sub(1) {
                counts[level] += pattern.pairs * other;
            }
        }
    }
    for (levels, counts) in model.comparisons.iter_mut().zip(counts) {
        for (level, u) in levels.iter_mut().zip(normalized(&counts)) {
            level.u = u;
        }
    }
}

/// Estimates m of each comparison by expectation maximisation over the pairs of each rule that does not decide it.
fn estimate_m(model: &mut Model, rules: &[(Vec<Pattern>, &[bool])], max_iter: usize) {
    let mut estimates: Vec<Vec<Vec<f64>>> = vec![vec![]; model.comparisons.len()];
    for (patterns, decided) in rules {
        let total: f64 = patterns.iter().map(|pattern| pattern.pairs).sum();
        if total == 0.0 || decided.iter().all(|decided| *decided) {
            continue;
        }
        let mut own = model.comparisons.clone();
        let mut share = 0.3;
        let mut matches: Vec<Vec<f64>> = vec![];
        for _ in 0..max_iter {
            matches = own.iter().map(|levels| vec![1e-6; levels.len()]).collect();
            let mut expected = 0.0;
            for pattern in patterns {
                let probable = pattern.pairs * posterior(share, factor(&own, &pattern.digits, decided));
                expected += probable;
                for (matches, digit) in matches.iter_mut().zip(&pattern.digits) {
                    if let Some(level) = digit.checked_sub(1) {
                        matches[level] += probable;
                    }
                }
            }
            let next = (expected / total).clamp(LEAST, 1.0 - LEAST);
            let mut change = (next - share).abs();
            share = next;
            for ((levels, matches), _) in own.iter_mut().zip(&matches).zip(*decided).filter(|(_, decided)| !**decided) {
                for (level, m) in levels.iter_mut().zip(normalized(matches)) {
                    change = change.max((level.m - m).abs());
                    level.m = m;
                }
            }
            if change < 1e-6 {
                break;
            }
        }
        for ((estimates, matches), _) in estimates.iter_mut().zip(matches).zip(*decided).filter(|(_, decided)| !**decided) {
            estimates.push(matches);
        }
    }
    for (number, (levels, estimates)) in model.comparisons.iter_mut().zip(&estimates).enumerate() {
        let sums = combined(estimates);
        model.is_trained[number] = sums.iter().sum::<f64>() > 1e-3;
        if model.is_trained[number] {
            // Smoothing: adds one pair distributed as u. A level that a few hundred matching pairs do not have is not impossible.
            let counts: Vec<f64> = sums.iter().zip(levels.iter()).map(|(count, level)| count + level.u).collect();
            for (level, m) in levels.iter_mut().zip(normalized(&counts)) {
                level.m = m;
            }
        }
    }
}

/// What several rules have estimated for a comparison: by level, how many of their pairs are expected to be one person. Two rules are added
/// up. Of more, the median share of each level counts: a rule whose pairs share more than the column that it reads, as records of one surname
/// also have similar e-mail addresses, takes whole families for one person, and would outweigh all others.
fn combined(estimates: &[Vec<f64>]) -> Vec<f64> {
    let Some(first) = estimates.first() else { return vec![] };
    let levels = 0..first.len();
    let size = |counts: &Vec<f64>| counts.iter().sum::<f64>();
    // A rule without a pair of one person says nothing.
    let speaking: Vec<&Vec<f64>> = estimates.iter().filter(|counts| size(counts) >= 1.0).collect();
    if speaking.len() < 3 {
        return levels.map(|level| estimates.iter().map(|counts| counts[level]).sum()).collect();
    }
    let shares: Vec<Vec<f64>> = speaking.iter().map(|counts| normalized(counts)).collect();
    let middle: Vec<f64> = levels.map(|level| median(shares.iter().map(|shares| shares[level]).collect())).collect();
    let pairs = median(speaking.iter().map(|counts| size(counts)).collect());
    normalized(&middle).into_iter().map(|share| share * pairs).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

/// Estimates the probability that two random records are one person, assuming that every such pair is brought together by a rule.
fn prior(model: &Model, candidates: &[Pattern], all_pairs: f64) -> f64 {
    let factors: Vec<(f64, f64)> =
        candidates.iter().map(|pattern| (pattern.pairs, factor(&model.comparisons, &pattern.digits, &[]))).collect();
    let total: f64 = factors.iter().map(|(pairs, _)| pairs).sum();
    if all_pairs < 1.0 {
        return 0.5;
    }
    // There is at least one such pair.
    let least = (1.0 / all_pairs).min(0.5);
    // Without evidence any share of matches would explain the pairs, and nothing says that one is a match.
    if factors.iter().all(|(_, factor)| *factor < LEAST_EVIDENCE) {
        return least;
    }
    // Iteration starts from many matches: starting from few, no pair would look probable, and it would stay so.
    let mut prior = (total / all_pairs * 0.5).clamp(least, 0.5);
    for _ in 0..200 {
        let expected: f64 = factors.iter().map(|(pairs, factor)| pairs * posterior(prior, *factor)).sum();
        let next = (expected / all_pairs).clamp(least, 0.5);
        if (next - prior).abs() <= 1e-9 * prior {
            return next;
        }
        prior = next;
    }
    prior
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    #[test]
    fn patterns_come_back() {
        let patterns = Patterns::new(&[2, 3, 4]).unwrap();
        for digits in [[0, 0, 0], [2, 3, 4], [1, 0, 3]] {
            assert_eq!(patterns.unpack(patterns.pack(digits.into_iter())), digits);
        }
        assert!(Patterns::new(&[1 << 20; 4]).is_none());
    }

    #[test]
    fn one_rule_of_three_does_not_outweigh_the_others() {
        let estimates = [vec![10.0, 90.0], vec![30.0, 170.0], vec![9000.0, 1000.0]];
        let counts = combined(&estimates);
        assert!((counts[0] - 30.0).abs() < 1e-9 && (counts[1] - 170.0).abs() < 1e-9, "{counts:?}");
        assert_eq!(combined(&estimates[..2]), [40.0, 260.0]);
        assert_eq!(combined(&[vec![10.0, 90.0], vec![30.0, 170.0], vec![1e-6, 1e-6]])[0].round(), 40.0);
        assert!(combined(&[]).is_empty());
    }

    /// Pairs about which the comparisons say nothing: a column without equal values, and one of one value.
    #[test]
    fn no_evidence_makes_no_match() {
        let patterns = Patterns::new(&[2, 2]).unwrap();
        let all = Counts::from([(patterns.pack([1, 2].into_iter()), 499_500)]);
        let model = train(&Training {
            patterns: &patterns,
            levels: &[2, 2],
            random: &all,
            rules: &[(all.clone(), vec![false; 2])],
            candidates: &all,
            all_pairs: 499_500.0,
            prior: None,
            max_iter: 100,
        });
        assert!(!model.has_evidence());
        assert!(model.prior < 1e-5, "{}", model.prior);
    }

    /// Training on pairs drawn from known probabilities recovers these.
    #[test]
    fn learns_what_made_the_pairs() {
        let patterns = Patterns::new(&[2, 2, 3]).unwrap();
        let (m, u) = ([[50, 950], [100, 900], [20, 80]], [[950, 50], [990, 10], [700, 200]]);
        let third = [[20, 80, 900], [700, 200, 100]];
        let mut random = Random::new(11, &[]);
        let mut candidates = Counts::new();
        for pair in 0..200_000 {
            let is_match = pair % 10 == 0;
            let draw = |random: &mut Random, weights: &[u32]| 1 + random.weighted(weights);
            let source = if is_match { &m } else { &u };
            let digits =
                [draw(&mut random, &source[0]), draw(&mut random, &source[1]), draw(&mut random, &third[usize::from(!is_match)])];
            *candidates.entry(patterns.pack(digits.into_iter())).or_default() += 1;
        }
        // One in a hundred random pairs is one person.
        let mut drawn = Counts::new();
        for pair in 0..200_000 {
            let is_match = pair % 100 == 0;
            let source = if is_match { &m } else { &u };
            let digits = [
                1 + random.weighted(&source[0]),
                1 + random.weighted(&source[1]),
                1 + random.weighted(&third[usize::from(!is_match)]),
            ];
            *drawn.entry(patterns.pack(digits.into_iter())).or_default() += 1;
        }
        let model = train(&Training {
            patterns: &patterns,
            levels: &[2, 2, 3],
            random: &drawn,
            rules: &[(candidates.clone(), vec![false; 3])],
            candidates: &candidates,
            all_pairs: 2_000_000.0,
            prior: None,
            max_iter: 200,
        });
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 0.015, "{found} {expected}");
        near(model.comparisons[0][1].m, 0.95);
        near(model.comparisons[1][1].m, 0.9);
        near(model.comparisons[2][2].m, 0.9);
        near(model.comparisons[0][1].u, 0.05);
        near(model.comparisons[1][1].u, 0.01);
        // Slightly less, because no comparison explains why they are candidates.
        assert!((model.prior - 0.01).abs() < 0.002, "{}", model.prior);
    }
}
