//! Going down, and starting.

use std::time::Duration;

use futures_lite::future;
use ilp_router::{Connector, Event};
use ilp_runtime::client::{Answer, Closed};
use ilp_runtime::{Clock, Node, NodeOptions, Runtime, StartError};

use super::driver::Driver;
use super::raw::{Raw, fulfill_frame};
use super::setup::{
    LOCALHOST, client, config, fulfill, fulfillment, hub, hub_with, prepare, refuse,
};

pub async fn shutdown_releases_the_port_and_ends_all_tasks<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice"]).await;
    let address = node.address();
    let alice = client(driver.peers(), address, "alice", refuse).await;
    node.stop().await;
    assert!(matches!(
        alice.closed().await,
        Closed::Remote { code: 1000, .. }
    ));
    driver.peers().bind(address).await.unwrap();
    // and again does nothing
    node.stop().await;
}

pub async fn a_node_says_that_it_has_ended<R: Runtime>(runtime: R) {
    let connector = Connector::new(config("hub"), 1, Clock::now()).unwrap();
    let options = NodeOptions::new(LOCALHOST);
    let node = Node::start(runtime, connector, options, |_: &Event| ()).await;
    let node = node.unwrap();
    assert!(!node.has_ended());
    node.shutdown();
    node.wait().await;
    assert!(node.has_ended());
}

pub async fn shutdown_waits_for_packets_in_flight<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice", "bob"]).await;
    let alice = client(driver.peers(), node.address(), "alice", refuse).await;
    let mut bob = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    let answer = alice.send(prepare("test.hub.bob", b"last"));
    let request = bob.frame().await;
    node.handle.shutdown();
    node.events
        .wait(|event| matches!(event, Event::Draining { in_flight: 1, .. }))
        .await;
    let late = alice.send(prepare("test.hub.bob", b"too late")).await;
    assert!(
        matches!(late, Ok(Answer::Reject { code, .. }) if code.as_str() == "T03"),
        "{late:?}"
    );

    bob.send(&fulfill_frame(&request, fulfillment(b"last")))
        .await;
    assert!(matches!(answer.await, Ok(Answer::Fulfill { .. })));
    let bob_closes = async { bob.closed().await };
    let (closed, ()) = future::zip(bob_closes, node.handle.wait()).await;
    assert_eq!(closed.unwrap().0, 1000);
    node.events
        .wait(|event| matches!(event, Event::Drained { unanswered: 0 }))
        .await;
}

pub async fn shutdown_with_a_deaf_peer_ends<D: Driver>(driver: D) {
    let node = hub_with(&driver, &["bob"], |config| {
        config.timeouts.close = Duration::from_millis(50);
    })
    .await;
    // it does not answer our Close frame
    let _deaf = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    node.stop().await;
}

pub async fn shutdown_with_a_peer_that_reads_nothing_ends<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice", "glutton"]).await;
    let _alice = client(driver.peers(), node.address(), "alice", fulfill).await;
    let mut glutton = Raw::authenticated(driver.peers(), node.address(), "glutton").await;
    // answers come back until no more fit, and the node stops to read
    let data = vec![0; 32_000];
    for id in 2.. {
        let send = async {
            let packet = prepare("test.hub.alice", &data);
            glutton.send_prepare(id, &packet).await;
            true
        };
        let stuck = async {
            driver.peers().sleep(Duration::from_millis(100)).await;
            false
        };
        // only the glutton is owed answers
        let owed = || node.with(|connector| connector.peers().any(|peer| peer.answer_bytes > 0));
        if !future::or(send, stuck).await && owed() {
            break;
        }
    }
    node.stop().await;
}

pub async fn a_port_in_use_is_a_start_error<R: Runtime>(runtime: R) {
    let node = hub(&runtime, &[]).await;
    let connector = Connector::new(config("other"), 1, Clock::now()).unwrap();
    let options = NodeOptions::new(node.address());
    let error = Node::start(runtime, connector, options, |_: &Event| ())
        .await
        .unwrap_err();
    let StartError::Listen { address, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*address, node.address());
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

pub async fn events_come_in_order<D: Driver>(driver: D) {
    let node = hub_with(&driver, &["alice", "bob"], |config| {
        config.limits.event_ring = 1 << 20
    })
    .await;
    node.with(|connector| connector.set_packet_events(true));
    let _bob = client(driver.peers(), node.address(), "bob", fulfill).await;
    let alice = client(driver.peers(), node.address(), "alice", refuse).await;
    let sent: Vec<_> = (0..200)
        .map(|n: u8| alice.send(prepare("test.hub.bob", &[n; 32])))
        .collect();
    for answer in sent {
        assert!(matches!(answer.await, Ok(Answer::Fulfill { .. })));
    }
    let answered = |event: &Event| matches!(event, Event::PacketAnswered { .. });
    node.events.wait_nth(200, answered).await;
    // of each packet: taken in before it is forwarded, forwarded before it is answered
    let mut stages = std::collections::BTreeMap::new();
    for event in node.events.all() {
        let (packet, stage) = match event {
            Event::PacketReceived { packet, .. } => (packet, 0),
            Event::RouteLookup { packet, .. } => (packet, 1),
            Event::PacketForwarded { packet, .. } => (packet, 2),
            Event::PacketAnswered { packet, .. } => (packet, 3),
            _ => continue,
        };
        let next = stages.entry(packet.to_string()).or_insert(0);
        assert_eq!(*next, stage, "{packet}");
        *next += 1;
    }
    assert_eq!(stages.len(), 200);
}
