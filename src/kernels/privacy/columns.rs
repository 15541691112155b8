//! Detects which personal data a column contains, by its name and its values.

use super::masks;
use super::redact::iban::is_iban;
use super::redact::{self, Class};
use crate::kernels::chinese::addresses::{self, parse};
use crate::kernels::cleaning::email::Email;
use crate::kernels::cleaning::id_card::IdCard;
use crate::kernels::cleaning::phone::{self, Kind};
use crate::kernels::cleaning::texts::{is_han, plain};

/// What a column contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Name,
    Phone,
    Email,
    IdCard,
    BankCard,
    Address,
    Birth,
    /// An account, a passport: it identifies a person, but, except the international number of a bank account, has no form that could be
    /// checked.
    Account,
    FreeText,
    Key,
}

/// A kind of content with its word in SQL, the function that protects it, and names of such columns. A name matches as a whole or as some
/// of the words separated by underscores, spaces or capital letters; a Chinese name also matches as a part.
pub type Called = (Content, &'static str, &'static str, &'static [&'static str]);

/// All kinds of content. The first one that matches a column's name counts.
pub const CONTENTS: [Called; 10] = [
    (Content::Email, "email", "mask_email", &["email", "e_mail", "mail", "邮箱", "邮件地址"]),
    (
        Content::Phone,
        "phone",
        "mask_phone",
        &[
            "phone",
            "mobile",
            "tel",
            "telephone",
            "cellphone",
            "phoneno",
            "msisdn",
            "fax",
            "contact_no",
            "contact_number",
            "手机",
            "电话",
            "联系方式",
            "传真",
            "whatsapp",
        ],
    ),
    (
        Content::IdCard,
        "id_card",
        "mask_id_card",
        &[
            "id_card",
            "idcard",
            "identity_card",
            "identity_number",
            "id_no",
            "idno",
            "id_number",
            "cert_no",
            "national_id",
            "ssn",
            "身份证",
            "证件号",
        ],
    ),
    (
        Content::BankCard,
        "bank_card",
        "mask_card",
        &["bank_card", "card_no", "card_number", "bank_account", "bank", "银行卡", "卡号"],
    ),
    (
        Content::Name,
        "name",
        "mask_name",
        &[
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
            "surname",
            "given_name",
            "family_name",
            "person_name",
            "client_name",
            "buyer_name",
            "patient_name",
            "student_name",
            "employee_name",
            "emp_name",
            "staff_name",
            "receiver_name",
            "recipient_name",
            "recipient",
            "consignee",
            "cardholder",
            "姓名",
            "名字",
            "昵称",
            "联系人",
            "收件人",
            "收货人",
            "寄件人",
            "持卡人",
        ],
    ),
    (Content::Address, "address", "mask_address", &["address", "addr", "street", "地址", "住址", "住所"]),
    (Content::Birth, "birth_date", "generalize", &["birth", "birthday", "birthdate", "dob", "born", "出生", "生日"]),
    (
        Content::Account,
        "account",
        "pseudonymize",
        &[
            "passport",
            "护照",
            "通行证",
            "wechat",
            "weixin",
            "wx",
            "wxid",
            "qq",
            "openid",
            "unionid",
            "alipay",
            "微信",
            "支付宝",
            "社保号",
            "license_plate",
            "plate_no",
            "车牌",
            "ip",
            "ip_address",
            "imei",
            "idfa",
            "oaid",
            "device_id",
        ],
    ),
    (
        Content::FreeText,
        "free_text",
        "redact",
        &[
            "remark", "remarks", "note", "notes", "memo", "comment", "comments", "feedback", "message", "备注", "留言", "评论",
            "反馈",
        ],
    ),
    (
        Content::Key,
        "key",
        "pseudonymize",
        &[
            "customer_id",
            "customer_no",
            "user_id",
            "user_no",
            "uid",
            "member_id",
            "member_no",
            "person_id",
            "client_id",
            "buyer_id",
            "patient_id",
            "student_id",
            "employee_id",
            "emp_id",
            "staff_id",
            "客户编号",
            "客户号",
            "会员号",
            "会员编号",
            "用户编号",
            "用户号",
        ],
    ),
];

impl Content {
    fn called(self) -> Called {
        CONTENTS.iter().find(|(content, ..)| *content == self).copied().unwrap_or(CONTENTS[0])
    }

