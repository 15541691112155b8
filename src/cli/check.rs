//! `portrait check`: checks that the database is undamaged.

use std::io::Write;

use portraitdb::{Engine, printable};

use super::console::Failure;

/// Prints what was found, one line each, and fails when data is damaged or missing. What a killed process leaves is no damage.
pub(super) fn run(engine: &Engine) -> Result<(), Failure> {
    let checked = engine.check()?;
    let mut out = std::io::stdout().lock();
    for finding in &checked.findings {
        let object = if finding.object.is_empty() { String::new() } else { format!("{}: ", finding.object) };
        writeln!(out, "{}", printable(&format!("{}: {object}{}: {}", finding.state, finding.file, finding.problem)))?;
    }
    let (objects, files, megabytes) = (checked.objects, checked.files, checked.bytes.div_ceil(1 << 20));
    let looked_at = format!("{files} files of {objects} tables and profiles, {megabytes} MB");
    let problems = checked.findings.iter().filter(|finding| finding.is_loss()).count();
    match problems {
        0 => {
            let left = match checked.findings.len() {
                0 => String::new(),
                1 => "; 1 file that belongs to none of them".into(),
                others => format!("; {others} files that belong to none of them"),
            };
            Ok(writeln!(out, "whole: {looked_at}{left}")?)
        }
        1 => Err(Failure::Error(format!("check: 1 problem in {looked_at}"))),
        problems => Err(Failure::Error(format!("check: {problems} problems in {looked_at}"))),
    }
}
