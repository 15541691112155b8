use super::log::AuditLog;
use super::*;
use crate::catalog::access::Access;

fn log(folder: &tempfile::TempDir) -> AuditLog {
    AuditLog::new(Some(folder.path()), Access::OWN)
}

fn entry(role: &str) -> Entry {
    let columns = [("phone".to_string(), "phone".to_string())].into();
    Entry { role: role.into(), object: "customers \"\n\" ,\"hash\":\"".into(), columns, ..Entry::new(Event::Read) }
}

fn lines(folder: &tempfile::TempDir) -> Vec<String> {
    std::fs::read_to_string(folder.path().join(LOG)).unwrap().lines().map(str::to_string).collect()
}

fn write(folder: &tempfile::TempDir, lines: &[String]) {
    std::fs::write(folder.path().join(LOG), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

/// A log with this many records.
fn of_records(count: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    for number in 1..=count {
        assert_eq!(log.append(&[entry(&format!("role {number}"))], true).unwrap(), [number]);
    }
    folder
}

/// The number of the first problem, and how many there are.
fn found(folder: &tempfile::TempDir) -> (Option<u64>, usize) {
    let verified = log(folder).verify(None).unwrap();
    (verified.problems.first().map(|problem| problem.number), verified.problems.len())
}

#[test]
fn a_chain_of_several_writers_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let folder = &folder;
            scope.spawn(move || {
                // Like separate processes: each has its own open file.
                let log = log(folder);
                for place in 0..25 {
                    let numbers =
                        log.append(&[entry(&format!("{writer}.{place}")), Entry::new(Event::Export)], place % 2 == 0).unwrap();
                    assert_eq!(numbers[1], numbers[0] + 1);
                }
            });
        }
    });
    let verified = log(&folder).verify(None).unwrap();
    assert_eq!((verified.records, &verified.problems), (200, &vec![]));
    let records = log(&folder).records().unwrap();
    assert_eq!(records.len(), 200);
    assert_eq!(records[7].0.number, 8);
    assert_eq!(records[0].0.previous, "0".repeat(64));
    let own: Vec<&str> =
        records.iter().map(|(record, _)| record.entry.role.as_str()).filter(|role| role.starts_with("2.")).collect();
    assert_eq!(own, (0..25).map(|place| format!("2.{place}")).collect::<Vec<_>>());
}

#[test]
fn what_was_done_to_a_log_shows() {
    let folder = of_records(9);
    let whole = lines(&folder);
    assert_eq!(found(&folder), (None, 0));
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = whole.clone();
        change(&mut lines);
        write(&folder, &lines);
        let found = found(&folder);
        write(&folder, &whole);
        found
    };
    // Change any byte of a record.
    for place in (0..whole[4].len()).step_by(7) {
        let (first, _) = changed(&|lines| {
            let mut bytes = lines[4].clone().into_bytes();
            bytes[place] = if bytes[place] == b'7' { b'8' } else { b'7' };
            lines[4] = String::from_utf8(bytes).unwrap();
        });
        assert!(first.is_some_and(|first| (5..=7).contains(&first) || place < 20), "{place} {first:?}");
    }
    assert_eq!(changed(&|lines| lines[4] = lines[4].replace("role 5", "role 6")), (Some(5), 1));
    // A forged record with a valid hash: the next record names another one.
    let forged = |lines: &mut Vec<String>| {
        let line = lines[4].replace("role 5", "role 6");
        let line = record::Line::read(line.as_bytes()).unwrap().record().unwrap();
        let line = record::line(&line, |line| hash_of(line, None)).unwrap().0;
        lines[4] = String::from_utf8(line).unwrap().trim_end().to_string();
    };
    assert_eq!(changed(&forged), (Some(6), 1));
    assert_eq!(changed(&|lines| drop(lines.remove(4))), (Some(5), 1));
    assert_eq!(changed(&|lines| drop(lines.drain(2..5))), (Some(3), 1));
    assert_eq!(changed(&|lines| drop(lines.remove(0))), (Some(1), 1));
    assert_eq!(changed(&|lines| lines.truncate(7)), (Some(8), 1));
    assert_eq!(changed(&Vec::clear), (Some(1), 1));
    assert_eq!(changed(&|lines| lines.swap(4, 5)), (Some(5), 2));
    assert_eq!(changed(&|lines| lines.insert(5, whole[1].clone())), (Some(2), 1));
    assert_eq!(changed(&|lines| lines.push(whole[8].clone())), (Some(9), 1));
    assert_eq!(changed(&|lines| lines[4] = "no record".into()), (Some(5), 1));
    assert_eq!(changed(&|lines| lines.push(whole[8].replace("\"number\":9", "\"number\":10"))), (Some(10), 2));
    // Nor do the last records become unnoticed when others follow.
    let cut = of_records(9);
    write(&cut, &lines(&cut)[..7]);
    let writer = log(&cut);
    assert_eq!(writer.append(&[entry("later")], true).unwrap(), [10]);
    assert_eq!(found(&cut), (Some(8), 1));
    write(&cut, &lines(&cut)[..7]);
    assert_eq!(writer.append(&[entry("later still")], true).unwrap(), [11]);
    assert_eq!(found(&cut), (Some(8), 1));
    std::fs::remove_file(folder.path().join(LOG)).unwrap();
    assert_eq!(found(&folder), (Some(1), 1));
    // New records continue the numbering, and the missing ones remain missing.
    assert_eq!(log(&folder).append(&[entry("later")], true).unwrap(), [10]);
    assert_eq!(found(&folder), (Some(1), 1));
}

