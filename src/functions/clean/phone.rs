//! Telephone numbers.

use datafusion::common::Result;

use crate::adapter::arguments::Options;
use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::error::{did_you_mean, invalid};
use crate::kernels::cleaning::phone::{COUNTRIES, Country, Phone, Problem, country, read, read_abroad};

const PHONE: Argument =
    text("phone", "telephone number as typed, in any spelling; a text, so that its zeros are kept; NULL gives NULL");

const COUNTRY: Argument = Argument::optional(
    "country",
    Takes::Text,
    "'CN'",
    "country of numbers without a calling code: two letters of ISO 3166-1, such as `'US'`; a constant or a column",
);

pub static ALL: [TextFunction; 5] = [
    TextFunction::new(
        Doc {
            name: "clean_phone",
            domain: "clean",
            summary: "Cleans a telephone number: E.164 format, such as `+8613800138000`.",
            description: "\
Reads digits of any script and width, with spaces, dashes, brackets and dots between them, labels (`电话：`), `+`, `0086` and `86`, the 0
before an area code, the prefixes of Chinese carriers (`17951`), and numbers damaged by a spreadsheet (`13800138000.0`, `1.3800138E+10`). An
extension is dropped (see `phone_extension`).

A number must fit the numbering plan of its country: first digits and length, and for Chinese landlines the area code. The plans of 55
countries are known. Numbers of other countries are accepted by their calling code, if written with `+` or with the prefix dialled for it.
Anything else gives NULL, and `phone_problem` says why: a landline without its area code, two numbers in one text, hidden digits (`*`).

The result is a key: two spellings of one number give the same string, and a clean number is returned unchanged.

The plans are those of the regulators and check only first digits and length, not whether a number is in use. The city or carrier of a
Chinese mobile number changes over time and is not returned.

**Cost.** About 1 second of CPU per million numbers. Values are handled one at a time, so memory does not grow with the rows.

**Elsewhere.** Python: `phonenumbers.parse` and `format_number(…, E164)`; Java and JavaScript: libphonenumber. Both need the text cleaned of labels
and of what a spreadsheet did to it. SQL has only `regexp_replace`.",
            arguments: &[PHONE, COUNTRY],
            examples: &["SELECT clean_phone('138 0013 8000') AS mobile, clean_phone('（010）8888-6666转801') AS landline,
       clean_phone('(415) 555-2671', country => 'US') AS american;",
            "SELECT phone IS NULL AS missing, phone_problem(phone) AS problem, count(*) AS customers, count(DISTINCT clean_phone(phone)) AS numbers
FROM sample_customers(rows => 1000) GROUP BY ALL ORDER BY customers DESC;"],
            source: "ITU-T E.164 and the numbering plans of the countries' regulators",
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let home = home("clean_phone", options)?;
            Ok(Box::new(move |phone, clean| match read_in(home, phone) {
                Ok(phone) => {
                    clean.push('+');
                    clean.push_str(phone.code);
                    clean.push_str(&phone.national);
                    true
                }
                Err(_) => false,
            }))
        }),
    )
    .by_row(COUNTRY.name),
    TextFunction::new(
        Doc {
            name: "phone_type",
            domain: "clean",
            summary: "Returns the type of a telephone number: `mobile`, `landline` and so on.",
            description: "\
One of `mobile`, `landline`, `mobile or landline` (North America and others do not distinguish them), `toll free`, `shared cost` (400 in
China), `voip`, `unknown` (the country's plan is not known). NULL where `clean_phone` gives NULL.

**Cost.** As `clean_phone`: each call reads the text again.

**Elsewhere.** Python: `phonenumbers.number_type`; libphonenumber: `getNumberType`.",
            arguments: &[PHONE, COUNTRY],
            examples: &["SELECT phone_type('13800138000') AS one, phone_type('010-88886666') AS two, phone_type('400-820-8820') AS three;",
            "SELECT phone_type(phone) AS type, count(*) AS customers FROM sample_customers(rows => 1000) GROUP BY type ORDER BY customers DESC;"],
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let home = home("phone_type", options)?;
            Ok(Box::new(move |phone, kind| match read_in(home, phone) {
                Ok(phone) => {
                    kind.push_str(phone.kind.as_str());
                    true
                }
                Err(_) => false,
            }))
        }),
    )
    .by_row(COUNTRY.name),
    TextFunction::new(
        Doc {
            name: "phone_region",
            domain: "clean",
            summary: "Returns the region of a telephone number: the city of a Chinese landline, otherwise the country.",
            description: "\
The city that the area code belongs to (`北京`; some codes serve several cities), or the country in two letters of ISO 3166-1 (`CN` for
Chinese mobile numbers, which do not show a city). NULL where `clean_phone` gives NULL.

**Cost.** As `clean_phone`: each call reads the text again.

**Elsewhere.** Python: `phonenumbers.geocoder.description_for_number`, with names in many languages; libphonenumber:
`PhoneNumberOfflineGeocoder`.",
            arguments: &[PHONE, COUNTRY],
            examples: &["SELECT phone_region('010-88886666') AS city, phone_region('13800138000') AS mobile, phone_region('+49 30 123456') AS abroad;"],
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let home = home("phone_region", options)?;
            Ok(Box::new(move |phone, region| match read_in(home, phone) {
                Ok(phone) => {
                    region.push_str(phone.region());
                    true
                }
                Err(_) => false,
            }))
        }),
    )
    .by_row(COUNTRY.name),
    TextFunction::new(
        Doc {
            name: "phone_extension",
            domain: "clean",
            summary: "Returns the extension of a telephone number, which `clean_phone` drops.",
            description: "\
The digits after `转`, `分机`, `ext.`, `x` or `#`. NULL if there are none, and where `clean_phone` gives NULL.

**Cost.** As `clean_phone`: each call reads the text again.

**Elsewhere.** Python: `phonenumbers.parse(…).extension`, which does not know 转 and 分机.",
            arguments: &[PHONE, COUNTRY],
            examples: &["SELECT phone_extension('010-88886666转801') AS extension;"],
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let home = home("phone_extension", options)?;
            Ok(Box::new(move |phone, digits| match read_in(home, phone).ok().and_then(|phone| phone.extension) {
                Some(extension) => {
                    digits.push_str(&extension);
                    true
                }
                None => false,
            }))
        }),
    )
    .by_row(COUNTRY.name),
    TextFunction::new(
        Doc {
            name: "phone_problem",
            domain: "clean",
            summary: "Explains why `clean_phone` gives NULL; NULL if it gives a number.",
            description: "\
One of `empty`, `masked`, `letters in the number`, `digits lost in scientific notation`, `several numbers`, `short number of a service`, `no area code`, `unknown area code`,
`unknown calling code`, `unknown country`, `too few digits`, `too many digits`, `not a number of the country`.

**Cost.** As `clean_phone`: each call reads the text again.

**Elsewhere.** Python: `phonenumbers.is_possible_number_with_reason`, which tells only whether the length or the calling code is wrong.",
            arguments: &[PHONE, COUNTRY],
            examples: &["SELECT phone_problem('88886666') AS landline, phone_problem('138****8000') AS hidden, phone_problem('13800138000') AS good;"],
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let home = home("phone_problem", options)?;
            Ok(Box::new(move |phone, problem| match read_in(home, phone) {
                Ok(_) => false,
                Err(wrong) => {
                    problem.push_str(wrong.as_str());
                    true
                }
            }))
        }),
    )
    .by_row(COUNTRY.name),
];

/// The country of numbers without a calling code; `None` if that of a row is not known.
fn home(function: &str, options: &Options) -> Result<Option<&'static Country>> {
    let given = options.text("country").unwrap_or("CN");
    match country(given) {
        None if !options.is_of_a_row() => {
            let known = || COUNTRIES.iter().map(|country| country.iso);
            let suggestion = did_you_mean(given, known());
            let known = known().collect::<Vec<_>>().join(", ");
            Err(invalid(
                function,
                format!("country must be two letters of ISO 3166-1, got '{given}'{suggestion}; known are {known}"),
            ))
        }
        country => Ok(country),
    }
}

fn read_in(home: Option<&'static Country>, phone: &str) -> Result<Phone, Problem> {
    match home {
        Some(home) => read(phone, home),
        None => read_abroad(phone),
    }
}
