//! The values of one operand, split by the constants it is compared with into places that no test can distinguish.
//!
//! `age < 26` and `age <= 35` split the ages into five places, below 26, 26, between, 35, above 35, and a sixth for NULL.
//! Known facts about the operand remove places: there is no integer between 25 and 26, and `count(*)` is never negative nor
//! NULL. A string that is only compared for equality has one place for each constant, and one for all other strings.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use sqlparser::ast::Expr;

use super::condition::{Comparison, Condition, Literal, Operand, Test};
use super::value::{Domain, Kind, Value};

/// A set of values that no test can distinguish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// One value.
    At(Value),
    /// Above the first bound, if given, and below the second.
    Between(Option<Value>, Option<Value>),
    /// Any text that is not among the constants.
    Other,
    /// NULL.
    Null,
}

impl Place {
    fn compare(&self, comparison: Comparison, value: &Value) -> Option<bool> {
        let order = match self {
            Self::Null => return None,
            Self::Other => return Some(false),
            Self::At(own) => own.cmp(value),
            Self::Between(_, Some(above)) if above <= value => Ordering::Less,
            Self::Between(_, _) => Ordering::Greater,
        };
        Some(match comparison {
            Comparison::Equal => order == Ordering::Equal,
            Comparison::Less => order == Ordering::Less,
            Comparison::LessOrEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            Comparison::GreaterOrEqual => order != Ordering::Less,
        })
    }

    fn is_in(&self, values: &BTreeSet<Value>) -> Option<bool> {
        match self {
            Self::Null => None,
            Self::At(own) => Some(values.contains(own)),
            Self::Other | Self::Between(_, _) => Some(false),
        }
    }
}

/// The places of one operand, in the order of their values; NULL is the last.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The operand as SQL.
    operand: String,
    kind: Kind,
    step: Option<i32>,
    least: Option<i128>,
    /// The places.
    pub places: Vec<Place>,
    /// True when neighbouring places are one range; false for sets.
    pub is_ordered: bool,
}

impl Axis {
    /// Splits the values of the operand with this number by the constants in `conditions`.
    ///
    /// # Errors
    /// The constants are of kinds that cannot be compared with one another.
    pub fn cut(number: usize, operand: &Operand, domain: Domain, conditions: &[&Condition]) -> Result<Self, String> {
        let mut tests = vec![];
        conditions.iter().for_each(|condition| collect(condition, number, &mut tests));
        let literals: Vec<&Literal> = tests.iter().flat_map(|test| literals(test)).collect();
        let kind = domain.kind.unwrap_or_else(|| kind_of(&literals));
        let text = operand.expression.to_string();
        let mut values = vec![];
        for literal in literals {
            match Value::of(literal, kind) {
                Some(value) => values.push(value),
                None => return Err(format!("{text} compared with {}", shown(literal))),
            }
        }
        values.sort();
        values.dedup();
        let equality_only =
            tests.iter().all(|test| matches!(test, Test::IsNull | Test::In(_) | Test::Compare(Comparison::Equal, _)));
        let is_ordered = !(kind == Kind::Boolean || kind == Kind::Text && equality_only);
        let (step, least) = (domain.step, domain.least);
        let mut places: Vec<Place> = match kind {
            Kind::Boolean => [false, true].map(|value| Place::At(Value::Boolean(value))).into(),
            Kind::Text if equality_only => values.into_iter().map(Place::At).chain([Place::Other]).collect(),
            _ => {
                let mut places = vec![];
                let mut below = None;
                for value in values {
                    places.push(Place::Between(below, Some(value.clone())));
                    places.push(Place::At(value.clone()));
                    below = Some(value);
                }
                places.push(Place::Between(below, None));
                places
            }
        };
        places.retain(|place| holds_any(place, domain));
        if domain.nullable {
            places.push(Place::Null);
        }
        // Parentheses, so that the operand stays one expression in a comparison.
        let operand = if matches!(operand.expression, Expr::BinaryOp { .. } | Expr::UnaryOp { .. } | Expr::Case { .. }) {
            format!("({text})")
        } else {
            text
        };
        Ok(Self { operand, kind, step, least, places, is_ordered })
    }

    /// The value of a test at each place.
    pub fn truths(&self, test: &Test) -> Vec<Option<bool>> {
        let places = self.places.iter();
        match test {
            Test::IsNull => places.map(|place| Some(*place == Place::Null)).collect(),
            Test::Compare(comparison, literal) => {
                let value = Value::of(literal, self.kind);
                places.map(|place| place.compare(*comparison, value.as_ref()?)).collect()
            }
            Test::In(literals) => {
                let values = literals.iter().filter_map(|literal| Value::of(literal, self.kind)).collect();
                places.map(|place| place.is_in(&values)).collect()
            }
        }
    }

    /// Some of the places as SQL, by their numbers in ascending order; `None` for all of them.
    pub fn sql(&self, set: &[u32]) -> Option<String> {
        if set.len() >= self.places.len() {
            return None;
        }
        let place = |number: &u32| self.places.get(*number as usize);
        let with_null = set.iter().filter_map(place).any(|place| *place == Place::Null);
        let values = set.len() - usize::from(with_null);
        let has_null = self.places.last() == Some(&Place::Null);
        let operand = &self.operand;
        if values + usize::from(has_null) == self.places.len() {
            return Some(format!("{operand} IS NOT NULL"));
        }
        let mut parts = if self.is_ordered {
            let numbers: Vec<u32> = set.iter().take(values).copied().collect();
            let runs = numbers.chunk_by(|one, next| one + 1 == *next);
            runs.filter_map(|run| self.range(place(run.first()?)?, place(run.last()?)?)).collect()
        } else {
            self.set(&set.iter().take(values).filter_map(place).collect::<Vec<_>>())
        };
        if with_null {
            parts.push(format!("{operand} IS NULL"));
        }
        Some(if parts.len() > 1 { format!("({})", parts.join(" OR ")) } else { parts.concat() })
    }

