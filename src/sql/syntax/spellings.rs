//! Rewrites spellings of other SQL dialects.
//!
//! | written | rewritten to |
//! |---|---|
//! | `a RLIKE p`, `a REGEXP p` | `a ~ p` |
//! | `a LIKE ANY ('t%', 'x%')` | `a LIKE 't%' OR a LIKE 'x%'` |
//! | `a XOR b` | `CAST(a AS BOOLEAN) <> CAST(b AS BOOLEAN)` |
//! | `a ^ b`, `a ** b` | `power(a, b)` |
//! | `{'a': 1}.a` | `{'a': 1}['a']` |
//! | `substring(a FROM 'pattern')` | the part of `a` that the pattern or its group matches |
//! | `substr(a, '2', '3')` | `substr(a, CAST('2' AS BIGINT), CAST('3' AS BIGINT))` |
//! | `\|/ a`, `\|\|/ a`, `@ a`, `!a` | `sqrt(a)`, `cbrt(a)`, `abs(a)`, `NOT CAST(a AS BOOLEAN)` |
//! | `a ^@ b` | `starts_with(a, b)` |
//! | `~a` | an operator of that name, which is planned by the type of `a` |
//! | `a && b` | `array_has_any(list_filter(a, item -> item IS NOT NULL), b)` |
//! | `a AT TIME ZONE 'UTC'` | an operator of that name, which is planned by the type of `a` |
//! | `a DIV b`, `a // b` | `CAST((a - a % b) / b AS BIGINT)` |
//! | `x IN UNNEST(list)`, `x MEMBER OF (list)` | `array_has(list, x)` |
//! | `CONVERT(a, type)` | `CAST(a AS type)` |
//! | `TIMESTAMP '9999-12-31'` | `TIMESTAMP(6) '9999-12-31'` |
//! | `ARRAY(SELECT …)` | `(SELECT array_agg(…) FROM …)` |
//! | `list[OFFSET(0)]`, `list[ORDINAL(1)]` | `list[1]` |
//! | `list[2:]`, `list[:2]` | `list[2:-1]`, `list[1:2]` |
//! | `(a, b) OVERLAPS (c, d)` | `a < d AND c < b` |
//! | `group_concat(a SEPARATOR ';')` | `group_concat(a, ';')` |
//! | `any_value(a HAVING MAX b)` | `max_by(a, b)` |
//! | `struct_pack(a := 1, b := 2)` | `named_struct('a', 1, 'b', 2)` |
//! | `list_sort(a)`, `array_sort(a, 'DESC')` | `list_sort(a, 'ASC', 'NULLS LAST')`, `array_sort(a, 'DESC', 'NULLS LAST')` |
//! | `parse_date('%d/%m/%Y', a)` | `CAST(strptime(a, '%d/%m/%Y') AS DATE)` |
//! | `12345678901234567.89` | `number_as_written(CAST('12345678901234567.89' AS DECIMAL(19, 2)))` |
//! | `0.12345678901234567891` | `number_as_written('0.12345678901234567891')`, a DOUBLE that becomes a DECIMAL with all digits |

mod gathered;
mod intervals;
mod queries;

use datafusion::common::Result;
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, HavingBoundKind, Ident, ObjectNamePart, Subscript, TypedString, UnaryOperator, Value, ValueWithSpan,
    WindowType,
};

use gathered::list_of;
use intervals::{in_words, of_number, one_form};
use queries::like_the_typed;

use super::call_of;
use super::expression_macros::with;
use super::rewritten::binary;
use crate::builtins::decimals::{AS_WRITTEN, is_longer_than_float, own_digits};
use crate::error::{SqlState, coded};
use crate::sql::command::normal;
use crate::sql::parser::parse_expression;

pub use queries::{factor, query, select};

/// The operator that gives a time a zone.
pub const AT_TIME_ZONE: &str = "AT TIME ZONE";

/// The operator that inverts the bits of its left side; its right side says nothing.
pub const BITWISE_NOT: &str = "~";

