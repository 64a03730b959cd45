//! Routes, and which of them a packet takes.
//!
//! Two views of the same routes. An ordered set of prefixes is the list that people read; a hash
//! index is what packets are looked up in. The index is probed once per *level* (number of
//! segments) at which any route exists, deepest first, and one pass over the address prepares the
//! hashes of all levels, so that a hundred thousand routes cost less than twice what ten do.

#[cfg(test)]
mod tests;

use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use core::{fmt, iter};

use hashbrown::HashTable;
use ilp_proto::{Addr, Prefix};

/// The next hops of every prefix, with lookup by longest prefix.
///
/// A prefix matches an address when they are equal, or when the address goes on with a `.` behind
/// it: `g.ali` does not match `g.alice` (RFC-0015). The empty prefix matches everything (the default
/// route) and a bare scheme matches its whole network.
///
/// A prefix may have several next hops. They are kept in order of priority, lower first, and equal
/// ones in the order they came in.
///
/// `H` names a next hop. It is only copied and compared.
pub struct RoutingTable<H> {
    index: HashTable<Entry<H>>,
    order: BTreeSet<Prefix>,
    /// How many prefixes there are with 0, 1, 2, … segments. The last one is never zero.
    levels: Vec<u32>,
    seed: u64,
}

/// What a lookup found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match<'t, H> {
    /// The longest prefix of the address that has a route.
    pub prefix: &'t Prefix,
    /// Where the packet goes; when nothing is usable, where it would have gone.
    pub next_hop: H,
    /// False when the prefix has a route but none of its next hops is usable: the answer is T01,
    /// not F02.
    pub usable: bool,
}

/// One line of the table: a prefix and one of its next hops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route<'t, H> {
    /// The addresses the route is for.
    pub prefix: &'t Prefix,
    /// Who takes them.
    pub next_hop: H,
    /// Lower is preferred.
    pub priority: u32,
}

#[derive(Clone, Copy)]
struct Hop<H> {
    next_hop: H,
    priority: u32,
}

/// A prefix and its next hops. The best one lives inline, because nearly every lookup ends there. With four bytes for
/// a next hop it is one cache line.
#[repr(align(64))]
struct Entry<H> {
    prefix: Prefix,
    /// The text of the prefix once more, with zeros behind it; or nothing but zeros if it is longer.
    /// In a large table the prefix's own text is one more cache miss, a quarter of a lookup.
    inline: [u8; INLINE],
    best: Hop<H>,
    #[expect(
        clippy::box_collection,
        reason = "eight bytes where a slice takes sixteen, and hardly any prefix has others"
    )]
    others: Option<Box<Vec<Hop<H>>>>,
}

const INLINE: usize = 32;

