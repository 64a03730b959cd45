//! What the process itself has to say, and the lines that it becomes; a table like [`event`](super::event).

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use log::Level::{Debug, Error, Info, Warn};

use super::line::Field::{Bool, Null, Number, Shown, Text};
use super::line::component::{HTTP, NODE, SERVER};
use super::line::{Fields, Line};
use super::queue::Dropped;

/// Something that happens in the process around a connector.
pub(crate) enum NodeEvent<'a> {
    /// A setting that is taken but may not be meant.
    ConfigWarning(&'a str),
    /// The configuration and the routing table are there.
    Starting { peers: usize, routes: usize },
    /// A listener could not be opened: which setting names it, why not, and what to do.
    ListenFailed {
        setting: &'a str,
        address: SocketAddr,
        error: &'a dyn fmt::Display,
        fix: &'a str,
    },
    /// The node could not be started for another reason.
    StartFailed { error: &'a dyn fmt::Display },
    /// Both listeners are open.
    Listening {
        btp: SocketAddr,
        /// It is `wss://`.
        tls: bool,
        health: SocketAddr,
    },
    /// Certificates, keys or authorities have changed on disk and are used from now on.
    TlsReloaded { role: &'a dyn fmt::Display },
    /// They have changed, but are of no use; what was there before is used on.
    TlsReloadFailed {
        role: &'a dyn fmt::Display,
        error: &'a dyn fmt::Display,
    },
    /// A certificate of ours that nobody will accept.
    TlsWarning(&'a dyn fmt::Display),
    /// The start is over: critical peers are connected, or were tried in vain.
    Ready { connected: usize },
    /// `/health` says something else than before.
    Health {
        from: &'a str,
        to: &'a str,
        down: &'a dyn fmt::Display,
        /// Why it is not healthy.
        reason: Option<&'a str>,
    },
    /// A signal that asks for the end.
    Signal { name: &'a str },
    /// The second one, which does not wait; how many packets are in flight, if that is known.
    Killed {
        name: &'a str,
        in_flight: Option<usize>,
    },
    /// What a peer owes us, less what we owe it, when the node ends: it is kept nowhere else.
    Balance {
        peer: &'a str,
        balance: i128,
        asset_code: &'a str,
        asset_scale: u8,
    },
    /// The last line: packets that were finished while draining, those that get no answer from us, and
    /// the seconds since the start.
    Stopped {
        drained: usize,
        unanswered: usize,
        uptime: u64,
    },
    /// The node did not stop when it should have.
    StopOverdue { waited: Duration },
    /// Somebody asked the health port.
    Request {
        method: &'a str,
        path: &'a str,
        status: u16,
        remote: SocketAddr,
    },
    /// The health port could not take a connection.
    HttpAcceptFailed { error: &'a dyn fmt::Display },
    /// A connection for the connector could not be accepted.
    AcceptFailed {
        error: &'a dyn fmt::Display,
        retry: Duration,
    },
    /// The task of one link panicked; the panic has a line of its own.
    LinkPanicked,
    /// The connector panicked, and the process ends now; the panic has a line of its own.
    Fatal,
    /// Lines that were not written.
    LogDropped(Dropped),
    /// A bug. What was said with it is not repeated here unless it cannot hold data.
    Panic {
        thread: &'a str,
        place: &'a dyn fmt::Display,
        message: &'a str,
        trace: &'a str,
    },
}

impl NodeEvent<'_> {
    /// Hands the line of the event to `emit`.
    #[rustfmt::skip] // a table: name, level and sentence of an event in one row
    pub(crate) fn describe(&self, emit: &mut dyn FnMut(Line<'_>)) {
        let mut line = |level, component, event, msg: fmt::Arguments<'_>, fields: &Fields<'_>| {
            emit(Line { level, component, event, msg, packet: None, fields });
        };
        match *self {
            Self::ConfigWarning(text) => line(
                Warn, NODE, "config_warning", format_args!("{text}"),
                &[],
            ),
            Self::Starting { peers, routes } => line(
                Info, NODE, "connector_starting", format_args!("starting"),
                &[("version", Text(env!("CARGO_PKG_VERSION"))), ("peersCount", count(peers)), ("routesCount", count(routes))],
            ),
            Self::ListenFailed { setting, ref address, error, fix } => line(
                Error, NODE, "listen_failed", format_args!("cannot listen on {address} ({setting}): {error}; {fix}"),
                &[("setting", Text(setting)), ("address", Shown(address)), ("error", Shown(error)), ("fix", Text(fix))],
            ),
            Self::StartFailed { error } => line(
                Error, NODE, "start_failed", format_args!("cannot start: {error}"),
                &[("error", Shown(error))],
            ),
            Self::Listening { ref btp, tls, ref health } => line(
                Info, NODE, "connector_listening", format_args!("listening"),
                &[("btpAddress", Shown(btp)), ("tls", Bool(tls)), ("healthAddress", Shown(health))],
            ),
            Self::TlsReloaded { role } => line(
                Info, NODE, "tls_reloaded", format_args!("new {role} links use the files as they are now"),
                &[("role", Shown(role))],
            ),
            Self::TlsReloadFailed { role, error } => line(
                Error, NODE, "tls_reload_failed", format_args!("new {role} links use what was there before: {error}"),
                &[("role", Shown(role)), ("error", Shown(error))],
            ),
            Self::TlsWarning(warning) => line(
                Warn, NODE, "tls_warning", format_args!("{warning}"),
                &[],
            ),
            Self::Ready { connected } => line(
                Info, NODE, "connector_ready", format_args!("ready"),
                &[("connectedPeers", count(connected))],
            ),
            Self::Health { from, to, down, reason } => line(
                if to == "unhealthy" { Warn } else { Info },
                NODE, "health_changed", format_args!("{from} became {to}"),
                &[("from", Text(from)), ("status", Text(to)), ("criticalPeersDown", Shown(down)), ("reason", reason.map_or(Null, Text))],
            ),
            Self::Signal { name } => line(
                Info, NODE, "shutdown_requested", format_args!("{name}: stopping; once more stops at once"),
                &[("signal", Text(name))],
            ),
            Self::Killed { name, in_flight: Some(left) } => line(
                Warn, NODE, "shutdown_forced", format_args!("{name} again: packets in flight get no answer: {left}"),
                &[("signal", Text(name)), ("inFlight", count(left))],
            ),
            Self::Killed { name, in_flight: None } => line(
                Warn, NODE, "shutdown_forced", format_args!("{name} again: packets in flight get no answer"),
                &[("signal", Text(name)), ("inFlight", Null)],
            ),
            Self::Balance { peer, ref balance, asset_code, asset_scale } => line(
                Info, NODE, "account_balance",
                format_args!("{} {}", if *balance < 0 { "we are left owing" } else { "we are left being owed by" }, peer),
                &[
                    ("peerId", Text(peer)),
                    ("balance", Shown(balance)),
                    ("assetCode", Text(asset_code)),
                    ("assetScale", Number(asset_scale.into())),
                ],
            ),
            Self::Stopped { drained, unanswered, uptime } => line(
                if unanswered > 0 { Warn } else { Info },
                NODE, "connector_stopped", format_args!("drained {drained}, left {unanswered}"),
                &[
                    ("drained", count(drained)),
                    ("unanswered", count(unanswered)),
                    ("uptime", Number(uptime)),
                ],
            ),
            Self::StopOverdue { waited } => line(
                Error, NODE, "stop_overdue", format_args!("not all connections ended in time"),
                &[("waitedMs", millis(waited))],
            ),
            Self::Request { method, path, status, ref remote } => line(
                Debug, HTTP, "http_request", format_args!("{method} {path}"),
                &[
                    ("method", Text(method)),
                    ("path", Text(path)),
                    ("status", Number(status.into())),
                    ("remoteAddress", Shown(remote)),
                ],
            ),
            Self::HttpAcceptFailed { error } => line(
                Warn, HTTP, "http_accept_failed", format_args!("a connection could not be taken"),
                &[("error", Shown(error))],
            ),
            Self::AcceptFailed { error, retry } => line(
                Error, SERVER, "btp_accept_failed", format_args!("a connection could not be accepted"),
                &[("error", Shown(error)), ("retryMs", millis(retry))],
            ),
            Self::LinkPanicked => line(
                Error, NODE, "link_panicked", format_args!("a bug closed one connection; all others go on"),
                &[],
            ),
            Self::Fatal => line(
                Error, NODE, "fatal", format_args!("a bug in the connector: its books cannot be trusted, the process ends"),
                &[],
            ),
            Self::LogDropped(Dropped { ordinary, severe, unwritable }) => line(
                Warn, NODE, "log_dropped", format_args!("lines are missing here"),
                &[("debugAndInfo", Number(ordinary)), ("warnAndError", Number(severe)), ("unwritable", Number(unwritable))],
            ),
            Self::Panic { thread, place, message, trace } => line(
                Error, NODE, "panic", format_args!("a bug: {message}"),
                &[("thread", Text(thread)), ("place", Shown(place)), ("backtrace", Text(trace))],
            ),
        }
    }
}

fn count(n: usize) -> super::line::Field<'static> {
    Number(n as u64)
}

fn millis(duration: Duration) -> super::line::Field<'static> {
    Number(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