/// Rewrites one expression; its children are visited separately.
///
/// # Errors
/// None for parsed expressions.
pub fn expression(expression: &mut Expr) -> Result<()> {
    if let Some(other) = in_other_words(expression)? {
        *expression = other;
    }
    Ok(())
}

/// What an operator before its value stands for.
fn of_sign(operator: UnaryOperator) -> Option<&'static str> {
    match operator {
        UnaryOperator::PGSquareRoot => Some("sqrt($1)"),
        UnaryOperator::PGCubeRoot => Some("cbrt($1)"),
        UnaryOperator::PGAbs => Some("abs($1)"),
        UnaryOperator::BangNot => Some("(NOT CAST($1 AS BOOLEAN))"),
        _ => None,
    }
}

/// True for what is a condition by its form, or a number: `&&` between such is MySQL's AND.
fn is_condition(expression: &Expr) -> bool {
    use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq, Or};
    match expression {
        Expr::Nested(inner) => is_condition(inner),
        Expr::Value(value) => matches!(value.value, Value::Number(..) | Value::Boolean(_)),
        Expr::BinaryOp { op, .. } => matches!(op, And | Or | Eq | NotEq | Lt | LtEq | Gt | GtEq),
        Expr::UnaryOp { op: UnaryOperator::Not, .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::InList { .. }
        | Expr::Between { .. } => true,
        _ => false,
    }
}

fn is_text(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(_), .. }))
}

/// The digits of a string such as `'\x00ff'`.
fn hexadecimal(expression: &Expr) -> Option<String> {
    let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = expression else { return None };
    let digits = text.strip_prefix("\\x")?;
    let is_whole = digits.len().is_multiple_of(2) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_whole.then(|| digits.to_string())
}

/// The most digits of a DECIMAL.
const MOST_DIGITS: usize = 76;

/// A number that would lose digits as a float, as a call that keeps its text. A large one is a DECIMAL, any other a DOUBLE until it is cast
/// to a decimal.
fn long_number(number: &Expr, sign: &str) -> Result<Option<Expr>> {
    let Expr::Value(ValueWithSpan { value: Value::Number(number, _), .. }) = number else { return Ok(None) };
    let number = number.as_str();
    let text = Expr::value(Value::SingleQuotedString(format!("{sign}{}", number.trim_end_matches('.'))));
    let kept = match own_digits(number, sign) {
        Some((digits, places)) if digits <= MOST_DIGITS => with(&format!("CAST($1 AS DECIMAL({digits}, {places}))"), &[text])?,
        Some((digits, 0)) => {
            let problem =
                format!("has {digits} digits, and DECIMAL at most {MOST_DIGITS}; write it with an exponent, such as 1e80");
            return Err(coded(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "number", problem));
        }
        _ if is_longer_than_float(number) => text,
        _ => return Ok(None),
    };
    Ok(Some(call_of(AS_WRITTEN, vec![kept])))
}

fn is_whole(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::TinyInt(_) | DataType::SmallInt(_) | DataType::Int(_) | DataType::Integer(_) | DataType::BigInt(_)
    )
}

/// A constant with a point as a decimal, for a cast to whole numbers: half is rounded away from zero then, as in other systems. Half of a
/// DOUBLE, which it is elsewhere, is rounded to the even neighbour.
fn as_decimal(number: &Expr) -> Result<Option<Expr>> {
    match number {
        Expr::Nested(inner) => as_decimal(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            let exact = as_decimal(expr)?;
            Ok(exact.map(|exact| Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(exact) }))
        }
        Expr::Value(ValueWithSpan { value: Value::Number(number, _), .. }) => {
            let Some((whole, places)) = number.split_once('.') else { return Ok(None) };
            let (digits, places) = (whole.len().max(1) + places.len(), places.len());
            if places == 0 || digits > 38 || !number.bytes().all(|letter| letter.is_ascii_digit() || letter == b'.') {
                return Ok(None);
            }
            let text =
                Expr::value(Value::SingleQuotedString(if whole.is_empty() { format!("0{number}") } else { number.to_string() }));
            with(&format!("CAST($1 AS DECIMAL({digits}, {places}))"), &[text]).map(Some)
        }
        _ => Ok(None),
    }
}

