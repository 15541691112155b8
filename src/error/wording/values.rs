//! What the engine's functions and operators say of values that they cannot take.

use super::known::parts;

/// The text of an error that is known here.
pub fn translated(text: &str) -> Option<String> {
    if let Some(found) = parts(text, ["Overflow happened on FACTORIAL(", ")"]) {
        return Some(format!(
            "factorial: takes a whole number from 0 to 20, got {}; for larger ones write exp(lgamma(n + 1))",
            found[0]
        ));
    }
    if let Some(found) = parts(text, ["Signed integer overflow in ", "(", ")"]) {
        let name = found[0].to_lowercase();
        return Some(format!("{name}({}): the result is out of the range of BIGINT", found[1]));
    }
    if let Some(found) = parts(text, ["Overflow while rounding ", ""]) {
        return Some(format!("round: the result is out of the range of {}; CAST the number to DECIMAL(38, 0)", found[0]));
    }
    if let Some((name, given)) = text.split_once(" does not support type ")
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
    {
        let given = given.trim_matches(['\'', '.']);
        return Some(match given {
            "Null" => format!("{name}: does not take NULL without a type; CAST it, as in CAST(NULL AS BIGINT[])"),
            given => format!("{name}: does not take {given}; CAST the argument"),
        });
    }
    if let Some(found) = parts(text, ["Unsupported date_trunc granularity: '", "'. Supported values are: ", ""]) {
        return Some(format!("date_trunc: no such part '{}'; there is {}", found[0], found[1]));
    }
    of_texts(text).or_else(|| of_lists(text)).or_else(|| of_windows(text)).or_else(|| of_plans(text))
}

fn of_texts(text: &str) -> Option<String> {
    if text == "field position must not be zero" {
        return Some("split_part: parts are counted from 1, or from the end with -1; got 0".into());
    }
    if let Some(found) = parts(text, ["invalid Unicode scalar value: ", ""]) {
        return Some(format!("chr: {} is not the number of a letter", found[0]));
    }
    if let Some(found) = parts(text, ["negative count not allowed: ", ""]) {
        return Some(format!("substr: the length must be 0 or more, got {}", found[0]));
    }
    if let Some(found) = parts(text, ["overlay start position must be at least 1: ", ""]) {
        return Some(format!("overlay: letters are counted from 1, got {}", found[0]));
    }
    if let Some(found) = parts(text, ["There is no built-in encoding named '", "', currently supported encodings are: ", ""]) {
        return Some(format!("encode, decode: there is no encoding '{}'; there is {}", found[0], found[1]));
    }
    let of_digests = ["There is no built-in digest algorithm named '", "', currently supported algorithms are: ", ""];
    if let Some(found) = parts(text, of_digests) {
        return Some(format!("digest: there is no algorithm '{}'; there is {}", found[0], found[1]));
    }
    if text == "string_agg delimiter must be a string literal" {
        return Some("string_agg: the text between the values must be a constant, such as ', '".into());
    }
    None
}

fn of_lists(text: &str) -> Option<String> {
    if text == "array_resize: failed to convert size to usize" {
        return Some("array_resize: the size must be 0 or more".into());
    }
    if let Some(found) = parts(text, ["map key must be unique, duplicate key found: ", ""]) {
        return Some(format!("map: the key {} occurs twice; each key may occur once", found[0]));
    }
    if text == "map key cannot be null" {
        return Some("map: a key must not be NULL; leave such rows out, or write coalesce(key, '')".into());
    }
    if text == "map requires key and value lists to have the same length" {
        return Some("map: takes as many keys as values".into());
    }
    if let Some(found) = parts(text, ["Field ", " not found in struct"]) {
        return Some(format!("field: the struct has no field {}", found[0]));
    }
    if let Some(found) = parts(text, ["named_struct requires an even number of arguments, got ", " instead"]) {
        return Some(format!("named_struct: takes names and values in turn, got {} arguments; or write {{'a': 1}}", found[0]));
    }
    if let Some(found) = parts(text, ["The function '", "' expected a lambda at position "]) {
        return Some(format!("{}: takes a lambda, such as x -> x + 1", found[0]));
    }
    if let Some(found) = parts(text, ["", " lambda must return boolean, got ", ""]) {
        return Some(format!("{}: the lambda gives {}, and must give a condition, such as x -> x > 1", found[0], found[1]));
    }
    if text.starts_with("Uncomparable values: ") {
        return Some("min, max: lists and structs within others are not ordered; take a value of them".into());
    }
    None
}

