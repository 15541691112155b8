//! What is known about parameters before a statement is planned: their names, and the types or the values that they were given.
//!
//! DataFusion plans a statement before its parameters have values, and infers the type of the parameter in `$time - INTERVAL '1 hour'` from
//! the other operand, which makes it an interval. So operands are cast to the types that were declared, and in statements that write rows
//! parameters that are dates or times are written out.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Cast, InList, Placeholder, TryCast};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr as Planned, ExprSchemable, LogicalPlan};
use datafusion::sql::parser::{CopyToSource, Statement as SqlParsed};
use sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CastKind, DataType as SqlType, ExactNumberInfo, Expr, Query, Statement as SqlStatement,
    TimezoneInfo, Value, ValueWithSpan, VisitorMut,
};

use super::parser::visit;
use super::postgres::{Told, mark_of, with_mark};
use super::references::parameters_in;
use super::syntax::names;
use crate::postgres_catalog::cells;
use crate::walk::{PlanTree, Tree, WalkMut};

/// The names of the parameters in a statement, without the `$`, as often as they occur.
pub fn parameters(parsed: &SqlParsed) -> Vec<String> {
    match parsed {
        // Parameters in the statement that PREPARE names are for EXECUTE.
        SqlParsed::Statement(statement) if matches!(statement.as_ref(), SqlStatement::Prepare { .. }) => vec![],
        SqlParsed::Statement(statement) => parameters_in(statement.as_ref()),
        SqlParsed::CopyTo(copy) => match &copy.source {
            CopyToSource::Query(query) => parameters_in(query.as_ref()),
            CopyToSource::Relation(_) => vec![],
        },
        SqlParsed::Explain(explain) => parameters(&explain.statement),
        SqlParsed::CreateExternalTable(_) | SqlParsed::Reset(_) => vec![],
    }
}

