//! What a dialler proves itself with, and how to keep it out of sight.

use alloc::string::String;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Shortest storage of a secret: below it the length of a secret leaves no trace at all.
const MIN_PADDED: usize = 64;

/// A shared secret: an auth token as it goes over the wire, UTF-8 and possibly empty.
///
/// `Debug` prints `[REDACTED]`, there is no `Display`, comparison takes the same time whatever the
/// secret is, and the memory is zeroed on drop.
#[derive(Clone)]
pub struct Secret {
    /// The secret, then NULs up to a power of two. The padding lets [`Secret::ct_eq`] index by a
    /// mask, without a branch or a division that depends on the length of the secret.
    padded: Zeroizing<String>,
    len: usize,
}

impl Secret {
    /// Takes a copy of `secret`. Whoever owns the original should zero it;
    /// [`From<String>`](Secret#impl-From<String>-for-Secret) does so itself.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let size = secret.len().next_power_of_two().max(MIN_PADDED);
        let mut padded = Zeroizing::new(String::with_capacity(size));
        padded.push_str(secret);
        padded.extend(core::iter::repeat_n('\0', size - secret.len()));
        Self {
            padded,
            len: secret.len(),
        }
    }

    /// The secret in the clear, for the one who writes it to the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The padding is appended to whole characters, so `len` is always on a boundary.
        self.padded.get(..self.len).unwrap_or_default()
    }

    /// True for the empty secret, which is no secret.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Compares in a time that depends on the length of `guess` alone: neither the bytes of the
    /// secret nor its length can be measured from outside.
    #[must_use]
    pub fn ct_eq(&self, guess: &str) -> bool {
        let secret = self.padded.as_bytes();
        let mask = secret.len() - 1;
        let difference = guess
            .bytes()
            .enumerate()
            .fold(0u8, |sum, (at, byte)| sum | (byte ^ secret[at & mask]));
        let same_bytes = difference.ct_eq(&0);
        let same_length = (self.len as u64).ct_eq(&(guess.len() as u64));
        (same_bytes & same_length).into()
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self::new(&Zeroizing::new(secret))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// What a client sends in its auth frame.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Goes into `auth_username`; `None` leaves the entry out, which servers that know their
    /// clients by the token alone ask for.
    pub username: Option<String>,
    /// Goes into `auth_token`, which is always sent, even when empty (RFC-0023).
    pub token: Secret,
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_secret_equals_itself_and_nothing_else() {
        for secret in [
            "",
            "s",
            "secret",
            "pä$$wörd",
            &"x".repeat(64),
            &"y".repeat(65),
        ] {
            let kept = Secret::new(secret);
            assert_eq!(kept.as_str(), secret);
            assert!(kept.ct_eq(secret), "{secret}");
            assert!(
                !kept.ct_eq(&format!("{secret}\0")),
                "padding is no part of {secret}"
            );
            assert!(!kept.ct_eq(&format!("{secret}x")));
            assert!(!kept.ct_eq("SECRET"));
            assert_eq!(kept.is_empty(), secret.is_empty());
        }
        assert!(!Secret::new("secret").ct_eq("secre"));
        assert!(!Secret::new("secret").ct_eq(""));
    }

    #[test]
    fn a_guess_that_repeats_the_secret_past_its_storage_fails() {
        let kept = Secret::new(&"z".repeat(64));
        assert!(!kept.ct_eq(&"z".repeat(128)));
    }

    #[test]
    fn debug_never_shows_a_secret() {
        let credentials = Credentials {
            username: Some("alice".to_string()),
            token: Secret::from("hunter2".to_string()),
        };
        let shown = format!("{credentials:?} {:?}", credentials.token.clone());
        assert!(!shown.contains("hunter2"));
        assert!(shown.contains("alice"));
        assert!(shown.contains("[REDACTED]"));
    }
}
