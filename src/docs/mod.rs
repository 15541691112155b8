//! One form for the page of every function, statement and setting.
//!
//! A [`Doc`] is plain data, kept next to the code it describes. The reading of arguments, `system.functions`,
//! `\h name`, completion in the shell and the pages under `sql/reference` are all derived from it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use crate::language::Language;

/// What the examples answer, by their SQL. `portrait docs --examples` makes the file, and a test runs them again.
pub fn results() -> &'static BTreeMap<String, String> {
    static RESULTS: LazyLock<BTreeMap<String, String>> =
        LazyLock::new(|| serde_json::from_str(include_str!("results.json")).unwrap_or_default());
    &RESULTS
}

/// What a page describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary function, used where an expression is.
    Scalar,
    /// A function over a group of rows.
    Aggregate,
    /// A function in FROM: `name(input, role => expression, option => constant)`.
    Relation,
    /// A statement.
    Statement,
    /// A setting: `SET name = value`.
    Setting,
    /// A type of model: `CREATE MODEL … WITH (type = '…')`.
    Model,
    /// A table that the program makes.
    Table,
}

impl Kind {
    /// The word shown in `system.functions`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Aggregate => "aggregate",
            Self::Relation => "relation",
            Self::Statement => "statement",
            Self::Setting => "setting",
            Self::Model => "model",
            Self::Table => "table",
        }
    }
}

/// What an argument takes; arguments are checked against it in one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Takes {
    /// A relation: a table, view or CTE name, a file name in quotes, or `(SELECT …)`. The first is the input that the roles
    /// are read from.
    Relation,
    /// A role of any type.
    Column,
    /// A role: DATE or TIMESTAMP.
    Time,
    /// A role: integer, decimal or float.
    Number,
    /// A role: a condition over the row.
    Condition,
    /// A role that is a condition over the row, or an option that is one of these words.
    ConditionOr(&'static [&'static str]),
    /// Roles: a list of conditions over the row.
    Conditions,
    /// Roles: a list of number columns. Default: every number column of the input that no other role reads.
    Numbers,
    /// Roles: a list of columns of numbers, strings and booleans. Default: every such column that no other role reads.
    Columns,
    /// Like `Columns`, plus columns of dates and times, but only if they are named.
    Ordered,
    /// Like `Columns`, plus columns of dates and times, named or not.
    Features,
    /// Roles: a column of numbers or booleans, or a list of such columns.
    Metrics,
    /// An option: an integer in this range.
    Integer(i64, i64),
    /// An option: a number in this range, both ends included.
    Float(f64, f64),
    /// An option: a share above 0 and at most 1.
    Share,
    /// An option: a list of shares above 0 and at most 1.
    Shares,
    /// An option: a list of values of this role.
    ValuesOf(&'static str),
    /// An option: one of these words.
    Choice(&'static [&'static str]),
    /// An option: one of these words, or a list of them.
    Choices(&'static [&'static str]),
    /// An option: DATE or TIMESTAMP, or a string that can be read as one.
    Moment,
    /// An option: INTERVAL.
    Interval,
    /// An option: a list of numbers in strictly ascending order.
    Cuts,
    /// An option: a string.
    Text,
    /// An option: true or false.
    Flag,
    /// An option: a list of strings.
    Texts,
    /// An option: names of columns, `'a, b'` or `['a', 'b']`.
    Names,
    /// An option of an ordinary function: a table with these columns, read once per statement. Given by its name or `(SELECT …)`; with one
    /// column, also as a list.
    Table(&'static [&'static str]),
    /// The name of an object of this kind, plain or in quotes.
    Name(&'static str),
    /// A query, kept as it is written: `(SELECT …)`.
    Query,
    /// A list of calls that only this function knows, not functions of SQL, described by this text: `[longest(name)]`. Only macros take
    /// them; the names are marked by `text::marked`.
    Calls(&'static str),
    /// An expression, described by this text: a positional argument of an ordinary function, a condition given to a macro.
    Value(&'static str),
}

impl Takes {
    /// True for arguments read from the input's rows.
    pub fn is_role(self) -> bool {
        matches!(self, Self::Column | Self::Time | Self::Number | Self::Condition | Self::ConditionOr(_))
            || self.is_list_of_roles()
    }

    /// True for arguments that read several columns of the input.
    pub fn is_list_of_roles(self) -> bool {
        matches!(self, Self::Numbers | Self::Columns | Self::Ordered | Self::Features | Self::Conditions | Self::Metrics)
    }

    /// True for arguments that are constants of the call.
    pub fn is_option(self) -> bool {
        !self.is_role() && !matches!(self, Self::Relation | Self::Name(_) | Self::Query | Self::Calls(_) | Self::Value(_))
    }

    /// The text shown in the reference.
    pub fn describe(self) -> String {
        match self {
            Self::Relation => "relation".into(),
            Self::Column => "column".into(),
            Self::Time => "date or timestamp column".into(),
            Self::Number => "number column".into(),
            Self::Condition => "condition".into(),
            Self::ConditionOr(words) => {
                format!("{}, or a condition", words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", "))
            }
            Self::Conditions => "list of conditions".into(),
            Self::Numbers => "list of number columns".into(),
            Self::Columns | Self::Ordered | Self::Features => "list of columns".into(),
            Self::Metrics => "column of numbers or booleans, or a list of some".into(),
            Self::Integer(least, most) if most == i64::MAX => format!("integer ≥ {least}"),
            Self::Integer(least, most) => format!("integer, {least} to {most}"),
            Self::Float(f64::NEG_INFINITY, f64::INFINITY) => "number".into(),
            Self::Float(least, most) if most == f64::INFINITY => format!("number ≥ {least}"),
            Self::Float(least, most) => format!("number, {least} to {most}"),
            Self::Share => "number above 0 and at most 1".into(),
            Self::Shares => "list of numbers above 0 and at most 1".into(),
            Self::ValuesOf(role) => format!("list of {role}s"),
            Self::Choice(words) => crate::error::one_of(words.iter().copied()),
            Self::Choices(words) => format!("{}, or a list of them", crate::error::one_of(words.iter().copied())),
            Self::Moment => "date or timestamp".into(),
            Self::Interval => "interval".into(),
            Self::Cuts => "list of ascending numbers".into(),
            Self::Text => "string".into(),
            Self::Flag => "true or false".into(),
            Self::Texts => "list of strings".into(),
            Self::Names => "string or list of strings".into(),
            Self::Table(columns) if columns.len() == 1 => format!("table with the column {}, or a list", columns[0]),
            Self::Table(columns) => format!("table with the columns {}", columns.join(", ")),
            Self::Name(kind) if kind.starts_with(['a', 'e', 'i', 'o']) => format!("name of an {kind}"),
            Self::Name(kind) => format!("name of a {kind}"),
            Self::Query => "query".into(),
            Self::Calls(text) | Self::Value(text) => text.into(),
        }
    }
}

/// One argument of a function.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Name before `=>`.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// `None`: required. `Some("")`: optional, with the default described in the text.
    pub default: Option<&'static str>,
    /// What it means.
    pub text: &'static str,
}

