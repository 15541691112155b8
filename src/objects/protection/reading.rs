//! What a reader sees of a table: which masks and row policies apply, and the resulting table.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, Result, TableReference};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr as Logical, LogicalPlan, LogicalPlanBuilder, TableScan, in_subquery, lit};
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::{Expr, Ident, Query, SelectItem, SetExpr, Statement as SqlStatement, Value, VisitorMut};

use super::barrier::{Barrier, Shown};
use super::class::{self, Stored};
use super::consent;
use super::lineage::{Classes, mark, marked, tells};
use super::masking::{VALUE, masked_by_tag, masked_type, of_items, replaced, typed};
use super::rule::{Rule, rules};
use super::scans::{self, Names};
use crate::catalog::grants::{Privilege, Thing};
use crate::catalog::objects::Object;
use crate::catalog::snapshots::When;
use crate::catalog::stored_classes::UNKNOWN;
use crate::catalog::tables::ManagedTable;
use crate::error::{SqlState, coded, failed, invalid, message};
use crate::refresh::published::{KEY, State};
use crate::sql::command::normal;
use crate::sql::or_null;
use crate::sql::parser::{parse_expression, parse_query};
use crate::sql::planning::plan;
use crate::sql::protection::Covers;
use crate::sql::references::names_in;
use crate::statement::{Rights, StatementContext};
use crate::text::{identifier, literal};
use crate::walk::{PlanTree, Tree, Walk, WalkMut};

/// The names of the tables below the barrier; no user table can have them.
pub const BELOW: &str = "rows below protection";
const VISIBLE: &str = "customers below protection";

/// The rules that apply to the reader of an object.
#[derive(Default)]
struct Applied {
    /// The reader's rights; `None` for a reader without restrictions except consent.
    reader: Option<Arc<Rights>>,
    /// Masks by column.
    masks: BTreeMap<String, Expr>,
    /// Masks by class.
    classes: Vec<(String, Rule)>,
    /// Row policies: a row is visible if any of them holds; `None` without row policies.
    policies: Option<Vec<Condition>>,
    /// The condition for rows with consent, for the purpose of the session.
    consent: Option<Condition>,
    /// The keys of the visible customers, for the rows of a profile's history.
    customers: Option<Arc<LogicalPlan>>,
}

/// A condition over a row.
#[derive(Debug, Clone)]
pub struct Condition {
    pub expr: Expr,
    /// Whose rights it reads with, and whose masks and row policies it reads behind.
    pub owner: String,
}

/// The rules that apply to an object for its reader; `None` when there are none.
fn applied(object: &Object, context: &StatementContext) -> Result<Option<Applied>> {
    let Some(reader) = context.reader()? else { return Ok(None) };
    let (mut masks, mut classes, mut policies) = (BTreeMap::<String, (Expr, String)>::new(), vec![], None);
    for rule in rules(context)? {
        let rule = rule?;
        match &rule.covers {
            Covers::Rows if rule.is_on(object) => {
                // With row policies on the table, a role that none of them is for sees no rows.
                let seen: &mut Vec<Condition> = policies.get_or_insert_default();
                if rule.is_for(&reader, context)? {
                    seen.push(Condition { expr: rule.using, owner: rule.object.owner });
                }
            }
            Covers::Column(column) if rule.is_on(object) && rule.is_for(&reader, context)? => {
                let name = rule.object.name.clone();
                if let Some((_, other)) = masks.insert(column.clone(), (rule.using, name.clone())) {
                    let problem = format!(
                        "column {column} has two masks for {}, {other} and {name}; DROP one, or limit each to roles with FOR",
                        context.reader_name()
                    );
                    return Err(coded(SqlState::INVALID_OBJECT_DEFINITION, &object.label(), problem));
                }
            }
            Covers::Class(class) if rule.is_for(&reader, context)? => classes.push((class.clone(), rule)),
            _ => {}
        }
    }
    if masks.is_empty() && classes.is_empty() && policies.is_none() {
        return Ok(None);
    }
    let masks = masks.into_iter().map(|(column, (using, _))| (column, using)).collect();
    Ok(Some(Applied { reader: Some(reader), masks, classes, policies, ..Applied::default() }))
}

/// A column below the barrier with its mask.
struct Covered {
    name: String,
    data_type: DataType,
    /// The expression shown instead, over `value`.
    mask: Option<Expr>,
}

