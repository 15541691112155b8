//! The order of derived tags: those over the profile itself, which may need one another.
//!
//! A tag of the customer's own row is one more expression over the plan. A tag that looks at other customers (a rank, a share of
//! the total) needs the rows of all, so that what it needs must have been computed and written before. The level of a tag is how
//! many such steps lie before its value:
//!
//! ```text
//! level of a tag = the highest level of the tags it needs, and one more when it looks at other rows
//! ```
//!
//! Each level costs one pass over the profile, so that no tag stands in a higher level than it must.

use std::collections::HashMap;

use datafusion::logical_expr::LogicalPlan;

use super::decompose::RowExpression;

/// A tag over the profile.
#[derive(Debug, Clone)]
pub struct DerivedTag {
    pub name: String,
    pub multiple: bool,
    /// The tags of the profile whose values it reads.
    pub needs: Vec<String>,
    pub computation: Computation,
}

/// How a derived tag is computed.
#[derive(Debug, Clone)]
pub enum Computation {
    OfOwnRow(RowExpression),
    /// A query of key and value that looks at other rows than the customer's own.
    OfAllRows(LogicalPlan),
}

/// Tags that are computed in one pass.
#[derive(Debug, Default)]
pub struct Level {
    /// They need tags of earlier levels only.
    pub of_all_rows: Vec<TagOf<LogicalPlan>>,
    /// They may also need tags of this level: those of all rows, and those before in this list.
    pub of_own_row: Vec<TagOf<RowExpression>>,
}

/// A tag with what its value is computed by.
#[derive(Debug)]
pub struct TagOf<T> {
    pub name: String,
    pub multiple: bool,
    pub by: T,
}

/// The levels of tags, in which those that others need come first. A need that is not among them is computed already.
pub fn levels(tags: Vec<DerivedTag>) -> Vec<Level> {
    let mut level_of: HashMap<String, usize> = HashMap::new();
    let mut levels: Vec<Level> = vec![];
    for tag in tags {
        let needed = tag.needs.iter().filter_map(|need| level_of.get(need)).max().copied().unwrap_or(0);
        let own = match &tag.computation {
            Computation::OfOwnRow(_) => needed,
            Computation::OfAllRows(_) => needed + 1,
        };
        if levels.len() <= own {
            levels.resize_with(own + 1, Level::default);
        }
        level_of.insert(tag.name.clone(), own);
        match tag.computation {
            Computation::OfOwnRow(by) => levels[own].of_own_row.push(TagOf { name: tag.name, multiple: tag.multiple, by }),
            Computation::OfAllRows(by) => levels[own].of_all_rows.push(TagOf { name: tag.name, multiple: tag.multiple, by }),
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use datafusion::logical_expr::{LogicalPlanBuilder, lit};

    use super::*;
    use crate::kernels::random::Random;

    /// Names of a level: of all rows, of the own row.
    fn named(levels: &[Level]) -> Vec<(BTreeSet<String>, BTreeSet<String>)> {
        let all = |level: &Level| level.of_all_rows.iter().map(|tag| tag.name.clone()).collect();
        let own = |level: &Level| level.of_own_row.iter().map(|tag| tag.name.clone()).collect();
        levels.iter().map(|level| (all(level), own(level))).collect()
    }

    fn tag(name: String, needs: Vec<String>, looks_at_others: bool) -> DerivedTag {
        let computation = match looks_at_others {
            true => Computation::OfAllRows(LogicalPlanBuilder::empty(false).build().unwrap()),
            false => Computation::OfOwnRow(RowExpression { conditions: vec![], value: lit(1) }),
        };
        DerivedTag { name, multiple: false, needs, computation }
    }

    /// By definition: the most tags over other rows on any way of needs to a tag, itself included.
    fn longest_way(tags: &[DerivedTag], place: usize) -> usize {
        let needs = tags[place].needs.iter().filter_map(|need| tags.iter().position(|other| other.name == *need));
        let own = usize::from(matches!(tags[place].computation, Computation::OfAllRows(_)));
        own + needs.map(|need| longest_way(tags, need)).max().unwrap_or(0)
    }

    #[test]
    fn every_tag_stands_in_the_lowest_level_that_has_what_it_needs() {
        let mut random = Random::new(5, &[]);
        let mut highest = 0;
        for case in 0..300 {
            let count = random.below(12) as usize;
            let mut tags: Vec<DerivedTag> = vec![];
            for place in 0..count {
                let mut needs: Vec<String> = tags.iter().map(|tag| tag.name.clone()).collect();
                needs.retain(|_| random.per_mille(250));
                // Tags that are not derived are there from the start.
                needs.push("base".into());
                tags.push(tag(format!("t{place}"), needs, random.per_mille(500)));
            }
            let expected: Vec<usize> = (0..count).map(|place| longest_way(&tags, place)).collect();
            let found = levels(tags.clone());
            let level_in = |name: &str| {
                let holds = |(all, own): &(BTreeSet<String>, BTreeSet<String>)| all.contains(name) || own.contains(name);
                named(&found).iter().position(holds)
            };
            for (place, level) in expected.iter().enumerate() {
                assert_eq!(level_in(&tags[place].name), Some(*level), "case {case}, {tags:?}");
            }
            // The first has no rows of others to look at; each later one is there because a tag looks at them.
            assert!(found.iter().enumerate().all(|(index, level)| (index > 0) != level.of_all_rows.is_empty()), "case {case}");
            // In the order that they are computed in, what a tag needs comes before it.
            let mut order: Vec<String> = vec![];
            let check = |name: &String, order: &[String]| {
                let tag = tags.iter().find(|tag| tag.name == *name).unwrap();
                assert!(tag.needs.iter().all(|need| need == "base" || order.contains(need)), "case {case}, {name}");
            };
            for level in &found {
                level.of_all_rows.iter().for_each(|tag| check(&tag.name, &order));
                order.extend(level.of_all_rows.iter().map(|tag| tag.name.clone()));
                for tag in &level.of_own_row {
                    check(&tag.name, &order);
                    order.push(tag.name.clone());
                }
            }
            assert_eq!(order.len(), count);
            highest = highest.max(found.len());
        }
        assert!(highest > 4, "{highest}");
    }
}
