//! `portrait check`: checks that the database is undamaged.

use std::io::Write;

use portraitdb::{Engine, printable};

use super::console::Failure;

/// Prints what is wrong, one line each, and fails when anything is.
pub(super) fn run(engine: &Engine) -> Result<(), Failure> {
    let checked = engine.check()?;
    let mut out = std::io::stdout().lock();
    for finding in &checked.findings {
        let object = if finding.object.is_empty() { String::new() } else { format!("{}: ", finding.object) };
        writeln!(out, "{}", printable(&format!("{}: {object}{}: {}", finding.state, finding.file, finding.problem)))?;
    }
    let (objects, files, megabytes) = (checked.objects, checked.files, checked.bytes.div_ceil(1 << 20));
    let looked_at = format!("{files} files of {objects} tables and profiles, {megabytes} MB");
    match checked.findings.len() {
        0 => Ok(writeln!(out, "whole: {looked_at}")?),
        1 => Err(Failure::Error(format!("check: 1 problem in {looked_at}"))),
        problems => Err(Failure::Error(format!("check: {problems} problems in {looked_at}"))),
    }
}
