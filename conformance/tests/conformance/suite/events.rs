//! What a node said, and waiting for what it will say.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use ilp_router::Event;
use ilp_runtime::Observer;

/// All events of a node, from the start. Clones share them.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    events: Vec<Event>,
    waiting: Vec<Waker>,
}

impl Observer for Events {
    fn event(&self, event: &Event) {
        let mut log = self.0.lock().unwrap();
        log.events.push(event.clone());
        let waiting = std::mem::take(&mut log.waiting);
        drop(log);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Events {
    /// The first event, past or future, that `matches`.
    pub async fn wait(&self, matches: impl Fn(&Event) -> bool) -> Event {
        self.wait_nth(1, matches).await
    }

    /// The `nth` (from 1) such event.
    pub async fn wait_nth(&self, nth: usize, matches: impl Fn(&Event) -> bool) -> Event {
        poll_fn(|cx| {
            let mut log = self.0.lock().unwrap();
            if let Some(event) = log
                .events
                .iter()
                .filter(|event| matches(event))
                .nth(nth - 1)
            {
                return Poll::Ready(event.clone());
            }
            log.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    pub async fn connected(&self, id: &str) {
        self.wait(|event| matches!(event, Event::Connected { peer, .. } if peer.as_str() == id))
            .await;
    }

    /// The reason of the first time that `id` was lost.
    pub async fn disconnected(&self, id: &str) -> String {
        let lost = |event: &Event| matches!(event, Event::Disconnected { peer, .. } if peer.as_str() == id);
        match self.wait(lost).await {
            Event::Disconnected { reason, .. } => reason,
            other => unreachable!("{other:?}"),
        }
    }

    pub fn all(&self) -> Vec<Event> {
        self.0.lock().unwrap().events.clone()
    }
}
