//! What a location means: a file, a folder with what is in it, a pattern, a URL.
//!
//! Names that begin with `_` or `.` never count: programs leave markers and half-written files under such names. Folders are gone through with their
//! folders, and those that are called `key=value` give a column.

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

/// A location, independent of where the program runs: relative paths start from `base`.
pub fn resolved(location: &str, base: &Path) -> String {
    let is_relative = is_local(location) && Path::new(location).is_relative();
    if is_relative { base.join(location).display().to_string() } else { location.to_string() }
}

/// Refuses a location outside of the folders and URLs that statements may use; `None` allows all.
///
/// # Errors
/// It is outside, also by links and `..`.
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
        // A URL with `..` may lead elsewhere.
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

/// The path without links, `.` and `..`; what is not there yet, or is a pattern, counts as it is written, in the folder that is there.
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

/// A file of a location.
#[derive(Debug, Clone)]
pub struct Found {
    pub store: Arc<dyn ObjectStore>,
    /// The store, as the engine knows it.
    pub url: ObjectStoreUrl,
    pub meta: ObjectMeta,
    /// As the user would write it.
    pub name: String,
    /// What the names of its folders say, in their order: key and value.
    pub folders: Vec<(String, String)>,
}

/// How patterns match: `*` stays within a folder's names, `**` goes through folders.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// The files of a location, in the order of their names; of folders and patterns those that `counts` says.
///
/// # Errors
/// There is nothing, or it cannot be looked at.
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
        // What exists as it is written is meant as it is written.
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

/// The keys and values of the folders on the way to a file.
fn folders(within: &Path) -> Vec<(String, String)> {
    let names = within.parent().into_iter().flat_map(Path::components).filter_map(|part| part.as_os_str().to_str());
    let pairs = names.filter_map(|name| name.split_once('='));
    pairs.map(|(key, value)| (decoded(key), decoded(value))).collect()
}

/// A name of a folder as it was meant: what cannot stand in a path is written as `%2F`.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_string(), |text| text.into_owned())
}

/// The files that a pattern matches, or that stand in a folder that it matches, and the folder that it begins in.
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

/// A pattern, within the folder that it begins in.
struct Wildcard {
    pattern: Pattern,
    /// Whether it names an ending.
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

    /// True for a file that it matches, or that stands in a folder that it matches.
    fn means(&self, within: &Path, counts: &impl Fn(&str) -> bool) -> bool {
        let name = within.to_string_lossy();
        let of_folder = || within.ancestors().skip(1).any(|folder| self.pattern.matches_path_with(folder, MATCHING));
        // A pattern that names an ending means it, whatever the kind is usually called.
        self.pattern.matches_path_with(within, MATCHING) && (counts(&name) || self.has_ending) || counts(&name) && of_folder()
    }
}

/// True for a location that is a pattern: what exists as it is written is none.
pub fn is_pattern(location: &str, base: &Path) -> bool {
    location.contains(['*', '?', '[']) && base.join(location).symlink_metadata().is_err()
}

/// The files in a folder and its folders, in the order of their paths.
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
    // A question mark begins what a URL asks for.
    let wildcard = location.find(['*', '[']).map(|at| location[..at].rfind('/').map_or(0, |slash| slash + 1));
    if !whole.is_collection() {
        match object_store::ObjectStoreExt::head(store.as_ref(), whole.prefix()).await {
            // What exists as it is written is meant as it is written.
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