/// Makes a timestamp one of microseconds where nanoseconds, which reach from 1677 to 2262, cannot hold it.
fn widen(data_type: &mut DataType, text: &str) {
    if let DataType::Timestamp(precision @ None, _) = data_type
        && let Some(year) = text.trim().split('-').next().and_then(|year| year.parse::<u32>().ok())
        && !(1678..2262).contains(&year)
    {
        *precision = Some(6);
    }
}

fn in_other_words(expression: &mut Expr) -> Result<Option<Expr>> {
    Ok(match expression {
        // PostgreSQL's notation for bytes: `\x` and two hexadecimal digits per byte. Any other string is taken as its own bytes.
        Expr::Cast { expr, data_type: DataType::Bytea, .. } if let Some(digits) = hexadecimal(expr) => {
            Some(Expr::value(Value::HexStringLiteral(digits)))
        }
        // A window frame takes an interval only with its number in quotes.
        Expr::Interval(interval) => {
            if let Expr::Value(ValueWithSpan { value, .. }) = interval.value.as_mut()
                && let Value::Number(number, _) = value
            {
                *value = Value::SingleQuotedString(number.to_string());
            }
            if interval.leading_field.is_none() {
                in_words(&mut interval.value);
            }
            of_number(interval)?
        }
        Expr::TypedString(TypedString { data_type, value, .. }) => {
            usual_type(data_type);
            if let Value::SingleQuotedString(text) = &value.value {
                widen(data_type, text);
            }
            None
        }
        Expr::UnaryOp { op, expr } if let Some(sql) = of_sign(*op) => Some(with(sql, std::slice::from_ref(expr.as_ref()))?),
        Expr::BinaryOp { left, op: BinaryOperator::PGStartsWith, right } => {
            Some(call_of("starts_with", vec![left.as_ref().clone(), right.as_ref().clone()]))
        }
        Expr::Value(_) => long_number(expression, "")?,
        Expr::Array(list) => {
            like_the_typed(&mut list.elem.iter_mut().collect::<Vec<_>>());
            None
        }
        Expr::RLike { negated, expr, pattern, regexp: _ } => {
            let op = if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
            Some(binary(expr.as_ref().clone(), &op, pattern.as_ref().clone()))
        }
        Expr::Like { any: true, negated, expr, pattern, escape_char }
        | Expr::ILike { any: true, negated, expr, pattern, escape_char } => {
            let Expr::Tuple(patterns) = pattern.as_ref() else { return Ok(None) };
            let patterns = patterns.clone();
            let (negated, expr, escape_char) = (*negated, expr.clone(), escape_char.clone());
            let is_like = matches!(expression, Expr::Like { .. });
            let one = |pattern: Expr| {
                let (expr, pattern, escape_char) = (expr.clone(), Box::new(pattern), escape_char.clone());
                match is_like {
                    true => Expr::Like { negated: false, any: false, expr, pattern, escape_char },
                    false => Expr::ILike { negated: false, any: false, expr, pattern, escape_char },
                }
            };
            let any = patterns.into_iter().map(one).reduce(|left, right| binary(left, &BinaryOperator::Or, right));
            let any = any.map(|any| Expr::Nested(Box::new(any)));
            any.map(|any| if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(any) } } else { any })
        }
        Expr::AtTimeZone { timestamp, time_zone } if is_text(time_zone) => {
            Some(binary(timestamp.as_ref().clone(), &BinaryOperator::Custom(AT_TIME_ZONE.into()), time_zone.as_ref().clone()))
        }
        Expr::BinaryOp { left, op: BinaryOperator::Xor, right } => {
            Some(with("(CAST($1 AS BOOLEAN) <> CAST($2 AS BOOLEAN))", &[left.as_ref().clone(), right.as_ref().clone()])?)
        }
        Expr::BinaryOp { left, op: BinaryOperator::DuckIntegerDivide | BinaryOperator::MyIntegerDivide, right } => {
            Some(with("div($1, $2)", &[left.as_ref().clone(), right.as_ref().clone()])?)
        }
        Expr::BinaryOp { left, op: BinaryOperator::PGExp, right } => {
            Some(with("power($1, $2)", &[left.as_ref().clone(), right.as_ref().clone()])?)
        }
        // NULLs are not equal, as `array_has_any` takes them to be.
        Expr::BinaryOp { left, op: BinaryOperator::PGOverlap, right } if !is_condition(left) && !is_condition(right) => {
            Some(with(
                "array_has_any(list_filter($1, __item -> __item IS NOT NULL), $2)",
                &[left.as_ref().clone(), right.as_ref().clone()],
            )?)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Overlaps, right } => match (left.as_ref(), right.as_ref()) {
            (Expr::Tuple(one), Expr::Tuple(other)) if one.len() == 2 && other.len() == 2 => {
                let parts = [one[0].clone(), one[1].clone(), other[0].clone(), other[1].clone()];
                Some(with("($1 < $4 AND $3 < $2)", &parts)?)
            }
            _ => None,
        },
        Expr::UnaryOp { op, expr } => match op {
            UnaryOperator::PGSquareRoot => Some(with("sqrt($1)", &[expr.as_ref().clone()])?),
            UnaryOperator::PGCubeRoot => Some(with("cbrt($1)", &[expr.as_ref().clone()])?),
            UnaryOperator::PGAbs => Some(with("abs($1)", &[expr.as_ref().clone()])?),
            UnaryOperator::BitwiseNot => {
                let nothing = Expr::value(Value::Number("0".into(), false));
                Some(Expr::Nested(Box::new(binary(expr.as_ref().clone(), &BinaryOperator::Custom(BITWISE_NOT.into()), nothing))))
            }
            UnaryOperator::BangNot => Some(with("(NOT $1)", &[expr.as_ref().clone()])?),
            UnaryOperator::Minus => long_number(expr, "-")?,
            _ => None,
        },
        Expr::InUnnest { expr, array_expr, negated } => {
            let sql = if *negated { "(NOT array_has($1, $2))" } else { "array_has($1, $2)" };
            Some(with(sql, &[array_expr.as_ref().clone(), expr.as_ref().clone()])?)
        }
        Expr::MemberOf(member) => {
            Some(with("array_has($1, $2)", &[member.array.as_ref().clone(), member.value.as_ref().clone()])?)
        }
        Expr::Convert { is_try, expr, data_type: Some(data_type), charset: None, target_before_value: _, styles }
            if styles.is_empty() =>
        {
            let kind = if *is_try { CastKind::TryCast } else { CastKind::Cast };
            usual_type(data_type);
            let (expr, data_type) = (expr.clone(), data_type.clone());
            Some(Expr::Cast { kind, expr, data_type, array: false, format: None })
        }
        Expr::Cast { kind: CastKind::SafeCast, expr, data_type, array, format } => {
            usual_type(data_type);
            let (expr, data_type, format) = (expr.clone(), data_type.clone(), format.clone());
            Some(Expr::Cast { kind: CastKind::TryCast, expr, data_type, array: *array, format })
        }
        Expr::Cast { expr, data_type, .. } => {
            usual_type(data_type);
            if let DataType::Interval { .. } = data_type {
                in_words(expr);
            } else if let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = expr.as_ref() {
                widen(data_type, text);
            } else if is_whole(data_type)
                && let Some(exact) = as_decimal(expr)?
            {
                **expr = exact;
            }
            None
        }
        Expr::CompoundFieldAccess { root, access_chain } => {
            // `t.list[1]` begins with a name that may be a table's.
            let mut is_value = !matches!(root.as_ref(), Expr::Identifier(_) | Expr::CompoundIdentifier(_));
            for access in access_chain {
                // DataFusion accepts a field name only as a string subscript.
                if is_value && let AccessExpr::Dot(Expr::Identifier(name)) = access {
                    let index = Expr::value(Value::SingleQuotedString(normal(name)));
                    *access = AccessExpr::Subscript(Subscript::Index { index });
                }
                // What follows an element of a list is a field of it.
                is_value |= matches!(access, AccessExpr::Subscript(_));
                // DataFusion plans only slices with both ends; -1 is the last element.
                if let AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride: None }) = access {
                    lower_bound.get_or_insert(parse_expression("1")?);
                    upper_bound.get_or_insert(parse_expression("-1")?);
                }
                let AccessExpr::Subscript(Subscript::Index { index }) = access else { continue };
                let Expr::Function(Function { name, args: FunctionArguments::List(list), .. }) = &*index else { continue };
                let [FunctionArg::Unnamed(FunctionArgExpr::Expr(place))] = list.args.as_slice() else { continue };
                *index = match name.to_string().to_lowercase().as_str() {
                    "offset" | "safe_offset" => with("$1 + 1", std::slice::from_ref(place))?,
                    "ordinal" | "safe_ordinal" => place.clone(),
                    _ => continue,
                };
            }
            None
        }
        // As in PostgreSQL, a string after FROM is a pattern, and `substr` takes places.
        Expr::Substring { expr, substring_from: Some(pattern), substring_for: None, shorthand: false, .. }
            if is_text(pattern) =>
        {
            Some(with("regexp_match($1, $2)[1]", &[expr.as_ref().clone(), pattern.as_ref().clone()])?)
        }
        Expr::Substring { substring_from, substring_for, shorthand: true, .. } => {
            for place in [substring_from, substring_for].into_iter().flatten() {
                if is_text(place) {
                    **place = with("CAST($1 AS BIGINT)", &[place.as_ref().clone()])?;
                }
            }
            None
        }
        Expr::Function(function) => call(function)?,
        _ => None,
    })
}

