//! A whole connector, with messages in memory.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{self, Duration};

use btp_proto::{Carrier, Frame, Protocol, Protocols, Secret, Transmit, put_ilp_frame};
use bytes::BytesMut;
use ilp_proto::{
    Addr, ErrorCode, Fulfill, Fulfillment, Instant, Now, Packet, Prepare, Reject, Timestamp,
};
use ilp_router::config::{Config, PeerConfig, RouteConfig};
use ilp_router::{Connector, LinkId, Received};

use super::Random;

const EPOCH: i64 = 1_795_219_200_000;
/// Frames to choose from, with as many destinations.
const FRAMES: usize = 4_096;
/// What the clock moves on for each packet.
const PER_PACKET: Duration = Duration::from_nanos(200);

/// What a connector is put under.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Lines of the routing table.
    pub(crate) routes: usize,
    /// Peers: half of them send, half of them receive.
    pub(crate) peers: usize,
    /// Packets that wait for their answers, all the time.
    pub(crate) in_flight: usize,
    /// Packets that are handed over together, and their answers: what one read of a socket brings.
    pub(crate) batch: usize,
    /// What packets are answered with.
    pub(crate) answer: Answer,
    /// Which packets are answered first.
    pub(crate) order: Order,
    /// How messages are handed over.
    pub(crate) hand: Hand,
}

/// How what one link brings gets into the connector.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hand {
    /// All messages in a row of one link at once, as a driver does it with a read.
    Read,
    /// Message by message.
    OneByOne,
}

/// In which order receivers answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// In the order they were asked.
    Oldest,
    /// In none: whatever belongs to a packet has long left the cache.
    Random,
}

/// How receivers answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// With the money.
    Fulfill,
    /// Without. Nothing is hashed.
    Reject,
}

impl Load {
    /// 10,000 routes, 50,000 packets in flight between two peers, 32 packets to a batch, answers in no order.
    pub(crate) const TYPICAL: Self = Self {
        routes: 10_000,
        peers: 2,
        in_flight: 50_000,
        batch: 32,
        answer: Answer::Fulfill,
        order: Order::Random,
        hand: Hand::Read,
    };
}

/// A connector and the two sides around it.
pub(crate) struct Node {
    connector: Connector,
    now: Now,
    random: Random,
    load: Load,
    senders: Vec<LinkId>,
    /// All frames are of one length and lie one behind the other, as they would in a read buffer.
    frames: Vec<u8>,
    frame_len: usize,
    next_frame: usize,
    answer: Vec<u8>,
    /// The next batch of answers, and that of packets.
    answers: Batch,
    packets: Batch,
    /// What receivers have yet to answer.
    waiting: VecDeque<(LinkId, u32)>,
    /// What was sent for the answers, and for the packets.
    back: Sent,
    forth: Sent,
    answered: u64,
}

/// Messages of one length, one behind the other as a socket puts them into a read buffer, and where each came from.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    links: Vec<LinkId>,
}

impl Batch {
    fn clear(&mut self) {
        self.bytes.clear();
        self.links.clear();
    }

    fn push(&mut self, link: LinkId, message: &[u8]) {
        self.bytes.extend_from_slice(message);
        self.links.push(link);
    }

    fn give(&self, hand: Hand, now: Now, connector: &mut Connector) {
        let mut rest = self.bytes.as_slice();
        let len = rest.len() / self.links.len().max(1);
        for run in self.links.chunk_by(|a, b| a == b) {
            let (read, behind) = black_box(rest).split_at(len * run.len());
            rest = behind;
            let messages = read.chunks_exact(len).map(Received::Binary);
            if hand == Hand::Read {
                connector.handle_read(now, run[0], messages);
            } else {
                for message in messages {
                    connector.handle_received(now, run[0], message);
                }
            }
        }
    }
}

/// Messages as a driver would write them, to whom, and the length of each.
struct Sent {
    bytes: BytesMut,
    to: Vec<(LinkId, usize)>,
}

impl Sent {
    fn new() -> Self {
        Self {
            bytes: BytesMut::with_capacity(1 << 16),
            to: Vec::new(),
        }
    }

    fn fetch(&mut self, now: Now, connector: &mut Connector) {
        while let Some(link) = connector.poll_writable() {
            let mut outgoing = connector.transmit(now, link);
            while let Some(sent) = outgoing.poll(&mut self.bytes) {
                if let Transmit::Binary { len } = sent {
                    self.to.push((link, len));
                }
            }
        }
        black_box(&self.bytes);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.to.clear();
    }
}

