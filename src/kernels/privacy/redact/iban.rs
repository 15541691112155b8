//! International bank account numbers (ISO 13616): a country, two check digits, and the account in a length that the country says.

use std::ops::Range;

use super::{Letter, at};
use crate::kernels::cleaning::texts::{halfwidth, is_unseen};

/// The countries of the registry, with the length of their numbers.
const LENGTHS: [(&str, usize); 89] = [
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// True for a text that is one account number, with blanks or dashes in it.
pub fn is_iban(text: &str) -> bool {
    let plain = halfwidth(text);
    let letters: Vec<Letter> =
        plain.trim().chars().filter(|letter| !is_unseen(*letter)).map(|plain| Letter { plain, start: 0, end: 0 }).collect();
    end_of_iban(&letters, 0) == Some(letters.len())
}

/// The account numbers in a text.
pub(super) fn ibans(letters: &[Letter]) -> Vec<Range<usize>> {
    let (mut found, mut place) = (vec![], 0);
    while place < letters.len() {
        let is_inside = place > 0 && at(letters, place - 1).is_ascii_alphanumeric();
        match if is_inside { None } else { end_of_iban(letters, place) } {
            Some(end) => {
                found.push(place..end);
                place = end;
            }
            None => place += 1,
        }
    }
    found
}

/// The end of the account number that begins here. It has the length of its country and the right check digits, at least half of the rest
/// are digits, and letters between blanks are capitals: text in words is none by chance.
fn end_of_iban(letters: &[Letter], start: usize) -> Option<usize> {
    let country: String = [at(letters, start), at(letters, start + 1)].map(|letter| letter.to_ascii_uppercase()).iter().collect();
    let (_, length) = LENGTHS.iter().find(|(name, _)| *name == country)?;
    let (mut own, mut end, mut has_joints) = (Vec::with_capacity(*length), start, false);
    while own.len() < *length {
        match at(letters, end) {
            letter if letter.is_ascii_alphanumeric() => own.push(letter),
            ' ' | '-' if at(letters, end + 1).is_ascii_alphanumeric() => has_joints = true,
            _ => return None,
        }
        end += 1;
    }
    let digits = own[4..].iter().filter(|letter| letter.is_ascii_digit()).count();
    let is_of_words = 2 * digits < length - 4 || has_joints && own.iter().any(char::is_ascii_lowercase);
    let fits = own[2..4].iter().all(char::is_ascii_digit) && !is_of_words && !at(letters, end).is_ascii_alphanumeric();
    (fits && remainder(&own) == 1).then_some(end)
}

/// The number modulo 97, read with its first four characters last and letters as two digits, 10 for A to 35 for Z (ISO/IEC 7064).
fn remainder(own: &[char]) -> u32 {
    own[4..].iter().chain(&own[..4]).filter_map(|letter| letter.to_digit(36)).fold(0, |rest, value| {
        let place = if value < 10 { 10 } else { 100 };
        (rest * place + value) % 97
    })
}
