//! What strangers send.

use std::time::Duration;

use futures_lite::AsyncWriteExt;
use ilp_router::Event;
use ilp_runtime::Runtime;
use tungstenite::Message;

use super::driver::Driver;
use super::raw::{Raw, read_to_end};
use super::setup::{TestNode, client, fulfill, hub, hub_with, prepare};

/// Another peer still gets through.
async fn unharmed<D: Driver>(driver: &D, node: &TestNode) {
    let alice = client(driver.peers(), node.address(), "alice", fulfill).await;
    alice
        .send(prepare("test.hub.alice", b"to myself"))
        .await
        .unwrap();
}

pub async fn garbage_before_auth_closes_the_link<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice", "bob"]).await;
    let mut raw = Raw::connect(driver.peers(), node.address()).await;
    raw.send(b"\xff\xff\xff").await;
    assert_eq!(raw.closed().await.unwrap().0, 1002);
    unharmed(&driver, &node).await;
}

pub async fn garbage_after_auth_closes_the_link_at_the_third<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice", "bob"]).await;
    let mut raw = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    for _ in 0..3 {
        raw.send(b"\x06\x00\x00\x00\x01\x81\x01\x01").await;
    }
    assert_eq!(raw.closed().await.unwrap().0, 1002);
    node.events.disconnected("bob").await;
    unharmed(&driver, &node).await;
}

pub async fn an_oversized_message_is_refused_by_its_header<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice", "bob"]).await;
    let mut raw = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    raw.send(&vec![6; (64 << 10) + 1]).await;
    assert_eq!(raw.closed().await.unwrap().0, 1009);
    let reason = node.events.disconnected("bob").await;
    assert!(reason.contains("more than 65536 bytes"), "{reason}");
    unharmed(&driver, &node).await;
}

pub async fn a_fragmented_oversized_message_is_refused<D: Driver>(driver: D) {
    use tungstenite::protocol::frame::Frame;
    use tungstenite::protocol::frame::coding::{Data, OpCode};
    let node = hub(&driver, &["alice", "bob"]).await;
    let mut raw = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    for opcode in [Data::Binary, Data::Continue, Data::Continue] {
        let part = Frame::message(vec![6; 30_000], OpCode::Data(opcode), false);
        raw.socket.send(Message::Frame(part)).await.unwrap();
    }
    assert_eq!(raw.closed().await.unwrap().0, 1009);
    unharmed(&driver, &node).await;
}

pub async fn text_that_is_not_utf8_closes_the_link<D: Driver>(driver: D) {
    use tungstenite::protocol::frame::Frame;
    use tungstenite::protocol::frame::coding::{Data, OpCode};
    let node = hub(&driver, &["bob"]).await;
    let mut raw = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    let text = Frame::message(vec![0xff], OpCode::Data(Data::Text), true);
    raw.socket.send(Message::Frame(text)).await.unwrap();
    assert_eq!(raw.closed().await.unwrap().0, 1007);
}

pub async fn a_client_that_does_not_mask_is_refused<D: Driver>(driver: D) {
    let node = hub(&driver, &["bob"]).await;
    let mut raw = Raw::authenticated(driver.peers(), node.address(), "bob").await;
    raw.socket
        .get_mut()
        .write_all(b"\x82\x01\x06")
        .await
        .unwrap();
    assert_eq!(raw.closed().await.unwrap().0, 1002);
    node.events.disconnected("bob").await;
}

pub async fn a_slow_upgrade_is_cut_by_the_handshake_timeout<D: Driver>(driver: D) {
    let node = hub_with(&driver, &["alice"], |config| {
        config.timeouts.handshake = Duration::from_millis(100);
    })
    .await;
    let address = node.address();
    let mut stream = driver.peers().connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, b"");
    assert_eq!(node.with(|connector| connector.stats().unauthenticated), 0);
    unharmed(&driver, &node).await;
}

pub async fn a_silent_websocket_is_cut_by_the_handshake_timeout<D: Driver>(driver: D) {
    let node = hub_with(&driver, &["alice"], |config| {
        config.timeouts.handshake = Duration::from_millis(100);
    })
    .await;
    let mut raw = Raw::connect(driver.peers(), node.address()).await;
    assert_eq!(raw.closed().await.unwrap().0, 1008);
}

pub async fn an_http_request_is_told_what_is_spoken_here<R: Runtime>(runtime: R) {
    let node = hub(&runtime, &["alice"]).await;
    let answers = [
        (
            "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
            "HTTP/1.1 426 Upgrade Required\r\n",
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
        ),
        (
            "\x16\x03\x01\x02\x00\x01\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
        ),
    ];
    for (request, status) in answers {
        let mut stream = runtime.connect(node.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = String::from_utf8(read_to_end(&mut stream).await).unwrap();
        assert!(
            answer.starts_with(status) && answer.contains("BTP over WebSocket"),
            "{answer}"
        );
    }
    unharmed(&runtime, &node).await;
}

pub async fn connections_above_the_cap_are_dropped<D: Driver>(driver: D) {
    let node = hub_with(&driver, &["alice"], |config| {
        config.limits.max_unauthenticated_per_address = 2;
    })
    .await;
    let address = node.address();
    let first = driver.peers().connect(address).await.unwrap();
    let second = driver.peers().connect(address).await.unwrap();
    // it is reset, which the system may tell as early as that
    if let Ok(mut third) = driver.peers().connect(address).await {
        assert_eq!(read_to_end(&mut third).await, b"");
    }
    node.events
        .wait(|event| matches!(event, Event::Refused { .. }))
        .await;
    drop((first, second));
    // their places are free again as soon as the node has seen them go
    while node.with(|connector| connector.stats().unauthenticated) > 0 {
        driver.peers().sleep(Duration::from_millis(1)).await;
    }
    unharmed(&driver, &node).await;
}

pub async fn a_ping_before_auth_is_answered<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice"]).await;
    let mut raw = Raw::connect(driver.peers(), node.address()).await;
    raw.socket
        .send(Message::Ping("are you there?".into()))
        .await
        .unwrap();
    assert_eq!(
        raw.next().await,
        Some(Message::Pong("are you there?".into()))
    );
}
