//! Prepared statements: described before they run, executed any number of times.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, Result, ScalarValue};
use datafusion::logical_expr::expr::{Cast, Placeholder, TryCast};
use datafusion::logical_expr::{Expr, LogicalPlan, Statement as LogicalStatement};
use sqlparser::tokenizer::Location;

use super::Session;
use super::answer::Answer;
use super::execution;
use crate::error::{SqlState, coded};
use crate::sql::client::ClientCommand;
use crate::sql::command::Command;
use crate::sql::parser::{Parsed, Statement};

/// Values of parameters: of `$1`, `$2` … by position, or of `$name` by name.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    values: HashMap<String, ScalarValue>,
}

impl Parameters {
    /// Values of `$1`, `$2` …
    pub fn positional(values: impl IntoIterator<Item = ScalarValue>) -> Self {
        Self { values: (1..).zip(values).map(|(place, value): (usize, _)| (place.to_string(), value)).collect() }
    }

    /// Values of `$name`, by names without the `$`.
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

/// The columns and parameters of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The columns of its rows, with types and nullability; none for statements without a result.
    pub columns: SchemaRef,
    /// Its parameters without the `$`: `$2` before `$10`, then names alphabetically; with their types, where the statement determines them.
    pub parameters: Vec<(String, Option<DataType>)>,
    /// Its command tag: `SELECT`, `CREATE TAG`.
    pub tag: String,
}

/// A prepared statement. Cheap to clone.
#[derive(Clone)]
pub struct Prepared {
    pub(super) session: Session,
    pub(super) text: Arc<str>,
    pub(super) parsed: Arc<Parsed>,
    description: Arc<Description>,
    /// The types that PREPARE declared for `$1`, `$2` …
    declared: Arc<[DataType]>,
}

impl Prepared {
    pub(super) async fn new(session: Session, statement: Statement) -> Result<Self> {
        Self::with_types(session, statement, vec![]).await
    }

    /// Prepares a statement whose parameters `$1`, `$2` … have these types, where given.
    pub(super) async fn with_types(session: Session, statement: Statement, types: Vec<Option<DataType>>) -> Result<Self> {
        let Statement { text, parsed, .. } = statement;
        let context = session.statement(Parameters::default());
        let tag = execution::tag_of(&parsed);
        let parsed = &parsed;
        let plan = context.settled(|context| async move { execution::description_plan(parsed, &context).await }).await;
        let plan = plan.map_err(|error| execution::name_missing_table(error, &context))?;
        let (mut columns, mut parameters) = (Arc::new(Schema::empty()), BTreeMap::new());
        if let Parsed::Command(Command::Client(ClientCommand::Fetch { name, gives_rows: true, .. })) = parsed {
            columns = session.cursor_columns(name).unwrap_or(columns);
        }
        if let Some(plan) = plan {
            for (name, data_type) in parameter_types(&plan)? {
                let name = name.trim_start_matches('$').to_string();
                let place = name.parse::<usize>().unwrap_or(usize::MAX);
                let declared = place.checked_sub(1).and_then(|place| types.get(place)).cloned().flatten();
                // `$2` before `$10`, and numbers before names.
                parameters.insert((place, name), declared.or(data_type));
            }
            if execution::has_rows(&plan) {
                // If planning with these types fails (other types might work), describe the columns as far as they are known.
                let typed = with_typed_parameters(plan.clone(), &parameters);
                columns = Arc::new(without_qualifiers(typed.as_ref().unwrap_or(&plan)));
            }
        }
        let parameters = parameters.into_iter().map(|((_, name), data_type)| (name, data_type)).collect();
        let description = Arc::new(Description { columns, parameters, tag });
        let (text, declared) = (text.into(), Arc::from(vec![]));
        Ok(Self { session, text, parsed: Arc::new(parsed.clone()), description, declared })
    }

    /// A statement that SQL's PREPARE gives a name.
    pub(super) async fn of_sql(session: Session, text: &str, parsed: Parsed, declared: &LogicalPlan) -> Result<Self> {
        let statement = Statement { text: text.to_string(), comment: String::new(), line: 1, column: 1, parsed };
        let LogicalPlan::Statement(LogicalStatement::Prepare(prepare)) = declared else {
            return Self::new(session, statement).await;
        };
        let declared: Arc<[DataType]> = prepare.fields.iter().map(|field| field.data_type().clone()).collect();
        let types = declared.iter().cloned().map(Some).collect();
        Ok(Self { declared, ..Self::with_types(session, statement, types).await? })
    }

    /// True for heavy statements, which take turns when there are many.
    pub(crate) fn takes_turn(&self) -> bool {
        self.parsed.takes_turn()
    }

    /// Its columns and parameters at the time it was prepared. Nothing runs.
    pub fn describe(&self) -> &Description {
        &self.description
    }

    /// Runs it with values for its parameters; missing ones come from the session.
    ///
    /// # Errors
    /// As [`Session::execute`]; or a value does not fit the declared type of its parameter.
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

/// The parameters of a plan, with their types where the plan determines them.
fn parameter_types(plan: &LogicalPlan) -> Result<HashMap<String, Option<DataType>>> {
    let fields = plan.get_parameter_fields()?.into_iter();
    let mut types: HashMap<_, _> = fields.map(|(name, field)| (name, field.map(|field| field.data_type().clone()))).collect();
    // LIMIT and OFFSET are integers, but DataFusion does not infer that for parameters.
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for counted in [&limit.skip, &limit.fetch].into_iter().flatten() {
                if let Expr::Placeholder(placeholder) = counted.as_ref() {
                    types.insert(placeholder.id.clone(), Some(DataType::Int64));
                }
            }
        }
        // `$1::bigint[]` states its type.
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                // One occurrence may determine a type that others leave open.
                if let Expr::Placeholder(Placeholder { id, field: Some(field) }) = part
                    && let Some(of @ None) = types.get_mut(id)
                {
                    *of = Some(field.data_type().clone());
                }
                if let Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) = part
                    && let Expr::Placeholder(placeholder) = expr.as_ref()
                    && let Some(of @ None) = types.get_mut(&placeholder.id)
                {
                    *of = Some(field.data_type().clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(types)
}

/// The plan after its parameters have values. Parameters without a known type are strings, as in PostgreSQL.
fn with_typed_parameters(plan: LogicalPlan, types: &BTreeMap<(usize, String), Option<DataType>>) -> Result<LogicalPlan> {
    if types.is_empty() {
        return Ok(plan);
    }
    let values = types.iter().map(|((_, name), data_type)| {
        let value = ScalarValue::try_from(data_type.as_ref().unwrap_or(&DataType::Utf8))?;
        Ok((name.clone(), ScalarAndMetadata::from(value)))
    });
    plan.replace_params_with_values(&ParamValues::Map(values.collect::<Result<_>>()?))
}

/// The columns of a plan's rows.
fn without_qualifiers(plan: &LogicalPlan) -> Schema {
    let fields = plan.schema().fields().iter();
    Schema::new(fields.map(|field| Field::new(field.name(), field.data_type().clone(), field.is_nullable())).collect::<Vec<_>>())
}
