//! Directories that a layer has without saying so.
//!
//! A layer may list `tmp/file` and not `tmp/`: then `tmp` is what it was in the
//! layers below, with one file more. overlayfs shows the attributes of the
//! topmost layer that has the directory, which here would be none that anybody
//! chose. As one layer serves many images, nothing of it can be mended; so
//!
//! - whoever unpacks a layer lists such directories in its file `implied`, a NUL
//!   after each, and
//! - whoever stacks layers looks for the attributes that count ([`find`]), and
//!   makes directories that have them and are empty ([`mend`]), to lie on top.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    io::ErrorKind,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::merged::is_opaque;
use crate::sys::{
    self, Named,
    fs::{
        Timespec, Timestamps, fchmod, fchown, mkdir, open_directory, set_times, set_xattr, xattr,
        xattr_names,
    },
};

/// More than this are left as they are.
pub(super) const MOST: usize = 10_000;

const LIST: &str = "implied";
const OVERLAY: &[u8] = b"user.overlay.";

/// Lists the directories, relative to `fs`, of the layer in this directory.
pub(super) fn record(layer: &Path, directories: &[PathBuf]) -> sys::Result<()> {
    if directories.is_empty() {
        return Ok(());
    }
    let path = layer.join(LIST);
    let list = directories.iter().flat_map(|dir| [dir.as_os_str().as_bytes(), b"\0"]);
    fs::write(&path, list.collect::<Vec<_>>().concat()).named(|| format!("write({path:?})"))
}

/// Makes directories below `into` that lend their attributes to those that the
/// layers imply, the topmost layer first; false if there are none to make.
pub(super) fn mend(layers: &[PathBuf], into: &Path) -> sys::Result<bool> {
    let layers: Vec<Layer> = layers.iter().map(|path| Layer::open(path)).collect();
    let implied = layers.iter().flat_map(|layer| &layer.implied);
    let wrong = implied.filter(|path| find(&layers, path).is_some_and(|found| found.is_hidden));
    // On top, every directory on the way lends its attributes.
    let ways = wrong.flat_map(|path| path.ancestors());
    let lent: BTreeSet<&Path> = ways.filter(|path| !path.as_os_str().is_empty()).collect();
    if lent.is_empty() {
        return Ok(false);
    }
    make(into)?;
    lent.iter().try_for_each(|path| make(&into.join(path)))?;
    // What is in a directory comes first: it changes the time.
    let mut deepest_first = lent.iter().rev();
    deepest_first.try_for_each(|path| match find(&layers, path) {
        Some(found) => copy_attributes(&found.path, &into.join(path)),
        None => Ok(()),
    })?;
    Ok(true)
}

fn make(path: &Path) -> sys::Result<()> {
    match mkdir(path, 0o700) {
        Err(error) if error.errno == Errno::EEXIST => Ok(()), // When it ran before.
        made => made,
    }
}

/// A layer of a stack.
struct Layer {
    fs: PathBuf,
    implied: BTreeSet<PathBuf>,
}

impl Layer {
    /// One without a list was unpacked by a version that made none, or implies
    /// nothing.
    fn open(path: &Path) -> Self {
        let list = fs::read(path.join(LIST)).unwrap_or_default();
        let paths = list.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        let implied = paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
        Self { fs: path.join("fs"), implied }
    }

    fn says(&self, path: &Path) -> Said {
        let mut place = self.fs.clone();
        let mut is_new = false; // Whether a directory above hides the layers below.
        for name in path {
            is_new = is_new || is_cut(&place);
            place.push(name);
            match fs::symlink_metadata(&place) {
                Ok(there) if there.is_dir() => {}
                Err(error) if error.kind() == ErrorKind::NotFound && !is_new => {
                    return Said::Nothing;
                }
                _ => return Said::Other,
            }
        }
        Said::Directory { is_new }
    }
}

/// What a layer says of a path; those below are seen, too, unless it is `Other`,
/// or `is_new`.
enum Said {
    Directory { is_new: bool },
    Nothing,
    Other,
}

/// Where a directory has the attributes that count.
struct Found {
    path: PathBuf,
    /// Whether a layer above has the directory, too.
    is_hidden: bool,
}

/// Looks for a directory; none if the image has no such.
fn find(layers: &[Layer], path: &Path) -> Option<Found> {
    let mut topmost = None;
    for layer in layers {
        let place = layer.fs.join(path);
        match layer.says(path) {
            Said::Nothing => {}
            Said::Other => break,
            Said::Directory { is_new } => {
                let is_hidden = topmost.is_some();
                if !layer.implied.contains(path) {
                    return Some(Found { path: place, is_hidden });
                }
                topmost.get_or_insert(place);
                if is_new {
                    break;
                }
            }
        }
    }
    topmost.map(|path| Found { path, is_hidden: false })
}

fn is_cut(directory: &Path) -> bool {
    open_directory(directory).and_then(|dir| is_opaque(&dir)).unwrap_or(false)
}

