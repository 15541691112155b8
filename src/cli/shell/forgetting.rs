//! Keeps personal keys out of the shell's history.
//!
//! `ERASE SUBJECT 'C17' FROM …` is stored with `?` in place of the key. Earlier entries that contain the key, perhaps typed to look the
//! person up, are removed from the history once such a statement is entered.

use std::io;
use std::path::Path;

/// The statement without the keys of persons, and these keys; `None` if it names no person.
pub(super) fn without_keys(typed: &str) -> Option<(String, Vec<String>)> {
    let capitals = typed.to_ascii_uppercase();
    let words: Vec<&str> = capitals.split_whitespace().take(2).collect();
    let [verb @ ("ERASE" | "EXPORT"), "SUBJECT"] = words.as_slice() else { return None };
    let begin = capitals.find("SUBJECT")? + "SUBJECT".len();
    let end = end_of_keys(&capitals, begin);
    let keys = if *verb == "ERASE" { keys(&typed[begin..end]) } else { vec![] };
    Some((format!("{} ? {}", &typed[..begin], &typed[end..]), keys))
}

/// The end of the keys: FROM, outside of quotes.
fn end_of_keys(capitals: &str, begin: usize) -> usize {
    let mut is_quoted = false;
    for (place, letter) in capitals[begin..].char_indices() {
        is_quoted ^= letter == '\'';
        let rest = &capitals[begin + place..];
        if !is_quoted && letter == 'F' && rest.starts_with("FROM") && rest[4..].starts_with(char::is_whitespace) {
            return begin + place;
        }
    }
    capitals.len()
}

/// The strings and long numbers among the keys.
fn keys(text: &str) -> Vec<String> {
    let mut found = vec![];
    for (place, part) in text.split('\'').enumerate() {
        if place % 2 == 1 {
            found.push(part.to_string());
        } else {
            found.extend(part.split(|letter: char| !letter.is_ascii_digit()).filter(|digits| digits.len() > 4).map(String::from));
        }
    }
    found.retain(|key| key.chars().count() > 2);
    found
}

/// Removes the entries with one of these keys from a history; true if there were any.
///
/// # Errors
/// The file cannot be read or written.
pub(super) fn forget(file: &Path, keys: &[String]) -> io::Result<bool> {
    let text = std::fs::read_to_string(file)?;
    // One entry per line.
    let kept: Vec<&str> = text.lines().filter(|line| !keys.iter().any(|key| line.contains(key))).collect();
    if kept.len() == text.lines().count() {
        return Ok(false);
    }
    let mut kept = kept.join("\n");
    kept.push('\n');
    std::fs::write(file, kept).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_persons_are_not_kept() {
        let kept = |typed: &str| without_keys(typed);
        let (text, keys) = kept("erase subject 'C from 17', 123456, 7 FROM PROFILE p WITH (reason = 'x');").unwrap();
        assert_eq!(text, "erase subject ? FROM PROFILE p WITH (reason = 'x');");
        assert_eq!(keys, ["C from 17", "123456"]);
        assert_eq!(
            kept("EXPORT SUBJECT 'C17' FROM p TO 'a.json'").unwrap(),
            ("EXPORT SUBJECT ? FROM p TO 'a.json'".into(), vec![])
        );
        assert_eq!(kept("SELECT 'ERASE SUBJECT'"), None);
    }

    #[test]
    fn entries_with_the_key_go() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history");
        std::fs::write(&file, "#V2\nSELECT 1\nSELECT * FROM t WHERE k = 'C17'\\n;\n").unwrap();
        assert!(forget(&file, &["C17".into()]).unwrap() && !forget(&file, &["C17".into()]).unwrap());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "#V2\nSELECT 1\n");
    }
}
