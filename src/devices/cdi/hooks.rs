//! What well-known hooks would have made, by mounts instead.
//!
//! A driver's libraries are mounted under their full names (`libcuda.so.570.86`);
//! programs look for the short ones (`libcuda.so.1`, `libcuda.so`). In other
//! runtimes hooks make those: `update-ldcache` runs `ldconfig(8)`, which links each
//! library by the name that it says is its own, and `create-symlinks` the rest. Here
//! the library is mounted under these names, too, and nothing has to be run.

use std::path::{Component, Path, PathBuf};

use super::{
    file::{Edits, Hook},
    soname,
};
use crate::{
    devices::Found,
    oci::{Mount, MountKind, path_inside},
};

/// Does what can be done, and tells what cannot.
pub(super) fn replace(edits: &Edits, file: &Path, found: &mut Found) {
    let is = |hook: &&Hook, verb: &str| hook.args.get(1).is_some_and(|word| word == verb);
    let (caches, others): (Vec<&Hook>, Vec<&Hook>) =
        edits.hooks.iter().partition(|hook| is(hook, "update-ldcache"));
    let (links, others): (Vec<&Hook>, Vec<&Hook>) =
        others.into_iter().partition(|hook| is(hook, "create-symlinks"));

    let folders: Vec<&str> = caches.iter().flat_map(|hook| values(hook, "--folder")).collect();
    name_libraries(&folders, found);
    if !folders.is_empty() {
        let folders = folders.join(":");
        found.note(format!("if libraries are not found inside: `-e LD_LIBRARY_PATH={folders}`"));
    }
    make_links(links.iter().flat_map(|hook| values(hook, "--link")).collect(), found);
    for hook in others {
        tell(hook, file, found);
    }
    if !edits.net_devices.is_empty() {
        let file = file.display();
        found.note(format!("the network devices of {file} are left out: they are root's to move"));
    }
}

/// What follows each `option`.
fn values<'a>(hook: &'a Hook, option: &str) -> impl Iterator<Item = &'a str> {
    let pairs = hook.args.windows(2);
    pairs.filter(move |pair| pair[0] == option).map(|pair| pair[1].as_str())
}

fn tell(hook: &Hook, file: &Path, found: &mut Found) {
    let program = Path::new(&hook.path).file_name().unwrap_or_default().to_string_lossy();
    let verb = hook.args.get(1).filter(|word| !word.starts_with('-'));
    let verb = verb.map(|word| format!(" {word}")).unwrap_or_default();
    found.note(format!(
        "the hook `{program}{verb}` ({}) of {} is left out: no program is run on the host",
        hook.hook_name,
        file.display()
    ));
}

/// Mounts the libraries in `folders` under the names that they say are theirs.
fn name_libraries(folders: &[&str], found: &mut Found) {
    let is_in = |mount: &&Mount| {
        let parent = mount.destination.parent();
        folders.iter().any(|folder| parent == Some(Path::new(folder)))
    };
    let again = |mount: &Mount| {
        let MountKind::Bind { source } = &mount.kind else { return None };
        let destination = mount.destination.with_file_name(soname::of(source)?);
        Some(Mount { destination, ..mount.clone() })
    };
    let named: Vec<Mount> = found.edits.mounts.iter().filter(is_in).filter_map(again).collect();
    named.into_iter().for_each(|mount| add(mount, found));
}

/// Mounts what is linked under the name of the link; `links` are `TARGET::LINK`.
///
/// What is not mounted by us is the image's, or nobody's, and not ours to link.
fn make_links(links: Vec<&str>, found: &mut Found) {
    // A link may lead to another one, which comes later.
    for _ in 0..links.len().min(8) {
        for (target, link) in links.iter().filter_map(|link| link.split_once("::")) {
            let Ok(link) = path_inside(link) else { continue };
            let target = follow(&link, target);
            let mount = found.edits.mounts.iter().find(|mount| mount.destination == target);
            if let Some(mount) = mount.cloned() {
                add(Mount { destination: link, ..mount }, found);
            }
        }
    }
}

fn add(mount: Mount, found: &mut Found) {
    let mounts = &mut found.edits.mounts;
    if mounts.iter().all(|known| known.destination != mount.destination) {
        mounts.push(mount);
    }
}

/// Where a link leads, by its text alone.
fn follow(link: &Path, target: &str) -> PathBuf {
    let mut path = link.parent().unwrap_or(Path::new("/")).to_path_buf();
    for component in Path::new(target).components() {
        match component {
            Component::RootDir => path = PathBuf::from("/"),
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::MountFlags;

    #[test]
    fn a_link_is_the_library_under_another_name() {
        let mut found = Found::default();
        found.edits.mounts.push(Mount {
            destination: "/usr/lib/x/libx.so.5".into(),
            kind: MountKind::Bind { source: "/host/libx.so.5".into() },
            readonly: true,
            flags: MountFlags::default(),
        });
        let links = vec![
            "libx.so.1::/usr/lib/x/libx.so",
            "libx.so.5::/usr/lib/x/libx.so.1",
            "../x/libx.so::/usr/lib/y/plugin.so",
            "libother.so.1::/usr/lib/x/libother.so",
            "libx.so.5::/usr/lib/x/libx.so.5",
            "nonsense",
            "::",
        ];
        make_links(links, &mut found);
        let names: Vec<_> = found.edits.mounts.iter().map(|mount| &mount.destination).collect();
        let expected = ["x/libx.so.5", "x/libx.so.1", "x/libx.so", "y/plugin.so"];
        assert_eq!(names, expected.map(|name| Path::new("/usr/lib").join(name)).each_ref());
        assert!(found.edits.mounts.iter().all(|mount| mount.readonly));
    }
}
