use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, Weak};
use std::time::Duration;

use ilp_router::config::Config;

use super::*;

#[test]
fn a_turn_tells_one_batch_and_leaves_the_rest_to_the_supervisor() {
    let mut config = Config::new("x", "test.x".parse().unwrap());
    // each connection that is refused is one event
    config.limits.max_unauthenticated = 0;
    let connector = Connector::new(config, 1, Clock::now()).unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let observer = move |_: &Event| {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let hub = Hub::new(connector, Box::new(observer));
    let mut aftermath = Aftermath::default();
    hub.turn(&mut aftermath, None, |turn| {
        let mut now = turn.now;
        for _ in 0..2_500 {
            // so slowly that each is told
            now.mono += Duration::from_millis(100);
            assert!(
                turn.connector()
                    .handle_incoming(now, [192, 0, 2, 1].into())
                    .is_err()
            );
        }
    });
    assert_eq!(told.load(Ordering::Relaxed), EVENT_BATCH);
    assert_ne!(
        hub.supervisor.take() & Signal::LOOK,
        0,
        "the supervisor is told to go on"
    );
    hub.supervise(&mut aftermath);
    assert_eq!(told.load(Ordering::Relaxed), 2 * EVENT_BATCH);
    hub.supervise(&mut aftermath);
    assert_eq!(told.load(Ordering::Relaxed), 2_500);
    hub.supervisor.take();
    hub.supervise(&mut aftermath);
    assert_eq!(
        hub.supervisor.take() & Signal::LOOK,
        0,
        "there is nothing left to tell"
    );
}

#[test]
fn what_a_node_says_last_is_told_although_the_supervisor_has_left() {
    let mut config = Config::new("x", "test.x".parse().unwrap());
    // the first event is that of a connection that is refused
    config.limits.max_unauthenticated = 0;
    let connector = Connector::new(config, 1, Clock::now()).unwrap();
    let shared = Arc::<OnceLock<Weak<Hub>>>::default();
    let told = Arc::<Mutex<Vec<String>>>::default();
    let (hub, list) = (Arc::clone(&shared), Arc::clone(&told));
    let observer = move |event: &Event| {
        list.lock().unwrap().push(format!("{event:?}"));
        if !matches!(event, Event::Refused { .. }) {
            return;
        }
        // while this is told, others stop the node, and the supervisor sees that and leaves
        let hub = hub.get().unwrap().upgrade().unwrap();
        hub.turn(&mut Aftermath::default(), None, |turn| {
            let now = turn.now;
            turn.connector().shutdown(now);
        });
        assert!(hub.supervise(&mut Aftermath::default()).stopped);
    };
    let hub = Arc::new(Hub::new(connector, Box::new(observer)));
    shared.set(Arc::downgrade(&hub)).unwrap();
    hub.turn(&mut Aftermath::default(), None, |turn| {
        let now = turn.now;
        let refused = turn.connector().handle_incoming(now, [192, 0, 2, 1].into());
        assert!(refused.is_err());
    });
    let told = told.lock().unwrap();
    assert!(
        told.last().unwrap().starts_with("Drained"),
        "the last words: {told:?}"
    );
}
