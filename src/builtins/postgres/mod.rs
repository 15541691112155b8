//! PostgreSQL's functions that its clients call: about the catalog, the session and names.
//!
//! Their results depend on the database and the session of a statement, so a statement that calls one is planned with
//! functions that [hold](bound) what they need. Without a session of a database they are an error.

mod catalog;
mod definitions;
pub mod expanded;
mod privileges;
mod sequences;
mod session;
mod texts;

pub use catalog::REG_NAME;

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use self::sequences::Drawn;
use crate::error::{SqlState, coded, invalid};
use crate::postgres_catalog::cells::{Cell, array, field};
use crate::postgres_catalog::{Gathered, PostgresCatalog};

/// A function.
pub struct PostgresFunction {
    pub name: &'static str,
    /// How it is called, and what it returns.
    pub syntax: &'static str,
    /// Minimum and maximum number of arguments.
    pub counts: (usize, usize),
    /// The type of its result.
    pub gives: &'static str,
    pub needs: Needs,
    pub text: &'static str,
    compute: fn(&Call<'_>) -> Result<Cell>,
}

/// What a function needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Only its arguments.
    Nothing,
    /// The role and settings of the session.
    Session,
    /// The same at the moment of each call, which has an effect or gives another result each time.
    SessionNow,
    /// The same, with another result in each row.
    EachRow,
    /// Also relations, functions and roles: all tables have to be opened.
    Catalog,
}

/// One call.
struct Call<'a> {
    name: &'static str,
    arguments: Vec<Cell>,
    fields: &'a [FieldRef],
    options: &'a ConfigOptions,
    catalog: Option<&'a PostgresCatalog>,
    /// This row and the rows after it.
    rows_left: usize,
    /// The numbers that were drawn for rows to come.
    drawn: &'a RefCell<Drawn>,
}

impl Call<'_> {
    fn catalog(&self) -> Result<&PostgresCatalog> {
        self.catalog.ok_or_else(|| invalid(self.name, "needs a database; call it in a session of the engine"))
    }

    fn count(&self) -> usize {
        self.arguments.len()
    }

    fn cell(&self, place: usize) -> &Cell {
        self.arguments.get(place).unwrap_or(&Cell::Null)
    }

    fn is_null(&self, place: usize) -> bool {
        *self.cell(place) == Cell::Null
    }

    /// An argument as an integer.
    fn int(&self, place: usize) -> Result<i64> {
        match self.cell(place) {
            Cell::Int(value) => Ok(*value),
            Cell::Text(text) => text.trim().parse().map_err(|_| {
                let problem = format!("takes a number, got '{text}'");
                coded(SqlState::INVALID_TEXT_REPRESENTATION, self.name, problem)
            }),
            _ => Err(invalid(self.name, format!("takes a number at place {}", place + 1))),
        }
    }

    fn text(&self, place: usize) -> Result<String> {
        match self.cell(place) {
            Cell::Text(text) => Ok(text.clone()),
            Cell::Int(value) => Ok(value.to_string()),
            Cell::Bool(value) => Ok(value.to_string()),
            _ => Err(invalid(self.name, format!("takes a text at place {}", place + 1))),
        }
    }

    fn bool(&self, place: usize) -> bool {
        match self.cell(place) {
            Cell::Bool(value) => *value,
            Cell::Text(text) => ["t", "true", "on", "1", "yes"].contains(&text.as_str()),
            Cell::Int(value) => *value != 0,
            _ => false,
        }
    }

    /// An argument that is a relation, given by its number or an existing name.
    fn class(&self, place: usize) -> Result<i64> {
        match self.cell(place) {
            Cell::Text(text) => catalog::class_of(self.catalog()?, text),
            _ => self.int(place),
        }
    }
}

/// Every function.
pub fn all() -> impl Iterator<Item = &'static PostgresFunction> {
    let parts: [&[PostgresFunction]; 6] =
        [session::ALL, catalog::ALL, definitions::ALL, privileges::ALL, sequences::ALL, texts::ALL];
    parts.into_iter().flatten()
}

/// The function of that name.
pub fn named(name: &str) -> Option<&'static PostgresFunction> {
    all().find(|function| function.name == name)
}

/// What the functions of one statement need.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The role and the search path.
    pub session: Arc<PostgresCatalog>,
    /// The whole catalog, once it is gathered.
    pub gathered: Arc<Gathered>,
}

/// The function, bound to the catalog that a statement sees.
pub fn bound(function: &'static PostgresFunction, to: Bound) -> ScalarUDF {
    udf(function, Some(to))
}

/// The functions without a catalog.
pub fn unbound() -> impl Iterator<Item = (&'static str, ScalarUDF)> {
    all().map(|function| (function.name, udf(function, None)))
}

/// The function that this is, if it is one that is not bound yet.
pub fn unbound_of(udf: &ScalarUDF) -> Option<&'static PostgresFunction> {
    let udf = udf.inner().downcast_ref::<Udf>()?;
    udf.bound.is_none().then_some(udf.function)
}

