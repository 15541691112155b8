//! Errors for unknown functions. For a function of another dialect, the error says what to write instead; else it suggests the most
//! similar function that works in the same place.

use datafusion::execution::session_state::SessionState;

use crate::error::nearest;
use crate::functions;

/// Functions of other dialects, with what to write instead. Sorted by name for binary search.
const ELSEWHERE: [(&str, &str); 64] = [
    ("add_days", DAYS_ON),
    ("any_value", "write first_value(a) or max(a)"),
    ("approx_quantiles", "write approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY a) for each share"),
    ("arbitrary", "write first_value(a) or max(a)"),
    ("base64", "write encode(a, 'base64')"),
    ("century", "write ceil(date_part('year', day) / 100.0)"),
    (
        "columns",
        "COLUMNS can be used only in the list after SELECT and in WHERE; name the columns here, or write GROUP BY ALL, ORDER BY ALL",
    ),
    ("convert", "write CAST(a AS type)"),
    ("count_star", "write count(*)"),
    ("datename", "write to_char(day, '%B')"),
    ("datetime", "write CAST(text AS TIMESTAMP)"),
    ("day_of_month", PART),
    ("day_of_week", "write date_part('dow', day), where 0 is Sunday"),
    ("day_of_year", "write date_part('doy', day)"),
    ("decade", "write floor(date_part('year', day) / 10)"),
    ("elt", "write ['a', 'b'][place]"),
    ("epoch_ms", "write to_timestamp_millis(number), or CAST(date_part('epoch', time) * 1000 AS BIGINT)"),
    ("epoch_us", "write CAST(date_part('epoch', time) * 1000000 AS BIGINT)"),
    ("explode", "write unnest(list)"),
    ("favg", "write avg(a), which is exact for decimals"),
    ("field", "write array_position(['a', 'b'], text)"),
    ("find_in_set", "write array_position(string_to_array(texts, ','), text)"),
    ("from_base64", "write decode(a, 'base64')"),
    ("from_hex", "write decode(a, 'hex')"),
    ("from_timestamp", "write to_char(time, '%Y-%m-%d')"),
    ("fsum", "write sum(a), which is exact for decimals"),
    ("geomean", "write exp(avg(ln(a)))"),
    ("geometric_mean", "write exp(avg(ln(a)))"),
    ("getdate", "write now()"),
    ("int", "write CAST(a AS INT)"),
    ("isfinite", "write abs(a) < CAST('inf' AS DOUBLE)"),
    ("isinf", "write abs(a) = CAST('inf' AS DOUBLE)"),
    ("jarowinkler", LIKENESS),
    ("json_extract", JSON),
    ("json_extract_string", JSON),
    ("json_value", JSON),
    ("kahan_sum", "write sum(a), which is exact for decimals"),
    ("list_agg", TEXTS),
    ("list_count", "write cardinality(array_compact(list))"),
    ("list_last", "write list[-1]"),
    (
        "list_reduce",
        "write list_sum(list), list_product(list) or list_aggregate(list, 'max'); or unnest the list, and aggregate its values",
    ),
    ("localtimestamp", "write CAST(now() AS TIMESTAMP)"),
    ("map_from_entries", "write map(keys, values)"),
    ("normalize", "strings are compared character by character; convert them to one form before loading"),
    ("ord", "write ascii(text)"),
    ("percentile_approx", "write approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY a)"),
    ("pg_sleep", "statements do not wait; let the program that sends them wait"),
    (
        "reduce",
        "write list_sum(list), list_product(list) or list_aggregate(list, 'max'); or unnest the list, and aggregate its values",
    ),
    ("regexp_split_to_table", "write unnest(regexp_split_to_array(text, pattern))"),
    ("safe_cast", "write TRY_CAST(a AS type)"),
    ("sem", "write stddev(a) / sqrt(count(a))"),
    ("str_split_regex", "write regexp_split_to_array(text, pattern)"),
    ("string_split_regex", "write regexp_split_to_array(text, pattern)"),
    ("struct_pack", "write {'a': 1, 'b': 2}"),
    ("sysdate", "write now()"),
    ("to_base64", "write encode(a, 'base64')"),
    ("to_hours", "write number * INTERVAL '1 hour'"),
    ("to_minutes", "write number * INTERVAL '1 minute'"),
    ("to_months", "write number * INTERVAL '1 month'"),
    ("to_seconds", "write number * INTERVAL '1 second'"),
    ("to_years", "write number * INTERVAL '1 year'"),
    ("unhex", "write decode(a, 'hex')"),
    ("unicode", "write ascii(text)"),
    ("xor", "write a # b for integers, and a XOR b for booleans"),
];

const DAYS_ON: &str = "write day + INTERVAL '7 days'";
const PART: &str = "write date_part('year', day), or extract(month FROM day)";
const TEXTS: &str = "write string_agg(a, ',' ORDER BY a)";
const LIKENESS: &str = "write levenshtein(a, b), the number of letters that differ";
const JSON: &str = "read the file by FROM 'file.json', whose objects have fields: value['field']";

/// The problem with a call of `name` in an expression. `over` says whether the call has OVER.
pub fn missing(name: &str, over: bool, state: &SessionState) -> String {
    let lower = name.to_lowercase();
    if is_in_from(&lower, state) {
        return format!("is a function in FROM; write SELECT * FROM {name}(…)");
    }
    if !over && state.window_functions().contains_key(&lower) {
        return format!("goes through the rows of a window; write {name}(…) OVER (ORDER BY …)");
    }
    if over && state.scalar_functions().contains_key(&lower) {
        return "gives one value for each row; leave OVER out".into();
    }
    if let Ok(place) = ELSEWHERE.binary_search_by_key(&lower.as_str(), |(name, _)| name) {
        return format!("no such function; {}", ELSEWHERE[place].1);
    }
    let mut works: Vec<&String> = state.aggregate_functions().keys().collect();
    if over {
        works.extend(state.window_functions().keys());
    } else {
        works.extend(state.scalar_functions().keys());
        works.extend(state.higher_order_functions().keys());
    }
    works.sort();
    match nearest(&lower, works.into_iter().map(String::as_str)) {
        Some(near) => format!("no such function; perhaps \"{near}\" is meant"),
        None => "no such function; \\df lists those there are".into(),
    }
}

fn is_in_from(name: &str, state: &SessionState) -> bool {
    let is = |other: &str| other.eq_ignore_ascii_case(name);
    state.table_functions().contains_key(name)
        || functions::all().iter().any(|set| {
            set.relations.iter().any(|function| is(function.doc().name))
                || set.macros.iter().any(|function| is(function.doc().name))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_dialects_are_in_order() {
        assert!(ELSEWHERE.is_sorted_by(|(one, _), (other, _)| one < other));
    }
}
