//! Columns from the names of folders: `channel=web/month=2025-05/…`, as in Hive.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::places::Found;
use super::values::{Guess, Numbers, Seen, class};
use crate::error::invalid;
use crate::text::sql_type;

/// The folder name that stands for NULL.
pub const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns, with the values for each file.
#[derive(Debug, Clone, Default)]
pub struct Folders {
    pub fields: Vec<Field>,
    /// The values of all columns, by file.
    values: Vec<Vec<ScalarValue>>,
}

impl Folders {
    /// The columns that the files' folders define. Types must keep all values: integers without leading zeros, dates, or else strings.
    ///
    /// # Errors
    /// The folders of two files define different columns, or a value does not fit the declared type.
    pub fn of(location: &str, found: &[Found], declared: Option<&Schema>) -> Result<Self> {
        let Some(first) = found.first() else { return Ok(Self::default()) };
        let keys = |file: &Found| file.folders.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        let expected = keys(first);
        if let Some(other) = found.iter().find(|file| keys(file) != expected) {
            let problem = format!(
                "its folders give the columns {}, and those of {} give {}: they must agree",
                shown(&keys(other)),
                first.name,
                shown(&expected)
            );
            return Err(invalid(&other.name, problem));
        }
        let (mut fields, mut values) = (vec![], vec![vec![]; found.len()]);
        for (place, key) in expected.iter().enumerate() {
            let texts: Vec<&str> = found.iter().map(|file| file.folders[place].1.as_str()).collect();
            let mut seen = Seen::default();
            let of_values = texts.iter().filter(|text| **text != NULL_FOLDER && !text.is_empty());
            of_values.for_each(|text| seen.add(class(text.as_bytes(), &Numbers::default())));
            let declared = declared.and_then(|declared| declared.field_with_name(key).ok()).map(Field::data_type);
            let data_type = declared.cloned().unwrap_or_else(|| match seen.guess() {
                Guess::Integer => DataType::Int64,
                Guess::Date => DataType::Date32,
                _ => DataType::Utf8View,
            });
            for (values, text) in values.iter_mut().zip(texts) {
                values.push(match text {
                    NULL_FOLDER => ScalarValue::try_from(&data_type)?,
                    // Only a text can be empty.
                    "" if !data_type.is_string() => ScalarValue::try_from(&data_type)?,
                    text => ScalarValue::Utf8(Some(text.to_string())).cast_to(&data_type).map_err(|_| {
                        invalid(location, format!("the folder {key}={text} is not a valid {}", sql_type(&data_type)))
                    })?,
                });
            }
            fields.push(Field::new(key, data_type, true));
        }
        Ok(Self { fields, values })
    }

    /// Restricts the values to some of the files, given by index.
    pub fn of_files(&self, places: &[usize]) -> Self {
        Self { fields: self.fields.clone(), values: places.iter().map(|place| self.values[*place].clone()).collect() }
    }

    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name() == name)
    }

    /// The values for a file.
    pub fn values(&self, file: usize) -> &[ScalarValue] {
        self.values.get(file).map_or(&[], Vec::as_slice)
    }

    /// True for a condition that uses only these columns, so that it decides for each file whether it is read.
    pub fn decide(&self, condition: &Expr) -> bool {
        let columns = condition.column_refs();
        !columns.is_empty() && columns.iter().all(|column| self.has(column.name())) && !condition.is_volatile()
    }

    /// For each file, whether all conditions on these columns hold.
    ///
    /// # Errors
    /// A condition cannot be evaluated.
    pub fn matching(&self, state: &dyn Session, conditions: &[Expr]) -> Result<Vec<bool>> {
        let mut kept = vec![true; self.values.len()];
        let conditions: Vec<&Expr> = conditions.iter().filter(|condition| self.decide(condition)).collect();
        if conditions.is_empty() || kept.is_empty() {
            return Ok(kept);
        }
        let schema = Schema::new(self.fields.clone());
        let columns = (0..self.fields.len())
            .map(|column| ScalarValue::iter_to_array(self.values.iter().map(|values| values[column].clone())));
        let options = RecordBatchOptions::new().with_row_count(Some(kept.len()));
        let batch = RecordBatch::try_new_with_options(Arc::new(schema.clone()), columns.collect::<Result<_>>()?, &options)?;
        let schema = DFSchema::try_from(schema)?;
        for condition in conditions {
            let unqualified = unnormalize_col(condition.clone());
            let holds = state.create_physical_expr(unqualified, &schema)?.evaluate(&batch)?.into_array(kept.len())?;
            let holds: &BooleanArray = holds.as_boolean();
            kept.iter_mut().zip(holds).for_each(|(kept, holds)| *kept &= holds == Some(true));
        }
        Ok(kept)
    }
}

fn shown(keys: &[String]) -> String {
    if keys.is_empty() { "none".into() } else { keys.join(", ") }
}

/// The values of a column, as texts, for the names of folders. A text that would be read as NULL is an error.
pub fn named(text: Expr, column: &str) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::from(Named { signature, column: column.to_string() }).call(vec![text])
}

/// The name of the function.
const NAMED: &str = "folder_name";

#[derive(Debug, PartialEq, Eq, Hash)]
struct Named {
    signature: Signature,
    column: String,
}

impl ScalarUDFImpl for Named {
    fn name(&self) -> &str {
        NAMED
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = arguments.args.as_slice() else { return internal_err!("{NAMED} takes a text") };
        let texts = value.to_array(arguments.number_rows)?;
        let is_taken = |texts: &StringArray| texts.iter().flatten().any(|text| text == NULL_FOLDER);
        if texts.as_string_opt::<i32>().is_some_and(is_taken) {
            let problem = format!(
                "has the text {NULL_FOLDER}, which stands for NULL in names of folders; replace it, or leave the column out of PARTITIONED BY"
            );
            return Err(invalid(&self.column, problem));
        }
        Ok(value.clone())
    }
}
