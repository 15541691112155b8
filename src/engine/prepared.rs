//! Prepared statements: described before they run, executed any number of times.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{ParamValues, Result, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use sqlparser::ast::Expr;
use sqlparser::tokenizer::Location;

use super::Session;
use super::answer::Answer;
use super::changing::whole::described as changing_within;
use super::describing::description_plan;
use super::execution;
use super::lookups::Lookup;
use super::missing_tables::name_missing_table;
use super::preparing::executed;
use super::transactions;
use crate::error::{SqlState, coded};
use crate::objects::constraining::InTexts;
use crate::objects::lifecycle;
use crate::postgres_types::MARK;
use crate::sql::changing;
use crate::sql::client::ClientCommand;
use crate::sql::command::Command;
use crate::sql::erasing::Erasing;
use crate::sql::parser::{Parsed, Statement};
use crate::sql::references::parameters_in;
use crate::sql::{given, postgres, settled};
use crate::statement::StatementContext;

/// The columns with the types that their values have; clients would read other values.
fn with_types_of_values(columns: Schema, plan: &LogicalPlan, state: &SessionState) -> Schema {
    let is_query = !matches!(
        plan,
        LogicalPlan::Dml(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::Explain(_)
            | LogicalPlan::Analyze(_)
            | LogicalPlan::DescribeTable(_)
    );
    if !is_query {
        return columns;
    }
    settled::columns(&columns, plan, state, |told| told.metadata().contains_key(MARK))
}

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

    /// The value of a parameter, by its name without the `$`.
    pub(super) fn value(&self, name: &str) -> Option<&ScalarValue> {
        self.values.get(name)
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
    pub parameters: Vec<(String, Option<FieldRef>)>,
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
    /// How many values EXECUTE gives to a statement of PREPARE.
    takes: Option<usize>,
    /// When it was prepared, in microseconds since 1970.
    pub(super) at: i64,
    /// The plan of a query that may be a lookup.
    pub(super) lookup: Option<Arc<Lookup>>,
}

impl Prepared {
    pub(super) async fn new(session: Session, statement: Statement) -> Result<Self> {
        Self::with_types(session, statement, vec![]).await
    }

    /// Prepares a statement whose parameters `$1`, `$2` … have these types, where given.
    pub(super) async fn with_types(session: Session, statement: Statement, types: Vec<Option<DataType>>) -> Result<Self> {
        let Statement { text, mut parsed, .. } = statement;
        if let Some(sql) = parsed.sql_mut() {
            given::cast_operands(sql, &types);
        }
        let context = session.statement(Parameters::default());
        let tag = execution::tag_of(&parsed);
        let parsed = &parsed;
        let plan = context.settled(|context| async move { description_plan(parsed, &context).await }).await;
        let plan = plan.map_err(|error| name_missing_table(error, &context))?;
        let (mut columns, mut parameters) = (Arc::new(Schema::empty()), BTreeMap::new());
        // Statements that give rows without a plan.
        match parsed {
            Parsed::Command(Command::Client(ClientCommand::Fetch { name, gives_rows: true, .. })) => {
                columns = session.cursor_columns(name).unwrap_or(columns);
            }
            Parsed::Command(Command::Client(ClientCommand::ShowSetting(name))) => columns = Session::column_of_setting(name),
            Parsed::Sql(sql) if let Some(prepared) = executed(sql).and_then(|name| session.prepared(&name)) => {
                columns = Arc::clone(&prepared.description.columns);
            }
            _ => {}
        }
        // Planning uses up some parameters, such as those in FOR SYSTEM_TIME AS OF.
        let mut known: BTreeMap<String, Option<FieldRef>> = BTreeMap::new();
        known.extend(parsed.sql().into_iter().flat_map(given::parameters).map(|name| (name, None)));
        if let Parsed::Command(command) = parsed {
            known.extend(parameters_of(command, &text, &context)?.into_iter().map(|name| (name, None)));
        }
        if let Some(plan) = &plan {
            given::add_types(plan, &mut known, &InTexts(&context))?;
        }
        // The changes in a WITH clause have parameters as well.
        if let Parsed::Sql(sql) = parsed {
            for plan in changing_within(sql, &context).await? {
                given::add_types(&plan, &mut known, &InTexts(&context))?;
            }
        }
        for (name, field) in known {
            let place = name.parse::<usize>().unwrap_or(usize::MAX);
            let declared = place.checked_sub(1).and_then(|place| types.get(place)).cloned().flatten();
            let declared = declared.map(|data_type| Arc::new(Field::new(&name, data_type, true)));
            // `$2` before `$10`, and numbers before names.
            parameters.insert((place, name), declared.or(field));
        }
        // A statement that changes rows is planned as one that writes, and RETURNING makes it give rows all the same. DECLARE gives none.
        let gives_rows = |plan: &LogicalPlan| match parsed {
            Parsed::Sql(sql) => changing::returning(sql).is_some() || execution::has_rows(plan),
            Parsed::Command(command) => !matches!(command, Command::Client(_)) && execution::has_rows(plan),
        };
        if let Some(plan) = plan.filter(gives_rows) {
            // If planning with these types fails (other types might work), describe the columns as far as they are known.
            let typed = with_typed_parameters(plan.clone(), &parameters);
            let typed = typed.unwrap_or(plan);
            columns = Arc::new(with_types_of_values(postgres::columns(&typed, &InTexts(&context)), &typed, &context.state()));
        }
        let parameters = parameters.into_iter().map(|((_, name), field)| (name, field)).collect();
        let description = Arc::new(Description { columns, parameters, tag });
        let at = context.now();
        let lookup = Lookup::of(parsed).map(Arc::new);
        Ok(Self { session, text: text.into(), parsed: Arc::new(parsed.clone()), description, takes: None, at, lookup })
    }

    /// A statement that SQL's PREPARE gives a name; `declared` are the types of `$1`, `$2` …
    pub(super) async fn of_sql(session: Session, text: &str, parsed: Parsed, declared: Vec<DataType>) -> Result<Self> {
        let statement = Statement { text: text.to_string(), comment: String::new(), line: 1, column: 1, parsed };
        let count = declared.len();
        let prepared = Self::with_types(session, statement, declared.into_iter().map(Some).collect()).await?;
        let places = prepared.description.parameters.iter().filter_map(|(name, _)| name.parse::<usize>().ok());
        let takes = Some(places.max().unwrap_or(0).max(count));
        Ok(Self { takes, ..prepared })
    }

    /// True for a CREATE of a definition, which says itself which of its names have no value.
    pub(crate) fn is_definition(&self) -> bool {
        matches!(self.parsed.as_ref(), Parsed::Command(Command::Create(_)))
    }

    /// True for a statement of PREPARE.
    pub(super) fn is_of_sql(&self) -> bool {
        self.takes.is_some()
    }

    /// True for heavy statements, which take turns when there are many.
    pub(crate) fn takes_turn(&self) -> bool {
        self.parsed.takes_turn()
    }

    /// True for a statement that shares a transaction with those sent together with it.
    pub(crate) fn shares_transaction(&self) -> bool {
        transactions::shares(&self.parsed)
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
        if let Some(takes) = self.takes {
            let got = parameters.values.len();
            let problem = match got.cmp(&takes) {
                Ordering::Less => format!("takes {takes} parameters, got {got}; EXECUTE gives them in parentheses"),
                Ordering::Greater => format!("takes {takes} parameters, got {got}"),
                Ordering::Equal => String::new(),
            };
            if !problem.is_empty() {
                return Err(coded(SqlState::SYNTAX_ERROR, "EXECUTE", problem));
            }
            for (name, field) in &self.description.parameters {
                if let (Some(value), Some(field)) = (parameters.values.get_mut(name), field) {
                    *value = value.cast_to(field.data_type())?;
                }
            }
        }
        if let Some(lookup) = &self.lookup
            && let Some(answer) = lookup.answer(self, &parameters).await?
        {
            return Ok(answer);
        }
        let first = Location { line: 1, column: 1 };
        self.session.execute_with(&self.text, first, self.parsed.as_ref().clone(), parameters).await
    }
}

/// The parameters of a command that get their values from whoever runs it, without the `$`.
fn parameters_of(command: &Command, text: &str, context: &StatementContext) -> Result<Vec<String>> {
    let (keys, options): (&[Expr], &[(String, Expr)]) = match command {
        Command::Create(create) => return lifecycle::parameters_of(create, text, context),
        Command::Client(ClientCommand::Declare(declare)) => return Ok(given::parameters(&declare.query)),
        Command::Refresh(refresh) | Command::ExplainRefresh(refresh) => (&[], &refresh.options),
        Command::Report(report) => (report.key.as_slice(), &report.options),
        Command::Erasing(Erasing::Erase(subjects, options) | Erasing::Export(subjects, _, options)) => (&subjects.keys, options),
        _ => return Ok(vec![]),
    };
    Ok(keys.iter().chain(options.iter().map(|(_, value)| value)).flat_map(parameters_in).collect())
}

/// The plan after its parameters have values. Parameters without a known type are strings, as in PostgreSQL.
fn with_typed_parameters(plan: LogicalPlan, types: &BTreeMap<(usize, String), Option<FieldRef>>) -> Result<LogicalPlan> {
    if types.is_empty() {
        return Ok(plan);
    }
    let values = types.iter().map(|((_, name), field)| {
        let value = ScalarValue::try_from(field.as_ref().map_or(&DataType::Utf8, |field| field.data_type()))?;
        Ok((name.clone(), ScalarAndMetadata::from(value)))
    });
    plan.replace_params_with_values(&ParamValues::Map(values.collect::<Result<_>>()?))
}
