//! One connector and the bytes that a driver gives it and takes from it: what a network would hide.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use btp_proto::{Carrier, Frame, Protocol, Protocols, Secret, Transmit, put_ilp_frame};
use bytes::BytesMut;
use ilp_proto::{Instant, Now, Timestamp};
use ilp_router::config::{Config, Endpoint, PeerConfig, Relation};
use ilp_router::{Action, CloseReason, Connector, Event, LinkId, Received};

const SECRET: &str = "hunter2hunter2";

/// A connector with one child `x`, and a clock.
struct Single {
    node: Connector,
    now: Now,
}

impl Single {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let now = Now {
            mono: Instant::from_nanos(1_000_000_000),
            wall: Timestamp::from_millis(1_795_219_200_000),
        };
        let mut config = Config::new("a", "test.a".parse().unwrap());
        config.peers.push(PeerConfig {
            relation: Relation::Child,
            ..PeerConfig::new("x".parse().unwrap(), Secret::new(SECRET))
        });
        change(&mut config);
        let node = Connector::new(config, 1, now).unwrap();
        Self { node, now }
    }

    fn wait(&mut self, time: Duration) {
        self.now.mono += time;
        self.now.wall = self.now.wall.saturating_add(time);
        if self
            .node
            .poll_timeout()
            .is_some_and(|due| due <= self.now.mono)
        {
            self.node.handle_timeout(self.now);
        }
    }

    /// Somebody attaches with this name and token.
    fn attach(&mut self, name: &str, token: &str) -> LinkId {
        let link = self
            .node
            .handle_incoming(self.now, [192, 0, 2, 1].into())
            .unwrap();
        self.node.handle_upgraded(self.now, link, "/", None);
        let entries = [
            Protocol::octets("auth", b""),
            Protocol::text("auth_username", name),
            Protocol::text("auth_token", token),
        ];
        let mut frame = BytesMut::new();
        Frame::Message {
            id: 1,
            protocols: Protocols::new(&entries),
        }
        .encode(&mut frame);
        self.node
            .handle_received(self.now, link, Received::Binary(&frame));
        link
    }

    /// Attaches `x` and lets it ask for its address, without taking answers, until it is not read any more.
    fn paused() -> (Self, LinkId) {
        Self::paused_for(Duration::from_secs(3_600))
    }

    /// The same, with answers that are of use for so long.
    fn paused_for(time: Duration) -> (Self, LinkId) {
        let mut single = Self::new(|config| config.limits.max_answer_buffer = 20_000);
        let link = single.attach("x", SECRET);
        let mut request = ilp_proto::ildcp::request(single.now.wall);
        request.expires_at = single.now.wall.saturating_add(time);
        let mut frame = BytesMut::new();
        put_ilp_frame(&mut frame, Carrier::Message, 7, request.encoded_len());
        request.encode(&mut frame);
        for _ in 0..10_000 {
            if !single.node.wants_read(link) {
                break;
            }
            single
                .node
                .handle_received(single.now, link, Received::Binary(&frame));
        }
        assert!(!single.node.wants_read(link));
        (single, link)
    }

    fn resumed(&mut self) -> Vec<LinkId> {
        let actions = std::iter::from_fn(|| self.node.poll_action());
        actions
            .filter_map(|action| match action {
                Action::ResumeRead { link } => Some(link),
                _ => None,
            })
            .collect()
    }

    fn assert_no_secret_in_events(&mut self) {
        let mut events = 0;
        while let Some(event) = self.node.poll_event() {
            let shown = format!("{event:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            events += 1;
        }
        assert!(events > 0, "nothing was looked at");
    }
}

#[test]
fn a_peer_that_we_do_not_read_is_not_silent_while_it_takes_answers() {
    let (mut single, link) = Single::paused();
    let mut out = BytesMut::new();
    for second in 0..60 {
        single.wait(Duration::from_secs(1));
        let sent = single.node.poll_transmit(single.now, link, &mut out);
        assert!(
            matches!(sent, Some(Transmit::Binary { .. } | Transmit::Ping)),
            "after {second} s: {sent:?}"
        );
        assert!(!single.node.wants_read(link), "after {second} s");
    }
}

