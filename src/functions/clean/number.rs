//! Numbers in any form.

use std::sync::Arc;

use datafusion::arrow::array::{Array, Decimal128Builder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use crate::adapter::arguments::Options;
use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::kernels::cleaning::number::{Problem, read};

const NUMBER: Argument =
    text("number", "number as typed: with a currency, thousands separators, a percent sign, Chinese digits; NULL gives NULL");

const DECIMAL: Argument = Argument::optional(
    "decimal",
    Takes::Choice(&[".", ","]),
    "'.'",
    "decimal separator, for texts with only a dot or only a comma; a constant or a column",
);

const SCALE: Argument = Argument::optional("scale", Takes::Integer(0, 18), "6", "number of decimals in the result");

pub static ALL: [TextFunction; 2] = [
    TextFunction::new(
        Doc {
            name: "parse_number",
            domain: "clean",
            summary: "Parses a number, exactly, in any of the forms that people type.",
            description: "\
| form | examples |
|---|---|
| groups | `1,234.5`, `1.234,5`, `1 234,5`, `1'234.50`, `12,34,567` |
| negative | `-300`, `300-`, `(300)`, `$(300)`, `−300`, `负三百` |
| money | `¥1,234`, `1,234元`, `USD 1,234.56`, `3元5角`; the currency is dropped |
| units | `1.2万`, `1.5亿`, `2万5千`, `1.2k`, `3 million`, `2.5bn`; `m` is a million, `b` a billion |
| shares | `12.5%` is 0.125, `3‰` is 0.003, `百分之五` is 0.05 |
| Chinese | `一千二百三十四`, `壹仟贰佰元整`, `两万`, `三点一四`; `三万五` is 35,000, `三块五` is 3.5 |
| others | `1.2e3`, full-width digits |

If a text has both a dot and a comma, the last one is the decimal separator. If it has only one of them, `decimal` decides: `1,234` is 1234,
or 1.234 with `decimal => ','`. A separator that fits neither reading, as in `1,5` with the dot declared, gives NULL: the text or the
declaration is wrong.

The result is DECIMAL(38, scale), so money stays exact; further decimals are rounded, half away from zero. NULL for anything that is not a
number or does not fit; `number_problem` says why.

**Cost.** About 4 seconds of CPU per million numbers. Values are handled one at a time, so memory does not grow with the rows.

**Elsewhere.** PostgreSQL and Oracle: `to_number(text, pattern)`, with a pattern for each form; Snowflake: `try_to_decimal`; R: `readr::parse_number`;
pandas: `to_numeric(…, errors='coerce')`.",
            arguments: &[NUMBER, DECIMAL, SCALE],
            examples: &["SELECT parse_number('¥1.2万', scale => 2) AS chinese, parse_number('1.234,5', scale => 2) AS german, parse_number('(300)', scale => 2) AS negative;"],
            ..Doc::EMPTY
        },
        Gives::Array(
            |options| Ok(DataType::Decimal128(38, scale(options)?)),
            |texts, options| {
                let (decimal, scale) = (decimal(options)?, scale(options)?);
                let mut numbers = Decimal128Builder::with_capacity(texts.len());
                for text in texts {
                    let number = text.and_then(|text| read(text, decimal).ok());
                    numbers.append_option(number.and_then(|number| number.at(scale.unsigned_abs().into())));
                }
                Ok(Arc::new(numbers.finish().with_precision_and_scale(38, scale)?))
            },
        ),
    )
    .by_row(DECIMAL.name),
    TextFunction::new(
        Doc {
            name: "number_problem",
            domain: "clean",
            summary: "Explains why `parse_number` gives NULL; NULL if it gives a number.",
            description: "\
One of `empty`, `not a number`, `separators do not part groups of three digits; declare the decimal sign`, `too large`.

**Cost.** As `parse_number`: each call reads the text again.

**Elsewhere.** R: `readr::problems` lists what a column did not accept. pandas (`errors='coerce'`), DuckDB (`TRY_CAST`) and Snowflake
(`try_to_decimal`) give a missing value without a reason.",
            arguments: &[NUMBER, DECIMAL, SCALE],
            examples: &["SELECT number_problem('1,5') AS one, number_problem('many') AS two, number_problem('1,5', decimal => ',') AS good;"],
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let (decimal, scale) = (decimal(options)?, scale(options)?);
            Ok(Box::new(move |text, problem| {
                let number = read(text, decimal);
                let fits = number.and_then(|number| number.at(scale.unsigned_abs().into()).ok_or(Problem::TooLarge));
                match fits {
                    Ok(_) => false,
                    Err(wrong) => {
                        problem.push_str(wrong.as_str());
                        true
                    }
                }
            }))
        }),
    )
    .by_row(DECIMAL.name),
];

fn decimal(options: &Options) -> Result<char> {
    Ok(if options.word(DECIMAL.name)? == "," { ',' } else { '.' })
}

fn scale(options: &Options) -> Result<i8> {
    Ok(i8::try_from(options.integer(SCALE.name)?).unwrap_or(6))
}
