//! A whole node on plain threads and blocking sockets: all that a [`Connector`] asks of a runtime.
//!
//! One mutex guards the connector. One thread listens and one keeps the time; every link has a thread that reads its
//! socket and one that writes it (`pump.rs`). Whoever called a `handle_*` calls `settle` before it lets go of the lock.
//!
//! Left out: TLS, more than one message per lock, and life without enough threads.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // clock, sockets and threads are a driver's trade

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::{io, process, thread};

use ilp_proto::{Instant, Now};
use ilp_router::{Action, Connector, Event, LinkId};

#[path = "clock.rs"]
mod clock;
#[path = "half.rs"]
mod half;
#[path = "link.rs"]
mod link;
#[path = "open.rs"]
mod open;
#[path = "pump.rs"]
mod pump;
pub(crate) use clock::now;
use clock::sleep;
use link::Link;

/// A running node. Clones are the same node.
#[derive(Clone)]
pub(crate) struct Node(Arc<Shared>);

struct Shared {
    core: Mutex<Core>,
    /// Wakes the timer thread, and those who wait for the end.
    news: Condvar,
    observer: Box<dyn Fn(&Event) + Send + Sync>,
    local_addr: SocketAddr,
}

struct Core {
    connector: Connector,
    links: BTreeMap<LinkId, Link>,
    /// What the timer thread sleeps until.
    armed: Option<Instant>,
    /// Open sockets, the listener's included.
    sockets: usize,
    stopped: bool,
}

impl Node {
    /// Listens, and drives `connector` (made with the time of [`now`]) until [`shutdown`](Self::shutdown). The observer
    /// is called under the lock: it must be quick and leave the node alone.
    pub(crate) fn start(
        connector: Connector,
        listen: SocketAddr,
        observer: impl Fn(&Event) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        let node = Self(Arc::new(Shared {
            core: Mutex::new(Core {
                connector,
                links: BTreeMap::new(),
                armed: None,
                sockets: 1,
                stopped: false,
            }),
            news: Condvar::new(),
            observer: Box::new(observer),
            local_addr: listener.local_addr()?,
        }));
        node.with(|_, _| ()); // starts the first dials
        node.spawn(|node| node.listen(listener));
        node.spawn(|node| node.keep_time());
        Ok(node)
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.0.local_addr
    }

    /// Looks at the connector, or changes it; everybody else waits meanwhile.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Connector, Now) -> T) -> T {
        let mut core = self.lock();
        let result = act(&mut core.connector, now());
        self.settle(&mut core);
        result
    }

    /// Begins to drain; [`wait`](Self::wait) says when that is done.
    pub(crate) fn shutdown(&self) {
        self.with(|connector, now| connector.shutdown(now));
        let _ = TcpStream::connect(self.0.local_addr); // the listener is told to leave when it looks up
    }

    /// Ends when the node has, sockets and all.
    pub(crate) fn wait(&self) {
        let mut core = self.lock();
        while !core.stopped || core.sockets > 0 {
            core = sleep(&self.0.news, core, None);
        }
    }

    fn spawn(&self, work: impl FnOnce(Self) + Send + 'static) {
        let node = self.clone();
        thread::spawn(move || work(node));
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        // a connector that panicked cannot be trusted with money in flight
        self.0.core.lock().unwrap_or_else(|_| process::abort())
    }

    /// Does all that the connector wants done.
    fn settle(&self, core: &mut Core) {
        while let Some(link) = core.connector.poll_writable() {
            core.wake(link);
        }
        while let Some(action) = core.connector.poll_action() {
            match action {
                Action::Dial { link, endpoint } => {
                    core.links.insert(link, Link::default());
                    self.spawn(move |node| node.dial(link, &endpoint));
                }
                Action::Drop { link } => core.cut(link),
                Action::ResumeRead { link } => core.wake(link),
                Action::Stop => core.stopped = true,
                _ => {} // there are no others yet
            }
        }
        while let Some(event) = core.connector.poll_event() {
            (self.0.observer)(&event);
        }
        let next = core.connector.poll_timeout();
        if core.stopped || next.is_some_and(|at| core.armed.is_none_or(|armed| at < armed)) {
            core.armed = next;
            self.0.news.notify_all();
        }
    }
}