impl<H: Copy + Eq> RoutingTable<H> {
    /// An empty table. `seed` keys the hash index; draw it at random once per process.
    ///
    /// The prefixes come from configuration. The addresses that are looked up come from strangers,
    /// who therefore cannot fill the index, and without the seed cannot aim at one of its buckets.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            index: HashTable::new(),
            order: BTreeSet::new(),
            levels: Vec::new(),
            seed,
        }
    }

    /// Adds a next hop to a prefix, or changes its priority if it is there already; then returns
    /// the priority it had.
    ///
    /// Lower priorities are preferred. A new or changed hop goes behind those of the same priority;
    /// one that is inserted again unchanged keeps its place. O(log n + hops of the prefix).
    pub fn insert(&mut self, prefix: Prefix, next_hop: H, priority: u32) -> Option<u32> {
        let hop = Hop { next_hop, priority };
        let (level, hash) = locate(self.seed, &prefix);
        let found = self.index.find_mut(hash, |e| e.prefix == prefix);
        if let Some(entry) = found {
            return entry.insert(hop);
        }
        let seed = self.seed;
        let entry = Entry::new(prefix.clone(), hop);
        self.index
            .insert_unique(hash, entry, |e| locate(seed, &e.prefix).1);
        self.order.insert(prefix);
        if self.levels.len() <= level {
            self.levels.resize(level + 1, 0);
        }
        self.levels[level] += 1;
        None
    }

    /// Takes a next hop away from a prefix, and the prefix with its last one. False if there was no
    /// such route. O(log n + hops of the prefix).
    pub fn remove(&mut self, prefix: &Prefix, next_hop: H) -> bool {
        let (level, hash) = locate(self.seed, prefix);
        let Ok(mut found) = self.index.find_entry(hash, |e| e.prefix == *prefix) else {
            return false;
        };
        let entry = found.get_mut();
        if !entry.hops().any(|h| h.next_hop == next_hop) {
            return false;
        }
        let left = entry.hops().filter(|h| h.next_hop != next_hop).collect();
        if !entry.replace_hops(left) {
            found.remove();
            self.order.remove(prefix);
            self.levels[level] -= 1;
            while self.levels.last() == Some(&0) {
                self.levels.pop();
            }
        }
        true
    }

    /// Finds the longest prefix of `to` and the first of its next hops that is `usable`. `None`
    /// means that there is no route at all (F02).
    ///
    /// When no hop of that prefix is usable the most preferred one is returned with
    /// `usable: false` (T01). A shorter prefix is *not* tried: a route says where an address lives,
    /// and a less specific one, usually the default, knows less about it. It would send the packet
    /// to somebody who sends it back or answers the final F02 to what is a passing outage. Whoever
    /// wants a way around lists it as a second next hop of the same prefix.
    ///
    /// Allocates nothing. One pass over the address, and one probe for each level that both the
    /// table and the address have; `usable` is asked in order of priority and at most once per hop
    /// of the matching prefix.
    #[must_use]
    pub fn lookup(&self, to: Addr<'_>, usable: impl Fn(H) -> bool) -> Option<Match<'_, H>> {
        self.longest(to.as_bytes())
            .map(|entry| entry.choose(usable))
    }

    /// All routes, in byte order of their prefixes and then in order of preference.
    pub fn iter(&self) -> impl Iterator<Item = Route<'_, H>> {
        self.order
            .iter()
            .filter_map(|prefix| self.get(prefix))
            .flat_map(|entry| {
                entry.hops().map(|hop| Route {
                    prefix: &entry.prefix,
                    next_hop: hop.next_hop,
                    priority: hop.priority,
                })
            })
    }

    /// The number of prefixes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True when there is no route.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn get(&self, prefix: &Prefix) -> Option<&Entry<H>> {
        let (_, hash) = locate(self.seed, prefix);
        self.index.find(hash, |e| e.prefix == *prefix)
    }

    #[inline]
    fn longest(&self, address: &[u8]) -> Option<&Entry<H>> {
        let deepest = self.levels.len().saturating_sub(1);
        if address.len() < BLOCK {
            self.probe(&Path::<1>::new(self.seed, address, deepest))
        } else {
            self.probe(&Path::<BLOCKS>::new(self.seed, address, deepest))
        }
    }

    #[inline]
    fn probe<const B: usize>(&self, path: &Path<'_, B>) -> Option<&Entry<H>> {
        let mut level = path.levels;
        for (block, &ends) in path.ends.iter().enumerate().rev() {
            let mut ends = ends;
            while ends != 0 {
                let last = ends.ilog2();
                ends ^= 1 << last;
                let found = self.find(path, level, BLOCK * block + last as usize);
                if found.is_some() {
                    return found;
                }
                level -= 1;
            }
        }
        self.find(path, 0, 0)
    }

    #[inline]
    fn find<const B: usize>(
        &self,
        path: &Path<'_, B>,
        level: usize,
        end: usize,
    ) -> Option<&Entry<H>> {
        if self.levels.get(level).is_none_or(|prefixes| *prefixes == 0) {
            return None;
        }
        let bytes = path.text.get(..end)?;
        self.index.find(path.hash(end), |e| e.is_for(bytes))
    }
}

impl<H: Copy + Eq + fmt::Debug> fmt::Debug for RoutingTable<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<H: Copy + Eq> Entry<H> {
    fn new(prefix: Prefix, best: Hop<H>) -> Self {
        let text = prefix.as_str().as_bytes();
        let mut inline = [0; INLINE];
        if let Some(copy) = inline.get_mut(..text.len()) {
            copy.copy_from_slice(text);
        }
        Self {
            prefix,
            inline,
            best,
            others: None,
        }
    }

    #[inline]
    fn is_for(&self, text: &[u8]) -> bool {
        if text.len() > INLINE {
            return self.prefix.as_str().as_bytes() == text;
        }
        // word by word, since a call of the general comparison takes longer than all of them; what is behind the end of the
        // text is zero on both sides, so that these are equal only if the lengths are too
        let (words, _) = self.inline.as_chunks();
        let mut equal = text.len() == self.prefix.as_str().len();
        for (i, inline) in words.iter().take(text.len().div_ceil(8)).enumerate() {
            equal &= u64::from_le_bytes(*inline) == word(text, 8 * i);
        }
        equal
    }

    fn hops(&self) -> impl Iterator<Item = Hop<H>> {
        let others = self.others.iter().flat_map(|others| others.iter());
        iter::once(self.best).chain(others.copied())
    }

    /// False, and nothing changed, if there are none.
    fn replace_hops(&mut self, hops: Vec<Hop<H>>) -> bool {
        let mut hops = hops.into_iter();
        let Some(best) = hops.next() else {
            return false;
        };
        self.best = best;
        let others: Vec<_> = hops.collect();
        self.others = (!others.is_empty()).then(|| Box::new(others));
        true
    }

    fn insert(&mut self, hop: Hop<H>) -> Option<u32> {
        let old = self
            .hops()
            .find(|h| h.next_hop == hop.next_hop)
            .map(|h| h.priority);
        if old != Some(hop.priority) {
            let mut hops: Vec<_> = self.hops().filter(|h| h.next_hop != hop.next_hop).collect();
            let place = hops.partition_point(|h| h.priority <= hop.priority);
            hops.insert(place, hop);
            self.replace_hops(hops);
        }
        old
    }