/// As well as we can: owners and attributes of another user's store may be out
/// of our reach, and labels of security modules always are.
fn copy_attributes(from: &Path, to: &Path) -> sys::Result<()> {
    let there = fs::symlink_metadata(from).named(|| format!("lstat({from:?})"))?;
    let from = open_directory(from);
    let to = open_directory(to)?;
    let _ = fchown(&to, there.uid(), there.gid());
    fchmod(&to, there.mode() & 0o7777)?;
    if let Ok(from) = from {
        for name in xattr_names(&from).unwrap_or_default() {
            if let Ok(Some(value)) = xattr(&from, &name)
                && !name.as_bytes().starts_with(OVERLAY)
            {
                let _ = set_xattr(&to, &name, &value);
            }
        }
    }
    let modified = Timespec { tv_sec: there.mtime(), tv_nsec: there.mtime_nsec() };
    set_times(&to, &Timestamps { last_access: modified, last_modification: modified })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::storage::testing::{Member, TempDir, diff_id, store, tar_of};

    /// What `mend` makes of these layers, the lowest first: paths and modes.
    fn mended(layers: &[Vec<Member>]) -> Vec<(String, u32)> {
        let temp = TempDir::new();
        let store = store(&temp);
        let mut stack = Vec::new();
        for members in layers {
            let tar = tar_of(members);
            let id = diff_id(&tar);
            store.add_layer(&id, &mut tar.as_slice()).unwrap();
            stack.insert(0, store.layer_at(&id));
        }
        let into = temp.path().join("lent");
        assert_eq!(mend(&stack, &into).unwrap(), into.exists());
        let first = tree(&into, "");
        mend(&stack, &into).unwrap();
        assert_eq!(tree(&into, ""), first, "a second time");
        first
    }

    fn tree(root: &Path, below: &str) -> Vec<(String, u32)> {
        let Ok(entries) = fs::read_dir(root.join(below)) else { return Vec::new() };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.unwrap();
            let path = Path::new(below).join(entry.file_name()).to_str().unwrap().to_owned();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
            found.push((path.clone(), mode));
            found.extend(tree(root, &path));
        }
        found.sort();
        found
    }

    fn directories(names: &[(&str, u32)]) -> Vec<Member> {
        names.iter().map(|(name, mode)| Member::directory(name, *mode)).collect()
    }

    #[test]
    fn what_is_implied_is_as_it_was_below() {
        let base = || directories(&[("a/", 0o700), ("a/tmp/", 0o1777), ("b/", 0o750)]);
        let file = |name| vec![Member::file(name, "x")];
        let all = [("a".to_owned(), 0o700), ("a/tmp".to_owned(), 0o1777)];
        assert_eq!(mended(&[base(), file("a/tmp/x")]), all);
        assert_eq!(mended(&[base(), file("a/tmp/x"), file("a/tmp/y")]), all);
        assert_eq!(mended(&[base(), file("a/x")]), all[..1]);
        // Said before or after what is in it.
        let late = vec![Member::file("b/x", ""), Member::directory("b/", 0o700)];
        assert_eq!(mended(&[base(), late]), []);
        assert_eq!(mended(&[base(), file("b/x"), directories(&[("b/", 0o711)])]), []);
        // There was no such directory.
        assert_eq!(mended(&[base(), file("c/d/x")]), []);
        assert_eq!(mended(&[file("c/d/x"), file("c/d/y")]), []);
    }

    #[test]
    fn what_was_removed_lends_nothing() {
        let base = || directories(&[("a/", 0o700), ("a/b/", 0o711)]);
        let file = |name| Member::file(name, "x");
        assert_eq!(mended(&[base(), vec![Member::whiteout(".wh.a")], vec![file("a/b/x")]]), []);
        assert_eq!(mended(&[base(), vec![file("a")]]), []);
        assert_eq!(mended(&[base(), vec![file("a/b/x")], vec![Member::whiteout(".wh.a")]]), []);
        let opaque = vec![Member::whiteout("a/.wh..wh..opq"), file("a/b/x")];
        assert_eq!(mended(&[base(), opaque]), [("a".to_owned(), 0o700)]);
        for both in [[".wh.a", "a/x"], ["a/x", ".wh.a"]] {
            let members = both.map(|name| match name {
                ".wh.a" => Member::whiteout(name),
                _ => file(name),
            });
            assert_eq!(mended(&[base(), members.into()]), [], "{both:?}");
        }
    }

    #[test]
    fn links_of_layers_are_not_followed() {
        let canary = TempDir::new();
        fs::set_permissions(canary.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let target = canary.path().to_str().unwrap();
        let link = vec![Member::symlink("a", target)];
        assert_eq!(mended(&[link.clone(), vec![Member::file("a/x", "")]]), []);
        assert_eq!(mended(&[vec![Member::file("a/x", "")], link.clone()]), []);
        let directory = directories(&[("a/", 0o700)]);
        assert_eq!(mended(&[directory, link, vec![Member::file("a/x", "")]]), []);
    }
}
