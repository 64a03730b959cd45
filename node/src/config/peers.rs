//! The list of neighbours.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use btp_proto::Secret;
use ilp_router::accounts::PeerAsset;
use ilp_router::config::{PeerConfig, PeerId, Relation};
use ilp_runtime::endpoint::ServerUrl;

use super::env::Environment;
use super::fields::{Fields, Layer};
use super::problem::{Origin, Problem, near_miss, quoted};
use super::source::read_file;
use super::table::{PEER, PEER_VARIABLE, peer_variable};
use super::value::{self, Invalid};
use super::yaml::{Node, Value};

/// The longest secret, in bytes.
const MAX_SECRET: usize = 4096;
/// A file that holds one and nothing else is not longer, in bytes.
const MAX_SECRET_FILE: u64 = 64 << 10;

/// What peers take from their node.
pub(crate) struct Defaults<'a> {
    pub(crate) node_id: &'a str,
    pub(crate) asset: PeerAsset,
    pub(crate) max_in_flight: usize,
    /// What all peers together may have in flight.
    pub(crate) max_in_flight_of_node: usize,
    /// Where relative names of secret files start; `None` is the working directory.
    pub(crate) directory: Option<&'a Path>,
}

/// Where the parts of a peer were written.
#[derive(Clone, Debug)]
pub(crate) struct PeerPlace {
    /// Its id.
    pub(crate) id: Origin,
    /// Its url, else its entry.
    pub(crate) url: Origin,
    /// What its secret came from, else its entry.
    pub(crate) secret: Origin,
}

/// A neighbour and where it was written.
pub(crate) type Peer = (PeerConfig, PeerPlace);

