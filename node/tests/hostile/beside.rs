//! How long an honest peer waits beside each attack. For release builds on a machine that does nothing else:
//! `.ci/hostile` runs it.
//!
//! Alice pays bob through the node, a packet at a time, in windows that alternate: quiet, attack, quiet, attack …
//! What counts is the median of the windows' 99th percentiles. The attackers have two threads that send as fast as they
//! can, with the least priority that the system knows: their own CPU time is another machine's, what the node spends
//! on them is not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use btp_proto::{Frame, Protocol, Protocols};
use ilp_proto::{Addr, Condition, Fulfill, Fulfillment, Prepare, Timestamp};

use crate::attacks::{ATTACKS, Attack, Target};
use crate::node::{Node, settings};
use crate::raw::{BINARY, authenticated, encode, frame, read_frame, source};

const WINDOW: Duration = Duration::from_millis(150);
/// Of each kind.
const WINDOWS: usize = 7;
const ATTACKERS: usize = 2;

/// What the honest p99 may become: three times what it was …
const RATIO: f64 = 3.0;
/// … or this, if that is more. The attackers are as many as the node's threads, so each flood keeps both cores busy with
/// the node's own work; a kernel of 250 ticks a second may then let whoever wakes up wait for 4 ms, and a packet and its
/// answer wake up four threads (six on smol, where one of them looks at the sockets). That is what two cores cost, not a
/// queue of the node. What has been found and mended (a lock, a log, sockets looked at too rarely) cost 20 to 70 ms.
const FLOOR: Duration = Duration::from_millis(30);

/// Who seems to wait too long is measured again, because somebody else may have had the machine.
const TRIES: usize = 3;

pub(crate) fn prepare(to: &str, id: u32, data: &[u8], expires_in: Duration) -> Vec<u8> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = Timestamp::from_millis(i64::try_from(now.unwrap().as_millis()).unwrap());
    let mut ilp = Vec::new();
    Prepare {
        amount: 1,
        expires_at: now.saturating_add(expires_in),
        condition: Condition::OF_ZERO,
        destination: Addr::new(to).unwrap(),
        data,
    }
    .encode(&mut ilp);
    let protocols = [Protocol::octets("ilp", &ilp)];
    let message = encode(&Frame::Message {
        id,
        protocols: Protocols::new(&protocols),
    });
    frame(BINARY, &message)
}

/// Fulfils all that comes, until the connection ends.
fn fulfill_all(mut stream: TcpStream) {
    let mut ilp = Vec::new();
    Fulfill {
        fulfillment: Fulfillment::ZERO,
        data: b"",
    }
    .encode(&mut ilp);
    while let Ok((_, payload)) = read_frame(&mut stream) {
        let Ok(Frame::Message { id, .. }) = Frame::parse(&payload) else {
            continue;
        };
        let protocols = [Protocol::octets("ilp", &ilp)];
        let answer = encode(&Frame::Response {
            id,
            protocols: Protocols::new(&protocols),
        });
        if stream.write_all(&frame(BINARY, &answer)).is_err() {
            return;
        }
    }
}

/// Round trips of one window, sorted.
fn window(alice: &mut TcpStream) -> Vec<Duration> {
    let mut times = Vec::new();
    let end = Instant::now() + WINDOW;
    while Instant::now() < end {
        let packet = prepare("test.bob", 5, &[0xd7; 200], Duration::from_secs(60));
        let began = Instant::now();
        alice.write_all(&packet).unwrap();
        let (_, answer) = read_frame(alice).unwrap();
        times.push(began.elapsed());
        assert!(matches!(
            Frame::parse(&answer).unwrap(),
            Frame::Response { id: 5, .. }
        ));
    }
    times.sort_unstable();
    times
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

struct Outcome {
    quiet: Duration,
    beside: Duration,
    /// What the attackers did, in all.
    blows: u64,
}

fn measure(attack: Attack) -> Outcome {
    let node = Node::start(attack.configure(settings()));
    let bob = authenticated(source(7_002), node.btp, "bob");
    let bob = thread::spawn(move || {
        at_once();
        fulfill_all(bob);
    });
    let mut alice = authenticated(source(7_001), node.btp, "alice");
    let (mut quiet, mut beside) = (Vec::new(), Vec::new());
    let blows = AtomicU64::new(0);
    // not this thread: the next node would inherit its priority
    let mut window = || {
        thread::scope(|scope| {
            let honest = scope.spawn(|| {
                at_once();
                window(&mut alice)
            });
            honest.join().unwrap()
        })
    };
    window();
    for _ in 0..WINDOWS {
        quiet.push(percentile(&window(), 99));
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for number in 0..ATTACKERS {
                let target = Target {
                    btp: node.btp,
                    http: node.http,
                    number,
                    over: &over,
                    blows: &blows,
                };
                scope.spawn(move || {
                    // of this thread alone
                    rustix::process::setpriority_process(None, 19).unwrap();
                    attack.run(&target);
                });
            }
            let before = blows.load(Ordering::Relaxed);
            while blows.load(Ordering::Relaxed) == before {
                thread::yield_now();
            }
            beside.push(percentile(&window(), 99));
            over.store(true, Ordering::Relaxed);
        });
    }
    drop(alice);
    drop(node);
    bob.join().unwrap();
    Outcome {
        quiet: median(quiet),
        beside: median(beside),
        blows: blows.into_inner(),
    }
}

/// `WINDOWS` windows in quiet and as many beside each attack.
#[test]
#[ignore = "takes minutes, in a release build, on a quiet machine: .ci/hostile"]
fn an_honest_peer_hardly_notices_any_attack() {
    let only = std::env::var("ILP_ATTACK").ok();
    let chosen = |attack: &&Attack| only.as_ref().is_none_or(|only| attack.name.contains(only));
    let runtime = std::env::var("ILP_RUNTIME").unwrap_or_else(|_| "tokio".into());
    println!("{runtime}: p99 of an honest peer's round trip, median of {WINDOWS} windows");
    println!(
        "{:<34}{:>10}{:>10}{:>8}{:>14}",
        "attack", "without", "beside", "ratio", "blows/s"
    );
    let mut failed = Vec::new();
    for attack in ATTACKS.iter().filter(chosen) {
        let too_slow = (0..TRIES).all(|_| {
            let Outcome {
                quiet,
                beside,
                blows,
            } = measure(*attack);
            let ratio = beside.as_secs_f64() / quiet.as_secs_f64();
            let rate = blows as f64 / (WINDOWS as f64 * WINDOW.as_secs_f64());
            println!(
                "{:<34}{:>7} µs{:>7} µs{ratio:>8.1}{rate:>14.0}",
                attack.name,
                quiet.as_micros(),
                beside.as_micros()
            );
            ratio > RATIO && beside > FLOOR
        });
        if too_slow {
            failed.push(attack.name);
        }
    }
    assert!(failed.is_empty(), "too slow beside {failed:?}");
}

/// The honest have machines of their own too: this thread does not wait for a core that the node is using. Where that
/// is not permitted the figures are worse than they should be.
fn at_once() {
    let _ = rustix::process::setpriority_process(None, -20);
}

/// Throws away what comes, until the connection ends or it is over.
pub(crate) fn drain(mut stream: TcpStream) {
    while matches!(stream.read(&mut [0; 65_536]), Ok(1..)) {}
}
