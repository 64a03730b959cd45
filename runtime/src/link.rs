//! The task of one link: from the accept or the dial to the end of its socket.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_lite::{FutureExt, future};
use ilp_router::{CloseReason, DialError, LinkId};

use crate::hub::{Aftermath, Dial, Hub, Turn};
use crate::listener::unless;
use crate::pump::{Ended, Inbox, Outbox, Pump, Session, Turned};
use crate::reception::Guest;
use crate::signal::Signal;
use crate::tls::Tls;
use crate::upgrade::{Accepted, Socket, Stream};
use crate::{Runtime, upgrade};

/// How long a socket may take to see a Close frame off.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// Sockets of one node that may do so at a time: the connector does not count them any more.
const MAX_LINGERING: usize = 64;

/// What the links of a node have in common.
#[derive(Clone)]
pub(crate) struct Links<R> {
    pub(crate) runtime: R,
    pub(crate) hub: Arc<Hub>,
    tls: Arc<Tls>,
    max_message: usize,
    lingering: Arc<AtomicUsize>,
}

/// How the making of a link went.
enum Opening {
    Upgraded {
        path: String,
        /// Those in its certificate, if it shows one.
        client_names: Vec<String>,
    },
    NotUpgraded(String),
    Dialed,
    NotDialed(DialError),
}

impl Opening {
    fn report(self, turn: &mut Turn<'_>, link: LinkId) {
        let now = turn.now;
        match self {
            Self::Upgraded { path, client_names } => {
                let connector = turn.connector();
                let is_peer = |name: &&String| {
                    connector
                        .peers()
                        .any(|peer| peer.config.id.as_str() == name.as_str())
                };
                // a name that is nobody's is refused with the auth
                let client_cert = client_names
                    .iter()
                    .find(is_peer)
                    .or_else(|| client_names.first())
                    .map(String::as_str);
                connector.handle_upgraded(now, link, &path, client_cert);
            }
            Self::Dialed => turn.connector().handle_dialed(now, link),
            Self::NotUpgraded(why) => {
                turn.connector()
                    .handle_closed(now, link, CloseReason::Broken(why));
                turn.forget(link);
            }
            Self::NotDialed(why) => {
                turn.connector().handle_dial_failed(now, link, why);
                turn.forget(link);
            }
        }
    }
}

/// A socket, unless there is none, and what to say about it.
type Opened<R> = (Option<Socket<R>>, Opening);

/// The making of a socket. Handshakes need several KiB, which a link that is open shall not keep: the box is
/// dropped when they are over.
type Open<R> = Pin<Box<dyn Future<Output = Opened<R>> + Send>>;

impl<R: Runtime> Links<R> {
    pub(crate) fn new(runtime: R, hub: Arc<Hub>, tls: Arc<Tls>, max_message: usize) -> Self {
        Self {
            runtime,
            hub,
            tls,
            max_message,
            lingering: Arc::default(),
        }
    }

    /// Serves a connection that was accepted as `link`, for the reception; once it has authenticated, in a task of its own.
    pub(crate) fn welcome(&self, arrival: R::Arrival, link: LinkId, signal: Arc<Signal>) -> Guest {
        let links = self.clone();
        let open = Box::pin(async move {
            let stream = match links.runtime.admit(arrival) {
                Ok(stream) => stream,
                Err(error) => return (None, Opening::NotUpgraded(error.to_string())),
            };
            let server = links.tls.server.as_ref();
            match upgrade::accept(&links.runtime, server, stream, links.max_message).await {
                Ok(Accepted {
                    socket,
                    path,
                    client_names,
                }) => (Some(socket), Opening::Upgraded { path, client_names }),
                Err(why) => (None, Opening::NotUpgraded(why)),
            }
        });
        let links = self.clone();
        let serving = async move {
            let serving = Box::pin(links.serve(link, &signal, open, true));
            if let Some(pump) = links.unpanicked(link, serving).await {
                links.spawn_peer(pump, link, signal);
            }
        };
        Box::pin(self.hub.count(serving))
    }

    /// Dials, and serves what comes of it.
    pub(crate) fn spawn_dial(&self, dial: Dial) {
        let links = self.clone();
        let Dial {
            link,
            endpoint,
            signal,
        } = dial;
        let open = Box::pin(async move {
            let client = &links.tls.client;
            match upgrade::dial(&links.runtime, &endpoint, client, links.max_message).await {
                Ok(socket) => (Some(socket), Opening::Dialed),
                Err(why) => (None, Opening::NotDialed(why.into())),
            }
        });
        let links = self.clone();
        self.hub.spawn(&self.runtime, async move {
            let serving = Box::pin(links.serve(link, &signal, open, false));
            links.unpanicked(link, serving).await;
        });
    }

