//! A profile with its tags and segments, planned and checked as a whole.
//!
//! Creating a definition and refreshing the profile use the same code, so whatever was accepted can be computed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, TableReference};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::{Query, SelectItem, SetExpr, Statement as SqlStatement, Visit};

use super::as_of;
use super::checks::{check_history, check_names, compared_with_null, is_null, key_type, text_as_other, value_type};
use super::decompose::{RowExpression, over_own_row};
use super::definition::{Definition, ProfileDefinition};
use super::domain::{Asked, asked, values_of};
use super::literals::coerced;
use super::order::{in_order, reads_profile};
use super::sources::Sources;
use crate::catalog::objects::Object;
use crate::error::{SqlState, coded, did_you_mean, invalid, message, raw, sqlstate};
use crate::sql::or_null;
use crate::sql::parser::parse_query;
use crate::sql::planning;
use crate::sql::references::{calls_in, name_of, tables_in};
use crate::statement::{Horizon, Reads, StatementContext};
use crate::text::{identifier, sql_type, written_name};
use crate::walk::{PlanTree, Tree};

/// The schema in which profiles are published.
pub const PROFILE_SCHEMA: &str = "profile";
/// The schema in which segments are published.
pub const SEGMENT_SCHEMA: &str = "segment";

/// What is wrong with the condition of a segment that reads, counts or compares other rows.
const MORE_THAN_OWN_ROW: &str = "its condition uses more than the customer's own row; put that into a tag, and use the tag here";

/// The kinds of objects that `time_columns` may name.
const RELATIONS: [&str; 3] = ["table", "view", "external table"];

/// A profile with all its parts, planned.
#[derive(Debug)]
pub struct Planned {
    pub key_type: DataType,
    /// Key first, then the attributes.
    pub profile: LogicalPlan,
    /// Names and types, in order.
    pub attributes: Vec<Field>,
    /// In an order where each tag comes after those it needs.
    pub tags: Vec<PlannedTag>,
    pub segments: Vec<PlannedSegment>,
    /// The tables that the definitions read.
    pub sources: Sources,
    /// Time columns whose tables do not exist, as `table.column`, each with a name that is near. A profile may be created before
    /// its sources, but not refreshed without them: rows that the time column should hold back would be read.
    pub missing: Vec<(String, String)>,
    /// Notes on conditions that are never true and values that are always NULL, each with the label of its definition.
    pub never: Vec<(String, String)>,
}

/// What the columns of a profile are computed from.
#[derive(Debug)]
pub struct Computed {
    /// The plan of key and attributes.
    pub own: LogicalPlan,
    /// The plans of the tags, of key and value, each after those it needs.
    pub tags: Vec<(String, LogicalPlan)>,
}

impl Planned {
    /// The plans of its columns.
    pub fn computed(&self) -> Computed {
        let tags = self.tags.iter().map(|tag| (tag.name.clone(), tag.plan.clone())).collect();
        Computed { own: self.profile.clone(), tags }
    }
}

/// A tag's query, of key and value.
#[derive(Debug)]
pub struct PlannedTag {
    pub name: String,
    pub version: i64,
    pub plan: LogicalPlan,
    pub multiple: bool,
    /// The tags of the same profile that it needs; `None` when it does not read the profile.
    pub needs: Option<Vec<String>>,
    /// Whether its values come from `rfm` with `lookback`, which gives no row to customers without an order in that time.
    pub looks_back: bool,
}

/// A segment, as a condition over the customer's own row of the profile.
#[derive(Debug)]
pub struct PlannedSegment {
    pub name: String,
    pub version: i64,
    pub condition: RowExpression,
    /// The values that its condition compares columns with.
    pub asked: Vec<Asked>,
}

pub struct Planner<'a> {
    pub context: &'a StatementContext,
    /// Microseconds since 1970.
    pub as_of: i64,
}

