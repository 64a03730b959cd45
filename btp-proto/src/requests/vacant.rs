//! Which slots of a table hold nothing.

use alloc::vec::Vec;

/// A bit for each slot, set where nothing is in it. So the next vacant one is found without a look at the slots that are taken: how
/// many of these are in a row is anybody's guess where answers come in no order, and wrong guesses take longer than all the rest.
#[derive(Default)]
pub(super) struct Vacant(Vec<u64>);

impl Vacant {
    /// The first vacant slot at or behind `from`, going round.
    #[inline]
    pub(super) fn first_from(&self, from: usize) -> Option<usize> {
        let (word, bit) = (from / 64, from % 64);
        let here = self.0.get(word)? & (u64::MAX << bit);
        if here == 0 {
            return self.first_behind(word);
        }
        Some(64 * word + here.trailing_zeros() as usize)
    }

    /// The first in the words behind this one, going round, and in the front of this one at last.
    #[cold]
    fn first_behind(&self, word: usize) -> Option<usize> {
        let words = self.0.iter().enumerate();
        let (word, bits) = words
            .clone()
            .skip(word + 1)
            .chain(words.take(word + 1))
            .find(|&(_, &bits)| bits != 0)?;
        Some(64 * word + bits.trailing_zeros() as usize)
    }

    /// Something was put into a vacant slot.
    #[inline]
    pub(super) fn fill(&mut self, slot: usize) {
        if let Some(word) = self.0.get_mut(slot / 64) {
            *word &= !(1 << (slot % 64));
        }
    }

    /// What was in a slot was taken out.
    #[inline]
    pub(super) fn empty(&mut self, slot: usize) {
        if let Some(word) = self.0.get_mut(slot / 64) {
            *word |= 1 << (slot % 64);
        }
    }
}

impl FromIterator<bool> for Vacant {
    /// Whether each slot is vacant, in order.
    fn from_iter<I: IntoIterator<Item = bool>>(slots: I) -> Self {
        let mut words = Vec::new();
        for (slot, vacant) in slots.into_iter().enumerate() {
            if slot % 64 == 0 {
                words.push(0);
            }
            if let Some(word) = words.last_mut() {
                *word |= u64::from(vacant) << (slot % 64);
            }
        }
        Self(words)
    }
}