/// Replaces type names of other dialects.
pub fn usual_type(data_type: &mut DataType) {
    let usual = match data_type {
        DataType::Int64 | DataType::Signed | DataType::SignedInteger => DataType::BigInt(None),
        DataType::Float64 => DataType::Double(sqlparser::ast::ExactNumberInfo::None),
        DataType::Bool => DataType::Boolean,
        DataType::Datetime(precision) => DataType::Timestamp(*precision, sqlparser::ast::TimezoneInfo::None),
        DataType::TimestampNtz(precision) => DataType::Timestamp(*precision, sqlparser::ast::TimezoneInfo::None),
        DataType::Unsigned | DataType::UnsignedInteger | DataType::UBigInt => DataType::BigIntUnsigned(None),
        DataType::USmallInt => DataType::SmallIntUnsigned(None),
        DataType::Blob(_) | DataType::Binary(_) | DataType::Varbinary(_) | DataType::Bytes(_) => DataType::Bytea,
        DataType::HugeInt => DataType::Decimal(sqlparser::ast::ExactNumberInfo::PrecisionAndScale(38, 0)),
        DataType::UTinyInt => DataType::TinyIntUnsigned(None),
        DataType::CharacterVarying(length) | DataType::CharVarying(length) => DataType::Varchar(*length),
        DataType::Character(length) => DataType::Char(*length),
        // A value of Snowflake that may be anything is JSON here, which is a string.
        DataType::Custom(name, _) if name.to_string().eq_ignore_ascii_case("variant") => DataType::Varchar(None),
        DataType::Custom(name, modifiers) if modifiers.is_empty() => match name.to_string().to_lowercase().as_str() {
            "uinteger" => DataType::IntUnsigned(None),
            "int1" | "byteint" => DataType::TinyInt(None),
            "short" => DataType::SmallInt(None),
            "long" => DataType::BigInt(None),
            _ => return,
        },
        _ => return,
    };
    *data_type = usual;
}

