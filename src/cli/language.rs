//! The language of the program outside of a session: that of the locale.

use clap::{Arg, ArgAction, Command};
use portraitdb::{Language, printable};

/// The heading of the options that every command has, which stand after its own.
pub(super) const SHARED: &str = "Options of every command";

/// The language of the locale: the first of these variables that is set decides, as in POSIX.
pub(super) fn of_environment() -> Language {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    locale.map_or(Language::En, |locale| Language::of_locale(&locale))
}

/// A line such as `error: orders.csv: …`, without characters that a terminal would obey.
pub(super) fn line(language: Language, word: &str, text: &str) -> String {
    format!("{}{}{}", language.text(word), language.colon(), printable(&language.message(text)))
}

/// The program's command line, with the help of every command in this language.
pub(super) fn of_program(command: Command, language: Language) -> Command {
    let mut command = localized(command, language);
    if language == Language::En {
        return command;
    }
    // Clap adds `help` by itself, in English, when it builds the command.
    command.build();
    let about = language.text("Print this message or the help of the given subcommand(s)");
    command.mut_subcommand("help", |help| help.about(about))
}

/// Translates the help of a command and of its subcommands.
fn localized(mut command: Command, language: Language) -> Command {
    if language == Language::En {
        return command;
    }
    let said = |text: &dyn ToString| language.text(&text.to_string()).to_string();
    let texts = [command.get_about(), command.get_long_about(), command.get_after_help(), command.get_after_long_help()];
    let [about, long_about, after, long_after] = texts.map(|text| text.map(|text| said(&text)));
    if let Some(text) = about {
        command = command.about(text);
    }
    if let Some(text) = long_about {
        command = command.long_about(text);
    }
    if let Some(text) = after {
        command = command.after_help(text);
    }
    if let Some(text) = long_after {
        command = command.after_long_help(text);
    }
    let arguments = |mut argument: Arg| {
        let texts = [argument.get_help(), argument.get_long_help()].map(|text| text.map(|text| said(&text)));
        let [help, long_help] = texts;
        let more = values(&argument, language);
        if let Some(text) = help {
            argument = argument.help(text + &more);
        }
        if let Some(text) = long_help {
            argument = argument.long_help(text + &more);
        }
        if takes_value(&argument) {
            argument = argument.hide_possible_values(true).hide_default_value(true);
        }
        let heading = if argument.get_help_heading() == Some(SHARED) { SHARED } else { "Options" };
        argument.help_heading(language.text(heading))
    };
    command = command.mut_args(arguments);
    // Clap adds these two by itself, in English.
    let heading = language.text("Options");
    if command.get_version().is_some() {
        let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
        command = command.disable_version_flag(true).arg(version.help(language.text("Print version")).help_heading(heading));
    }
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help);
    command
        .disable_help_flag(true)
        .arg(help.help(language.text("Print help")).help_heading(heading))
        .mut_subcommands(|within| localized(within, language))
        .subcommand_help_heading(language.text("Commands"))
        .help_template(format!(
            "{{before-help}}{{about-with-newline}}\n{}{}{{usage}}\n\n{{all-args}}{{after-help}}",
            language.text("Usage"),
            language.colon()
        ))
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

/// The possible values of an argument, and its default: clap adds them in English.
fn values(argument: &Arg, language: Language) -> String {
    let mut more = String::new();
    if !takes_value(argument) {
        return more;
    }
    let mut add = |word: &str, values: &[String]| {
        if !values.is_empty() {
            more.push_str(&format!(" [{}{}{}]", language.text(word), language.colon(), values.join(", ")));
        }
    };
    if !argument.is_hide_possible_values_set() {
        let possible = argument.get_possible_values();
        let names = possible.iter().filter(|value| !value.is_hide_set()).map(|value| value.get_name().to_string());
        add("Possible values", &names.collect::<Vec<_>>());
    }
    if !argument.is_hide_default_value_set() {
        let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned());
        add("Default", &defaults.collect::<Vec<_>>());
    }
    more
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Arguments;
    use super::*;

    /// Calls a function with each help text of a command, its arguments and its subcommands.
    fn texts(command: &Command, found: &mut Vec<String>) {
        let own = [command.get_about(), command.get_long_about(), command.get_after_help(), command.get_after_long_help()];
        let arguments = command.get_arguments().flat_map(|argument| [argument.get_help(), argument.get_long_help()]);
        found.extend(own.into_iter().chain(arguments).flatten().map(ToString::to_string));
        command.get_subcommands().for_each(|within| texts(within, found));
    }

    #[test]
    fn every_help_text_has_a_translation() {
        let mut found = vec![];
        texts(&Arguments::command(), &mut found);
        assert!(found.len() > 100);
        let missing: Vec<&String> = found.iter().filter(|text| Language::Zh.text(text) == text.as_str()).collect();
        assert!(missing.is_empty(), "src/language/zh/help.json has not: {missing:#?}");
    }
}
