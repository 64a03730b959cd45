use super::*;

#[test]
fn a_peers_words_cannot_steer_the_terminal() {
    assert_eq!(printable(b"no route"), "no route");
    assert_eq!(printable(b"\x1b[2Jgone\r\n"), "\\u{1b}[2Jgone\\u{d}\\u{a}");
    assert_eq!(printable("\u{202e}abc".as_bytes()), "\\u{202e}abc");
    assert_eq!(printable(b"\xff ok"), "\u{fffd} ok");
}

#[test]
fn a_peers_words_are_cut() {
    let shown = printable("ä".repeat(300).as_bytes());
    assert_eq!(shown, format!("{}...", "ä".repeat(256)));
    assert_eq!(printable(&[b'a'; 256]).len(), 256);
}

#[test]
fn thousands_are_grouped() {
    for (n, shown) in [
        (0_u64, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (1_234_567, "1,234,567"),
    ] {
        assert_eq!(grouped(n), shown);
    }
    assert_eq!(counted(1, "packet"), "1 packet");
    assert_eq!(counted(0, "packet"), "0 packets");
}

#[test]
fn times_have_the_decimals_they_are_worth() {
    assert_eq!(ms(Duration::from_micros(123)), "0.123 ms");
    assert_eq!(ms(Duration::from_micros(12_345)), "12.3 ms");
    assert_eq!(ms(Duration::from_millis(1_234)), "1234 ms");
}

#[test]
fn nothing_happens_in_no_time() {
    assert!(per_second(5, Duration::ZERO).abs() < f64::EPSILON);
    assert!((per_second(5, Duration::from_millis(500)) - 10.0).abs() < 1e-9);
}

#[test]
fn columns_are_aligned_without_trailing_spaces() {
    let rows = [
        ["a".into(), "1".into(), "x".into()],
        ["long".into(), "1,000".into(), String::new()],
    ];
    let shown = table(2, [Align::Left, Align::Right, Align::Left], &rows);
    assert_eq!(shown, "  a         1  x\n  long  1,000\n");
}
