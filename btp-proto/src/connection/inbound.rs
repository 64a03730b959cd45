//! What a received message is.

use ilp_proto::{DecodeError, DecodeErrorKind, Now, PacketType};

use super::handshake::AUTH;
use super::{Connection, Inbound, State, close};
use crate::frame::{Carrier, Frame, ILP, Protocols, peek_ilp};

impl Connection {
    /// A binary message arrived. The result says what it was; a reply that RFC-0023 prescribes is
    /// queued already.
    // inlined, so that a packet's `Inbound`, of many words, is never put together
    #[inline]
    pub fn handle_message<'m>(&mut self, now: Now, msg: &'m [u8]) -> Inbound<'m> {
        self.hear(now.mono);
        if self.state == State::Open
            && !self.deaf
            && msg.len() <= self.cfg.max_message
            && let Some((carrier, id, ilp)) = peek_ilp(msg)
        {
            return classify_ilp(carrier, id, ilp);
        }
        self.handle_frame(now, msg)
    }

    /// What is not plainly a packet on an open connection.
    fn handle_frame<'m>(&mut self, now: Now, msg: &'m [u8]) -> Inbound<'m> {
        if self.deaf {
            return Inbound::Nothing;
        }
        if self.state == State::AuthPending {
            self.keep_for_later(now, msg);
            return Inbound::Nothing;
        }
        let frame = match self.parse(msg) {
            Ok(frame) => frame,
            Err(error) => return self.handle_unreadable(error),
        };
        match self.state {
            State::AwaitAuth => self.handle_first(now, &frame),
            State::AwaitReply => {
                self.handle_reply(now, &frame, msg);
                Inbound::Nothing
            }
            State::AuthPending | State::Open | State::Closing | State::Closed => {
                self.classify(now, &frame)
            }
        }
    }

    /// A text message arrived, which BTP has no use for. It is an unreadable frame; as the very first
    /// message it closes the connection with 1003.
    pub fn handle_text(&mut self, now: Now) -> Inbound<'static> {
        self.hear(now.mono);
        if self.deaf {
            return Inbound::Nothing;
        }
        // 1 is what RFC 6455 numbers text messages with; 2 is binary.
        let error = DecodeError::new("opcode", DecodeErrorKind::UnknownType(1), 0);
        match self.state {
            State::AwaitAuth | State::AuthPending => {
                self.fail(close::NOT_BINARY, "text message before authentication");
                Inbound::Unreadable { error }
            }
            State::AwaitReply | State::Open | State::Closing | State::Closed => {
                self.count_unreadable(error)
            }
        }
    }

    fn parse<'m>(&self, msg: &'m [u8]) -> Result<Frame<'m>, DecodeError> {
        let (max, len) = (self.cfg.max_message, msg.len());
        if len > max {
            return Err(DecodeError::new(
                "message",
                DecodeErrorKind::TooLong { max, len },
                0,
            ));
        }
        Frame::parse(msg)
    }

    fn handle_unreadable(&mut self, error: DecodeError) -> Inbound<'static> {
        if self.state == State::AwaitAuth {
            self.fail(
                close::PROTOCOL_ERROR,
                "unreadable frame before authentication",
            );
            return Inbound::Unreadable { error };
        }
        self.count_unreadable(error)
    }

    fn classify<'m>(&mut self, now: Now, frame: &Frame<'m>) -> Inbound<'m> {
        match *frame {
            Frame::Message { id, protocols } => match self.ilp_of_message(&protocols) {
                Ok(ilp) => classify_ilp(Carrier::Message, id, ilp),
                Err(why) => self.refuse(now, id, why),
            },
            // Nobody may answer a RESPONSE, not even one that should not be.
            Frame::Response { protocols, .. } if protocols.duplicate().is_some() => {
                Inbound::Nothing
            }
            Frame::Response { id, protocols } => match protocols.get(ILP) {
                Some(entry) => classify_ilp(Carrier::Response, id, entry.data),
                None => Inbound::Failed {
                    id,
                    code: *b"F00",
                    name: "no ilp",
                    data: b"",
                },
            },
            Frame::Error { id, error, .. } => Inbound::Failed {
                id,
                code: *error.code.as_bytes(),
                name: error.name,
                data: error.data,
            },
            Frame::Transfer { id, .. } => self.refuse(now, id, "TRANSFER is not supported"),
        }
    }

    fn ilp_of_message<'m>(&self, protocols: &Protocols<'m>) -> Result<&'m [u8], &'static str> {
        if protocols.first().is_some_and(|entry| entry.name == AUTH) {
            return Err("already authenticated");
        }
        if protocols.duplicate().is_some() {
            return Err("an entry name occurs twice");
        }
        let entry = protocols.get(ILP).ok_or("no ilp entry")?;
        Ok(entry.data)
    }
}

/// By the first ILP byte, not by the frame: some peers send PREPAREs in RESPONSEs and their answers in MESSAGEs.
/// A packet that is an answer is never answered, so this cannot loop.
#[inline]
fn classify_ilp(carrier: Carrier, id: u32, ilp: &[u8]) -> Inbound<'_> {
    match (PacketType::peek(ilp), carrier) {
        (Some(PacketType::Fulfill | PacketType::Reject), _) => Inbound::Answer { id, ilp },
        (Some(PacketType::Prepare), _) | (None, Carrier::Message) => Inbound::Request { id, ilp },
        (None, Carrier::Response) => Inbound::Answer { id, ilp },
    }
}
