//! The one timer of a connection: first for auth, then for life signs.

use core::time::Duration;

use ilp_proto::{Instant, Now};

use super::{Connection, State, close};

/// What happens at the deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Timer {
    /// The handshake took too long.
    Auth,
    /// Time to look whether anything was heard.
    Idle,
    /// A ping is out.
    Pong,
}

impl Connection {
    /// Ping or pong received. Nothing to answer: it shows that the peer lives.
    pub fn handle_control(&mut self, now: Now) {
        self.hear(now.mono);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout). A cached value: traffic does not move
    /// it, so it may fire early for the purpose, and is then set again.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// Time has passed. Too early a call does nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        self.advance(now.mono);
        if self.deadline.is_none_or(|deadline| self.now < deadline) {
            return;
        }
        match self.timer {
            Timer::Auth => self.auth_timed_out(now),
            Timer::Pong if !self.heard => self.fail(close::KEEPALIVE, "the peer does not respond"),
            Timer::Idle | Timer::Pong => self.watch(),
        }
    }

    /// Something arrived. This is all that keepalive costs per message.
    #[inline]
    pub(super) fn hear(&mut self, now: Instant) {
        self.advance(now);
        self.last_heard = self.now;
        self.heard = true;
    }

    /// Starts keepalive for a connection that has just opened.
    pub(super) fn open(&mut self) {
        self.state = State::Open;
        self.token = None;
        self.last_heard = self.now;
        self.watch();
    }

    /// Sets the timer to the end of the silence that is allowed, or pings if that has come.
    fn watch(&mut self) {
        let interval = self.cfg.keepalive_interval;
        self.deadline = if interval == Duration::ZERO {
            None
        } else if self.last_heard + interval > self.now {
            self.timer = Timer::Idle;
            Some(self.last_heard + interval)
        } else {
            // Nothing came for long, so nothing will be asked for soon.
            self.control.release();
            self.requests.release();
            self.timer = Timer::Pong;
            self.ping_due = true;
            self.heard = false;
            Some(self.now + self.cfg.keepalive_timeout)
        };
    }
}
