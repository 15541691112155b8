//! What a reader sees of a table: which masks and row policies apply, and the resulting table.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, Result};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr as Logical, LogicalPlanBuilder};
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::{
    BinaryOperator, Expr, Ident, Query, SelectItem, SetExpr, Statement as SqlStatement, Value, VisitMut, VisitorMut,
};

use super::barrier::{Barrier, Shown};
use super::class;
use super::consent;
use super::lineage::Classes;
use super::masking::{VALUE, masked_by_tag, masked_type, of_items, replaced, typed};
use super::rule::{Rule, rules};
use crate::catalog::grants::{Privilege, Thing};
use crate::catalog::objects::Object;
use crate::catalog::snapshots::When;
use crate::error::{SqlState, coded, invalid, message};
use crate::refresh::published::{KEY, State};
use crate::sql::command::normal;
use crate::sql::parser::{parse_expression, parse_query};
use crate::sql::planning::plan;
use crate::sql::protection::Covers;
use crate::statement::{Rights, StatementContext};
use crate::text::{identifier, literal};

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
    policies: Option<Vec<Expr>>,
    /// The condition for rows with consent, for the purpose of the session.
    consent: Option<Expr>,
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
                let seen: &mut Vec<Expr> = policies.get_or_insert_default();
                if rule.is_for(&reader) {
                    seen.push(rule.using);
                }
            }
            Covers::Column(column) if rule.is_on(object) && rule.is_for(&reader) => {
                let name = rule.object.name.clone();
                if let Some((_, other)) = masks.insert(column.clone(), (rule.using, name.clone())) {
                    let problem = format!(
                        "column {column} has two masks for {}, {other} and {name}; DROP one, or say FOR whom each is",
                        context.reader_name()
                    );
                    return Err(coded(SqlState::INVALID_OBJECT_DEFINITION, &object.label(), problem));
                }
            }
            Covers::Class(class) if rule.is_for(&reader) => classes.push((class.clone(), rule)),
            _ => {}
        }
    }
    if masks.is_empty() && classes.is_empty() && policies.is_none() {
        return Ok(None);
    }
    let masks = masks.into_iter().map(|(column, (using, _))| (column, using)).collect();
    Ok(Some(Applied { reader: Some(reader), masks, classes, policies, consent: None }))
}

/// A column below the barrier with its mask.
struct Covered {
    name: String,
    data_type: DataType,
    /// The expression shown instead, over `value`.
    mask: Option<Expr>,
}