impl Applied {
    /// True for a reader who may know what real values were found by, or who had the rows written as the reader sees them.
    fn may_be_told(&self, object: &Object) -> bool {
        let may = |reader: &Arc<Rights>| reader.owns(object) || reader.has(Privilege::Filter, &Thing::Object(object.id));
        self.reader.as_ref().is_none_or(may)
    }

    fn has_masks(&self) -> bool {
        !self.masks.is_empty() || !self.classes.is_empty()
    }

    /// What the masks go by for a column of a stored state.
    fn classes_of(&self, stored: &Stored, column: &str) -> Classes {
        if self.masks.is_empty() { stored.of(column) } else { stored.of_named(column) }
    }

    /// The same for the values that a column had in this state and in all before.
    fn classes_ever_of(&self, stored: &Stored, column: &str) -> Classes {
        if self.masks.is_empty() { stored.ever(column) } else { stored.ever_of_named(column) }
    }

    /// The mask of a value that is stored as text, in the history.
    async fn mask_of_text(
        &self,
        object: &Object,
        column: &str,
        classes: &Classes,
        context: &StatementContext,
    ) -> Result<Option<Expr>> {
        let text = DataType::Utf8View;
        match self.mask_of(object, column, &text, classes, context).await? {
            Some(mask) if masked_type(&mask, &text, context).await.is_err() => {
                parse_expression("CAST(NULL AS VARCHAR)").map(Some)
            }
            mask => Ok(mask),
        }
    }

    /// The mask of a column; `None` when none applies.
    async fn mask_of(
        &self,
        object: &Object,
        column: &str,
        data_type: &DataType,
        classes: &Classes,
        context: &StatementContext,
    ) -> Result<Option<Expr>> {
        if let Some(mask) = self.masks.get(column) {
            return Ok(Some(mask.clone()));
        }
        let nothing = || parse_expression(&format!("arrow_cast(NULL, {})", literal(&data_type.to_string())));
        // Nobody knows which of the masks it needs.
        if classes.contains(UNKNOWN) && self.has_masks() {
            return nothing().map(Some);
        }
        // What reveals something about masked values, for roles that may not compare them.
        let is_told = self.classes.iter().any(|(class, _)| classes.contains(&mark(class)));
        if is_told && !self.may_be_told(object) {
            return nothing().map(Some);
        }
        let of: Vec<&Rule> = self.classes.iter().filter(|(class, _)| classes.contains(class)).map(|(_, rule)| rule).collect();
        let names: BTreeSet<&str> = of.iter().map(|rule| rule.object.name.as_str()).collect();
        let Some(only) = of.first() else { return Ok(None) };
        let own = classes.iter().filter(|class| marked(class).is_none());
        if names.len() > 1 && own.count() == 1 {
            let problem = format!(
                "column {column} of class {} has several masks for {}, {}; DROP all but one, or limit each to roles with FOR",
                classes.iter().cloned().collect::<Vec<_>>().join(", "),
                context.reader_name(),
                names.into_iter().collect::<Vec<_>>().join(" and ")
            );
            return Err(coded(SqlState::INVALID_OBJECT_DEFINITION, &object.label(), problem));
        }
        // A value computed from columns with several classes is hidden as a whole.
        if names.len() > 1 {
            return nothing().map(Some);
        }
        // Otherwise try the mask on each list item, or on the value as text. If neither works, the value is hidden.
        let other = match data_type {
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => of_items(&only.using)?,
            _ => replaced(&only.using, &parse_expression(&format!("CAST({VALUE} AS VARCHAR)"))?),
        };
        for mask in [only.using.clone(), other] {
            if masked_type(&mask, data_type, context).await.is_ok() {
                return Ok(Some(mask));
            }
        }
        nothing().map(Some)
    }
}