impl Planner<'_> {
    /// Plans the profile with all its tags and segments.
    ///
    /// # Errors
    /// A definition is wrong: its query, its key, a clashing name, or tags that need one another in a cycle.
    pub fn plan<'a>(&'a self, definition: &'a ProfileDefinition) -> BoxFuture<'a, Result<Planned>> {
        Box::pin(async move {
            let name = definition.name();
            let missing = self.missing_sources(definition).await?;
            let mut sources = Sources::default();
            let (profile, key_type, attributes) = self.profile(definition, &mut sources).await?;
            let mut domains = BTreeMap::new();
            for (place, field) in profile.schema().fields().iter().enumerate() {
                domains.extend(values_of(&profile, place).map(|values| (field.name().clone(), values)));
            }
            let mut columns: Vec<Field> = profile.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
            check_names(definition, &columns)?;
            check_history(definition, &attributes)?;
            let mut never: Vec<(String, String)> = vec![];
            never.extend(on_null(&format!("profile {name}"), definition.body.query.as_ref()));
            let mut tags = vec![];
            for place in in_order(definition)? {
                let (tag, body) = &definition.tags[place];
                let subject = format!("tag {}", tag.object.name);
                let reads = reads_profile(&body.query, name);
                let plan = self.query(definition, tag, &body.query, &subject, &columns, &mut sources).await?;
                if !reads && scans(&plan, &own_table(name))? {
                    // The planning order follows the names in the query, so such a tag would be computed before what it reads.
                    let problem = format!(
                        "reads {PROFILE_SCHEMA}.{name} through a view or function; name {PROFILE_SCHEMA}.{name} in its own query"
                    );
                    return Err(invalid(&subject, problem));
                }
                let (plan, value) = self.key_and_value(plan, definition, &key_type, &subject)?;
                let needs = match reads {
                    true => {
                        let read = self.columns_read(&plan, definition).map_err(|error| about(&subject, error, &[]))?;
                        let is_tag = |name: &String| definition.tags.iter().any(|(other, _)| other.object.name == *name);
                        Some(read.into_iter().filter(is_tag).collect())
                    }
                    false => None,
                };
                let column = if body.multiple {
                    DataType::List(Arc::new(Field::new_list_field(value.clone(), true)))
                } else {
                    value.clone()
                };
                columns.push(Field::new(&tag.object.name, column, true));
                never.extend(on_null(&subject, body.query.as_ref()));
                let values = values_of(&plan, 1);
                if values.as_ref().is_some_and(Vec::is_empty) {
                    never.push((subject.clone(), format!("{subject} gives NULL only, so no customer has a value")));
                }
                domains.extend(values.map(|values| (tag.object.name.clone(), values)));
                let looks_back = !has_join(&plan)?
                    && calls_in(body.query.as_ref()).iter().any(|(function, arguments)| {
                        function == "rfm"
                            && arguments.iter().any(|argument| name_of(argument).is_some_and(|name| name == "lookback"))
                    });
                tags.push(PlannedTag {
                    looks_back,
                    name: tag.object.name.clone(),
                    version: tag.object.version,
                    plan,
                    multiple: body.multiple,
                    needs,
                });
            }
            let mut segments = vec![];
            for (segment, condition) in &definition.segments {
                let subject = format!("segment {}", segment.object.name);
                let query =
                    format!("SELECT {}, NULL FROM {PROFILE_SCHEMA}.{}", identifier(&definition.body.key), identifier(name));
                let mut query = parse_query(&query)?;
                // The parsed condition is inserted as it is: sqlparser does not print every string and identifier so that it parses back to
                // the same.
                if let SetExpr::Select(select) = query.body.as_mut()
                    && let Some(SelectItem::UnnamedExpr(place)) = select.projection.get_mut(1)
                {
                    *place = condition.clone();
                }
                let plan = self.query(definition, segment, &query, &subject, &columns, &mut sources).await;
                let plan = plan.map_err(|error| {
                    let text = message(&error);
                    // The engine misses a GROUP BY.
                    let counts_rows = ["neither", "grouped", "aggregated"].iter().all(|word| text.contains(word));
                    if counts_rows { invalid(&subject, MORE_THAN_OWN_ROW) } else { error }
                })?;
                if let Some((column, data_type)) = text_as_other(&plan, condition) {
                    let (what, written) = match &data_type {
                        DataType::Boolean => ("true or false", "BOOLEAN"),
                        DataType::Date32 | DataType::Date64 => ("a date", "DATE"),
                        DataType::Timestamp(..) => ("a time", "TIMESTAMP"),
                        _ => ("a number", "DOUBLE"),
                    };
                    let problem = format!(
                        "{column} of profile {name} is a string, but the condition {condition} uses it as {what}: a value that cannot be converted would fail the refresh; write TRY_CAST({column} AS {written}), or compare it with a string"
                    );
                    return Err(coded(SqlState::DATATYPE_MISMATCH, &subject, problem));
                }
                let data_type = plan.schema().field(1).data_type();
                if !matches!(data_type, DataType::Boolean | DataType::Null) {
                    return Err(invalid(
                        &subject,
                        format!("a segment must be a condition that is true or false, got {condition}: {data_type}"),
                    ));
                }
                never.extend(on_null(&subject, condition));
                if is_null(condition) {
                    never.push((subject.clone(), format!("{subject} has the condition NULL, so it never has a member")));
                }
                let Some(condition) = over_own_row(&plan, &own_table(name), &definition.body.key)? else {
                    return Err(invalid(&subject, MORE_THAN_OWN_ROW));
                };
                let asked = asked(&condition)?;
                // Its author may not see all that it fails on, and must not stop the refresh of others.
                let is_of_other = !segment.object.owner.is_empty() && segment.object.owner != definition.own.object.owner;
                let condition = match is_of_other {
                    true => RowExpression { conditions: condition.conditions, value: or_null(condition.value)? },
                    false => condition,
                };
                never.extend(asked.iter().filter_map(|asked| Some((subject.clone(), asked.never(&subject, &domains)?))));
                segments.push(PlannedSegment {
                    name: segment.object.name.clone(),
                    version: segment.object.version,
                    condition,
                    asked,
                });
            }
            Ok(Planned { key_type, profile, attributes, tags, segments, sources, missing, never })
        })
    }

    /// The profile's own query, with the key first.
    async fn profile(
        &self,
        definition: &ProfileDefinition,
        sources: &mut Sources,
    ) -> Result<(LogicalPlan, DataType, Vec<Field>)> {
        let subject = format!("profile {}", definition.name());
        let plan = self.query(definition, &definition.own, &definition.body.query, &subject, &[], sources).await?;
        let key = &definition.body.key;
        let columns = plan.schema().columns();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let Some(place) = names.iter().position(|name| name == key) else {
            let several: Vec<&str> = key.split(',').map(str::trim).collect();
            if several.len() > 1 && several.iter().all(|one| names.contains(one)) {
                let columns = several.iter().map(|one| written_name(one)).collect::<Vec<_>>().join(", ");
                let problem = format!(
                    "the key must be one column, got \"{key}\"; combine them into one, such as concat_ws('|', {columns}) AS code"
                );
                return Err(invalid(&subject, problem));
            }
            let suggestion = did_you_mean(key, names.iter().copied());
            return Err(invalid(
                &subject,
                format!("its query has no column \"{key}\", which should be the key{suggestion}; it has {}", names.join(", ")),
            ));
        };
        let key_type = key_type(plan.schema().field(place).data_type()).ok_or_else(|| {
            let (key, data_type) = (written_name(key), sql_type(plan.schema().field(place).data_type()));
            let problem = format!(
                "the key must be a whole number or text, got {key}: {data_type}; write CAST({key} AS VARCHAR) AS {key}, or AS BIGINT"
            );
            invalid(&subject, problem)
        })?;
        let mut order: Vec<usize> = (0..columns.len()).filter(|index| *index != place).collect();
        order.insert(0, place);
        let projected = order.into_iter().map(|index| Expr::Column(columns[index].clone()));
        let plan = LogicalPlanBuilder::from(plan).project(projected.collect::<Vec<_>>())?.build()?;
        let attributes = plan.schema().fields().iter().skip(1);
        let attributes = attributes.map(|field| Field::new(field.name(), field.data_type().clone(), true)).collect();
        Ok((plan, key_type, attributes))
    }

    /// Plans a query as of the time of the refresh and adds what it reads to `sources`. Where it reads the profile itself, the profile has
    /// these columns.
    async fn query(
        &self,
        definition: &ProfileDefinition,
        own: &Definition,
        query: &Query,
        subject: &str,
        columns: &[Field],
        sources: &mut Sources,
    ) -> Result<LogicalPlan> {
        let (written, mut query) = (query, Box::new(query.clone()));
        for table in tables_in(query.as_ref()) {
            if let [.., schema, table] = table.as_slice()
                && schema == SEGMENT_SCHEMA
                && self.has_segment(definition.name(), table)?
            {
                let problem = format!("reads {schema}.{table}, which the refresh itself writes; use the segment's condition");
                return Err(invalid(subject, problem));
            }
            if let [.., schema, table] = table.as_slice()
                && schema == PROFILE_SCHEMA
                && table != definition.name()
                && table.strip_prefix(definition.name()).is_some_and(|rest| ["_tags", "_history"].contains(&rest))
            {
                let problem =
                    format!("reads {schema}.{table}, which the refresh itself writes; read {schema}.{}", definition.name());
                return Err(invalid(subject, problem));
            }
        }
        #[cfg(test)]
        super::plannings::count(definition.name());
        as_of::settle(query.as_mut(), self.as_of, &own.parameters);
        let statement = SqlParsed::Statement(Box::new(SqlStatement::Query(query)));
        let table = EmptyTable::new(Arc::new(Schema::new(columns.to_vec())));
        let context = match columns {
            [] => self.context.clone(),
            _ => self.context.with_profile(definition.name(), Arc::new(table)),
        };
        let context = match definition.body.time_columns.as_slice() {
            // What other profiles published later bears its time itself, and is not read as of an earlier one.
            [] if self.as_of >= self.context.now() => context,
            time_columns => context.below(Horizon { time_columns: time_columns.to_vec(), at: self.as_of }),
        };
        let reads = Reads::default();
        let context = context.noting(&reads);
        let planned = match planning::plan(&statement, &context).await {
            Ok(planned) => coerced(planned, subject, &context),
            Err(error) => Err(error),
        };
        let planned = match planned {
            Err(error) => return Err(about(subject, error, &self.relations()?)),
            Ok(planned) => planned,
        };
        sources.add(subject, &reads, written, &planned, &definition.body.time_columns, self.context)?;
        Ok(planned)
    }

    /// True for a segment of the profile, also one that is not part of the definition being planned.
    fn has_segment(&self, profile: &str, segment: &str) -> Result<bool> {
        let is_it = |object: &Object| object.kind == "segment" && object.profile == profile && object.name == segment;
        Ok(self.context.all_objects()?.iter().any(is_it))
    }

    /// The tables of `time_columns` that do not exist, as `table.column`, each with a name that is near.
    ///
    /// # Errors
    /// A table has no such column, or the column holds no times.
    async fn missing_sources(&self, definition: &ProfileDefinition) -> Result<Vec<(String, String)>> {
        let time_columns = &definition.body.time_columns;
        let context = self.context.below(Horizon { time_columns: time_columns.clone(), at: self.as_of });
        let state = context.state();
        let mut missing = vec![];
        for (table, column) in time_columns {
            let found = state.schema_for_ref(TableReference::bare(table.clone()))?.table(table).await;
            if found.map_err(|error| about(&format!("profile {}", definition.name()), error, &[]))?.is_none() {
                let known = self.relations()?;
                missing.push((format!("{table}.{column}"), did_you_mean(table, known.iter().map(String::as_str))));
            }
        }
        Ok(missing)
    }

    /// The names of the tables and views that there are.
    fn relations(&self) -> Result<Vec<String>> {
        let mut known = self.context.tables().temporary_names();
        let objects = self.context.objects()?;
        let relations = objects.iter().filter(|object| RELATIONS.contains(&object.kind.as_str()));
        known.extend(relations.map(|object| object.name.clone()));
        Ok(known)
    }

    /// A tag's query with the value cast to its final type, and that type.
    fn key_and_value(
        &self,
        plan: LogicalPlan,
        definition: &ProfileDefinition,
        key_type: &DataType,
        subject: &str,
    ) -> Result<(LogicalPlan, DataType)> {
        let columns = plan.schema().columns();
        let [key, value] = columns.as_slice() else {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            return Err(invalid(
                subject,
                format!("its query must return two columns, the key and the value, got {}: {}", names.len(), names.join(", ")),
            ));
        };
        let own = plan.schema().field(0).data_type();
        if self::key_type(own).as_ref() != Some(key_type) {
            let problem = format!(
                "its first column is the key, {} of profile {}, which is {key_type}; got {}: {own}",
                definition.body.key,
                definition.name(),
                key.name
            );
            return Err(invalid(subject, problem));
        }
        let found = plan.schema().field(1).data_type();
        let Some(value_type) = value_type(found) else {
            return Err(invalid(
                subject,
                format!("a value must be text, a number, a boolean, a date or a time; got {}: {found}", value.name),
            ));
        };
        let value = Expr::Column(value.clone());
        let value = if *found == value_type { value } else { datafusion::logical_expr::cast(value, value_type.clone()) };
        let plan = LogicalPlanBuilder::from(plan).project(vec![Expr::Column(key.clone()), value])?.build()?;
        Ok((plan, value_type))
    }

    /// The columns of the profile that a tag's plan reads.
    ///
    /// They are taken from the plan rather than from the text of the query, which does not name the columns that `*` and NATURAL JOIN read:
    /// a needed tag that was missed would be computed too late, and be NULL here.
    fn columns_read(&self, plan: &LogicalPlan, definition: &ProfileDefinition) -> Result<BTreeSet<String>> {
        let own = own_table(definition.name());
        let mut read = BTreeSet::new();
        // The columns that the optimizer leaves in a scan are those that are read.
        self.context.session().optimize(plan)?.each_plan(|plan| {
            if let LogicalPlan::TableScan(scan) = plan
                && scan.table_name.table() == own.table()
                && scan.table_name.schema() == own.schema()
            {
                read.extend(scan.projected_schema.fields().iter().map(|field| field.name().clone()));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        // An expression over the own row runs as it was written, so columns that the optimizer would fold away are needed too.
        if let Some(RowExpression { conditions, value }) = over_own_row(plan, &own, &definition.body.key)? {
            let used = conditions.iter().chain([&value]).flat_map(Expr::column_refs);
            read.extend(used.map(|column| column.name.clone()));
        }
        Ok(read)
    }
}

impl Planned {
    /// Notes for the user when a profile is created, or when the part with this label is; the notes on other parts were given when those
    /// were created.
    pub fn notes(&self, definition: &ProfileDefinition, part: Option<&str>) -> Vec<String> {
        let name = definition.name();
        let mut notes: Vec<String> = self
            .missing
            .iter()
            .map(|(column, suggestion)| {
                format!(
                    "profile {name}: time_columns names {column}, and there is no such table yet{suggestion}; a refresh needs it"
                )
            })
            .collect();
        notes.extend(self.sources.notes(name, part));
        notes.extend(self.sources.notes_on_clocks(part));
        let looking_back = self.tags.iter().filter(|tag| tag.looks_back).map(|tag| format!("tag {}", tag.name));
        let looking_back = looking_back.filter(|tag| part.is_none_or(|part| part == tag));
        notes.extend(looking_back.map(|tag| {
            format!(
                "{tag}: rfm with lookback returns no row, and so no value, for customers whose last order is before that time; to give them a value, join it to all customers, as the page of rfm shows"
            )
        }));
        let never = self.never.iter().filter(|(label, _)| part.is_none_or(|part| part == label));
        notes.extend(never.map(|(_, note)| note.clone()));
        notes
    }
}

/// The note on a definition that compares with NULL, with its label.
fn on_null(label: &str, definition: &impl Visit) -> Option<(String, String)> {
    let found = compared_with_null(definition)?;
    let note = format!("{label} compares with NULL in {found}, which is never true; write IS NULL or IS NOT NULL");
    Some((label.to_string(), note))
}

/// True for a plan with a join: rows missing on one side may come from the other.
fn has_join(plan: &LogicalPlan) -> Result<bool> {
    plan.any_part(|plan| Ok(matches!(plan, LogicalPlan::Join(_))))
}

/// True for a plan that reads the table.
fn scans(plan: &LogicalPlan, table: &TableReference) -> Result<bool> {
    let mut found = false;
    plan.each_plan(|plan| {
        found |= matches!(plan, LogicalPlan::TableScan(scan)
            if scan.table_name.table() == table.table() && scan.table_name.schema() == table.schema());
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// An error of a definition's query, with the definition as its subject; `relations` are the tables that a wrong name may mean.
fn about(subject: &str, error: DataFusionError, relations: &[String]) -> DataFusionError {
    let text = raw(&error);
    if text.strip_prefix(subject).is_some_and(|rest| rest.starts_with(": ")) {
        return error;
    }
    let missing = text.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found"));
    match missing.and_then(|name| name.split_once('.')) {
        Some((_, name)) => {
            let name = name.strip_prefix("public.").unwrap_or(name);
            let suggestion = did_you_mean(name, relations.iter().map(String::as_str));
            let problem = format!("reads {name}, but there is no such table{suggestion}; SHOW TABLES lists them");
            coded(SqlState::UNDEFINED_TABLE, subject, problem)
        }
        None => coded(sqlstate(&error), subject, message(&error)),
    }
}

/// The table name in the schema `profile` by which a definition reads its own profile.
pub fn own_table(name: &str) -> TableReference {
    TableReference::partial(PROFILE_SCHEMA, name.to_string())
}

/// The error for a profile that does not exist.
pub fn no_profile<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> DataFusionError {
    let suggestion = did_you_mean(name, known.clone());
    let known: Vec<&str> = known.collect();
    let advice = match known.as_slice() {
        [] => "there are none yet; create one with CREATE PROFILE".to_string(),
        known => format!("there is {}", known.join(", ")),
    };
    coded(SqlState::UNDEFINED_OBJECT, name, format!("no such profile{suggestion}; {advice}"))
}
