//! The PostgreSQL types that clients see for our values: names, numbers, sizes.
//!
//! Unsigned integers are the next wider signed type, and those of 64 bits `numeric`; structs, maps and lists of lists are `json`. What
//! `ROW(1, 'a')` makes, a struct of `c0`, `c1` …, is a `record`.
//! A column whose field has the metadata [`MARK`] is of the type that it names: `oid`, `name`, `uuid` …
//!
//! Source: PostgreSQL 16, `src/include/catalog/pg_type.dat`.

use datafusion::arrow::datatypes::{DataType, Field, Fields};

/// The metadata of a field that names its type.
pub const MARK: &str = "postgres_type";

/// A type of PostgreSQL.
#[derive(Debug, PartialEq, Eq)]
pub struct PostgresType {
    /// Its name in `pg_type`.
    pub name: &'static str,
    /// Its name in SQL.
    pub sql_name: &'static str,
    /// Its number.
    pub oid: u32,
    /// The number of the type of its arrays.
    pub array: u32,
    /// Bytes of a value; -1 for those that vary.
    pub length: i16,
    /// What kind of values: B boolean, N number, S text, D date or time, T interval, U other, Z internal.
    pub category: char,
}

const fn of(name: &'static str, sql_name: &'static str, oid: u32, array: u32, length: i16, category: char) -> PostgresType {
    PostgresType { name, sql_name, oid, array, length, category }
}

/// Every type that values may have.
pub static TYPES: [PostgresType; 30] = [
    of("bool", "boolean", 16, 1000, 1, 'B'),
    of("bytea", "bytea", 17, 1001, -1, 'U'),
    of("char", "\"char\"", 18, 1002, 1, 'Z'),
    of("name", "name", 19, 1003, 64, 'S'),
    of("int8", "bigint", 20, 1016, 8, 'N'),
    of("int2", "smallint", 21, 1005, 2, 'N'),
    of("int2vector", "int2vector", 22, 1006, -1, 'A'),
    of("int4", "integer", 23, 1007, 4, 'N'),
    of("regproc", "regproc", 24, 1008, 4, 'N'),
    of("text", "text", 25, 1009, -1, 'S'),
    of("oid", "oid", 26, 1028, 4, 'N'),
    of("xid", "xid", 28, 1011, 4, 'U'),
    of("oidvector", "oidvector", 30, 1013, -1, 'A'),
    of("json", "json", 114, 199, -1, 'U'),
    of("float4", "real", 700, 1021, 4, 'N'),
    of("float8", "double precision", 701, 1022, 8, 'N'),
    of("bpchar", "character", 1042, 1014, -1, 'S'),
    of("varchar", "character varying", 1043, 1015, -1, 'S'),
    of("date", "date", 1082, 1182, 4, 'D'),
    of("time", "time without time zone", 1083, 1183, 8, 'D'),
    of("timestamp", "timestamp without time zone", 1114, 1115, 8, 'D'),
    of("timestamptz", "timestamp with time zone", 1184, 1185, 8, 'D'),
    of("interval", "interval", 1186, 1187, 16, 'T'),
    of("numeric", "numeric", 1700, 1231, -1, 'N'),
    of("regclass", "regclass", 2205, 2210, 4, 'N'),
    of("regtype", "regtype", 2206, 2211, 4, 'N'),
    of("uuid", "uuid", 2950, 2951, 16, 'U'),
    of("jsonb", "jsonb", 3802, 3807, -1, 'U'),
    of("regnamespace", "regnamespace", 4089, 4090, 4, 'N'),
    of("regrole", "regrole", 4096, 4097, 4, 'N'),
];

/// The type of rows without a type of their own.
static RECORD: PostgresType = of("record", "record", 2249, 2287, -1, 'P');

/// How a column is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The type of its values, or of those in its lists.
    pub base: &'static PostgresType,
    /// True for lists.
    pub is_array: bool,
    /// Precision and scale of `numeric`, as PostgreSQL packs them; -1 where there is none.
    pub modifier: i32,
}

impl Seen {
    /// The number of the type.
    pub fn oid(&self) -> u32 {
        if self.is_array { self.base.array } else { self.base.oid }
    }

    /// Bytes of a value; -1 for those that vary.
    pub fn length(&self) -> i16 {
        if self.is_array { -1 } else { self.base.length }
    }
}

/// The type of that name.
pub fn named(name: &str) -> Option<&'static PostgresType> {
    TYPES.iter().find(|known| known.name == name)
}

