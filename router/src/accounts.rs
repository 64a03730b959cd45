//! What a peer and we owe each other, and amounts in their units and ours.

#[cfg(test)]
mod tests;

use alloc::sync::Arc;
use core::fmt;

/// The books with one peer, in units of the peer's asset.
///
/// Every PREPARE with an amount reserves it on both sides of the connector: with the peer it came
/// from (incoming) and the peer it goes to (outgoing). Each reservation is settled exactly once, when
/// the packet is fulfilled (the money is owed now) or released (rejected, expired, never sent). A
/// packet's record holds the amount, so a second settlement is a bug in the caller: it panics in
/// debug builds, and in release builds leaves the held total at zero rather than wrap it.
///
/// Totals are of 128 bits: no stream of 64-bit amounts fills them. All operations are O(1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Account {
    max_balance: Option<u64>,
    held_incoming: u128,
    held_outgoing: u128,
    receivable: u128,
    payable: u128,
}

/// How a reservation ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// A valid fulfillment came in time: the amount is owed.
    Fulfilled,
    /// Rejected, expired or never sent: nothing is owed.
    Released,
}

/// The peer would owe us more than its limit. Answered with T04 Insufficient Liquidity (RFC-0032).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the balance would be {would_be}, above the limit of {limit}")]
pub struct OverLimit {
    /// The balance if this packet and all others in flight from the peer were fulfilled.
    pub would_be: i128,
    /// The account's limit.
    pub limit: u64,
}

impl Account {
    /// Books with nothing in them. `max_balance` bounds what the peer may owe us, packets in flight
    /// included; `None` is no limit.
    #[must_use]
    pub fn new(max_balance: Option<u64>) -> Self {
        Self {
            max_balance,
            ..Self::default()
        }
    }

    /// Holds the amount of a PREPARE that came from the peer.
    ///
    /// A packet without an amount moves no money and is taken whatever the balance.
    ///
    /// # Errors
    ///
    /// [`OverLimit`], and nothing held, if a limit is set and `balance + held_incoming + amount` is
    /// above it.
    #[inline]
    pub fn reserve_incoming(&mut self, amount: u64) -> Result<(), OverLimit> {
        let held = self.held_incoming.saturating_add(u128::from(amount));
        if let Some(limit) = self.max_balance.filter(|_| amount > 0) {
            let would_be = self.balance().saturating_add(signed(held));
            if would_be > i128::from(limit) {
                return Err(OverLimit { would_be, limit });
            }
        }
        self.held_incoming = held;
        Ok(())
    }

    /// Holds the amount of a PREPARE that goes to the peer.
    #[inline]
    pub fn reserve_outgoing(&mut self, amount: u64) {
        self.held_outgoing = self.held_outgoing.saturating_add(u128::from(amount));
    }

    /// Ends a reservation of [`reserve_incoming`](Self::reserve_incoming), of the same amount.
    /// Fulfilled: the peer owes it to us.
    #[inline]
    pub fn settle_incoming(&mut self, amount: u64, outcome: Outcome) {
        settle(
            &mut self.held_incoming,
            &mut self.receivable,
            amount,
            outcome,
        );
    }

    /// Ends a reservation of [`reserve_outgoing`](Self::reserve_outgoing), of the same amount.
    /// Fulfilled: we owe it to the peer.
    #[inline]
    pub fn settle_outgoing(&mut self, amount: u64, outcome: Outcome) {
        settle(&mut self.held_outgoing, &mut self.payable, amount, outcome);
    }

    /// What the peer owes us, less what we owe the peer. Packets in flight do not count.
    #[must_use]
    pub fn balance(&self) -> i128 {
        let difference = signed(self.receivable.abs_diff(self.payable));
        if self.receivable >= self.payable {
            difference
        } else {
            -difference
        }
    }

    /// The limit of [`reserve_incoming`](Self::reserve_incoming).
    #[must_use]
    pub fn max_balance(&self) -> Option<u64> {
        self.max_balance
    }

    /// The sum of the packets in flight that came from the peer.
    #[must_use]
    pub fn held_incoming(&self) -> u128 {
        self.held_incoming
    }

    /// The sum of the packets in flight to the peer.
    #[must_use]
    pub fn held_outgoing(&self) -> u128 {
        self.held_outgoing
    }

    /// The sum of all fulfilled packets that came from the peer.
    #[must_use]
    pub fn receivable(&self) -> u128 {
        self.receivable
    }

    /// The sum of all fulfilled packets to the peer.
    #[must_use]
    pub fn payable(&self) -> u128 {
        self.payable
    }
}

fn settle(held: &mut u128, owed: &mut u128, amount: u64, outcome: Outcome) {
    let amount = u128::from(amount);
    debug_assert!(*held >= amount, "settled {amount} of only {held} reserved");
    *held = held.saturating_sub(amount);
    if outcome == Outcome::Fulfilled {
        *owed = owed.saturating_add(amount);
    }
}

/// Saturates where no sum of packets gets.
fn signed(amount: u128) -> i128 {
    i128::try_from(amount).unwrap_or(i128::MAX)
}

/// What the amounts exchanged with a peer are in. Displayed as `USD/9`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PeerAsset {
    /// The currency or commodity, like `USD`. Compared byte by byte.
    pub code: Arc<str>,
    /// One unit of an amount is 10^-scale of the asset.
    pub scale: u8,
}

impl fmt::Display for PeerAsset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.code, self.scale)
    }
}

/// Why an amount has no counterpart in the other asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The codes differ, and there are no exchange rates. T00.
    #[error("no exchange rate")]
    NoRate,
    /// Something would become nothing. R01.
    #[error("the amount is less than one unit of the next hop's asset")]
    TooSmall,
    /// The result does not fit in 64 bits. F08, whose data tell the sender the maximum.
    #[error("the amount is above {max}, the most that the next hop's asset can express")]
    TooLarge {
        /// The largest amount that can be converted, in units of the incoming asset.
        max: u64,
    },
}

/// Converts an amount from one peer's asset into another's, rounding down.
///
/// Only the scale may differ. The amount 0 becomes 0.
///
/// # Errors
///
/// See [`ConvertError`]; different codes are an error whatever the amount.
pub fn convert(amount: u64, from: &PeerAsset, to: &PeerAsset) -> Result<u64, ConvertError> {
    if from.code != to.code {
        return Err(ConvertError::NoRate);
    }
    rescale(amount, from.scale, to.scale)
}

/// Converts an amount between two scales of one asset, rounding down.
#[inline]
pub(crate) fn rescale(amount: u64, from: u8, to: u8) -> Result<u64, ConvertError> {
    if from == to {
        return Ok(amount);
    }
    // `None` is a power of ten above 2^64: it divides everything to zero, and multiplies nothing
    // but zero.
    let factor = 10u64.checked_pow(u32::from(from.abs_diff(to)));
    if to > from {
        let max = factor.map_or(0, |factor| u64::MAX / factor);
        if amount > max {
            return Err(ConvertError::TooLarge { max });
        }
        Ok(amount * factor.unwrap_or(0))
    } else {
        match factor.map_or(0, |factor| amount / factor) {
            0 if amount > 0 => Err(ConvertError::TooSmall),
            converted => Ok(converted),
        }
    }
}
