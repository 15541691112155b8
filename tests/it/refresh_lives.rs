//! Random histories of a profile, compared with a model of it: refreshes as of days that move forward and back, of all tags or of some, while
//! sources change, customers come and leave, and tags are created, replaced and dropped.
//!
//! The results of a query as of a day come from plain SQL; the model says what is published, kept, closed and withdrawn.
//! `PORTRAIT_TEST_CASES=500` runs more cases.

use std::collections::{BTreeMap, BTreeSet};

use portraitdb::{Engine, Session};

use crate::support::{About, Dice, cases, is_long, rows, session, try_rows};

/// A value of a customer, and the day since when it is valid.
type Values = BTreeMap<String, (String, u32)>;

/// A closed period of a value: tag, key, value, first day, last day.
type Closed = (String, String, String, u32, u32);

/// The result of a refresh.
#[derive(Clone, Default)]
struct Snapshot {
    day: u32,
    members: BTreeSet<String>,
    tags: BTreeMap<String, Values>,
    /// The members of the segment, and the day since when.
    segment: BTreeMap<String, u32>,
    closed: BTreeSet<Closed>,
}

struct Life {
    engine: Engine,
    session: Session,
    /// Name and query; for tags over the profile, also the tag that they read.
    tags: BTreeMap<String, (String, Option<String>)>,
    snapshots: Vec<Snapshot>,
    said: String,
}

impl Life {
    fn sql(&mut self, sql: &str) -> Vec<String> {
        self.said.push_str(sql);
        self.said.push('\n');
        rows(&self.engine, &self.session, sql)
    }

    fn pairs(&self, sql: &str) -> BTreeMap<String, String> {
        let pairs = rows(&self.engine, &self.session, sql).into_iter().filter_map(|row| {
            let (key, value) = row.split_once('|')?;
            (value != "NULL").then(|| (key.to_string(), value.to_string()))
        });
        pairs.collect()
    }

    fn last_before(&self, day: u32) -> Option<&Snapshot> {
        self.snapshots.iter().rev().find(|snapshot| snapshot.day < day)
    }

    fn last_until(&self, day: u32) -> Option<&Snapshot> {
        self.snapshots.iter().rev().find(|snapshot| snapshot.day <= day)
    }

    /// Computes what a refresh as of a day publishes, for all tags or the requested ones.
    fn refreshed(&self, day: u32, asked: Option<&str>) -> Snapshot {
        let (base, known) = (self.last_before(day), self.last_until(day));
        let member = rows(&self.engine, &self.session, "SELECT k FROM c");
        let members: BTreeSet<String> = member.into_iter().collect();
        let mut computed = BTreeSet::new();
        let mut now: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        // Tags over sources come before the tags that read them.
        let mut tags: Vec<_> = self.tags.iter().collect();
        tags.sort_by_key(|(_, (_, reads))| reads.is_some());
        for (name, (query, reads)) in tags {
            let needs_computed = reads.as_ref().is_some_and(|read| computed.contains(read));
            let kept = known.and_then(|known| known.tags.get(name));
            let values: BTreeMap<String, String> =
                match kept.filter(|_| asked.is_some_and(|asked| asked != name) && !needs_computed) {
                    Some(kept) => kept.iter().map(|(key, (value, _))| (key.clone(), value.clone())).collect(),
                    None => {
                        computed.insert(name.clone());
                        match reads {
                            None => self.pairs(&as_of(query, day)),
                            Some(read) => {
                                let read = &now[read];
                                read.iter()
                                    .map(|(key, value)| (key.clone(), (2 * value.parse::<i64>().unwrap()).to_string()))
                                    .collect()
                            }
                        }
                    }
                };
            now.insert(name.clone(), values.into_iter().filter(|(key, _)| members.contains(key)).collect());
        }
        let mut snapshot = Snapshot { day, members, ..Snapshot::default() };
        snapshot.closed = base.map(|base| base.closed.clone()).unwrap_or_default();
        for (name, values) in now {
            let before = base.and_then(|base| base.tags.get(&name));
            let since = |key: &String, value: &String| match before.and_then(|before| before.get(key)) {
                Some((old, since)) if old == value => *since,
                _ => day,
            };
            let values: Values =
                values.into_iter().map(|(key, value)| (key.clone(), (value.clone(), since(&key, &value)))).collect();
            snapshot.tags.insert(name, values);
        }
        for (name, before) in base.iter().flat_map(|base| &base.tags) {
            for (key, (value, since)) in before {
                let is_same = snapshot.tags.get(name).and_then(|now| now.get(key)).is_some_and(|(now, _)| now == value);
                if !is_same {
                    snapshot.closed.insert((name.clone(), key.clone(), value.clone(), *since, day));
                }
            }
        }
        let first = &snapshot.tags["t0"];
        for key in first.iter().filter(|(_, (value, _))| value.parse::<i64>().unwrap() > 4).map(|(key, _)| key) {
            let since = base.and_then(|base| base.segment.get(key)).copied().unwrap_or(day);
            snapshot.segment.insert(key.clone(), since);
        }
        snapshot
    }

