//! `\e`: the query in an editor.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::console::Failure;
use super::super::screen::is_installed;
use super::super::signals::Elsewhere;
use super::input::cut;
use super::{Next, Outcome, Shell};

/// A file name from a command: quotes around it are removed, and ~ is the user's home folder.
pub fn path(argument: &str) -> PathBuf {
    let plain = argument.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).map(|quoted| quoted.replace("''", "'"));
    let plain = plain.unwrap_or_else(|| argument.trim_matches('"').to_string());
    match (plain.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(plain),
    }
}

pub fn run(shell: &mut Shell, file: &str) -> Outcome {
    let fail = |error: std::io::Error| Failure::Error(format!("\\e: {error}"));
    if !file.is_empty() {
        let file = path(file);
        edited(&file)?;
        return Ok(taken(&std::fs::read_to_string(&file).map_err(fail)?));
    }
    let before = shell.query().trim().to_string();
    // It is still there when the editor fails: \e edits it again, \g runs it.
    shell.last.clone_from(&before);
    let mut temporary = tempfile::Builder::new().prefix("portrait-").suffix(".sql").tempfile().map_err(fail)?;
    temporary.write_all(format!("{before}\n").as_bytes()).and_then(|()| temporary.flush()).map_err(fail)?;
    edited(temporary.path())?;
    // Editors may replace the file by another.
    let after = std::fs::read_to_string(temporary.path()).map_err(fail)?;
    if after.trim() == before && !before.is_empty() {
        println!("the query is unchanged; \\g runs it");
        return Ok(Next::Go);
    }
    Ok(taken(&after))
}

/// Runs the edited text if it is complete; otherwise leaves it to be completed at the prompt.
fn taken(text: &str) -> Next {
    let text = text.trim();
    if text.is_empty() {
        return Next::Go;
    }
    if !cut(text, true).is_ready() {
        return Next::Type(text.to_string());
    }
    println!("{text}");
    Next::Run(text.to_string())
}

fn edited(file: &Path) -> Result<(), Failure> {
    let chosen = ["PORTRAIT_EDITOR", "VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let installed = || ["vi", "vim", "nano"].into_iter().find(|program| is_installed(program)).map(String::from);
    let Some(editor) = chosen.or_else(installed) else {
        return Err(Failure::Error("\\e: no editor is set; set the environment variable EDITOR".into()));
    };
    let _elsewhere = Elsewhere::new();
    // The variable may hold arguments too: `code --wait`.
    let ended = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(file).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Error(format!("\\e: the editor \"{editor}\" ended with {status}; nothing was run"))),
        Err(error) => Err(Failure::Error(format!("\\e: the editor \"{editor}\" could not be started: {error}"))),
    }
}

/// `\!`: a command of the system, or its shell. Scripts cannot use it: running a file of SQL must not start other programs.
pub fn outside(shell: &mut Shell, command: &str) -> Outcome {
    if !shell.is_typed {
        return Err(Failure::Error("\\!: runs only when you type it, not in a script, -c or a pipe".into()));
    }
    let _elsewhere = Elsewhere::new();
    let mut program = Command::new("sh");
    if !command.is_empty() {
        program.arg("-c").arg(command);
    }
    match program.status() {
        Ok(status) if status.success() => Ok(Next::Go),
        Ok(status) => Err(Failure::Error(format!("\\!: ended with {status}"))),
        Err(error) => Err(Failure::Error(format!("\\!: could not be started: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_with_or_without_quotes() {
        for (written, read) in [("'a b.sql'", "a b.sql"), ("a.sql", "a.sql"), ("\"x\"", "x"), ("'it''s'", "it's")] {
            assert_eq!(path(written), Path::new(read));
        }
        assert!(path("~/a").is_absolute());
    }
}