    /// The word in SQL.
    pub fn word(self) -> &'static str {
        self.called().1
    }

    /// The function that protects such values.
    pub fn function(self) -> &'static str {
        self.called().2
    }

    /// The content of a column with this name; `None` if the name does not suggest personal data.
    pub fn of_name(column: &str) -> Option<Self> {
        // `openId` is `openid` too.
        let forms = [words_of(column), column.to_lowercase()];
        let is_of = |(content, _, _, words): &&Called| {
            words.iter().any(|word| {
                // Products and segments have names too, so `product_name` does not match; nor does `member_card_no`.
                let by_part = !matches!(content, Self::Name | Self::Key | Self::BankCard);
                forms.iter().any(|column| {
                    column == word
                        || by_part && format!("_{column}_").contains(&format!("_{word}_"))
                        || *content == Self::BankCard && column.split('_').any(|part| part == *word)
                        || !word.is_ascii() && column.contains(word)
                })
            })
        };
        CONTENTS.iter().find(is_of).map(|(content, ..)| *content)
    }

    /// Masks a value for display.
    pub fn cover(self, value: &str) -> String {
        match self {
            Self::Email => masks::email(value),
            Self::Phone => phone::country("CN").map_or_else(|| masks::HIDDEN.into(), |home| masks::phone(value, home)),
            Self::Name => masks::name(value),
            Self::IdCard => masks::id_card(value),
            Self::BankCard => masks::card(value),
            Self::Address => masks::address(value),
            Self::Birth => value
                .get(..4)
                .filter(|year| year.bytes().all(|digit| digit.is_ascii_digit()))
                .map_or_else(|| masks::HIDDEN.into(), |year| format!("{year}-**-**")),
            Self::Account | Self::FreeText | Self::Key => masks::HIDDEN.into(),
        }
    }
}

/// The words of a column's name, in lower case and with underscores between them: `phoneNumber` and `Phone Number` are `phone_number`.
fn words_of(column: &str) -> String {
    let mut words = String::with_capacity(column.len());
    let mut before = '_';
    for letter in column.chars() {
        if letter.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit()) {
            words.push('_');
        }
        if letter.is_alphanumeric() {
            words.extend(letter.to_lowercase())
        } else {
            words.push('_')
        }
        before = letter;
    }
    words
}

/// Words in names of columns whose values are called as people are: 李宁, 王老吉.
const THINGS: [&str; 18] = [
    "product", "item", "goods", "sku", "brand", "company", "shop", "store", "city", "town", "place", "category", "商品", "产品",
    "品牌", "公司", "店", "城市",
];

fn is_of_things(column: &str) -> bool {
    let column = words_of(column);
    THINGS.iter().any(|word| column.split('_').any(|part| part == *word) || !word.is_ascii() && column.contains(word))
}

/// The share of values that must be of a kind to decide what the column contains.
const ENOUGH: f64 = 0.5;
/// The share of free texts that must contain personal data.
const ENOUGH_IN_TEXTS: f64 = 0.01;
/// The least number of characters of a free text.
const LONG: usize = 12;

/// What a column seems to contain.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub content: Content,
    /// The share of the values that are of this kind; `None` if values cannot show it.
    pub share: Option<f64>,
    /// The reason, as shown to the user.
    pub reason: String,
}

/// What a column seems to contain, judged by its name and a sample of its distinct values.
pub fn finding(column: &str, values: &[&str], all_differ: bool) -> Option<Finding> {
    let by_name = Content::of_name(column);
    let share = |reads: &dyn Fn(&str) -> bool| {
        (!values.is_empty()).then(|| values.iter().filter(|value| reads(value)).count() as f64 / values.len() as f64)
    };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    type Reads = fn(&str) -> bool;
    let readers: [(Content, Reads); 7] = [
        (Content::Email, |value| Email::read(value).is_ok()),
        (Content::IdCard, |value| IdCard::read(value).is_ok()),
        (Content::BankCard, |value| masks::card(value) != masks::HIDDEN),
        (Content::Account, is_iban),
        (Content::Phone, is_phone),
        (Content::Address, is_address),
        (Content::Name, is_name),
    ];
    for (content, reads) in readers {
        let Some(found) = share(&reads) else { break };
        let named = by_name == Some(content);
        if content == Content::Name && !named && is_of_things(column) {
            continue;
        }
        // Almost any few digits could be a telephone number, and any two characters a name.
        let enough = if named {
            0.2
        } else if content == Content::Name {
            0.9
        } else {
            ENOUGH
        };
        if found >= enough {
            let name = if named { format!("; its name \"{column}\" says so") } else { String::new() };
            let reason = format!("{} of the values looked at read as {}{name}", percent(found), content.word());
            return Some(Finding { content, share: Some(found), reason });
        }
    }
    let free = share(&|value| value.chars().count() >= LONG).filter(|share| *share >= 0.2);
    let classes = Class::ALL.map(|(class, ..)| class);
    let holds = share(&|value| !redact::find(value, &classes).is_empty());
    if let (Some(_), Some(holds)) = (free, holds.filter(|holds| *holds >= ENOUGH_IN_TEXTS)) {
        let reason = format!("{} of the texts looked at have personal data in them", percent(holds));
        return Some(Finding { content: Content::FreeText, share: Some(holds), reason });
    }
    let content = by_name?;
    if content == Content::Key && !all_differ {
        let reason = format!("its name \"{column}\"; values come again");
        return Some(Finding { content, share: None, reason });
    }
    let of_values = readers.iter().find(|(reader, _)| *reader == content).and_then(|(_, reads)| share(reads));
    Some(Finding { content, share: of_values, reason: format!("its name \"{column}\"") })
}

