//! Identities: a refresh of new records gives what resolving all of them gives.

use portraitdb::EngineOptions;

use crate::support::{About, Dice, cases, rows, session_with};

/// Records of few values, so that new ones join persons, part them, and make values too common.
fn records(dice: &mut Dice, from: usize, count: usize) -> String {
    let rows: Vec<String> = (from..from + count)
        .map(|number| {
            // Sometimes one more row of an earlier record.
            let id = if number > 0 && dice.chance(5) { dice.below(number) } else { number };
            let mut value = |letter: &str, percent: usize, bound: usize| {
                dice.or_null(percent, |dice| format!("'{letter}{}'", dice.below(bound)))
            };
            format!("({id}, {}, {}, {})", value("p", 10, 1300), value("m", 30, 1700), value("c", 60, 900))
        })
        .collect();
    format!("INSERT INTO accounts VALUES {}", rows.join(", "))
}

#[test]
fn new_records_are_resolved_as_all_are() {
    for seed in 0..cases(2, 60) {
        let _about = About(format!("seed {seed}"));
        let folder = tempfile::tempdir().unwrap();
        let (engine, session) =
            session_with(EngineOptions { database: Some(folder.path().to_path_buf()), ..EngineOptions::default() });
        let sql = |text: &str| rows(&engine, &session, text);
        let mut dice = Dice(seed + 1);
        let max_shared = dice.between(2, 5);
        sql("CREATE TABLE accounts (id BIGINT, phone VARCHAR, mail VARCHAR, card VARCHAR)");
        sql(&records(&mut dice, 0, 2000));
        let query = "SELECT id, card, upper(phone) AS phone, mail FROM accounts WHERE phone IS DISTINCT FROM 'p7'";
        sql(&format!(
            "CREATE IDENTITY grown WITH (key = 'id', match_on = 'card, phone, mail', hard_keys = 'card', max_shared = {max_shared}) AS {query}"
        ));
        sql("REFRESH IDENTITY grown");
        let whole = format!(
            "resolve_identities(({query}), must_link => (SELECT a, b FROM identity.grown_must_link), \
             cannot_link => (SELECT a, b FROM identity.grown_cannot_link), key => id, match_on => [card, phone, mail], \
             hard_keys => 'card', max_shared => {max_shared})"
        );
        let with_first = |persons: &str| format!("SELECT *, min(id) OVER (PARTITION BY person_id) AS first FROM {persons}");
        let (mut next, mut highest) = (2000, 0);
        for round in 0..4 {
            if round == 1 {
                for decided in ["must_link", "cannot_link"] {
                    sql(&format!("INSERT INTO identity.grown_{decided} VALUES ({}, {})", dice.below(next), dice.below(next)));
                }
                sql("REFRESH IDENTITY grown");
            }
            let count = dice.between(1, 25);
            sql(&records(&mut dice, next, count));
            next += count;
            sql("REFRESH IDENTITY grown");
            // Each refresh of new records adds one file to the values.
            let files = sql("SELECT count(*) FROM identity.grown_sources WHERE source = 'identity.grown_values'");
            assert_ne!(files, ["1"], "all records were resolved");
            let other = format!(
                "SELECT count(*) FROM ({}) AS g FULL JOIN ({}) AS w ON g.id = w.id \
                 WHERE g.first IS DISTINCT FROM w.first OR g.records IS DISTINCT FROM w.records OR g.evidence IS DISTINCT FROM w.evidence",
                with_first("identity.grown"),
                with_first(&whole)
            );
            assert_eq!(sql(&other), ["0"], "round {round}");
            // A new id is above all earlier ones.
            let told = sql(
                "SELECT to_person_id FROM identity.grown_ledger WHERE change = 'refreshed' ORDER BY refreshed_at DESC LIMIT 1",
            );
            let told: i64 = told[0].parse().unwrap();
            assert!(told >= highest, "{told} after {highest}");
            highest = told;
            assert_eq!(sql(&format!("SELECT count(*) FROM identity.grown WHERE person_id > {told}")), ["0"]);
        }
        sql("REFRESH IDENTITY grown");
        assert_eq!(sql("SELECT count(*) FROM identity.grown_ledger WHERE change = 'refreshed'"), ["7"]);
    }
}
