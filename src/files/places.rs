//! Resolves a location to its files: a file, a folder, a pattern or a URL.
//!
//! Names that begin with `_` or `.` are skipped, because programs use them for markers and half-written files. Folders are searched
//! recursively, and those called `key=value` define a column.

use std::collections::{HashSet, VecDeque};
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
use url::Url;

use super::left_out::LeftOut;
use crate::error::{SqlState, coded, did_you_mean, failed, invalid, nearest};

/// True for a path, false for a URL.
pub fn is_local(location: &str) -> bool {
    !location.contains("://")
}

/// A location independent of the working directory: relative paths start from `base`.
pub fn resolved(location: &str, base: &Path) -> String {
    if is_relative(location) { base.join(location).display().to_string() } else { location.to_string() }
}

/// The path of a location on this machine; `None` for a URL elsewhere.
fn path_of(location: &str, base: &Path) -> Option<PathBuf> {
    if is_local(location) {
        return Some(base.join(location));
    }
    Url::parse(location).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
}

/// Checks that a location is within the folders and URLs that statements may use; `None` allows all.
///
/// # Errors
/// It is outside, possibly through links or `..`.
pub fn check(location: &str, base: &Path, allowed: Option<&[String]>) -> Result<()> {
    let Some(allowed) = allowed else { return Ok(()) };
    let outside = match path_of(location, base) {
        Some(path) => {
            let folders: Vec<PathBuf> =
                allowed.iter().filter_map(|place| path_of(place, base)).filter_map(|place| real(&place)).collect();
            let is_allowed = |path: &Path| folders.iter().any(|folder| path.starts_with(folder));
            if real(&path).is_some_and(|path| is_allowed(&path)) {
                // Links in a folder may lead outside.
                let files = listed(location, &path, &|_: &str| true, &mut LeftOut::default())?
                    .map(|(_, files)| files)
                    .unwrap_or_default();
                files.into_iter().find(|file| !is_allowed(&file.real)).map(|file| file.path.display().to_string())
            } else {
                Some(location.to_string())
            }
        }
        None => {
            // A pattern is searched in a folder.
            let searched = &location[..wildcard_of(location).unwrap_or(location.len())];
            let is_allowed = |url| allowed.iter().any(|place| path_of(place, base).is_none() && is_under(url, place));
            (!is_allowed(location) || !is_allowed(searched)).then(|| location.to_string())
        }
    };
    let Some(outside) = outside else { return Ok(()) };
    let problem = match allowed {
        [] => "this server does not read or write files by name; portrait serve --files FOLDER allows some".to_string(),
        places => format!("this server only reads and writes files in {}; --files allows others", places.join(", ")),
    };
    Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &outside, problem))
}

/// True for a file or folder on this machine, there already or not, whose path without links `is_wanted` accepts.
pub fn leads_to(location: &str, base: &Path, is_wanted: impl Fn(&Path) -> bool) -> bool {
    path_of(location, base).and_then(|path| real(&path)).is_some_and(|path| is_wanted(&path))
}

/// The file at a location on this machine whose path without links `is_wanted` accepts, with its name; `None` when there is none.
///
/// # Errors
/// A folder cannot be listed.
pub fn leading_to(location: &str, base: &Path, is_wanted: impl Fn(&Path) -> bool) -> Result<Option<String>> {
    let Some(path) = path_of(location, base) else { return Ok(None) };
    if leads_to(location, base, &is_wanted) {
        return Ok(Some(location.to_string()));
    }
    let files = listed(location, &path, &|_: &str| true, &mut LeftOut::default())?.map(|(_, files)| files).unwrap_or_default();
    Ok(files.into_iter().find(|file| is_wanted(&file.real)).map(|file| file.path.display().to_string()))
}

