//! Sockets, sleep and tasks for the connector on smol.
//!
//! [`run`] builds the executor and hands out a [`SmolRuntime`], which is all that
//! [`Node`](ilp_runtime::Node) and [`Client`](ilp_runtime::client::Client) ask for:
//!
//! ```
//! use std::time::Duration;
//! use ilp_runtime::Runtime;
//!
//! let answer = ilp_runtime_smol::run(2, |runtime| async move {
//!     runtime.sleep(Duration::from_millis(1)).await;
//!     42
//! })?;
//! assert_eq!(answer, 42);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! There is no decision in here; those are made in [`ilp_runtime`] or further down.
#![forbid(unsafe_code)]

mod stream;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use ilp_runtime::Runtime;
use ilp_runtime::executor::Executor;
use smol::net::TcpStream;
use smol::{Async, Timer, channel, future};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
pub use stream::SmolStream;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1_024;

/// Polls in a row without a look at the sockets, which costs system calls.
const UNSEEN: usize = 4;

/// A smol executor, as a [`Runtime`]. IO and time are process-wide in smol.
///
/// It does not keep the executor alive: what [`run`] was given does.
#[derive(Clone, Debug)]
pub struct SmolRuntime {
    // the executor owns the tasks, and tasks own this
    executor: Weak<Executor>,
}

/// Runs `main` on an executor with `threads` worker threads (0: one per core) until it ends. Tasks that it
/// spawned and that have not ended by then are dropped.
///
/// # Errors
/// When the threads cannot be had.
///
/// # Panics
/// When `main` panics.
pub fn run<T, F: Future<Output = T>>(
    threads: usize,
    main: impl FnOnce(SmolRuntime) -> F,
) -> io::Result<T> {
    let threads = match threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let executor = Arc::new(Executor::new(threads));
    thread::scope(|scope| {
        // the workers end when this end of the channel is dropped, however that comes about
        let (_running, ended) = channel::bounded::<()>(1);
        for worker in 0..threads {
            let (executor, ended) = (&executor, ended.clone());
            thread::Builder::new()
                .name("ilp-smol".into())
                .spawn_scoped(scope, move || {
                    let work = executor.seat(worker).work(UNSEEN, future::yield_now);
                    let _ = smol::block_on(future::or(ended.recv(), work));
                })?;
        }
        let runtime = SmolRuntime {
            executor: Arc::downgrade(&executor),
        };
        // this thread only waits: were it to see to IO too, each packet would change threads
        Ok(future::block_on(async { main(runtime).await }))
    })
}

impl Runtime for SmolRuntime {
    type Stream = SmolStream;
    type Listener = Async<TcpListener>;
    type Arrival = std::net::TcpStream;

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(executor) = self.executor.upgrade() {
            executor.spawn(task);
        }
    }

    async fn sleep(&self, duration: Duration) {
        Timer::after(duration).await;
    }

    // not async, but the sockets of other runtimes may be
    async fn bind(&self, address: SocketAddr) -> io::Result<Async<TcpListener>> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        // on Windows it would let two processes share the port
        #[cfg(not(windows))]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Async::new(TcpListener::from(socket))
    }

    fn local_addr(&self, listener: &Async<TcpListener>) -> io::Result<SocketAddr> {
        listener.get_ref().local_addr()
    }

    // not the listener's own, which registers the connection before it is known whether it is let in
    async fn arrival(
        &self,
        listener: &Async<TcpListener>,
    ) -> io::Result<(Self::Arrival, SocketAddr)> {
        listener.read_with(TcpListener::accept).await
    }

    fn admit(&self, arrival: Self::Arrival) -> io::Result<Self::Stream> {
        Ok(SmolStream::new(Async::new(arrival)?.into()))
    }

    fn reset(&self, arrival: Self::Arrival) {
        // if it fails the other side gets a goodbye
        let _ = SockRef::from(&arrival).set_linger(Some(Duration::ZERO));
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        smol::net::resolve((host, port)).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        Ok(SmolStream::new(TcpStream::connect(address).await?))
    }
}
