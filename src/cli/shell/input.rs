//! Splits typed or pasted text into statements and commands, and finds what is still open.

use super::blocks::Block;
use super::lexer::{Kind, tokens};

/// A part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Statements, each with its semicolon, and the number of lines before them.
    Statements { sql: String, lines_before: usize },
    /// A command of the shell, with the statement before it if that has no semicolon yet.
    Command { line: String, pending: String, lines_before: usize },
}

/// Why a statement is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    Statement,
    Parenthesis,
    Text,
    Name,
    Dollars,
    Comment,
}

impl Open {
    /// The form shown in the prompt.
    pub fn mark(self) -> char {
        match self {
            Self::Statement => '-',
            Self::Parenthesis => '(',
            Self::Text => '\'',
            Self::Name => '"',
            Self::Dollars => '$',
            Self::Comment => '*',
        }
    }
}

/// The text in parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cut {
    pub items: Vec<Item>,
    /// The statement that is not complete yet.
    pub rest: String,
    pub open: Option<Open>,
}

impl Cut {
    /// Whether the text can run: no statement is incomplete, or a command was given while one is.
    pub fn is_ready(&self) -> bool {
        let ends_with_command = matches!(self.items.last(), Some(Item::Command { pending, .. }) if *pending == self.rest);
        self.open.is_none()
            || (ends_with_command && !matches!(self.open, Some(Open::Text | Open::Name | Open::Dollars | Open::Comment)))
    }
}

/// Words that newcomers type at the beginning of a statement.
const WORDS: [&str; 5] = ["help", "exit", "quit", "?", "？"];

/// Splits a text. With `has_words`, lines of one word, such as `help`, are commands too.
pub fn cut(text: &str, has_words: bool) -> Cut {
    let mut cut = Cut::default();
    // Where the current statement begins, and its part before a command.
    let (mut begin, mut pending) = (0, String::new());
    let (mut depth, mut is_empty, mut skip_to) = (0_usize, true, 0);
    // Where the last complete statements begin.
    let mut statements: Option<(usize, usize)> = None;
    let (mut open, mut block) = (None, Block::default());
    let flush = |cut: &mut Cut, statements: &mut Option<(usize, usize)>, before: &str| {
        if let Some((from, to)) = statements.take() {
            let sql = format!("{before}{}", &text[from..to]);
            cut.items.push(Item::Statements { sql, lines_before: text[..from].matches('\n').count() });
        }
    };
    let mut carried = String::new();
    for token in tokens(text) {
        if token.range.start < skip_to {
            continue;
        }
        let start = token.range.start;
        let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        let line = &text[start..line_end];
        let begins_line = text[..start].rsplit('\n').next().is_some_and(|before| before.trim().is_empty());
        let is_command = match token.kind {
            Kind::Backslash => true,
            _ if is_empty && pending.is_empty() && has_words && begins_line => is_word_command(line),
            _ => false,
        };
        if is_command {
            flush(&mut cut, &mut statements, &carried);
            carried.clear();
            pending.push_str(&text[begin..start]);
            if is_empty && pending.trim().is_empty() {
                pending.clear();
            }
            let lines_before = text[..start].matches('\n').count();
            cut.items.push(Item::Command { line: line.trim().to_string(), pending: pending.clone(), lines_before });
            // A command that runs the statement consumes it, so the rest of the text is read without it.
            if runs_pending(line) {
                (pending, is_empty, depth) = (String::new(), true, 0);
                block = Block::default();
            }
            (begin, skip_to) = (line_end, line_end);
            continue;
        }
        block.see(token.kind, &text[token.range.clone()]);
        match token.kind {
            Kind::Space => continue,
            Kind::Comment if token.is_closed => continue,
            Kind::Semicolon if block.is_inside() => continue,
            Kind::Opening => depth += 1,
            Kind::Closing => depth = depth.saturating_sub(1),
            Kind::Semicolon if is_empty && pending.is_empty() => {
                block = Block::default();
                begin = token.range.end;
                continue;
            }
            Kind::Semicolon => {
                let from = statements.map_or(begin, |(from, _)| from);
                if statements.is_none() {
                    carried = std::mem::take(&mut pending);
                }
                statements = Some((from, token.range.end));
                (begin, is_empty, depth) = (token.range.end, true, 0);
                block = Block::default();
                continue;
            }
            _ => {}
        }
        is_empty = false;
        if !token.is_closed {
            open = Some(match token.kind {
                Kind::Comment => Open::Comment,
                Kind::Name => Open::Name,
                _ if text[start..].starts_with('$') => Open::Dollars,
                _ => Open::Text,
            });
        }
    }
    flush(&mut cut, &mut statements, &carried);
    cut.rest = format!("{pending}{}", &text[begin..]);
    if is_empty && pending.is_empty() {
        cut.rest.clear();
    } else {
        cut.open = open.or(Some(if depth > 0 { Open::Parenthesis } else { Open::Statement }));
    }
    cut
}

