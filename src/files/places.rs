//! Resolves a location to its files: a file, a folder, a pattern or a URL.
//!
//! Names that begin with `_` or `.` are skipped, because programs use them for markers and half-written files. Folders are searched
//! recursively, and those called `key=value` define a column.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::session_state::SessionState;
use datafusion::object_store::local::LocalFileSystem;
use futures::TryStreamExt;
use glob::{MatchOptions, Pattern};
use object_store::{ObjectMeta, ObjectStore};

use crate::error::{SqlState, coded, failed, invalid};

/// True for a path, false for a URL.
pub fn is_local(location: &str) -> bool {
    !location.contains("://")
}

/// A location independent of the working directory: relative paths start from `base`.
pub fn resolved(location: &str, base: &Path) -> String {
    let is_relative = is_local(location) && Path::new(location).is_relative();
    if is_relative { base.join(location).display().to_string() } else { location.to_string() }
}

/// Checks that a location is within the folders and URLs that statements may use; `None` allows all.
///
/// # Errors
/// It is outside, possibly through links or `..`.
pub fn check(location: &str, base: &Path, allowed: Option<&[String]>) -> Result<()> {
    let Some(allowed) = allowed else { return Ok(()) };
    let is_within = if is_local(location) {
        let path = real(Path::new(&resolved(location, base)));
        path.is_some_and(|path| {
            allowed
                .iter()
                .filter(|place| is_local(place))
                .any(|place| real(&base.join(place)).is_some_and(|place| path.starts_with(place)))
        })
    } else {
        let whole = |place: &str| format!("{}/", place.trim_end_matches('/'));
        // `..` in a URL may lead outside.
        !location.contains("..")
            && allowed.iter().any(|place| !is_local(place) && format!("{location}/").starts_with(&whole(place)))
    };
    if is_within {
        return Ok(());
    }
    let problem = match allowed {
        [] => "this server does not read or write files by name; portrait serve --files FOLDER allows some".to_string(),
        places => format!("this server only reads and writes files in {}; --files allows others", places.join(", ")),
    };
    Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, location, problem))
}

/// The path without links, `.` and `..`. The part that does not exist yet, or is a pattern, is appended as written to the part that does;
/// there, `..` is not allowed.
fn real(path: &Path) -> Option<PathBuf> {
    let mut rest = vec![];
    let mut there = path;
    loop {
        if let Ok(real) = there.canonicalize() {
            return rest.iter().rev().try_fold(real, |path, part: &std::ffi::OsString| (part != "..").then(|| path.join(part)));
        }
        rest.push(there.file_name()?.to_os_string());
        there = there.parent()?;
    }
}

fn from_there(location: &str, base: &Path) -> String {
    if Path::new(location).is_relative() { format!(" in {}", base.display()) } else { String::new() }
}

/// A file at a location.
#[derive(Debug, Clone)]
pub struct Found {
    pub store: Arc<dyn ObjectStore>,
    /// The object store, as DataFusion knows it.
    pub url: ObjectStoreUrl,
    pub meta: ObjectMeta,
    /// The name as the user would write it.
    pub name: String,
    /// Keys and values from the names of its folders, outermost first.
    pub folders: Vec<(String, String)>,
}

/// How patterns match: `*` stays within one folder, `**` crosses folders.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// The files at a location, sorted by name. In folders and for patterns, only those that `counts` accepts.
///
/// # Errors
/// There is nothing, or it cannot be listed.
pub async fn find(state: &SessionState, location: &str, base: &Path, counts: impl Fn(&str) -> bool) -> Result<Vec<Found>> {
    if location.trim().is_empty() {
        return Err(invalid("LOCATION", "names no file or folder, got ''; write '.' for the current folder"));
    }
    if is_local(location) { local(location, base, &counts) } else { remote(state, location, &counts).await }
}

fn local(location: &str, base: &Path, counts: &impl Fn(&str) -> bool) -> Result<Vec<Found>> {
    let path = base.join(location);
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new());
    let (root, paths) = match path.metadata() {
        // A path that exists is taken literally, even if it looks like a pattern.
        Ok(found) if found.is_dir() => (path.clone(), walk(&path, counts)?),
        Ok(_) => (path.clone(), vec![path.clone()]),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && is_pattern(location, base) => {
            matching(location, base, &path, counts)?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(coded(
                SqlState::UNDEFINED_FILE,
                location,
                format!("no such file or folder{}", from_there(location, base)),
            ));
        }
        Err(error) => return Err(invalid(location, error)),
    };
    let found = paths.into_iter().map(|path| {
        let shown = path.strip_prefix(base).ok().filter(|_| Path::new(location).is_relative()).unwrap_or(&path);
        let name = shown.display().to_string();
        let within = path.strip_prefix(&root).unwrap_or(Path::new("")).to_path_buf();
        let place = path.canonicalize().map_err(|error| invalid(&name, error))?;
        let file = place.metadata().map_err(|error| invalid(&name, error))?;
        let modified = file.modified().map_err(|error| invalid(&name, error))?;
        let location = object_store::path::Path::from_absolute_path(&place)
            .map_err(|_| invalid(&name, "is under a name that is not UTF-8, so it cannot be read; rename it"))?;
        let meta = ObjectMeta { location, last_modified: modified.into(), size: file.len(), e_tag: None, version: None };
        Ok(Found { store: Arc::clone(&store), url: ObjectStoreUrl::local_filesystem(), meta, name, folders: folders(&within) })
    });
    found.collect()
}

