//! `portrait audit`: checks that nobody has changed the records of the audit log.

use std::io::Write;

use portraitdb::{AuditRecord, Engine, printable};

use super::console::Failure;

pub(super) const EXAMPLES: &str = "\
Examples:
  portrait -d crm audit                              shows the number and hash of the last record; write them down elsewhere
  portrait -d crm audit --expect 1234:5d1f0c3e…      checks that this record has this hash
The records themselves are in system.audit: portrait -d crm -c 'SELECT * FROM system.audit'";

#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    /// The number and hash of a record, written down earlier; the record must be unchanged.
    #[arg(long, value_name = "NUMBER:HASH", value_parser = record)]
    expect: Option<AuditRecord>,
}

fn record(text: &str) -> Result<AuditRecord, String> {
    AuditRecord::read(text)
        .ok_or_else(|| "takes a number, a colon and at least eight digits of a hash, as portrait audit prints them".into())
}

/// Prints what is wrong, one line each, and fails when anything is.
pub(super) fn run(engine: &Engine, asked: &Audit) -> Result<(), Failure> {
    let found = engine.verify_audit(asked.expect.as_ref())?;
    let mut out = std::io::stdout().lock();
    for problem in &found.problems {
        writeln!(out, "{}", printable(&format!("record {}: {}", problem.number, problem.text)))?;
    }
    let plural = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let mut looked_at = plural(found.records, "record", "records");
    if found.keyed > 0 {
        looked_at.push_str(&format!(", {} of them with a key", found.keyed));
    }
    if found.cut_off > 0 {
        looked_at.push_str(&format!(", {} cut off when the machine stopped", plural(found.cut_off, "line", "lines")));
    }
    if found.without_key > 0 {
        let problem = "PORTRAIT_AUDIT_KEY_FILE must name the file with the key that they were made with";
        return Err(Failure::Error(format!("audit: {} of {looked_at} cannot be verified: {problem}", found.without_key)));
    }
    match found.problems.len() {
        0 => {
            writeln!(out, "whole: {looked_at}")?;
            if let Some((number, at, hash)) = found.last {
                writeln!(out, "last: {number}:{hash} of {at}")?;
            }
            Ok(())
        }
        problems => Err(Failure::Error(format!("audit: {} in {looked_at}", plural(problems as u64, "problem", "problems")))),
    }
}
