//! Two connections talk to each other in virtual time.
#![allow(clippy::unwrap_used, clippy::unwrap_in_result)]

mod auth;
mod bad_input;
mod close;
mod keepalive;
mod pair;
mod random;
mod requests;