fn is_word_command(line: &str) -> bool {
    let line = line.trim().trim_end_matches([';', '；']).trim_end().to_lowercase();
    let is_help = line.split_once(' ').is_some_and(|(word, rest)| word == "help" && rest.split(' ').count() <= 3);
    let is_dotted = line.strip_prefix('.').is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_lowercase()));
    WORDS.contains(&line.as_str()) || is_help || is_dotted
}

/// Commands that run or consume the statement before them.
pub fn runs_pending(line: &str) -> bool {
    let word = line.trim_start_matches('\\').split(|letter: char| letter.is_whitespace() || letter == ';').next();
    matches!(word, Some("g" | "gx" | "G" | "chart" | "watch" | "e" | "edit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Option<char> {
        cut(text, true).open.map(Open::mark)
    }

    #[test]
    fn statements_end_with_a_semicolon() {
        for complete in
            ["", "\\d", "SELECT 1;", "SELECT ';' ;", "SELECT 1; -- done", "SELECT 'it''s';\n", "-- only", ";", "help", "EXIT;"]
        {
            assert!(cut(complete, true).is_ready() && open(complete).is_none(), "{complete}");
        }
        for (incomplete, mark) in [
            ("SELECT 1", '-'),
            ("SELECT ';", '\''),
            ("SELECT \"a", '"'),
            ("SELECT (1, ';'", '('),
            ("SELECT 1 -- ;", '-'),
            ("SELECT 1; SELECT", '-'),
            ("SELECT /* ;", '*'),
            ("/* ;", '*'),
            ("SELECT $$;", '$'),
            ("help me with this please now;x", '-'),
        ] {
            assert!(!cut(incomplete, true).is_ready(), "{incomplete}");
            assert_eq!(open(incomplete), Some(mark), "{incomplete}");
        }
    }

    #[test]
    fn the_script_of_a_schedule_has_semicolons() {
        let made = "CREATE OR REPLACE SCHEDULE s WITH (every = INTERVAL '1 minute') AS BEGIN\n SELECT CASE WHEN true THEN 1 END; SELECT 2;\nEND;";
        for complete in [
            made,
            "alter schedule s as begin select 1; end;",
            "ALTER SCHEDULE s AS 'a.sql';",
            "BEGIN;",
            "CREATE TABLE schedule AS SELECT 1;",
        ] {
            assert!(cut(complete, true).is_ready(), "{complete}");
            let count = cut(&format!("{complete} SELECT 1;"), true).items.len();
            assert_eq!(count, 1, "{complete}");
        }
        for incomplete in [
            made.trim_end_matches("END;"),
            "CREATE SCHEDULE s WITH (every = '1 s') AS BEGIN SELECT 1;",
            "CREATE SCHEDULE s AS BEGIN SELECT CASE WHEN a THEN 1 END;",
        ] {
            assert!(!cut(incomplete, true).is_ready(), "{incomplete}");
        }
    }

    #[test]
    fn commands_stand_between_statements() {
        let statements = |sql: &str, lines_before| Item::Statements { sql: sql.into(), lines_before };
        let command =
            |line: &str, pending: &str, lines_before| Item::Command { line: line.into(), pending: pending.into(), lines_before };
        let found = cut("\\timing\nSELECT 1;\nSELECT\n 2;\n\\x on\nhelp\nSELECT ';\\d';", true);
        assert_eq!(
            found.items,
            [
                command("\\timing", "", 0),
                statements("\nSELECT 1;\nSELECT\n 2;", 0),
                command("\\x on", "", 4),
                command("help", "", 5),
                statements("\nSELECT ';\\d';", 5),
            ]
        );
        assert!(found.is_ready() && found.rest.is_empty());
        // While a command runs, a statement waits, unless the command runs it.
        let found = cut("SELECT 1\n\\x", true);
        assert_eq!((found.items.len(), found.rest.as_str(), found.is_ready()), (1, "SELECT 1\n", true));
        let found = cut("SELECT 1 \\gx", true);
        assert_eq!((found.items, found.rest.as_str()), (vec![command("\\gx", "SELECT 1 ", 0)], ""));
        let found = cut("SELECT 1\n\\x\n;", true);
        assert_eq!(found.items[1], statements("SELECT 1\n\n;", 1));
        assert!(!cut("SELECT '\n\\x", true).is_ready(), "it stands in a text");
        assert!(!cut("\\x\nSELECT 1", true).is_ready(), "nothing runs of what is not finished");
        assert_eq!(cut("help", false).open, Some(Open::Statement), "a script has no words");
    }
}
