//! Sockets that fail, and bugs in what a node is built on.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::AsyncWriteExt;
use ilp_router::{Connector, Event};
use ilp_runtime::client::Answer;
use ilp_runtime::faulty::{Faults, Faulty};
use ilp_runtime::{Clock, Node, NodeHandle, NodeOptions, Observer, Runtime};

use super::events::Events;
use super::raw::Raw;
use super::setup::{LOCALHOST, client, config, fulfill, peer, prepare};

/// A stream that reads this makes its task panic.
const BOMB: &[u8] = b"a bug in the socket layer, on purpose";

/// Panics at a [`BOMB`], and fails so many more accepts.
#[derive(Clone)]
struct Failing {
    accepts: Arc<AtomicUsize>,
}

/// A runtime that does, around `runtime`.
fn failing<R: Runtime>(runtime: &R, accepts: usize) -> Faulty<R, Failing> {
    let accepts = Arc::new(AtomicUsize::new(accepts));
    Faulty::new(runtime.clone(), Failing { accepts })
}

impl Faults for Failing {
    fn accept(&self) -> io::Result<()> {
        let left = |left: usize| left.checked_sub(1);
        match self
            .accepts
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left)
        {
            Ok(_) => Err(io::Error::other("too many open files")),
            Err(_) => Ok(()),
        }
    }

    fn read(&self, bytes: &[u8]) {
        assert!(
            !bytes.starts_with(BOMB),
            "a bug in the socket layer, on purpose"
        );
    }
}

/// Keeps what is no event.
#[derive(Clone, Default)]
struct Troubles {
    events: Events,
    panics: Arc<Mutex<Vec<String>>>,
    accepts: Arc<Mutex<Vec<Duration>>>,
}

impl Observer for Troubles {
    fn event(&self, event: &Event) {
        self.events.event(event);
    }

    fn accept_failed(&self, _: &io::Error, retry_in: Duration) {
        self.accepts.lock().unwrap().push(retry_in);
    }

    fn link_panicked(&self, message: &str) {
        self.panics.lock().unwrap().push(message.into());
    }
}

async fn hub<R: Runtime>(runtime: &R, observer: impl Observer) -> NodeHandle {
    use ilp_router::config::Relation;
    let mut config = config("hub");
    config.peers = vec![peer("alice", Relation::Child), peer("bob", Relation::Child)];
    let connector = Connector::new(config, 1, Clock::now()).unwrap();
    Node::start(
        runtime.clone(),
        connector,
        NodeOptions::new(LOCALHOST),
        observer,
    )
    .await
    .unwrap()
}

async fn pays_itself<R: Runtime>(runtime: &R, node: &NodeHandle) {
    let alice = client(runtime, node.local_addr(), "alice", fulfill).await;
    let answer = alice.send(prepare("test.hub.alice", b"x")).await;
    assert!(matches!(answer, Ok(Answer::Fulfill { .. })), "{answer:?}");
}

pub async fn a_panic_in_a_links_task_ends_that_link_only<R: Runtime>(runtime: R) {
    let troubles = Troubles::default();
    let node = hub(&failing(&runtime, 0), troubles.clone()).await;
    let mut bob = Raw::authenticated(&runtime, node.local_addr(), "bob").await;
    bob.socket.get_mut().write_all(BOMB).await.unwrap();
    let reason = troubles.events.disconnected("bob").await;
    assert_eq!(reason, "internal error");
    assert_eq!(bob.next().await, None, "the socket is gone");
    pays_itself(&runtime, &node).await;
    let panics = troubles.panics.lock().unwrap().clone();
    assert_eq!(panics, ["a bug in the socket layer, on purpose"]);
    node.shutdown();
    node.wait().await;
}

pub async fn failing_accepts_are_waited_out<R: Runtime>(runtime: R) {
    let troubles = Troubles::default();
    let node = hub(&failing(&runtime, 2), troubles.clone()).await;
    pays_itself(&runtime, &node).await;
    let waits = troubles.accepts.lock().unwrap().clone();
    assert_eq!(
        waits,
        [Duration::from_millis(100), Duration::from_millis(200)]
    );
}

pub async fn shutdown_does_not_wait_for_a_failing_accept<R: Runtime>(runtime: R) {
    let node = hub(&failing(&runtime, usize::MAX), Troubles::default()).await;
    node.shutdown();
    node.wait().await;
    runtime.bind(node.local_addr()).await.unwrap();
}

pub async fn a_panicking_observer_harms_nobody<R: Runtime>(runtime: R) {
    let node = hub(&runtime, |_: &Event| {
        panic!("a bug in an observer, on purpose")
    })
    .await;
    pays_itself(&runtime, &node).await;
    node.shutdown();
    node.wait().await;
}
