//! Records linked by the values that they share, with guards against values without meaning.
//!
//! A value that several records have links them, identifier by identifier in the order of the list, values by their smallest
//! records. It links nothing if
//! - it is blocked, or more than `max_shared` records have it: a shop's phone, `test@…`;
//! - it would join two different values of a hard key, or two records that must not be one person, also through others.
//!
//! The records of a person depend only on the records that a chain of values reaches, so the others need not be processed again.

use super::components::Components;
use super::dictionary::NONE;

/// An identifier: the values of the records, each as (value, record).
#[derive(Debug, Default)]
pub struct Identifier {
    pub values: Vec<(u32, u32)>,
    /// Two different values are two persons.
    pub is_hard: bool,
    /// Values that join nobody.
    pub blocked: Vec<u32>,
}

/// What came of a value that several records carry, or that is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its records are of one person.
    Linked,
    /// It is blocked.
    Blocked,
    /// More records than allowed carry it.
    TooMany,
    /// Its records have different hard keys, or must not be linked.
    Conflict,
}

/// A value, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub identifier: usize,
    pub value: u32,
    /// Those that carry it, in ascending order.
    pub records: Vec<u32>,
    pub outcome: Outcome,
}

/// Which records are one person.
#[derive(Debug, PartialEq, Eq)]
pub struct Resolved {
    /// For each record the first of its person.
    pub persons: Vec<u32>,
    /// For each record the identifiers that join it to others, a bit each; [`MUST_LINK`] and [`PAIR`] are others.
    pub evidence: Vec<u64>,
    pub links: Vec<Link>,
    /// Pairs that must be linked and must not.
    pub contradictions: Vec<[u32; 2]>,
    /// Pairs that did not join, for the same reasons as a value in conflict.
    pub refused: Vec<[u32; 2]>,
}

/// The bit of pairs that must be linked.
pub const MUST_LINK: u64 = 1 << 63;
/// The bit of pairs that join as values do.
pub const PAIR: u64 = 1 << 62;

/// What must be known to resolve records, whose numbers are in the order of their keys.
#[derive(Debug, Default)]
pub struct Resolution<'a> {
    pub records: usize,
    /// At most 62.
    pub identifiers: &'a mut [Identifier],
    pub max_shared: usize,
    pub must_link: &'a [(u32, u32)],
    pub cannot_link: &'a [(u32, u32)],
    /// Join after all values, in their order.
    pub pairs: &'a [(u32, u32)],
}

/// A person so far, by the first record: what others may not contradict.
struct Persons {
    components: Components,
    /// For each hard key the value of each person; [`MIXED`] when a pair that must be linked brought two together.
    hard: Vec<Vec<u32>>,
    /// For each person the records that must not be in it.
    apart: Vec<Vec<u32>>,
}

/// Several values of a hard key.
const MIXED: u32 = NONE - 1;

impl Persons {
    /// The persons of some records, when they may be one.
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

/// Resolves the records.
pub fn resolve(resolution: Resolution<'_>) -> Resolved {
    let Resolution { records, identifiers, max_shared, must_link, cannot_link, pairs } = resolution;
    let mut persons = Persons { components: Components::new(records), hard: vec![], apart: vec![vec![]; records] };
    for identifier in identifiers.iter_mut() {
        identifier.values.sort_unstable();
        identifier.values.dedup();
        identifier.blocked.sort_unstable();
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
            } else if carriers.len() > max_shared {
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
        Identifier { values: values.to_vec(), is_hard, blocked: vec![] }
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
        // 0 and 3 have different cards; 1 and 2 join them by phone and e-mail.
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
