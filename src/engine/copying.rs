//! Options of COPY that no writer knows by these names: the order of the rows, and the options of Parquet as other programs call them.

use std::collections::HashMap;
use std::num::ParseIntError;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::config::TableParquetOptions;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, SortExpr};

use crate::error::{did_you_mean, invalid};

/// How options begin in a plan.
const OF_FORMAT: &str = "format.";
/// The columns by which rows are sorted, here and in other programs.
const SORTED_BY: [&str; 3] = ["format.sorted_by", "format.sort_by", "format.order_by"];
/// The options of Parquet files that its page names.
const OF_PARQUET: [&str; 4] = ["compression", "compression_level", "row_group_size", "sorted_by"];
/// Further ones: of COPY as a whole, and those that begin like this.
const OTHERS: [&str; 4] = ["single_file_output", "keep_partition_by_columns", "crypto", "metadata"];
/// The compressions of Parquet, each with the level that its command line tool has by default, if it has levels.
const COMPRESSIONS: [(&str, Option<u32>); 7] = [
    ("uncompressed", None),
    ("snappy", None),
    ("zstd", Some(3)),
    ("gzip", Some(6)),
    ("brotli", Some(4)),
    ("lz4", None),
    ("lz4_raw", None),
];

/// Sorts the rows, and translates the options of Parquet.
///
/// # Errors
/// There is no such column or option, or it has no such value.
pub(super) fn take_options(copy: &mut CopyTo) -> Result<()> {
    sort(copy)?;
    if copy.file_type.get_ext() == "parquet" {
        copy.options = of_parquet(std::mem::take(&mut copy.options))?;
    }
    Ok(())
}

/// Sorts by the columns in `sorted_by`: `day, amount DESC`.
fn sort(copy: &mut CopyTo) -> Result<()> {
    let Some(columns) = SORTED_BY.iter().find_map(|name| copy.options.remove(*name)) else { return Ok(()) };
    let order = columns.split(',').map(|column| sorted_by(copy, column.trim())).collect::<Result<Vec<_>>>()?;
    let sorted = LogicalPlanBuilder::from(copy.input.as_ref().clone()).sort(order)?.build()?;
    copy.input = Arc::new(sorted);
    Ok(())
}

fn sorted_by(copy: &CopyTo, column: &str) -> Result<SortExpr> {
    let (name, is_ascending) = match column.rsplit_once(' ') {
        Some((name, way)) if way.eq_ignore_ascii_case("desc") => (name.trim(), false),
        Some((name, way)) if way.eq_ignore_ascii_case("asc") => (name.trim(), true),
        _ => (column, true),
    };
    let known = copy.input.schema().columns();
    let exact = known.iter().find(|own| own.name == name);
    let Some(found) = exact.or_else(|| known.iter().find(|own| own.name.eq_ignore_ascii_case(name))) else {
        let names = || known.iter().map(|own| own.name.as_str());
        let (suggestion, names) = (did_you_mean(name, names()), names().collect::<Vec<_>>().join(", "));
        return Err(invalid(
            "COPY",
            format!("sorted_by names {name}, and there is no such column{suggestion}; there is {names}"),
        ));
    };
    // As in ORDER BY, NULL counts as more than any value.
    Ok(Expr::Column(found.clone()).sort(is_ascending, !is_ascending))
}

