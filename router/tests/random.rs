//! Random scripts against a chain of three connectors: whatever happens, each packet has one end, the books balance, and
//! the network heals. Links are cut, pulled and stuck, nodes die loudly and silently and come back without memory, both
//! sides dial, a client attaches twice, operators disconnect and connect, clocks step, garbage arrives.

#![allow(clippy::unwrap_used)]

mod net;
use ilp_proto::ErrorCode;
use ilp_router::config::Config;
use net::{App, Ending, Net, Policy, child, dialed, node, peer, route};
use proptest::prelude::*;
use std::time::Duration;

/// What happens to the chain. `second` means the pair B-C, else A-B.
#[derive(Clone, Debug)]
enum Op {
    Send {
        count: u8,
        amount: u16,
        expiry_ms: u16,
        back: bool,
    },
    Run {
        ms: u16,
    },
    Receiver(u8),
    Release,
    Cut {
        second: bool,
    },
    CutOne {
        second: bool,
    },
    Pull {
        second: bool,
    },
    Stuck {
        second: bool,
        side: bool,
        stuck: bool,
    },
    StepWall {
        seconds: i16,
    },
    Garbage {
        second: bool,
        side: bool,
    },
    Kill {
        which: bool,
        silent: bool,
    },
    Restart {
        which: bool,
    },
    Disconnect {
        node: u8,
        up: bool,
    },
    Connect {
        node: u8,
        up: bool,
    },
    Twin,
    Unreachable {
        which: u8,
        on: bool,
    },
    Text {
        second: bool,
    },
}
fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1..20u8, any::<u16>(), 0..40_000u16, any::<bool>()).prop_map(|(count, amount, expiry_ms, back)| Op::Send { count, amount, expiry_ms, back }),
        3 => (0..8_000u16).prop_map(|ms| Op::Run { ms }),
        3 => (0..60u16).prop_map(|ms| Op::Run { ms }),
        2 => (0..5u8).prop_map(Op::Receiver), 2 => Just(Op::Release),
        1 => any::<bool>().prop_map(|second| Op::Cut { second }),
        1 => any::<bool>().prop_map(|second| Op::CutOne { second }),
        1 => any::<bool>().prop_map(|second| Op::Pull { second }),
        1 => any::<(bool, bool, bool)>().prop_map(|(second, side, stuck)| Op::Stuck { second, side, stuck }),
        1 => any::<i16>().prop_map(|seconds| Op::StepWall { seconds }),
        1 => any::<(bool,bool)>().prop_map(|(second, side)| Op::Garbage { second, side }),
        1 => any::<(bool,bool)>().prop_map(|(which, silent)| Op::Kill { which, silent }),
        2 => any::<bool>().prop_map(|which| Op::Restart { which }),
        1 => (0..3u8, any::<bool>()).prop_map(|(node, up)| Op::Disconnect { node, up }),
        2 => (0..3u8, any::<bool>()).prop_map(|(node, up)| Op::Connect { node, up }),
        1 => Just(Op::Twin),
        1 => (0..3u8, any::<bool>()).prop_map(|(which, on)| Op::Unreachable { which, on }),
        1 => any::<bool>().prop_map(|second| Op::Text { second }),
    ]
}
const NAMES: [&str; 3] = ["a", "b", "c"];
fn config(name: &str, mode: u8) -> Config {
    // mode bit 0: larger sides dial too; bit 1: smaller sides dial
    let small = mode != 1;
    let large = mode != 0;
    let d = |own: &str, id: &str, s: &str, dial: bool| {
        if dial {
            dialed(own, id, s)
        } else {
            peer(id, s, false)
        }
    };
    let mut c = node(name, &format!("test.{name}"));
    match name {
        "a" => {
            c.peers = vec![d("a", "b", "ab", small), child("sender", "s")];
            c.routes = vec![route("test.b", "b", 0), route("test.c", "b", 0)];
        }
        "b" => {
            c.peers = vec![d("b", "a", "ab", large), d("b", "c", "bc", small)];
            c.routes = vec![route("test.a", "a", 0), route("test.c", "c", 0)];
        }
        _ => {
            c.peers = vec![d("c", "b", "bc", large), child("receiver", "r")];
            c.routes = vec![route("test.a", "b", 0), route("test.b", "b", 0)];
        }
    }
    c
}
fn between(second: bool) -> (&'static str, &'static str) {
    if second { ("b", "c") } else { ("a", "b") }
}

