//! Every aggregate gives the same result, to the last bit, however its rows are split, mixed, merged and emitted.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
    UInt32Array,
};
use datafusion::arrow::compute::{concat, take_arrays};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::{preference::Preference, purchase_cycle::PurchaseCycle, single_value::SingleValue, trend::Trend, value_by::ValueBy};
use crate::adapter::aggregate::{GroupedFunction, table};
use crate::adapter::in_chunks::chunked;
use crate::kernels::grouping::chunks::CHUNK;

const ROWS: usize = 600;
const GROUPS: usize = 23;

/// Pseudo-random numbers that are the same every time.
fn scattered(seed: u64) -> impl Iterator<Item = u64> {
    let step = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    std::iter::successors(Some(seed), step).skip(1).map(|state| state >> 33)
}

fn nullable<T>(seed: u64, value: impl Fn(u64) -> T) -> Vec<Option<T>> {
    scattered(seed).map(|number| (number % 11 > 0).then(|| value(number))).take(ROWS).collect()
}

struct Case {
    function: Box<dyn GroupedFunction>,
    arguments: Vec<ArrayRef>,
}

fn cases(groups: &[usize]) -> Vec<Case> {
    let texts = || -> ArrayRef { Arc::new(StringViewArray::from(nullable(1, |n| format!("the value number {}", n % 7)))) };
    let numbers = || -> ArrayRef { Arc::new(Int64Array::from(nullable(2, |n| n as i64 % 9 - 4))) };
    let floats = || -> ArrayRef { Arc::new(Float64Array::from(nullable(3, |n| n as f64 / 7e6))) };
    let amounts = || Decimal128Array::from(nullable(4, i128::from)).with_precision_and_scale(12, 2).unwrap();
    let amounts = || -> ArrayRef { Arc::new(amounts()) };
    let times =
        || -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(nullable(5, |n| 1_700_000_000_000_000 + n as i64 * 700_000))) };
    let of_group =
        || -> ArrayRef { Arc::new(groups.iter().map(|group| Some(format!("of group {group}"))).collect::<StringViewArray>()) };
    let mut cases = vec![];
    let mut add = |function: &dyn Fn() -> Box<dyn GroupedFunction>, columns: Vec<Vec<ArrayRef>>| {
        cases.extend(columns.into_iter().map(|arguments| Case { function: function(), arguments }));
    };
    for share in [false, true] {
        let columns = vec![vec![texts()], vec![texts(), floats()], vec![numbers(), amounts()], vec![amounts(), floats()]];
        add(&|| Box::new(Preference { share }), columns);
    }
    for last in [false, true] {
        let columns =
            vec![vec![texts(), times()], vec![numbers(), texts()], vec![amounts(), numbers()], vec![texts(), amounts()]];
        add(&|| Box::new(ValueBy { last }), columns);
    }
    add(&|| Box::new(SingleValue), vec![vec![of_group()]]);
    add(&|| Box::new(PurchaseCycle), vec![vec![times()]]);
    add(&|| Box::new(Trend), vec![vec![times(), floats()], vec![times(), amounts()], vec![times(), numbers()]]);
    cases
}

impl Case {
    fn table(&self) -> Box<dyn GroupsAccumulator> {
        let types: Vec<DataType> = self.arguments.iter().map(|column| column.data_type().clone()).collect();
        table(self.function.as_ref(), &types)
    }

    fn rows(&self, rows: &[usize]) -> Vec<ArrayRef> {
        let rows: UInt32Array = rows.iter().map(|row| u32::try_from(*row).unwrap()).collect::<Vec<_>>().into();
        take_arrays(&self.arguments, &rows, None).unwrap()
    }
}

