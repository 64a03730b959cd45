//! Nodes and clients with TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use ilp_router::config::{Config, Relation};
use ilp_router::{Connector, Event};
use ilp_runtime::client::{Answer, Client, ClientError, ClientOptions};
use ilp_runtime::tls::{TlsClientOptions, TlsError, TlsOptions, TlsRole, TlsWarning};
use ilp_runtime::{Clock, Node, NodeHandle, NodeOptions, Observer, Runtime};

use super::certs::{Authority, Dir, listening, localhost, server, trusting};
use crate::suite::events::Events;
use crate::suite::setup::{LOCALHOST, TOKEN, config, fulfill, options, peer, prepare};

/// All that a node tells.
#[derive(Clone, Default)]
pub struct Told {
    pub events: Events,
    lines: Arc<Mutex<(Vec<String>, Vec<Waker>)>>,
}

impl Told {
    fn line(&self, line: String) {
        let mut lines = self.lines.lock().unwrap();
        lines.0.push(line);
        let waiting = std::mem::take(&mut lines.1);
        drop(lines);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The first line, past or future, that begins like this; without its beginning.
    pub async fn wait(&self, beginning: &str) -> String {
        std::future::poll_fn(|cx| {
            let mut lines = self.lines.lock().unwrap();
            let rest = |line: &String| line.strip_prefix(beginning).map(str::to_owned);
            if let Some(found) = lines.0.iter().find_map(rest) {
                return Poll::Ready(found);
            }
            lines.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// How many lines so far begin like this.
    pub fn count(&self, beginning: &str) -> usize {
        let lines = self.lines.lock().unwrap();
        lines
            .0
            .iter()
            .filter(|line| line.starts_with(beginning))
            .count()
    }

    /// The text of the first failed dial.
    pub async fn dial_error(&self) -> String {
        match self
            .events
            .wait(|event| matches!(event, Event::DialFailed { .. }))
            .await
        {
            Event::DialFailed { error, .. } => error,
            other => unreachable!("{other:?}"),
        }
    }
}

impl Observer for Told {
    fn event(&self, event: &Event) {
        if let Event::HandshakeFailed { reason, .. } = event {
            self.line(format!("upgrade failed: {reason}"));
        }
        self.events.event(event);
    }

    fn accept_failed(&self, error: &io::Error, _: Duration) {
        self.line(format!("accept failed: {error}"));
    }

    fn tls_reload(&self, role: TlsRole, result: Result<(), &TlsError>) {
        self.line(match result {
            Ok(()) => format!("reloaded {role}"),
            Err(error) => format!("not reloaded {role}: {error}"),
        });
    }

    fn tls_warning(&self, warning: &TlsWarning) {
        self.line(format!("warning: {warning}"));
    }
}

pub struct TlsNode {
    pub handle: NodeHandle,
    pub told: Told,
}

impl TlsNode {
    pub fn address(&self) -> SocketAddr {
        self.handle.local_addr()
    }
}

pub async fn start<R: Runtime>(runtime: &R, config: Config, tls: TlsOptions) -> TlsNode {
    let told = Told::default();
    let connector = Connector::new(config, 7, Clock::now()).unwrap();
    let options = NodeOptions::new(LOCALHOST).tls(tls);
    let handle = Node::start(runtime.clone(), connector, options, told.clone())
        .await
        .unwrap();
    TlsNode { handle, told }
}

/// A node `hub` with the children alice and bob.
pub async fn hub<R: Runtime>(runtime: &R, tls: TlsOptions) -> TlsNode {
    hub_with(runtime, tls, |_| ()).await
}

/// The same, after `change`.
pub async fn hub_with<R: Runtime>(
    runtime: &R,
    tls: TlsOptions,
    change: impl FnOnce(&mut Config),
) -> TlsNode {
    let mut config = config("hub");
    config.peers = vec![peer("alice", Relation::Child), peer("bob", Relation::Child)];
    change(&mut config);
    start(runtime, config, tls).await
}

/// A hub with a certificate for localhost, and how to trust it.
pub async fn good_hub<R: Runtime>(runtime: &R, dir: &Dir) -> (TlsNode, TlsClientOptions) {
    let authority = Authority::new("ours");
    let identity = authority.sign(&localhost()).write(dir, "server");
    let node = hub(runtime, listening(server(identity))).await;
    (node, trusting(&authority.write(dir, "ca.pem")))
}

/// Options for attaching by `wss://` as `id`.
pub fn wss(address: SocketAddr, id: &str, tls: TlsClientOptions) -> ClientOptions {
    let mut options = options(address, id, TOKEN);
    options.endpoint.tls = true;
    options.tls = tls;
    options
}

pub async fn attach<R: Runtime>(
    runtime: &R,
    address: SocketAddr,
    id: &str,
    tls: TlsClientOptions,
) -> Result<Client, ClientError> {
    Client::connect(runtime, wss(address, id, tls), fulfill).await
}

/// The words with which an attach failed.
pub async fn attach_error<R: Runtime>(
    runtime: &R,
    address: SocketAddr,
    tls: TlsClientOptions,
) -> String {
    let error = attach(runtime, address, "alice", tls).await.unwrap_err();
    assert!(matches!(error, ClientError::Connect(_)), "{error:?}");
    error.to_string()
}

/// A packet from `client` to itself as `id`, and back.
pub async fn pays_itself(client: &Client, id: &str) {
    let answer = client.send(prepare(&format!("test.hub.{id}"), b"x")).await;
    assert!(matches!(answer, Ok(Answer::Fulfill { .. })), "{answer:?}");
}
