//! The engine's texts about statements, one by one.

/// What the engine says of a subquery whose rows are more than the one value that is wanted.
pub const MORE_THAN_ONE_ROW: &str = "Scalar subquery returned more than one row";
/// What to write for a value that is no text.
const A_TEXT: &str = "write CAST(… AS VARCHAR), or array_to_string(…, ',') for a list";

/// The text of an error that is known here.
pub fn translated(text: &str) -> Option<String> {
    call(text)
        .or_else(|| of_query(text))
        .or_else(|| super::values::translated(text))
        .or_else(|| super::casts::translated(text))
        .or_else(|| of_types(text))
        .or_else(|| of_tables(text))
}

/// What stands between two parts of a text, in order: `parts(text, ["from ", " to ", ""])` gives two.
pub fn parts<'a, const N: usize>(text: &'a str, marks: [&str; N]) -> Option<Vec<&'a str>> {
    let mut found = vec![];
    let mut rest = text.strip_prefix(marks.first()?)?;
    for mark in &marks[1..] {
        if mark.is_empty() {
            found.push(rest);
            rest = "";
        } else {
            let (part, after) = rest.split_once(mark)?;
            found.push(part);
            rest = after;
        }
    }
    Some(found)
}

/// The types in a list; a comma within the brackets of a type, as in `Decimal128(10, 2)`, ends none.
fn separate(types: &str) -> Vec<&str> {
    let (mut separated, mut depth, mut start) = (vec![], 0_usize, 0);
    for (place, letter) in types.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                separated.push(types[start..place].trim());
                start = place + 1;
            }
            _ => {}
        }
    }
    separated.push(types[start..].trim());
    separated.retain(|one| !one.is_empty());
    separated
}