    fn choose(&self, usable: impl Fn(H) -> bool) -> Match<'_, H> {
        let chosen = self.hops().find(|h| usable(h.next_hop));
        Match {
            prefix: &self.prefix,
            next_hop: chosen.unwrap_or(self.best).next_hop,
            usable: chosen.is_some(),
        }
    }
}

/// The level and hash of a whole prefix.
fn locate(seed: u64, prefix: &Prefix) -> (usize, u64) {
    let text = prefix.as_str().as_bytes();
    let path = Path::<BLOCKS>::new(seed, text, usize::MAX);
    (path.levels, path.hash(text.len()))
}

/// How many bytes of text one word of [`Path::ends`] is for.
const BLOCK: usize = 64;
/// How many blocks hold the longest address, and one more place for its end.
const BLOCKS: usize = Addr::MAX_LEN / BLOCK + 1;

/// An address after the one pass over it: where its segments end, and what it takes to tell the hash
/// of everything up to each end without reading it again.
///
/// The text is cut into words of eight bytes, wherever the segments end, and the state is a fold over
/// the words so far. The hash of a level is the state before the word it ends in, and one more fold
/// over its part of that word: fewer than eight bytes, perhaps none. No text contains a zero byte, so
/// nothing is lost by filling up with zeros.
///
/// Holds texts of less than `B * BLOCK` bytes. An address or prefix has at most
/// [`Addr::MAX_LEN`], or its type would not exist.
struct Path<'a, const B: usize> {
    text: &'a [u8],
    /// A bit for each byte that is a dot, and for the one behind the text.
    ends: [u64; B],
    /// How many bits these are: the number of segments that were read.
    levels: usize,
    /// The state before each word.
    states: [[u64; 8]; B],
}

impl<'a, const B: usize> Path<'a, B> {
    /// Reads as far as the word in which segment `deepest` ends: no prefix is longer.
    // made where it is used: a copy would be read in wider pieces than it has just been written in, and wait
    #[inline(always)]
    fn new(seed: u64, text: &'a [u8], deepest: usize) -> Self {
        let mut path = Self {
            text,
            ends: [0; B],
            levels: 0,
            states: [[0; 8]; B],
        };
        let mut state = fold(seed, 0x243f_6a88_85a3_08d3);
        for i in 0..=text.len() / 8 {
            let word = word(text, 8 * i);
            let dots = dots(word);
            path.ends[i / 8] |= packed(dots) << (8 * (i % 8));
            path.states[i / 8][i % 8] = state;
            path.levels += count(dots);
            if path.levels >= deepest {
                return path;
            }
            state = fold(state, word);
        }
        // The empty prefix has no segments at all, not an empty one.
        if !text.is_empty() {
            path.ends[text.len() / BLOCK] |= 1 << (text.len() % BLOCK);
            path.levels += 1;
        }
        path
    }

    /// The hash of the text up to `end`.
    #[inline]
    fn hash(&self, end: usize) -> u64 {
        let part = word(self.text, end / 8 * 8) & ((1 << (8 * (end % 8))) - 1);
        fold(self.states[end / BLOCK][end / 8 % 8], part)
    }
}

/// Eight bytes from `at`, little-endian, with zeros behind the end of the text.
#[inline]
fn word(text: &[u8], at: usize) -> u64 {
    let rest = &text[at..];
    if let Some(bytes) = rest.first_chunk() {
        u64::from_le_bytes(*bytes)
    } else if let Some(bytes) = text.last_chunk() {
        let surplus = 64 - 8 * rest.len() as u32;
        u64::from_le_bytes(*bytes).checked_shr(surplus).unwrap_or(0)
    } else {
        let mut bytes = [0; 8];
        bytes[..rest.len()].copy_from_slice(rest);
        u64::from_le_bytes(bytes)
    }
}

/// A one in each of the eight bytes that is a dot, and zeros elsewhere.
#[inline]
fn dots(word: u64) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([0x7f; 8]);
    let other = word ^ u64::from_ne_bytes([b'.'; 8]);
    // The top bit of each byte of `other` that is zero.
    let tops = !(((other & LOW) + LOW) | other | LOW);
    tops >> 7
}

/// What [`dots`] found as eight bits: one multiplication moves them together.
#[inline]
fn packed(dots: u64) -> u64 {
    dots.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// How many [`dots`] found: one multiplication adds them up.
#[inline]
fn count(dots: u64) -> usize {
    (dots.wrapping_mul(u64::from_ne_bytes([1; 8])) >> 56) as usize
}

/// Mixes a word into the state: both halves of a 128-bit product, so that each bit of either
/// reaches the whole of the result.
#[inline]
fn fold(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ word) * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}
