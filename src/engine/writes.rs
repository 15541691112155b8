//! Files that appear whole or not at all.
//!
//! DataFusion writes under the final name as it goes, so that a query that fails late, or a killed process, leaves a part that
//! readers take for the whole. Here a local file or folder is written under a hidden name beside its place, brought to disk,
//! and moved there as the last step.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::{Column, Result, TableReference};
use datafusion::datasource::listing::{ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::dml::{CopyTo, DmlStatement, InsertOp};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, WriteOp, cast};

use crate::error::{failed, invalid};
use crate::files;
use crate::formats::{plain_schema, plain_type};

/// What a write leaves to be done when it has succeeded. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub struct Staged {
    /// A hidden folder beside the target. A writer that is still closing its file when the folder is gone makes nothing.
    hidden: PathBuf,
    /// The place inside it that is written to.
    path: PathBuf,
    target: PathBuf,
    into_folder: bool,
}

impl Staged {
    /// A hidden place beside `target`.
    ///
    /// # Errors
    /// `target` is no file name, or its folder does not exist or cannot be written to.
    pub fn beside(target: &Path) -> Result<Self> {
        let subject = target.display().to_string();
        let Some(name) = target.file_name().and_then(|name| name.to_str()) else {
            return Err(invalid(&subject, "is not the name of a file"));
        };
        let folder = parent(target);
        if !folder.is_dir() {
            return Err(invalid(&subject, format!("the folder {} does not exist; make it first", folder.display())));
        }
        Self::inside(folder, name, target, false)
    }

    /// A hidden place in a folder that files are to be added to.
    fn into_folder(folder: &Path) -> Result<Self> {
        Self::inside(folder, "rows", folder, true)
    }

    fn inside(folder: &Path, name: &str, target: &Path, into_folder: bool) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let hidden = folder.join(format!(".{name}.{}-{number}.partial", std::process::id()));
        std::fs::create_dir(&hidden)
            .map_err(|error| failed(&target.display().to_string(), format!("cannot be written: {error}")))?;
        Ok(Self { path: hidden.join(name), hidden, target: target.to_path_buf(), into_folder })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Brings what was written to disk and moves it to its place.
    ///
    /// # Errors
    /// What the file system says.
    pub fn publish(self) -> Result<()> {
        let publish = || -> std::io::Result<()> {
            if !self.path.exists() {
                // A query without rows may write nothing into a folder.
                return if self.into_folder { Ok(()) } else { std::fs::create_dir(&self.target) };
            }
            sync(&self.path)?;
            if self.into_folder {
                for entry in std::fs::read_dir(&self.path)? {
                    let entry = entry?;
                    std::fs::rename(entry.path(), self.target.join(entry.file_name()))?;
                }
                return File::open(&self.target)?.sync_all();
            }
            std::fs::rename(&self.path, &self.target)?;
            File::open(parent(&self.target))?.sync_all()
        };
        publish().map_err(|error| failed(&self.target.display().to_string(), format!("could not be written: {error}")))
    }
}

impl Staged {
    /// Removes everything, once the writers that are being stopped have let go of it.
    pub(super) async fn discard(self) {
        let mut quiet = 0;
        for _ in 0..100 {
            quiet = if self.remove() { 0 } else { quiet + 1 };
            if quiet == 5 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// True when there was something to remove.
    fn remove(&self) -> bool {
        let exists = self.hidden.exists();
        if exists {
            let _ = std::fs::remove_dir_all(&self.hidden);
        }
        exists
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After publishing it is empty; after discarding it is gone.
        self.remove();
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            sync(&entry?.path())?;
        }
    }
    File::open(path)?.sync_all()
}

/// Redirects COPY to a staged place when its target is local.
pub(super) fn stage_copy(mut copy: CopyTo, base: &Path) -> Result<(LogicalPlan, Option<Staged>)> {
    let Some(target) = local_path(&copy.output_url).map(|path| base.join(path)) else {
        return Ok((LogicalPlan::Copy(copy), None));
    };
    let as_folder =
        copy.output_url.ends_with('/') || target.extension().is_none() || !copy.partition_by.is_empty() || target.is_dir();
    let as_folder = match copy.options.get("single_file_output").map(|value| value.trim()) {
        Some("true") => false,
        Some("false") => true,
        _ => as_folder,
    };
    if as_folder && target.exists() && !is_empty_folder(&target) {
        return Err(invalid(&copy.output_url, "exists and is not an empty folder; choose a new name or remove it first"));
    }
    let staged = Staged::beside(&target)?;
    let staging = staged.path().display().to_string();
    copy.output_url = if as_folder { format!("{staging}/") } else { staging };
    copy.options.insert("single_file_output".into(), (!as_folder).to_string());
    if copy.file_type.get_ext() == PARQUET {
        copy.input = Arc::new(with_plain_columns(Arc::unwrap_or_clone(copy.input))?);
    }
    Ok((LogicalPlan::Copy(copy), Some(staged)))
}

/// Redirects INSERT INTO an external table to a staged folder, from which its file moves into the table's.
pub(super) fn stage_insert(mut insert: DmlStatement) -> Result<(LogicalPlan, Option<Staged>)> {
    let name = insert.table_name.to_string();
    let provider = source_as_provider(&insert.target)?;
    let Some(table) = provider.downcast_ref::<ListingTable>() else { return Ok((LogicalPlan::Dml(insert), None)) };
    if insert.op != WriteOp::Insert(InsertOp::Append) {
        return Err(invalid(&name, "only INSERT INTO can write to an external table"));
    }
    let folder = match table.table_paths().as_slice() {
        [place] if place.is_collection() => local_path(place.as_str()),
        _ => None,
    };
    let Some(folder) = folder else {
        return Err(invalid(
            &name,
            "rows can be inserted where the table is one local folder; write a new file with COPY instead",
        ));
    };
    if !table.options().table_partition_cols.is_empty() {
        return Err(invalid(
            &name,
            "rows cannot be inserted into a partitioned table; write a new folder with COPY … PARTITIONED BY",
        ));
    }
    let staged = Staged::into_folder(&folder)?;
    let place = ListingTableUrl::parse(format!("{}/", staged.path().display()))?;
    let mut schema = provider.schema();
    if table.options().format.get_ext() == PARQUET {
        schema = plain_schema(&schema);
        insert.input = Arc::new(with_plain_columns(Arc::unwrap_or_clone(insert.input))?);
    }
    let config = ListingTableConfig::new(place).with_listing_options(table.options().clone()).with_schema(schema);
    insert.target = provider_as_source(Arc::new(ListingTable::try_new(config)?));
    Ok((LogicalPlan::Dml(insert), Some(staged)))
}

const PARQUET: &str = "parquet";

/// The same rows without views, for files that others read; the same plan when it has none.
fn with_plain_columns(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut has_views = false;
    let column = |(qualifier, field): (Option<&TableReference>, &FieldRef)| {
        let (own, plain) = (Expr::Column(Column::from((qualifier, field))), plain_type(field.data_type()));
        if plain == *field.data_type() {
            return own;
        }
        has_views = true;
        cast(own, plain).alias_qualified(qualifier.cloned(), field.name())
    };
    let columns: Vec<Expr> = plan.schema().iter().map(column).collect();
    if has_views { LogicalPlanBuilder::from(plan).project(columns)?.build() } else { Ok(plan) }
}

fn local_path(location: &str) -> Option<PathBuf> {
    match location.strip_prefix("file://") {
        Some(path) => Some(PathBuf::from(path)),
        None => files::is_local(location).then(|| PathBuf::from(location)),
    }
}

fn is_empty_folder(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
