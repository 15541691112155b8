//! A file of options for `portrait serve`: one per line, `name = value`, as on the command line but without the dashes.
//!
//! The command line and the environment override it.

use std::path::Path;

use clap::{Command, CommandFactory, FromArgMatches};

use super::Arguments;

/// Parses the arguments again, with the options in a file as their defaults.
///
/// # Errors
/// The file cannot be read, a line is invalid, or an option is unknown or wrong.
pub(super) fn with_file(path: &Path, command: &str) -> Result<Arguments, clap::Error> {
    let fail = |problem: String| {
        let text = format!("{}: {problem}", path.display());
        Arguments::command().error(clap::error::ErrorKind::InvalidValue, text)
    };
    let text = std::fs::read_to_string(path).map_err(|error| fail(format!("cannot be read: {error}")))?;
    let mut arguments = Arguments::command();
    for (number, line) in (1..).zip(text.lines()) {
        let number: usize = number;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(fail(format!("line {number}: write name = value, got {line}")));
        };
        let (name, values) = (name.trim().replace('-', "_"), values(value));
        arguments = with_default(arguments, command, &name, values)
            .ok_or_else(|| fail(format!("line {number}: no such option: {name}; portrait {command} --help lists them")))?;
    }
    let matches = arguments.try_get_matches()?;
    Arguments::from_arg_matches(&matches)
}

/// One value, or several separated by commas, with or without quotes.
fn values(text: &str) -> Vec<String> {
    let plain = |text: &str| {
        let text = text.trim();
        let quoted = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
        quoted.unwrap_or(text).to_string()
    };
    let text = text.trim();
    let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if list.len() == text.len() && !text.contains(',') {
        return vec![plain(text)];
    }
    list.split(',').map(plain).filter(|value| !value.is_empty()).collect()
}

/// The command with a default for an option, of its own or of all commands; `None` when it has no such option.
fn with_default(arguments: Command, command: &str, name: &str, values: Vec<String>) -> Option<Command> {
    if name == "config" {
        return None;
    }
    // Leaked, because clap wants defaults that live as long as the program.
    let values: Vec<&'static str> = values.into_iter().map(|value| &*value.leak()).collect();
    let own = arguments.find_subcommand(command)?;
    if own.get_arguments().any(|argument| argument.get_id() == name) {
        return Some(arguments.mut_subcommand(command, |own| own.mut_arg(name, |argument| argument.default_values(values))));
    }
    let is_known = arguments.get_arguments().any(|argument| argument.get_id() == name && argument.is_global_set());
    is_known.then(|| arguments.mut_arg(name, |argument| argument.default_values(values)))
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn a_value_or_several() {
        assert_eq!(values(" '127.0.0.1:5432' "), ["127.0.0.1:5432"]);
        assert_eq!(values("[\"a:1\", 'b:2']"), ["a:1", "b:2"]);
        assert_eq!(values("a:1, b:2"), ["a:1", "b:2"]);
        assert_eq!(values("./crm"), ["./crm"]);
    }
}
