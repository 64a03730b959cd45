#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream as Peer};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use ilp_runtime::executor::Executor;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use super::*;

/// Two workers of an executor, by turns on the thread of the test.
struct Workers {
    executor: Executor,
    runtimes: [Runtime; 2],
}

impl Workers {
    fn new() -> Self {
        let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
        Self {
            executor: Executor::new(2),
            runtimes: [runtime(), runtime()],
        }
    }

    /// What `task` comes to on this worker.
    fn on<T>(&self, worker: usize, task: impl Future<Output = T>) -> T {
        let _seat = self.executor.seat(worker);
        self.runtimes[worker].block_on(task)
    }

    /// A stream that the first worker watches, and its other end.
    fn stream(&self) -> (Stream, Peer) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stream = self.on(0, Stream::connect(address)).unwrap();
        (stream, listener.accept().unwrap().0)
    }

    /// Has a worker look in vain for bytes, so many times.
    fn read_in_vain(&self, worker: usize, stream: &mut Stream, times: u32) {
        self.on(worker, async {
            let mut cx = Context::from_waker(Waker::noop());
            for _ in 0..times {
                let read = Pin::new(&mut *stream).poll_read(&mut cx, &mut [0]);
                assert!(read.is_pending());
            }
        });
    }

    /// Reads the byte that its other end sends.
    fn read(&self, worker: usize, stream: &mut Stream) -> io::Result<u8> {
        let mut byte = [0];
        let read = self.on(worker, async {
            let read = stream.read_exact(&mut byte);
            tokio::time::timeout(Duration::from_secs(10), read).await?
        });
        read.map(|()| byte[0])
    }
}

#[test]
fn a_socket_follows_its_task_to_another_worker() {
    let mut workers = Workers::new();
    let (mut stream, mut peer) = workers.stream();
    workers.read_in_vain(1, &mut stream, AWAY);
    // what it had before is of no use any more
    workers.runtimes[0] = Builder::new_current_thread().build().unwrap();
    peer.write_all(&[42]).unwrap();
    assert_eq!(workers.read(1, &mut stream).unwrap(), 42);
}

#[test]
fn bytes_that_came_before_a_socket_moved_are_read_after_it() {
    let workers = Workers::new();
    let (mut stream, mut peer) = workers.stream();
    workers.read_in_vain(1, &mut stream, AWAY - 1);
    peer.write_all(&[42]).unwrap();
    assert_eq!(workers.read(1, &mut stream).unwrap(), 42);
    assert_eq!(stream.watched_by, Some(1));
}

#[test]
fn a_socket_stays_where_it_is_while_its_task_only_visits_another_worker() {
    let mut workers = Workers::new();
    let (mut stream, mut peer) = workers.stream();
    for _ in 0..3 {
        workers.read_in_vain(1, &mut stream, AWAY - 1);
        workers.read_in_vain(0, &mut stream, 1);
    }
    workers.runtimes[1] = Builder::new_current_thread().enable_time().build().unwrap();
    peer.write_all(&[42]).unwrap();
    assert_eq!(workers.read(0, &mut stream).unwrap(), 42);
}

#[derive(Default)]
struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

#[test]
fn a_write_that_waits_is_told_of_room_whoever_reads_meanwhile() {
    let workers = Workers::new();
    let (mut stream, mut peer) = workers.stream();
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(Arc::clone(&woken));
    let mut filled = 0;
    workers.on(0, async {
        // the system may make more room by itself
        loop {
            let mut cx = Context::from_waker(&waker);
            match Pin::new(&mut stream).poll_write(&mut cx, &[0; 65_536]) {
                Poll::Ready(written) => filled += written.unwrap(),
                Poll::Pending => break,
            }
        }
    });
    workers.read_in_vain(1, &mut stream, 2 * AWAY);
    let emptied = std::thread::spawn(move || {
        let mut read = vec![0; filled];
        peer.read_exact(&mut read).unwrap();
        peer
    });
    // by its own worker, which still watches it
    workers.on(0, async {
        let told = woken.0.notified();
        tokio::time::timeout(Duration::from_secs(10), told)
            .await
            .unwrap();
    });
    workers.on(0, stream.write_all(&[7])).unwrap();
    // and then it moves
    let mut peer = emptied.join().unwrap();
    workers.read_in_vain(1, &mut stream, AWAY);
    assert_eq!(stream.watched_by, Some(1));
    peer.write_all(&[42]).unwrap();
    assert_eq!(workers.read(1, &mut stream).unwrap(), 42);
}

#[test]
fn a_socket_is_known_to_be_with_the_worker_that_began_to_connect_it() {
    let workers = Workers::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut connect = Box::pin(Stream::connect(listener.local_addr().unwrap()));
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(Arc::clone(&woken));
    workers.on(0, async {
        let begun = connect.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(begun.is_pending());
        woken.0.notified().await;
    });
    let stream = workers.on(1, connect).unwrap();
    assert_eq!(stream.watched_by, Some(0));
}
