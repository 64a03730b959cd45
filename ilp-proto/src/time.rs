//! Two clocks, and the forms in which Interledger writes a time.
//!
//! [`Instant`] is the monotonic clock that deadlines are counted on, [`Timestamp`] the calendar
//! that packets speak of. Neither can be read here: the driver says what time it is, in a [`Now`].

mod calendar;
#[cfg(test)]
mod tests;

use core::{
    fmt,
    ops::{Add, AddAssign},
    time::Duration,
};

/// A point on a clock that never goes back: nanoseconds from an origin that the driver picks.
///
/// The range is 584 years; arithmetic saturates at its ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(u64);

impl Instant {
    /// The driver's origin.
    pub const ZERO: Self = Self(0);
    /// Never, 584 years after the origin.
    pub const MAX: Self = Self(u64::MAX);

    /// `nanos` after the origin.
    #[must_use]
    #[inline]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    #[must_use]
    #[inline]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    #[inline]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// `duration` later, or `None` past the end of the range.
    #[must_use]
    #[inline]
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let nanos = duration.as_secs().checked_mul(1_000_000_000)?;
        let nanos = nanos.checked_add(u64::from(duration.subsec_nanos()))?;
        self.0.checked_add(nanos).map(Self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// `duration` later, or the end of the range.
    #[inline]
    fn add(self, duration: Duration) -> Self {
        self.checked_add(duration).unwrap_or(Self(u64::MAX))
    }
}

impl AddAssign<Duration> for Instant {
    #[inline]
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

/// A point in the calendar: Unix time in milliseconds, UTC, without leap seconds.
///
/// Any `i64` will do for arithmetic. What the wire forms can express is
/// [`EARLIEST`](Self::EARLIEST) to [`LATEST`](Self::LATEST), the years 0000 to 9999; writing a time
/// outside of that writes the nearer end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0000-01-01T00:00:00.000Z, the first time that a packet can carry.
    pub const EARLIEST: Self = Self(calendar::MIN_MILLIS);
    /// 9999-12-31T23:59:59.999Z, the last time that a packet can carry.
    pub const LATEST: Self = Self(calendar::MAX_MILLIS);

    /// `millis` after 1970-01-01T00:00:00Z, or before it if negative.
    #[must_use]
    #[inline]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    #[inline]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// `duration` later, in whole milliseconds (the rest is cut off), or the end of the range.
    #[must_use]
    #[inline]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(millis(duration)))
    }

    /// `duration` earlier, in whole milliseconds (the rest is cut off), or the start of the range.
    #[must_use]
    #[inline]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(millis(duration)))
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    #[inline]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        if self.0 <= earlier.0 {
            return Duration::ZERO;
        }
        Duration::from_millis(self.0.abs_diff(earlier.0))
    }

    /// Reads `YYYYMMDDHHMMSSfff`, the form of a packet's `expiresAt` (RFC-0027, RFC-0030).
    ///
    /// # Errors
    /// A [`TimeError`] for anything but digits and for dates and times that do not exist, second 60
    /// among them: RFC-0030 contradicts itself about leap seconds in this form, so none is taken
    /// and none written.
    #[inline]
    pub fn parse_interledger(text: &[u8; 17]) -> Result<Self, TimeError> {
        match calendar::parse(text) {
            Some(millis) => Ok(Self(millis)),
            None => Err(calendar::explain(text)),
        }
    }

    /// Writes `YYYYMMDDHHMMSSfff`, the form of a packet's `expiresAt`. Years outside of 0000 to
    /// 9999 are clamped.
    #[must_use]
    #[inline]
    pub fn write_interledger(self) -> [u8; 17] {
        calendar::write(self.0)
    }

    /// The same for who has the `text` of another time at hand: its date is taken over if it is that of the same day, which
    /// saves working it out.
    #[inline]
    pub(crate) fn write_interledger_near(self, other: Self, text: &[u8; 17]) -> [u8; 17] {
        calendar::write_near(self.0, other.0, text)
    }

    /// Reads GeneralizedTime as BTP's `triggeredAt` has it: `YYYYMMDDHHMMSS`, then nothing or a dot
    /// and one to three digits, then `Z` (RFC-0023, RFC-0030).
    ///
    /// Trailing zeros in the fraction, which RFC-0030 forbids, are taken, because common peers
    /// write them.
    ///
    /// # Errors
    /// A [`TimeError`] for any other shape and for dates and times that do not exist.
    pub fn parse_generalized(text: &[u8]) -> Result<Self, TimeError> {
        let mut digits = [b'0'; 17];
        let (whole, fraction) = match text {
            [whole @ .., b'Z'] if whole.len() == 14 => (whole, &[][..]),
            [whole @ .., b'.', a, b'Z'] if whole.len() == 14 => (whole, &[*a][..]),
            [whole @ .., b'.', a, b, b'Z'] if whole.len() == 14 => (whole, &[*a, *b][..]),
            [whole @ .., b'.', a, b, c, b'Z'] if whole.len() == 14 => (whole, &[*a, *b, *c][..]),
            _ => return Err(TimeError::Shape),
        };
        digits[..14].copy_from_slice(whole);
        digits[14..14 + fraction.len()].copy_from_slice(fraction);
        Self::parse_interledger(&digits).map_err(|error| match error {
            // The fraction stands behind a dot that the digits do not have.
            TimeError::NotADigit { at } if at >= 14 => TimeError::NotADigit { at: at + 1 },
            other => other,
        })
    }

    /// Writes GeneralizedTime with three fraction digits, `YYYYMMDDHHMMSS.fffZ`: the form that most
    /// peers can read. Years outside of 0000 to 9999 are clamped.
    #[must_use]
    pub fn write_generalized(self) -> [u8; 19] {
        let digits = self.write_interledger();
        let mut text = *b"00000000000000.000Z";
        text[..14].copy_from_slice(&digits[..14]);
        text[15..18].copy_from_slice(&digits[14..]);
        text
    }
}

