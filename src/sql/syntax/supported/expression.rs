//! Expressions.

use sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, CaseWhen, CastFormat, CeilFloorKind, DataType, DateTimeField, DictionaryField,
    ExactNumberInfo, Expr, Interval, JsonPathElem, LambdaFunction, LambdaFunctionParameter, Map, MapEntry, OneOrManyWithParens,
    Spanned, Subscript, TypedString, UnaryOperator, Value, ValueWithSpan,
};
use sqlparser::tokenizer::Span;

use super::{Checked, Walk, refuse, refuse_at};
use crate::sql::syntax::json::is_name;
use crate::sql::syntax::spellings::{AT_TIME_ZONE, BITWISE_NOT};

const JSON: &str = "write json_extract(json, '$.name[0]'), or json_extract_string for the text of it";
const TEXT: &str = "write '…', or E'…' with \\n and \\u0041 for characters";

impl Walk<'_> {
    /// Checks an expression. The tree of a chain of operators is as deep as the chain is long, so the left side is walked in a loop rather
    /// than by recursion.
    pub(super) fn expression(&self, mut expression: &Expr) -> Checked {
        while let Expr::BinaryOp { left, op, right } = expression {
            check_operator(op, left, right)?;
            self.expression(right)?;
            expression = left;
        }
        self.operand(expression)
    }

    fn optional(&self, expression: Option<&Expr>) -> Checked {
        expression.map_or(Ok(()), |expression| self.expression(expression))
    }

    fn operand(&self, expression: &Expr) -> Checked {
        match expression {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Wildcard(_) => Ok(()),
            Expr::QualifiedWildcard(name, _) => self.name(name),
            Expr::Value(value) => check_value(value),
            Expr::BinaryOp { .. } => self.expression(expression),
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.expression(root)?;
                access_chain.iter().try_for_each(|access| self.access(access))
            }
            Expr::IsFalse(operand)
            | Expr::IsNotFalse(operand)
            | Expr::IsTrue(operand)
            | Expr::IsNotTrue(operand)
            | Expr::IsNull(operand)
            | Expr::IsNotNull(operand)
            | Expr::IsUnknown(operand)
            | Expr::IsNotUnknown(operand)
            | Expr::Nested(operand)
            | Expr::Named { expr: operand, name: _ } => self.expression(operand),
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                self.expression(left)?;
                self.expression(right)
            }
            Expr::InList { expr, list, negated: _ } => {
                self.expression(expr)?;
                self.expressions(list)
            }
            Expr::InSubquery { expr, subquery, negated: _ } => {
                self.expression(expr)?;
                self.query(subquery)
            }
            Expr::Between { expr, negated: _, low, high } => {
                self.expression(expr)?;
                self.expression(low)?;
                self.expression(high)
            }
            Expr::Like { negated, any, expr, pattern, escape_char: _ }
            | Expr::ILike { negated, any, expr, pattern, escape_char: _ } => {
                if *any {
                    let (not, join) = if *negated { ("NOT ", "AND") } else { ("", "OR") };
                    let instead = format!("write {expr} {not}LIKE 'a%' {join} {expr} {not}LIKE 'b%', or {expr} ~ '^(a|b)'");
                    return refuse_at(pattern.span(), "LIKE ANY", instead);
                }
                self.expression(expr)?;
                self.expression(pattern)
            }
            Expr::SimilarTo { negated: _, expr, pattern, escape_char: _ } => {
                self.expression(expr)?;
                self.expression(pattern)
            }
            Expr::RLike { negated, expr, pattern, regexp } => {
                let (word, operator) = (if *regexp { "REGEXP" } else { "RLIKE" }, if *negated { "!~" } else { "~" });
                refuse(word, format!("write {expr} {operator} {pattern}, or regexp_like({expr}, {pattern})"))
            }
            Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } if matches!(right.as_ref(), Expr::Subquery(_)) => {
                refuse("ANY or ALL of a query, in this place,", "write IN, EXISTS, or compare with (SELECT max(…) …)")
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ } | Expr::AllOp { left, compare_op, right } => {
                check_operator(compare_op, left, right)?;
                self.expression(left)?;
                self.expression(right)
            }
            Expr::UnaryOp { op, expr } => {
                check_unary(op, expr)?;
                self.expression(expr)
            }
            Expr::Cast { kind: _, expr, data_type, array, format } => {
                if *array {
                    return refuse_at(expr.span(), "ARRAY after a type", format!("write CAST({expr} AS {data_type}[])"));
                }
                if let Some(CastFormat::Value(format) | CastFormat::ValueAtTimeZone(format, _)) = format {
                    let instead = "write to_date(text, format) or to_timestamp(text, format) with a format such as '%d/%m/%Y'";
                    return refuse_at(format.span, "FORMAT", instead);
                }
                check_type(data_type, expr.span())?;
                self.expression(expr)
            }
            Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: _ }) => check_type(data_type, value.span),
            Expr::Convert { is_try, expr, data_type, charset: _, target_before_value: _, styles: _ } => {
                let word = if *is_try { "TRY_CAST" } else { "CAST" };
                let data_type = data_type.as_ref().map_or_else(|| "type".into(), ToString::to_string);
                refuse_at(expr.span(), "CONVERT", format!("write {word}({expr} AS {data_type})"))
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                self.expression(timestamp)?;
                match time_zone.as_ref() {
                    Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(_), span: _ }) => Ok(()),
                    other => refuse_at(other.span(), "AT TIME ZONE", "the zone is a constant text, such as 'Asia/Shanghai'"),
                }
            }
            Expr::Extract { field: _, syntax: _, expr } => self.expression(expr),
            Expr::Ceil { expr, field } => self.rounded("ceil", expr, field),
            Expr::Floor { expr, field } => self.rounded("floor", expr, field),
            Expr::Position { expr, r#in } => {
                self.expression(expr)?;
                self.expression(r#in)
            }
            Expr::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
                self.expression(expr)?;
                self.optional(substring_from.as_deref())?;
                self.optional(substring_for.as_deref())
            }
            Expr::Trim { trim_where: _, trim_what, expr, trim_characters } => {
                self.expression(expr)?;
                self.optional(trim_what.as_deref())?;
                match trim_characters.as_deref() {
                    None => Ok(()),
                    Some([characters]) => self.expression(characters),
                    Some(several) => {
                        let span = several.last().map_or_else(Span::empty, Spanned::span);
                        refuse_at(
                            span,
                            "trim with more than two arguments",
                            format!("write trim({expr}, 'abc') for the characters a, b, c"),
                        )
                    }
                }
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                self.expression(expr)?;
                self.expression(overlay_what)?;
                self.expression(overlay_from)?;
                self.optional(overlay_for.as_deref())
            }
            Expr::Collate { expr, collation: _ } => {
                let instead = format!("strings are compared character by character; leave it out, or write lower({expr})");
                refuse_at(expr.span(), "COLLATE", instead)
            }
            Expr::Prefixed { prefix, value } => refuse_at(prefix.span, &format!("{prefix} {value}"), TEXT),
            Expr::Function(function) => self.function(function),
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.optional(operand.as_deref())?;
                for CaseWhen { condition, result } in conditions {
                    self.expression(condition)?;
                    self.expression(result)?;
                }
                self.optional(else_result.as_deref())
            }
            Expr::Exists { subquery, negated: _ } => self.query(subquery),
            Expr::Subquery(subquery) => self.query(subquery),
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                sets.iter().try_for_each(|set| self.expressions(set))
            }
            Expr::Tuple(values) => self.expressions(values),
            Expr::Struct { values, fields } => {
                self.expressions(values)?;
                match fields.first() {
                    None => Ok(()),
                    Some(field) => refuse(&format!("STRUCT<{field}>"), "write struct(CAST(value AS type) AS name, …)"),
                }
            }
            Expr::Dictionary(fields) => fields.iter().try_for_each(|DictionaryField { key: _, value }| self.expression(value)),
            Expr::Map(Map { entries }) => entries.iter().try_for_each(|MapEntry { key, value }| {
                self.expression(key)?;
                self.expression(value)
            }),
            Expr::Array(Array { elem, named: _ }) => self.expressions(elem),
            Expr::Interval(interval) => self.interval(interval),
            Expr::Lambda(LambdaFunction { params, body, syntax: _ }) => {
                let parameters = match params {
                    OneOrManyWithParens::One(parameter) => std::slice::from_ref(parameter),
                    OneOrManyWithParens::Many(parameters) => parameters.as_slice(),
                };
                for LambdaFunctionParameter { name, data_type } in parameters {
                    if data_type.is_some() {
                        return refuse_at(name.span, "a type of a lambda's parameter", "leave it out");
                    }
                }
                self.expression(body)
            }
            Expr::JsonAccess { value, path } => {
                let path: String = path.path.iter().map(json_step).collect();
                if is_name(value) {
                    let instead = "a comma stands between a name and its value: json_object('a', 1, 'b', 2)";
                    return refuse_at(value.span(), &format!("{value}: {}", path.trim_start_matches('.')), instead);
                }
                refuse_at(value.span(), &format!("{value}:{path}"), JSON)
            }
            Expr::IsNormalized { expr, .. } => refuse_at(expr.span(), "IS NORMALIZED", "leave it out"),
            Expr::InUnnest { expr, array_expr, negated } => {
                let not = if *negated { "NOT " } else { "" };
                refuse_at(array_expr.span(), "IN UNNEST", format!("write {not}array_has({array_expr}, {expr})"))
            }
            Expr::MemberOf(member) => {
                let (value, array) = (&member.value, &member.array);
                refuse_at(array.span(), "MEMBER OF", format!("write array_has({array}, {value})"))
            }
            Expr::MatchAgainst { match_value, .. } => {
                refuse_at(match_value.span, "MATCH … AGAINST", "write column LIKE '%word%', or column ~ 'word'")
            }
            Expr::OuterJoin(expr) => refuse_at(expr.span(), "(+)", "write LEFT JOIN table ON …"),
            Expr::Prior(expr) => refuse_at(expr.span(), "PRIOR", "write WITH RECURSIVE …"),
        }
    }

    fn rounded(&self, name: &str, expr: &Expr, field: &CeilFloorKind) -> Checked {
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => self.expression(expr),
            CeilFloorKind::DateTimeField(field) => {
                let instead = format!("write date_trunc('{}', {expr})", field.to_string().to_lowercase());
                refuse_at(expr.span(), &format!("{name}(… TO {field})"), instead)
            }
            CeilFloorKind::Scale(scale) => {
                let instead = format!("write {name}({expr} * power(10, {scale})) / power(10, {scale})");
                refuse_at(scale.span, &format!("{name} with a number of digits"), instead)
            }
        }
    }

    fn access(&self, access: &AccessExpr) -> Checked {
        match access {
            AccessExpr::Dot(field) => self.expression(field),
            AccessExpr::Subscript(Subscript::Index { index }) => self.expression(index),
            AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                [lower_bound, upper_bound, stride].into_iter().try_for_each(|bound| self.optional(bound.as_ref()))
            }
        }
    }

    fn interval(&self, interval: &Interval) -> Checked {
        let Interval { value, leading_field, leading_precision, last_field, fractional_seconds_precision } = interval;
        self.expression(value)?;
        let unit = leading_field.as_ref().map_or_else(|| "DAY".into(), ToString::to_string);
        if let Some(last) = last_field {
            let instead = format!("write one text with units: INTERVAL '1 {unit} 2 {last}'");
            return refuse_at(value.span(), &format!("{unit} TO {last}"), instead);
        }
        if leading_precision.is_some() || fractional_seconds_precision.is_some() {
            return refuse_at(
                value.span(),
                &format!("{unit}(…)"),
                format!("write INTERVAL {value} {unit} without a number of digits"),
            );
        }
        Ok(())
    }
}

