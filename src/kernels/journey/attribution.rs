//! Attribution: which channels conversions are credited to.
//!
//! All credits are integers: a conversion is 10¹⁵ parts, its revenue is counted in millionths of its smallest unit, and
//! division uses the largest remainder, so that credits always add up to the actual totals. Sums of integers are the same in
//! any order.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::events::{Detail, Event};
use crate::kernels::control::{Control, Stop};

/// Parts per conversion.
pub const PARTS: i128 = 1_000_000_000_000_000;
/// Parts per smallest unit of revenue.
pub const REVENUE_PARTS: i128 = 1_000_000;
/// The channel code of an event that is not a touch.
pub const NONE: u32 = u32::MAX;
const START: u32 = u32::MAX - 1;
const CONVERSION: u32 = u32::MAX - 2;
const LOST: u32 = u32::MAX - 3;
/// The most channels whose Markov chain can be solved.
pub const MOST_CHANNELS: usize = 1_000;

/// What attribution needs to know about an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// The channel's code, or [`NONE`].
    pub channel: u32,
    pub converts: bool,
    /// In the smallest unit of the currency.
    pub revenue: i64,
}

impl Detail for Touch {
    type Tie = u64;

    const BYTES: usize = 13;

    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.channel.to_le_bytes());
        to.push(u8::from(self.converts));
        to.extend(self.revenue.to_le_bytes());
    }

    fn read(from: &[u8]) -> Self {
        let revenue = from.get(5..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| i64::from_le_bytes(*bytes));
        Self { channel: u32::read(from), converts: from.get(4) == Some(&1), revenue }
    }

    fn recoded(self, codes: &[u32]) -> Self {
        Self { channel: codes.get(self.channel as usize).copied().unwrap_or(self.channel), ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Model {
    First,
    Last,
    Linear,
    /// 40 % for the first touch, 40 % for the last, and 20 % shared by those between.
    Position,
    TimeDecay,
    Markov,
    Shapley,
}

/// How credit is distributed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rules {
    pub models: Vec<Model>,
    /// A touch counts only if it is at most this long before the conversion.
    pub lookback: Option<i64>,
    /// The time in which a touch loses half its weight.
    pub half_life: i64,
}

/// Conversions and revenue in parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Credit {
    pub conversions: i128,
    pub revenue: i128,
}

impl Credit {
    fn add(&mut self, other: Self) {
        self.conversions += other.conversions;
        self.revenue += other.revenue;
    }
}

/// Divides a total in proportion to weights, without losing a unit: what is left after rounding down goes to the largest remainders, ties
/// to the first. `None` if a product overflows.
pub fn divide(total: i128, weights: &[u64]) -> Option<Vec<i128>> {
    let all: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if all == 0 {
        return Some(vec![0; weights.len()]);
    }
    let (mut shares, mut remainders) = (Vec::with_capacity(weights.len()), Vec::with_capacity(weights.len()));
    for (place, weight) in weights.iter().enumerate() {
        let product = total.checked_mul(i128::from(*weight))?;
        shares.push(product.div_euclid(all));
        remainders.push((product.rem_euclid(all), place));
    }
    let left = total - shares.iter().sum::<i128>();
    remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, place) in remainders.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        shares[place] += 1;
    }
    Some(shares)
}

/// Rounds parts to whole units of `unit` parts each, such that the rounded units have the same total. The sum of the parts must be a
/// whole number of units.
pub fn rounded(parts: &[i128], unit: i128) -> Vec<i128> {
    let mut units: Vec<i128> = parts.iter().map(|part| part.div_euclid(unit)).collect();
    let left = (parts.iter().sum::<i128>() - units.iter().sum::<i128>() * unit).div_euclid(unit);
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|place| (-parts[*place].rem_euclid(unit), *place));
    for place in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        units[place] += 1;
    }
    units
}

/// The credits that one worker has accumulated.
#[derive(Debug, Default)]
pub struct Credits {
    /// Per model that credits each conversion separately: the credit of each channel.
    given: Vec<HashMap<u32, Credit>>,
    /// How often one channel follows another: the transitions of the Markov chain.
    follows: HashMap<(u32, u32), u64>,
    /// Conversions that followed at least one touch.
    led_to: Credit,
    /// Conversions without a touch.
    pub untouched: Credit,
    /// Number of touches by channel.
    pub touches: HashMap<u32, i64>,
    /// A credit did not fit into 128 bits; the results are incomplete.
    pub is_too_large: bool,
    /// Bytes reserved from the memory budget for this.
    pub reserved: usize,
    path: Vec<(i64, u32)>,
}

