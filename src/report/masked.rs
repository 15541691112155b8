//! What tells who somebody is, so covered that it can still be compared with what is known.

/// What columns of such values are called; a part of the name is enough, but for those of persons.
const NAMES: [&str; 16] = [
    "name",
    "full_name",
    "first_name",
    "last_name",
    "real_name",
    "customer_name",
    "user_name",
    "username",
    "member_name",
    "contact_name",
    "contact",
    "nickname",
    "姓名",
    "名字",
    "联系人",
    "收件人",
];
const PHONES: [&str; 6] = ["phone", "mobile", "tel", "手机", "电话", "whatsapp"];
const MAILS: [&str; 4] = ["email", "e_mail", "mail", "邮箱"];
const OTHERS: [&str; 11] =
    ["id_card", "idcard", "identity_number", "身份证", "passport", "护照", "address", "地址", "wechat", "微信", "bank"];

/// How the values of a column are covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    Mail,
    Phone,
    Name,
    Other,
}

impl Mask {
    /// That of a column of this name; nothing where its values are no person's.
    pub fn of(column: &str) -> Option<Self> {
        let column = column.to_lowercase();
        let is_of = |parts: &[&str]| {
            let is_of = |part: &&str| {
                column == **part || column.split('_').any(|word| word == *part) || !part.is_ascii() && column.contains(part)
            };
            parts.iter().any(is_of)
        };
        // A product or a segment has a name too, and is nobody.
        let is_name = || NAMES.iter().any(|name| column == *name || !name.is_ascii() && column.contains(name));
        Some(match () {
            () if is_of(&MAILS) => Self::Mail,
            () if is_of(&PHONES) => Self::Phone,
            () if is_name() => Self::Name,
            () if is_of(&OTHERS) => Self::Other,
            () => return None,
        })
    }

    /// A value as a page may show it.
    pub fn cover(self, value: &str) -> String {
        let letters: Vec<char> = value.chars().collect();
        match self {
            Self::Mail => match value.split_once('@') {
                Some((name, domain)) => format!("{}***@{domain}", name.chars().next().unwrap_or('*')),
                None => "***".into(),
            },
            Self::Phone => kept(&letters, 3, 4),
            Self::Name => kept(&letters, 1, 0),
            Self::Other => kept(&letters, 2, 0),
        }
    }
}

/// The first and last letters; of short values fewer, so that something is always covered.
fn kept(letters: &[char], first: usize, last: usize) -> String {
    let (first, last) = if letters.len() > first + last { (first, last) } else { (letters.len().min(2) / 2, 0) };
    let head: String = letters[..first].iter().collect();
    let tail: String = letters[letters.len() - last..].iter().collect();
    format!("{head}{}{tail}", "*".repeat((letters.len() - first - last).clamp(1, 6)))
}

#[cfg(test)]
mod tests {
    use super::Mask;

    #[test]
    fn persons_are_covered_and_the_rest_is_not() {
        for (column, value, expected) in [
            ("name", "杨勇", "杨*"),
            ("customer_name", "孙子涵", "孙**"),
            ("name", "李", "*"),
            ("phone", "13642410369", "136****0369"),
            ("mobile_phone", "110", "1**"),
            ("email", "user4513@example.com", "u***@example.com"),
            ("email", "none", "***"),
            ("身份证号", "110101199003074514", "11******"),
            ("address", "上海市浦东新区1号", "上海******"),
            ("city", "上海", "上海"),
            ("username_count", "7", "7"),
            ("product", "手机", "手机"),
            ("product_name", "手机", "手机"),
        ] {
            let shown = Mask::of(column).map_or_else(|| value.to_string(), |mask| mask.cover(value));
            assert_eq!(shown, expected, "{column}");
        }
    }
}
