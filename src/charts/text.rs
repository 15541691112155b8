//! The width of text on paper and in a terminal, and honest ways to shorten it.
//!
//! There is no font to measure with, so widths are estimated from Unicode's column counts: a narrow character takes 0.55 em, a Chinese one
//! a whole em. For Latin text that is slightly too wide, which is the safe side.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The sign that something was left out.
const ELLIPSIS: char = '…';

/// Text without control characters: white space becomes a space, anything XML forbids, a terminal obeys, or that turns
/// the direction of what follows becomes the replacement character.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
            other if other.is_control() => char::REPLACEMENT_CHARACTER,
            other => other,
        })
        .collect()
}

/// Columns the text takes in a terminal.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// Pixels the text takes at a font size, estimated.
pub(super) fn pixels(text: &str, size: f64) -> f64 {
    text.chars().map(|character| em(character) * size).sum()
}

fn em(character: char) -> f64 {
    match character.width() {
        None | Some(0) => 0.0,
        Some(1) => 0.55,
        Some(_) => 1.0,
    }
}

/// The text, or as much of its start as fits the room in pixels, with an ellipsis.
pub(super) fn elide_pixels(text: &str, room: f64, size: f64) -> String {
    if pixels(text, size) <= room {
        return text.to_owned();
    }
    let mut used = em(ELLIPSIS) * size;
    let mut kept = String::new();
    for character in text.chars() {
        used += em(character) * size;
        if used > room {
            break;
        }
        kept.push(character);
    }
    format!("{}{ELLIPSIS}", kept.trim_end())
}

/// The text, or as much of its start as fits the columns, with an ellipsis.
pub(super) fn elide_columns(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let mut end = 0;
    for (start, character) in text.char_indices() {
        let next = start + character.len_utf8();
        // The whole start is measured each time: some characters change the width of the one before them.
        if columns(&text[..next]) + 1 > room {
            break;
        }
        end = next;
    }
    if room == 0 { String::new() } else { format!("{}{ELLIPSIS}", text[..end].trim_end()) }
}

/// The text shortened to the columns and filled up with spaces on the right.
pub(super) fn pad_right(text: &str, room: usize) -> String {
    let text = elide_columns(text, room);
    let spaces = room.saturating_sub(columns(&text));
    text + &" ".repeat(spaces)
}

/// The text shortened to the columns and filled up with spaces on the left.
pub(super) fn pad_left(text: &str, room: usize) -> String {
    let text = elide_columns(text, room);
    " ".repeat(room.saturating_sub(columns(&text))) + &text
}

/// The text broken into at most `most` lines; if it does not fit, the last one ends in an ellipsis.
pub(super) fn wrap(text: &str, room: f64, size: f64, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if lines.len() + 1 >= most || pixels(rest, size) <= room {
            lines.push(elide_pixels(rest, room, size));
            break;
        }
        let mut used = 0.0;
        let mut fits = 0;
        let mut space = None;
        for (start, character) in rest.char_indices() {
            used += em(character) * size;
            if used > room && start > 0 {
                break;
            }
            if character == ' ' {
                space = Some(start);
            }
            fits = start + character.len_utf8();
        }
        // Breaking at a space far back would leave a short line; Chinese text has no spaces at all.
        let end = space.filter(|&space| space * 2 > fits).unwrap_or(fits);
        lines.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    lines
}
