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
        summary: "A token in the place of a value: equal for equal values, and without the key nobody can tell whose it is.",
        description: "\
The token is HMAC-SHA-256 of the value under a key that is derived for the purpose by HKDF: `v1:` and 22 letters. Equal values have equal tokens for one purpose, also in another statement and on another machine
with the same key, so that tables join by tokens; those of another purpose differ, so that what was made for the one does not join what was made for the other. Values are taken as they are written: clean them first
(`clean_phone`, `clean_email`). NULL has no token.

A hash without a key, such as SHA-256, is no protection: there are so few telephone numbers that all can be tried. Who has the key can do the same, so that tokens remain personal data.

**Keys** are no part of SQL and of the database. The program's environment names a file, which only its owner may read (mode 0600), as `PORTRAIT_PSEUDONYM_KEY_FILE=/etc/portrait/pseudonyms.key`:

```text
# one version a line, the newest last: 32 random bytes in base64, as `openssl rand -base64 32` gives
v1:…
```

A further line `v2:…` changes the key: new tokens begin with `v2:`. With `version` the tokens of an older one can still be made, as long as its line is there. The file is read again when it has changed. Who
loses the key cannot make the same tokens again.

A value that stands in the statement itself is seen by those who see the statement.",
        arguments: &[
            text("value", "the value: a key, a telephone number …"),
            Argument::required(PURPOSE, Takes::Text, "what the tokens are for, such as 'analytics'"),
            Argument::optional(VERSION, Takes::Text, "", "the version of the key; by default the newest"),
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
    // Without a value no key is asked for.
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
