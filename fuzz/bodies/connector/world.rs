//! The driver of a node, and its peers' ends of the sockets.

use std::time::Duration;

use btp_proto::{Frame, Secret, Transmit};
use bytes::BytesMut;
use ilp_proto::{Fulfillment, Instant, Now, Timestamp};
use ilp_router::{Action, CloseReason, Connector, DialError, LinkId, Received};

use super::books::Books;
use super::config::{PEERS, SECRETS, config};
use super::frames::{self, Meaning};

/// When the world begins; 2026-11-21.
const EPOCH: i64 = 1_795_219_200_000;

/// A socket as its driver has it.
pub(super) struct Sock {
    link: LinkId,
    /// Whose it is: of a dialled one at once, of an accepted one when the right secret was shown.
    peer: Option<usize>,
    dialed: bool,
    /// Messages may be exchanged.
    upgraded: bool,
    /// The other end is let in, as far as can be told from here.
    in_use: bool,
    /// The driver has been told to drop it, or has told that it ended.
    gone: bool,
    dropped: bool,
    /// A Close frame was handed out.
    closed: bool,
    /// The node has named it as writable.
    named: bool,
    /// Something has arrived on it.
    heard: bool,
    auth_id: Option<u32>,
    /// The account that its path named.
    account: Option<&'static str>,
    /// What came before the peer was let in.
    early: Vec<Vec<u8>>,
}

pub(super) struct World {
    pub(super) node: Connector,
    pub(super) books: Books,
    mono: Instant,
    skew: i64,
    socks: Vec<Sock>,
    number: u32,
    stopped: usize,
    out: BytesMut,
    /// `TRACE=1` shows what goes to and fro.
    trace: bool,
}

impl World {
    pub(super) fn new(bits: u8, seed: u8) -> Self {
        let config = config(bits);
        let now = Now {
            mono: Instant::from_nanos(1 << 40),
            wall: Timestamp::from_millis(EPOCH),
        };
        let books = Books::new(&config);
        let mut node = Connector::new(config, seed.into(), now).unwrap();
        node.set_packet_events(bits & 32 != 0);
        let mut world = Self {
            node,
            books,
            mono: now.mono,
            skew: 0,
            socks: Vec::new(),
            number: 1_000,
            stopped: 0,
            out: BytesMut::new(),
            trace: std::env::var_os("TRACE").is_some(),
        };
        world.actions();
        world
    }

    pub(super) fn now(&self) -> Now {
        Now {
            mono: self.mono,
            wall: self.wall(),
        }
    }

    fn tell(&self, what: std::fmt::Arguments<'_>) {
        if self.trace {
            eprintln!("{} ms: {what}", self.mono.as_nanos() / 1_000_000);
        }
    }

    pub(super) fn wall(&self) -> Timestamp {
        let passed = i64::try_from(self.mono.as_nanos() / 1_000_000).unwrap();
        Timestamp::from_millis(EPOCH + passed + self.skew)
    }

    pub(super) fn next_number(&mut self) -> u32 {
        self.number += 1;
        self.number
    }

    /// A preimage that nobody had before.
    pub(super) fn fulfillment(&mut self) -> Fulfillment {
        self.books.fulfillment()
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.mono += time;
    }

    /// Until no answer is kept any more, whatever the wall clock showed when its packet arrived.
    pub(super) fn outlive_answers(&mut self) {
        let left = self
            .books
            .answers_end()
            .saturating_duration_since(self.mono);
        self.pass(left);
    }

    pub(super) fn step_wall(&mut self, millis: i64) {
        self.skew += millis;
    }

    /// The driver's clock goes back for one call.
    pub(super) fn look_back(&mut self, time: Duration) {
        let before = self.mono.as_nanos().saturating_sub(time.as_nanos() as u64);
        let now = Now {
            mono: Instant::from_nanos(before),
            wall: self.wall(),
        };
        self.node.handle_timeout(now);
    }

    /// Time has passed: afterwards the deadline is past now. (So little is in here that one call does it all.)
    pub(super) fn timeout(&mut self) {
        let now = self.now();
        self.node.handle_timeout(now);
        let next = self.node.poll_timeout();
        assert!(
            next.is_none_or(|next| next > now.mono),
            "the deadline stands still"
        );
    }

