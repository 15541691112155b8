//! Connects the scalar functions of this module to DataFusion.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::dates::written::TRY_STRPTIME;
use super::json::reading::MAY_GIVE_NULL;
use super::span_lists::{REMOVE_NAME, REPLACE_NAME};
use super::statistics;

/// A scalar function: its result depends only on its arguments, and is NULL if one of them is NULL, except for
/// [those that write NULL](KEEPS_NULL).
#[derive(Debug)]
pub struct Scalar {
    pub name: &'static str,
    /// The types to which its arguments are converted, or an error about them.
    pub takes: fn(&[DataType]) -> Result<Vec<DataType>>,
    /// The type of its result, for arguments of the types that `takes` returned.
    pub gives: fn(&[DataType]) -> Result<DataType>,
    pub compute: fn(&ScalarFunctionArgs) -> Result<ColumnarValue>,
    /// Its SQL form, if that is not a call.
    pub written: fn(&[String]) -> Option<String>,
}

/// Functions whose result need not be NULL for a NULL.
const KEEPS_NULL: [&str; 3] = ["format", REMOVE_NAME, REPLACE_NAME];

impl Scalar {
    pub fn udf(&'static self) -> ScalarUDF {
        ScalarUDF::from(Udf { scalar: self, signature: Signature::new(TypeSignature::UserDefined, Volatility::Immutable) })
    }

    /// A call of the function.
    pub fn call(&'static self, arguments: Vec<Expr>) -> Expr {
        self.udf().call(arguments)
    }
}

/// Maximum number of characters of an expression's name that are written in full.
const LONGEST_NAME: usize = 200;

/// Maximum number of characters of an expression in an error.
const MOST_LETTERS: usize = 80;

/// How an error shows an expression. A long chain would otherwise be written again at each of its operators.
pub fn excerpt(mut expression: String) -> String {
    if let Some((end, _)) = expression.char_indices().nth(MOST_LETTERS) {
        expression.truncate(end);
        expression.push('…');
    }
    expression
}

/// The name of an argument, as an error shows it. That of an expression is its physical form, in which columns have their places, `a@0`, and
/// what the optimizer computes once has a name of its own.
pub fn shown_name(field: &Field) -> String {
    const COMPUTED_ONCE: &str = "__common_expr_";
    let name = field.name();
    let is_expression = name.contains([' ', '(']);
    let is_physical = name.contains(COMPUTED_ONCE) || is_expression && name.contains('@');
    if !is_physical {
        return name.clone();
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (mut shown, mut rest) = (String::new(), name.as_str());
    while let Some(letter) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix(COMPUTED_ONCE) {
            shown.push('…');
            rest = &after[digits(after)..];
            continue;
        }
        let after = &rest[letter.len_utf8()..];
        let is_place = letter == '@'
            && digits(after) > 0
            && shown.ends_with(|before: char| before.is_alphanumeric() || "_\"…".contains(before));
        if is_place && is_expression {
            rest = &after[digits(after)..];
            continue;
        }
        shown.push(letter);
        rest = after;
    }
    shown
}

/// The name of an expression: beyond some length, a hash identifies it.
pub fn short_name(mut name: String) -> String {
    if let Some((end, _)) = name.char_indices().nth(LONGEST_NAME) {
        let hash = blake3::hash(name.as_bytes()).to_hex();
        name.truncate(end);
        name.push('…');
        name.push_str(&hash[..32]);
    }
    name
}

/// A constant as SQL writes it. The engine writes an interval as its parts in memory.
fn written(value: &ScalarValue) -> String {
    if matches!(value.data_type(), DataType::Interval(_)) && !value.is_null() {
        let shown = value.to_array().ok().and_then(|span| array_value_to_string(&span, 0).ok());
        return shown.map_or_else(|| value.to_string(), |span| format!("INTERVAL '{span}'"));
    }
    value.to_string()
}

#[derive(Debug)]
struct Udf {
    scalar: &'static Scalar,
    signature: Signature,
}

impl PartialEq for Udf {
    fn eq(&self, other: &Self) -> bool {
        self.scalar.name == other.scalar.name
    }
}

impl Eq for Udf {}

impl Hash for Udf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.scalar.name.hash(state);
    }
}

impl Udf {
    fn shown(&self, arguments: &[String]) -> String {
        (self.scalar.written)(arguments).unwrap_or_else(|| self.call(arguments))
    }

    fn call(&self, arguments: &[String]) -> String {
        format!("{}({})", self.scalar.name, arguments.join(", "))
    }
}

impl ScalarUDFImpl for Udf {
    fn name(&self) -> &str {
        self.scalar.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        (self.scalar.takes)(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        (self.scalar.gives)(types)
    }

    /// The name of the field is the whole expression, because errors about its rows show it.
    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = arguments.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let name = |(field, value): (&FieldRef, &Option<&ScalarValue>)| match value {
            Some(value) => written(value),
            None => shown_name(field),
        };
        let name = self.shown(&arguments.arg_fields.iter().zip(arguments.scalar_arguments).map(name).collect::<Vec<_>>());
        let own = self.scalar.name;
        let gives_null = MAY_GIVE_NULL.contains(&own) || own == TRY_STRPTIME.name || statistics::may_give_null(own);
        let nullable = gives_null || arguments.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(excerpt(name), self.return_type(&types)?, nullable)))
    }

    fn is_strict(&self) -> bool {
        !KEEPS_NULL.contains(&self.scalar.name)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.scalar.compute)(&arguments)
    }

    /// Shortened, because the engine asks for the name of each operator of a chain many times.
    ///
    /// A function that is written as its argument has a name of its own: as the key of a join it stands in one projection with the argument.
    /// Rules keep the names of results.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let arguments: Vec<String> = arguments.iter().map(|argument| argument.schema_name().to_string()).collect();
        let shown = self.shown(&arguments);
        Ok(short_name(if arguments.first() == Some(&shown) { self.call(&arguments) } else { shown }))
    }

    fn display_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(self.shown(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_shown_without_places() {
        for (name, shown) in [
            ("amount", "amount"),
            ("mail@1", "mail@1"),
            ("CASE WHEN n@0 IS NULL THEN 1 ELSE \"a b\"@12 END", "CASE WHEN n IS NULL THEN 1 ELSE \"a b\" END"),
            ("__common_expr_1", "…"),
            ("abs(__common_expr_12@0)", "abs(…)"),
            ("abs(a) @ b@x", "abs(a) @ b@x"),
        ] {
            assert_eq!(shown_name(&Field::new(name, DataType::Int64, true)), shown);
        }
    }
}
