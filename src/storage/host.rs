//! The image that is always there: this machine's own system, copy-on-write.
//!
//! It cannot be one overlay of `/`: the store may lie in it, and what is
//! mounted there would be missing. So every directory of `/` gets an overlay of
//! its own, but for those that every sandbox has fresh, and those that hold
//! people's homes, which are none of a sandbox's business. Changes are kept in
//! memory, where a dozen overlays are made in no time.

use std::{
    ffi::OsStr,
    path::{Component, Path, PathBuf},
};

use nix::errno::Errno;

use super::Error;
use crate::{
    oci::{Part, RootFs},
    sys::{
        self,
        fs::{Access, access, entries, is_directory, open_directory, read_link_at, stat_at},
    },
};

/// Directories that are empty at first, with their permissions.
const FRESH: &[(&str, u32)] = &[
    ("dev", 0o755),
    ("home", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
];

/// Directories without which nothing runs, even if somebody lives there.
const NEEDED: &[&str] = &["bin", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "usr"];

/// What becomes of an entry of `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Shown,
    /// Empty, with these permissions.
    Fresh(u32),
}

/// The root file system of `host`; `home` is where the caller lives.
///
/// # Errors
/// If `/` cannot be read.
pub fn host_root(home: Option<&Path>) -> Result<RootFs, Error> {
    let failed = |source| Error::Directory { path: "/".into(), source };
    let root = open_directory(Path::new("/")).map_err(failed)?;
    let mut names: Vec<PathBuf> =
        entries(&root).map_err(failed)?.into_iter().map(|entry| entry.name.into()).collect();
    names.sort();
    let mut parts = Vec::new();
    for name in names {
        let there = match stat_at(&root, &name) {
            Err(error) if error.errno == Errno::ENOENT => continue,
            result => result.map_err(failed)?,
        };
        if is_directory(&there) {
            let mode = there.st_mode & 0o7777;
            parts.extend(directory(name, mode, home));
        } else if let Ok(target) = read_link_at(&root, &name) {
            parts.push(Part::Symlink { name, target: target.into() });
        }
    }
    Ok(RootFs::Composed(parts))
}

fn directory(name: PathBuf, mode: u32, home: Option<&Path>) -> Option<Part> {
    if name == Path::new("lost+found") {
        return None;
    }
    let lower = Path::new("/").join(&name);
    match fate(&name, home) {
        Fate::Fresh(mode) => Some(Part::Directory { name, mode }),
        Fate::Shown if !is_readable(&lower) => Some(Part::Directory { name, mode }),
        Fate::Shown => Some(Part::CopyOnWrite { name, lower }),
    }
}

fn fate(name: &Path, home: Option<&Path>) -> Fate {
    if let Some((_, mode)) = FRESH.iter().find(|(fresh, _)| name == Path::new(fresh)) {
        return Fate::Fresh(*mode);
    }
    let needed = NEEDED.iter().any(|needed| name == Path::new(needed));
    let lives_there = home.and_then(top).is_some_and(|top| name.as_os_str() == top);
    if lives_there && !needed { Fate::Fresh(0o755) } else { Fate::Shown }
}

/// The entry of `/` that leads to `path`.
fn top(path: &Path) -> Option<&OsStr> {
    path.components().find_map(|component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}

fn is_readable(dir: &Path) -> bool {
    let readable: sys::Result<()> = access(dir, Access::READ_OK | Access::EXEC_OK);
    readable.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_are_hidden_and_the_system_is_shown() {
        let home = Some(Path::new("/data/people/me"));
        let cases = [
            ("usr", home, Fate::Shown),
            ("home", home, Fate::Fresh(0o755)),
            ("root", home, Fate::Fresh(0o700)),
            ("tmp", home, Fate::Fresh(0o1777)),
            ("data", home, Fate::Fresh(0o755)),
            ("data", None, Fate::Shown),
            ("var", Some(Path::new("/var/lib/me")), Fate::Fresh(0o755)),
            ("usr", Some(Path::new("/usr/me")), Fate::Shown),
            ("usr", Some(Path::new("/")), Fate::Shown),
        ];
        for (name, home, expected) in cases {
            assert_eq!(fate(Path::new(name), home), expected, "{name}, {home:?}");
        }
    }

    #[test]
    fn the_host_is_its_directories_and_links() {
        let RootFs::Composed(parts) = host_root(None).unwrap() else { panic!("not composed") };
        let usr = parts.iter().find_map(|part| match part {
            Part::CopyOnWrite { name, lower } if name == Path::new("usr") => Some(lower),
            _ => None,
        });
        assert_eq!(usr, Some(&PathBuf::from("/usr")));
        let proc =
            |part: &Part| matches!(part, Part::Directory { name, .. } if name == Path::new("proc"));
        assert!(parts.iter().any(proc));
    }
}
