//! What devices change in a sandbox that is started.

use std::ffi::CString;

use super::{Parts, config::c_string, volumes::Mounts};
use crate::{
    commands::Context,
    devices::{self, Found},
    error::Error,
    oci::{DeviceEdits, DeviceRequest, Mount, Process},
    runtime::domain::Domain,
};

/// Finds the devices; before the domain is entered, where groups have no names.
pub(in crate::commands) fn find(
    requests: &[DeviceRequest],
    context: &Context,
) -> Result<Found, Error> {
    let found = devices::find(requests, &context.config.cdi_dirs)?;
    found.notes.iter().for_each(|note| context.ui.note(note));
    Ok(found)
}

/// Leaves out the groups that there are not here, and says what a group is good for.
pub(super) fn settle(parts: &mut Parts<'_>, domain: &Domain, context: &Context) {
    let plan = domain.plan();
    let keeps = parts.config.process.user.keeps_groups();
    if !keeps && !plan.has_one_id() {
        for path in &parts.devices.by_group {
            context.ui.note(&format!(
                "only a group of yours lets you open {}; `--group-add keep-groups` lets the \
                 command keep it",
                path.display()
            ));
        }
    }
    let is_mapped = |gid: u32| {
        let mut extents = plan.gids.iter();
        extents.any(|extent| gid.checked_sub(extent.inside).is_some_and(|at| at < extent.count))
    };
    let usable = |&gid: &u32| !keeps && !plan.has_one_id() && is_mapped(gid);
    let (kept, left_out): (Vec<u32>, Vec<u32>) =
        parts.devices.edits.groups.iter().partition(|gid| usable(gid));
    for gid in left_out {
        context.ui.note(&format!("a device asks for the group {gid}, which cannot be had here"));
    }
    parts.devices.edits.groups = kept;
}

/// The workload, or a process beside it, with what its devices ask for.
pub(in crate::commands) fn process(
    process: Process,
    edits: &DeviceEdits,
) -> Result<Process, Error> {
    let mut env = process.env;
    for variable in &edits.env {
        set(&mut env, c_string(variable.as_bytes(), "a variable")?);
    }
    let mut user = process.user;
    user.additional_groups.extend(edits.groups.iter().map(ToString::to_string));
    Ok(Process { env, user, ..process })
}

fn set(env: &mut Vec<CString>, variable: CString) {
    let name = |variable: &CString| {
        variable.as_bytes().split(|&byte| byte == b'=').next().map(<[u8]>::to_vec)
    };
    match env.iter_mut().find(|known| name(known) == name(&variable)) {
        Some(known) => *known = variable,
        None => env.push(variable),
    }
}

/// The user's mounts and those of the devices, what covers a directory first.
pub(super) fn mounts(volumes: &Mounts, edits: &DeviceEdits) -> Vec<Mount> {
    let mut all = volumes.all.clone();
    all.extend(edits.all_mounts());
    all.sort_by_key(|mount| mount.destination.components().count());
    all
}
