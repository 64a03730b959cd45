//! Two connectors and a payment, in memory and in virtual time: `cargo run -p ilp-router --example pair`.
//!
//! ```text
//!   alice ── connector a ── connector b ── bob
//! ```
//!
//! Nothing in here reads a clock, opens a socket or sleeps. All that a driver does is to carry messages from the
//! `poll_transmit` of one end to the `handle_*` of the other, and to say what time it is.

use std::error::Error;
use std::time::Duration;

use btp_proto::Transmit;
use bytes::BytesMut;
use ilp_proto::{Addr, Instant, Now, Timestamp};
use ilp_router::config::{Config, Relation};
use ilp_router::{Action, Connector, LinkId, Received};

#[path = "common/config.rs"]
mod config;
#[path = "common/wallet.rs"]
mod wallet;
use config::{endpoint, neighbour, route};
use wallet::Wallet;

/// One end of a link.
enum End<'a> {
    Customer(&'a mut Wallet),
    /// A connector has many links; this is one of them.
    At(&'a mut Connector, LinkId),
}
use End::{At, Customer};

impl End<'_> {
    fn transmit(&mut self, now: Now, out: &mut BytesMut) -> Option<Transmit> {
        match self {
            Customer(wallet) => wallet.transmit(now, out),
            At(connector, link) => connector.poll_transmit(now, *link, out),
        }
    }

    fn receive(&mut self, now: Now, message: &[u8]) {
        match self {
            Customer(wallet) => wallet.receive(now, message),
            At(connector, link) => {
                connector.handle_received(now, *link, Received::Binary(message));
            }
        }
    }
}

/// Carries what two ends have for each other.
fn exchange(now: Now, mut left: End<'_>, mut right: End<'_>) {
    let mut message = BytesMut::new();
    while let Some(Transmit::Binary { len }) = left.transmit(now, &mut message) {
        right.receive(now, &message.split_to(len));
    }
    while let Some(Transmit::Binary { len }) = right.transmit(now, &mut message) {
        left.receive(now, &message.split_to(len));
    }
}

/// Somebody connects to `connector`.
fn accept(connector: &mut Connector, now: Now) -> Result<LinkId, Box<dyn Error>> {
    let link = connector.handle_incoming(now, [127, 0, 0, 1].into())?;
    connector.handle_upgraded(now, link, "/", None);
    Ok(link)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mono, wall) = (Instant::ZERO, Timestamp::from_millis(1_795_219_200_000));
    let mut now = Now { mono, wall };

    // each connector has a customer, its child, whose address and route come by themselves
    let (peer, child) = (Relation::Peer, Relation::Child);
    let mut a = Config::new("a", "test.a".parse()?);
    let alice = neighbour("alice".parse()?, "alice's secret", None, child);
    let at_b = Some(endpoint("b", 3000, "/"));
    a.peers = vec![alice, neighbour("b".parse()?, "ab", at_b, peer)];
    a.routes = vec![route("test.b".parse()?, "b".parse()?)];
    let mut b = Config::new("b", "test.b".parse()?);
    let bob = neighbour("bob".parse()?, "bob's secret", None, child);
    b.peers = vec![bob, neighbour("a".parse()?, "ab", None, peer)];
    let (mut a, mut b) = (Connector::new(a, 1, now)?, Connector::new(b, 2, now)?);

    // a connector says what it wants done: here, a connection to b
    let Some(Action::Dial { link: a_to_b, .. }) = a.poll_action() else {
        return Err("a does not dial".into());
    };
    let b_to_a = accept(&mut b, now)?;
    a.handle_dialed(now, a_to_b);
    let (a_to_alice, b_to_bob) = (accept(&mut a, now)?, accept(&mut b, now)?);
    let mut alice = Wallet::new("alice", "alice's secret", now);
    let mut bob = Wallet::new("bob", "bob's secret", now);

    for turn in 0..10 {
        if turn == 3 && !alice.pay(now, Addr::new("test.b.bob")?, 100) {
            return Err("alice is not connected".into());
        }
        exchange(now, Customer(&mut alice), At(&mut a, a_to_alice));
        exchange(now, At(&mut a, a_to_b), At(&mut b, b_to_a));
        exchange(now, At(&mut b, b_to_bob), Customer(&mut bob));
        // 5 ms go by, in no time
        now.mono += Duration::from_millis(5);
        now.wall = now.wall.saturating_add(Duration::from_millis(5));
        a.handle_timeout(now);
        b.handle_timeout(now);
        let (spent, income) = (alice.spent, bob.income);
        println!("{}  alice spent {spent}, bob got {income}", now.wall);
    }
    assert_eq!((alice.spent, bob.income), (100, 100));
    Ok(())
}