/// A call with arguments of the wrong number or types.
fn call(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("argument types '")?;
    let (call, rest) = rest.split_once("'. You might")?;
    let (name, types) = call.strip_suffix(')')?.split_once('(')?;
    let types = types.replace("Null", "NULL");
    let types = types.as_str();
    let got = separate(types);
    // A function that chooses its types itself says what it takes.
    if let Some((_, said)) = text.split_once("user-defined coercion failed with: ")
        && let Some((called, said)) = said.split_once(" takes ")
    {
        let called = called.rsplit(' ').next().unwrap_or(name);
        let said = said.split_once(". No function ").map_or(said, |(said, _)| said);
        let (takes, rest) = said.split_once(", got ").unwrap_or((said, ""));
        let advice = rest.split_once("]; ").map_or("", |(_, advice)| advice);
        let mark = if advice.is_empty() { "" } else { "; " };
        return Some(format!("{called}: takes {takes}, got {}{mark}{advice}", if got.is_empty() { "none" } else { types }));
    }
    match name {
        // ANY looks in its list for NULL.
        "array_position" if let [list, "NULL", "Int64"] = got.as_slice() => {
            return Some(format!(
                "ANY, ALL: take a list or a query on the right, got {list}; write = ANY ([1, 2]), or = ANY (SELECT …)"
            ));
        }
        "array_has"
            if let [list, _] = got.as_slice()
                && !list.contains("List") =>
        {
            return Some(format!("array_has, ANY: take a list, got {list}; write a = ANY ([1, 2]), or a = 1"));
        }
        "make_array" if !got.is_empty() => {
            return Some(format!("list: the values of a list have one type, got {types}; CAST them to one"));
        }
        "date_part" | "date_trunc"
            if let [_, number] = got.as_slice()
                && family(number) == Some("numbers") =>
        {
            let given = if types.contains('(') { types } else { types.rsplit(", ").next().unwrap_or(types) };
            return Some(format!(
                "{name}: takes a date or timestamp, got {given}; a day such as 20251231 is parse_date(…), seconds since 1970 are to_timestamp(…)"
            ));
        }
        "coalesce" | "greatest" | "least" if got.len() > 1 => {
            return Some(format!("{name}: its values have one type, got {types}; CAST them to one"));
        }
        _ => {}
    }
    let mut candidates: Vec<&str> =
        rest.lines().map(str::trim).filter_map(|line| line.strip_prefix(&format!("{name}("))).collect();
    // A function that asks the engine's has its own line after those of the other.
    if candidates.len() > 1 {
        candidates.retain(|candidate| *candidate != "UserDefined)");
    }
    if let Some(counts) = text.split_once(" expects ").and_then(|(_, rest)| parts(rest, ["", " arguments but received "]))
        && let Ok(count) = counts[0].parse::<usize>()
        && candidates.len() == 1
    {
        let plural = if count == 1 { "argument" } else { "arguments" };
        return Some(format!("{name}: takes {count} {plural}, got {} ({types})", got.len()));
    }
    let mut counts: Vec<usize> = candidates.iter().map(|candidate| candidate.split(", ").count()).collect();
    counts.sort_unstable();
    counts.dedup();
    if !got.is_empty() && !counts.is_empty() && !counts.contains(&got.len()) && !candidates.iter().any(|one| one.contains("..")) {
        let (one, number) = (counts == [1], got.len());
        let counts = counts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        return Some(match one {
            true => format!("{name}: takes 1 argument, got {number} ({types})"),
            false => format!("{name}: takes {counts} arguments, got {number} ({types})"),
        });
    }
    if got.is_empty() {
        return Some(format!("{name}: takes arguments, got none; \\h {name} shows them"));
    }
    let takes: Vec<&str> =
        candidates.iter().filter_map(|candidate| candidate.strip_suffix(')')).flat_map(|one| one.split(", ")).collect();
    let mut families: Vec<&str> = vec![];
    for family in takes.iter().filter_map(|one| family(one)) {
        if !families.contains(&family) {
            families.push(family);
        }
    }
    let of_text = got.iter().any(|one| one.contains("Utf8"));
    let for_text = match families.as_slice() {
        ["numbers", ..] if of_text => "; for a text write CAST(… AS DECIMAL(12, 2)), or parse_number(…)",
        ["numbers", ..] if got == ["Boolean"] => "; write CAST(… AS INT), which is 1 where it is true; count_if(…) counts",
        ["times", ..] if of_text => "; for a text write to_timestamp(…) or CAST(… AS TIMESTAMP)",
        _ => "; CAST the arguments",
    };
    let mut shapes: Vec<String> = vec![];
    for candidate in candidates.iter().filter_map(|one| one.strip_suffix(')')) {
        let takes: Vec<String> = separate(candidate).into_iter().map(shown).collect();
        let shape = format!("{name}({})", takes.join(", "));
        if takes.len() == got.len() && !shapes.contains(&shape) {
            shapes.push(shape);
        }
    }
    shapes.truncate(3);
    if got.len() > 1 && !shapes.is_empty() {
        let shapes = shapes.join(" or ");
        return Some(format!("{name}: takes {shapes}, got {name}({types}){for_text}"));
    }
    Some(match families.as_slice() {
        [] => format!("{name}: does not take {types}{for_text}"),
        families => format!("{name}: takes {}, got {types}{for_text}", families.join(" or ")),
    })
}

/// One type of a signature, as SQL names it.
fn shown(of: &str) -> String {
    let of = of.rsplit(": ").next().unwrap_or(of);
    match of {
        "String" => "VARCHAR".into(),
        "Integer" | "Numeric" => "BIGINT".into(),
        "Decimal" => "DECIMAL".into(),
        "Binary" => "BYTEA".into(),
        "Date" | "Time" | "Timestamp" | "Interval" | "Duration" => of.to_uppercase().replace("DURATION", "INTERVAL"),
        "Any" => "any".into(),
        "array" => "list".into(),
        other => super::in_sql(other),
    }
}

/// What a person calls the types of a signature.
fn family(of: &str) -> Option<&'static str> {
    let of = of.rsplit(": ").next().unwrap_or(of);
    let is = |names: &[&str]| names.iter().any(|name| of.starts_with(name));
    Some(match () {
        () if is(&["Decimal", "UInt", "Int8", "Int16", "Int32", "Int64", "Float", "Numeric", "Integer", "Native"]) => "numbers",
        () if is(&["String", "Utf8", "LargeUtf8"]) => "texts",
        () if is(&["Timestamp", "Date", "Time"]) => "times",
        () if is(&["Duration", "Interval"]) => "intervals",
        () if is(&["Boolean"]) => "booleans",
        () if is(&["List", "Array", "array"]) => "lists",
        () if is(&["Binary"]) => "bytes",
        () => return None,
    })
}

