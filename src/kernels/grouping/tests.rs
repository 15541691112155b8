use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, StringViewArray, UInt64Array};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::rows::{Kind, Measure, Rows};
use super::*;

/// Looks up batches of keys in two threads; the group of every row must have the keys of the row, and no keys two groups.
fn check(columns: &[ArrayRef], ranges: &[Option<Range>]) {
    let types: Vec<_> = columns.iter().zip(ranges).map(|(column, range)| (column.data_type().clone(), *range)).collect();
    let groups = Groups::new(&types).unwrap();
    let rows = columns[0].len();
    let batches: Vec<(usize, usize)> = (0..rows).step_by(100).map(|start| (start, 100.min(rows - start))).collect();
    let found = |batches: Vec<(usize, usize)>| {
        let each = batches.into_iter().map(|(start, length)| {
            let batch: Vec<ArrayRef> = columns.iter().map(|column| column.slice(start, length)).collect();
            let mut numbers = vec![];
            groups.find(&batch, &mut numbers, &mut |_| true).unwrap();
            (start, numbers)
        });
        each.collect::<Vec<(usize, Vec<u32>)>>()
    };
    let halves: [Vec<_>; 2] = [0, 1].map(|half| batches.iter().copied().skip(half).step_by(2).collect());
    let [first, second] = halves;
    let all = std::thread::scope(|scope| {
        let other = scope.spawn(|| found(second));
        let mut all = found(first);
        all.extend(other.join().unwrap());
        all
    });
    let total = groups.len();
    let keys = groups.into_keys().unwrap();
    assert!(keys.iter().all(|column| column.len() == total));
    let mut of_keys: HashMap<Vec<String>, u32> = HashMap::new();
    let options = FormatOptions::default().with_null("∅");
    for (column, key) in columns.iter().zip(&keys) {
        assert_eq!(column.data_type(), key.data_type());
    }
    let shown = |columns: &[ArrayRef], row: usize| -> Vec<String> {
        let text = |column: &ArrayRef| ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string();
        columns.iter().map(text).collect()
    };
    for (start, numbers) in all {
        for (row, number) in numbers.into_iter().enumerate() {
            let key = shown(columns, start + row);
            assert_eq!(key, shown(&keys, number as usize));
            assert_eq!(*of_keys.entry(key).or_insert(number), number);
        }
    }
    assert_eq!(of_keys.len(), total);
}

fn integers() -> ArrayRef {
    let values = (0..3000_i64).map(|row| (row % 7 != 3).then_some((row * row) % 97 - 20));
    Arc::new(values.collect::<Int64Array>())
}

fn texts() -> ArrayRef {
    let words = ["", "a", "twelve bytes", "thirteen bytes", "a text of some length", "a text of some other length", "客户画像"];
    let values = (0..3000_usize).map(|row| (row % 11 != 5).then(|| format!("{}{}", words[row % 7], row % 3)));
    Arc::new(values.collect::<StringArray>())
}

#[test]
fn every_type_finds_its_groups() {
    use DataType::*;
    let times = [
        Timestamp(TimeUnit::Microsecond, None),
        Timestamp(TimeUnit::Second, Some("+08:00".into())),
        Date64,
        Time64(TimeUnit::Nanosecond),
    ];
    let narrow = [Int8, Int16, Int32, Int64];
    for data_type in narrow.into_iter().chain(times) {
        let column = cast(&integers(), &data_type).unwrap();
        check(std::slice::from_ref(&column), &[None]);
        check(&[column], &[Some(Range { least: -5, greatest: 40 })]);
    }
    for data_type in [Date32, Time32(TimeUnit::Second)] {
        check(&[cast(&cast(&integers(), &Int32).unwrap(), &data_type).unwrap()], &[None]);
    }
    for data_type in [UInt8, UInt16, UInt32, UInt64, Boolean] {
        check(&[cast(&integers(), &data_type).unwrap()], &[None]);
    }
    for data_type in [Utf8, LargeUtf8, Utf8View, Dictionary(Box::new(Int32), Box::new(Utf8))] {
        check(&[cast(&texts(), &data_type).unwrap()], &[None]);
    }
}