impl Applied {
    /// The mask of a value that is stored as text, in the history.
    async fn mask_of_text(
        &self,
        object: &Object,
        column: &str,
        classes: Option<&Classes>,
        context: &StatementContext,
    ) -> Result<Expr> {
        let (text, none) = (DataType::Utf8View, Classes::new());
        let mask = self.mask_of(object, column, &text, classes.unwrap_or(&none), context).await?;
        match mask {
            Some(mask) if masked_type(&mask, &text, context).await.is_ok() => Ok(mask),
            _ => parse_expression("CAST(NULL AS VARCHAR)"),
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
        let of: Vec<&Rule> = self.classes.iter().filter(|(class, _)| classes.contains(class)).map(|(_, rule)| rule).collect();
        let names: BTreeSet<&str> = of.iter().map(|rule| rule.object.name.as_str()).collect();
        let Some(only) = of.first() else { return Ok(None) };
        if names.len() > 1 && classes.len() == 1 {
            let problem = format!(
                "column {column} of class {} has several masks for {}, {}; DROP all but one, or say FOR whom each is",
                classes.iter().cloned().collect::<Vec<_>>().join(", "),
                context.reader_name(),
                names.into_iter().collect::<Vec<_>>().join(" and ")
            );
            return Err(coded(SqlState::INVALID_OBJECT_DEFINITION, &object.label(), problem));
        }
        let nothing = || parse_expression(&format!("arrow_cast(NULL, {})", literal(&data_type.to_string())));
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
        let Some(applied) = applied(object, context)? else { return Ok(table) };
        // A view's columns are masked in the tables that it reads; here, only classes set on the view itself count.
        let classes = match applied.classes.is_empty() {
            true => BTreeMap::new(),
            false => class::said(object),
        };
        let mut columns = vec![];
        for field in table.schema().fields() {
            let mut of = classes.get(field.name()).cloned().unwrap_or_default();
            class::settle(&mut of);
            let mask = applied.mask_of(object, field.name(), field.data_type(), &of, context).await?;
            columns.push(Covered { name: field.name().clone(), data_type: field.data_type().clone(), mask });
        }
        if applied.policies.is_none() && columns.iter().all(|column| column.mask.is_none()) {
            return Ok(table);
        }
        let own = object.name.rsplit('.').next().unwrap_or_default();
        covered(object, own, &[(BELOW, table)], columns, &applied, context).await
    })
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
        let classes = match applied.classes.is_empty() {
            true => BTreeMap::new(),
            false => class::of(object, context).await?,
        };
        let (rows, closed) = state.parts();
        // Below the barrier are the stored columns, plus the column names known to users, which policies and masks refer to.
        let known = state.known_columns();
        let below = with_known(&rows, &known)?;
        let mut columns = vec![];
        let mut masks: BTreeMap<String, Expr> = BTreeMap::new();
        for field in rows.schema().fields() {
            let name = known.iter().find(|(kept, _)| kept == field.name()).map(|(_, name)| name);
            let mask = match name {
                Some(name) => {
                    let of = classes.get(name).cloned().unwrap_or_default();
                    applied.mask_of(object, name, field.data_type(), &of, context).await?
                }
                None => None,
            };
            if let Some(name) = name.filter(|_| mask.is_some()) {
                masks.insert(name.clone(), applied.mask_of_text(object, name, classes.get(name), context).await?);
            }
            columns.push(Covered { name: field.name().clone(), data_type: field.data_type().clone(), mask });
        }
        if applied.policies.is_none() && applied.consent.is_none() && masks.is_empty() {
            return Ok(state);
        }
        let closed = match closed {
            Some(closed) => Some(seen_history(object, closed, &below, &masks, &known, &applied, context).await?),
            None => None,
        };
        let rows = covered(object, &object.name, &[(BELOW, below)], columns, &applied, context).await?;
        Ok(state.with_parts(rows, closed))
    })
}

/// The closed values of the visible customers.
async fn seen_history(
    object: &Object,
    closed: Arc<dyn TableProvider>,
    rows: &Arc<dyn TableProvider>,
    masks: &BTreeMap<String, Expr>,
    known: &[(String, String)],
    applied: &Applied,
    context: &StatementContext,
) -> Result<Arc<dyn TableProvider>> {
    let key_name = known.iter().find(|(kept, _)| kept == KEY).map_or(KEY, |(_, name)| name.as_str());
    let mut columns = vec![];
    for field in closed.schema().fields() {
        let mask = match field.name().as_str() {
            VALUE => masked_by_tag(masks)?,
            KEY => masks.get(key_name).cloned(),
            _ => None,
        };
        columns.push(Covered { name: field.name().clone(), data_type: field.data_type().clone(), mask });
    }
    let mut own = Applied { reader: applied.reader.clone(), consent: applied.consent.clone(), ..Applied::default() };
    if let Some(policies) = &applied.policies {
        // The customers that a policy shows in the current state.
        let mut query =
            parse_query(&format!("SELECT {0} FROM {1} AS {2}", identifier(KEY), identifier(VISIBLE), identifier(&object.name)))?;
        restrict(&mut query, Some(policies.as_slice()), None);
        let is_seen =
            Expr::InSubquery { expr: Box::new(Expr::Identifier(Ident::with_quote('"', KEY))), subquery: query, negated: false };
        own.policies = Some(if policies.is_empty() { vec![] } else { vec![is_seen] });
    }
    covered(object, "history", &[(BELOW, closed), (VISIBLE, Arc::clone(rows))], columns, &own, context).await
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
    object: &Object,
    alias: &str,
    tables: &[(&str, Arc<dyn TableProvider>)],
    columns: Vec<Covered>,
    applied: &Applied,
    context: &StatementContext,
) -> Result<Arc<dyn TableProvider>> {
    let label = object.label();
    let reader = applied.reader.as_deref();
    let may_compare = reader.is_some_and(|reader| reader.has(Privilege::Filter, &Thing::Object(object.id)));
    let mut query = parse_query(&format!("SELECT 1 FROM {} AS {}", identifier(BELOW), identifier(alias)))?;
    let SetExpr::Select(select) = query.body.as_mut() else { return Err(invalid(&label, "cannot be protected")) };
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
    restrict(&mut query, applied.policies.as_deref(), applied.consent.as_ref());
    with_reader(&mut query, context.reader_name());
    let files = tables.iter().map(|(name, table)| ((*name).to_string(), Arc::clone(table))).collect();
    // The rule reads with its author's rights; the reader does not need them.
    let inside = context.entering(&format!("protection of {label}"), "")?.reading_as("").with_files(files);
    let parsed = SqlParsed::Statement(Box::new(SqlStatement::Query(query)));
    let rows = plan(&parsed, &inside).await.map_err(|error| {
        let owns = reader.is_none_or(|reader| reader.owns(object));
        let why = if owns { message(&error) } else { "a role with SUPERUSER sees why".to_string() };
        let problem = format!("its masks and row policies cannot be applied: {why}");
        coded(SqlState::INVALID_OBJECT_DEFINITION, &label, problem)
    })?;
    Ok(Arc::new(Barrier::new(&object.name, rows, shown)?))
}

