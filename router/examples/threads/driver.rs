//! A whole node on plain threads and blocking sockets: all that a [`Connector`] asks of a runtime.
//!
//! One mutex guards the connector. One thread listens, one keeps the time; each link has a thread that reads its
//! socket and one that writes it. Whoever has called a `handle_*` calls [`Node::settle`] before letting go of the lock.
//!
//! Left out: TLS, and more than one message per lock.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // clock, sockets and threads are a driver's trade

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, process, thread};

use ilp_proto::{Instant, Now};
use ilp_router::config::Endpoint;
use ilp_router::{Action, CloseReason, Connector, DialError, Event, LinkId};
use tungstenite::{Bytes, protocol::Role};

#[path = "socket.rs"]
mod socket;
use socket::{Socket, now};

/// A running node. Clones are the same node.
#[derive(Clone)]
pub struct Node(Arc<Shared>);

struct Shared {
    core: Mutex<Core>,
    /// Wakes the timer thread and whoever waits for the end.
    news: Condvar,
    local_addr: SocketAddr,
    observer: Box<dyn Fn(&Event) + Send + Sync>,
}

struct Core {
    connector: Connector,
    links: BTreeMap<LinkId, Link>,
    /// What the timer thread sleeps until.
    armed: Option<Instant>,
    /// Readers and the listener; dials that nobody wants any more do not count.
    threads: usize,
    stopped: bool,
}

/// What the rest of the node knows of a link's threads.
#[derive(Default)]
struct Link {
    wake: Arc<Condvar>,
    stream: Option<TcpStream>,
    /// What the last ping held: to be answered.
    pong: Option<Bytes>,
}

impl Node {
    /// Listens, and drives `connector`, made with the time of [`now`], until [`shutdown`](Self::shutdown). The
    /// observer is called under the lock: it must be quick and must not call the node.
    pub fn start(
        connector: Connector,
        listen: SocketAddr,
        observer: impl Fn(&Event) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        let core = Core {
            connector,
            links: BTreeMap::new(),
            armed: None,
            threads: 0,
            stopped: false,
        };
        let node = Self(Arc::new(Shared {
            core: Mutex::new(core),
            news: Condvar::new(),
            local_addr: listener.local_addr()?,
            observer: Box::new(observer),
        }));
        node.with(|_, _| ()); // the first dials
        node.spawn(move |node| node.listen(&listener));
        let timer = node.clone();
        thread::spawn(move || timer.keep_time());
        Ok(node)
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.0.local_addr
    }

    /// Looks at the connector, or changes it; everybody else waits meanwhile.
    pub fn with<T>(&self, act: impl FnOnce(&mut Connector, Now) -> T) -> T {
        let mut core = self.lock();
        let result = act(&mut core.connector, now());
        self.settle(&mut core);
        result
    }

    /// Begins to drain; [`wait`](Self::wait) says when that is done.
    pub fn shutdown(&self) {
        self.with(|connector, now| connector.shutdown(now));
        let _ = TcpStream::connect(self.0.local_addr); // the listener looks up, and is told to leave
    }

    /// Ends when the node has.
    pub fn wait(&self) {
        let ended = |core: &mut Core| !core.stopped || core.threads > 0;
        drop(self.0.news.wait_while(self.lock(), ended));
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        let lost = |_: PoisonError<_>| process::abort(); // what it believes about money is not to be trusted
        self.0.core.lock().unwrap_or_else(lost)
    }

    fn spawn(&self, work: impl FnOnce(&Self) + Send + 'static) {
        self.lock().threads += 1;
        let node = self.clone();
        thread::spawn(move || {
            work(&node);
            node.lock().threads -= 1;
            node.0.news.notify_all();
        });
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
                    let node = self.clone();
                    thread::spawn(move || node.dial(link, &endpoint));
                }
                Action::Drop { link } => core.forget(link),
                Action::ResumeRead { link } => core.wake(link),
                Action::Stop => core.stopped = true,
                _ => {}
            }
        }
    }
}
