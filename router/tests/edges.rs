//! One connector at the very moment at which something ends: to the nanosecond, and to the message.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use btp_proto::{Carrier, Frame, Protocol, Protocols, Secret, Transmit, put_ilp_frame};
use bytes::BytesMut;
use ilp_proto::{
    Addr, ErrorCode, Fulfill, Fulfillment, Instant, Now, Packet, Prepare, Reject, Timestamp, oer,
};
use ilp_router::config::{Config, PeerConfig, Relation};
use ilp_router::stats::PeerCounters;
use ilp_router::{Action, CloseReason, Connector, LinkId, Received};

const PREIMAGE: Fulfillment = Fulfillment([7; 32]);
const LIFE: Duration = Duration::from_secs(10);
/// The outgoing packet's.
const LESS: Duration = Duration::from_secs(9);
const NANO: Duration = Duration::from_nanos(1);

/// A connector `test.a` with two children: `payer` pays `payee`.
struct Desk {
    node: Connector,
    now: Now,
    payer: LinkId,
    payee: LinkId,
}

/// What a link was given to send.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    Prepare(u32),
    Fulfill(u32),
    Reject(u32, ErrorCode),
    Close,
    Other,
}

impl Desk {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let now = Now {
            mono: Instant::from_nanos(1_000_000_000),
            wall: Timestamp::from_millis(1_795_219_200_000),
        };
        let mut config = Config::new("a", "test.a".parse().unwrap());
        for name in ["payer", "payee"] {
            config.peers.push(PeerConfig {
                relation: Relation::Child,
                ..PeerConfig::new(name.parse().unwrap(), Secret::new(name))
            });
        }
        change(&mut config);
        let mut node = Connector::new(config, 1, now).unwrap();
        let [payer, payee] = ["payer", "payee"].map(|name| attach(&mut node, now, name));
        let mut desk = Self {
            node,
            now,
            payer,
            payee,
        };
        desk.sent(payer);
        desk.sent(payee);
        desk
    }

    /// Time passes and nobody calls.
    fn sleep(&mut self, time: Duration) {
        self.now.mono += time;
        self.now.wall = self.now.wall.saturating_add(time);
    }

    /// Time passes and the connector is called when it wants to be.
    fn wait(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some(due) = self.node.poll_timeout().filter(|due| *due <= end) {
            let early = due.saturating_duration_since(self.now.mono);
            self.sleep(early);
            self.node.handle_timeout(self.now);
        }
        let rest = end.saturating_duration_since(self.now.mono);
        self.sleep(rest);
    }

    /// All that a link has to send.
    fn sent(&mut self, link: LinkId) -> Vec<Sent> {
        let mut all = Vec::new();
        let mut out = BytesMut::new();
        let mut outgoing = self.node.transmit(self.now, link);
        while let Some(transmit) = outgoing.poll(&mut out) {
            let message = out.split();
            all.push(match transmit {
                Transmit::Binary { .. } => read(&message),
                Transmit::Close { .. } => Sent::Close,
                Transmit::Ping => Sent::Other,
            });
        }
        all
    }

    fn receive(&mut self, link: LinkId, frame: &[u8]) {
        self.node
            .handle_received(self.now, link, Received::Binary(frame));
    }

    /// The payer sends a PREPARE under this id; the id under which it has gone on.
    fn pay(&mut self, id: u32) -> u32 {
        let prepare = Prepare {
            amount: 5,
            expires_at: self.now.wall.saturating_add(LIFE),
            condition: PREIMAGE.condition(),
            destination: Addr::new("test.a.payee").unwrap(),
            data: b"",
        };
        let len = prepare.encoded_len();
        let frame = frame(Carrier::Message, id, len, |out| prepare.encode(out));
        self.receive(self.payer, &frame);
        match self.sent(self.payee)[..] {
            [Sent::Prepare(id)] => id,
            ref other => panic!("not one PREPARE: {other:?}"),
        }
    }

    fn fulfill(&mut self, id: u32) {
        let fulfill = Fulfill {
            fulfillment: PREIMAGE,
            data: b"",
        };
        let len = fulfill.encoded_len();
        let frame = frame(Carrier::Response, id, len, |out| fulfill.encode(out));
        self.receive(self.payee, &frame);
    }

    fn reject(&mut self, id: u32) {
        let reject = Reject {
            code: ErrorCode::F99_APPLICATION_ERROR,
            triggered_by: Some(Addr::new("test.a.payee").unwrap()),
            message: b"",
            data: b"",
        };
        let len = reject.encoded_len();
        let frame = frame(Carrier::Response, id, len, |out| reject.encode(out));
        self.receive(self.payee, &frame);
    }

    fn counters(&self, name: &str) -> PeerCounters {
        let mut peers = self.node.peers();
        let peer = peers.find(|peer| peer.config.id.as_str() == name);
        peer.unwrap().counters.clone()
    }

    /// What the payer owes us and we owe the payee.
    fn owed(&self) -> (u128, u128) {
        let all: Vec<_> = self.node.peers().map(|peer| peer.account.clone()).collect();
        // in the order of their names
        let [payee, payer] = &all[..] else {
            panic!("two peers")
        };
        assert_eq!((payer.held_incoming(), payee.held_outgoing()), (0, 0));
        (payer.receivable(), payee.payable())
    }
}