/// True for a URL within another. They are compared as they are requested: an escape such as `%2e%2e` is a `..` that may lead outside.
fn is_under(location: &str, place: &str) -> bool {
    let (Ok(location), Ok(place)) = (ListingTableUrl::parse(location), ListingTableUrl::parse(place)) else { return false };
    location.object_store() == place.object_store() && location.prefix().prefix_matches(place.prefix())
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
        // A link whose target does not exist yet may lead anywhere.
        if there.is_symlink() {
            return None;
        }
        rest.push(there.file_name()?.to_os_string());
        there = there.parent()?;
    }
}

fn is_relative(location: &str) -> bool {
    is_local(location) && Path::new(location).is_relative()
}

fn from_there(location: &str, base: &Path) -> String {
    if is_relative(location) { format!(" in {}", base.display()) } else { String::new() }
}

/// The files beside a missing one that have nearly its name.
fn near(location: &str, path: &Path) -> String {
    let folder = path.parent().and_then(|folder| folder.read_dir().ok());
    let names = folder.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !is_hidden(name)).collect();
    names.sort();
    let asked = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let found = nearest(asked, names.iter().map(String::as_str));
    found.map_or_else(String::new, |found| {
        did_you_mean(location, [Path::new(location).with_file_name(found).to_string_lossy().as_ref()])
    })
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

/// True for a name that never counts: Excel keeps a file `~$name` beside each workbook that is open.
fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_']) || name.starts_with("~$")
}

/// How patterns match: `*` stays within one folder, `**` crosses folders.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// How many entries of a folder that does not count are looked at, to tell whether it has files that are meant.
const MOST_LOOKED_AT: usize = 1000;

/// The files at a location, sorted by name, and what is left out. In folders and for patterns, only those that `counts` accepts.
///
/// # Errors
/// There is nothing, or it cannot be listed.
pub async fn find(
    state: &SessionState,
    location: &str,
    base: &Path,
    counts: impl Fn(&str) -> bool,
) -> Result<(Vec<Found>, LeftOut)> {
    if location.trim().is_empty() {
        return Err(invalid("LOCATION", "names no file or folder, got ''; write '.' for the current folder"));
    }
    let (found, mut left) = match path_of(location, base) {
        Some(path) => local(location, base, &path, &counts)?,
        None => remote(state, location, &counts).await?,
    };
    if found.len() > 1 {
        found.iter().filter(|file| file.meta.size == 0).for_each(|file| left.is_empty(&file.name));
    }
    Ok((found, left))
}

/// The files at several locations, in this order, with notes about what is left out.
///
/// # Errors
/// As [`find`], or a file is in several of them.
pub async fn find_all(
    state: &SessionState,
    locations: &[String],
    base: &Path,
    counts: impl Fn(&str) -> bool,
) -> Result<(Vec<Found>, Vec<String>)> {
    let (mut found, mut notes): (Vec<Found>, _) = (vec![], vec![]);
    let mut seen = HashSet::new();
    for location in locations {
        let (files, left) = find(state, location, base, &counts).await?;
        for file in files {
            if !seen.insert((file.url.clone(), file.meta.location.clone())) {
                return Err(invalid(
                    &file.name,
                    "is in several locations of the list, and would be read several times; name it once",
                ));
            }
            found.push(file);
        }
        notes.extend(left.notes(location));
    }
    Ok((found, notes))
}