/// Reads all entries; those that are wrong are left out, but for their ids.
pub(crate) fn read(
    nodes: Vec<Node>,
    defaults: &Defaults<'_>,
    env: &Environment,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> (Vec<Peer>, Vec<PeerId>) {
    let mut peers: Vec<Peer> = Vec::new();
    let mut ids = Vec::new();
    let mut variables = BTreeMap::new();
    for node in nodes {
        let Some((id, place)) = identify(&node, problems) else {
            // without an id its other settings can be judged all the same
            let _ = one(None, node, defaults, env, problems, warnings);
            continue;
        };
        ids.push(id.clone());
        if let Some((first, at)) = variables.get(&peer_variable(id.as_str(), "")) {
            problems.push(same_name(&id, first, at, &place));
            continue;
        }
        variables.insert(peer_variable(id.as_str(), ""), (id.clone(), place.clone()));
        peers.extend(one(
            Some((id, place)),
            node,
            defaults,
            env,
            problems,
            warnings,
        ));
    }
    (peers, ids)
}

/// Two ids that are equal, or that the same variables would configure.
fn same_name(id: &PeerId, first: &PeerId, at: &Origin, place: &Origin) -> Problem {
    if id == first {
        let fix = format!("give each peer an id of its own; the first is at {at}");
        return Problem::new(place, format!("two peers are called {id}"), fix);
    }
    let variable = peer_variable(id.as_str(), "SECRET");
    let what = format!("the peers {first} and {id} would both take their secret from {variable}");
    Problem::new(
        place,
        what,
        format!("rename one of them; the other is at {at}"),
    )
}

/// Variables that look as if they were for a peer, but are for none of these.
pub(super) fn unclaimed(env: &Environment, peers: &[PeerId]) -> Vec<Problem> {
    let keys = || PEER.iter().filter(|key| !key.env.is_empty());
    let variables: BTreeSet<String> = peers
        .iter()
        .flat_map(|id| keys().map(|key| peer_variable(id.as_str(), key.env)))
        .collect();
    let unclaimed = env.names(PEER_VARIABLE);
    let unclaimed = unclaimed.filter(|name| !variables.contains(*name));
    let warning = |name: &str| {
        // what all of them begin with would make any two alike
        let known = variables
            .iter()
            .filter_map(|name| name.strip_prefix(PEER_VARIABLE));
        let (what, fix) = match near_miss(&name[PEER_VARIABLE.len()..], known) {
            Some(meant) => (
                format!(" (did you mean {PEER_VARIABLE}{meant}?)"),
                "correct or unset it",
            ),
            None => (
                String::new(),
                "check its spelling: BTP_PEER_<ID>_SECRET, the id in capitals with - and ~ as _",
            ),
        };
        let what = format!("it belongs to no setting of any peer and is not used{what}");
        Problem::new(&Origin::env(name), what, fix)
    };
    unclaimed.map(warning).collect()
}

/// The id of an entry and where it stands, if it is well-formed; [`one`] says what is wrong with it.
fn identify(node: &Node, problems: &mut Vec<Problem>) -> Option<(PeerId, Origin)> {
    let Value::Map(entries) = &node.value else {
        let what = format!("a peer is a mapping, found {}", node.value.kind());
        let fix = "write `- id: NAME` with its url and authToken below";
        problems.push(Problem::new(&node.origin, what, fix));
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key == "id")?;
    let Value::Scalar(text) = &entry.node.value else {
        return None;
    };
    Some((text.parse().ok()?, entry.node.origin.clone()))
}

fn one(
    known: Option<(PeerId, Origin)>,
    node: Node,
    defaults: &Defaults<'_>,
    env: &Environment,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> Option<Peer> {
    if !matches!(node.value, Value::Map(_)) {
        return None;
    }
    let before = problems.len();
    let label = match &known {
        Some((id, _)) => format!("peer {id}: "),
        None => "a peer: ".to_owned(),
    };
    let entry = node.origin.clone();
    let mut fields = Fields::new(PEER, label, Some(node), problems, warnings);
    if let Some((id, _)) = &known {
        fields.overlay_env(env, |key| peer_variable(id.as_str(), key.env));
    }
    if !fields.given_or_meant("id") {
        fields.problem(
            "a peer without an id",
            "add `id: NAME`, the name that the neighbour authenticates as",
        );
    }
    let _ = fields.parsed("id", |text, _| {
        let id: Result<PeerId, _> = text.parse();
        id.map_err(|_| invalid_id(text))
    });
    let url_given = fields.given_or_meant("url");
    let url = fields.parsed("url", |text, _| value::peer_url(text));
    let (endpoint, url_user, url_token) = match url {
        None => (None, None, None),
        Some(ServerUrl {
            endpoint,
            username,
            token,
            ..
        }) => (Some(endpoint), username, token),
    };
    // a bad url may have held the secret, a misspelt key as well, and without an id there is no telling its variable
    let misspelt = ["authToken", "authTokenFile", "noAuth"]
        .iter()
        .any(|name| fields.given_or_meant(name) && fields.layer_of(name).is_none());
    let may_lack = known.is_none() || misspelt || (url_given && endpoint.is_none());
    let id = known.as_ref().map_or("", |(id, _)| id.as_str());
    not_by_flag(&mut fields, id, url_token.is_some());
    let (secret, secret_origin) = secret(&mut fields, id, url_token, may_lack, defaults);
    let username = username(&mut fields, url_user, defaults.node_id);
    let relation = match fields.choice("relation") {
        Some("child") => Relation::Child,
        Some("parent") => Relation::Parent,
        _ => Relation::Peer,
    };
    let asset = asset(&mut fields, &defaults.asset);
    let max_in_flight = fields
        .number("maxInFlight")
        .unwrap_or(defaults.max_in_flight);
    let unreachable = above_node(
        &fields,
        "maxInFlight",
        max_in_flight,
        defaults.max_in_flight_of_node,
    );
    let max_packet_amount = fields.number("maxPacketAmount");
    let max_balance = fields.number("maxBalance");
    let critical = fields
        .boolean("critical")
        .unwrap_or_else(|| endpoint.is_some());
    let url_origin = fields.origin_of("url");
    fields.finish();
    warnings.extend(unreachable);
    let (id, id_origin) = known?;
    if problems.len() > before {
        return None;
    }
    let place = PeerPlace {
        id: id_origin,
        url: url_origin,
        secret: secret_origin.unwrap_or(entry),
    };
    let config = PeerConfig {
        id,
        endpoint,
        secret,
        username,
        relation,
        asset,
        max_packet_amount,
        max_balance,
        max_in_flight,
        critical,
    };
    Some((config, place))
}

/// The warning of a bound on packets in flight that is never reached, because that of the node comes before it.
pub(super) fn above_node(
    fields: &Fields<'_>,
    key: &str,
    given: usize,
    node: usize,
) -> Option<Problem> {
    let written = fields.layer_of(key).is_some();
    (written && given > node).then(|| {
        let what = format!(
            "{}{key} is {given}, above the node's maxInFlight, which is {node}",
            fields.label()
        );
        let fix = "lower it, or raise that of the node: one peer can fill the node, and all others get T03";
        Problem::new(&fields.origin_of(key), what, fix)
    })
}

/// What is wrong with a name that must be one segment of an address.
pub(crate) fn invalid_id(text: &str) -> Invalid {
    Invalid::new(
        format!("is {}", quoted(text)),
        "expected 1 to 64 letters, digits, _ ~ or -",
    )
}

/// The asset of an account, each half from the peer or else from the node.
pub(crate) fn asset(fields: &mut Fields<'_>, default: &PeerAsset) -> PeerAsset {
    let code = fields.parsed("assetCode", |text, _| {
        let good = (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
        good.then(|| text.into()).ok_or_else(|| {
            let what = format!("is {}", quoted(text));
            Invalid::new(
                what,
                "expected 1 to 64 visible ASCII characters, such as USD or XRP",
            )
        })
    });
    PeerAsset {
        code: code.unwrap_or_else(|| default.code.clone()),
        scale: fields.number("assetScale").unwrap_or(default.scale),
    }
}

/// What we authenticate as: the setting, else what the URL says, else our node id.
fn username(fields: &mut Fields<'_>, from_url: Option<String>, node_id: &str) -> Option<String> {
    if matches!(
        fields.node("authUsername"),
        Some(Node {
            value: Value::Null,
            ..
        })
    ) {
        return None;
    }
    let given = fields.parsed("authUsername", |text, _| {
        if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
            let fix = "expected 1 to 255 printable characters, or null to send no auth_username";
            return Err(Invalid::new(format!("is {}", quoted(text)), fix));
        }
        Ok(text.to_owned())
    });
    let name = given.or(from_url).unwrap_or_else(|| node_id.to_owned());
    (!name.is_empty()).then_some(name)
}

/// What stands on a command line can be read by all users of the machine, so it is no secret any more.
fn not_by_flag(fields: &mut Fields<'_>, id: &str, token_in_url: bool) {
    let by_flag = |fields: &Fields<'_>, name| {
        let origin = fields.origin_of(name);
        let flag = fields.layer_of(name).is_some() && matches!(origin, Origin::Flag(_));
        flag.then_some(origin)
    };
    let url = by_flag(fields, "url").filter(|_| token_in_url);
    for (name, origin) in [
        ("authToken", by_flag(fields, "authToken")),
        ("the token in url", url),
    ] {
        let Some(origin) = origin else { continue };
        let what = format!(
            "peer {id}: {name} is a secret, and flags can be read by all users of the machine"
        );
        let fix = format!(
            "take it out and set {}, or {} to a file that holds it",
            peer_variable(id, "SECRET"),
            peer_variable(id, "SECRET_FILE")
        );
        fields.problems.push(Problem::new(&origin, what, fix));
    }
}

/// The secret: from the variables, then the entry, then the URL; `None` only with `noAuth: true`.
fn secret(
    fields: &mut Fields<'_>,
    id: &str,
    from_url: Option<Secret>,
    may_lack: bool,
    defaults: &Defaults<'_>,
) -> (Option<Secret>, Option<Origin>) {
    let token = fields.node("authToken").is_some();
    let file = fields.node("authTokenFile").is_some();
    let no_auth = fields.boolean("noAuth").unwrap_or(false);
    let in_env = |fields: &Fields<'_>, name| fields.layer_of(name) == Some(Layer::Env);
    // the variable with the file beats the entry's own token
    let by_file =
        file && !in_env(fields, "authToken") && (!token || in_env(fields, "authTokenFile"));
    let name = match (token, by_file) {
        (_, true) => "authTokenFile",
        (true, false) => "authToken",
        (false, false) => "url",
    };
    let origin = fields.origin_of(name);
    let found = token || file || from_url.is_some();
    if no_auth {
        if found {
            let what = format!("peer {id}: noAuth is true, but there is a secret as well");
            fields
                .problems
                .push(Problem::new(&origin, what, "remove one of the two"));
        }
        return (None, None);
    }
    if !found {
        if may_lack {
            return (None, None);
        }
        let (variable, file) = (
            peer_variable(id, "SECRET"),
            peer_variable(id, "SECRET_FILE"),
        );
        let fix = match fields.origin {
            Origin::Flag(_) => format!(
                "set {variable}, or {file} to a file that holds it; `noAuth` lets it in without"
            ),
            _ => format!(
                "set {variable}, or {file} to a file that holds it, or give authToken or authTokenFile here; `noAuth: true` lets it in without"
            ),
        };
        fields.problem(format!("peer {id} has no secret"), fix);
        return (None, None);
    }
    let checked = |secret: Secret| match secret.as_str().len() {
        0 => Err(Invalid::new(
            "is empty",
            "give a secret, or `noAuth: true` to do without",
        )),
        1..=MAX_SECRET => Ok(secret),
        _ => Err(Invalid::new(
            "is too long",
            format!("a secret has at most {MAX_SECRET} bytes"),
        )),
    };
    let secret = match name {
        "url" => from_url.and_then(|secret| {
            let checked = checked(secret);
            if let Err(Invalid { what, fix }) = &checked {
                let what = format!("peer {id}: the token in url {what}");
                fields.problems.push(Problem::new(&origin, what, fix));
            }
            checked.ok()
        }),
        "authToken" => fields.parsed("authToken", |text, _| checked(Secret::new(text))),
        _ => {
            let directory = defaults
                .directory
                .filter(|_| matches!(fields.origin_of(name), Origin::File { .. }));
            fields.parsed("authTokenFile", |path, _| {
                from_file(directory, path).and_then(checked)
            })
        }
    };
    (secret, Some(origin))
}

/// The text of a file without a byte order mark and its last line break. Several lines are no secret: somebody wrote
/// more into the file, or an editor added empty ones.
fn from_file(directory: Option<&Path>, name: &str) -> Result<Secret, Invalid> {
    let path = directory.map_or_else(|| PathBuf::from(name), |directory| directory.join(name));
    let text = read_file(&path, MAX_SECRET_FILE).and_then(|bytes| {
        let text = str::from_utf8(&bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.contains('\n') {
            return Err("it has several lines".to_owned());
        }
        Ok(Secret::new(line))
    });
    text.map_err(|why| {
        let start = directory.filter(|directory| !directory.as_os_str().is_empty());
        let start = start.map_or_else(|| ".".to_owned(), |directory| directory.display().to_string());
        // the name is not quoted: now and then it is the secret itself
        Invalid::new(
            format!("names a file that cannot be read: {why}"),
            format!("expected a file that holds the secret and nothing else; relative names start at {start}"),
        )
    })
}
