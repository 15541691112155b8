//! The settings of Portrait: one entry each, with key, type, default and text.

use datafusion::common::extensions_options;
use datafusion::config::{ConfigExtension, ConfigOptions};

extensions_options! {
    /// Settings under `portrait.`, changed with `SET portrait.name = value`.
    pub struct PortraitSettings {
        /// The most operators that may stand in a row in one expression, AND and OR apart, which have their own limit of 50,000.
        pub max_operators: usize, default = 1000
        /// The most rows of a result shown as a table on a terminal; 0 shows all. Other formats, files and pipes get every row.
        pub max_rows_shown: usize, default = 100
    }
}

impl ConfigExtension for PortraitSettings {
    const PREFIX: &'static str = "portrait";
}

impl PortraitSettings {
    /// The settings of a session, or the defaults when it was made without ours.
    pub(crate) fn of(options: &ConfigOptions) -> Self {
        options.extensions.get::<Self>().cloned().unwrap_or_default()
    }
}