fn json_step(step: &JsonPathElem) -> String {
    match step {
        JsonPathElem::Dot { key, quoted: _ } => format!(".{key}"),
        JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => format!("[{key}]"),
    }
}

fn check_value(value: &ValueWithSpan) -> Checked {
    let ValueWithSpan { value, span } = value;
    match value {
        Value::Number(_, _)
        | Value::SingleQuotedString(_)
        | Value::DoubleQuotedString(_)
        | Value::DollarQuotedString(_)
        | Value::EscapedStringLiteral(_)
        | Value::HexStringLiteral(_)
        | Value::Boolean(_)
        | Value::Null
        | Value::Placeholder(_) => Ok(()),
        Value::UnicodeStringLiteral(_) | Value::NationalStringLiteral(_) | Value::NationalQuoteDelimitedStringLiteral(_) => {
            refuse_at(*span, "a letter before a text", TEXT)
        }
        Value::SingleQuotedByteStringLiteral(_)
        | Value::DoubleQuotedByteStringLiteral(_)
        | Value::TripleSingleQuotedByteStringLiteral(_)
        | Value::TripleDoubleQuotedByteStringLiteral(_) => refuse_at(*span, "bytes as B'…'", "write X'4142'"),
        Value::TripleSingleQuotedString(_)
        | Value::TripleDoubleQuotedString(_)
        | Value::SingleQuotedRawStringLiteral(_)
        | Value::DoubleQuotedRawStringLiteral(_)
        | Value::TripleSingleQuotedRawStringLiteral(_)
        | Value::TripleDoubleQuotedRawStringLiteral(_)
        | Value::QuoteDelimitedStringLiteral(_) => refuse_at(*span, "a text in quotes of another kind", TEXT),
    }
}

