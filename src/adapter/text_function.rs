//! Functions of one string, with constant options: `clean_phone(phone, country => 'US')`.
//!
//! A function defines its result for one string; the rest is done here once: NULL gives NULL, any type that can be converted
//! to a string is accepted (a BIGINT may well be a telephone number), options are constants and are checked against the page,
//! one of them may have a value for each row ([`TextFunction::by_row`]), and constant arguments give a constant result. A string that the function cannot understand gives NULL, never an error.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Date32Builder, StringViewArray, StringViewBuilder, UInt32Array,
};
use datafusion::arrow::compute::{cast, interleave, take};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Field, FieldRef, Float32Type, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::ScalarFunction as Call;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility, lit,
};

use super::ScalarFunction;
use super::arguments::{Moment, Options};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{in_sql, invalid};

/// A function of one string and constants.
#[derive(Debug)]
pub struct TextFunction {
    /// Its page: the first argument is the string, all others are options.
    pub doc: Doc,
    /// The type of its result, and how to compute it.
    pub gives: Gives,
    /// The option that need not be a constant.
    by_row: Option<&'static str>,
}

/// How a function computes its result. The closure is created once per call, from the options, and called for each string; `None` or
/// false means NULL.
pub enum Gives {
    /// A string, which the closure appends to an empty buffer.
    Text(fn(&Options) -> Result<OfText<bool>>),
    /// True or false.
    Flag(fn(&Options) -> Result<OfValue<bool>>),
    /// A date, in days since 1970-01-01.
    Day(fn(&Options) -> Result<OfValue<i32>>),
    /// Anything else: its type, which may depend on the constant options, and its values.
    Array(fn(&Options) -> Result<DataType>, fn(&StringViewArray, &Options) -> Result<ArrayRef>),
    /// As `Array`, but also given the session's settings, which hold keys, and count what could not be read.
    Keyed(fn(&Options) -> Result<DataType>, fn(&StringViewArray, &Options, &ConfigOptions) -> Result<ArrayRef>),
}

/// Appends the result for a string to a buffer.
pub type OfText<T> = Box<dyn FnMut(&str, &mut String) -> T>;

/// Computes the result for a string.
pub type OfValue<T> = Box<dyn FnMut(&str) -> Option<T>>;

impl Debug for Gives {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "text",
            Self::Flag(_) => "boolean",
            Self::Day(_) => "date",
            Self::Array(_, _) | Self::Keyed(_, _) => "array",
        })
    }
}

impl TextFunction {
    /// Creates a function of the kind [`Kind::Scalar`].
    pub const fn new(doc: Doc, gives: Gives) -> Self {
        Self { doc: Doc { kind: Kind::Scalar, ..doc }, gives, by_row: None }
    }

    /// Takes a value of this option for each row. The type of the result does not depend on it.
    pub const fn by_row(self, option: &'static str) -> Self {
        Self { by_row: Some(option), ..self }
    }

    /// True if the only option is [`AS_OF`].
    fn is_of_a_day(&self) -> bool {
        matches!(self.doc.arguments, [_, option] if option.name == AS_OF.name)
    }

