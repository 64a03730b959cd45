//! From start to first packet.

use std::time::{Duration, Instant};

use ilp_router::config::{Config, Relation};

use super::driver::Driver;
use super::setup::{client, config, dialed, fulfill, pay, peer, refuse, route, start};

/// From the start of a node to a packet through each of its neighbours, if these are up.
const LIMIT: Duration = Duration::from_secs(1);

pub async fn a_node_whose_peers_are_up_is_ready_within_a_second<D: Driver>(driver: D) {
    let mut b = config("b");
    b.peers = vec![peer("a", Relation::Peer), peer("bob", Relation::Child)];
    let b = start(&driver, b).await;
    let _bob = client(driver.peers(), b.address(), "bob", fulfill).await;
    let mut c = config("c");
    c.peers = vec![peer("a", Relation::Peer), peer("carol", Relation::Child)];
    let c = start(&driver, c).await;
    let _carol = client(driver.peers(), c.address(), "carol", fulfill).await;

    // with the times that operators get
    let mut a = Config::new("a", "test.a".parse().unwrap());
    a.peers = vec![
        dialed("b", b.address(), "a"),
        dialed("c", c.address(), "a"),
        peer("alice", Relation::Child),
    ];
    a.routes = vec![route("test.b", "b"), route("test.c", "c")];

    let begin = Instant::now();
    let a = start(&driver, a).await;
    a.events.connected("b").await;
    a.events.connected("c").await;
    let linked = begin.elapsed();
    let alice = client(driver.peers(), a.address(), "alice", refuse).await;
    pay(&alice, "test.b.bob", b"first").await;
    pay(&alice, "test.c.carol", b"second").await;
    let ready = begin.elapsed();
    println!("links up after {linked:?}, a packet through each after {ready:?}");
    assert!(
        ready < LIMIT,
        "links up after {linked:?}, a packet through each after {ready:?}: that is over {LIMIT:?}"
    );
}
