//! Traffic through nodes.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ilp_router::config::Relation;
use ilp_router::{Event, Source};
use ilp_runtime::Runtime;
use ilp_runtime::client::{Answer, Client};

use super::driver::Driver;
use super::raw::Raw;
use super::setup::{
    client, config, dialed, fulfill, hub, paid, pay, peer, prepare, prepare_for, refuse, route,
    start, start_at,
};

pub async fn two_nodes_connect_and_forward<D: Driver>(driver: D) {
    let mut c = config("c");
    c.peers = vec![peer("a", Relation::Peer), peer("bob", Relation::Child)];
    let c = start(&driver, c).await;
    let mut a = config("a");
    a.peers = vec![
        dialed("c", c.address(), "a"),
        peer("alice", Relation::Child),
    ];
    a.routes = vec![route("test.c", "c")];
    let a = start(&driver, a).await;
    a.events.connected("c").await;
    c.events.connected("a").await;

    let _bob = client(driver.peers(), c.address(), "bob", fulfill).await;
    let alice = client(driver.peers(), a.address(), "alice", refuse).await;
    pay(&alice, "test.c.bob", b"hello").await;
}

pub async fn fifty_packets_in_flight_are_not_mixed_up<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice", "bob"]).await;
    let _bob = client(driver.peers(), node.address(), "bob", fulfill).await;
    let alice = client(driver.peers(), node.address(), "alice", refuse).await;
    let answers: Vec<_> = (0..50)
        .map(|n: u8| (n, alice.send(prepare("test.hub.bob", &[n; 32]))))
        .collect();
    for (n, answer) in answers {
        assert_eq!(answer.await, Ok(paid(&[n; 32])), "packet {n}");
    }
    assert_eq!(alice.in_flight(), 0);
}

/// Fills the socket of `slow`, which reads nothing, through the node; returns how many packets were taken.
async fn choke<D: Driver>(driver: &D, node: SocketAddr, slow: &str, sender: &str) -> Client {
    let sender = client(driver.peers(), node, sender, refuse).await;
    let (destination, data) = (format!("test.hub.{slow}"), vec![0; 32_000]);
    // one megabyte of requests may wait in the node, a few in the sockets: a rejection says that all is full
    loop {
        let batch: Vec<_> = (0..32)
            .map(|_| sender.send(prepare_for(&destination, &data, Duration::from_secs(15))))
            .collect();
        let last = batch.into_iter().last().unwrap();
        let pause = async {
            driver.peers().sleep(Duration::from_millis(50)).await;
            None
        };
        match futures_lite::future::or(async { Some(last.await) }, pause).await {
            Some(Ok(Answer::Reject { .. })) => return sender,
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}

pub async fn a_slow_reader_does_not_block_another_peer<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice", "bob", "slow"]).await;
    let _slow = Raw::authenticated(driver.peers(), node.address(), "slow").await;
    let alice = choke(&driver, node.address(), "slow", "alice").await;
    let _bob = client(driver.peers(), node.address(), "bob", fulfill).await;
    for n in 0..20 {
        pay(&alice, "test.hub.bob", &[n]).await;
    }
}

pub async fn a_peer_that_reads_nothing_is_still_read<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice", "bob", "slow"]).await;
    let mut slow = Raw::authenticated(driver.peers(), node.address(), "slow").await;
    let _alice = choke(&driver, node.address(), "slow", "alice").await;
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    node.with(|connector| connector.set_packet_events(true));
    let _bob = client(driver.peers(), node.address(), "bob", move |packet| {
        counter.fetch_add(1, Ordering::SeqCst);
        fulfill(packet)
    })
    .await;
    slow.send_prepare(9, &prepare("test.hub.bob", b"from slow"))
        .await;
    let answered = |event: &Event| {
        matches!(event, Event::PacketAnswered { to: Source::Peer(peer), code: None, .. }
            if peer.as_str() == "slow")
    };
    node.events.wait(answered).await;
    assert_eq!(taken.load(Ordering::SeqCst), 1);
}

pub async fn an_ipv6_listener_serves_ipv4_and_ipv6<D: Driver>(driver: D) {
    let any = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0);
    if driver.peers().bind(any).await.is_err() {
        eprintln!("this machine has no IPv6; nothing tested");
        return;
    }
    let mut config = config("hub");
    config.peers = vec![peer("four", Relation::Child), peer("six", Relation::Child)];
    let node = start_at(&driver, config, any).await;
    let port = node.address().port();
    let four = client(
        driver.peers(),
        (Ipv4Addr::LOCALHOST, port).into(),
        "four",
        fulfill,
    )
    .await;
    let _six = client(
        driver.peers(),
        (Ipv6Addr::LOCALHOST, port).into(),
        "six",
        fulfill,
    )
    .await;
    pay(&four, "test.hub.six", b"across").await;
    let from_four = |event: &Event| matches!(event, Event::Accepted { remote } if *remote == Ipv4Addr::LOCALHOST);
    node.events.wait(from_four).await;
}