    fn options(&self) -> impl Iterator<Item = &'static str> {
        self.doc.arguments.iter().skip(1).map(|argument| argument.name)
    }

    /// Fails for a wrong number of arguments, or if the first is not a string.
    fn check(&self, types: &[&DataType]) -> Result<()> {
        let doc = &self.doc;
        let least = doc.arguments.iter().filter(|argument| argument.default.is_none()).count();
        let most = doc.arguments.len();
        if !(least..=most).contains(&types.len()) {
            let count = if least == most { most.to_string() } else { format!("{least} to {most}") };
            let plural = if most == 1 { "" } else { "s" };
            return Err(invalid(
                doc.name,
                format!("takes {count} argument{plural}, got {}; write {}", types.len(), doc.syntax()),
            ));
        }
        match types.first() {
            Some(text) if !is_written(text) => {
                let name = doc.arguments.first().map_or("text", |argument| argument.name);
                let problem =
                    format!("{name} must be a string, got {}; convert it with CAST(… AS VARCHAR)", in_sql(&text.to_string()));
                Err(invalid(doc.name, problem))
            }
            _ => Ok(()),
        }
    }

    fn compute(&self, texts: &StringViewArray, options: &Options, config: &ConfigOptions) -> Result<ArrayRef> {
        Ok(match self.gives {
            Gives::Text(with) => {
                let (mut one, mut given) = (with(options)?, StringViewBuilder::with_capacity(texts.len()));
                let mut text = String::new();
                for value in texts {
                    text.clear();
                    given.append_option(value.and_then(|value| one(value, &mut text).then_some(text.as_str())));
                }
                Arc::new(given.finish())
            }
            Gives::Flag(with) => {
                let (mut one, mut given) = (with(options)?, BooleanBuilder::with_capacity(texts.len()));
                texts.iter().for_each(|value| given.append_option(value.and_then(&mut one)));
                Arc::new(given.finish())
            }
            Gives::Day(with) => {
                let (mut one, mut given) = (with(options)?, Date32Builder::with_capacity(texts.len()));
                texts.iter().for_each(|value| given.append_option(value.and_then(&mut one)));
                Arc::new(given.finish())
            }
            Gives::Array(_, compute) => compute(texts, options)?,
            Gives::Keyed(_, compute) => compute(texts, options, config)?,
        })
    }

    /// Computes rows that have their own values of an option, those of one value together.
    fn compute_by_row(
        &'static self,
        texts: &StringViewArray,
        (name, values): (&'static str, &ArrayRef),
        constants: &[(&'static str, ScalarValue)],
        config: &ConfigOptions,
    ) -> Result<ArrayRef> {
        if !is_written(values.data_type()) {
            let given = in_sql(&values.data_type().to_string());
            let problem = format!("{name} must be a string, got {given}; convert it with CAST(… AS VARCHAR)");
            return Err(invalid(self.doc.name, problem));
        }
        let values = written(values)?;
        let mut rows: BTreeMap<Option<&str>, Vec<u32>> = BTreeMap::new();
        for (row, value) in values.as_string_view().iter().enumerate() {
            rows.entry(value).or_default().push(row as u32);
        }
        let (mut parts, mut places) = (vec![], vec![(0, 0); texts.len()]);
        for (value, rows) in rows {
            let value = ScalarValue::Utf8View(value.map(str::to_string));
            let given = constants.iter().cloned().chain([(name, value)]).collect();
            let options = Options::read(&self.doc, given)?.of_a_row();
            for (place, row) in rows.iter().enumerate() {
                places[*row as usize] = (parts.len(), place);
            }
            let chosen = take(texts, &UInt32Array::from(rows), None)?;
            parts.push(self.compute(chosen.as_string_view(), &options, config)?);
        }
        if parts.is_empty() {
            return self.compute(texts, &Options::read(&self.doc, constants.to_vec())?, config);
        }
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        Ok(interleave(&parts, &places)?)
    }

    fn data_type(&self, options: &Options) -> Result<DataType> {
        Ok(match self.gives {
            Gives::Text(_) => DataType::Utf8View,
            Gives::Flag(_) => DataType::Boolean,
            Gives::Day(_) => DataType::Date32,
            Gives::Array(of, _) | Gives::Keyed(of, _) => of(options)?,
        })
    }
}

/// A text function as an entry in a domain's list.
#[derive(Debug)]
pub struct Listed(pub &'static TextFunction);

impl ScalarFunction for Listed {
    fn doc(&self) -> &'static Doc {
        &self.0.doc
    }

    fn udf(&self) -> ScalarUDF {
        // Checked in `return_field_from_args`, whose errors say what is expected.
        let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
        let volatility = if self.0.is_of_a_day() { Volatility::Stable } else { Volatility::Immutable };
        let signature = Signature::one_of(any, volatility);
        ScalarUDF::from(Udf { function: self.0, signature })
    }
}

#[derive(Debug)]
struct Udf {
    function: &'static TextFunction,
    signature: Signature,
}

impl PartialEq for Udf {
    fn eq(&self, other: &Self) -> bool {
        self.function.doc.name == other.function.doc.name
    }
}

impl Eq for Udf {}

impl Hash for Udf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.doc.name.hash(state);
    }
}

/// True for types whose values can be converted to strings.
fn is_written(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_written(values),
        DataType::Null | DataType::Boolean => true,
        other => other.is_string() || other.is_numeric() || other.is_temporal(),
    }
}

impl ScalarUDFImpl for Udf {
    fn name(&self) -> &str {
        self.function.doc.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        // DataFusion calls this where the constants are not known.
        self.function.data_type(&Options::read(&self.function.doc, vec![])?)
    }

