//! Files that are written completely or not at all.
//!
//! DataFusion writes directly to the final name, so that a query that fails late, or a killed process, leaves a partial file that readers
//! mistake for a complete one. Here, a local file or directory is written to a hidden directory next to its destination, synced to disk,
//! and renamed as the last step. For a symbolic link, its target is replaced. A replaced file keeps its permissions.
//!
//! A pipe, terminal or other device cannot be replaced by a rename: it is written to once everything has succeeded. The same is done for a
//! writable file in a directory that is not writable, and for a file with several names (hard links), which all show what was written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Column, Result, TableReference};
use datafusion::datasource::listing::{ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::DataFusionError;
use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::dml::{CopyTo, DmlStatement, InsertOp};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, WriteOp, cast, lit};
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::Value;
use url::Url;

use crate::error::{failed, invalid, message};
use crate::files;
use crate::files::folders::NULL_FOLDER;
use crate::formats::{can_be_stored, plain_schema, plain_type};
use crate::temporary::{BESIDE, TemporaryFolder};
use crate::text::sql_type;

/// The name of what is written inside the hidden directory: the target's own name may already have the maximum length.
const WRITTEN: &str = "written";
/// The maximum length of a chain of symbolic links, as in the operating system.
const MOST_LINKS: usize = 40;

/// A pending write. Dropped before it is published, it leaves nothing behind.
#[derive(Debug)]
pub struct Staged {
    /// A hidden directory next to the target, or in the temporary directory.
    folder: TemporaryFolder,
    /// The path inside it to write to.
    path: PathBuf,
    target: Target,
}

/// The destination of a write.
#[derive(Debug)]
enum Target {
    /// Replaces what is there.
    Place(PathBuf),
    /// Adds new files to a directory.
    Folder(PathBuf),
    /// Copies the bytes into what is there: a file, from its beginning, or a device.
    Through(PathBuf),
}

impl Target {
    fn path(&self) -> &Path {
        match self {
            Self::Place(path) | Self::Folder(path) | Self::Through(path) => path,
        }
    }

    /// The kind of destination that a path is.
    fn of(path: &Path) -> Result<Self> {
        let subject = path.display().to_string();
        if is_stream(path) {
            return Ok(Self::Through(path.to_path_buf()));
        }
        let place = followed(path).map_err(|error| invalid(&subject, format!("cannot be written: {error}")))?;
        if place.file_name().is_none() {
            return Err(invalid(&subject, "is not the name of a file"));
        }
        let folder = parent(&place);
        if !folder.is_dir() {
            return Err(invalid(&subject, format!("the folder {} does not exist; make it first", folder.display())));
        }
        Ok(if has_other_names(&place) { Self::Through(place) } else { Self::Place(place) })
    }
}

/// True for a file that has several names, hard links: a rename would leave the others with what was there.
#[cfg(unix)]
fn has_other_names(place: &Path) -> bool {
    place.metadata().is_ok_and(|found| found.is_file() && std::os::unix::fs::MetadataExt::nlink(&found) > 1)
}

#[cfg(not(unix))]
fn has_other_names(_: &Path) -> bool {
    false
}

/// True for anything that accepts bytes but is not a regular file: pipes, devices, and open file descriptors.
fn is_stream(path: &Path) -> bool {
    let is_other = path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir());
    is_other || links(path).is_ok_and(|links| links.iter().any(|place| is_descriptor(place)))
}

/// True for `/proc/self/fd/1` and similar paths: they name a file that is already open, with a position in it.
fn is_descriptor(path: &Path) -> bool {
    let folder = parent(path).canonicalize().unwrap_or_default();
    folder.starts_with("/proc") && folder.ends_with("fd") || folder.starts_with("/dev/fd")
}

