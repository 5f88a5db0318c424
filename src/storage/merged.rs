//! What overlayfs would show: the same directory of several layers as one.
//!
//! Read by hand, so that nothing needs to be mounted, and what a sandbox has
//! changed can be told from what it was made of, whether it runs or not. Every
//! step is by descriptor and by a single name, which nothing follows if it is a
//! link.
//!
//! The rules are those of the kernel's `filesystems/overlayfs.rst`, with
//! `userxattr`: a character device 0:0 hides what is below it, and so does a
//! directory with the attribute `user.overlay.opaque`. Layers that hold
//! whiteouts as files (`user.overlay.whiteout`) are read, too.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    io::Read,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use crate::sys::{
    self,
    fs::{
        Stat, entries, is_directory, is_file, is_whiteout, open_directory, open_directory_at,
        open_file_at, stat_at, xattr,
    },
};

/// How the attributes begin that overlayfs keeps its notes in.
pub(super) const NOTES: &str = "user.overlay.";

/// A directory, and what it is made of, topmost layer first.
#[derive(Debug, Default)]
pub(super) struct Merged(Vec<Part>);

#[derive(Debug)]
struct Part {
    layer: usize,
    directory: OwnedFd,
}

/// What a name in such a directory stands for.
#[derive(Debug)]
pub(super) struct Found {
    /// The topmost layer that has it.
    pub(super) layer: usize,
    pub(super) stat: Stat,
    /// What is in it, of a directory.
    pub(super) directory: Option<Merged>,
}

impl Merged {
    /// The root of these layers, topmost first.
    pub(super) fn open(layers: &[PathBuf]) -> sys::Result<Self> {
        let mut parts = Vec::new();
        for (layer, path) in layers.iter().enumerate() {
            let directory = open_directory(path)?;
            let is_last = is_opaque(&directory)?;
            parts.push(Part { layer, directory });
            if is_last {
                break;
            }
        }
        Ok(Self(parts))
    }

    /// All names in any layer, those that are hidden included; in order.
    pub(super) fn names(&self) -> sys::Result<BTreeSet<OsString>> {
        let mut names = BTreeSet::new();
        for part in &self.0 {
            names.extend(entries(&part.directory)?.into_iter().map(|entry| entry.name));
        }
        Ok(names)
    }

    /// What `name` stands for; none if there is nothing, or it is hidden.
    pub(super) fn find(&self, name: &Path) -> sys::Result<Option<Found>> {
        let mut found: Option<(usize, Stat)> = None;
        let mut parts = Vec::new();
        for Part { layer, directory } in &self.0 {
            let Some(stat) = there(stat_at(directory, name))? else { continue };
            if hides(directory, name, &stat)? || (found.is_some() && !is_directory(&stat)) {
                break;
            }
            found.get_or_insert((*layer, stat));
            if !is_directory(&stat) {
                break;
            }
            let Some(inner) = there(open_directory_at(directory, name))? else { continue };
            let is_last = is_opaque(&inner)?;
            parts.push(Part { layer: *layer, directory: inner });
            if is_last {
                break;
            }
        }
        Ok(found.map(|(layer, stat)| Found {
            layer,
            stat,
            directory: is_directory(&stat).then_some(Self(parts)),
        }))
    }

    /// The directory itself, in this layer.
    pub(super) fn part(&self, layer: usize) -> Option<&OwnedFd> {
        self.0.iter().find(|part| part.layer == layer).map(|part| &part.directory)
    }
}

/// The text of a small file of a root file system, such as `etc/passwd`, that these
/// directories show, topmost first; none if it is no regular file of at most `limit`
/// bytes, lies behind a link, or cannot be read.
pub fn text_in(layers: &[PathBuf], path: &Path, limit: u64) -> Option<String> {
    let mut directory = Merged::open(layers).ok()?;
    for step in path.parent().into_iter().flat_map(Path::iter) {
        directory = directory.find(Path::new(step)).ok()??.directory?;
    }
    let name = Path::new(path.file_name()?);
    let found = directory.find(name).ok()??;
    let file = open_file_at(directory.part(found.layer)?, name).ok()?;
    let mut text = String::new();
    file.metadata().ok().filter(fs::Metadata::is_file)?;
    file.take(limit + 1).read_to_string(&mut text).ok()?;
    Some(text).filter(|text| text.len() as u64 <= limit)
}

/// Nothing, if it has gone since its name was read.
pub(super) fn there<T>(result: sys::Result<T>) -> sys::Result<Option<T>> {
    match result {
        Err(error) if matches!(error.errno, Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {
            Ok(None)
        }
        result => result.map(Some),
    }
}

/// Whether what the layers below have by this name is deleted.
pub(super) fn hides(directory: &OwnedFd, name: &Path, stat: &Stat) -> sys::Result<bool> {
    if !is_file(stat) || stat.st_size != 0 {
        return Ok(is_whiteout(stat));
    }
    let Some(file) = there(open_file_at(directory, name))? else { return Ok(false) };
    xattr(file, "user.overlay.whiteout".as_ref()).map(|it| it.is_some())
}

/// Whether nothing that the layers below have in this directory is to be seen.
pub(super) fn is_opaque(directory: &OwnedFd) -> sys::Result<bool> {
    // `x` says that whiteouts may be files.
    xattr(directory, "user.overlay.opaque".as_ref()).map(|value| value.as_deref() == Some(b"y"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        storage::{resolve::make_opaque, testing::TempDir},
        sys::fs::{set_xattr, whiteout_at},
    };

    /// `names` in a directory, as the kernel would list them.
    fn shown(directory: &Merged) -> Vec<String> {
        let names = directory.names().unwrap().into_iter();
        let names = names.filter(|name| directory.find(Path::new(name)).unwrap().is_some());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn layers_are_seen_as_one() {
        let temp = TempDir::new();
        let layers = ["top", "middle", "bottom"].map(|layer| temp.path().join(layer));
        for (layer, file) in [
            (2, "d/deleted"),
            (2, "d/changed"),
            (2, "d/file/below"),
            (2, "opaque/hidden"),
            (2, "by-file"),
            (1, "d/changed"),
            (1, "d/file"),
            (1, "opaque/middle"),
            (0, "d/new"),
            (0, "opaque/new"),
            (0, "by-file"),
        ] {
            let path = layers[layer].join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, if file == "by-file" { "" } else { "x" }).unwrap();
        }
        let top = open_directory(&layers[0]).unwrap();
        whiteout_at(open_directory_at(&top, Path::new("d")).unwrap(), Path::new("deleted"))
            .unwrap();
        make_opaque(open_directory(&layers[1]).unwrap(), Path::new("opaque")).unwrap();
        let by_file = fs::File::open(layers[0].join("by-file")).unwrap();
        set_xattr(by_file, "user.overlay.whiteout".as_ref(), b"y").unwrap();

        let root = Merged::open(&layers).unwrap();
        assert_eq!(shown(&root), ["d", "opaque"]);
        let d = root.find(Path::new("d")).unwrap().unwrap();
        assert_eq!(d.layer, 0);
        let d = d.directory.unwrap();
        assert_eq!(shown(&d), ["changed", "file", "new"]);
        assert_eq!(d.find(Path::new("changed")).unwrap().unwrap().layer, 1);
        assert!(d.find(Path::new("file")).unwrap().unwrap().directory.is_none());
        let opaque = root.find(Path::new("opaque")).unwrap().unwrap().directory.unwrap();
        assert_eq!(shown(&opaque), ["middle", "new"]);
    }
}