/// Somebody attaches and authenticates by this name, which is its secret as well.
fn attach(node: &mut Connector, now: Now, name: &str) -> LinkId {
    let link = node.handle_incoming(now, [192, 0, 2, 1].into()).unwrap();
    node.handle_upgraded(now, link, "/", None);
    let entries = [
        Protocol::octets("auth", b""),
        Protocol::text("auth_username", name),
        Protocol::text("auth_token", name),
    ];
    let mut frame = BytesMut::new();
    Frame::Message {
        id: 1,
        protocols: Protocols::new(&entries),
    }
    .encode(&mut frame);
    node.handle_received(now, link, Received::Binary(&frame));
    link
}

fn frame(carrier: Carrier, id: u32, len: usize, write: impl FnOnce(&mut BytesMut)) -> BytesMut {
    let mut frame = BytesMut::new();
    put_ilp_frame(&mut frame, carrier, id, len);
    write(&mut frame);
    frame
}

fn read(message: &[u8]) -> Sent {
    let frame = Frame::parse(message).unwrap();
    let Some(ilp) = frame.protocols().get("ilp") else {
        return Sent::Other;
    };
    match Packet::parse(ilp.data).unwrap() {
        Packet::Prepare(_) => Sent::Prepare(frame.id()),
        Packet::Fulfill(_) => Sent::Fulfill(frame.id()),
        Packet::Reject(reject) => Sent::Reject(frame.id(), reject.code),
    }
}

#[test]
fn a_fulfillment_is_in_time_to_the_nanosecond() {
    for (early, code) in [
        (NANO, None),
        (Duration::ZERO, Some(ErrorCode::R00_TRANSFER_TIMED_OUT)),
    ] {
        let mut desk = Desk::new();
        let id = desk.pay(4);
        desk.sleep(LESS - early);
        desk.fulfill(id);
        let counters = desk.counters("payee");
        let (paid, answer) = match code {
            None => (5, Sent::Fulfill(4)),
            Some(code) => (0, Sent::Reject(4, code)),
        };
        assert_eq!(desk.owed(), (paid, paid));
        assert_eq!(desk.sent(desk.payer), [answer]);
        assert_eq!(counters.fulfills_in, u64::from(code.is_none()));
        assert_eq!(counters.late_answers, u64::from(code.is_some()));
        assert_eq!(counters.expired, u64::from(code.is_some()));
        desk.wait(LIFE);
        assert_eq!(desk.sent(desk.payer), [], "one answer");
    }
}

