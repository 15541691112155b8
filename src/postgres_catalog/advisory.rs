//! Locks on numbers, which programs agree on: of an engine, each held by a session until it lets go or ends, or by its transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

/// How a session holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Hold {
    session: usize,
    is_shared: bool,
    /// Until the transaction ends, not until the session lets go.
    is_of_transaction: bool,
}

#[derive(Debug, Default)]
struct Locks {
    /// How often each is held.
    held: HashMap<Key, HashMap<Hold, u64>>,
    /// The sessions that are in a transaction.
    in_transaction: HashSet<usize>,
}

/// The numbers of a lock: one, or two.
pub type Key = (i64, Option<i64>);

/// The locks that the sessions of an engine hold.
#[derive(Debug, Default)]
pub struct AdvisoryLocks(Mutex<Locks>);

impl AdvisoryLocks {
    /// Takes a lock for a session, which may take it again; false when another has it. One of a transaction is held until that ends;
    /// outside of one it would end with the statement, and is not held.
    pub fn take(&self, session: usize, key: Key, is_shared: bool, is_of_transaction: bool) -> bool {
        let mut locks = self.0.lock();
        let is_in_the_way = |other: &Hold| other.session != session && !(is_shared && other.is_shared);
        if locks.held.get(&key).is_some_and(|holds| holds.keys().any(is_in_the_way)) {
            return false;
        }
        if !is_of_transaction || locks.in_transaction.contains(&session) {
            let hold = Hold { session, is_shared, is_of_transaction };
            *locks.held.entry(key).or_default().entry(hold).or_default() += 1;
        }
        true
    }

    /// Lets a lock go once; false when the session does not hold it.
    pub fn let_go(&self, session: usize, key: Key, is_shared: bool) -> bool {
        let mut locks = self.0.lock();
        let Some(holds) = locks.held.get_mut(&key) else { return false };
        let hold = Hold { session, is_shared, is_of_transaction: false };
        let Some(times) = holds.get_mut(&hold) else { return false };
        *times -= 1;
        if *times == 0 {
            holds.remove(&hold);
        }
        if holds.is_empty() {
            locks.held.remove(&key);
        }
        true
    }

    /// Lets go of all that a session holds, but for the locks of its transaction.
    pub fn let_all_go(&self, session: usize) {
        self.0.lock().let_go_of(session, false);
    }
}

impl Locks {
    fn let_go_of(&mut self, session: usize, is_of_transaction: bool) {
        self.held.retain(|_, holds| {
            holds.retain(|hold, _| hold.session != session || hold.is_of_transaction != is_of_transaction);
            !holds.is_empty()
        });
    }
}

/// The locks of a session's transaction, let go when dropped.
#[derive(Debug)]
pub struct TransactionLocks {
    locks: Arc<AdvisoryLocks>,
    session: usize,
}

impl TransactionLocks {
    /// Begins a transaction of a session.
    pub fn begin(locks: &Arc<AdvisoryLocks>, session: usize) -> Self {
        locks.0.lock().in_transaction.insert(session);
        Self { locks: Arc::clone(locks), session }
    }
}

impl Drop for TransactionLocks {
    fn drop(&mut self) {
        let mut locks = self.locks.0.lock();
        locks.in_transaction.remove(&self.session);
        locks.let_go_of(self.session, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_session_or_shared_by_many() {
        let (locks, key) = (AdvisoryLocks::default(), (424_242, None));
        let take = |session, is_shared| locks.take(session, key, is_shared, false);
        assert!(take(1, false) && take(1, false) && !take(2, false) && !take(2, true));
        let let_go = || locks.let_go(1, key, false);
        assert!(let_go() && !take(2, true) && let_go() && !let_go());
        assert!(take(1, true) && take(2, true) && !take(1, false));
        locks.let_all_go(2);
        assert!(take(1, false));
        locks.let_all_go(1);
        assert!(take(3, false));
        // Another engine has locks of its own.
        assert!(AdvisoryLocks::default().take(4, key, false, false));
    }

    #[test]
    fn a_lock_of_a_transaction_is_held_until_that_ends() {
        let (locks, key) = (Arc::<AdvisoryLocks>::default(), (424_243, Some(1)));
        assert!(locks.take(4, key, false, true) && locks.take(5, key, false, true), "each statement is a transaction");
        let transaction = TransactionLocks::begin(&locks, 4);
        assert!(locks.take(4, key, false, true) && locks.take(4, key, true, false) && !locks.take(5, key, true, true));
        // The session cannot let go of it.
        assert!(!locks.let_go(4, key, false));
        locks.let_all_go(4);
        assert!(!locks.take(5, key, true, false));
        drop(transaction);
        assert!(locks.take(5, key, false, false));
    }
}
