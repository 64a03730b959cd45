//! Links that come and go.

use std::net::SocketAddr;
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use ilp_proto::ErrorCode;
use ilp_router::Event;
use ilp_router::config::{OnDisconnect, Relation};
use ilp_runtime::Runtime;
use ilp_runtime::client::Answer;

use super::driver::Driver;
use super::raw::{Raw, auth_frame, empty_response, fulfill_frame};
use super::setup::{
    LOCALHOST, TOKEN, client, config, dialed, fulfill, fulfillment, hub, hub_with, peer, prepare,
    start, start_at,
};

async fn dialer<D: Driver>(
    driver: &D,
    to: SocketAddr,
    change: impl FnOnce(&mut ilp_router::Config),
) -> super::setup::TestNode {
    let mut a = config("a");
    a.peers = vec![dialed("c", to, "a")];
    change(&mut a);
    start(driver, a).await
}

/// The text of the first failed dial.
async fn dial_error(events: &super::events::Events) -> String {
    match events
        .wait(|event| matches!(event, Event::DialFailed { .. }))
        .await
    {
        Event::DialFailed { error, .. } => error,
        other => unreachable!("{other:?}"),
    }
}

/// An address that nobody listens at.
async fn closed_port<D: Driver>(driver: &D) -> SocketAddr {
    let listener = driver.peers().bind(LOCALHOST).await.unwrap();
    driver.peers().local_addr(&listener).unwrap()
}

pub async fn a_dead_endpoint_is_reported_and_tried_again<D: Driver>(driver: D) {
    let a = dialer(&driver, closed_port(&driver).await, |_| ()).await;
    let error = dial_error(&a.events).await;
    assert!(error.contains("cannot connect"), "{error}");
    a.events
        .wait_nth(3, |event| matches!(event, Event::Dialing { .. }))
        .await;
}

pub async fn a_node_that_comes_back_is_dialed_again<D: Driver>(driver: D) {
    let node = |address| {
        let mut c = config("c");
        c.peers = vec![peer("a", Relation::Peer)];
        start_at(&driver, c, address)
    };
    let c = node(LOCALHOST).await;
    let a = dialer(&driver, c.address(), |_| ()).await;
    c.events.connected("a").await;
    c.stop().await;
    a.events.disconnected("c").await;
    let c = node(c.address()).await;
    c.events.connected("a").await;
    a.events
        .wait_nth(2, |event| matches!(event, Event::Connected { .. }))
        .await;
}

pub async fn a_dial_that_is_never_answered_is_given_up<D: Driver>(driver: D) {
    let listener = driver.peers().bind(LOCALHOST).await.unwrap();
    let address = driver.peers().local_addr(&listener).unwrap();
    let a = dialer(&driver, address, |config| {
        config.timeouts.connect = Duration::from_millis(100)
    })
    .await;
    let (mut stream, _) = driver.peers().accept(&listener).await.unwrap();
    dial_error(&a.events).await;
    // the socket is gone too
    let mut request = Vec::new();
    stream.read_to_end(&mut request).await.unwrap();
    assert!(request.starts_with(b"GET / HTTP/1.1\r\n"));
    let host = format!("Host: {address}\r\n");
    assert!(String::from_utf8(request).unwrap().contains(&host));
}

pub async fn a_server_that_speaks_plain_http_is_a_failed_dial<D: Driver>(driver: D) {
    let listener = driver.peers().bind(LOCALHOST).await.unwrap();
    let a = dialer(
        &driver,
        driver.peers().local_addr(&listener).unwrap(),
        |_| (),
    )
    .await;
    let (mut stream, _) = driver.peers().accept(&listener).await.unwrap();
    stream
        .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        .await
        .unwrap();
    let error = dial_error(&a.events).await;
    assert!(error.contains("404"), "{error}");
}

pub async fn a_newer_link_takes_over<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice", "bob"]).await;
    let mut old = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    let _new = client(driver.peers(), node.address(), "bob", fulfill).await;
    assert!(old.closed().await.is_some());
    let alice = client(driver.peers(), node.address(), "alice", fulfill).await;
    alice
        .send(prepare("test.hub.bob", b"to the new one"))
        .await
        .unwrap();
}

pub async fn a_half_open_peer_is_found_out<D: Driver>(driver: D) {
    let node = hub_with(&driver, &["bob"], |config| {
        config.timeouts.keepalive_interval = Duration::from_millis(50);
        config.timeouts.keepalive = Duration::from_millis(50);
    })
    .await;
    // it never reads again, so it never answers a ping
    let _silent = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    node.events
        .wait(|event| matches!(event, Event::PongTimeout { .. }))
        .await;
    node.events.disconnected("bob").await;
}

pub async fn pings_keep_a_silent_link_alive<D: Driver>(driver: D) {
    let node = hub_with(&driver, &["bob"], |config| {
        config.timeouts.keepalive_interval = Duration::from_millis(20);
        config.timeouts.keepalive = Duration::from_millis(400);
    })
    .await;
    let _bob = client(driver.peers(), node.address(), "bob", fulfill).await;
    node.events
        .wait_nth(3, |event| matches!(event, Event::PingSent { .. }))
        .await;
    let lost = |event: &Event| {
        matches!(
            event,
            Event::Disconnected { .. } | Event::PongTimeout { .. }
        )
    };
    assert!(!node.events.all().iter().any(lost));
}

pub async fn an_abrupt_end_is_noticed<D: Driver>(driver: D) {
    let node = hub(&driver, &["bob"]).await;
    let mut raw = Raw::connect(driver.peers(), node.address()).await;
    raw.send(&auth_frame("bob", TOKEN)).await;
    assert_eq!(raw.frame().await, empty_response(1));
    drop(raw);
    let reason = node.events.disconnected("bob").await;
    // each driver in its own words
    assert!(reason.contains("without"), "{reason}");
}

pub async fn a_killed_peer_fails_what_is_in_flight<D: Driver>(driver: D) {
    let node = hub_with(&driver, &["alice", "bob"], |config| {
        config.on_disconnect = OnDisconnect::Reject;
    })
    .await;
    node.with(|connector| connector.set_packet_events(true));
    let bob = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    let alice = client(driver.peers(), node.address(), "alice", fulfill).await;
    let answer = alice.send(prepare("test.hub.bob", b"in flight"));
    node.events
        .wait(|event| matches!(event, Event::PacketForwarded { .. }))
        .await;
    // with a packet unread its TCP ends in a reset
    drop(bob);
    match answer.await {
        Ok(Answer::Reject { code, .. }) => assert_eq!(code, ErrorCode::T01_PEER_UNREACHABLE),
        other => panic!("bob is gone, but: {other:?}"),
    }
}

pub async fn a_killed_peer_may_answer_when_it_is_back<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice", "bob"]).await;
    let mut bob = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    let alice = client(driver.peers(), node.address(), "alice", fulfill).await;
    let answer = alice.send(prepare("test.hub.bob", b"in flight"));
    let request = bob.frame().await;
    drop(bob);
    node.events.disconnected("bob").await;
    let mut bob = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    bob.send(&fulfill_frame(&request, fulfillment(b"in flight")))
        .await;
    assert!(matches!(answer.await, Ok(Answer::Fulfill { .. })));
}
