//! What an object refers to, and so depends on.
//!
//! This is taken from the text of its definition, whether it can be planned or not: a definition that refers to a dropped object still
//! refers to it. Where the text does not tell which tags of a profile are read, all are assumed to be: with `SELECT *`, and in functions
//! that compare all tags.

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, Visit};

use crate::refresh::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA};
use crate::refresh::published::{ENDS, name_and_time};
use crate::sql::references::{counters_in, functions_in, names_in, objects_in, tables_in, tables_read_whole};

/// The domain of functions that read the segments of a profile rather than its tags.
const OF_SEGMENTS: &str = "audience";

/// What an object refers to.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    /// Tables and views, each as the parts of its name.
    pub tables: Vec<Vec<String>>,
    /// Models that it applies.
    pub models: Vec<String>,
    /// Functions in FROM.
    pub functions: Vec<String>,
    /// Profiles that it reads, and what of each.
    pub profiles: Vec<ProfileUse>,
    /// Segments passed to functions by name.
    pub segments: Vec<String>,
    /// Profiles whose segments are all read.
    pub all_segments: Vec<String>,
    /// The profile that it belongs to.
    pub profile: Option<String>,
    /// Experiments passed to functions by name.
    pub experiments: Vec<String>,
    /// Schedules that it depends on.
    pub schedules: Vec<String>,
    /// Sequences passed to functions by name, as written.
    pub sequences: Vec<String>,
}

/// What is read of a profile.
#[derive(Debug, Clone)]
pub struct ProfileUse {
    pub profile: String,
    /// Names that may be columns; `None` for all of them.
    pub columns: Option<BTreeSet<String>>,
}

impl Uses {
    /// What a query or statement refers to.
    pub fn of(part: &impl Visit) -> Self {
        let mut uses =
            Self { tables: tables_in(part), functions: functions_in(part), sequences: counters_in(part), ..Self::default() };
        let read = |table: &Vec<String>| match table.as_slice() {
            [.., schema, name] if schema == PROFILE_SCHEMA => Some(name_and_time(name).0.to_string()),
            _ => None,
        };
        let whole: BTreeSet<String> = tables_read_whole(part).iter().filter_map(read).collect();
        let names: BTreeSet<String> = names_in(part).into_iter().collect();
        for profile in uses.tables.iter().filter_map(read).collect::<BTreeSet<_>>() {
            let columns = (!whole.contains(&profile)).then(|| names.clone());
            uses.profiles.push(ProfileUse { profile, columns });
        }
        for named in objects_in(part) {
            uses.models.extend(named.of_kind("model").map(str::to_string));
            uses.segments.extend(named.of_kind("segment").map(str::to_string));
            uses.experiments.extend(named.of_kind("experiment").map(str::to_string));
            let Some(profile) = named.of_kind("profile").map(str::to_string) else { continue };
            let columns = match named.of_kind("tag") {
                Some(tag) => Some(BTreeSet::from([tag.to_string()])),
                None if named.doc.domain == OF_SEGMENTS => {
                    uses.all_segments.push(profile.clone());
                    Some(BTreeSet::new())
                }
                None => None,
            };
            uses.profiles.push(ProfileUse { profile, columns });
        }
        uses
    }

    /// What the condition of a segment refers to, including its own profile.
    pub fn of_condition(condition: &Expr, profile: &str) -> Self {
        let mut uses = Self::of(condition);
        let columns = Some(names_in(condition).into_iter().collect());
        uses.profiles.push(ProfileUse { profile: profile.to_string(), columns });
        uses.of_profile(profile)
    }

    /// Marks the object as belonging to a profile.
    pub fn of_profile(mut self, profile: &str) -> Self {
        self.profile = Some(profile.to_string());
        self
    }

    /// Only what is referred to by name, without `*` and the like.
    pub fn by_name(&self) -> Self {
        let mut uses = self.clone();
        for used in &mut uses.profiles {
            used.columns.get_or_insert_default();
        }
        uses
    }

    /// The names that may be columns of a profile; `None` for all of them.
    pub fn columns_of(&self, profile: &str) -> Option<BTreeSet<String>> {
        let own = self.profiles.iter().filter(|used| used.profile == profile);
        own.map(|used| used.columns.clone()).try_fold(BTreeSet::new(), |mut all, columns| {
            all.extend(columns?);
            Some(all)
        })
    }

