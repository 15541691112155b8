//! `single_value`: the only value of a group, or an error if there are several.

use std::cmp::Ordering;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use super::keys::{Key, Keys, value_type};
use crate::adapter::aggregate::{Grouped, GroupedFunction};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{SqlState, in_rows};

const DOC: Doc = Doc {
    name: "single_value",
    kind: Kind::Aggregate,
    domain: "tags",
    summary: "Returns the only value of a group; a second distinct value is an error.",
    description: "\
For columns that should be the same in the whole group: the city of a customer in all orders, the name of a product in all lines.
`min(city)` would hide that the values differ; this function names two of them:
`single_value: a group has more than one value: \"Beijing\" and \"Shanghai\"`. NULLs are ignored; the result is NULL for a group without
values. It has the type of `value` (for a dictionary column, the type of its values).

Where values may differ, `last_value_by` returns the newest and `preference` the most frequent.

**Cost.** One pass; one value per group.

**Elsewhere.** `any_value(x)` of PostgreSQL 16, DuckDB and BigQuery returns one of the values without looking at the others. pandas needs
`nunique().max() == 1` and `first()`.",
    arguments: &[Argument::required(
        "value",
        Takes::Value("any type with an order"),
        "value that must be the same in the whole group; NULLs are ignored",
    )],
    examples: &["SELECT product_id, single_value(category) AS category, count(*) AS lines
FROM sample_order_items(rows => 2500) GROUP BY product_id ORDER BY lines DESC, product_id LIMIT 5;"],
    source: "the functional dependency of relational theory: the key determines the value.",
    ..Doc::EMPTY
};

#[derive(Debug, Clone)]
pub struct SingleValue;

impl GroupedFunction for SingleValue {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn result(&self, arguments: &[DataType]) -> Result<DataType> {
        value_type(DOC.name, "value", &arguments[0])
    }

    fn state(&self, arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>> {
        Ok(vec![("value", Keys::of(&arguments[0])?.state_type())])
    }

    fn start(&self, arguments: &[DataType]) -> Result<Box<dyn Grouped>> {
        let kind = Keys::of(&arguments[0])?;
        Ok(if kind.are_words() { Singles::<u64>::start(kind) } else { Singles::<Vec<u8>>::start(kind) })
    }

    fn counts_repeats(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct Singles<K> {
    kind: Keys,
    values: Vec<Option<K>>,
    /// Bytes of the keys outside `values`.
    heap: usize,
}

impl<K: Key> Singles<K> {
    fn start(kind: Keys) -> Box<dyn Grouped> {
        Box::new(Self { kind, values: vec![], heap: 0 })
    }

    fn take<'a>(&mut self, keys: impl IntoIterator<Item = K::Borrowed<'a>>, groups: &[usize]) -> Result<()> {
        for (group, key) in groups.iter().zip(keys) {
            match &mut self.values[*group] {
                Some(value) if value.place_of(key) == Ordering::Equal => {}
                Some(value) => return Err(several(&self.kind, value, &K::kept(key))),
                none => {
                    let value = K::kept(key);
                    self.heap += value.heap();
                    *none = Some(value);
                }
            }
        }
        Ok(())
    }
}

/// The smaller value comes first, whatever the order of the rows.
fn several<K: Key>(kind: &Keys, one: &K, other: &K) -> DataFusionError {
    let shown = || -> Result<String> {
        let keys = [one.borrowed().min(other.borrowed()), one.borrowed().max(other.borrowed())];
        let values = K::write(kind, keys.into_iter().map(Some))?;
        let (one, other) = (array_value_to_string(&values, 0)?, array_value_to_string(&values, 1)?);
        let advice = "choose one with last_value_by, preference or min";
        Ok(format!("a group has more than one value: \"{one}\" and \"{other}\"; {advice}"))
    };
    let rule = "a group has more than one value";
    shown().map_or_else(|error| error, |problem| in_rows(SqlState::DATA_EXCEPTION, DOC.name, rule, problem))
}

impl<K: Key> Grouped for Singles<K> {
    fn fresh(&self) -> Box<dyn Grouped> {
        Self::start(self.kind.clone())
    }

    fn grow(&mut self, total: usize) {
        self.values.resize(total, None);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[usize]) -> Result<()> {
        self.take(K::read(&self.kind.encode(&arguments[0])?)?, groups)
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        self.take(K::read_state(&states[0]), groups)
    }

    fn results(&mut self, first: usize) -> Result<ArrayRef> {
        K::write(&self.kind, self.values[..first].iter().map(|value| value.as_ref().map(K::borrowed)))
    }

    fn states(&mut self, first: usize) -> Result<Vec<ArrayRef>> {
        Ok(vec![K::write_state(self.values[..first].iter().map(|value| value.as_ref().map(K::borrowed)))])
    }

    fn forget(&mut self, first: usize) {
        if first == self.values.len() {
            (self.values, self.heap) = (vec![], 0);
            return;
        }
        let gone: usize = self.values.drain(..first).flatten().map(|value| value.heap()).sum();
        self.heap -= gone;
    }

    fn groups(&self) -> usize {
        self.values.len()
    }

    fn size(&self) -> usize {
        self.values.capacity() * size_of::<Option<K>>() + self.heap
    }
}