fn of_query(text: &str) -> Option<String> {
    if text.contains("must be in GROUP BY or an aggregate function") || text.starts_with("Column in ") {
        let column = text.split_once("column \"").and_then(|(_, rest)| rest.split_once('"')).map_or("a column", |(name, _)| name);
        // `orders.csv.city`: the name of a file does not qualify a column.
        let column = if column.matches('.').count() > 1 { column.rsplit('.').next().unwrap_or(column) } else { column };
        return Some(format!(
            "{column}: is neither grouped nor aggregated; write it in GROUP BY, or an aggregate such as max({column})"
        ));
    }
    if let Some(found) = parts(text, ["HAVING clause references: ", " must appear"]) {
        return Some(format!("HAVING: {} is not a condition on groups; write it in WHERE, or group with GROUP BY", found[0]));
    }
    if text.starts_with("Aggregate functions are not allowed in the WHERE") {
        return Some("WHERE: takes no aggregates; write the condition in HAVING, after GROUP BY".into());
    }
    if let Some(rest) = text.strip_prefix("Physical plan does not support logical expression ") {
        let name = rest.split_once("name: \"").and_then(|(_, rest)| rest.split_once('"')).map_or("a column", |(name, _)| name);
        return Some(match () {
            () if rest.starts_with("WindowFunction") => {
                "OVER: is only allowed in SELECT, QUALIFY and ORDER BY; write the condition in QUALIFY".into()
            }
            () if rest.starts_with("OuterReferenceColumn") => {
                format!("{name}: an inner query cannot use this column of the outer query here; write a JOIN")
            }
            () if ["ScalarSubquery", "InSubquery", "Exists", "SetComparison"].iter().any(|kind| rest.starts_with(kind)) => {
                "subquery: cannot be computed for each row here; write a JOIN, or one with GROUP BY".into()
            }
            () if rest.starts_with("Wildcard") => "*: is only allowed in SELECT and count(*); name the column".into(),
            () => "expression: is not allowed here; compute it in a subquery".into(),
        });
    }
    if text.starts_with("Unnest should be rewritten to LogicalPlan::Unnest") {
        return Some("unnest: is only allowed in SELECT and FROM; for a condition on its values, write SELECT … FROM (SELECT unnest(list) AS value FROM t) WHERE value = …".into());
    }
    if text.starts_with("nth_value not supported for n: ") {
        return Some("array_agg(…)[n]: n must be a constant; make the list in a subquery: SELECT list[n] FROM (SELECT array_agg(…) AS list …)".into());
    }
    if let Some(found) = parts(text, ["Aggregate function calls cannot be nested: '", "' is nested"]) {
        return Some(format!("{}: aggregates cannot be nested; write the inner one in a subquery", found[0]));
    }
    if text.starts_with("No `ON` expressions provided") {
        return Some("DISTINCT ON: names no column; write DISTINCT ON (a, b), or DISTINCT alone".into());
    }
    let recursive = "Non-recursive term and recursive term must have the same number of columns (";
    if let Some(found) = parts(text, [recursive, " != ", ")"]) {
        let (first, second) = (found[0], found[1]);
        return Some(format!(
            "WITH RECURSIVE: its first SELECT gives {first} columns, and the one after UNION {second}; give as many"
        ));
    }
    if let Some(found) =
        parts(text, ["Failed to coerce arguments to satisfy a call to '", "' function: coercion from ", " to the signature "])
        && text.contains("ArraySignature")
    {
        let (name, got) = (found[0], found[1]);
        return Some(format!("{name}: takes lists, got {got}; CAST the arguments"));
    }
    if let Some((op, _)) = text.split_once(" queries have different number of columns") {
        return Some(format!("{op}: both sides need the same number of columns"));
    }
    if let Some(found) = parts(text, ["Order by column out of bounds, specified: ", ", max: ", ""]) {
        return Some(format!("ORDER BY: there is no column {}; SELECT has {}", found[0], found[1]));
    }
    if let Some(found) = parts(text, ["Cannot find column with position ", " in SELECT clause. Valid columns: 1 to ", ""]) {
        return Some(format!("GROUP BY: there is no column {}; SELECT has {}", found[0], found[1]));
    }
    if let Some(found) = parts(text, ["Too many columns! The subquery should only return one column: ", ""]) {
        return Some(format!(
            "subquery: gives more than one column ({}); select one, or write WHERE (a, b) IN (SELECT x, y …) for several",
            found[0]
        ));
    }
    if let Some(found) = parts(
        text,
        ["Projections require unique expression names but the expression \"", "\" at position ", " and \"", "\" at position "],
    ) {
        let name = found[0].rsplit(" AS ").next().unwrap_or(found[0]);
        return Some(format!("{name}: two columns have this name; give one another name with AS"));
    }
    if let Some(found) = parts(text, ["Source table contains ", " columns but only ", " names given as column alias"]) {
        return Some(format!("alias: gives {} names to {} columns; give as many names as there are columns", found[1], found[0]));
    }
    if let Some(found) =
        parts(text, ["Inconsistent data length across values list: got ", " values in row ", " but expected ", ""])
    {
        let row = found[1].parse::<u64>().map_or_else(|_| found[1].to_string(), |row| (row + 1).to_string());
        return Some(format!(
            "VALUES: row {row} has {}, and {} are expected; give as many, or name the columns",
            found[0], found[2]
        ));
    }
    if let Some(found) = parts(text, ["Argument ", " to grouping function is not in grouping columns"]) {
        return Some(format!("grouping: {} is not grouped; write it in GROUP BY", found[0]));
    }
    if let Some(found) = parts(text, ["WITH query name ", " specified more than once"]) {
        return Some(format!("{}: WITH has two tables of this name; give one another name", found[0].replace('"', "")));
    }
    if let Some(found) = parts(text, ["For SELECT DISTINCT, ORDER BY expressions ", " must appear in select list"]) {
        return Some(format!("ORDER BY: SELECT DISTINCT does not have {}; write it in SELECT too", found[0]));
    }
    if text == "Divide by zero error" {
        return Some("division by zero; write NULLIF(divisor, 0)".into());
    }
    if let Some(found) = parts(text, ["Support for 'approx_distinct' for data type ", " is not implemented"]) {
        return Some(format!(
            "approx_distinct: does not take {}; write approx_distinct(CAST(a AS VARCHAR)), or count(DISTINCT a)",
            super::in_sql(found[0])
        ));
    }
    if text == MORE_THAN_ONE_ROW {
        return Some(
            "subquery: gives more than one row where only one is allowed; write max(…) or another aggregate in its SELECT, or ORDER BY … LIMIT 1; to compare with all of its rows, write IN"
                .into(),
        );
    }
    if text.starts_with("Correlated scalar subquery must be aggregated") {
        return Some("subquery: may give more than one row; write max(…) or another aggregate in its SELECT".into());
    }
    if let Some(found) = parts(text, ["Invalid qualifier ", ""]) {
        return Some(format!("{}: no table in FROM has this name", found[0]));
    }
    if text.starts_with("SELECT * with no tables specified") {
        return Some("*: there is no table; write SELECT * FROM name".into());
    }
    if let Some(rest) = text.strip_prefix("Argument #") {
        let rest = match rest.split_once("got Placeholder(") {
            Some((takes, _)) => format!("{takes}got a parameter"),
            // A constant, as the engine keeps it.
            None => rest.replace("got Literal(", "got ").trim_end_matches(", None)").to_string(),
        };
        return Some(format!(
            "generate_series, range: argument {}",
            rest.replace("INTEGER, TIMESTAMP", "whole number, TIMESTAMP")
                .replace("INTEGER or NULL", "whole number or NULL")
                .replace("an whole", "a whole")
        ));
    }
    if let Some((name, "dates requires exactly 3 arguments" | "timestamps requires exactly 3 arguments")) =
        text.split_once(" function with ")
    {
        return Some(format!("{name}: with dates, takes a start, an end and a step; write for example INTERVAL '1 day'"));
    }
    if let Some((name, rest)) = text.split_once(" function requires ")
        && let Some(count) = rest.strip_suffix(" arguments")
    {
        return Some(format!("{name}: takes {count} arguments"));
    }
    if text.starts_with("Expected an integer value") {
        return Some("lag, lead, ntile, nth_value: take a constant whole number".into());
    }
    if let Some(found) = parts(text, ["lambda defined ", " params but UDF support only ", ""]) {
        return Some(format!("lambda: names {} values, and the function gives it {}; name as many", found[0], found[1]));
    }
    if text.starts_with("NTILE requires a positive integer") {
        return Some("ntile: takes a whole number above 0".into());
    }
    if let Some(found) = parts(text, ["Percentile value for '", "' must be ", ""]) {
        let name = found[0].to_lowercase();
        return Some(format!(
            "{name}: the share must be a constant number from 0 to 1; write {name}(0.5) WITHIN GROUP (ORDER BY x)"
        ));
    }
    if text.starts_with("Tdigest max_size value for 'APPROX_PERCENTILE_CONT' must be ") {
        return Some("approx_percentile_cont: the number of centroids must be a constant whole number from 1; write 100".into());
    }
    if let Some(found) = parts(text, ["Percentile value must be between 0.0 and 1.0 inclusive, ", " is invalid"]) {
        return Some(format!("percentile: must be from 0 to 1, got {}", found[0]));
    }
    if text.starts_with("cannot take square root of a negative number") {
        return Some("sqrt: takes a number that is 0 or more; write sqrt(abs(…)), or CASE WHEN x >= 0 THEN sqrt(x) END".into());
    }
    if let Some((_, value)) = text.split_once("Array overflow on abs(") {
        let value = value.trim_end_matches(')');
        return Some(format!("abs: the type of {value} has no number as large; CAST it to DECIMAL(38, 0)"));
    }
    if text.starts_with("regex parse error") {
        let problem = text.rsplit("error: ").next().unwrap_or_default().trim();
        return Some(format!("regular expression: {problem}"));
    }
    if text.starts_with("Regular expression did not compile") {
        // The engine repeats the pattern, and below it what is wrong, if it knows.
        return Some(match text.rsplit_once("\nerror: ").and_then(|(_, problem)| problem.lines().next()) {
            Some(problem) => format!("regular expression: {}", problem.trim()),
            None => {
                "regular expression: is not valid; close every bracket, and write \\ before a character to be taken literally"
                    .into()
            }
        });
    }
    if text.starts_with("step can't be 0 for function ")
        || text == "Step cannot be zero"
        || text == "Step interval cannot be zero"
    {
        return Some("generate_series, range: step must not be 0; write 1, or -1 to count down".into());
    }
    if let Some(found) = parts(text, ["Unable to parse date from ", ", ", ", ", ""]) {
        return Some(format!("make_date: there is no day {} in month {} of the year {}", found[2], found[1], found[0]));
    }
    if let Some(found) = parts(text, ["Month value '", "' is out of range"]) {
        return Some(format!("make_date: month must be from 1 to 12, got {}", found[0]));
    }
    if let Some(found) = parts(text, ["Day value '", "' is out of range"]) {
        return Some(format!("make_date: day must be from 1 to 31, got {}", found[0]));
    }
    if text.starts_with("Column count doesn't match insert query") {
        return Some(
            "INSERT: the query gives more or fewer columns than the table takes; name the columns: INSERT INTO name (a, b) …"
                .into(),
        );
    }
    if text.starts_with("QUALIFY clause requires window functions") {
        return Some("QUALIFY: needs a function with OVER, here or in SELECT; write other conditions in WHERE or HAVING".into());
    }
    if text.starts_with("Order by index starts at 1") {
        return Some("ORDER BY: columns are counted from 1".into());
    }
    if let Some(found) = parts(text, ["OFFSET must be >=0, '", "'"]) {
        return Some(format!("OFFSET: must be 0 or more, got {}", found[0]));
    }
    if let Some(found) = parts(
        text,
        ["Incompatible inputs for Union: Previous inputs were of type ", ", but got incompatible type ", " on column"],
    ) {
        return Some(format!("UNION: a column is {} on one side and {} on the other; CAST one of them", found[0], found[1]));
    }
    if let Some(found) = parts(text, ["LIMIT must be >= 0, '", "'"]) {
        return Some(format!("LIMIT: must be 0 or more, got {}", found[0]));
    }
    for clause in ["LIMIT", "OFFSET"] {
        if text.starts_with(&format!("Unsupported {clause} expression: ")) {
            let instead = "for a computed one write QUALIFY row_number() OVER (ORDER BY …) <= (SELECT …)";
            return Some(format!("{clause}: takes a constant whole number; {instead}"));
        }
    }
    if let Some(found) = parts(text, ["Expected LIMIT to be an integer or null, but got ", ""]) {
        return Some(format!("LIMIT: takes a whole number, got {}", found[0]));
    }
    if let Some(clause) = ["Rollup", "Cube"].iter().find(|clause| text.contains("Tuple expressions") && text.contains(**clause)) {
        let clause = clause.to_uppercase();
        return Some(format!("{clause}: takes single columns; write GROUPING SETS ((a, b), ()) for columns that go together"));
    }
    if text.starts_with("COUNT DISTINCT with multiple arguments") {
        return Some("count: DISTINCT takes one column; write count(DISTINCT (a, b)) for pairs".into());
    }
    None
}

