//! Device nodes of the host.
//!
//! An ordinary user can make no device node (`mknod(2)`, EPERM), so a node comes
//! inside by a bind mount, and stays what it is: the host's permissions hold, and
//! whoever is inside may do with it what they may do outside.

use std::{
    fs::{self, Metadata},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use rustix::fs::{Access, StatVfsMountFlags};

use super::{Error, Found};
use crate::oci::DeviceNode;

/// A directory gives no more nodes than this.
const MOST: usize = 1024;
/// What is further below a directory is none of its devices.
const DEEPEST: usize = 8;

/// Adds the node, or all those below a directory.
pub(super) fn add(node: &DeviceNode, found: &mut Found) -> Result<(), Error> {
    let status = status(&node.source)?;
    if !status.is_dir() {
        return add_one(node.clone(), &status, found);
    }
    let before = found.edits.nodes.len();
    add_below(node, status.dev(), DEEPEST, found)?;
    match found.edits.nodes.len() == before {
        true => Err(Error::DirectoryEmpty(node.source.clone())),
        false => Ok(()),
    }
}

/// Adds the node, which is to be one.
pub(super) fn add_node(node: DeviceNode, found: &mut Found) -> Result<(), Error> {
    let status = status(&node.source)?;
    add_one(node, &status, found)
}

fn status(path: &Path) -> Result<Metadata, Error> {
    fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::NodeMissing(path.into()),
        _ => Error::Unreadable { path: path.into(), source },
    })
}

fn is_device(status: &Metadata) -> bool {
    status.file_type().is_char_device() || status.file_type().is_block_device()
}

fn add_one(node: DeviceNode, status: &Metadata, found: &mut Found) -> Result<(), Error> {
    if !is_device(status) {
        return Err(Error::NotADevice(node.source));
    }
    let mount = rustix::fs::statvfs(&node.source);
    if mount.is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::NODEV)) {
        return Err(Error::NoDevices(node.source));
    }
    tell_what_it_is_worth(&node, status, found);
    found.edits.nodes.push(node);
    Ok(())
}

/// What is linked is left out, and so is what is mounted below, such as `/dev/pts`.
fn add_below(node: &DeviceNode, device: u64, depth: usize, found: &mut Found) -> Result<(), Error> {
    let failed = |source| Error::Unreadable { path: node.source.clone(), source };
    let entries = fs::read_dir(&node.source).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(status) = entry.metadata() else { continue };
        let below = DeviceNode {
            source: entry.path(),
            destination: node.destination.join(entry.file_name()),
            permissions: node.permissions.clone(),
        };
        if is_device(&status) {
            add_one(below, &status, found)?;
        } else if status.is_dir() && status.dev() == device && depth > 0 {
            // What we may not look into, we could not use.
            let _ = add_below(&below, device, depth - 1, found);
        }
        if found.edits.nodes.len() > MOST {
            return Err(Error::TooMany { path: node.source.clone(), most: MOST });
        }
    }
    Ok(())
}

fn tell_what_it_is_worth(node: &DeviceNode, status: &Metadata, found: &mut Found) {
    let path = node.source.display();
    let may = |access| rustix::fs::access(&node.source, access).is_ok();
    if !may(Access::READ_OK) && !may(Access::WRITE_OK) {
        found.note(format!("you may neither read nor write {path}, so nobody inside can"));
    } else if is_ours_by_group(status) {
        found.by_group.push(node.source.clone());
    }
    let (reads, writes) = (node.permissions.contains('r'), node.permissions.contains('w'));
    if reads != writes {
        found.note(format!(
            "`{}` cannot be held to: rules for devices are root's, so inside {path} may be \
             used as you may use it",
            node.permissions
        ));
    }
}

/// Whether it is one of our further groups alone that lets us in.
fn is_ours_by_group(status: &Metadata) -> bool {
    let groups = rustix::process::getgroups().unwrap_or_default();
    let groups: Vec<u32> = groups.iter().map(|gid| gid.as_raw()).collect();
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let (owner, group) = (status.uid(), status.gid());
    uid != owner && takes_a_group(status.mode(), group, gid, &groups)
}

/// Whether `mode` lets the members of `group` in, and nobody else but its owner; of
/// which we are one only by our further `groups`.
fn takes_a_group(mode: u32, group: u32, ours: u32, groups: &[u32]) -> bool {
    let (members, everybody) = ((mode >> 3) & 0o6, mode & 0o6);
    members & !everybody != 0 && group != ours && groups.contains(&group)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn node(source: &str, permissions: &str) -> DeviceNode {
        let destination = PathBuf::from("/dev/inside");
        DeviceNode { source: source.into(), destination, permissions: permissions.into() }
    }

    fn look(node: &DeviceNode) -> Result<Found, String> {
        let mut found = Found::default();
        add(node, &mut found).map_err(|error| error.to_string())?;
        Ok(found)
    }

    #[test]
    fn only_a_device_is_a_device() {
        let null = node("/dev/null", "rwm");
        assert_eq!(look(&null).unwrap().edits.nodes, [null]);
        let cases = [
            ("/proc/version", "/proc/version is not a device"),
            ("/dev/no-such-device", "there is no device /dev/no-such-device"),
            ("/proc/version/x", "cannot look at /proc/version/x"),
            ("/proc/sys/kernel/random", "there is no device below /proc/sys/kernel/random"),
        ];
        for (path, why) in cases {
            assert_eq!(look(&node(path, "rwm")).unwrap_err(), why);
        }
    }

    #[test]
    fn a_directory_stands_for_the_nodes_below_it() {
        let nodes = look(&node("/dev", "rwm")).unwrap().edits.nodes;
        let null = nodes.iter().find(|node| node.source == Path::new("/dev/null")).unwrap();
        assert_eq!(null.destination, Path::new("/dev/inside/null"));
        // A symbolic link, and another file system.
        assert!(nodes.iter().all(|node| node.source != Path::new("/dev/stdin")));
        assert!(nodes.iter().all(|node| !node.source.starts_with("/dev/pts")));
    }

    #[test]
    fn a_group_is_needed_where_nothing_else_lets_us_in() {
        let cases = [
            (0o660, 44, true),
            (0o664, 44, true),
            (0o666, 44, false),
            (0o600, 44, false),
            (0o660, 100, false), // Our own group, which root inside has.
            (0o660, 45, false),
        ];
        for (mode, group, expected) in cases {
            assert_eq!(takes_a_group(mode, group, 100, &[100, 44]), expected, "{mode:o} {group}");
        }
    }

    #[test]
    fn a_permission_that_cannot_be_held_to_is_told() {
        let notes = |permissions| look(&node("/dev/null", permissions)).unwrap().notes;
        assert_eq!(notes("rwm"), [""; 0]);
        assert_eq!(notes("rw"), [""; 0]);
        assert_eq!(
            notes("r"),
            [
                "`r` cannot be held to: rules for devices are root's, so inside /dev/null may be used \
              as you may use it"
            ]
        );
    }
}
