//! Volumes of CSI drivers, as far as commands share them.

use std::{collections::BTreeMap, path::Path};

use super::Context;
use crate::{
    error::Error,
    oci::CsiDriver,
    storage::{
        self, Store, StoredVolume,
        csi::{Custody, Driver},
    },
};

/// What the name of a driver begins with where a volume has one.
pub(super) const PREFIX: &str = "csi:";

/// The CSI driver that `csi:NAME` or `csi:unix:///PATH` means.
///
/// # Errors
/// If there is none of this name.
pub(super) fn find(driver: &str, named: &BTreeMap<String, CsiDriver>) -> Result<CsiDriver, Error> {
    let name = driver.strip_prefix(PREFIX).unwrap_or(driver);
    if name.contains(':') {
        return CsiDriver::parse_endpoint(name).map(CsiDriver::at).map_err(Error::usage);
    }
    named.get(name).cloned().ok_or_else(|| {
        Error::usage_with_hint(
            format!("config.toml has no CSI driver `{name}`"),
            format!("`[csi.{name}]` with `endpoint = \"unix:///PATH\"` names one"),
        )
    })
}

/// Takes a volume in hand; none if it is no driver's.
pub(super) fn take(volume: &StoredVolume, context: &Context) -> Result<Option<Custody>, Error> {
    if !volume.record.is_a_drivers() {
        return Ok(None);
    }
    let driver = find(&volume.record.driver, &context.config.csi)?;
    let driver = Driver::connect(&driver).map_err(storage::Error::Csi)?;
    Ok(Custody::take(volume, driver).map(Some).map_err(storage::Error::Csi)?)
}

/// Has the driver make what was written down, if it is a driver's.
pub(super) fn provision(volume: &StoredVolume, context: &Context) -> Result<(), Error> {
    match take(volume, context)? {
        Some(mut custody) => Ok(custody.provision().map(drop).map_err(storage::Error::Csi)?),
        None => Ok(()),
    }
}

/// The same for one that was just written down: it is forgotten if it is not there.
pub(super) fn provision_new(
    volume: &StoredVolume,
    store: &Store,
    context: &Context,
) -> Result<(), Error> {
    provision(volume, context).inspect_err(|error| forget_unmade(volume, error, store))
}

/// Forgets a volume that nobody else has seen, if its driver has certainly not made it.
pub(super) fn forget_unmade(volume: &StoredVolume, error: &Error, store: &Store) {
    let may_be_there = match error {
        Error::Storage(storage::Error::Csi(error)) => !error.made_nothing(),
        _ => false,
    };
    if !may_be_there {
        let _ = store.remove_volume(&volume.record.name); // What has failed first is told.
    }
}

/// Removes a volume, with its driver's part of it.
pub(super) fn remove(name: &str, store: &Store, context: &Context) -> Result<(), Error> {
    store.remove_volume_after(name, || {
        // Of one that is damaged nobody knows whose it was.
        let Ok(volume) = store.volume(name) else { return Ok(()) };
        match take(&volume, context)? {
            Some(mut custody) => Ok(custody.delete().map_err(storage::Error::Csi)?),
            None => Ok(()),
        }
    })
}

/// Undoes what killed sandboxes have left of drivers' mounts; what cannot be undone now
/// is told.
pub(super) fn tidy(store: &Store, context: &Context) -> Result<(), Error> {
    for volume in store.volumes()? {
        let is_raised = || volume.csi_state().is_ok_and(|state| state.is_raised());
        if !volume.record.is_a_drivers() || !is_raised() {
            continue;
        }
        let tidied = take(&volume, context).and_then(|custody| {
            let tidied = custody.map(|mut custody| custody.tidy()).transpose();
            Ok(tidied.map(drop).map_err(storage::Error::Csi)?)
        });
        if let Err(error) = tidied {
            let name = &volume.record.name;
            context.ui.note(&format!("the volume `{name}` is as it was left: {error}"));
        }
    }
    Ok(())
}

/// The driver of a volume of the store at `root`, by its name.
pub(super) fn driver_of(root: &Path, volume: &str) -> Option<String> {
    let record = storage::volume_record(root, volume)?;
    record.is_a_drivers().then_some(record.driver)
}
