//! Texts of local times that are cast to TIMESTAMP WITH TIME ZONE. The engine refuses those that clocks skip or show twice.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, lit};

use super::scalar::Scalar;
use crate::calendar;

/// The function of this module.
pub static ALL: [&Scalar; 1] = [&SETTLED];

static SETTLED: Scalar = Scalar {
    name: "text_of_local_time",
    takes: |types| match types {
        [text, _] => Ok(vec![text.clone(), DataType::Utf8]),
        _ => plan_err!("expected a text, and a zone"),
    },
    gives: |_| Ok(DataType::Utf8),
    compute,
    written: |arguments| arguments.first().cloned(),
};

/// Prepares a text to be parsed as a time in this zone.
pub fn in_zone(text: Expr, zone: &str) -> Expr {
    let Ok(known) = zone.parse::<Tz>() else { return text };
    match &text {
        Expr::Literal(value, _) => match value.try_as_str().flatten().and_then(|text| calendar::settled(text, known)) {
            Some(settled) => lit(settled),
            None => text,
        },
        Expr::ScalarFunction(call) if call.func.name() == SETTLED.name => text,
        _ => SETTLED.call(vec![text, lit(zone)]),
    }
}

fn compute(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let ColumnarValue::Scalar(ScalarValue::Utf8(Some(zone))) = &arguments.args[1] else {
        return internal_err!("a zone is a constant");
    };
    let zone: Tz = zone.parse()?;
    let given = cast_array(&arguments.args[0].to_array(arguments.number_rows)?, &DataType::Utf8)?;
    let settled = settled(given.as_string::<i32>(), zone);
    Ok(ColumnarValue::Array(settled.map_or(given, |settled| Arc::new(settled))))
}

/// The texts as they are parsed as times in a zone; `None` if they are so already.
pub fn settled(texts: &StringArray, zone: Tz) -> Option<StringArray> {
    let one = |text: Option<&str>| calendar::settled(text?, zone);
    if texts.iter().all(|text| one(text).is_none()) {
        return None;
    }
    Some(texts.iter().map(|text| Some(one(text).map_or(Cow::Borrowed(text?), Cow::Owned))).collect())
}
