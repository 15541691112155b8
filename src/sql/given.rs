//! Writes dates and times into statements that write rows, in place of `$name`.
//!
//! DataFusion plans the rows for a table before parameters have values. It infers the type of the parameter in `$time - INTERVAL '1 hour'`
//! from the other operand, which makes it an interval. So parameters that are dates or times are written out with their type before
//! planning.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    CastKind, DataType as SqlType, Expr, Statement as SqlStatement, TimezoneInfo, Value, ValueWithSpan, VisitMut, VisitorMut,
};

/// Replaces parameters by dates and times in a statement that writes rows.
pub fn write_times(parsed: &mut SqlParsed, parameters: &HashMap<String, ScalarValue>) {
    let SqlParsed::Statement(statement) = parsed else { return };
    if parameters.is_empty() || !matches!(statement.as_ref(), SqlStatement::Insert(_) | SqlStatement::CreateTable(_)) {
        return;
    }
    let _ = statement.visit(&mut Times(parameters));
}

struct Times<'a>(&'a HashMap<String, ScalarValue>);

impl VisitorMut for Times<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) = expression
            && let Some(written) = self.0.get(name.trim_start_matches('$')).and_then(written)
        {
            *expression = written;
        }
        ControlFlow::Continue(())
    }
}

/// A date or a timestamp without time zone, as a cast of its text; `None` for other values, which work as parameters.
fn written(value: &ScalarValue) -> Option<Expr> {
    let data_type = match value.data_type() {
        DataType::Date32 => SqlType::Date,
        DataType::Timestamp(_, None) => SqlType::Timestamp(None, TimezoneInfo::None),
        _ => return None,
    };
    let text = match value.cast_to(&DataType::Utf8).ok()? {
        ScalarValue::Utf8(Some(text)) => Value::SingleQuotedString(text),
        _ => Value::Null,
    };
    let expr = Box::new(Expr::Value(text.into()));
    Some(Expr::Cast { kind: CastKind::Cast, expr, data_type, array: false, format: None })
}