    /// A turn of the driver: timers, actions, and everything that can be sent is.
    pub(super) fn turn(&mut self) {
        if self.node.poll_timeout().is_some_and(|due| due <= self.mono) {
            self.timeout();
        }
        self.actions();
        self.events();
        loop {
            self.writable();
            let Some(at) = self.socks.iter().position(|sock| sock.named && !sock.gone) else {
                break;
            };
            self.send(at, usize::MAX);
            self.actions();
        }
        self.events();
        let open = self.socks.iter().filter(|sock| !sock.gone).count();
        assert_eq!(self.node.open_links(), open, "links without a socket");
        // those that wait for auth, and of each peer the current, a spare, a retired and a dialled one
        let most = self.node.limits().max_unauthenticated + 4 * PEERS.len();
        assert!(open <= most, "{open} links");
        self.books.check_overdue(&self.node, self.mono);
    }

    pub(super) fn events(&mut self) {
        let mut events = 0;
        while let Some(event) = self.node.poll_event() {
            events += 1;
            let shown = format!("{event:?}");
            self.tell(format_args!("{shown}"));
            for view in self.node.peers() {
                let secret = view.config.secret.as_ref().map(Secret::as_str);
                let leaked = secret.is_some_and(|secret| shown.contains(secret));
                assert!(!leaked, "an event holds a secret: {shown}");
            }
        }
        // and one for each peer that tells of lost FULFILLs
        assert!(events <= self.node.limits().event_ring + PEERS.len());
    }