/// A time, and something that cannot be added to it or taken from it.
fn of_spans(types: &str) -> String {
    let upper = types.to_uppercase();
    match ["VARCHAR", "UTF8"].iter().any(|text| upper.contains(text)) {
        true => format!("{types}: a string is not a time; write DATE '2025-01-31', or INTERVAL '2 days' for a span of time"),
        false => format!("{types}: these types cannot be combined; write INTERVAL '2 days' for a span of time"),
    }
}

fn of_types(text: &str) -> Option<String> {
    if let Some(found) = parts(text, ["Cannot coerce arithmetic expression ", " to valid types"]) {
        let types = found[0].to_uppercase();
        if ["DATE", "TIME", "INTERVAL", "DURATION"].iter().any(|of_time| types.contains(of_time)) {
            return Some(of_spans(found[0]));
        }
        let is_text = |side: &str| ["VARCHAR", "UTF8", "UTF8VIEW", "LARGEUTF8"].contains(&side);
        if types.contains(" + ") && types.split(" + ").all(is_text) {
            return Some(format!("{}: strings cannot be added; write a || b to join them", found[0]));
        }
        let sides = [" + ", " - ", " * ", " / ", " % "].iter().find_map(|operator| types.split_once(operator));
        if sides.is_some_and(|(one, other)| is_text(one) != is_text(other)) {
            return Some(format!(
                "{}: a string is not a number; write CAST(… AS DECIMAL(12, 2)), or parse_number(…), with decimal => ',' for numbers such as 1.234,56",
                found[0]
            ));
        }
        return Some(format!("{}: these types cannot be combined; CAST one side, as in CAST(… AS DOUBLE)", found[0]));
    }
    for operation in ["comparison", "logical boolean", "bitwise", "string", "list", "regex", "interval"] {
        let starts = text.starts_with("Cannot infer common ") && text.contains(operation);
        if let Some((_, expression)) = text.split_once("operation ").filter(|_| starts) {
            let next = match operation {
                "logical boolean" => "AND, OR and NOT take booleans; write a condition such as x > 0",
                _ => "types that do not match; CAST one side to the type of the other",
            };
            return Some(format!("{expression}: {next}"));
        }
    }
    if let Some(found) = parts(text, ["Decimal overflow while applying ", ""]) {
        return Some(format!("{}: a result has more digits than its type; cast to fewer digits, or to DOUBLE", found[0]));
    }
    if let Some(found) = parts(text, ["Invalid comparison operation: ", ""]) {
        let expression = found[0].replace("==", "=");
        return Some(format!("{expression}: types that do not match; CAST one side to the type of the other"));
    }
    let of_escape = " expression. Expected a single character wrapped with single quotes, got ";
    if let Some(found) = parts(text, ["Invalid escape character in ", of_escape, ""]) {
        return Some(format!("{}: ESCAPE takes one character, got {}; write ESCAPE '!'", found[0], found[1]));
    }
    if let Some(found) = parts(text, ["Can not find compatible types to compare ", " with [", ""]) {
        let types = found[1].strip_suffix(']').unwrap_or(found[1]);
        return Some(format!(
            "IN: compares {} with {types}; CAST one side, or write 'a' = ANY(list) for a value in a list",
            found[0]
        ));
    }
    if let Some(found) = parts(text, ["Cannot get result type for temporal operation ", ": "]) {
        return Some(of_spans(found[0]));
    }
    if let Some(found) = parts(text, ["Cannot automatically convert ", " to ", ""]) {
        if found[1].to_uppercase().starts_with("INTERVAL") {
            return Some(format!("{}: is no span of time; write INTERVAL '2 days'", found[0]));
        }
        return Some(format!("{}: cannot be used as {}; CAST it", found[0], found[1]));
    }
    if let Some(found) = parts(text, ["Unary operator 'NOT' requires a boolean expression, got ", ""]) {
        return Some(format!("NOT: takes a boolean, got {}; write a condition such as x = 0", found[0]));
    }
    if let Some(found) = parts(text, ["Unary operator '", "' only supports "]) {
        return Some(format!("{}: takes a number or an interval; CAST the value", found[0]));
    }
    if let Some(found) = parts(text, ["Cannot create filter with non-boolean predicate '", "' returning ", ""]) {
        return Some(format!("{}: is {}, but a condition must be a boolean; write {} = …", found[0], found[1], found[0]));
    }
    if let Some(found) = parts(text, ["There isn't a common type to coerce ", " and ", " in LIKE expression"]) {
        return Some(format!("LIKE: takes texts, got {} and {}; {A_TEXT}", found[0], found[1]));
    }
    if let Some(found) = parts(text, ["There isn't a common type to coerce ", " and ", " in ILIKE expression"]) {
        return Some(format!("ILIKE: takes texts, got {} and {}; {A_TEXT}", found[0], found[1]));
    }
    if let Some(found) = parts(text, ["Cannot access field at argument 1: type ", " is not Struct, Map, or Null"]) {
        return Some(match found[0] {
            of if of.starts_with("Date") || of.starts_with("Timestamp") => {
                format!("field: a value of type {of} has no fields; write year(…), month(…) or date_part('day', …)")
            }
            of => format!("field: a value of type {of} has no fields; only structs and maps have them"),
        });
    }
    if text.starts_with("unnest() can only be applied") {
        return Some("unnest: takes a list; write string_to_array(text, ',') to make one of a text".into());
    }
    if let Some(found) = parts(text, ["[return_type] ", " not supported for ", ""]) {
        return Some(format!("{}: does not take {}; name a column of numbers", found[0].to_lowercase(), found[1]));
    }
    if let Some(found) = parts(text, ["Column 'column", "' is declared as non-nullable but contains null values"]) {
        return Some(format!(
            "VALUES: column {} is NULL in a row, and the column that it goes to is NOT NULL; nothing was written",
            found[0]
        ));
    }
    if let Some(found) = parts(text, ["Invalid batch column at '", "' has null but schema specifies non-nullable"])
        && let Ok(place) = found[0].parse::<usize>()
    {
        return Some(format!(
            "INSERT: column {} is NULL in a row, and the column that it goes to is NOT NULL; nothing was written",
            place + 1
        ));
    }
    if text.starts_with("Substring without for/from is not valid") {
        return Some("substr: takes a text and a position; write substr(text, 2)".into());
    }
    if let Some(found) = parts(text, ["Unsupported SQL type ", ""]) {
        if ["SERIAL", "BIGSERIAL", "SMALLSERIAL"].contains(&found[0].to_uppercase().as_str()) {
            return Some(format!("{}: only CREATE TABLE and ALTER TABLE … ADD COLUMN number rows; write BIGINT", found[0]));
        }
        let name = found[0].to_uppercase();
        if name.starts_with("TIMETZ") || name.starts_with("TIME") && name.ends_with("WITH TIME ZONE") {
            return Some(format!("{}: no such type; write TIME, or TIMESTAMP WITH TIME ZONE", found[0]));
        }
        if name.starts_with("ENUM") {
            return Some(format!("{}: no such type; write VARCHAR, and CREATE CHECK for the values that it may have", found[0]));
        }
        if ["UUID", "JSON", "JSONB"].contains(&name.as_str()) {
            return Some(format!("{}: no such type here; write VARCHAR: its values are read as strings", found[0]));
        }
        if name == "MONEY" {
            return Some(format!("{}: no such type; write DECIMAL(12, 2)", found[0]));
        }
        let known =
            "there is VARCHAR, INT, BIGINT, DOUBLE, DECIMAL(12, 2), BOOLEAN, DATE, TIMESTAMP, INTERVAL and lists such as INT[]";
        return Some(format!("{}: no such type; {known}", found[0]));
    }
    if let Some(found) = parts(text, ["Date part '", "' not supported"]) {
        return Some(format!(
            "date_part: no such part '{}'; there is year, quarter, month, week, day, dow, doy, hour, minute, second",
            found[0]
        ));
    }
    None
}

