//! Prepared statements: described before they run, executed any number of times.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{LogicalPlan, Statement as LogicalStatement};
use sqlparser::tokenizer::Location;

use super::Session;
use super::answer::Answer;
use super::execution;
use crate::error::{SqlState, coded};
use crate::sql::parser::{Parsed, Statement};

/// Values of parameters: of `$1`, `$2` … by their places, or of `$name` by their names.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    values: HashMap<String, ScalarValue>,
}

impl Parameters {
    /// The values of `$1`, `$2` …
    pub fn positional(values: impl IntoIterator<Item = ScalarValue>) -> Self {
        Self { values: (1..).zip(values).map(|(place, value): (usize, _)| (place.to_string(), value)).collect() }
    }

    /// The values of `$name`, without the sign.
    pub fn named<N: Into<String>>(values: impl IntoIterator<Item = (N, ScalarValue)>) -> Self {
        Self { values: values.into_iter().map(|(name, value)| (name.into(), value)).collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(super) fn into_values(self) -> HashMap<String, ScalarValue> {
        self.values
    }
}

/// What a statement gives and takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The columns of its rows, with types and nullability; none for statements without a result.
    pub columns: SchemaRef,
    /// Its parameters without the sign, `$2` before `$10`, then names in their order; with their types where the statement tells them.
    pub parameters: Vec<(String, Option<DataType>)>,
    /// The words that say what it does: `SELECT`, `CREATE TAG`.
    pub tag: String,
}

/// A statement that was prepared. Cheap to clone.
#[derive(Clone)]
pub struct Prepared {
    session: Session,
    text: Arc<str>,
    parsed: Arc<Parsed>,
    description: Arc<Description>,
    /// The types that PREPARE declared for `$1`, `$2` …
    declared: Arc<[DataType]>,
}

impl Prepared {
    pub(super) async fn new(session: Session, statement: Statement) -> Result<Self> {
        let Statement { text, parsed, .. } = statement;
        let context = session.statement(Parameters::default());
        let tag = execution::tag_of(&parsed);
        let parsed = &parsed;
        let plan = context.settled(|context| async move { execution::description_plan(parsed, &context).await }).await?;
        let (mut columns, mut parameters) = (Arc::new(Schema::empty()), BTreeMap::new());
        if let Some(plan) = plan {
            if execution::has_rows(&plan) {
                columns = Arc::new(without_qualifiers(&plan));
            }
            for (name, field) in plan.get_parameter_fields()? {
                let name = name.trim_start_matches('$').to_string();
                // `$2` before `$10`, and numbers before names.
                let place = (name.parse::<usize>().unwrap_or(usize::MAX), name);
                parameters.insert(place, field.map(|field| field.data_type().clone()));
            }
        }
        let parameters = parameters.into_iter().map(|((_, name), data_type)| (name, data_type)).collect();
        let description = Arc::new(Description { columns, parameters, tag });
        let (text, declared) = (text.into(), Arc::from(vec![]));
        Ok(Self { session, text, parsed: Arc::new(parsed.clone()), description, declared })
    }

    /// What SQL's PREPARE gives a name.
    pub(super) async fn of_sql(session: Session, text: &str, parsed: Parsed, declared: &LogicalPlan) -> Result<Self> {
        let statement = Statement { text: text.to_string(), comment: String::new(), line: 1, column: 1, parsed };
        let LogicalPlan::Statement(LogicalStatement::Prepare(prepare)) = declared else {
            return Self::new(session, statement).await;
        };
        let declared = prepare.fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Self { declared, ..Self::new(session, statement).await? })
    }

    /// Its columns and parameters, as they were when it was prepared. Nothing runs.
    pub fn describe(&self) -> &Description {
        &self.description
    }

    /// Runs it with values for its parameters; those of the session fill in what is not given.
    ///
    /// # Errors
    /// As [`Session::execute`]; a value that does not fit the declared type of its parameter.
    pub async fn execute(&self, mut parameters: Parameters) -> Result<Answer> {
        for (place, data_type) in (1..).zip(self.declared.iter()) {
            let place: usize = place;
            let Some(value) = parameters.values.get_mut(&place.to_string()) else {
                let problem = format!(
                    "takes {} parameters, got {}; EXECUTE gives them in parentheses",
                    self.declared.len(),
                    parameters.values.len()
                );
                return Err(coded(SqlState::UNDEFINED_PARAMETER, "EXECUTE", problem));
            };
            *value = value.cast_to(data_type)?;
        }
        if !self.declared.is_empty() && parameters.values.len() > self.declared.len() {
            let problem = format!("takes {} parameters, got {}", self.declared.len(), parameters.values.len());
            return Err(coded(SqlState::UNDEFINED_PARAMETER, "EXECUTE", problem));
        }
        let first = Location { line: 1, column: 1 };
        self.session.execute_with(&self.text, first, self.parsed.as_ref().clone(), parameters).await
    }
}

/// The columns of a plan's rows.
fn without_qualifiers(plan: &LogicalPlan) -> Schema {
    let fields = plan.schema().fields().iter();
    Schema::new(fields.map(|field| Field::new(field.name(), field.data_type().clone(), field.is_nullable())).collect::<Vec<_>>())
}
