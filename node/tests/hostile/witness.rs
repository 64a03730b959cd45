//! What the machine alone makes a packet wait for: one that never meets the node.
//!
//! The kernel does work of its own in whatever system call is next on a core, an honest peer's too: on Linux above all to
//! free sockets that were closed. Their callbacks run in a row after an RCU grace period, ten at a time beside other work, or
//! for up to 3 ms where they have piled up (`rcu_resched_ns` of the module `rcutree`): for instance because the kernel's
//! thread that ends grace periods finds no core, the attackers having one, the node another, and other programs both. With
//! that thread kept on the node's core, single waits of 7 and 10 ms were seen. Whoever connects often makes most of them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// How long it sleeps before each byte.
const PAUSE: Duration = Duration::from_micros(250);

/// A connection with itself, over loopback as everybody's here.
pub(crate) struct Witness {
    out: TcpStream,
    back: TcpStream,
}

impl Witness {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let out = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        out.set_nodelay(true).unwrap();
        let (back, _) = listener.accept().unwrap();
        Self { out, back }
    }

    /// For so long: wakes up, sends itself a byte and reads it. How late each was there, sorted.
    pub(crate) fn watch(&mut self, window: Duration) -> Vec<Duration> {
        let mut late = Vec::new();
        let end = Instant::now() + window;
        while Instant::now() < end {
            let began = Instant::now();
            thread::sleep(PAUSE);
            self.out.write_all(&[7]).unwrap();
            self.back.read_exact(&mut [0]).unwrap();
            late.push(began.elapsed().saturating_sub(PAUSE));
        }
        late.sort_unstable();
        late
    }
}