/// An object's table as its reader sees it.
///
/// # Errors
/// A mask or row policy cannot be applied; then nothing is visible.
pub fn seen<'a>(
    object: &'a Object,
    table: Arc<dyn TableProvider>,
    context: &'a StatementContext,
) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
    Box::pin(async move {
        let Some(mut applied) = applied(object, context)? else { return walled(object, table, context) };
        let snapshot = table.downcast_ref::<ManagedTable>().map(ManagedTable::snapshot);
        if let Some(policies) = &mut applied.policies {
            // A condition on a column that was another one then says nothing about the earlier rows.
            let moved = class::moved(object, snapshot, context)?;
            policies.retain(|policy| moved.is_empty() || !names_in(&policy.expr).iter().any(|name| moved.contains(name)));
        }
        let stored = match applied.has_masks() {
            true => Some(class::stored(object, snapshot, context).await?),
            false => None,
        };
        let mut columns = vec![];
        for field in table.schema().fields() {
            let of = stored.as_ref().map(|stored| applied.classes_of(stored, field.name())).unwrap_or_default();
            let mask = applied.mask_of(object, field.name(), field.data_type(), &of, context).await?;
            columns.push(Covered { name: field.name().clone(), data_type: field.data_type().clone(), mask });
        }
        if applied.policies.is_none() && columns.iter().all(|column| column.mask.is_none()) {
            return walled(object, table, context);
        }
        let own = object.name.rsplit('.').next().unwrap_or_default();
        covered((object, snapshot), own, &[(BELOW, table)], columns, &applied, context).await
    })
}

/// A view as its reader sees it: behind a barrier if it reads what the reader may not read. Otherwise conditions of the statement could be
/// evaluated on rows that the view leaves out, and errors and plans would reveal them.
fn walled(object: &Object, table: Arc<dyn TableProvider>, context: &StatementContext) -> Result<Arc<dyn TableProvider>> {
    if object.kind != "view" || context.reader()?.is_none() || context.rights()?.owns(object) {
        return Ok(table);
    }
    let Some(plan) = table.get_logical_plan().map(Cow::into_owned) else { return Ok(table) };
    if hides_nothing(object, &plan, context)? {
        return Ok(table);
    }
    let rows = LogicalPlanBuilder::scan(TableReference::bare(BELOW), provider_as_source(table), None)?.build()?;
    Ok(Arc::new(Barrier::of_view(object, rows, plan)?))
}

/// True when the role may read everything that the plan of a view reads.
fn hides_nothing(view: &Object, plan: &LogicalPlan, context: &StatementContext) -> Result<bool> {
    let (objects, rights) = (context.all_objects()?, context.rights()?);
    // Names mean there what they mean in the definition.
    let inside = context.entering(&format!("protection of {}", view.label()), &view.owner)?;
    let names = Names::new(&objects, &inside);
    let mut may_read = true;
    plan.each_plan(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            may_read &= match names.scanned(scan) {
                Some(scanned) => rights.may(Privilege::Select, scanned.object),
                None => {
                    scans::temporary(scan, &inside).is_some()
                        || scans::is_recursive(scan)?
                        || is_file(scan) && rights.may_with_files(Privilege::Read)
                }
            };
        }
        Ok(if may_read { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(may_read)
}

/// True for a file that is read by its name. Tables about the database have schemas of their own.
fn is_file(scan: &TableScan) -> bool {
    scan.table_name.schema().is_none_or(|schema| schema == "public")
}

/// A profile's published state as its reader sees it: the customers that its row policies show, with its masks on current and earlier
/// values.
///
/// # Errors
/// As [`seen`].
pub fn seen_state<'a>(
    object: &'a Object,
    state: State,
    when: When,
    context: &'a StatementContext,
) -> BoxFuture<'a, Result<State>> {
    Box::pin(async move {
        let consent = consent::condition(object, when, context).await?;
        let applied = match (applied(object, context)?, consent) {
            (None, None) => return Ok(state),
            (applied, consent) => Applied { consent, ..applied.unwrap_or_default() },
        };
        let stored = match applied.has_masks() {
            true => Some(class::stored(object, state.snapshot, context).await?),
            false => None,
        };
        let (rows, closed) = state.parts();
        // Below the barrier are the stored columns, plus the column names known to users, which policies and masks refer to.
        let known = state.known_columns();
        let below = with_known(&rows, &known)?;
        let mut columns = vec![];
        for field in rows.schema().fields() {
            let name = known.iter().find(|(kept, _)| kept == field.name()).map(|(_, name)| name);
            let mask = match name {
                Some(name) => {
                    let of = stored.as_ref().map(|stored| applied.classes_of(stored, name)).unwrap_or_default();
                    applied.mask_of(object, name, field.data_type(), &of, context).await?
                }
                None => None,
            };
            columns.push(Covered { name: field.name().clone(), data_type: field.data_type().clone(), mask });
        }
        let earlier = match &closed {
            Some(closed) => of_history(object, closed.as_ref(), &known, stored.as_ref(), &applied, context).await?,
            None => vec![],
        };
        let is_masked = columns.iter().chain(&earlier).any(|column| column.mask.is_some());
        if applied.policies.is_none() && applied.consent.is_none() && !is_masked {
            return Ok(state);
        }
        let of = (object, state.snapshot);
        let closed = match closed {
            Some(closed) => Some(seen_history(of, closed, &below, earlier, &applied, context).await?),
            None => None,
        };
        let rows = covered(of, &object.name, &[(BELOW, below)], columns, &applied, context).await?;
        Ok(state.with_parts(rows, closed))
    })
}

