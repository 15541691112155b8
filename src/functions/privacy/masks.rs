//! Functions that cover personal data.

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::error::{did_you_mean, invalid};
use crate::kernels::cleaning::phone::{COUNTRIES, country};
use crate::kernels::privacy::masks;

/// A mask that has no options.
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
            summary: "A person's name with only its beginning: `张*`, `J*** S****`.",
            description: "\
Of a Chinese name the surname stays, of two characters where it is such a one (`欧阳**`), and a star stands for each other character; of names in other letters
the first letter of each word, and stars for the others, ten at most. A word of one letter is covered. Titles (`先生`, `Dr.`) and what stands in brackets are left out.

A company with its legal form keeps this form and, in Chinese, its first two characters: `北京****有限公司`.

Any other text, such as a telephone number or `匿名`, gives `***`. A name that is covered stays as it is. NULL gives NULL.",
            arguments: &[text("name", "the name as it was typed")],
            examples: &["SELECT name, mask_name(name) AS masked
FROM (VALUES ('张三'), ('欧阳娜娜'), ('John Smith'), ('北京字节跳动科技有限公司'), ('13812345678')) AS given(name);"],
            ..Doc::EMPTY
        },
        masks::name
    ),
    TextFunction::new(
        Doc {
            name: "mask_phone",
            domain: "privacy",
            summary: "A telephone number without its middle: `138****5678`.",
            description: "\
Read as `clean_phone` reads it, in any way of writing. Of a mobile number of China the first three and last four digits stay; of a landline the area code and the last four (`010-****6666`);
of other numbers at most the last four, with five or more covered (`+1 ******2671`). The calling code stays where it was written. An extension becomes `ext. ***`.

A text that is no whole telephone number gives `***`. A number that is covered as above stays as it is. NULL gives NULL.

Who knows who is in a table can often tell one from four digits: a mask keeps a page from showing a number, and makes no row anonymous.",
            arguments: &[
                text("phone", "the number as it was typed"),
                Argument::optional(
                    "country",
                    Takes::Text,
                    "'CN'",
                    "where numbers without a calling code are dialled: two letters of ISO 3166-1, as `'US'`",
                ),
            ],
            examples: &["SELECT mask_phone('138 1234 5678') AS mobile, mask_phone('010-88886666转801') AS landline,
       mask_phone('+1 415 555 2671') AS abroad, mask_phone('call me') AS other;"],
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
            summary: "An address of e-mail with the first letter of its name: `z***@example.com`.",
            description: "\
Three stars stand for the rest of the name, whatever its length; of a name of one letter nothing stays. The domain stays, in small letters: where it is a
person's own, it tells who they are. A text that is no address gives `***`. NULL gives NULL.",
            arguments: &[text("email", "the address as it was typed")],
            examples: &["SELECT mask_email('Zhang.San@Example.com') AS one, mask_email('Li Na <li@qq.com>') AS two, mask_email('none') AS other;"],
            ..Doc::EMPTY
        },
        masks::email
    ),
    masked!(
        Doc {
            name: "mask_id_card",
            domain: "privacy",
            summary: "A number of a Chinese identity card without the day of birth: `110***********002X`.",
            description: "\
The first three digits (the province and a digit of the city) and the last four stay; these tell the gender. A text that is no valid number, as `id_card_valid` has it,
gives `***`: it may be another document, or a number with a slip. NULL gives NULL.",
            arguments: &[text("id_card", "the number, of 15 or 18 characters")],
            examples: &["SELECT mask_id_card('11010519491231002X') AS masked, mask_id_card('110105194912310021') AS no_number;"],
            ..Doc::EMPTY
        },
        masks::id_card
    ),
    masked!(
        Doc {
            name: "mask_address",
            domain: "privacy",
            summary: "An address in China with province, city and district alone: `北京市朝阳区***`.",
            description: "\
The divisions are those that `clean_address_cn` finds, by their full names of today, what follows from them included (`昆山市` is in Suzhou, Jiangsu). Everything else is
covered: names and numbers before them, town, street and house. A text in which no division is found, an address abroad among them, gives `***`. NULL gives NULL.",
            arguments: &[text("address", "the address as it was typed")],
            examples: &["SELECT mask_address('广东深圳南山区科技园路1号3栋502') AS one, mask_address('12 Main St') AS two;"],
            ..Doc::EMPTY
        },
        masks::address
    ),
    masked!(
        Doc {
            name: "mask_card",
            domain: "privacy",
            summary: "The last four digits of a bank card's number: `************1111`.",
            description: "\
A number has 13 to 19 digits, begins as those of a network do, and ends with the check digit of Luhn (ISO/IEC 7812); blanks, dashes and full-width digits do not count.
Any other text gives `***`. NULL gives NULL.",
            arguments: &[text("card", "the number as it was typed")],
            examples: &["SELECT mask_card('4111 1111 1111 1111') AS card, mask_card('4111 1111 1111 1112') AS no_card;"],
            source: "ISO/IEC 7812-1",
            ..Doc::EMPTY
        },
        masks::card
    ),
];
