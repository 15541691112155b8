//! How an error is written: subject, rule, value, next step.
//!
//! Inside the crate every error is a [`DataFusionError`]; these helpers give the text its form, as in
//! ``association_rules: min_support must be in (0, 1], got 1.5``. No type of our own wraps DataFusion's.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

/// An error in what the user wrote: `subject` is the function, statement, file or setting it is about.
pub fn invalid(subject: &str, problem: impl std::fmt::Display) -> DataFusionError {
    DataFusionError::Plan(format!("{subject}: {problem}"))
}

/// An error met while running.
pub fn failed(subject: &str, problem: impl std::fmt::Display) -> DataFusionError {
    DataFusionError::Execution(format!("{subject}: {problem}"))
}

/// The error of who needs what another statement or process holds: `subject` is what is held.
pub fn not_available(subject: &str, problem: impl std::fmt::Display) -> DataFusionError {
    failed(subject, problem)
}

/// `; did you mean "x"?` for the candidate nearest to `word`, or nothing when none is near.
///
/// Near means at most one edit for every three letters, and one letter in common, so that `rmf` finds `rfm` and `orders` finds nothing
/// among functions.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"))
}

fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let limit = length.div_ceil(3).min(length.saturating_sub(1));
    candidates
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
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

/// What a person reads: the innermost message, without DataFusion's layers around it.
pub fn message(error: &DataFusionError) -> String {
    match error {
        DataFusionError::Diagnostic(_, inner) => message(inner),
        DataFusionError::Context(_, inner) => message(inner),
        DataFusionError::Shared(inner) => message(inner),
        DataFusionError::Collection(errors) => errors.iter().map(message).collect::<Vec<_>>().join("\n"),
        DataFusionError::Plan(text)
        | DataFusionError::Execution(text)
        | DataFusionError::Configuration(text)
        | DataFusionError::NotImplemented(text) => text.clone(),
        DataFusionError::ResourcesExhausted(text) => format!("out of memory: {text}"),
        DataFusionError::External(inner) => inner.downcast_ref::<DataFusionError>().map_or_else(|| inner.to_string(), message),
        DataFusionError::SQL(inner, _) => format!("syntax: {}", inner.to_string().trim_start_matches("sql parser error: ")),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => {
                inner.downcast_ref::<DataFusionError>().map_or_else(|| inner.to_string(), message)
            }
            other => other.to_string(),
        },
        other => other.strip_backtrace(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(did_you_mean("rmf", ["rfm", "kmeans"]), "; did you mean \"rfm\"?");
        assert_eq!(did_you_mean("bims", ["method", "bins"]), "; did you mean \"bins\"?");
        assert_eq!(did_you_mean("orders", ["rfm", "kmeans"]), "");
    }

    #[test]
    fn lists_choices() {
        assert_eq!(one_of(["a"]), "'a'");
        assert_eq!(one_of(["a", "b", "c"]), "'a', 'b' or 'c'");
    }
}
