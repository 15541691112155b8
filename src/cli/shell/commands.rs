//! The commands of the shell, in one table. Dispatch, `\?`, completion and the page in the reference are derived from it.

use std::fmt::Write;

use portraitdb::{Language, display_width, wrapped};

use super::super::console::Failure;
use super::super::screen;
use super::{Next, Outcome, Shell, charting, clipboard, edit, help, listing, options, repeated};

/// The argument that a command takes, for completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    Table,
    Function,
    Page,
    File,
    Variable,
    Words(&'static [&'static str]),
}

/// One command.
pub struct Command {
    /// The name that messages show, then its other names.
    pub names: &'static [&'static str],
    pub arguments: &'static str,
    pub help: &'static str,
    pub takes: Takes,
    pub run: fn(&mut Shell, &str) -> Outcome,
}

/// Commands of one subject.
pub struct Group {
    pub title: &'static str,
    /// Lines to type, and what they print; a test runs them.
    pub example: Option<[&'static str; 2]>,
    pub commands: &'static [Command],
}

const FORMATS: &[&str] = &["table", "csv", "tsv", "json", "ndjson", "markdown"];
const ON_OFF: &[&str] = &["on", "off"];

/// All of them.
pub const GROUPS: [Group; 5] = [
    Group {
        title: "Help",
        example: None,
        commands: &[
            Command {
                names: &["\\?", "help", "?", "？", ".help"],
                arguments: "",
                help: "shows this list",
                takes: Takes::Page,
                run: |shell, name| match name {
                    // psql's `\? variables` is a part of this list.
                    "" | "commands" | "options" | "variables" => {
                        shell.console.show(&text(screen::width(), shell.console.session.language())).map(|()| Next::Go)
                    }
                    // `help rfm`
                    name => help::run(shell, name),
                },
            },
            Command {
                names: &["\\h", "\\help"],
                arguments: "[NAME]",
                help: "shows the page of a function, statement or setting, or lists the pages that contain a word, or all pages; \\h tasks lists them by what you want to do",
                takes: Takes::Page,
                run: help::run,
            },
            Command {
                names: &["\\q", "\\quit", "\\exit", "exit", "quit", ".exit", ".quit"],
                arguments: "",
                help: "leaves the shell; so does Ctrl-D",
                takes: Takes::Nothing,
                run: |_, _| Ok(Next::Leave),
            },
        ],
    },
    Group {
        title: "Tables and functions",
        example: Some([include_str!("examples/tables.sql"), include_str!("examples/tables.txt")]),
        commands: &[
            Command {
                names: &["\\d", "\\describe", ".schema"],
                arguments: "[NAME]",
                help: "lists tables and views, or the columns of a table, view or file; \\dt system.* lists the system tables",
                takes: Takes::Table,
                run: listing::tables_or_columns,
            },
            Command {
                names: &["\\dt", ".tables"],
                arguments: "[PATTERN]",
                help: "lists tables",
                takes: Takes::Table,
                run: |shell, pattern| listing::tables(shell, "BASE TABLE", pattern),
            },
            Command {
                names: &["\\dv"],
                arguments: "[PATTERN]",
                help: "lists views",
                takes: Takes::Table,
                run: |shell, pattern| listing::tables(shell, "VIEW", pattern),
            },
            Command { names: &["\\dn"], arguments: "", help: "lists schemas", takes: Takes::Nothing, run: listing::schemas },
            Command {
                names: &["\\df"],
                arguments: "[PATTERN]",
                help: "lists functions, also those of SQL: all, or those whose name contains the text or matches a pattern with *",
                takes: Takes::Function,
                run: listing::functions,
            },
            Command {
                names: &["\\l", "\\list", ".databases"],
                arguments: "",
                help: "shows the name of the database",
                takes: Takes::Nothing,
                run: listing::databases,
            },
            Command { names: &["\\du", "\\dg"], arguments: "", help: "lists roles", takes: Takes::Nothing, run: listing::roles },
            Command {
                names: &["\\dp", "\\z"],
                arguments: "",
                help: "lists the rights of roles, as given by GRANT",
                takes: Takes::Nothing,
                run: listing::grants,
            },
            Command {
                names: &["\\conninfo"],
                arguments: "",
                help: "shows the database, your role and the version",
                takes: Takes::Nothing,
                run: listing::connection,
            },
        ],
    },
    Group {
        title: "Results",
        example: Some([include_str!("examples/results.sql"), include_str!("examples/results.txt")]),
        commands: &[
            Command {
                names: &["\\x"],
                arguments: "[on|off|auto]",
                help: "shows one block per row: always, never, or only if the table is wider than the screen",
                takes: Takes::Words(&["on", "off", "auto"]),
                run: options::blocks,
            },
            Command {
                names: &["\\format", ".mode"],
                arguments: "[FORMAT]",
                help: "sets the format: table, csv, tsv, json, ndjson or markdown; for files also parquet or excel",
                takes: Takes::Words(FORMATS),
                run: options::format,
            },
            Command {
                names: &["\\pset"],
                arguments: "[OPTION [VALUE]]",
                help: "shows or sets an option: expanded, format, pager, timing",
                takes: Takes::Words(&["expanded", "format", "pager", "timing"]),
                run: options::options,
            },
            Command {
                names: &["\\timing", ".timer"],
                arguments: "[on|off]",
                help: "shows time, rows and rows per second after each query",
                takes: Takes::Words(ON_OFF),
                run: options::timing,
            },
            Command {
                names: &["\\o", ".output"],
                arguments: "[FILE]",
                help: "writes results to a file whose name decides the format (.csv, .json, .parquet, .xlsx …); without a file, to the screen again",
                takes: Takes::File,
                run: |shell, file| {
                    let path = edit::path(file);
                    shell.console.write_to((!file.is_empty()).then_some(path.as_path())).map(|()| Next::Go)
                },
            },
            Command {
                names: &["\\r"],
                arguments: "[NUMBER]",
                help: "shows an earlier result again, in the current format; without a number, lists the results that are kept",
                takes: Takes::Nothing,
                run: repeated::again,
            },
            Command {
                names: &["\\chart"],
                arguments: "[KIND] [x=COLUMN] [y=COLUMN,…] [series=COLUMN]",
                help: "draws the last result, or the query typed before it, as bars, a line, a heatmap …; chooses what you leave out",
                takes: Takes::Nothing,
                run: charting::run,
            },
            Command {
                names: &["\\copy"],
                arguments: "[NUMBER]",
                help: "copies an earlier result, or the last one, to the clipboard; \\copy TABLE or (QUERY) to FILE writes a file",
                takes: Takes::Table,
                run: clipboard::run,
            },
        ],
    },
    Group {
        title: "Queries",
        example: Some([include_str!("examples/queries.sql"), include_str!("examples/queries.txt")]),
        commands: &[
            Command {
                names: &["\\g"],
                arguments: "",
                help: "runs what was typed, as a semicolon does; without a query, runs the last one again",
                takes: Takes::Nothing,
                run: repeated::go,
            },
            Command {
                names: &["\\gx", "\\G"],
                arguments: "",
                help: "like \\g, but shows one block per row",
                takes: Takes::Nothing,
                run: repeated::go_in_blocks,
            },
            Command {
                names: &["\\watch"],
                arguments: "[SECONDS [TIMES]]",
                help: "runs the query again and again, every 2 seconds by default, until Ctrl-C",
                takes: Takes::Nothing,
                run: repeated::watch,
            },
            Command {
                names: &["\\e", "\\edit"],
                arguments: "[FILE]",
                help: "edits the query, or a file, in $VISUAL or $EDITOR; after saving, complete statements run",
                takes: Takes::File,
                run: edit::run,
            },
            Command {
                names: &["\\p"],
                arguments: "",
                help: "prints the query typed so far",
                takes: Takes::Nothing,
                run: |shell, _| {
                    let query = shell.query().to_string();
                    shell.console.show(&format!("{}\n", query.trim())).map(|()| Next::Go)
                },
            },
            Command {
                names: &["\\i", ".read"],
                arguments: "FILE",
                help: "runs a script",
                takes: Takes::File,
                run: options::script,
            },
            Command {
                names: &["\\echo"],
                arguments: "TEXT",
                help: "prints a text with its variables replaced",
                takes: Takes::Nothing,
                run: |shell, text| {
                    let text = super::variables::spoken(&shell.variables.put_into(text));
                    shell.console.show(&format!("{text}\n")).map(|()| Next::Go)
                },
            },
            Command {
                names: &["\\!", ".shell", ".system"],
                arguments: "[COMMAND]",
                help: "runs a command of the system, or its shell; only when you type it",
                takes: Takes::File,
                run: edit::outside,
            },
        ],
    },
    Group {
        title: "Variables",
        example: Some([include_str!("examples/variables.sql"), include_str!("examples/variables.txt")]),
        commands: &[
            Command {
                names: &["\\set"],
                arguments: "[NAME[:TYPE] VALUE]",
                help: "sets a variable: $NAME is the value, :NAME its text, :'NAME' in quotes, :\"NAME\" as a name; without a name, lists all",
                takes: Takes::Variable,
                run: options::set,
            },
            Command {
                names: &["\\unset"],
                arguments: "NAME",
                help: "removes a variable",
                takes: Takes::Variable,
                run: options::unset,
            },
        ],
    },
];

/// Commands of psql and DuckDB that do not exist here, and what to use instead.
const OF_OTHERS: &[(&[&str], &str)] = &[
    (&["\\c", "\\connect", ".open"], "there is one database at a time; portrait -d DIR opens another"),
    (&["\\di", ".indexes", ".indices"], "there are no indexes"),
    (&["\\cd", ".cd"], "file names are relative to the folder in which the program was started"),
    (&["\\sf", "\\sv"], "there is no such command; SHOW CREATE VIEW shows a view, and system.functions the functions"),
    (&["\\a", "\\t", "\\H", "\\f", ".separator", ".headers", ".header"], "there is no such command; \\format sets the format"),
    (&["\\ir", "\\include"], "there is no such command; \\i runs a script"),
    (
        &["\\ds", "\\dm", "\\dT", "\\dE", "\\do", "\\dx", "\\dP"],
        "there is no such command; \\dt lists tables, \\dv views, \\df functions",
    ),
    (&["\\password"], "there is no such command; ALTER ROLE name PASSWORD '…' sets a password"),
    (&["\\encoding"], "there is no such command; the shell writes UTF-8, and read_csv has the option encoding"),
    (&["\\s"], "there is no such command; Ctrl-R searches the history"),
    (&["\\w"], "there is no such command; \\p prints the query, \\e FILE edits a file"),
    (&["\\gset", "\\prompt"], "there is no such command; \\set sets a variable"),
    (&["\\gexec", "\\gdesc"], "there is no such command; DESCRIBE query shows its columns"),
    (&["\\if", "\\elif", "\\else", "\\endif"], "there is no such command; write CASE in the query"),
    (&["\\qecho", "\\warn", ".print"], "there is no such command; \\echo prints a text"),
    (&["\\crosstabview"], "there is no such command; PIVOT turns values into columns"),
    (&[".once", ".excel"], "there is no such command; \\o FILE sends results to a file, \\o alone ends it"),
    (&[".import"], "there is no such command; CREATE TABLE name AS SELECT * FROM 'file.csv' reads a file"),
    (&[".dump"], "there is no such command; portrait -d DIR dump prints all definitions, BACKUP DATABASE saves everything"),
    (&[".maxrows"], "there is no such command; SET portrait.max_rows_shown limits the rows shown"),
    (&[".width", ".maxwidth"], "there is no such command; \\x auto folds rows that are wider than the screen"),
    (&[".nullvalue"], "there is no such command; write coalesce(column, 'text') in the query"),
    (&[".show"], "there is no such command; \\pset shows the options"),
];

/// Every command.
pub fn all() -> impl Iterator<Item = &'static Command> {
    GROUPS.iter().flat_map(|group| group.commands)
}