impl Credits {
    pub fn new(models: usize) -> Self {
        Self { given: vec![HashMap::new(); models], ..Self::default() }
    }

    /// Approximate bytes on the heap.
    pub fn bytes(&self) -> usize {
        let given: usize = self.given.iter().map(HashMap::len).sum();
        2 * (given * size_of::<(u32, Credit)>() + self.follows.len() * size_of::<((u32, u32), u64)>() + self.touches.len() * 16)
    }

    /// Adds the events of one customer, in order.
    pub fn add(&mut self, events: &[Event<Touch>], rules: &Rules) {
        let mut path = std::mem::take(&mut self.path);
        path.clear();
        for event in events {
            let Touch { channel, converts, revenue } = event.detail;
            if channel != NONE {
                path.push((event.time, channel));
                *self.touches.entry(channel).or_default() += 1;
            }
            if !converts {
                continue;
            }
            let credit = Credit { conversions: PARTS, revenue: i128::from(revenue) * REVENUE_PARTS };
            let too_old = |time: i64| rules.lookback.is_some_and(|most| event.time.saturating_sub(time) > most);
            let first = path.iter().position(|(time, _)| !too_old(*time)).unwrap_or(path.len());
            // Touches older than the lookback led nowhere, as if the customer had left.
            let (lost, touches) = path.split_at(first);
            self.follow(lost, LOST, rules);
            if touches.is_empty() {
                self.untouched.add(credit);
            } else {
                self.led_to.add(credit);
                self.follow(touches, CONVERSION, rules);
                self.give(touches, event.time, credit, rules);
            }
            path.clear();
        }
        self.follow(&path, LOST, rules);
        self.path = path;
    }

    /// Counts the transitions of a path that ends with a conversion or is lost.
    fn follow(&mut self, touches: &[(i64, u32)], end: u32, rules: &Rules) {
        if touches.is_empty() || !rules.models.contains(&Model::Markov) {
            return;
        }
        let mut before = START;
        for next in touches.iter().map(|(_, channel)| *channel).chain([end]) {
            *self.follows.entry((before, next)).or_default() += 1;
            before = next;
        }
    }

    /// Distributes the credit of one conversion among its touches.
    fn give(&mut self, touches: &[(i64, u32)], time: i64, credit: Credit, rules: &Rules) {
        for (place, model) in rules.models.iter().enumerate() {
            if *model == Model::Markov {
                continue;
            }
            let weights = weights(*model, touches, time, rules.half_life);
            let shares = divide(credit.conversions, &weights).zip(divide(credit.revenue, &weights));
            let Some((conversions, revenues)) = shares else {
                self.is_too_large = true;
                return;
            };
            for ((_, channel), (conversions, revenue)) in touches.iter().zip(conversions.into_iter().zip(revenues)) {
                self.given[place].entry(*channel).or_default().add(Credit { conversions, revenue });
            }
        }
    }

    /// Adds the credits of another worker.
    pub fn join(&mut self, other: Self) {
        for (own, other) in self.given.iter_mut().zip(other.given) {
            for (channel, credit) in other {
                own.entry(channel).or_default().add(credit);
            }
        }
        for (pair, count) in other.follows {
            *self.follows.entry(pair).or_default() += count;
        }
        for (channel, count) in other.touches {
            *self.touches.entry(channel).or_default() += count;
        }
        self.led_to.add(other.led_to);
        self.untouched.add(other.untouched);
        self.is_too_large |= other.is_too_large;
    }

    /// The credit a model gives to each of these channels; for the Markov model, also the channel's removal effect. `None` on overflow.
    ///
    /// # Errors
    /// The call is cancelled.
    pub fn of_model(
        &self,
        place: usize,
        model: Model,
        channels: &[u32],
        control: Control<'_>,
    ) -> Result<Option<Vec<Given>>, Stop> {
        if model != Model::Markov {
            let of = |channel: &u32| (self.given[place].get(channel).copied().unwrap_or_default(), None);
            return Ok(Some(channels.iter().map(of).collect()));
        }
        Ok(self.of_effects(removal_effects(&self.follows, channels, control)?))
    }

