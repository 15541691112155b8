//! Which channels conversions are owed to.
//!
//! Credits are whole numbers of small units, dealt out by largest remainder, so that those of all channels add up to the conversions and
//! the revenue to the last digit.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::events::{Detail, Event};
use crate::kernels::control::Stop;

/// One conversion in units.
pub const CONVERSION: i128 = 1_000_000_000_000;
/// The code of no channel.
pub const NO_CHANNEL: u32 = u32::MAX;
/// Channels of a Markov chain; its equations take time for the cube.
pub const MOST_CHANNELS: usize = 500;

/// What an event is to attribution: a touch of a channel, a conversion, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// At one time touches come before conversions.
    pub converts: bool,
    /// [`NO_CHANNEL`] when it is no touch.
    pub channel: u32,
    /// Of a conversion, in the last digit.
    pub revenue: i128,
}

impl Detail for Touch {
    const BYTES: usize = 21;

    fn write(&self, to: &mut Vec<u8>) {
        to.push(u8::from(self.converts));
        to.extend(self.channel.to_le_bytes());
        to.extend(self.revenue.to_le_bytes());
    }

    fn read(from: &[u8]) -> Self {
        let (converts, rest) = from.split_at(1);
        let (channel, revenue) = rest.split_at(4);
        Self {
            converts: converts == [1],
            channel: u32::read(channel),
            revenue: revenue.first_chunk().map_or(0, |bytes| i128::from_le_bytes(*bytes)),
        }
    }

    fn recoded(self, codes: &[u32]) -> Self {
        Self { channel: codes.get(self.channel as usize).copied().unwrap_or(NO_CHANNEL), ..self }
    }
}

/// How the credit for a conversion is dealt out among the touches before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Model {
    First,
    Last,
    Linear,
    /// 40 % to the first touch, 40 % to the last, the rest to those between.
    Position,
    /// Half as much for every such time before the conversion.
    TimeDecay {
        half_life: i64,
    },
    /// By how many conversions would be lost without the channel, in a chain where the next touch depends on the last alone.
    Markov,
    /// The Shapley value of the game in which a set of channels wins the conversions that needed no other channel.
    Shapley,
}

/// What a channel is credited with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Credit {
    /// Touches on the way to conversions.
    pub touches: i64,
    /// In units of [`CONVERSION`].
    pub conversions: i128,
    pub revenue: i128,
}

/// Credits by channel; [`NO_CHANNEL`] has the conversions without a touch.
#[derive(Debug, Default)]
pub struct Credits {
    pub channels: HashMap<u32, Credit>,
    /// Of a Markov chain: from where to where, how often.
    transitions: HashMap<(Stage, Stage), i64>,
    conversions: i128,
    revenue: i128,
    touches: Vec<(i64, u32)>,
    weights: Vec<i128>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    Start,
    Channel(u32),
    Converted,
    Lost,
}

impl Credits {
    /// Takes the events of a customer, in order. A conversion is owed to the touches since the one before, at most `lookback` earlier.
    ///
    /// # Errors
    /// A revenue is too large to be dealt out.
    pub fn add(&mut self, events: &[Event<Touch>], model: Model, lookback: Option<i64>) -> Result<(), Stop> {
        let mut touches = std::mem::take(&mut self.touches);
        touches.clear();
        for event in events {
            if event.detail.channel != NO_CHANNEL {
                touches.push((event.time, event.detail.channel));
            }
            if event.detail.converts {
                let is_old = |touch: &(i64, u32)| lookback.is_some_and(|most| event.time.saturating_sub(touch.0) > most);
                let first = touches.iter().position(|touch| !is_old(touch)).unwrap_or(touches.len());
                self.conversion(event, &touches[first..], model)?;
                touches.clear();
            }
        }
        if model == Model::Markov && !touches.is_empty() {
            self.walk(&touches, Stage::Lost);
        }
        self.touches = touches;
        Ok(())
    }

