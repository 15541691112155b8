//! Hierarchies of a column's values: levels, each coarser than the one before.

use std::collections::HashMap;
use std::hash::Hash;

use super::bands::{Span, label, place};
use super::generalization::Levels;

/// The distinct values of a column.
#[derive(Debug)]
pub enum Values {
    /// Numbers in units of 10^-scale.
    Numbers {
        /// The values; `None` for NULL and for infinity or NaN.
        units: Vec<Option<i128>>,
        /// The number of decimals.
        scale: u32,
        /// Whether the column has an integer type; the bands of integers are shown with both ends.
        whole: bool,
    },
    /// Days since 1970-01-01, from dates or timestamps.
    Days(Vec<Option<i32>>),
    /// Strings.
    Texts(Vec<Option<String>>),
    /// Values of other types, which are either shown or not.
    Others,
}

/// The levels of a column, and how they are shown.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    /// The groups of each level.
    pub levels: Levels,
    /// For each level, the text of each group; `None` for NULL.
    pub labels: Vec<Vec<Option<String>>>,
    /// The name of each level.
    pub names: Vec<String>,
}

/// The text that replaces any value.
const ANY: &str = "*";

/// The most bands that a column has at its finest level of bands.
const MOST_BANDS: i128 = 32;

/// The most levels of bands, and the longest strings that get a level per character.
const MOST_LEVELS: usize = 12;

impl Hierarchy {
    /// Starts with level 0, at which each value is its own group.
    fn new(shown: Vec<Option<String>>) -> Self {
        let groups = (0..shown.len() as u32).collect();
        Self { levels: Levels { groups: vec![groups] }, labels: vec![shown], names: vec!["as it is".into()] }
    }

    /// Builds the levels for values whose texts are `shown`.
    pub fn of(values: &Values, shown: Vec<Option<String>>) -> Self {
        let mut own = Self::new(shown);
        match values {
            Values::Numbers { units, scale, whole } => own.bands(units, *scale, *whole),
            Values::Days(days) => {
                for (span, word) in Span::ALL {
                    own.add(word.into(), days, |day| Some(span.label(*day)), |label| Some(label.clone()));
                }
            }
            Values::Texts(texts) => own.prefixes(texts),
            Values::Others => {}
        }
        own.any()
    }

    /// Uses levels given by the caller: for each value its text at each level, or `None` if none are given for the value.
    pub fn given(given: &[Option<Vec<Option<String>>>], shown: Vec<Option<String>>) -> Self {
        let mut own = Self::new(shown);
        let levels = given.iter().flatten().map(Vec::len).max().unwrap_or(0);
        for level in 0..levels {
            let texts: Vec<Option<String>> =
                given.iter().map(|texts| texts.as_ref().and_then(|texts| texts.get(level).cloned().flatten())).collect();
            // A value without a text at this level keeps its text of the level before.
            let before: Vec<Option<String>> = own.texts();
            let texts: Vec<Option<String>> = texts.into_iter().zip(before).map(|(text, before)| text.or(before)).collect();
            own.add(format!("level {}", level + 1), &texts, |text| Some(text.clone()), |label| Some(label.clone()));
        }
        own.any()
    }

    /// The text of each value at the coarsest level so far.
    fn texts(&self) -> Vec<Option<String>> {
        let (Some(groups), Some(labels)) = (self.levels.groups.last(), self.labels.last()) else { return vec![] };
        groups.iter().map(|group| labels.get(*group as usize).cloned().flatten()).collect()
    }

    /// Adds a level if it has fewer groups than the one before. Values that already share a group stay together, even if their keys
    /// differ.
    fn add<V, K: Hash + Eq + Clone>(
        &mut self,
        name: String,
        values: &[Option<V>],
        key: impl Fn(&V) -> Option<K>,
        text: impl Fn(&K) -> Option<String>,
    ) {
        let Some(before) = self.levels.groups.last() else { return };
        let known: usize = self.labels.last().map_or(0, Vec::len);
        let mut numbers: HashMap<Option<K>, u32> = HashMap::new();
        let mut labels: Vec<Option<String>> = vec![];
        let mut of_group: Vec<Option<u32>> = vec![None; known];
        let groups: Vec<u32> = values
            .iter()
            .zip(before)
            .map(|(value, group)| {
                if let Some(Some(same)) = of_group.get(*group as usize) {
                    return *same;
                }
                let key = value.as_ref().and_then(&key);
                let number = *numbers.entry(key.clone()).or_insert_with(|| {
                    labels.push(key.as_ref().and_then(&text));
                    labels.len() as u32 - 1
                });
                if let Some(place) = of_group.get_mut(*group as usize) {
                    *place = Some(number);
                }
                number
            })
            .collect();
        if labels.len() < known {
            self.levels.groups.push(groups);
            self.labels.push(labels);
            self.names.push(name);
        }
    }

    /// Adds levels of bands whose widths double, from one that gives about 32 bands.
    fn bands(&mut self, units: &[Option<i128>], scale: u32, whole: bool) {
        let finite = || units.iter().flatten().copied();
        let (Some(least), Some(most)) = (finite().min(), finite().max()) else { return };
        let range = most.saturating_sub(least);
        let mut width = round_width(range / MOST_BANDS);
        if whole && scale == 0 {
            width = width.max(if range < 10 { 2 } else { 5 });
        }
        for _ in 0..MOST_LEVELS {
            let name = format!("bands of {}", super::bands::written(width, scale));
            self.add(name, units, |units| Some(place(*units, width)), |band| label(*band, width, scale, whole));
            if place(least, width) == place(most, width) {
                break;
            }
            let Some(next) = width.checked_mul(2) else { break };
            width = next;
        }
    }

