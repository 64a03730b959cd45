//! One line of the log before it is text.

use std::fmt;
use std::sync::Arc;

use ilp_proto::PacketId;
use log::kv::{Error, Key, Source, Value, VisitSource};
use log::{Level, LevelFilter, Record};

/// The part of the node that a line is about.
pub(crate) mod component {
    /// Links that others opened to us.
    pub(crate) const SERVER: &str = "btp-server";
    /// Links that we opened.
    pub(crate) const CLIENT: &str = "btp-client";
    /// Packets on their way.
    pub(crate) const FORWARDER: &str = "forwarder";
    /// The node as a whole.
    pub(crate) const NODE: &str = "node";
    /// The health port.
    pub(crate) const HTTP: &str = "http";
}

/// A value of a line.
#[derive(Clone, Copy)]
pub(crate) enum Field<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(u64),
    /// A string.
    Text(&'a str),
    /// A string: what this prints.
    Shown(&'a dyn fmt::Display),
}

/// The names and values of a line, in the order they are written.
pub(crate) type Fields<'a> = [(&'static str, Field<'a>)];

/// A line: how bad, where from, what, and the details.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) level: Level,
    pub(crate) component: &'static str,
    /// A word that machines look for; never changes.
    pub(crate) event: &'static str,
    /// A sentence for people.
    pub(crate) msg: fmt::Arguments<'a>,
    /// The packet that it is about.
    pub(crate) packet: Option<PacketId>,
    pub(crate) fields: &'a Fields<'a>,
}

/// Writes the lines of one node, at its own level.
#[derive(Clone, Debug)]
pub(crate) struct NodeLog {
    node_id: Arc<str>,
    level: LevelFilter,
    packets: Level,
}

impl NodeLog {
    /// For the node called `node_id`. Per-packet lines are of level INFO if `log_packets`, else DEBUG.
    pub(crate) fn new(node_id: &str, level: LevelFilter, log_packets: bool) -> Self {
        let packets = if log_packets {
            Level::Info
        } else {
            Level::Debug
        };
        Self {
            node_id: node_id.into(),
            level,
            packets,
        }
    }

    /// The level of per-packet lines.
    pub(crate) const fn packet_level(&self) -> Level {
        self.packets
    }

    /// Whether per-packet lines are written at all, so that their events need to be made.
    pub(crate) fn wants_packets(&self) -> bool {
        self.wants(self.packets)
    }

    /// Whether lines of this level are written.
    pub(crate) fn wants(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Writes a line, if its level is on.
    pub(crate) fn write(&self, line: &Line<'_>) {
        if self.wants(line.level) {
            self.record(line, |record| log::logger().log(record));
        }
    }

    /// Lends a line as a record of the `log` crate.
    pub(crate) fn record(&self, line: &Line<'_>, write: impl FnOnce(&Record<'_>)) {
        let tagged = Tagged {
            node_id: &self.node_id,
            line,
        };
        write(
            &Record::builder()
                .level(line.level)
                .target(line.component)
                .args(line.msg)
                .key_values(&tagged)
                .build(),
        );
    }
}

/// A line with the name of its node, as the `log` crate wants it.
struct Tagged<'a> {
    node_id: &'a str,
    line: &'a Line<'a>,
}

impl Source for Tagged<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        let line = self.line;
        let mut pair = |name: &'static str, value| visitor.visit_pair(Key::from_str(name), value);
        pair("nodeId", Value::from(self.node_id))?;
        pair("component", Value::from(line.component))?;
        if let Some(packet) = &line.packet {
            // Two names for one thing: the first is what log tools join on.
            pair("correlationId", Value::from_display(packet))?;
            pair("packetId", Value::from_display(packet))?;
        }
        pair("event", Value::from(line.event))?;
        for (name, field) in line.fields {
            pair(
                name,
                match field {
                    Field::Null => Value::null(),
                    Field::Bool(value) => Value::from(*value),
                    Field::Number(value) => Value::from(*value),
                    Field::Text(value) => Value::from(*value),
                    Field::Shown(value) => Value::from_dyn_display(*value),
                },
            )?;
        }
        Ok(())
    }
}
