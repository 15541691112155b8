//! The SQL dialect: sqlparser's generic one, plus `FOR SYSTEM_TIME AS OF` and PostgreSQL's operator precedence.
//!
//! | from tightest to loosest | |
//! |---|---|
//! | `::`, `[ ]` | casts and subscripts |
//! | `-` `+` before a value | |
//! | `COLLATE`, `AT TIME ZONE` | |
//! | `^`, `**` | power |
//! | `*` `/` `%` `//` `DIV` `MOD`, then `+` `-` | |
//! | `\|\|` `~` `&` `\|` `#` `<<` `@>` … | every other operator, from left to right |
//! | `BETWEEN` `IN` `LIKE` `ILIKE` `SIMILAR TO` | |
//! | `=` `<>` `<` `<=` `>` `>=` | not associative: a chain needs brackets |
//! | `IS NULL`, `IS DISTINCT FROM` … | |
//! | `NOT`, then `AND`, then `OR` | |
//!
//! sqlparser's own PostgreSQL table follows an older version, and it parses all that follows `IS DISTINCT FROM` as one expression.
//!
//! sqlparser can derive one dialect from another, but only behind a feature flag. Turning it on would recompile DataFusion for every user
//! of this crate who has not turned it on. So the methods that the generic dialect defines are forwarded here by name.