/// The columns of the closed values: all tags have theirs in one, each with its own mask.
async fn of_history(
    object: &Object,
    closed: &dyn TableProvider,
    known: &[(String, String)],
    stored: Option<&Stored>,
    applied: &Applied,
    context: &StatementContext,
) -> Result<Vec<Covered>> {
    let key = known.iter().find(|(kept, _)| kept == KEY).map_or(KEY, |(_, name)| name.as_str());
    let ever = |name: &str| stored.map(|stored| applied.classes_ever_of(stored, name)).unwrap_or_default();
    let mut masks: BTreeMap<String, Option<Expr>> = BTreeMap::new();
    for name in known.iter().map(|(_, name)| name.as_str()).chain(stored.into_iter().flat_map(Stored::names)) {
        masks.insert(name.into(), applied.mask_of_text(object, name, &ever(name), context).await?);
    }
    let mut columns = vec![];
    for field in closed.schema().fields() {
        let mask = match field.name().as_str() {
            VALUE => masked_by_tag(&masks, stored.is_some_and(Stored::has_others))?,
            KEY => applied.mask_of(object, key, field.data_type(), &ever(key), context).await?,
            _ => None,
        };
        columns.push(Covered { name: field.name().clone(), data_type: field.data_type().clone(), mask });
    }
    Ok(columns)
}

/// The closed values of the visible customers.
async fn seen_history(
    of: (&Object, Option<i64>),
    closed: Arc<dyn TableProvider>,
    rows: &Arc<dyn TableProvider>,
    columns: Vec<Covered>,
    applied: &Applied,
    context: &StatementContext,
) -> Result<Arc<dyn TableProvider>> {
    let object = of.0;
    let mut own = Applied { reader: applied.reader.clone(), consent: applied.consent.clone(), ..Applied::default() };
    if applied.policies.is_some() {
        // The customers that a policy shows in the current state.
        let all =
            parse_query(&format!("SELECT {} FROM {} AS {}", identifier(KEY), identifier(VISIBLE), identifier(&object.name)))?;
        let current = Applied { reader: applied.reader.clone(), policies: applied.policies.clone(), ..Applied::default() };
        let current = restricted(object, &object.name, all, &[(VISIBLE, Arc::clone(rows))], &current, context).await?;
        own.customers = Some(Arc::new(current));
    }
    covered(of, "history", &[(BELOW, closed)], columns, &own, context).await
}

