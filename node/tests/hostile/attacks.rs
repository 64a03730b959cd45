//! What the attackers of `beside` do, each until it is over.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use btp_proto::{Frame, Protocols};

use crate::beside::{drain, prepare};
use crate::process::{Settings, secret_of};
use crate::raw::{BINARY, PING, UPGRADE, auth, authenticated, connect_from, encode, frame, source};

/// What one attacker knows.
pub(crate) struct Target<'a> {
    pub(crate) btp: SocketAddr,
    pub(crate) http: SocketAddr,
    /// Which of the attackers it is: each has a peer's credentials and addresses of its own.
    pub(crate) number: usize,
    pub(crate) over: &'a AtomicBool,
    pub(crate) blows: &'a AtomicU64,
}

#[derive(Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// Whether the kernel's part can be told apart: the attackers can have a [`Sink`](crate::sink::Sink) instead.
    pub(crate) has_control: bool,
    strike: fn(&Target<'_>),
}

impl Attack {
    const fn new(name: &'static str, strike: fn(&Target<'_>)) -> Self {
        Self {
            name,
            has_control: false,
            strike,
        }
    }

    const fn with_control(self) -> Self {
        Self {
            has_control: true,
            ..self
        }
    }

    /// A node with a peer for each attacker.
    pub(crate) fn configure(self, settings: Settings) -> Settings {
        let peers = ["alice", "bob", "mallory0", "mallory1"];
        settings
            .peers(&peers.map(crate::process::waits_for))
            .set("routes", "[{prefix: test.bob, nextHop: bob}, {prefix: test.mallory0, nextHop: mallory0}, {prefix: test.mallory1, nextHop: mallory1}]")
    }

    pub(crate) fn run(self, target: &Target<'_>) {
        (self.strike)(target);
    }
}

impl Target<'_> {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    fn count(&self, blows: u64) {
        self.blows.fetch_add(blows, Ordering::Relaxed);
    }

    fn user(&self) -> String {
        format!("mallory{}", self.number)
    }

    /// One of many addresses.
    fn source(&self, n: usize) -> std::net::Ipv4Addr {
        source(self.number * 1_000 + n % 1_000)
    }

    /// The next connection of this attacker's peer.
    fn peer(&self) -> TcpStream {
        authenticated(self.source(0), self.btp, &self.user())
    }

    /// Sends the same again and again as a peer. Somebody else reads what comes back.
    fn pour(&self, bytes: &[u8], blows: u64) {
        self.pour_fresh(|| bytes.to_vec(), blows);
    }

    fn pour_fresh(&self, bytes: impl Fn() -> Vec<u8>, blows: u64) {
        let mut stream = self.peer();
        let reader = stream.try_clone().unwrap();
        thread::scope(|scope| {
            let reading = scope.spawn(move || drain(reader));
            while self.goes_on() && stream.write_all(&bytes()).is_ok() {
                self.count(blows);
            }
            let _ = stream.shutdown(std::net::Shutdown::Both);
            reading.join().unwrap();
        });
    }

    /// As many connections as it can make, each of which sends this, and waits for the end.
    fn knock(&self, bytes: &[u8]) {
        for n in 0.. {
            if !self.goes_on() {
                return;
            }
            let Ok(mut stream) = connect_from(self.source(n), self.btp) else {
                continue;
            };
            let _ = stream.write_all(bytes);
            let _ = stream.set_read_timeout(Some(Duration::from_millis(20)));
            while matches!(stream.read(&mut [0; 4_096]), Ok(1..)) {}
            self.count(1);
        }
    }

    /// The same as a peer.
    fn knock_as_peer(&self, bytes: &[u8]) {
        let auth = auth(&self.user(), &secret_of(&self.user()));
        self.knock(&[UPGRADE.as_bytes(), &frame(BINARY, &auth), bytes].concat());
    }
}