/// What SHOW may be meant to show besides settings, with the statements that do.
const SHOWN: [(&str, &str, &str); 8] = [
    ("table", "SHOW TABLES", "DESCRIBE name"),
    ("view", "SHOW TABLES", "DESCRIBE name"),
    ("profile", "SHOW PROFILES", "DESCRIBE PROFILE name"),
    ("tag", "SHOW TAGS", "DESCRIBE TAG name"),
    ("segment", "SHOW SEGMENTS", "DESCRIBE SEGMENT name"),
    ("model", "SHOW MODELS", "DESCRIBE MODEL name"),
    ("identity", "SHOW IDENTITIES", "DESCRIBE IDENTITY name"),
    ("schedule", "SHOW SCHEDULES", "SELECT * FROM system.schedules WHERE name = '…'"),
];

fn of_tables(text: &str) -> Option<String> {
    let kinds = [("Table '", "table"), ("View '", "view"), ("table '", "table")];
    for (start, kind) in kinds {
        if let Some(found) = parts(text, [start, "' doesn't exist"]).or_else(|| parts(text, [start, "' not found"])) {
            // The schema in which a table is as a refresh saw it has a name that nobody writes.
            let shown = found[0].split_once(".known:").and_then(|(_, rest)| rest.split_once('.'));
            let shown = shown.map_or(found[0], |(_, table)| table);
            return Some(format!("{shown}: no such {kind}; SHOW TABLES lists those there are"));
        }
        if let Some(found) = parts(text, [start, "' already exists"]) {
            return Some(format!("{}: this {kind} already exists; DROP it first, or write CREATE OR REPLACE", found[0]));
        }
    }
    if let Some(found) = parts(text, ["Config value \"", "\" not found on "]) {
        return Some(format!("{}: no such setting or option; system.settings lists the settings", found[0]));
    }
    if let Some(found) = parts(text, ["SHOW ", " not supported"]) {
        let what = found[0].split(' ').next().unwrap_or_default();
        return Some(format!(
            "SHOW {what}: stands alone; write SELECT … FROM information_schema.tables WHERE … for some of them"
        ));
    }
    if let Some(found) = parts(text, ["Invalid explain format. Expected ", ". Got '", "'"]) {
        return Some(format!("EXPLAIN: FORMAT takes {}, got '{}'", found[0], found[1]));
    }
    if text.starts_with("Insert Overwrite not implemented") {
        return Some(
            "INSERT OVERWRITE: cannot change rows that are written; write CREATE OR REPLACE TABLE name AS SELECT …".into(),
        );
    }
    if text.starts_with("Temporary views not supported") {
        return Some("view: cannot be TEMPORARY; leave the word out, and DROP it when it is not needed any more".into());
    }
    if text.starts_with("Insert into not implemented for this table") {
        return Some(
            "INSERT: this table takes no rows; rows go into tables made by CREATE TABLE, and into folders of files".into(),
        );
    }
    if let Some(found) = parts(text, ["variable [\"", "\"] has no type information"]) {
        return Some(format!(
            "{}: variables of this kind are not supported; write $name, whose value is given by --set name=…",
            found[0]
        ));
    }
    if let Some(found) = parts(text, ["could not find config namespace for key \"", "\""]) {
        return Some(format!("{}: no such setting; system.settings lists them", found[0]));
    }
    if let Some(found) = parts(text, ["'", "' is not a variable which can be viewed with 'SHOW'"]) {
        let word = found[0].split('.').next().unwrap_or_default();
        if let Some((_, all, one)) = SHOWN.iter().find(|(known, ..)| *known == word) {
            let statement = format!("SHOW {}", word.to_uppercase());
            return Some(format!("{statement}: no such statement; {all} lists all of them, {one} shows one"));
        }
        return Some(format!("{}: no such setting; SHOW ALL lists them", found[0]));
    }
    if text.starts_with("Format not explicitly set") {
        return Some(
            "COPY: the name of the file has no ending that shows its kind; write TO 'file.csv', or STORED AS CSV".into(),
        );
    }
    if let Some(found) = parts(text, ["There is no registered file format with ext ", ""]) {
        return Some(format!(
            ".{}: no file format has this ending; there is .csv, .tsv, .json, .ndjson, .xlsx, .parquet and .arrow, or write STORED AS CSV",
            found[0]
        ));
    }
    if let Some(found) = parts(text, ["[IGNORE | RESPECT] NULLS are not permitted for ", ""]) {
        return Some(format!("{}: ignores NULL anyway; leave IGNORE NULLS and RESPECT NULLS out", found[0]));
    }
    if let Some((what, _)) = text.split_once(" not supported for Base table") {
        let what = what.trim_end_matches(" INTO");
        return Some(format!(
            "{what}: cannot change rows of this table; write CREATE OR REPLACE TABLE name AS SELECT … FROM name"
        ));
    }
    None
}