#[test]
fn a_record_that_was_noted_must_be_there() {
    let folder = of_records(9);
    let (number, _, hash) = log(&folder).verify(None).unwrap().last.unwrap();
    let noted = Expected::read(&format!("{number}:{hash}")).unwrap();
    assert_eq!(noted, Expected { number: 9, hash: hash.clone() });
    assert!(log(&folder).verify(Some(&noted)).unwrap().problems.is_empty());
    // A log that was rewritten without its last records, together with the head.
    let other = of_records(7);
    let problems = log(&other).verify(Some(&noted)).unwrap().problems;
    assert_eq!(problems.iter().map(|problem| problem.number).collect::<Vec<_>>(), [8]);
    let other = Expected { number: 4, hash };
    let problems = log(&folder).verify(Some(&other)).unwrap().problems;
    assert_eq!(problems.iter().map(|problem| problem.number).collect::<Vec<_>>(), [4]);
    assert_eq!(Expected::read("9:12345678").unwrap().hash, "12345678");
    for wrong in ["", "9", "9:", ":12345678", "9:1234", "x:12345678", "9:12345678x"] {
        assert_eq!(Expected::read(wrong), None, "{wrong}");
    }
}

#[test]
fn with_a_key_nobody_else_can_write_a_chain() {
    let key = |byte: u8| AuditKey { version: "v1".into(), key: hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]) };
    let folder = of_records(2);
    let keyed = log(&folder);
    keyed.set_key(key(1));
    (0..3).for_each(|_| drop(keyed.append(&[entry("keyed")], true).unwrap()));
    let verified = keyed.verify(None).unwrap();
    assert_eq!((verified.records, verified.keyed, verified.without_key, verified.problems.len()), (5, 3, 0, 0));
    let verified = log(&folder).verify(None).unwrap();
    assert_eq!((verified.records, verified.keyed, verified.without_key, verified.problems.len()), (5, 3, 3, 0));
    let other = log(&folder);
    other.set_key(key(2));
    assert_eq!(other.verify(None).unwrap().problems.len(), 3);
    // Records without a key after records with one.
    log(&folder).append(&[entry("forged")], true).unwrap();
    assert_eq!(keyed.verify(None).unwrap().problems[0].number, 6);
    assert_eq!(format!("{:?}", key(1)), "AuditKey { version: \"v1\", .. }");
}

#[test]
fn a_line_that_was_cut_off_is_closed() {
    let folder = of_records(3);
    let path = folder.path().join(LOG);
    let whole = std::fs::read(&path).unwrap();
    let length = lines(&folder)[2].len();
    for cut in 1..=length {
        let _ = std::fs::remove_file(folder.path().join(HEAD));
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let own = log(&folder);
        assert!(own.verify(None).unwrap().problems.is_empty());
        // A line that only lacks its newline is a record.
        let is_record = cut == 1;
        let next = if is_record { 4 } else { 3 };
        assert_eq!(own.append(&[entry("next")], true).unwrap(), [next], "{cut}");
        let verified = own.verify(None).unwrap();
        assert_eq!((verified.records, verified.cut_off, verified.problems.len()), (next, u64::from(!is_record), 0), "{cut}");
    }
}