#[test]
fn the_widest_integers_have_their_own_groups() {
    let wide = UInt64Array::from(vec![Some(0), Some(u64::MAX), None, Some(1 << 63), Some(u64::MAX), None, Some(0)]);
    check(&[Arc::new(wide)], &[None]);
    let edges = Int64Array::from(vec![Some(i64::MIN), Some(i64::MAX), Some(0), None, Some(i64::MIN)]);
    check(&[Arc::new(edges.clone())], &[Some(Range { least: 0, greatest: 0 })]);
    check(&[Arc::new(edges)], &[Some(Range { least: i64::MAX, greatest: i64::MAX })]);
}

#[test]
fn two_columns_are_one_key() {
    check(&[integers(), texts()], &[Some(Range { least: -20, greatest: 76 }), None]);
    check(&[texts(), integers()], &[None, None]);
    check(&[texts(), texts()], &[None, None]);
}

#[test]
fn nothing_is_a_key_of_no_group() {
    let empty: ArrayRef = Arc::new(StringViewArray::from(Vec::<&str>::new()));
    check(&[empty], &[None]);
    let nulls: ArrayRef = Arc::new(Int64Array::from(vec![None::<i64>; 10]));
    check(std::slice::from_ref(&nulls), &[None]);
    check(&[nulls], &[Some(Range { least: 3, greatest: 9 })]);
}

#[test]
fn keys_wait_outside_when_there_is_no_room() {
    for (column, range) in [(integers(), None), (integers(), Some(Range { least: -20, greatest: 30 })), (texts(), None)] {
        let groups = Groups::new(&[(column.data_type().clone(), range)]).unwrap();
        let (first, rest) = (column.slice(0, 5), column.slice(5, 2995));
        let mut numbers = vec![];
        groups.find(&[first], &mut numbers, &mut |_| true).unwrap();
        let known = groups.len();
        groups.find(std::slice::from_ref(&rest), &mut numbers, &mut |_| false).unwrap();
        assert_eq!(groups.len(), known);
        let out: UInt32Array = (0..2995_u32).filter(|row| numbers[*row as usize] == UNKNOWN).collect::<Vec<_>>().into();
        assert!(!out.is_empty() && out.len() < 2995);
        // Every key that had to wait is a new one.
        let waiting = take(&rest, &out, None).unwrap();
        groups.find(std::slice::from_ref(&waiting), &mut numbers, &mut |_| true).unwrap();
        assert!(numbers.iter().all(|number| *number as usize >= known));
        check(&[concat(&[&rest, &waiting]).unwrap()], &[range]);
    }
}

/// A count, a sum, extremes and two more counts, and the same by plain arithmetic.
const KINDS: [Kind; 6] = [Kind::Count, Kind::Sum, Kind::Least, Kind::Greatest, Kind::Count, Kind::Count];

fn rows_of(kinds: &[Kind]) -> (Rows, Vec<Measure>) {
    let mut rows = Rows::default();
    let measures = kinds.iter().map(|kind| rows.measure(*kind).unwrap()).collect();
    (rows, measures)
}

/// Adds values to groups, of which there are `total`.
fn measure(rows: &mut Rows, total: usize, part: &[(u32, i64)], scale: i128) {
    let groups: Vec<u32> = part.iter().map(|(group, _)| *group).collect();
    let magnitude = part.iter().map(|(_, value)| value.unsigned_abs()).max().unwrap_or(0);
    rows.expect(part.len(), u128::from(magnitude) * scale.unsigned_abs());
    rows.grow(total);
    let (counts, met): (Vec<_>, Vec<_>) = rows.measures().partition(|measure| rows.kind(*measure) == Kind::Count);
    let steps = rows.steps(&counts, &met);
    rows.step(&steps, &groups);
    for measure in met {
        match rows.kind(measure) {
            Kind::Sum => rows.sum(measure, part.iter().map(|(group, value)| (*group, i128::from(*value) * scale))),
            _ => rows.extreme(measure, part.iter().copied()),
        }
    }
}

fn check_rows(rows: &Rows, measures: &[Measure], values: &[(u32, i64)], scale: i128) {
    for group in 0..rows.len() {
        let own = || values.iter().filter(|(of, _)| *of as usize == group).map(|(_, value)| *value);
        for measure in measures.iter().copied() {
            match rows.kind(measure) {
                Kind::Count => assert_eq!(rows.counts(measure)[group], own().count() as u64),
                Kind::Sum => assert_eq!(rows.sums(measure)[group], own().map(|value| i128::from(value) * scale).sum::<i128>()),
                Kind::Least => assert_eq!(rows.extremes(measure)[group] as i64, own().min().unwrap_or(0)),
                Kind::Greatest => assert_eq!(rows.extremes(measure)[group] as i64, own().max().unwrap_or(0)),
            }
            assert_eq!(
                rows.kind(measure) == Kind::Count || rows.met(measure).is_valid(group),
                rows.kind(measure) == Kind::Count || own().count() > 0
            );
        }
    }
}

