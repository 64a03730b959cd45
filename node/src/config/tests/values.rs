//! Texts to values.

use std::time::Duration;

use super::super::value::{
    boolean, bytes, choice, host, number, peer_url, show_bytes, show_time, time,
};

const HOUR: Duration = Duration::from_secs(3600);

fn ms(text: &str) -> Option<u128> {
    time(text, Duration::ZERO, HOUR)
        .ok()
        .map(|time| time.as_millis())
}

#[test]
fn durations_have_a_unit() {
    for (text, expected) in [
        ("250ms", 250),
        ("30s", 30_000),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("1.5s", 1_500),
        ("0.25m", 15_000),
        ("0s", 0),
        (" 5 s ", 5_000),
        ("1_000ms", 1_000),
    ] {
        assert_eq!(ms(text), Some(expected), "{text}");
    }
    for text in [
        "",
        "s",
        "30",
        "-1s",
        "1.s5",
        "1.0005s",
        "0.5ms",
        "1d",
        "30S",
        "5 days",
        "1e3s",
        "2h",
        "99999999999999999999s",
    ] {
        assert_eq!(ms(text), None, "{text}");
    }
}

#[test]
fn a_duration_without_a_unit_is_told_what_to_write() {
    let Err(invalid) = time("10", Duration::ZERO, HOUR) else {
        panic!("no unit")
    };
    assert_eq!(invalid.fix, "write 10s or 10ms");
}

#[test]
fn durations_are_shown_as_people_write_them() {
    for text in ["0s", "250ms", "30s", "2m", "1h", "90s", "1500ms"] {
        assert_eq!(
            show_time(time(text, Duration::ZERO, HOUR).ok().unwrap()),
            text
        );
    }
}

#[test]
fn sizes_may_have_a_unit() {
    let read = |text| bytes(text, 1, 1 << 30).ok();
    assert_eq!(read("65536"), Some(65_536));
    assert_eq!(read("64KiB"), Some(65_536));
    assert_eq!(read("1 MiB"), Some(1 << 20));
    assert_eq!(read("1GiB"), Some(1 << 30));
    assert_eq!(read("7B"), Some(7));
    for text in [
        "0",
        "2GiB",
        "1MB",
        "1k",
        "-1",
        "1.5KiB",
        "KiB",
        "18446744073709551615GiB",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    assert_eq!(show_bytes(3 << 20), "3MiB");
    assert_eq!(show_bytes(1000), "1000");
}

#[test]
fn numbers_are_whole_and_within_bounds() {
    assert_eq!(
        number("18446744073709551615", 0, u64::MAX).ok(),
        Some(u64::MAX)
    );
    assert_eq!(number("1_000", 0, 1000).ok(), Some(1000));
    for text in ["", "_", "+1", "-1", "1.0", "0x10", "1001", "１"] {
        assert!(number(text, 0, 1000).is_err(), "{text}");
    }
}

#[test]
fn truth_has_several_spellings() {
    for text in ["true", "True", "yes", "on", "1"] {
        assert_eq!(boolean(text).ok(), Some(true), "{text}");
    }
    for text in ["false", "no", "OFF", "0"] {
        assert_eq!(boolean(text).ok(), Some(false), "{text}");
    }
    assert!(boolean("maybe").is_err());
}

#[test]
fn words_are_suggested_when_nearly_right() {
    assert_eq!(choice("INFO", &["info", "warn"]).ok(), Some("info"));
    let Err(invalid) = choice("wran", &["info", "warn"]) else {
        panic!("no such word")
    };
    assert_eq!(invalid.what, "is \"wran\" (did you mean warn?)");
}

#[test]
fn hosts_are_ip_addresses() {
    for (text, expected) in [
        ("0.0.0.0", "0.0.0.0"),
        ("::", "::"),
        ("[::1]", "::1"),
        ("localhost", "127.0.0.1"),
    ] {
        assert_eq!(host(text).ok().unwrap().to_string(), expected);
    }
    assert!(host("example.org").is_err());
}

#[test]
fn urls_that_cannot_be_dialled_are_refused_without_their_token() {
    for (text, why) in [
        ("http://u:S3C@h", "ws://"),
        ("h:3000", "ws://"),
        ("ws://u:S3C@", "host"),
        ("ws://u:S3C@h:0", "port"),
        ("ws://u:S3C@h:70000", "port"),
        ("ws://u:S3C@h#x", "fragment"),
        ("ws://u:S3C/x@h", "%2F"),
        ("ws://u:S3C%ff@h", "UTF-8"),
        ("ws://h:0/x?token=S3C", "?***"),
        ("ws://h/?token=S3C#x", "fragment"),
        ("http://u@h?S3C", "http://***@h?***"),
        ("ws://h/?a@b=S3C", "ws://***"),
        ("ws://u:S3C?S3C@h", "ws://***"),
        ("ws://h/#S3C", "ws://h/#***"),
        ("http://h/x", "\"http://h/x\""),
        // the host was forgotten
        ("ws://u:S3C", "ws://***"),
        ("ws://u:S3C/x", "ws://***"),
        ("ws://[::1]:x", "\"ws://[::1]:x\""),
        ("ws://h:70000/x:y", "\"ws://h:70000/x:y\""),
        ("", "ws://"),
    ] {
        let Err(invalid) = peer_url(text) else {
            panic!("{text} was taken")
        };
        let said = format!("{}: {}", invalid.what, invalid.fix);
        assert!(said.contains(why), "{text}: {said}");
        assert!(!said.contains("S3C"), "{said}");
    }
}

#[test]
fn ipv6_hosts_lose_their_brackets() {
    let url = peer_url("ws://[::1]:3000").ok().unwrap();
    assert_eq!(url.endpoint.host, "::1");
    assert_eq!(url.endpoint.to_string(), "ws://[::1]:3000");
}