impl Argument {
    /// An argument that must be given.
    pub const fn required(name: &'static str, takes: Takes, text: &'static str) -> Self {
        Self { name, takes, default: None, text }
    }

    /// An argument with a default, written as in SQL.
    pub const fn optional(name: &'static str, takes: Takes, default: &'static str, text: &'static str) -> Self {
        Self { name, takes, default: Some(default), text }
    }
}

/// One column of a relation function's result.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name.
    pub name: &'static str,
    /// SQL type.
    pub data_type: &'static str,
    /// Meaning and unit.
    pub text: &'static str,
}

/// The page of one function, statement or setting.
#[derive(Debug, Clone, Copy)]
pub struct Doc {
    /// Its name as written in SQL.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The domain: one word, the name of its folder.
    pub domain: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// For statements and settings: how it is written. Functions derive theirs from the arguments.
    pub syntax: &'static str,
    /// Paragraphs: definition, formulas, rows that cannot be used, cost, limits.
    pub description: &'static str,
    /// Arguments in their order.
    pub arguments: &'static [Argument],
    /// Columns of the result.
    pub columns: &'static [Column],
    /// Statements that run as they are; a test runs them.
    pub examples: &'static [&'static str],
    /// Where the method comes from.
    pub source: &'static str,
}

impl Doc {
    /// A page to be filled with struct update syntax.
    pub const EMPTY: Self = Self {
        name: "",
        kind: Kind::Scalar,
        domain: "",
        summary: "",
        syntax: "",
        description: "",
        arguments: &[],
        columns: &[],
        examples: &[],
        source: "",
    };

