//! How well rows are hidden among others: k-anonymity, l-diversity and t-closeness of classes that are already counted.
//!
//! A class contains the rows with the same quasi-identifiers. Everything is computed from integers, so the result does not
//! depend on the order of classes; there is a division only at the end.
//!
//! L. Sweeney: k-anonymity (2002); A. Machanavajjhala et al.: ℓ-Diversity (2007); N. Li, T. Li, S. Venkatasubramanian: t-Closeness (2007).

/// The class sizes that [`Sizes::in_small`] counts below.
pub const SMALL: [u64; 4] = [2, 3, 5, 10];

/// What the sizes of the classes reveal.
#[derive(Debug, Clone, PartialEq)]
pub struct Sizes {
    /// The number of all rows.
    pub rows: u64,
    /// The number of classes.
    pub classes: u64,
    /// The size of the smallest class.
    pub k: u64,
    /// The number of rows in classes smaller than each of [`SMALL`].
    pub in_small: [u64; 4],
}

impl Sizes {
    /// Computes this from the sizes of the classes; `None` if there are none.
    pub fn of(sizes: &[u64]) -> Option<Self> {
        let k = sizes.iter().copied().min()?;
        let in_small = SMALL.map(|limit| sizes.iter().filter(|size| **size < limit).sum());
        Some(Self { rows: sizes.iter().sum(), classes: sizes.len() as u64, k, in_small })
    }

    /// The probability of picking the right row for the person who is easiest to find, if it is known that they are in the table.
    pub fn highest_risk(&self) -> f64 {
        1.0 / self.k as f64
    }

    /// The same probability on average: the share of rows that can be expected to be picked correctly.
    pub fn average_risk(&self) -> f64 {
        self.classes as f64 / self.rows as f64
    }
}

/// The highest and the average probability of picking the right person of a population for a row of the table. `classes` holds, for each
/// class, its rows and the persons of the population that match it; these count as at least as many as the rows. `None` without classes.
///
/// K. El Emam, F. K. Dankar: Protecting Privacy Using k-Anonymity (2008), the journalist risk.
pub fn journalist_risks(classes: &[(u64, u64)]) -> Option<(f64, f64)> {
    let of_population = || classes.iter().map(|(rows, population)| (*rows, (*population).max(*rows)));
    let smallest = of_population().map(|(_, population)| population).min()?;
    let rows: u64 = classes.iter().map(|(rows, _)| rows).sum();
    let found: f64 = of_population().map(|(rows, population)| rows as f64 / population as f64).sum();
    Some((1.0 / smallest as f64, found / rows as f64))
}

/// The diversity of a sensitive column in one class, or the worst of all classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Diversity {
    /// The number of distinct values.
    pub distinct: u64,
    /// The exponential of the entropy of their shares.
    pub entropy: f64,
    /// The largest l for which the class is recursively (c, l)-diverse; 0 if there is none.
    pub recursive: u64,
}

impl Diversity {
    /// Computes it from the number of rows of each value in a class; all are above 0.
    pub fn of(counts: &[u64], c: f64) -> Self {
        let mut counts = counts.to_vec();
        counts.sort_unstable_by(|one, other| other.cmp(one));
        let rows: u64 = counts.iter().sum();
        let entropy = counts
            .iter()
            .map(|count| {
                let share = *count as f64 / rows as f64;
                -share * libm::log(share)
            })
            .sum::<f64>();
        let all_alike = counts.first() == counts.last();
        let entropy = if all_alike { counts.len() as f64 } else { libm::exp(entropy) };
        // The condition is r₁ < c · (rₗ + … + rₘ). The sum falls as l grows, so the first failure ends the loop.
        let most = counts.first().copied().unwrap_or(0) as f64;
        let mut rest = rows;
        let mut recursive = 0;
        for (place, count) in counts.iter().enumerate() {
            if most >= c * rest as f64 {
                break;
            }
            recursive = place as u64 + 1;
            rest -= count;
        }
        Self { distinct: counts.len() as u64, entropy, recursive }
    }

    /// The worse of two diversities in each respect.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        Self {
            distinct: self.distinct.min(other.distinct),
            entropy: self.entropy.min(other.entropy),
            recursive: self.recursive.min(other.recursive),
        }
    }
}

/// The ground distance between values, for the earth mover's distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Any two values are 1 apart.
    Equal,
    /// Neighbours in the sorted order of all values are 1/(m − 1) apart.
    Ordered,
}