pub(super) fn check_type(data_type: &DataType, near: Span) -> Checked {
    // The planner would use 32 bits.
    if let DataType::Float(ExactNumberInfo::Precision(digits)) = data_type
        && *digits > 24
    {
        return refuse_at(near, &data_type.to_string(), "write DOUBLE");
    }
    Ok(())
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// The operator of a programming language between two conditions, which binds more tightly here, and what to write instead.
fn logical(middle: &Expr) -> Option<(&'static str, &'static str)> {
    const AND: (&str, &str) = ("&&", "write AND; && asks whether two lists have a value in common");
    match middle {
        Expr::BinaryOp { op: BinaryOperator::PGOverlap, .. } => Some(AND),
        Expr::BinaryOp { op: BinaryOperator::StringConcat, .. } => Some(("||", "write OR; || joins two strings")),
        // What `&&` of lists is written as.
        Expr::Function(function) if function.name.to_string() == "array_has_any" => Some(AND),
        _ => None,
    }
}

/// Checks that the planner supports the operator, and that comparisons are not chained.
fn check_operator(op: &BinaryOperator, left: &Expr, right: &Expr) -> Checked {
    if is_comparison(op)
        && let Expr::BinaryOp { left: first, op: before, right: middle } = left
        && is_comparison(before)
    {
        if let Some((written, instead)) = logical(middle) {
            return refuse_at(middle.span(), &format!("{written} between conditions"), instead);
        }
        let instead = format!("write {first} {before} {middle} AND {middle} {op} …, or put brackets around one of them");
        return refuse_at(middle.span(), &format!("a comparison of a comparison ({before} … {op})"), instead);
    }
    let span = left.span();
    let unknown = |instead: &str| refuse_at(span, &format!("the operator {op}"), instead);
    match op {
        BinaryOperator::Plus
        | BinaryOperator::Minus
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo
        | BinaryOperator::StringConcat
        | BinaryOperator::Gt
        | BinaryOperator::Lt
        | BinaryOperator::GtEq
        | BinaryOperator::LtEq
        | BinaryOperator::Spaceship
        | BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::And
        | BinaryOperator::Or
        | BinaryOperator::BitwiseOr
        | BinaryOperator::BitwiseAnd
        | BinaryOperator::BitwiseXor
        | BinaryOperator::PGBitwiseXor
        | BinaryOperator::PGBitwiseShiftLeft
        | BinaryOperator::PGBitwiseShiftRight
        | BinaryOperator::PGExp
        | BinaryOperator::PGRegexMatch
        | BinaryOperator::PGRegexIMatch
        | BinaryOperator::PGRegexNotMatch
        | BinaryOperator::PGRegexNotIMatch
        | BinaryOperator::PGLikeMatch
        | BinaryOperator::PGILikeMatch
        | BinaryOperator::PGNotLikeMatch
        | BinaryOperator::PGNotILikeMatch
        | BinaryOperator::AtArrow
        | BinaryOperator::ArrowAt
        | BinaryOperator::Question
        | BinaryOperator::QuestionAnd
        | BinaryOperator::QuestionPipe => Ok(()),
        BinaryOperator::Custom(name) if name == AT_TIME_ZONE || name == BITWISE_NOT => Ok(()),
        BinaryOperator::DuckIntegerDivide | BinaryOperator::MyIntegerDivide => unknown(&format!("write trunc({left} / {right})")),
        BinaryOperator::Xor => unknown("write a <> b for booleans, a ^ b for whole numbers"),
        BinaryOperator::Arrow
        | BinaryOperator::LongArrow
        | BinaryOperator::HashArrow
        | BinaryOperator::HashLongArrow
        | BinaryOperator::AtAt
        | BinaryOperator::HashMinus
        | BinaryOperator::AtQuestion => unknown(JSON),
        BinaryOperator::Match | BinaryOperator::Regexp => unknown("write column ~ 'pattern'"),
        BinaryOperator::PGStartsWith => unknown("write starts_with(text, prefix)"),
        BinaryOperator::Overlaps => unknown("write a.start < b.end AND b.start < a.end"),
        BinaryOperator::PGOverlap => unknown("write AND, or array_has_any(a, b) for lists"),
        BinaryOperator::Assignment => unknown("write = to compare, AS to name"),
        BinaryOperator::PGCustomBinaryOperator(_) => unknown("write the operator itself, without OPERATOR(…)"),
        BinaryOperator::Custom(_)
        | BinaryOperator::DoubleHash
        | BinaryOperator::LtDashGt
        | BinaryOperator::AndLt
        | BinaryOperator::AndGt
        | BinaryOperator::LtLtPipe
        | BinaryOperator::PipeGtGt
        | BinaryOperator::AndLtPipe
        | BinaryOperator::PipeAndGt
        | BinaryOperator::LtCaret
        | BinaryOperator::GtCaret
        | BinaryOperator::QuestionHash
        | BinaryOperator::QuestionDash
        | BinaryOperator::QuestionDashPipe
        | BinaryOperator::QuestionDoublePipe
        | BinaryOperator::At
        | BinaryOperator::TildeEq => unknown("write a function for it"),
    }
}

fn check_unary(op: &UnaryOperator, operand: &Expr) -> Checked {
    let instead = match op {
        UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not => return Ok(()),
        UnaryOperator::BangNot => format!("write NOT {operand}"),
        UnaryOperator::BitwiseNot => format!("write -1 - {operand}"),
        UnaryOperator::PGAbs => format!("write abs({operand})"),
        UnaryOperator::PGSquareRoot => format!("write sqrt({operand})"),
        UnaryOperator::PGCubeRoot => format!("write cbrt({operand})"),
        UnaryOperator::PGPostfixFactorial | UnaryOperator::PGPrefixFactorial => format!("write factorial({operand})"),
        UnaryOperator::AtDashAt
        | UnaryOperator::DoubleAt
        | UnaryOperator::Hash
        | UnaryOperator::QuestionDash
        | UnaryOperator::QuestionPipe => "write a function for it".to_string(),
    };
    refuse_at(operand.span(), &format!("the operator {op}"), instead)
}
