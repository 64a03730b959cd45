use ilp_proto::ErrorCode;
use ilp_router::Connector;
use ilp_router::accounts::PeerAsset;
use ilp_router::config::{Config, Limits, OnDisconnect, PeerConfig, Relation, Retry, Timeouts};
use ilp_runtime::Clock;

use super::*;

/// A node with the peers b and c.
fn snapshot() -> Snapshot {
    let peer = |id: &str| PeerConfig {
        id: id.parse().unwrap(),
        endpoint: None,
        secret: None,
        username: None,
        relation: Relation::Peer,
        asset: PeerAsset {
            code: "USD".into(),
            scale: 9,
        },
        max_packet_amount: None,
        max_balance: None,
        max_in_flight: 1,
        critical: false,
    };
    let config = Config {
        node_id: "a".into(),
        address: "test.a".parse().unwrap(),
        address_from_parent: false,
        peers: vec![peer("b"), peer("c")],
        routes: vec![],
        on_disconnect: OnDisconnect::Hold,
        limits: Limits::default(),
        timeouts: Timeouts::default(),
        retry: Retry::default(),
    };
    let now = Clock::now();
    Snapshot::take(&Connector::new(config, 1, now).unwrap(), now)
}

fn show(now: Snapshot) -> String {
    text(now, "a", true, Timestamp::from_millis(1_500))
}

#[test]
fn the_text_ends_as_the_format_wants_it() {
    assert!(show(snapshot()).ends_with("\n# EOF\n"));
}

#[test]
fn every_metric_has_a_help_a_type_and_a_name_of_its_own() {
    let text = show(snapshot());
    let named = |kind: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(kind));
        lines
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect()
    };
    let (help, types) = (named("# HELP "), named("# TYPE "));
    assert_eq!(help, types);
    let mut unique = help.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), help.len());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(
            help.iter().any(|help| name.starts_with(help.as_str())),
            "{line}"
        );
    }
}

#[test]
fn counters_of_a_peer_carry_its_label() {
    let mut now = snapshot();
    now.peers[1].counters.prepares_in = 5;
    now.peers[1].counters.fulfills_out = 4;
    now.peers[1].counters.rejects_out = 1;
    now.peers[0].counters.expired = 2;
    now.peers[0].counters.auth_failures = 9;
    now.peers[0].state = PeerState::Connected;
    let text = show(now);
    for line in [
        r#"ilp_prepares_total{peer="c",direction="in"} 5"#,
        r#"ilp_prepares_total{peer="c",direction="out"} 0"#,
        r#"ilp_packets_total{peer="c",direction="in",outcome="fulfilled"} 4"#,
        r#"ilp_packets_total{peer="c",direction="in",outcome="rejected"} 1"#,
        r#"ilp_packets_total{peer="b",direction="out",outcome="expired"} 2"#,
        r#"ilp_auth_failures_total{peer="b"} 9"#,
        r#"ilp_link_up{peer="b"} 1.0"#,
        r#"ilp_link_up{peer="c"} 0.0"#,
        r#"ilp_peer_state{peer="b",state="connected"} 1.0"#,
        r#"ilp_peer_state{peer="c",state="connected"} 0.0"#,
    ] {
        assert!(
            text.contains(&format!("\n{line}\n")),
            "{line} is not in\n{text}"
        );
    }
}

#[test]
fn what_strangers_sent_that_cannot_be_read_is_shown_apart_from_what_peers_did() {
    let mut now = snapshot();
    now.stats.unreadable = 3;
    now.peers[0].counters.unreadable = 2;
    let text = show(now);
    for line in [
        "ilp_connections_unreadable_total 3",
        r#"ilp_unreadable_frames_total{peer="b"} 2"#,
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}: {text}");
    }
}

#[test]
fn our_own_rejects_are_counted_by_code() {
    let mut now = snapshot();
    now.stats.own_rejects.insert(ErrorCode::F02_UNREACHABLE, 3);
    now.stats
        .own_rejects
        .insert(ErrorCode::T01_PEER_UNREACHABLE, 1);
    let text = show(now);
    assert!(
        text.contains("\nilp_own_rejects_total{code=\"F02\"} 3\n"),
        "{text}"
    );
    assert!(
        text.contains("\nilp_own_rejects_total{code=\"T01\"} 1\n"),
        "{text}"
    );
    // nobody would see it grow if it began with the first
    assert!(
        text.contains("\nilp_own_rejects_total{code=\"R02\"} 0\n"),
        "{text}"
    );
}

#[test]
fn the_histogram_adds_up() {
    let mut now = snapshot();
    for micros in [5, 10, 20, 1_000_000, 100_000_000] {
        now.stats.hop_time.record(Duration::from_micros(micros));
    }
    let text = show(now);
    let buckets: Vec<u64> = text
        .lines()
        .filter(|line| line.starts_with("ilp_hop_seconds_bucket"))
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(buckets.is_sorted(), "{buckets:?}");
    assert_eq!(buckets.last(), Some(&5));
    assert!(text.contains("\nilp_hop_seconds_count 5\n"));
    assert!(
        text.contains("\nilp_hop_seconds_sum 101.000035\n"),
        "{text}"
    );
    assert!(text.contains("\nilp_hop_seconds_bucket{le=\"0.000008\"} 1\n"));
    assert!(text.contains("\nilp_hop_seconds_bucket{le=\"+Inf\"} 5\n"));
}

#[test]
fn a_name_with_quotes_does_not_break_the_text() {
    let text = text(snapshot(), "a\"b\\\n", false, Timestamp::default());
    assert!(text.contains("node=\"a\\\"b\\\\\\n\""), "{text}");
    assert!(text.contains("\nilp_healthy 0.0\n"));
}

#[test]
fn the_start_is_told_in_seconds() {
    assert!(show(snapshot()).contains("\nprocess_start_time_seconds 1.5\n"));
}

#[test]
fn without_tls_there_is_no_certificate_and_no_family_of_it() {
    assert!(!show(snapshot()).contains("ilp_tls_certificate"));
}