#[test]
fn a_fulfillment_is_sent_until_the_incoming_packet_expires_and_not_then() {
    for (early, sent) in [(NANO, vec![Sent::Fulfill(4)]), (Duration::ZERO, vec![])] {
        let mut desk = Desk::new();
        let id = desk.pay(4);
        desk.sleep(LESS - NANO);
        desk.fulfill(id);
        // the payer's socket has no room meanwhile
        desk.sleep(LIFE - LESS + NANO - early);
        assert_eq!(desk.sent(desk.payer), sent);
        let lost = desk.counters("payer").dropped_fulfills;
        assert_eq!(lost, u64::from(early.is_zero()));
        assert_eq!(desk.owed(), (5, 5), "it was owed downstream");
    }
}

#[test]
fn a_packet_whose_time_is_found_to_be_over_late_is_still_answered() {
    let mut desk = Desk::new();
    desk.pay(4);
    // the whole process stood still
    desk.sleep(LIFE + LIFE);
    desk.node.handle_timeout(desk.now);
    desk.sleep(Duration::from_millis(900));
    let code = ErrorCode::R00_TRANSFER_TIMED_OUT;
    assert_eq!(desk.sent(desk.payer), [Sent::Reject(4, code)]);
}

#[test]
fn an_answer_does_not_go_out_on_a_link_that_has_been_replaced() {
    let mut desk = Desk::new();
    let id = desk.pay(4);
    let old = desk.payer;
    desk.payer = attach(&mut desk.node, desk.now, "payer");
    desk.fulfill(id);
    assert_eq!(desk.sent(old), [Sent::Close]);
    assert_eq!(desk.sent(desk.payer), [Sent::Other, Sent::Fulfill(4)]);
}

#[test]
fn a_packet_that_expires_after_its_link_was_replaced_is_t01() {
    let mut desk = Desk::new();
    desk.pay(4);
    desk.payee = attach(&mut desk.node, desk.now, "payee");
    desk.wait(LIFE - Duration::from_millis(100));
    let code = ErrorCode::T01_PEER_UNREACHABLE;
    assert_eq!(desk.sent(desk.payer), [Sent::Reject(4, code)]);
}

#[test]
fn answers_under_one_id_go_to_those_who_asked_however_often_it_was_used() {
    let mut desk = Desk::new();
    let first = desk.pay(4);
    let second = desk.pay(4);
    assert_ne!(first, second);
    desk.reject(second);
    desk.fulfill(first);
    let code = ErrorCode::F99_APPLICATION_ERROR;
    assert_eq!(
        desk.sent(desk.payer),
        [Sent::Reject(4, code), Sent::Fulfill(4)]
    );
    assert_eq!(desk.owed(), (5, 5));
}

#[test]
fn a_fulfill_is_passed_on_without_the_bytes_that_are_not_read() {
    for data in [&b""[..], b"thanks", &[1; 300]] {
        let fulfill = Fulfill {
            fulfillment: PREIMAGE,
            data,
        };
        let mut canonical = Vec::new();
        fulfill.encode(&mut canonical);
        let behind = [&canonical[..], &[9]].concat();
        let mut inside = behind.clone();
        let contents = canonical.len() - 32 - oer::var_octets_len(data.len());
        // the lowest byte of their length
        inside[contents - 1] += 1;
        for answer in [&canonical, &behind, &inside] {
            let mut desk = Desk::new();
            let id = desk.pay(77);
            let frame = frame(Carrier::Response, id, answer.len(), |out| {
                out.extend_from_slice(answer);
            });
            desk.receive(desk.payee, &frame);
            let mut out = BytesMut::new();
            let sent = desk.node.poll_transmit(desk.now, desk.payer, &mut out);
            assert!(sent.is_some());
            let frame = Frame::parse(&out).unwrap();
            let ilp = frame.protocols().get("ilp").unwrap();
            assert_eq!((frame.id(), ilp.data), (77, &canonical[..]));
        }
    }
}

