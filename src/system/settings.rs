//! `system.settings`

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::config::ExtensionOptions;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::docs::Column;
use crate::objects::values::text;
use crate::settings::PortraitSettings;
use crate::statement::StatementContext;

/// The table.
#[derive(Debug)]
pub struct Settings;

const COLUMNS: [Column; 3] = [
    Column { name: "name", data_type: "VARCHAR", text: "full name, as used with SET" },
    Column { name: "default", data_type: "VARCHAR", text: "value if it is not set" },
    Column { name: "text", data_type: "VARCHAR", text: "what it means" },
];

impl SystemTable for Settings {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn summary(&self) -> &'static str {
        "The settings of Portrait."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values<'a>(&'a self, _context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let entries = PortraitSettings::default().entries();
            Ok(vec![
                text(entries.iter().map(|entry| Some(entry.key.clone()))),
                text(entries.iter().map(|entry| Some(entry.value.clone().unwrap_or_default()))),
                text(entries.iter().map(|entry| Some(entry.description.to_string()))),
            ])
        })
    }
}
