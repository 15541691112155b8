//! Links records by shared values, with guards against meaningless values.
//!
//! A value that several records have links them. Identifiers are processed in the order of the list, and the values of each in the order
//! of their smallest records. A value links nothing if
//! - it is blocked, or more than `max_shared` records have it: a shop's phone number, `test@…`;
//! - it would join two different values of a hard key, or two records that must not be one person, directly or through other records.
//!
//! The records of a person depend only on the records that are reachable through shared values, so all others need not be processed
//! again.

use super::components::Components;
use super::dictionary::NONE;

/// An identifier: its values, as (value, record).
#[derive(Debug, Default)]
pub struct Identifier {
    pub values: Vec<(u32, u32)>,
    /// Whether records with different values are always different persons.
    pub is_hard: bool,
    /// Values that link no records.
    pub blocked: Vec<u32>,
    /// Values that more records have than may share one, some of which are not among these.
    pub too_many: Vec<u32>,
}

/// The outcome for a value that several records have, or that is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its records were joined into one person.
    Linked,
    /// The value is blocked.
    Blocked,
    /// More records than allowed have it.
    TooMany,
    /// Its records have different hard keys, or must not be linked.
    Conflict,
}

/// A value with several records, and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub identifier: usize,
    pub value: u32,
    /// The records with the value, in ascending order.
    pub records: Vec<u32>,
    pub outcome: Outcome,
}

/// The persons that the records belong to.
#[derive(Debug, PartialEq, Eq)]
pub struct Resolved {
    /// For each record, the smallest record of its person.
    pub persons: Vec<u32>,
    /// For each record, a bit mask of the identifiers that link it to others; also [`MUST_LINK`] and [`PAIR`].
    pub evidence: Vec<u64>,
    pub links: Vec<Link>,
    /// Pairs that one rule requires to be linked and another forbids to be linked.
    pub contradictions: Vec<[u32; 2]>,
    /// Pairs that were not joined, for the reasons of [`Outcome::Conflict`].
    pub refused: Vec<[u32; 2]>,
}

/// The evidence bit for pairs that must be linked.
pub const MUST_LINK: u64 = 1 << 63;
/// The evidence bit for pairs that are joined as shared values are.
pub const PAIR: u64 = 1 << 62;

/// The input. Records are numbered in the order of their keys.
#[derive(Debug, Default)]
pub struct Resolution<'a> {
    pub records: usize,
    /// At most 62.
    pub identifiers: &'a mut [Identifier],
    pub max_shared: usize,
    pub must_link: &'a [(u32, u32)],
    pub cannot_link: &'a [(u32, u32)],
    /// Joined after all values, in this order.
    pub pairs: &'a [(u32, u32)],
}

/// The persons so far, each represented by its smallest record, with the constraints on joining them.
struct Persons {
    components: Components,
    /// For each hard key, the value of each person; [`MIXED`] if a record has several, or pairs that must be linked joined different
    /// ones.
    hard: Vec<Vec<u32>>,
    /// For each person, the records that must not be part of it.
    apart: Vec<Vec<u32>>,
}

/// The mark of a person with several values of a hard key.
const MIXED: u32 = NONE - 1;

impl Persons {
    /// The persons that some records belong to, if these may be joined.
    fn compatible(&mut self, records: &[u32]) -> Option<Vec<u32>> {
        let mut persons: Vec<u32> = records.iter().map(|record| self.components.find(*record)).collect();
        persons.sort_unstable();
        persons.dedup();
        if persons.len() == 1 {
            return Some(persons);
        }
        for hard in &self.hard {
            let mut known = persons.iter().map(|person| hard[*person as usize]).filter(|value| *value != NONE);
            if let Some(first) = known.next()
                && (first == MIXED || known.any(|other| other != first))
            {
                return None;
            }
        }
        for person in &persons {
            for place in 0..self.apart[*person as usize].len() {
                let other = self.components.find(self.apart[*person as usize][place]);
                if persons.binary_search(&other).is_ok() {
                    return None;
                }
            }
        }
        Some(persons)
    }

    fn join(&mut self, persons: &[u32]) {
        let Some(first) = persons.first().map(|first| *first as usize) else { return };
        for person in &persons[1..] {
            self.components.join(first as u32, *person);
            for hard in &mut self.hard {
                let (own, other) = (hard[first], hard[*person as usize]);
                hard[first] = match (own, other) {
                    (NONE, other) => other,
                    (own, NONE) => own,
                    (own, other) if own == other => own,
                    _ => MIXED,
                };
            }
            let apart = std::mem::take(&mut self.apart[*person as usize]);
            self.apart[first].extend(apart);
        }
    }
}

