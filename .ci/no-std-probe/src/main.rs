//! Proof that ilp-proto, btp-proto and ilp-router need nothing but `core` and `alloc`.
//!
//! A program has one panic handler. This one brings its own, so if any crate below it pulls `std` in, which has
//! another, the build fails with E0152, also on a host that has `std`. The C library starts it and is used for
//! nothing else. It exits with 0 if a packet made it to a connector and back.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

use btp_proto::{Connection, Credentials, Inbound, Requests, Secret, Transmit};
use bytes::BytesMut;
use ilp_proto::{Instant, Now, Packet, Timestamp, ildcp};
use ilp_router::config::{Config, PeerConfig, Relation};
use ilp_router::{Connector, Received};

/// Hands out memory from front to back and takes none back: the run is short.
struct Bump {
    heap: UnsafeCell<[u8; Self::SIZE]>,
    used: AtomicUsize,
}

impl Bump {
    const SIZE: usize = 16 << 20;
}

// An allocator cannot be had without `unsafe`; nothing of it leaves this probe.
// SAFETY: every byte of the heap is handed out once, so no two threads ever have the same.
unsafe impl Sync for Bump {}

// SAFETY: what `alloc` gives lies in the heap, is aligned as asked and overlaps nothing given before.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.heap.get().cast::<u8>();
        let mut start = 0;
        let claim = |used: usize| {
            let address = (base.addr() + used).next_multiple_of(layout.align());
            start = address - base.addr();
            start
                .checked_add(layout.size())
                .filter(|&end| end <= Self::SIZE)
        };
        match self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim)
        {
            // SAFETY: `start` is within the heap, as `claim` has seen to.
            Ok(_) => unsafe { base.add(start) },
            Err(_) => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static HEAP: Bump = Bump {
    heap: UnsafeCell::new([0; Bump::SIZE]),
    used: AtomicUsize::new(0),
};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it takes no arguments and does not return.
    unsafe { abort() }
}

#[link(name = "c")]
unsafe extern "C" {
    fn abort() -> !;
}

// SAFETY: nothing else in this program has this name, and the C library calls it with this signature.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    i32::from(address_of_a_child().as_deref() != Some("test.probe.child"))
}

/// A child connects and asks for its address: through all three crates and back.
fn address_of_a_child() -> Option<String> {
    let now = Now {
        mono: Instant::ZERO,
        wall: Timestamp::from_millis(1_795_219_200_000),
    };
    let mut parent = Connector::new(config()?, 1, now).ok()?;
    let link = parent.handle_incoming(now, [127, 0, 0, 1].into()).ok()?;
    parent.handle_upgraded(now, link, "/", None);

    let credentials = Credentials {
        username: Some("child".into()),
        token: Secret::new("secret"),
    };
    let mut child = Connection::client(Default::default(), &credentials, now.mono, 1);
    let mut requests = Requests::new(1, 0);
    let (mut out, mut asked) = (BytesMut::new(), false);
    for _ in 0..4 {
        while let Some(Transmit::Binary { len }) = child.poll_transmit(now.mono, None, &mut out) {
            parent.handle_received(now, link, Received::Binary(&out.split_to(len)));
        }
        while let Some(Transmit::Binary { len }) = parent.poll_transmit(now, link, &mut out) {
            let message = out.split_to(len);
            if let Inbound::Answer { id, ilp } = child.handle_message(now, &message) {
                requests.take(id)?;
                let Ok(Packet::Fulfill(fulfill)) = Packet::parse(ilp) else {
                    return None;
                };
                let response = ildcp::IldcpResponse::parse(fulfill.data).ok()?;
                return Some(response.client_address.as_str().into());
            }
        }
        if !asked {
            asked = true;
            let packet = ildcp::request(now.wall);
            let id = requests.insert(()).ok()?;
            child
                .request(now.mono, Instant::MAX, id, packet.encoded_len(), |out| packet.encode(out))
                .ok()?;
        }
    }
    None
}

fn config() -> Option<Config> {
    let child = PeerConfig {
        relation: Relation::Child,
        ..PeerConfig::new("child".parse().ok()?, Secret::new("secret"))
    };
    let mut config = Config::new("probe", "test.probe".parse().ok()?);
    config.peers.push(child);
    Some(config)
}
