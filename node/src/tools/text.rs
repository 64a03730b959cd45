//! Numbers, times and other people's words, as a person reads them in a terminal.

use std::time::Duration;

/// Characters of a peer's message that are shown.
const MAX_SHOWN: usize = 256;

/// What a peer wrote, fit for a terminal: no control characters, at most 256 characters.
pub(crate) fn printable(words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    let mut shown = String::new();
    for (count, c) in words.chars().enumerate() {
        if count == MAX_SHOWN {
            shown.push_str("...");
            break;
        }
        // direction marks and the like can make a line read as another
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// `12345` as `12,345`.
pub(crate) fn grouped(n: impl Into<u128>) -> String {
    let digits = n.into().to_string();
    let mut shown = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `1 packet`, `2 packets`, `3,000 packets`.
pub(crate) fn counted(n: u64, thing: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(n))
}

/// Milliseconds with as many decimals as a round trip is worth: `0.123 ms`, `12.3 ms`, `1234 ms`.
pub(crate) fn ms(time: Duration) -> String {
    let ms = millis(time);
    match ms {
        ms if ms < 10.0 => format!("{ms:.3} ms"),
        ms if ms < 1_000.0 => format!("{ms:.1} ms"),
        ms => format!("{ms:.0} ms"),
    }
}

/// A time in milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// How many of something happened per second; 0 if no time has passed.
pub(crate) fn per_second(n: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 {
        as_f64(n) / seconds
    } else {
        0.0
    }
}

/// Counts that are shown need no more than the 53 bits that fit.
#[allow(clippy::cast_precision_loss)]
pub(crate) const fn as_f64(n: u64) -> f64 {
    n as f64
}

/// `rows` under each other, their columns aligned, two spaces apart and `indent` in; numbers to the right.
pub(crate) fn table<const N: usize>(
    indent: usize,
    align: [Align; N],
    rows: &[[String; N]],
) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut shown = String::new();
    for row in rows {
        let mut line = " ".repeat(indent);
        for ((cell, width), align) in row.iter().zip(widths).zip(align) {
            match align {
                Align::Left => line.push_str(&format!("{cell:<width$}  ")),
                Align::Right => line.push_str(&format!("{cell:>width$}  ")),
            }
        }
        shown.push_str(line.trim_end());
        shown.push('\n');
    }
    shown
}

/// Where the words of a column stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

#[cfg(test)]
mod tests;
