//! `\copy`: a result to the clipboard, with tabs between columns, as spreadsheets take it.
//!
//! psql's `\copy table to file` writes a file; so it does here.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use parking_lot::Mutex;
use portraitdb::{Format, ResultWriter, TableStyle};

use super::super::console::Failure;
use super::super::kept::KeptResult;
use super::super::screen::is_installed;
use super::edit::path;
use super::lexer::{Kind, tokens};
use super::repeated::{not_kept, number};
use super::{Next, Outcome, Shell};

/// The most that terminals usually accept in one sequence.
const MOST_FOR_TERMINAL: usize = 74_000;

pub fn run(shell: &mut Shell, argument: &str) -> Outcome {
    if !argument.is_empty() && number(argument, "\\copy").is_err() {
        return to_file(shell, argument);
    }
    let wanted = if argument.is_empty() { None } else { Some(number(argument, "\\copy")?) };
    let result = shell.console.kept.as_ref().and_then(|kept| kept.get(wanted));
    let Some(result) = result else {
        return Err(if wanted.is_some() {
            not_kept("\\copy", argument)
        } else {
            Failure::Error("\\copy: there is no result yet; run a query first".into())
        });
    };
    let text = written(result)?;
    let place = put(&text)?;
    println!("{} row{} copied{place}", result.rows, if result.rows == 1 { "" } else { "s" });
    Ok(Next::Go)
}

/// A buffer shared by a writer and its owner.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written(result: &KeptResult) -> Result<Vec<u8>, Failure> {
    let memory = Memory::default();
    let sink = Box::new(memory.clone());
    let mut writer = ResultWriter::new(Format::Tsv, sink, Arc::clone(&result.schema), TableStyle::default())?;
    result.batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()?;
    let text = std::mem::take(&mut *memory.0.lock());
    Ok(text)
}

/// Puts the text on the clipboard of the desktop, or of the terminal; says which one if it matters.
fn put(text: &[u8]) -> Result<&'static str, Failure> {
    let has = |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    let programs: [(&str, &[&str], bool); 5] = [
        ("pbcopy", &[], true),
        ("wl-copy", &[], has("WAYLAND_DISPLAY")),
        ("xclip", &["-selection", "clipboard"], has("DISPLAY")),
        ("xsel", &["--clipboard", "--input"], has("DISPLAY")),
        ("clip.exe", &[], has("WSL_DISTRO_NAME")),
    ];
    for (program, arguments, is_there) in programs {
        if is_there && is_installed(program) && given(program, arguments, text).is_ok() {
            return Ok(" to the clipboard");
        }
    }
    if text.len() > MOST_FOR_TERMINAL {
        return Err(Failure::Error(format!(
            "\\copy: a terminal takes {MOST_FOR_TERMINAL} bytes for its clipboard, got {}; \\o FILE writes a file",
            text.len()
        )));
    }
    print!("\u{1b}]52;c;{}\u{7}", base64(text));
    io::stdout().flush()?;
    Ok(" to the clipboard of the terminal, if it allows that (OSC 52)")
}

fn given(program: &str, arguments: &[&str], text: &[u8]) -> io::Result<()> {
    let mut child =
        Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text)?;
    }
    if child.wait()?.success() { Ok(()) } else { Err(io::Error::other("it failed")) }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut written = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, place| bits << 8 | u32::from(part.get(place).copied().unwrap_or(0)));
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place) & 63) as usize;
            written.push(if place <= part.len() { char::from(LETTERS[index]) } else { '=' });
        }
    }
    written
}

/// `\copy TABLE to FILE`, `\copy (QUERY) to FILE`, with the options that psql takes after the file.
fn to_file(shell: &mut Shell, argument: &str) -> Outcome {
    let found = tokens(argument);
    let word = |wanted: &str| {
        let mut depth = 0_usize;
        found.iter().find(|token| {
            match token.kind {
                Kind::Opening => depth += 1,
                Kind::Closing => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.kind == Kind::Word && argument[token.range.clone()].eq_ignore_ascii_case(wanted)
        })
    };
    let Some(to) = word("to") else {
        let advice = match word("from") {
            Some(from) => {
                let (file, _) = file_and_options(&argument[from.range.end..]);
                let (table, file) = (argument[..from.range.start].trim(), path(file).display().to_string());
                format!("to read a file, write INSERT INTO {table} SELECT * FROM '{}'", file.replace('\'', "''"))
            }
            None => "write \\copy, \\copy NUMBER, or \\copy TABLE to FILE".to_string(),
        };
        return Err(Failure::Error(format!(
            "\\copy {argument}: copies a result to the clipboard, or a table to a file; {advice}"
        )));
    };
    let (file, options) = file_and_options(&argument[to.range.end..]);
    let (source, file) = (argument[..to.range.start].trim(), path(file));
    if source.is_empty() || file == Path::new("") {
        return Err(Failure::Error("\\copy: write \\copy TABLE to FILE, or \\copy (QUERY) to FILE".into()));
    }
    let sql = format!("COPY {source} TO '{}' {}", file.display().to_string().replace('\'', "''"), copy_options(options));
    shell.run_query(sql.trim_end())
}

/// The name of a file, with its quotes, and what follows it.
fn file_and_options(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = match tokens(text).first() {
        Some(token) if matches!(token.kind, Kind::Text | Kind::Name) => token.range.end,
        _ => text.find(char::is_whitespace).unwrap_or(text.len()),
    };
    (text[..end].trim(), text[end..].trim())
}

/// PostgreSQL's old spelling `csv header` as a list of options; a list in parentheses stays.
fn copy_options(written: &str) -> String {
    let found: Vec<_> = tokens(written).into_iter().filter(|token| token.kind != Kind::Space).collect();
    let text = |place: usize| found.get(place).map_or("", |token| &written[token.range.clone()]);
    let (mut options, mut place) = (vec![], usize::from(text(0).eq_ignore_ascii_case("with")));
    if text(place) == "(" {
        return written.to_string();
    }
    while place < found.len() {
        match text(place).to_lowercase().as_str() {
            "csv" => options.push("FORMAT csv".to_string()),
            "header" => options.push("HEADER true".to_string()),
            word => {
                // A word and its value: `delimiter ';'`, `null 'NA'`.
                options.push(format!("{word} {}", text(place + 1)).trim_end().to_string());
                place += 1;
            }
        }
        place += 1;
    }
    if options.is_empty() { String::new() } else { format!("({})", options.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::{base64, copy_options, file_and_options};

    #[test]
    fn options_of_psql_follow_the_file() {
        for (written, file, options) in [
            (" 'a b.csv' csv header", "'a b.csv'", "(FORMAT csv, HEADER true)"),
            ("a.csv", "a.csv", ""),
            ("'a.csv' with (format csv, header)", "'a.csv'", "with (format csv, header)"),
            ("data/a.csv WITH CSV DELIMITER ';'", "data/a.csv", "(FORMAT csv, delimiter ';')"),
        ] {
            let (name, rest) = file_and_options(written);
            assert_eq!((name, copy_options(rest).as_str()), (file, options), "{written}");
        }
    }

    #[test]
    fn base64_is_as_in_the_standard() {
        for (text, written) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("客户", "5a6i5oi3")]
        {
            assert_eq!(base64(text.as_bytes()), written);
        }
    }
}