    fn conversion(&mut self, event: &Event<Touch>, touches: &[(i64, u32)], model: Model) -> Result<(), Stop> {
        let revenue = event.detail.revenue;
        for (_, channel) in touches {
            self.channels.entry(*channel).or_default().touches += 1;
        }
        if touches.is_empty() {
            let none = self.channels.entry(NO_CHANNEL).or_default();
            none.conversions += CONVERSION;
            none.revenue = none.revenue.checked_add(revenue).ok_or(Stop::TooLarge)?;
            return Ok(());
        }
        if model == Model::Markov {
            self.walk(touches, Stage::Converted);
            self.conversions += CONVERSION;
            self.revenue = self.revenue.checked_add(revenue).ok_or(Stop::TooLarge)?;
            return Ok(());
        }
        let mut weights = std::mem::take(&mut self.weights);
        weights.clear();
        let (count, last) = (touches.len(), touches.len() - 1);
        let weight = |place: usize| match model {
            Model::First => i128::from(place == 0),
            Model::Last => i128::from(place == last),
            Model::Position if count > 2 => {
                if place == 0 || place == last {
                    2 * (count as i128 - 2)
                } else {
                    1
                }
            }
            Model::TimeDecay { half_life } => {
                let halvings = event.time.saturating_sub(touches[place].0) as f64 / half_life as f64;
                let latest = event.time.saturating_sub(touches[last].0) as f64 / half_life as f64;
                whole(libm::exp2(latest - halvings))
            }
            // A channel counts once, at its first touch.
            Model::Shapley => i128::from(!touches[..place].iter().any(|touch| touch.1 == touches[place].1)),
            Model::Position | Model::Linear | Model::Markov => 1,
        };
        weights.extend((0..count).map(weight));
        for ((_, channel), conversions) in touches.iter().zip(deal(CONVERSION, &weights)?) {
            self.channels.entry(*channel).or_default().conversions += conversions;
        }
        for ((_, channel), revenue) in touches.iter().zip(deal(revenue, &weights)?) {
            let credit = self.channels.entry(*channel).or_default();
            credit.revenue = credit.revenue.checked_add(revenue).ok_or(Stop::TooLarge)?;
        }
        self.weights = weights;
        Ok(())
    }

    fn walk(&mut self, touches: &[(i64, u32)], end: Stage) {
        let mut stage = Stage::Start;
        for next in touches.iter().map(|(_, channel)| Stage::Channel(*channel)).chain([end]) {
            *self.transitions.entry((stage, next)).or_default() += 1;
            stage = next;
        }
    }

    /// Adds what another worker has found.
    ///
    /// # Errors
    /// A sum is too large.
    pub fn join(&mut self, other: Self) -> Result<(), Stop> {
        for (channel, credit) in other.channels {
            let own = self.channels.entry(channel).or_default();
            own.touches += credit.touches;
            own.conversions += credit.conversions;
            own.revenue = own.revenue.checked_add(credit.revenue).ok_or(Stop::TooLarge)?;
        }
        for (transition, count) in other.transitions {
            *self.transitions.entry(transition).or_default() += count;
        }
        self.conversions += other.conversions;
        self.revenue = self.revenue.checked_add(other.revenue).ok_or(Stop::TooLarge)?;
        Ok(())
    }

    /// Deals out the conversions of a Markov chain; gives the share of conversions that would be lost without each channel.
    ///
    /// # Errors
    /// There are more than [`MOST_CHANNELS`] channels, or a revenue is too large.
    pub fn settle(&mut self) -> Result<HashMap<u32, f64>, Stop> {
        let mut channels: Vec<u32> = self
            .transitions
            .keys()
            .filter_map(|(stage, _)| if let Stage::Channel(channel) = stage { Some(*channel) } else { None })
            .collect();
        channels.sort_unstable();
        channels.dedup();
        if channels.len() > MOST_CHANNELS {
            return Err(Stop::TooMany);
        }
        if channels.is_empty() {
            return Ok(HashMap::new());
        }
        let effects = removal_effects(&channels, &self.transitions);
        let weights: Vec<i128> = effects.iter().map(|effect| whole(*effect)).collect();
        if weights.iter().any(|weight| *weight > 0) {
            let (conversions, revenue) = (deal(self.conversions, &weights)?, deal(self.revenue, &weights)?);
            for ((channel, conversions), revenue) in channels.iter().zip(conversions).zip(revenue) {
                let credit = self.channels.entry(*channel).or_default();
                (credit.conversions, credit.revenue) = (conversions, revenue);
            }
        }
        Ok(channels.into_iter().zip(effects).collect())
    }
}

/// A share of 1 as a weight.
fn whole(share: f64) -> i128 {
    (share * (1_u64 << 40) as f64).round() as i128
}