use std::any::TypeId;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{AlterTable, AlterTableOperation, BinaryOperator, Expr, RenameTableNameKind, Statement, UnaryOperator};
use sqlparser::dialect::{Dialect, GenericDialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::{Keyword, RESERVED_FOR_COLUMN_ALIAS};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// Parses what the generic dialect parses, and tables as of a time.
#[derive(Debug)]
pub struct PortraitDialect;

macro_rules! as_generic {
    ($($method:ident),* $(,)?) => {
        $(fn $method(&self) -> bool {
            GenericDialect.$method()
        })*
    };
}

/// A sign before a value binds looser than a cast and tighter than all else.
const SIGN: u8 = 125;
/// MySQL's XOR binds between OR and AND.
const XOR: u8 = 15;
/// `:` ends a subscript; nothing here plans it as an operator.
const COLON: u8 = 1;

impl PortraitDialect {
    /// `ALTER VIEW name RENAME TO name`, which the syntax tree has only as an ALTER TABLE, and `ALTER TABLE name RENAME CONSTRAINT name TO
    /// name`, which the parser knows only in its dialect of PostgreSQL.
    fn parse_renamed(parser: &mut Parser<'_>) -> Option<Result<Statement, ParserError>> {
        let renamed = parser.maybe_parse(|parser| {
            parser.expect_keyword(Keyword::ALTER)?;
            let is_view = parser.expect_one_of_keywords(&[Keyword::TABLE, Keyword::VIEW])? == Keyword::VIEW;
            let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
            let name = parser.parse_object_name(false)?;
            parser.expect_keyword(Keyword::RENAME)?;
            let operation = if is_view {
                parser.expect_keyword(Keyword::TO)?;
                AlterTableOperation::RenameTable { table_name: RenameTableNameKind::To(parser.parse_object_name(false)?) }
            } else {
                parser.expect_keyword(Keyword::CONSTRAINT)?;
                let old_name = parser.parse_identifier()?;
                parser.expect_keyword(Keyword::TO)?;
                AlterTableOperation::RenameConstraint { old_name, new_name: parser.parse_identifier()? }
            };
            let end_token = AttachedToken(parser.get_current_token().clone());
            let operations = vec![operation];
            let (only, location, on_cluster, table_type) = (false, None, None, None);
            Ok(Statement::AlterTable(AlterTable {
                name,
                if_exists,
                only,
                operations,
                location,
                on_cluster,
                table_type,
                end_token,
            }))
        });
        renamed.transpose()
    }

    /// Parses `IS [NOT] DISTINCT FROM`, with the precedence of IS also for the right side.
    fn parse_distinct(&self, parser: &mut Parser<'_>, left: &Expr) -> Option<Result<Expr, ParserError>> {
        let negated = parser.parse_keywords(&[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM]);
        if !negated && !parser.parse_keywords(&[Keyword::IS, Keyword::DISTINCT, Keyword::FROM]) {
            return None;
        }
        let left = Box::new(left.clone());
        Some(
            parser
                .parse_subexpr(self.prec_value(Precedence::Is))
                .map(Box::new)
                .map(|right| if negated { Expr::IsNotDistinctFrom(left, right) } else { Expr::IsDistinctFrom(left, right) }),
        )
    }

    /// Parses an operator and its right side.
    fn parse_operator(
        &self,
        parser: &mut Parser<'_>,
        left: &Expr,
        op: BinaryOperator,
        precedence: Precedence,
    ) -> Result<Expr, ParserError> {
        parser.advance_token();
        let right = Box::new(parser.parse_subexpr(self.prec_value(precedence))?);
        Ok(Expr::BinaryOp { left: Box::new(left.clone()), op, right })
    }

    /// Parses an operator before its value: roots, `@`, and `!`.
    fn parse_sign(&self, parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
        let (op, precedence) = match parser.peek_token_ref().token {
            Token::PGSquareRoot => (UnaryOperator::PGSquareRoot, self.prec_value(Precedence::PgOther)),
            Token::PGCubeRoot => (UnaryOperator::PGCubeRoot, self.prec_value(Precedence::PgOther)),
            Token::AtSign => (UnaryOperator::PGAbs, self.prec_value(Precedence::PgOther)),
            _ => (UnaryOperator::BangNot, SIGN),
        };
        parser.advance_token();
        let operand = parser.parse_subexpr(precedence)?;
        Ok(Expr::UnaryOp { op, expr: Box::new(operand) })
    }

    /// `a BETWEEN SYMMETRIC b AND c`, which allows the bounds in either order. Any other BETWEEN is left to sqlparser.
    fn parse_between(&self, parser: &mut Parser<'_>, left: &Expr) -> Option<Result<Expr, ParserError>> {
        let words: Vec<Option<Keyword>> = (0..4).map(|place| keyword(&parser.peek_nth_token_ref(place).token)).collect();
        let (negated, rest) = match words.as_slice() {
            [Some(Keyword::NOT), rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let [Some(Keyword::BETWEEN), Some(word @ (Keyword::SYMMETRIC | Keyword::ASYMMETRIC)), next, ..] = rest else {
            return None;
        };
        // In `BETWEEN symmetric AND …`, the word is a column name.
        if *next == Some(Keyword::AND) {
            return None;
        }
        (0..2 + usize::from(negated)).for_each(|_| parser.advance_token());
        let mut within = || {
            let low = parser.parse_subexpr(self.prec_value(Precedence::Between))?;
            parser.expect_keyword_is(Keyword::AND)?;
            let high = parser.parse_subexpr(self.prec_value(Precedence::Between))?;
            let between = |low: &Expr, high: &Expr| Expr::Between {
                expr: Box::new(left.clone()),
                negated,
                low: Box::new(low.clone()),
                high: Box::new(high.clone()),
            };
            let (one, other) = (between(&low, &high), between(&high, &low));
            if *word == Keyword::ASYMMETRIC {
                return Ok(one);
            }
            let op = if negated { BinaryOperator::And } else { BinaryOperator::Or };
            let both = Expr::BinaryOp { left: Box::new(one), op, right: Box::new(other) };
            Ok(Expr::Nested(Box::new(both)))
        };
        Some(within())
    }
}

fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) => Some(word.keyword),
        _ => None,
    }
}

/// `a ** b`
fn is_power(parser: &Parser<'_>) -> bool {
    (0..2).all(|place| parser.peek_nth_token_ref(place).token == Token::Mul)
}

/// `a MOD b`. If no value follows, `mod` is a column name.
fn is_remainder(parser: &Parser<'_>) -> bool {
    keyword(&parser.peek_token_ref().token) == Some(Keyword::MOD)
        && match &parser.peek_nth_token_ref(1).token {
            Token::Number(..) | Token::LParen | Token::Minus | Token::Placeholder(_) => true,
            Token::Word(word) => word.quote_style.is_some() || !RESERVED_FOR_COLUMN_ALIAS.contains(&word.keyword),
            _ => false,
        }
}

