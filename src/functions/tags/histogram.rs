//! `histogram`: how many rows have each value.
//!
//! In general, rows are counted by the bytes of their value in a hash table. For a CASE that gives constants, the form of most
//! tags, no value is built at all: its conditions are bitmaps of a batch, and a branch takes the rows where its condition is
//! true and no earlier one is, counted 64 at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, MapArray, StructArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{AggregateFunction as Call, AggregateFunctionParams, Case};
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Operator, Signature, Volatility, lit};
use serde::{Deserialize, Serialize};

use crate::adapter::aggregate::{plain, plain_column};
use crate::adapter::conditions::{add_lists, holds, list_of, words};
use crate::adapter::plain::{Plain, Values};
use crate::adapter::{AggregateFunction, any_arguments};
use crate::docs::{Argument, Doc, Kind, Takes};

const DOC: Doc = Doc {
    name: "histogram",
    kind: Kind::Aggregate,
    domain: "tags",
    summary: "Counts the rows of each value and returns a map, ordered by value.",
    description: "\
NULLs are ignored; with no values the result is NULL. You can write a rule inside the call: `histogram(CASE WHEN … THEN 'high' … END)`. If
the CASE gives only constants, and its conditions compare columns with each other or with constants, it is counted directly from the
conditions and the values are never built. Several such calls share one pass over the table.

The map can be read by its keys: `histogram(gender)['female']`. For the most frequent value alone use `preference`.

**Cost.** One pass. Memory grows with the distinct values of each group: count bands of amounts (`generalize(amount, 100)`), not the
amounts.

**Elsewhere.** `histogram(x)` of DuckDB and Trino returns the same map. PostgreSQL needs a subquery with GROUP BY and `jsonb_object_agg`;
pandas has `value_counts()`, R `table()`. Bands of equal width are `histogram(x, bins)` in DuckDB and `width_bucket` in PostgreSQL.",
    arguments: &[Argument::required("value", Takes::Value("anything"), "value to count, of any type; NULLs are not counted")],
    examples: &[
        "SELECT histogram(CASE WHEN age < 26 THEN 'young' WHEN age < 60 THEN 'middle' ELSE 'old' END) AS ages, histogram(gender) AS genders
FROM sample_customers(rows => 1000);",
        "SELECT channel, histogram(status) AS orders FROM sample_orders(rows => 1000) GROUP BY channel ORDER BY channel;",
    ],
    source: "the aggregate of the same name in DuckDB and Trino.",
    ..Doc::EMPTY
};

#[derive(Debug)]
pub struct Histogram;

impl AggregateFunction for Histogram {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn udf(&self) -> AggregateUDF {
        AggregateUDF::from(HistogramOfValues { signature: Signature::any(1, Volatility::Immutable) })
    }
}

/// Counts values.
#[derive(Debug, PartialEq, Eq, Hash)]
struct HistogramOfValues {
    signature: Signature,
}

/// Counts the branches of a CASE; the arguments are their conditions.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HistogramOfBranches {
    /// The results of the branches, in order.
    branches: Values,
}

impl Plain for HistogramOfBranches {
    const NAME: &'static str = "histogram_of_branches";
}

/// The entries of the map from values of a type to counts.
fn entries(value: &DataType) -> Fields {
    Fields::from(vec![Field::new("key", value.clone(), false), Field::new("value", DataType::Int64, false)])
}

/// The type of the counted values; an untyped NULL counts as a NULL string.
fn typed(value: &DataType) -> DataType {
    if value.is_null() { DataType::Utf8 } else { plain(value).clone() }
}

fn map_type(value: &DataType) -> DataType {
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries(value)), false)), false)
}

