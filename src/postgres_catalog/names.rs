//! Names as SQL writes them, in quotes where they need them.

/// The parts of a name as SQL writes it: those without quotes in lower case. `None` for what is no name.
pub fn name_parts(written: &str) -> Option<Vec<String>> {
    let mut parts = vec![];
    let mut rest = written.trim();
    loop {
        let part;
        if let Some(after) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut letters = after.char_indices();
            let end = loop {
                let (place, letter) = letters.next()?;
                match letter {
                    '"' if after[place + 1..].starts_with('"') => {
                        letters.next();
                        name.push('"');
                    }
                    '"' => break place + 1,
                    other => name.push(other),
                }
            };
            part = name;
            rest = &after[end..];
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            part = rest[..end].trim().to_lowercase();
            rest = &rest[end..];
        }
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        rest = rest.trim_start();
        match rest.strip_prefix('.') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() => return Some(parts),
            None => return None,
        }
    }
}

/// Words that SQL reserves, which a name cannot be without quotes.
const RESERVED: [&str; 78] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "current_catalog",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "initially",
    "intersect",
    "into",
    "lateral",
    "leading",
    "limit",
    "localtime",
    "localtimestamp",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "session_user",
    "some",
    "symmetric",
    "system_user",
    "table",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "when",
    "where",
    "window",
    "with",
];

/// Words of types, functions and joins, which PostgreSQL quotes as well when it writes a name.
const PARTLY_RESERVED: [&str; 74] = [
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "char",
    "character",
    "coalesce",
    "collation",
    "concurrently",
    "cross",
    "current_schema",
    "dec",
    "decimal",
    "exists",
    "extract",
    "float",
    "freeze",
    "full",
    "greatest",
    "grouping",
    "ilike",
    "inner",
    "inout",
    "int",
    "integer",
    "interval",
    "is",
    "isnull",
    "join",
    "least",
    "left",
    "like",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "notnull",
    "nullif",
    "numeric",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "position",
    "precision",
    "real",
    "right",
    "row",
    "setof",
    "similar",
    "smallint",
    "substring",
    "tablesample",
    "time",
    "timestamp",
    "treat",
    "trim",
    "values",
    "varchar",
    "verbose",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// A name as it has to be written, in quotes where it needs them.
pub fn quoted(name: &str) -> String {
    let mut letters = name.chars();
    let plain = letters.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_')
        && letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
        && !RESERVED.contains(&name)
        && !PARTLY_RESERVED.contains(&name);
    if plain { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_sql_writes_them() {
        let parts = |written| name_parts(written).map(|parts| parts.join("|"));
        assert_eq!(parts("T"), Some("t".into()));
        assert_eq!(parts(" Public . \"客户 \"\"A\"\"\" "), Some("public|客户 \"A\"".into()));
        for wrong in ["", "a.", "\"a", "a b\"c\".", "\"\""] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
        assert_eq!(["a_1", "A", "select", "1a", "客户"].map(quoted).join(" "), "a_1 \"A\" \"select\" \"1a\" \"客户\"");
    }
}
