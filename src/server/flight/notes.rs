//! Notes of statements, such as rows that were left out. Flight SQL has no place for them, and other clients may stumble over what they do
//! not know; so the session keeps them until its client takes them by an action of our own, `TakeNotes`.

use std::collections::VecDeque;

use prost::Message;

use super::sessions::Open;

/// How many notes a session keeps for a client that takes none; the oldest go first.
const MOST: usize = 256;

/// The notes of the statements that have ended since they were last taken.
#[derive(Debug, Default)]
pub struct Notes(VecDeque<String>);

impl Notes {
    /// Keeps the notes of a statement that has ended; a statement that ran for many rows of values says the same each time.
    pub fn keep(&mut self, notes: Vec<String>) {
        for note in notes {
            if self.0.contains(&note) {
                continue;
            }
            if self.0.len() >= MOST {
                self.0.pop_front();
            }
            self.0.push_back(note);
        }
    }
}

/// The result of `TakeNotes`.
#[derive(Clone, PartialEq, Message)]
pub struct TakeNotesResult {
    #[prost(string, repeated, tag = "1")]
    pub notes: Vec<String>,
    /// The language of the session, in which they are written: `en` or `zh`.
    #[prost(string, tag = "2")]
    pub language: String,
}

/// Returns the notes of a session, and forgets them.
pub fn take(open: &Open) -> TakeNotesResult {
    let notes = std::mem::take(&mut *open.notes.lock());
    TakeNotesResult { notes: notes.0.into(), language: open.session.language().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_kept_once_and_the_oldest_go_first() {
        let mut notes = Notes::default();
        notes.keep(vec!["a".into(), "b".into(), "a".into()]);
        notes.keep(vec!["b".into()]);
        assert_eq!(notes.0, ["a", "b"]);
        notes.keep((0..MOST).map(|number| number.to_string()).collect());
        assert_eq!((notes.0.len(), notes.0[0].as_str()), (MOST, "0"));
    }
}
