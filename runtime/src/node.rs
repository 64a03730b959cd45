//! A node: one connector, driven.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_lite::{FutureExt, future};
use ilp_router::Connector;
use thiserror::Error;

use crate::alarm::Alarm;
use crate::hub::{Aftermath, Hub};
use crate::link::{Links, panic_text};
use crate::listener::unless;
use crate::signal::Signal;
use crate::tls::{Tls, TlsCertificate, TlsError, TlsOptions};
use crate::{Clock, Observer, Runtime, listener, reception};

/// Starts nodes.
#[derive(Debug)]
pub struct Node;

/// What a node is told besides its connector.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeOptions {
    /// Where it listens; port 0 takes any free one, which [`NodeHandle::local_addr`] tells.
    pub listen: SocketAddr,
    /// How it speaks TLS.
    pub tls: TlsOptions,
}

impl NodeOptions {
    /// Listens on `listen`, without TLS, and dials `wss://` peers by the default authorities.
    #[must_use]
    pub const fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: TlsOptions::new(),
        }
    }

    /// The same with this TLS.
    #[must_use]
    pub fn tls(self, tls: TlsOptions) -> Self {
        Self { tls, ..self }
    }
}

/// Why a node does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on: in use, not ours, not permitted.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// A certificate, a key or authorities for TLS are of no use.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
}

impl Node {
    /// Listens, and drives `connector` from now on: its first dials begin at once.
    ///
    /// The connector must have been made with the time of [`Clock`]. Nothing runs if an error is returned.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start<R: Runtime>(
        runtime: R,
        connector: Connector,
        options: NodeOptions,
        observer: impl Observer,
    ) -> Result<NodeHandle, StartError> {
        let (tls, warnings) = Tls::load(&options.tls)?;
        let tls = Arc::new(tls);
        let address = options.listen;
        let error = |source| StartError::Listen { address, source };
        let listener = runtime.bind(address).await.map_err(error)?;
        let local_addr = runtime.local_addr(&listener).map_err(error)?;

        let max_message = connector.limits().max_message;
        let hub = Arc::new(Hub::new(connector, Box::new(observer)));
        for warning in &warnings {
            hub.tell(|observer| observer.tls_warning(warning));
        }
        let links = Links::new(
            runtime.clone(),
            Arc::clone(&hub),
            Arc::clone(&tls),
            max_message,
        );
        if let Some(interval) = tls.reload_interval() {
            let watching = watch(
                runtime.clone(),
                Arc::clone(&hub),
                Arc::clone(&tls),
                interval,
            );
            hub.spawn(&runtime, watching);
        }
        hub.spawn(&runtime, guard(Arc::clone(&hub), supervise(links.clone())));
        let (door, reception) = reception::open();
        hub.spawn(&runtime, guard(Arc::clone(&hub), reception));
        let listening = listener::listen(links, listener, door);
        hub.spawn(&runtime, guard(Arc::clone(&hub), listening));
        Ok(NodeHandle {
            hub,
            tls,
            local_addr,
        })
    }
}

/// A running node. Clones are the same node; dropping all of them does not stop it.
#[derive(Clone)]
pub struct NodeHandle {
    hub: Arc<Hub>,
    tls: Arc<Tls>,
    local_addr: SocketAddr,
}

impl NodeHandle {
    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Looks at the connector, or changes it. All links wait meanwhile, so copy what you need and return.
    ///
    /// To end the node use [`shutdown`](Self::shutdown), which also stops the listener.
    ///
    /// # Panics
    /// Not by itself. If `act` panics, the process is aborted as soon as anything else needs the connector.
    pub fn with<T>(&self, act: impl FnOnce(&mut Connector) -> T) -> T {
        self.hub.turn(
            &mut Aftermath::default(),
            None,
            |turn| act(turn.connector()),
        )
    }

    /// The certificates that others are shown now, which follow their files; none without TLS. The same one twice if
    /// it is shown in both roles.
    #[must_use]
    pub fn certificates(&self) -> Vec<TlsCertificate> {
        self.tls.certificates()
    }

    /// Begins to drain: the port is released, packets in flight are seen through, then all links are closed.
    /// [`wait`](Self::wait) says when that is done. Doing it twice changes nothing.
    pub fn shutdown(&self) {
        self.hub.listener.send(Signal::STOP);
        self.hub.turn(&mut Aftermath::default(), None, |turn| {
            let now = turn.now;
            turn.connector().shutdown(now);
        });
    }

    /// Ends when the node has: after [`shutdown`](Self::shutdown), once all of its tasks and sockets are gone.
    pub async fn wait(&self) {
        self.hub.done.wait().await;
    }

    /// Whether [`wait`](Self::wait) would end at once.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.hub.done.get().is_some()
    }
}

impl std::fmt::Debug for NodeHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeHandle")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}

/// A node without its listener or its clock is none: if one of them panics the process ends.
async fn guard(hub: Arc<Hub>, task: impl Future<Output = ()>) {
    if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
        hub.abort(&format!(
            "a task that the node depends on panicked: {}",
            panic_text(&*panic)
        ));
    }
}

/// Lets TLS follow its files, until the supervisor stops.
async fn watch<R: Runtime>(runtime: R, hub: Arc<Hub>, tls: Arc<Tls>, interval: Duration) {
    while unless(hub.watcher.stopped(), runtime.sleep(interval))
        .await
        .is_some()
    {
        hub.tell(|observer| tls.look(Clock::now().wall, observer));
    }
}

/// Keeps the connector's time and starts its dials, until it is stopped.
async fn supervise<R: Runtime>(links: Links<R>) {
    let hub = &links.hub;
    let mut aftermath = Aftermath::default();
    let mut alarm = Alarm::new(links.runtime.clone());
    loop {
        let orders = hub.supervise(&mut aftermath);
        for dial in orders.dials {
            links.spawn_dial(dial);
        }
        if orders.stopped {
            hub.listener.send(Signal::STOP);
            hub.watcher.send(Signal::STOP);
            return;
        }
        // telling what happened may fill all of this task's time: the dials that it starts need some too
        future::yield_now().await;
        if orders
            .deadline
            .is_some_and(|deadline| deadline <= Clock::now().mono)
        {
            // there is more to do than one call does
            continue;
        }
        poll_fn(|cx| {
            hub.supervisor.register(cx);
            if hub.supervisor.take() != 0 {
                return Poll::Ready(());
            }
            alarm.poll(cx, orders.deadline)
        })
        .await;
    }
}
