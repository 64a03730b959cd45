//! The header of a frame, and what may be wrong with one.

use thiserror::Error;

/// Which side of a connection we are: clients mask what they send, servers do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// RFC 6455 section 5.2, `opcode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    pub(crate) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The most that a control frame may carry.
pub(crate) const MAX_CONTROL: usize = 125;

/// What the other side did wrong. Its [`code`](Self::code) goes into our Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum WsError {
    #[error("a WebSocket frame uses reserved bits or an unknown opcode")]
    Reserved,
    #[error("a WebSocket frame is masked though it comes from a server")]
    Masked,
    #[error("a WebSocket frame is not masked though it comes from a client")]
    Unmasked,
    #[error("a WebSocket control frame is fragmented or too long")]
    Control,
    #[error("a WebSocket continuation frame without a beginning, or a beginning within a message")]
    Continuation,
    #[error("a WebSocket frame length that is not the shortest form")]
    Length,
    #[error("a WebSocket Close frame that cannot be read")]
    Close,
    #[error("a text message that is not UTF-8")]
    Utf8,
    #[error("a message that is longer than the limit")]
    TooLarge,
}

impl WsError {
    /// RFC 6455 section 7.4.1.
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Utf8 => 1007,
            Self::TooLarge => 1009,
            _ => 1002,
        }
    }
}

/// A Close frame's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CloseFrame {
    /// 1005 when it has none.
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl CloseFrame {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, WsError> {
        let Some((code, reason)) = payload.split_first_chunk() else {
            return match payload {
                [] => Ok(Self {
                    code: 1005,
                    reason: String::new(),
                }),
                _ => Err(WsError::Close),
            };
        };
        let code = u16::from_be_bytes(*code);
        // 1004 to 1006 and 1015 are not for the wire; 1016 to 2999 are not defined
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            return Err(WsError::Close);
        }
        let reason = std::str::from_utf8(reason).map_err(|_| WsError::Close)?;
        Ok(Self {
            code,
            reason: reason.to_owned(),
        })
    }
}

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) fin: bool,
    pub(crate) opcode: Opcode,
    pub(crate) mask: Option<[u8; 4]>,
    /// Of the payload.
    pub(crate) len: usize,
    /// Of the header itself.
    pub(crate) size: usize,
}

impl Header {
    /// Reads the header at the front of `bytes`; `None` if it is not all there yet.
    pub(crate) fn parse(bytes: &[u8], role: Role) -> Result<Option<Self>, WsError> {
        let &[first, second, ref rest @ ..] = bytes else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(WsError::Reserved);
        }
        let opcode = Opcode::from_bits(first & 0x0f).ok_or(WsError::Reserved)?;
        let fin = first & 0x80 != 0;
        let masked = second & 0x80 != 0;
        match (role, masked) {
            (Role::Client, true) => return Err(WsError::Masked),
            (Role::Server, false) => return Err(WsError::Unmasked),
            _ => {}
        }
        let (len, rest) = match second & 0x7f {
            126 => match rest.split_first_chunk() {
                Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((len, rest)) => (u64::from_be_bytes(*len), rest),
                None => return Ok(None),
            },
            len => (u64::from(len), rest),
        };
        if opcode.is_control() && (!fin || len > MAX_CONTROL as u64) {
            return Err(WsError::Control);
        }
        let minimal = match second & 0x7f {
            126 => len > 125,
            127 => len > 0xffff,
            _ => true,
        };
        if !minimal {
            return Err(WsError::Length);
        }
        let len = usize::try_from(len).map_err(|_| WsError::TooLarge)?;
        let (mask, rest) = match (masked, rest.split_first_chunk()) {
            (false, _) => (None, rest),
            (true, Some((mask, rest))) => (Some(*mask), rest),
            (true, None) => return Ok(None),
        };
        Ok(Some(Self {
            fin,
            opcode,
            mask,
            len,
            size: bytes.len() - rest.len(),
        }))
    }
}