#[inline]
fn millis(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_mul(1_000);
    whole.saturating_add(u64::from(duration.subsec_millis()))
}

impl fmt::Display for Timestamp {
    /// `2026-11-21T07:54:05.123Z`. Years outside of 0000 to 9999 are clamped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [y0, y1, y2, y3, m0, m1, d0, d1, rest @ ..] = self.write_interledger();
        let [h0, h1, n0, n1, s0, s1, f0, f1, f2] = rest;
        let text = [
            y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1,
            b'.', f0, f1, f2, b'Z',
        ];
        // Invariant: digits and punctuation are ASCII, so the fallback is never taken.
        f.pad(core::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

/// What time it is, on both clocks, as the driver says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// On the clock that deadlines are counted on.
    pub mono: Instant,
    /// In the calendar that packets speak of. It may jump when the machine's clock is set.
    pub wall: Timestamp,
}

/// Text that is not a time.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TimeError {
    /// Not laid out as the form wants it.
    #[error("the time does not have the form YYYYMMDDHHMMSS[.fff]Z")]
    Shape,
    /// Something else where a digit belongs.
    #[error("the time has something else than a digit at its byte {at}")]
    NotADigit {
        /// Its place in the text, from 0.
        at: usize,
    },
    /// No such month.
    #[error("month {0:02} is out of range, 01 to 12 are allowed")]
    Month(u8),
    /// No such day in that month of that year.
    #[error("day {day:02} is out of range, {year:04}-{month:02} has 01 to {last}")]
    Day {
        /// The day that was given.
        day: u8,
        /// Its month, 1 to 12.
        month: u8,
        /// Its year, 0 to 9999.
        year: u16,
        /// The last day that month has.
        last: u8,
    },
    /// No such hour.
    #[error("hour {0:02} is out of range, 00 to 23 are allowed")]
    Hour(u8),
    /// No such minute.
    #[error("minute {0:02} is out of range, 00 to 59 are allowed")]
    Minute(u8),
    /// No such second. Leap seconds are not taken.
    #[error("second {0:02} is out of range, 00 to 59 are allowed")]
    Second(u8),
}

impl TimeError {
    /// Where in the text the fault is, in bytes from its start.
    #[must_use]
    pub const fn offset(self) -> usize {
        match self {
            Self::Shape => 0,
            Self::NotADigit { at } => at,
            Self::Month(_) => 4,
            Self::Day { .. } => 6,
            Self::Hour(_) => 8,
            Self::Minute(_) => 10,
            Self::Second(_) => 12,
        }
    }
}
