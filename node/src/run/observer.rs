//! Listens to a node's events: to log them, and to note what the main thread wants to know.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use ilp_router::Event;
use ilp_runtime::Observer;
use ilp_runtime::tls::{TlsError, TlsRole, TlsWarning};

use super::Control;
use crate::log::node::NodeEvent;
use crate::log::{self, NodeLog, event};

/// What the main thread reads of a node's events.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Set while a [`Control::HealthMayDiffer`] is under way: one is enough.
    told: AtomicBool,
    in_flight: AtomicUsize,
    unanswered: AtomicUsize,
}

impl Noted {
    /// To be called before looking at the health: what happens from here on is told again.
    pub(super) fn looked(&self) {
        self.told.store(false, Ordering::Release);
    }

    /// Packets that were in flight when the drain began and have been answered, and those that were not.
    pub(super) fn drained(&self) -> (usize, usize) {
        let unanswered = self.unanswered.load(Ordering::Relaxed);
        (self.drained_but(unanswered), unanswered)
    }

    /// Packets that were in flight when the drain began, less `left`.
    pub(super) fn drained_but(&self, left: usize) -> usize {
        self.in_flight.load(Ordering::Relaxed).saturating_sub(left)
    }
}

/// The observer of one node.
pub(super) struct Ears {
    pub(super) node: usize,
    pub(super) log: NodeLog,
    pub(super) noted: Arc<Noted>,
    pub(super) tell: Sender<Control>,
}

impl Ears {
    fn write(&self, event: &NodeEvent<'_>) {
        event.describe(&mut |line| self.log.write(&line));
    }
}

impl Observer for Ears {
    fn event(&self, event: &Event) {
        event::describe(event, self.log.packet_level(), &mut |line| {
            self.log.write(&line)
        });
        match event {
            Event::Draining { in_flight, .. } => {
                self.noted.in_flight.store(*in_flight, Ordering::Relaxed)
            }
            Event::Drained { unanswered } => {
                self.noted.unanswered.store(*unanswered, Ordering::Relaxed)
            }
            Event::Connected { .. }
            | Event::Disconnected { .. }
            | Event::DialFailed { .. }
            | Event::AuthFailed { .. }
            | Event::RetryScheduled { .. }
            | Event::RetriesExhausted { .. } => {}
            _ => return,
        }
        if !self.noted.told.swap(true, Ordering::AcqRel) {
            // Nobody listens when the process is at its end.
            let _ = self.tell.send(Control::HealthMayDiffer(self.node));
        }
    }

    fn accept_failed(&self, error: &io::Error, retry_in: Duration) {
        self.write(&NodeEvent::AcceptFailed {
            error,
            retry: retry_in,
        });
    }

    fn tls_reload(&self, role: TlsRole, result: Result<(), &TlsError>) {
        self.write(&match &result {
            Ok(()) => NodeEvent::TlsReloaded { role: &role },
            Err(error) => NodeEvent::TlsReloadFailed { role: &role, error },
        });
    }

    fn tls_warning(&self, warning: &TlsWarning) {
        self.write(&NodeEvent::TlsWarning(warning));
    }

    fn link_panicked(&self, _message: &str) {
        self.write(&NodeEvent::LinkPanicked);
    }

    fn fatal(&self, _message: &str) {
        self.write(&NodeEvent::Fatal);
        log::flush(super::FLUSH);
    }
}
