//! Walks the itemsets depth first.
//!
//! An itemset is only extended by items of higher rank, so each itemset is visited once. All itemsets that begin with the
//! same item (the *head*) form a *class*, and each class is mined on its own: the rows with the head are numbered, every other
//! item that is frequent among them becomes a column of bits over these row numbers, and the support of a longer set is the
//! number of bits set in the intersection of its columns (Eclat). As long as ranks are ordered by count alone, the head is the
//! rarest item of its class, so the columns of a class never take more bits than the database has ranks. The watched columns
//! below, and the classes of consequents, which have the lowest ranks whatever their counts, have no such bound: their memory is
//! the number of partners times the rows of the head. It is reserved before it is used.
//!
//! An item that is in every row of a prefix (a *perfect extension*) can be added to any set found below it without changing
//! the count. Such items are set aside, and all their combinations are reported at once.
//!
//! For closed and maximal sets, the columns of items that were already processed are *watched*: if one of them contains all
//! rows of a prefix, everything below the prefix was found before (DCI-Closed). For rules with given consequents, the columns of
//! the consequents are watched in the same way, and a prefix that is frequent with none of them is abandoned.
//!
//! # Why this design
//!
//! *Classes* are independent, so workers share them without a lock, and each worker needs memory for only one class. Ranks run
//! from the rarest item to the most frequent, so that the many classes of rare items have few rows, and the classes with many
//! rows have few items.
//!
//! *Bits over the rows of the class*, not of the database: a column has one bit per row of the head, and an intersection
//! costs one word operation per 64 rows. FP-growth would build a tree per prefix, whose memory is not known in advance; here a
//! level takes at most as much memory as the level above it.
//!
//! *A stack of levels instead of recursion*: its buffers are reused by every prefix of that length, and a set of a thousand
//! items cannot overflow the stack of a thread.
//!
//! # Invariants
//!
//! - The result does not depend on the order in which extensions are tried, nor on which worker gets which class. The order by
//!   count is only for speed.
//! - Counts are exact from the first level on: rows whose only frequent item is the head are not in the database, but they count
//!   towards the head's support. The bits beyond the last row stay 0.
//! - The threshold of a sink only rises, and no set has a higher count than its subsets: a set skipped at one threshold is not
//!   needed at a later one.
//! - Watched columns are intersected on the way down like extensions; omitting one would let a set through that is not closed.
//!
//! # Sources
//!
//! M. J. Zaki: Scalable Algorithms for Association Mining (2000); C. Borgelt: Frequent Item Set Mining (2012);
//! C. Lucchese, S. Orlando, R. Perego: Fast and Memory Efficient Mining of Frequent Closed Itemsets (2006).

mod columns;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::bits::words;
use super::database::{Database, END};
use crate::kernels::control::{Control, Reserved, Stop};
use columns::Level;

/// Which itemsets are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// All frequent itemsets.
    Frequent,
    /// Frequent itemsets that have no superset with the same count.
    Closed,
    /// Frequent itemsets that have no frequent superset.
    Maximal,
}

/// The goal of a search: the target and its constraints.
#[derive(Debug, Clone)]
pub struct Goal {
    pub target: Target,
    pub max_len: usize,
    /// Consequents, by rank: report only sets that contain a consequent, or are frequent together with one. Consequents must have
    /// the lowest ranks. The head has the lowest rank of its class, so if the head is not a consequent, no extension is one
    /// either, and the class watches the consequents instead.
    pub consequents: Option<Vec<bool>>,
    /// Scarce items, by rank, and how many of them a set may contain. A scarce item is never treated as a perfect extension,
    /// because perfect extensions are combined without counting how many of them are scarce.
    pub scarce: Option<(Vec<bool>, usize)>,
}

impl Goal {
    /// Searches for all itemsets of the target, without constraints on items.
    pub fn all(target: Target, max_len: usize) -> Self {
        Self { target, max_len, consequents: None, scarce: None }
    }

    fn is_scarce(&self, rank: u32) -> bool {
        self.scarce.as_ref().is_some_and(|(scarce, _)| scarce[rank as usize])
    }
}