#[test]
fn a_second_answer_of_any_kind_changes_nothing_and_is_counted() {
    let mut desk = Desk::new();
    let id = desk.pay(4);
    desk.fulfill(id);
    assert_eq!(desk.sent(desk.payer), [Sent::Fulfill(4)]);
    desk.fulfill(id);
    desk.reject(id);
    let empty = Frame::Response {
        id,
        protocols: Protocols::EMPTY,
    };
    let mut frame = BytesMut::new();
    empty.encode(&mut frame);
    desk.receive(desk.payee, &frame);
    assert_eq!(desk.sent(desk.payer), []);
    assert_eq!(desk.counters("payee").late_answers, 3);
    assert_eq!(desk.owed(), (5, 5));
}

#[test]
fn every_answer_is_in_the_time_that_hops_take_and_ends_its_flight_in_the_counts() {
    let mut desk = Desk::new();
    for (at, fulfilled) in [true, false].into_iter().enumerate() {
        let id = desk.pay(4);
        assert_eq!(desk.node.stats().in_flight, 1);
        desk.sleep(Duration::from_millis(3));
        match fulfilled {
            true => desk.fulfill(id),
            false => desk.reject(id),
        }
        assert_eq!(desk.node.stats().in_flight, 0);
        assert_eq!(desk.node.stats().hop_time.count(), at as u64 + 1);
    }
}

#[test]
fn a_peer_that_the_operator_disconnected_is_refused_when_it_dials() {
    let mut desk = Desk::new();
    let id = "payer".parse().unwrap();
    desk.node.disconnect_peer(desk.now, &id).unwrap();
    assert_eq!(desk.sent(desk.payer), [Sent::Close]);
    let closed = CloseReason::Broken("gone".into());
    desk.node.handle_closed(desk.now, desk.payer, closed);
    desk.payer = attach(&mut desk.node, desk.now, "payer");
    assert!(!desk.node.is_authenticated(desk.payer));
    assert_eq!(
        desk.sent(desk.payer),
        [Sent::Other, Sent::Close],
        "an ERROR"
    );
    desk.node.connect_peer(desk.now, &id).unwrap();
    desk.payer = attach(&mut desk.node, desk.now, "payer");
    assert!(desk.node.is_authenticated(desk.payer));
}

#[test]
fn a_drain_hangs_up_on_strangers_at_once_though_packets_are_in_flight() {
    let mut desk = Desk::new();
    desk.pay(4);
    let from = [192, 0, 2, 9].into();
    let silent = desk.node.handle_incoming(desk.now, from).unwrap();
    let upgraded = desk.node.handle_incoming(desk.now, from).unwrap();
    desk.node.handle_upgraded(desk.now, upgraded, "/", None);
    desk.node.shutdown(desk.now);
    let dropped = |action| matches!(action, Action::Drop { link } if link == silent);
    assert!(desk.node.poll_action().is_some_and(dropped));
    assert_eq!(desk.sent(upgraded), [Sent::Close]);
    assert_eq!(desk.sent(desk.payer), [], "the packet is seen through");
    assert_eq!(desk.node.in_flight(), 1);
}

#[test]
fn a_drain_ends_with_the_last_packet_however_that_ends() {
    for way in 0..4 {
        let mut desk = Desk::new();
        let id = desk.pay(4);
        desk.node.shutdown(desk.now);
        match way {
            0 => desk.fulfill(id),
            1 => desk.reject(id),
            // no packet at all
            2 => {
                let frame = frame(Carrier::Response, id, 1, |out| out.extend_from_slice(b"x"));
                desk.receive(desk.payee, &frame);
            }
            _ => {
                let gone = CloseReason::Broken("gone".into());
                desk.node.handle_closed(desk.now, desk.payee, gone);
                desk.wait(LESS - Duration::from_secs(1) - NANO);
                // within the eight seconds of the drain only what is lost with its link lasts longer
                assert_eq!(desk.sent(desk.payer), []);
                desk.wait(Duration::from_secs(1));
                assert_eq!(desk.sent(desk.payer), [Sent::Close]);
                continue;
            }
        }
        let mut sent = desk.sent(desk.payer);
        sent.extend(desk.sent(desk.payer));
        assert!(matches!(sent[..], [_, Sent::Close]), "way {way}: {sent:?}");
    }
}

