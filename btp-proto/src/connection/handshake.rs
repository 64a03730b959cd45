//! Who may talk: the auth exchange of RFC-0023, both sides.

use alloc::string::String;
use alloc::vec::Vec;

use ilp_proto::Now;
use zeroize::Zeroizing;

use super::{Connection, ConnectionEvent, Inbound, State, close, prefix};
use crate::auth::{Credentials, Secret};
use crate::frame::{BtpCode, BtpError, Frame, Protocol, Protocols};

/// The primary entry of an auth frame.
pub(super) const AUTH: &str = "auth";
const USERNAME: &str = "auth_username";
const TOKEN: &str = "auth_token";

/// What a server says when it refuses us, cut to this many bytes.
const MAX_REASON: usize = 256;

/// Encodes the auth frame, into memory that is zeroed later and never moves until then.
pub(super) fn auth_frame(credentials: &Credentials, id: u32) -> Zeroizing<Vec<u8>> {
    let auth = Protocol::octets(AUTH, b"");
    let token = Protocol::text(TOKEN, credentials.token.as_str());
    let encode = |entries: &[Protocol<'_>]| {
        let frame = Frame::Message {
            id,
            protocols: Protocols::new(entries),
        };
        let mut out = Zeroizing::new(Vec::with_capacity(frame.encoded_len()));
        frame.encode(&mut *out);
        out
    };
    match &credentials.username {
        Some(name) => encode(&[auth, Protocol::text(USERNAME, name), token]),
        None => encode(&[auth, token]),
    }
}

/// User name and token of an auth frame, or why it is none.
fn credentials<'m>(frame: &Frame<'m>) -> Result<(Option<&'m str>, &'m str), &'static str> {
    let Frame::Message { protocols, .. } = frame else {
        return Err("the first frame must be a MESSAGE with auth");
    };
    if protocols.first().is_none_or(|entry| entry.name != AUTH) {
        return Err("the first entry of the first frame must be auth");
    }
    if protocols.duplicate().is_some() {
        return Err("an entry name occurs twice");
    }
    let token = protocols.get(TOKEN).ok_or("auth_token is missing")?;
    let token = text(token).ok_or("auth_token is not UTF-8")?;
    let username = match protocols.get(USERNAME) {
        Some(entry) => text(entry).ok_or("auth_username is not UTF-8")?,
        None => "",
    };
    Ok(((!username.is_empty()).then_some(username), token))
}

fn text(entry: Protocol<'_>) -> Option<&str> {
    core::str::from_utf8(entry.data).ok()
}

impl Connection {
    /// Server: the credentials are good. The peer is told, the connection is open, and what came
    /// behind the auth frame waits in [`poll_pending`](Self::poll_pending). Does nothing unless an
    /// [`Inbound::Auth`] waits for a decision.
    pub fn accept_auth(&mut self, now: Now) {
        self.advance(now.mono);
        if self.state == State::AuthPending {
            self.respond_empty(self.auth_id);
            self.open();
        }
    }

    /// Server: they are not. The peer gets ERROR F00 with `reason`, which must not say what would
    /// have been right, then a close with 1008. Does nothing unless an [`Inbound::Auth`] waits for a
    /// decision.
    pub fn refuse_auth(&mut self, now: Now, reason: &str) {
        self.advance(now.mono);
        if self.state == State::AuthPending {
            self.turn_away(now, reason, "authentication refused");
        }
    }

    /// ERROR F00 to the auth frame, then close.
    fn turn_away(&mut self, now: Now, reason: &str, why: &'static str) {
        let code = BtpCode::F00_NOT_ACCEPTED;
        let name = code.name().unwrap_or_default();
        self.respond_error(self.auth_id, now, code, name, reason);
        self.fail(close::POLICY, why);
    }

    pub(super) fn auth_timed_out(&mut self, now: Now) {
        let why = "authentication took too long";
        if self.state == State::AuthPending {
            self.turn_away(now, why, why);
        } else {
            // There is no id that an ERROR could bear, or nobody to send one to.
            self.fail(close::POLICY, why);
        }
    }

    /// The first frame that a server gets.
    pub(super) fn handle_first<'m>(&mut self, now: Now, frame: &Frame<'m>) -> Inbound<'m> {
        let id = frame.id();
        match credentials(frame) {
            Ok((username, token)) => {
                self.auth_id = id;
                self.state = State::AuthPending;
                Inbound::Auth {
                    id,
                    username,
                    token,
                }
            }
            Err(why) => {
                let inbound = self.refuse(now, id, why);
                self.fail(close::POLICY, why);
                inbound
            }
        }
    }

    /// Anything that comes while the fate of an auth frame is open, but the answer to it.
    pub(super) fn keep_for_later(&mut self, now: Now, msg: &[u8]) {
        if !self.pending.push(msg, self.cfg.max_message) {
            let why = "too many frames before authentication";
            if self.state == State::AuthPending {
                self.turn_away(now, why, why);
            } else {
                self.fail(close::POLICY, why);
            }
        }
    }

    /// Any frame that a client gets while it waits.
    pub(super) fn handle_reply(&mut self, now: Now, frame: &Frame<'_>, msg: &[u8]) {
        match frame {
            Frame::Response { id, .. } if *id == self.auth_id => {
                self.events.push_back(ConnectionEvent::AuthAccepted);
                self.open();
            }
            Frame::Error { id, error, .. } if *id == self.auth_id => self.refused(error),
            _ => self.keep_for_later(now, msg),
        }
    }

    fn refused(&mut self, error: &BtpError<'_>) {
        let mut reason = if self.repeats_token(error) {
            String::from("the server repeats our secret, its reason is withheld")
        } else if error.data.is_empty() {
            String::from(error.name)
        } else {
            let said = error.data.get(..MAX_REASON).unwrap_or(error.data);
            String::from_utf8_lossy(said).into_owned()
        };
        // Replacement characters may have made it longer again.
        reason.truncate(prefix(&reason, MAX_REASON).len());
        self.events.push_back(ConnectionEvent::AuthFailed {
            reason,
            code: Some(error.code),
        });
        // Not `fail`: this failure has been reported in the server's own words.
        self.close(close::NORMAL, "authentication refused");
        self.events.push_back(ConnectionEvent::Closing {
            code: close::NORMAL,
            why: "authentication refused",
        });
    }

    /// True when the server says our secret back to us: what it says ends up in logs.
    fn repeats_token(&self, error: &BtpError<'_>) -> bool {
        let token = self.token.as_ref().map_or("", Secret::as_str).as_bytes();
        let within = |text: &[u8]| text.windows(token.len()).any(|part| part == token);
        !token.is_empty() && (within(error.data) || within(error.name.as_bytes()))
    }
}