fn list_type(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

fn counts_field() -> FieldRef {
    Arc::new(Field::new("counts", list_type(DataType::Int64), true))
}

impl AggregateUDFImpl for HistogramOfValues {
    fn name(&self) -> &str {
        DOC.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(map_type(&typed(arguments.first().unwrap_or(&DataType::Null))))
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let value = typed(arguments.input_fields.first().map_or(&DataType::Null, |field| field.data_type()));
        Ok(vec![Arc::new(Field::new("values", list_type(value), true)), counts_field()])
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(ValueCounts::new(typed(arguments.expr_fields[0].data_type()))?))
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        Some(Box::new(|call: Call, _context| {
            let is_plain = !call.params.distinct && call.params.order_by.is_empty();
            let by_branches = match call.params.args.as_slice() {
                [Expr::Case(case)] if is_plain => branches_of(case),
                _ => None,
            };
            let Some((branches, args)) = by_branches else { return Ok(Expr::AggregateFunction(call)) };
            let func = Arc::new(AggregateUDF::from(HistogramOfBranches { branches }));
            let params = AggregateFunctionParams { args, ..call.params };
            Ok(Expr::AggregateFunction(Call { func, params }))
        }))
    }
}

impl AggregateUDFImpl for HistogramOfBranches {
    fn name(&self) -> &str {
        DOC.name
    }

    fn signature(&self) -> &Signature {
        any_arguments()
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(map_type(&typed(self.branches.0.data_type())))
    }

    fn state_fields(&self, _arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![counts_field()])
    }

    fn accumulator(&self, _arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let Values(branches) = &self.branches;
        Ok(Box::new(BranchCounts { branches: Arc::clone(branches), counts: vec![0; branches.len()] }))
    }
}

/// The results of a CASE, branch by branch, and the conditions of the branches; only if the results are constants, and every condition
/// may be evaluated for every row.
fn branches_of(case: &Case) -> Option<(Values, Vec<Expr>)> {
    let constant = |result: &Expr| match result {
        Expr::Literal(value, _) => Some(value.clone()),
        _ => None,
    };
    let mut branches = vec![];
    let mut conditions = vec![];
    for (when, then) in &case.when_then_expr {
        let condition = match &case.expr {
            Some(subject) => (**subject).clone().eq((**when).clone()),
            None => (**when).clone(),
        };
        if !cannot_fail(&condition) {
            return None;
        }
        branches.push(constant(then)?);
        conditions.push(condition);
    }
    if let Some(otherwise) = &case.else_expr {
        branches.push(constant(otherwise)?);
        conditions.push(lit(true));
    }
    let data_type = branches.first()?.data_type();
    if branches.iter().any(|branch| branch.data_type() != data_type) {
        return None;
    }
    let branches = ScalarValue::iter_to_array(branches).ok()?;
    Some((Values(branches), conditions))
}

/// True for conditions that cannot fail, so that they may be evaluated even for rows that an earlier branch takes.
fn cannot_fail(expression: &Expr) -> bool {
    match expression {
        Expr::Column(_) | Expr::Literal(_, _) => true,
        Expr::BinaryExpr(binary) => {
            use Operator::{And, Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq, Or};
            let is_test = matches!(binary.op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom | And | Or);
            is_test && cannot_fail(&binary.left) && cannot_fail(&binary.right)
        }
        Expr::Not(part)
        | Expr::IsNull(part)
        | Expr::IsNotNull(part)
        | Expr::IsTrue(part)
        | Expr::IsFalse(part)
        | Expr::IsNotTrue(part)
        | Expr::IsNotFalse(part) => cannot_fail(part),
        Expr::Between(between) => [&between.expr, &between.low, &between.high].into_iter().all(|part| cannot_fail(part)),
        Expr::InList(list) => cannot_fail(&list.expr) && list.list.iter().all(cannot_fail),
        _ => false,
    }
}

/// The map from values to counts, as one row; NULL when nothing was counted.
fn map_of(values: ArrayRef, counts: Vec<i64>) -> Result<ScalarValue> {
    let fields = entries(values.data_type());
    if counts.is_empty() {
        return ScalarValue::try_from(map_type(values.data_type()));
    }
    let offsets = OffsetBuffer::from_lengths([counts.len()]);
    let rows = StructArray::try_new(fields.clone(), vec![values, Arc::new(Int64Array::from(counts))], None)?;
    let entries = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    Ok(ScalarValue::Map(Arc::new(MapArray::try_new(entries, offsets, rows, None, false)?)))
}

