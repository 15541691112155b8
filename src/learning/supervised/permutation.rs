//! The permutation importance of features: how much worse predictions become if a feature's values are shuffled among the rows.
//!
//! L. Breiman: Random Forests (2001).

use super::algorithm::Features;
use super::measures::goodness;
use super::predictor::Predictor;
use super::table::Table;
use super::target::Task;
use crate::kernels::control::Stop;
use crate::kernels::random::Random;
use crate::learning::features::Computing;
use crate::learning::model::described::Importance;
use crate::learning::model::stored::Exact;

/// The most rows to use; more would only cost time.
const MOST_ROWS: usize = 20_000;

/// The importance of each feature; with no repetitions, only the gains.
pub fn importance(
    predictor: &Predictor,
    task: Task,
    table: &Table,
    features: &Features,
    repetitions: usize,
    seed: u64,
    running: &Computing<'_>,
) -> Result<Vec<Importance>, Stop> {
    let gains = predictor.learner.gains();
    let control = running.worker.control(running.worker.threads);
    let count = table.len().min(MOST_ROWS);
    // The table is ordered by hashes of the keys, so its beginning is a random sample.
    let sample = table.select(&(0..count as u32).collect::<Vec<_>>());
    let measure = |table: &Table| -> Result<Option<f64>, Stop> {
        let means = predictor.means(&table.numbers, &table.codes, table.len(), control).map_err(|stop| running.stopped(stop))?;
        Ok(goodness(task, &means, table))
    };
    let whole = if repetitions > 0 { measure(&sample)? } else { None };
    let mut shuffled = sample;
    let mut all = vec![];
    for (place, (name, (gain, splits))) in features.names().zip(gains).enumerate() {
        running.show(format!("shuffling {name}"));
        let mut losses = vec![];
        for repetition in 0..if whole.is_some() { repetitions } else { 0 } {
            let mut random = Random::new(seed, &[0x7065_726d, place as u64, repetition as u64]);
            let order = shuffle(count, &mut random);
            let loss = with_shuffled(&mut shuffled, place, &order, &measure)?;
            losses.extend(whole.zip(loss).map(|(whole, loss)| whole - loss));
        }
        let (permutation, permutation_stddev) = mean_and_deviation(&losses);
        all.push(Importance {
            feature: name.to_string(),
            gain: Exact(gain),
            splits,
            permutation: permutation.map(Exact),
            permutation_stddev: permutation_stddev.map(Exact),
        });
    }
    Ok(all)
}

/// A measure of the table with one column permuted; the table is restored afterwards.
fn with_shuffled<T>(
    table: &mut Table,
    place: usize,
    order: &[u32],
    measure: &impl Fn(&Table) -> Result<T, Stop>,
) -> Result<T, Stop> {
    let numbers = table.numbers.len();
    if place < numbers {
        let changed = order.iter().map(|row| table.numbers[place][*row as usize]).collect();
        let before = std::mem::replace(&mut table.numbers[place], changed);
        let found = measure(table);
        table.numbers[place] = before;
        return found;
    }
    let place = place - numbers;
    let changed = order.iter().map(|row| table.codes[place][*row as usize]).collect();
    let before = std::mem::replace(&mut table.codes[place], changed);
    let found = measure(table);
    table.codes[place] = before;
    found
}

/// A random permutation, by Fisher and Yates.
fn shuffle(rows: usize, random: &mut Random) -> Vec<u32> {
    let mut order: Vec<u32> = (0..rows as u32).collect();
    for place in (1..rows).rev() {
        order.swap(place, random.below(place as u64 + 1) as usize);
    }
    order
}

/// The mean and the sample standard deviation, which a single value does not have.
pub fn mean_and_deviation(values: &[f64]) -> (Option<f64>, Option<f64>) {
    if values.is_empty() {
        return (None, None);
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    (Some(mean), (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}
