//! A name server of one answer, good or bad.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;

/// What it does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Nothing.
    Silent,
    /// It says that it is broken (SERVFAIL).
    Failing,
    /// Any name has this address, for no longer than now.
    Is(Ipv4Addr),
}

pub(crate) struct Dns {
    pub(crate) address: Ipv4Addr,
    mood: Arc<Mutex<Mood>>,
    asked: Receiver<Mood>,
}

impl Dns {
    /// On port 53 of an address of its own; `None` where that is not allowed.
    pub(crate) fn start(mood: Mood) -> Option<Self> {
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 53, high, low);
        let socket = UdpSocket::bind((address, 53)).ok()?;
        let mood = Arc::new(Mutex::new(mood));
        let (tell, asked) = channel();
        let shared = Arc::clone(&mood);
        thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((len, from)) = socket.recv_from(&mut query) {
                let mood = *shared.lock().unwrap();
                if let Some(answer) = answer(&query[..len], mood) {
                    let _ = socket.send_to(&answer, from);
                }
                if tell.send(mood).is_err() {
                    return;
                }
            }
        });
        Some(Self {
            address,
            mood,
            asked,
        })
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Waits until it was asked in this mood.
    pub(crate) fn wait_asked(&self, mood: Mood) {
        while self.asked.recv_timeout(crate::process::PATIENCE).unwrap() != mood {}
    }
}

/// RFC 1035 section 4.
fn answer(query: &[u8], mood: Mood) -> Option<Vec<u8>> {
    const A: [u8; 2] = [0, 1];
    let question = query.get(12..)?;
    let name = question.iter().position(|&byte| byte == 0)? + 1;
    let question = question.get(..name + 4)?;
    let (code, addresses) = match mood {
        Mood::Silent => return None,
        Mood::Failing => (2, 0),
        Mood::Is(_) => (0, u8::from(question[name..name + 2] == A)),
    };
    let mut out = query[..2].to_vec();
    out.extend([0x81, 0x80 | code, 0, 1, 0, addresses, 0, 0, 0, 0]);
    out.extend(question);
    if let (Mood::Is(address), 1) = (mood, addresses) {
        // the name is that of the question; an address, class IN, no time to live, four bytes
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        out.extend(address.octets());
    }
    Some(out)
}