/// The table of a state, with the column names known to users in addition to the stored ones.
fn with_known(rows: &Arc<dyn TableProvider>, known: &[(String, String)]) -> Result<Arc<dyn TableProvider>> {
    let column = |name: &str| Logical::Column(Column::new_unqualified(name));
    let schema = rows.schema();
    let mut columns: Vec<Logical> = schema.fields().iter().map(|field| column(field.name())).collect();
    for (kept, name) in known {
        if schema.column_with_name(name).is_none() {
            columns.push(column(kept).alias(name));
        }
    }
    let plan = LogicalPlanBuilder::scan("state", provider_as_source(Arc::clone(rows)), None)?.project(columns)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// Builds the visible table: rows filtered by the policies, columns masked, behind a barrier.
async fn covered(
    (object, snapshot): (&Object, Option<i64>),
    alias: &str,
    tables: &[(&str, Arc<dyn TableProvider>)],
    columns: Vec<Covered>,
    applied: &Applied,
    context: &StatementContext,
) -> Result<Arc<dyn TableProvider>> {
    let reader = applied.reader.as_deref();
    let may_compare = reader.is_some_and(|reader| reader.has(Privilege::Filter, &Thing::Object(object.id)));
    let mut query = parse_query(&format!("SELECT 1 FROM {} AS {}", identifier(BELOW), identifier(alias)))?;
    let SetExpr::Select(select) = query.body.as_mut() else { return Err(invalid(&object.label(), "cannot be protected")) };
    select.projection.clear();
    let taken: BTreeSet<&String> = columns.iter().map(|column| &column.name).collect();
    let mut shown = vec![];
    for (place, column) in columns.iter().enumerate() {
        let below = Expr::Identifier(Ident::with_quote('"', &column.name));
        select.projection.push(SelectItem::UnnamedExpr(below.clone()));
        let Some(mask) = &column.mask else {
            let compared = Some(column.name.clone());
            shown.push(Shown { name: column.name.clone(), from: column.name.clone(), compared });
            continue;
        };
        let mut name = format!("mask {place}");
        while taken.contains(&name) {
            name.push('\'');
        }
        let expr = typed(replaced(mask, &below), mask, &column.data_type, context).await?;
        select.projection.push(SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', &name) });
        shown.push(Shown { name: column.name.clone(), from: name, compared: may_compare.then(|| column.name.clone()) });
    }
    let rows = restricted(object, alias, query, tables, applied, context).await?;
    Ok(Arc::new(Barrier::new(object, snapshot, rows, shown)?))
}

/// The plan of a query over a table below the barrier, called `alias`, of the rows that the reader sees.
async fn restricted(
    object: &Object,
    alias: &str,
    query: Box<Query>,
    tables: &[(&str, Arc<dyn TableProvider>)],
    applied: &Applied,
    context: &StatementContext,
) -> Result<LogicalPlan> {
    let planned = async {
        let rows = without_failures(below(object, query.clone(), tables, "", context).await?)?;
        let seen = visible(object, alias, tables, applied, context).await?;
        seen.map_or(Ok(rows.clone()), |seen| filtered(object, alias, rows, &seen))
    };
    planned.await.map_err(|error| {
        let owns = applied.reader.as_deref().is_none_or(|reader| reader.owns(object));
        let why = if owns { message(&error) } else { "a role with SUPERUSER sees why".to_string() };
        let problem = format!("its masks and row policies cannot be applied: {why}");
        coded(SqlState::INVALID_OBJECT_DEFINITION, &object.label(), problem)
    })
}

/// The rows with NULL in the place of masked values that cannot be computed: an error would tell that there is such a value.
fn without_failures(rows: LogicalPlan) -> Result<LogicalPlan> {
    let projection = match rows {
        LogicalPlan::Projection(projection) => projection,
        rows => return Ok(rows),
    };
    let columns = projection.expr.into_iter().map(|column| match column {
        Logical::Alias(alias) => Ok(or_null(*alias.expr)?.alias(alias.name)),
        column => Ok(column),
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    LogicalPlanBuilder::from(projection.input.as_ref().clone()).project(columns)?.build()
}

/// Plans a query over tables below the barrier. What else it reads, it reads with the rights of the owner of the rule and as the owner sees
/// it; the reader does not need these rights.
async fn below(
    object: &Object,
    mut query: Box<Query>,
    tables: &[(&str, Arc<dyn TableProvider>)],
    owner: &str,
    context: &StatementContext,
) -> Result<LogicalPlan> {
    with_reader(&mut query, context.reader_name());
    let files = tables.iter().map(|(name, table)| ((*name).to_string(), Arc::clone(table))).collect();
    let inside = context.entering(&format!("protection of {}", object.label()), owner)?.reading_as(owner).with_files(files);
    plan(&SqlParsed::Statement(Box::new(SqlStatement::Query(query))), &inside).await
}

/// The condition for the rows that the reader sees: any of the policies holds, and there is consent. `None` for all rows.
async fn visible(
    object: &Object,
    alias: &str,
    tables: &[(&str, Arc<dyn TableProvider>)],
    applied: &Applied,
    context: &StatementContext,
) -> Result<Option<Logical>> {
    let Some((table, _)) = tables.first() else { return Ok(None) };
    let mut seen = match &applied.policies {
        Some(policies) => {
            let mut any = vec![];
            for policy in policies {
                any.push(holds(object, alias, table, tables, policy, context).await?);
            }
            Some(any.into_iter().reduce(Logical::or).unwrap_or_else(|| lit(false)))
        }
        None => None,
    };
    if let Some(consent) = &applied.consent {
        let agreed = holds(object, alias, table, tables, consent, context).await?;
        seen = Some(seen.map_or(agreed.clone(), |seen| seen.and(agreed)));
    }
    if let Some(customers) = &applied.customers {
        let is_one = in_subquery(Logical::Column(Column::new(Some(alias), KEY)), Arc::clone(customers));
        seen = Some(seen.map_or(is_one.clone(), |seen| seen.and(is_one)));
    }
    Ok(seen)
}

/// A condition over a row, planned as its owner.
async fn holds(
    object: &Object,
    alias: &str,
    table: &str,
    tables: &[(&str, Arc<dyn TableProvider>)],
    condition: &Condition,
    context: &StatementContext,
) -> Result<Logical> {
    let mut query = parse_query(&format!("SELECT 1 FROM {} AS {}", identifier(table), identifier(alias)))?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = Some(Expr::Nested(Box::new(condition.expr.clone())));
    }
    let planned = below(object, query, tables, &condition.owner, context).await?;
    let mut node = &planned;
    loop {
        match (node, node.inputs().as_slice()) {
            // A row for which the condition fails is hidden: an error would tell that there is such a row.
            (LogicalPlan::Filter(filter), _) => return or_null(filter.predicate.clone()),
            (_, [input]) => node = input,
            _ => return Err(failed(&object.label(), "has a rule that is no condition")),
        }
    }
}

/// A plan that reads only the rows of a table for which a condition holds.
fn filtered(object: &Object, alias: &str, rows: LogicalPlan, condition: &Logical) -> Result<LogicalPlan> {
    let filtered = rows.changed_down(|node| match &node {
        LogicalPlan::SubqueryAlias(own) if own.alias.table() == alias => {
            let filtered = LogicalPlanBuilder::from(node).filter(condition.clone())?.build()?;
            Ok(Transformed::new(filtered, true, TreeNodeRecursion::Stop))
        }
        _ => Ok(Transformed::no(node)),
    })?;
    if !filtered.transformed {
        return Err(failed(&object.label(), "is not read where its rules apply"));
    }
    Ok(filtered.data)
}

/// Replaces `current_role` and its synonyms by the reader, whoever runs the statement.
fn with_reader(query: &mut Query, reader: &str) {
    const CALLS: [&str; 4] = ["current_role", "current_user", "session_user", "user"];
    struct Name<'a>(&'a str);
    impl VisitorMut for Name<'_> {
        type Break = ();

        fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
            let is_call = match expression {
                Expr::Function(function) => match function.name.0.last().and_then(|part| part.as_ident()) {
                    Some(name) => CALLS.contains(&normal(name).as_str()),
                    None => false,
                },
                _ => false,
            };
            if is_call {
                *expression = Expr::Value(Value::SingleQuotedString(self.0.to_string()).into());
            }
            ControlFlow::Continue(())
        }
    }
    let _ = query.walk_mut(&mut Name(reader));
}

