//! From the name of a host to a connection.

#[cfg(test)]
mod tests;

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::Runtime;

/// How long an address is tried alone before the next is tried beside it (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses of one host that are tried.
const MAX_ADDRESSES: usize = 16;

type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;
type Try<R> = Pin<Box<dyn Future<Output = io::Result<<R as Runtime>::Stream>> + Send>>;

/// Connects to whichever address of `host` answers first. One that says nothing, as behind a firewall or on a network
/// that is broken, keeps the others waiting for a quarter of a second only; one that refuses does not at all.
///
/// # Errors
/// That of the lookup; else that of the address that failed last.
pub(crate) async fn reach<R: Runtime>(runtime: &R, host: &str, port: u16) -> io::Result<R::Stream> {
    let mut left = by_turns(runtime.resolve(host, port).await?)
        .into_iter()
        .take(MAX_ADDRESSES)
        .peekable();
    let start = |address| -> Try<R> {
        let runtime = runtime.clone();
        Box::pin(async move { runtime.connect(address).await })
    };
    let wait = || -> Wait {
        let runtime = runtime.clone();
        Box::pin(async move { runtime.sleep(HEAD_START).await })
    };
    let mut tries = Vec::<Try<R>>::new();
    let mut head_start = wait();
    let mut failed = Some(io::Error::new(
        io::ErrorKind::NotFound,
        "the name has no address",
    ));
    poll_fn(|cx| {
        loop {
            let mut one_failed = false;
            let mut n = 0;
            while let Some(one) = tries.get_mut(n) {
                match one.as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        failed = Some(error);
                        one_failed = true;
                        drop(tries.swap_remove(n));
                    }
                    Poll::Pending => n += 1,
                }
            }
            let early = !tries.is_empty() && !one_failed;
            if early && (left.peek().is_none() || head_start.as_mut().poll(cx).is_pending()) {
                return Poll::Pending;
            }
            match left.next() {
                Some(address) => {
                    tries.push(start(address));
                    head_start = wait();
                }
                None if !tries.is_empty() => return Poll::Pending,
                None => {
                    // there is always one: the first is there from the start, and only this takes it
                    let error = failed.take().unwrap_or_else(|| io::ErrorKind::Other.into());
                    return Poll::Ready(Err(error));
                }
            }
        }
    })
    .await
}

/// One of each family by turns, beginning with that of the first (RFC 8305 section 4): if one of the two networks is
/// broken, only every other try is lost.
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv4() == first_is_v4);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut sorted = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair.iter().all(Option::is_none) {
            return sorted;
        }
        sorted.extend(pair.into_iter().flatten());
    }
}