#[test]
fn what_is_recorded_holds_for_all_writers() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (log(&folder), log(&folder));
    assert_eq!(one.events().unwrap(), Events::default());
    let setting = |text: &str| Entry { outcome: text.into(), ..Entry::new(Event::Setting) };
    one.append(&[setting("read, denied"), entry("x")], true).unwrap();
    for log in [&one, &other, &log(&folder)] {
        let events = log.events().unwrap();
        assert_eq!(events.to_string(), "read, denied");
        assert!(events.has(Event::Read) && events.has(Event::Setting) && events.has(Event::End) && !events.has(Event::Grant));
    }
    // A reader does not read again what it has read: what is no longer there still holds for it.
    let (reader, whole) = (log(&folder), lines(&folder));
    reader.events().unwrap();
    write(&folder, &whole.iter().map(|line| "x".repeat(line.len())).collect::<Vec<_>>());
    assert_eq!(reader.events().unwrap().to_string(), "read, denied");
    write(&folder, &whole);
    assert_eq!(reader.append(&[entry("y")], true).unwrap(), [3]);
    other.append(&[setting("all")], true).unwrap();
    assert_eq!((one.events().unwrap(), reader.events().unwrap()), (Events::default(), Events::default()));
    let memory = AuditLog::new(None, Access::OWN);
    memory.append(&[setting("none"), entry("x")], true).unwrap();
    assert_eq!((memory.events().unwrap().to_string().as_str(), memory.records().unwrap().len()), ("none", 2));
    assert!(memory.verify(None).unwrap().problems.is_empty());
    assert_eq!(Events::read("Read,GRANT").unwrap().to_string(), "read, grant");
    assert_eq!(Events::read("read, writes").unwrap_err(), "writes");
}

#[test]
fn encrypted_records_are_read_with_the_key_alone() {
    use crate::encryption::Secret;
    let seal = |byte: u8| Secret::of(&[byte; 32]).map(Seal::new);
    // Records from before stay readable.
    let folder = of_records(2);
    let sealed = log(&folder);
    sealed.set_seal(seal(1));
    for role in ["Qwertz", "Asdfgh"] {
        sealed.append(&[entry(role)], true).unwrap();
    }
    sealed.append(&[Entry { outcome: "read".into(), ..Entry::new(Event::Setting) }], true).unwrap();
    let whole = lines(&folder);
    assert!(whole[..2].iter().all(|line| line.contains("customers")));
    assert!(whole[2..].iter().all(|line| !["Qwertz", "Asdfgh", "customers", "phone"].iter().any(|text| line.contains(text))));
    let roles =
        |log: &AuditLog| -> Vec<String> { log.records().unwrap().into_iter().map(|(record, _)| record.entry.role).collect() };
    assert_eq!(roles(&sealed), ["role 1", "role 2", "Qwertz", "Asdfgh", ""]);
    assert!(sealed.verify(None).unwrap().problems.is_empty());
    let later = log(&folder);
    later.set_seal(seal(1));
    assert_eq!(later.events().unwrap(), Events::read("read").unwrap());
    // Without the key the chain can be checked, and nothing can be read or written.
    let locked = log(&folder);
    locked.set_seal(None);
    assert!(locked.verify(None).unwrap().problems.is_empty());
    assert!(locked.records().is_err() && locked.append(&[entry("x")], true).is_err());
    // Who has another key or none makes a chain, but no record of it.
    let other = log(&folder);
    other.set_seal(seal(2));
    other.append(&[entry("forged")], true).unwrap();
    log(&folder).append(&[entry("forged")], true).unwrap();
    let problems = sealed.verify(None).unwrap().problems;
    assert_eq!(problems.iter().map(|problem| problem.number).collect::<Vec<_>>(), [6, 7]);
    assert_eq!(roles(&sealed)[5..], ["", "forged"]);
    // What a record says cannot be moved to another.
    let of = |line: &str| line.split("\"sealed\":\"").nth(1).unwrap().split('"').next().unwrap().to_string();
    let moved = whole[3].replace(&of(&whole[3]), &of(&whole[2]));
    let record = record::Line::read(moved.as_bytes()).unwrap().record().unwrap();
    assert!(seal(1).unwrap().open(&record).is_none());
}
