//! `portrait report` and `portrait card`: the statements COPY REPORT and COPY CARD.

use clap::Args;
use portraitdb::Language;

use super::console::{Console, Failure};
use super::script::Script;

pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  portrait -d crm report customer -o portrait.html
  portrait -d crm report customer -o june.html --as-of 2025-06-30 --compare-with 2025-05-31 --language zh
  portrait -d crm report customer -o own.html --sections ./sections     your own sections and the built-in ones";

pub(super) const CARD_EXAMPLES: &str = "\
Example:
  portrait -d crm card customer 42 -o 42.html";

/// The options of both.
#[derive(Debug, Args)]
struct Asked {
    /// The time of the report [default: the last refresh].
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// The language [default: that of the locale].
    #[arg(long, value_enum)]
    language: Option<Language>,
    /// A folder with your own sections; a section with the name of a built-in one replaces it.
    #[arg(long, value_name = "DIR")]
    sections: Option<String>,
    /// The heading.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Report {
    /// The profile.
    #[arg(value_name = "PROFILE")]
    profile: String,
    /// An earlier time to compare with.
    #[arg(long, value_name = "TIME")]
    compare_with: Option<String>,
    /// Groups with fewer customers are suppressed.
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    smallest: u32,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Args)]
pub(super) struct Card {
    /// The profile.
    #[arg(value_name = "PROFILE")]
    profile: String,
    /// The key of the customer.
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    asked: Asked,
}

/// A text as an SQL literal.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Asked {
    fn options(&self) -> Vec<String> {
        let mut options: Vec<String> = self.language.map(|language| format!("language = '{language}'")).into_iter().collect();
        options.extend(self.as_of.as_deref().map(|time| format!("as_of = {}", time_of(time))));
        options.extend(self.sections.as_deref().map(|folder| format!("sections = {}", literal(folder))));
        options.extend(self.title.as_deref().map(|title| format!("title = {}", literal(title))));
        options
    }
}

/// A day, or a time.
fn time_of(text: &str) -> String {
    let word = if text.trim().len() <= 10 { "DATE" } else { "TIMESTAMP" };
    format!("{word} {}", literal(text.trim()))
}

impl Report {
    pub(super) fn run(&self, console: &mut Console, output: &str) -> Result<(), Failure> {
        let mut options = self.asked.options();
        options.push(format!("smallest = {}", self.smallest));
        options.extend(self.compare_with.as_deref().map(|time| format!("compare_with = {}", time_of(time))));
        let (profile, output) = (name(&self.profile), literal(output));
        console.run(&Script::given(format!("COPY REPORT {profile} TO {output} WITH ({})", options.join(", "))))
    }
}

impl Card {
    pub(super) fn run(&self, console: &mut Console, output: &str) -> Result<(), Failure> {
        // A string is compared with a numeric key as a number.
        // Passed as text, which is converted to the key's type: in a text key, 0042 keeps its zeros.
        let key = literal(&self.key);
        let (profile, output) = (name(&self.profile), literal(output));
        let options = self.asked.options();
        let with = if options.is_empty() { String::new() } else { format!(" WITH ({})", options.join(", ")) };
        console.run(&Script::given(format!("COPY CARD {profile} FOR {key} TO {output}{with}")))
    }
}

fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