fn udf(function: &'static PostgresFunction, bound: Option<Bound>) -> ScalarUDF {
    let volatility = match function.needs {
        Needs::Nothing => Volatility::Immutable,
        // Planning computes calls of others whose arguments are constants.
        Needs::SessionNow | Needs::EachRow => Volatility::Volatile,
        Needs::Session | Needs::Catalog => Volatility::Stable,
    };
    let arguments = match function.counts {
        (0, 0) => TypeSignature::Nullary,
        (0, _) => TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]),
        _ => TypeSignature::VariadicAny,
    };
    ScalarUDF::from(Udf { function, bound, signature: Signature::new(arguments, volatility) })
}

struct Udf {
    function: &'static PostgresFunction,
    bound: Option<Bound>,
    signature: Signature,
}

impl Udf {
    /// The catalog that the function may use, if it is available.
    fn catalog(&self) -> Option<&PostgresCatalog> {
        let bound = self.bound.as_ref()?;
        let whole = bound.gathered.get().map(Arc::as_ref);
        if self.function.needs == Needs::Catalog { whole } else { whole.or(Some(&bound.session)) }
    }
}

impl std::fmt::Debug for Udf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Udf").field("name", &self.function.name).finish_non_exhaustive()
    }
}

impl PartialEq for Udf {
    fn eq(&self, other: &Self) -> bool {
        let of = |udf: &Self| udf.bound.as_ref().map(|bound| Arc::as_ptr(&bound.gathered));
        self.function.name == other.function.name && of(self) == of(other)
    }
}

impl Eq for Udf {}

impl Hash for Udf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for Udf {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(field(self.function.name, self.function.gives, true).data_type().clone())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let PostgresFunction { name, syntax, counts: (least, most), gives, .. } = self.function;
        let got = arguments.arg_fields.len();
        if got < *least || got > *most {
            let problem = format!("does not take {got} arguments; it is written {syntax}");
            return Err(coded(SqlState::UNDEFINED_FUNCTION, name, problem));
        }
        Ok(Arc::new(field(name, gives, true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_same = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let constant = is_same && self.function.needs != Needs::EachRow;
        let rows = if constant { 1 } else { arguments.number_rows };
        let columns = arguments.args.iter().map(|argument| cells(argument, rows)).collect::<Result<Vec<_>>>()?;
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        let drawn = RefCell::default();
        let mut call = Call {
            name: self.function.name,
            rows_left: rows,
            drawn: &drawn,
            arguments: vec![],
            fields: &arguments.arg_fields,
            options: &arguments.config_options,
            catalog: self.catalog(),
        };
        let mut results = Vec::with_capacity(rows);
        for _ in 0..rows {
            call.arguments = columns.iter_mut().map(|column| column.next().unwrap_or_default()).collect();
            results.push((self.function.compute)(&call)?);
            call.rows_left -= 1;
        }
        let values = array(arguments.return_field.data_type(), results);
        if constant {
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?))
        } else {
            Ok(ColumnarValue::Array(values))
        }
    }
}

/// The values of an argument, one per row.
fn cells(argument: &ColumnarValue, rows: usize) -> Result<Vec<Cell>> {
    let values = argument.to_array(rows)?;
    let texts = |values: &dyn Array| -> Result<Vec<Option<String>>> {
        let texts = cast(values, &DataType::Utf8)?;
        Ok(texts.as_string::<i32>().iter().map(|text| text.map(str::to_string)).collect())
    };
    Ok(match values.data_type() {
        of if of.is_integer() => {
            let numbers = cast(&values, &DataType::Int64)?;
            numbers.as_primitive::<Int64Type>().iter().map(Cell::from).collect()
        }
        DataType::Boolean => values.as_boolean().iter().map(Cell::from).collect(),
        of if of.is_list() => {
            let lists = (0..values.len()).map(|row| {
                if values.is_null(row) {
                    return Ok(Cell::Null);
                }
                let scalar = ScalarValue::try_from_array(&values, row)?;
                let items = match &scalar {
                    ScalarValue::List(list) => list.value(0),
                    ScalarValue::LargeList(list) => list.value(0),
                    ScalarValue::FixedSizeList(list) => list.value(0),
                    _ => return Ok(Cell::Null),
                };
                Ok(Cell::Texts(texts(&items)?.into_iter().map(Option::unwrap_or_default).collect()))
            });
            lists.collect::<Result<Vec<_>>>()?
        }
        DataType::Struct(_) | DataType::Map(..) | DataType::Union(..) => {
            (0..rows).map(|row| if values.is_null(row) { Cell::Null } else { Cell::Text(String::new()) }).collect()
        }
        _ => texts(&values)?.into_iter().map(Cell::from).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_an_effect_is_not_computed_by_planning() {
        let acting =
            ["pg_terminate_backend", "pg_cancel_backend", "pg_advisory_xact_lock", "pg_advisory_unlock_all", "set_config"];
        for name in acting.into_iter().chain(["txid_current", "pg_current_xact_id", "nextval", "setval"]) {
            assert_eq!(udf(named(name).unwrap(), None).signature().volatility, Volatility::Volatile, "{name}");
        }
        assert_eq!(udf(named("current_user").unwrap(), None).signature().volatility, Volatility::Stable);
    }
}
