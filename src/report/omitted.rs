//! Why sections are not in a report.

use std::fmt::{self, Display};

/// Why a section is not there.
pub enum Omitted {
    /// It needs a column that does not exist.
    Lacking(String),
    Because(String),
}

impl Display for Omitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lacking(column) => write!(f, "there is no {column}"),
            Self::Because(why) => f.write_str(why),
        }
    }
}

/// Each reason once, with the sections that are omitted for it. All columns that do not exist are one reason.
pub fn reasons(omitted: &[(String, Omitted)]) -> Vec<(String, Vec<&str>)> {
    let mut columns: Vec<&str> = vec![];
    for (_, why) in omitted {
        if let Omitted::Lacking(column) = why
            && !columns.contains(&column.as_str())
        {
            columns.push(column);
        }
    }
    let lacking = Omitted::Lacking(columns.join(", ")).to_string();
    let mut reasons: Vec<(String, Vec<&str>)> = vec![];
    for (name, why) in omitted {
        let why = match why {
            Omitted::Lacking(_) => &lacking,
            Omitted::Because(why) => why,
        };
        match reasons.iter_mut().find(|(known, _)| known == why) {
            Some((_, names)) => names.push(name),
            None => reasons.push((why.clone(), vec![name])),
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once() {
        let lacking = |name: &str, column: &str| (name.to_string(), Omitted::Lacking(column.into()));
        let because = |name: &str| (name.to_string(), Omitted::Because("there is nothing to show".into()));
        let omitted = [lacking("A", "t.a"), because("B"), lacking("C", "t.b"), lacking("D", "t.a"), because("E")];
        let expected =
            [("there is no t.a, t.b".to_string(), vec!["A", "C", "D"]), ("there is nothing to show".into(), vec!["B", "E"])];
        assert_eq!(reasons(&omitted), expected);
        assert_eq!(reasons(&[]), []);
    }
}
