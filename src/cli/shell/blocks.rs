//! Semicolons that do not end a statement: those between BEGIN and END in the script of a schedule.

use super::lexer::Kind;

/// The statement so far.
#[derive(Debug, Default)]
pub struct Block {
    /// The first words, in capitals.
    words: Vec<String>,
    previous: String,
    is_inside: bool,
    /// Within the block: true where a statement begins.
    begins: bool,
}

/// `CREATE OR REPLACE SCHEDULE` is the longest beginning.
const WORDS: usize = 4;

impl Block {
    /// Takes the next token.
    pub fn see(&mut self, kind: Kind, text: &str) {
        if matches!(kind, Kind::Space | Kind::Comment) {
            return;
        }
        let word = if kind == Kind::Word { text.to_ascii_uppercase() } else { String::new() };
        if self.is_inside {
            self.is_inside = !(self.begins && word == "END");
            self.begins = kind == Kind::Semicolon;
            return;
        }
        let is_schedule = matches!(self.words.first().map(String::as_str), Some("CREATE" | "ALTER"))
            && self.words.iter().any(|word| word == "SCHEDULE");
        if is_schedule && self.previous == "AS" && word == "BEGIN" {
            (self.is_inside, self.begins) = (true, true);
        }
        if self.words.len() < WORDS {
            self.words.push(word.clone());
        }
        self.previous = word;
    }

    /// True where a semicolon does not end the statement.
    pub fn is_inside(&self) -> bool {
        self.is_inside
    }
}