/// The type of that number, and whether it is an array of it.
pub fn numbered(oid: u32) -> Option<(&'static PostgresType, bool)> {
    TYPES.iter().find_map(|known| match oid {
        _ if oid == known.oid => Some((known, false)),
        _ if oid == known.array => Some((known, true)),
        _ => None,
    })
}

/// How a column is seen.
pub fn seen(field: &Field) -> Seen {
    match field.metadata().get(MARK).and_then(|name| named(name)) {
        // A vector is a type of its own, with elements.
        Some(base) if matches!(base.name, "int2vector" | "oidvector") => Seen { base, is_array: false, modifier: -1 },
        Some(base) => Seen { base, is_array: is_list(field.data_type()), modifier: -1 },
        None => seen_type(field.data_type()),
    }
}

fn is_list(data_type: &DataType) -> bool {
    use DataType::{FixedSizeList, LargeList, LargeListView, List, ListView};
    matches!(data_type, List(_) | LargeList(_) | FixedSizeList(..) | ListView(_) | LargeListView(_))
}

/// True for the fields of a row that `ROW(1, 'a')` makes.
fn is_row(fields: &Fields) -> bool {
    !fields.is_empty() && fields.iter().enumerate().all(|(place, field)| *field.name() == format!("c{place}"))
}

/// How values of a type are seen.
pub fn seen_type(data_type: &DataType) -> Seen {
    let mut modifier = -1;
    let name = match data_type {
        DataType::Boolean => "bool",
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => "int2",
        DataType::UInt16 | DataType::Int32 => "int4",
        DataType::UInt32 | DataType::Int64 => "int8",
        DataType::Float16 | DataType::Float32 => "float4",
        DataType::Float64 => "float8",
        DataType::UInt64 => "numeric",
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            // As PostgreSQL packs it; a negative scale has no place there before version 15, and is not needed to read the value.
            if *scale >= 0 {
                modifier = (i32::from(*precision) << 16 | i32::from(*scale)) + 4;
            }
            "numeric"
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytea",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Timestamp(_, Some(_)) => "timestamptz",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::Struct(fields) if is_row(fields) => return Seen { base: &RECORD, is_array: false, modifier },
        DataType::Struct(_) | DataType::Map(..) | DataType::Union(..) => "json",
        DataType::Dictionary(_, values) => return seen_type(values),
        DataType::RunEndEncoded(_, values) => return seen(values),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => match seen(item) {
            // Arrays of arrays have one length in each dimension; lists of lists need not.
            Seen { is_array: true, .. } => "json",
            // Clients seldom read arrays of records.
            Seen { base, .. } if base.name == "record" => {
                return Seen { base: named("json").unwrap_or(base), is_array: true, modifier: -1 };
            }
            of => return Seen { is_array: true, ..of },
        },
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => "text",
    };
    let text = &TYPES[9];
    Seen { base: named(name).unwrap_or(text), is_array: false, modifier }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn numbers_and_names_are_unique() {
        for (place, known) in TYPES.iter().enumerate() {
            for other in &TYPES[..place] {
                assert!(known.name != other.name && known.oid != other.oid && known.array != other.array, "{}", known.name);
            }
            assert_eq!((numbered(known.oid), numbered(known.array)), (Some((known, false)), Some((known, true))));
        }
        assert_eq!(TYPES[9].name, "text");
    }

    #[test]
    fn types_are_those_of_postgresql() {
        let of = |data_type| {
            let seen = seen_type(&data_type);
            (seen.oid(), seen.length(), seen.modifier)
        };
        assert_eq!(of(DataType::Decimal128(12, 2)), (1700, -1, ((12 << 16) | 2) + 4));
        assert_eq!(of(DataType::UInt32), (20, 8, -1));
        assert_eq!(of(DataType::UInt64), (1700, -1, -1));
        let list = |item| DataType::List(Arc::new(Field::new("item", item, true)));
        assert_eq!(of(list(DataType::Int64)), (1016, -1, -1));
        assert_eq!(of(list(list(DataType::Int64))), (114, -1, -1));
        assert_eq!(of(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))), (25, -1, -1));
        let oid = Field::new("oid", DataType::Int64, false).with_metadata([(MARK.into(), "oid".into())].into());
        assert_eq!((seen(&oid).oid(), seen(&oid).length()), (26, 4));
    }
}
