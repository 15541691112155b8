//! Times that `$name` stands for, in statements that write rows.
//!
//! The engine plans what a table takes before parameters have values, and takes the type of `$time - INTERVAL '1 hour'` from what stands beside the
//! parameter: an interval. A parameter that has a value of a date or a time is therefore written with its type before it is planned.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    CastKind, DataType as SqlType, Expr, Statement as SqlStatement, TimezoneInfo, Value, ValueWithSpan, VisitMut, VisitorMut,
};

/// Writes dates and times in the place of the parameters of a statement that writes rows.
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

/// A date or a time without a zone, as a cast of its text; other values need none.
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