/// Adds the parameters of a plan, with their types where the plan determines them. An occurrence may determine a type that others leave
/// open; the first one counts.
///
/// # Errors
/// Never for a valid plan.
pub fn add_types(plan: &LogicalPlan, types: &mut BTreeMap<String, Option<FieldRef>>, told: &dyn Told) -> Result<()> {
    let mut add = |id: &str, field: Option<FieldRef>| {
        let known = types.entry(id.trim_start_matches('$').to_string()).or_default();
        // Beside another parameter, or NULL, the type is not known.
        *known = known.take().or(field.filter(|field| !field.data_type().is_null()));
    };
    plan.each_plan(|node| {
        // LIMIT and OFFSET are integers, but DataFusion does not infer that for parameters.
        if let LogicalPlan::Limit(limit) = node {
            for counted in [&limit.skip, &limit.fetch].into_iter().flatten() {
                if let Planned::Placeholder(placeholder) = counted.as_ref() {
                    add(&placeholder.id, Some(Arc::new(Field::new("", DataType::Int64, true))));
                }
            }
        }
        // What a statement writes is of the types of its table.
        if let LogicalPlan::Dml(written) = node {
            for (place, field) in written.input.schema().fields().iter().enumerate() {
                let Some(mark) = told.of_target(written, field.name()) else { continue };
                for id in written_from(&written.input, place) {
                    add(id, Some(Arc::new(with_mark(&Field::new("", DataType::Utf8, true), mark))));
                }
            }
        }
        let schema = merge_schema(&node.inputs());
        let mark = |value: &Planned| node.inputs().iter().find_map(|input| mark_of(value, input, told));
        let told_text = |mark: &str| Some(Arc::new(with_mark(&Field::new("", DataType::Utf8, true), mark)));
        node.each_expression(|expression| {
            expression.each_part(|part| {
                match part {
                    Planned::Placeholder(Placeholder { id, field }) => add(id, field.clone()),
                    // `x = ANY($1)` and `$1 = ANY(list)`.
                    Planned::ScalarFunction(call) if call.name() == "array_has" => match call.args.as_slice() {
                        [Planned::Placeholder(placeholder), value] => {
                            add(&placeholder.id, list_of(value, &schema, mark(value)));
                        }
                        [list, Planned::Placeholder(placeholder)] => add(&placeholder.id, item_of(list, &schema)),
                        _ => {}
                    },
                    // `x > ANY($1)` is planned as a comparison with the least item.
                    Planned::BinaryExpr(BinaryExpr { left, right, .. }) => {
                        for (value, extreme) in [(left, right), (right, left)] {
                            if let Planned::Placeholder(placeholder) = extreme.as_ref()
                                && let Some(mark) = mark(value).filter(|mark| IN_TEXTS.contains(&mark.as_str()))
                            {
                                add(&placeholder.id, told_text(&mark));
                            }
                            if let Planned::ScalarFunction(call) = extreme.as_ref()
                                && matches!(call.name(), "array_min" | "array_max")
                                && let [Planned::Placeholder(placeholder)] = call.args.as_slice()
                            {
                                add(&placeholder.id, list_of(value, &schema, mark(value)));
                            }
                        }
                    }
                    Planned::InList(InList { expr, list, .. }) => {
                        let mark = mark(expr).filter(|mark| IN_TEXTS.contains(&mark.as_str()));
                        for (item, mark) in list.iter().zip(mark.iter().cycle()) {
                            if let Planned::Placeholder(placeholder) = item {
                                add(&placeholder.id, told_text(mark));
                            }
                        }
                    }
                    // `$1::uuid` is a call.
                    Planned::ScalarFunction(call) if matches!(call.name(), "uuid_in" | "json_in" | "jsonb_in") => {
                        if let [Planned::Cast(Cast { expr, .. })] = call.args.as_slice()
                            && let Planned::Placeholder(placeholder) = expr.as_ref()
                        {
                            add(&placeholder.id, told_text(call.name().trim_end_matches("_in")));
                        }
                    }
                    // `$1::bigint[]` states its type.
                    Planned::Cast(Cast { expr, field }) | Planned::TryCast(TryCast { expr, field }) => {
                        if let Planned::Placeholder(placeholder) = expr.as_ref() {
                            add(&placeholder.id, Some(Arc::clone(field)));
                        }
                    }
                    // `$1::oid` is a call.
                    Planned::ScalarFunction(call) if call.name() == "oid" => {
                        if let [Planned::Placeholder(placeholder)] = call.args.as_slice() {
                            add(&placeholder.id, Some(Arc::new(cells::field("", "oid", true))));
                        }
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// The types of PostgreSQL whose values are texts here.
const IN_TEXTS: [&str; 3] = ["json", "jsonb", "uuid"];

/// The parameters whose values a plan gives for a column.
fn written_from(plan: &LogicalPlan, place: usize) -> Vec<&str> {
    fn of<'a>(value: &'a Planned, input: Option<&'a LogicalPlan>) -> Vec<&'a str> {
        match value {
            Planned::Placeholder(placeholder) => vec![placeholder.id.as_str()],
            Planned::Alias(alias) => of(&alias.expr, input),
            Planned::Cast(Cast { expr, .. }) | Planned::TryCast(TryCast { expr, .. }) => of(expr, input),
            Planned::Case(case) => {
                let values = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
                values.flat_map(|value| of(value, input)).collect()
            }
            Planned::Column(column) => {
                let found = input.and_then(|input| Some((input, input.schema().maybe_index_of_column(column)?)));
                found.map_or_else(Vec::new, |(input, place)| written_from(input, place))
            }
            _ => vec![],
        }
    }
    match plan {
        LogicalPlan::Values(rows) => {
            rows.values.iter().filter_map(|row| row.get(place)).flat_map(|value| of(value, None)).collect()
        }
        LogicalPlan::Projection(projection) => {
            projection.expr.get(place).map_or_else(Vec::new, |value| of(value, Some(&projection.input)))
        }
        LogicalPlan::Join(join) => match place.checked_sub(join.left.schema().fields().len()) {
            None => written_from(&join.left, place),
            Some(place) => written_from(&join.right, place),
        },
        LogicalPlan::Window(window) if place >= window.input.schema().fields().len() => vec![],
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Window(_) => plan.inputs().first().map_or_else(Vec::new, |input| written_from(input, place)),
        _ => vec![],
    }
}

/// A list of values of this expression's type, where known; `mark` is the type that is reported to clients.
fn list_of(value: &Planned, schema: &DFSchema, mark: Option<String>) -> Option<FieldRef> {
    let (_, field) = value.to_field(schema).ok()?;
    if field.data_type().is_null() {
        return None;
    }
    let list = DataType::List(Arc::new(Field::new_list_field(field.data_type().clone(), true)));
    // With what marks it as an `oid`.
    let list = Field::new("", list, true).with_metadata(field.metadata().clone());
    Some(Arc::new(match mark {
        Some(mark) => with_mark(&list, mark),
        None => list,
    }))
}

/// An item of the list that this expression gives, where known.
fn item_of(list: &Planned, schema: &DFSchema) -> Option<FieldRef> {
    let (_, field) = list.to_field(schema).ok()?;
    let DataType::List(item) = field.data_type() else { return None };
    if item.data_type().is_null() {
        return None;
    }
    let mut marks = field.metadata().clone();
    // The items of an `int2vector` are no vectors.
    marks.retain(|_, mark| !mark.ends_with("vector"));
    Some(Arc::new(Field::new("", item.data_type().clone(), true).with_metadata(marks)))
}

/// Casts `$1`, `$2` … to these types where they are operands, so that nothing is inferred from the other operand.
pub fn cast_operands(parsed: &mut SqlParsed, types: &[Option<DataType>]) {
    if types.iter().any(Option::is_some) {
        let _ = visit(parsed, &mut Operands(types));
    }
}

struct Operands<'a>(&'a [Option<DataType>]);

impl Operands<'_> {
    fn cast(&self, operand: &mut Expr, of_type: fn(&DataType) -> Option<SqlType>) {
        let Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) = operand else { return };
        let place = name.trim_start_matches('$').parse::<usize>().ok().and_then(|place| place.checked_sub(1));
        let declared = place.and_then(|place| self.0.get(place)).and_then(Option::as_ref);
        if let Some(data_type) = declared.and_then(of_type) {
            *operand = cast(operand.clone(), data_type);
        }
    }
}

impl VisitorMut for Operands<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        match expression {
            // Lists beside no other type, which would be texts.
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } if is_parameter(left) && is_parameter(right) => {
                [left, right].into_iter().for_each(|operand| self.cast(operand, sql_or_list_type));
            }
            Expr::BinaryOp { left, right, .. } => [left, right].into_iter().for_each(|operand| self.cast(operand, sql_type)),
            Expr::UnaryOp { expr: operand, .. } | Expr::AtTimeZone { timestamp: operand, .. } => self.cast(operand, sql_type),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn is_parameter(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(ValueWithSpan { value: Value::Placeholder(_), .. }))
}

/// The same, and that of a text or a list.
fn sql_or_list_type(data_type: &DataType) -> Option<SqlType> {
    let text_or = |data_type: &DataType| if data_type.is_string() { Some(SqlType::Text) } else { sql_type(data_type) };
    let DataType::List(item) = data_type else { return text_or(data_type) };
    let item = text_or(item.data_type())?;
    Some(SqlType::Array(ArrayElemTypeDef::SquareBracket(Box::new(item), None)))
}

/// A type in SQL; `None` for those that inference leaves alone, as text, and for decimals, whose values have their own digits.
fn sql_type(data_type: &DataType) -> Option<SqlType> {
    Some(match data_type {
        DataType::Boolean => SqlType::Boolean,
        DataType::Int16 => SqlType::SmallInt(None),
        DataType::Int32 => SqlType::Int(None),
        DataType::Int64 => SqlType::BigInt(None),
        DataType::Float32 => SqlType::Real,
        DataType::Float64 => SqlType::Double(ExactNumberInfo::None),
        DataType::Date32 => SqlType::Date,
        // In microseconds: those in nanoseconds end in the year 2262.
        DataType::Timestamp(_, None) => SqlType::Timestamp(Some(6), TimezoneInfo::None),
        DataType::Timestamp(_, Some(_)) => SqlType::Timestamp(Some(6), TimezoneInfo::WithTimeZone),
        DataType::Interval(_) => SqlType::Interval { fields: None, precision: None },
        _ => return None,
    })
}

fn cast(value: Expr, data_type: SqlType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(value), data_type, array: false, format: None }
}

/// Replaces parameters by dates and times in a statement that writes rows.
pub fn write_times(parsed: &mut SqlParsed, parameters: &HashMap<String, ScalarValue>) {
    let SqlParsed::Statement(statement) = parsed else { return };
    if parameters.is_empty() || !matches!(statement.as_ref(), SqlStatement::Insert(_) | SqlStatement::CreateTable(_)) {
        return;
    }
    let _ = statement.walk_mut(&mut Times { parameters, is_written: false });
}

struct Times<'a> {
    parameters: &'a HashMap<String, ScalarValue>,
    /// Two parameters with the same value are two columns of the same name.
    is_written: bool,
}

impl VisitorMut for Times<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) = expression
            && let Some(written) = self.parameters.get(name.trim_start_matches('$')).and_then(written)
        {
            *expression = written;
            self.is_written = true;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if self.is_written {
            names::tell_apart(query);
        }
        ControlFlow::Continue(())
    }
}

/// A date or a timestamp without time zone, as a cast of its text; `None` for other values, which work as parameters.
fn written(value: &ScalarValue) -> Option<Expr> {
    let data_type = value.data_type();
    if !matches!(data_type, DataType::Date32 | DataType::Timestamp(_, None)) {
        return None;
    }
    let text = match value.cast_to(&DataType::Utf8).ok()? {
        ScalarValue::Utf8(Some(text)) => Value::SingleQuotedString(text),
        _ => Value::Null,
    };
    Some(cast(Expr::Value(text.into()), sql_type(&data_type)?))
}
