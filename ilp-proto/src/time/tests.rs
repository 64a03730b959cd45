use std::{format, string::ToString, vec::Vec};

use super::*;

const DAY: i64 = 86_400_000;

fn at(text: &str) -> Result<Timestamp, TimeError> {
    Timestamp::parse_interledger(text.as_bytes().first_chunk().ok_or(TimeError::Shape)?)
}

fn leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Every day that can be written, counted one by one from the first: year, month, day,
/// milliseconds.
fn every_day() -> impl Iterator<Item = (u32, u32, u32, i64)> {
    let dates = (0..=9999).flat_map(|year| {
        let february = if leap(year) { 29 } else { 28 };
        let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        (1..=12)
            .zip(lengths)
            .flat_map(move |(month, length)| (1..=length).map(move |day| (year, month, day)))
    });
    let first = Timestamp::EARLIEST.as_millis();
    dates
        .zip(0..)
        .map(move |((year, month, day), n)| (year, month, day, first + n * DAY))
}

#[test]
fn the_calendar_agrees_with_counting_every_day_of_ten_thousand_years() {
    let mut days = 0;
    for (year, month, day, millis) in every_day() {
        let noonish = Timestamp::from_millis(millis + 12 * 3_600_000 + 34_567);
        let [y, m, d] = [year, month, day].map(|n| n as u8);
        let mut text = *b"00000000120034567";
        text[0] = b'0' + (year / 1000) as u8;
        text[1] = b'0' + (year / 100 % 10) as u8;
        text[2] = b'0' + (year / 10 % 10) as u8;
        text[3] = b'0' + (year % 10) as u8;
        [text[4], text[5]] = [b'0' + m / 10, b'0' + m % 10];
        [text[6], text[7]] = [b'0' + d / 10, b'0' + d % 10];
        assert_eq!(noonish.write_interledger(), text, "{y} {m} {d}");
        assert_eq!(Timestamp::parse_interledger(&text), Ok(noonish));
        days += 1;
    }
    assert_eq!(days, 3_652_425);
}

#[test]
fn every_two_digit_month_and_day_is_taken_only_if_it_exists() {
    for year in ["0000", "1900", "2000", "2023", "2024", "9999"] {
        let leap = leap(year.parse().unwrap());
        for month in 0..100 {
            let last = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                1..=12 => 31,
                _ => 0,
            };
            for day in 0..100 {
                let time = at(&format!("{year}{month:02}{day:02}000000000"));
                assert_eq!(
                    time.is_ok(),
                    (1..=last).contains(&day),
                    "{year} {month} {day}"
                );
            }
        }
    }
}

#[test]
fn every_millisecond_part_of_a_day_reads_and_writes() {
    for seconds in 0..86_400 {
        let millis = seconds * 1000 + seconds % 1000;
        let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let time = Timestamp::from_millis(millis);
        assert_eq!(
            time.to_string(),
            format!("1970-01-01T{h:02}:{m:02}:{s:02}.{:03}Z", millis % 1000)
        );
        assert_eq!(
            Timestamp::parse_interledger(&time.write_interledger()),
            Ok(time)
        );
    }
}

#[test]
fn the_epoch_is_zero_and_the_millisecond_before_it_is_minus_one() {
    assert_eq!(at("19700101000000000"), Ok(Timestamp::from_millis(0)));
    assert_eq!(at("19691231235959999"), Ok(Timestamp::from_millis(-1)));
}

#[test]
fn the_ends_of_the_range_are_the_years_0000_and_9999() {
    assert_eq!(at("00000101000000000"), Ok(Timestamp::EARLIEST));
    assert_eq!(at("99991231235959999"), Ok(Timestamp::LATEST));
}

#[test]
fn a_time_outside_of_the_range_is_written_as_the_nearer_end() {
    let later = Timestamp::from_millis(i64::MAX);
    let earlier = Timestamp::from_millis(i64::MIN);
    assert_eq!(&later.write_interledger(), b"99991231235959999");
    assert_eq!(&earlier.write_interledger(), b"00000101000000000");
    assert_eq!(later.to_string(), "9999-12-31T23:59:59.999Z");
}

#[test]
fn a_time_is_written_the_same_whatever_other_time_is_at_hand() {
    let day = 86_400_000;
    let mut times = alloc::vec![Timestamp::EARLIEST, Timestamp::LATEST];
    for start in [-day, 0, day, 11_017 * day, 20_000 * day] {
        for of_day in [0, 1, 999, 43_200_000, day - 1] {
            times.push(Timestamp::from_millis(start + of_day));
        }
    }
    times.extend([i64::MIN, i64::MAX].map(Timestamp::from_millis));
    for time in &times {
        for other in &times {
            let near = time.write_interledger_near(*other, &other.write_interledger());
            assert_eq!(near, time.write_interledger(), "{time} beside {other}");
        }
    }
}

#[test]
fn an_error_names_the_leftmost_fault_and_its_place() {
    let cases = [
        ("20251301000000000", TimeError::Month(13), 4),
        ("20250001000000000", TimeError::Month(0), 4),
        (
            "20250229000000000",
            TimeError::Day {
                day: 29,
                month: 2,
                year: 2025,
                last: 28,
            },
            6,
        ),
        (
            "20240200000000000",
            TimeError::Day {
                day: 0,
                month: 2,
                year: 2024,
                last: 29,
            },
            6,
        ),
        ("20250101240000000", TimeError::Hour(24), 8),
        ("20250101236000000", TimeError::Minute(60), 10),
        ("20161231235960000", TimeError::Second(60), 12),
        ("2025010100000000/", TimeError::NotADigit { at: 16 }, 16),
        ("2025O101000000000", TimeError::NotADigit { at: 4 }, 4),
    ];
    for (text, error, offset) in cases {
        assert_eq!(at(text), Err(error), "{text}");
        assert_eq!(error.offset(), offset, "{text}");
    }
}