impl Node {
    /// Everybody connected, and as much in flight as the load says.
    pub(crate) fn new(load: Load) -> Self {
        let now = at(Instant::from_nanos(1_000_000_000));
        let (connector, senders) = connected(load, now);
        let mut random = Random(1);
        let (frames, frame_len) = frames(load.routes, &mut random);
        let mut node = Self {
            connector,
            now,
            random,
            load,
            senders,
            frames,
            frame_len,
            next_frame: 0,
            answer: answer(load.answer),
            answers: Batch::default(),
            packets: Batch::default(),
            waiting: VecDeque::with_capacity(load.in_flight + load.batch),
            back: Sent::new(),
            forth: Sent::new(),
            answered: 0,
        };
        while node.waiting.len() < load.in_flight {
            node.prepare(0, load.batch.min(load.in_flight - node.waiting.len()));
            node.work();
            node.note();
        }
        node
    }

    /// One batch: some of the packets in flight are answered, and as many new ones sent.
    pub(crate) fn turn(&mut self) {
        self.prepare(self.load.batch, self.load.batch);
        self.work();
        self.note();
    }

    /// The same, and how long the connector took for it. What the two sides around it take is not in there: drawing
    /// packets at random takes them 20 to 30 ns each, and their records as many cache misses as the connector's.
    pub(crate) fn timed_turn(&mut self) -> Duration {
        self.prepare(self.load.batch, self.load.batch);
        #[expect(clippy::disallowed_methods, reason = "a bench has a clock")]
        let start = time::Instant::now();
        self.work();
        let took = start.elapsed();
        self.note();
        took
    }

    /// The oldest packets in flight are answered, all but so many.
    pub(crate) fn answer_all_but(&mut self, left: usize) {
        while self.waiting.len() > left {
            self.prepare(self.load.batch.min(self.waiting.len() - left), 0);
            self.work();
            self.note();
        }
    }

    /// Nothing happens for so long, and then all that is due by now is done: in how many calls.
    pub(crate) fn wait(&mut self, pause: Duration) -> usize {
        self.now = at(self.now.mono + pause);
        let mut calls = 0;
        while let Some(due) = self.connector.poll_timeout()
            && due <= self.now.mono
        {
            self.connector.handle_timeout(self.now);
            calls += 1;
        }
        calls
    }

    /// All that is in flight is answered, and then nothing happens for so long.
    pub(crate) fn rest(&mut self, pause: Duration) {
        self.answer_all_but(0);
        self.wait(pause);
        while let Some(link) = self.connector.poll_writable() {
            let out = &mut self.back.bytes;
            out.clear();
            while let Some(sent) = self.connector.poll_transmit(self.now, link, out) {
                assert_eq!(sent, Transmit::Ping);
            }
        }
        while self.connector.poll_event().is_some() {}
    }

    /// The messages of the last turn, one behind the other: those to the senders, and those to the receivers.
    pub(crate) fn sent(&self) -> [&[u8]; 2] {
        [&self.back.bytes, &self.forth.bytes]
    }

    /// Answers that came back to the senders.
    pub(crate) fn answered(&self) -> u64 {
        self.answered
    }

    /// Packets in flight as the connector counts them.
    pub(crate) fn in_flight(&self) -> usize {
        self.connector.in_flight()
    }

    /// FULFILLs and REJECTs that went to the senders, as the connector counts them.
    pub(crate) fn answers_out(&self) -> (u64, u64) {
        self.connector
            .peers()
            .fold((0, 0), |(fulfills, rejects), peer| {
                let counters = peer.counters;
                (
                    fulfills + counters.fulfills_out,
                    rejects + counters.rejects_out,
                )
            })
    }

    /// Reads as many answers as are wanted or there are, and as many packets.
    fn prepare(&mut self, answers: usize, packets: usize) {
        self.answers.clear();
        for _ in 0..answers.min(self.waiting.len()) {
            if self.load.order == Order::Random {
                let index = self.random.below(self.waiting.len());
                self.waiting.swap(0, index);
            }
            let (link, id) = self.waiting.pop_front().unwrap();
            self.answer[1..5].copy_from_slice(&id.to_be_bytes());
            self.answers.push(link, &self.answer);
        }
        self.packets.clear();
        for _ in 0..packets {
            let start = self.next_frame * self.frame_len;
            self.next_frame = (self.next_frame + 1) % FRAMES;
            let frame = &self.frames[start..start + self.frame_len];
            let sender = match self.senders.as_slice() {
                [only] => *only,
                senders => senders[self.random.below(senders.len())],
            };
            self.packets.push(sender, frame);
        }
    }

    /// What the connector has to do with them.
    fn work(&mut self) {
        self.back.clear();
        self.forth.clear();
        let connector = &mut self.connector;
        let hand = self.load.hand;
        self.answers.give(hand, self.now, connector);
        self.back.fetch(self.now, connector);
        self.now = at(self.now.mono + PER_PACKET * self.packets.links.len() as u32);
        self.packets.give(hand, self.now, connector);
        self.forth.fetch(self.now, connector);
        if connector
            .poll_timeout()
            .is_some_and(|at| at <= self.now.mono)
        {
            connector.handle_timeout(self.now);
        }
    }

