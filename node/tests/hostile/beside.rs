//! How long an honest peer waits beside each attack. For release builds: `.ci/hostile` runs it.
//!
//! Alice pays bob through the node, a packet at a time with a pause after each, in windows that alternate: quiet, attack,
//! quiet, attack … What counts is the median of the windows' 99th percentiles.
//!
//! It is the node that is measured, not the attackers' use of the machine. In the world they have machines of their own;
//! here they have a core of their own, where two threads send as fast as they can. The node has another core and one
//! worker thread, and goes before whoever else wants that core (other builds, for instance). Alice and bob are on it too,
//! and go before the node: what they take of it is the same with and without an attack. So what is left is how long the
//! node makes an honest packet wait for what it does for the attackers, kernel included. With one core, or without the
//! permission for real-time priorities, the figures are larger than they should be, and that is said above them.
//!
//! A [`Witness`] on the same core tells the machine's doings from the node's. It is there with and without an attack, and
//! makes the p99 without one some 30 µs longer: the ratios are that much smaller than without it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use btp_proto::{Frame, Protocol, Protocols};
use ilp_proto::{Addr, Condition, Fulfill, Fulfillment, Prepare, Timestamp};

use crate::attacks::{ATTACKS, Attack, Target};
use crate::cores::{self, Cores, at_once, go_first};
use crate::node::{Node, settings};
use crate::outcome::{Outcome, Verdict, median, percentile};
use crate::raw::{BINARY, authenticated, encode, frame, read_frame, source};
use crate::sink::Sink;
use crate::witness::Witness;

const WINDOW: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_micros(200);
/// Of each kind.
const WINDOWS: usize = 7;
const ATTACKERS: usize = 2;

/// Who waits too long because of the machine is measured again, so often in all.
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

/// Round trips of one window, sorted. Between them alice thinks: an honest peer that never paused would be a flood too,
/// and on the node's own core there would be nothing left to attack.
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
        // not in step with anything
        thread::sleep(PAUSE + PAUSE * (times.len() as u32 * 7 % 16) / 16);
    }
    times.sort_unstable();
    times
}

/// `control`: the attackers have a [`Sink`] beside the node instead of the node.
fn measure(attack: Attack, control: bool) -> Outcome {
    let cores = Cores::apart();
    let serve = || {
        if let Some(cores) = cores {
            cores.serve();
        }
    };
    // a thread of its own, which alone is pinned; the node inherits that
    let (node, sink) = thread::scope(|scope| {
        let start = || {
            serve();
            let settings = attack.configure(settings());
            let threads = if cores.is_some() { "1" } else { "2" };
            let node = Node::start(settings.set("threads", threads));
            (node, control.then(Sink::start))
        };
        scope.spawn(start).join().unwrap()
    });
    go_first(node.process.id());
    let mut target_btp = node.btp;
    if let Some(sink) = &sink {
        go_first(sink.id());
        target_btp = sink.address;
    }
    let bob = authenticated(source(7_002), node.btp, "bob");
    let mut alice = authenticated(source(7_001), node.btp, "alice");
    let (mut quiet, mut beside, mut machine) = (Vec::new(), Vec::new(), Vec::new());
    let blows = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(move || {
            serve();
            at_once();
            fulfill_all(bob);
        });
        let worker = |mut work: Box<dyn FnMut() -> Vec<Duration> + Send>| {
            let (ask, asked) = channel();
            let (tell, told) = channel();
            scope.spawn(move || {
                serve();
                at_once();
                for () in asked {
                    tell.send(work()).unwrap();
                }
            });
            (ask, told)
        };
        let mut witness = Witness::new();
        let honest = worker(Box::new(move || window(&mut alice)));
        let witness = worker(Box::new(move || witness.watch(WINDOW)));
        // both at the same time: what alice waited, and the witness
        let window = || {
            let both = [&honest, &witness];
            both.iter().for_each(|(ask, _)| ask.send(()).unwrap());
            both.map(|(_, told)| percentile(&told.recv().unwrap(), 99))
        };
        window();
        for _ in 0..WINDOWS {
            quiet.push(window()[0]);
            let over = AtomicBool::new(false);
            thread::scope(|scope| {
                for number in 0..ATTACKERS {
                    let target = Target {
                        btp: target_btp,
                        http: node.http,
                        number,
                        over: &over,
                        blows: &blows,
                    };
                    scope.spawn(move || {
                        if let Some(cores) = cores {
                            cores.attack();
                        }
                        attack.run(&target);
                    });
                }
                let before = blows.load(Ordering::Relaxed);
                while blows.load(Ordering::Relaxed) == before {
                    thread::yield_now();
                }
                let [honest, witness] = window();
                beside.push(honest);
                machine.push(witness);
                over.store(true, Ordering::Relaxed);
            });
        }
        drop((honest, witness));
        drop((node, sink));
    });
    Outcome {
        quiet: median(quiet),
        beside: median(beside),
        machine: median(machine),
        rate: blows.into_inner() as f64 / (WINDOWS as f64 * WINDOW.as_secs_f64()),
    }
}

/// `WINDOWS` windows in quiet and as many beside each attack.
#[test]
#[ignore = "takes minutes, in a release build: .ci/hostile"]
fn an_honest_peer_hardly_notices_any_attack() {
    let only = std::env::var("ILP_ATTACK").ok();
    let chosen = |attack: &&Attack| only.as_ref().is_none_or(|only| attack.name.contains(only));
    assert!(
        ATTACKS.iter().any(|attack| chosen(&attack)),
        "no attack is called {only:?}; there are: {:?}",
        ATTACKS.iter().map(|attack| attack.name).collect::<Vec<_>>()
    );
    let runtime = std::env::var("ILP_RUNTIME").unwrap_or_else(|_| "tokio".into());
    for lacking in cores::lacking() {
        println!("NOTE: {lacking}; so these figures are larger than they should be");
    }
    println!("{runtime}: p99 of an honest peer's round trip, median of {WINDOWS} windows");
    println!("machine: p99 beside the attack of what never meets the node");
    println!(
        "{:<34}{:>10}{:>10}{:>8}{:>10}{:>14}",
        "attack", "without", "beside", "ratio", "machine", "blows/s"
    );
    let mut failed = Vec::new();
    for attack in ATTACKS.iter().filter(chosen) {
        let mut verdicts = (0..TRIES).map(|_| {
            let outcome = measure(*attack, false);
            println!("{:<34}{outcome}", attack.name);
            outcome.verdict()
        });
        // the first that is not the machine's doing counts
        let first = verdicts.find(|verdict| *verdict != Verdict::Machine);
        if first != Some(Verdict::Good) {
            failed.push(attack.name);
        }
        if attack.has_control {
            println!(
                "{:<34}{}",
                "  the same, if all are only reset",
                measure(*attack, true)
            );
        }
    }
    assert!(failed.is_empty(), "too slow beside {failed:?}");
}

/// Throws away what comes, until the connection ends or it is over.
pub(crate) fn drain(mut stream: TcpStream) {
    while matches!(stream.read(&mut [0; 65_536]), Ok(1..)) {}
}