/// The options as DataFusion's writer knows them.
fn of_parquet(given: HashMap<String, String>) -> Result<HashMap<String, String>> {
    let known: Vec<String> = TableParquetOptions::default().entries().into_iter().map(|entry| entry.key).collect();
    let (mut options, mut level) = (HashMap::new(), None);
    for (key, value) in given {
        let Some(name) = key.strip_prefix(OF_FORMAT) else {
            options.insert(key, value);
            continue;
        };
        // `compression::amount` is the option of a column.
        let (base, column) = name.split_once("::").map_or((name, None), |(base, column)| (base, Some(column)));
        match (base, column) {
            ("compression", None) => {
                options.insert(key, compression(&value)?);
            }
            ("compression", Some(_)) => {
                let codec = compression(&value)?;
                let level = level_of(&codec);
                options.insert(key, with_level(&codec, level));
            }
            ("compression_level", None) => level = Some(value),
            ("row_group_size", None) => {
                options.insert(format!("{OF_FORMAT}max_row_group_size"), value);
            }
            _ if known.iter().any(|own| own == base) || OTHERS.iter().any(|own| base.starts_with(own)) => {
                options.insert(key, value);
            }
            _ => {
                let suggestion = did_you_mean(base, OF_PARQUET);
                let takes = OF_PARQUET.join(", ");
                return Err(invalid("COPY", format!("PARQUET has no option '{base}'{suggestion}; it takes {takes}")));
            }
        }
    }
    let key = format!("{OF_FORMAT}compression");
    if level.is_none() && !options.contains_key(&key) {
        // The setting of the session counts.
        return Ok(options);
    }
    let codec = options.entry(key).or_insert_with(|| "zstd".into());
    let default = level_of(codec);
    let level = match level {
        Some(_) if default.is_none() => {
            let problem = format!("compression_level is for zstd, gzip and brotli, without a level of their own, got '{codec}'");
            return Err(invalid("COPY", problem));
        }
        Some(level) => {
            let wrong = |_: ParseIntError| invalid("COPY", format!("compression_level must be a whole number, got '{level}'"));
            Some(level.trim().parse::<u32>().map_err(wrong)?)
        }
        None => default,
    };
    *codec = with_level(codec, level);
    Ok(options)
}

/// The level that a compression has by default.
fn level_of(codec: &str) -> Option<u32> {
    COMPRESSIONS.iter().find(|(own, _)| *own == codec).and_then(|(_, level)| *level)
}

fn with_level(codec: &str, level: Option<u32>) -> String {
    level.map_or_else(|| codec.into(), |level| format!("{codec}({level})"))
}

/// A compression as the writer calls it: `zstd`, or `zstd(9)`.
fn compression(value: &str) -> Result<String> {
    let plain = value.trim().to_lowercase();
    let (codec, level) = plain.split_once('(').map_or((plain.as_str(), None), |(codec, level)| (codec, Some(level)));
    let codec = match codec {
        "none" => "uncompressed",
        "zst" => "zstd",
        "gz" => "gzip",
        codec => codec,
    };
    match COMPRESSIONS.iter().find(|(own, _)| *own == codec) {
        Some((_, Some(_))) if level.is_some() => Ok(format!("{codec}({}", level.unwrap_or_default())),
        Some(_) if level.is_none() => Ok(codec.to_string()),
        _ => Err(invalid(
            "COPY",
            format!(
                "compression must be none, snappy, zstd, gzip, brotli, lz4 or lz4_raw, or have a level, as zstd(9), got '{value}'"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::message;

    fn translated(given: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
        let given = given.iter().map(|(key, value)| (format!("{OF_FORMAT}{key}"), (*value).to_string())).collect();
        let mut options: Vec<_> =
            of_parquet(given)?.into_iter().map(|(key, value)| (key.replace(OF_FORMAT, ""), value)).collect();
        options.sort();
        Ok(options)
    }

    #[test]
    fn options_have_their_usual_names() {
        for (given, compression) in [
            (vec![("compression", "none")], "uncompressed"),
            (vec![("compression", "GZIP")], "gzip(6)"),
            (vec![("compression", "zstd(9)")], "zstd(9)"),
            (vec![("compression_level", "12")], "zstd(12)"),
            (vec![("compression", "brotli"), ("compression_level", "2")], "brotli(2)"),
        ] {
            assert_eq!(translated(&given).unwrap(), [("compression".to_string(), compression.to_string())], "{given:?}");
        }
        assert!(translated(&[]).unwrap().is_empty());
        let options = translated(&[("row_group_size", "5000"), ("compression::a", "zstd"), ("metadata::by", "me")]).unwrap();
        let names: Vec<&str> = options.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["compression::a", "max_row_group_size", "metadata::by"]);
        for (given, problem) in [
            (vec![("row_groop_size", "5")], "perhaps \"row_group_size\" is meant; it takes compression"),
            (vec![("compression", "lzo")], "got 'lzo'"),
            (vec![("compression", "snappy(3)")], "got 'snappy(3)'"),
            (vec![("compression", "snappy"), ("compression_level", "3")], "compression_level is for zstd"),
            (vec![("compression_level", "much")], "must be a whole number, got 'much'"),
        ] {
            let error = message(&translated(&given).unwrap_err());
            assert!(error.contains(problem), "{error}");
        }
    }
}