    /// The argument of that name.
    pub fn argument(&self, name: &str) -> Option<&'static Argument> {
        self.arguments.iter().find(|argument| argument.name == name)
    }

    /// The arguments that are relations; they come first.
    pub fn relations(&self) -> impl Iterator<Item = &'static Argument> {
        self.arguments.iter().filter(|argument| argument.takes == Takes::Relation)
    }

    /// How a call is written.
    pub fn syntax(&self) -> String {
        if !self.syntax.is_empty() {
            return self.syntax.to_string();
        }
        match self.kind {
            Kind::Table => return format!("FROM {}", self.name),
            Kind::Setting => return format!("SET {} = value", self.name),
            _ => {}
        }
        let arguments: Vec<String> = self
            .arguments
            .iter()
            .map(|argument| {
                let text = match argument.takes {
                    Takes::Relation | Takes::Name(_) | Takes::Query | Takes::Value(_) => argument.name.to_string(),
                    _ => format!("{} => …", argument.name),
                };
                if argument.default.is_some() { format!("[{text}]") } else { text }
            })
            .collect();
        format!("{}({})", self.name, arguments.join(", "))
    }

    /// The page as Markdown, for `sql/reference` and `\h`.
    pub fn markdown(&self, language: Language) -> String {
        let said = |text: &'static str| language.text(text);
        let mut page = format!("## {}\n\n{}\n\n```sql\n{}\n```\n", self.name, said(self.summary), broken(&self.syntax()));
        let mut examples = self.examples.iter();
        // Whoever sees what a function gives reads the rest more easily.
        if let Some(first) = examples.next() {
            show(&mut page, first);
        }
        if !self.description.is_empty() {
            let _ = write!(page, "\n{}\n", said(self.description).trim());
        }
        if !self.arguments.is_empty() {
            let _ = write!(page, "\n{}\n|---|---|---|---|\n", said("| argument | takes | default | meaning |"));
            for argument in self.arguments {
                let default = match argument.default {
                    None => said("required"),
                    Some(default) => said(default),
                };
                let takes = argument.takes.describe();
                let takes = language.filling(&takes);
                let _ = writeln!(page, "| `{}` | {} | {default} | {} |", argument.name, cell(&takes), cell(said(argument.text)));
            }
        }
        if !self.columns.is_empty() {
            let _ = write!(page, "\n{}\n|---|---|---|\n", said("| column | type | meaning |"));
            for column in self.columns {
                let data_type = language.filling(column.data_type);
                let _ = writeln!(page, "| `{}` | {} | {} |", column.name, cell(&data_type), cell(said(column.text)));
            }
        }
        examples.for_each(|example| show(&mut page, example));
        if !self.source.is_empty() {
            let _ = write!(page, "\n{}{}{}\n", said("Source"), language.colon(), said(self.source));
        }
        page
    }
}

/// Adds an example with its result.
fn show(page: &mut String, example: &str) {
    let _ = write!(page, "\n```sql\n{}\n```\n", example.trim());
    if let Some(result) = results().get(example) {
        let _ = write!(page, "\n```text\n{result}\n```\n");
    }
}

/// How many characters a line of a form may have.
const LINE: usize = 100;

/// A form, with longer lines broken where an argument, a choice or an optional part begins.
fn broken(syntax: &str) -> String {
    let mut lines: Vec<String> = vec![];
    for line in syntax.lines() {
        let indent = line.chars().take_while(|letter| *letter == ' ').count();
        let mut begins = true;
        for part in parts(line.trim_start()) {
            match lines.last_mut().filter(|_| !begins) {
                Some(last) if last.chars().count() + 1 + part.chars().count() <= LINE => {
                    last.push(' ');
                    last.push_str(&part);
                }
                Some(_) => lines.push(format!("{}{part}", " ".repeat(indent + 2))),
                None => lines.push(format!("{}{part}", " ".repeat(indent))),
            }
            begins = false;
        }
    }
    lines.join("\n")
}

/// The parts of a line that stay together.
fn parts(line: &str) -> Vec<String> {
    let mut parts: Vec<String> = vec![];
    for word in line.split(' ') {
        let may_break = word.starts_with(['[', '|']) || parts.last().is_none_or(|last| last.ends_with(','));
        match parts.last_mut().filter(|_| !may_break) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => parts.push(word.to_string()),
        }
    }
    parts
}

/// The text of a cell of a table in Markdown.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_forms_take_several_lines() {
        assert_eq!(broken("f(input, a => …)\n  or g(x)"), "f(input, a => …)\n  or g(x)");
        let long = format!("f(input, {})", ["[argument => …]"; 9].join(", "));
        let lines = broken(&long);
        assert!(lines.lines().count() == 2 && lines.lines().all(|line| line.chars().count() <= LINE), "{lines}");
        assert_eq!(lines.replace("\n ", ""), long);
    }
}
