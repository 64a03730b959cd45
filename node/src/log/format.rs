//! A record as text: a JSON object for machines, or a plain line for people.

#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use ilp_proto::Timestamp;
use log::kv::{Error, Key, Value, VisitSource, VisitValue};
use log::{Level, Record};
use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};

pub(crate) use crate::config::LogFormat as Format;

/// What a line says about itself when its record does not.
#[derive(Clone, Copy)]
pub(crate) struct Defaults<'a> {
    pub(crate) node_id: Option<&'a str>,
    pub(crate) now: Timestamp,
}

/// Appends a record and a line feed.
pub(crate) fn write(
    out: &mut Vec<u8>,
    format: Format,
    record: &Record<'_>,
    defaults: Defaults<'_>,
) {
    match format {
        Format::Json => json(out, record, defaults),
        Format::Text => text(out, record, defaults),
    }
}

/// Names that stand before the sentence; details follow it.
const HEAD: [&str; 5] = ["nodeId", "component", "correlationId", "packetId", "event"];

const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

fn json(out: &mut Vec<u8>, record: &Record<'_>, defaults: Defaults<'_>) {
    out.extend_from_slice(b"{\"level\":\"");
    out.extend_from_slice(level_name(record.level()).as_bytes());
    out.extend_from_slice(b"\",\"time\":");
    value(out, &defaults.now.as_millis());
    let mut object = Object {
        out,
        record,
        said: false,
    };
    if record.key_values().get(Key::from_str("event")).is_none() {
        // Somebody else's line: a library's.
        object.name("nodeId");
        value(object.out, &defaults.node_id);
        object.name("component");
        value(object.out, record.target());
        object.name("event");
        value(object.out, "log");
    }
    // The visitor writes into memory and never fails.
    let _ = record.key_values().visit(&mut object);
    object.sentence();
    out.extend_from_slice(b"}\n");
}

struct Object<'a> {
    out: &'a mut Vec<u8>,
    record: &'a Record<'a>,
    said: bool,
}

impl Object<'_> {
    fn name(&mut self, name: &str) {
        self.out.push(b',');
        value(self.out, name);
        self.out.push(b':');
    }

    fn sentence(&mut self) {
        if !self.said {
            self.said = true;
            self.name("msg");
            value(self.out, self.record.args());
        }
    }
}

impl<'kvs> VisitSource<'kvs> for Object<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, field: Value<'kvs>) -> Result<(), Error> {
        let key = key.as_str();
        if matches!(key, "level" | "time" | "msg") {
            return Ok(()); // ours; twice would be no JSON
        }
        if !HEAD.contains(&key) {
            self.sentence();
        }
        self.name(key);
        field.visit(JsonValue(self.out))
    }
}

struct JsonValue<'a>(&'a mut Vec<u8>);

impl<'v> VisitValue<'v> for JsonValue<'_> {
    fn visit_any(&mut self, any: Value<'_>) -> Result<(), Error> {
        value(self.0, &format_args!("{any}"));
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        value(self.0, &());
        Ok(())
    }

    fn visit_u64(&mut self, number: u64) -> Result<(), Error> {
        value(self.0, &number);
        Ok(())
    }

    fn visit_i64(&mut self, number: i64) -> Result<(), Error> {
        value(self.0, &number);
        Ok(())
    }

    fn visit_f64(&mut self, number: f64) -> Result<(), Error> {
        value(self.0, &number);
        Ok(())
    }

    fn visit_bool(&mut self, truth: bool) -> Result<(), Error> {
        value(self.0, &truth);
        Ok(())
    }

    fn visit_str(&mut self, text: &str) -> Result<(), Error> {
        value(self.0, text);
        Ok(())
    }
}

/// Appends a JSON value. Memory takes everything, so nothing can fail but a `Display` that reports an
/// error, which panics here as it does in [`ToString`].
fn value<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let _ = value.serialize(&mut serde_json::Serializer::with_formatter(out, Escaping));
}

/// JSON that cannot steer a terminal: control characters beyond ASCII and those that turn the
/// direction of text are escaped too.
struct Escaping;

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| steers(c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            write!(out, "\\u{:04x}", u32::from(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        CompactFormatter.write_char_escape(out, escape)
    }
}

fn text(out: &mut Vec<u8>, record: &Record<'_>, defaults: Defaults<'_>) {
    let mut line = Plain::default();
    // The visitor writes into memory and never fails.
    let _ = record.key_values().visit(&mut line);
    let mut text = String::new();
    let _ = write!(text, "{} {:5} ", defaults.now, record.level());
    let node = line.node.as_deref().or(defaults.node_id);
    let component = line.component.as_deref();
    if let Some(node) = node {
        let _ = write!(text, "{node} ");
    }
    text.push_str(component.unwrap_or_else(|| record.target()));
    text.push(' ');
    if let Some(event) = line.event {
        text.push_str(&event);
        text.push_str(": ");
    }
    let _ = write!(text, "{}", record.args());
    text.push_str(&line.details);
    for c in text.chars() {
        if steers(c) {
            out.extend(c.escape_unicode().map(|c| c as u8)); // `\u{…}` is ASCII
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    out.push(b'\n');
}

#[derive(Default)]
struct Plain {
    node: Option<String>,
    component: Option<String>,
    event: Option<String>,
    details: String,
}

impl<'kvs> VisitSource<'kvs> for Plain {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        match key.as_str() {
            "nodeId" => self.node = Some(value.to_string()),
            "component" => self.component = Some(value.to_string()),
            "event" => self.event = Some(value.to_string()),
            "correlationId" => {}
            key => {
                let value = value.to_string();
                let quoted = value.is_empty() || value.contains([' ', '"', '=']);
                let details = &mut self.details;
                let written: fmt::Result = if quoted {
                    write!(details, " {key}={value:?}")
                } else {
                    write!(details, " {key}={value}")
                };
                written?;
            }
        }
        Ok(())
    }
}
