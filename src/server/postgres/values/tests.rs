//! Every type in both forms, compared with what PostgreSQL 15 sends for the same values.

use std::sync::Arc;

use datafusion::arrow::array::*;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, IntervalMonthDayNano};

use super::*;

fn zone() -> Tz {
    "Asia/Shanghai".parse().unwrap()
}

fn written(array: &dyn Array, format: Format) -> Vec<u8> {
    let field = Field::new("c", array.data_type().clone(), true);
    let mut out = vec![];
    assert!(Writer::new(&field, array, format, zone()).unwrap().write(0, &mut out));
    out
}

fn text(array: &dyn Array) -> String {
    String::from_utf8(written(array, Format::Text)).unwrap()
}

#[test]
fn floats_are_the_shortest_that_read_the_same() {
    let of = |value: f64| text(&Float64Array::from(vec![value]));
    let shown = [0.1, 1.0, 1e15, 123_456_789_012_345.0, 1e-5, 0.0001, -0.0, 1.5e300, f64::NAN, f64::NEG_INFINITY].map(of);
    assert_eq!(shown, ["0.1", "1", "1e+15", "123456789012345", "1e-05", "0.0001", "-0", "1.5e+300", "NaN", "-Infinity"]);
    let of = |value: f32| text(&Float32Array::from(vec![value]));
    assert_eq!([0.1, 1e6, 123_456.0, 16_777_216.0].map(of), ["0.1", "1e+06", "123456", "1.6777216e+07"]);
}

#[test]
fn decimals_keep_their_digits() {
    let decimal = |value: i128, scale: i8| Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale).unwrap();
    assert_eq!(text(&decimal(-12345, 2)), "-123.45");
    assert_eq!(text(&decimal(5, 3)), "0.005");
    assert_eq!(text(&decimal(7, -3)), "7000");
    // PostgreSQL: SELECT numeric_send(-123.45), numeric_send(0.00), numeric_send(100000000), numeric_send(0.0001).
    let binary = |value, scale| written(&decimal(value, scale), Format::Binary);
    assert_eq!(binary(-12345, 2), b"\0\x02\0\0\x40\0\0\x02\0\x7b\x11\x94");
    assert_eq!(binary(0, 2), b"\0\0\0\0\0\0\0\x02");
    assert_eq!(binary(100_000_000, 0), b"\0\x01\0\x02\0\0\0\0\0\x01");
    assert_eq!(binary(1, 4), b"\0\x01\xff\xff\0\0\0\x04\0\x01");
    for (value, scale) in [(-12345, 2), (0, 2), (100_000_000, 0), (1, 4), (1, 9), (i128::MAX / 3, 17), (-10_000, 4)] {
        assert_eq!(numbers::decimal_of_binary(&binary(value, scale)).unwrap(), text(&decimal(value, scale)));
    }
}

