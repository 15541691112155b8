//! The page "Coming from DuckDB, PostgreSQL, MySQL, Snowflake, BigQuery": generated from tested statements, so that it is accurate.

use std::fmt::Write;

/// The tests of each dialect.
const DIALECTS: [(&str, &str); 9] = [
    ("DuckDB", include_str!("../../tests/sql/dialects/duckdb.slt")),
    ("PostgreSQL", include_str!("../../tests/sql/dialects/postgresql.slt")),
    ("MySQL", include_str!("../../tests/sql/dialects/mysql.slt")),
    ("Snowflake", include_str!("../../tests/sql/dialects/snowflake.slt")),
    ("BigQuery", include_str!("../../tests/sql/dialects/bigquery.slt")),
    ("Spark", include_str!("../../tests/sql/dialects/spark.slt")),
    ("ClickHouse", include_str!("../../tests/sql/dialects/clickhouse.slt")),
    ("SQL Server", include_str!("../../tests/sql/dialects/sqlserver.slt")),
    ("Oracle", include_str!("../../tests/sql/dialects/oracle.slt")),
];

/// The page as Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# Coming from DuckDB, PostgreSQL, MySQL, Snowflake, BigQuery\n\n\
         Statements as people write them there. Each is tested: those under *works* answer here, and those under *written differently, or not \
         there* are refused with the text beside them. Where meanings differ, that of PostgreSQL holds, and that of DuckDB where PostgreSQL has \
         none; the page of each function says so.\n",
    );
    for (name, tests) in DIALECTS {
        let (mut works, mut refused) = (String::new(), vec![]);
        for record in tests.split("\n\n") {
            let mut lines = record.lines();
            match lines.next() {
                Some(first) if first.starts_with("# ") && record.lines().count() == 1 => {
                    let _ = write!(works, "\n-- {}\n", &first[2..]);
                }
                Some(first) if first.starts_with("query error") => {
                    let sql = lines.next().unwrap_or_default();
                    let inline = first.trim_start_matches("query error").trim();
                    let answer = lines.find(|line| !line.starts_with("----")).unwrap_or(inline);
                    refused.push((sql, answer));
                }
                Some(first) if first.starts_with("query ") => {
                    let _ = writeln!(works, "{};", lines.next().unwrap_or_default());
                }
                _ => {}
            }
        }
        let _ = write!(page, "\n## {name}\n\n### Works\n\n```sql\n{}\n```\n", works.trim());
        page.push_str("\n### Written differently, or not there\n");
        for (sql, answer) in refused {
            let _ = write!(page, "\n```sql\n{sql};\n-- {answer}\n```\n");
        }
    }
    page
}