/// Receives the itemsets that are found.
pub trait Sink: Send {
    /// Minimum count of an itemset; may rise during the search.
    fn min_count(&self) -> u32;

    /// Receives what was found at a prefix, as ranks in no particular order.
    ///
    /// For [`Target::Frequent`], `prefix` joined with any subset of `perfect` is an itemset with this count, except the empty set.
    /// For the other targets, the union of `prefix` and `perfect` is one itemset.
    fn found(&mut self, prefix: &[u32], perfect: &[u32], count: u32) -> Result<(), Stop>;
}

/// Runs the search with one sink per worker and returns the sinks.
pub fn search<S: Sink>(
    database: &Database<'_>,
    goal: &Goal,
    control: Control<'_>,
    sink: impl Fn() -> S + Sync,
) -> Result<Vec<S>, Stop> {
    let roots = Roots::new(database, goal);
    // Job 0 reports the sets that are in every basket; each other job mines one class.
    let sinks = control.share(
        roots.heads.len() + 1,
        || (Worker::new(database, goal, &roots, control), sink()),
        |(worker, sink), job| match job.checked_sub(1) {
            None => worker.everywhere(sink),
            Some(class) => worker.class(roots.heads[class], sink),
        },
    )?;
    Ok(sinks.into_iter().map(|(_, sink)| sink).collect())
}

/// State shared by all classes.
struct Roots {
    /// Items that are in every basket.
    perfect: Vec<u32>,
    /// All other items; each is the head of a class.
    heads: Vec<u32>,
    is_perfect: Vec<bool>,
    /// True if every set is wanted, because a consequent is in every basket or no consequents are given.
    all_wanted: bool,
    /// True if any set is wanted at all, because some consequent is frequent or no consequents are given.
    some_wanted: bool,
}

impl Roots {
    fn new(database: &Database<'_>, goal: &Goal) -> Self {
        let ranks = 0..database.items.len() as u32;
        let is_perfect = |rank: u32| database.items[rank as usize].count == database.baskets && !goal.is_scarce(rank);
        let (perfect, heads): (Vec<u32>, Vec<u32>) = ranks.clone().partition(|rank| is_perfect(*rank));
        let (all_wanted, some_wanted) = match &goal.consequents {
            None => (true, true),
            Some(consequents) => (perfect.iter().any(|rank| consequents[*rank as usize]), consequents.contains(&true)),
        };
        Self { is_perfect: ranks.map(is_perfect).collect(), perfect, heads, all_wanted, some_wanted }
    }
}

struct Worker<'a> {
    database: &'a Database<'a>,
    goal: &'a Goal,
    roots: &'a Roots,
    control: Control<'a>,
    prefix: Vec<u32>,
    perfect: Vec<u32>,
    levels: Vec<Level>,
    /// By rank: the count in the class while partners are counted, then the index of the column while bits are set. One array
    /// serves both, because it has one entry per item and the two uses never overlap.
    scratch: Vec<u32>,
    /// Other items to consider in the class.
    touched: Vec<u32>,
    reserved: Option<Reserved<'a>>,
}

/// What happens to a prefix.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It is abandoned: there is nothing to find below it.
    Left,
    /// It has been reported if it qualified; longer sets follow.
    Descend,
}

impl<'a> Worker<'a> {
    fn new(database: &'a Database<'a>, goal: &'a Goal, roots: &'a Roots, control: Control<'a>) -> Self {
        let scratch = vec![0; database.items.len()];
        let (prefix, perfect, touched, levels) = (vec![], vec![], vec![], vec![Level::default()]);
        Self { database, goal, roots, control, prefix, perfect, levels, scratch, touched, reserved: None }
    }

    /// Reports the sets that are in every basket.
    fn everywhere(&self, sink: &mut impl Sink) -> Result<(), Stop> {
        let perfect = &self.roots.perfect;
        let is_told = match self.goal.target {
            Target::Frequent => self.roots.some_wanted,
            Target::Closed => perfect.len() <= self.goal.max_len,
            Target::Maximal => perfect.len() <= self.goal.max_len && self.roots.heads.is_empty(),
        };
        if is_told && !perfect.is_empty() && self.database.baskets >= sink.min_count() {
            sink.found(&[], perfect, self.database.baskets)?;
        }
        Ok(())
    }