/// The earth mover's distance between the values of a class and those of all rows.
///
/// `class` holds the ranks of its values, ascending, with their rows; `all` holds the rows of every value. The differences are summed as
/// integers over their common denominator, so nothing is rounded before the final division.
pub fn distance(class: &[(usize, u64)], all: &[u64], ground: Ground) -> f64 {
    let (of_class, of_all): (u64, u64) = (class.iter().map(|(_, rows)| rows).sum(), all.iter().sum());
    let (of_class, of_all) = (i128::from(of_class), i128::from(of_all));
    if of_class == 0 || of_all == 0 || all.len() < 2 {
        return 0.0;
    }
    let whole = of_class * of_all;
    match ground {
        Ground::Equal => {
            // Half the sum of absolute differences; a value that the class lacks differs by its share of all rows.
            let (mut sum, mut rest) = (0, of_all * of_class);
            for (place, rows) in class {
                let share = i128::from(all.get(*place).copied().unwrap_or(0)) * of_class;
                sum += (i128::from(*rows) * of_all - share).abs();
                rest -= share;
            }
            (sum + rest) as f64 / (2 * whole) as f64
        }
        Ground::Ordered => {
            let mut given = class.iter().copied().peekable();
            let (mut carried, mut sum): (i128, i128) = (0, 0);
            for (place, rows) in all.iter().enumerate() {
                let own = given.next_if(|(other, _)| *other == place).map_or(0, |(_, rows)| rows);
                carried += i128::from(own) * of_all - i128::from(*rows) * of_class;
                sum += carried.abs();
            }
            sum as f64 / (whole * (all.len() as i128 - 1)) as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    #[test]
    fn a_population_hides_what_a_sample_shows() {
        assert_eq!(journalist_risks(&[(1, 10), (2, 4)]), Some((0.25, (0.1 + 0.5) / 3.0)));
        // A sample is part of the population.
        assert_eq!(journalist_risks(&[(2, 0)]), Some((0.5, 0.5)));
        assert_eq!(journalist_risks(&[]), None);
    }

    #[test]
    fn sizes_of_an_example() {
        let sizes = Sizes::of(&[1, 1, 2, 4, 12]).unwrap();
        assert_eq!(sizes, Sizes { rows: 20, classes: 5, k: 1, in_small: [2, 4, 8, 8] });
        assert_eq!(sizes.highest_risk(), 1.0);
        assert_eq!(sizes.average_risk(), 0.25);
        assert_eq!(Sizes::of(&[]), None);
    }

    #[test]
    fn diversity_by_its_definition() {
        let one = Diversity::of(&[2, 1, 1], 2.0);
        assert_eq!((one.distinct, one.recursive), (3, 2));
        assert!((one.entropy - 2.0f64.powf(1.5)).abs() < 1e-12);
        assert_eq!(Diversity::of(&[5], 3.0), Diversity { distinct: 1, entropy: 1.0, recursive: 1 });
        assert_eq!(Diversity::of(&[5], 1.0).recursive, 0);
        assert_eq!(Diversity::of(&[3, 3, 3], 1.1), Diversity { distinct: 3, entropy: 3.0, recursive: 3 });
        let mut random = Random::new(3, &[]);
        for _ in 0..2000 {
            let counts: Vec<u64> = (0..=random.below(6)).map(|_| 1 + random.below(9)).collect();
            let c = 0.5 + random.below(40) as f64 / 8.0;
            let mut sorted = counts.clone();
            sorted.sort_unstable();
            sorted.reverse();
            let holds = |l: usize| (sorted[0] as f64) < c * sorted[l - 1..].iter().sum::<u64>() as f64;
            let best = (1..=sorted.len()).filter(|l| holds(*l)).max().unwrap_or(0);
            assert_eq!(Diversity::of(&counts, c).recursive, best as u64, "{counts:?} {c}");
        }
    }

    /// The example of the paper on t-closeness: salaries of 3k to 11k; the class {3k, 4k, 5k} is 0.375 away, {6k, 8k, 11k} 0.167.
    #[test]
    fn distances_of_the_paper() {
        let all = [1; 9];
        let class = |places: [usize; 3]| places.map(|place| (place, 1));
        assert!((distance(&class([0, 1, 2]), &all, Ground::Ordered) - 0.375).abs() < 1e-12);
        assert!((distance(&class([3, 5, 8]), &all, Ground::Ordered) - 1.0 / 6.0).abs() < 1e-12);
        assert!((distance(&class([0, 1, 2]), &all, Ground::Equal) - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn distances_by_brute_force() {
        let mut random = Random::new(5, &[]);
        for _ in 0..2000 {
            let values = 2 + random.below(5) as usize;
            let all: Vec<u64> = (0..values).map(|_| 1 + random.below(6)).collect();
            let own: Vec<u64> = all.iter().map(|rows| random.below(rows + 1)).collect();
            let rows: u64 = own.iter().sum();
            if rows == 0 {
                continue;
            }
            let class: Vec<(usize, u64)> = own.iter().copied().enumerate().filter(|(_, rows)| *rows > 0).collect();
            let whole: u64 = all.iter().sum();
            let differences: Vec<f64> =
                own.iter().zip(&all).map(|(own, all)| *own as f64 / rows as f64 - *all as f64 / whole as f64).collect();
            let equal: f64 = differences.iter().map(|difference| difference.abs()).sum::<f64>() / 2.0;
            let ordered: f64 = (1..=values).map(|count| differences[..count].iter().sum::<f64>().abs()).sum::<f64>();
            assert!((distance(&class, &all, Ground::Equal) - equal).abs() < 1e-12);
            assert!((distance(&class, &all, Ground::Ordered) - ordered / (values - 1) as f64).abs() < 1e-12);
        }
    }
}
