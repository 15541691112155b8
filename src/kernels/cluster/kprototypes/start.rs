//! Chooses the initial prototypes of a run.

use super::super::race::{Shortlist, draw, waiting_time};
use super::{CHUNK, Options, Prototype, Training, assign};
use crate::kernels::control::{Control, Stop};
use crate::kernels::random::Random;

/// Chooses rows far apart: the first at random, each further one with a probability in proportion to its cost with the prototypes
/// so far.
///
/// D. Arthur, S. Vassilvitskii: k-means++: The Advantages of Careful Seeding (2007), with the cost of mixed rows. Returns fewer
/// prototypes than requested if every row equals one of them.
pub fn spread(training: &Training<'_>, options: &Options, run: u64, control: Control<'_>) -> Result<Vec<Prototype>, Stop> {
    let mut prototypes: Vec<Prototype> = vec![];
    let mut costs = vec![1.0; training.identity.len()];
    for step in 0..options.clusters.max(1) as u64 {
        let random = Random::new(options.random_state, &[run, step]);
        let Some(row) = winner(training, random, &costs, control)? else { break };
        let prototype = training.prototype(row);
        let distances = assign(training.rows, std::slice::from_ref(&prototype), options.gamma, control)?.distances;
        if step == 0 {
            costs = distances;
        } else {
            costs.iter_mut().zip(distances).for_each(|(cost, distance)| *cost = cost.min(distance));
        }
        prototypes.push(prototype);
    }
    Ok(prototypes)
}

/// Draws a row with a probability in proportion to its weight × cost; `None` if that is 0 for all rows.
pub fn winner(training: &Training<'_>, mut random: Random, costs: &[f64], control: Control<'_>) -> Result<Option<usize>, Stop> {
    let salt = random.next();
    let lists = control.share(
        costs.len().div_ceil(CHUNK),
        || Shortlist::new(1),
        |list, job| {
            for (row, cost) in costs.iter().enumerate().skip(job * CHUNK).take(CHUNK) {
                let (identity, mass) = (training.identity[row], cost * training.weight(row));
                if mass > 0.0
                    && let Some(time) = waiting_time(draw(salt, identity), mass, list.limit())
                {
                    list.offer(time, identity, row, &[]);
                }
            }
            Ok(())
        },
    )?;
    Ok(Shortlist::merged(1, lists).entries.first().map(|entry| entry.row))
}

impl Training<'_> {
    /// The prototype of a single row.
    pub fn prototype(&self, row: usize) -> Prototype {
        Prototype { centre: self.rows.numeric.row(row).to_vec(), modes: self.rows.codes.iter().map(|codes| codes[row]).collect() }
    }

    /// The number of times a row counts.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }
}
