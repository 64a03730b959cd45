//! Sockets, sleep and tasks for the connector on tokio.
//!
//! [`run`] builds the executor and hands out a [`TokioRuntime`], which is all that
//! [`Node`](ilp_runtime::Node) and [`Client`](ilp_runtime::client::Client) ask for:
//!
//! ```
//! use std::time::Duration;
//! use ilp_runtime::Runtime;
//!
//! let answer = ilp_runtime_tokio::run(2, |runtime| async move {
//!     runtime.sleep(Duration::from_millis(1)).await;
//!     42
//! })?;
//! assert_eq!(answer, 42);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A node inside of a program, and a client that attaches to it and pays itself through it (on smol it is the same):
//!
//! ```
//! use std::time::Duration;
//! use btp_proto::{Credentials, Secret};
//! use ilp_proto::{Addr, Fulfillment, Prepare};
//! use ilp_router::config::{Config, Endpoint, PeerConfig, Relation};
//! use ilp_router::{Connector, Event};
//! use ilp_runtime::client::{Answer, Client, ClientOptions, Reply};
//! use ilp_runtime::{Clock, Node, NodeOptions};
//!
//! let mut config = Config::new("hub", "test.hub".parse()?);
//! config.peers.push(PeerConfig {
//!     relation: Relation::Child, // so that there is a route to test.hub.alice
//!     ..PeerConfig::new("alice".parse()?, Secret::new("s3cret"))
//! });
//! // take the seed from the system's randomness: request ids shall not be guessed
//! let connector = Connector::new(config, 7, Clock::now())?;
//!
//! ilp_runtime_tokio::run(2, |runtime| async move {
//!     let log = |event: &Event| println!("{event:?}");
//!     let options = NodeOptions::new(([127, 0, 0, 1], 0).into());
//!     let node = Node::start(runtime.clone(), connector, options, log).await?;
//!
//!     let server = Endpoint {
//!         tls: false,
//!         host: "127.0.0.1".into(),
//!         port: node.local_addr().port(),
//!         path: "/".into(),
//!     };
//!     let alice = Credentials { username: Some("alice".into()), token: Secret::new("s3cret") };
//!     let preimage = Fulfillment([7; 32]);
//!     let fulfill = move |_: &Prepare<'_>| Reply::Fulfill { fulfillment: preimage, data: Vec::new() };
//!     let alice = Client::connect(&runtime, ClientOptions::new(server, alice), fulfill).await?;
//!     let answer = alice.send(Prepare {
//!         amount: 100,
//!         expires_at: Clock::now().wall.saturating_add(Duration::from_secs(30)),
//!         condition: preimage.condition(),
//!         destination: Addr::new("test.hub.alice")?,
//!         data: b"",
//!     });
//!     assert!(matches!(answer.await?, Answer::Fulfill { .. }));
//!
//!     node.shutdown(); // packets in flight are seen through
//!     node.wait().await;
//!     Ok::<(), Box<dyn std::error::Error>>(())
//! })??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! There is no decision in here; those are made in [`ilp_runtime`] or further down.
#![forbid(unsafe_code)]

mod listener;
mod stream;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use futures_lite::future;
use ilp_runtime::Runtime;
use ilp_runtime::executor::Executor;
pub use listener::Listener;
use socket2::SockRef;
pub use stream::Stream;
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::{unconstrained, yield_now};

/// What its threads are called.
const NAME: &str = "ilp-tokio";

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// Polls of tasks between two looks at the sockets while there is always a task to poll. Tokio's 61 are meant for
/// polls of microseconds: one of ours may work through hundreds of somebody's messages, and a peer that has just sent one
/// waits for all of these. Who hears from the sockets then goes before those who have not finished.
const EVENT_INTERVAL: u32 = 1;

/// A tokio runtime with its IO and time drivers, as a [`Runtime`].
///
/// It does not keep the executor alive: what [`run`] was given does.
#[derive(Clone, Debug)]
pub struct TokioRuntime {
    handle: Handle,
    /// That of [`run`]. It owns the tasks, and tasks own this.
    executor: Option<Weak<Executor>>,
}

impl TokioRuntime {
    /// The runtime behind `handle`, which must have been built with IO and time enabled. Tasks are that one's, and polled by
    /// whichever of its threads.
    #[must_use]
    pub const fn new(handle: Handle) -> Self {
        Self {
            handle,
            executor: None,
        }
    }
}

