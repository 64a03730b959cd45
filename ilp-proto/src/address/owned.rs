//! Addresses and prefixes that own their text: what configuration and routing tables hold.

use alloc::{string::String, sync::Arc};
use core::{borrow::Borrow, fmt, str::FromStr};

use super::{Addr, AddressError, explain, scheme_len};

/// An address that owns its text. Cloning it counts a reference.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<str>);

impl Address {
    /// A view of it.
    #[must_use]
    #[inline]
    pub fn as_addr(&self) -> Addr<'_> {
        Addr(self.0.as_bytes())
    }

    /// Its text.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address one segment below this one, as a parent gives it to a child. Several segments,
    /// with dots between them, will do too.
    ///
    /// # Errors
    /// An [`AddressError`] if `segment` is not made of segments or the whole gets too long.
    pub fn with_suffix(&self, segment: &str) -> Result<Self, AddressError> {
        let mut text = String::with_capacity(self.0.len() + 1 + segment.len());
        text.push_str(&self.0);
        text.push('.');
        text.push_str(segment);
        Addr::new(&text).map(Self::from)
    }
}

impl From<Addr<'_>> for Address {
    fn from(addr: Addr<'_>) -> Self {
        Self(Arc::from(addr.as_str()))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Addr::new(text).map(Self::from)
    }
}

/// The front of addresses that a route is for: nothing at all (every address), a bare scheme such
/// as `g`, or an address. It matches whole segments.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(Arc<str>);

impl Prefix {
    /// Checks text.
    ///
    /// # Errors
    /// An [`AddressError`] for what is neither empty, nor a scheme, nor an address.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || scheme_len(bytes) == Some(bytes.len()) {
            return Ok(Self(Arc::from(text)));
        }
        match Addr::new(text) {
            Ok(addr) => Ok(Self(Arc::from(addr.as_str()))),
            Err(_) => Err(explain(bytes)),
        }
    }

    /// The empty prefix, which every address is within: a default route.
    #[must_use]
    pub fn everything() -> Self {
        Self(Arc::from(""))
    }

    /// Its text.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `addr` equals it or continues it behind a dot; see [`Addr::is_within`].
    #[must_use]
    #[inline]
    pub fn matches(&self, addr: Addr<'_>) -> bool {
        addr.is_within(&self.0)
    }
}

impl From<Address> for Prefix {
    fn from(address: Address) -> Self {
        Self(address.0)
    }
}

impl From<Addr<'_>> for Prefix {
    fn from(addr: Addr<'_>) -> Self {
        Self(Arc::from(addr.as_str()))
    }
}

impl FromStr for Prefix {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::new(text)
    }
}

macro_rules! text {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        /// A map with such keys can be asked for text.
        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = AddressError;

            fn try_from(text: String) -> Result<Self, AddressError> {
                text.parse()
            }
        }
    };
}

text!(Address);
text!(Prefix);
