//! From seventeen digits to milliseconds and back, in a few nanoseconds: every forwarded packet
//! does both. Eight digits are checked and paired at once in a `u64`; the calendar is arithmetic
//! without loops.
//!
//! The Gregorian calendar is taken as if it had always been in force, and years are counted from
//! March, so that the leap day comes last. A year `y` before March belongs to the year `y - 1`.

use super::TimeError;

/// 0000-01-01T00:00:00.000Z.
pub(super) const MIN_MILLIS: i64 = -62_167_219_200_000;
/// 9999-12-31T23:59:59.999Z.
pub(super) const MAX_MILLIS: i64 = 253_402_300_799_999;

const MILLIS_PER_DAY: i64 = 86_400_000;
const DAYS_PER_400_YEARS: u32 = 146_097;
/// Days from -0400-03-01 to 0000-01-01 (400 years less January and the 29 days of February).
/// Counting from there keeps January of the year 0000 positive.
const DAYS_BEFORE_YEAR_0: u32 = DAYS_PER_400_YEARS - 60;
/// Days from 0000-01-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_528;

/// Days of a month, without the leap day; 0 for what is not a month.
const DAYS_IN_MONTH: [u32; 16] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0];
/// Days from 1 March to the first of a month.
const DAYS_SINCE_MARCH: [u32; 16] = [
    0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 0, 0, 0,
];

/// The digit zero eight times.
const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);

/// Four two-digit numbers in one word, the first lowest. Meaningless where a byte is not a digit.
#[inline]
const fn pairs(digits: u64) -> [u32; 4] {
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    [
        (pairs & 0xff) as u32,
        (pairs >> 16 & 0xff) as u32,
        (pairs >> 32 & 0xff) as u32,
        (pairs >> 48) as u32,
    ]
}

/// The days of a month; 0 for what is not a month. `century` and `year` are the year's two halves.
#[inline]
const fn days_in_month(century: u32, year: u32, month: u32) -> u32 {
    let leap = (if year == 0 { century } else { year }) % 4 == 0;
    let days = if month < 16 {
        DAYS_IN_MONTH[month as usize]
    } else {
        0
    };
    days + (leap & (month == 2)) as u32
}

/// Milliseconds since 1970, or `None` if anything at all is wrong; [`explain`] then says what.
#[inline]
pub(super) fn parse(text: &[u8; 17]) -> Option<i64> {
    let (date, rest) = text.split_first_chunk()?;
    let (time, _) = rest.split_first_chunk()?;
    let [.., last] = *text;
    let date = u64::from_le_bytes(*date) ^ ZEROS;
    let time = u64::from_le_bytes(*time) ^ ZEROS;
    let last = u32::from(last ^ b'0');
    // Adding 0x76 carries a byte from 10 upwards into its high bit. A carry out of a byte needs a
    // high bit to start with, and that is caught by itself.
    const CARRY: u64 = 0x7676_7676_7676_7676;
    let high = date | time | date.wrapping_add(CARRY) | time.wrapping_add(CARRY);
    let digits = (high & 0x8080_8080_8080_8080 == 0) & (last < 10);

    let [century, year, month, day] = pairs(date);
    let [hour, minute, second, hundredths] = pairs(time);
    let exists = day.wrapping_sub(1) < days_in_month(century, year, month);
    if !(digits & exists & (hour < 24) & (minute < 60) & (second < 60)) {
        return None;
    }

    let y = 400 + century * 100 + year - u32::from(month <= 2);
    let days = 365 * y + y / 4 - y / 100 + y / 400 + DAYS_SINCE_MARCH[month as usize] + day - 1;
    let days = i64::from(days) - i64::from(DAYS_BEFORE_YEAR_0) - DAYS_TO_1970;
    let millis = ((hour * 60 + minute) * 60 + second) * 1000 + hundredths * 10 + last;
    Some(days * MILLIS_PER_DAY + i64::from(millis))
}

