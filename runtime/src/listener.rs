//! The task that accepts connections.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::time::Duration;

use futures_lite::future;

use crate::hub::Aftermath;
use crate::link::Links;
use crate::reception::Door;
use crate::{Runtime, turns};

/// How long to leave the listener alone after a failure, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Accepts until the hub's listener signal stops it; the port is free then.
///
/// Whoever comes is sent through the `door`. An error, such as no file descriptors being left, is told and waited out: a node never stops listening.
pub(crate) async fn listen<R: Runtime>(links: Links<R>, listener: R::Listener, door: Door) {
    let (runtime, hub) = (&links.runtime, &links.hub);
    let mut aftermath = Aftermath::default();
    let mut back_off = BACK_OFF.0;
    while let Some(accepted) = unless(hub.listener.stopped(), runtime.arrival(&listener)).await {
        match accepted {
            Ok((arrival, from)) => {
                back_off = BACK_OFF.0;
                // an IPv4 client of an IPv6 socket is an IPv4 client
                let from = from.ip().to_canonical();
                match hub.incoming(&mut aftermath, from) {
                    Ok((link, signal)) => door.enter(links.welcome(arrival, link, signal)),
                    // a goodbye costs the system several packets, and a minute of memory: too much for a flood
                    Err(_) => runtime.reset(arrival),
                }
                // system calls worth dozens of packets: others have their turn before the next, however many there are
                turns::pass().await;
            }
            // the client gave up while it waited: nothing is wrong here
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                hub.tell(|observer| observer.accept_failed(&error, back_off));
                unless(hub.listener.stopped(), runtime.sleep(back_off)).await;
                back_off = (back_off * 2).min(BACK_OFF.1);
            }
        }
    }
}

/// What `future` gives, or `None` if `end` ends first.
pub(crate) async fn unless<T>(
    end: impl Future<Output = ()>,
    future: impl Future<Output = T>,
) -> Option<T> {
    let end = async {
        end.await;
        None
    };
    future::or(end, async { Some(future.await) }).await
}