/// The name of the command in a line, and its argument.
pub fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    let end = line.find(|letter: char| letter.is_whitespace() || matches!(letter, ';' | '；')).unwrap_or(line.len());
    let argument = line[end..].trim().trim_end_matches([';', '；']).trim();
    (&line[..end], argument)
}

/// The command in a line, and its argument.
pub fn find(line: &str) -> Result<(&'static Command, &str), Failure> {
    let (name, argument) = split(line);
    // psql's `\dt+` shows more details; here it is the same as `\dt`.
    let plain = if name.starts_with("\\d") { name.trim_end_matches(['+', 'S']) } else { name };
    let is_word = !name.starts_with(['\\', '.']);
    let found = all().find(|command| {
        command.names.iter().any(|known| if is_word { known.eq_ignore_ascii_case(plain) } else { *known == plain })
    });
    match found {
        Some(command) => Ok((command, argument)),
        None => {
            if let Some((_, advice)) = OF_OTHERS.iter().find(|(names, _)| names.contains(&plain)) {
                return Err(Failure::Error(format!("{name}: {advice}")));
            }
            // Any single letter would be similar to any other.
            let names = all().filter(|_| plain.len() > 2).flat_map(|command| command.names.first());
            let near = names.filter(|known| strsim::levenshtein(known, plain) == 1).copied().collect::<Vec<_>>();
            let advice = if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(" or ")) };
            Err(Failure::Error(format!("{name}: no such command; {advice}\\? lists them")))
        }
    }
}

