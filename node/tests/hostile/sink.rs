//! What a connection flood costs the honest when nobody does anything with the connections: the least that a node on the
//! same core could make them wait.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Set for the process that is a sink.
const IS_SINK: &str = "ILP_SINK";
const LISTENS: &str = "sink listens on ";

/// A process that resets all connections that come, and does nothing else; killed on drop.
pub(crate) struct Sink {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Sink {
    /// It has the cores of the calling thread.
    pub(crate) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--nocapture", "--exact"])
            .arg("sink::a_process_that_resets_all_connections")
            .env(IS_SINK, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let address = said.lines().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once(LISTENS)?;
            address.parse().ok()
        });
        Self {
            child,
            address: address.unwrap(),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "no test but a part of one: Sink::start runs it"]
fn a_process_that_resets_all_connections() {
    if std::env::var_os(IS_SINK).is_none() {
        return;
    }
    let listener =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    // as the node does
    listener.listen(1_024).unwrap();
    let listener = TcpListener::from(listener);
    println!("{LISTENS}{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().unwrap();
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        drop(stream);
        // the node goes first if it has anything to do
        rustix::thread::sched_yield();
    }
}
