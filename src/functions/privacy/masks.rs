//! Functions that mask personal data.

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::error::{did_you_mean, invalid};
use crate::kernels::cleaning::phone::{COUNTRIES, country};
use crate::kernels::privacy::masks;

/// A mask without options.
macro_rules! masked {
    ($doc:expr, $mask:path) => {
        TextFunction::new(
            $doc,
            Gives::Text(|_| {
                Ok(Box::new(|value, covered| {
                    covered.push_str(&$mask(value));
                    true
                }))
            }),
        )
    };
}

pub static ALL: [TextFunction; 6] = [
    masked!(
        Doc {
            name: "mask_name",
            domain: "privacy",
            summary: "Masks a person's name except its beginning: `张*`, `J*** S****`.",
            description: "\
For a Chinese name, the surname stays (two characters for a surname such as in `欧阳**`), and each other character becomes a star. For names
in other scripts, the first letter of each word stays, and at most ten stars replace the rest. A one-letter word is masked. Titles (`先生`,
`Dr.`) and text in brackets are dropped.

A company name with a legal form keeps the form and, in Chinese, its first two characters: `北京****有限公司`.

Any other text, such as a telephone number or `匿名`, gives `***`. A masked name stays as it is. NULL gives NULL.

**Cost.** A look at each value; nothing is read from elsewhere.

**Elsewhere.** `partial(1, '***', 0)` of SQL Server's dynamic data masking and of PostgreSQL Anonymizer count characters, so that 欧阳娜娜
becomes 欧***; DuckDB has `regexp_replace`. A mask for a role is made with CREATE MASK.",
            arguments: &[text("name", "the name as it was typed, of a person or a company; NULL gives NULL")],
            examples: &[
                "SELECT name, mask_name(name) AS masked
FROM (VALUES ('张三'), ('欧阳娜娜'), ('John Smith'), ('北京字节跳动科技有限公司'), ('13812345678')) AS given(name);",
                "SELECT customer_id, mask_name(name) AS name, mask_phone(phone) AS phone, mask_email(email) AS email
FROM sample_customers(rows => 4) ORDER BY customer_id;",
            ],
            source: "GB/T 37964 (de-identification of personal information), masking.",
            ..Doc::EMPTY
        },
        masks::name
    ),
    TextFunction::new(
        Doc {
            name: "mask_phone",
            domain: "privacy",
            summary: "Masks the middle of a telephone number: `138****5678`.",
            description: "\
The number is read as by `clean_phone`, in any spelling. A Chinese mobile number keeps its first three and last four digits; a landline its
area code and last four (`010-****6666`); other numbers keep at most the last four, with five or more masked (`+1 ******2671`). The calling
code stays if it was written. An extension becomes `ext. ***`.

A text that is not a complete telephone number gives `***`. A number masked as above stays as it is. NULL gives NULL.

Someone who knows who is in a table can often identify a person from four digits: a mask keeps a page from showing a number, but does not
make a row anonymous.

**Cost.** A look at each value; nothing is read from elsewhere.

**Elsewhere.** `anon.partial(phone, 3, '****', 4)` of PostgreSQL Anonymizer, `partial` of SQL Server, `regexp_replace` elsewhere: they cut
by position, and show a number in another spelling or a text that is none.",
            arguments: &[
                text("phone", "the number as it was typed, with spaces, dashes or full-width digits; NULL gives NULL"),
                Argument::optional(
                    "country",
                    Takes::Text,
                    "'CN'",
                    "country of numbers without a calling code: two letters of ISO 3166-1, such as `'US'`",
                ),
            ],
            examples: &["SELECT mask_phone('138 1234 5678') AS mobile, mask_phone('010-88886666转801') AS landline,
       mask_phone('+1 415 555 2671') AS abroad, mask_phone('call me') AS other;"],
            source: "GB/T 37964 (de-identification of personal information), masking.",
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let given = options.text("country").unwrap_or("CN");
            let home = country(given).ok_or_else(|| {
                let suggestion = did_you_mean(given, COUNTRIES.iter().map(|country| country.iso));
                invalid(
                    "mask_phone",
                    format!("country must be two letters of ISO 3166-1, got '{given}'{suggestion}; write country => 'CN'"),
                )
            })?;
            Ok(Box::new(move |phone, covered| {
                covered.push_str(&masks::phone(phone, home));
                true
            }))
        }),
    ),
    masked!(
        Doc {
            name: "mask_email",
            domain: "privacy",
            summary: "Masks an e-mail address except the first letter and the domain: `z***@example.com`.",
            description: "\
Three stars replace the rest of the local part, whatever its length; a one-letter local part is masked completely. The domain stays, in
lower case: if it is a person's own domain, it identifies the person. A text that is not an address gives `***`. NULL gives NULL.

**Cost.** A look at each value; nothing is read from elsewhere.

**Elsewhere.** `email()` of SQL Server's dynamic data masking gives `zXXX@XXXX.com`; `anon.partial_email` of PostgreSQL Anonymizer also cuts
the domain.",
            arguments: &[text("email", "the address as it was typed; NULL gives NULL")],
            examples: &["SELECT mask_email('Zhang.San@Example.com') AS one, mask_email('Li Na <li@qq.com>') AS two, mask_email('none') AS other;"],
            source: "GB/T 37964 (de-identification of personal information), masking.",
            ..Doc::EMPTY
        },
        masks::email
    ),
    masked!(
        Doc {
            name: "mask_id_card",
            domain: "privacy",
            summary: "Masks the birth date in a Chinese identity card number: `110***********002X`.",
            description: "\
The first three digits (the province and one digit of the city) and the last four stay; the last four show the gender. A text that
`id_card_valid` does not accept gives `***`: it may be another document, or a number with a typing error. NULL gives NULL.

**Cost.** A look at each value; nothing is read from elsewhere.

**Elsewhere.** `partial(3, '***********', 4)` of SQL Server and `concat(left(x, 3), …, right(x, 4))` in any SQL do the same, also with what
is no number of an identity card.",
            arguments: &[text("id_card", "the number, of 15 or 18 characters, with x or X; NULL gives NULL")],
            examples: &["SELECT mask_id_card('11010519491231002X') AS masked, mask_id_card('110105194912310021') AS no_number;"],
            source: "GB/T 37964 (de-identification of personal information), masking.",
            ..Doc::EMPTY
        },
        masks::id_card
    ),
    masked!(
        Doc {
            name: "mask_address",
            domain: "privacy",
            summary: "Masks a Chinese address except province, city and district: `北京市朝阳区***`.",
            description: "\
The divisions are those that `clean_address_cn` finds, with their full present names, including those that follow from them (`昆山市` is in
Suzhou, Jiangsu). Everything else is masked: names and numbers before them, town, street and house. A text without a known division, such as
a foreign address, gives `***`. NULL gives NULL.

**Cost.** As `clean_address_cn`: the divisions of each address are looked up.

**Elsewhere.** Nothing comparable is known for Chinese addresses; other tools cut after a number of characters.",
            arguments: &[text("address", "the address as it was typed; NULL gives NULL")],
            examples: &["SELECT mask_address('广东深圳南山区科技园路1号3栋502') AS one, mask_address('12 Main St') AS two;"],
            source: "GB/T 37964 (de-identification of personal information), masking.",
            ..Doc::EMPTY
        },
        masks::address
    ),
    masked!(
        Doc {
            name: "mask_card",
            domain: "privacy",
            summary: "Masks a bank card number except its last four digits: `************1111`.",
            description: "\
A card number has 13 to 19 digits, begins with the prefix of a card network, and ends with the Luhn check digit (ISO/IEC 7812); spaces,
dashes and full-width digits are accepted. Any other text gives `***`. NULL gives NULL.

PCI DSS allows at most the first digits, which name the bank, and the last four to be shown; this mask shows the last four.

**Cost.** A look at each value; nothing is read from elsewhere.

**Elsewhere.** `partial(0, 'XXXX-XXXX-XXXX-', 4)` of SQL Server and `anon.partial` of PostgreSQL Anonymizer, without a check of the digits.",
            arguments: &[text("card", "the number as it was typed, with spaces, dashes or full-width digits; NULL gives NULL")],
            examples: &["SELECT mask_card('4111 1111 1111 1111') AS card, mask_card('4111 1111 1111 1112') AS no_card;"],
            source: "ISO/IEC 7812-1",
            ..Doc::EMPTY
        },
        masks::card
    ),
];
