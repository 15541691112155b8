//! Numbers for values: each distinct value gets one, in the order of arrival.

use std::hash::{BuildHasher, RandomState};

/// Stands for a missing value.
pub const NONE: u32 = u32::MAX;

/// The distinct values so far, concatenated.
#[derive(Debug, Default)]
pub struct Dictionary {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// A hash table of (number, lower 32 bits of the hash); its length is a power of two, and it is at most half full.
    slots: Vec<(u32, u32)>,
    hashes: RandomState,
}

impl Dictionary {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The value with a number.
    pub fn value(&self, number: u32) -> &[u8] {
        let end = self.ends[number as usize];
        let start = if number == 0 { 0 } else { self.ends[number as usize - 1] };
        &self.bytes[start..end]
    }

    /// The number of a value, which is added if it is new. There must be fewer than 2³¹ values.
    pub fn number(&mut self, value: &[u8]) -> u32 {
        if 2 * (self.len() + 1) > self.slots.len() {
            self.widen();
        }
        let hash = self.hash(value);
        let place = self.place(value, hash);
        if self.slots[place].0 == NONE {
            self.slots[place] = (self.len() as u32, hash);
            self.bytes.extend_from_slice(value);
            self.ends.push(self.bytes.len());
        }
        self.slots[place].0
    }

    /// The number of a value, if it is in the dictionary.
    pub fn find(&self, value: &[u8]) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        Some(self.slots[self.place(value, self.hash(value))].0).filter(|number| *number != NONE)
    }

    fn hash(&self, value: &[u8]) -> u32 {
        self.hashes.hash_one(value) as u32
    }

    /// The slot that the value is in, or would be put into.
    fn place(&self, value: &[u8], hash: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let (number, other) = self.slots[place];
            if number == NONE || other == hash && self.value(number) == value {
                return place;
            }
            place = (place + 1) & mask;
        }
    }

    fn widen(&mut self) {
        let mask = (4 * self.slots.len()).max(64) - 1;
        let mut slots = vec![(NONE, 0); mask + 1];
        for (number, hash) in self.slots.iter().filter(|(number, _)| *number != NONE) {
            let mut place = *hash as usize & mask;
            while slots[place].0 != NONE {
                place = (place + 1) & mask;
            }
            slots[place] = (*number, *hash);
        }
        self.slots = slots;
    }

    /// The numbers sorted by their values, and the rank of each number.
    pub fn sorted(&self) -> (Vec<u32>, Vec<u32>) {
        // Most values differ in their first bytes, which are compared as one integer.
        let beginning = |value: &[u8]| {
            let mut bytes = [0; 16];
            let length = value.len().min(16);
            bytes[..length].copy_from_slice(&value[..length]);
            u128::from_be_bytes(bytes)
        };
        let mut order: Vec<(u128, u32)> = (0..self.len() as u32).map(|number| (beginning(self.value(number)), number)).collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.value(a.1).cmp(self.value(b.1))));
        let order: Vec<u32> = order.into_iter().map(|(_, number)| number).collect();
        let mut places = vec![0; order.len()];
        for (place, number) in (0..).zip(&order) {
            places[*number as usize] = place;
        }
        (order, places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_number() {
        let mut dictionary = Dictionary::default();
        let values: Vec<String> = (0..1000).map(|value| (value % 300 * 7919 % 300).to_string()).collect();
        let numbers: Vec<u32> = values.iter().map(|value| dictionary.number(value.as_bytes())).collect();
        assert_eq!(dictionary.len(), 300);
        for (value, number) in values.iter().zip(numbers) {
            assert_eq!(dictionary.value(number), value.as_bytes());
            assert_eq!(dictionary.find(value.as_bytes()), Some(number));
        }
        assert_eq!(dictionary.find(b"300"), None);
        assert_eq!(Dictionary::default().find(b""), None);
        let (order, places) = dictionary.sorted();
        assert!(order.windows(2).all(|pair| dictionary.value(pair[0]) < dictionary.value(pair[1])));
        assert!(order.iter().enumerate().all(|(place, number)| places[*number as usize] == place as u32));
    }
}