    fn set(&self, places: &[&Place]) -> Vec<String> {
        let operand = &self.operand;
        let texts = |places: &[&Place]| -> Vec<String> {
            places.iter().filter_map(|place| if let Place::At(value) = place { Some(value.sql()) } else { None }).collect()
        };
        let one_of = |values: &[String], equal: &str, list: &str| match values {
            [] => None,
            [only] => Some(format!("{operand} {equal} {only}")),
            values => Some(format!("{operand} {list} ({})", values.join(", "))),
        };
        if places.contains(&&Place::Other) {
            let others: Vec<&Place> = self.places.iter().filter(|place| !places.contains(place)).collect();
            one_of(&texts(&others), "<>", "NOT IN").into_iter().collect()
        } else {
            one_of(&texts(places), "=", "IN").into_iter().collect()
        }
    }

    fn range(&self, first: &Place, last: &Place) -> Option<String> {
        let operand = &self.operand;
        let low = match first {
            Place::At(value) => Some((value.clone(), true)),
            Place::Between(Some(value), _) => Some(self.inside(value, 1)),
            Place::Between(None, Some(value)) => {
                let least = self.least.zip(self.step).and_then(|(least, step)| value.of_steps(least, step));
                least.map(|least| (least, true))
            }
            _ => None,
        };
        let high = match last {
            Place::At(value) => Some((value.clone(), true)),
            Place::Between(_, Some(value)) => Some(self.inside(value, -1)),
            _ => None,
        };
        let bound =
            |sign: &str, value: &Value, closed| format!("{operand} {sign}{} {}", if closed { "=" } else { "" }, value.sql());
        match (low, high) {
            (None, None) => None,
            (Some((low, closed)), None) => Some(bound(">", &low, closed)),
            (None, Some((high, closed))) => Some(bound("<", &high, closed)),
            (Some((low, true)), Some((high, true))) if low == high => Some(format!("{operand} = {}", low.sql())),
            (Some((low, true)), Some((high, true))) => Some(format!("{operand} BETWEEN {} AND {}", low.sql(), high.sql())),
            (Some((low, low_closed)), Some((high, high_closed))) => {
                Some(format!("{} AND {}", bound(">", &low, low_closed), bound("<", &high, high_closed)))
            }
        }
    }

    /// The nearest value above (1) or below (-1) that the operand can have: `> 3` is `>= 4` for integers.
    fn inside(&self, value: &Value, direction: i128) -> (Value, bool) {
        let nearest = self.step.and_then(|step| {
            let (floor, ceil) = value.steps(step)?;
            value.of_steps(if direction > 0 { floor + 1 } else { ceil - 1 }, step)
        });
        nearest.map_or_else(|| (value.clone(), false), |value| (value, true))
    }
}

/// True when the operand has a value there.
fn holds_any(place: &Place, domain: Domain) -> bool {
    let Some(step) = domain.step else { return true };
    let least = |steps: i128| domain.least.is_none_or(|least| steps >= least);
    match place {
        Place::At(value) => value.steps(step).is_none_or(|(floor, ceil)| floor == ceil && least(floor)),
        Place::Between(low, high) => {
            let low = low.as_ref().and_then(|value| value.steps(step)).map(|(floor, _)| floor + 1);
            let low = low.into_iter().chain(domain.least).max();
            let high = high.as_ref().and_then(|value| value.steps(step)).map(|(_, ceil)| ceil - 1);
            low.zip(high).is_none_or(|(low, high)| low <= high)
        }
        Place::Other | Place::Null => true,
    }
}

fn collect<'a>(condition: &'a Condition, operand: usize, found: &mut Vec<&'a Test>) {
    match condition {
        Condition::Constant(_) => {}
        Condition::Test(number, test) if *number == operand => found.push(test),
        Condition::Test(..) => {}
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| collect(part, operand, found)),
        Condition::Not(inner) | Condition::Is(inner, _) => collect(inner, operand, found),
    }
}

fn literals(test: &Test) -> &[Literal] {
    match test {
        Test::Compare(_, literal) => std::slice::from_ref(literal),
        Test::In(literals) => literals,
        Test::IsNull => &[],
    }
}

/// The kind of an operand of unknown type: that of its constants; a string compared with a date is a date.
fn kind_of(literals: &[&Literal]) -> Kind {
    let any = |wanted: fn(&Literal) -> bool| literals.iter().any(|literal| wanted(literal));
    if any(|literal| matches!(literal, Literal::Number(_))) {
        Kind::Number
    } else if any(|literal| matches!(literal, Literal::Moment(_))) {
        Kind::Moment
    } else if any(|literal| matches!(literal, Literal::Text(_))) {
        Kind::Text
    } else if literals.is_empty() {
        // Only tested for NULL: one place for all values.
        Kind::Number
    } else {
        Kind::Boolean
    }
}

fn shown(literal: &Literal) -> String {
    match literal {
        Literal::Boolean(value) => value.to_string().to_uppercase(),
        Literal::Number(value) => value.to_string(),
        Literal::Text(text) | Literal::Moment(text) => crate::text::literal(text),
    }
}
