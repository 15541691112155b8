//! Alerts: what deserves attention in a column, one line each. The word before the colon is the kind of alert.

use std::collections::BTreeMap;

use super::histogram::Moments;
use super::patterns::{Looks, pattern};
use super::summary::Values;

/// The statistics that alerts are derived from.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub rows: u64,
    pub missing: u64,
    /// The number of values that are not NULL.
    pub values: u64,
    pub distinct: u64,
    pub is_exact: bool,
    pub is_text: bool,
    pub repeated: Values,
    pub moments: Option<Moments>,
    pub not_finite: u64,
    /// The number of times later than the reference time.
    pub future: u64,
    /// All values if exact, otherwise a sample, as strings; for columns of strings and integers.
    pub sample: Vec<(String, u64)>,
    /// Correlated number columns, the strongest correlation first.
    pub correlated: Vec<(String, f64)>,
}

/// The smallest shares of the rows or values that cause an alert.
const MISSING: f64 = 0.2;
const ZEROS: f64 = 0.1;
const NEARLY_UNIQUE: f64 = 0.9;
const LOOKS: f64 = 0.8;
const FORM: f64 = 0.005;
/// The alert about negative numbers is given only if their share is below this.
const NEGATIVE: f64 = 0.05;
const SKEWED: f64 = 2.0;
/// With fewer values, shares say little.
const FEW: u64 = 10;
/// High cardinality: at least `MANY` distinct strings, or at least `SEVERAL` if these are half of the values.
const MANY: u64 = 1_000;
const SEVERAL: u64 = 50;
/// The most correlated columns, and the most patterns of a mixed form, that are named.
const NAMED: usize = 3;

impl Values {
    fn share(self) -> f64 {
        self.repeated as f64 / self.different.max(1) as f64
    }
}

impl Facts {
    /// The patterns of the values with their rows, the most frequent first; counts from a sample are scaled up.
    pub fn patterns(&self, wanted: usize) -> Vec<(String, u64)> {
        let seen: u64 = self.sample.iter().map(|(_, rows)| rows).sum();
        let mut forms: BTreeMap<String, u64> = BTreeMap::new();
        for (text, rows) in &self.sample {
            *forms.entry(pattern(text)).or_default() += rows;
        }
        let scaled = |rows: u64| {
            if self.is_exact { rows } else { (rows as f64 * self.values as f64 / seen.max(1) as f64).round() as u64 }
        };
        let mut forms: Vec<(String, u64)> = forms.into_iter().map(|(form, rows)| (form, scaled(rows))).collect();
        forms.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        forms.truncate(wanted);
        forms
    }

    /// The kind of value that most strings look like.
    pub fn looks(&self) -> Option<Looks> {
        let is_blank = |text: &str| text.chars().all(char::is_whitespace);
        let texts: Vec<&(String, u64)> = self.sample.iter().filter(|(text, _)| !is_blank(text)).collect();
        let all: u64 = texts.iter().map(|(_, rows)| rows).sum();
        let mut counts = [0_u64; Looks::ALL.len()];
        for (text, rows) in texts {
            if let Some(look) = Looks::of(text) {
                counts[Looks::ALL.iter().position(|other| *other == look).unwrap_or(0)] += rows;
            }
        }
        let look = Looks::ALL.into_iter().zip(counts).find(|(_, rows)| all > 0 && *rows as f64 >= LOOKS * all as f64);
        // That a number looks like a number is no news.
        look.map(|(look, _)| look).filter(|look| self.is_text || *look != Looks::Number)
    }

    /// The alerts, in a fixed order.
    pub fn alerts(&self) -> Vec<String> {
        let mut alerts = vec![];
        if self.rows > 0 && self.missing == self.rows {
            return vec!["empty: no value at all".into()];
        }
        let values = self.values as f64;
        let looks = self.looks();
        if self.missing as f64 >= MISSING * self.rows as f64 && self.missing > 0 {
            alerts.push(format!("missing: {}", percent(self.missing, self.rows)));
        }
        if self.distinct == 1 && self.values > 1 {
            alerts.push("constant: one value in all rows that have one".into());
        }
        let is_unique = self.values >= FEW
            && self.repeated.repeated == 0
            && if self.is_exact { self.distinct == self.values } else { self.distinct as f64 >= 0.95 * values };
        if is_unique {
            alerts.push(if self.is_exact { "unique: no value comes twice".into() } else { "unique: no value seen twice".into() });
        } else if self.values >= FEW && self.distinct as f64 >= NEARLY_UNIQUE * values {
            let Values { different, repeated } = self.repeated;
            alerts.push(match self.is_exact {
                true => format!("duplicates: {repeated} of {different} values come more than once"),
                false => format!("duplicates: about {:.1} % of the values come more than once", 100.0 * self.repeated.share()),
            });
        }
        let many = self.distinct >= MANY || (self.distinct >= SEVERAL && self.distinct as f64 >= 0.5 * values);
        if self.is_text && many && looks.is_none() {
            alerts.push(format!(
                "high cardinality: {}{} different texts",
                if self.is_exact { "" } else { "about " },
                self.distinct
            ));
        }
        if let Some(moments) = self.moments.filter(|moments| moments.rows >= FEW) {
            if moments.skewness.abs() >= SKEWED {
                alerts.push(format!("skewed: skewness {:.1}", moments.skewness));
            }
            if moments.zeros as f64 >= ZEROS * moments.rows as f64 && self.distinct > 1 {
                alerts.push(format!("zeros: {}", percent(moments.zeros, moments.rows)));
            }
            if moments.negative > 0 && (moments.negative as f64) < NEGATIVE * moments.rows as f64 {
                alerts.push(format!("negative: {}", counted(moments.negative)));
            }
        }
        if self.not_finite > 0 {
            alerts.push(format!("infinite: {}, or not a number", counted(self.not_finite)));
        }
        if let Some(look) = looks {
            alerts.push(format!("looks like: {}", look.name()));
        }
        alerts.extend(self.mixed_forms(looks));
        if self.future > 0 {
            alerts.push(format!("future dates: {}", counted(self.future)));
        }
        for (column, correlation) in self.correlated.iter().take(NAMED) {
            alerts.push(format!("correlated with: {column} ({correlation:.2})"));
        }
        alerts
    }

