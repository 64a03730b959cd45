use ilp_router::PeerId;

use super::*;

const PACKET: PacketId = PacketId([7; 8]);

fn peer(name: &str) -> PeerId {
    name.parse().unwrap()
}

/// What a node says of a packet that it passes on.
fn told(packet: PacketId, from: &str, to: &str, expires_ms: i64) -> [Event; 4] {
    let destination = || "test.c.bob".parse().unwrap();
    [
        Event::PacketReceived {
            source: Source::Peer(peer(from)),
            packet,
            destination: destination(),
            amount: 5,
            expires_at: Timestamp::from_millis(expires_ms),
        },
        Event::RouteLookup {
            packet,
            destination: destination(),
            matched: Some("".into()),
            next_hop: Some(peer(to)),
        },
        Event::PacketForwarded {
            packet,
            destination: destination(),
            next_hop: peer(to),
            amount: 5,
        },
        Event::PacketAnswered {
            packet,
            to: Source::Peer(peer(from)),
            from: Source::Peer(peer(to)),
            code: None,
            message: String::new(),
            took: Duration::from_micros(1_500),
        },
    ]
}

fn path(expiries: [i64; 3]) -> Path {
    let mut path = Path::new(PACKET, 5, Timestamp::from_millis(9_000));
    let hops = [("a", "alice", "b"), ("b", "a", "c"), ("c", "b", "bob")];
    for ((node, from, to), expires_ms) in hops.into_iter().zip(expiries) {
        assert!(!path.is_complete());
        told(PACKET, from, to, expires_ms)
            .iter()
            .for_each(|event| path.add(node, event));
    }
    path
}

#[test]
fn a_whole_path_has_a_line_per_node_and_no_failures() {
    let mut path = path([9_000, 8_000, 7_000]);
    path.arrived(Some(Arrival {
        amount: 5,
        expires_at: Timestamp::from_millis(6_000),
    }));
    assert!(path.is_complete());
    assert_eq!(path.failures(), Vec::<String>::new());
    let expected = "\x20 at        from   amount  expires (UTC)  by route   to   answer after
  a         alice       5   00:00:09.000  (default)  b        1.500 ms
  b         a           5   00:00:08.000  (default)  c        1.500 ms
  c         b           5   00:00:07.000  (default)  bob      1.500 ms
  receiver  c           5   00:00:06.000
";
    assert_eq!(path.table(), expected);
}

#[test]
fn an_expiry_that_does_not_shrink_is_a_failure() {
    let mut path = path([9_000, 8_000, 8_000]);
    path.arrived(Some(Arrival {
        amount: 4,
        expires_at: Timestamp::from_millis(7_000),
    }));
    let failures = path.failures();
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert!(
        failures[0].contains("at c") && failures[1].contains("amount is 4"),
        "{failures:?}"
    );
}

#[test]
fn other_packets_are_not_looked_at() {
    let mut path = Path::new(PACKET, 5, Timestamp::from_millis(9_000));
    told(PacketId([8; 8]), "alice", "b", 1)
        .iter()
        .for_each(|event| path.add("a", event));
    assert!(
        path.failures()
            .iter()
            .any(|failure| failure.contains("a did not tell"))
    );
    assert!(!path.is_complete());
}