    /// Adds levels of ever shorter prefixes.
    fn prefixes(&mut self, texts: &[Option<String>]) {
        let longest = texts.iter().flatten().map(|text| text.chars().count()).max().unwrap_or(0);
        let lengths: Vec<usize> = if longest <= MOST_LEVELS {
            (1..longest).rev().collect()
        } else {
            std::iter::successors(Some(longest / 2), |length| (*length > 1).then_some(length / 2)).collect()
        };
        for length in lengths {
            let name = if length == 1 { "first character".to_string() } else { format!("first {length} characters") };
            let label = |begin: &String| {
                let ends_before = begin.chars().count() < length;
                Some(if ends_before { begin.clone() } else { format!("{begin}*") })
            };
            // A string that is no longer than the prefix joins those that begin with it.
            self.add(name, texts, |text| Some(text.chars().take(length).collect()), label);
        }
    }

    /// Adds the coarsest level, at which all values are one group.
    fn any(mut self) -> Self {
        if self.labels.last().is_some_and(|labels| labels.len() > 1) {
            let values = self.levels.groups.first().map_or(0, Vec::len);
            self.levels.groups.push(vec![0; values]);
            self.labels.push(vec![Some(ANY.into())]);
            self.names.push("any".into());
        }
        self
    }

    /// The text of a value at a level.
    pub fn text(&self, level: usize, value: u32) -> Option<&str> {
        let group = *self.levels.groups.get(level)?.get(value as usize)?;
        self.labels.get(level)?.get(group as usize)?.as_deref()
    }
}

/// The smallest of 1, 5, 10, 50, 100, … that is at least `least`.
fn round_width(least: i128) -> i128 {
    let mut power = 1_i128;
    loop {
        for digit in [1, 5] {
            let width = power.saturating_mul(digit);
            if width >= least {
                return width;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(hierarchy: &Hierarchy, value: u32) -> Vec<String> {
        (0..hierarchy.names.len()).map(|level| hierarchy.text(level, value).unwrap_or("NULL").to_string()).collect()
    }

    fn is_nested(hierarchy: &Hierarchy) -> bool {
        hierarchy.levels.groups.windows(2).all(|pair| {
            let mut coarser: HashMap<u32, u32> = HashMap::new();
            pair[0].iter().zip(&pair[1]).all(|(fine, coarse)| *coarser.entry(*fine).or_insert(*coarse) == *coarse)
        })
    }

    #[test]
    fn ages() {
        let units: Vec<Option<i128>> = (0..100).map(Some).chain([None]).collect();
        let texts = units.iter().map(|units| units.map(|units| units.to_string())).collect();
        let ages = Hierarchy::of(&Values::Numbers { units, scale: 0, whole: true }, texts);
        assert_eq!(
            ages.names,
            ["as it is", "bands of 5", "bands of 10", "bands of 20", "bands of 40", "bands of 80", "bands of 160", "any"]
        );
        assert_eq!(shown(&ages, 27), ["27", "25-29", "20-29", "20-39", "0-39", "0-79", "0-159", "*"]);
        assert_eq!(shown(&ages, 100), ["NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "*"]);
        assert!(is_nested(&ages));
    }

    #[test]
    fn codes_days_and_others() {
        let texts: Vec<Option<String>> = ["47677", "47602", "4790", "4"].map(|text| Some(text.to_string())).to_vec();
        let codes = Hierarchy::of(&Values::Texts(texts.clone()), texts);
        assert_eq!(codes.names, ["as it is", "first 3 characters", "first 2 characters", "first character"]);
        assert_eq!(shown(&codes, 0), ["47677", "476*", "47*", "4*"]);
        assert_eq!(shown(&codes, 3), ["4", "4", "4", "4*"]);
        assert!(is_nested(&codes));
        let days: Vec<Option<i32>> = [0, 1, 40, 120, 400, 20_000].map(Some).to_vec();
        let texts = days.iter().map(|day| day.map(|day| Span::Day.label(day))).collect();
        let days = Hierarchy::of(&Values::Days(days), texts);
        assert_eq!(shown(&days, 1), ["1970-01-02", "1970-01", "1970-Q1", "1970", "1970-1979", "*"]);
        assert!(is_nested(&days));
        let flags = Hierarchy::of(&Values::Others, vec![Some("false".into()), Some("true".into())]);
        assert_eq!(flags.names, ["as it is", "any"]);
        let one = Hierarchy::of(&Values::Others, vec![Some("true".into())]);
        assert_eq!(one.names, ["as it is"]);
    }

    #[test]
    fn levels_that_are_given() {
        let texts = ["rice", "tea", "milk"].map(|text| Some(text.to_string())).to_vec();
        let levels = |levels: [&str; 2]| Some(levels.map(|text| Some(text.to_string())).to_vec());
        let given = [levels(["grain", "food"]), None, levels(["dairy", "food"])];
        let own = Hierarchy::given(&given, texts);
        assert_eq!(shown(&own, 0), ["rice", "food", "*"]);
        assert_eq!(shown(&own, 1), ["tea", "tea", "*"]);
        assert!(is_nested(&own));
    }
}
