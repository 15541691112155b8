//! Numbers of Chinese identity cards.

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc};
use crate::kernels::cleaning::id_card::IdCard;

const NUMBER: Argument = text("id_card", "the number, of 15 or 18 characters");

const SOURCE: &str = "GB 11643-1999; ISO/IEC 7064, MOD 11-2";

pub static ALL: [TextFunction; 6] = [
    TextFunction::new(
        Doc {
            name: "id_card_valid",
            domain: "clean",
            summary: "True when a text is a number of a Chinese identity card.",
            description: "\
Looked at are the province (the first two digits), the day of birth (a day of the calendar) and the check digit; numbers of 15 digits, from before 1999, have none.
Residence permits of Hong Kong, Macao and Taiwan (81 to 83) and of foreigners (9) are numbers of the same form. Blanks, dashes and full-width
digits do not count, `x` is `X`. False for anything else; `id_card_problem` says why. Whether the number was given to somebody is not known.",
            arguments: &[NUMBER],
            examples: &["SELECT id_card_valid('11010519491231002X') AS good, id_card_valid('110105194912310021') AS wrong;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Flag(|_| Ok(Box::new(|number| Some(IdCard::read(number).is_ok())))),
    ),
    TextFunction::new(
        Doc {
            name: "id_card_problem",
            domain: "clean",
            summary: "Why a text is no number of an identity card; NULL when it is one.",
            description: "\
One of `empty`, `masked`, `neither 15 nor 18 characters`, `not digits`, `last digits lost in a spreadsheet` (which keeps fifteen digits of a number and makes zeros of the others),
`unknown province`, `birth is no day of the calendar`, `wrong check digit`. The number itself is never part of it.",
            arguments: &[NUMBER],
            examples: &["SELECT id_card_problem('110105194912310021') AS one, id_card_problem('110105********002X') AS two;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|number, problem| match IdCard::read(number) {
                Ok(_) => false,
                Err(wrong) => {
                    problem.push_str(wrong.as_str());
                    true
                }
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "id_card_birth_date",
            domain: "clean",
            summary: "The day of birth in the number of an identity card.",
            description: "NULL when the number is not valid. Numbers of 15 digits are of the twentieth century.",
            arguments: &[NUMBER],
            examples: &["SELECT id_card_birth_date('11010519491231002X') AS born;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Day(|_| Ok(Box::new(|number| IdCard::read(number).ok().map(|card| card.birth)))),
    ),
    TextFunction::new(
        Doc {
            name: "id_card_gender",
            domain: "clean",
            summary: "`female` or `male`, by the number of an identity card.",
            description: "The last digit before the check digit is odd for men. NULL when the number is not valid.",
            arguments: &[NUMBER],
            examples: &["SELECT id_card_gender('11010519491231002X') AS gender;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|number, gender| match IdCard::read(number) {
                Ok(card) => {
                    gender.push_str(if card.is_female() { "female" } else { "male" });
                    true
                }
                Err(_) => false,
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "id_card_province",
            domain: "clean",
            summary: "The province that an identity card was first given out in.",
            description: "\
By the first two digits, under the name of today: where a person was registered then, not where they live. NULL when the number is not valid.",
            arguments: &[NUMBER],
            examples: &["SELECT id_card_province('11010519491231002X') AS province;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|number, province| match IdCard::read(number).ok().and_then(|card| card.province()) {
                Some(name) => {
                    province.push_str(name);
                    true
                }
                None => false,
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "id_card_18",
            domain: "clean",
            summary: "The number of an identity card in 18 characters.",
            description: "\
A number of 15 digits gets its century (19) and check digit; one of 18 is given back without blanks, with a capital X. So it is the key of a person
across old and new records. NULL when the number is not valid.",
            arguments: &[NUMBER],
            examples: &["SELECT id_card_18('110105491231002') AS number;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|number, clean| match IdCard::read(number) {
                Ok(card) => {
                    clean.push_str(card.text());
                    true
                }
                Err(_) => false,
            }))
        }),
    ),
];
