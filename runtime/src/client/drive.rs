//! The client's state machine, its socket and its clock in one task.

use std::collections::hash_map::RandomState;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use btp_proto::ConnectionEvent;
use futures_lite::{FutureExt, future};
use ilp_proto::{Address, ErrorCode, Instant, Now, Packet, Prepare};
use ilp_router::CloseReason;

use super::core::{Core, Incoming, Resolved};
use super::{Answer, ClientError, ClientOptions, Closed, Reply, SendError};
use crate::alarm::Alarm;
use crate::latch::Latch;
use crate::link::LINGER;
use crate::pump::{Ended, Inbox, Outbox, Pump, Session, Turned};
use crate::signal::Signal;
use crate::upgrade::Socket;
use crate::{Clock, Runtime};

/// How long an answer to a PREPARE that is of no use any more may wait to be sent.
const COURTESY: Duration = Duration::from_secs(1);

/// Answers PREPAREs.
pub(super) type Handler = Box<dyn Fn(&Prepare<'_>) -> Reply + Send + Sync>;

/// What the clients and the task of one link share.
pub(super) struct Shared {
    core: Mutex<Core>,
    handler: Handler,
    signal: Signal,
    /// Whether the server let us in.
    pub(super) opened: Latch<Result<(), ClientError>>,
    pub(super) closed: Latch<Closed>,
}

impl Shared {
    pub(super) fn new(options: &ClientOptions, handler: Handler) -> Self {
        // the ids of two lives shall differ; std draws the keys of its hashers at random
        let seed = RandomState::new().build_hasher().finish();
        Self {
            core: Mutex::new(Core::new(options, Clock::now().mono, seed)),
            handler,
            signal: Signal::default(),
            opened: Latch::default(),
            closed: Latch::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        // a panic in there is a bug, but at worst this one link suffers
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn send(
        &self,
        prepare: &Prepare<'_>,
    ) -> Result<impl Future<Output = Result<Answer, SendError>> + Send + use<>, SendError> {
        let mut core = self.lock();
        let receiver = core.send(Clock::now(), prepare)?;
        // under the lock: the task lowers it there too, right before it looks
        let wake = self.signal.raise(Signal::WRITABLE);
        drop(core);
        if wake {
            self.signal.wake();
        }
        let lost = || Err(SendError::Closed(Closed::Broken("internal error".into())));
        Ok(async move { receiver.await.unwrap_or_else(lost) })
    }

    pub(super) fn in_flight(&self) -> usize {
        self.lock().in_flight()
    }

    pub(super) fn set_address(&self, address: Address) {
        self.lock().set_address(address);
    }

    pub(super) fn close(&self) {
        self.lock().close(Clock::now());
        self.signal.send(Signal::WRITABLE);
    }

    /// The reply to a PREPARE and until when it is of use.
    fn answer(&self, now: Now, ilp: &[u8]) -> (Reply, Instant) {
        let reject = |code, message: &str| {
            (
                Reply::Reject {
                    code,
                    message: message.into(),
                },
                now.mono + COURTESY,
            )
        };
        match Packet::parse(ilp) {
            Ok(Packet::Prepare(prepare)) if prepare.expires_at <= now.wall => {
                reject(ErrorCode::R00_TRANSFER_TIMED_OUT, "the packet has expired")
            }
            Ok(Packet::Prepare(prepare)) => {
                let left = prepare.expires_at.saturating_duration_since(now.wall);
                match catch_unwind(AssertUnwindSafe(|| (self.handler)(&prepare))) {
                    Ok(reply) => (reply, now.mono + left),
                    Err(_) => reject(ErrorCode::T00_INTERNAL_ERROR, "internal error"),
                }
            }
            // an answer in this place is never handed up as a request
            Ok(_) => reject(ErrorCode::F00_BAD_REQUEST, "not a PREPARE"),
            Err(error) => reject(ErrorCode::F01_INVALID_PACKET, &error.to_string()),
        }
    }

    /// The link is gone.
    fn end(&self, why: Closed) {
        let mut resolved = Resolved::new();
        let why = self.lock().end(why, &mut resolved);
        self.opened.set(Err(ClientError::Closed(why.clone())));
        self.closed.set(why);
        deliver(&mut resolved);
    }
}

fn deliver(resolved: &mut Resolved) {
    for (waiter, result) in resolved.drain(..) {
        waiter.send(result);
    }
}

/// Drives a link to its end.
pub(super) async fn drive<R: Runtime>(runtime: R, shared: Arc<Shared>, socket: Socket<R>) {
    // whatever happens, nobody waits for ever
    let end = EndGuard(Arc::clone(&shared));
    let mut pump = Pump::new(socket);
    let mut session = ClientSession {
        shared: &shared,
        resolved: Resolved::new(),
    };
    let mut alarm = Alarm::new(runtime.clone());
    let running = poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = pump.poll(cx, &mut session) {
                return Poll::Ready(ended);
            }
            let deadline = shared.lock().poll_timeout();
            if alarm.poll(cx, deadline).is_pending() {
                return Poll::Pending;
            }
            session.timeout();
        }
    });
    let ended = AssertUnwindSafe(running).catch_unwind().await;
    drop(end);
    if let Ok(Ended::Closed) = ended {
        future::or(pump.linger(), runtime.sleep(LINGER)).await;
    }
}