    /// Takes down what came of it.
    fn note(&mut self) {
        let (asked, answered) = (self.packets.links.len(), self.answers.links.len());
        assert_eq!(self.back.to.len(), answered, "an answer was lost");
        self.answered += answered as u64;
        assert_eq!(self.forth.to.len(), asked, "a packet was not forwarded");
        let mut at = 0;
        for &(link, len) in &self.forth.to {
            let id = u32::from_be_bytes(self.forth.bytes[at + 1..at + 5].try_into().unwrap());
            self.waiting.push_back((link, id));
            at += len;
        }
    }
}

/// The time when a monotonic clock shows this.
fn at(mono: Instant) -> Now {
    let millis = (mono.as_nanos() / 1_000_000) as i64;
    Now {
        mono,
        wall: Timestamp::from_millis(EPOCH + millis),
    }
}

/// A connector with everybody connected and nothing in flight, and the links of the senders.
fn connected(load: Load, now: Now) -> (Connector, Vec<LinkId>) {
    let pairs = (load.peers / 2).max(1);
    let mut connector = Connector::new(config(load, pairs), 1, now).unwrap();
    let mut out = BytesMut::with_capacity(1 << 16);
    let mut senders = Vec::with_capacity(pairs);
    for pair in 0..pairs {
        senders.push(attach(&mut connector, now, &format!("s{pair}"), &mut out));
        attach(&mut connector, now, &format!("r{pair}"), &mut out);
    }
    while connector.poll_event().is_some() {}
    while connector.poll_writable().is_some() {}
    (connector, senders)
}

fn config(load: Load, pairs: usize) -> Config {
    let mut config = Config::new("hub", "test.hub".parse().unwrap());
    for pair in 0..pairs {
        for id in [format!("s{pair}"), format!("r{pair}")] {
            config.peers.push(PeerConfig {
                max_in_flight: 1 << 16,
                ..PeerConfig::new(id.parse().unwrap(), Secret::new(&id))
            });
        }
    }
    config.limits.max_in_flight = 1 << 20;
    config.routes = (0..load.routes)
        .map(|route| RouteConfig {
            prefix: format!("test.r{route:07}").parse().unwrap(),
            next_hop: format!("r{}", route % pairs).parse().unwrap(),
            priority: 0,
        })
        .collect();
    config
}

fn attach(connector: &mut Connector, now: Now, id: &str, out: &mut BytesMut) -> LinkId {
    let link = connector
        .handle_incoming(now, [127, 0, 0, 1].into())
        .unwrap();
    connector.handle_upgraded(now, link, "/", None);
    let entries = [
        Protocol::octets("auth", b""),
        Protocol::text("auth_username", id),
        Protocol::text("auth_token", id),
    ];
    let auth = Frame::Message {
        id: 1,
        protocols: Protocols::new(&entries),
    };
    let mut wire = Vec::new();
    auth.encode(&mut wire);
    connector.handle_received(now, link, Received::Binary(&wire));
    while let Some(transmit) = connector.poll_transmit(now, link, out) {
        assert!(
            matches!(transmit, Transmit::Binary { .. }),
            "{id} was refused"
        );
    }
    out.clear();
    link
}

/// PREPAREs in their MESSAGEs, to destinations behind all routes, and the length of each.
fn frames(routes: usize, random: &mut Random) -> (Vec<u8>, usize) {
    let condition = Fulfillment([7; 32]).condition();
    let mut out = BytesMut::new();
    for frame in 0..FRAMES {
        let destination = format!("test.r{:07}.checkout.f3a9b2", random.below(routes));
        let prepare = Prepare {
            amount: 1_000,
            expires_at: Timestamp::from_millis(EPOCH + 24_000 + frame as i64),
            condition,
            destination: Addr::new(&destination).unwrap(),
            data: &[0x5a; 256],
        };
        put_ilp_frame(
            &mut out,
            Carrier::Message,
            frame as u32,
            prepare.encoded_len(),
        );
        prepare.encode(&mut out);
    }
    let len = out.len() / FRAMES;
    assert_eq!(len * FRAMES, out.len());
    (out.to_vec(), len)
}

fn answer(kind: Answer) -> Vec<u8> {
    let packet = match kind {
        Answer::Fulfill => Packet::from(Fulfill {
            fulfillment: Fulfillment([7; 32]),
            data: b"",
        }),
        Answer::Reject => Packet::from(Reject {
            code: ErrorCode::F99_APPLICATION_ERROR,
            triggered_by: Some(Addr::new("test.r0.checkout").unwrap()),
            message: b"sold out",
            data: b"",
        }),
    };
    let mut out = BytesMut::new();
    put_ilp_frame(&mut out, Carrier::Response, 0, packet.encoded_len());
    packet.encode(&mut out);
    out.to_vec()
}
