//! Events represented by the code of what happened and the conditions they meet.

use super::events::Detail;

/// What happened, as a position in the sorted list of distinct events, and the conditions the event meets, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coded {
    pub code: u32,
    pub flags: u8,
}

impl Coded {
    /// True if the event meets the condition with this number, from 0.
    pub fn fulfils(self, condition: u8) -> bool {
        self.flags >> condition & 1 == 1
    }
}

impl Detail for Coded {
    type Tie = u64;

    const BYTES: usize = 5;

    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.code.to_le_bytes());
        to.push(self.flags);
    }

    fn read(from: &[u8]) -> Self {
        Self { code: u32::read(from), flags: from.get(4).copied().unwrap_or(0) }
    }

    fn recoded(self, codes: &[u32]) -> Self {
        Self { code: codes.get(self.code as usize).copied().unwrap_or(self.code), ..self }
    }
}
