//! A wire between two nodes that a test can cut.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Forwards bytes between those who connect to it and its target.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    wires: Arc<Mutex<Wires>>,
}

#[derive(Default)]
struct Wires {
    down: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    pub(crate) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let wires: Arc<Mutex<Wires>> = Arc::default();
        let shared = Arc::clone(&wires);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let mut wires = shared.lock().unwrap();
                if wires.down {
                    continue;
                }
                let Ok(far) = TcpStream::connect(target) else {
                    continue;
                };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || forward(from, to));
                }
                wires.streams.extend([near, far]);
            }
        });
        Self { address, wires }
    }

    /// Breaks all connections, and those to come at once.
    pub(crate) fn cut(&self) {
        let mut wires = self.wires.lock().unwrap();
        wires.down = true;
        for stream in wires.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn mend(&self) {
        self.wires.lock().unwrap().down = false;
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
