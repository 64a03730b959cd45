//! The client, against nodes and against servers that misbehave.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::future;
use ilp_proto::Fulfillment;
use ilp_router::{Event, Source};
use ilp_runtime::Runtime;
use ilp_runtime::client::{Answer, Client, ClientError, Closed, SendError};

use super::raw::{Raw, fulfill_frame};
use super::setup::{
    LOCALHOST, TOKEN, client, code, fulfill, hub, options, prepare, prepare_for, refuse,
};

/// A client and the server it is connected to, which lets anybody in and then does nothing by itself.
async fn with_server<R: Runtime>(runtime: &R) -> (Client, Raw<R>) {
    let listener = runtime.bind(LOCALHOST).await.unwrap();
    let address = runtime.local_addr(&listener).unwrap();
    let connecting = client(runtime, address, "alice", refuse);
    future::zip(connecting, Raw::accept_authenticated(runtime, &listener)).await
}

pub async fn a_server_that_never_answers_times_out<R: Runtime>(runtime: R) {
    let (alice, mut server) = with_server(&runtime).await;
    let short = prepare_for("test.bob", b"", Duration::from_millis(50));
    assert_eq!(alice.send(short).await, Err(SendError::Timeout));
    assert_eq!(alice.in_flight(), 0);
    // an answer that comes now is for nobody
    let request = server.frame().await;
    server
        .send(&fulfill_frame(&request, Fulfillment([0x5a; 32])))
        .await;
    let next = alice.send(prepare("test.bob", b"x"));
    let request = server.frame().await;
    server
        .send(&fulfill_frame(&request, super::setup::fulfillment(b"x")))
        .await;
    assert!(matches!(next.await, Ok(Answer::Fulfill { .. })));
}

pub async fn a_wrong_fulfillment_is_not_a_payment<R: Runtime>(runtime: R) {
    let (alice, mut server) = with_server(&runtime).await;
    let answer = alice.send(prepare("test.bob", b""));
    let request = server.frame().await;
    server
        .send(&fulfill_frame(&request, Fulfillment::ZERO))
        .await;
    assert_eq!(answer.await, Err(SendError::WrongFulfillment));
}

pub async fn a_server_that_goes_away_fails_what_is_in_flight<R: Runtime>(runtime: R) {
    let (alice, mut server) = with_server(&runtime).await;
    let answer = alice.send(prepare("test.bob", b""));
    server.frame().await;
    drop(server);
    let Err(SendError::Closed(why)) = answer.await else {
        panic!("the link is gone")
    };
    assert!(matches!(why, Closed::Broken(_)));
    assert_eq!(alice.closed().await, why);
    assert_eq!(
        alice.send(prepare("test.bob", b"")).await,
        Err(SendError::Closed(why))
    );
}

pub async fn a_server_without_an_auth_answer_is_given_up<R: Runtime>(runtime: R) {
    let listener = runtime.bind(LOCALHOST).await.unwrap();
    let mut options = options(runtime.local_addr(&listener).unwrap(), "alice", TOKEN);
    options.auth_timeout = Duration::from_millis(50);
    let connecting = Client::connect(&runtime, options, refuse);
    let (client, mut server) = future::zip(connecting, Raw::accept(&runtime, &listener)).await;
    assert!(matches!(client.unwrap_err(), ClientError::NoAuthAnswer(_)));
    server.closed().await;
}

pub async fn a_closed_port_is_an_error<R: Runtime>(runtime: R) {
    let listener = runtime.bind(LOCALHOST).await.unwrap();
    let address: SocketAddr = runtime.local_addr(&listener).unwrap();
    drop(listener);
    let error = Client::connect(&runtime, options(address, "alice", TOKEN), refuse)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Connect(_)), "{error}");
}

pub async fn a_panicking_handler_rejects_one_packet<R: Runtime>(runtime: R) {
    let node = hub(&runtime, &["alice", "bob"]).await;
    let alice = client(&runtime, node.address(), "alice", refuse).await;
    let _bob = client(&runtime, node.address(), "bob", |packet| {
        assert_ne!(packet.data, b"bad", "a bug in a handler, on purpose");
        fulfill(packet)
    })
    .await;
    assert_eq!(
        code(&alice.send(prepare("test.hub.bob", b"bad")).await),
        "T00"
    );
    assert!(matches!(
        alice.send(prepare("test.hub.bob", b"good")).await,
        Ok(Answer::Fulfill { .. })
    ));
}

pub async fn a_dropped_client_closes_its_link<R: Runtime>(runtime: R) {
    let node = hub(&runtime, &["alice"]).await;
    let alice = client(&runtime, node.address(), "alice", refuse).await;
    let clone = alice.clone();
    drop(alice);
    clone.learn_address().await.unwrap();
    drop(clone);
    let reason = node.events.disconnected("alice").await;
    assert!(reason.contains("1000"), "{reason}");
}

pub async fn closing_twice_is_closing_once<R: Runtime>(runtime: R) {
    let node = hub(&runtime, &["alice"]).await;
    let alice = client(&runtime, node.address(), "alice", refuse).await;
    alice.close();
    alice.close();
    assert_eq!(alice.closed().await, Closed::Local);
    assert_eq!(
        alice.send(prepare("test.hub", b"")).await,
        Err(SendError::Closed(Closed::Local))
    );
}

pub async fn more_than_the_limit_in_flight_is_refused<R: Runtime>(runtime: R) {
    let listener = runtime.bind(LOCALHOST).await.unwrap();
    let mut options = options(runtime.local_addr(&listener).unwrap(), "alice", TOKEN);
    options.max_in_flight = 2;
    let connecting = Client::connect(&runtime, options, refuse);
    let (alice, _server) =
        future::zip(connecting, Raw::accept_authenticated(&runtime, &listener)).await;
    let alice = alice.unwrap();
    let _waiting = [
        alice.send(prepare("test.a", b"")),
        alice.send(prepare("test.b", b"")),
    ];
    assert_eq!(
        alice.send(prepare("test.c", b"")).await,
        Err(SendError::TooManyInFlight(2))
    );
}

pub async fn an_expired_packet_is_not_sent<R: Runtime>(runtime: R) {
    let (alice, _server) = with_server(&runtime).await;
    let expired = prepare_for("test.bob", b"", Duration::ZERO);
    assert_eq!(alice.send(expired).await, Err(SendError::Expired));
    let long = vec![0; ilp_proto::MAX_DATA + 1];
    let answer = alice.send(prepare("test.bob", &long)).await;
    assert_eq!(answer, Err(SendError::DataTooLong(ilp_proto::MAX_DATA + 1)));
}

pub async fn a_handler_may_use_its_client<R: Runtime>(runtime: R) {
    let node = hub(&runtime, &["alice", "bob"]).await;
    node.with(|connector| connector.set_packet_events(true));
    let own = Arc::new(Mutex::new(None::<Client>));
    let inner = Arc::clone(&own);
    let bob = client(&runtime, node.address(), "bob", move |packet| {
        if let Some(client) = &*inner.lock().unwrap() {
            // sent at once; the answer is nobody's business
            drop(client.send(prepare("test.hub.alice", b"thanks")));
        }
        fulfill(packet)
    })
    .await;
    *own.lock().unwrap() = Some(bob);
    let alice = client(&runtime, node.address(), "alice", refuse).await;
    alice.send(prepare("test.hub.bob", b"x")).await.unwrap();
    let thanks = |event: &Event| matches!(event, Event::PacketReceived { source: Source::Peer(peer), .. } if peer.as_str() == "bob");
    node.events.wait(thanks).await;
}