    /// Mines all sets whose lowest rank is `head`; items in every basket are perfect extensions of them all.
    fn class(&mut self, head: u32, sink: &mut impl Sink) -> Result<(), Stop> {
        let min_count = sink.min_count();
        let support = self.database.items[head as usize].count;
        if support < min_count {
            return Ok(());
        }
        self.prefix.clear();
        self.prefix.push(head);
        self.perfect.clear();
        self.perfect.extend_from_slice(&self.roots.perfect);
        match self.goal.max_len {
            // Only the head itself is reported: no partners are needed.
            1 if self.goal.target == Target::Frequent => self.levels[0].clear(),
            _ => self.project(head, support, min_count)?,
        }
        if self.enter(0, support, sink)? == Fate::Left {
            return Ok(());
        }
        let mut depth = 0;
        loop {
            let level = &mut self.levels[depth];
            self.prefix.truncate(level.prefix);
            self.perfect.truncate(level.perfect);
            if level.next == level.order.len() {
                if depth == 0 {
                    return Ok(());
                }
                depth -= 1;
                continue;
            }
            let position = level.next;
            level.next += 1;
            let index = level.order[position] as usize;
            let support = level.extensions.counts[index];
            let min_count = sink.min_count();
            if support < min_count {
                continue;
            }
            self.prefix.push(level.extensions.ranks[index]);
            if self.goal.target == Target::Frequent && self.prefix.len() >= self.goal.max_len {
                if self.holds_consequent() {
                    sink.found(&self.prefix, &self.perfect, support)?;
                }
                continue;
            }
            self.extend(depth, position, support, min_count)?;
            if self.enter(depth + 1, support, sink)? == Fate::Descend {
                depth += 1;
            }
        }
    }

    /// Fills the first level of a class.
    fn project(&mut self, head: u32, support: u32, min_count: u32) -> Result<(), Stop> {
        let level = &mut self.levels[0];
        level.extensions.clear(words(support as usize));
        level.watched.clear(words(support as usize));
        if !self.count_partners(head, support)? {
            // A watched item is in every row; `enter` detects it and abandons the class.
            return Ok(());
        }
        self.sort_partners(head, support, min_count);
        // Columns are only needed to intersect two of them, so at least two items must be left and sets of three allowed.
        // Otherwise `extend` is not called, or returns before it reads a column.
        let level = &self.levels[0];
        let (extensions, watched) = (level.extensions.ranks.len(), level.watched.ranks.len());
        let pairs_are_enough = self.goal.target == Target::Frequent && self.goal.max_len == 2;
        if extensions == 0 || extensions + watched < 2 || pairs_are_enough || level.watched.holds_all(self.goal, support) {
            return Ok(());
        }
        self.fill_columns(head)
    }

    /// True if items of lower rank than the head are counted too, because some of them are watched.
    fn looks_back(&self) -> bool {
        self.goal.target != Target::Frequent || self.goal.consequents.is_some()
    }

    /// Counts the other items in the rows of the class: lists them in `touched`, with their counts in `scratch`. Returns false if
    /// all sets of the class were found before.
    fn count_partners(&mut self, head: u32, support: u32) -> Result<bool, Stop> {
        let (database, looks_back) = (self.database, self.looks_back());
        let ends_early = self.goal.target != Target::Frequent;
        self.touched.clear();
        if let Some(pairs) = database.pairs() {
            let first = if looks_back { 0 } else { head + 1 };
            self.touched.extend((first..database.items.len() as u32).filter(|rank| *rank != head));
            for rank in &self.touched {
                self.scratch[*rank as usize] = pairs.get(head, *rank);
            }
            return Ok(true);
        }
        self.scratch.fill(0);
        for chunk in &database.chunks {
            self.control.check()?;
            for place in chunk.places(head) {
                for rank in around(&chunk.ranks, *place, looks_back) {
                    let count = &mut self.scratch[rank as usize];
                    if *count == 0 {
                        self.touched.push(rank);
                    }
                    *count += 1;
                    // An item of lower rank is in every row of the head, so no set of this class is closed without that item.
                    if ends_early && rank < head && *count == support {
                        self.levels[0].watched.push(rank, support);
                        return Ok(false);
                    }
                }
            }
        }
        self.touched.sort_unstable();
        Ok(true)
    }

