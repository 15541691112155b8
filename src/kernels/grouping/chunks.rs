//! What is kept of each group, in chunks of memory: more groups do not move those that are there, and the chunks of groups that are done
//! can be taken out one after another.

use std::ops::Range;

/// The number of groups of a chunk: what is kept of them usually fits into the processor's second cache.
pub const CHUNK: usize = 1 << 15;

/// Values of groups; each group has `width` of them.
#[derive(Debug)]
pub struct Chunks<T> {
    width: usize,
    /// All chunks but the last are full.
    chunks: Vec<Vec<T>>,
}

impl<T: Copy> Chunks<T> {
    pub fn new(width: usize) -> Self {
        Self { width, chunks: vec![] }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    /// The number of groups.
    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len() / self.width)
    }

    /// Bytes in use.
    pub fn size(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum::<usize>() * size_of::<T>()
    }

    /// Sets the number of groups, which never decreases; a new group has the values of `template`.
    pub fn grow(&mut self, total: usize, template: &[T]) {
        let mut groups = self.len();
        while groups < total {
            if groups == self.chunks.len() * CHUNK {
                self.chunks.push(vec![]);
            }
            let is_first = self.chunks.len() == 1;
            let Some(last) = self.chunks.last_mut() else { return };
            let more = (total - groups).min(CHUNK - groups % CHUNK);
            // Many tables have few groups, so the first chunk grows step by step.
            if is_first {
                last.reserve(more * self.width);
            } else {
                last.reserve_exact(CHUNK * self.width - last.len());
            }
            for _ in 0..more {
                last.extend_from_slice(template);
            }
            groups += more;
        }
    }

    /// The values of a group.
    #[inline]
    pub fn of(&mut self, group: usize) -> &mut [T] {
        &mut self.chunks[group / CHUNK][group % CHUNK * self.width..][..self.width]
    }

    /// Changes the values of groups, one after another.
    #[inline]
    pub fn change<V>(&mut self, groups: impl Iterator<Item = (u32, V)>, change: impl Fn(&mut [T], V)) {
        // Widths that are known when this is compiled need no multiplication.
        match self.width {
            2 => self.change_each::<V, 2>(groups, change),
            4 => self.change_each::<V, 4>(groups, change),
            6 => self.change_each::<V, 6>(groups, change),
            8 => self.change_each::<V, 8>(groups, change),
            16 => self.change_each::<V, 16>(groups, change),
            _ => groups.for_each(|(group, value)| change(self.of(group as usize), value)),
        }
    }

    fn change_each<V, const WIDTH: usize>(&mut self, groups: impl Iterator<Item = (u32, V)>, change: impl Fn(&mut [T], V)) {
        groups.for_each(|(group, value)| {
            let first = group as usize % CHUNK * WIDTH;
            change(&mut self.chunks[group as usize / CHUNK][first..first + WIDTH], value);
        });
    }

    /// The only value of a group; all groups have one.
    #[inline]
    pub fn value(&mut self, group: usize) -> &mut T {
        &mut self.chunks[group / CHUNK][group % CHUNK]
    }

    /// The values of each group.
    pub fn iter(&self) -> impl Iterator<Item = &[T]> {
        self.chunks.iter().flat_map(|chunk| chunk.chunks_exact(self.width))
    }

    /// The values of each group, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        let width = self.width;
        self.chunks.iter_mut().flat_map(move |chunk| chunk.chunks_exact_mut(width))
    }

    /// Gives each group new values, of another width: those of `template`, then changed by `write`, which sees the old ones.
    pub fn rewrite(&mut self, template: &[T], mut write: impl FnMut(&[T], &mut [T])) {
        for chunk in &mut self.chunks {
            let groups = chunk.capacity() / self.width;
            let old = std::mem::replace(chunk, Vec::with_capacity(groups * template.len()));
            for own in old.chunks_exact(self.width) {
                let start = chunk.len();
                chunk.extend_from_slice(template);
                write(own, &mut chunk[start..]);
            }
        }
        self.width = template.len();
    }

    /// Takes out the groups of a range, as far as there are any: that of a chunk, or a part of it from its beginning to the last group.
    /// Those behind keep their numbers.
    pub fn take(&mut self, groups: &Range<usize>) -> Self {
        debug_assert!(groups.start.is_multiple_of(CHUNK) && groups.len() <= CHUNK);
        Self { width: self.width, chunks: self.chunks.get_mut(groups.start / CHUNK).map(std::mem::take).into_iter().collect() }
    }

    /// Removes the first groups and returns their values; the others are renumbered from 0.
    pub fn remove_first(&mut self, groups: usize) -> Vec<T> {
        let mut chunks = std::mem::take(&mut self.chunks);
        let mut first = if chunks.len() == 1 { chunks.remove(0) } else { chunks.concat() };
        let rest = first.split_off(groups * self.width);
        self.chunks = rest.chunks(CHUNK * self.width).map(<[T]>::to_vec).collect();
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_their_values_while_others_come_and_go() {
        for width in [1, 3] {
            let template = vec![7; width];
            let mut chunks = Chunks::new(width);
            assert_eq!((chunks.len(), chunks.take(&(0..CHUNK)).len()), (0, 0));
            for total in [0, 5, CHUNK, CHUNK + 1, 3 * CHUNK - 1] {
                chunks.grow(total, &template);
                assert_eq!(chunks.len(), total);
                if total > 0 {
                    assert_eq!(chunks.of(total - 1), template);
                    chunks.of(total - 1)[0] = total;
                }
            }
            let marked = |chunks: &Chunks<usize>| chunks.iter().map(|own| own[0]).filter(|mark| *mark != 7).collect::<Vec<_>>();
            assert_eq!(marked(&chunks), [5, CHUNK, CHUNK + 1, 3 * CHUNK - 1]);
            let first = chunks.take(&(0..CHUNK));
            assert_eq!((first.len(), marked(&first)), (CHUNK, vec![5, CHUNK]));
            let last = chunks.take(&(2 * CHUNK..3 * CHUNK - 1));
            assert_eq!((last.len(), marked(&last)), (CHUNK - 1, vec![3 * CHUNK - 1]));
            assert_eq!(*chunks.of(CHUNK).first().unwrap(), CHUNK + 1);
            assert_eq!(chunks.take(&(7 * CHUNK..8 * CHUNK)).len(), 0);
        }
        let mut chunks = Chunks::new(1);
        chunks.grow(2 * CHUNK + 2, &[0]);
        (0..2 * CHUNK + 2).for_each(|group| *chunks.value(group) = group);
        assert_eq!(chunks.remove_first(CHUNK + 1), (0..=CHUNK).collect::<Vec<_>>());
        assert_eq!((chunks.len(), *chunks.value(0), *chunks.value(CHUNK)), (CHUNK + 1, CHUNK + 1, 2 * CHUNK + 1));
        assert_eq!(chunks.remove_first(CHUNK + 1).len(), CHUNK + 1);
        assert_eq!(chunks.len(), 0);
    }
}