/// Runs `main` on an executor with `threads` worker threads (0: one per core) until it ends. Tasks that it
/// spawned and that have not ended by then are dropped.
///
/// One thread is tokio's own executor. Of more threads each is a tokio runtime by itself, of which all of tokio may be used
/// in tasks, and what the [`Runtime`] spawns stays with one of them as long as there is nobody to help it
/// ([`ilp_runtime::executor`]).
///
/// # Errors
/// When the threads or the IO driver cannot be had.
///
/// # Panics
/// When `main` panics, and with one thread when called inside of another tokio runtime.
pub fn run<T, F: Future<Output = T>>(
    threads: usize,
    main: impl FnOnce(TokioRuntime) -> F,
) -> io::Result<T> {
    let threads = match threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    if threads == 1 {
        return run_alone(main);
    }
    // declared first so that it ends last: until a task has been dropped it may ask for whatever it has of any worker
    let workers = Workers(
        (0..threads)
            .map(|_| tuned(Builder::new_current_thread()).build())
            .collect::<io::Result<_>>()?,
    );
    let executor = Arc::new(Executor::new(threads));
    let mut runtime = None;
    thread::scope(|scope| {
        // a worker ends when its end of this is dropped, however that comes about
        let mut running = Vec::new();
        for (worker, tokio) in workers.0.iter().enumerate() {
            runtime.get_or_insert_with(|| TokioRuntime {
                handle: tokio.handle().clone(),
                executor: Some(Arc::downgrade(&executor)),
            });
            let executor = &executor;
            let (end, ended) = oneshot::channel::<()>();
            running.push(end);
            thread::Builder::new()
                .name(NAME.into())
                .spawn_scoped(scope, move || {
                    let seat = executor.seat(worker);
                    let work = seat.work::<(), _>(EVENT_INTERVAL as usize, yield_now);
                    tokio.block_on(async {
                        // a task, since that can be woken by its own thread without a system call; tokio's bound on what
                        // one does in a poll is not for all tasks of a worker together
                        let work = tokio::spawn(unconstrained(work));
                        let _ = ended.await;
                        // the seat is left on the thread that took it
                        work.abort();
                        let _ = work.await;
                    });
                })?;
        }
        // there are two workers at least
        let runtime = runtime.ok_or(io::ErrorKind::InvalidInput)?;
        let handle = runtime.handle.clone();
        let _context = handle.enter();
        Ok(future::block_on(async { main(runtime).await }))
    })
}

/// Those of [`run`].
struct Workers(Vec<tokio::runtime::Runtime>);

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.drain(..).for_each(end_of);
    }
}

/// With one worker, tasks have nowhere to go: tokio's executor takes 1 to 5 % less for them.
fn run_alone<T, F: Future<Output = T>>(main: impl FnOnce(TokioRuntime) -> F) -> io::Result<T> {
    let executor = tuned(Builder::new_multi_thread())
        .worker_threads(1)
        .build()?;
    let runtime = TokioRuntime::new(executor.handle().clone());
    let result = executor.block_on(async { main(runtime).await });
    end_of(executor);
    Ok(result)
}

fn tuned(mut builder: Builder) -> Builder {
    builder.enable_io().enable_time().thread_name(NAME);
    builder.event_interval(EVENT_INTERVAL);
    builder
}

/// A name lookup that hangs, on a thread of its own, must not keep the process.
fn end_of(executor: tokio::runtime::Runtime) {
    executor.shutdown_background();
}

impl Runtime for TokioRuntime {
    type Stream = Stream;
    type Listener = Listener;
    type Arrival = std::net::TcpStream;

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.executor {
            // the task tells its end by itself
            None => drop(self.handle.spawn(task)),
            Some(executor) => {
                if let Some(executor) = executor.upgrade() {
                    executor.spawn(task);
                }
            }
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    // not async, but the sockets of other runtimes may be
    async fn bind(&self, address: SocketAddr) -> io::Result<Listener> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // on Windows it would let two processes share the port
        #[cfg(not(windows))]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Listener::new(socket.listen(BACKLOG)?)
    }

    fn local_addr(&self, listener: &Listener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    async fn arrival(&self, listener: &Listener) -> io::Result<(Self::Arrival, SocketAddr)> {
        listener.accept().await
    }

    fn admit(&self, arrival: Self::Arrival) -> io::Result<Self::Stream> {
        arrival.set_nonblocking(true)?;
        // best watched by whoever lets it in
        let elsewhere = Handle::try_current().is_err();
        let _context = elsewhere.then(|| self.handle.enter());
        Ok(Stream::new(TcpStream::from_std(arrival)?))
    }

    fn reset(&self, arrival: Self::Arrival) {
        // if it fails the other side gets a goodbye
        let _ = SockRef::from(&arrival).set_linger(Some(Duration::ZERO));
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        Stream::connect(address).await
    }
}
