//! The languages in which Portrait speaks: messages, notes, pages and words of reports.
//!
//! The program is written in English, and its texts stand where they are used. A catalogue, `zh/*.json`, gives each of them in Chinese: the
//! English text is the key, with the holes of its format string, `must be at least {least}, got {value}`. A text is translated where it
//! leaves a session, so that algorithms need not know who listens; a message that was composed is taken apart again by [`Template`](template::Template). A test
//! compares the catalogue with the source: no text is missing, none is left over.

mod catalogue;
mod template;

use std::borrow::Cow;
use std::fmt::{self, Display};

use catalogue::Catalogue;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Language {
    /// Their names in SQL.
    pub const NAMES: &'static [&'static str] = &["en", "zh"];

    /// The language of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "zh" => Some(Self::Zh),
            _ => None,
        }
    }

    /// The language of a locale of POSIX, such as `zh_CN.UTF-8`: English where there is none of ours.
    pub fn of_locale(locale: &str) -> Self {
        if locale.split(['_', '.', '@', '-']).next() == Some("zh") { Self::Zh } else { Self::En }
    }

    /// Its name in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// A text of the program that stands in the source as it is: the summary of a page, the heading of a table.
    pub fn text(self, english: &str) -> &str {
        self.catalogue().and_then(|catalogue| catalogue.exact(english)).unwrap_or(english)
    }

    /// A message that the program has composed, as far as the catalogue knows its parts; what it does not know stays English.
    pub fn message<'a>(self, english: &'a str) -> Cow<'a, str> {
        match self.catalogue() {
            Some(catalogue) => Cow::Owned(catalogue.message(english)),
            None => Cow::Borrowed(english),
        }
    }

    /// What fills a place in a message or a table: a word, a list of words, a text of the program, or a value, which stays.
    pub fn filling<'a>(self, english: &'a str) -> Cow<'a, str> {
        match self.catalogue() {
            Some(catalogue) => Cow::Owned(catalogue.hole(english)),
            None => Cow::Borrowed(english),
        }
    }

    /// What a message is about, which stands before its colon: a function, an object, a file.
    pub fn subject<'a>(self, english: &'a str) -> Cow<'a, str> {
        match self.catalogue() {
            Some(catalogue) => Cow::Owned(catalogue.subject(english)),
            None => Cow::Borrowed(english),
        }
    }

    /// The colon after a subject.
    pub const fn colon(self) -> &'static str {
        match self {
            Self::En => ": ",
            Self::Zh => "：",
        }
    }

    fn catalogue(self) -> Option<&'static Catalogue> {
        match self {
            Self::En => None,
            Self::Zh => Some(Catalogue::chinese()),
        }
    }
}

impl Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales() {
        for (locale, language) in
            [("zh_CN.UTF-8", Language::Zh), ("zh", Language::Zh), ("zh-Hans", Language::Zh), ("zha", Language::En)]
        {
            assert_eq!(Language::of_locale(locale), language, "{locale}");
        }
        for locale in ["", "C", "C.UTF-8", "en_US.UTF-8", "de_AT@euro"] {
            assert_eq!(Language::of_locale(locale), Language::En, "{locale}");
        }
    }

    #[test]
    fn english_stays() {
        assert_eq!(Language::En.message("rfm: bins must be from 2 to 9, got 1"), "rfm: bins must be from 2 to 9, got 1");
    }
}
