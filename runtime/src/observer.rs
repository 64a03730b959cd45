//! Who is told what happens.

use std::io;
use std::time::Duration;

use ilp_router::Event;

use crate::tls::{TlsError, TlsRole, TlsWarning};

/// Hears what a node has to tell, usually to log it.
///
/// Events come one at a time, in the order in which they happened, from whichever task comes across them
/// and outside of the node's lock: other links go on meanwhile, but the events that follow wait, and when
/// too many do the connector drops them and counts. So be quick: hand over and return.
///
/// A closure over [`Event`] is an observer.
pub trait Observer: Send + Sync + 'static {
    /// The connector says this.
    fn event(&self, event: &Event);

    /// A connection could not be accepted, as when the process has no more file descriptors; the next try is in
    /// `retry_in`.
    fn accept_failed(&self, error: &io::Error, retry_in: Duration) {
        let _ = (error, retry_in);
    }

    /// Certificates, keys or authorities have changed on disk. `Ok`: from now on new links use what is there now.
    /// `Err`: they go on with what was there before; told once, until the files change again.
    fn tls_reload(&self, role: TlsRole, result: Result<(), &TlsError>) {
        let _ = (role, result);
    }

    /// A certificate of ours is one that nobody will accept, or not much longer: told when it is loaded, and when time has
    /// made it so.
    fn tls_warning(&self, warning: &TlsWarning) {
        let _ = warning;
    }

    /// The task of one link panicked, which is a bug; that link was closed, all else goes on.
    fn link_panicked(&self, message: &str) {
        let _ = message;
    }

    /// The process is about to be aborted because the connector panicked. Write this out, now.
    fn fatal(&self, message: &str) {
        eprintln!("fatal: {message}");
    }
}

impl<F: Fn(&Event) + Send + Sync + 'static> Observer for F {
    fn event(&self, event: &Event) {
        self(event);
    }
}