    fn return_field_from_args(&self, given: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<&DataType> = given.arg_fields.iter().map(|field| field.data_type()).collect();
        self.function.check(&types)?;
        let constants = self.function.options().zip(given.scalar_arguments.iter().skip(1));
        let constants = constants.filter_map(|(name, value)| Some((name, value.cloned()?))).collect();
        let data_type = self.function.data_type(&Options::read(&self.function.doc, constants)?)?;
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    /// Gives the day of the statement to a function of a day, unless the call names one.
    fn simplify(&self, mut arguments: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match context.query_execution_start_time() {
            Some(now) if self.function.is_of_a_day() && arguments.len() == 1 => {
                arguments.push(lit(ScalarValue::Date32(Some(last_day(now.timestamp())))));
                let same = Self { function: self.function, signature: self.signature.clone() };
                let call = Call::new_udf(Arc::new(ScalarUDF::from(same)), arguments);
                Ok(ExprSimplifyResult::Simplified(Expr::ScalarFunction(call)))
            }
            _ => Ok(ExprSimplifyResult::Original(arguments)),
        }
    }

    fn invoke_with_args(&self, given: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let doc = &self.function.doc;
        let (mut constants, mut by_row) = (vec![], None);
        for (name, value) in self.function.options().zip(given.args.iter().skip(1)) {
            match value {
                ColumnarValue::Scalar(value) => constants.push((name, value.clone())),
                ColumnarValue::Array(values) if self.function.by_row == Some(name) => by_row = Some((name, values)),
                ColumnarValue::Array(_) => return Err(invalid(doc.name, format!("{name} must be a constant"))),
            }
        }
        if self.function.is_of_a_day() && constants.is_empty() {
            // A call of constants is computed before it is simplified; it is then computed while the statement is planned.
            constants.push((AS_OF.name, ScalarValue::Date32(Some(last_day(chrono::Utc::now().timestamp())))));
        }
        let Some(text) = given.args.first() else {
            return Err(invalid(doc.name, format!("needs a text; write {}", doc.syntax())));
        };
        let is_constant = matches!(text, ColumnarValue::Scalar(_)) && by_row.is_none();
        let texts = text.to_array(if is_constant { 1 } else { given.number_rows })?;
        let texts = written(&texts)?;
        let (texts, config) = (texts.as_string_view(), &given.config_options);
        let values = match by_row {
            Some(by_row) => self.function.compute_by_row(texts, by_row, &constants, config)?,
            None => self.function.compute(texts, &Options::read(doc, constants)?, config)?,
        };
        Ok(if is_constant {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?)
        } else {
            ColumnarValue::Array(values)
        })
    }
}

/// Converts values to strings; floats are written without an exponent, and without a fraction if it is zero.
fn written(values: &ArrayRef) -> Result<ArrayRef> {
    Ok(match values.data_type() {
        DataType::Dictionary(_, of) if of.is_floating() => written(&cast(values, of)?)?,
        DataType::Float16 => written(&cast(values, &DataType::Float32)?)?,
        // As a double, a REAL of 0.1 would be 0.10000000149011612.
        DataType::Float32 => written_floats::<Float32Type>(values),
        DataType::Float64 => written_floats::<Float64Type>(values),
        _ => cast(values, &DataType::Utf8View)?,
    })
}

fn written_floats<T: ArrowPrimitiveType<Native: Display>>(values: &ArrayRef) -> ArrayRef {
    let numbers = values.as_primitive::<T>().iter();
    Arc::new(numbers.map(|number| number.map(|number| number.to_string())).collect::<StringViewArray>())
}

/// The option of functions whose result depends on what is in the future.
pub const AS_OF: Argument = Argument::optional(
    "as_of",
    Takes::Moment,
    "today",
    "day after which births are in the future; default: the day of the statement",
);

/// The last day of a call: that of [`AS_OF`].
pub fn until(options: &Options) -> Option<i32> {
    match options.moment(AS_OF.name)? {
        Moment::Day(day) => Some(*day),
        instant @ Moment::Instant(_) => i32::try_from(instant.last_microsecond()?.div_euclid(86_400_000_000)).ok(),
    }
}

/// The day, in days since 1970-01-01, that it is at a time where it is latest: 14 hours ahead of UTC.
fn last_day(seconds: i64) -> i32 {
    i32::try_from((seconds + 14 * 3600).div_euclid(86_400)).unwrap_or(i32::MAX)
}

/// The first argument of the page of a text function.
pub const fn text(name: &'static str, text: &'static str) -> Argument {
    Argument::required(name, Takes::Value("string"), text)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Float32Array, Float64Array};

    use super::*;

    #[test]
    fn floats_are_written_as_in_their_own_type() {
        let of = |values: ArrayRef| {
            let texts = written(&values).unwrap();
            texts.as_string_view().iter().map(|text| text.unwrap_or("NULL").to_string()).collect::<Vec<_>>()
        };
        let singles: ArrayRef = Arc::new(Float32Array::from(vec![Some(0.1), None, Some(1.0e10)]));
        let doubles: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.1), None, Some(13_800_138_000.0)]));
        for (values, expected) in [(singles, ["0.1", "NULL", "10000000000"]), (doubles, ["0.1", "NULL", "13800138000"])] {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(values.data_type().clone()));
            assert_eq!(of(cast(&values, &dictionary).unwrap()), expected);
            assert_eq!(of(values), expected);
        }
    }
}
