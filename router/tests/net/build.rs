//! Networks that tests begin with, and what they do over and over.

use std::time::Duration;

use btp_proto::Secret;
use ilp_router::config::{Config, Endpoint, PeerConfig, Relation, RouteConfig};

use super::{App, Ending, Net};

/// A node that knows nobody.
pub fn node(name: &str, address: &str) -> Config {
    let mut config = Config::new(name, address.parse().unwrap());
    config.limits.event_ring = 1 << 20;
    config.retry.jitter = 0;
    config
}

/// A peer; `dial`: we dial the node of its name.
pub fn peer(id: &str, secret: &str, dial: bool) -> PeerConfig {
    PeerConfig {
        endpoint: dial.then(|| Endpoint {
            tls: false,
            host: id.to_string(),
            port: 3000,
            path: "/".to_string(),
        }),
        ..PeerConfig::new(id.parse().unwrap(), Secret::new(secret))
    }
}

pub fn child(id: &str, secret: &str) -> PeerConfig {
    PeerConfig {
        relation: Relation::Child,
        ..peer(id, secret, false)
    }
}

/// A peer that we dial under our own name.
pub fn dialed(own: &str, id: &str, secret: &str) -> PeerConfig {
    PeerConfig {
        username: Some(own.to_string()),
        ..peer(id, secret, true)
    }
}

pub fn route(prefix: &str, next_hop: &str, priority: u32) -> RouteConfig {
    RouteConfig {
        prefix: prefix.parse().unwrap(),
        next_hop: next_hop.parse().unwrap(),
        priority,
    }
}

/// A → B → C in a line, a child `sender` at A and a child `receiver` at C, all connected.
pub fn chain() -> Net {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![dialed("a", "b", "ab"), child("sender", "s")];
    a.routes = vec![route("test.b", "b", 0), route("test.c", "b", 0)];
    let mut b = node("b", "test.b");
    b.peers = vec![peer("a", "ab", false), dialed("b", "c", "bc")];
    b.routes = vec![route("test.a", "a", 0), route("test.c", "c", 0)];
    let mut c = node("c", "test.c");
    c.peers = vec![peer("b", "bc", false), child("receiver", "r")];
    c.routes = vec![route("test.a", "b", 0), route("test.b", "b", 0)];
    for config in [a, b, c] {
        net.add_node(config);
    }
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("receiver", "c", App::new("receiver", "r"));
    net.run_until(
        Duration::from_secs(5),
        "a chain of three, connected",
        |net| {
            let pairs = [
                ("a", "b"),
                ("b", "a"),
                ("b", "c"),
                ("c", "b"),
                ("a", "sender"),
                ("c", "receiver"),
            ];
            pairs.iter().all(|(node, peer)| net.connected(node, peer))
        },
    );
    net
}

/// Two nodes; A dials B.
pub fn pair() -> Net {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![dialed("a", "b", "ab"), child("sender", "s")];
    a.routes = vec![route("test.b", "b", 0)];
    let mut b = node("b", "test.b");
    b.peers = vec![peer("a", "ab", false), child("receiver", "r")];
    net.add_node(a);
    net.add_node(b);
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("receiver", "b", App::new("receiver", "r"));
    net.run_until(Duration::from_secs(1), "a pair, connected", |net| {
        net.connected("a", "b") && net.connected("a", "sender") && net.connected("b", "receiver")
    });
    net
}

/// Sends one packet from the sender and waits for its end.
pub fn pay(net: &mut Net, to: &str, amount: u64, expiry: Duration) -> Ending {
    let now = net.now();
    let number = net.app("sender").send(now, to, amount, expiry);
    net.run(expiry + Duration::from_secs(1));
    net.app("sender").ending(number).expect("an answer").clone()
}

pub fn reject(ending: &Ending) -> (&str, &str, &str) {
    match ending {
        Ending::Rejected {
            code, by, message, ..
        } => (code.as_str(), by.as_deref().unwrap_or(""), message),
        other => panic!("not rejected: {other:?}"),
    }
}

pub fn assert_idle(net: &Net) {
    for (name, node) in net.nodes() {
        assert_eq!(node.in_flight(), 0, "{name} has packets in flight");
        for view in node.peers() {
            let id = &view.config.id;
            assert_eq!(
                (view.in_flight_in, view.in_flight_out),
                (0, 0),
                "{name}, peer {id}"
            );
            assert_eq!(view.account.held_incoming(), 0, "{name} holds from {id}");
            assert_eq!(view.account.held_outgoing(), 0, "{name} holds for {id}");
        }
    }
}

/// A node `a`, changed, with two clients: `sender` pays `x`.
pub fn hub(change: impl FnOnce(&mut Config)) -> Net {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![child("sender", "s"), child("x", "x")];
    change(&mut a);
    net.add_node(a);
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("x", "a", App::new("x", "x"));
    net.run(Duration::from_secs(1));
    net
}

/// A node `a` with three clients: `sender` pays to `prefix`, behind `x` and, if that is down, behind `y`.
pub fn fork(prefix: &str) -> Net {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![
        child("sender", "s"),
        peer("x", "x", false),
        peer("y", "y", false),
    ];
    a.routes = vec![route(prefix, "x", 0), route(prefix, "y", 1)];
    net.add_node(a);
    for (name, token) in [("sender", "s"), ("x", "x"), ("y", "y")] {
        net.attach(name, "a", App::new(name, token));
    }
    net.run(Duration::from_secs(1));
    net
}
