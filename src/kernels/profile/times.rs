//! Quartiles of times. A histogram of doubles would be off by a share of the time since 1970, which is months; so they are chosen
//! from the values.

/// The quartiles of sorted values with their rows: the first values that a quarter, a half and three quarters of the rows do not exceed.
pub fn quartiles(values: &[(u64, u64)]) -> Option<[u64; 3]> {
    let weighted: Vec<(u64, f64)> = values.iter().map(|(bits, rows)| (*bits, *rows as f64)).collect();
    of_weighted(&weighted)
}

/// The quartiles of `rows` rows of which only the frequent values, and a sample of the others, are known. The sample stands for the rows
/// without the frequent values.
pub fn sampled_quartiles(frequent: &[(u64, u64)], sample: &[(u64, u64)], rows: u64) -> Option<[u64; 3]> {
    let is_frequent = |bits: u64| frequent.iter().any(|(frequent, _)| *frequent == bits);
    let others: Vec<(u64, u64)> = sample.iter().copied().filter(|(bits, _)| !is_frequent(*bits)).collect();
    let of = |values: &[(u64, u64)]| values.iter().map(|(_, rows)| *rows as f64).sum::<f64>();
    let weight = (rows as f64 - of(frequent)).max(0.0) / of(&others).max(1.0);
    let mut values: Vec<(u64, f64)> = frequent.iter().map(|(bits, rows)| (*bits, *rows as f64)).collect();
    values.extend(others.iter().map(|(bits, rows)| (*bits, *rows as f64 * weight)));
    values.sort_unstable_by_key(|(bits, _)| *bits);
    of_weighted(&values)
}

fn of_weighted(values: &[(u64, f64)]) -> Option<[u64; 3]> {
    let (last, _) = values.last()?;
    let all: f64 = values.iter().map(|(_, weight)| weight).sum();
    let at = |share: f64| {
        let mut before = 0.0;
        let reached = values.iter().find(|(_, weight)| {
            before += weight;
            before >= share * all
        });
        reached.map_or(*last, |(bits, _)| *bits)
    };
    Some([0.25, 0.5, 0.75].map(at))
}
