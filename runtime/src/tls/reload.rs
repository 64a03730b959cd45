//! Configurations that follow their files.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use ilp_proto::Timestamp;

use super::certificate::Validity;
use super::error::{TlsError, TlsWarning};
use super::files::Files;
use crate::Clock;

/// What is made of files.
pub(super) trait Source: Send + Sync {
    /// What is made.
    type Made;

    /// Which files.
    fn files(&self) -> impl Iterator<Item = &Path>;

    /// Makes it, or says what is wrong; `shown` learns of the certificates that others will be shown.
    fn make(&self, files: &Files, shown: &mut Vec<Validity>) -> Result<Self::Made, TlsError>;
}

/// A thing made of files, and made again when they change. All of it is exchanged at once or nothing is.
pub(super) struct Reloading<S: Source> {
    source: S,
    current: RwLock<InUse<S::Made>>,
    state: Mutex<State>,
    hasher: RandomState,
}

struct InUse<M> {
    made: Arc<M>,
    /// Its certificates.
    shown: Vec<Validity>,
}

struct State {
    /// The fingerprint of the files that were tried last, good or bad.
    tried: u64,
    /// What was said about them last.
    said: Vec<TlsWarning>,
}

/// What a look at the files comes to.
#[derive(Debug)]
pub(super) enum Look {
    /// They are as they were. What has become of the certificates meanwhile is told once.
    Same(Vec<TlsWarning>),
    /// They have changed, and are in use now or of none.
    Changed(Result<Vec<TlsWarning>, TlsError>),
}

fn warnings(shown: &[Validity], now: Timestamp) -> Vec<TlsWarning> {
    shown.iter().flat_map(|one| one.warnings(now)).collect()
}

impl<S: Source> Reloading<S> {
    /// Makes it for the first time.
    pub(super) fn load(source: S, said: &mut Vec<TlsWarning>) -> Result<Self, TlsError> {
        let files = Files::read(source.files());
        let hasher = RandomState::new();
        let mut shown = Vec::new();
        let made = source.make(&files, &mut shown)?;
        let warnings = warnings(&shown, Clock::now().wall);
        said.extend(warnings.iter().cloned());
        Ok(Self {
            current: RwLock::new(InUse {
                made: Arc::new(made),
                shown,
            }),
            state: Mutex::new(State {
                tried: files.fingerprint(&hasher),
                said: warnings,
            }),
            source,
            hasher,
        })
    }

    /// What was made last.
    pub(super) fn current(&self) -> Arc<S::Made> {
        Arc::clone(&self.in_use().made)
    }

    /// The certificates of what was made last. Waits for no file, however long a [`look`](Self::look) takes.
    pub(super) fn shown(&self) -> Vec<Validity> {
        self.in_use().shown.clone()
    }

    fn in_use(&self) -> RwLockReadGuard<'_, InUse<S::Made>> {
        // no code of others runs under this lock
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the files, and at the age of the certificates in use. On error what there was is kept, and the error is
    /// not told again until the files change again.
    pub(super) fn look(&self, now: Timestamp) -> Look {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let files = Files::read(self.source.files());
        let fingerprint = files.fingerprint(&self.hasher);
        if fingerprint == std::mem::replace(&mut state.tried, fingerprint) {
            let warnings = warnings(&self.in_use().shown, now);
            let said = std::mem::replace(&mut state.said, warnings.clone());
            let new = warnings.into_iter().filter(|one| !said.contains(one));
            return Look::Same(new.collect());
        }
        let mut shown = Vec::new();
        Look::Changed(self.source.make(&files, &mut shown).map(|made| {
            state.said = warnings(&shown, now);
            let made = Arc::new(made);
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = InUse { made, shown };
            state.said.clone()
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
