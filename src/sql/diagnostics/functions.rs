//! Errors for unknown functions. For a function of another dialect, the error says what to write instead; else it suggests the most
//! similar function that works in the same place.

use datafusion::execution::session_state::SessionState;

use crate::error::nearest;
use crate::functions;

/// Functions of other dialects, with what to write instead. Sorted by name for binary search.
const ELSEWHERE: [(&str, &str); 35] = [
    ("approx_quantiles", "write approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY a) for each share"),
    ("approx_top_count", "write SELECT a, count(*) … GROUP BY a ORDER BY 2 DESC LIMIT 3"),
    ("approx_top_k", "write SELECT a, count(*) … GROUP BY a ORDER BY 2 DESC LIMIT 3"),
    (
        "columns",
        "COLUMNS can be used only in the list after SELECT and in WHERE; name the columns here, or write GROUP BY ALL, ORDER BY ALL",
    ),
    ("conditional_true_event", "write sum(CAST(condition AS INT)) OVER (ORDER BY …)"),
    ("convert", "write CAST(a AS type)"),
    ("count_star", "write count(*)"),
    ("datename", "write to_char(day, '%B')"),
    ("day_of_month", PART),
    ("day_of_week", "write date_part('dow', day), where 0 is Sunday"),
    ("day_of_year", "write date_part('doy', day)"),
    ("explode", "write unnest(list)"),
    ("from_timestamp", "write to_char(time, '%Y-%m-%d')"),
    ("geomean", "write exp(avg(ln(a)))"),
    ("geometric_mean", "write exp(avg(ln(a)))"),
    ("int", "write CAST(a AS INT)"),
    ("int4range", "write a BETWEEN 1 AND 4"),
    ("jarowinkler", LIKENESS),
    ("json_contains", "write array_has(json_value_array(json), value)"),
    ("json_set", JSON_CHANGED),
    ("json_type", "write json_typeof(json)"),
    ("jsonb_pretty", JSON_CHANGED),
    ("jsonb_set", JSON_CHANGED),
    ("list_agg", TEXTS),
    ("localtimestamp", "write CAST(now() AS TIMESTAMP)"),
    ("map_from_entries", "write map(keys, values)"),
    ("normalize", "strings are compared character by character; convert them to one form before loading"),
    ("object_agg", "write json_object_agg(name, value)"),
    ("object_construct", "write json_build_object('a', 1), which keeps a NULL as null"),
    ("percentile_approx", "write approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY a)"),
    ("safe_cast", "write TRY_CAST(a AS type)"),
    ("sem", "write stddev(a) / sqrt(count(a))"),
    ("struct_insert", "write {'a': value.a, 'b': 2} with all fields"),
    ("struct_pack", "write {'a': 1, 'b': 2}"),
    ("to_tsvector", "write column LIKE '%word%', or column ~ 'word'"),
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