    /// Divides the conversions in proportion to removal effects.
    fn of_effects(&self, effects: Vec<f64>) -> Option<Vec<Given>> {
        let all: f64 = effects.iter().sum();
        let weight = |effect: f64| if all > 0.0 { (effect / all * (1_u64 << 40) as f64) as u64 } else { 0 };
        let weights: Vec<u64> = effects.iter().map(|effect| weight(*effect)).collect();
        // The weights have up to 40 bits. Dividing millionths of conversions and whole units of revenue, not all the parts, keeps the
        // products with the weights within 128 bits.
        let conversions = divide(self.led_to.conversions / PARTS * 1_000_000, &weights)?;
        let revenues = divide(self.led_to.revenue / REVENUE_PARTS, &weights)?;
        let credits = conversions.into_iter().zip(revenues).map(|(conversions, revenue)| Credit {
            conversions: conversions * (PARTS / 1_000_000),
            revenue: revenue * REVENUE_PARTS,
        });
        Some(credits.zip(effects.into_iter().map(Some)).collect())
    }
}

fn weights(model: Model, touches: &[(i64, u32)], time: i64, half_life: i64) -> Vec<u64> {
    let last = touches.len() - 1;
    match model {
        Model::First => (0..touches.len()).map(|place| u64::from(place == 0)).collect(),
        Model::Last => (0..touches.len()).map(|place| u64::from(place == last)).collect(),
        Model::Linear | Model::Markov => vec![1; touches.len()],
        Model::Position if last < 2 => vec![1; touches.len()],
        Model::Position => {
            let ends = 2 * (last as u64 - 1);
            (0..touches.len()).map(|place| if place == 0 || place == last { ends } else { 1 }).collect()
        }
        Model::TimeDecay => {
            // Ages are relative to the last touch, so that it keeps full weight however long before the conversion it was.
            let newest = touches[last].0.min(time);
            let halves = |touched: i64| (newest as f64 - touched as f64) / half_life as f64;
            touches.iter().map(|(touched, _)| (libm::exp2(40.0 - halves(*touched))) as u64).collect()
        }
        Model::Shapley => {
            // A set of channels has the value of the conversions whose channels it contains. The Shapley value then divides each
            // conversion equally among its distinct channels.
            let mut seen = HashSet::new();
            touches.iter().map(|(_, channel)| u64::from(seen.insert(*channel))).collect()
        }
    }
}

/// The credit of a channel, and its removal effect if the model has one.
pub type Given = (Credit, Option<f64>);

/// The share of conversions that would be lost without each channel, in a Markov chain with the observed transition frequencies. With h
/// the probability of ever visiting the channel, and p the probability of converting from there, the share is h · p divided by the
/// probability of converting from the start.
fn removal_effects(follows: &HashMap<(u32, u32), u64>, channels: &[u32], control: Control<'_>) -> Result<Vec<f64>, Stop> {
    let n = channels.len();
    let place_of: HashMap<u32, usize> = channels.iter().enumerate().map(|(place, channel)| (*channel, place)).collect();
    let (mut out, mut between, mut converts, mut starts) = (vec![0_u64; n], vec![0_u64; n * n], vec![0_u64; n], vec![0_u64; n]);
    for ((from, end), count) in follows {
        match (place_of.get(from), place_of.get(end)) {
            (None, Some(to)) => starts[*to] += count,
            (Some(from), to) => {
                out[*from] += count;
                match to {
                    Some(to) => between[from * n + to] += count,
                    None if *end == CONVERSION => converts[*from] += count,
                    None => {}
                }
            }
            (None, None) => {}
        }
    }
    let begun: u64 = starts.iter().sum();
    let share = |count: u64, of: u64| if of == 0 { 0.0 } else { count as f64 / of as f64 };
    // The fundamental matrix (I − Q)⁻¹: the expected number of visits to each channel (column), from each channel (row).
    let mut matrix = vec![0.0; n * n];
    for row in 0..n {
        for column in 0..n {
            matrix[row * n + column] = f64::from(u8::from(row == column)) - share(between[row * n + column], out[row]);
        }
    }
    let Some(visits) = inverse(matrix, n, control)? else { return Ok(vec![0.0; n]) };
    let converts: Vec<f64> = (0..n).map(|place| share(converts[place], out[place])).collect();
    let from: Vec<f64> = (0..n).map(|row| (0..n).map(|column| visits[row * n + column] * converts[column]).sum()).collect();
    let chance: f64 = (0..n).map(|place| share(starts[place], begun) * from[place]).sum();
    let effect = |channel: usize| {
        let visited: f64 = (0..n).map(|place| share(starts[place], begun) * visits[place * n + channel]).sum();
        // Expected visits = probability of a first visit × expected visits once there.
        let ever = visited / visits[channel * n + channel];
        if chance > 0.0 { (ever * from[channel] / chance).clamp(0.0, 1.0) } else { 0.0 }
    };
    Ok((0..n).map(effect).collect())
}

