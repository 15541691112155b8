//! The function `pseudonymize`.

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
use crate::kernels::privacy::pseudonyms::Tokens;

const NAME: &str = "pseudonymize";
const PURPOSE: &str = "purpose";
const VERSION: &str = "version";

pub static ALL: [TextFunction; 1] = [TextFunction::new(
    Doc {
        name: NAME,
        domain: "privacy",
        summary: "Replaces a value by a token: equal values have equal tokens, and without the key nobody can find the value.",
        description: "\
The token is the HMAC-SHA-256 of the value under a key that is derived for the purpose by HKDF: `v1:` and 22 characters. For one purpose,
equal values have equal tokens, also in other statements and on other machines with the same key, so tables can be joined by tokens. Tokens
for different purposes differ, so data made for one purpose cannot be joined with data made for another. Values are used as they are
written: clean them first (`clean_phone`, `clean_email`). NULL gives NULL.

A hash without a key, such as SHA-256, is no protection: there are so few telephone numbers that all can be tried. Whoever has the key can
do the same, so tokens are still personal data. So can everybody who may call this function on this server. So a role without SUPERUSER
needs `GRANT DETOKENIZE ON DATABASE portrait TO role` for it while a mask shows tokens. Show tables and views with tokens of values that
can be guessed, such as telephone numbers, only to roles that may know the values, or on another server without the key.

**Keys** are never part of SQL or of the database. An environment variable of the program names a file that only its owner may read (mode
0600), as in `PORTRAIT_PSEUDONYM_KEY_FILE=/etc/portrait/pseudonyms.key`:

```text
# one version per line, the newest last: 32 random bytes in base64, as `openssl rand -base64 32` gives
v1:…
```

To change the key, add a line `v2:…`: new tokens begin with `v2:`. With `version` you can still make tokens of an older version, as long as
its line is in the file. The file is read again when it changes. If you lose the key, the same tokens cannot be made again.

A value written in the statement itself can be seen by everyone who sees the statement.

**Cost.** Two hashes per value; nothing is stored, so there is no table of pairs to protect.

**Elsewhere.** `hmac(value, key, 'sha256')` of PostgreSQL's pgcrypto needs the key in the statement, where logs keep it. `md5(phone)` and
`sha256(phone)`, as in DuckDB, have no key. Vault and cloud services pseudonymize by a call per value.",
        arguments: &[
            text("value", "value to replace: a key, a telephone number …"),
            Argument::required(
                PURPOSE,
                Takes::Text,
                "purpose of the tokens, such as 'analytics': tokens of another purpose differ and cannot be joined with these",
            ),
            Argument::optional(VERSION, Takes::Text, "", "version of the key; default: the newest"),
        ],
        examples: &["SELECT pseudonymize(phone, purpose => 'analytics') AS token FROM (SELECT CAST(NULL AS VARCHAR) AS phone) AS customers;"],
        source: "RFC 2104, RFC 5869",
        ..Doc::EMPTY
    },
    Gives::Keyed(|_| Ok(DataType::Utf8View), tokens),
)];

fn tokens(values: &StringViewArray, options: &Options, config: &ConfigOptions) -> Result<ArrayRef> {
    let purpose = options.text(PURPOSE).map(str::trim).filter(|purpose| !purpose.is_empty());
    let purpose = purpose.ok_or_else(|| invalid(NAME, "purpose must not be empty; write purpose => 'analytics'"))?;
    let mut given = StringViewBuilder::with_capacity(values.len());
    // Without any value, no key is needed.
    let is_asked = values.null_count() < values.len();
    let makes = if is_asked { Some(tokens_for(&KeyFile::of(config), purpose, options.text(VERSION))?) } else { None };
    let mut token = String::new();
    for value in values {
        token.clear();
        let of_value = value.zip(makes.as_ref()).map(|(value, makes)| {
            makes.push(value, &mut token);
            token.as_str()
        });
        given.append_option(of_value);
    }
    Ok(Arc::new(given.finish()))
}

fn tokens_for(file: &KeyFile, purpose: &str, version: Option<&str>) -> Result<Tokens> {
    let keys = file.keys(NAME)?;
    keys.for_purpose(purpose, version).ok_or_else(|| {
        let known = keys.versions().collect::<Vec<_>>().join(", ");
        let version = version.unwrap_or_default();
        invalid(NAME, format!("the key file has no version '{version}'; it has {known}"))
    })
}