/// The output of `\?` on a screen of that width.
pub fn text(width: usize, language: Language) -> String {
    let name = |command: &Command| format!("{} {}", command.names[0], command.arguments);
    let wide = all().map(|command| display_width(&name(command))).max().unwrap_or(0);
    let about = "Statements end with a semicolon and may take several lines; the prompt shows what is open: ' \" ( or * for a comment. \
                 Tab completes, Ctrl-R searches the history, Ctrl-C stops a query or clears the line.";
    let mut text = wrapped(language.text(about), width).join("\n") + "\n";
    for group in &GROUPS {
        let _ = write!(text, "\n{}\n", language.text(group.title));
        for command in group.commands {
            for (place, line) in
                wrapped(language.text(command.help), width.saturating_sub(wide + 4).max(20)).into_iter().enumerate()
            {
                let name = if place == 0 { name(command) } else { String::new() };
                let _ = writeln!(text, "  {name:wide$}  {line}");
            }
        }
    }
    text
}

/// The page of commands for the reference.
pub fn markdown(language: Language) -> String {
    let mut page = String::from(language.text(
        "# Shell\n\n`portrait` in a terminal is a shell. Statements end with a semicolon; a line that begins with a backslash is a command.\n\
         `help`, `exit` and `quit` need neither. Pasted text runs when its last statement is complete. What is in square brackets may be left out.\n\
         A command also works outside the shell: `portrait -c '\\d'`. Some commands of DuckDB and SQLite are understood in the shell, such as `.tables`.\n",
    ));
    for group in &GROUPS {
        let (title, headings) = (language.text(group.title), language.text("| command | what it does |"));
        let _ = write!(page, "\n## {title}\n\n{headings}\n|---|---|\n");
        for command in group.commands {
            let written = format!("{} {}", command.names[0], command.arguments).trim().replace('|', "\\|");
            let _ = writeln!(page, "| `{written}` | {} |", language.text(command.help).replace('|', "\\|"));
        }
        if let Some([typed, printed]) = group.example {
            let _ = write!(page, "\n```sql\n{typed}```\n\n```text\n{printed}```\n");
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_told() {
        let names: Vec<&str> = all().flat_map(|command| command.names).copied().collect();
        for (place, name) in names.iter().enumerate() {
            assert!(!names[..place].contains(name), "{name}");
        }
        let told = text(80, Language::En);
        assert!(all().all(|command| told.contains(command.names[0]) && !command.help.is_empty()));
        assert!(told.lines().all(|line| display_width(line) <= 80), "{told}");
    }

    #[test]
    fn commands_are_found_by_every_name() {
        let found = |line: &str| find(line).map(|(command, argument)| (command.names[0], argument.to_string()));
        for (line, name, argument) in [
            ("\\d;", "\\d", ""),
            ("\\dt+ o*", "\\dt", "o*"),
            ("HELP rfm;", "\\?", "rfm"),
            ("exit", "\\q", ""),
            (".tables", "\\dt", ""),
            ("？", "\\?", ""),
        ] {
            assert_eq!(found(line).unwrap(), (name, argument.to_string()), "{line}");
        }
        let Err(Failure::Error(problem)) = found("\\tming") else { panic!("found") };
        assert_eq!(problem, "\\tming: no such command; did you mean \\timing? \\? lists them");
    }
}
