//! What the node's threads share of a link, and what a link's threads know of the node.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar};
use std::time::Duration;

use ilp_proto::Now;
use ilp_router::{CloseReason, Connector, LinkId};
use tungstenite::Bytes;
use tungstenite::protocol::WebSocketConfig;

use super::clock::now;
use super::half::Half;
use super::{Core, Node};

/// Bytes that are written in one go.
pub(super) const BATCH: usize = 64 << 10;
/// How often a blocked writer looks whether its link is still wanted; how long a Close frame may take to be read.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// What other threads need of a link.
#[derive(Default)]
pub(super) struct Link {
    /// Wakes its reader and its writer.
    pub(super) wake: Arc<Condvar>,
    /// `None` while it is being dialled.
    stream: Option<Arc<TcpStream>>,
    /// What the last ping said, to be said back.
    pub(super) pong: Option<Bytes>,
}

impl Core {
    pub(super) fn wake(&self, link: LinkId) {
        if let Some(link) = self.links.get(&link) {
            link.wake.notify_all();
        }
    }

    /// Drops a link's socket: both of its threads find out.
    pub(super) fn cut(&mut self, link: LinkId) {
        if let Some(Link { wake, stream, .. }) = self.links.remove(&link) {
            wake.notify_all();
            let _ = stream.map(|stream| stream.shutdown(Shutdown::Both));
        }
    }
}

impl Node {
    /// A link has got its socket; `None` if nobody wants it any more.
    pub(super) fn adopt(&self, id: LinkId, stream: TcpStream) -> Option<Open<'_>> {
        let _ = stream.set_nodelay(true);
        let _ = stream.set_write_timeout(Some(PATIENCE));
        let stream = Arc::new(stream);
        let mut core = self.lock();
        let link = core.links.get_mut(&id)?;
        link.stream = Some(Arc::clone(&stream));
        let wake = Arc::clone(&link.wake);
        core.sockets += 1;
        Some(Open {
            node: self,
            id,
            wake,
            stream,
        })
    }

    pub(super) fn closed(&self, id: LinkId, why: CloseReason) {
        self.end(id, |connector, now| connector.handle_closed(now, id, why));
    }

    /// Tells of a link's end, here and there. It may be known already.
    pub(super) fn end(&self, id: LinkId, tell: impl FnOnce(&mut Connector, Now)) {
        let mut core = self.lock();
        tell(&mut core.connector, now());
        core.wake(id);
        core.links.remove(&id);
        self.settle(&mut core);
    }

    pub(super) fn config(&self) -> WebSocketConfig {
        let max = self.with(|connector, _| connector.limits().max_message);
        WebSocketConfig::default()
            .max_message_size(Some(max))
            .max_frame_size(Some(max))
            .write_buffer_size(2 * BATCH + max) // only a flush writes
    }
}

/// An open socket, as its reader has it.
pub(super) struct Open<'a> {
    pub(super) node: &'a Node,
    pub(super) id: LinkId,
    pub(super) wake: Arc<Condvar>,
    pub(super) stream: Arc<TcpStream>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        // unless that was said before
        self.node
            .closed(self.id, CloseReason::Broken("its thread panicked".into()));
        self.node.lock().sockets -= 1;
        self.node.0.news.notify_all();
    }
}

impl Open<'_> {
    pub(super) fn half(&self) -> Half {
        Half {
            stream: Arc::clone(&self.stream),
            muted: false,
        }
    }
}