    /// Sorts the items that were counted into perfect extensions, extensions and watched items.
    fn sort_partners(&mut self, head: u32, support: u32, min_count: u32) {
        let goal = self.goal;
        let is_consequent = |rank: u32| goal.consequents.as_ref().is_some_and(|consequents| consequents[rank as usize]);
        let watches_all = goal.target != Target::Frequent;
        let watches_consequents = !is_consequent(head);
        let room_for_scarce = self.room_for_scarce();
        let level = &mut self.levels[0];
        for rank in self.touched.iter().copied() {
            let count = self.scratch[rank as usize];
            // Items in every basket are perfect extensions from the start.
            if count < min_count || self.roots.is_perfect[rank as usize] {
                continue;
            }
            let is_scarce = goal.is_scarce(rank);
            if rank < head {
                if watches_all || (watches_consequents && is_consequent(rank)) {
                    level.watched.push(rank, count);
                }
            } else if count == support && !is_scarce {
                self.perfect.push(rank);
            } else if room_for_scarce || !is_scarce {
                level.extensions.push(rank, count);
            }
        }
    }

    /// Sets the bits of the first level's columns.
    fn fill_columns(&mut self, head: u32) -> Result<(), Stop> {
        let database = self.database;
        let level = &self.levels[0];
        let (width, extensions, watched) = (level.extensions.words, level.extensions.ranks.len(), level.watched.ranks.len());
        self.reserve(0, 8 * width * (extensions + watched))?;
        let level = &mut self.levels[0];
        self.scratch.fill(END);
        for (slot, rank) in (0..).zip(level.extensions.ranks.iter().chain(&level.watched.ranks)) {
            self.scratch[*rank as usize] = slot;
        }
        for (columns, count) in [(&mut level.extensions, extensions), (&mut level.watched, watched)] {
            columns.bits.clear();
            columns.bits.resize(count * width, 0);
        }
        // Rows are numbered in the order of the head's positions, which is the same for every column.
        let mut row = 0;
        for chunk in &database.chunks {
            self.control.check()?;
            for place in chunk.places(head) {
                let (word, bit) = (row / 64, 1_u64 << (row % 64));
                for rank in around(&chunk.ranks, *place, watched > 0) {
                    let slot = self.scratch[rank as usize];
                    if (slot as usize) < extensions {
                        level.extensions.bits[slot as usize * width + word] |= bit;
                    } else if slot != END {
                        level.watched.bits[(slot as usize - extensions) * width + word] |= bit;
                    }
                }
                row += 1;
            }
        }
        Ok(())
    }

    /// True if the prefix may take another scarce item.
    fn room_for_scarce(&self) -> bool {
        match &self.goal.scarce {
            Some((scarce, most)) => self.prefix.iter().filter(|rank| scarce[**rank as usize]).count() < *most,
            None => true,
        }
    }

    /// Fills the level below `depth` for the extension at `position`, which is already the last item of the prefix.
    fn extend(&mut self, depth: usize, position: usize, support: u32, min_count: u32) -> Result<(), Stop> {
        if self.levels.len() == depth + 1 {
            self.levels.push(Level::default());
        }
        let room_for_scarce = self.room_for_scarce();
        let (above, below) = self.levels.split_at_mut(depth + 1);
        let (parent, child) = (&above[depth], &mut below[0]);
        let width = parent.extensions.words;
        child.extensions.clear(width);
        child.watched.clear(width);
        let before = child.bytes();
        let index = parent.order[position] as usize;
        // Earlier siblings were already extended by this item: they are not extensions here, but are watched for closed and
        // maximal sets.
        let later = &parent.order[position + 1..];
        let has_watched = !parent.watched.ranks.is_empty() || (self.goal.target != Target::Frequent && position > 0);
        if later.is_empty() && !has_watched {
            return Ok(());
        }
        let column = parent.extensions.column(index);
        for (watched, rank) in parent.watched.ranks.iter().enumerate() {
            child.watched.push_and(*rank, parent.watched.column(watched), column, min_count);
        }
        if self.goal.target != Target::Frequent {
            for earlier in &parent.order[..position] {
                let (rank, column_before) =
                    (parent.extensions.ranks[*earlier as usize], parent.extensions.column(*earlier as usize));
                child.watched.push_and(rank, column_before, column, min_count);
            }
            if child.watched.holds_all(self.goal, support) {
                return Ok(());
            }
        }
        for other in later {
            let rank = parent.extensions.ranks[*other as usize];
            let is_scarce = self.goal.is_scarce(rank);
            if is_scarce && !room_for_scarce {
                continue;
            }
            let count = child.extensions.push_and(rank, parent.extensions.column(*other as usize), column, min_count);
            // In every row of the prefix: it changes no count below, so it needs no column.
            if count == support && !is_scarce {
                child.extensions.pop();
                self.perfect.push(rank);
            }
        }
        let grown = child.bytes() - before;
        if grown > 0 {
            self.reserve(depth + 1, grown)?;
        }
        Ok(())
    }

