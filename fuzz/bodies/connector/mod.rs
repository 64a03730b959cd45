//! A node and the world around it, by script: sockets come and go, three peers ask and answer, truthfully or not, time
//! passes and jumps. After each step the books are compared with what was seen from outside ([`books`]).
//!
//! Of the invariants of a network those hold for one node: each PREPARE taken in is answered exactly once and in time; no
//! FULFILL goes upstream without its preimage, in vain, or unasked; no PREPARE goes downstream for more money or longer than
//! it came with; ids are unique in flight; everything is bounded; deadlines move on; and when all is over nothing is left.

mod books;
mod config;
mod frames;
mod world;

use std::time::Duration;

use ilp_proto::{Addr, EchoPacket, ErrorCode, Fulfillment, Timestamp};
use ilp_router::{CloseReason, DialError, Received};

use super::script::Script;
use config::PEERS;
use frames::{Answer, Asking};
use world::World;

/// Longer scripts find nothing that shorter ones do not.
const MAX_STEPS: usize = 300;

pub(crate) fn run(input: &[u8]) {
    let mut script = Script::new(input);
    let mut world = World::new(script.byte(), script.byte());
    for _ in 0..MAX_STEPS {
        if script.is_over() {
            break;
        }
        step(&mut world, &mut script);
        world.check();
    }
    finish(&mut world);
}

fn step(world: &mut World, script: &mut Script<'_>) {
    match script.byte() % 24 {
        // time
        0 => world.pass(Duration::from_millis(script.millis())),
        1 => {
            world.pass(Duration::from_millis(script.millis()));
            world.turn();
        }
        2 => world.turn(),
        3 => world.timeout(),
        4 => world.step_wall(i64::from(script.byte() as i8) * 5_000),
        5 => world.look_back(Duration::from_millis(script.millis())),
        // links
        6 => world.accept(script.byte()),
        7 => {
            let sock = script.byte();
            let account = match script.below(6) {
                0 => Some("a"),
                1 => Some("b"),
                2 => Some("nobody"),
                _ => None,
            };
            world.upgraded(sock, account);
        }
        8 => world.auth(script.byte(), script.below(PEERS.len()), script.byte()),
        9 => world.dialed(script.byte()),
        10 => world.dial_failed(script.byte(), DialError("refused".into())),
        11 => world.reply_to_auth(script.byte(), script.byte()),
        12 => {
            let sock = script.byte();
            let why = match script.below(3) {
                0 => CloseReason::Broken("reset".into()),
                1 => CloseReason::TooLarge,
                _ => CloseReason::Remote {
                    code: u16::from(script.byte()) + 1_000,
                    reason: format!("\u{7}{}", world.secret_of(sock)),
                },
            };
            world.closed(sock, why);
        }
        13 => world.flush(script.byte(), script.below(4)),
        // messages
        14..=16 => ask(world, script),
        17..=19 => answer(world, script),
        20 => {
            let sock = script.byte();
            let what = match script.below(4) {
                0 => Received::Text,
                1 => Received::Ping,
                _ => Received::Pong,
            };
            world.control(sock, what);
        }
        21 => {
            let sock = script.byte();
            world.deliver(sock, script.bytes());
        }
        22 => world.operator(script.byte()),
        // a whole link at once, so that a short script gets far
        _ => world.connect(script.below(PEERS.len()), script.flag()),
    }
}

fn ask(world: &mut World, script: &mut Script<'_>) {
    const TO: [&str; 12] = [
        "test.b.x",
        "test.z.x",
        "test.m.a",
        "test.m.a.x",
        "test.b",
        "test.q.r",
        "test.m",
        "peer.config",
        "peer.x",
        "test.m.nobody",
        "g.x",
        "self.x",
    ];
    let (sock, to, size) = (script.byte(), script.below(TO.len()), script.byte());
    let amount = match script.byte() {
        255 => u64::MAX,
        254 => 1 << 41,
        n => u64::from(n) * u64::from(n),
    };
    let lives = i64::try_from(script.millis()).unwrap_or(0) - 100;
    let expires_at = Timestamp::from_millis(world.wall().as_millis() + lives);
    let mut data = vec![0x5a; usize::from(size & 0x3f) * 8];
    if size & 0x40 != 0 {
        data.clear();
        let source = ["test.b.e", "test.z", "test.m", "peer.e"][usize::from(size) % 4];
        let source = Addr::new(source).unwrap();
        EchoPacket::Request { source }.encode(&mut data);
    }
    let how = script.byte();
    let id = if how & 0x80 == 0 {
        world.next_number()
    } else {
        u32::from(how) // some peers use an id twice
    };
    let asking = Asking {
        id,
        amount,
        expires_at,
        to: TO[to],
        data: &data,
        fulfillment: match to {
            7 if size & 0x80 == 0 => Fulfillment::ZERO,
            _ => world.fulfillment(),
        },
        swapped: how & 0x10 != 0,
    };
    let message = asking.message();
    world.deliver(sock, &message);
}

fn answer(world: &mut World, script: &mut Script<'_>) {
    let (sock, which, how) = (script.byte(), script.byte(), script.byte());
    let Some((id, fulfillment)) = world.pick(sock, which) else {
        return;
    };
    let size = usize::from(script.byte());
    let data = vec![0x5a; if size > 250 { size * 8 } else { size / 4 }];
    let answer = match how % 8 {
        0..=2 => Answer::Fulfill(fulfillment, &data),
        3 => Answer::Fulfill(Fulfillment([0xee; 32]), &data),
        4 => Answer::Reject(ErrorCode::F99_APPLICATION_ERROR, &data),
        5 => Answer::Raw(&data),
        6 => Answer::Nothing,
        _ => Answer::Error,
    };
    let message = answer.message(id, how & 0x10 != 0);
    world.deliver(sock, &message);
}

/// Nobody does anything any more but let time pass: all packets end, and then there is nothing left to do.
fn finish(world: &mut World) {
    world.turn();
    world.check();
    for _ in 0..16 {
        world.pass(Duration::from_secs(4));
        world.turn();
        world.check();
    }
    let in_flight: usize = world.node.peers().map(|peer| peer.in_flight_in).sum();
    assert_eq!(in_flight, 0, "packets are in flight for ever");
    world.disconnect_all();
    // an answer is kept as long as its packet lives
    for _ in 0..8 {
        world.pass(Duration::from_secs(80));
        world.turn();
        world.check();
    }
    // which is longer if the clock was set back between its making and its arrival
    world.outlive_answers();
    world.turn();
    world.check();
    world.hang_up();
    for _ in 0..4 {
        world.pass(Duration::from_secs(20));
        world.turn();
        world.check();
    }
    world.check_idle();
}
