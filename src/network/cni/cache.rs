//! Who was added to what, and what the plugins answered: `cni/cache` of the store.
//!
//! A file is there before the first plugin is called, and until all have undone what
//! they did. Its supervisor is in the register (`named`) as long as it lives; what
//! the others have left is undone by whoever comes next.

use std::{
    fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Configuration, Error, Success,
    chain::{Chain, Wishes},
    place::Place,
    plugin::{Plugins, Target},
};
use crate::oci::ProcessId;

/// A sandbox on a network, as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attached {
    /// As it was then, in the version that was spoken.
    pub network: Configuration,
    /// The sandbox's id.
    pub sandbox: String,
    /// Its interface.
    pub interface: String,
    pub supervisor: ProcessId,
    pub(super) wishes: Wishes,
    /// What the last plugin answered; null as long as none has.
    pub(super) answer: Value,
    /// Whether it could not be undone once.
    pub(super) is_stuck: bool,
}

/// What is asked about a sandbox on a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Add,
    Check,
    Del,
}

impl Attached {
    /// What was made.
    pub fn success(&self) -> Success {
        Success::of(&self.answer).unwrap_or_default()
    }

    pub(super) fn path(&self, cache: &Path) -> PathBuf {
        // None of the three has a slash.
        cache.join(format!("{}@{}@{}", self.network.name, self.sandbox, self.interface))
    }

    pub(super) fn write(&self, cache: &Path) -> Result<(), Error> {
        let path = self.path(cache);
        let new = cache.with_file_name(format!(".new-{}-{}", self.sandbox, self.interface));
        let text = serde_json::to_vec(self).unwrap_or_default();
        fs::create_dir_all(cache)
            .and_then(|()| fs::write(&new, text))
            .and_then(|()| fs::rename(&new, &path))
            .map_err(|source| Error::Files { path, source })
    }

    /// Asks the plugins; `netns` is none if it is gone.
    pub(super) fn ask(
        &self,
        what: Ask,
        netns: Option<OwnedFd>,
        place: Place,
        plugins: &Plugins,
    ) -> Result<Value, Error> {
        let (one, plugins) = (self.clone(), plugins.clone());
        let sandbox = netns.map(|netns| (self.sandbox.clone(), netns));
        let job = move |netns| {
            let Self { network, sandbox, interface, wishes, answer, .. } = one;
            let target = Target { container: sandbox, netns, interface };
            let chain =
                Chain { network: &network, plugins: &plugins, wishes: &wishes, target: &target };
            match what {
                Ask::Add => chain.add(),
                Ask::Check => chain.check(&answer).map(|()| Value::Null),
                Ask::Del => chain.del(&answer).map(|()| Value::Null),
            }
        };
        place.enter(sandbox, job)?
    }
}

/// All that is written down.
pub(super) fn all(cache: &Path) -> Vec<Attached> {
    let entries = fs::read_dir(cache).into_iter().flatten().flatten();
    let read = |path: PathBuf| serde_json::from_slice(&fs::read(path).ok()?).ok();
    let mut all: Vec<Attached> = entries.filter_map(|entry| read(entry.path())).collect();
    all.sort_by(|a, b| (&a.sandbox, &a.interface).cmp(&(&b.sandbox, &b.interface)));
    all
}