const LONG: Duration = Duration::from_secs(60);

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("connection flood", |target| {
        let mut held = std::collections::VecDeque::new();
        for n in 0.. {
            if !target.goes_on() {
                return;
            }
            held.extend(connect_from(target.source(n), target.btp));
            if held.len() > 500 {
                held.pop_front();
            }
            target.count(1);
        }
    })
    .with_control(),
    Attack::new("slowloris, 240 at a time", |target| {
        let connect = |n: usize| connect_from(source(target.number * 1_000 + n / 15), target.btp);
        let mut held: Vec<_> = (0..120).flat_map(connect).collect();
        for byte in UPGRADE
            .replace("\r\n\r\n", "\r\nX: ")
            .bytes()
            .chain([b'x'; 100])
            .cycle()
        {
            if !target.goes_on() {
                return;
            }
            for stream in &mut held {
                let _ = stream.write_all(&[byte]);
            }
            target.count(held.len() as u64);
        }
    }),
    Attack::new("auth flood, hanging up", |target| {
        let guess = auth("alice", "a guess");
        target.knock(&[UPGRADE.as_bytes(), &frame(BINARY, &guess)].concat());
    }),
    Attack::new("garbage before auth", |target| {
        target.knock(&[UPGRADE.as_bytes(), &frame(BINARY, &[0xff; 64])].concat());
    }),
    Attack::new("oversized messages", |target| {
        let mut huge = vec![BINARY, 0x80 | 127];
        huge.extend((1_u64 << 40).to_be_bytes());
        huge.extend([0; 4]);
        target.knock_as_peer(&huge);
    }),
    Attack::new("compressed frames", |target| {
        target.knock_as_peer(&frame(BINARY | 0x40, &[0x4b, 4, 0]));
    }),
    Attack::new("text frames", |target| {
        target.knock_as_peer(&frame(0x81, b"{}").repeat(3));
    }),
    Attack::new("frames byte by byte", |target| {
        let mut stream = target.peer();
        let packet = prepare("test.nowhere", 7, &[9; 32_000], LONG);
        for byte in packet.iter().cycle() {
            if !target.goes_on() || stream.write_all(&[*byte]).is_err() {
                return;
            }
            target.count(1);
        }
    }),
    Attack::new("fragments of one byte", |target| {
        // 10,000 of them are a message of garbage; three of these would end the link
        let packet = prepare("test.nowhere", 7, &[9; 10_000], LONG);
        let message = &packet[8..];
        let last = message.len() - 1;
        let fragments = message.iter().enumerate().flat_map(|(at, byte)| {
            let first = if at == 0 {
                2
            } else if at == last {
                0x80
            } else {
                0
            };
            frame(first, &[*byte])
        });
        target.pour(&fragments.collect::<Vec<_>>(), message.len() as u64);
    }),
    Attack::new("ping flood", |target| {
        target.pour(&frame(PING, &[7; 125]).repeat(1_000), 1_000);
    }),
    Attack::new("auth replays", |target| {
        let replay = frame(BINARY, &auth("alice", &secret_of("alice")));
        target.pour(&replay.repeat(500), 500);
    }),
    Attack::new("packets to nowhere, one id", |target| {
        target.pour_fresh(|| prepare("test.nowhere", 7, &[], LONG).repeat(500), 500);
    }),
    Attack::new("in flight exhausted", |target| {
        // to itself, who answers nothing
        let to = format!("test.{}", target.user());
        target.pour_fresh(|| prepare(&to, 7, &[], LONG).repeat(500), 500);
    }),
    Attack::new("answers that nobody reads", |target| {
        while target.goes_on() {
            let mut stream = target.peer();
            stream
                .set_write_timeout(Some(Duration::from_millis(20)))
                .unwrap();
            let packet = prepare("test.nowhere", 7, &[9; 1_000], LONG).repeat(50);
            while target.goes_on() && stream.write_all(&packet).is_ok() {
                target.count(50);
            }
        }
    }),
    Attack::new("refusals that nobody reads", |target| {
        while target.goes_on() {
            let mut stream = target.peer();
            let transfer = encode(&Frame::Transfer {
                id: 7,
                amount: 1,
                protocols: Protocols::EMPTY,
            });
            let burst = frame(BINARY, &transfer).repeat(1_000);
            while target.goes_on() && stream.write_all(&burst).is_ok() {
                target.count(1_000);
            }
        }
    }),
    Attack::new("pipelined HTTP", |target| {
        while target.goes_on() {
            let mut stream = connect_from(target.source(0), target.http).unwrap();
            let reader = stream.try_clone().unwrap();
            let burst = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50);
            thread::scope(|scope| {
                let reading = scope.spawn(move || drain(reader));
                while target.goes_on() && stream.write_all(burst.as_bytes()).is_ok() {
                    target.count(50);
                }
                let _ = stream.shutdown(std::net::Shutdown::Both);
                reading.join().unwrap();
            });
        }
    }),
    Attack::new("smuggled HTTP", |target| {
        let request = "POST /live HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
                       0\r\n\r\nGET /peers HTTP/1.1\r\nHost: x\r\n\r\n";
        for n in 0.. {
            if !target.goes_on() {
                return;
            }
            let Ok(mut stream) = connect_from(target.source(n), target.http) else {
                continue;
            };
            let _ = stream.write_all(request.as_bytes());
            while matches!(stream.read(&mut [0; 4_096]), Ok(1..)) {}
            target.count(1);
        }
    }),
];
