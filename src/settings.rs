//! The settings of Portrait: one entry per setting, with key, type, default and description.

mod carried;

use std::any::Any;

use datafusion::common::{Result, config_err};
use datafusion::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};

pub(crate) use carried::carried;

use crate::encryption::refuse_in_sql;
use crate::error::{invalid, one_of};
use crate::language::Language;

/// A value as SET takes it.
trait Value: Sized {
    fn read(text: &str) -> Option<Self>;

    /// What may be given, in words.
    fn rule(least: Self, most: Self) -> String;
}

macro_rules! whole_numbers {
    ($($type:ty),+) => {
        $(impl Value for $type {
            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn rule(least: Self, most: Self) -> String {
                format!("a whole number from {least} to {most}")
            }
        })+
    };
}

whole_numbers!(u64, usize);

impl Value for bool {
    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "on" | "true" | "1" => Some(true),
            "off" | "false" | "0" => Some(false),
            _ => None,
        }
    }

    fn rule(_: Self, _: Self) -> String {
        "on or off".into()
    }
}

impl Value for Language {
    fn read(text: &str) -> Option<Self> {
        Self::named(text)
    }

    fn rule(_: Self, _: Self) -> String {
        one_of(Self::NAMES.iter().copied())
    }
}

macro_rules! settings {
    (
        $($(#[doc = $text:literal])+ $name:ident: $type:ty = $default:expr, from $least:expr, to $most:expr),+ $(,)?;
        $($(#[doc = $about:literal])+ $word:ident: text of $longest:literal),+ $(,)?
    ) => {
        /// Settings under `portrait.`, changed with `SET portrait.name = value`.
        #[derive(Debug, Clone)]
        pub struct PortraitSettings {
            $($(#[doc = $text])+ pub $name: $type,)+
            $($(#[doc = $about])+ pub $word: String,)+
        }

        impl Default for PortraitSettings {
            fn default() -> Self {
                Self { $($name: $default,)+ $($word: String::new(),)+ }
            }
        }

        impl PortraitSettings {
            /// What may be given to a setting, by its full name.
            pub fn takes(name: &str) -> Option<String> {
                Some(match name.strip_prefix("portrait.")? {
                    $(stringify!($name) => <$type>::rule($least, $most),)+
                    $(stringify!($word) => format!("one line of up to {} characters", $longest),)+
                    _ => return None,
                })
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
                        match <$type>::read(value.trim()) {
                            Some(value) if (least..=most).contains(&value) => {
                                self.$name = value;
                                Ok(())
                            }
                            Some(value) => config_err!("portrait.{key}: must be from {least} to {most}, got {value}"),
                            None => config_err!("portrait.{key}: must be {}, got '{value}'", <$type>::rule(least, most)),
                        }
                    })+
                    $(stringify!($word) => {
                        let value = value.trim();
                        if value.chars().count() > $longest || value.chars().any(char::is_control) {
                            return config_err!("portrait.{key}: must be one line of up to {} characters", $longest);
                        }
                        self.$word = value.to_string();
                        Ok(())
                    })+
                    _ => config_err!("portrait.{key}: no such setting; system.settings lists them"),
                }
            }

            /// Entries with their full names, so that SHOW finds them.
            fn entries(&self) -> Vec<ConfigEntry> {
                vec![$(ConfigEntry {
                    key: concat!("portrait.", stringify!($name)).to_string(),
                    value: Some(self.$name.to_string()),
                    description: concat!($($text),+).trim_ascii(),
                },)+ $(ConfigEntry {
                    key: concat!("portrait.", stringify!($word)).to_string(),
                    value: Some(self.$word.clone()),
                    description: concat!($($about),+).trim_ascii(),
                },)+]
            }
        }
    };
}

settings! {
    /// GROUP BY of one or two integers, times or strings runs in tables that all threads share. Turn it off to compare with DataFusion's own
    /// aggregation.
    grouped_aggregation: bool = true, from false, to true,
    /// The language of messages, notes, pages and reports: `en` or `zh` (Chinese). The program takes it from the environment at first: `LC_ALL`,
    /// `LC_MESSAGES` or `LANG`.
    language: Language = Language::En, from Language::En, to Language::Zh,
    /// Seconds that a statement waits for another one that writes to the same profile or table; 0 does not wait. After that it fails with an error
    /// that names the other statement and its process.
    lock_timeout: u64 = 10, from 0, to 31_536_000,
    /// How many itemsets a mining function may find. If there are more, it fails with an error that names a support that fits.
    max_itemsets: u64 = 2_000_000, from 1, to 1_000_000_000_000_000_000,
    /// How many operators may follow each other in one expression, as in `a + b + c`. AND and OR do not count; their own limit is 50,000.
    max_operators: usize = 1000, from 10, to 2000,
    /// How many rounds a WITH RECURSIVE query may take. If it needs more, it fails with an error, so that a query without an end stops.
    max_recursion: usize = 100_000, from 1, to 1_000_000_000,
    /// How many rows of a result a terminal shows as a table; 0 shows all.
    max_rows_shown: usize = 100, from 0, to 1_000_000_000,
    /// How many bytes one string or list may have that a function such as `repeat` or `range` makes.
    max_value_bytes: u64 = 33_554_432, from 1_048_576, to 1_073_741_824,
    /// How much of the memory limit (`--memory-limit`) one statement may use, in percent.
    memory_share: u64 = 100, from 1, to 100,
    /// Seconds after which a statement is cancelled; 0 means no limit.
    statement_timeout: u64 = 0, from 0, to 31_536_000;
    /// The purpose for which statements read personal data, such as 'marketing'. By default there is none.
    purpose: text of 100,
}

/// Settings of DataFusion whose extreme values would hang or crash a query or exhaust the memory, with the values allowed.
const ENGINE_BOUNDS: [(&str, i64, i64); 45] = [
    ("sql_parser.recursion_limit", 1, 200),
    ("execution.batch_size", 1, 1 << 20),
    ("execution.target_partitions", 0, 1024),
    ("execution.planning_concurrency", 1, 1024),
    ("execution.meta_fetch_concurrency", 1, 1024),
    ("execution.perfect_hash_join_small_build_threshold", 0, 1 << 24),
    ("execution.sort_spill_reservation_bytes", 0, 1 << 40),
    ("execution.sort_in_place_threshold_bytes", 0, 1 << 40),
    ("execution.sort_pushdown_buffer_capacity", 0, 1 << 40),
    ("execution.max_spill_file_size_bytes", 1 << 20, 1 << 40),
    ("execution.minimum_parallel_output_files", 1, 1024),
    ("execution.soft_max_rows_per_output_file", 1_000, 1 << 62),
    ("execution.max_buffered_batches_per_output_file", 2, 1024),
    ("execution.skip_partial_aggregation_probe_rows_threshold", 0, 1 << 62),
    ("execution.objectstore_writer_buffer_size", 1 << 16, 1 << 30),
    ("execution.hash_join_buffering_capacity", 0, 1 << 40),
    ("execution.parquet.metadata_size_hint", 0, 1 << 30),
    ("execution.parquet.max_predicate_cache_size", 0, 1 << 40),
    ("execution.parquet.max_in_list_size", 0, 1 << 20),
    ("execution.parquet.data_pagesize_limit", 1 << 10, 1 << 30),
    ("execution.parquet.write_batch_size", 1, 1 << 20),
    ("execution.parquet.dictionary_page_size_limit", 1 << 10, 1 << 30),
    ("execution.parquet.max_row_group_size", 1_000, 1 << 30),
    ("execution.parquet.max_row_group_bytes", 1 << 20, 1 << 40),
    ("execution.parquet.column_index_truncate_length", 1, 1 << 20),
    ("execution.parquet.statistics_truncate_length", 1, 1 << 20),
    ("execution.parquet.data_page_row_count_limit", 100, 1 << 30),
    ("execution.parquet.bloom_filter_ndv", 1, 100_000_000),
    ("execution.parquet.maximum_parallel_row_group_writers", 1, 64),
    ("execution.parquet.maximum_buffered_record_batches_per_stream", 1, 1024),
    ("execution.parquet.content_defined_chunking.min_chunk_size", 1 << 14, 1 << 28),
    ("execution.parquet.content_defined_chunking.max_chunk_size", 1 << 16, 1 << 30),
    ("execution.parquet.content_defined_chunking.norm_level", -3, 3),
    ("optimizer.repartition_file_min_size", 1, 1 << 40),
    ("optimizer.preserve_file_partitions", 0, 1 << 20),
    ("optimizer.subset_repartition_threshold", 0, 1 << 20),
    ("optimizer.max_passes", 1, 100),
    ("optimizer.hash_join_single_partition_threshold", 0, 1 << 62),
    ("optimizer.hash_join_single_partition_threshold_rows", 0, 1 << 62),
    ("optimizer.hash_join_inlist_pushdown_max_size", 0, 1 << 30),
    ("optimizer.hash_join_inlist_pushdown_max_distinct_values", 0, 1 << 20),
    ("optimizer.default_filter_selectivity", 0, 100),
    ("explain.tree_maximum_render_width", 0, 1 << 16),
    ("format.compression_level", 0, 22),
    ("format.schema_infer_max_rec", 0, 1 << 40),
];

/// The same for shares, which are not integers.
const ENGINE_SHARES: [&str; 3] = [
    "execution.parquet.bloom_filter_fpp",
    "execution.perfect_hash_join_min_key_density",
    "execution.skip_partial_aggregation_probe_ratio_threshold",
];

/// Checks the value of a setting of DataFusion, given its full name. DataFusion itself refuses values that are not numbers.
///
/// # Errors
/// It is out of its bounds, or belongs to the program.
pub fn check_engine(name: &str, value: &str) -> Result<()> {
    let Some(own) = name.strip_prefix("datafusion.") else { return Ok(()) };
    if let Some(runtime) = own.strip_prefix("runtime.") {
        let how = match runtime {
            "memory_limit" => "start it with --memory-limit",
            "temp_directory" => "start it with --temporary",
            _ => "leave it as it is",
        };
        return Err(invalid(name, format!("is fixed when the program starts, for all its sessions; {how}")));
    }
    check_bounds(own, name, value)
}

/// Checks an option of COPY or of an external table, such as `format.max_row_group_size`, like the setting it corresponds to.
///
/// # Errors
/// It is out of its bounds.
pub fn check_option(option: &str, value: &str) -> Result<()> {
    let option = option.to_lowercase();
    refuse_in_sql(&option)?;
    let own = option.strip_prefix("format.").unwrap_or(&option);
    check_bounds(&format!("execution.parquet.{own}"), &option, value)?;
    check_bounds(&format!("format.{own}"), &option, value)
}

fn check_bounds(own: &str, name: &str, value: &str) -> Result<()> {
    let value = value.trim().trim_matches('\'');
    if let Some((_, least, most)) = ENGINE_BOUNDS.iter().find(|(bounded, ..)| *bounded == own)
        && let Ok(value) = value.parse::<i128>()
        && !(i128::from(*least)..=i128::from(*most)).contains(&value)
    {
        return Err(invalid(name, format!("must be from {least} to {most}, got {value}")));
    }
    if ENGINE_SHARES.contains(&own)
        && let Ok(share) = value.parse::<f64>()
        && !(0.000_001..=0.999_999).contains(&share)
    {
        return Err(invalid(name, format!("must be from 0.000001 to 0.999999, got {value}")));
    }
    Ok(())
}

impl ConfigExtension for PortraitSettings {
    const PREFIX: &'static str = "portrait";
}

impl PortraitSettings {
    /// The settings of a session, or the defaults if the session was made without them.
    pub fn of(options: &ConfigOptions) -> Self {
        options.extensions.get::<Self>().cloned().unwrap_or_default()
    }
}
