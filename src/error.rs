//! How an error is written: subject, rule, value, next step; and its SQLSTATE.
//!
//! Inside the crate every error is a [`DataFusionError`]; these helpers give the text its form, as in
//! ``association_rules: min_support must be above 0 and at most 1, got 1.5``. An error of ours travels through DataFusion as an external
//! [`Problem`], which keeps the code that clients of a server decide by; [`sqlstate`] finds it again, and gives DataFusion's own errors theirs.

mod code_of;
mod codes;
mod wording;

pub use code_of::sqlstate;
pub use codes::SqlState;
pub use wording::{as_written, in_sql};

use std::fmt::{self, Display};

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::language::Language;
use crate::text::without_marks;

/// An error of ours.
#[derive(Debug)]
pub struct Problem {
    state: SqlState,
    subject: String,
    kept: Kept,
    text: String,
    /// Where in the statement that is.
    place: Option<Place>,
    /// What of a table it is that a row violates.
    violated: Option<Violated>,
}

/// The table, column and constraint that a row violates. Clients of PostgreSQL's protocol choose their message by these names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violated {
    pub table: String,
    pub column: Option<String>,
    pub constraint: Option<String>,
}

/// Where in a script something is, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The letter of the line.
    pub column: u64,
    /// The line as it is shown, with a caret below the place.
    pub excerpt: String,
}

