//! Regular expressions, and values formatted into strings.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 9] = [
    ExpressionMacro::scalar("regexp_matches", "texts", "True if a string contains a match of a pattern, as in DuckDB.", Meaning::Sql(&[(2, "($1 ~ $2)")]))
        .page(&[Argument::required("text", Takes::Value("text"), "the text"), Argument::required("pattern", Takes::Value("text"), "regular expression")], &["SELECT regexp_matches('tea', '^t') AS yes;"]),
    ExpressionMacro::scalar("regexp_contains", "texts", "True if a string contains a match of a pattern, as in BigQuery.", Meaning::Sql(&[(2, "($1 ~ $2)")]))
        .page(&[Argument::required("text", Takes::Value("text"), "the text"), Argument::required("pattern", Takes::Value("text"), "regular expression")], &["SELECT regexp_contains('tea', '^t') AS yes;"]),
    ExpressionMacro::scalar("rlike", "texts", "True if the whole string matches a pattern, as in Snowflake.", Meaning::Sql(&[(2, "($1 ~ ('^(' || $2 || ')$'))")]))
        .page(&[Argument::required("text", Takes::Value("text"), "the text"), Argument::required("pattern", Takes::Value("text"), "regular expression")], &["SELECT rlike('tea', 't.*') AS yes;"]).says("The operator `text RLIKE pattern` matches a part of the string, as in MySQL."),
    ExpressionMacro::scalar("regexp_extract", "texts", "Returns the first match of a pattern, or of a group in it; an empty string if there is none.", Meaning::Sql(&[(2, "CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN coalesce(regexp_match($1, '(' || $2 || ')')[1], '') END"), (3, "CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN coalesce(regexp_match($1, '(' || $2 || ')')[$3 + 1], '') END")]))
        .page(&[Argument::required("text", Takes::Value("text"), "the text"), Argument::required("pattern", Takes::Value("text"), "regular expression"), Argument::optional("group", Takes::Value("integer"), "", "the group")], &["SELECT regexp_extract('order-123', '([a-z]+)-([0-9]+)', 2) AS number;"]).says("As in DuckDB. BigQuery returns NULL if there is no match, and the group if the pattern has one: write `regexp_match(text, pattern)[1]`."),
    ExpressionMacro::scalar("regexp_substr", "texts", "Returns the first match of a pattern; NULL if there is none.", Meaning::Sql(&[(2, "regexp_match($1, '(' || $2 || ')')[1]")]))
        .page(&[Argument::required("text", Takes::Value("text"), "the text"), Argument::required("pattern", Takes::Value("text"), "regular expression")], &["SELECT regexp_substr('a1b22', '[0-9]+') AS number;"]),
    ExpressionMacro::scalar("format", "texts", "Inserts values into a string: `%s`, `%d`, `%f` …, or `{}` as in DuckDB.", Meaning::Itself)
        .page(&[Argument::required("pattern", Takes::Value("text"), "format of the text"), Argument::optional("values", Takes::Value("values of any type"), "", "the values")], &["SELECT format('%s has %s', 'tea', 3) AS text;"]).says("`%s` is the next value, `%1$s` the first, `%I` a quoted name, `%L` a quoted text, `%%` a percent sign, as in PostgreSQL; `%d`, `%5.2f`, `%x` … as in `printf`. A pattern without `%` takes `{}` and `{0}`, as in DuckDB. MySQL's `format(number, digits)` is another function: write `to_char(number, 'FM9,999,990.00')`."),
    ExpressionMacro::scalar("printf", "texts", "Inserts values into a string, as in C: `%d`, `%05.2f`, `%s`.", Meaning::Itself)
        .page(&[Argument::required("pattern", Takes::Value("text"), "format of the text"), Argument::optional("values", Takes::Value("values of any type"), "", "the values")], &["SELECT printf('%05.2f', 3.14159) AS number;"]),
    ExpressionMacro::scalar("quote_literal", "texts", "Quotes a string as a SQL literal.", Meaning::Sql(&[(1, "('''' || replace($1, '''', '''''') || '''')")]))
        .page(&[Argument::required("text", Takes::Value("text"), "the text")], &["SELECT quote_literal('it''s') AS text;"]),
    ExpressionMacro::scalar("quote_ident", "texts", "Quotes a name as SQL needs it, if it needs quotes.", Meaning::Sql(&[(1, "format('%I', $1)")])).page(&[Argument::required("name", Takes::Value("text"), "the name")], &["SELECT quote_ident('my table') AS name;"]),
];