/// Counts the branches of a CASE by its conditions.
#[derive(Debug)]
struct BranchCounts {
    branches: ArrayRef,
    counts: Vec<i64>,
}

impl Accumulator for BranchCounts {
    fn update_batch(&mut self, conditions: &[ArrayRef]) -> Result<()> {
        let Some(rows) = conditions.first().map(|condition| condition.len()) else { return Ok(()) };
        // Rows that no branch has taken yet.
        let mut left = vec![u64::MAX; rows.div_ceil(64)];
        if let (Some(last), 1..) = (left.last_mut(), rows % 64) {
            *last = (1 << (rows % 64)) - 1;
        }
        for (condition, count) in conditions.iter().zip(&mut self.counts) {
            let mut taken = 0_u32;
            for (left, holds) in left.iter_mut().zip(words(&holds(condition))) {
                taken += (*left & holds).count_ones();
                *left &= !holds;
            }
            *count += i64::from(taken);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        add_lists(&mut self.counts, &states[0]);
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![list_of(self.counts.clone())])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // Several branches may give the same value, or none.
        let mut merged = ValueCounts::new(typed(self.branches.data_type()))?;
        for (branch, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            merged.add(&self.branches.slice(branch, 1), Some(&[*count]))?;
        }
        merged.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.capacity() * size_of::<i64>()
    }
}

/// Counts values by their bytes.
struct ValueCounts {
    value_type: DataType,
    converter: RowConverter,
    counts: HashMap<Box<[u8]>, i64>,
    bytes: usize,
}

impl std::fmt::Debug for ValueCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ValueCounts({}, {} values)", self.value_type, self.counts.len())
    }
}

impl ValueCounts {
    fn new(value_type: DataType) -> Result<Self> {
        let converter = RowConverter::new(vec![SortField::new(value_type.clone())])?;
        Ok(Self { value_type, converter, counts: HashMap::new(), bytes: 0 })
    }

    /// Adds values, each one `times` times, or once without it.
    fn add(&mut self, values: &ArrayRef, times: Option<&[i64]>) -> Result<()> {
        if values.data_type().is_null() {
            return Ok(());
        }
        let values = plain_column(values)?;
        let rows = self.converter.convert_columns(&[Arc::clone(&values)])?;
        for (row, value) in rows.iter().enumerate().filter(|(row, _)| values.is_valid(*row)) {
            let times = times.and_then(|times| times.get(row)).copied().unwrap_or(1);
            match self.counts.get_mut(value.data()) {
                Some(count) => *count += times,
                None => {
                    self.bytes += value.data().len() + 2 * size_of::<(Box<[u8]>, i64)>();
                    self.counts.insert(value.data().into(), times);
                }
            }
        }
        Ok(())
    }

    /// The values in ascending order, and their counts.
    fn sorted(&self) -> Result<(ArrayRef, Vec<i64>)> {
        let sorted: BTreeMap<&[u8], i64> = self.counts.iter().map(|(value, count)| (value.as_ref(), *count)).collect();
        let parser = self.converter.parser();
        let columns = self.converter.convert_rows(sorted.keys().map(|value| parser.parse(value)))?;
        match columns.into_iter().next() {
            Some(values) => Ok((values, sorted.into_values().collect())),
            None => internal_err!("no column of values"),
        }
    }
}

impl Accumulator for ValueCounts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], None)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, counts) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            self.add(&values.value(row), Some(counts.value(row).as_primitive::<Int64Type>().values()))?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (values, counts) = self.sorted()?;
        let counts: ArrayRef = Arc::new(Int64Array::from(counts));
        Ok([values, counts].map(|column| SingleRowListArrayBuilder::new(column).build_list_scalar()).to_vec())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let (values, counts) = self.sorted()?;
        map_of(values, counts)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.converter.size() + self.bytes
    }
}
