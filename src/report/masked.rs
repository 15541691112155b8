//! Masks personal data in a way that still allows comparing it with known data.

use crate::kernels::privacy::columns::Content;
use crate::kernels::privacy::redact::{Class, redact};

/// How the values of a column are masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask(Content);

/// Columns that name companies: no personal data, but pages that are sent on should not name customers.
const COMPANIES: &[&str] = &["company", "company_name", "企业", "企业名称", "公司", "公司名称"];

impl Mask {
    /// The mask for a column with this name; `None` if it names no customer, or holds data that the page is about, such as a key, a date of birth
    /// or a text.
    pub fn of(column: &str) -> Option<Self> {
        let is_company = COMPANIES.iter().any(|name| column.eq_ignore_ascii_case(name));
        let content = if is_company { Content::Name } else { Content::of_name(column)? };
        let stays = matches!(content, Content::Key | Content::Birth | Content::FreeText);
        (!stays).then_some(Self(content))
    }

    /// The masked value.
    pub fn cover(self, value: &str) -> String {
        self.0.cover(value)
    }
}

/// Whether texts of a column with this name may have personal data in them that nothing but their form tells; a key has not.
pub fn is_free(column: &str) -> bool {
    !matches!(Content::of_name(column), Some(Content::Key))
}

/// A text with stars for the telephone numbers, e-mail addresses and the like in it.
pub fn without_contacts(text: &str) -> String {
    let classes = Class::ALL.map(|(class, ..)| class);
    let mut covered = String::with_capacity(text.len());
    redact(text, &classes, |_| "***".into(), &mut covered);
    covered
}

#[cfg(test)]
mod tests {
    use super::{Mask, is_free, without_contacts};

    #[test]
    fn contacts_in_texts_are_covered() {
        for (text, expected) in [
            ("月结, 电话 13812345678", "月结, 电话 ***"),
            ("write to a@b.cn", "write to ***"),
            ("spent = 71541.61", "spent = 71541.61"),
            ("2025-03-01", "2025-03-01"),
        ] {
            assert_eq!(without_contacts(text), expected);
        }
        assert!(is_free("special_needs") && is_free("region") && !is_free("customer_id"));
    }

    #[test]
    fn persons_are_covered_and_the_rest_is_not() {
        for (column, value, expected) in [
            ("name", "杨勇", "杨*"),
            ("customer_name", "孙子涵", "孙**"),
            ("name", "李", "*"),
            ("phone", "13642410369", "136****0369"),
            ("mobile_phone", "110", "***"),
            ("email", "user4513@example.com", "u***@example.com"),
            ("email", "none", "***"),
            ("身份证号", "11010519491231002X", "110***********002X"),
            ("address", "上海市浦东新区1号", "上海市浦东新区***"),
            ("wechat", "zs_1", "***"),
            ("company", "东方纺织有限公司", "东方****有限公司"),
            ("city", "上海", "上海"),
            ("customer_id", "7", "7"),
            ("username_count", "7", "7"),
            ("product", "手机", "手机"),
            ("product_name", "手机", "手机"),
        ] {
            let shown = Mask::of(column).map_or_else(|| value.to_string(), |mask| mask.cover(value));
            assert_eq!(shown, expected, "{column}");
        }
    }
}
