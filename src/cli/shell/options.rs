//! The commands `\x`, `\format`, `\pset`, `\timing`, `\set` and `\i`.

use clap::ValueEnum;
use portraitdb::{Blocks, Format, Language};

use super::super::console::Failure;
use super::super::parameters;
use super::super::script::Script;
use super::variables::value as value_of;
use super::{Next, Outcome, Shell, edit};

/// On, off, or toggled.
pub fn switched(subject: &str, value: &str, now: bool) -> Result<bool, Failure> {
    match value.to_lowercase().as_str() {
        "" => Ok(!now),
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        other => Err(Failure::Error(format!("{subject}: must be on or off, got \"{other}\""))),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the end of commands, which give an outcome")]
pub fn tell(shell: &Shell, option: &str, value: &str) -> Outcome {
    match shell.console.session.language() {
        Language::En => println!("{option} is {value}"),
        language => println!("{}{}{value}", language.text(option), language.colon()),
    }
    Ok(Next::Go)
}

pub fn blocks(shell: &mut Shell, value: &str) -> Outcome {
    let now = shell.console.blocks;
    if now != Blocks::Always {
        shell.blocks_before = now;
    }
    shell.console.blocks = match value.to_lowercase().as_str() {
        "" if now == Blocks::Always => shell.blocks_before,
        "" | "on" => Blocks::Always,
        "off" => Blocks::Never,
        "auto" => Blocks::WhenWide,
        other => return Err(Failure::Error(format!("\\x: must be on, off or auto, got \"{other}\""))),
    };
    tell(shell, "a block for each row", blocks_now(shell))
}

fn blocks_now(shell: &Shell) -> &'static str {
    match shell.console.blocks {
        Blocks::Always => "on",
        Blocks::Never => "off",
        Blocks::WhenWide => "auto",
    }
}

pub fn format(shell: &mut Shell, value: &str) -> Outcome {
    let value = match value.to_lowercase().as_str() {
        // What psql, DuckDB and SQLite call them.
        "aligned" | "box" | "column" | "duckbox" | "unicode" => "table",
        "line" | "vertical" => return blocks(shell, "on"),
        "jsonlines" => "ndjson",
        "tabs" => "tsv",
        _ => value,
    };
    if !value.is_empty() {
        let format = Format::from_str(value, true).map_err(|_| {
            let names: Vec<String> = Format::value_variants().iter().map(name_of).collect();
            Failure::Error(format!("\\format: must be one of {}, got \"{value}\"", names.join(", ")))
        })?;
        shell.console.set_format(format)?;
    }
    tell(shell, "format", &name_of(&shell.console.format()))
}

fn name_of(format: &Format) -> String {
    format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string())
}

pub fn options(shell: &mut Shell, argument: &str) -> Outcome {
    let (option, value) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
    let value = value.trim();
    match option {
        "" => {
            let state = |is_on: bool| if is_on { "on" } else { "off" };
            println!(
                "expanded {}\nformat   {}\npager    {}\ntiming   {}",
                blocks_now(shell),
                name_of(&shell.console.format()),
                state(shell.console.is_paged),
                state(shell.console.timing)
            );
            Ok(Next::Go)
        }
        "expanded" | "x" => blocks(shell, value),
        "format" => format(shell, value),
        "timing" => timing(shell, value),
        "pager" => {
            shell.console.is_paged = switched("\\pset pager", value, shell.console.is_paged)?;
            tell(shell, "pager", if shell.console.is_paged { "on" } else { "off" })
        }
        other => Err(Failure::Error(format!("\\pset {other}: no such option; there are expanded, format, pager and timing"))),
    }
}

pub fn script(shell: &mut Shell, file: &str) -> Outcome {
    if file.is_empty() {
        return Err(Failure::Error("\\i: needs a file; write \\i FILE".into()));
    }
    let (sql, file) = Script::read(&edit::path(file))?.into_parts();
    let is_typed = std::mem::replace(&mut shell.is_typed, false);
    let run = shell.run_script(&sql, file.as_deref());
    shell.is_typed = is_typed;
    run
}

pub fn set(shell: &mut Shell, argument: &str) -> Outcome {
    let (name, written) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
    if name.is_empty() {
        let all: String =
            shell.variables.all().map(|(name, text)| format!("{name} = '{}'\n", text.replace('\'', "''"))).collect();
        let none = format!("{}\n", shell.console.session.language().text("no variables are set; \\set NAME VALUE sets one"));
        return shell.console.show(if all.is_empty() { &none } else { &all }).map(|()| Next::Go);
    }
    if name.contains('=') {
        let advice = name.replacen('=', " ", 1);
        return Err(Failure::Error(format!("\\set {name}: put a space between name and value; write \\set {advice}")));
    }
    let written = written.trim();
    let value = value_of(&shell.variables.put_into(written));
    // A quoted value is a string even if it looks like a number.
    let given =
        if written.starts_with('\'') && !name.contains(':') { format!("'{}'", value.replace('\'', "''")) } else { value.clone() };
    let parameter = parameters::parse(&format!("{name}={given}")).map_err(|why| Failure::Error(format!("\\set: {why}")))?;
    shell.variables.set(&parameter.name, &value);
    shell.console.session.set_parameter(&parameter.name, parameter.value);
    Ok(Next::Go)
}

pub fn unset(shell: &mut Shell, name: &str) -> Outcome {
    if !shell.variables.unset(name) {
        return Err(Failure::Error(format!("\\unset {name}: there is no such variable; \\set lists them")));
    }
    shell.console.session.unset_parameter(name);
    Ok(Next::Go)
}

pub fn timing(shell: &mut Shell, value: &str) -> Outcome {
    shell.console.timing = switched("\\timing", value, shell.console.timing)?;
    tell(shell, "timing", if shell.console.timing { "on" } else { "off" })
}
