//! The settings of one mapping, layer over layer: file, then environment, then flags.
//!
//! Whatever is wrong is noted and reads as "not given", so that one run finds every problem.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::env::Environment;
use super::problem::{Origin, Problem, near_miss, quoted};
use super::table::{self, IGNORED, Key, Kind};
use super::value::{self, Invalid};
use super::yaml::{Node, Value};

/// Where a value came from; later ones win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    File,
    Env,
    Flag,
}

struct Given {
    layer: Layer,
    node: Node,
}

/// What was given for the keys of one table.
pub(crate) struct Fields<'a> {
    table: &'static [Key],
    /// What stands before a key in messages: `peer alice: `.
    label: String,
    /// The mapping itself, or the process.
    pub(crate) origin: Origin,
    given: BTreeMap<&'static str, Given>,
    asked: BTreeSet<&'static str>,
    /// What unknown keys were probably meant to be.
    meant: BTreeSet<&'static str>,
    pub(crate) problems: &'a mut Vec<Problem>,
    warnings: &'a mut Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Takes the keys of a file's mapping.
    pub(crate) fn new(
        table: &'static [Key],
        label: String,
        node: Option<Node>,
        problems: &'a mut Vec<Problem>,
        warnings: &'a mut Vec<Problem>,
    ) -> Self {
        let mut fields = Self {
            table,
            label,
            origin: node
                .as_ref()
                .map_or(Origin::Default, |node| node.origin.clone()),
            given: BTreeMap::new(),
            asked: BTreeSet::new(),
            meant: BTreeSet::new(),
            problems,
            warnings,
        };
        match node.map(|node| node.value) {
            None | Some(Value::Null) => {}
            Some(Value::Map(entries)) => {
                for entry in entries {
                    fields.file_entry(&entry.key, &entry.origin, entry.node);
                }
            }
            Some(other) => {
                let what = format!(
                    "{}expected keys and values, found {}",
                    fields.label,
                    other.kind()
                );
                fields.problem(
                    what,
                    "write `key: value` lines, such as `nodeId: connector-a`",
                );
            }
        }
        fields
    }

    fn file_entry(&mut self, key: &str, origin: &Origin, node: Node) {
        if IGNORED.contains(&key) {
            let what = format!("{}{key} is not used", self.label);
            self.warnings
                .push(Problem::new(origin, what, "remove it, it has no effect"));
            return;
        }
        let Some(key) = self.known(key, origin) else {
            return;
        };
        let layer = Layer::File;
        self.given.insert(key.name, Given { layer, node });
    }

    /// The key of that name; a problem with a suggestion if there is none.
    fn known(&mut self, name: &str, origin: &Origin) -> Option<&'static Key> {
        let found = table::find(self.table, name);
        if found.is_none() {
            let names = self.table.iter().map(|key| key.name);
            let (hint, fix) = match near_miss(name, names.clone()) {
                Some(meant) => {
                    self.meant.insert(meant);
                    (
                        format!(" (did you mean {meant}?)"),
                        "correct or remove it".to_owned(),
                    )
                }
                None if self.table.len() > 20 => (
                    String::new(),
                    "remove it; `ilp-connector help config` lists the keys there are".to_owned(),
                ),
                None => (
                    String::new(),
                    format!("the keys here are {}", names.collect::<Vec<_>>().join(", ")),
                ),
            };
            let what = format!("{}unknown key {}{hint}", self.label, quoted(name));
            self.problems.push(Problem::new(origin, what, fix));
        }
        found
    }

    /// Lays environment variables over the file; `variable` names that of a key.
    pub(crate) fn overlay_env(&mut self, env: &Environment, variable: impl Fn(&Key) -> String) {
        for key in self.table.iter().filter(|key| !key.env.is_empty()) {
            let name = variable(key);
            match env.get(&name) {
                None => {}
                Some(Ok(text)) => {
                    let text = if key.kind == Kind::Secret {
                        text
                    } else {
                        text.trim()
                    };
                    self.overlay(Layer::Env, key, Origin::env(&name), text);
                }
                Some(Err(_)) => {
                    let what = format!("{} is not UTF-8", key.name);
                    self.problems
                        .push(Problem::new(&Origin::env(&name), what, "give a text"));
                }
            }
        }
    }

    /// Lays one flag over the rest.
    pub(crate) fn overlay_flag(&mut self, flag: &str, key: &str, text: &str) {
        let origin = Origin::Flag(flag.into());
        if let Some(key) = self.known(key, &origin) {
            self.overlay(Layer::Flag, key, origin, text.trim());
        }
    }

    fn overlay(&mut self, layer: Layer, key: &'static Key, origin: Origin, text: &str) {
        // `null` has a meaning for one key, and no id, name or number is called so
        let value = match text {
            "null" if key.name == "authUsername" => Value::Null,
            text => Value::Scalar(text.to_owned()),
        };
        let node = Node { origin, value };
        self.given.insert(key.name, Given { layer, node });
    }

    /// Notes a problem with the mapping as a whole.
    pub(crate) fn problem(&mut self, what: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(Problem::new(&self.origin, what, fix));
    }

    /// Where the value of `name` came from; the mapping if it was not given.
    pub(crate) fn origin_of(&self, name: &str) -> Origin {
        let given = self.given.get(name);
        given.map_or_else(|| self.origin.clone(), |given| given.node.origin.clone())
    }

    /// What stands before a key in messages.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// The layer that `name` was given in.
    pub(crate) fn layer_of(&self, name: &str) -> Option<Layer> {
        self.given.get(name).map(|given| given.layer)
    }

    /// Whether `name` was given, or probably misspelt, which is a problem already.
    pub(crate) fn given_or_meant(&mut self, name: &'static str) -> bool {
        self.meant.contains(name) || self.node(name).is_some()
    }

    /// The value as it was given.
    pub(crate) fn node(&mut self, name: &'static str) -> Option<&Node> {
        debug_assert!(
            table::find(self.table, name).is_some(),
            "{name} is in the table"
        );
        self.asked.insert(name);
        self.given.get(name).map(|given| &given.node)
    }

    /// The text of a single value.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let (what, origin) = match self.node(name)? {
            Node {
                value: Value::Scalar(text),
                ..
            } => return Some(text.clone()),
            Node {
                value: Value::Null,
                origin,
            } => (format!("{name} has no value"), origin.clone()),
            Node { value, origin } => (
                format!("{name} is {}, not a single value", value.kind()),
                origin.clone(),
            ),
        };
        let what = format!("{}{what}", self.label);
        let fix = format!("write `{name}: VALUE`, or leave the key out for its default");
        self.problems.push(Problem::new(&origin, what, fix));
        None
    }

    /// A value of any type, by its parser.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str, Kind) -> Result<T, Invalid>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let kind = table::find(self.table, name)?.kind;
        match parse(&text, kind) {
            Ok(value) => Some(value),
            Err(Invalid { what, fix }) => {
                let origin = self.origin_of(name);
                let what = format!("{}{name} {what}", self.label);
                self.problems.push(Problem::new(&origin, what, fix));
                None
            }
        }
    }

    /// A number or size within the bounds of the table; `T` must be wide enough for them.
    pub(crate) fn number<T: TryFrom<u64>>(&mut self, name: &'static str) -> Option<T> {
        self.parsed(name, |text, kind| {
            let n = match kind {
                Kind::Number(min, max) => value::number(text, min, max)?,
                Kind::Bytes(min, max) => value::bytes(text, min, max)?,
                // every caller names a key whose kind this is, and every key is asked for whatever is given, so
                // that any test of `build` would come here
                _ => unreachable!("{name} is a number in the table"),
            };
            T::try_from(n)
                .map_err(|_| Invalid::new("is too large", "this machine cannot count so far"))
        })
    }

    pub(crate) fn time(&mut self, name: &'static str) -> Option<Duration> {
        self.parsed(name, |text, kind| match kind {
            Kind::Time(min, max) => value::time(text, min, max),
            // see `number`
            _ => unreachable!("{name} is a duration in the table"),
        })
    }

    pub(crate) fn choice(&mut self, name: &'static str) -> Option<&'static str> {
        self.parsed(name, |text, kind| match kind {
            Kind::Choice(words) => value::choice(text, words),
            // see `number`
            _ => unreachable!("{name} is a choice in the table"),
        })
    }

    pub(crate) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.parsed(name, |text, _| value::boolean(text))
    }

    pub(crate) fn host(&mut self, name: &'static str) -> Option<IpAddr> {
        self.parsed(name, |text, _| value::host(text))
    }

    /// A list of mappings with where each stands. A single problem if it is anything else.
    pub(crate) fn list(&mut self, name: &'static str) -> Option<Value> {
        let Node { value, origin } = self.node(name)?.clone();
        match value {
            Value::Null => Some(Value::List(Vec::new())),
            Value::List(_) | Value::Scalar(_) => Some(value),
            Value::Map(_) => {
                let what = format!("{name} is {}, not a list", value.kind());
                let fix = format!("begin each entry of {name} with a dash");
                self.problems.push(Problem::new(&origin, what, fix));
                None
            }
        }
    }

    /// Every key of the table has been asked for: a key that nobody reads is a bug here.
    pub(crate) fn finish(self) {
        debug_assert!(
            self.table.iter().all(|key| self.asked.contains(key.name)),
            "keys of the table that nobody read"
        );
    }
}