#[test]
fn any_order_of_rows_states_and_groups_gives_the_same_bits() {
    let groups: Vec<usize> = scattered(7).map(|number| number as usize % GROUPS).take(ROWS).collect();
    let keep: BooleanArray = scattered(8).map(|number| Some(number % 5 > 0)).take(ROWS).collect();
    for case in cases(&groups) {
        let name = case.function.doc().name;
        let mut single_pass = case.table();
        single_pass.update_batch(&case.arguments, &groups, Some(&keep), GROUPS).unwrap();
        assert!(single_pass.size() > 0);
        let expected = single_pass.evaluate(EmitTo::All).unwrap();
        assert_eq!(single_pass.size(), 0, "{name} keeps memory");
        assert!(expected.null_count() < GROUPS, "{name}");

        for seed in 10..14 {
            let mut order: Vec<(u64, usize)> = scattered(seed).zip(0..ROWS).collect();
            order.sort_unstable();
            let rows: Vec<usize> = order.into_iter().map(|(_, row)| row).filter(|row| keep.value(*row)).collect();
            let mut merged = case.table();
            for (turn, piece) in rows.chunks(97).enumerate() {
                let (columns, of_rows): (_, Vec<usize>) = (case.rows(piece), piece.iter().map(|row| groups[*row]).collect());
                if turn % 2 == 0 {
                    // Rows turned into states without grouping (`convert_to_state`).
                    let states = case.table().convert_to_state(&columns, None).unwrap();
                    merged.merge_batch(&states, &of_rows, GROUPS).unwrap();
                    continue;
                }
                let mut part = case.table();
                part.update_batch(&columns, &of_rows, None, GROUPS).unwrap();
                // First the first groups, then the others as slices of a batch.
                let first = part.state(EmitTo::First(5)).unwrap();
                let rest = part.state(EmitTo::All).unwrap();
                let cut: Vec<ArrayRef> = rest.iter().map(|column| column.slice(4, GROUPS - 9)).collect();
                let begin: Vec<ArrayRef> = rest.iter().map(|column| column.slice(0, 4)).collect();
                merged.merge_batch(&cut, &(9..GROUPS).collect::<Vec<_>>(), GROUPS).unwrap();
                merged.merge_batch(&first, &(0..5).collect::<Vec<_>>(), GROUPS).unwrap();
                merged.merge_batch(&begin, &(5..9).collect::<Vec<_>>(), GROUPS).unwrap();
            }
            let emitted: Vec<ArrayRef> =
                [EmitTo::First(1), EmitTo::First(8), EmitTo::All].map(|emit| merged.evaluate(emit).unwrap()).to_vec();
            let emitted: Vec<&dyn Array> = emitted.iter().map(|column| column.as_ref()).collect();
            assert_eq!(&concat(&emitted).unwrap(), &expected, "{name}");
            assert_eq!(merged.size(), 0, "{name} keeps memory");
        }
    }
}

#[test]
fn groups_that_left_leave_no_trace() {
    let groups: Vec<usize> = scattered(7).map(|number| number as usize % GROUPS).take(ROWS).collect();
    for case in cases(&groups) {
        let name = case.function.doc().name;
        let mut table = case.table();
        table.update_batch(&case.arguments, &groups, None, GROUPS).unwrap();
        let full = table.size();
        table.evaluate(EmitTo::First(GROUPS - 1)).unwrap();
        assert!(table.size() <= full, "{name}");
        // The group that stayed is now the first and continues.
        let last: Vec<usize> = (0..ROWS).filter(|row| groups[*row] == GROUPS - 1).collect();
        let mut alone = case.table();
        alone.update_batch(&case.rows(&last), &vec![0; last.len()], None, 1).unwrap();
        for table in [&mut table, &mut alone] {
            table.update_batch(&case.rows(&last[..3]), &[0; 3], None, 2).unwrap();
        }
        assert_eq!(&table.evaluate(EmitTo::All).unwrap(), &alone.evaluate(EmitTo::All).unwrap(), "{name}");
    }
}

#[test]
fn chunks_of_partitions_add_up() {
    let groups: Vec<usize> = scattered(7).map(|number| number as usize % GROUPS).take(ROWS).collect();
    let mut tried = 0;
    for case in cases(&groups) {
        let mut all = case.table();
        all.update_batch(&case.arguments, &groups, None, GROUPS).unwrap();
        let expected = all.evaluate(EmitTo::All).unwrap();
        // A partition does not know the groups that another one finds after its last row.
        let (first, second): (Vec<usize>, Vec<usize>) = (0..ROWS).partition(|row| groups[*row] < 5 && row % 3 > 0);
        let mut chunks = vec![];
        for (rows, total) in [(first, 5), (second, GROUPS)] {
            let mut part = case.table();
            let of_rows: Vec<usize> = rows.iter().map(|row| groups[*row]).collect();
            part.update_batch(&case.rows(&rows), &of_rows, None, total).unwrap();
            chunks.extend(chunked(part.as_mut()).map(|part| part.take_chunk(&(0..CHUNK)).unwrap()));
        }
        let Ok([mut first, second]) = <[_; 2]>::try_from(chunks) else { continue };
        first.absorb(second).unwrap();
        assert_eq!(&first.evaluate(EmitTo::All).unwrap(), &expected, "{}", case.function.doc().name);
        tried += 1;
    }
    assert!(tried > 1);
}