#[test]
fn no_byte_but_a_digit_passes_for_one_at_any_place() {
    for place in 0..17 {
        for byte in (0..=255u8).filter(|byte| !byte.is_ascii_digit()) {
            let mut text = *b"20240229121212123";
            text[place] = byte;
            let error = Timestamp::parse_interledger(&text);
            assert_eq!(error, Err(TimeError::NotADigit { at: place }), "{byte}");
        }
    }
}

#[test]
fn errors_read_as_sentences() {
    let said: Vec<_> = [
        TimeError::Shape,
        TimeError::NotADigit { at: 3 },
        TimeError::Month(13),
        TimeError::Day {
            day: 31,
            month: 4,
            year: 987,
            last: 30,
        },
        TimeError::Hour(24),
        TimeError::Minute(60),
        TimeError::Second(60),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    assert_eq!(
        said,
        [
            "the time does not have the form YYYYMMDDHHMMSS[.fff]Z",
            "the time has something else than a digit at its byte 3",
            "month 13 is out of range, 01 to 12 are allowed",
            "day 31 is out of range, 0987-04 has 01 to 30",
            "hour 24 is out of range, 00 to 23 are allowed",
            "minute 60 is out of range, 00 to 59 are allowed",
            "second 60 is out of range, 00 to 59 are allowed",
        ]
    );
}

#[test]
fn generalized_time_is_written_with_three_digits_and_read_with_none_to_three() {
    let time = at("20171224161432270").unwrap();
    assert_eq!(&time.write_generalized(), b"20171224161432.270Z");
    assert_eq!(
        Timestamp::parse_generalized(b"20171224161432.270Z"),
        Ok(time)
    );
    assert_eq!(
        Timestamp::parse_generalized(b"20171224161432.27Z"),
        Ok(time)
    );
    let tenth = at("20171224161432200");
    assert_eq!(Timestamp::parse_generalized(b"20171224161432.2Z"), tenth);
    let whole = at("20171224161432000");
    assert_eq!(Timestamp::parse_generalized(b"20171224161432Z"), whole);
}

#[test]
fn generalized_time_of_another_shape_is_refused() {
    let shapes: [&[u8]; 9] = [
        b"",
        b"Z",
        b"20171224161432",
        b"20171224161432.Z",
        b"20171224161432.1234Z",
        b"20171224161432,279Z",
        b"201712241614Z",
        b"20171224161432z",
        b"20171224161432.1+0000",
    ];
    for text in shapes {
        assert_eq!(Timestamp::parse_generalized(text), Err(TimeError::Shape));
    }
}

#[test]
fn a_fault_in_generalized_time_is_placed_in_its_own_text() {
    let parse = |text: &[u8]| Timestamp::parse_generalized(text).unwrap_err();
    assert_eq!(
        parse(b"20171224161432.2x9Z"),
        TimeError::NotADigit { at: 16 }
    );
    assert_eq!(parse(b"2017122416143.Z"), TimeError::NotADigit { at: 13 });
    assert_eq!(parse(b"20171224241432.279Z"), TimeError::Hour(24));
}

#[test]
fn timestamps_saturate_instead_of_wrapping() {
    let second = Duration::from_secs(1);
    let time = Timestamp::from_millis(5_000);
    assert_eq!(time.saturating_add(second), Timestamp::from_millis(6_000));
    assert_eq!(time.saturating_sub(second), Timestamp::from_millis(4_000));
    assert_eq!(
        Timestamp::from_millis(i64::MAX)
            .saturating_add(second)
            .as_millis(),
        i64::MAX
    );
    assert_eq!(time.saturating_sub(Duration::MAX).as_millis(), i64::MIN);
    assert_eq!(time.saturating_add(Duration::MAX).as_millis(), i64::MAX);
}

#[test]
fn the_time_since_a_later_timestamp_is_zero() {
    let (early, late) = (Timestamp::from_millis(-500), Timestamp::from_millis(1_500));
    assert_eq!(
        late.saturating_duration_since(early),
        Duration::from_secs(2)
    );
    assert_eq!(early.saturating_duration_since(late), Duration::ZERO);
    let (first, last) = (
        Timestamp::from_millis(i64::MIN),
        Timestamp::from_millis(i64::MAX),
    );
    assert_eq!(
        last.saturating_duration_since(first),
        Duration::from_millis(u64::MAX)
    );
}

#[test]
fn instants_saturate_instead_of_wrapping() {
    let mut time = Instant::from_nanos(5) + Duration::from_nanos(7);
    assert_eq!(time.as_nanos(), 12);
    assert_eq!(
        time.saturating_duration_since(Instant::ZERO),
        Duration::from_nanos(12)
    );
    assert_eq!(
        Instant::ZERO.saturating_duration_since(time),
        Duration::ZERO
    );
    assert_eq!(time.checked_add(Duration::MAX), None);
    assert_eq!(
        Instant::from_nanos(u64::MAX).checked_add(Duration::from_nanos(1)),
        None
    );
    time += Duration::MAX;
    assert_eq!(time, Instant::from_nanos(u64::MAX));
}

#[test]
fn a_timestamp_shows_its_date_when_debugged() {
    assert_eq!(
        format!("{:?}", Now::default().wall),
        "Timestamp(1970-01-01T00:00:00.000Z)"
    );
    assert_eq!(
        format!("{:>26}", Timestamp::default()),
        "  1970-01-01T00:00:00.000Z"
    );
}