    fn actions(&mut self) {
        while let Some(action) = self.node.poll_action() {
            self.tell(format_args!("{action:?}"));
            match action {
                Action::Dial { link, endpoint } => {
                    let peer = PEERS.iter().position(|id| *id == endpoint.host);
                    self.add(link, peer, true);
                }
                Action::Drop { link } => {
                    for sock in &mut self.socks {
                        if sock.link == link {
                            assert!(!sock.dropped, "it is dropped twice");
                            sock.gone = true;
                            sock.dropped = true;
                        }
                    }
                }
                Action::Stop => {
                    self.stopped += 1;
                    assert!(self.node.is_draining() && self.stopped == 1);
                    assert_eq!(self.node.open_links(), 0);
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, link: LinkId, peer: Option<usize>, dialed: bool) {
        assert!(self.socks.iter().all(|sock| sock.link != link || sock.gone));
        self.socks.push(Sock {
            link,
            peer,
            dialed,
            upgraded: false,
            in_use: false,
            gone: false,
            dropped: false,
            closed: false,
            named: false,
            heard: false,
            auth_id: None,
            account: None,
            early: Vec::new(),
        });
    }

    /// Takes the names of links that have something to send.
    fn writable(&mut self) {
        while let Some(link) = self.node.poll_writable() {
            if let Some(sock) = self.socks.iter_mut().rfind(|sock| sock.link == link) {
                assert!(!sock.named || sock.gone, "it is named twice");
                sock.named = true;
            }
        }
    }

    /// The socket of this number, from the newest one.
    fn at(&self, number: u8) -> Option<usize> {
        let from_end = usize::from(number) % self.socks.len().clamp(1, 12);
        self.socks.len().checked_sub(1 + from_end)
    }

    /// The secret that the other end of a socket knows.
    pub(super) fn secret_of(&self, number: u8) -> &'static str {
        let peer = self.at(number).and_then(|at| self.socks[at].peer);
        peer.map_or("none", |peer| SECRETS[peer])
    }

    pub(super) fn accept(&mut self, address: u8) {
        let address = [192, 0, 2, address % 3].into();
        match self.node.handle_incoming(self.now(), address) {
            Ok(link) => self.add(link, None, false),
            Err(_) => assert!(
                self.node.is_draining() || self.node.stats().unauthenticated > 0,
                "refused for no reason"
            ),
        }
    }

    pub(super) fn upgraded(&mut self, number: u8, account: Option<&'static str>) {
        let Some(at) = self.at(number) else { return };
        let now = self.now();
        let sock = &mut self.socks[at];
        if !sock.dialed {
            if !sock.upgraded {
                sock.account = account;
            }
            sock.upgraded = true;
            let path = account.map_or_else(|| "/".into(), |id| format!("/accounts/{id}/ilp/btp"));
            self.node.handle_upgraded(now, sock.link, &path, None);
        }
    }

    pub(super) fn dialed(&mut self, number: u8) {
        let Some(at) = self.at(number) else { return };
        let now = self.now();
        let sock = &mut self.socks[at];
        if sock.dialed {
            sock.upgraded = true;
            self.node.handle_dialed(now, sock.link);
        }
    }

    pub(super) fn dial_failed(&mut self, number: u8, why: DialError) {
        let Some(at) = self.at(number) else { return };
        let now = self.now();
        let sock = &mut self.socks[at];
        if sock.dialed && !sock.upgraded {
            sock.gone = true;
            self.node.handle_dial_failed(now, sock.link, why);
        }
    }

    pub(super) fn closed(&mut self, number: u8, why: CloseReason) {
        let Some(at) = self.at(number) else { return };
        let now = self.now();
        let sock = &mut self.socks[at];
        sock.gone = true;
        self.node.handle_closed(now, sock.link, why);
    }

    /// Shows the secret of a peer, or a wrong one, on an accepted link.
    pub(super) fn auth(&mut self, number: u8, peer: usize, how: u8) {
        let Some(at) = self.at(number) else { return };
        let sock = &self.socks[at];
        if sock.dialed || !sock.upgraded {
            return;
        }
        let token = if how & 3 == 3 { "wrong" } else { SECRETS[peer] };
        let name = (how & 4 == 0).then_some(PEERS[peer]);
        if !sock.heard {
            let account = sock.account.or(name).unwrap_or(PEERS[peer]);
            let contradicted = name.is_some_and(|name| name != account);
            let named = sock.account.is_some() || name.is_some();
            let view = self
                .node
                .peers()
                .find(|view| view.config.id.as_str() == account);
            let right = view.is_some_and(|view| match &view.config.secret {
                Some(secret) => secret.as_str() == token,
                None => named,
            });
            if right && !contradicted {
                self.socks[at].peer = PEERS.iter().position(|id| *id == account);
                self.socks[at].in_use = true;
            }
        }
        let message = frames::auth(u32::from(how), name, token);
        self.deliver_at(at, &message);
    }

    /// Lets the node in, on a link that it dialled; or not.
    pub(super) fn reply_to_auth(&mut self, number: u8, how: u8) {
        let Some(at) = self.at(number) else { return };
        let Some(id) = self.socks[at].auth_id else {
            return;
        };
        let message = if how & 7 == 7 {
            frames::error(id)
        } else {
            self.socks[at].in_use = true;
            frames::response(id)
        };
        self.deliver_at(at, &message);
    }

    /// All of a handshake.
    pub(super) fn connect(&mut self, peer: usize, dialing: bool) {
        let waits = |sock: &Sock| sock.dialed && !sock.gone && !sock.upgraded;
        self.turn();
        let dial = self
            .socks
            .iter()
            .position(|sock| waits(sock) && sock.peer == Some(peer));
        match dial.filter(|_| dialing) {
            Some(at) => {
                let now = self.now();
                self.socks[at].upgraded = true;
                self.node.handle_dialed(now, self.socks[at].link);
                self.turn();
                if let Some(id) = self.socks[at].auth_id {
                    self.socks[at].in_use = true;
                    self.deliver_at(at, &frames::response(id));
                }
            }
            None => {
                let before = self.socks.len();
                self.accept(peer as u8);
                if self.socks.len() > before {
                    self.upgraded(0, None);
                    self.auth(0, peer, 0);
                }
            }
        }
        self.turn();
    }

    pub(super) fn control(&mut self, number: u8, what: Received<'_>) {
        let Some(at) = self.at(number) else { return };
        let now = self.now();
        let sock = &mut self.socks[at];
        sock.heard |= sock.upgraded && what == Received::Text;
        self.node.handle_received(now, self.socks[at].link, what);
    }

    pub(super) fn deliver(&mut self, number: u8, message: &[u8]) {
        if let Some(at) = self.at(number) {
            self.deliver_at(at, message);
        }
    }

    fn deliver_at(&mut self, at: usize, message: &[u8]) {
        let now = self.now();
        let sock = &mut self.socks[at];
        if message.len() > self.node.limits().max_message || !self.node.wants_read(sock.link) {
            return; // what a driver would not have read
        }
        let meaning = frames::meaning(message);
        let opening = sock.in_use && !sock.early.is_empty();
        if sock.dialed && !sock.in_use && matches!(meaning, Meaning::Answer { .. }) {
            return; // the books cannot tell early answers from the one to our auth
        }
        sock.heard |= sock.upgraded;
        if !sock.in_use && sock.upgraded && !sock.gone {
            sock.early.push(message.to_vec());
        }
        let mut messages = Vec::new();
        if opening {
            messages = core::mem::take(&mut sock.early);
        }
        messages.push(message.to_vec());
        let (link, peer, gone) = (sock.link, sock.peer, sock.gone || !sock.upgraded);
        self.tell(format_args!("{link:?} <- {meaning:?}"));
        self.books.before(&self.node);
        self.node
            .handle_received(now, link, Received::Binary(message));
        self.books.delivered(&self.node, now, peer, gone, &messages);
    }

    /// Sends up to `most` messages of a socket, if the node has named it.
    pub(super) fn flush(&mut self, number: u8, most: usize) {
        self.writable();
        if let Some(at) = self.at(number).filter(|&at| self.socks[at].named) {
            self.send(at, most);
        }
    }

    fn send(&mut self, at: usize, most: usize) {
        for _ in 0..most {
            let now = self.now();
            self.out.clear();
            let sock = &mut self.socks[at];
            let transmit = self.node.poll_transmit(now, sock.link, &mut self.out);
            let Some(transmit) = transmit else {
                sock.named = false;
                return;
            };
            assert!(!sock.gone && sock.upgraded, "something for no socket");
            assert!(!sock.closed, "something behind a Close");
            match transmit {
                Transmit::Ping => {}
                Transmit::Close { reason, .. } => {
                    assert!(reason.len() <= 123);
                    sock.closed = true;
                }
                Transmit::Binary { len } => {
                    assert_eq!(len, self.out.len());
                    assert!(len <= self.node.limits().max_message, "{len} bytes");
                    self.sent(at, now);
                }
            }
        }
    }

    fn sent(&mut self, at: usize, now: Now) {
        let frame = Frame::parse(&self.out).expect("a node writes frames");
        self.tell(format_args!("{:?} -> {frame:?}", self.socks[at].link));
        let sock = &mut self.socks[at];
        let is_auth = frame
            .protocols()
            .first()
            .is_some_and(|entry| entry.name == "auth");
        if is_auth {
            assert!(sock.dialed && sock.auth_id.is_none(), "a second auth");
            sock.auth_id = Some(frame.id());
            return;
        }
        if matches!(frame, Frame::Error { .. }) || frame.protocols().is_empty() {
            return; // refused, or let in
        }
        let peer = sock.peer.expect("packets go to peers");
        assert!(sock.in_use, "a packet for somebody who was not let in");
        match frames::meaning(&self.out) {
            Meaning::Request { id, ilp } => self.books.asked(now, peer, id, ilp),
            Meaning::Answer { id, ilp } => self.books.answered(now, peer, id, ilp),
            Meaning::Neither => panic!("{frame:?}"),
        }
    }

    /// A request of the node's that the peer of a socket could answer, or one that is none.
    pub(super) fn pick(&self, number: u8, which: u8) -> Option<(u32, Fulfillment)> {
        let peer = self.socks[self.at(number)?].peer?;
        self.books.pick(peer, which)
    }

    pub(super) fn operator(&mut self, how: u8) {
        let now = self.now();
        let peer = PEERS[usize::from(how >> 4) % PEERS.len()].parse().unwrap();
        match how % 8 {
            0..=2 => self.node.disconnect_peer(now, &peer).unwrap(),
            3..=5 => self.node.connect_peer(now, &peer).unwrap(),
            6 if how & 0x80 != 0 => self.node.shutdown(now),
            _ => self.events(),
        }
    }

    pub(super) fn disconnect_all(&mut self) {
        let now = self.now();
        for peer in PEERS {
            self.node
                .disconnect_peer(now, &peer.parse().unwrap())
                .unwrap();
        }
    }

    /// All sockets that are left end.
    pub(super) fn hang_up(&mut self) {
        let now = self.now();
        for sock in &mut self.socks {
            if !core::mem::replace(&mut sock.gone, true) {
                let why = CloseReason::Broken("the end".into());
                self.node.handle_closed(now, sock.link, why);
            }
        }
    }

    pub(super) fn check(&self) {
        self.books.check(&self.node);
        let stats = self.node.stats();
        assert!(stats.unauthenticated as usize <= self.node.limits().max_unauthenticated);
        // and one for each peer that tells of lost FULFILLs
        assert!(self.node.pending_events() <= self.node.limits().event_ring + PEERS.len());
    }

    /// Nobody is connected and nobody is wanted: nothing is held, and nothing will happen.
    pub(super) fn check_idle(&self) {
        assert_eq!(self.node.open_links(), 0);
        assert_eq!(self.node.stats().unauthenticated, 0);
        assert_eq!(
            self.node.poll_timeout(),
            None,
            "an idle node wants to be woken"
        );
        self.books.check_idle(&self.node);
    }
}
