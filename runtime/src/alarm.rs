//! A sleep that follows a moving deadline.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ilp_proto::Instant;

use crate::{Clock, Runtime};

/// Rings when the clock (not the sleep) says that a deadline has passed.
///
/// A deadline that moves away, which with traffic it does all the time, costs nothing: the sleep that runs is
/// kept, ends early, and only then a new one is begun.
pub(crate) struct Alarm<R> {
    runtime: R,
    sleep: Option<Sleep>,
}

struct Sleep {
    until: Instant,
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<R: Runtime> Alarm<R> {
    /// An alarm without a sleep.
    pub(crate) const fn new(runtime: R) -> Self {
        Self {
            runtime,
            sleep: None,
        }
    }

    /// Ready once `deadline` has passed; without one, never.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        loop {
            let now = Clock::now().mono;
            if deadline <= now {
                return Poll::Ready(());
            }
            match &mut self.sleep {
                Some(sleep) if sleep.until <= deadline => {
                    ready!(sleep.future.as_mut().poll(cx));
                    self.sleep = None;
                }
                _ => {
                    let (runtime, left) = (
                        self.runtime.clone(),
                        deadline.saturating_duration_since(now),
                    );
                    let future = Box::pin(async move { runtime.sleep(left).await });
                    self.sleep = Some(Sleep {
                        until: deadline,
                        future,
                    });
                }
            }
        }
    }
}
