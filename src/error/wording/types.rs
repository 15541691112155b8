//! Types and constants of the engine's memory by their names in SQL: `Utf8View` is VARCHAR, `Int64(1)` is 1.

/// The text with types and constants as SQL writes them.
pub fn in_sql(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(letter) = rest.chars().next() {
        let is_start = letter.is_ascii_uppercase() && !is_part(before);
        let word: &str = if is_start { &rest[..rest.find(|part: char| !is_part(part)).unwrap_or(rest.len())] } else { "" };
        match replaced(word, &rest[word.len()..]) {
            Some((sql, used)) => {
                written.push_str(&sql);
                rest = &rest[word.len() + used..];
                before = ')';
            }
            None if word.is_empty() => {
                written.push(letter);
                rest = &rest[letter.len_utf8()..];
                before = letter;
            }
            None => {
                written.push_str(word);
                rest = &rest[word.len()..];
                before = word.chars().next_back().unwrap_or(' ');
            }
        }
    }
    written
}

fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// A word and what follows it: the type or constant in SQL, and how much of what follows is part of it.
fn replaced(word: &str, after: &str) -> Option<(String, usize)> {
    let within = within(after);
    let whole = |sql: &str| Some((sql.to_string(), 0));
    let used = within.map_or(0, |within| within.len() + 2);
    let constant = |sql: &str| match within {
        Some(value) if is_constant(value) => Some((value.to_string(), used)),
        _ => whole(sql),
    };
    match word {
        "Utf8" | "LargeUtf8" | "Utf8View" => match within {
            Some(value) if value.starts_with('"') && value.ends_with('"') && value.len() > 1 => {
                Some((format!("'{}'", &value[1..value.len() - 1]), used))
            }
            Some("NULL") => Some(("NULL".into(), used)),
            _ => whole("VARCHAR"),
        },
        "Int8" => constant("TINYINT"),
        "Int16" => constant("SMALLINT"),
        "Int32" => constant("INTEGER"),
        "Int64" => constant("BIGINT"),
        "UInt8" => constant("TINYINT UNSIGNED"),
        "UInt16" => constant("SMALLINT UNSIGNED"),
        "UInt32" => constant("INTEGER UNSIGNED"),
        "UInt64" => constant("BIGINT UNSIGNED"),
        "Float16" | "Float32" => constant("REAL"),
        "Float64" => constant("DOUBLE"),
        "Boolean" => constant("BOOLEAN"),
        "Date32" | "Date64" => match within {
            Some(day) if day.starts_with('"') => Some((format!("DATE '{}'", day.trim_matches('"')), used)),
            _ => constant("DATE"),
        },
        "Time32" | "Time64" => Some(("TIME".into(), used)),
        "Timestamp" => {
            let within = within?;
            let zoned = within.contains('"') || within.contains("+0");
            Some((if zoned { "TIMESTAMP WITH TIME ZONE" } else { "TIMESTAMP" }.into(), used))
        }
        "TimestampNanosecond" | "TimestampMicrosecond" | "TimestampMillisecond" | "TimestampSecond" => {
            within.map(|_| ("TIMESTAMP …".to_string(), used))
        }
        "Interval" => within.map(|_| ("INTERVAL".to_string(), used)),
        "IntervalMonthDayNano" | "IntervalYearMonth" | "IntervalDayTime" => within.map(|_| ("INTERVAL …".to_string(), used)),
        "Duration" => within.map(|_| ("INTERVAL".to_string(), used)),
        "Decimal32" | "Decimal64" | "Decimal128" | "Decimal256" => match within {
            Some(within) if within.starts_with("Some(") => decimal(within).map(|value| (value, used)),
            Some(within) => Some((format!("DECIMAL({})", within.replace(',', ", ").replace("  ", " ")), used)),
            None => whole("DECIMAL"),
        },
        "Binary" | "LargeBinary" | "BinaryView" => whole("BYTEA"),
        "FixedSizeBinary" => within.map(|_| ("BYTEA".to_string(), used)),
        "List" | "LargeList" | "ListView" | "FixedSizeList" => {
            let of = within?;
            // A list of fixed length: `2 x Int64`.
            let of = of.split_once(" x ").filter(|(length, _)| length.parse::<u32>().is_ok()).map_or(of, |(_, of)| of);
            let of = of.trim_start_matches("nullable ").trim_start_matches("non-null ");
            // Its own name, `, field: 'element'`, and not that of a list within it.
            let of = comma(of).map_or(of, |comma| &of[..comma]);
            Some((format!("{}[]", in_sql(of)), used))
        }
        "Struct" => within.map(|fields| (format!("STRUCT({})", in_sql(&fields.replace("\": non-null ", "\": "))), used)),
        "Map" => entry(within?).map(|(key, value)| (format!("MAP({key}, {value})"), used)),
        "Dictionary" => within?.split_once(", ").map(|(_, value)| (in_sql(value), used)),
        _ => None,
    }
}

