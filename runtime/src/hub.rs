//! The state that the tasks of a node share, and what follows whenever one of them has touched it.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};

use ilp_proto::{Instant, Now};
use ilp_router::config::Endpoint;
use ilp_router::{Action, Connector, Event, LinkId, Refused};

use crate::latch::Latch;
use crate::lock::Lock;
use crate::rounds::Rounds;
use crate::signal::Signal;
use crate::{Clock, Observer, Runtime};

/// Events that are told in one turn: more than a turn makes, so that they do not pile up.
const EVENT_BATCH: usize = 1_024;

/// One node: a connector behind a lock, and who must hear of what.
pub(crate) struct Hub {
    core: Lock<Core>,
    observer: Box<dyn Observer>,
    /// Wakes the task that keeps time and starts dials.
    pub(crate) supervisor: Arc<Signal>,
    /// Stops the task that accepts.
    pub(crate) listener: Signal,
    /// Stops the task that looks at files.
    pub(crate) watcher: Signal,
    /// Set when the last task has ended.
    pub(crate) done: Latch<()>,
    tasks: AtomicUsize,
}

/// Aligned to cache lines, in the pairs that processors fetch them in: see [`Lock`].
#[repr(align(128))]
struct Core {
    connector: Connector,
    /// Whose task is woken by what.
    links: BTreeMap<LinkId, Arc<Signal>>,
    /// Dials that the supervisor has yet to start.
    dials: Vec<Dial>,
    /// The earliest deadline that the supervisor knows of.
    armed: Option<Instant>,
    rounds: Rounds,
    /// A task is telling the observer; only that one may take events, so that they stay in order.
    telling: bool,
    stopped: bool,
}

/// A link to be dialled.
pub(crate) struct Dial {
    pub(crate) link: LinkId,
    pub(crate) endpoint: Endpoint,
    pub(crate) signal: Arc<Signal>,
}

/// What the supervisor has to do.
pub(crate) struct Orders {
    pub(crate) dials: Vec<Dial>,
    /// When to look at the time again.
    pub(crate) deadline: Option<Instant>,
    pub(crate) stopped: bool,
}

/// What one turn leaves to be done once the lock is released. One per task, for its memory.
#[derive(Default)]
pub(crate) struct Aftermath {
    wakes: Vec<Arc<Signal>>,
    events: Vec<Event>,
}

/// The connector, locked.
pub(crate) struct Turn<'a> {
    core: &'a mut Core,
    aftermath: &'a mut Aftermath,
    /// The link whose task this is: it looks at its own signal after the turn and need not be woken.
    own: Option<LinkId>,
    pub(crate) now: Now,
}

impl Turn<'_> {
    pub(crate) const fn connector(&mut self) -> &mut Connector {
        &mut self.core.connector
    }

    /// The signal by which a new link's task will be reached.
    pub(crate) fn enlist(&mut self, link: LinkId) -> Arc<Signal> {
        let signal = Arc::<Signal>::default();
        self.core.links.insert(link, Arc::clone(&signal));
        signal
    }

    /// A link has ended.
    pub(crate) fn forget(&mut self, link: LinkId) {
        self.core.links.remove(&link);
    }

    /// Raises the signals of all links that have got something to send.
    pub(crate) fn announce(&mut self) {
        while let Some(link) = self.core.connector.poll_writable() {
            self.raise(link, Signal::WRITABLE);
        }
    }

    fn raise(&mut self, link: LinkId, bit: u8) {
        if let Some(signal) = self.core.links.get(&link)
            && signal.raise(bit)
            && self.own != Some(link)
        {
            self.aftermath.wakes.push(Arc::clone(signal));
        }
    }

    /// Does all that the connector wants done.
    fn settle(&mut self) {
        self.announce();
        while let Some(action) = self.core.connector.poll_action() {
            match action {
                Action::Dial { link, endpoint } => {
                    let signal = self.enlist(link);
                    self.core.dials.push(Dial {
                        link,
                        endpoint,
                        signal,
                    });
                }
                Action::Drop { link } => {
                    self.raise(link, Signal::STOP);
                    self.forget(link);
                }
                Action::ResumeRead { link } => self.raise(link, Signal::READABLE),
                Action::Stop => self.core.stopped = true,
                // the enum may grow, but not without this file
                _ => {}
            }
        }
        if self.core.stopped {
            for (_, signal) in std::mem::take(&mut self.core.links) {
                if signal.raise(Signal::STOP) {
                    self.aftermath.wakes.push(signal);
                }
            }
        }
        if !self.core.telling {
            self.core.telling = self.core.take_events(&mut self.aftermath.events);
        }
    }

    /// Whether the supervisor must look: there are orders, or an earlier deadline than it knows of.
    fn needs_supervisor(&mut self) -> bool {
        let deadline = self.core.connector.poll_timeout();
        let earlier = deadline.is_some_and(|at| self.core.armed.is_none_or(|armed| at < armed));
        if earlier {
            self.core.armed = deadline;
        }
        earlier || self.core.stopped || !self.core.dials.is_empty()
    }
}

