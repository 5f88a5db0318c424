//! What a CSI driver has mounted for a sandbox, as long as that runs.

use std::path::{Path, PathBuf};

use crate::{
    commands::{Context, csi},
    error::Error,
    oci::{MountKind, ProcessId},
    storage::{
        self, StoredVolume,
        csi::{Custody, Driver, Sight, User},
    },
    sys,
};

/// A volume that its driver has published; it is unpublished with this value at last.
#[derive(Debug)]
pub(super) struct Published {
    volume: StoredVolume,
    driver: crate::oci::CsiDriver,
    key: String,
    target: PathBuf,
    sight: Sight,
    is_there: bool,
}

impl Published {
    /// Has the driver publish it; to be called in the domain.
    ///
    /// # Errors
    /// Those of the driver; if what it mounts cannot be seen from here.
    pub(super) fn new(
        volume: StoredVolume,
        key: String,
        readonly: bool,
        context: &Context,
    ) -> Result<Self, Error> {
        let driver = csi::find(&volume.record.driver, &context.config.csi)?;
        let publish = || {
            let user = User { key: key.clone(), supervisor: ourselves(), readonly };
            Custody::take(&volume, Driver::connect(&driver)?)?.publish(&user)
        };
        let (target, sight) = publish().map_err(storage::Error::Csi)?;
        Ok(Self { volume, driver, key, target, sight, is_there: true })
    }

    /// How it gets into the sandbox, or what is at `subpath` in it.
    pub(super) fn mount(&self, subpath: Option<&Path>) -> MountKind {
        let path = subpath.unwrap_or(Path::new(".")).to_owned();
        let mountpoint = self.target.clone();
        match self.sight {
            Sight::Ours => MountKind::Within { directory: mountpoint, path },
            Sight::Of(process) => MountKind::Elsewhere { process, mountpoint, path },
        }
    }

    /// Has the driver unpublish it; what it does not do is told, and is left to the next
    /// one who uses the volume.
    pub(super) fn give_back_or_tell(&mut self, context: &Context) {
        if let Err(error) = self.give_back() {
            let name = &self.volume.record.name;
            context.ui.note(&format!(
                "the volume `{name}` could not be unpublished, which its next use or `sandbox \
                 system prune` makes up for: {error}"
            ));
        }
    }

    fn give_back(&mut self) -> Result<(), storage::csi::Error> {
        if !std::mem::take(&mut self.is_there) {
            return Ok(());
        }
        Custody::take(&self.volume, Driver::connect(&self.driver)?)?.unpublish(&self.key)
    }
}

/// The sandbox could not be started, and that is what is told.
impl Drop for Published {
    fn drop(&mut self) {
        let _ = self.give_back();
    }
}

/// The supervisor is who calls this.
fn ourselves() -> ProcessId {
    let (pid, start_time) = sys::process::identity();
    ProcessId { pid, start_time }
}
