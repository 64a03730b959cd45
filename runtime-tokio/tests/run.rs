//! The executor: several threads, and a clean stop.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier, mpsc as std_mpsc};
use std::time::{Duration, Instant};

use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use ilp_runtime::Runtime;
use ilp_runtime_tokio::{TokioRuntime, run};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};

#[test]
fn tasks_run_at_the_same_time() {
    run(2, |runtime| async move {
        // nobody passes before both are there
        let both = Arc::new(Barrier::new(2));
        let (tell, mut told) = mpsc::unbounded_channel();
        for _ in 0..2 {
            let (both, tell) = (Arc::clone(&both), tell.clone());
            runtime.spawn(async move {
                both.wait();
                tell.send(()).unwrap();
            });
        }
        told.recv().await.unwrap();
        told.recv().await.unwrap();
    })
    .unwrap();
}

#[test]
fn tasks_that_have_not_ended_are_dropped() {
    let held = Arc::new(());
    let given = Arc::clone(&held);
    run(2, |runtime| async move {
        let (tell, mut told) = mpsc::channel(1);
        let own = runtime.clone();
        runtime.spawn(async move {
            tell.send(()).await.unwrap();
            future::pending::<()>().await;
            drop((given, own));
        });
        told.recv().await.unwrap();
    })
    .unwrap();
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_runtime_that_has_ended_drops_what_it_is_given() {
    let runtime = run(2, |runtime| async move { runtime }).unwrap();
    let held = Arc::new(());
    let given = Arc::clone(&held);
    runtime.spawn(async move { drop(given) });
    assert_eq!(Arc::strong_count(&held), 1);
}

/// Tells when it is dropped.
struct Ended(std_mpsc::Sender<()>);

impl Drop for Ended {
    fn drop(&mut self) {
        // it may be that nobody wants to know
        let _ = self.0.send(());
    }
}

thread_local! {
    static ENDED: RefCell<Option<Ended>> = const { RefCell::new(None) };
}

#[test]
fn timers_of_a_worker_that_has_ended_may_still_be_polled() {
    let (tell, told) = std_mpsc::channel();
    run(2, |runtime| async move {
        let both = Arc::new(Barrier::new(2));
        let (ends, ended) = std_mpsc::channel();
        let (give, given) = std_mpsc::channel();
        let (ready, is_ready) = oneshot::channel();
        let (first, own) = (Arc::clone(&both), runtime.clone());
        runtime.spawn(async move {
            first.wait();
            ENDED.set(Some(Ended(ends)));
            let mut sleep = Box::pin(async move { own.sleep(Duration::from_secs(3_600)).await });
            assert!(poll_once(&mut sleep).await.is_none());
            give.send(sleep).unwrap();
        });
        runtime.spawn(async move {
            both.wait();
            let mut sleep = given.recv().unwrap();
            ready.send(()).unwrap();
            ended.recv().unwrap();
            tell.send(poll_once(&mut sleep).await.is_none()).unwrap();
        });
        is_ready.await.unwrap();
    })
    .unwrap();
    assert_eq!(told.recv(), Ok(true));
}

#[test]
fn a_panicking_task_takes_no_thread_with_it() {
    for workers in [1, 2] {
        run(workers, |runtime| async move {
            runtime.spawn(async { panic!("on purpose") });
            let (tell, mut told) = mpsc::channel(1);
            runtime.spawn(async move { tell.send(()).await.unwrap() });
            told.recv().await.unwrap();
        })
        .unwrap();
    }
}

#[test]
fn a_panic_in_main_ends_the_workers_and_goes_on() {
    let result = catch_unwind(AssertUnwindSafe(|| {
        run(2, |_| async { panic!("on purpose") }).unwrap()
    }));
    assert!(result.is_err());
}

#[test]
fn thousands_of_tasks_end_on_any_number_of_workers() {
    for workers in [1, 2, 4] {
        run(workers, |runtime| async move {
            let (tell, mut told) = mpsc::unbounded_channel();
            for pair in 0..2_000 {
                let (send, mut receive) = mpsc::channel::<u32>(1);
                let tell = tell.clone();
                runtime.spawn(async move {
                    for message in 0..10 {
                        send.send(message).await.unwrap();
                    }
                });
                runtime.spawn(async move {
                    for _ in 0..10 {
                        receive.recv().await.unwrap();
                        ilp_runtime::turns::pass().await;
                    }
                    tell.send(pair).unwrap();
                });
            }
            for _ in 0..2_000 {
                told.recv().await.unwrap();
            }
        })
        .unwrap();
    }
}

#[test]
fn tasks_and_streams_may_be_those_of_a_runtime_that_is_not_ours() {
    let tokio = Builder::new_multi_thread().enable_all().build().unwrap();
    tokio.block_on(async {
        let runtime = TokioRuntime::new(Handle::current());
        assert_eq!(echoed(&runtime, 200).await, 200);
    });
}

#[test]
fn a_stream_goes_on_when_another_worker_polls_it() {
    // two that keep their workers busy by turns, so that the echo is taken over now and then
    run(2, |runtime| async move {
        for _ in 0..2 {
            runtime.spawn(async {
                loop {
                    let began = Instant::now();
                    while began.elapsed() < Duration::from_micros(300) {}
                    ilp_runtime::turns::pass().await;
                }
            });
        }
        assert_eq!(echoed(&runtime, 5_000).await, 5_000);
    })
    .unwrap();
}

/// How many bytes come back of so many that are sent one by one.
async fn echoed(runtime: &TokioRuntime, count: usize) -> usize {
    let listener = runtime.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = runtime.local_addr(&listener).unwrap();
    let own = runtime.clone();
    runtime.spawn(async move {
        let (mut stream, _) = own.accept(&listener).await.unwrap();
        let mut byte = [0];
        while let Ok(()) = stream.read_exact(&mut byte).await {
            stream.write_all(&byte).await.unwrap();
        }
    });
    let (tell, mut told) = mpsc::channel(1);
    let own = runtime.clone();
    runtime.spawn(async move {
        let mut stream = own.connect(address).await.unwrap();
        let mut byte = [0];
        for sent in 0..count {
            byte[0] = sent as u8;
            stream.write_all(&byte).await.unwrap();
            stream.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte[0], sent as u8);
        }
        tell.send(count).await.unwrap();
    });
    told.recv().await.unwrap()
}