    /// Reports the prefix if it qualifies, and prepares its level for the search below.
    fn enter(&mut self, depth: usize, support: u32, sink: &mut impl Sink) -> Result<Fate, Stop> {
        self.control.check()?;
        let (goal, level) = (self.goal, &self.levels[depth]);
        let length = self.prefix.len() + self.perfect.len();
        let watched = &level.watched.counts;
        match goal.target {
            Target::Frequent => {
                // A set that can only be the antecedents of a rule needs room for a consequent.
                let can_be_antecedents = !watched.is_empty() && self.prefix.len() < goal.max_len;
                if !can_be_antecedents && !self.holds_consequent() {
                    return Ok(Fate::Left);
                }
                sink.found(&self.prefix, &self.perfect, support)?;
                if self.prefix.len() >= goal.max_len {
                    return Ok(Fate::Left);
                }
            }
            Target::Closed => {
                if level.watched.holds_all(goal, support) || length > goal.max_len {
                    return Ok(Fate::Left);
                }
                sink.found(&self.prefix, &self.perfect, support)?;
            }
            Target::Maximal => {
                if level.watched.holds_all(goal, support) || length > goal.max_len {
                    return Ok(Fate::Left);
                }
                // Maximal: no item still to come and none already processed is frequent together with it. (Watched items below
                // the threshold were dropped on the way down.)
                if level.extensions.ranks.is_empty() && watched.is_empty() {
                    sink.found(&self.prefix, &self.perfect, support)?;
                }
            }
        }
        if level.extensions.ranks.is_empty() {
            return Ok(Fate::Left);
        }
        let level = &mut self.levels[depth];
        level.set_order();
        (level.prefix, level.perfect) = (self.prefix.len(), self.perfect.len());
        Ok(Fate::Descend)
    }

    /// True if the prefix contains a requested consequent, or a consequent that is in every basket can be added.
    fn holds_consequent(&self) -> bool {
        let consequents = self.goal.consequents.as_ref().filter(|_| !self.roots.all_wanted);
        consequents.is_none_or(|consequents| self.prefix.iter().any(|rank| consequents[*rank as usize]))
    }

    /// Reserves memory for columns. The memory of a level stays reserved, because its buffers are reused.
    fn reserve(&mut self, depth: usize, bytes: usize) -> Result<(), Stop> {
        match &mut self.reserved {
            Some(reserved) if depth == 0 => {
                let deeper: usize = self.levels[1..].iter().map(Level::bytes).sum();
                reserved.at_least(deeper + bytes.max(self.levels[0].bytes()))
            }
            Some(reserved) => reserved.grow(bytes),
            None => {
                self.reserved = Some(self.control.reserve(bytes)?);
                Ok(())
            }
        }
    }
}

/// The other ranks of a row: those after a position, and with `both` also those before it.
#[inline]
fn around(ranks: &[u32], place: u32, both: bool) -> impl Iterator<Item = u32> {
    let place = place as usize;
    let before = if both { &ranks[..place] } else { &[] };
    let after = ranks[place + 1..].iter().take_while(|rank| **rank != END);
    before.iter().rev().take_while(|rank| **rank != END).chain(after).copied()
}