/// Refuses new masks and row policies by an owner who is restricted by somebody else's: they could undo that restriction.
///
/// # Errors
/// A mask or row policy of another role applies to the current one.
pub fn check_may_protect(object: &Object, context: &StatementContext) -> Result<()> {
    let Some(reader) = context.reader()? else { return Ok(()) };
    let of_class = |class: &String| class::said(object).values().any(|own| tells(own, class));
    for rule in rules(context)? {
        let rule = rule?;
        let is_on = match &rule.covers {
            Covers::Class(class) => of_class(class) || object.kind == "profile",
            Covers::Column(_) | Covers::Rows => rule.is_on(object),
        };
        if is_on && (rule.covers == Covers::Rows || rule.is_for(&reader, context)?) && !reader.owns(&rule.object) {
            let problem = format!(
                "has masks or row policies of others for {}, who cannot add more; ask a role with SUPERUSER",
                context.reader_name()
            );
            return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &object.label(), problem));
        }
    }
    Ok(())
}

/// True when a mask of another covers an object for its reader, who must not lift it, not even as the owner of the object.
///
/// # Errors
/// The masks cannot be read.
pub fn is_masked_by_others(object: &Object, context: &StatementContext) -> Result<bool> {
    let Some(reader) = context.reader()? else { return Ok(false) };
    let said = class::said(object);
    for rule in rules(context)? {
        let rule = rule?;
        let is_on = match &rule.covers {
            Covers::Class(class) => object.kind == "profile" || said.values().any(|own| tells(own, class)),
            Covers::Column(_) => rule.is_on(object),
            Covers::Rows => false,
        };
        if is_on && rule.is_for(&reader, context)? && !reader.owns(&rule.object) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True when a mask or row policy of an object applies to its reader. Its row count, files and file sizes are then hidden as well.
///
/// # Errors
/// The database cannot be read.
pub fn covers(object: &Object, context: &StatementContext) -> Result<bool> {
    let Some(applied) = applied(object, context)? else { return Ok(false) };
    let said = class::said(object);
    // A mask on a class may cover what is not known.
    let is_unknown = !applied.classes.is_empty() && said.values().any(|own| own.contains(UNKNOWN));
    let of_class = |(class, _): &(String, Rule)| object.kind == "profile" || said.values().any(|own| tells(own, class));
    Ok(applied.policies.is_some() || !applied.masks.is_empty() || is_unknown || applied.classes.iter().any(of_class))
}

/// True when a model or check of another must not show its reader what it found: which of it is masked for the reader, or comes from rows
/// that it does not see, is not known once it is stored.
///
/// # Errors
/// The masks and row policies cannot be read.
pub fn hides_values(found: &Object, context: &StatementContext) -> Result<bool> {
    match context.reader()? {
        Some(reader) if !reader.owns(found) => restricts(context),
        _ => Ok(false),
    }
}

/// True when row policies or masks of others apply to the reader of some table.
///
/// # Errors
/// The masks and row policies cannot be read.
pub fn restricts(context: &StatementContext) -> Result<bool> {
    let Some(reader) = context.reader()? else { return Ok(false) };
    for rule in rules(context)? {
        let rule = rule?;
        if (rule.covers == Covers::Rows || rule.is_for(&reader, context)?) && !reader.owns(&rule.object) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True when row policies of an object apply to its reader.
///
/// # Errors
/// The database cannot be read.
pub(super) fn hides_rows(object: &Object, context: &StatementContext) -> Result<bool> {
    Ok(applied(object, context)?.is_some_and(|applied| applied.policies.is_some()))
}

/// True when values of some of these columns are hidden from the reader of a table, who may not find rows by them either.
///
/// # Errors
/// The database cannot be read.
pub(super) fn hides_any(object: &Object, columns: &[String], context: &StatementContext) -> Result<bool> {
    let Some(applied) = applied(object, context)? else { return Ok(false) };
    if applied.reader.as_ref().is_some_and(|reader| reader.has(Privilege::Filter, &Thing::Object(object.id))) {
        return Ok(false);
    }
    let said = class::said(object);
    let is_of_class = |of: &Classes| of.contains(UNKNOWN) || applied.classes.iter().any(|(class, _)| tells(of, class));
    let is_masked = |column: &String| applied.masks.contains_key(column) || said.get(column).is_some_and(is_of_class);
    Ok(applied.policies.is_some() || columns.iter().any(is_masked))
}

/// Refuses the condition of a segment on what is masked for its author: a refresh computes it from the real values, so who is in the segment
/// would tell them.
///
/// # Errors
/// A column that it names is masked for the role, or its masks cannot be found.
pub async fn refuse_condition(profile: &Object, label: &str, condition: &Expr, context: &StatementContext) -> Result<()> {
    let Some(applied) = applied(profile, context)? else { return Ok(()) };
    if applied.may_be_told(profile) {
        return Ok(());
    }
    let classes = match applied.classes.is_empty() {
        true => BTreeMap::new(),
        false => Box::pin(class::of(profile, context)).await?,
    };
    let is_masked = |column: &str| {
        let is_of_class = |of: &Classes| of.contains(UNKNOWN) || applied.classes.iter().any(|(class, _)| tells(of, class));
        applied.masks.contains_key(column) || classes.get(column).is_some_and(is_of_class)
    };
    let named = condition.each_expression(|part| {
        let masked = match part {
            Expr::Identifier(name) => Some(normal(name)).filter(|name| is_masked(name)),
            Expr::CompoundIdentifier(names) => names.iter().map(normal).find(|name| is_masked(name)),
            // COLUMNS('pattern') names any of them.
            Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("columns") => {
                applied.masks.keys().chain(classes.keys()).find(|name| is_masked(name)).cloned()
            }
            _ => None,
        };
        masked.map_or(ControlFlow::Continue(()), ControlFlow::Break)
    });
    let ControlFlow::Break(column) = named else { return Ok(()) };
    let problem = format!(
        "its condition looks at column {column}, which is masked for {}; leave it out, or ask for: GRANT FILTER ON PROFILE {} TO {}",
        context.reader_name(),
        profile.name,
        context.reader_name()
    );
    Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, label, problem))
}