impl Core {
    /// True if there were any.
    fn take_events(&mut self, events: &mut Vec<Event>) -> bool {
        events.extend(std::iter::from_fn(|| self.connector.poll_event()).take(EVENT_BATCH));
        !events.is_empty()
    }
}

impl Hub {
    pub(crate) fn new(connector: Connector, observer: Box<dyn Observer>) -> Self {
        let core = Core {
            connector,
            links: BTreeMap::new(),
            dials: Vec::new(),
            armed: None,
            rounds: Rounds::default(),
            telling: false,
            stopped: false,
        };
        Self {
            core: Lock::new(core),
            observer,
            supervisor: Arc::default(),
            listener: Signal::default(),
            watcher: Signal::default(),
            done: Latch::default(),
            tasks: AtomicUsize::new(0),
        }
    }

    /// Lets `act` use the connector, then does all that follows. `own` is the link whose task asks.
    pub(crate) fn turn<T>(
        &self,
        aftermath: &mut Aftermath,
        own: Option<LinkId>,
        act: impl FnOnce(&mut Turn<'_>) -> T,
    ) -> T {
        let mut core = self.lock();
        // looked at under the lock, so that no turn sees a time before that of the turn before
        let mut turn = Turn {
            core: &mut core,
            aftermath,
            own,
            now: Clock::now(),
        };
        let result = act(&mut turn);
        turn.settle();
        let look = turn.needs_supervisor() && self.supervisor.raise(Signal::LOOK);
        drop(core);
        if look {
            self.supervisor.wake();
        }
        self.follow_up(aftermath);
        result
    }

    /// The supervisor's turn: what is due is done.
    pub(crate) fn supervise(&self, aftermath: &mut Aftermath) -> Orders {
        let mut core = self.lock();
        let now = Clock::now();
        let mut turn = Turn {
            core: &mut core,
            aftermath,
            own: None,
            now,
        };
        if turn
            .core
            .connector
            .poll_timeout()
            .is_some_and(|deadline| deadline <= now.mono)
        {
            turn.core.connector.handle_timeout(now);
            turn.core.rounds.made(now.mono);
        }
        turn.settle();
        core.armed = core.connector.poll_timeout();
        let orders = Orders {
            dials: std::mem::take(&mut core.dials),
            deadline: core.armed.map(|at| core.rounds.next(at, now.mono)),
            stopped: core.stopped,
        };
        drop(core);
        self.follow_up(aftermath);
        orders
    }

    /// Somebody connected; `Err` if the connection must be dropped.
    pub(crate) fn incoming(
        &self,
        aftermath: &mut Aftermath,
        from: IpAddr,
    ) -> Result<(LinkId, Arc<Signal>), Refused> {
        self.turn(aftermath, None, |turn| {
            let now = turn.now;
            let link = turn.connector().handle_incoming(now, from)?;
            Ok((link, turn.enlist(link)))
        })
    }

    /// Wakes and tells, without the lock.
    fn follow_up(&self, aftermath: &mut Aftermath) {
        for signal in aftermath.wakes.drain(..) {
            signal.wake();
        }
        let mut more = false;
        while !aftermath.events.is_empty() {
            for event in aftermath.events.drain(..) {
                self.tell(|observer| observer.event(&event));
            }
            // a link seldom has any: it shall not keep the room for them
            aftermath.events = Vec::new();
            let mut core = self.lock();
            core.telling = false;
            if core.stopped {
                // the supervisor has left, or will, so nobody else sees to the last words
                core.telling = core.take_events(&mut aftermath.events);
            } else {
                more = core.connector.pending_events() > 0 && self.supervisor.raise(Signal::LOOK);
            }
        }
        if more {
            // what others have said meanwhile: whoever has told one batch has done enough for a turn
            self.supervisor.wake();
        }
    }

    /// An observer that panics harms nobody but itself.
    pub(crate) fn tell(&self, what: impl FnOnce(&dyn Observer)) {
        // the panic hook has told
        let _ = catch_unwind(AssertUnwindSafe(|| what(&*self.observer)));
    }

    /// Ends the process if the connector has panicked, which its poisoned lock says.
    pub(crate) fn must_be_sound(&self) {
        drop(self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core
            .lock()
            .unwrap_or_else(|_| self.abort("the connector panicked; its state cannot be trusted"))
    }

    /// Ends the process.
    pub(crate) fn abort(&self, why: &str) -> ! {
        self.tell(|observer| observer.fatal(why));
        std::process::abort()
    }

    /// Runs a task of this node.
    pub(crate) fn spawn<R: Runtime>(
        self: &Arc<Self>,
        runtime: &R,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        runtime.spawn(self.count(task));
    }

    /// The node does not end before this future has, or was dropped.
    pub(crate) fn count(
        self: &Arc<Self>,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        self.tasks.fetch_add(1, Ordering::AcqRel);
        let counted = Counted(Arc::clone(self));
        async move {
            task.await;
            drop(counted);
        }
    }
}

/// One task that has not ended. The supervisor outlives all others, so zero is reached once.
struct Counted(Arc<Hub>);

impl Drop for Counted {
    fn drop(&mut self) {
        if self.0.tasks.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.done.set(());
        }
    }
}

#[cfg(test)]
mod tests;
