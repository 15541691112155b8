//! Locks on numbers, which programs agree on: of the process, each held by a session until it lets go or ends.

use std::collections::HashMap;

use parking_lot::Mutex;

/// Who holds a lock, and how often.
#[derive(Debug, Default)]
struct Held {
    alone: Option<(usize, u64)>,
    shared: HashMap<usize, u64>,
}

static LOCKS: Mutex<Option<HashMap<Key, Held>>> = Mutex::new(None);

/// The numbers of a lock: one, or two.
pub type Key = (i64, Option<i64>);

/// Takes a lock for a session, which may take it again; false when another has it.
pub fn take(session: usize, key: Key, is_shared: bool) -> bool {
    let mut locks = LOCKS.lock();
    let held = locks.get_or_insert_default().entry(key).or_default();
    let is_others = held.alone.is_some_and(|(other, _)| other != session);
    if is_others || (!is_shared && held.shared.keys().any(|other| *other != session)) {
        return false;
    }
    if is_shared {
        *held.shared.entry(session).or_default() += 1;
    } else {
        held.alone = Some((session, held.alone.map_or(1, |(_, times)| times + 1)));
    }
    true
}

/// Lets a lock go once; false when the session does not hold it.
pub fn let_go(session: usize, key: Key, is_shared: bool) -> bool {
    let mut locks = LOCKS.lock();
    let locks = locks.get_or_insert_default();
    let Some(held) = locks.get_mut(&key) else { return false };
    let was_held = if is_shared {
        match held.shared.get_mut(&session) {
            Some(times) => {
                *times -= 1;
                if *times == 0 {
                    held.shared.remove(&session);
                }
                true
            }
            None => false,
        }
    } else {
        match held.alone {
            Some((own, times)) if own == session => {
                held.alone = (times > 1).then_some((own, times - 1));
                true
            }
            _ => false,
        }
    };
    if held.alone.is_none() && held.shared.is_empty() {
        locks.remove(&key);
    }
    was_held
}

/// Lets go of all that a session holds.
pub fn let_all_go(session: usize) {
    let mut locks = LOCKS.lock();
    let Some(locks) = locks.as_mut() else { return };
    locks.retain(|_, held| {
        held.shared.remove(&session);
        if held.alone.is_some_and(|(own, _)| own == session) {
            held.alone = None;
        }
        held.alone.is_some() || !held.shared.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_session_or_shared_by_many() {
        let key = (424_242, None);
        assert!(take(1, key, false) && take(1, key, false) && !take(2, key, false) && !take(2, key, true));
        assert!(let_go(1, key, false) && !take(2, key, true) && let_go(1, key, false) && !let_go(1, key, false));
        assert!(take(1, key, true) && take(2, key, true) && !take(1, key, false));
        let_all_go(2);
        assert!(take(1, key, false));
        let_all_go(1);
        assert!(take(3, key, false));
        let_all_go(3);
    }
}
