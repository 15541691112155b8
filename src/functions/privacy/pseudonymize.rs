//! The function `pseudonymize`, and where its keys are.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use datafusion::arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use zeroize::Zeroizing;

use crate::adapter::arguments::Options;
use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::error::{failed, invalid};
use crate::kernels::privacy::pseudonyms::{Keys, Tokens};

const NAME: &str = "pseudonymize";
const PURPOSE: &str = "purpose";
const VERSION: &str = "version";

/// The variable of the program's environment that names the key file.
const KEY_FILE: &str = "PORTRAIT_PSEUDONYM_KEY_FILE";

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
    Gives::Array(|_| Ok(DataType::Utf8View), tokens),
)];

fn tokens(values: &StringViewArray, options: &Options) -> Result<ArrayRef> {
    let purpose = options.text(PURPOSE).map(str::trim).filter(|purpose| !purpose.is_empty());
    let purpose = purpose.ok_or_else(|| invalid(NAME, "purpose must not be empty; write purpose => 'analytics'"))?;
    let mut given = StringViewBuilder::with_capacity(values.len());
    // Without a value no key is asked for.
    let makes = if values.null_count() < values.len() { Some(tokens_for(purpose, options.text(VERSION))?) } else { None };
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

fn tokens_for(purpose: &str, version: Option<&str>) -> Result<Tokens> {
    let keys = keys()?;
    keys.for_purpose(purpose, version).ok_or_else(|| {
        let known = keys.versions().collect::<Vec<_>>().join(", ");
        let version = version.unwrap_or_default();
        invalid(NAME, format!("the key file has no version '{version}'; it has {known}"))
    })
}

/// A file as it was read: its path, when it was changed, and its length.
type Seen = (PathBuf, Option<SystemTime>, u64);

/// The keys as they were read last.
static READ: Mutex<Option<(Seen, Arc<Keys>)>> = Mutex::new(None);

fn keys() -> Result<Arc<Keys>> {
    let Some(path) = std::env::var_os(KEY_FILE).filter(|path| !path.is_empty()).map(PathBuf::from) else {
        let problem = format!(
            "there is no key; write `v1:` and 32 random bytes in base64 (openssl rand -base64 32) into a file that only you may read, \
             and start the program with {KEY_FILE}=<its path>"
        );
        return Err(failed(NAME, problem));
    };
    let cannot = |problem: String| failed(NAME, format!("the key file {} {problem}", path.display()));
    let found = std::fs::metadata(&path).map_err(|error| cannot(format!("cannot be read: {error}; see {KEY_FILE}")))?;
    check_rights(&found).map_err(&cannot)?;
    let seen = (path.clone(), found.modified().ok(), found.len());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((before, keys)) = read.as_ref()
        && *before == seen
    {
        return Ok(Arc::clone(keys));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| cannot(format!("cannot be read: {error}; see {KEY_FILE}")))?;
    let keys = Keys::read(&Zeroizing::new(text)).map_err(|wrong| match wrong.line {
        0 => cannot(format!("is not right: {}; write `v1:` and 32 random bytes in base64", wrong.problem)),
        line => cannot(format!("is not right in line {line}: {}; write `v1:` and 32 random bytes in base64", wrong.problem)),
    })?;
    let keys = Arc::new(keys);
    *read = Some((seen, Arc::clone(&keys)));
    Ok(keys)
}

/// Refuses a file that others may read.
#[cfg(unix)]
fn check_rights(file: &std::fs::Metadata) -> Result<(), String> {
    let mode = std::os::unix::fs::MetadataExt::mode(file) & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(format!("may be read by others (mode {mode:o}); run chmod 600 on it")),
    }
}

#[cfg(not(unix))]
fn check_rights(_: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}
