use std::sync::atomic::{AtomicUsize, Ordering};
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
