//! How links come to be: somebody connects, or we dial.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use ilp_router::config::Endpoint;
use ilp_router::{CloseReason, DialError, LinkId};
use tungstenite::accept_hdr_with_config;
use tungstenite::client::client_with_config;
use tungstenite::handshake::server::Request;
use tungstenite::protocol::Role;

use super::Node;
use super::clock::now;
use super::link::Link;

impl Node {
    /// The thread that accepts, until it is told to leave.
    pub(super) fn listen(&self, listener: TcpListener) {
        loop {
            let Ok((stream, from)) = listener.accept() else {
                thread::sleep(Duration::from_millis(100)); // out of file descriptors, perhaps
                continue;
            };
            let mut core = self.lock();
            if core.connector.is_draining() {
                break; // it may be the node itself that connected, to say so
            }
            let from = from.ip().to_canonical();
            if let Ok(link) = core.connector.handle_incoming(now(), from) {
                core.links.insert(link, Link::default());
                self.spawn(move |node| node.accepted(link, stream));
            }
            self.settle(&mut core);
        }
        drop(listener);
        self.lock().sockets -= 1;
        self.0.news.notify_all();
    }

    pub(super) fn accepted(&self, id: LinkId, stream: TcpStream) {
        let Some(open) = self.adopt(id, stream) else {
            return;
        };
        let mut path = String::new();
        #[allow(clippy::result_large_err)] // the type is tungstenite's
        let remember = |request: &Request, response| {
            request.uri().path().clone_into(&mut path);
            Ok(response)
        };
        match accept_hdr_with_config(open.half(), remember, Some(self.config())) {
            Ok(socket) => {
                self.with(|connector, now| connector.handle_upgraded(now, id, &path, None));
                open.serve(socket, Role::Server);
            }
            Err(error) => self.closed(id, CloseReason::Broken(error.to_string())),
        }
    }

    pub(super) fn dial(&self, id: LinkId, endpoint: &Endpoint) {
        let failed = |why: String| {
            self.end(id, |connector, now| {
                connector.handle_dial_failed(now, id, DialError(why));
            });
        };
        if endpoint.tls {
            return failed("no TLS in this example".into());
        }
        // nothing cuts this short, but nobody waits for it either
        let stream = match TcpStream::connect((endpoint.host.as_str(), endpoint.port)) {
            Ok(stream) => stream,
            Err(error) => return failed(format!("cannot connect: {error}")),
        };
        let Some(open) = self.adopt(id, stream) else {
            return;
        };
        match client_with_config(endpoint.to_string(), open.half(), Some(self.config())) {
            Ok((socket, _)) => {
                self.with(|connector, now| connector.handle_dialed(now, id));
                open.serve(socket, Role::Client);
            }
            Err(error) => failed(error.to_string()),
        }
    }
}
