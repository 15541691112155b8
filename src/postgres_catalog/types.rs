//! Types by their numbers and by their names.

use crate::postgres_types;

/// The type of a number in SQL, with its modifier: `numeric(12,2)`, `bigint[]`.
pub fn type_name(oid: i64, modifier: i32) -> String {
    let Some((known, is_array)) = u32::try_from(oid).ok().and_then(postgres_types::numbered) else {
        return pseudo_type(oid).map_or_else(|| if oid == 0 { "-".into() } else { "???".into() }, str::to_string);
    };
    let brackets = if is_array { "[]" } else { "" };
    let name = match (known.name, modifier) {
        ("numeric", 4..) => format!("numeric({},{})", (modifier - 4) >> 16, (modifier - 4) & 0xffff),
        ("varchar", 4..) => format!("character varying({})", modifier - 4),
        ("bpchar", 4..) => format!("character({})", modifier - 4),
        _ => known.sql_name.to_string(),
    };
    name + brackets
}

/// Types that no column has: arguments and results of functions.
const PSEUDO_TYPES: [(i64, &str); 7] = [
    (2249, "record"),
    (2276, "\"any\""),
    (2277, "anyarray"),
    (2278, "void"),
    (2279, "trigger"),
    (2281, "internal"),
    (2283, "anyelement"),
];

fn pseudo_type(oid: i64) -> Option<&'static str> {
    PSEUDO_TYPES.iter().find(|(own, _)| *own == oid).map(|(_, name)| *name)
}

/// The number of the type of that name, as SQL writes it: `int8`, `bigint`, `text[]`, `numeric(12,2)`, `pg_catalog.name`.
pub fn type_named(written: &str) -> Option<i64> {
    let written = written.trim();
    let (written, is_array) = match written.strip_suffix("[]") {
        Some(item) => (item.trim(), true),
        None => (written, false),
    };
    let written = written.strip_prefix("pg_catalog.").unwrap_or(written);
    let quoted_char = written == "\"char\"";
    let bare: String = match written.split_once('(') {
        Some((name, rest)) => format!("{}{}", name.trim_end(), rest.split_once(')').map_or("", |(_, after)| after)),
        None => written.to_string(),
    };
    let lower = if bare.starts_with('"') && !quoted_char { bare.trim_matches('"').to_string() } else { bare.to_lowercase() };
    if let Some((oid, _)) = PSEUDO_TYPES.iter().find(|(_, name)| name.trim_matches('"') == lower) {
        return Some(*oid);
    }
    let name = match lower.as_str() {
        "\"char\"" => "char",
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "real" => "float4",
        "double precision" | "float" | "double" => "float8",
        "boolean" => "bool",
        "char" | "character" => "bpchar",
        "character varying" | "string" => "varchar",
        "decimal" => "numeric",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        "time without time zone" => "time",
        "blob" => "bytea",
        other => other,
    };
    let found = postgres_types::TYPES.iter().find_map(|known| match name.strip_prefix('_') {
        Some(item) if item == known.name => Some(known.array),
        _ if name == known.name => Some(if is_array { known.array } else { known.oid }),
        _ => None,
    });
    found.map(i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_both_ways() {
        for (written, oid) in
            [("int8", 20), ("BIGINT[]", 1016), ("pg_catalog.text", 25), ("numeric(12,2)", 1700), ("_text", 1009)]
        {
            assert_eq!(type_named(written), Some(oid), "{written}");
        }
        assert_eq!((type_named("\"char\""), type_named("char"), type_named("nothing")), (Some(18), Some(1042), None));
        assert_eq!(type_name(1700, (12 << 16 | 2) + 4), "numeric(12,2)");
        assert_eq!(
            (type_name(1016, -1), type_name(0, -1), type_name(424_242, -1)),
            ("bigint[]".into(), "-".into(), "???".into())
        );
    }
}
