//! Repeated refreshes as of the same time, with the shortest retention.

use super::{Database, refresh};
use crate::support::some;

/// The replaced snapshot is gone at once, and the history stays: a refresh as of the same time starts from the snapshot before it.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn a_repeated_refresh_keeps_the_history() {
    for keep in some([2, 1], 1) {
        let database = Database::staged(keep);
        let open = database.open();
        for second in 1..=3 {
            open.query(&refresh(second));
            let one_tag = refresh(second).replace("WITH", "TAGS (token) WITH");
            for again in [refresh(second).as_str(), "REFRESH SEGMENT evens", &one_tag] {
                open.query(again);
                let seen = open.published().map(|seen| (seen.second, seen.refreshes));
                assert_eq!(seen, Some((second, second)), "keep {keep}: {again}");
                assert_eq!(database.left_over(), Vec::<String>::new(), "keep {keep}: {again}");
            }
        }
    }
}