#[test]
fn a_peer_that_takes_a_little_and_then_nothing_is_cut_off_a_stall_timeout_later() {
    let mut desk = Desk::with(|config| {
        config.limits.max_answer_buffer = 300;
        config.timeouts.keepalive_interval = Duration::ZERO;
        config.timeouts.max_hold = Duration::from_secs(100);
    });
    // each is refused, and no answer is taken
    for id in 0..20 {
        let frame = frame(Carrier::Message, id, 1, |out| out.extend_from_slice(b"x"));
        desk.receive(desk.payer, &frame);
    }
    assert!(!desk.node.wants_read(desk.payer));
    desk.wait(Duration::from_secs(20));
    let mut out = BytesMut::new();
    let taken = desk.node.poll_transmit(desk.now, desk.payer, &mut out);
    assert!(taken.is_some());
    assert!(!desk.node.wants_read(desk.payer), "still too many");
    desk.wait(Duration::from_secs(30) - NANO);
    assert!(desk.node.is_authenticated(desk.payer));
    desk.wait(NANO);
    assert!(!desk.node.is_authenticated(desk.payer), "it was cut off");
}

#[test]
fn a_peer_is_read_until_more_than_its_buffer_of_answers_waits() {
    // how long an answer is
    let mut desk = Desk::new();
    let id = desk.pay(1);
    desk.fulfill(id);
    let answer = |desk: &Desk| {
        let mut peers = desk.node.peers();
        let payer = peers.find(|peer| peer.config.id.as_str() == "payer");
        payer.unwrap().answer_bytes
    };
    let len = answer(&desk);
    let mut desk = Desk::with(|config| config.limits.max_answer_buffer = 3 * len);
    for request in 1..=3 {
        let id = desk.pay(request);
        desk.fulfill(id);
        assert!(desk.node.wants_read(desk.payer), "after {request}");
    }
    assert_eq!(answer(&desk), 3 * len);
    let id = desk.pay(4);
    desk.fulfill(id);
    assert!(!desk.node.wants_read(desk.payer));
}

#[test]
fn a_reject_is_given_a_name_as_long_as_it_still_fits() {
    for (room, named) in [(0, true), (1, false)] {
        let own = Addr::new("test.a").unwrap();
        let data = [0; 600];
        let reject = |triggered_by, data| Reject {
            code: ErrorCode::F99_APPLICATION_ERROR,
            triggered_by,
            message: b"",
            data,
        };
        let whole = reject(Some(own), &data[..]).encoded_len();
        let longest = btp_proto::ilp_frame_len(whole) - room;
        let mut desk = Desk::with(|config| config.limits.max_message = longest);
        let id = desk.pay(4);
        let sent = reject(None, &data[..]);
        let len = sent.encoded_len();
        let frame = frame(Carrier::Response, id, len, |out| sent.encode(out));
        desk.receive(desk.payee, &frame);
        let mut out = BytesMut::new();
        let transmit = desk.node.poll_transmit(desk.now, desk.payer, &mut out);
        assert!(matches!(transmit, Some(Transmit::Binary { .. })));
        let frame = Frame::parse(&out).unwrap();
        let Ok(Packet::Reject(got)) = Packet::parse(frame.protocols().get("ilp").unwrap().data)
        else {
            panic!("no REJECT")
        };
        assert_eq!(got.triggered_by, named.then_some(own));
        assert!(out.len() <= longest);
    }
}