/// What may be kept of an error in the database, where no value of a row may be.
#[derive(Debug, Clone, Copy)]
enum Kept {
    /// The meaning of its code.
    Code,
    /// What is wrong, without any value: a text of the program.
    Rule(&'static str),
    /// All of it: it speaks of files and of the system.
    Whole,
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.place {
            Some(place) => write!(f, "\n{}", place.excerpt),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// An error with its code: `subject` is the function, statement, object, file or setting it is about.
pub fn coded(state: SqlState, subject: &str, problem: impl Display) -> DataFusionError {
    // What is wrong with a file or a disk has seen no row.
    let of_files = [SqlState::DATA_CORRUPTED, SqlState::DISK_FULL, SqlState::IO_ERROR, SqlState::UNDEFINED_FILE];
    let kept = if of_files.contains(&state) { Kept::Whole } else { Kept::Code };
    problem_of(state, subject, kept, problem)
}

/// An error of the system beneath, whose text has seen no row: a file that is damaged, a disk that is full.
pub fn of_system(subject: &str, problem: impl Display) -> DataFusionError {
    problem_of(SqlState::SYSTEM_ERROR, subject, Kept::Whole, problem)
}

/// Like [`of_system`], with a code of its own.
pub fn of_system_as(state: SqlState, subject: &str, problem: impl Display) -> DataFusionError {
    problem_of(state, subject, Kept::Whole, problem)
}

/// An error in the rows that were read: `problem` shows the values, and `rule` says what is wrong with them where values must not be kept.
pub fn in_rows(state: SqlState, subject: &str, rule: &'static str, problem: impl Display) -> DataFusionError {
    problem_of(state, subject, Kept::Rule(rule), problem)
}

fn problem_of(state: SqlState, subject: &str, kept: Kept, problem: impl Display) -> DataFusionError {
    let text = format!("{subject}: {problem}");
    DataFusionError::External(Box::new(Problem { state, subject: subject.to_string(), kept, text, place: None, violated: None }))
}

/// The same error with the place in the statement that it is about; the first place that is given stays.
pub fn placed(error: DataFusionError, place: Place) -> DataFusionError {
    let problem = match found(&error) {
        Some(Problem { place: Some(_), .. }) => return error,
        Some(Problem { state, subject, kept, text, place: None, violated }) => Problem {
            state: *state,
            subject: subject.clone(),
            kept: *kept,
            text: text.clone(),
            place: Some(place),
            violated: violated.clone(),
        },
        None => {
            let text = message(&error);
            let subject = text.split_once(": ").map_or("", |(subject, _)| subject).to_string();
            Problem { state: sqlstate(&error), subject, kept: Kept::Code, text, place: Some(place), violated: None }
        }
    };
    DataFusionError::External(Box::new(problem))
}

/// The same error with its message in another language, as far as the catalogue knows it; its code and its place stay.
pub fn in_language(error: DataFusionError, language: Language) -> DataFusionError {
    if language == Language::En {
        return error;
    }
    let problem = match innermost(&error) {
        Innermost::Own(Problem { state, subject, kept, text, place, violated }) => {
            let text = language.message(&in_sql(text)).into_owned();
            let (place, violated) = (place.clone(), violated.clone());
            Problem { state: *state, subject: subject.clone(), kept: *kept, text, place, violated }
        }
        _ => {
            let text = language.message(&message(&error)).into_owned();
            Problem { state: sqlstate(&error), subject: String::new(), kept: Kept::Code, text, place: None, violated: None }
        }
    };
    DataFusionError::External(Box::new(problem))
}

/// The same error, with the table, column and constraint that a row violates.
pub fn violating(error: DataFusionError, violated: Violated) -> DataFusionError {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Problem>() {
            Ok(problem) => DataFusionError::External(Box::new(Problem { violated: Some(violated), ..*problem })),
            Err(other) => DataFusionError::External(other),
        },
        other => other,
    }
}

/// The table, column and constraint that a row violates, if the error is about one.
pub fn violated(error: &DataFusionError) -> Option<&Violated> {
    found(error).and_then(|problem| problem.violated.as_ref())
}

/// True for an error with a place.
pub fn has_place(error: &DataFusionError) -> bool {
    place(error).is_some()
}

/// Where in the statement the error is, as far as that is known.
pub fn place(error: &DataFusionError) -> Option<&Place> {
    found(error).and_then(|problem| problem.place.as_ref())
}

/// An error in what the user wrote.
pub fn invalid(subject: &str, problem: impl Display) -> DataFusionError {
    coded(SqlState::INVALID_PARAMETER_VALUE, subject, problem)
}

/// An error in the values that a function was given: rows that it cannot use.
pub fn unusable(subject: &str, problem: impl Display) -> DataFusionError {
    coded(SqlState::DATA_EXCEPTION, subject, problem)
}

/// An error met while running.
pub fn failed(subject: &str, problem: impl Display) -> DataFusionError {
    coded(SqlState::SYSTEM_ERROR, subject, problem)
}

/// An error as it may be kept: its code, which of these objects it is about, and what is wrong. Its words are the
/// program's own and its names are those of objects: no value of a row is in it, whatever the message shows to whoever runs the statement.
pub fn without_values(error: &DataFusionError, objects: &[String]) -> String {
    let state = sqlstate(error);
    let problem = found(error);
    let subject = problem.map_or("", |problem| problem.subject.as_str());
    let about: Vec<&str> = match objects.iter().find(|object| *object == subject) {
        Some(object) => vec![object],
        // One of several, as far as could be told.
        None => objects.iter().map(String::as_str).filter(|object| subject.contains(object)).collect(),
    };
    let about = if about.is_empty() { objects.first().map_or(String::new(), String::clone) } else { about.join(", ") };
    let rule = match problem.map_or(Kept::Code, |problem| problem.kept) {
        Kept::Whole => return problem.map_or_else(|| message(error), |problem| problem.text.clone()),
        Kept::Rule(rule) => rule,
        Kept::Code => state.meaning(),
    };
    format!("{about}: {rule} (SQLSTATE {state}); run it again to see the values, which are not kept")
}

/// An error of a function about another one that is computed by the same means.
pub fn renamed(error: DataFusionError, from: &str, to: &str) -> DataFusionError {
    match found(&error) {
        Some(Problem { state, subject, kept, text, place, violated: _ }) if subject == from => {
            let problem = text.strip_prefix(from).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(text);
            let renamed = problem_of(*state, to, *kept, problem);
            match place {
                Some(place) => placed(renamed, place.clone()),
                None => renamed,
            }
        }
        _ => error,
    }
}

/// The same error with advice at the end of its message.
pub fn advised(error: &DataFusionError, advice: &str) -> DataFusionError {
    let (kept, place) = found(error).map_or((Kept::Code, None), |problem| (problem.kept, problem.place.clone()));
    let text = message_without_place(error);
    let subject = text.split_once(": ").map_or("", |(subject, _)| subject).to_string();
    let text = format!("{text}; {advice}");
    let violated = violated(error).cloned();
    DataFusionError::External(Box::new(Problem { state: sqlstate(error), subject, kept, text, place, violated }))
}

/// The error of ours that is within an error.
fn found(error: &DataFusionError) -> Option<&Problem> {
    match error {
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => found(inner),
        DataFusionError::Shared(inner) => found(inner),
        DataFusionError::Collection(errors) => errors.first().and_then(found),
        DataFusionError::External(inner) => inner.downcast_ref::<Problem>().or_else(|| found(inner.downcast_ref()?)),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => inner.downcast_ref::<Problem>().or_else(|| found(inner.downcast_ref()?)),
            _ => None,
        },
        _ => None,
    }
}

/// The error of who needs what another statement or process holds: `subject` is what is held.
pub fn not_available(subject: &str, problem: impl Display) -> DataFusionError {
    coded(SqlState::LOCK_NOT_AVAILABLE, subject, problem)
}

/// `; perhaps "x" is meant` for the candidate nearest to `word`, or nothing when none is near.
///
/// Near means at most one edit for every three letters, and one letter in common, so that `rmf` finds `rfm` and `orders` finds nothing
/// among functions. Of a word of two Latin letters, both must be there: `di` finds `id`, and `cn` does not find `en`.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |name| format!("; perhaps \"{name}\" is meant"))
}

