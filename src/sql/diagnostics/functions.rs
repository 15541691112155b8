//! A call of a function that is not there: what to write, for the names of other dialects; else the nearest name that works in that place.

use datafusion::execution::session_state::SessionState;

use crate::error::nearest;
use crate::functions;

/// Names of other dialects, and what to write here.
const ELSEWHERE: [(&str, &str); 92] = [
    ("add_days", DAYS_ON),
    ("add_months", "write day + INTERVAL '3 months'"),
    ("adddate", DAYS_ON),
    ("any_value", "write first_value(a) or max(a)"),
    ("approx_count_distinct", "write approx_distinct(a)"),
    ("arg_max", LARGEST),
    ("arg_min", SMALLEST),
    ("argmax", LARGEST),
    ("argmin", SMALLEST),
    ("array_size", "write cardinality(list)"),
    ("charindex", "write strpos(text, part)"),
    ("collect_list", "write array_agg(a)"),
    ("collect_set", "write array_agg(DISTINCT a)"),
    ("convert", "write CAST(a AS type)"),
    ("count_if", COUNT_IF),
    ("countif", COUNT_IF),
    ("curdate", "write current_date"),
    ("date_add", DAYS_ON),
    ("date_diff", DAYS_BETWEEN),
    ("date_sub", "write day - INTERVAL '7 days'"),
    ("dateadd", DAYS_ON),
    ("datediff", DAYS_BETWEEN),
    ("datename", "write to_char(day, '%B')"),
    ("datetime", "write CAST(text AS TIMESTAMP)"),
    ("day", PART),
    ("day_of_month", PART),
    ("day_of_week", "write date_part('dow', day), where 0 is Sunday"),
    ("day_of_year", "write date_part('doy', day)"),
    ("dayname", "write to_char(day, '%A')"),
    ("dayofmonth", PART),
    ("dayofweek", "write date_part('dow', day), where 0 is Sunday"),
    ("dayofyear", "write date_part('doy', day)"),
    ("epoch_ms", "write to_timestamp_millis(number)"),
    ("explode", "write unnest(list)"),
    ("format", "write concat(a, b), or to_char(a, '%Y-%m-%d') for days"),
    ("format_date", "write to_char(day, '%Y-%m-%d')"),
    ("from_timestamp", "write to_char(time, '%Y-%m-%d')"),
    ("getdate", "write now()"),
    ("group_concat", TEXTS),
    ("hour", PART),
    ("if", CASE),
    ("iff", CASE),
    ("ifnull", "write coalesce(a, b)"),
    ("iif", CASE),
    ("int", "write CAST(a AS INT)"),
    ("isnull", "write a IS NULL, or coalesce(a, b)"),
    ("jaro_winkler", LIKENESS),
    ("jaro_winkler_similarity", LIKENESS),
    ("jarowinkler", LIKENESS),
    ("json_extract", JSON),
    ("json_extract_string", JSON),
    ("json_value", JSON),
    ("last_day", "write date_trunc('month', day) + INTERVAL '1 month' - INTERVAL '1 day'"),
    ("len", "write length(text)"),
    ("list_agg", TEXTS),
    ("listagg", TEXTS),
    ("locate", "write strpos(text, part)"),
    ("max_by", LARGEST),
    ("min_by", SMALLEST),
    ("minute", PART),
    ("mode", "count the rows of each value: SELECT a, count(*) … GROUP BY a ORDER BY 2 DESC LIMIT 1"),
    ("month", PART),
    ("monthname", "write to_char(day, '%B')"),
    (
        "months_between",
        "write (date_part('year', b) - date_part('year', a)) * 12 + date_part('month', b) - date_part('month', a)",
    ),
    ("percentile", "write percentile_cont(0.5) WITHIN GROUP (ORDER BY a)"),
    ("percentile_approx", "write approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY a)"),
    ("percentile_disc", "write percentile_cont(0.5) WITHIN GROUP (ORDER BY a), which takes the mean of the two nearest values"),
    ("quantile", "write percentile_cont(0.5) WITHIN GROUP (ORDER BY a)"),
    ("quarter", PART),
    ("rand", "write random()"),
    ("regexp_extract", "write regexp_match(text, pattern)[1]"),
    ("regexp_substr", "write regexp_match(text, pattern)[1]"),
    ("safe_cast", "write TRY_CAST(a AS type)"),
    ("safe_divide", "write a / nullif(b, 0)"),
    ("second", PART),
    ("sign", "write signum(a)"),
    ("size", "write cardinality(list)"),
    ("sort_array", "write array_sort(list)"),
    ("split", "write string_to_array(text, ',')"),
    ("str_to_date", "write to_date(text, '%d/%m/%Y')"),
    ("strftime", "write to_char(day, '%Y-%m-%d')"),
    ("string_split", "write string_to_array(text, ',')"),
    ("strptime", "write to_timestamp(text, '%d/%m/%Y %H:%M')"),
    ("subdate", "write day - INTERVAL '7 days'"),
    ("sum_if", SUM_IF),
    ("sumif", SUM_IF),
    ("timestampadd", DAYS_ON),
    ("timestampdiff", DAYS_BETWEEN),
    ("to_days", DAYS_BETWEEN),
    ("to_number", "write CAST(replace(text, ',', '') AS DECIMAL(12, 2))"),
    ("week", PART),
    ("year", PART),
];

const DAYS_ON: &str = "write day + INTERVAL '7 days'";
const DAYS_BETWEEN: &str = "write b - a for the days between two dates, as in DATE '2025-06-30' - DATE '2025-05-01'";
const PART: &str = "write date_part('year', day), or extract(month FROM day)";
const CASE: &str = "write CASE WHEN condition THEN a ELSE b END";
const COUNT_IF: &str = "write count(*) FILTER (WHERE condition)";
const SUM_IF: &str = "write sum(a) FILTER (WHERE condition)";
const TEXTS: &str = "write string_agg(a, ',' ORDER BY a)";
const LARGEST: &str = "write last_value_by(a, b), the value of a where b is largest";
const SMALLEST: &str = "write first_value(a ORDER BY b)";
const LIKENESS: &str = "write levenshtein(a, b), the number of letters that differ";
const JSON: &str = "read the file by FROM 'file.json', whose objects have fields: value['field']";

/// What is wrong with a call of `name` in an expression; `over` when it has OVER.
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
        Some(near) => format!("no such function; did you mean \"{near}\"?"),
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
