//! Two connectors and a payment, in memory and in virtual time: `cargo run -p ilp-router --example pair`.
//!
//! ```text
//!   alice ── connector a ── connector b ── bob
//! ```
//!
//! Nothing in here reads a clock, opens a socket or sleeps. All that a driver does is to carry messages from the
//! `poll_transmit` of one end to the `handle_*` of the other, and to say what time it is.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use btp_proto::{
    AnswerKind, Answers, Connection, Credentials, Inbound, Requests, Secret, Transmit,
};
use bytes::BytesMut;
use ilp_proto::{Addr, Fulfill, Fulfillment, Instant, Now, Packet, Prepare, Timestamp};
use ilp_router::config::{
    Endpoint,
    Relation::{Child, Peer},
    RouteConfig,
};
use ilp_router::{Action, Connector, LinkId, Received};

#[path = "common/config.rs"]
mod config;
use config::{config, neighbour};

/// One end of a link.
trait End {
    fn transmit(&mut self, now: Now, out: &mut BytesMut) -> Option<Transmit>;
    fn receive(&mut self, now: Now, message: &[u8]);
}

/// A connector has many links; this is the end of one.
struct At<'a>(&'a mut Connector, LinkId);

impl End for At<'_> {
    fn transmit(&mut self, now: Now, out: &mut BytesMut) -> Option<Transmit> {
        self.0.poll_transmit(now, self.1, out)
    }
    fn receive(&mut self, now: Now, message: &[u8]) {
        self.0
            .handle_received(now, self.1, Received::Binary(message));
    }
}

/// A customer: a BTP connection and the two things that outlive it, what we asked and what we owe.
struct Wallet {
    connection: Connection,
    asked: Requests<&'static str>,
    owed: Answers,
}

/// What a payment is locked with. Bob could make it from what Alice sent; here both just know it.
const PREIMAGE: Fulfillment = Fulfillment([7; 32]);

impl Wallet {
    fn new(name: &str, now: Now) -> Self {
        let credentials = Credentials {
            username: Some(name.into()),
            token: Secret::new(name),
        };
        let connection = Connection::client(Arc::default(), &credentials, now.mono, 1);
        Self {
            connection,
            asked: Requests::new(16, 0),
            owed: Answers::new(1 << 16),
        }
    }

    fn pay(&mut self, packet: &Prepare<'_>) -> Result<(), Box<dyn Error>> {
        let id = self.asked.insert("the payment").map_err(|_| "too many")?;
        self.connection
            .request(id, packet.encoded_len(), |out| packet.encode(out))?;
        Ok(())
    }
}

impl End for Wallet {
    fn transmit(&mut self, now: Now, out: &mut BytesMut) -> Option<Transmit> {
        self.connection
            .poll_transmit(now.mono, Some(&mut self.owed), out)
    }
    fn receive(&mut self, now: Now, message: &[u8]) {
        match self.connection.handle_message(now, message) {
            Inbound::Request { id, ilp } => {
                println!("{}  bob is asked: {:?}", now.wall, Packet::parse(ilp));
                let (packet, until) = (
                    Fulfill {
                        fulfillment: PREIMAGE,
                        data: &[],
                    },
                    now.mono + Duration::from_secs(9),
                );
                self.owed.respond(
                    AnswerKind::Fulfill,
                    until,
                    id,
                    packet.encoded_len(),
                    |out| packet.encode(out),
                );
            }
            Inbound::Answer { id, ilp } => {
                println!(
                    "{}  alice: {:?} is answered: {:?}",
                    now.wall,
                    self.asked.take(id),
                    Packet::parse(ilp)
                );
            }
            _ => {} // auth, which the connection sees to
        }
    }
}

/// Carries what two ends have for each other.
fn exchange(now: Now, left: &mut dyn End, right: &mut dyn End) {
    let mut message = BytesMut::new();
    for (from, to) in [(&mut *left, &mut *right), (right, left)] {
        while let Some(Transmit::Binary { len }) = from.transmit(now, &mut message) {
            to.receive(now, &message.split_to(len));
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut now = Now {
        mono: Instant::ZERO,
        wall: Timestamp::from_millis(1_795_219_200_000),
    };

    // a dials b; each has a customer, whose address and route come by themselves
    let at_b = Endpoint {
        tls: false,
        host: "b".into(),
        port: 3000,
        path: "/".into(),
    };
    let mut a = config("a", "test.a".parse()?);
    a.peers
        .push(neighbour("b".parse()?, "secret", Some(at_b), Peer));
    a.peers
        .push(neighbour("alice".parse()?, "alice", None, Child));
    a.routes.push(RouteConfig {
        prefix: "test.b".parse()?,
        next_hop: "b".parse()?,
        priority: 0,
    });
    let mut b = config("b", "test.b".parse()?);
    b.peers.push(neighbour("a".parse()?, "secret", None, Peer));
    b.peers.push(neighbour("bob".parse()?, "bob", None, Child));
    let (mut a, mut b) = (Connector::new(a, 1, now)?, Connector::new(b, 2, now)?);
    let (mut alice, mut bob) = (Wallet::new("alice", now), Wallet::new("bob", now));

    // a connector says what it wants: here, a connection to b, which we grant
    let Some(Action::Dial { link: a_to_b, .. }) = a.poll_action() else {
        return Err("a does not dial".into());
    };
    let mut accept = |at: &mut Connector| -> Result<LinkId, Box<dyn Error>> {
        let link = at.handle_incoming(now, [127, 0, 0, 1].into())?;
        at.handle_upgraded(now, link, "/", None);
        Ok(link)
    };
    let (b_to_a, a_to_alice, b_to_bob) = (accept(&mut b)?, accept(&mut a)?, accept(&mut b)?);
    a.handle_dialed(now, a_to_b);

    for turn in 0..20 {
        if turn == 5 {
            let expires_at = now.wall.saturating_add(Duration::from_secs(10));
            let (condition, destination) = (PREIMAGE.condition(), Addr::new("test.b.bob")?);
            alice.pay(&Prepare {
                amount: 100,
                expires_at,
                condition,
                destination,
                data: &[],
            })?;
        }
        exchange(now, &mut alice, &mut At(&mut a, a_to_alice));
        exchange(now, &mut At(&mut a, a_to_b), &mut At(&mut b, b_to_a));
        exchange(now, &mut At(&mut b, b_to_bob), &mut bob);
        // 5 ms go by, in no time
        now.mono = now.mono + Duration::from_millis(5);
        now.wall = now.wall.saturating_add(Duration::from_millis(5));
        a.handle_timeout(now);
        b.handle_timeout(now);
    }
    for peer in a.peers() {
        println!("a and {}: {:?}", peer.config.id, peer.account);
    }
    Ok(())
}