#[test]
fn a_peer_that_takes_nothing_is_cut_off_however_many_of_its_answers_expire_meanwhile() {
    let (mut single, link) = Single::paused_for(Duration::from_secs(10));
    // Its socket has no room, so nobody asks what is to be sent.
    for _ in 0..29 {
        single.wait(Duration::from_secs(1));
        assert!(!single.node.wants_read(link));
    }
    single.wait(Duration::from_secs(1));
    single.wait(Duration::from_secs(1));
    let stalled = std::iter::from_fn(|| single.node.poll_event())
        .filter(|event| matches!(event, Event::Stalled { .. }));
    assert_eq!(stalled.count(), 1);
    let mut actions = std::iter::from_fn(|| single.node.poll_action());
    assert!(actions.any(|action| matches!(action, Action::Drop { link: of } if of == link)));
}

#[test]
fn a_peer_that_has_taken_all_that_had_not_expired_is_read_again() {
    let (mut single, link) = Single::paused_for(Duration::from_secs(10));
    let mut out = BytesMut::new();
    let auth = single.node.poll_transmit(single.now, link, &mut out);
    assert!(matches!(auth, Some(Transmit::Binary { .. })), "{auth:?}");
    single.wait(Duration::from_secs(11));
    // Its socket has room again, but nothing is left that it could want.
    while let Some(sent) = single.node.poll_transmit(single.now, link, &mut out) {
        assert!(matches!(sent, Transmit::Ping), "{sent:?}");
    }
    assert!(single.node.wants_read(link));
    assert_eq!(single.resumed(), [link]);
}

#[test]
fn what_is_fetched_together_is_the_same_and_counts_the_same_as_one_by_one() {
    let (mut together, link) = Single::paused();
    let (mut one_by_one, same_link) = Single::paused();
    let (mut left, mut right) = (BytesMut::new(), BytesMut::new());
    let mut outgoing = together.node.transmit(together.now, link);
    while outgoing.poll(&mut left).is_some() {}
    drop(outgoing);
    while one_by_one
        .node
        .poll_transmit(one_by_one.now, same_link, &mut right)
        .is_some()
    {}
    assert!(left == right && !left.is_empty());
    let sent = |single: &Single| {
        let peers = single.node.peers();
        peers
            .map(|peer| (peer.counters.messages_out, peer.counters.bytes_out))
            .collect::<Vec<_>>()
    };
    assert_eq!(sent(&together), sent(&one_by_one));
    assert!(
        sent(&together)
            .iter()
            .any(|(_, bytes)| *bytes == left.len() as u64)
    );
    assert_eq!(together.resumed(), [link]);
    assert_eq!(one_by_one.resumed(), [same_link]);
}

#[test]
fn a_link_that_was_not_read_is_read_on_when_another_takes_its_place() {
    let (mut single, old) = Single::paused();
    single.attach("x", SECRET);
    assert!(single.node.wants_read(old));
    assert_eq!(single.resumed(), [old]);
}

#[test]
fn a_peer_holds_few_links_however_fast_it_opens_them() {
    let mut single = Single::new(|_| {});
    for _ in 0..1_000 {
        single.attach("x", SECRET);
    }
    assert!(
        single.node.open_links() <= 3,
        "{} links of one peer",
        single.node.open_links()
    );
}

#[test]
fn a_close_reason_that_quotes_our_secret_is_withheld() {
    let mut single = Single::new(|config| {
        config.peers[0].endpoint = Some(Endpoint {
            tls: false,
            host: "x".to_string(),
            port: 3000,
            path: "/".to_string(),
        });
    });
    let Some(Action::Dial { link, .. }) = single.node.poll_action() else {
        panic!("no dial");
    };
    single.node.handle_dialed(single.now, link);
    let reason = format!("bad token {SECRET}");
    single
        .node
        .handle_closed(single.now, link, CloseReason::Remote { code: 1008, reason });
    single.assert_no_secret_in_events();
}

#[test]
fn a_name_that_holds_a_secret_is_withheld() {
    for name in [
        SECRET.to_string(),
        format!("x:{SECRET}"),
        format!("{SECRET}\n"),
    ] {
        let mut single = Single::new(|_| {});
        single.attach(&name, "");
        single.assert_no_secret_in_events();
    }
}