fn local(location: &str, base: &Path, path: &Path, counts: &impl Fn(&str) -> bool) -> Result<(Vec<Found>, LeftOut)> {
    let missing = |problem: String| coded(SqlState::UNDEFINED_FILE, location, problem);
    let mut left = LeftOut::default();
    let (root, files) = match listed(location, path, counts, &mut left)? {
        Some((_, files)) if files.is_empty() && !path.is_dir() => {
            return Err(missing(format!("no file matches{}", from_there(location, base))));
        }
        Some(listed) => listed,
        None => match path.canonicalize() {
            Ok(real) => (path.to_path_buf(), vec![LocalFile { path: path.to_path_buf(), real }]),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let near = near(location, path);
                return Err(missing(match is_relative(location) {
                    true => format!("no such file or folder in {}{near}", base.display()),
                    false => format!("no such file or folder{near}"),
                }));
            }
            Err(error) => return Err(invalid(location, error)),
        },
    };
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new());
    let found = files.into_iter().map(|LocalFile { path, real }| {
        let shown = path.strip_prefix(base).ok().filter(|_| is_relative(location)).unwrap_or(&path);
        let name = shown.display().to_string();
        let within = path.strip_prefix(&root).unwrap_or(Path::new("")).to_path_buf();
        let file = real.metadata().map_err(|error| invalid(&name, error))?;
        let modified = file.modified().map_err(|error| invalid(&name, error))?;
        let location = object_store::path::Path::from_absolute_path(&real).map_err(|_| {
            // The store of local files takes any other name.
            let problem = match real.to_str() {
                Some(_) => "is under a name with a control character, so it cannot be read; rename it",
                None => "is under a name that is not UTF-8, so it cannot be read; rename it",
            };
            invalid(&name, problem)
        })?;
        let meta = ObjectMeta { location, last_modified: modified.into(), size: file.len(), e_tag: None, version: None };
        Ok(Found { store: Arc::clone(&store), url: ObjectStoreUrl::local_filesystem(), meta, name, folders: folders(&within) })
    });
    let left = if is_relative(location) { left.seen_from(base) } else { left };
    Ok((found.collect::<Result<_>>()?, left))
}

/// A file on this machine.
struct LocalFile {
    path: PathBuf,
    /// The path without links.
    real: PathBuf,
}

/// The files in a folder or that a pattern matches, and the folder in which the search begins; `None` for the path of a file. A path that
/// exists is taken literally, even if it looks like a pattern.
fn listed(
    location: &str,
    path: &Path,
    counts: &impl Fn(&str) -> bool,
    left: &mut LeftOut,
) -> Result<Option<(PathBuf, Vec<LocalFile>)>> {
    if path.is_dir() {
        return Ok(Some((
            path.to_path_buf(),
            walk(path, counts, &|_: &Path| true, &mut |path: &Path, is_hidden: bool| left.add(path, is_hidden))?,
        )));
    }
    let root = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_path_buf();
    let rest = path.strip_prefix(&root).unwrap_or(path);
    if path.symlink_metadata().is_ok() || !rest.to_string_lossy().contains(['*', '?', '[']) {
        return Ok(None);
    }
    let wildcard = Wildcard::new(location, rest.to_str().ok_or_else(|| invalid(location, "is not UTF-8"))?)?;
    let within = |path: &Path| path.strip_prefix(&root).unwrap_or(path).to_path_buf();
    let matches = |path: &Path| wildcard.means(&within(path), &|_: &str| true);
    // `/*.csv` means no file in any folder of the root.
    let may_lead = |folder: &Path| wildcard.may_lead(&within(folder));
    let mut files = walk(&root, &|_: &str| true, &may_lead, &mut |path: &Path, is_hidden: bool| {
        let has_files = || match path.parent() {
            Some(table) if LeftOut::is_delta_log(path) => has_match(table, &matches),
            _ => is_hidden && LeftOut::is_told(path) && has_match(path, &matches),
        };
        if matches(path) || has_files() {
            left.add(path, is_hidden);
        }
    })?;
    files.retain(|file| {
        let is_meant = wildcard.means(&within(&file.path), counts);
        if !is_meant && matches(&file.path) {
            left.add(&file.path, false);
        }
        is_meant
    });
    Ok(Some((root, files)))
}