#[test]
fn times_are_of_their_zone() {
    let micros = 1_735_689_600_500_000;
    assert_eq!(text(&TimestampMicrosecondArray::from(vec![micros])), "2025-01-01 00:00:00.5");
    assert_eq!(text(&TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC")), "2025-01-01 08:00:00.5+08");
    assert_eq!(text(&TimestampNanosecondArray::from(vec![-1])), "1969-12-31 23:59:59.999999");
    assert_eq!(text(&Date32Array::from(vec![-719_529])), "0002-12-31 BC");
    assert_eq!(text(&Time64MicrosecondArray::from(vec![3_600_000_001])), "01:00:00.000001");
    assert_eq!(written(&Date32Array::from(vec![10_958]), Format::Binary), 1_i32.to_be_bytes());
    let days = IntervalMonthDayNano { months: -14, days: 3, nanoseconds: -3_661_000_001_000 };
    assert_eq!(text(&IntervalMonthDayNanoArray::from(vec![days])), "-1 years -2 mons +3 days -01:01:01.000001");
    assert_eq!(text(&DurationSecondArray::from(vec![0])), "00:00:00");
}

#[test]
fn lists_are_arrays() {
    let numbers = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None])]);
    assert_eq!(text(&numbers), "{1,NULL}");
    let expected = b"\0\0\0\x01\0\0\0\x01\0\0\0\x14\0\0\0\x02\0\0\0\x01\0\0\0\x08\0\0\0\0\0\0\0\x01\xff\xff\xff\xff";
    assert_eq!(written(&numbers, Format::Binary), expected);
    let mut words = ListBuilder::new(StringBuilder::new());
    ["a b", "", "null", "x\"y\\", "上海"].iter().for_each(|word| words.values().append_value(word));
    words.append(true);
    assert_eq!(text(&words.finish()), r#"{"a b","","null","x\"y\\",上海}"#);
    let pairs = StructArray::from(vec![(
        Arc::new(Field::new("a", DataType::Int64, true)),
        Arc::new(Int64Array::from(vec![None::<i64>])) as ArrayRef,
    )]);
    assert_eq!(text(&pairs), r#"{"a":null}"#);
}

#[test]
fn rows_are_records() {
    let field = |name: &str, data_type| Arc::new(Field::new(name, data_type, true));
    let row = |second: &str| {
        StructArray::from(vec![
            (field("c0", DataType::Int64), Arc::new(Int64Array::from(vec![1])) as ArrayRef),
            (field(second, DataType::Utf8), Arc::new(StringArray::from(vec!["a \"b"])) as ArrayRef),
            (field("c2", DataType::Int64), Arc::new(Int64Array::from(vec![None::<i64>])) as ArrayRef),
        ])
    };
    // PostgreSQL: SELECT ROW(1::bigint, 'a "b', NULL::bigint).
    assert_eq!(text(&row("c1")), r#"(1,"a ""b",)"#);
    let expected = b"\0\0\0\x03\0\0\0\x14\0\0\0\x08\0\0\0\0\0\0\0\x01\0\0\0\x19\0\0\0\x04a \"b\0\0\0\x14\xff\xff\xff\xff";
    assert_eq!(written(&row("c1"), Format::Binary), expected);
    assert_eq!(text(&row("name")), r#"{"c0":1,"name":"a \"b","c2":null}"#);
}

#[test]
fn parameters_are_read_in_both_forms() {
    let of_text = |text: &str, oid: u32| parameter(1, Some(text.as_bytes()), oid, Format::Text, None, zone());
    let of_binary = |bytes: &[u8], oid: u32| parameter(1, Some(bytes), oid, Format::Binary, None, zone());
    let shown = |value: Result<datafusion::common::ScalarValue>| value.unwrap().to_string();
    assert_eq!(shown(of_text("12.50", 1700)), "12.50");
    assert_eq!(shown(of_text("1.5e3", 1700)), "1500");
    assert_eq!(shown(of_text("t", 16)), "true");
    assert_eq!(shown(of_text("{1,NULL,3}", 1016)), "[1, , 3]");
    assert_eq!(shown(of_text(r#"{"a b",c}"#, 1009)), "[a b, c]");
    // Of several dimensions: SELECT array_send('{{1,2},{3,4}}'::int2[]).
    assert_eq!(shown(of_text("{{1,2},{NULL,4}}", 1016)), "[[1, 2], [, 4]]");
    let two = b"\0\0\0\x02\0\0\0\0\0\0\0\x15\0\0\0\x02\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\x02\0\x01\0\0\0\x02\0\x02\0\0\0\x02\0\x03\0\0\0\x02\0\x04";
    assert_eq!(shown(of_binary(two, 1005)), "[[1, 2], [3, 4]]");
    for text in ["{{1,2},{3}}", "{{1},NULL}", "{{{{{{{1}}}}}}}"] {
        assert!(of_text(text, 1016).is_err(), "{text}");
    }
    for text in ["NaN", "-Infinity"] {
        let error = of_text(text, 1700).unwrap_err().to_string();
        assert!(error.contains("parameter $1: NaN and infinity are not values of DECIMAL"), "{error}");
    }
    assert!(of_binary(b"\0\0\0\0\xc0\0\0\0", 1700).unwrap_err().to_string().contains("NaN and infinity"));
    assert_eq!(of_text("2025-01-01 08:00", 1184).unwrap(), of_text("2025-01-01 00:00+00", 1184).unwrap());
    assert_eq!(shown(of_binary(&42_i32.to_be_bytes(), 23)), "42");
    assert_eq!(shown(of_binary(b"\0\x02\0\0\x40\0\0\x02\0\x7b\x11\x94", 1700)), "-123.45");
    for (text, oid) in [("abc", 23), ("1e999", 1700), ("{1,{2}}", 1016), ("2025-13-01", 1082), ("9", 16)] {
        let error = of_text(text, oid).unwrap_err().to_string();
        assert!(error.contains("parameter $1: '"), "{error}");
    }
    for (bytes, oid) in [(&b"\0"[..], 23), (b"", 16), (b"\0\x7f\0\0\0\0\0\0", 1700), (b"\xff", 25), (b"\0\0\0\x01", 1016)] {
        assert!(of_binary(bytes, oid).is_err(), "{bytes:?}");
    }
}