#[test]
fn packet_events_leave_room_for_those_of_links() {
    let mut single = Single::new(|config| config.limits.event_ring = 40);
    single.node.set_packet_events(true);
    let link = single.attach("x", SECRET);
    let mut frame = BytesMut::new();
    put_ilp_frame(&mut frame, Carrier::Message, 7, 0);
    for _ in 0..100 {
        single
            .node
            .handle_received(single.now, link, Received::Binary(&frame));
    }
    while single.node.poll_event().is_some() {}
    let request = ilp_proto::ildcp::request(single.now.wall);
    let mut frame = BytesMut::new();
    put_ilp_frame(&mut frame, Carrier::Message, 7, request.encoded_len());
    request.encode(&mut frame);
    for _ in 0..100 {
        single
            .node
            .handle_received(single.now, link, Received::Binary(&frame));
    }
    assert_eq!(single.node.pending_events(), 30);
    single
        .node
        .handle_closed(single.now, link, CloseReason::Broken("gone".to_string()));
    let events: Vec<_> = std::iter::from_fn(|| single.node.poll_event()).collect();
    assert!(
        matches!(events.last(), Some(Event::Disconnected { .. })),
        "{events:?}"
    );
    assert!(single.node.stats().events_dropped > 0);
}

#[test]
fn a_peer_that_breaks_the_protocol_again_and_again_holds_few_links() {
    let mut single = Single::new(|_| {});
    for _ in 0..1_000 {
        let link = single.attach("x", SECRET);
        for _ in 0..3 {
            single
                .node
                .handle_received(single.now, link, Received::Text);
        }
    }
    let links = single.node.open_links();
    assert!(links <= 3, "{links} links of one peer");
}

#[test]
fn pings_and_pongs_are_no_messages() {
    let mut single = Single::new(|_| {});
    let link = single.attach("x", SECRET);
    for what in [Received::Ping, Received::Pong, Received::Text] {
        single.node.handle_received(single.now, link, what);
    }
    let peer = single.node.peers().next().unwrap();
    assert_eq!(peer.counters.messages_in, 1, "the text message");
}

#[test]
fn what_strangers_send_that_cannot_be_read_is_counted() {
    let mut single = Single::new(|_| {});
    for what in [Received::Text, Received::Binary(b"nonsense")] {
        let link = single
            .node
            .handle_incoming(single.now, [192, 0, 2, 1].into())
            .unwrap();
        single.node.handle_upgraded(single.now, link, "/", None);
        single.node.handle_received(single.now, link, what);
    }
    assert_eq!(single.node.stats().unreadable, 2);
    let peer = single.node.peers().next().unwrap();
    assert_eq!(peer.counters.unreadable, 0, "it was not the peer");
}

/// What is told after y, whose secret is [`SECRET`] too, has answered a packet with this BTP ERROR.
fn events_after_error(name: &str, data: &str) -> Vec<Event> {
    let mut single = Single::new(|config| {
        config.peers.push(PeerConfig {
            relation: Relation::Child,
            ..PeerConfig::new("y".parse().unwrap(), Secret::new(SECRET))
        });
        config.peers[0].secret = Some(Secret::new("x"));
    });
    let from = single.attach("x", "x");
    let to = single.attach("y", SECRET);
    let prepare = ilp_proto::Prepare {
        destination: ilp_proto::Addr::new("test.a.y").unwrap(),
        ..ilp_proto::ildcp::request(single.now.wall)
    };
    let mut frame = BytesMut::new();
    put_ilp_frame(&mut frame, Carrier::Message, 7, prepare.encoded_len());
    prepare.encode(&mut frame);
    single
        .node
        .handle_received(single.now, from, Received::Binary(&frame));
    let mut out = BytesMut::new();
    while let Some(Transmit::Binary { len }) = single.node.poll_transmit(single.now, to, &mut out) {
        let message = out.split_off(out.len() - len);
        let frame = Frame::parse(&message).unwrap();
        let Frame::Message { id, .. } = frame else {
            continue;
        };
        let mut error = BytesMut::new();
        Frame::Error {
            id,
            error: btp_proto::BtpError {
                code: btp_proto::BtpCode::F00_NOT_ACCEPTED,
                name,
                triggered_at: single.now.wall,
                data: data.as_bytes(),
            },
            protocols: Protocols::EMPTY,
        }
        .encode(&mut error);
        single
            .node
            .handle_received(single.now, to, Received::Binary(&error));
    }
    std::iter::from_fn(|| single.node.poll_event()).collect()
}