pub fn resolve(resolution: Resolution<'_>) -> Resolved {
    let Resolution { records, identifiers, max_shared, must_link, cannot_link, pairs } = resolution;
    let mut persons = Persons { components: Components::new(records), hard: vec![], apart: vec![vec![]; records] };
    for identifier in identifiers.iter_mut() {
        identifier.values.sort_unstable();
        identifier.values.dedup();
        identifier.blocked.sort_unstable();
        identifier.too_many.sort_unstable();
        if identifier.is_hard {
            let mut hard = vec![NONE; records];
            for (value, record) in &identifier.values {
                let own = &mut hard[*record as usize];
                *own = if identifier.blocked.binary_search(value).is_ok() || *own == *value {
                    *own
                } else if *own == NONE {
                    *value
                } else {
                    MIXED
                };
            }
            persons.hard.push(hard);
        }
    }
    for (a, b) in cannot_link {
        persons.apart[*a as usize].push(*b);
        persons.apart[*b as usize].push(*a);
    }
    let mut evidence = vec![0; records];
    let mut contradictions = vec![];
    let mut must_link: Vec<(u32, u32)> = must_link.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect();
    must_link.sort_unstable();
    must_link.dedup();
    for (a, b) in must_link {
        let (first, second) = (persons.components.find(a), persons.components.find(b));
        let is_apart = first != second && {
            let apart = std::mem::take(&mut persons.apart[first as usize]);
            let found = apart.iter().any(|record| persons.components.find(*record) == second);
            persons.apart[first as usize] = apart;
            found
        };
        if is_apart || (a == b) {
            contradictions.extend((a != b).then_some([a, b]));
            continue;
        }
        if first != second {
            persons.join(&[first.min(second), first.max(second)]);
        }
        evidence[a as usize] |= MUST_LINK;
        evidence[b as usize] |= MUST_LINK;
    }
    let mut links = vec![];
    for (number, identifier) in identifiers.iter().enumerate() {
        let mut groups: Vec<&[(u32, u32)]> = identifier.values.chunk_by(|a, b| a.0 == b.0).collect();
        groups.retain(|group| group.len() > 1 || identifier.blocked.binary_search(&group[0].0).is_ok());
        groups.sort_by(|a, b| a.iter().map(|(_, record)| record).cmp(b.iter().map(|(_, record)| record)));
        for group in groups {
            let value = group[0].0;
            let carriers: Vec<u32> = group.iter().map(|(_, record)| *record).collect();
            let outcome = if identifier.blocked.binary_search(&value).is_ok() {
                Outcome::Blocked
            } else if carriers.len() > max_shared || identifier.too_many.binary_search(&value).is_ok() {
                Outcome::TooMany
            } else if let Some(found) = persons.compatible(&carriers) {
                persons.join(&found);
                for record in &carriers {
                    evidence[*record as usize] |= 1 << number;
                }
                Outcome::Linked
            } else {
                Outcome::Conflict
            };
            links.push(Link { identifier: number, value, records: carriers, outcome });
        }
    }
    let mut refused = vec![];
    for (a, b) in pairs {
        match persons.compatible(&[*a, *b]) {
            Some(found) => {
                persons.join(&found);
                evidence[*a as usize] |= PAIR;
                evidence[*b as usize] |= PAIR;
            }
            None => refused.push([*a, *b]),
        }
    }
    Resolved { persons: persons.components.labels(), evidence, links, contradictions, refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(values: &[(u32, u32)], is_hard: bool) -> Identifier {
        Identifier { values: values.to_vec(), is_hard, ..Identifier::default() }
    }

    fn resolved(records: usize, identifiers: &mut [Identifier], max_shared: usize) -> Resolved {
        resolve(Resolution { records, identifiers, max_shared, must_link: &[], cannot_link: &[], pairs: &[] })
    }

    #[test]
    fn shared_values_join() {
        let mut identifiers = [identifier(&[(0, 0), (0, 1), (1, 2)], false), identifier(&[(5, 1), (5, 2), (6, 3)], false)];
        let found = resolved(4, &mut identifiers, 10);
        assert_eq!(found.persons, [0, 0, 0, 3]);
        assert_eq!(found.evidence, [1, 3, 2, 0]);
        assert_eq!(found.links.len(), 2);
    }

    #[test]
    fn what_many_share_joins_nobody() {
        let mut identifiers = [identifier(&[(0, 0), (0, 1), (0, 2)], false)];
        let found = resolved(3, &mut identifiers, 2);
        assert_eq!(found.persons, [0, 1, 2]);
        assert_eq!(found.links[0].outcome, Outcome::TooMany);
        identifiers[0].blocked = vec![0];
        assert_eq!(resolved(3, &mut identifiers, 9).links[0].outcome, Outcome::Blocked);
    }

    #[test]
    fn hard_keys_never_meet_through_a_chain() {
        // 0 and 3 have different cards, but 1 and 2 connect them by phone and e-mail.
        let mut identifiers = [
            identifier(&[(0, 0), (1, 3)], true),
            identifier(&[(0, 0), (0, 1), (1, 2), (1, 3)], false),
            identifier(&[(0, 1), (0, 2)], false),
        ];
        let found = resolved(4, &mut identifiers, 10);
        assert_eq!(found.persons, [0, 0, 2, 2]);
        assert_eq!(found.links.last().map(|link| link.outcome), Some(Outcome::Conflict));
    }

    #[test]
    fn people_decide() {
        let mut identifiers = [identifier(&[(0, 0), (0, 1), (1, 2), (1, 3)], false)];
        let resolution = Resolution {
            records: 5,
            identifiers: &mut identifiers,
            max_shared: 9,
            must_link: &[(4, 3), (0, 0), (1, 0)],
            cannot_link: &[(0, 1), (2, 4)],
            pairs: &[(0, 2), (1, 2)],
        };
        let found = resolve(resolution);
        assert_eq!(found.persons, [0, 1, 0, 3, 3]);
        assert_eq!(found.contradictions, [[0, 1]]);
        assert_eq!(found.refused, [[1, 2]]);
        assert_eq!(found.evidence, [PAIR, 0, PAIR, MUST_LINK, MUST_LINK]);
    }
}