/// The same for a column, also the only one that begins with what was written: `Net (EUR)` for `net`.
pub fn column_meant<'a>(written: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let near = did_you_mean(written, names.clone());
    if !near.is_empty() || written.len() < 3 {
        return near;
    }
    let written = written.to_lowercase();
    let mut longer = names.into_iter().filter(|name| name.to_lowercase().starts_with(&written));
    match (longer.next(), longer.next()) {
        (Some(near), None) => format!("; perhaps \"{near}\" is meant"),
        _ => near,
    }
}

/// The candidate nearest to `word`, if one is near; of two, the first in the alphabet.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let limit = length.div_ceil(3).min(length.saturating_sub(1));
    candidates
        .into_iter()
        .filter(|name| length > 2 || !word.is_ascii() || word.chars().all(|letter| name.to_lowercase().contains(letter)))
        .map(|name| (strsim::damerau_levenshtein(&word, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Advice for a name in the place of a string: `eight` for `'eight'`. Nothing for other expressions.
pub fn in_quotes(written: &str) -> String {
    let bare = written.trim_matches('"');
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-');
    let is_number = bare.starts_with(|letter: char| letter.is_ascii_digit());
    match !bare.is_empty() && !is_number && bare.chars().all(is_name) {
        true => format!("; a string has single quotes: '{bare}'"),
        false => String::new(),
    }
}

/// `"a", "b" or "c"`.
pub fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// The error of ours beneath one of the layers, which say less: a reader of files names neither the file nor what is wrong with it.
pub fn own(error: &DataFusionError) -> Option<&Problem> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(problem) = error.downcast_ref::<Problem>() {
            return Some(problem);
        }
        cause = error.source();
    }
    None
}

/// What a person reads: the innermost message, without DataFusion's layers around it, in the words of SQL.
pub fn message(error: &DataFusionError) -> String {
    let text = match innermost(error) {
        Innermost::Own(problem) => in_sql(&problem.to_string()),
        Innermost::Schema(error) => wording::schema(error),
        Innermost::Several(errors) => errors.iter().map(message).collect::<Vec<_>>().join("\n"),
        Innermost::Text(text) => wording::plain(&text),
    };
    without_marks(&text)
}

/// What a person reads who sees the place elsewhere: the message without the line and its caret.
pub fn message_without_place(error: &DataFusionError) -> String {
    match found(error) {
        Some(problem) => in_sql(&problem.text),
        None => message(error),
    }
}

/// The innermost message as the engine has it, to be looked at by the program.
pub fn raw(error: &DataFusionError) -> String {
    match innermost(error) {
        Innermost::Own(problem) => problem.to_string(),
        Innermost::Schema(_) => error.strip_backtrace(),
        Innermost::Several(errors) => errors.iter().map(raw).collect::<Vec<_>>().join("\n"),
        Innermost::Text(text) => text,
    }
}

/// What is within the layers of an error.
enum Innermost<'a> {
    Own(&'a Problem),
    Schema(&'a SchemaError),
    Several(&'a [DataFusionError]),
    Text(String),
}

fn innermost(error: &DataFusionError) -> Innermost<'_> {
    if let DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) | DataFusionError::ArrowError(..) = error
        && let Some(problem) = own(error)
    {
        return Innermost::Own(problem);
    }
    match error {
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => innermost(inner),
        DataFusionError::Shared(inner) => innermost(inner),
        DataFusionError::Collection(errors) => Innermost::Several(errors),
        DataFusionError::SchemaError(error, _) => Innermost::Schema(error),
        DataFusionError::Plan(text)
        | DataFusionError::Execution(text)
        | DataFusionError::Configuration(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::Internal(text) => Innermost::Text(text.clone()),
        DataFusionError::ResourcesExhausted(text) => Innermost::Text(wording::exhausted(text)),
        DataFusionError::External(inner) => of_external(inner.as_ref()),
        DataFusionError::SQL(inner, _) => {
            Innermost::Text(format!("syntax: {}", inner.to_string().trim_start_matches("sql parser error: ")))
        }
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => of_external(inner.as_ref()),
            other => Innermost::Text(other.to_string()),
        },
        other => Innermost::Text(other.strip_backtrace()),
    }
}

fn of_external<'a>(inner: &'a (dyn std::error::Error + Send + Sync + 'static)) -> Innermost<'a> {
    if let Some(problem) = inner.downcast_ref::<Problem>() {
        return Innermost::Own(problem);
    }
    inner.downcast_ref::<DataFusionError>().map_or_else(|| Innermost::Text(inner.to_string()), innermost)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_keeps_its_code_on_its_way() {
        let lock = || coded(SqlState::LOCK_NOT_AVAILABLE, "profile customer", "is being refreshed");
        let wrapped = DataFusionError::Context("refresh".into(), Box::new(DataFusionError::External(Box::new(lock()))));
        assert_eq!((sqlstate(&wrapped).code(), message(&wrapped).as_str()), ("55P03", "profile customer: is being refreshed"));
        let arrow = ArrowError::ExternalError(Box::new(lock()));
        assert_eq!(sqlstate(&DataFusionError::ArrowError(Box::new(arrow), None)), SqlState::LOCK_NOT_AVAILABLE);
        let full = DataFusionError::IoError(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(sqlstate(&full), SqlState::DISK_FULL);
    }

    #[test]
    fn an_error_can_be_about_another_function() {
        let shared = coded(SqlState::DATA_EXCEPTION, "rfm", "is too large");
        let renamed = renamed(DataFusionError::External(Box::new(shared)), "rfm", "rfm_bins");
        assert_eq!((message(&renamed).as_str(), sqlstate(&renamed)), ("rfm_bins: is too large", SqlState::DATA_EXCEPTION));
    }

    #[test]
    fn what_is_kept_of_an_error_has_no_values() {
        let objects = ["profile p".to_string(), "tag a".into(), "tag b".into()];
        let cast = DataFusionError::ArrowError(Box::new(ArrowError::CastError("Cannot cast string 'x13800138000'".into())), None);
        let ends = "(SQLSTATE 22P02); run it again to see the values, which are not kept";
        let reads = "a text cannot be converted to the type it is cast to";
        assert_eq!(without_values(&cast, &objects), format!("profile p: {reads} {ends}"));
        let named = coded(SqlState::INVALID_TEXT_REPRESENTATION, "tag b", "Cannot cast string 'x13800138000'");
        assert_eq!(without_values(&named, &objects), format!("tag b: {reads} {ends}"));
        let several = coded(SqlState::INVALID_TEXT_REPRESENTATION, "one of tag a, tag b", "'x13800138000'");
        assert_eq!(without_values(&several, &objects), format!("tag a, tag b: {reads} {ends}"));
        let of_a_value = coded(SqlState::INVALID_TEXT_REPRESENTATION, "13800138000", "'x13800138000'");
        assert_eq!(without_values(&of_a_value, &objects), format!("profile p: {reads} {ends}"));
        let double = in_rows(SqlState::DATA_EXCEPTION, "tag a", "a customer has two values", "13800138000 has two values");
        let wrapped = DataFusionError::ArrowError(Box::new(ArrowError::ExternalError(Box::new(double))), None);
        assert!(without_values(&wrapped, &objects).starts_with("tag a: a customer has two values (SQLSTATE 22000)"));
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(did_you_mean("rmf", ["rfm", "kmeans"]), "; perhaps \"rfm\" is meant");
        assert_eq!(did_you_mean("di", ["id", "en"]), "; perhaps \"id\" is meant");
        assert_eq!(did_you_mean("cn", ["en", "zh"]), "");
        assert_eq!(did_you_mean("bims", ["method", "bins"]), "; perhaps \"bins\" is meant");
        assert_eq!(did_you_mean("orders", ["rfm", "kmeans"]), "");
    }

    #[test]
    fn lists_choices() {
        assert_eq!(one_of(["a"]), "'a'");
        assert_eq!(one_of(["a", "b", "c"]), "'a', 'b' or 'c'");
    }
}