/// A mobile number, or a landline written with punctuation: ten plain digits are more often an order number.
fn is_phone(value: &str) -> bool {
    let Some(home) = phone::country("CN") else { return false };
    phone::read(value, home).is_ok_and(|found| match found.kind {
        Kind::Mobile => true,
        _ => value.contains(['-', '+', '(', '（', ' ']),
    })
}

fn is_address(value: &str) -> bool {
    let address = parse(&plain(value));
    let has_place = address.district.is_some() || address.city.is_some();
    has_place && !address.rest.is_empty() && address.problem != Some(addresses::Problem::NoDivision)
}

/// Two to four Chinese characters that begin with a surname and are not a place.
fn is_name(value: &str) -> bool {
    const SURNAMES: &str = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文";
    let text = plain(value);
    let letters = text.chars().count();
    let begins = text.chars().next().is_some_and(|first| SURNAMES.contains(first));
    (2..=4).contains(&letters) && begins && text.chars().all(is_han) && {
        let address = parse(&text);
        address.province.is_none() && address.city.is_none() && address.district.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(column: &str, values: &[&str]) -> Option<Content> {
        finding(column, values, true).map(|finding| finding.content)
    }

    #[test]
    fn columns_are_known_by_names_and_values() {
        for (column, values, expected) in [
            ("mobile", ["13812345678", "13912345678"], Some(Content::Phone)),
            ("c1", ["13812345678", "13912345678"], Some(Content::Phone)),
            ("c1", ["010-88886666", "+1 415 555 2671"], Some(Content::Phone)),
            ("c1", ["zhang@example.com", "li@qq.com"], Some(Content::Email)),
            ("c1", ["11010519491231002X", "440308199901010012"], Some(Content::IdCard)),
            ("c1", ["4111111111111111", "5555555555554444"], Some(Content::BankCard)),
            ("c1", ["北京市朝阳区建国路88号", "广东省深圳市南山区科技园路1号"], Some(Content::Address)),
            ("c1", ["张三", "李小明"], Some(Content::Name)),
            ("name", ["John Smith", "Ann Lee"], Some(Content::Name)),
            ("c1", ["请打13812345678找我谢谢", "没有问题，一切都很好的，谢谢"], Some(Content::FreeText)),
            ("remark", ["good", "bad"], Some(Content::FreeText)),
            ("customer_id", ["1", "2"], Some(Content::Key)),
            ("birthday", ["1990-01-01", "1985-05-05"], Some(Content::Birth)),
            ("出生日期", ["1990-01-01", "1985-05-05"], Some(Content::Birth)),
            ("wechat", ["zs_1", "ls_2"], Some(Content::Account)),
            ("c1", ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"], Some(Content::Account)),
            ("c1", ["DE89 3704 0044 0532 0130 01", "GB29NWBK60161331926818"], None),
            ("city", ["北京", "上海"], None),
            ("city", ["张家口", "石家庄"], None),
            ("product_name", ["手机", "平板"], None),
            ("amount", ["100", "2000"], None),
            ("order_no", ["20250115123456789", "20250115123456790"], None),
            ("created_at", ["2025-01-01", "2025-01-02"], None),
            ("gender", ["f", "m"], None),
            ("phoneNumber", ["a", "b"], Some(Content::Phone)),
            ("Customer Address", ["a", "b"], Some(Content::Address)),
            ("id_card_no", ["a", "b"], Some(Content::IdCard)),
            ("EmpName", ["John Smith", "Ann Lee"], Some(Content::Name)),
            ("userId", ["1", "2"], Some(Content::Key)),
            ("openId", ["a", "b"], Some(Content::Account)),
            ("last_ip", ["10.0.0.1", "10.0.0.2"], Some(Content::Account)),
            ("车牌号", ["京A12345", "沪B12345"], Some(Content::Account)),
            ("brand", ["李宁", "王老吉"], None),
            ("zip", ["100000", "200000"], None),
            ("member_card_no", ["V001", "V002"], None),
        ] {
            assert_eq!(content(column, &values), expected, "{column} {values:?}");
        }
        assert_eq!(content("phone", &[]), Some(Content::Phone));
        assert_eq!(content("x", &[]), None);
    }

    #[test]
    fn values_are_covered() {
        assert_eq!(Content::Birth.cover("1990-01-01"), "1990-**-**");
        assert_eq!(Content::Birth.cover("x"), "***");
        assert_eq!(Content::FreeText.cover("x"), "***");
    }
}
