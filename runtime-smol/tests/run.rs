//! The executor: several threads, and a clean stop.
#![allow(clippy::unwrap_used)]

use std::future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};

use ilp_runtime::Runtime;
use ilp_runtime_smol::run;
use smol::channel;

#[test]
fn tasks_run_at_the_same_time() {
    run(2, |runtime| async move {
        // nobody passes before both are there
        let both = Arc::new(Barrier::new(2));
        let (tell, told) = channel::unbounded();
        for _ in 0..2 {
            let (both, tell) = (Arc::clone(&both), tell.clone());
            runtime.spawn(async move {
                both.wait();
                tell.send(()).await.unwrap();
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
    run(1, |runtime| async move {
        let (tell, told) = channel::bounded(1);
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
    let runtime = run(1, |runtime| async move { runtime }).unwrap();
    let held = Arc::new(());
    let given = Arc::clone(&held);
    runtime.spawn(async move { drop(given) });
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_panicking_task_takes_no_thread_with_it() {
    run(1, |runtime| async move {
        runtime.spawn(async { panic!("on purpose") });
        let (tell, told) = channel::bounded(1);
        runtime.spawn(async move { tell.send(()).await.unwrap() });
        told.recv().await.unwrap();
    })
    .unwrap();
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
            let (tell, told) = channel::unbounded();
            for pair in 0..2_000 {
                let (send, receive) = channel::bounded::<u32>(1);
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
                    tell.send(pair).await.unwrap();
                });
            }
            for _ in 0..2_000 {
                told.recv().await.unwrap();
            }
        })
        .unwrap();
    }
}