struct EndGuard(Arc<Shared>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0
            .end(Closed::Broken("the task of this link was stopped".into()));
    }
}

struct ClientSession<'a> {
    shared: &'a Shared,
    resolved: Resolved,
}

impl ClientSession<'_> {
    fn timeout(&mut self) {
        let now = Clock::now();
        let mut core = self.shared.lock();
        let over = core.handle_timeout(now, &mut self.resolved);
        self.events(&mut core, now);
        drop(core);
        deliver(&mut self.resolved);
        let bit = if over { Signal::STOP } else { Signal::WRITABLE };
        self.shared.signal.send(bit);
    }

    fn events(&self, core: &mut Core, now: Now) {
        while let Some(event) = core.poll_event(now) {
            match event {
                ConnectionEvent::AuthAccepted => self.shared.opened.set(Ok(())),
                ConnectionEvent::AuthFailed { reason, code } => {
                    self.shared.opened.set(Err(match code {
                        Some(code) => ClientError::Refused { code, reason },
                        None => ClientError::NoAuthAnswer(reason),
                    }));
                }
                _ => {}
            }
        }
    }
}

impl Session for ClientSession<'_> {
    fn signal(&self) -> &Signal {
        &self.shared.signal
    }

    fn turn(
        &mut self,
        read: &Inbox<'_>,
        end: Option<CloseReason>,
        outbox: Option<&mut Outbox>,
    ) -> Turned {
        let shared = self.shared;
        let now = Clock::now();
        let mut incoming = Vec::<Incoming<'_>>::new();
        let mut core = shared.lock();
        for message in read.iter() {
            core.receive(now, message, &mut incoming, &mut self.resolved);
        }
        if !incoming.is_empty() {
            // the handler may use the client
            drop(core);
            let answer = |packet: &Incoming<'_>| (packet.id, shared.answer(now, &packet.ilp));
            let replies: Vec<_> = incoming.iter().map(answer).collect();
            core = shared.lock();
            for (id, (reply, deadline)) in &replies {
                core.respond(*id, *deadline, reply);
            }
        }
        self.events(&mut core, now);
        if let Some(outbox) = outbox {
            shared.signal.lower(Signal::WRITABLE);
            outbox.fill(|buffer| core.poll_transmit(now.mono, buffer));
        } else {
            // what was read may have to be answered: the pump, which looks by itself, shall ask again
            let _ = shared.signal.raise(Signal::WRITABLE);
        }
        let read_on = core.wants_read();
        drop(core);
        deliver(&mut self.resolved);
        if let Some(why) = end {
            shared.end(closed(why));
        }
        Turned { read_on }
    }
}

fn closed(why: CloseReason) -> Closed {
    match why {
        CloseReason::Remote { code, reason } => Closed::Remote { code, reason },
        CloseReason::Broken(why) => Closed::Broken(why),
        _ => Closed::Broken("the server sent a message that is too large".into()),
    }
}
