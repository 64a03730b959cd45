//! YAML as a tree of places and texts.
//!
//! The only module that knows the YAML library. Its event parser is used, not its serde side: a
//! scalar stays the text that was written (`authToken: 0123` is no number), every value knows its
//! line and column, several mistakes in one file are all found, and no error ever quotes the input,
//! which holds secrets.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle};

use super::problem::{Origin, Problem};

/// How many values a file may hold, those that an alias repeats included.
const MAX_NODES: usize = 200_000;
/// How deep lists and mappings may be nested.
const MAX_DEPTH: usize = 16;

/// A value and where it stands. No `Debug`: it may be a secret.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    pub(crate) value: Value,
}

#[derive(Clone)]
pub(crate) enum Value {
    /// Nothing behind the colon, `~` or `null`.
    Null,
    /// A text, whatever it looks like.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) origin: Origin,
    pub(crate) node: Node,
}

impl Value {
    /// What it is, for "expected …, found …".
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads the text of one file. Keys that occur twice are problems; the first one stays.
///
/// An empty file is a [`Value::Null`].
pub(crate) fn parse(file: &Arc<str>, text: &str, problems: &mut Vec<Problem>) -> Option<Node> {
    let options = granit_parser::options! {
        emit_comments: false,
        block_nesting_limit: MAX_DEPTH,
        flow_nesting_limit: MAX_DEPTH,
    };
    let mut tree = Tree {
        file,
        parser: Parser::new_from_str_with_options(text, options),
        anchors: BTreeMap::new(),
        nodes: 0,
        problems,
    };
    let read = tree.document();
    match read {
        Ok(node) => Some(node),
        Err(problem) => {
            tree.problems.push(problem);
            None
        }
    }
}

struct Tree<'t, 'p> {
    file: &'p Arc<str>,
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    problems: &'p mut Vec<Problem>,
}

impl<'t> Tree<'t, '_> {
    fn origin(&self, at: granit_parser::Marker) -> Origin {
        Origin::File {
            name: Arc::clone(self.file),
            line: at.line(),
            column: at.col() + 1,
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Origin), Problem> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, self.origin(span.start))),
            // The library's messages name at most one character of the input.
            Some(Err(error)) => Err(Problem::new(
                &self.origin(*error.marker()),
                format!("not YAML: {}", error.kind()),
                "check indentation, quotes, and the colons and dashes around here",
            )),
            // The parser ends with StreamEnd, behind which nobody reads.
            None => Err(self.unsupported(&Origin::file(self.file), "a file that ends early")),
        }
    }

    fn unsupported(&self, origin: &Origin, what: &str) -> Problem {
        Problem::new(
            origin,
            format!("{what} is not supported"),
            "write keys, values and lists in plain YAML",
        )
    }

    fn document(&mut self) -> Result<Node, Problem> {
        loop {
            let (event, origin) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd => {
                    return Ok(Node {
                        origin: Origin::file(self.file),
                        value: Value::Null,
                    });
                }
                event => {
                    let node = self.node(event, origin)?;
                    self.end()?;
                    return Ok(node);
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), Problem> {
        loop {
            let (event, origin) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentEnd => {}
                _ => return Err(self.unsupported(&origin, "a second document in one file")),
            }
        }
    }

    fn node(&mut self, event: Event<'t>, origin: Origin) -> Result<Node, Problem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.unsupported(&origin, "a file of this many values"));
        }
        let (value, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if null {
                    Value::Null
                } else {
                    Value::Scalar(text.into_owned())
                };
                (value, anchor, tag)
            }
            Event::SequenceStart(_, anchor, tag) => (self.list()?, anchor, tag),
            Event::MappingStart(_, anchor, tag) => (self.map()?, anchor, tag),
            Event::Alias(anchor) => return self.alias(anchor, origin),
            _ => return Err(self.unsupported(&origin, "this")),
        };
        if tag.is_some_and(|tag| tag.handle() != "tag:yaml.org,2002:") {
            return Err(self.unsupported(&origin, "a tag of your own"));
        }
        let node = Node { origin, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// The node behind `*name`: a copy that stands where it is used.
    fn alias(&mut self, anchor: usize, origin: Origin) -> Result<Node, Problem> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(self.unsupported(&origin, "an alias inside of what it names"));
        };
        self.nodes += count(&node);
        if self.nodes > MAX_NODES {
            return Err(self.unsupported(&origin, "a file of this many values"));
        }
        Ok(Node { origin, ..node })
    }

    fn list(&mut self) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, origin) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::List(items));
            }
            items.push(self.node(event, origin)?);
        }
    }

    fn map(&mut self) -> Result<Value, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, origin) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Map(entries));
            }
            let key = self.node(event, origin)?;
            let (event, origin) = self.next()?;
            let node = self.node(event, origin)?;
            let origin = key.origin;
            let Value::Scalar(key) = key.value else {
                self.problems.push(Problem::new(
                    &origin,
                    format!("{} stands where a key should", key.value.kind()),
                    "write `key: value`",
                ));
                continue;
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let what = format!("{} is given twice", super::problem::quoted(&key));
                let fix = format!("keep one of them; the first is at {}", first.origin);
                self.problems.push(Problem::new(&origin, what, fix));
                continue;
            }
            entries.push(Entry { key, origin, node });
        }
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null | Value::Scalar(_) => 0,
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|entry| count(&entry.node)).sum(),
    }
}