/// Deals out a total by weights, to the unit: what is left over goes to those whose part was cut the most, the first of equals first.
fn deal(total: i128, weights: &[i128]) -> Result<Vec<i128>, Stop> {
    let sum: i128 = weights.iter().sum();
    let mut dealt = vec![0; weights.len()];
    let mut rests = vec![];
    let mut left = total;
    for (place, weight) in weights.iter().enumerate() {
        let part = total.checked_mul(*weight).ok_or(Stop::TooLarge)?;
        dealt[place] = part.div_euclid(sum);
        left -= dealt[place];
        rests.push((std::cmp::Reverse(part.rem_euclid(sum)), place));
    }
    rests.sort_unstable();
    for (_, place) in rests.into_iter().take(left as usize) {
        dealt[place] += 1;
    }
    Ok(dealt)
}

/// 1 − (chance of conversion when the channel leads nowhere) / (chance of conversion), for each channel.
///
/// With N = (I − Q)⁻¹ of the chain's transient part, a walk from the start comes to c with chance N(start, c) / N(c, c), and converts from there
/// with chance P(c): what is lost without c is their product, so that one inverse serves all channels.
fn removal_effects(channels: &[u32], transitions: &HashMap<(Stage, Stage), i64>) -> Vec<f64> {
    let size = channels.len() + 1;
    let place = |stage: Stage| match stage {
        Stage::Start => Some(0),
        Stage::Channel(channel) => channels.binary_search(&channel).ok().map(|place| place + 1),
        Stage::Converted | Stage::Lost => None,
    };
    // Sorted, so that sums do not depend on the order of a hash table.
    let mut counts: Vec<(usize, Option<usize>, bool, i64)> = transitions
        .iter()
        .filter_map(|((from, to), count)| Some((place(*from)?, place(*to), *to == Stage::Converted, *count)))
        .collect();
    counts.sort_unstable();
    let mut totals = vec![0_i64; size];
    counts.iter().for_each(|(from, _, _, count)| totals[*from] += count);
    // Rows of I − Q, and beside them I and the chances to convert at once, which elimination turns into N and P.
    let width = 2 * size + 1;
    let mut rows = vec![0.0; size * width];
    for row in 0..size {
        rows[row * width + row] = 1.0;
        rows[row * width + size + row] = 1.0;
    }
    for (from, to, converts, count) in counts {
        let chance = count as f64 / totals[from] as f64;
        match to {
            Some(to) => rows[from * width + to] -= chance,
            None if converts => rows[from * width + 2 * size] += chance,
            None => {}
        }
    }
    for pivot in 0..size {
        let best = (pivot..size)
            .max_by(|one, other| rows[one * width + pivot].abs().total_cmp(&rows[other * width + pivot].abs()))
            .unwrap_or(pivot);
        if best != pivot {
            for column in 0..width {
                rows.swap(pivot * width + column, best * width + column);
            }
        }
        let scale = rows[pivot * width + pivot];
        for column in 0..width {
            rows[pivot * width + column] /= scale;
        }
        for row in (0..size).filter(|row| *row != pivot) {
            let factor = rows[row * width + pivot];
            if factor != 0.0 {
                for column in 0..width {
                    rows[row * width + column] -= factor * rows[pivot * width + column];
                }
            }
        }
    }
    let visits = |from: usize, to: usize| rows[from * width + size + to];
    let converts = |from: usize| rows[from * width + 2 * size];
    let all = converts(0);
    (1..size)
        .map(|channel| {
            if all > 0.0 {
                (visits(0, channel) / visits(channel, channel) * converts(channel) / all).clamp(0.0, 1.0)
            } else {
                0.0
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    /// Letters are touches of channels, `!` a conversion worth 100; a second apart.
    fn events(text: &str) -> Vec<Event<Touch>> {
        let event = |(time, letter): (i64, u8)| Event {
            time,
            tie: 0,
            detail: match letter {
                b'!' => Touch { converts: true, channel: NO_CHANNEL, revenue: 100 },
                letter => Touch { converts: false, channel: u32::from(letter - b'a'), revenue: 0 },
            },
        };
        (0..).zip(text.bytes()).map(event).collect()
    }

    fn credited(texts: &[&str], model: Model) -> Vec<(u32, f64, i128)> {
        let mut credits = Credits::default();
        texts.iter().for_each(|text| credits.add(&events(text), model, None).unwrap());
        credits.settle().unwrap();
        let mut found: Vec<_> = credits
            .channels
            .into_iter()
            .map(|(channel, credit)| (channel, credit.conversions as f64 / CONVERSION as f64, credit.revenue))
            .collect();
        found.sort_by_key(|found| found.0);
        found
    }

    #[test]
    fn each_model_deals_out_as_defined() {
        assert_eq!(credited(&["abc!"], Model::First), [(0, 1.0, 100), (1, 0.0, 0), (2, 0.0, 0)]);
        assert_eq!(credited(&["abc!"], Model::Last), [(0, 0.0, 0), (1, 0.0, 0), (2, 1.0, 100)]);
        assert_eq!(
            credited(&["abc!"], Model::Linear),
            [(0, 0.333333333334, 34), (1, 0.333333333333, 33), (2, 0.333333333333, 33)]
        );
        assert_eq!(credited(&["abbc!"], Model::Position), [(0, 0.4, 40), (1, 0.2, 20), (2, 0.4, 40)]);
        assert_eq!(credited(&["ab!"], Model::Position), [(0, 0.5, 50), (1, 0.5, 50)]);
        assert_eq!(credited(&["aab!"], Model::Shapley), [(0, 0.5, 50), (1, 0.5, 50)]);
        let decayed = credited(&["ab!"], Model::TimeDecay { half_life: 1 });
        assert!((decayed[0].1 - 1.0 / 3.0).abs() < 1e-11 && decayed[1].2 == 67, "{decayed:?}");
        // What nobody touched, and what comes after a conversion.
        assert_eq!(credited(&["!", "a!b!"], Model::First), [(0, 1.0, 100), (1, 1.0, 100), (NO_CHANNEL, 1.0, 100)]);
    }

    #[test]
    fn old_touches_do_not_count() {
        let mut credits = Credits::default();
        credits.add(&events("abc!"), Model::First, Some(2)).unwrap();
        assert_eq!(credits.channels[&1].conversions, CONVERSION);
        credits.add(&events("a!"), Model::First, Some(0)).unwrap();
        assert_eq!(credits.channels[&NO_CHANNEL].conversions, CONVERSION);
    }

    /// Anderl, Becker, von Wangenheim, Schumann: Mapping the customer journey (2016): removal effects of the chain
    /// c1 → c2 → c3 → conversion; c1 → nothing; c2 → c3 → nothing. Without c1 half is left, without c2 or c3 nothing.
    #[test]
    fn a_markov_chain_credits_what_would_be_lost() {
        let mut credits = Credits::default();
        for text in ["abc!", "a", "bc"] {
            credits.add(&events(text), Model::Markov, None).unwrap();
        }
        let effects = credits.settle().unwrap();
        assert!(
            (effects[&0] - 0.5).abs() < 1e-12 && (effects[&1] - 1.0).abs() < 1e-12 && (effects[&2] - 1.0).abs() < 1e-12,
            "{effects:?}"
        );
        let conversions: i128 = credits.channels.values().map(|credit| credit.conversions).sum();
        assert_eq!(conversions, CONVERSION);
        assert!((credits.channels[&0].conversions as f64 / CONVERSION as f64 - 0.2).abs() < 1e-9);
    }

    #[test]
    fn credits_add_up_and_workers_do_not_matter() {
        let mut random = Random::new(9, &[]);
        for model in [
            Model::First,
            Model::Last,
            Model::Linear,
            Model::Position,
            Model::TimeDecay { half_life: 3 },
            Model::Markov,
            Model::Shapley,
        ] {
            let texts: Vec<String> =
                (0..300).map(|_| (0..random.below(9)).map(|_| *random.pick(&['a', 'b', 'c', 'd', 'e', '!'])).collect()).collect();
            let conversions = texts.iter().map(|text| text.matches('!').count()).sum::<usize>() as i128;
            let mut one = Credits::default();
            texts.iter().for_each(|text| one.add(&events(text), model, None).unwrap());
            let mut parts = [Credits::default(), Credits::default()];
            texts.iter().enumerate().for_each(|(place, text)| parts[place % 2].add(&events(text), model, None).unwrap());
            let [mut two, other] = parts;
            two.join(other).unwrap();
            let effects = one.settle().unwrap();
            assert_eq!(effects, two.settle().unwrap());
            assert_eq!(one.channels, two.channels);
            let of = |value: fn(&Credit) -> i128| one.channels.values().map(value).sum::<i128>();
            assert_eq!(of(|credit| credit.conversions), conversions * CONVERSION, "{model:?}");
            assert_eq!(of(|credit| credit.revenue), conversions * 100, "{model:?}");
        }
    }
}