/// What is wrong with a text that [`parse`] refused: the leftmost fault.
#[cold]
pub(super) fn explain(text: &[u8; 17]) -> TimeError {
    if let Some(at) = text.iter().position(|byte| !byte.is_ascii_digit()) {
        return TimeError::NotADigit { at };
    }
    // Two digits, so at most 99.
    let pair = |at: usize| (text[at] - b'0') * 10 + (text[at + 1] - b'0');
    let [century, year, month, day] = [pair(0), pair(2), pair(4), pair(6)];
    let last = days_in_month(u32::from(century), u32::from(year), u32::from(month)) as u8;
    if last == 0 {
        TimeError::Month(month)
    } else if day == 0 || day > last {
        let year = u16::from(century) * 100 + u16::from(year);
        TimeError::Day {
            day,
            month,
            year,
            last,
        }
    } else if pair(8) > 23 {
        TimeError::Hour(pair(8))
    } else if pair(10) > 59 {
        TimeError::Minute(pair(10))
    } else {
        TimeError::Second(pair(12))
    }
}

/// Writes a time, clamped to the years 0000 to 9999.
#[inline]
pub(super) fn write(millis: i64) -> [u8; 17] {
    let (days, of_day) = days(millis);
    let (century, year, month, day) = civil(days);
    with_date(digits([century, year, month, day]).to_le_bytes(), of_day)
}

/// The same for a time whose day is probably that of `other`, which `text` says.
#[inline]
pub(super) fn write_near(millis: i64, other: i64, text: &[u8; 17]) -> [u8; 17] {
    let (day, of_day) = days(millis);
    match text.first_chunk() {
        Some(date) if days(other).0 == day => with_date(*date, of_day),
        _ => write(millis),
    }
}

/// The days from 0000-01-01 to a time, after clamping it, and the milliseconds of the last one.
#[inline]
fn days(millis: i64) -> (u32, u32) {
    // Not negative after clamping, and below 2^49.
    let since_year_0 = (millis.clamp(MIN_MILLIS, MAX_MILLIS) - MIN_MILLIS) as u64;
    let days = since_year_0 / MILLIS_PER_DAY as u64;
    (days as u32, (since_year_0 % MILLIS_PER_DAY as u64) as u32)
}

#[inline]
fn with_date(date: [u8; 8], of_day: u32) -> [u8; 17] {
    let (seconds, millis) = (of_day / 1000, of_day % 1000);
    let (minutes, second) = (seconds / 60, seconds % 60);
    let (hour, minute) = (minutes / 60, minutes % 60);
    let time = digits([hour, minute, second, millis / 10]);
    // in words, not byte by byte: whoever copies the text would wait for bytes
    let mut text = [b'0' + (millis % 10) as u8; 17];
    text[..8].copy_from_slice(&date);
    text[8..16].copy_from_slice(&time.to_le_bytes());
    text
}

/// The digits of four numbers below 100, which is all that a calendar field has; the way back from [`pairs`], and with the
/// zero that [`parse`] takes off.
#[inline]
const fn digits([a, b, c, d]: [u32; 4]) -> u64 {
    let pairs = a as u64 | (b as u64) << 16 | (c as u64) << 32 | (d as u64) << 48;
    // n * 103 / 1024 is n / 10 for all of them
    let tens = (pairs * 103) >> 10 & 0x000f_000f_000f_000f;
    (tens | (pairs - 10 * tens) << 8) ^ ZEROS
}

/// The date of a day counted from 0000-01-01: the year's two halves, month and day.
///
/// After Neri and Schneider, "Euclidean affine functions and their application to calendar
/// algorithms" (2022): each division by the average length of a year or month is one
/// multiplication.
#[inline]
const fn civil(days: u32) -> (u32, u32, u32, u32) {
    let quarters = 4 * (days + DAYS_BEFORE_YEAR_0) + 3;
    let century = quarters / DAYS_PER_400_YEARS;
    let in_century = (quarters % DAYS_PER_400_YEARS) | 3;
    // 2^32 / 1461, rounded up: the quotient is the year, the remainder the place in it.
    const YEAR: u32 = 2_939_745;
    let scaled = YEAR as u64 * in_century as u64;
    let year_of_century = (scaled >> 32) as u32;
    let day_of_year = scaled as u32 / YEAR / 4;
    // 2^16 / 2141 is the average length of a month from March on, a little above 30.6 days.
    let scaled = 2141 * day_of_year + 197_913;
    let (month, day) = (scaled >> 16, (scaled & 0xffff) / 2141 + 1);
    let next_year = day_of_year >= DAYS_SINCE_MARCH[1];
    // Centuries count from -0400; the sum is 400 at least.
    let year = century * 100 + year_of_century + next_year as u32 - 400;
    let month = if next_year { month - 12 } else { month };
    (year / 100, year % 100, month, day)
}
