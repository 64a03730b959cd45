use alloc::{vec, vec::Vec};

use super::*;

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn delays_start_at_nothing_and_double_up_to_five_seconds() {
    let mut guard = Guard::default();
    let delays: Vec<_> = (0..9)
        .map(|i| {
            guard
                .failed(at(i), ip("192.0.2.1"), Some("alice"))
                .as_millis()
        })
        .collect();
    assert_eq!(
        delays,
        vec![0, 100, 200, 400, 800, 1600, 3200, 5000, 5000_u128]
    );
}

#[test]
fn the_delay_stays_at_its_maximum_however_many_failures_follow() {
    assert_eq!(delay(33), Guard::MAX_DELAY);
    assert_eq!(delay(u32::MAX), Guard::MAX_DELAY);
}

#[test]
fn another_id_or_another_address_starts_afresh() {
    let mut guard = Guard::default();
    let (one, two) = (ip("192.0.2.1"), ip("192.0.2.2"));
    for claimed in [Some("alice"), Some("bob"), Some(""), None] {
        assert_eq!(guard.failed(at(0), one, claimed), ms(0));
    }
    assert_eq!(guard.failed(at(0), two, Some("alice")), ms(0));
    assert_eq!(guard.failed(at(0), one, Some("alice")), ms(100));
}

#[test]
fn success_clears_only_the_pair_that_succeeded() {
    let mut guard = Guard::default();
    let addr = ip("192.0.2.1");
    for claimed in [Some("alice"), Some("bob")] {
        assert_eq!(guard.failed(at(0), addr, claimed), ms(0));
    }
    guard.succeeded(addr, Some("alice"));
    assert_eq!(guard.failed(at(1), addr, Some("alice")), ms(0));
    assert_eq!(guard.failed(at(1), addr, Some("bob")), ms(100));
}

#[test]
fn failures_are_forgotten_a_minute_after_the_last() {
    let mut guard = Guard::default();
    let addr = ip("192.0.2.1");
    assert_eq!(guard.failed(at(0), addr, None), ms(0));
    assert_eq!(guard.failed(at(59_999), addr, None), ms(100));
    assert_eq!(guard.failed(at(119_998), addr, None), ms(200));
    assert_eq!(guard.failed(at(179_998), addr, None), ms(0));
}

#[test]
fn a_failure_sweeps_out_all_that_is_stale() {
    let mut guard = Guard::default();
    for i in 0..100 {
        let addr = IpAddr::from([192, 0, 2, i]);
        assert_eq!(guard.failed(at(u64::from(i)), addr, None), ms(0));
    }
    assert_eq!(guard.failed(at(60_049), ip("198.51.100.1"), None), ms(0));
    assert_eq!(guard.len(), 51);
}

#[test]
fn the_oldest_goes_when_the_table_is_full() {
    let mut guard = Guard::new(2);
    let [a, b, c] = [1, 2, 3].map(|i| IpAddr::from([192, 0, 2, i]));
    assert_eq!(guard.failed(at(0), a, None), ms(0));
    assert_eq!(guard.failed(at(1), b, None), ms(0));
    assert_eq!(
        guard.failed(at(2), a, None),
        ms(100),
        "its own place is enough"
    );
    assert_eq!(guard.failed(at(3), c, None), ms(0));
    assert_eq!(guard.len(), 2);
    assert_eq!(guard.failed(at(4), a, None), ms(200), "b was the oldest");
    assert_eq!(guard.failed(at(5), b, None), ms(0));
}

#[test]
fn both_indexes_stay_of_one_size() {
    let mut guard = Guard::new(10);
    for i in 0..1000u64 {
        let addr = IpAddr::from([192, 0, 2, (i * 7 % 23) as u8]);
        if i % 3 == 0 {
            guard.succeeded(addr, None);
        } else {
            let _ = guard.failed(at(i * 1000), addr, None);
        }
        assert_eq!(guard.entries.len(), guard.oldest.len());
        assert!(guard.len() <= 10);
    }
}

#[test]
fn an_ipv6_network_counts_as_one_address() {
    let mut guard = Guard::default();
    assert_eq!(guard.failed(at(0), ip("2001:db8::1"), None), ms(0));
    assert_eq!(guard.failed(at(0), ip("2001:db8::ffff:2"), None), ms(100));
    assert_eq!(guard.failed(at(0), ip("2001:db8:0:1::1"), None), ms(0));
}

#[test]
fn ipv4_written_as_ipv6_is_still_told_apart() {
    let mut guard = Guard::default();
    assert_eq!(guard.failed(at(0), ip("::ffff:192.0.2.1"), None), ms(0));
    assert_eq!(guard.failed(at(0), ip("::ffff:192.0.2.2"), None), ms(0));
    assert_eq!(guard.failed(at(0), ip("192.0.2.1"), None), ms(100));
}

#[test]
fn time_going_backwards_is_harmless() {
    let mut guard = Guard::default();
    let addr = ip("192.0.2.1");
    assert_eq!(guard.failed(at(100_000), addr, None), ms(0));
    assert_eq!(guard.failed(at(0), addr, None), ms(100));
    assert_eq!(guard.failed(at(100_001), addr, None), ms(200));
}
