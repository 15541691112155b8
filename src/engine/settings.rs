//! SET and RESET of settings of the engine and of Portrait: bounds, defaults, and errors that name the setting.

use datafusion::common::Result;
use datafusion::config::{ConfigExtension, ExtensionOptions};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::SetVariable;

use crate::error::{SqlState, coded, did_you_mean, invalid, raw};
use crate::settings::{PortraitSettings, check_engine};

/// The default of a Portrait setting.
pub(super) fn own_default(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    let entry = PortraitSettings::default().entries().into_iter().find(|entry| entry.key == name)?;
    entry.value
}

/// A clearer error for a wrong value of a setting: DataFusion's names neither setting nor type.
pub(super) fn wrong_value(set: &SetVariable, error: &DataFusionError) -> Option<DataFusionError> {
    let text = raw(error);
    let takes = match () {
        () if text.contains("invalid digit") || text.contains("parse integer") || text.contains("number too") => "a whole number",
        () if text.contains("`true` or `false`") => "true or false",
        () if text.contains("invalid float") || text.contains("parse float") => "a number",
        () => return None,
    };
    Some(invalid(set.variable.to_lowercase().as_str(), format!("must be {takes}, got '{}'", set.value)))
}

pub(super) fn check_bounds(set: &SetVariable) -> Result<()> {
    let name = set.variable.to_lowercase();
    check_engine(&name, &set.value)?;
    if name.starts_with(&format!("{}.", PortraitSettings::PREFIX)) {
        let keys: Vec<String> = PortraitSettings::default().entries().into_iter().map(|entry| entry.key).collect();
        if !keys.contains(&name) {
            let suggestion = did_you_mean(&name, keys.iter().map(String::as_str));
            let problem = format!("no such setting{suggestion}; system.settings lists them");
            return Err(coded(SqlState::UNDEFINED_OBJECT, &name, problem));
        }
    }
    Ok(())
}
