//! Customers in the form that the models read: equal rows are combined into one row with a weight.

use crate::kernels::control::{Control, Reserved, Stop};

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// The frequency is negative or not an integer.
    Frequency,
    /// The recency is negative or not finite.
    Recency,
    /// The age T is negative or not finite, or not an integer in a discrete model.
    Age,
    /// The recency is above the age.
    RecencyAboveAge,
    /// There are no repeat purchases, but the recency is not 0.
    RecencyWithoutFrequency,
    /// There are repeat purchases, but the recency is 0.
    FrequencyWithoutRecency,
    /// In a discrete model, there are more purchases than opportunities up to the last purchase.
    MoreThanOpportunities,
    /// The mean value of the purchases is not above 0.
    Monetary,
}

impl Wrong {
    /// The rule that is violated, as text for the user.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Frequency => "frequency must be a whole number of repeat purchases, 0 or more",
            Self::Recency => "recency must be 0 or more: the time from the first purchase to the last",
            Self::Age => {
                "\"T\" must be 0 or more: the time from the first purchase to the end of observation; a whole number for bg_bb"
            }
            Self::RecencyAboveAge => "recency must be at most \"T\": both count from the first purchase",
            Self::RecencyWithoutFrequency => {
                "recency must be 0 where frequency is 0: without a repeat the last purchase is the first"
            }
            Self::FrequencyWithoutRecency => {
                "recency must be above 0 where frequency is above 0: repeats come after the first purchase"
            }
            Self::MoreThanOpportunities => {
                "frequency must be at most recency for bg_bb: there is one purchase per opportunity at most"
            }
            Self::Monetary => "monetary_value must be above 0 where frequency is above 0",
        }
    }
}

/// A row that a model cannot read, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongRow {
    pub row: usize,
    pub wrong: Wrong,
}

/// The first invalid row for a model in continuous time, if any.
pub fn check(frequency: &[f64], recency: &[f64], age: &[f64]) -> Option<WrongRow> {
    let wrong = |(frequency, recency, age): (f64, f64, f64)| {
        if !(frequency >= 0.0 && frequency.fract() == 0.0 && frequency.is_finite()) {
            Some(Wrong::Frequency)
        } else if !(recency >= 0.0 && recency.is_finite()) {
            Some(Wrong::Recency)
        } else if !(age >= 0.0 && age.is_finite()) {
            Some(Wrong::Age)
        } else if recency > age {
            Some(Wrong::RecencyAboveAge)
        } else if frequency == 0.0 && recency != 0.0 {
            Some(Wrong::RecencyWithoutFrequency)
        } else if frequency > 0.0 && recency == 0.0 {
            Some(Wrong::FrequencyWithoutRecency)
        } else {
            None
        }
    };
    let rows = frequency.iter().zip(recency).zip(age).map(|((frequency, recency), age)| (*frequency, *recency, *age));
    rows.enumerate().find_map(|(row, values)| wrong(values).map(|wrong| WrongRow { row, wrong }))
}

/// An invalid row for a model in discrete time, if any.
pub fn check_discrete(frequency: &[f64], recency: &[f64], opportunities: &[f64]) -> Option<WrongRow> {
    let whole = |values: &[f64], wrong| {
        let row = values.iter().position(|value| value.fract() != 0.0);
        row.map(|row| WrongRow { row, wrong })
    };
    check(frequency, recency, opportunities)
        .or_else(|| whole(recency, Wrong::Recency))
        .or_else(|| whole(opportunities, Wrong::Age))
        .or_else(|| {
            let row = frequency.iter().zip(recency).position(|(frequency, recency)| frequency > recency);
            row.map(|row| WrongRow { row, wrong: Wrong::MoreThanOpportunities })
        })
}

/// The first invalid row for the Gamma–Gamma model, if any. The values of rows without repeat purchases are ignored.
pub fn check_values(frequency: &[f64], value: &[f64]) -> Option<WrongRow> {
    frequency.iter().zip(value).enumerate().find_map(|(row, (frequency, value))| {
        if !(*frequency >= 0.0 && frequency.fract() == 0.0 && frequency.is_finite()) {
            Some(WrongRow { row, wrong: Wrong::Frequency })
        } else if *frequency > 0.0 && !(*value > 0.0 && value.is_finite()) {
            Some(WrongRow { row, wrong: Wrong::Monetary })
        } else {
            None
        }
    })
}

/// One customer, or several equal ones: the frequency, and two more numbers whose meaning depends on the model.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub frequency: f64,
    pub first: f64,
    pub second: f64,
    pub weight: f64,
}

/// Distinct rows in ascending order.
pub struct Compressed<'a> {
    pub rows: Vec<Row>,
    /// The sum of the weights.
    pub weight: f64,
    _memory: Reserved<'a>,
}

impl<'a> Compressed<'a> {
    /// Sorts the rows and combines equal ones by adding their weights; rows with weight 0 are dropped.
    pub fn new(
        control: &Control<'a>,
        frequency: &[f64],
        first: &[f64],
        second: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<Self, Stop> {
        let memory = control.reserve(frequency.len() * size_of::<Row>())?;
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let mut rows: Vec<Row> = Vec::with_capacity(frequency.len());
        for row in 0..frequency.len() {
            if weight(row) > 0.0 {
                // Adding 0 makes a 0 of −0, which has other bits.
                let [frequency, first, second] = [frequency, first, second].map(|column| column[row] + 0.0);
                rows.push(Row { frequency, first, second, weight: weight(row) });
            }
        }
        control.check()?;
        // No number is negative, so their bits sort like the numbers. Equal rows are sorted by weight too, so that their weights are
        // always added in the same order.
        let bits = |row: &Row| (row.frequency.to_bits(), row.first.to_bits(), row.second.to_bits());
        rows.sort_unstable_by_key(|row| (bits(row), row.weight.to_bits()));
        rows.dedup_by(|row, kept| {
            let alike = bits(row) == bits(kept);
            if alike {
                kept.weight += row.weight;
            }
            alike
        });
        let weight = rows.iter().map(|row| row.weight).sum();
        Ok(Self { rows, weight, _memory: memory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::control::unlimited::control;

    #[test]
    fn zeros_of_both_signs_are_one_row() {
        let (frequency, recency, age) = ([0.0, 2.0, -0.0, 0.0], [0.0, 5.0, 0.0, -0.0], [30.0; 4]);
        let compressed = Compressed::new(&control(1), &frequency, &recency, &age, None).unwrap();
        let rows: Vec<(f64, f64)> = compressed.rows.iter().map(|row| (row.frequency, row.weight)).collect();
        assert_eq!(rows, [(0.0, 3.0), (2.0, 1.0)]);
    }
}