/// What the events tell of errors.
fn errors_in(events: &[Event]) -> Vec<&str> {
    let errors = events.iter().filter_map(|event| match event {
        Event::BtpError { message, .. } => Some(message.as_str()),
        _ => None,
    });
    errors.collect()
}

#[test]
fn what_a_peer_says_in_an_error_is_cut() {
    let events = events_after_error(&"n".repeat(1_000), &"d".repeat(1_000));
    let [said] = errors_in(&events)[..] else {
        panic!("{events:?}");
    };
    assert_eq!(said.chars().count(), 256);
}

#[test]
fn an_error_that_quotes_our_secret_is_withheld() {
    let hidden = SECRET.replace('2', "2\u{7}");
    // whole, with control characters that are left out, and where the text is cut
    let cut = format!("{}{SECRET}", "d".repeat(250));
    for data in [SECRET, &hidden, &cut] {
        let events = events_after_error("F00", data);
        let [said] = errors_in(&events)[..] else {
            panic!("{events:?}");
        };
        assert!(said.contains("withheld"), "{said}");
        assert!(!said.contains("hunt"), "{said}");
    }
}

#[test]
fn an_empty_secret_is_no_secret() {
    let mut config = Config::new("a", "test.a".parse().unwrap());
    let x: ilp_router::PeerId = "x".parse().unwrap();
    config
        .peers
        .push(PeerConfig::new(x.clone(), Secret::new("")));
    let refused = Connector::new(config, 1, Now::default()).err();
    assert_eq!(
        refused,
        Some(ilp_router::config::ConfigError::EmptySecret(x))
    );
}

#[test]
fn a_peer_was_last_seen_when_something_last_came_from_it() {
    let mut single = Single::new(|_| {});
    let seen = |single: &Single| single.node.peers().next().unwrap().last_seen;
    assert_eq!(seen(&single), None);
    let link = single.attach("x", SECRET);
    assert_eq!(seen(&single), Some(single.now.mono));
    for what in [Received::Pong, Received::Text] {
        single.wait(Duration::from_secs(1));
        assert_ne!(seen(&single), Some(single.now.mono));
        single.node.handle_received(single.now, link, what);
        assert_eq!(seen(&single), Some(single.now.mono));
    }
    single
        .node
        .handle_closed(single.now, link, CloseReason::Broken("gone".to_string()));
    single.wait(Duration::from_secs(1));
    assert!(seen(&single).is_some(), "it outlives the link");
}

#[test]
fn a_peer_has_no_more_packets_in_flight_than_the_documents_say_whatever_is_set() {
    let mut single = Single::new(|config| {
        let everything = usize::MAX / 2;
        (config.limits.max_in_flight, config.limits.max_send_buffer) = (everything, everything);
        for id in ["y", "z"] {
            let secret = Secret::new(id);
            config
                .peers
                .push(PeerConfig::new(id.parse().unwrap(), secret));
        }
        for peer in &mut config.peers {
            (peer.relation, peer.max_in_flight) = (Relation::Child, everything);
        }
    });
    let link = single.attach("x", SECRET);
    for id in ["y", "z"] {
        single.attach(id, id);
    }
    for n in 0..66_000 {
        let to = ["test.a.y", "test.a.z"][n % 2];
        let prepare = ilp_proto::Prepare {
            destination: ilp_proto::Addr::new(to).unwrap(),
            ..ilp_proto::ildcp::request(single.now.wall)
        };
        let mut frame = BytesMut::new();
        put_ilp_frame(
            &mut frame,
            Carrier::Message,
            n as u32,
            prepare.encoded_len(),
        );
        prepare.encode(&mut frame);
        single
            .node
            .handle_received(single.now, link, Received::Binary(&frame));
    }
    let mut peers = single.node.peers();
    let x = peers.find(|peer| peer.config.id.as_str() == "x").unwrap();
    assert_eq!(x.in_flight_in, 65_536);
}
