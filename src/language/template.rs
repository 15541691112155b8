//! The format string of a message in two languages: takes a message of the one apart and composes it in the other.

/// A piece of a format string.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// A hole, with its name; a bare hole has none.
    Hole(String),
}

/// A message with holes, in English and in another language.
#[derive(Debug)]
pub struct Template {
    /// What stands before the first hole, between two, and after the last.
    literals: Vec<String>,
    /// The translation; each hole is given by its place in the English.
    other: Vec<Part>,
    /// Pairs of holes of the same name, which have the same text.
    same: Vec<(usize, usize)>,
    /// Holes that the translation leaves out: single words, such as `was` or `were`.
    left_out: Vec<usize>,
    /// Holes called `count`, which hold no second part of a message.
    counts: Vec<usize>,
    /// Holes called `name`, whose single word is a name, though it may be a word of ours too: a column called `segment`.
    named: Vec<usize>,
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Hole(usize),
}

impl Template {
    /// The template of these format strings; nothing if the English has no hole, or one of them is no format string, or the translation has
    /// a hole that the English has not.
    pub fn new(english: &str, other: &str) -> Option<Self> {
        let (mut literals, mut names) = (vec![String::new()], vec![]);
        for piece in pieces(english)? {
            match piece {
                Piece::Literal(text) => literals.last_mut()?.push_str(&text),
                Piece::Hole(name) => {
                    names.push(name);
                    literals.push(String::new());
                }
            }
        }
        if names.is_empty() {
            return None;
        }
        let bare: Vec<usize> = (0..names.len()).filter(|hole| names[*hole].is_empty()).collect();
        let (mut parts, mut next) = (vec![], bare.iter());
        for piece in pieces(other)? {
            parts.push(match piece {
                Piece::Literal(text) => Part::Literal(text),
                Piece::Hole(name) if name.is_empty() => Part::Hole(*next.next()?),
                Piece::Hole(name) => match names.iter().position(|known| *known == name) {
                    Some(hole) => Part::Hole(hole),
                    None => Part::Hole(*bare.get(name.parse::<usize>().ok()?)?),
                },
            });
        }
        let named = || names.iter().enumerate().filter(|(_, name)| !name.is_empty());
        let earlier = |name: &String, hole: usize| names[..hole].iter().position(|known| known == name);
        let same = named().filter_map(|(hole, name)| Some((earlier(name, hole)?, hole))).collect();
        let is_repeated = |hole: usize| earlier(&names[hole], hole).is_some() && !names[hole].is_empty();
        let is_used = |hole: usize| parts.iter().any(|part| matches!(part, Part::Hole(used) if *used == hole));
        let left_out = (0..names.len()).filter(|hole| !is_used(*hole) && !is_repeated(*hole)).collect();
        let called = |word: &str| named().filter(|(_, name)| *name == word).map(|(hole, _)| hole).collect();
        let (counts, named) = (called("count"), called("name"));
        Some(Self { literals, other: parts, same, left_out, counts, named })
    }

    /// The bytes of the English that are no holes: of two templates that fit, the one with more says more.
    pub fn weight(&self) -> usize {
        self.literals.iter().map(String::len).sum()
    }

    /// The message in the other language, if it is this one; `filled` translates what is in a hole, unless it is quoted.
    pub fn apply(&self, message: &str, filled: impl Fn(&str) -> String) -> Option<String> {
        let values = self.values(message)?;
        let mut text = String::new();
        for part in &self.other {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Hole(hole) if self.is_quoted(*hole) || self.named.contains(hole) && !values[*hole].contains(' ') => {
                    text.push_str(values[*hole]);
                }
                Part::Hole(hole) => text.push_str(&filled(values[*hole])),
            }
        }
        Some(text)
    }

    /// True for a hole within quotes, which is a name or a value.
    fn is_quoted(&self, hole: usize) -> bool {
        let quote = |literal: Option<char>| literal.filter(|letter| matches!(letter, '"' | '\'' | '`'));
        let (before, after) = (quote(self.literals[hole].chars().last()), quote(self.literals[hole + 1].chars().next()));
        before.is_some() && before == after
    }

    /// What stands in the holes. Each literal is looked for from the left: if the message can be taken apart at all, this finds a way.
    fn values<'a>(&self, message: &'a str) -> Option<Vec<&'a str>> {
        let [first, middle @ .., last] = self.literals.as_slice() else { return None };
        let mut rest = message.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
        let mut values = vec![];
        for (place, literal) in middle.iter().enumerate() {
            let at = if literal.is_empty() {
                // Two holes meet. What may be added to the first, `; perhaps "a" is meant`, begins with its mark.
                let next = middle[place + 1..].iter().find(|literal| !literal.is_empty());
                let end = next.map_or(Some(rest.len()), |next| rest.find(next.as_str()))?;
                rest[..end].find("; ").unwrap_or(end)
            } else {
                rest.find(literal.as_str())?
            };
            values.push(&rest[..at]);
            rest = &rest[at + literal.len()..];
        }
        values.push(rest);
        // A value may be quoted in one place and bare in another.
        let bare = |hole: &usize| values[*hole].trim_matches('"');
        let fits = self.same.iter().all(|(one, other)| bare(one) == bare(other))
            // What ends in a colon is the subject of a message, not a part of its text.
            && values.iter().all(|value| !value.ends_with(':'))
            && self.left_out.iter().all(|hole| !values[*hole].contains(' '))
            && self.counts.iter().all(|hole| !values[*hole].contains(';'));
        fits.then_some(values)
    }
}

