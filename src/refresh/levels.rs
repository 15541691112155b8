//! The order of derived tags: the tags over the profile itself, which may need one another.
//!
//! A tag that reads only the customer's own row is one more expression in the plan. A tag that looks at other customers (a rank, a share of
//! the total) reads the rows of all of them, so the tags it needs must have been computed and written first. The level of a tag counts how
//! many such passes its value needs:
//!
//! ```text
//! level of a tag = the highest level of the tags it needs, plus 1 when it looks at other rows
//! ```
//!
//! Each level costs one pass over the profile, so every tag is put in the lowest level possible.

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
    /// A query of key and value that looks at rows other than the customer's own.
    OfAllRows(LogicalPlan),
}

/// Tags that are computed in one pass.
#[derive(Debug, Default)]
pub struct Level {
    /// These need tags of earlier levels only.
    pub of_all_rows: Vec<TagOf<LogicalPlan>>,
    /// These may also need tags of this level: those in `of_all_rows`, and those earlier in this list.
    pub of_own_row: Vec<TagOf<RowExpression>>,
}

/// A tag with the expression or query that computes its value.
#[derive(Debug)]
pub struct TagOf<T> {
    pub name: String,
    pub multiple: bool,
    pub by: T,
}

/// Assigns tags to levels. In `tags`, each tag comes after those it needs; a needed tag that is not in `tags` is computed already.
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

    /// The tag names of each level: those over all rows, and those over the own row.
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

    /// By definition: the largest number of tags over other rows on any dependency path to a tag, including itself.
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
                // Tags that are not derived are there from the start, like this one.
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
            // The first level never looks at other rows; each later one exists because a tag does.
            assert!(found.iter().enumerate().all(|(index, level)| (index > 0) != level.of_all_rows.is_empty()), "case {case}");
            // In computation order, what a tag needs comes before it.
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
