//! How far an address reaches (RFC-0015 section "Allocation Schemes").

use ilp_proto::Addr;

/// What the scheme of an address says about where packets to it may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// `peer`: to the other end of the link, never further.
    Link,
    /// `self` and `local`: not out of the node or its domain.
    Node,
    /// `g`: the live network.
    Live,
    /// `test`, `test1` …: the test network, which never meets the live one (RFC-0034).
    Test,
    /// `private` and `example`: wherever routes lead.
    Any,
}

impl Scope {
    /// Looks at the first bytes: the address has been checked, so they name the scheme.
    #[inline]
    pub(crate) const fn of(address: Addr<'_>) -> Self {
        match address.as_bytes() {
            [b'g', ..] => Self::Live,
            [b't', ..] => Self::Test,
            [b'p', b'e', ..] => Self::Link,
            [b's' | b'l', ..] => Self::Node,
            _ => Self::Any,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_has_its_scope() {
        let scope = |text: &str| Scope::of(Addr::new(text).unwrap());
        assert_eq!(scope("g.x"), Scope::Live);
        for text in ["test.x", "test1.x", "test2.x", "test3.x"] {
            assert_eq!(scope(text), Scope::Test, "{text}");
        }
        assert_eq!(scope("peer.x"), Scope::Link);
        assert_eq!(scope("self.x"), Scope::Node);
        assert_eq!(scope("local.x"), Scope::Node);
        assert_eq!(scope("private.x"), Scope::Any);
        assert_eq!(scope("example.x"), Scope::Any);
    }
}