/// The types of the keys and the values of a map, from `"entries": non-null Struct("key": non-null Utf8, "value": Int64), unsorted`.
fn entry(entries: &str) -> Option<(String, String)> {
    let fields = within(entries.split_once("Struct")?.1)?;
    let comma = comma(fields)?;
    let of = |field: &str| {
        let (_, of) = field.split_once("\": ")?;
        Some(in_sql(of.trim_start_matches("nullable ").trim_start_matches("non-null ")))
    };
    Some((of(&fields[..comma])?, of(&fields[comma + 1..])?))
}

/// Where the first comma is that stands in no brackets and no quotes.
fn comma(text: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0_usize, false);
    let (place, _) = text.char_indices().find(|(_, letter)| {
        match letter {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        *letter == ',' && depth == 0 && !quoted
    })?;
    Some(place)
}

/// What stands in the brackets that follow at once.
fn within(after: &str) -> Option<&str> {
    let inner = after.strip_prefix('(')?;
    let (mut depth, mut quoted) = (0_usize, false);
    for (place, letter) in inner.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => return Some(&inner[..place]),
            ')' if !quoted => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_constant(value: &str) -> bool {
    matches!(value, "NULL" | "true" | "false") || value.parse::<f64>().is_ok()
}

/// `Some(1050),10,2` is 10.50.
fn decimal(within: &str) -> Option<String> {
    let (digits, rest) = within.strip_prefix("Some(")?.split_once(')')?;
    let scale: usize = rest.rsplit(',').next()?.trim().parse().ok()?;
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_sql() {
        let cases = [
            ("Utf8View + Int64", "VARCHAR + BIGINT"),
            ("t.x = Utf8(\"a b\") AND y > Int64(-1)", "t.x = 'a b' AND y > -1"),
            ("Timestamp(Nanosecond, None), Timestamp(µs, \"Asia/Shanghai\")", "TIMESTAMP, TIMESTAMP WITH TIME ZONE"),
            ("Decimal128(12, 2) and Decimal128(Some(-105),10,2)", "DECIMAL(12, 2) and -1.05"),
            ("List(nullable Int64), List(List(Utf8))", "BIGINT[], VARCHAR[][]"),
            ("Struct(\"a b\": Int64, \"c\": List(Utf8))", "STRUCT(\"a b\": BIGINT, \"c\": VARCHAR[])"),
            ("Struct(\"a\": non-null Utf8)[]", "STRUCT(\"a\": VARCHAR)[]"),
            ("FixedSizeList(2 x non-null Int64, field: 'element')", "BIGINT[]"),
            ("List(List(Int64, field: 'element'), field: 'element')", "BIGINT[][]"),
            ("List(Struct(\"a\": List(Utf8, field: 'element')), field: 'element')", "STRUCT(\"a\": VARCHAR[])[]"),
            (
                "Map(\"entries\": non-null Struct(\"key\": non-null Decimal128(9, 0), \"value\": List(Utf8)), unsorted), Int8",
                "MAP(DECIMAL(9, 0), VARCHAR[]), TINYINT",
            ),
            ("MyInt64 Int64x Interval of Boolean(true)", "MyInt64 Int64x Interval of true"),
            ("Dictionary(Int32, Utf8), Date32, Float64(1.5), Interval(MonthDayNano)", "VARCHAR, DATE, 1.5, INTERVAL"),
            ("Utf8(\"unclosed", "VARCHAR(\"unclosed"),
            ("客户 Int64", "客户 BIGINT"),
        ];
        for (engine, sql) in cases {
            assert_eq!(in_sql(engine), sql);
        }
    }
}