struct World {
    net: Net,
    mode: u8,
    sent: Vec<u64>,
    killed: bool,
    twin: usize,
    receiver: String,
}

impl World {
    fn apply(&mut self, op: &Op) {
        let now = self.net.now();
        let net = &mut self.net;
        match *op {
            Op::Send {
                count,
                amount,
                expiry_ms,
                back,
            } => {
                let to = if back {
                    "test.a.sender"
                } else {
                    "test.c.receiver"
                };
                for _ in 0..count {
                    self.sent.push(net.app("sender").send(
                        now,
                        to,
                        amount.into(),
                        Duration::from_millis(expiry_ms.into()),
                    ));
                }
            }
            Op::Run { ms } => net.run(Duration::from_millis(ms.into())),
            Op::Receiver(p) => {
                let r = self.receiver.clone();
                net.app(&r).policy = match p {
                    0 => Policy::Hold,
                    1 => Policy::Lie,
                    2 => Policy::Reject(ErrorCode::F99_APPLICATION_ERROR),
                    3 => Policy::Garbage,
                    _ => Policy::Fulfill,
                };
            }
            Op::Release => {
                let r = self.receiver.clone();
                net.app(&r).release(now)
            }
            Op::Cut { second } => {
                let (x, y) = between(second);
                for p in net.pipes_between(x, y) {
                    net.cut(p)
                }
            }
            Op::CutOne { second } => {
                let (x, y) = between(second);
                if let Some(&p) = net.pipes_between(x, y).first() {
                    net.cut(p)
                }
            }
            Op::Pull { second } => {
                let (x, y) = between(second);
                for p in net.pipes_between(x, y) {
                    net.pull(p)
                }
            }
            Op::Stuck {
                second,
                side,
                stuck,
            } => {
                let (x, y) = between(second);
                for p in net.pipes_between(x, y) {
                    net.set_stuck(p, if side { x } else { y }, stuck)
                }
            }
            Op::StepWall { seconds } => net.step_wall(i64::from(seconds) * 100),
            Op::Garbage { second, side } => {
                let (x, y) = between(second);
                for p in net.pipes_between(x, y) {
                    net.inject(p, if side { x } else { y }, Some(b"\x01garbage"))
                }
            }
            Op::Text { second } => {
                let (x, y) = between(second);
                for p in net.pipes_between(x, y) {
                    net.inject(p, x, None)
                }
            }
            Op::Kill { which, silent } => {
                let n = if which { "b" } else { "c" };
                if net.is_alive(n) {
                    self.killed = true;
                    if silent {
                        net.kill_silently(n)
                    } else {
                        net.kill(n)
                    }
                }
            }
            Op::Restart { which } => {
                let n = if which { "b" } else { "c" };
                if !net.is_alive(n) {
                    net.add_node(config(n, self.mode));
                    if n == "c" {
                        self.attach();
                    }
                }
            }
            Op::Disconnect { node, up } | Op::Connect { node, up } => {
                let n = NAMES[node as usize];
                let p = match (n, up) {
                    ("a", _) => "b",
                    ("b", true) => "a",
                    ("b", false) => "c",
                    _ => "b",
                };
                if net.is_alive(n) {
                    let p = p.parse().unwrap();
                    if matches!(op, Op::Disconnect { .. }) {
                        net.with_node(n, |c, now| c.disconnect_peer(now, &p))
                            .unwrap();
                    } else {
                        net.with_node(n, |c, now| c.connect_peer(now, &p)).unwrap();
                    }
                }
            }
            Op::Twin => {
                if net.is_alive("c") {
                    self.attach()
                }
            }
            Op::Unreachable { which, on } => {
                let n = NAMES[which as usize].to_string();
                net.unreachable.retain(|x| *x != n);
                if on {
                    net.unreachable.push(n)
                }
            }
        }
    }
    fn attach(&mut self) {
        self.twin += 1;
        let policy = {
            let r = self.receiver.clone();
            self.net.app(&r).policy
        };
        self.receiver = format!("receiver{}", self.twin);
        let r = self.receiver.clone();
        self.net
            .attach(&r, "c", App::new("receiver", "r").with_policy(policy));
    }
}
fn world(mode: u8) -> World {
    let mut net = Net::new();
    for n in NAMES {
        net.add_node(config(n, mode));
    }
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("receiver0", "c", App::new("receiver", "r"));
    net.run(Duration::from_secs(3));
    assert!(
        net.connected("a", "b") && net.connected("b", "c"),
        "mode {mode}"
    );
    World {
        net,
        mode,
        sent: vec![],
        killed: false,
        twin: 0,
        receiver: "receiver0".into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn each_packet_has_one_end_the_books_balance_and_the_network_heals(mode in 0..3u8, ops in prop::collection::vec(op(), 1..40)) {
        let mut w = world(mode);
        for op in &ops { w.apply(op); }
        w.net.unreachable.clear();
        for n in ["b", "c"] { if !w.net.is_alive(n) { w.net.add_node(config(n, w.mode)); if n == "c" { w.attach(); } } }
        for second in [false, true] { let (x, y) = between(second); for p in w.net.pipes_between(x, y) { w.net.set_stuck(p, x, false); w.net.set_stuck(p, y, false); } }
        for (n, p) in [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")] { let p = p.parse().unwrap(); w.net.with_node(n, |c, now| c.connect_peer(now, &p)).unwrap(); }
        w.net.run(Duration::from_secs(400));
        w.attach();
        w.net.run(Duration::from_secs(5));
        let net = &mut w.net;
        for &n in &w.sent { prop_assert!(net.app("sender").ending(n).is_some(), "PREPARE {n} has no answer"); }
        for (name, node) in net.nodes() {
            prop_assert_eq!(node.in_flight(), 0, "{} has packets in flight", name);
            for v in node.peers() {
                prop_assert_eq!((v.in_flight_in, v.in_flight_out), (0, 0));
                prop_assert_eq!((v.account.held_incoming(), v.account.held_outgoing()), (0, 0));
                prop_assert_eq!(v.answer_bytes, 0, "{} holds answers for {}", name, v.config.id);
            }
            let owed: i128 = node.peers().map(|v| v.account.balance()).sum();
            prop_assert_eq!(owed, 0);
        }
        for (n, p) in [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")] { prop_assert!(net.connected(n, p), "{} - {}", n, p); }
        prop_assert_eq!(net.pipes_between("a", "b").len(), 1);
        prop_assert_eq!(net.pipes_between("b", "c").len(), 1);
        for (n, node) in net.nodes() { prop_assert!(node.open_links() <= 2, "{} has {} links", n, node.open_links()); }
        // traffic flows
        let now = net.now();
        let r = w.receiver.clone();
        net.app(&r).policy = Policy::Fulfill;
        let n = net.app("sender").send(now, "test.c.receiver", 1, Duration::from_secs(20));
        net.run(Duration::from_secs(1));
        let e = net.app("sender").ending(n).cloned();
        prop_assert!(matches!(e, Some(Ending::Fulfilled { .. })), "{:?}", e);
        if !w.killed {
            let bal = |node: &str, peer: &str| net.node(node).peers().find(|v| v.config.id.as_str() == peer).unwrap().account.balance();
            prop_assert!(bal("a", "sender") <= bal("b", "a"));
            prop_assert!(bal("b", "a") <= bal("c", "b"));
        }
        // and it ends
        for n in NAMES { net.with_node(n, |c, now| c.shutdown(now)); }
        net.run(Duration::from_secs(11));
        for n in NAMES { prop_assert!(net.stopped.iter().filter(|x| *x == n).count() == 1, "{} does not stop", n); }
    }
}