/// The keys and values in the names of the folders that lead to a file.
fn folders(within: &Path) -> Vec<(String, String)> {
    let names = within.parent().into_iter().flat_map(Path::components).filter_map(|part| part.as_os_str().to_str());
    let pairs = names.filter_map(|name| name.split_once('='));
    pairs.map(|(key, value)| (decoded(key), decoded(value))).collect()
}

/// Decodes a folder name, in which characters not allowed in a path are written as `%2F`.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_string(), |text| text.into_owned())
}

/// The files that a pattern matches or that are in a folder it matches, and the folder in which the search begins.
fn matching(location: &str, base: &Path, path: &Path, counts: &impl Fn(&str) -> bool) -> Result<(PathBuf, Vec<PathBuf>)> {
    let root = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_path_buf();
    let rest = path.strip_prefix(&root).unwrap_or(path);
    let wildcard = Wildcard::new(location, rest.to_str().ok_or_else(|| invalid(location, "is not UTF-8"))?)?;
    let is_meant = |file: &PathBuf| wildcard.means(file.strip_prefix(&root).unwrap_or(file), counts);
    let paths: Vec<PathBuf> = walk(&root, &|_: &str| true)?.into_iter().filter(is_meant).collect();
    if paths.is_empty() {
        return Err(coded(SqlState::UNDEFINED_FILE, location, format!("no file matches{}", from_there(location, base))));
    }
    Ok((root, paths))
}

/// A pattern relative to the folder in which the search begins.
struct Wildcard {
    pattern: Pattern,
    /// Whether the pattern names a file extension.
    has_ending: bool,
}

impl Wildcard {
    fn new(location: &str, text: &str) -> Result<Self> {
        let text = text.trim_end_matches('/');
        let pattern = Pattern::new(text).map_err(|error| invalid(location, format!("is not a valid pattern: {error}")))?;
        let ending = Path::new(text).extension();
        let has_ending = ending.is_some_and(|end| !end.to_string_lossy().contains(['*', '?', '[']));
        Ok(Self { pattern, has_ending })
    }

    /// True for a file that the pattern matches, or that is in a folder it matches.
    fn means(&self, within: &Path, counts: &impl Fn(&str) -> bool) -> bool {
        let name = within.to_string_lossy();
        let of_folder = || within.ancestors().skip(1).any(|folder| self.pattern.matches_path_with(folder, MATCHING));
        // A pattern with an extension means files with that extension, even if the extension is not one of a known kind.
        self.pattern.matches_path_with(within, MATCHING) && (counts(&name) || self.has_ending) || counts(&name) && of_folder()
    }
}

/// True for a location that is a pattern and does not exist literally.
pub fn is_pattern(location: &str, base: &Path) -> bool {
    location.contains(['*', '?', '[']) && base.join(location).symlink_metadata().is_err()
}

/// The files in a folder and its subfolders, sorted by path.
fn walk(folder: &Path, counts: &impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let subject = folder.display().to_string();
    let entries = folder.read_dir().map_err(|error| invalid(&subject, format!("cannot be listed: {error}")))?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with(['.', '_'])));
    paths.sort();
    let mut files = vec![];
    for path in paths {
        if path.is_dir() {
            files.extend(walk(&path, counts)?);
        } else if path.file_name().is_some_and(|name| counts(&name.to_string_lossy())) {
            files.push(path);
        }
    }
    Ok(files)
}

async fn remote(state: &SessionState, location: &str, counts: &impl Fn(&str) -> bool) -> Result<Vec<Found>> {
    let whole = ListingTableUrl::parse(location)?;
    let store = state.runtime_env().object_store(whole.object_store())?;
    // `?` is not a wildcard here, because it begins the query of a URL.
    let wildcard = location.find(['*', '[']).map(|at| location[..at].rfind('/').map_or(0, |slash| slash + 1));
    if !whole.is_collection() {
        match object_store::ObjectStoreExt::head(store.as_ref(), whole.prefix()).await {
            // An object that exists is taken literally.
            Ok(meta) => {
                return Ok(vec![Found { store, url: whole.object_store(), meta, name: location.to_string(), folders: vec![] }]);
            }
            Err(object_store::Error::NotFound { .. }) if wildcard.is_some() => {}
            Err(error) => return Err(failed(location, error)),
        }
    }
    let (url, wildcard) = match wildcard {
        Some(start) => (ListingTableUrl::parse(&location[..start])?, Some(Wildcard::new(location, &location[start..])?)),
        None => (whole, None),
    };
    let prefix = url.prefix().clone();
    let mut metas: Vec<ObjectMeta> = store.list(Some(&prefix)).try_collect().await.map_err(|error| failed(location, error))?;
    metas.retain(|meta| {
        let within = Path::new(meta.location.as_ref()).strip_prefix(prefix.as_ref()).unwrap_or(Path::new(""));
        let is_hidden = within.components().any(|part| part.as_os_str().to_string_lossy().starts_with(['.', '_']));
        let is_meant = match &wildcard {
            Some(wildcard) => wildcard.means(within, counts),
            None => meta.location.filename().is_some_and(counts),
        };
        !is_hidden && is_meant
    });
    metas.sort_by(|one, other| one.location.cmp(&other.location));
    if metas.is_empty() {
        return Err(coded(SqlState::UNDEFINED_FILE, location, "there is no file, or none matches"));
    }
    let found = metas.into_iter().map(|meta| {
        let within = Path::new(meta.location.as_ref()).strip_prefix(prefix.as_ref()).unwrap_or(Path::new("")).to_path_buf();
        let name = format!("{}{}", url.object_store().as_str(), meta.location);
        Found { store: Arc::clone(&store), url: url.object_store(), folders: folders(&within), meta, name }
    });
    Ok(found.collect())
}
