//! The SQL keywords used for completion and colours.

/// In alphabetical order; some consist of several words.
#[rustfmt::skip]
pub const KEYWORDS: [&str; 135] = [
    "ALTER", "ANALYZE", "AND", "ANTI JOIN", "AS", "AS OF", "ASC", "ASOF JOIN", "BACKUP DATABASE TO", "BEGIN", "BETWEEN",
    "BY", "CASE", "CAST", "COLUMN", "COMMENT ON", "COPY", "CREATE", "CROSS JOIN", "CUBE", "CURRENT ROW", "DATE",
    "DEALLOCATE", "DEFAULT", "DELETE FROM", "DESC", "DESCRIBE", "DISTINCT", "DISTINCT ON", "DROP", "ELSE", "END", "ERASE SUBJECT", "ESCAPE",
    "EXCEPT", "EXCLUDE", "EXECUTE", "EXISTS", "EXPLAIN", "EXPLAIN ANALYZE", "EXPORT SUBJECT", "EXTERNAL TABLE", "FALSE", "FETCH FIRST",
    "FILTER", "FIRST", "FOLLOWING", "FOR SYSTEM_TIME AS OF", "FROM", "FULL JOIN", "FUNCTION", "GROUP BY", "GROUP BY ALL",
    "GROUPING SETS", "HAVING", "IF EXISTS", "IF NOT EXISTS", "ILIKE", "IN", "INNER JOIN", "INSERT INTO", "INTERSECT",
    "INTERVAL", "IS NOT NULL", "IS NULL", "JOIN", "LATERAL", "LEFT JOIN", "LIKE", "LIMIT", "LOCATION", "MERGE INTO",
    "MODEL", "NOT", "NULL", "NULLS FIRST", "NULLS LAST", "OFFSET", "ON", "OPTIONS", "OR", "OR REPLACE", "ORDER BY", "OVER",
    "PARTITION BY", "PARTITIONED BY", "PAUSE SCHEDULE", "PIVOT", "PRECEDING", "PREPARE", "PROFILE", "QUALIFY", "RANGE", "RECURSIVE",
    "REFRESH", "RENAME TO", "RESUME SCHEDULE", "RETAIN", "RETURNING", "RIGHT JOIN", "ROLLUP", "ROWS", "RUN SCHEDULE", "SCHEDULE", "SCHEMA", "SEGMENT", "SELECT", "SEMI JOIN", "SET",
    "SHOW", "SIMILAR TO", "STORED AS", "SUMMARIZE", "TABLE", "TAG", "THEN", "TIMESTAMP", "TO", "TRUE", "TRUNCATE",
    "TRY_CAST", "UNBOUNDED", "UNION", "UNION ALL", "UNNEST", "UNPIVOT", "UPDATE", "USING", "VALUES", "VIEW", "WHEN",
    "WHERE", "WINDOW", "WITH", "WITHIN GROUP",
];

/// Parts of the phrases above that are often names.
const NAMES: [&str; 17] = [
    "ALL", "COLUMN", "DATABASE", "FIRST", "LAST", "LOCATION", "MODEL", "OPTIONS", "PAUSE", "PROFILE", "RESUME", "RUN",
    "SCHEDULE", "SCHEMA", "SEGMENT", "SUBJECT", "TAG",
];

/// True for a word that is coloured.
pub fn is_keyword(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    let is_name = NAMES.contains(&upper.as_str());
    !is_name && KEYWORDS.iter().any(|phrase| phrase.split(' ').any(|part| part == upper.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted_and_known_in_any_case() {
        let all: Vec<&str> = KEYWORDS.to_vec();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", all.windows(2).find(|pair| pair[0] >= pair[1]));
        assert!(
            is_keyword("select") && is_keyword("By") && is_keyword("group") && !is_keyword("segment") && !is_keyword("amount")
        );
    }
}
