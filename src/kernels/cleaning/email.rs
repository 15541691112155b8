//! E-mail addresses by RFC 5321 and 5322, as far as they are used in practice: a dot-atom, `@`, and a domain.

use super::texts::plain;

/// Why a string is not an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It is empty.
    Empty,
    /// Characters were replaced by `*`.
    Masked,
    /// There is no `@`.
    NoAt,
    /// Several addresses in one text.
    Several,
    /// Nothing precedes the `@`.
    NoName,
    /// Nothing follows the `@`.
    NoDomain,
    /// The domain has no dot.
    NoTop,
    /// A character before the `@` is not allowed.
    Character,
    /// A dot is at the beginning or end of a part, or next to another.
    Dots,
    /// There are more than 64 characters before the `@`, or more than 254 in all.
    TooLong,
    /// The domain is not a valid domain name.
    Domain,
}

impl Problem {
    /// The text in SQL.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Masked => "masked",
            Self::NoAt => "no @",
            Self::Several => "several addresses",
            Self::NoName => "nothing before the @",
            Self::NoDomain => "nothing after the @",
            Self::NoTop => "domain has no dot",
            Self::Character => "a character that is not allowed",
            Self::Dots => "a dot at an end or two in a row",
            Self::TooLong => "too long",
            Self::Domain => "not a domain name",
        }
    }
}

/// An address, with its domain in ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The part before the `@`.
    pub name: String,
    /// The domain.
    pub domain: String,
}

/// Common domains, whether their mail servers ignore dots in the name, and the character after which they ignore the rest.
const PROVIDERS: [(&str, bool, Option<char>); 66] = [
    ("gmail.com", true, Some('+')),
    ("googlemail.com", true, Some('+')),
    ("outlook.com", false, Some('+')),
    ("hotmail.com", false, Some('+')),
    ("live.com", false, Some('+')),
    ("msn.com", false, Some('+')),
    ("icloud.com", false, Some('+')),
    ("me.com", false, Some('+')),
    ("mac.com", false, Some('+')),
    ("fastmail.com", false, Some('+')),
    ("proton.me", false, Some('+')),
    ("protonmail.com", false, Some('+')),
    ("yahoo.com", false, Some('-')),
    ("ymail.com", false, Some('-')),
    ("yandex.ru", false, Some('+')),
    ("yandex.com", false, Some('+')),
    ("qq.com", false, None),
    ("vip.qq.com", false, None),
    ("foxmail.com", false, None),
    ("163.com", false, None),
    ("126.com", false, None),
    ("yeah.net", false, None),
    ("vip.163.com", false, None),
    ("188.com", false, None),
    ("139.com", false, None),
    ("189.cn", false, None),
    ("wo.cn", false, None),
    ("sina.com", false, None),
    ("sina.cn", false, None),
    ("vip.sina.com", false, None),
    ("sohu.com", false, None),
    ("aliyun.com", false, None),
    ("tom.com", false, None),
    ("21cn.com", false, None),
    ("263.net", false, None),
    ("aol.com", false, None),
    ("gmx.de", false, None),
    ("gmx.net", false, None),
    ("gmx.com", false, None),
    ("web.de", false, None),
    ("t-online.de", false, None),
    ("freenet.de", false, None),
    ("mail.ru", false, None),
    ("naver.com", false, None),
    ("daum.net", false, None),
    ("hanmail.net", false, None),
    ("yahoo.co.jp", false, None),
    ("docomo.ne.jp", false, None),
    ("ezweb.ne.jp", false, None),
    ("softbank.ne.jp", false, None),
    ("yahoo.co.uk", false, Some('-')),
    ("hotmail.co.uk", false, Some('+')),
    ("btinternet.com", false, None),
    ("orange.fr", false, None),
    ("wanadoo.fr", false, None),
    ("free.fr", false, None),
    ("laposte.net", false, None),
    ("libero.it", false, None),
    ("comcast.net", false, None),
    ("verizon.net", false, None),
    ("att.net", false, None),
    ("rediffmail.com", false, None),
    ("uol.com.br", false, None),
    ("yahoo.fr", false, Some('-')),
    ("yahoo.de", false, Some('-')),
    ("hotmail.fr", false, Some('+')),
];

/// Domains that provide short-lived addresses.
const DISPOSABLE: [&str; 62] = [
    "10minutemail.com",
    "10minutemail.net",
    "20minutemail.com",
    "33mail.com",
    "anonbox.net",
    "burnermail.io",
    "chacuo.net",
    "bccto.me",
    "deadaddress.com",
    "discard.email",
    "discardmail.com",
    "dispostable.com",
    "dropmail.me",
    "emailondeck.com",
    "fakeinbox.com",
    "fakemail.net",
    "getairmail.com",
    "getnada.com",
    "grr.la",
    "guerrillamail.biz",
    "guerrillamail.com",
    "guerrillamail.de",
    "guerrillamail.info",
    "guerrillamail.net",
    "guerrillamail.org",
    "harakirimail.com",
    "inboxkitten.com",
    "incognitomail.org",
    "jetable.org",
    "linshiyouxiang.net",
    "mail-temp.com",
    "mailcatch.com",
    "maildrop.cc",
    "mailinator.com",
    "mailinator.net",
    "mailnesia.com",
    "mailnull.com",
    "mintemail.com",
    "moakt.com",
    "mohmal.com",
    "mytemp.email",
    "mytrashmail.com",
    "nada.email",
    "sharklasers.com",
    "spam4.me",
    "spamgourmet.com",
    "spambox.us",
    "temp-mail.io",
    "temp-mail.org",
    "tempail.com",
    "tempinbox.com",
    "tempmail.com",
    "tempmail.net",
    "tempr.email",
    "throwawaymail.com",
    "trash-mail.com",
    "trashmail.com",
    "trashmail.de",
    "trbvm.com",
    "wegwerfmail.de",
    "yopmail.com",
    "yopmail.fr",
];