/// True for a folder with a file that a pattern matches, among the first that are found in it.
fn has_match(folder: &Path, matches: &impl Fn(&Path) -> bool) -> bool {
    let mut folders = vec![folder.to_path_buf()];
    let mut left = MOST_LOOKED_AT;
    while let Some(entries) = folders.pop().and_then(|folder| folder.read_dir().ok()) {
        for entry in entries.filter_map(std::result::Result::ok) {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_file() && matches(&entry.path()) {
                return true;
            }
            if kind.is_dir() {
                folders.push(entry.path());
            }
            left -= 1;
            if left == 0 {
                return false;
            }
        }
    }
    false
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

/// A pattern relative to the folder in which the search begins.
struct Wildcard {
    pattern: Pattern,
    /// The pattern of each folder and of the file, up to the first `**`.
    parts: Vec<Pattern>,
    /// Whether the pattern names a file extension.
    has_ending: bool,
}

impl Wildcard {
    fn new(location: &str, text: &str) -> Result<Self> {
        let text = text.trim_end_matches('/');
        let pattern = Pattern::new(text).map_err(|error| invalid(location, format!("is not a valid pattern: {error}")))?;
        let parts = text.split('/').take_while(|part| *part != "**").map_while(|part| Pattern::new(part).ok()).collect();
        let ending = Path::new(text).extension();
        let has_ending = ending.is_some_and(|end| !end.to_string_lossy().contains(['*', '?', '[']));
        Ok(Self { pattern, parts, has_ending })
    }

    /// True for a folder that may have files that are meant, or folders with such files.
    fn may_lead(&self, within: &Path) -> bool {
        let names: Vec<_> = within.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        names.iter().zip(&self.parts).all(|(name, part)| part.matches_with(name, MATCHING))
    }

    /// True for a file that the pattern matches, or that is in a folder it matches.
    fn means(&self, within: &Path, counts: &impl Fn(&str) -> bool) -> bool {
        let name = within.to_string_lossy();
        let of_folder = || within.ancestors().skip(1).any(|folder| self.pattern.matches_path_with(folder, MATCHING));
        // A pattern with an extension means files with that extension, even if the extension is not one of a known kind.
        self.pattern.matches_path_with(within, MATCHING) && (counts(&name) || self.has_ending) || counts(&name) && of_folder()
    }
}

/// The files in a folder and its subfolders, sorted by path. Each counts once, under its own name if links lead to it, too. What does not
/// count is given to `left`, with whether its name is why. Folders that do not lead to files that are meant are not entered.
fn walk(
    folder: &Path,
    counts: &impl Fn(&str) -> bool,
    may_lead: &impl Fn(&Path) -> bool,
    left: &mut dyn FnMut(&Path, bool),
) -> Result<Vec<LocalFile>> {
    let listing = |folder: &Path, error| invalid(&folder.display().to_string(), format!("cannot be listed: {error}"));
    let (mut files, mut seen) = (vec![], HashSet::new());
    let real = folder.canonicalize().map_err(|error| listing(folder, error))?;
    let (mut folders, mut links) = (vec![LocalFile { path: folder.to_path_buf(), real }], VecDeque::new());
    loop {
        while let Some(folder) = folders.pop() {
            if !seen.insert(folder.real.clone()) {
                continue;
            }
            for entry in folder.path.read_dir().map_err(|error| listing(&folder.path, error))? {
                let entry = entry.map_err(|error| listing(&folder.path, error))?;
                let kind = entry.file_type().map_err(|error| listing(&folder.path, error))?;
                let (name, path) = (entry.file_name(), entry.path());
                let name = name.to_string_lossy();
                let file = LocalFile { real: folder.real.join(entry.file_name()), path };
                match () {
                    () if is_hidden(&name) => left(&file.path, true),
                    () if kind.is_symlink() => links.push_back(file.path),
                    () if kind.is_dir() && may_lead(&file.path) => folders.push(file),
                    () if kind.is_dir() => {}
                    () if !counts(&name) => left(&file.path, false),
                    () if seen.insert(file.real.clone()) => files.push(file),
                    () => {}
                }
            }
        }
        let Some(path) = links.pop_front() else { break };
        let is_meant = path.file_name().is_some_and(|name| counts(&name.to_string_lossy()));
        match path.canonicalize() {
            Ok(real) if real.is_dir() && may_lead(&path) => folders.push(LocalFile { path, real }),
            Ok(real) if real.is_dir() => {}
            Ok(real) if is_meant && seen.insert(real.clone()) => files.push(LocalFile { path, real }),
            // What it leads to is missing, which is reported when it is read.
            Err(_) if is_meant => files.push(LocalFile { real: path.clone(), path }),
            _ => {}
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// Where the pattern in a URL begins. `?` is not a wildcard here, because it begins the query of a URL.
fn wildcard_of(location: &str) -> Option<usize> {
    location.find(['*', '[']).map(|at| location[..at].rfind('/').map_or(0, |slash| slash + 1))
}

async fn remote(state: &SessionState, location: &str, counts: &impl Fn(&str) -> bool) -> Result<(Vec<Found>, LeftOut)> {
    let whole = ListingTableUrl::parse(location)?;
    let store = state.runtime_env().object_store(whole.object_store())?;
    let wildcard = wildcard_of(location);
    if !whole.is_collection() {
        match object_store::ObjectStoreExt::head(store.as_ref(), whole.prefix()).await {
            // An object that exists is taken literally.
            Ok(meta) => {
                let found = Found { store, url: whole.object_store(), meta, name: location.to_string(), folders: vec![] };
                return Ok((vec![found], LeftOut::default()));
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
    let mut left = LeftOut::default();
    metas.retain(|meta| {
        let within = Path::new(meta.location.as_ref()).strip_prefix(prefix.as_ref()).unwrap_or(Path::new(""));
        if !wildcard.as_ref().is_none_or(|wildcard| wildcard.means(within, &|_: &str| true)) {
            return false;
        }
        // A folder that is left out gets one note, not one for each of its files.
        let mut parts = within.ancestors().collect::<Vec<_>>().into_iter().rev();
        let hidden = parts.find(|part| part.file_name().is_some_and(|name| is_hidden(&name.to_string_lossy())));
        let is_meant = match &wildcard {
            Some(wildcard) => wildcard.means(within, counts),
            None => meta.location.filename().is_some_and(counts),
        };
        match hidden {
            Some(hidden) => left.add(hidden, true),
            None if !is_meant => left.add(within, false),
            None => {}
        }
        hidden.is_none() && is_meant
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
    Ok((found.collect(), left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::message;

    #[cfg(unix)]
    fn names(folder: &Path, location: &str) -> Vec<String> {
        let path = folder.join(location);
        local(location, folder, &path, &|name| name.ends_with(".csv")).unwrap().0.into_iter().map(|file| file.name).collect()
    }

    #[cfg(unix)]
    #[test]
    fn a_file_counts_once() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("day=1")).unwrap();
        std::fs::write(at("day=1/b.csv"), "a\n1\n").unwrap();
        symlink(".", at("me")).unwrap();
        symlink("day=1", at("a_link")).unwrap();
        symlink("day=1/b.csv", at("a.csv")).unwrap();
        assert_eq!(names(folder.path(), "."), ["day=1/b.csv"]);
        assert_eq!(names(folder.path(), "**/*.csv"), ["day=1/b.csv"]);
        // A link that is named is followed.
        assert_eq!(names(folder.path(), "a.csv"), ["a.csv"]);
        assert_eq!(names(folder.path(), "a_link"), ["a_link/b.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_within_the_allowed_folders() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let allowed = ["open".to_string()];
        let checked = |location: &str| check(location, folder.path(), Some(&allowed));
        for name in ["open/days", "secret"] {
            std::fs::create_dir_all(at(name)).unwrap();
            std::fs::write(at(&format!("{name}/a.csv")), "a\n1\n").unwrap();
        }
        symlink("days", at("open/within")).unwrap();
        for location in ["open", "open/*/*.csv", "open/new.csv", "open/within/new[1].csv"] {
            checked(location).unwrap();
        }
        symlink(at("secret"), at("open/days/out")).unwrap();
        symlink(at("secret/new.csv"), at("open/none.csv")).unwrap();
        for location in ["open", "open/days", "open/**/*.csv", "open/days/out/a.csv", "open/none.csv", "open/../secret/a.csv"] {
            let error = message(&checked(location).unwrap_err());
            assert!(error.contains("this server only reads and writes files in open"), "{error}");
        }
        checked("open/within/a.csv").unwrap();
        let url = Url::from_file_path(at("open/days/a.csv")).unwrap();
        checked(url.as_str()).unwrap();
        checked(Url::from_file_path(at("secret/a.csv")).unwrap().as_str()).unwrap_err();
    }

    #[test]
    fn a_pattern_enters_only_folders_that_it_means() {
        let enters = |pattern: &str, folder: &str| Wildcard::new(pattern, pattern).unwrap().may_lead(Path::new(folder));
        for (pattern, folder) in [
            ("*/a.csv", "x"),
            ("y*/m?/*.csv", "year"),
            ("y*/m?/*.csv", "year/m1"),
            ("**/*.csv", "x/y/z"),
            ("x/**/*.csv", "x/y/z"),
            // A folder that the whole pattern means counts with all that is in it.
            ("x*", "x1"),
            ("x*", "x1/y"),
        ] {
            assert!(enters(pattern, folder), "{pattern} {folder}");
        }
        for (pattern, folder) in [("*.csv", "x"), ("y*/*.csv", "x"), ("y*/m?/*.csv", "year/d1"), ("x/**/*.csv", "y")] {
            assert!(!enters(pattern, folder), "{pattern} {folder}");
        }
    }

    #[test]
    fn what_a_pattern_passes_over_is_told() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["_new", "_logs", ".git", "day=1", "delta/_delta_log"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        for name in ["_new/a.csv", "_logs/a.txt", ".git/a.csv", "day=1/a.csv", "delta/a.csv", "delta/_delta_log/0.json"] {
            std::fs::write(folder.path().join(name), "a\n1\n").unwrap();
        }
        let notes = |pattern: &str| {
            let path = folder.path().join(pattern);
            local(pattern, folder.path(), &path, &|name| name.ends_with(".csv")).unwrap().1.notes(pattern)
        };
        let notes_of_all = notes("**/*.csv");
        assert_eq!(notes_of_all[0], "**/*.csv: left out _new, because names that begin with _ or . do not count");
        assert!(notes_of_all[1].contains("makes it a Delta Lake table"), "{notes_of_all:?}");
        assert!(notes("delta/*.csv")[0].contains("makes it a Delta Lake table"));
        assert!(notes("day=1/*.csv").is_empty());
    }

    #[test]
    fn urls_are_compared_as_they_are_requested() {
        let allowed = ["http://host:80/allowed".to_string()];
        let checked = |location: &str| check(location, Path::new("/"), Some(&allowed));
        for location in [
            "http://host/allowed/a.csv",
            "HTTP://HOST/allowed/a.csv",
            "http://host/allowed/",
            "http://host/allowed/*.csv",
            "http://host/other/../allowed/a.csv",
            "http://host/%61llowed/a%20b.csv",
        ] {
            checked(location).unwrap();
        }
        for location in [
            "http://host/allowed/../secret.csv",
            "http://host/allowed/%2e%2e/secret.csv",
            "http://host/allowed/%2E./secret.csv",
            "http://host/allowed\\..\\secret.csv",
            "http://host/allowed%2f..%2fsecret.csv",
            "http://host/allowed.csv",
            "http://host/*/../allowed/a.csv",
            "http://host@other/allowed/a.csv",
            "http://user@host/allowed/a.csv",
            "http://host:81/allowed/a.csv",
            "https://host/allowed/a.csv",
            "ftp://host/allowed/a.csv",
        ] {
            assert!(checked(location).is_err(), "{location}");
        }
    }
}
