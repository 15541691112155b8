//! What only the word before it tells: the numbers of passports and travel permits, and names of accounts.

use std::ops::Range;

use super::{Letter, at};

/// Numbers of passports and travel permits, which have no check digit: up to three letters and six to ten digits, after the word for them.
pub(super) fn passports(letters: &[Letter]) -> Vec<Range<usize>> {
    const WORDS: [&str; 5] = ["护照", "passport", "通行证", "回乡证", "台胞证"];
    let text: Vec<char> = letters.iter().map(|letter| letter.plain.to_ascii_lowercase()).collect();
    let mut found = vec![];
    for word in WORDS {
        for place in (0..text.len()).filter(|place| begins(&text[*place..], word)) {
            let is_between = |letter: &&char| " :号码是为#.".contains(**letter);
            let mut start = place + word.chars().count();
            start += text[start..].iter().take(6).take_while(is_between).count();
            for name in ["number", "no"] {
                if begins(&text[start..], name) {
                    start += name.len();
                    start += text[start..].iter().take(3).take_while(is_between).count();
                }
            }
            let first = text[start..].iter().take_while(|letter| letter.is_ascii_alphabetic()).count();
            let digits = text[start + first..].iter().take_while(|letter| letter.is_ascii_digit()).count();
            let end = start + first + digits;
            if first <= 3 && (6..=10).contains(&digits) && !text.get(end).is_some_and(char::is_ascii_alphanumeric) {
                found.push(start..end);
            }
        }
    }
    found
}

/// The account names that follow 微信号, QQ and the like.
pub(super) fn accounts(letters: &[Letter]) -> Vec<Range<usize>> {
    const WORDS: [&str; 14] =
        ["微信号", "微信", "wechat", "weixin", "qq号", "qq", "vx", "薇信", "威信", "v信", "加q", "加v", "扣扣", "企鹅号"];
    let text: Vec<char> = letters.iter().map(|letter| letter.plain.to_ascii_lowercase()).collect();
    let mut found = vec![];
    let mut place = 0;
    while place < text.len() {
        let rest = &text[place..];
        let word = WORDS.iter().find(|word| begins(rest, word));
        let is_inside = place > 0 && text[place - 1].is_ascii_alphanumeric();
        let Some(word) = word.filter(|_| !is_inside) else {
            place += 1;
            continue;
        };
        let mut from = place + word.chars().count();
        let marks =
            text[from..].iter().take(4).take_while(|letter| matches!(letter, ' ' | ':' | '是' | '：' | '为' | '加')).count();
        from += marks;
        let is_of = |letter: &&char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        let count = text[from..].iter().take_while(is_of).count();
        let digits = text[from..from + count].iter().filter(|letter| letter.is_ascii_digit()).count();
        // A word without digits is an account only if a mark such as a colon precedes it; 加V is no beginning of 加VIP8888.
        let is_cut = word.starts_with('加') && marks == 0 && text.get(from).is_some_and(char::is_ascii_alphabetic);
        if (5..=20).contains(&count) && at(letters, from + count) != '@' && (digits > 0 || marks > 0) && !is_cut {
            found.push(from..from + count);
            place = from + count;
        } else {
            place += 1;
        }
    }
    found
}

fn begins(letters: &[char], word: &str) -> bool {
    let mut letters = letters.iter();
    word.chars().all(|letter| letters.next() == Some(&letter))
}
