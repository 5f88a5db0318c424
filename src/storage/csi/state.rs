//! What is known of a volume: `volumes/NAME/csi.json`, replaced as a whole.
//!
//! It is written before each call that makes something true, and after each that undoes
//! it: it may say more than there is, never less.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Error;
use crate::{oci::ProcessId, sys};

const STATE: &str = "csi.json";
/// States that we wrote are smaller, in bytes.
const LONGEST: u64 = 1 << 20;

/// How far up a volume is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    /// The driver's name for itself; empty before it was asked.
    pub plugin: String,
    /// None as long as the driver has not said that it is there.
    pub volume: Option<Provisioned>,
    /// Where the controller has published it.
    pub controller: Option<Attachment>,
    pub staged: bool,
    /// For each mount of each sandbox, by a name of ours.
    pub published: BTreeMap<String, Publication>,
}

/// A volume or snapshot that the driver has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provisioned {
    pub id: String,
    /// What is to be told with every use of it.
    pub context: BTreeMap<String, String>,
    /// In bytes; 0 if the driver does not say.
    pub capacity: u64,
}

/// What the controller was asked, and what it has answered if it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    pub node: String,
    pub context: Option<BTreeMap<String, String>>,
}

/// A mount of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Publication {
    pub target: PathBuf,
    /// The sandbox's supervisor, and the boot in which it has this number.
    pub supervisor: ProcessId,
    pub boot: Option<String>,
}

impl Publication {
    /// Whether the sandbox may still use it.
    pub(super) fn is_used(&self) -> bool {
        let ProcessId { pid, start_time } = self.supervisor;
        self.boot == sys::kernel::boot_id() && sys::process::is_alive(pid, start_time)
    }
}

impl State {
    /// Reads that of the volume in `directory`; one without any is at its beginning.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn read(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(STATE);
        let failed = |source| Error::Files { path: path.clone(), source };
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            file => file.map_err(failed)?,
        };
        serde_json::from_reader(file.take(LONGEST)).map_err(|error| failed(error.into()))
    }

    /// Whether anything was done on this machine that is to be undone.
    pub fn is_raised(&self) -> bool {
        self.staged || self.controller.is_some() || !self.published.is_empty()
    }

    /// Survives a power cut once this has returned.
    pub(super) fn write(&self, directory: &Path) -> Result<(), Error> {
        let path = directory.join(STATE);
        let new = directory.join(format!("{STATE}.new"));
        let written = || {
            let mut options = OpenOptions::new();
            let options = options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(&new)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(directory)?.sync_all()
        };
        written().map_err(|source| Error::Files { path: path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::TempDir;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let temp = TempDir::new();
        assert_eq!(State::read(temp.path()).unwrap(), State::default());
        let ours = ProcessId { pid: std::process::id().cast_signed(), start_time: 1 };
        let publication =
            Publication { target: "/t".into(), supervisor: ours, boot: sys::kernel::boot_id() };
        assert!(!publication.is_used()); // Somebody else had this number.
        let state = State {
            plugin: "a.b".into(),
            volume: Some(Provisioned { id: "1".into(), ..Provisioned::default() }),
            controller: Some(Attachment { node: "n".into(), context: None }),
            staged: true,
            published: BTreeMap::from([("k".into(), publication)]),
        };
        state.write(temp.path()).unwrap();
        assert_eq!(State::read(temp.path()).unwrap(), state);
        fs::write(temp.path().join(STATE), "{").unwrap();
        assert!(State::read(temp.path()).is_err());
    }
}
