//! Who somebody is that authenticates with us (RFC-0023 section "Authentication", and what its peers do).
//!
//! The RFC's handshake carries a token and nothing else. Its clients name themselves in the path
//! (`/accounts/<id>/ilp/btp`), in an `auth_username` entry, or in front of the token (`<id>:<token>`);
//! some do not, and then the token alone has to do.

use alloc::collections::BTreeMap;
use alloc::string::String;

use btp_proto::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::peer::{PeerIndex, Peers};

/// Finds the peer that a token belongs to, where nothing else says who it is.
///
/// Keyed by a hash of the token, under a key of this process: how long a lookup takes tells nothing
/// about any token.
pub(crate) struct Tokens {
    key: [u8; 32],
    /// `None`: several peers share the token, so that it identifies none of them.
    owners: BTreeMap<[u8; 32], Option<PeerIndex>>,
}

impl Tokens {
    pub(crate) fn new(key: [u8; 32], peers: &Peers) -> Self {
        let mut tokens = Self {
            key,
            owners: BTreeMap::new(),
        };
        for (index, peer) in peers.iter() {
            if let Some(secret) = &peer.config.secret {
                let hash = tokens.hash(secret.as_str());
                tokens
                    .owners
                    .entry(hash)
                    .and_modify(|owner| *owner = None)
                    .or_insert(Some(index));
            }
        }
        tokens
    }

    fn hash(&self, token: &str) -> [u8; 32] {
        // HMAC takes keys of any length (RFC-2104 section 2), so this cannot fail
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).unwrap_or_else(|_| unreachable!());
        mac.update(token.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn owner(&self, token: &str) -> Option<Option<PeerIndex>> {
        self.owners.get(&self.hash(token)).copied()
    }
}

/// What an auth attempt came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Granted(PeerIndex),
    Denied {
        /// The configured peer that it claims to be.
        known: Option<PeerIndex>,
        /// The id it claims, as it came but bounded.
        claimed: Option<String>,
        reason: &'static str,
    },
}

/// The account of a path `/accounts/<id>/ilp/btp`.
pub(crate) fn path_account(path: &str) -> Option<&str> {
    let path = path.split(['?', '#']).next()?;
    let id = path.strip_prefix("/accounts/")?.strip_suffix("/ilp/btp")?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// Judges an auth frame. `named` are the accounts that the link named before it; all names must agree.
pub(crate) fn judge(
    peers: &Peers,
    tokens: &Tokens,
    named: [Option<&str>; 2],
    username: Option<&str>,
    token: &str,
) -> Verdict {
    let username = username.filter(|name| !name.is_empty());
    let mut names = named.into_iter().chain([username]).flatten();
    if let Some(claimed) = names.next() {
        if names.any(|name| name != claimed) {
            let reason = "certificate, path and auth_username name different peers";
            return denied(peers, tokens, Some(claimed), reason);
        }
        let Some(index) = peers.find(claimed) else {
            return denied(
                peers,
                tokens,
                Some(claimed),
                "no peer of this id is configured",
            );
        };
        return if opens(peers[index].config.secret.as_ref(), claimed, token) {
            Verdict::Granted(index)
        } else {
            denied(peers, tokens, Some(claimed), "wrong auth_token")
        };
    }
    if let Some((claimed, rest)) = token.split_once(':')
        && let Some(index) = peers.find(claimed)
    {
        let good = peers[index]
            .config
            .secret
            .as_ref()
            .is_some_and(|secret| secret.ct_eq(rest));
        if good {
            return Verdict::Granted(index);
        }
    }
    match tokens.owner(token) {
        Some(Some(index)) => Verdict::Granted(index),
        Some(None) => denied(
            peers,
            tokens,
            None,
            "several peers have this auth_token: auth_username must say which it is",
        ),
        None => denied(
            peers,
            tokens,
            None,
            "the auth_token belongs to no peer, and nothing else says who it is",
        ),
    }
}

/// Whether `token` opens the account of `id`; a peer without a secret is opened by any.
fn opens(secret: Option<&Secret>, id: &str, token: &str) -> bool {
    let Some(secret) = secret else { return true };
    let bare = token
        .strip_prefix(id)
        .and_then(|rest| rest.strip_prefix(':'));
    // both compared whatever the first says, so that time tells nothing
    let whole = secret.ct_eq(token);
    let named = bare.is_some_and(|bare| secret.ct_eq(bare));
    whole | named
}

fn denied(peers: &Peers, tokens: &Tokens, claimed: Option<&str>, reason: &'static str) -> Verdict {
    // who mixes up name and token claims to be a secret, which must not get into a log
    let claimed = claimed.filter(|id| {
        let id = id.trim();
        let behind = id.split_once(':').map_or(id, |(_, behind)| behind);
        [id, behind].iter().all(|part| tokens.owner(part).is_none())
    });
    Verdict::Denied {
        known: claimed.and_then(|id| peers.find(id)),
        claimed: claimed.map(|id| {
            id.chars()
                .filter(|c| c.is_ascii_graphic())
                .take(64)
                .collect()
        }),
        reason,
    }
}

#[cfg(test)]
mod tests;