#[test]
fn rows_measure_like_plain_arithmetic() {
    // Sums of small numbers, sums that leave 64 bits within a group, and values that do not fit into 64 bits.
    for (greatest, scale) in [(100, 1), (i64::MAX, 1), (100, 1 << 80)] {
        let value = |row: i64| match row % 11 {
            0 => [-greatest, greatest][(row % 2) as usize],
            _ => row * 37 % 101 - 50,
        };
        let values: Vec<(u32, i64)> = (0..2000).map(|row| ((row % 7) as u32 * 3, value(row))).collect();
        // In two parts, between which the number of groups grows, and the rows may widen.
        let parts = [(19, &values[..900]), (40, &values[900..])];
        let (mut rows, measures) = rows_of(&KINDS);
        parts.iter().for_each(|(total, part)| measure(&mut rows, *total, part, scale));
        assert_eq!(rows.len(), 40);
        check_rows(&rows, &measures, &values, scale);
        // The same by two partitions; one has not met all groups.
        for order in [[0, 1], [1, 0]] {
            let [mut first, second] = order.map(|place| {
                let (mut own, _) = rows_of(&KINDS);
                measure(&mut own, parts[place].0, parts[place].1, scale);
                own
            });
            first.absorb(second);
            check_rows(&first, &measures, &values, scale);
        }
    }
}

#[test]
fn narrow_rows_absorb_wide_ones() {
    let values = [(0, 5), (1, -7), (1, i64::MAX), (2, i64::MAX), (2, 9)];
    let (small, large) = values.split_at(2);
    for (first, second) in [(small, large), (large, small)] {
        let [(mut own, measures), (mut other, _)] = [(); 2].map(|()| rows_of(&KINDS));
        measure(&mut own, 3, first, 1);
        measure(&mut other, 3, second, 1);
        own.absorb(other);
        check_rows(&own, &measures, &values, 1);
    }
    // Each fits into 64 bits, both together do not.
    let [(mut own, measures), (mut other, _)] = [(); 2].map(|()| rows_of(&KINDS));
    measure(&mut own, 1, &[(0, i64::MAX)], 1);
    measure(&mut other, 1, &[(0, i64::MAX - 1)], 1);
    own.absorb(other);
    check_rows(&own, &measures, &[(0, i64::MAX), (0, i64::MAX - 1)], 1);
}

#[test]
fn counts_leave_32_bits() {
    let (mut rows, measures) = rows_of(&[Kind::Count, Kind::Count, Kind::Count]);
    let most = u32::MAX as usize;
    for _ in 0..3 {
        rows.expect(most, 0);
        rows.grow(2);
        let steps = rows.steps(&measures, &[]);
        rows.step_one(&steps, 1, most);
    }
    assert!(measures.iter().all(|measure| rows.counts(*measure) == [0, 3 * most as u64]));
}

#[test]
fn tables_find_keys_that_were_added_several_times() {
    let mut table = Words::default();
    let key = |number: u32| u64::from(number % 5000);
    (0..7000).for_each(|number| assert_eq!(table.add(key(number)).unwrap(), number));
    for number in 0..7000 {
        assert_eq!(table.find_where(key(number), |found| found == number), Some(number));
        assert_eq!(table.find(key(number)).map(|found| found % 5000), Some(number % 5000));
        assert_eq!(table.find(key(number) + 5000), None);
    }
    let mut found = vec![];
    table.find_each(&[4999, 5000, 0], &mut found);
    assert_eq!([found[0] % 5000, found[1], found[2] % 5000], [4999, UNKNOWN, 0]);
}

#[test]
fn rows_have_a_limited_number_of_flags() {
    let mut rows = Rows::default();
    assert!((0..16).all(|_| rows.measure(Kind::Sum).is_some()));
    assert!(rows.measure(Kind::Greatest).is_none());
    assert!(rows.measure(Kind::Count).is_some());
}