    /// Goes on with a link that has authenticated.
    fn spawn_peer(&self, mut pump: Pump<Stream<R>>, link: LinkId, signal: Arc<Signal>) {
        let links = self.clone();
        // the only room for the pump: it is used where it was captured, and the task has but the box
        let talking = Box::pin(async move {
            let mut session = links.session(link, &signal, Aftermath::default(), false);
            let ended = pump.run(&mut session).await;
            // as below: only a link that ends needs this
            Box::pin(links.see_off(pump, ended)).await
        });
        let links = self.clone();
        self.hub.spawn(&self.runtime, async move {
            links.unpanicked(link, talking).await;
        });
    }

    /// What `serving` gives; a panic ends the link. Boxed, because a future that is moved into another takes its room in
    /// both: thousands of links would pay for that.
    async fn unpanicked<T>(
        &self,
        link: LinkId,
        serving: Pin<Box<impl Future<Output = Option<T>>>>,
    ) -> Option<T> {
        match AssertUnwindSafe(serving).catch_unwind().await {
            Ok(served) => served,
            Err(panic) => {
                self.panicked(link, &*panic);
                None
            }
        }
    }

    /// From the first byte until the end, or, with a stranger, until it is none any more: then its pump is given back.
    async fn serve(
        &self,
        link: LinkId,
        signal: &Signal,
        open: Open<R>,
        stranger: bool,
    ) -> Option<Pump<Stream<R>>> {
        let (socket, opening) = unless(signal.stopped(), open).await?;
        let mut aftermath = Aftermath::default();
        self.hub.turn(&mut aftermath, Some(link), |turn| {
            opening.report(turn, link)
        });
        let mut pump = Pump::new(socket?);
        let mut session = self.session(link, signal, aftermath, stranger);
        let ended = pump.run(&mut session).await;
        Box::pin(self.see_off(pump, ended)).await
    }

    fn session<'a>(
        &'a self,
        link: LinkId,
        signal: &'a Signal,
        aftermath: Aftermath,
        stranger: bool,
    ) -> LinkSession<'a> {
        LinkSession {
            hub: &self.hub,
            link,
            signal,
            aftermath,
            stranger,
            moves: false,
        }
    }

    /// Gives the pump back if it goes on elsewhere, and otherwise the socket its goodbye.
    async fn see_off(&self, pump: Pump<Stream<R>>, ended: Ended) -> Option<Pump<Stream<R>>> {
        match ended {
            Ended::Moved => return Some(pump),
            Ended::Closed => self.linger(pump).await,
            Ended::Stopped | Ended::Broken => {}
        }
        None
    }

    async fn linger(&self, pump: Pump<Stream<R>>) {
        let place = Place(&self.lingering);
        if self.lingering.fetch_add(1, Ordering::Relaxed) < MAX_LINGERING {
            future::or(pump.linger(), self.runtime.sleep(LINGER)).await;
        }
        drop(place);
    }

    fn panicked(&self, link: LinkId, panic: &(dyn Any + Send)) {
        // a panic inside the connector is found out here, before anybody is told that all others go on
        self.hub.must_be_sound();
        self.hub
            .tell(|observer| observer.link_panicked(panic_text(panic)));
        self.hub
            .turn(&mut Aftermath::default(), Some(link), |turn| {
                let (now, why) = (turn.now, CloseReason::Broken("internal error".into()));
                turn.connector().handle_closed(now, link, why);
                turn.forget(link);
            });
    }
}

/// One of those who linger.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

/// One link's messages go to and come from the connector.
struct LinkSession<'a> {
    hub: &'a Hub,
    link: LinkId,
    signal: &'a Signal,
    aftermath: Aftermath,
    /// It was accepted and has not authenticated.
    stranger: bool,
    /// It was a stranger, and is none any more.
    moves: bool,
}

impl Session for LinkSession<'_> {
    fn signal(&self) -> &Signal {
        self.signal
    }

    fn moves(&self) -> bool {
        self.moves
    }

    fn turn(
        &mut self,
        read: &Inbox<'_>,
        end: Option<CloseReason>,
        outbox: Option<&mut Outbox>,
    ) -> Turned {
        let (link, signal) = (self.link, self.signal);
        let (stranger, moves) = (self.stranger, &mut self.moves);
        self.hub.turn(&mut self.aftermath, Some(link), |turn| {
            let now = turn.now;
            turn.connector().handle_read(now, link, read.iter());
            if let Some(why) = end {
                turn.connector().handle_closed(now, link, why);
                turn.forget(link);
            } else if let Some(outbox) = outbox {
                // what is said now need not be announced afterwards
                turn.announce();
                signal.lower(Signal::WRITABLE);
                let mut outgoing = turn.connector().transmit(now, link);
                outbox.fill(|buffer| outgoing.poll(buffer));
            }
            *moves = stranger && turn.connector().is_authenticated(link);
            Turned {
                read_on: turn.connector().wants_read(link),
            }
        })
    }
}
