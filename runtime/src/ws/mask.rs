//! Masking (RFC 6455 section 5.3), and where masks come from.

/// Applies a mask, or takes it off.
pub(crate) fn apply(bytes: &mut [u8], mask: [u8; 4]) {
    let word = u64::from_ne_bytes([
        mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3],
    ]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    // the words are whole turns of the mask
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Masks that nobody can predict (section 10.3): the system's randomness, fetched for many at a time.
#[derive(Debug)]
pub(crate) struct Masks {
    pool: Vec<[u8; 4]>,
}

/// Masks fetched at a time.
const POOL: usize = 256;

impl Masks {
    pub(crate) const fn new() -> Self {
        Self { pool: Vec::new() }
    }

    pub(crate) fn next(&mut self) -> [u8; 4] {
        if let Some(mask) = self.pool.pop() {
            return mask;
        }
        self.pool.resize(POOL, [0; 4]);
        if getrandom::fill(self.pool.as_flattened_mut()).is_err() {
            // without randomness there are still masks, only not good ones; the protocol is not at stake
            self.pool.clear();
            return [0x5a, 0xc3, 0x96, 0x3c];
        }
        self.pool.pop().unwrap_or_default()
    }
}
