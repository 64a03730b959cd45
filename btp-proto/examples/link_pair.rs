//! Two peers in one process: both sides of a link, driven by hand, with an array of bytes for a wire.
//!
//! `cargo run -p btp-proto --example link_pair`
//!
//! A real driver does the same with a WebSocket and a clock: messages in, messages out, sleep until
//! the deadline.

use std::sync::Arc;
use std::time::Duration;

use btp_proto::{
    AnswerKind, Answers, Config, Connection, Credentials, Inbound, Requests, Secret, Transmit,
};
use bytes::BytesMut;
use ilp_proto::{Addr, Condition, Fulfill, Fulfillment, Now, Packet, Prepare, Timestamp};

/// How long the packet is good for.
const LIFETIME: Duration = Duration::from_secs(30);

/// One side of the link, with what belongs to its peer and outlives the link.
struct Side {
    name: &'static str,
    link: Connection,
    requests: Requests<&'static str>,
    answers: Answers,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = Now {
        wall: Timestamp::from_millis(1_893_553_445_678),
        ..Now::default()
    };
    let cfg = Arc::new(Config::default());
    let credentials = Credentials {
        username: Some("alice".into()),
        token: Secret::new("correct horse"),
    };
    let mut alice = Side {
        name: "alice",
        link: Connection::client(cfg.clone(), &credentials, now.mono, 1),
        requests: Requests::new(4096, 1),
        answers: Answers::new(4 << 20),
    };
    let mut bob = Side {
        name: "bob",
        link: Connection::server(cfg, now.mono + Duration::from_secs(10), now.mono),
        requests: Requests::new(4096, 2),
        answers: Answers::new(4 << 20),
    };
    talk(&mut alice, &mut bob, now);

    let prepare = Prepare {
        amount: 100,
        expires_at: now.wall.saturating_add(LIFETIME),
        condition: Condition::OF_ZERO,
        destination: Addr::new("example.bob.shop")?,
        data: b"one coffee",
    };
    let id = alice
        .requests
        .insert("coffee")
        .map_err(|full| full.to_string())?;
    alice.link.request(
        now.mono,
        now.mono + LIFETIME,
        id,
        prepare.encoded_len(),
        |out| prepare.encode(out),
    )?;
    talk(&mut alice, &mut bob, now);

    alice.link.close(1000, "done");
    talk(&mut alice, &mut bob, now);
    Ok(())
}

/// Carries messages from side to side until both are silent.
fn talk(alice: &mut Side, bob: &mut Side, now: Now) {
    while turn(alice, bob, now) | turn(bob, alice, now) {}
}

/// Sends all that `from` has to say and tells `to` of it.
fn turn(from: &mut Side, to: &mut Side, now: Now) -> bool {
    let mut any = false;
    let mut wire = BytesMut::new();
    while let Some(transmit) = from
        .link
        .poll_transmit(now.mono, Some(&mut from.answers), &mut wire)
    {
        any = true;
        println!("{:>5}: {transmit:?}", from.name);
        match transmit {
            Transmit::Binary { len } => {
                let message = wire.split_to(len);
                receive(to, now, &message);
                while let Some(early) = to.link.poll_pending() {
                    receive(to, now, &early);
                }
            }
            Transmit::Ping => to.link.handle_control(now),
            Transmit::Close { .. } => {}
        }
    }
    while let Some(event) = from.link.poll_event() {
        println!("{:>5}: {event:?}", from.name);
    }
    any
}

/// What a connector does in earnest: decide on credentials, answer requests, match answers.
fn receive(side: &mut Side, now: Now, message: &[u8]) {
    let inbound = side.link.handle_message(now, message);
    println!("{:>5}: received {inbound:?}", side.name);
    match inbound {
        Inbound::Auth { token, .. } => {
            if Secret::new("correct horse").ct_eq(token) {
                side.link.accept_auth(now);
            } else {
                side.link.refuse_auth(now, "unknown user or wrong secret");
            }
        }
        Inbound::Request { id, ilp } => {
            if let Ok(Packet::Prepare(prepare)) = Packet::parse(ilp) {
                println!(
                    "{:>5}: {} for {}",
                    side.name, prepare.amount, prepare.destination
                );
            }
            let fulfill = Fulfill {
                fulfillment: Fulfillment::ZERO,
                data: b"",
            };
            let deadline = now.mono + Duration::from_secs(30);
            let len = fulfill.encoded_len();
            side.answers.respond(
                AnswerKind::Fulfill { amount: 1 },
                deadline,
                id,
                len,
                |out| fulfill.encode(out),
            );
        }
        Inbound::Answer { id, ilp } => {
            let cookie = side.requests.take(id);
            let paid = matches!(Packet::parse(ilp), Ok(Packet::Fulfill(_)));
            println!(
                "{:>5}: {cookie:?} is {}",
                side.name,
                if paid { "paid" } else { "refused" }
            );
        }
        Inbound::Nothing
        | Inbound::Failed { .. }
        | Inbound::Unreadable { .. }
        | Inbound::Refused { .. } => {}
    }
}
