//! Configurations that follow their files.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::error::{TlsError, TlsWarning};
use super::files::Files;

/// What is made of files.
pub(super) trait Source: Send + Sync {
    /// What is made.
    type Made;

    /// Which files.
    fn files(&self) -> impl Iterator<Item = &Path>;

    /// Makes it, or says what is wrong.
    fn make(&self, files: &Files, warnings: &mut Vec<TlsWarning>) -> Result<Self::Made, TlsError>;
}

/// A thing made of files, and made again when they change. All of it is exchanged at once or nothing is.
pub(super) struct Reloading<S: Source> {
    source: S,
    current: RwLock<Arc<S::Made>>,
    /// The fingerprint of the files that were tried last, good or bad.
    tried: Mutex<u64>,
    hasher: RandomState,
}

impl<S: Source> Reloading<S> {
    /// Makes it for the first time.
    pub(super) fn load(source: S, warnings: &mut Vec<TlsWarning>) -> Result<Self, TlsError> {
        let files = Files::read(source.files());
        let hasher = RandomState::new();
        Ok(Self {
            current: RwLock::new(Arc::new(source.make(&files, warnings)?)),
            tried: Mutex::new(files.fingerprint(&hasher)),
            source,
            hasher,
        })
    }

    /// What was made last.
    pub(super) fn current(&self) -> Arc<S::Made> {
        // no code of others runs under this lock
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the files; `None` if they are as they were. On error what there was is kept, and the error is not
    /// told again until the files change again.
    pub(super) fn reload(&self) -> Option<Result<Vec<TlsWarning>, TlsError>> {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let files = Files::read(self.source.files());
        let fingerprint = files.fingerprint(&self.hasher);
        if fingerprint == std::mem::replace(&mut *tried, fingerprint) {
            return None;
        }
        let mut warnings = Vec::new();
        let made = self.source.make(&files, &mut warnings);
        Some(made.map(|made| {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
            warnings
        }))
    }

    /// Whether there is anything to look at.
    pub(super) fn has_files(&self) -> bool {
        self.source.files().next().is_some()
    }
}

impl<S: Source + fmt::Debug> fmt::Debug for Reloading<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // what was made holds the key
        self.source.fmt(f)
    }
}