/// A path and each target along its chain of symbolic links.
fn links(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut places = vec![path.to_path_buf()];
    for _ in 0..MOST_LINKS {
        let last = places.last().cloned().unwrap_or_default();
        match last.symlink_metadata() {
            // The link of an open descriptor does not lead to a path.
            Ok(found) if found.is_symlink() && !is_descriptor(&last) => places.push(parent(&last).join(last.read_link()?)),
            _ => return Ok(places),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// The end of a chain of symbolic links.
fn followed(path: &Path) -> io::Result<PathBuf> {
    Ok(links(path)?.pop().unwrap_or_default())
}

/// Opens a pipe, device or open file for results that are written as they arrive; `None` for files.
///
/// # Errors
/// It cannot be written to.
pub fn stream(target: &Path) -> Result<Option<File>> {
    if !is_stream(target) {
        return Ok(None);
    }
    opened(target).map(Some).map_err(|error| failed(&target.display().to_string(), format!("cannot be written: {error}")))
}

/// Opens a pipe, device or open file to write at its end.
fn opened(target: &Path) -> io::Result<File> {
    let opened = OpenOptions::new().append(true).open(target)?;
    Ok(own_output(&opened)?.unwrap_or(opened))
}

/// The output of this process, if it is this file. It keeps its place in the file, so that what the process writes next comes after what
/// is written here, not over it.
#[cfg(unix)]
fn own_output(file: &File) -> io::Result<Option<File>> {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let identity = |file: &File| file.metadata().map(|found| (found.dev(), found.ino()));
    let wanted = identity(file)?;
    io::stdout().flush()?;
    for own in [io::stdout().as_fd().try_clone_to_owned(), io::stderr().as_fd().try_clone_to_owned()] {
        // An output that is closed is no file.
        let Ok(own) = own.map(File::from) else { continue };
        if identity(&own).is_ok_and(|own| own == wanted) {
            return Ok(Some(own));
        }
    }
    Ok(None)
}

#[cfg(not(unix))]
fn own_output(_: &File) -> io::Result<Option<File>> {
    Ok(None)
}

impl Staged {
    /// A hidden place next to `target`.
    ///
    /// # Errors
    /// `target` is not a file name, or its directory does not exist or is not writable.
    pub fn beside(target: &Path) -> Result<Self> {
        let made = match Target::of(target)? {
            Target::Place(place) => match TemporaryFolder::make(parent(&place), BESIDE) {
                Ok(folder) => Ok((folder, Target::Place(place))),
                Err(error) if may_be_written(&place) => {
                    TemporaryFolder::of_system().map_err(|_| error).map(|folder| (folder, Target::Through(place)))
                }
                Err(error) => Err(error),
            },
            other => TemporaryFolder::of_system().map(|folder| (folder, other)),
        };
        Self::made(made, target)
    }

    /// A hidden place inside a directory that files are to be added to.
    fn into_folder(target: &Path) -> Result<Self> {
        Self::made(TemporaryFolder::make(target, BESIDE).map(|folder| (folder, Target::Folder(target.into()))), target)
    }

    fn made(made: io::Result<(TemporaryFolder, Target)>, target: &Path) -> Result<Self> {
        let (folder, target) =
            made.map_err(|error| failed(&target.display().to_string(), format!("cannot be written: {error}")))?;
        Ok(Self { path: folder.path().join(WRITTEN), folder, target })
    }

    /// The path to write to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same as a URL, as DataFusion would interpret `*` and `?` in a path as a pattern.
    fn url(&self, as_folder: bool) -> Result<Url> {
        let path = &self.path;
        let url = if as_folder { Url::from_directory_path(path) } else { Url::from_file_path(path) };
        match url {
            Ok(url) if path.to_str().is_some() => Ok(url),
            _ => {
                let subject = self.target.path().display().to_string();
                Err(invalid(&subject, "is in a folder whose name is not UTF-8, where COPY and INSERT cannot write"))
            }
        }
    }

    /// The same error, about the destination rather than the hidden place.
    pub(super) fn about_target(&self, error: DataFusionError) -> DataFusionError {
        let text = message(&error);
        match text.strip_prefix(WRITTEN).and_then(|rest| rest.strip_prefix(": ")) {
            Some(problem) => failed(&self.target.path().display().to_string(), problem),
            None => error,
        }
    }

    /// Syncs what was written to disk and moves it to its destination.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn publish(self) -> Result<()> {
        let published = match &self.target {
            Target::Place(place) => self.replace(place),
            Target::Folder(folder) => self.add_to(folder),
            Target::Through(place) => self.write_through(place),
        };
        published.map_err(|error| failed(&self.target.path().display().to_string(), format!("could not be written: {error}")))
    }

    fn replace(&self, place: &Path) -> io::Result<()> {
        if !self.path.exists() {
            // A query without rows may write nothing into a folder.
            return match std::fs::create_dir(place) {
                Err(_) if place.is_dir() => Ok(()),
                made => made,
            };
        }
        if let Ok(replaced) = place.metadata() {
            keep_owner(&replaced, &self.path);
            std::fs::set_permissions(&self.path, replaced.permissions())?;
        }
        sync(&self.path)?;
        std::fs::rename(&self.path, place)?;
        File::open(parent(place))?.sync_all()
    }

    fn add_to(&self, folder: &Path) -> io::Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        sync(&self.path)?;
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            std::fs::rename(entry.path(), folder.join(entry.file_name()))?;
        }
        File::open(folder)?.sync_all()
    }

    fn write_through(&self, place: &Path) -> io::Result<()> {
        let is_file = !is_stream(place);
        let mut through = match is_file {
            true => OpenOptions::new().write(true).truncate(true).open(place)?,
            false => opened(place)?,
        };
        if self.path.exists() {
            io::copy(&mut File::open(&self.path)?, &mut through)?;
        }
        if is_file { through.sync_all() } else { Ok(()) }
    }

    /// Removes everything, waiting until stopped writers have closed their files.
    pub(super) async fn discard(self) {
        let mut quiet = 0;
        for _ in 0..100 {
            quiet = if self.folder.empty() { 0 } else { quiet + 1 };
            if quiet == 5 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Keeps the owner of a replaced file, where the system allows it.
#[cfg(unix)]
fn keep_owner(replaced: &std::fs::Metadata, path: &Path) {
    use std::os::unix::fs::MetadataExt;
    let is_other = |found: std::fs::Metadata| (found.uid(), found.gid()) != (replaced.uid(), replaced.gid());
    if path.metadata().is_ok_and(is_other) {
        let _ = std::os::unix::fs::chown(path, Some(replaced.uid()), Some(replaced.gid()));
    }
}

#[cfg(not(unix))]
fn keep_owner(_: &std::fs::Metadata, _: &Path) {}

fn may_be_written(place: &Path) -> bool {
    place.is_file() && OpenOptions::new().append(true).open(place).is_ok()
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            sync(&entry?.path())?;
        }
    }
    File::open(path)?.sync_all()
}

/// Adds the format to COPY according to the extension of the target: `orders.csv.gz` is compressed CSV.
///
/// # Errors
/// The statement names an unknown format, or another compression than the name, by which the file could not be read back.
pub(super) fn tell_format(parsed: &mut SqlParsed) -> Result<()> {
    let SqlParsed::CopyTo(copy) = parsed else { return Ok(()) };
    if let Some(word) = &copy.stored_as {
        files::writing::check_format(word)?;
    }
    let Some((word, compression)) = files::kinds::written_as(&copy.target) else { return Ok(()) };
    copy.stored_as.get_or_insert_with(|| word.to_uppercase());
    let Some(compression) = compression else { return Ok(()) };
    let said = copy.options.iter().find(|(key, _)| key.to_lowercase().ends_with("compression"));
    match said.map(|(_, said)| said.clone().into_string().unwrap_or_default().to_lowercase()) {
        None => copy.options.push(("compression".into(), Value::SingleQuotedString(compression.into()))),
        // `gz` and `gzip`, as ends of names and as words.
        Some(said) if said == compression || files::kinds::compression_of(&format!(".{said}")) == Some(compression) => {}
        Some(said) => {
            let problem =
                format!("its name says {compression}, and OPTIONS say {said}; leave compression out, or rename the file");
            return Err(invalid(&copy.target, problem));
        }
    }
    Ok(())
}

/// Redirects COPY to a staged path when its target is local.
pub(super) fn stage_copy(mut copy: CopyTo, base: &Path) -> Result<(LogicalPlan, Option<Staged>)> {
    let Some(target) = local_path(&copy.output_url).map(|path| base.join(path)) else {
        return Ok((LogicalPlan::Copy(copy), None));
    };
    let is_named_so =
        copy.output_url.ends_with('/') || target.extension().is_none() || !copy.partition_by.is_empty() || target.is_dir();
    let as_folder = is_named_so && !is_stream(&target);
    let said = copy.options.remove("format.single_file_output").or_else(|| copy.options.remove("single_file_output"));
    let as_folder = match said.as_deref().map(|value| value.trim()) {
        Some("true") => false,
        Some("false") => true,
        _ => as_folder,
    };
    if as_folder && is_stream(&target) {
        return Err(invalid(&copy.output_url, "is not a folder; leave PARTITIONED BY and single_file_output out"));
    }
    if as_folder && target.exists() && !is_empty_folder(&target) {
        return Err(invalid(&copy.output_url, "exists and is not an empty folder; choose a new name or remove it first"));
    }
    let staged = Staged::beside(&target)?;
    copy.output_url = staged.url(as_folder)?.into();
    copy.options.insert("single_file_output".into(), (!as_folder).to_string());
    let format = copy.file_type.get_ext();
    if format == PARQUET {
        refuse_unfit(&copy)?;
    }
    if format == PARQUET || format == ARROW {
        copy.input = Arc::new(with_plain_columns(Arc::unwrap_or_clone(copy.input))?);
    }
    if !copy.partition_by.is_empty() {
        let is_folder = |field: &FieldRef| copy.partition_by.contains(field.name());
        let are_kept = copy.options.keys().any(|key| key.ends_with("keep_partition_by_columns"));
        if copy.input.schema().fields().iter().all(is_folder) && !are_kept {
            return Err(invalid(
                "COPY",
                "PARTITIONED BY names every column, and none is left for the files; leave one out of it",
            ));
        }
        copy.input = Arc::new(with_folder_names(Arc::unwrap_or_clone(copy.input), &copy.partition_by)?);
    }
    Ok((LogicalPlan::Copy(copy), Some(staged)))
}

/// Redirects INSERT INTO an external table to a staged directory, from which the file is moved into the table's directory.
pub(super) fn stage_insert(mut insert: DmlStatement) -> Result<(LogicalPlan, Option<Staged>)> {
    let name = insert.table_name.to_string();
    let provider = source_as_provider(&insert.target)?;
    let Some(table) = files::inserts(&provider) else { return Ok((LogicalPlan::Dml(insert), None)) };
    if insert.op != WriteOp::Insert(InsertOp::Append) {
        return Err(invalid(&name, "only INSERT INTO can write to an external table"));
    }
    let folder = table.as_ref().and_then(|table| local_path(table.table_paths().first()?.as_str()));
    let (Some(table), Some(folder)) = (table, folder) else {
        return Err(invalid(
            &name,
            "rows can be inserted where the table is one local folder of files as COPY writes them: OPTIONS may give a header, a separator, \
             a decimal sign, one text for NULL, and types; write a new file with COPY instead",
        ));
    };
    if files::has_folder_columns(&provider) {
        return Err(invalid(
            &name,
            "rows cannot be inserted into a partitioned table; write a new folder with COPY … PARTITIONED BY",
        ));
    }
    let staged = Staged::into_folder(&folder)?;
    let place = ListingTableUrl::try_new(staged.url(true)?, None)?;
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
const ARROW: &str = "arrow";

/// Converts columns to plain types, for files that other programs read; the same plan if all have one.
fn with_plain_columns(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut is_changed = false;
    let column = |(qualifier, field): (Option<&TableReference>, &FieldRef)| {
        let (own, plain) = (Expr::Column(Column::from((qualifier, field))), plain_type(field.data_type()));
        if plain == *field.data_type() {
            return own;
        }
        is_changed = true;
        cast(own, plain).alias_qualified(qualifier.cloned(), field.name())
    };
    let columns: Vec<Expr> = plan.schema().iter().map(column).collect();
    if is_changed { LogicalPlanBuilder::from(plan).project(columns)?.build() } else { Ok(plan) }
}

/// Refuses types that Parquet cannot store.
fn refuse_unfit(copy: &CopyTo) -> Result<()> {
    match copy.input.schema().fields().iter().find(|field| !can_be_stored(field.data_type())) {
        Some(field) => {
            let (name, data_type) = (field.name(), sql_type(field.data_type()));
            let problem = format!(
                "has the type {data_type}, which cannot be written to Parquet; write CAST({name} AS VARCHAR), or the days or seconds of an interval"
            );
            Err(invalid(name, problem))
        }
        None => Ok(()),
    }
}

/// Converts partition columns to text, with Hive's directory name for NULL.
fn with_folder_names(plan: LogicalPlan, folders: &[String]) -> Result<LogicalPlan> {
    let column = |(qualifier, field): (Option<&TableReference>, &FieldRef)| {
        let own = Expr::Column(Column::from((qualifier, field)));
        if !folders.contains(field.name()) {
            return own;
        }
        let text = files::folders::named(cast(own, DataType::Utf8), field.name());
        coalesce(vec![text, lit(NULL_FOLDER)]).alias_qualified(qualifier.cloned(), field.name())
    };
    let columns: Vec<Expr> = plan.schema().iter().map(column).collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

fn local_path(location: &str) -> Option<PathBuf> {
    if location.starts_with("file://") {
        return Url::parse(location).ok()?.to_file_path().ok();
    }
    files::is_local(location).then(|| PathBuf::from(location))
}

fn is_empty_folder(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