    /// An alert if the same kind of value is written in several ways.
    fn mixed_forms(&self, looks: Option<Looks>) -> Option<String> {
        if !self.is_text {
            return None;
        }
        if looks.is_some_and(Looks::has_one_form) {
            let forms = self.patterns(usize::MAX);
            let all: u64 = forms.iter().map(|(_, rows)| rows).sum();
            let usual: Vec<String> =
                forms.into_iter().filter(|(_, rows)| *rows as f64 >= FORM * all as f64).map(|(form, _)| form).collect();
            return (usual.len() > 1).then(|| {
                let more = if usual.len() > NAMED { ", …" } else { "" };
                format!("mixed forms: {}{more}", usual[..usual.len().min(NAMED)].join(", "))
            });
        }
        // Two spellings of a value can be found only if all values are known.
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        if self.is_exact {
            for (text, _) in &self.sample {
                *kinds.entry(text.trim().to_lowercase()).or_default() += 1;
            }
        }
        let several = kinds.values().filter(|count| **count > 1).count() as u64;
        (several > 0).then(|| {
            format!("mixed forms: {} written in several ways, which differ only in case or white space", counted(several))
        })
    }
}

fn counted(count: u64) -> String {
    if count == 1 { "1 value".into() } else { format!("{count} values") }
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[(&str, u64)]) -> Facts {
        let sample: Vec<(String, u64)> = texts.iter().map(|(text, rows)| ((*text).to_string(), *rows)).collect();
        let values = sample.iter().map(|(_, rows)| rows).sum();
        let repeated =
            Values { different: sample.len() as u64, repeated: sample.iter().filter(|(_, rows)| *rows > 1).count() as u64 };
        Facts {
            rows: values,
            values,
            distinct: sample.len() as u64,
            is_exact: true,
            is_text: true,
            repeated,
            sample,
            ..Facts::default()
        }
    }

    #[test]
    fn forms_are_counted_and_mixed_ones_told() {
        let phones = texts(&[("13800138000", 8), ("+86 138-0013-8001", 2), ("x", 1)]);
        assert_eq!(phones.patterns(2), [("9{11}".to_string(), 8), ("+9{2} 9{3}-9{4}-9{4}".to_string(), 2)]);
        assert_eq!(phones.alerts(), ["looks like: phone", "mixed forms: 9{11}, +9{2} 9{3}-9{4}-9{4}, a+"]);
        let cities = texts(&[("Shanghai", 5), ("SHANGHAI ", 1), ("Beijing", 9)]);
        assert_eq!(cities.alerts(), ["mixed forms: 1 value written in several ways, which differ only in case or white space"]);
    }

    #[test]
    fn shares_are_told() {
        assert_eq!(Facts { rows: 3, missing: 3, ..Facts::default() }.alerts(), ["empty: no value at all"]);
        let facts = Facts { rows: 10, missing: 4, ..texts(&[("a", 6)]) };
        assert_eq!(facts.alerts(), ["missing: 40.0 %", "constant: one value in all rows that have one"]);
        let moments = Moments { rows: 100, zeros: 20, negative: 2, skewness: -3.0, ..Moments::default() };
        let facts = Facts {
            rows: 100,
            values: 100,
            distinct: 50,
            is_exact: true,
            moments: Some(moments),
            not_finite: 1,
            ..Facts::default()
        };
        assert_eq!(
            facts.alerts(),
            ["skewed: skewness -3.0", "zeros: 20.0 %", "negative: 2 values", "infinite: 1 value, or not a number"]
        );
        assert!(Facts::default().alerts().is_empty());
    }
}