fn of_windows(text: &str) -> Option<String> {
    if text.starts_with("In an aggregate with DISTINCT, ORDER BY expressions must appear in argument list") {
        return Some("ORDER BY: with DISTINCT, an aggregate is ordered by its argument alone".into());
    }
    if text.starts_with("Expected a signed integer literal for the second argument of nth_value") {
        return Some("nth_value: takes a value and a constant whole number; write nth_value(x, 2)".into());
    }
    if text.starts_with("WITHIN GROUP is only supported for ordered-set aggregate functions") {
        return Some(
            "WITHIN GROUP: belongs to percentile_cont, percentile_disc and mode; write sum(x ORDER BY y) for the order of others"
                .into(),
        );
    }
    if text == "DATE_BIN stride must be non-zero" {
        return Some("date_bin: the width must not be 0; write INTERVAL '15 minutes'".into());
    }
    if text.starts_with("DATE_BIN stride does not support combination of month") {
        return Some("date_bin: the width is either months, or days and times; write one of them".into());
    }
    if let Some(found) = parts(text, ["Expected OFFSET to be an integer or null, but got ", ""]) {
        return Some(format!("OFFSET: takes a whole number, got {}", found[0]));
    }
    if text == "SELECT DISTINCT ON expressions must match initial ORDER BY expressions" {
        return Some("DISTINCT ON: ORDER BY begins with the same columns; write them first in ORDER BY".into());
    }
    if let Some(found) = parts(text, ["Invalid window frame: start bound (", ") cannot be larger than end bound (", ")"]) {
        let [begin, end] = [found[0], found[1]].map(bound);
        return Some(format!("OVER: the frame begins at {begin}, after its end, {end}; write the earlier one first"));
    }
    if text.starts_with("Correlated scalar subquery can only be used in") {
        return Some(
            "subquery: cannot use columns of the outer query here; select it as a column in FROM (SELECT …), and use that".into(),
        );
    }
    if text == "Cannot generate timestamp range where start + step overflows" {
        return Some(
            "generate_series: has a time that the clocks of the zone skip or show twice, or that is out of range; write it over TIMESTAMP, and CAST \
             each value"
                .into(),
        );
    }
    if text == "RANGE requires exactly one ORDER BY column" {
        return Some(
            "OVER: a frame of RANGE with a distance needs ORDER BY of one column; leave the others out, or write ROWS".into(),
        );
    }
    if text.starts_with("Invalid window frame: frame offsets") {
        return Some("OVER: a frame counts rows from 0; write PRECEDING or FOLLOWING for the direction".into());
    }
    for part in ["Hour", "Minute", "Second"] {
        if let Some(found) = parts(text, [part, " value '", "' is out of range"]) {
            return Some(format!("make_time: there is no {} {}", part.to_lowercase(), found[1]));
        }
    }
    if text == "factorial of a negative number is undefined" {
        return Some("factorial: takes a whole number from 0 to 20".into());
    }
    if text == "zero raised to a negative power is undefined" {
        return Some("power: 0 has no negative power; write NULLIF(base, 0)".into());
    }
    None
}

/// The bound of a frame, with an interval as SQL writes it.
fn bound(text: &str) -> String {
    let shape = ["IntervalMonthDayNano { months: ", ", days: ", ", nanoseconds: ", " } ", ""];
    let Some(found) = parts(text, shape) else { return text.to_string() };
    let nanoseconds: i64 = found[2].parse().unwrap_or(0);
    let seconds = (nanoseconds / 1_000_000_000).to_string();
    let units = [(found[0], "months"), (found[1], "days"), (seconds.as_str(), "seconds")];
    let said: Vec<String> =
        units.iter().filter(|(number, _)| *number != "0").map(|(number, unit)| format!("{number} {unit}")).collect();
    let said = if said.is_empty() { "0 days".to_string() } else { said.join(" ") };
    format!("INTERVAL '{said}' {}", found[3])
}

/// What the engine notices of its own plans.
fn of_plans(text: &str) -> Option<String> {
    if let Some(found) = parts(text, ["Failed to coerce then (", ") and else (", ") to common types in CASE WHEN expression"]) {
        return Some(format!("CASE: its results have one type, got {} and {}; CAST one of them", found[0], found[1]));
    }
    if let Some(found) =
        parts(text, ["Inconsistent data type across values list at row ", " column ", ". Was ", " but found ", ""])
    {
        return Some(format!("VALUES: a column is {} in one row and {} in another; CAST one of them", found[2], found[3]));
    }
    if let Some(found) = parts(text, ["Decimal(precision = ", ", scale = ", ") should satisfy"]) {
        return Some(format!(
            "DECIMAL({}, {}): takes from 1 to 76 digits, of which as many may be places; write DECIMAL(12, 2)",
            found[0], found[1]
        ));
    }
    if text.starts_with("Assertion failed: ") || text.starts_with("In/Exist/SetComparison subquery can only be used in ") {
        return Some(
            "query: cannot be planned as it is written; compute a part of it first, in WITH part AS MATERIALIZED (SELECT …)"
                .into(),
        );
    }
    None
}
