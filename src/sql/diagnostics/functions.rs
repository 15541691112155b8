//! Errors for unknown functions. For a function of another dialect, the error says what to write instead; else it suggests the most
//! similar function that works in the same place.

use datafusion::execution::session_state::SessionState;

use crate::error::nearest;
use crate::functions;

/// Functions of other dialects, with what to write instead. Sorted by name for binary search.
const ELSEWHERE: [(&str, &str); 125] = [
    ("addtime", "write a - b of two times, or time + INTERVAL '1 hour'"),
    ("approx_quantiles", "write approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY a) for each share"),
    ("approx_top_count", "write SELECT a, count(*) … GROUP BY a ORDER BY 2 DESC LIMIT 3"),
    ("approx_top_k", "write SELECT a, count(*) … GROUP BY a ORDER BY 2 DESC LIMIT 3"),
    ("array_fill", "write array_repeat(value, count)"),
    ("array_insert", "write list_concat(list[1:2], [value], list[3:])"),
    ("bar", "write repeat('█', CAST(value AS INT)); the statement COPY CHART draws charts"),
    ("bin", "write to_hex(number)"),
    ("bround", "write round(number)"),
    ("checksum", "write md5(text), which has the same value in every version"),
    (
        "columns",
        "COLUMNS can be used only in the list after SELECT and in WHERE; name the columns here, or write GROUP BY ALL, ORDER BY ALL",
    ),
    ("conditional_true_event", "write sum(CAST(condition AS INT)) OVER (ORDER BY …)"),
    ("conv", "write to_hex(number) for hexadecimal digits"),
    ("convert", "write CAST(a AS type)"),
    ("count_star", "write count(*)"),
    ("crc32", "write md5(text), which has the same value in every version"),
    ("datename", "write to_char(day, '%B')"),
    ("daterange", "write column BETWEEN DATE '2025-01-01' AND DATE '2025-01-31'"),
    ("day_of_month", PART),
    ("day_of_week", "write date_part('dow', day), where 0 is Sunday"),
    ("day_of_year", "write date_part('doy', day)"),
    ("enum_code", "there are no types of lists of names; CREATE CHECK can say which values a column has"),
    ("enum_range", "there are no types of lists of names; CREATE CHECK can say which values a column has"),
    ("even", "write round(number)"),
    ("explode", "write unnest(list)"),
    ("export_set", "write concat_ws(',', CASE WHEN bits & 1 > 0 THEN 'a' END, …)"),
    ("farm_fingerprint", "write md5(text), which has the same value in every version"),
    ("format_bytes", "write pg_size_pretty(bytes)"),
    ("formatdatetime", "write strftime(time, '%Y-%m-%d')"),
    ("from_timestamp", "write to_char(time, '%Y-%m-%d')"),
    ("gamma", "write exp(lgamma(number)), or factorial(number - 1)"),
    ("geomean", "write exp(avg(ln(a)))"),
    ("geometric_mean", "write exp(avg(ln(a)))"),
    ("get", "write list[1] for an element, json_extract(json, '$.a') for a part of JSON"),
    ("hash", "write md5(text), which has the same value in every version"),
    ("inet_aton", "there is no type for network addresses; keep them as texts"),
    ("inet_ntoa", "there is no type for network addresses; keep them as texts"),
    ("int", "write CAST(a AS INT)"),
    ("int4range", "write a BETWEEN 1 AND 4"),
    ("int8range", "write column BETWEEN DATE '2025-01-01' AND DATE '2025-01-31'"),
    ("jarowinkler", LIKENESS),
    ("json_contains", "write array_has(json_value_array(json), value)"),
    ("json_contains_path", "write json_extract(json, '$.a') IS NOT NULL"),
    ("json_insert", JSON_CHANGED),
    ("json_populate_record", "write json_value(json, '$.a') for each column, with CAST for its type"),
    ("json_remove", JSON_CHANGED),
    ("json_replace", JSON_CHANGED),
    ("json_search", "write json_query_array(json), and a condition on its elements"),
    ("json_set", JSON_CHANGED),
    ("json_strip_nulls", JSON_CHANGED),
    ("json_to_record", "write json_value(json, '$.a') for each column, with CAST for its type"),
    ("json_type", "write json_typeof(json)"),
    ("jsonb_insert", JSON_CHANGED),
    ("jsonb_path_query", "write json_query_array(json), and a condition on its elements"),
    ("jsonb_populate_record", "write json_value(json, '$.a') for each column, with CAST for its type"),
    ("jsonb_pretty", JSON_CHANGED),
    ("jsonb_set", JSON_CHANGED),
    ("jsonb_strip_nulls", JSON_CHANGED),
    ("jsonb_to_record", "write json_value(json, '$.a') for each column, with CAST for its type"),
    ("last_insert_id", "write INSERT … RETURNING column"),
    ("list_agg", TEXTS),
    ("localtimestamp", "write CAST(now() AS TIMESTAMP)"),
    ("make_set", "write concat_ws(',', CASE WHEN bits & 1 > 0 THEN 'a' END, …)"),
    ("map_concat", "write map(list_concat(map_keys(a), map_keys(b)), list_concat(map_values(a), map_values(b)))"),
    ("map_from_entries", "write map(keys, values)"),
    ("min_scale", "write CAST(a AS DECIMAL(12, 2)) for a number of places"),
    ("monotonically_increasing_id", "write row_number() OVER (ORDER BY …)"),
    ("neighbor", "write lag(a) OVER (ORDER BY …)"),
    ("normal", "write 1 + floor(random() * 10) for a whole number from 1 to 10"),
    ("normalize", "strings are compared character by character; convert them to one form before loading"),
    ("numrange", "write column BETWEEN DATE '2025-01-01' AND DATE '2025-01-31'"),
    ("object_agg", "write json_object_agg(name, value)"),
    ("object_construct", "write json_build_object('a', 1), which keeps a NULL as null"),
    ("object_delete", JSON_CHANGED),
    ("object_insert", JSON_CHANGED),
    ("object_pick", JSON_CHANGED),
    ("oct", "write to_hex(number) for hexadecimal digits"),
    ("ora_hash", "write md5(text), which has the same value in every version"),
    ("parse_ip", "there is no type for network addresses; keep them as texts"),
    ("parse_url", "write regexp_extract(url, '://([^/]+)', 1)"),
    ("patindex", "write regexp_instr(text, pattern), with a regular expression"),
    ("percentile_approx", "write approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY a)"),
    ("posexplode", "write FROM unnest(list) WITH ORDINALITY AS u(item, place)"),
    ("randstr", "write 1 + floor(random() * 10) for a whole number from 1 to 10"),
    ("regr_valx", "write CASE WHEN other IS NOT NULL THEN column END"),
    ("regr_valy", "write CASE WHEN other IS NOT NULL THEN column END"),
    ("rint", "write round(number)"),
    ("rownumberinallblocks", "write row_number() OVER (ORDER BY …)"),
    ("rownuminallblocks", "write row_number() OVER (ORDER BY …)"),
    ("runningdifference", "write lag(a) OVER (ORDER BY …)"),
    ("safe_add", "write CAST(a AS DECIMAL(38, 0)) + b, which has room for every sum"),
    ("safe_cast", "write TRY_CAST(a AS type)"),
    ("safe_multiply", "write CAST(a AS DECIMAL(38, 0)) + b, which has room for every sum"),
    ("safe_negate", "write CAST(a AS DECIMAL(38, 0)) + b, which has room for every sum"),
    ("safe_subtract", "write CAST(a AS DECIMAL(38, 0)) + b, which has room for every sum"),
    ("scale", "write CAST(a AS DECIMAL(12, 2)) for a number of places"),
    ("session_window", "write date_trunc('hour', time), or sessionize(…) in FROM"),
    ("setseed", "a random number has no seed; write md5(key || 'seed') for one that depends on the key"),
    ("sha", "write sha256(text)"),
    ("sha1", "write sha256(text)"),
    ("sha1_hex", "write sha256(text)"),
    ("similarity", "write jaccard(a, b), or jaro_winkler_similarity(a, b)"),
    ("str_to_map", "write map(list_concat(map_keys(a), map_keys(b)), list_concat(map_values(a), map_values(b)))"),
    ("strip_accents", "write translate(text, 'áéíóú', 'aeiou')"),
    ("struct_insert", "write {'a': value.a, 'b': 2} with all fields"),
    ("struct_pack", "write {'a': 1, 'b': 2}"),
    ("subtime", "write a - b of two times, or time + INTERVAL '1 hour'"),
    ("timediff", "write a - b of two times, or time + INTERVAL '1 hour'"),
    ("to_tsvector", "write column LIKE '%word%', or column ~ 'word'"),
    ("trim_scale", "write CAST(a AS DECIMAL(12, 2)) for a number of places"),
    ("try_add", "write CAST(a AS DECIMAL(38, 0)) + b, which has room for every sum"),
    ("try_multiply", "write CAST(a AS DECIMAL(38, 0)) + b, which has room for every sum"),
    ("try_strptime", "write CASE WHEN parse_date(text) IS NOT NULL THEN strptime(text, pattern) END"),
    ("try_subtract", "write CAST(a AS DECIMAL(38, 0)) + b, which has room for every sum"),
    ("tsrange", "write column BETWEEN DATE '2025-01-01' AND DATE '2025-01-31'"),
    ("unaccent", "write translate(text, 'áéíóú', 'aeiou')"),
    ("uniform", "write 1 + floor(random() * 10) for a whole number from 1 to 10"),
    ("union_extract", "a column has values of one type; write {'a': 1, 'b': NULL}"),
    ("union_tag", "a column has values of one type; write {'a': 1, 'b': NULL}"),
    ("union_value", "a column has values of one type; write {'a': 1, 'b': NULL}"),
    ("url_decode", "write replace(text, '%20', ' ') for each sign"),
    ("url_encode", "write replace(text, '%20', ' ') for each sign"),
    ("window", "write date_trunc('hour', time), or sessionize(…) in FROM"),
    ("xxhash64", "write md5(text), which has the same value in every version"),
    ("zipf", "write 1 + floor(random() * 10) for a whole number from 1 to 10"),
];

const PART: &str = "write date_part('year', day), or extract(month FROM day)";
const TEXTS: &str = "write string_agg(a, ',' ORDER BY a)";
const LIKENESS: &str = "write levenshtein(a, b), the number of letters that differ";
const JSON_CHANGED: &str = "JSON can be read, not changed; write json_build_object(…) with all its names";

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
