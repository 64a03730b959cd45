#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
//! An Interledger connector as one state machine.

extern crate alloc;

pub mod accounts;
mod action;
mod backoff;
pub mod config;
mod connector;
mod event;
mod forwarder;
mod guard;
mod identity;
mod link;
mod peer;
mod random;
mod refusal;
pub mod stats;
mod table;
mod timers;
mod view;
mod wheel;

pub use action::{Action, CloseReason, DialError, LinkId, Received, Refused};
pub use config::{Config, ConfigError, PeerId};
pub use connector::Connector;
pub use event::{Direction, Event, Source};
pub use guard::Guard;
pub use table::{Match, Route, RoutingTable};
pub use view::{PeerState, PeerView, RouteView};
pub use wheel::Wheel;
