//! Lists of tables, views, schemas and functions.

use std::collections::BTreeSet;

use portraitdb::{Language, pages};

use super::super::console::Failure;
use super::{Next, Outcome, Shell};

/// Tables and views, or the columns of one.
pub fn tables_or_columns(shell: &mut Shell, argument: &str) -> Outcome {
    if argument.is_empty() || argument.contains('*') {
        return tables(shell, "BASE TABLE', 'VIEW", argument);
    }
    shell.list(&format!("DESCRIBE {}", as_name(argument)))
}

/// Only objects of these kinds.
pub fn tables(shell: &mut Shell, kinds: &str, pattern: &str) -> Outcome {
    let (schema, name) = pattern.rsplit_once('.').unwrap_or(("", pattern));
    let in_schema = if schema.is_empty() { String::new() } else { format!(" AND {}", matches("table_schema", schema)) };
    // System tables would hide the user's own tables.
    let own = if schema.is_empty() { " AND table_schema <> 'system'" } else { "" };
    let named = if name.is_empty() { String::new() } else { format!(" AND {}", matches("table_name", name)) };
    shell.list(&format!(
        "SELECT table_schema AS schema, table_name AS name, CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END AS kind
         FROM information_schema.tables
         WHERE table_schema NOT IN ('information_schema', 'pg_catalog') AND table_type IN ('{kinds}'){own}{in_schema}{named} ORDER BY 1, 2"
    ))
}

pub fn schemas(shell: &mut Shell, _: &str) -> Outcome {
    shell.list(
        "SELECT s.schema_name AS schema, count(t.table_name) AS tables FROM information_schema.schemata s
         LEFT JOIN information_schema.tables t ON t.table_schema = s.schema_name GROUP BY 1 ORDER BY 1",
    )
}

pub fn databases(shell: &mut Shell, _: &str) -> Outcome {
    shell.list("SELECT datname AS name FROM pg_catalog.pg_database ORDER BY 1")
}

pub fn roles(shell: &mut Shell, _: &str) -> Outcome {
    shell.list("SELECT name, login, superuser, valid_until FROM system.roles ORDER BY name")
}

pub fn grants(shell: &mut Shell, _: &str) -> Outcome {
    shell.list("SELECT role, privilege, kind, name, grantor FROM system.grants ORDER BY kind, name, role, privilege")
}

pub fn connection(shell: &mut Shell, _: &str) -> Outcome {
    shell.list("SELECT current_database() AS database, current_user AS role, version() AS version")
}

/// Our functions and those that the database remembers, then those of SQL.
pub fn functions(shell: &mut Shell, pattern: &str) -> Outcome {
    let wanted = if pattern.is_empty() { "true".to_string() } else { matches("name", pattern) };
    let language = shell.console.session.language();
    let ours = if language == Language::En {
        "SELECT name, kind, domain, summary FROM system.functions".to_string()
    } else {
        // The summaries of the pages, in the language of the session.
        let quoted = |text: &str| text.replace('\'', "''");
        let said: BTreeSet<String> =
            pages().iter().map(|doc| format!("('{}', '{}')", quoted(doc.summary), quoted(language.text(doc.summary)))).collect();
        let said = said.into_iter().collect::<Vec<_>>().join(", ");
        format!(
            "SELECT f.name, f.kind, f.domain, coalesce(said.own, f.summary) AS summary FROM system.functions f
                 LEFT JOIN (VALUES {said}) AS said(english, own) ON said.english = f.summary"
        )
    };
    // DataFusion's descriptions of functions contain links, which are removed. Scalar functions that only appear in plans have none.
    shell.list(&format!(
        "WITH ours AS ({ours}),
         theirs AS (SELECT routine_name AS name, min(lower(function_type)) AS kind, 'sql' AS domain,
                      coalesce(regexp_replace(min(description), '\\[([^\\]]*)\\]\\([^)]*\\)', '\\1', 'g'), '') AS summary
                    FROM information_schema.routines
                    WHERE routine_name NOT IN (SELECT name FROM ours)
                      AND (coalesce(description, '') <> '' OR lower(function_type) <> 'scalar'
                        OR routine_name ~ '^(pg|has|current|session|inet|to|txid|quote|col|obj|shobj|set)_|^(reg[a-z]+|oid|user|version|format_type|parse_ident)$')
                    GROUP BY routine_name)
         SELECT name, kind, domain, summary FROM (SELECT *, 1 AS part FROM ours UNION ALL SELECT *, 2 FROM theirs)
         WHERE {wanted} ORDER BY part, domain, name"
    ))
}

/// The condition that a name contains a text, or matches a pattern with `*` and `?`.
fn matches(column: &str, pattern: &str) -> String {
    let text = pattern.to_lowercase().replace('\'', "''");
    if !text.contains(['*', '?']) {
        return format!("contains(lower({column}), '{text}')");
    }
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("lower({column}) LIKE '{}'", escaped.replace('*', "%").replace('?', "_"))
}

/// Names that are not plain words are quoted; files are in single quotes.
fn as_name(argument: &str) -> String {
    let ends_as_file = [".parquet", ".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".xlsx", ".txt", ".gz", ".zst"]
        .iter()
        .any(|ending| argument.to_lowercase().ends_with(ending));
    let is_plain = argument.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '.') && !ends_as_file;
    if is_plain || argument.starts_with(['"', '\'']) || argument.contains('(') {
        argument.to_string()
    } else {
        format!("'{}'", argument.replace('\'', "''"))
    }
}

impl Shell {
    /// Runs a query of the shell itself; its result is not kept.
    pub(super) fn list(&mut self, sql: &str) -> Outcome {
        let kept = self.console.kept.take();
        let listed = self.run_sql(sql);
        self.console.kept = kept;
        listed
    }

    fn run_sql(&mut self, sql: &str) -> Result<Next, Failure> {
        let timing = std::mem::replace(&mut self.console.timing, false);
        let run = self.console.run(&super::super::script::Script::given(sql.to_string()));
        self.console.timing = timing;
        run.map(|()| Next::Go)
    }
}
