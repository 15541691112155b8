//! Completion scripts and manual pages, made from the same definition as the arguments.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::Arguments;
use super::console::Failure;

/// How to install the scripts.
pub(super) const COMPLETIONS: &str = "\
Examples:
  portrait completions bash > ~/.local/share/bash-completion/completions/portrait
  portrait completions zsh > ~/.zfunc/_portrait            with fpath+=~/.zfunc before compinit
  portrait completions fish > ~/.config/fish/completions/portrait.fish";

/// How to read the pages.
pub(super) const MANUAL: &str = "\
Examples:
  portrait man | man -l -
  portrait man ~/.local/share/man/man1";

/// Prints the completion script of a command line.
pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = vec![];
    clap_complete::generate(shell, &mut Arguments::command(), "portrait", &mut script);
    Ok(io::stdout().write_all(&script)?)
}

/// Prints the manual page, or writes all of them to a folder.
pub(super) fn manual(folder: Option<&Path>) -> Result<(), Failure> {
    let mut command = Arguments::command();
    command.build();
    let Some(folder) = folder else {
        let mut page = vec![];
        Man::new(command).render(&mut page)?;
        return Ok(io::stdout().write_all(&page)?);
    };
    let fail = |error: io::Error| Failure::Error(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(fail)?;
    clap_mangen::generate_to(command, folder).map_err(fail)
}