impl Dialect for PortraitDialect {
    fn dialect(&self) -> TypeId {
        GenericDialect.dialect()
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Xor => XOR,
            Precedence::Colon => COLON,
            other => PostgreSqlDialect {}.prec_value(other),
        }
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        if is_power(parser) {
            return Some(Ok(self.prec_value(Precedence::Caret)));
        }
        if is_remainder(parser) {
            return Some(Ok(self.prec_value(Precedence::MulDivModOp)));
        }
        let other = match &parser.peek_token_ref().token {
            Token::StringConcat
            | Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk
            | Token::DoubleTilde
            | Token::DoubleTildeAsterisk
            | Token::ExclamationMarkDoubleTilde
            | Token::ExclamationMarkDoubleTildeAsterisk
            | Token::Sharp
            | Token::ShiftLeft
            | Token::ShiftRight
            | Token::Overlap
            | Token::CaretAt => true,
            Token::Word(word) => word.keyword == Keyword::OPERATOR,
            _ => false,
        };
        other.then(|| Ok(self.prec_value(Precedence::PgOther)))
    }

    fn supports_alter_column_type_using(&self) -> bool {
        true
    }

    fn parse_statement(&self, parser: &mut Parser<'_>) -> Option<Result<Statement, ParserError>> {
        let is_alter = matches!(&parser.peek_token_ref().token, Token::Word(word) if word.keyword == Keyword::ALTER);
        if is_alter { Self::parse_renamed(parser) } else { None }
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let op = match parser.peek_token_ref().token {
            Token::Minus => UnaryOperator::Minus,
            Token::Plus => UnaryOperator::Plus,
            // Those of PostgreSQL, and MySQL's NOT.
            Token::PGSquareRoot | Token::PGCubeRoot | Token::AtSign | Token::ExclamationMark => {
                return Some(self.parse_sign(parser));
            }
            // sqlparser recognises a subquery in an expression by SELECT and WITH only.
            Token::LParen if keyword(&parser.peek_nth_token_ref(1).token) == Some(Keyword::FROM) => {
                parser.advance_token();
                let query = parser.parse_query();
                return Some(query.and_then(|query| parser.expect_token(&Token::RParen).map(|_| Expr::Subquery(query))));
            }
            _ => return None,
        };
        parser.advance_token();
        Some(parser.parse_subexpr(SIGN).map(|operand| Expr::UnaryOp { op, expr: Box::new(operand) }))
    }

    fn parse_infix(&self, parser: &mut Parser<'_>, left: &Expr, _: u8) -> Option<Result<Expr, ParserError>> {
        if is_power(parser) {
            parser.advance_token();
            return Some(self.parse_operator(parser, left, BinaryOperator::PGExp, Precedence::Caret));
        }
        match parser.peek_token_ref().token {
            Token::Word(ref word) if word.keyword == Keyword::IS => self.parse_distinct(parser, left),
            // MySQL's integer division, which sqlparser parses only in its MySQL dialect.
            Token::Word(ref word) if word.keyword == Keyword::DIV => {
                Some(self.parse_operator(parser, left, BinaryOperator::MyIntegerDivide, Precedence::MulDivModOp))
            }
            Token::Word(ref word) if word.keyword == Keyword::MOD => {
                Some(self.parse_operator(parser, left, BinaryOperator::Modulo, Precedence::MulDivModOp))
            }
            Token::Word(ref word) if matches!(word.keyword, Keyword::BETWEEN | Keyword::NOT) => self.parse_between(parser, left),
            Token::Caret => Some(self.parse_operator(parser, left, BinaryOperator::PGExp, Precedence::Caret)),
            Token::Sharp => Some(self.parse_operator(parser, left, BinaryOperator::PGBitwiseXor, Precedence::PgOther)),
            _ => None,
        }
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn supports_lambda_functions(&self) -> bool {
        true
    }

    fn supports_order_by_all(&self) -> bool {
        true
    }

    fn is_delimited_identifier_start(&self, letter: char) -> bool {
        GenericDialect.is_delimited_identifier_start(letter)
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        GenericDialect.is_identifier_start(letter)
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        GenericDialect.is_identifier_part(letter)
    }

    as_generic! {
        supports_unicode_string_literal, supports_partition_by_after_order_by, supports_array_join_syntax,
        supports_group_by_expr, supports_group_by_with_modifier, supports_left_associative_joins_without_parens,
        supports_connect_by, supports_match_recognize, supports_pipe_operator, supports_start_transaction_modifier,
        supports_window_function_null_treatment_arg, supports_dictionary_syntax,
        supports_window_clause_named_window_reference, supports_parenthesized_set_variables,
        supports_select_wildcard_except, support_map_literal_syntax, allow_extract_custom, allow_extract_single_quotes,
        supports_extract_comma_syntax, supports_create_view_comment_syntax, supports_parens_around_table_factor,
        supports_values_as_table_factor, supports_create_index_with_clause, supports_explain_with_utility_options,
        supports_limit_comma, supports_update_order_by, supports_from_first_select, supports_projection_trailing_commas,
        supports_asc_desc_in_column_definition, supports_try_convert, supports_bitwise_shift_operators,
        supports_comment_on, supports_load_extension, supports_named_fn_args_with_assignment_operator,
        supports_struct_literal, supports_empty_projections, supports_nested_comments, supports_multiline_comment_hints,
        supports_user_host_grantee, supports_string_escape_constant, supports_array_typedef_with_brackets,
        supports_match_against, supports_set_names, supports_comma_separated_set_assignments,
        supports_filter_during_aggregation, supports_select_wildcard_exclude, supports_data_type_signed_suffix,
        supports_interval_options, supports_quote_delimited_string, supports_select_wildcard_replace,
        supports_select_wildcard_ilike, supports_select_wildcard_rename, supports_optimize_table, supports_install,
        supports_detach, supports_prewhere, supports_with_fill, supports_limit_by, supports_interpolate,
        supports_settings, supports_select_format, supports_comment_optimizer_hint,
        supports_constraint_keyword_without_name, supports_key_column_option, supports_comma_separated_trim,
        supports_cte_without_as, supports_select_item_multi_column_alias, supports_xml_expressions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operators between two values, in PostgreSQL's order of precedence:
    /// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>.
    const BETWEEN_VALUES: [(&str, u8); 30] = [
        ("OR", 1),
        ("AND", 2),
        ("IS DISTINCT FROM", 4),
        ("IS NOT DISTINCT FROM", 4),
        ("=", 5),
        ("<>", 5),
        ("<", 5),
        (">=", 5),
        ("LIKE", 6),
        ("NOT LIKE", 6),
        ("ILIKE", 6),
        ("SIMILAR TO", 6),
        ("||", 7),
        ("~", 7),
        ("!~*", 7),
        ("&", 7),
        ("|", 7),
        ("#", 7),
        ("<<", 7),
        ("@>", 7),
        ("+", 8),
        ("-", 8),
        ("*", 9),
        ("/", 9),
        ("%", 9),
        ("//", 9),
        ("MOD", 9),
        ("^", 10),
        ("**", 10),
        ("AT TIME ZONE", 11),
    ];
    const NOT: u8 = 3;
    const IS: u8 = 4;
    const LIKE: u8 = 6;

    fn parsed(sql: &str) -> String {
        let parser = Parser::new(&PortraitDialect).try_with_sql(sql);
        bracketed(&parser.and_then(|mut parser| parser.parse_expr()).unwrap_or_else(|error| panic!("{sql}: {error}")))
    }

    /// The expression with brackets around every operator.
    fn bracketed(expression: &Expr) -> String {
        let two = |left: &Expr, op: &str, right: &Expr| format!("({} {op} {})", bracketed(left), bracketed(right));
        let not = |negated: bool| if negated { "NOT " } else { "" };
        match expression {
            Expr::BinaryOp { left, op, right } => two(left, &op.to_string(), right),
            Expr::IsDistinctFrom(left, right) => two(left, "IS DISTINCT FROM", right),
            Expr::IsNotDistinctFrom(left, right) => two(left, "IS NOT DISTINCT FROM", right),
            Expr::Like { negated, expr, pattern, .. } => two(expr, &format!("{}LIKE", not(*negated)), pattern),
            Expr::ILike { negated, expr, pattern, .. } => two(expr, &format!("{}ILIKE", not(*negated)), pattern),
            Expr::SimilarTo { negated, expr, pattern, .. } => two(expr, &format!("{}SIMILAR TO", not(*negated)), pattern),
            Expr::AtTimeZone { timestamp, time_zone } => two(timestamp, "AT TIME ZONE", time_zone),
            Expr::UnaryOp { op, expr } => format!("({op} {})", bracketed(expr)),
            Expr::IsNull(operand) => format!("({} IS NULL)", bracketed(operand)),
            Expr::Cast { expr, data_type, .. } => format!("({}::{data_type})", bracketed(expr)),
            Expr::InList { expr, list, negated } => {
                format!("({} {}IN ({}))", bracketed(expr), not(*negated), bracketed(&list[0]))
            }
            Expr::Between { expr, negated, low, high } => {
                format!("({} {}BETWEEN {} AND {})", bracketed(expr), not(*negated), bracketed(low), bracketed(high))
            }
            Expr::Identifier(name) => name.value.clone(),
            other => panic!("{other}"),
        }
    }

    /// Brackets by precedence: of the loosest operators, the last is applied last.
    fn expected(values: &[&str], operators: &[(&str, u8)]) -> String {
        let Some(loosest) = operators.iter().map(|(_, level)| *level).min() else { return values[0].to_string() };
        let place = operators.iter().rposition(|(_, level)| *level == loosest).unwrap_or_default();
        let left = expected(&values[..=place], &operators[..place]);
        let other = [("MOD", "%"), ("**", "^")].into_iter().find(|(word, _)| *word == operators[place].0);
        format!(
            "({left} {} {})",
            other.map_or(operators[place].0, |(_, sign)| sign),
            expected(&values[place + 1..], &operators[place + 1..])
        )
    }

    #[test]
    fn operators_bind_as_in_postgresql() {
        for first in BETWEEN_VALUES {
            for second in BETWEEN_VALUES {
                for third in BETWEEN_VALUES {
                    let sql = format!("a {} b {} c {} d", first.0, second.0, third.0);
                    assert_eq!(parsed(&sql), expected(&["a", "b", "c", "d"], &[first, second, third]), "{sql}");
                }
            }
        }
    }

    /// The printed form of an operator that has two spellings.
    fn sign(op: &'static str) -> &'static str {
        match op {
            "MOD" => "%",
            "**" => "^",
            op => op,
        }
    }

    #[test]
    fn signs_and_not_bind_as_in_postgresql() {
        for (op, level) in BETWEEN_VALUES {
            let written = op;
            let op = sign(op);
            assert_eq!(parsed(&format!("- a {written} b")), format!("((- a) {op} b)"));
            assert_eq!(
                parsed(&format!("a {written} - b::INT {written} c")),
                expected(&["a", "(- (b::INT))", "c"], &[(op, level), (op, level)])
            );
            let of_both = level > NOT;
            let right = if of_both { format!("(NOT (a {op} b))") } else { format!("((NOT a) {op} b)") };
            assert_eq!(parsed(&format!("NOT a {op} b")), right);
        }
    }

    #[test]
    fn what_follows_a_value_binds_as_in_postgresql() {
        for (op, level) in BETWEEN_VALUES {
            let op = sign(op);
            assert_eq!(parsed(&format!("a {op} b::INT")), format!("(a {op} (b::INT))"));
            let null = if level >= IS { format!("((a {op} b) IS NULL)") } else { format!("(a {op} (b IS NULL))") };
            assert_eq!(parsed(&format!("a {op} b IS NULL")), null);
            let list = if level >= LIKE { format!("((a {op} b) NOT IN (c))") } else { format!("(a {op} (b NOT IN (c)))") };
            assert_eq!(parsed(&format!("a {op} b NOT IN (c)")), list);
            let range = match level {
                ..LIKE => format!("((a {op} (b BETWEEN c AND d)) {op} e)"),
                LIKE => format!("(((a {op} b) BETWEEN c AND d) {op} e)"),
                _ => format!("((a {op} b) BETWEEN c AND (d {op} e))"),
            };
            assert_eq!(parsed(&format!("a {op} b BETWEEN c AND d {op} e")), range);
        }
    }
}
