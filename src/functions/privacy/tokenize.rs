//! The functions `tokenize` and `detokenize`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::config::ConfigOptions;

use crate::adapter::arguments::Options;
use crate::adapter::key_file::KeyFile;
use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::error::invalid;
use crate::kernels::privacy::tokens::{Sealer, version_of};

const PURPOSE: &str = "purpose";
const FORM: &str = "form";
const VERSION: &str = "version";
const DIGITS: &str = "digits";
/// The function that recovers values; a role needs a grant for it.
pub const DETOKENIZE: &str = "detokenize";

const ARGUMENTS: [Argument; 4] = [
    text("value", "the value, or for `detokenize` the token"),
    Argument::required(
        PURPOSE,
        Takes::Text,
        "purpose of the tokens, such as 'delivery': a token can be turned back for its own purpose only",
    ),
    Argument::optional(
        FORM,
        Takes::Choice(&["text", DIGITS]),
        "'text'",
        "`digits` replaces each digit by another digit in the same place",
    ),
    Argument::optional(VERSION, Takes::Text, "", "version of the key; default: the newest, and for a token its own"),
];

pub static ALL: [TextFunction; 2] = [
    TextFunction::new(
        Doc {
            name: "tokenize",
            domain: "privacy",
            summary: "Replaces a value by a token that `detokenize` can turn back, for roles that may.",
            description: "\
The token is the value encrypted with AES-256-GCM-SIV under a key that is derived for the purpose: `v1:` and characters. For one purpose,
equal values have equal tokens, so tables can be joined by tokens; tokens for another purpose differ. A token that was changed, or that
belongs to another purpose, is not valid. NULL gives NULL.

With `form => 'digits'`, the digits of the value become other digits in the same places (FF1): a telephone number keeps its length and
separators, for a field or a program that accepts nothing else. The value needs 6 to 56 digits, otherwise the token is NULL. Such a token
does not contain the version of its key, and any number is a valid token of some number.

Keys are in the file described in `pseudonymize`, outside of SQL. If nobody needs to get the value back, use `pseudonymize`.

**Cost.** One encryption per value; with `form => 'digits'` ten rounds of it. Nothing is stored: there is no table of tokens that could be
lost or stolen.

**Elsewhere.** `pgp_sym_encrypt` of PostgreSQL's pgcrypto gives another text each time, so one cannot join by it, and needs the key in the
statement. Vault's Transform engine has FF3-1 for digits.",
            arguments: &ARGUMENTS,
            examples: &["SELECT tokenize(phone, purpose => 'delivery') AS token FROM (SELECT CAST(NULL AS VARCHAR) AS phone) AS customers;"],
            source: "RFC 8452, RFC 5869; NIST SP 800-38G",
            ..Doc::EMPTY
        },
        Gives::Keyed(|_| Ok(DataType::Utf8View), |values, options, config| each(values, options, config, true)),
    ),
    TextFunction::new(
        Doc {
            name: DETOKENIZE,
            domain: "privacy",
            summary: "Returns the value of a token made by `tokenize`.",
            description: "\
Anything that is not a valid token for this purpose gives NULL; a version that the key file does not have is an error. A role without
SUPERUSER needs `GRANT DETOKENIZE ON DATABASE portrait TO role`; a view or mask that turns tokens back runs with the rights of its owner.

**Cost.** As `tokenize`.

**Elsewhere.** `pgp_sym_decrypt` of PostgreSQL's pgcrypto, with the key in the statement; Vault's `decode` for its own tokens.",
            arguments: &ARGUMENTS,
            examples: &["SELECT detokenize(token, purpose => 'delivery') AS phone FROM (SELECT CAST(NULL AS VARCHAR) AS token) AS parcels;"],
            source: "RFC 8452, RFC 5869; NIST SP 800-38G",
            ..Doc::EMPTY
        },
        Gives::Keyed(|_| Ok(DataType::Utf8View), |values, options, config| each(values, options, config, false)),
    ),
];

/// The tokens of values, or the values of tokens.
fn each(values: &StringViewArray, options: &Options, config: &ConfigOptions, seals: bool) -> Result<ArrayRef> {
    let name = if seals { "tokenize" } else { DETOKENIZE };
    let purpose = options.text(PURPOSE).map(str::trim).filter(|purpose| !purpose.is_empty());
    let purpose = purpose.ok_or_else(|| invalid(name, "purpose must not be empty; write purpose => 'delivery'"))?;
    let of_digits = options.word(FORM)? == DIGITS;
    let version = options.text(VERSION).filter(|version| !version.is_empty());
    let mut given = StringViewBuilder::with_capacity(values.len());
    // Without any value, no key is needed.
    let keys = if values.null_count() < values.len() { Some(KeyFile::of(config).keys(name)?) } else { None };
    let sealer = |version: Option<&str>| {
        let keys = keys.as_deref().ok_or_else(|| invalid(name, "there is no key"))?;
        Sealer::new(keys, purpose, version).ok_or_else(|| {
            let known = keys.versions().collect::<Vec<_>>().join(", ");
            invalid(name, format!("the key file has no version '{}'; it has {known}", version.unwrap_or_default()))
        })
    };
    let mut current: Option<(Option<String>, Sealer)> = None;
    for value in values {
        let Some(value) = value else {
            given.append_null();
            continue;
        };
        // A token contains the version of the key that it was made with.
        let own = match version {
            None if !seals && !of_digits => match version_of(value) {
                Some(own) if keys.as_deref().is_some_and(|keys| keys.versions().any(|known| known == own)) => Some(own),
                Some(own) if own.len() <= 16 && own.chars().all(|letter| letter.is_ascii_alphanumeric()) => {
                    sealer(Some(own))?;
                    None
                }
                _ => None,
            },
            version => version,
        };
        if current.as_ref().is_none_or(|(version, _)| version.as_deref() != own) {
            current = Some((own.map(str::to_string), sealer(own)?));
        }
        let made = current.as_ref().and_then(|(_, sealer)| match (seals, of_digits) {
            (true, false) => sealer.seal(value),
            (true, true) => sealer.seal_digits(value),
            (false, false) => sealer.open(value),
            (false, true) => sealer.open_digits(value),
        });
        given.append_option(made);
    }
    Ok(Arc::new(given.finish()))
}