/// Keeps the rows for which any of the policies holds, or all rows without policies; and of these, those with consent.
fn restrict(query: &mut Query, policies: Option<&[Expr]>, consent: Option<&Expr>) {
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let nested = |policy: &Expr| Expr::Nested(Box::new(policy.clone()));
    let both = |op: BinaryOperator| {
        move |left: Expr, right: Expr| Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) }
    };
    let seen = policies.map(|policies| {
        let any = policies.iter().map(nested).reduce(both(BinaryOperator::Or));
        Expr::Nested(Box::new(any.unwrap_or_else(|| Expr::Value(Value::Boolean(false).into()))))
    });
    select.selection = seen.into_iter().chain(consent.map(nested)).reduce(both(BinaryOperator::And));
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
    let _ = query.visit(&mut Name(reader));
}

/// Refuses new masks and row policies by an owner who is restricted by somebody else's: they could undo that restriction.
///
/// # Errors
/// A mask or row policy of another role applies to the current one.
pub fn check_may_protect(object: &Object, context: &StatementContext) -> Result<()> {
    let Some(reader) = context.reader()? else { return Ok(()) };
    let of_class = |class: &String| object.classes.values().any(|own| own == class);
    for rule in rules(context)? {
        let rule = rule?;
        let is_on = match &rule.covers {
            Covers::Class(class) => of_class(class) || object.kind == "profile",
            Covers::Column(_) | Covers::Rows => rule.is_on(object),
        };
        if is_on && (rule.is_for(&reader) || rule.covers == Covers::Rows) && !reader.owns(&rule.object) {
            let problem = format!(
                "has masks or row policies of others for {}, who cannot add more; ask a role with SUPERUSER",
                context.reader_name()
            );
            return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &object.label(), problem));
        }
    }
    Ok(())
}

/// True when a mask or row policy of an object applies to its reader. Its row count, files and file sizes are then hidden as well.
///
/// # Errors
/// The database cannot be read.
pub fn covers(object: &Object, context: &StatementContext) -> Result<bool> {
    let Some(applied) = applied(object, context)? else { return Ok(false) };
    let of_class = |(class, _): &(String, Rule)| object.kind == "profile" || object.classes.values().any(|own| own == class);
    Ok(applied.policies.is_some() || !applied.masks.is_empty() || applied.classes.iter().any(of_class))
}

/// Refuses changes of rows by a role that does not see them unmasked and in full.
///
/// # Errors
/// A mask or row policy of the table applies to the role.
pub fn refuse_changes(object: &Object, context: &StatementContext) -> Result<()> {
    if !covers(object, context)? {
        return Ok(());
    }
    let problem = format!(
        "has masks or row policies for {}, who may add rows to it but not change what is hidden; ask a role with SUPERUSER",
        context.reader_name()
    );
    Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &object.label(), problem))
}
