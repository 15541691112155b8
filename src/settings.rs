//! The settings of Portrait: one entry each, with key, type, default and text.

use std::any::Any;

use datafusion::common::{Result, config_err};
use datafusion::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};

macro_rules! settings {
    ($($(#[doc = $text:literal])+ $name:ident: $type:ty = $default:expr, from $least:literal to $most:literal),+ $(,)?) => {
        /// Settings under `portrait.`, changed with `SET portrait.name = value`.
        #[derive(Debug, Clone)]
        pub struct PortraitSettings {
            $($(#[doc = $text])+ pub $name: $type,)+
        }

        impl Default for PortraitSettings {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl ExtensionOptions for PortraitSettings {
            fn as_any(&self) -> &dyn Any {
                self
            }

            fn as_any_mut(&mut self) -> &mut dyn Any {
                self
            }

            fn cloned(&self) -> Box<dyn ExtensionOptions> {
                Box::new(self.clone())
            }

            fn set(&mut self, key: &str, value: &str) -> Result<()> {
                match key {
                    $(stringify!($name) => {
                        let (least, most): ($type, $type) = ($least, $most);
                        match value.trim().parse::<$type>() {
                            Ok(value) if (least..=most).contains(&value) => {
                                self.$name = value;
                                Ok(())
                            }
                            Ok(value) => config_err!("portrait.{key}: must be from {least} to {most}, got {value}"),
                            Err(_) => config_err!("portrait.{key}: must be a whole number from {least} to {most}, got '{value}'"),
                        }
                    })+
                    _ => config_err!("portrait.{key}: no such setting; system.settings lists them"),
                }
            }

            /// Entries by their whole name, so that SHOW finds them.
            fn entries(&self) -> Vec<ConfigEntry> {
                vec![$(ConfigEntry {
                    key: concat!("portrait.", stringify!($name)).to_string(),
                    value: Some(self.$name.to_string()),
                    description: concat!($($text),+).trim_ascii(),
                },)+]
            }
        }
    };
}

settings! {
    /// Seconds that a statement waits for another that writes to the same profile or table; 0 does not wait. Then it ends with an error
    /// that says which statement and process that is.
    lock_timeout: u64 = 10, from 0 to 31_536_000,
    /// The most itemsets that a mining function may find; beyond, it ends with an error that names a support that fits.
    max_itemsets: u64 = 2_000_000, from 1 to 1_000_000_000_000_000_000,
    /// The most operators that may stand in a row in one expression, AND and OR apart, which have their own limit of 50,000.
    max_operators: usize = 1000, from 10 to 2000,
    /// The most rows of a result shown as a table on a terminal; 0 shows all. Other formats, files and pipes get every row.
    max_rows_shown: usize = 100, from 0 to 1_000_000_000,
    /// Percent of the memory limit that one statement may take.
    memory_share: u64 = 100, from 1 to 100,
    /// Seconds after which a statement is cancelled; 0 for no limit.
    statement_timeout: u64 = 0, from 0 to 31_536_000,
}

/// Settings of the engine below whose extreme values hang or crash a query, and what they may be.
pub const ENGINE_BOUNDS: [(&str, u64, u64); 4] = [
    ("datafusion.execution.batch_size", 1, 1 << 20),
    ("datafusion.execution.target_partitions", 0, 1024),
    ("datafusion.execution.planning_concurrency", 1, 1024),
    ("datafusion.execution.meta_fetch_concurrency", 1, 1024),
];

impl ConfigExtension for PortraitSettings {
    const PREFIX: &'static str = "portrait";
}

impl PortraitSettings {
    /// The settings of a session, or the defaults when it was made without ours.
    pub fn of(options: &ConfigOptions) -> Self {
        options.extensions.get::<Self>().cloned().unwrap_or_default()
    }
}
