//! What the surroundings of the process say: libpq's variables and where `~` is, for connections to other databases, and where keys are.
//!
//! An interface reads them once, when it opens an engine, as it does with the folder and the user; the rooms within look at no process.
//! A library has those that it is given, and by default none.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::Arc;

/// Variables by their names. Cheap to clone.
#[derive(Clone, Default)]
pub struct Environment {
    values: Arc<HashMap<String, String>>,
}

// Values are in no log: one of them is a password.
impl Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Environment {
    /// Those of this process: `HOME`, and what begins with `PG` or `PORTRAIT_`.
    pub fn of_process() -> Self {
        let texts = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        texts.filter(|(name, _)| name == "HOME" || name.starts_with("PG") || name.starts_with("PORTRAIT_")).collect()
    }

    /// The same, where a variable has this value.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let others = self.values.iter().filter(|(own, _)| *own != name).map(|(name, value)| (name.clone(), value.clone()));
        others.chain([(name.to_string(), value.to_string())]).collect()
    }

    /// The value of a variable; `None` when it is not set or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(values: I) -> Self {
        Self { values: Arc::new(values.into_iter().collect()) }
    }
}
