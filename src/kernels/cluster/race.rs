//! Weighted random choice that does not depend on the order of the rows.
//!
//! Each row draws an exponential waiting time with its mass as the rate, and the rows with the shortest times win. This draws
//! rows without replacement, with probabilities in proportion to their masses. P. S. Efraimidis, P. G. Spirakis: Weighted
//! random sampling with a reservoir (2006).

use crate::kernels::random::{Random, mix};

/// A row in the race; the smallest key wins.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: f64,
    pub identity: u64,
    pub row: usize,
    /// The values of the row.
    pub point: Vec<f64>,
}

/// The entries with the smallest keys, ascending; the identity breaks ties.
#[derive(Debug, Clone)]
pub struct Shortlist {
    places: usize,
    pub entries: Vec<Entry>,
}

impl Shortlist {
    /// An empty list with room for `places` entries.
    pub fn new(places: usize) -> Self {
        Self { places, entries: Vec::new() }
    }

    /// Keys above this cannot enter the list.
    #[inline(always)]
    pub fn limit(&self) -> f64 {
        if self.entries.len() < self.places { f64::INFINITY } else { self.entries.last().map_or(0.0, |entry| entry.key) }
    }

    /// Adds a row if its key is small enough.
    pub fn offer(&mut self, key: f64, identity: u64, row: usize, point: &[f64]) {
        if key <= self.limit() {
            self.insert(Entry { key, identity, row, point: point.to_vec() });
        }
    }

    fn insert(&mut self, entry: Entry) {
        let before = |other: &Entry| other.key.total_cmp(&entry.key).then(other.identity.cmp(&entry.identity)).is_lt();
        let place = self.entries.partition_point(before);
        if place < self.places {
            self.entries.truncate(self.places - 1);
            self.entries.insert(place, entry);
        }
    }

    /// Merges the lists of all threads into the best `places` entries.
    pub fn merged(places: usize, lists: impl IntoIterator<Item = Self>) -> Self {
        let mut best = Self::new(places);
        lists.into_iter().flat_map(|list| list.entries).for_each(|entry| best.insert(entry));
        best
    }
}

/// A pseudorandom number from (0, 1] that depends only on the salt and the identity.
#[inline(always)]
pub fn draw(salt: u64, identity: u64) -> f64 {
    ((mix(salt ^ identity) >> 11) + 1) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// The waiting time −ln `drawn` / `mass`; `None` if it is certainly above `limit`.
///
/// The shortcut saves most logarithms: −ln u is at least 1 − u.
#[inline(always)]
pub fn waiting_time(drawn: f64, mass: f64, limit: f64) -> Option<f64> {
    if 1.0 - drawn > limit * mass * (1.0 + 1e-9) {
        return None;
    }
    Some(if mass > 0.0 { negative_ln(drawn) / mass } else { f64::INFINITY })
}

/// −ln of a number from (0, 1], computed with basic arithmetic only, so that it is the same on every machine.
///
/// With u = 2ᵉ m: ln u = e ln 2 + 2 artanh((m − 1) / (m + 1)).
#[inline(never)]
fn negative_ln(drawn: f64) -> f64 {
    let mut exponent = (drawn.to_bits() >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits((drawn.to_bits() & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        (exponent, mantissa) = (exponent + 1, mantissa / 2.0);
    }
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = (0..12).rev().fold(0.0, |sum, power| sum * square + 1.0 / f64::from(2 * power + 1));
    -(exponent as f64 * std::f64::consts::LN_2 + 2.0 * ratio * series)
}

/// Draws at most `most` rows with equal probability, and returns them in the order of their draws.
///
/// The resulting sequence of rows does not depend on the order in which the rows are stored.
pub fn sample(identity: &[u64], random_state: u64, most: usize) -> Vec<usize> {
    let salt = Random::new(random_state, &[]).next();
    let mut drawn: Vec<(u64, u64, usize)> =
        identity.iter().enumerate().map(|(row, identity)| (mix(salt ^ identity), *identity, row)).collect();
    if most < drawn.len() {
        drawn.select_nth_unstable(most);
        drawn.truncate(most);
    }
    drawn.sort_unstable();
    drawn.into_iter().map(|(_, _, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_right() {
        for number in 0..1000_u64 {
            let drawn = draw(5, mix(number));
            assert!((negative_ln(drawn) + drawn.ln()).abs() < 1e-14 * (1.0 - drawn.ln()));
            let time = negative_ln(drawn) / 2.0;
            assert!(waiting_time(drawn, 2.0, time) == Some(time));
        }
        assert_eq!(negative_ln(1.0), 0.0);
    }

    #[test]
    fn rows_win_in_proportion_to_their_mass() {
        let masses = [1.0, 0.0, 3.0, 4.0];
        let mut wins = [0_u32; 4];
        for salt in 0..8000 {
            let mut list = Shortlist::new(1);
            for (row, mass) in masses.iter().enumerate() {
                let identity = mix(row as u64);
                if let Some(key) = waiting_time(draw(mix(salt), identity), *mass, list.limit()) {
                    list.offer(key, identity, row, &[]);
                }
            }
            wins[list.entries[0].row] += 1;
        }
        assert!(wins[1] == 0 && wins[0].abs_diff(1000) < 120 && wins[2].abs_diff(3000) < 180, "{wins:?}");
    }

    #[test]
    fn samples_do_not_depend_on_the_order() {
        let identity: Vec<u64> = (0..1000).map(mix).collect();
        let reversed: Vec<u64> = identity.iter().rev().copied().collect();
        let drawn = sample(&identity, 7, 50);
        let again: Vec<usize> = sample(&reversed, 7, 50).into_iter().map(|row| 999 - row).collect();
        assert_eq!(drawn, again);
        assert_eq!(sample(&identity, 7, 5000).len(), 1000);
    }
}