/// The inverse by Gauss–Jordan elimination with partial pivoting; `None` if the matrix is singular.
fn inverse(mut matrix: Vec<f64>, n: usize, control: Control<'_>) -> Result<Option<Vec<f64>>, Stop> {
    let mut inverse = vec![0.0; n * n];
    (0..n).for_each(|place| inverse[place * n + place] = 1.0);
    for column in 0..n {
        control.check()?;
        let size = |row: usize| matrix[row * n + column].abs();
        let pivot = (column..n).max_by(|a, b| size(*a).total_cmp(&size(*b))).unwrap_or(column);
        if size(pivot) < 1e-12 {
            return Ok(None);
        }
        for place in 0..n {
            matrix.swap(column * n + place, pivot * n + place);
            inverse.swap(column * n + place, pivot * n + place);
        }
        let divisor = matrix[column * n + column];
        for place in 0..n {
            matrix[column * n + place] /= divisor;
            inverse[column * n + place] /= divisor;
        }
        for row in (0..n).filter(|row| *row != column) {
            let factor = matrix[row * n + column];
            if factor != 0.0 {
                for place in 0..n {
                    matrix[row * n + place] -= factor * matrix[column * n + place];
                    inverse[row * n + place] -= factor * inverse[column * n + place];
                }
            }
        }
    }
    Ok(Some(inverse))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::control::unlimited::control;

    const ALL: [Model; 7] =
        [Model::First, Model::Last, Model::Linear, Model::Position, Model::TimeDecay, Model::Markov, Model::Shapley];

    fn rules() -> Rules {
        Rules { models: ALL.to_vec(), lookback: None, half_life: 7 }
    }

    /// One character per time unit: a letter is a touch of that channel, `!` a conversion.
    fn events(text: &str) -> Vec<Event<Touch>> {
        let event = |(time, byte): (usize, u8)| {
            let converts = byte == b'!';
            let channel = if converts { NONE } else { u32::from(byte - b'a') };
            Event { time: time as i64, tie: 0, detail: Touch { channel, converts, revenue: if converts { 1_000 } else { 0 } } }
        };
        text.bytes().enumerate().map(event).collect()
    }

    fn credits(journeys: &[&str]) -> Credits {
        let mut credits = Credits::new(ALL.len());
        journeys.iter().for_each(|journey| credits.add(&events(journey), &rules()));
        credits
    }

    fn conversions(credits: &Credits, model: Model, channels: u32) -> Vec<f64> {
        let channels: Vec<u32> = (0..channels).collect();
        let place = ALL.iter().position(|other| *other == model).unwrap();
        let given = credits.of_model(place, model, &channels, control(1)).unwrap().unwrap();
        given.iter().map(|(credit, _)| credit.conversions as f64 / PARTS as f64).collect()
    }

    fn near(own: &[f64], other: &[f64]) {
        assert!(own.len() == other.len() && own.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-6), "{own:?} {other:?}");
    }

    #[test]
    fn rules_as_documented() {
        let credits = credits(&["abbc!"]);
        near(&conversions(&credits, Model::First, 3), &[1.0, 0.0, 0.0]);
        near(&conversions(&credits, Model::Last, 3), &[0.0, 0.0, 1.0]);
        near(&conversions(&credits, Model::Linear, 3), &[0.25, 0.5, 0.25]);
        near(&conversions(&credits, Model::Position, 3), &[0.4, 0.2, 0.4]);
        near(&conversions(&credits, Model::Shapley, 3), &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]);
        let weight = |days: f64| (-days / 7.0).exp2();
        let all = weight(3.0) + weight(2.0) + weight(1.0) + 1.0;
        near(&conversions(&credits, Model::TimeDecay, 3), &[weight(3.0) / all, (weight(2.0) + weight(1.0)) / all, 1.0 / all]);
    }

    #[test]
    fn the_chain_as_by_removing_each_channel() {
        // From the start, 2/3 go to a and 1/3 to b; 1/2 go on from a to b, and 1/2 from b to a conversion: 1/3 in all. It is 1/6 without
        // a, and 0 without b.
        let few = credits(&["ab!", "a", "b"]);
        let effects = removal_effects(&few.follows, &[0, 1], control(1)).unwrap();
        near(&effects, &[0.5, 1.0]);
        // Compared with probabilities found by iterating the chain, with transitions to the removed channel lost.
        let journeys = ["abc!", "ab", "ca!", "bca", "cb!b", "aab!c", "ccab", "c!", "b!a"];
        let credits = credits(&journeys);
        let chance = |removed: Option<u32>| {
            let mut at: HashMap<u32, f64> = HashMap::from([(START, 1.0)]);
            let mut sold = 0.0;
            for _ in 0..2_000 {
                let mut next = HashMap::new();
                for (state, mass) in at {
                    let out: u64 = credits.follows.iter().filter(|((from, _), _)| *from == state).map(|(_, count)| count).sum();
                    for ((_, to), count) in credits.follows.iter().filter(|((from, _), _)| *from == state) {
                        let mass = mass * *count as f64 / out as f64;
                        match *to {
                            CONVERSION => sold += mass,
                            LOST => {}
                            to if Some(to) == removed => {}
                            to => *next.entry(to).or_insert(0.0) += mass,
                        }
                    }
                }
                at = next;
            }
            sold
        };
        let all = chance(None);
        let expected: Vec<f64> = (0..3).map(|channel| 1.0 - chance(Some(channel)) / all).collect();
        near(&removal_effects(&credits.follows, &[0, 1, 2], control(1)).unwrap(), &expected);
    }

    #[test]
    fn shapley_by_its_definition() {
        let journeys = ["abc!", "ab!", "a!", "cab!b!", "d", "dda!", "bd!"];
        let credits = credits(&journeys);
        let own = conversions(&credits, Model::Shapley, 4);
        let sets: Vec<u32> = journeys
            .iter()
            .flat_map(|journey| {
                let mut parts: Vec<&str> = journey.split('!').collect();
                parts.pop();
                parts.into_iter().map(|part| part.bytes().fold(0, |set, byte| set | 1 << (byte - b'a'))).collect::<Vec<u32>>()
            })
            .collect();
        // The worth of a coalition of channels: the conversions whose channels are all in it.
        let worth = |coalition: u32| sets.iter().filter(|set| *set & !coalition == 0).count() as f64;
        let factorial = |n: u32| (1..=n).product::<u32>() as f64;
        let value = |channel: u32| {
            let others = (0..16_u32).filter(|coalition| coalition >> channel & 1 == 0);
            let of = |coalition: u32| {
                let size = coalition.count_ones();
                factorial(size) * factorial(3 - size) / factorial(4) * (worth(coalition | 1 << channel) - worth(coalition))
            };
            others.map(of).sum::<f64>()
        };
        near(&own, &(0..4).map(value).collect::<Vec<_>>());
    }

    #[test]
    fn credits_add_up() {
        let mut seed = 5_u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..500 {
            let journeys: Vec<String> =
                (0..1 + draw(6)).map(|_| (0..draw(12)).map(|_| ['a', 'b', 'c', 'd', '!'][draw(5) as usize]).collect()).collect();
            let mut one = credits(&journeys.iter().map(String::as_str).collect::<Vec<_>>());
            let mut two = Credits::new(ALL.len());
            for journey in journeys.iter().rev() {
                two.join(credits(&[journey]));
            }
            let sold = journeys.iter().flat_map(|journey| journey.bytes()).filter(|byte| *byte == b'!').count() as i128;
            for (place, model) in ALL.into_iter().enumerate() {
                let given = one.of_model(place, model, &[0, 1, 2, 3], control(1)).unwrap().unwrap();
                assert_eq!(given, two.of_model(place, model, &[0, 1, 2, 3], control(1)).unwrap().unwrap());
                let mut parts: Vec<i128> = given.iter().map(|(credit, _)| credit.conversions).collect();
                parts.push(one.untouched.conversions);
                assert_eq!(parts.iter().sum::<i128>(), sold * PARTS, "{model:?} {journeys:?}");
                assert_eq!(rounded(&parts, PARTS / 1_000).iter().sum::<i128>(), sold * 1_000);
                let revenue: i128 = given.iter().map(|(credit, _)| credit.revenue).sum();
                assert_eq!(revenue + one.untouched.revenue, sold * 1_000 * REVENUE_PARTS);
            }
            one.path.clear();
        }
        assert_eq!(divide(-100, &[1, 1, 1]).unwrap(), [-33, -33, -34]);
    }
}