    /// True when a profile, or a table that it publishes, is read.
    pub fn reads_profile(&self, profile: &str) -> bool {
        let publishes = |table: &Vec<String>| {
            let [.., schema, name] = table.as_slice() else { return false };
            let (name, _) = name_and_time(name);
            schema == PROFILE_SCHEMA && ENDS.iter().any(|end| name.strip_suffix(end) == Some(profile))
        };
        self.profile.as_deref() == Some(profile)
            || self.profiles.iter().any(|used| used.profile == profile)
            || self.all_segments.iter().any(|name| name == profile)
            || self.tables.iter().any(publishes)
    }

    /// True when a tag is read.
    pub fn reads_tag(&self, profile: &str, tag: &str) -> bool {
        let reads = |used: &ProfileUse| used.columns.as_ref().is_none_or(|columns| columns.contains(tag));
        self.profiles.iter().any(|used| used.profile == profile && reads(used))
    }

    /// True when a segment is read.
    pub fn reads_segment(&self, profile: &str, segment: &str) -> bool {
        let publishes = |table: &Vec<String>| match table.as_slice() {
            [.., schema, name] => schema == SEGMENT_SCHEMA && name_and_time(name).0 == segment,
            _ => false,
        };
        self.segments.iter().any(|name| name == segment)
            || self.all_segments.iter().any(|name| name == profile)
            || self.tables.iter().any(publishes)
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::GenericDialect;
    use sqlparser::parser::Parser;

    use super::*;

    fn uses(sql: &str) -> Uses {
        Uses::of(&Parser::parse_sql(&GenericDialect {}, sql).unwrap())
    }

    #[test]
    fn tags_are_read_by_name_or_all() {
        for (sql, a, b) in [
            ("SELECT k, a FROM profile.p", true, false),
            ("SELECT k, a FROM profile.p JOIN (SELECT * FROM orders) AS o USING (k)", true, false),
            ("SELECT o.* FROM profile.p JOIN orders AS o USING (b)", false, true),
            ("SELECT p.* FROM profile.p JOIN orders USING (k)", true, true),
            ("SELECT q.* FROM profile.p AS q", true, true),
            ("SELECT k FROM profile.p NATURAL JOIN orders", true, true),
            ("WITH x AS (SELECT * FROM profile.p) SELECT k FROM x", true, true),
            ("SELECT * FROM (SELECT k, a FROM profile.p)", true, false),
            ("SELECT count(*) FROM profile.p", false, false),
            ("SELECT * FROM profile.\"p@5\"", true, true),
            ("SELECT * FROM profile.p_tags", false, false),
            ("SELECT * FROM profile.q", false, false),
            ("SELECT * FROM explain_tag(p, 'a', 1)", true, false),
            ("SELECT * FROM mece_check(tag => b, profile => p)", false, true),
            ("SELECT * FROM tag_coverage(p)", true, true),
            ("SELECT * FROM segment_overlap(p)", false, false),
            ("SELECT 1 UNION ALL (SELECT * FROM profile.p)", true, true),
        ] {
            let uses = uses(sql);
            assert_eq!((uses.reads_tag("p", "a"), uses.reads_tag("p", "b")), (a, b), "{sql}");
        }
    }

    #[test]
    fn profiles_segments_and_models_are_read_by_functions() {
        let overlap = uses("SELECT * FROM segment_overlap(p)");
        assert!(overlap.reads_segment("p", "s") && !overlap.reads_segment("q", "s") && overlap.reads_profile("p"));
        assert!(uses("SELECT * FROM segment_diff(s, since => DATE '2025-01-01')").reads_segment("p", "s"));
        assert!(uses("SELECT * FROM segment.\"s@7\"").reads_segment("p", "s"));
        assert!(uses("SELECT * FROM profile.p_history").reads_profile("p"));
        assert_eq!(uses("SELECT * FROM ml_predict(m, (SELECT 1))").models, ["m"]);
    }

    #[test]
    fn a_cte_is_no_table() {
        let tables = |sql: &str| uses(sql).tables;
        assert_eq!(tables("WITH a AS (SELECT 1) SELECT * FROM a, b"), [["b"]]);
        assert_eq!(tables("WITH a AS (SELECT * FROM a) SELECT * FROM a"), [["a"]]);
        assert_eq!(tables("WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT * FROM a) SELECT * FROM a"), Vec::<Vec<String>>::new());
        assert_eq!(tables("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) JOIN a ON true"), [["a"]]);
        assert_eq!(
            tables("WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b WHERE EXISTS (SELECT 1 FROM c)"),
            [["c"]]
        );
    }
}
