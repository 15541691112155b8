//! The aggregate `outlier_bounds`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, LargeListArray, StringArray, StructArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type};
use datafusion::common::{Result, internal_err};

use crate::adapter::aggregate::{Grouped, GroupedFunction};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{SqlState, did_you_mean, in_rows, invalid, one_of};
use crate::kernels::outliers::{Bounds, Method, bounds};

pub const OUTLIER_BOUNDS: &str = "outlier_bounds";

/// The names of the methods, as in [`Method`].
pub const METHODS: [&str; 4] = ["iqr", "zscore", "mad", "multiple_of_mean"];

/// The default factor of a method.
pub fn standard_factor(method: &str) -> f64 {
    match method {
        "zscore" => 3.0,
        "mad" => 3.5,
        "multiple_of_mean" => 10.0,
        _ => 1.5,
    }
}

const DOC: Doc = Doc {
    name: OUTLIER_BOUNDS,
    kind: Kind::Aggregate,
    domain: "quality",
    summary: "Returns the bounds outside which values of a group count as outliers: a struct of `lower` and `upper`.",
    description: "\
The methods and factors are those of `find_outliers`, which returns the rows: `iqr` (1.5), `zscore` (3), `mad` (3.5) and `multiple_of_mean`
(10), which has no lower bound. NULL, NaN and infinite values are ignored. Both bounds are NULL for a group without values; with
`multiple_of_mean` also if the mean is not above 0. The result does not depend on the order of rows.

**Cost.** One pass; a group keeps its values in memory, 8 bytes per value.

**Elsewhere.** In SQL, `quantile_cont` or `percentile_cont` for the quartiles, and arithmetic; R: `boxplot.stats`; scipy:
`stats.median_abs_deviation`.",
    arguments: &[
        Argument::required("value", Takes::Value("number"), "the values"),
        Argument::optional("method", Takes::Value("string"), "'iqr'", "how the bounds are computed; the same for all rows"),
        Argument::optional("factor", Takes::Value("number"), "", "distance of the bounds from the centre; the same for all rows"),
    ],
    examples: &["SELECT status, bounds['lower'] AS lower, bounds['upper'] AS upper
FROM (SELECT status, outlier_bounds(amount, 'mad') AS bounds FROM sample_orders(rows => 1000) GROUP BY status) ORDER BY status;"],
    ..Doc::EMPTY
};

#[derive(Debug, Clone)]
pub struct OutlierBounds;

fn parts() -> Fields {
    ["lower", "upper"].map(|name| Field::new(name, DataType::Float64, true)).into_iter().collect()
}

fn item() -> FieldRef {
    Arc::new(Field::new("item", DataType::Float64, true))
}

impl GroupedFunction for OutlierBounds {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn result(&self, arguments: &[DataType]) -> Result<DataType> {
        let wrong =
            |name: &str, wanted: &str, got: &DataType| Err(invalid(DOC.name, format!("{name} must be {wanted}, got {got}")));
        match arguments {
            [value, ..] if !value.is_numeric() => wrong("value", "a number", value),
            [_, method, ..] if !method.is_string() => wrong("method", "a text", method),
            [_, _, factor] if !factor.is_numeric() => wrong("factor", "a number", factor),
            _ => Ok(DataType::Struct(parts())),
        }
    }

    fn state(&self, _arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>> {
        Ok(vec![("values", DataType::LargeList(item())), ("method", DataType::Utf8), ("factor", DataType::Float64)])
    }

    fn start(&self, _arguments: &[DataType]) -> Result<Box<dyn Grouped>> {
        Ok(Box::new(Groups::default()))
    }

    fn counts_repeats(&self) -> bool {
        true
    }
}

/// The values of every group, with the method and the factor.
#[derive(Debug, Default)]
struct Groups {
    values: Vec<Vec<f64>>,
    /// Bytes of the values.
    heap: usize,
    asked: Option<(Method, f64)>,
}

impl Groups {
    fn push(&mut self, group: usize, values: impl Iterator<Item = f64>) {
        let kept = &mut self.values[group];
        let before = kept.capacity();
        kept.extend(values.filter(|value| value.is_finite()));
        self.heap += (kept.capacity() - before) * size_of::<f64>();
    }

    fn ask(&mut self, method: &str, factor: Option<f64>) -> Result<()> {
        let place = METHODS.iter().position(|word| word.eq_ignore_ascii_case(method)).ok_or_else(|| {
            let suggestion = did_you_mean(method, METHODS);
            invalid(DOC.name, format!("method must be {}, got '{method}'{suggestion}", one_of(METHODS)))
        })?;
        let factor = factor.unwrap_or_else(|| standard_factor(METHODS[place]));
        if !(factor >= 0.0 && factor.is_finite()) {
            return Err(invalid(DOC.name, format!("factor must be at least 0 and finite, got {factor}")));
        }
        let asked = ([Method::Iqr, Method::Zscore, Method::Mad, Method::MultipleOfMean][place], factor);
        match self.asked {
            Some(other) if other != asked => {
                let rule = "method and factor must be the same in all rows";
                Err(in_rows(SqlState::INVALID_PARAMETER_VALUE, DOC.name, rule, format!("{rule}; write them as constants")))
            }
            _ => {
                self.asked = Some(asked);
                Ok(())
            }
        }
    }
}

impl Grouped for Groups {
    fn fresh(&self) -> Box<dyn Grouped> {
        Box::new(Self { asked: self.asked, ..Self::default() })
    }

    fn grow(&mut self, total: usize) {
        self.values.resize(total, vec![]);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let values = cast(&arguments[0], &DataType::Float64)?;
        let values = values.as_primitive::<Float64Type>().values();
        // Method and factor are constants, so they are parsed once for all rows with the same ones.
        let methods = arguments.get(1).map(|method| cast(method, &DataType::Utf8)).transpose()?;
        let factors = arguments.get(2).map(|factor| cast(factor, &DataType::Float64)).transpose()?;
        let mut last = None;
        for row in 0..groups.len() {
            let method = methods.as_ref().map_or("iqr", |methods| methods.as_string::<i32>().value(row));
            let factor = factors.as_ref().map(|factors| factors.as_primitive::<Float64Type>().value(row));
            if last != Some((method, factor)) {
                self.ask(method, factor)?;
                last = Some((method, factor));
            }
        }
        for (group, value) in groups.iter().zip(values) {
            self.push(*group, std::iter::once(*value));
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let lists = states[0].as_list::<i64>();
        let (methods, factors) = (states[1].as_string::<i32>(), states[2].as_primitive::<Float64Type>());
        for (row, group) in groups.iter().enumerate() {
            self.ask(methods.value(row), Some(factors.value(row)))?;
            let values = lists.value(row);
            self.push(*group, values.as_primitive::<Float64Type>().values().iter().copied());
        }
        Ok(())
    }

    fn results(&mut self, first: usize) -> Result<ArrayRef> {
        let asked = self.asked;
        let found: Vec<Bounds> = self.values[..first]
            .iter_mut()
            .map(|values| asked.map_or_else(Bounds::default, |(method, factor)| bounds(values, method, factor)))
            .collect();
        let column =
            |part: fn(&Bounds) -> Option<f64>| -> ArrayRef { Arc::new(found.iter().map(part).collect::<Float64Array>()) };
        Ok(Arc::new(StructArray::try_new(parts(), vec![column(|found| found.lower), column(|found| found.upper)], None)?))
    }

    fn states(&mut self, first: usize) -> Result<Vec<ArrayRef>> {
        let groups = &self.values[..first];
        let lengths = OffsetBuffer::from_lengths(groups.iter().map(Vec::len));
        let values: Float64Array = groups.iter().flatten().copied().collect();
        let lists = LargeListArray::try_new(item(), lengths, Arc::new(values), None)?;
        // Without rows there is no method yet, and the state is NULL.
        let words = self.asked.map(|(method, factor)| {
            let place = match method {
                Method::Iqr => 0,
                Method::Zscore => 1,
                Method::Mad => 2,
                Method::MultipleOfMean => 3,
            };
            (METHODS[place], factor)
        });
        if words.is_none() && groups.iter().any(|values| !values.is_empty()) {
            return internal_err!("values without a method");
        }
        let methods: StringArray = std::iter::repeat_n(words.map(|(method, _)| method), first).collect();
        let factors: Float64Array = std::iter::repeat_n(words.map(|(_, factor)| factor), first).collect();
        Ok(vec![Arc::new(lists), Arc::new(methods), Arc::new(factors)])
    }

    fn forget(&mut self, first: usize) {
        if first == self.values.len() {
            (self.values, self.heap) = (vec![], 0);
            return;
        }
        let gone: usize = self.values.drain(..first).map(|values| values.capacity() * size_of::<f64>()).sum();
        self.heap -= gone;
    }

    fn groups(&self) -> usize {
        self.values.len()
    }

    fn size(&self) -> usize {
        self.values.capacity() * size_of::<Vec<f64>>() + self.heap
    }
}
