//! What to say about a port that cannot be opened.

use std::io::ErrorKind;

use crate::config::Origin;

#[cfg(test)]
mod tests;

/// The settings of a listener.
#[derive(Clone, Copy)]
pub(super) struct Port {
    /// Key and variable of the port.
    port: [&'static str; 2],
    /// The same of the address.
    host: [&'static str; 2],
}

pub(super) const BTP: Port = Port {
    port: ["btpServerPort", "BTP_SERVER_PORT"],
    host: ["btpServerHost", "BTP_SERVER_HOST"],
};

pub(super) const HEALTH: Port = Port {
    port: ["healthCheckPort", "HEALTH_CHECK_PORT"],
    host: ["healthCheckHost", "HEALTH_CHECK_HOST"],
};

impl Port {
    /// The setting to look at, and what to do. `origin` is where the port was written.
    pub(super) fn blame(self, origin: &Origin, error: ErrorKind) -> (String, String) {
        let [[port, port_var], [host, host_var]] = [self.port, self.host];
        let place = match origin {
            // the file as a whole: it does not name it
            Origin::Default | Origin::File { line: 0, .. } => "the default".to_owned(),
            given => given.to_string(),
        };
        let setting = format!("{port}, {place}");
        match error {
            ErrorKind::AddrInUse => {
                let fix =
                    format!("another program has it: stop that one or set {port} or {port_var}");
                (setting, fix)
            }
            ErrorKind::AddrNotAvailable => {
                let fix = format!(
                    "this machine has no such address: set {host} or {host_var} to one that it has"
                );
                (host.to_owned(), fix)
            }
            ErrorKind::PermissionDenied => {
                let fix = format!(
                    "the system does not let us have it: set {port} or {port_var} to one above 1023"
                );
                (setting, fix)
            }
            _ => (setting, format!("see {port} and {host}")),
        }
    }
}
