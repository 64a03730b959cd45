//! The table of keys as people see it: on the terminal, and in the README.

use std::fmt::Write as _;

use super::table::{CONFIG_FILE, Key, Kind, NODE, PEER, PEER_VARIABLE, ROUTE};
use super::value::{show_bytes, show_time};

/// What stands around the table in the README.
pub(crate) const MARKERS: [&str; 2] = ["<!-- config-table -->", "<!-- /config-table -->"];

const SECTIONS: [(&str, &[Key]); 3] = [("node", NODE), ("peers[]", PEER), ("routes[]", ROUTE)];

const INTRO: &str = "\
A node is configured by a YAML file (--config, or the variable CONFIG_FILE), by environment variables,
and by flags. A flag beats a variable, a variable beats the file, the file beats the default. Unknown keys
are errors. Empty variables count as unset. A node without any settings starts, too.

    nodeId: connector-b
    ilpAddress: test.b
    peers:
      - id: connector-c
        url: ws://connector-c:3000      # we dial it; without url we wait for it
        authToken: shared-secret        # or the variable BTP_PEER_CONNECTOR_C_SECRET
      - id: alice
        relation: child                 # is given test.b.alice, and the route to it
        authToken: another-secret
    routes:
      - prefix: test.c
        nextHop: connector-c

The same peers and routes without a file:

    PEERS='connector-c=ws://connector-c:3000,alice;relation=child;asset=USD/9'
    ROUTES='test.c=connector-c'
    BTP_PEER_CONNECTOR_C_SECRET=shared-secret
    BTP_PEER_ALICE_SECRET=another-secret

A , or ; in the user or token of a URL is written %2C or %3B there.

The secret of a peer is looked for in BTP_PEER_<ID>_SECRET, in the file that BTP_PEER_<ID>_SECRET_FILE
names, in authToken, in the file authTokenFile, and before the @ of url. <ID> is the peer's id in
capitals, with - and ~ as _. Secrets are refused from flags, which all users of the machine can read.

Names of files start at the directory of the configuration file that holds them; in variables and flags,
at the working directory. Durations are written 250ms, 30s, 2m or 1h; sizes 65536, 64KiB or 1MiB.
";

/// `help config`.
pub(crate) fn text() -> String {
    let mut out = INTRO.to_owned();
    for (section, keys) in SECTIONS {
        let _ = write!(out, "\nKeys of {section}:\n");
        for key in keys {
            let _ = write!(out, "\n  {}\n      {}\n", key.name, key.help);
            let _ = writeln!(out, "      {}", facts(key, section));
        }
    }
    out
}

fn facts(key: &Key, section: &str) -> String {
    let mut facts = format!("{}; default {}", shape(key.kind), default(key));
    if let Some(variable) = variable(key, section) {
        let _ = write!(facts, "; {variable}");
    }
    facts
}

/// The block of the README, markers included.
pub(crate) fn markdown() -> String {
    let mut out = format!("{}\n", MARKERS[0]);
    for (section, keys) in SECTIONS {
        let _ = write!(
            out,
            "\n| `{section}` key | variable | type | default | what it is |\n|---|---|---|---|---|\n"
        );
        for key in keys {
            let variable =
                variable(key, section).map_or_else(String::new, |name| format!("`{name}`"));
            let default = match default(key) {
                remark if remark.starts_with('(') => remark.trim_matches(['(', ')']).to_owned(),
                value => format!("`{value}`"),
            };
            let help = key.help.replace('|', "\\|").replace('<', "&lt;");
            let default = default.replace('<', "&lt;");
            let _ = writeln!(
                out,
                "| `{}` | {variable} | {} | {default} | {help} |",
                key.name,
                shape(key.kind)
            );
        }
    }
    let _ = write!(
        out,
        "\nThe configuration file itself is named by `--config` or `{CONFIG_FILE}`.\n\n{}\n",
        MARKERS[1]
    );
    out
}

fn default(key: &Key) -> &'static str {
    key.default
}

fn variable(key: &Key, section: &str) -> Option<String> {
    match (key.env, section) {
        ("", _) => None,
        (name, "peers[]") => Some(format!("{PEER_VARIABLE}<ID>_{name}")),
        (name, _) => Some(name.to_owned()),
    }
}

/// What a value looks like.
fn shape(kind: Kind) -> String {
    match kind {
        Kind::Id => "name".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Address => "ILP address".to_owned(),
        Kind::Prefix => "prefix".to_owned(),
        Kind::Url => "URL".to_owned(),
        Kind::Host => "IP address".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Number(min, u64::MAX) => format!("number from {min}"),
        Kind::Number(min, max) => format!("number {min} to {max}"),
        Kind::Bytes(min, max) => format!("bytes {} to {}", show_bytes(min), show_bytes(max)),
        Kind::Time(min, max) => format!("duration {} to {}", show_time(min), show_time(max)),
        Kind::Choice(words) => words.join(", "),
        Kind::Secret => "secret".to_owned(),
        Kind::Path => "file name".to_owned(),
        Kind::Peers | Kind::Routes => "list".to_owned(),
    }
}