    /// Checks that the published data equal the model, now and as of an earlier day.
    fn check(&self, dice: &mut Dice) {
        self.check_snapshot(self.snapshots.last().unwrap(), "", true);
        let earlier = &self.snapshots[dice.below(self.snapshots.len())];
        self.check_snapshot(earlier, &format!(" FOR SYSTEM_TIME AS OF {}", date(earlier.day)), false);
    }

    fn check_snapshot(&self, snapshot: &Snapshot, time: &str, with_history: bool) {
        let found = |sql: String| rows(&self.engine, &self.session, &sql);
        let members = found(format!("SELECT k FROM profile.p{time} ORDER BY k"));
        assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), snapshot.members, "members{time}");
        let values: BTreeSet<String> = found(format!("SELECT tag, k, value FROM profile.p_tags{time}")).into_iter().collect();
        let open = snapshot.tags.iter().flat_map(|(tag, values)| values.iter().map(move |(key, value)| (tag, key, value)));
        let expected = open.clone().map(|(tag, key, (value, _))| format!("{tag}|{key}|{value}")).collect::<BTreeSet<_>>();
        assert_eq!(values, expected, "tags{time}");
        let segment = found(format!("SELECT k, date_part('day', since) FROM segment.s{time}"));
        let expected: BTreeSet<String> = snapshot.segment.iter().map(|(key, since)| format!("{key}|{since}")).collect();
        assert_eq!(segment.into_iter().collect::<BTreeSet<_>>(), expected, "segment{time}");
        if with_history {
            let history = found(
                "SELECT tag, k, value, date_part('day', valid_from), coalesce(date_part('day', valid_to), 0) FROM profile.p_history".into(),
            );
            let closed = snapshot.closed.iter().map(|(tag, key, value, from, to)| format!("{tag}|{key}|{value}|{from}|{to}"));
            let open = open.map(|(tag, key, (value, since))| format!("{tag}|{key}|{value}|{since}|0"));
            let mut expected: Vec<String> = closed.chain(open).collect();
            let mut history: Vec<String> = history;
            expected.sort();
            history.sort();
            assert_eq!(history, expected, "history");
        }
    }
}

fn date(day: u32) -> String {
    format!("DATE '2025-03-{day:02}'")
}

/// A query over `o` as plain SQL over the rows that `o` had by a day.
fn as_of(query: &str, day: u32) -> String {
    query.replace("FROM o", &format!("FROM (SELECT * FROM o WHERE at < {} + 1) AS o", date(day)))
}

fn query(dice: &mut Dice) -> String {
    let number = dice.between(0, 5);
    dice.pick(&[
        "SELECT k, max(v) FROM o GROUP BY k".to_string(),
        format!("SELECT k, sum(v) FROM o WHERE v > {number} GROUP BY k"),
        "SELECT k, count(*) FROM o GROUP BY k HAVING count(*) > 1".into(),
        format!("SELECT k, count(*) FROM o WHERE v % 3 = {} GROUP BY k", number % 3),
        "SELECT k, min(v) FROM o WHERE k > 2 GROUP BY k".into(),
        "SELECT k, v FROM (SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY at DESC, v) AS place FROM o) WHERE place = 1"
            .into(),
    ])
}

