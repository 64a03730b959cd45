use std::future::{pending, ready};
use std::sync::{Arc, Mutex};

use futures_lite::future::{block_on, poll_once};
use futures_lite::io::Cursor;

use super::*;

/// What is at an address, by its last number.
const ANSWERS: u8 = 1;
const REFUSES: u8 = 2;
// anything else is silent

/// A network where a quarter of a second is over at once, or never.
#[derive(Clone, Default)]
struct Net {
    addresses: Vec<SocketAddr>,
    time_passes: bool,
    tried: Arc<Mutex<Vec<SocketAddr>>>,
    given_up: Arc<Mutex<usize>>,
}

struct GivenUp(Arc<Mutex<usize>>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        *self.0.lock().unwrap() += 1;
    }
}

impl Runtime for Net {
    type Stream = Cursor<Vec<u8>>;
    type Listener = ();
    type Arrival = Self::Stream;

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {
        panic!("nothing is spawned here");
    }

    async fn sleep(&self, duration: Duration) {
        assert_eq!(duration, HEAD_START);
        if !self.time_passes {
            pending().await
        }
    }

    fn bind(&self, _: SocketAddr) -> impl Future<Output = io::Result<()>> + Send {
        ready(Ok(()))
    }

    fn local_addr(&self, (): &()) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn arrival(&self, (): &()) -> io::Result<(Self::Stream, SocketAddr)> {
        pending().await
    }

    fn admit(&self, arrival: Self::Stream) -> io::Result<Self::Stream> {
        Ok(arrival)
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        assert_eq!((host, port), ("b.example", 3000));
        Ok(self.addresses.clone())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        self.tried.lock().unwrap().push(address);
        let last = match address {
            SocketAddr::V4(v4) => v4.ip().octets()[3],
            SocketAddr::V6(v6) => v6.ip().octets()[15],
        };
        match last {
            ANSWERS => Ok(Cursor::default()),
            REFUSES => Err(io::ErrorKind::ConnectionRefused.into()),
            _ => {
                let _given_up = GivenUp(Arc::clone(&self.given_up));
                pending().await
            }
        }
    }
}

fn net(addresses: &[&str], time_passes: bool) -> Net {
    Net {
        addresses: addresses.iter().map(|text| addr(text)).collect(),
        time_passes,
        ..Net::default()
    }
}

fn addr(text: &str) -> SocketAddr {
    SocketAddr::new(text.parse().unwrap(), 3000)
}

/// What comes of it without any waiting; `None` if somebody must be waited for.
fn reached(net: &Net) -> Option<Result<(), io::ErrorKind>> {
    let result = block_on(poll_once(reach(net, "b.example", 3000)))?;
    Some(result.map(drop).map_err(|error| error.kind()))
}

#[test]
fn a_silent_address_does_not_keep_the_next_from_being_tried() {
    let net = net(&["10.0.0.9", "10.0.0.8", "10.0.0.1", "10.0.0.7"], true);
    assert_eq!(reached(&net), Some(Ok(())));
    let tried = net.tried.lock().unwrap().clone();
    assert_eq!(
        tried,
        [addr("10.0.0.9"), addr("10.0.0.8"), addr("10.0.0.1")]
    );
    assert_eq!(*net.given_up.lock().unwrap(), 2, "the others are let go");
}

#[test]
fn the_first_address_has_a_head_start() {
    let net = net(&["10.0.0.9", "10.0.0.1"], false);
    assert_eq!(reached(&net), None);
    assert_eq!(*net.tried.lock().unwrap(), [addr("10.0.0.9")]);
}

#[test]
fn a_refusal_is_followed_by_the_next_at_once() {
    let net = net(&["10.0.0.2", "10.1.0.2", "10.0.0.1"], false);
    assert_eq!(reached(&net), Some(Ok(())));
}

#[test]
fn the_last_failure_is_told_when_all_refuse() {
    let net = net(&["10.0.0.2", "10.1.0.2"], false);
    assert_eq!(reached(&net), Some(Err(io::ErrorKind::ConnectionRefused)));
}

#[test]
fn somebody_silent_is_waited_for_when_all_others_refuse() {
    let net = net(&["10.0.0.9", "10.0.0.2"], true);
    assert_eq!(reached(&net), None);
}

#[test]
fn a_name_without_addresses_is_an_error() {
    assert_eq!(reached(&net(&[], true)), Some(Err(io::ErrorKind::NotFound)));
}

#[test]
fn no_more_than_sixteen_addresses_are_tried() {
    let many: Vec<String> = (0..40).map(|n| format!("10.0.{n}.2")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let net = net(&many, false);
    assert_eq!(reached(&net), Some(Err(io::ErrorKind::ConnectionRefused)));
    assert_eq!(net.tried.lock().unwrap().len(), MAX_ADDRESSES);
}

#[test]
fn the_two_families_take_turns() {
    let mixed = ["fe80::1", "fe80::2", "fe80::3", "10.0.0.1", "10.0.0.2"];
    let sorted = by_turns(mixed.map(addr).to_vec());
    assert_eq!(
        sorted,
        ["fe80::1", "10.0.0.1", "fe80::2", "10.0.0.2", "fe80::3"].map(addr)
    );
}