/// The pieces of a format string; nothing if it is none.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let (mut pieces, mut literal) = (vec![], String::new());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '{' | '}' if letters.peek() == Some(&letter) => {
                letters.next();
                literal.push(letter);
            }
            '}' => return None,
            '{' => {
                let mut hole = String::new();
                loop {
                    match letters.next()? {
                        '}' => break,
                        '{' => return None,
                        letter => hole.push(letter),
                    }
                }
                let name = hole.split(':').next().unwrap_or_default();
                if !name.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
                    return None;
                }
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Hole(name.to_string()));
            }
            letter => literal.push(letter),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(english: &str, other: &str, message: &str) -> Option<String> {
        Template::new(english, other)?.apply(message, |hole| if hole == "a tag" { "标签".into() } else { hole.to_string() })
    }

    #[test]
    fn composes_in_another_order() {
        assert_eq!(
            applied(
                "{name} must be at least {least}, got {value}",
                "{name} 至少为 {least}，实际为 {value}",
                "bins must be at least 2, got 1"
            ),
            Some("bins 至少为 2，实际为 1".into())
        );
        // What a translation leaves out must not be more than a word.
        let left_out = |message| applied("{count} {what} {were} left out", "剔除 {count} 个{what}", message);
        assert_eq!(left_out("3 rows were left out"), Some("剔除 3 个rows".into()));
        assert_eq!(left_out("3 rows without key were left out"), None);
        // Two holes that meet: the second is what is added to the first, or nothing.
        let no_table = |message| applied("no table {table}{more}; there is {}", "没有表 {table}{more}；现有 {}", message);
        assert_eq!(no_table("no table a; there is b"), Some("没有表 a；现有 b".into()));
        assert_eq!(no_table("no table a; try b; there is b"), Some("没有表 a; try b；现有 b".into()));
        assert_eq!(applied("{} of {}", "{1}的{0}", "rows of tables"), Some("tables的rows".into()));
        assert_eq!(applied("{x:?} is {{}}", "{x} 为 {{}}", "1 is {}"), Some("1 为 {}".into()));
    }

    #[test]
    fn what_does_not_fit_is_left() {
        assert_eq!(applied("{a} is {b}", "{a} 为 {b}", "no verb"), None);
        assert_eq!(applied("no hole", "没有", "no hole"), None);
        assert_eq!(applied("an {a} b", "{c}", "an x b"), None);
        // One name has one value, and a number no advice.
        assert_eq!(applied("{a} is {a}", "{a}", "x is y"), None);
        assert_eq!(applied("{a} is {b}, {a:?}", "{a} 为 {b}", "x is y, \"x\""), Some("x 为 y".into()));
        assert_eq!(applied("takes {count} arguments", "需要 {count} 个参数", "takes texts; CAST the arguments"), None);
        // The ends must not overlap.
        assert_eq!(applied("ab{x}ba", "{x}", "aba"), None);
    }

    #[test]
    fn holes_are_translated_unless_quoted() {
        assert_eq!(applied("no {what}", "没有{what}", "no a tag"), Some("没有标签".into()));
        assert_eq!(applied("no '{what}'", "没有 '{what}'", "no 'a tag'"), Some("没有 'a tag'".into()));
        assert_eq!(applied("no '{x}'{what}", "没有 '{x}'{what}", "no 'y'a tag"), Some("没有 'y'标签".into()));
    }
}