/// Some rows of the source, with times anywhere in the month: late rows are seen by the next refresh as of their day.
fn orders(dice: &mut Dice) -> String {
    let rows = (0..dice.between(1, 8)).map(|_| {
        let day = dice.between(1, 28);
        format!("({}, TIMESTAMP '2025-03-{day:02} 12:00:00', {})", dice.between(1, 6), dice.between(0, 9))
    });
    format!("INSERT INTO o VALUES {}", rows.collect::<Vec<_>>().join(", "))
}

#[test]
fn a_profile_lives_as_its_model_does() {
    let (mut rewound, mut some, mut refreshes) = (0, 0, 0);
    for case in 0..cases(4, 24) {
        let mut dice = Dice(7000 + case);
        let (engine, session) = session();
        let mut life = Life { engine, session, tags: BTreeMap::new(), snapshots: vec![], said: format!("case {case}\n") };
        life.sql("CREATE TABLE c AS SELECT value AS k FROM generate_series(1, 4)");
        life.sql("CREATE TABLE o (k BIGINT, at TIMESTAMP, v BIGINT)");
        life.sql(&orders(&mut dice));
        life.sql("CREATE PROFILE p WITH (key = 'k', time_columns = 'o.at') AS SELECT k FROM c");
        let first = query(&mut dice);
        life.sql(&format!("CREATE TAG t0 ON p AS {first}"));
        life.tags.insert("t0".into(), (first, None));
        life.sql("CREATE SEGMENT s ON p AS t0 > 4");
        life.sql("CREATE TAG twice ON p AS SELECT k, 2 * t0 FROM profile.p");
        life.tags.insert("twice".into(), (String::new(), Some("t0".into())));
        let mut day = dice.between(5, 10) as u32;
        for _ in 0..dice.between(4, 12) {
            match dice.below(10) {
                0 | 1 => {
                    let insert = orders(&mut dice);
                    life.sql(&insert);
                }
                2 => {
                    let (least, most) = (dice.between(1, 3), dice.between(2, 6));
                    life.sql(&format!("CREATE OR REPLACE TABLE c AS SELECT value AS k FROM generate_series({least}, {most})"));
                }
                3 => {
                    let (name, query) = (dice.pick(&["t0", "t1", "t2"]), query(&mut dice));
                    life.sql(&format!("CREATE OR REPLACE TAG {name} ON p AS {query}"));
                    life.tags.insert(name.into(), (query, None));
                }
                4 => {
                    let name = dice.pick(&["t1", "t2"]);
                    if life.tags.remove(name).is_some() {
                        life.sql(&format!("DROP TAG {name} ON p"));
                    }
                }
                _ => {
                    let last = life.snapshots.last().map_or(0, |snapshot| snapshot.day);
                    let back = if dice.chance(25) { dice.between(1, 4) as u32 } else { 0 };
                    day = day.saturating_sub(back).max(1);
                    if back == 0 && dice.chance(80) {
                        day = (day + dice.between(0, 3) as u32).min(28);
                    }
                    let names: Vec<String> = life.tags.keys().cloned().collect();
                    let asked = dice.chance(40).then(|| dice.pick(&names));
                    let tags = asked.as_ref().map(|tag| format!(" TAGS ({tag})")).unwrap_or_default();
                    let refresh = format!("REFRESH PROFILE p{tags} WITH (as_of = {}", date(day));
                    if day < last {
                        let refused = try_rows(&life.engine, &life.session, &format!("{refresh})"));
                        assert!(refused.unwrap_err().contains("is before the last refresh"), "{}", life.said);
                        rewound += 1;
                    }
                    let expected = life.refreshed(day, asked.as_deref());
                    life.sql(&format!("{refresh}, rewind = {})", day < last));
                    let _about = About(life.said.clone());
                    life.snapshots.retain(|snapshot| snapshot.day < day);
                    life.snapshots.push(expected);
                    life.check(&mut dice);
                    refreshes += 1;
                    some += u32::from(asked.is_some());
                }
            }
        }
    }
    let (rewinds, parts, all) = if is_long() { (5, 10, 50) } else { (0, 1, 10) };
    assert!(rewound > rewinds && some > parts && refreshes > all, "{rewound} {some} {refreshes}");
}