/// Common typing errors in top-level domains.
const SLIPS: [(&str, &str); 15] = [
    ("con", "com"),
    ("cmo", "com"),
    ("ocm", "com"),
    ("comm", "com"),
    ("vom", "com"),
    ("xom", "com"),
    ("coom", "com"),
    ("cim", "com"),
    ("cpm", "com"),
    ("clm", "com"),
    ("c0m", "com"),
    ("nte", "net"),
    ("ent", "net"),
    ("nett", "net"),
    ("cnn", "cn"),
];

/// Words before a colon that are not part of an address.
const LABELS: [&str; 9] = ["mailto", "email", "e-mail", "mail", "邮箱", "电子邮箱", "邮件", "电子邮件", "邮箱地址"];

impl Email {
    /// Parses an address, also in the forms `Name <a@b.com>`, `mailto:a@b.com` and `邮箱：a@b.com (work)`.
    ///
    /// # Errors
    /// Why it is not an address.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let mut text = plain(text).replace('。', ".").to_lowercase();
        if let Some((_, inner)) = text.rsplit_once('<')
            && let Some(inner) = inner.strip_suffix('>')
        {
            text = inner.into();
        }
        let mut text = text.trim();
        while let Some((_, rest)) = text.split_once(':').filter(|(label, _)| LABELS.contains(&label.trim())) {
            text = rest.trim();
        }
        // A note in brackets after it: `a@b.com (work)`.
        if let Some((address, note)) = text.strip_suffix(')').and_then(|text| text.rsplit_once('('))
            && address.contains('@')
            && !note.contains('@')
        {
            text = address.trim();
        }
        let text =
            text.trim_matches(|letter: char| letter.is_whitespace() || "\"'<>()[],;:、".contains(letter)).trim_end_matches('.');
        // Spaces next to `@` and dots are typing errors; any others separate words.
        let text = text.replace(" @", "@").replace("@ ", "@").replace(" .", ".").replace(". ", ".");
        if text.is_empty() {
            return Err(Problem::Empty);
        }
        if text.contains('*') {
            return Err(Problem::Masked);
        }
        let Some((name, domain)) = text.rsplit_once('@') else { return Err(Problem::NoAt) };
        if name.contains('@') {
            return Err(Problem::Several);
        }
        if name.is_empty() {
            return Err(Problem::NoName);
        }
        if domain.is_empty() {
            return Err(Problem::NoDomain);
        }
        let is_dotted = |part: &str| part.starts_with('.') || part.ends_with('.') || part.contains("..");
        if is_dotted(name) || is_dotted(domain) {
            return Err(Problem::Dots);
        }
        let is_allowed = |letter: char| letter.is_alphanumeric() || ".!#$%&'+-/=?^_`{|}~".contains(letter);
        if !name.chars().all(is_allowed) {
            return Err(Problem::Character);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| Problem::Domain)?;
        let Some((_, top)) = domain.rsplit_once('.') else { return Err(Problem::NoTop) };
        let is_top = top.len() >= 2 && (top.starts_with("xn--") || top.bytes().all(|letter| letter.is_ascii_alphabetic()));
        if !is_top {
            return Err(Problem::Domain);
        }
        if name.len() > 64 || name.len() + domain.len() + 1 > 254 {
            return Err(Problem::TooLong);
        }
        Ok(Self { name: name.into(), domain })
    }

    /// The address as its provider sees it: without dots and tags that the provider ignores.
    #[must_use]
    pub fn by_provider(self) -> Self {
        let Some((domain, ignores_dots, tag)) = PROVIDERS.iter().find(|(domain, ..)| *domain == self.domain) else { return self };
        let before = tag.and_then(|tag| self.name.split_once(tag)).map(|(before, _)| before);
        let mut name = before.filter(|before| !before.is_empty()).unwrap_or(&self.name).to_string();
        if *ignores_dots {
            name.retain(|letter| letter != '.');
        }
        let domain = if *domain == "googlemail.com" { "gmail.com" } else { domain };
        Self { name, domain: domain.into() }
    }

    /// True if the domain provides short-lived addresses.
    pub fn is_disposable(&self) -> bool {
        DISPOSABLE
            .iter()
            .any(|domain| self.domain == *domain || self.domain.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
    }

    /// The domain that was probably meant, if this one looks like a typing error.
    pub fn meant(&self) -> Option<String> {
        if PROVIDERS.iter().any(|(domain, ..)| self.domain == *domain) {
            return None;
        }
        let (rest, top) = self.domain.rsplit_once('.')?;
        if let Some((_, meant)) = SLIPS.iter().find(|(slip, _)| *slip == top) {
            return Some(format!("{rest}.{meant}"));
        }
        PROVIDERS.iter().map(|(domain, ..)| *domain).find(|domain| is_slip(&self.domain, domain)).map(Into::into)
    }
}

/// True for one character too many, too few, different or swapped. Short names are similar to many others, so for these only the
/// top-level domain is compared.
fn is_slip(domain: &str, provider: &str) -> bool {
    let Some((label, top)) = provider.split_once('.') else { return false };
    let Some((given, given_top)) = domain.split_once('.') else { return false };
    if given == label {
        // The name is right, but the top-level domain is wrong: `qq.co`, `gmail.cm`.
        return top == "com" && ["co", "cm", "om", "m", "c"].contains(&given_top);
    }
    top == given_top
        && label.len() >= 5
        && given.bytes().next() == label.bytes().next()
        && strsim::osa_distance(given, label) == 1
}
