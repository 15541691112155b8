//! Chinese identity card numbers.

use crate::adapter::text_function::{AS_OF, Gives, TextFunction, text, until};
use crate::docs::{Argument, Doc};
use crate::kernels::cleaning::id_card::IdCard;

const NUMBER: Argument =
    text("id_card", "identity card number of 15 or 18 characters; a text, as numbers lose their last digits; NULL gives NULL");

const SOURCE: &str = "GB 11643-1999; ISO/IEC 7064, MOD 11-2";

pub static ALL: [TextFunction; 6] = [
    TextFunction::new(
        Doc {
            name: "id_card_valid",
            domain: "clean",
            summary: "True if a string is a valid Chinese identity card number.",
            description: "\
Checks the province (the first two digits), the birth date (a day that exists, and not after `as_of`) and the check digit; 15-digit
numbers, from before 1999, have no check digit. Residence permits for Hong Kong, Macao and Taiwan (81 to 83) and for foreigners (9) have the same form. Spaces, dashes and
full-width digits are accepted, and `x` counts as `X`. False for anything else; `id_card_problem` says why. It does not check whether the
number was issued.

The check digit: Σ aᵢ · 2^(18 − i) over the first 17 digits aᵢ, modulo 11; 0 to 10 stand for 1, 0, X, 9, 8, 7, 6, 5, 4, 3, 2.

**Cost.** About 0.2 seconds of CPU per million numbers. Values are handled one at a time, so memory does not grow with the rows.

**Elsewhere.** Python: `stdnum.cn.ric.is_valid`; `id-validator`.",
            arguments: &[NUMBER, AS_OF],
            examples: &["SELECT id_card_valid('11010519491231002X') AS good, id_card_valid('110105194912310021') AS wrong;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Flag(|options| {
            let last = until(options);
            Ok(Box::new(move |number| Some(IdCard::read_until(number, last).is_ok())))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "id_card_problem",
            domain: "clean",
            summary: "Explains why a string is not a valid identity card number; NULL if it is one.",
            description: "\
One of `empty`, `masked`, `neither 15 nor 18 characters`, `not digits`, `last digits lost in a spreadsheet` (spreadsheets keep fifteen
digits and replace the others by zeros), `unknown province`, `birth is no day of the calendar`, `wrong check digit`, `born in the future`. The result
never contains the number itself.

**Cost.** As `id_card_valid`: each call reads the text again.

**Elsewhere.** Python: `stdnum.cn.ric.validate` raises an error that tells a wrong length, form, part or check digit apart; it refuses
15 digits.",
            arguments: &[NUMBER, AS_OF],
            examples: &["SELECT id_card_problem('110105194912310021') AS one, id_card_problem('110105********002X') AS two;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let last = until(options);
            Ok(Box::new(move |number, problem| match IdCard::read_until(number, last) {
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
            summary: "Returns the birth date in an identity card number.",
            description: "\
NULL if the number is not valid. 15-digit numbers are read as births in the twentieth century.

**Cost.** As `id_card_valid`: each call reads the text again.

**Elsewhere.** Python: `stdnum.cn.ric.get_birth_date`; `id-validator`: `get_info`. In SQL often `substr(x, 7, 8)`, which also reads
wrong numbers.",
            arguments: &[NUMBER, AS_OF],
            examples: &["SELECT id_card_birth_date('11010519491231002X') AS born;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Day(|options| {
            let last = until(options);
            Ok(Box::new(move |number| IdCard::read_until(number, last).ok().map(|card| card.birth)))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "id_card_gender",
            domain: "clean",
            summary: "Returns `female` or `male` from an identity card number.",
            description: "\
The last digit before the check digit is odd for men. NULL if the number is not valid.

**Cost.** As `id_card_valid`: each call reads the text again.

**Elsewhere.** Python: `id-validator`: `get_info`, where 1 is male and 0 female.",
            arguments: &[NUMBER, AS_OF],
            examples: &["SELECT id_card_gender('11010519491231002X') AS gender;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let last = until(options);
            Ok(Box::new(move |number, gender| match IdCard::read_until(number, last) {
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
            summary: "Returns the province where an identity card was first issued.",
            description: "\
From the first two digits, with the present name: where the person was registered then, not where the person lives. NULL if the number is
not valid.

**Cost.** As `id_card_valid`: each call reads the text again.

**Elsewhere.** Python: `stdnum.cn.ric.get_birth_place`; `id-validator`: `get_info`, down to the district.",
            arguments: &[NUMBER, AS_OF],
            examples: &["SELECT id_card_province('11010519491231002X') AS province;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let last = until(options);
            Ok(Box::new(move |number, province| match IdCard::read_until(number, last).ok().and_then(|card| card.province()) {
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
            summary: "Returns an identity card number in its 18-character form.",
            description: "\
A 15-digit number gets its century (19) and check digit; an 18-digit number is returned without spaces, with an upper-case X. The result
identifies a person across old and new records. NULL if the number is not valid.

**Cost.** As `id_card_valid`: each call reads the text again.

**Elsewhere.** Python: `id-validator`: `upgrade_id`.",
            arguments: &[NUMBER, AS_OF],
            examples: &["SELECT id_card_18('110105491231002') AS number;"],
            source: SOURCE,
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let last = until(options);
            Ok(Box::new(move |number, clean| match IdCard::read_until(number, last) {
                Ok(card) => {
                    clean.push_str(card.text());
                    true
                }
                Err(_) => false,
            }))
        }),
    ),
];
