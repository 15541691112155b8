//! Memory that ran out, as the engine's pools tell it.

use super::known::parts;

/// What to do about it, without the names of the engine's parts.
pub fn exhausted(text: &str) -> String {
    let last = text.rsplit_once("Error: ").map_or(text, |(_, last)| last);
    let marks = [
        "Failed to allocate additional ",
        " for ",
        " with ",
        " already allocated for this reservation - ",
        " remain available for the total memory pool: ",
        "",
    ];
    let Some([more, consumer, taken, left, pool]) = parts(last, marks).and_then(|found| <[&str; 5]>::try_from(found).ok()) else {
        return format!("out of memory: {text}");
    };
    let limit = pool.rsplit_once(" of ").map_or(pool, |(_, limit)| limit);
    let what = WHAT.iter().find(|(part, _)| consumer.contains(part)).map_or("a part of the statement", |(_, what)| what);
    format!(
        "out of memory: {what} has {taken} and needs {more} more, and of the limit, {limit}, {left} are left; read fewer rows, or raise --memory-limit"
    )
}

/// What SQL calls the engine's parts.
const WHAT: [(&str, &str); 6] = [
    ("Aggregate", "GROUP BY or an aggregate"),
    ("Join", "a join"),
    ("Window", "a window"),
    ("Sort", "a sort"),
    ("Repartition", "the exchange of rows between threads"),
    ("Merge", "a sort"),
];

#[cfg(test)]
mod tests {
    use super::exhausted;

    #[test]
    fn the_engines_parts_have_names_of_sql() {
        let engines = "Additional allocation failed for AggregateStream[0] with top memory consumers (across reservations) as:\n \
                       AggregateStream[0]#1(can spill: false) consumed 244.1 MB, peak 244.1 MB.\nError: Failed to allocate additional 244.1 MB \
                       for AggregateStream[0] with 244.1 MB already allocated for this reservation - 11.9 MB remain available for the total \
                       memory pool: half shared of 256.0 MB";
        let own = "out of memory: GROUP BY or an aggregate has 244.1 MB and needs 244.1 MB more, and of the limit, 256.0 MB, 11.9 MB are \
                   left; read fewer rows, or raise --memory-limit";
        assert_eq!(exhausted(engines), own);
        assert_eq!(exhausted("too many files were spilled"), "out of memory: too many files were spilled");
    }
}