/// Replaces clauses of a call by arguments.
fn call(function: &mut Function) -> Result<Option<Expr>> {
    if let Some(WindowType::WindowSpec(window)) = &mut function.over {
        one_form(window);
    }
    let own = match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => name.value.to_lowercase(),
        _ => return Ok(None),
    };
    if own == "array"
        && let FunctionArguments::Subquery(query) = &function.args
    {
        return list_of(query);
    }
    let FunctionArguments::List(list) = &mut function.args else { return Ok(None) };
    if own == "struct_pack" {
        return Ok(packed(&list.args));
    }
    // The rows of a table, which `json_agg(t)` gathers as well.
    if ["json_agg", "jsonb_agg"].contains(&own.as_str())
        && let [FunctionArg::Unnamed(row)] = list.args.as_mut_slice()
        && let FunctionArgExpr::QualifiedWildcard(table) = row
        && let Some(table) = table.0.last().and_then(ObjectNamePart::as_ident)
    {
        *row = FunctionArgExpr::Expr(Expr::Identifier(table.clone()));
    }
    // BigQuery's `parse_date(pattern, text)`, recognised by a `%` in a constant, also in the order of `strptime`.
    if own == "parse_date"
        && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(first)), FunctionArg::Unnamed(FunctionArgExpr::Expr(second))] =
            list.args.as_slice()
    {
        let is_pattern = |of: &Expr| matches!(of, Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) if text.contains('%'));
        let order = [(first, second), (second, first)].into_iter().find(|(pattern, _)| is_pattern(pattern));
        if let Some((pattern, text)) = order {
            return Ok(Some(with("CAST(strptime($2, $1) AS DATE)", &[pattern.clone(), text.clone()])?));
        }
    }
    // Like DuckDB, accept the arguments in both orders.
    if own == "strftime"
        && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(pattern)), FunctionArg::Unnamed(FunctionArgExpr::Expr(time))] =
            list.args.as_slice()
        && matches!(pattern, Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(pattern), .. }) if pattern.contains('%'))
    {
        return Ok(Some(with("strftime($2, $1)", &[pattern.clone(), time.clone()])?));
    }
    // NULL comes last, as in ORDER BY, and in DuckDB and PostgreSQL.
    if ["array_sort", "list_sort"].contains(&own.as_str()) && matches!(list.args.len(), 1 | 2) {
        let text = |text: &str| FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::value(Value::SingleQuotedString(text.into()))));
        if list.args.len() == 1 {
            list.args.push(text("ASC"));
        }
        list.args.push(text("NULLS LAST"));
    }
    // Snowflake writes the order of aggregated values as WITHIN GROUP.
    if ["array_agg", "string_agg"].contains(&own.as_str()) && !function.within_group.is_empty() {
        list.clauses.push(FunctionArgumentClause::OrderBy(std::mem::take(&mut function.within_group)));
    }
    let mut named = None;
    list.clauses.retain(|clause| match clause {
        FunctionArgumentClause::Separator(text) => {
            list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(text.clone()))));
            false
        }
        FunctionArgumentClause::Having(bound) if own == "any_value" => {
            named = Some(match bound.0 {
                HavingBoundKind::Max => "max_by",
                HavingBoundKind::Min => "min_by",
            });
            list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(bound.1.clone())));
            false
        }
        _ => true,
    });
    if let Some(name) = named {
        function.name = vec![Ident::new(name)].into();
        return Ok(Some(Expr::Nested(Box::new(Expr::Function(function.clone())))));
    }
    Ok(None)
}

/// A struct of named fields; `None` unless every field has a name, for which there is an error.
fn packed(fields: &[FunctionArg]) -> Option<Expr> {
    let mut parts = vec![];
    for field in fields {
        let (FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. }
        | FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. }) = field
        else {
            return None;
        };
        parts.extend([Expr::value(Value::SingleQuotedString(normal(name))), value.clone()]);
    }
    (!parts.is_empty()).then(|| call_of("named_struct", parts))
}
