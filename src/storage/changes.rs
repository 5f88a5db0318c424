//! What a sandbox has changed of what it was made of.
//!
//! All of it is in the upper directory of its overlay; [`Merged`] tells what was
//! there before. Mount points are no changes: whoever starts a sandbox makes them.

use std::{
    ffi::OsString,
    io::Write,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use super::{
    Error, Store, StoredSandbox,
    entry::quote,
    merged::{Found, Merged, hides, is_opaque, there},
    owners::{self, Recorded},
    rootfs::{contains, stack},
    sandbox_dir::{LENT, UPPER, WORK},
    tree_tar::{Owner, TreeTar, check_depth, copy_error, inside},
};
use crate::{
    oci::{Image, KeepId},
    sys::{
        self,
        fs::{Stat, is_directory, open_directory, open_directory_at, stat_at},
    },
};

/// What a sandbox was made of.
#[derive(Debug, Clone, Copy)]
pub enum Lower<'a> {
    Image(&'a Image),
    /// A directory of the host.
    Directory(&'a Path),
}

/// The files of a sandbox, and which of them it has changed.
#[derive(Debug)]
pub struct Changes {
    /// Topmost first; the first is what the sandbox has changed, if it has.
    layers: Vec<PathBuf>,
    has_upper: bool,
    /// Which ids of the sandbox are the caller's.
    keep: Option<KeepId>,
    /// Owners that could not be stored, of each layer.
    owners: Vec<Recorded>,
    /// Where something is mounted, relative to the root.
    mount_points: Vec<PathBuf>,
}

/// How the name of a whiteout begins.
const WHITEOUT: &str = ".wh.";

/// How a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    Added,
    Changed,
    Deleted,
}

impl Store {
    /// What `sandbox`, in which the ids of `keep` are the caller's, has changed of
    /// `lower`; `mount_points` are absolute paths.
    ///
    /// # Errors
    /// [`Error::ChangesInMemory`] if they are not on disk.
    pub fn changes(
        &self,
        sandbox: &StoredSandbox,
        lower: Lower<'_>,
        keep: Option<KeepId>,
        mount_points: &[PathBuf],
    ) -> Result<Changes, Error> {
        let in_memory = || Error::ChangesInMemory(sandbox.id().into());
        let upper = sandbox.path().join(UPPER);
        let has_upper = upper.exists();
        // What overlayfs makes for itself is there once it was mounted there.
        if has_upper && !sandbox.path().join(WORK).join(WORK).exists() {
            return Err(in_memory());
        }
        let mut layers: Vec<PathBuf> = has_upper.then_some(upper).into_iter().collect();
        let mut owners: Vec<Recorded> = layers.iter().map(|_| Recorded::new()).collect();
        match lower {
            Lower::Directory(path) if contains(path, sandbox.path()) => return Err(in_memory()),
            Lower::Directory(path) => layers.push(path.into()),
            Lower::Image(image) => {
                // The layers have the owners, of which that one lends the rest.
                layers.extend(Some(sandbox.path().join(LENT)).filter(|lent| lent.exists()));
                owners.resize_with(layers.len(), Recorded::new);
                let layers_for_it = self.seen_by(keep);
                for diff_id in stack(&image.config.rootfs.diff_ids) {
                    let layer = layers_for_it.layer_at(diff_id);
                    layers.push(layer.join("fs"));
                    let read = owners::read(&layer.join("owners"));
                    owners.push(read.map_err(|source| self.failed(source))?);
                }
            }
        }
        layers.push(self.skeleton()?);
        owners.resize_with(layers.len(), Recorded::new);
        let relative = |path: &PathBuf| path.strip_prefix("/").unwrap_or(path).to_path_buf();
        let mount_points = mount_points.iter().map(relative).collect();
        Ok(Changes { layers, has_upper, keep, owners, mount_points })
    }
}

impl Changes {
    /// The paths that differ, in order, absolute.
    ///
    /// # Errors
    /// If something cannot be read.
    pub fn list(&self) -> Result<Vec<(Difference, PathBuf)>, Error> {
        let mut list = Vec::new();
        self.walk(&mut |item| {
            list.push((item.difference, Path::new("/").join(item.path)));
            Ok(())
        })?;
        list.sort_by(|(_, a), (_, b)| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
        Ok(list)
    }

    /// Writes what has changed as the tar of a layer (image-spec, `layer.md`).
    ///
    /// # Errors
    /// If something cannot be read, or `output` not be written;
    /// [`Error::LooksDeleted`] of what no layer can hold.
    pub fn write_layer<W: Write>(&self, output: W) -> Result<W, Error> {
        let mut tar = TreeTar::new(output, self.keep);
        self.walk(&mut |item| {
            let name = item.path.file_name().unwrap_or_default();
            if name.as_bytes().starts_with(WHITEOUT.as_bytes()) {
                return Err(Error::LooksDeleted(quote(item.path.as_os_str())));
            }
            if item.difference == Difference::Deleted {
                let mut mark = OsString::from(WHITEOUT);
                mark.push(name);
                return match item.is_implied {
                    true => Ok(()),
                    false => tar.add_mark(&item.path.with_file_name(mark)),
                };
            }
            tar.add(item.path, item.directory, Path::new(name), item.owner)?;
            match item.is_opaque {
                true => tar.add_mark(&item.path.join(".wh..wh..opq")),
                false => Ok(()),
            }
        })?;
        tar.finish()
    }

    /// Writes all files as one tar, as the sandbox sees them, without what is
    /// mounted on them.
    ///
    /// # Errors
    /// If something cannot be read, or `output` not be written.
    pub fn write_all<W: Write>(&self, output: W) -> Result<W, Error> {
        let mut tar = TreeTar::new(output, self.keep);
        let root =
            Merged::open(&self.layers).map_err(|source| copy_error(Path::new(""), source))?;
        self.add_merged(&mut tar, Path::new(""), &root)?;
        tar.finish()
    }

    fn add_merged<W: Write>(
        &self,
        tar: &mut TreeTar<W>,
        path: &Path,
        directory: &Merged,
    ) -> Result<(), Error> {
        check_depth(path)?;
        let failed = |source| copy_error(path, source);
        for name in directory.names().map_err(failed)? {
            let (path, name) = (path.join(&name), Path::new(&name));
            let found = directory.find(name).map_err(failed)?;
            let Some(Found { layer, stat, directory: inner }) = found else { continue };
            let Some(part) = directory.part(layer) else { continue };
            tar.add(&path, part, name, self.owner(&path, layer, &stat))?;
            inner.map_or(Ok(()), |inner| self.add_merged(tar, &path, &inner))?;
        }
        Ok(())
    }

    /// The owner that the layer could not store. With a single id, a file that
    /// was copied up has lost it, too, so the layers below are asked as well.
    fn owner(&self, path: &Path, layer: usize, stat: &Stat) -> Owner {
        let below = self.owners.get(layer..).unwrap_or_default();
        let recorded = below.iter().find_map(|owners| owners.get(path).copied());
        let (uid, gid) = inside(stat, self.keep);
        recorded.filter(|_| uid == 0 || gid == 0)
    }

    /// Visits what has changed, directories before what is in them.
    fn walk(&self, visit: Visit<'_>) -> Result<(), Error> {
        let failed = |source| copy_error(Path::new(""), source);
        let [upper, lower @ ..] = self.layers.as_slice() else { return Ok(()) };
        if !self.has_upper {
            return Ok(());
        }
        let upper = open_directory(upper).map_err(failed)?;
        let lower = Merged::open(lower).map_err(failed)?;
        self.walk_directory(Path::new(""), &upper, Below { files: &lower, is_cut: false }, visit)
    }

    fn walk_directory(
        &self,
        path: &Path,
        upper: &OwnedFd,
        below: Below<'_>,
        visit: Visit<'_>,
    ) -> Result<(), Error> {
        check_depth(path)?;
        let failed = |source| copy_error(path, source);
        let mut names: Vec<OsString> =
            sys::fs::entries(upper).map_err(failed)?.into_iter().map(|entry| entry.name).collect();
        names.sort();
        for name in names {
            let path = path.join(&name);
            if !self.is_mount_point(&path) {
                self.walk_name(&path, upper, below, visit)?;
            }
        }
        Ok(())
    }

    fn walk_name(
        &self,
        path: &Path,
        upper: &OwnedFd,
        Below { files, is_cut }: Below<'_>,
        visit: Visit<'_>,
    ) -> Result<(), Error> {
        let failed = |source| copy_error(path, source);
        let name = Path::new(path.file_name().unwrap_or_default());
        let Some(stat) = there(stat_at(upper, name)).map_err(failed)? else { return Ok(()) };
        let below = files.find(name).map_err(failed)?;
        if hides(upper, name, &stat).map_err(failed)? {
            return match below {
                Some(_) => visit(&Item::deleted(path, upper, is_cut)),
                None => Ok(()),
            };
        }
        let difference = if below.is_some() { Difference::Changed } else { Difference::Added };
        let owner = self.owner(path, 0, &stat);
        let inner = match is_directory(&stat) {
            true => there(open_directory_at(upper, name)).map_err(failed)?,
            false => None,
        };
        let Some(inner) = inner else {
            let item = Item { owner, difference, ..Item::deleted(path, upper, false) };
            return visit(&item);
        };
        if self.only_holds_mount_points(path, &inner, below.as_ref(), &stat).map_err(failed)? {
            return Ok(());
        }
        let is_opaque = is_opaque(&inner).map_err(failed)?;
        visit(&Item { path, directory: upper, difference, owner, is_opaque, is_implied: false })?;
        let files = &below.and_then(|below| below.directory).unwrap_or_default();
        let is_cut = is_cut || is_opaque;
        if is_cut {
            hidden(path, &inner, files, visit)?;
        }
        self.walk_directory(path, &inner, Below { files, is_cut }, visit)
    }

    fn is_mount_point(&self, path: &Path) -> bool {
        self.mount_points.iter().any(|mount_point| mount_point == path)
    }

    /// Whether a directory was made, or copied up, only for a mount point.
    fn only_holds_mount_points(
        &self,
        path: &Path,
        directory: &OwnedFd,
        below: Option<&Found>,
        stat: &Stat,
    ) -> sys::Result<bool> {
        let leads_to_one = |path: &Path| self.mount_points.iter().any(|it| it.starts_with(path));
        let is_changed = below.is_some_and(|below| {
            let kind = |stat: &Stat| (stat.st_mode, stat.st_uid, stat.st_gid);
            kind(&below.stat) != kind(stat)
        });
        if is_changed || !leads_to_one(path) {
            return Ok(false);
        }
        for entry in sys::fs::entries(directory)? {
            let (inner, name) = (path.join(&entry.name), Path::new(&entry.name));
            if self.is_mount_point(&inner) {
                continue;
            }
            if !entry.is_directory || !leads_to_one(&inner) {
                return Ok(false);
            }
            let Some(directory) = there(open_directory_at(directory, name))? else { continue };
            if !self.only_holds_mount_points(&inner, &directory, None, stat)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What was there before a directory was changed.
#[derive(Debug, Clone, Copy)]
struct Below<'a> {
    files: &'a Merged,
    /// Whether nothing of it is to be seen any more.
    is_cut: bool,
}

/// Tells what an opaque directory hides and does not have itself.
fn hidden(path: &Path, upper: &OwnedFd, below: &Merged, visit: Visit<'_>) -> Result<(), Error> {
    let failed = |source| copy_error(path, source);
    for name in below.names().map_err(failed)? {
        let is_hidden = there(stat_at(upper, Path::new(&name))).map_err(failed)?.is_none();
        if is_hidden && below.find(Path::new(&name)).map_err(failed)?.is_some() {
            visit(&Item::deleted(&path.join(&name), upper, true))?;
        }
    }
    Ok(())
}

/// Something that has changed.
#[derive(Debug)]
struct Item<'a> {
    /// Relative to the root.
    path: &'a Path,
    /// The directory, of what the sandbox has changed, that holds it.
    directory: &'a OwnedFd,
    difference: Difference,
    owner: Owner,
    /// Whether it hides all that was in it.
    is_opaque: bool,
    /// Whether it is deleted with all else that its directory held.
    is_implied: bool,
}

type Visit<'v> = &'v mut dyn FnMut(&Item<'_>) -> Result<(), Error>;

impl<'a> Item<'a> {
    fn deleted(path: &'a Path, directory: &'a OwnedFd, is_implied: bool) -> Self {
        let difference = Difference::Deleted;
        Self { path, directory, difference, owner: None, is_opaque: false, is_implied }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::{
        oci::DiffId,
        storage::{
            resolve::make_opaque,
            testing::{Member, TempDir, diff_id, documents, store, tar_of},
        },
        sys::fs::{set_xattr, whiteout_at},
    };

    /// An image, and a sandbox of it that has changed nothing yet.
    fn sandbox(store: &Store, members: &[Member]) -> (Image, PathBuf, StoredSandbox) {
        let tar = tar_of(members);
        store.add_layer(&diff_id(&tar), &mut tar.as_slice()).unwrap();
        let (manifest, config) = documents(&diff_id(&tar));
        let image = store.put_image("image", &manifest, &config).unwrap();
        let made = store.create_sandbox("0a0b", None).unwrap();
        let (upper, work) = made.changes(0o755).unwrap();
        fs::create_dir(work.join(WORK)).unwrap();
        fs::write(made.path().join("config.json"), "").unwrap();
        let stored = store.sandbox("0a0b").unwrap();
        std::mem::forget(made); // It goes with the test's directory.
        (image, upper, stored)
    }

    fn image() -> [Member; 9] {
        [
            Member::directory("etc", 0o755),
            Member::file("etc/kept", "1").owner(7, 8),
            Member::file("etc/gone", "1"),
            Member::file("etc/hosts", "1"),
            Member::directory("opaque", 0o750),
            Member::file("opaque/hidden", "1"),
            Member::file("opaque/again", "1"),
            Member::directory("mnt", 0o755),
            Member::directory("var", 0o755),
        ]
    }

    /// Changes some of it, as overlayfs would.
    fn change(upper: &Path) {
        for directory in ["etc", "opaque", "new/deep", "mnt/volume", "var/only/mount"] {
            fs::create_dir_all(upper.join(directory)).unwrap();
        }
        fs::set_permissions(upper.join("opaque"), PermissionsExt::from_mode(0o750)).unwrap();
        for file in ["etc/hosts", "etc/kept", "opaque/again", "new/deep/file"] {
            fs::write(upper.join(file), "2").unwrap();
        }
        let upper = open_directory(upper).unwrap();
        let etc = open_directory_at(&upper, Path::new("etc")).unwrap();
        whiteout_at(&etc, Path::new("gone")).unwrap();
        whiteout_at(&etc, Path::new("never-there")).unwrap();
        make_opaque(&upper, Path::new("opaque")).unwrap();
        set_xattr(&etc, "user.overlay.impure".as_ref(), b"y").unwrap();
    }

    fn mount_points() -> [PathBuf; 3] {
        ["/etc/hosts", "/mnt/volume", "/var/only/mount"].map(PathBuf::from)
    }

    fn names(tar: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(tar);
        let name = |entry: Result<tar::Entry<'_, &[u8]>, _>| {
            String::from_utf8(entry.unwrap().path_bytes().into_owned()).unwrap()
        };
        archive.entries().unwrap().map(name).collect()
    }

    #[test]
    fn what_was_added_changed_and_deleted_is_told() {
        let temp = TempDir::new();
        let store = store(&temp);
        let (image, upper, stored) = sandbox(&store, &image());
        change(&upper);
        let changes = store.changes(&stored, Lower::Image(&image), None, &mount_points()).unwrap();
        let letter = |difference| match difference {
            Difference::Added => "A",
            Difference::Changed => "C",
            Difference::Deleted => "D",
        };
        let list = changes.list().unwrap();
        let list: Vec<_> = list
            .iter()
            .map(|(difference, path)| format!("{} {}", letter(*difference), path.display()))
            .collect();
        assert_eq!(
            list,
            [
                "C /etc",
                "D /etc/gone",
                "C /etc/kept",
                "A /new",
                "A /new/deep",
                "A /new/deep/file",
                "C /opaque",
                "C /opaque/again",
                "D /opaque/hidden",
            ]
        );
    }

    #[test]
    fn a_layer_says_what_is_gone_and_whose_files_are() {
        let temp = TempDir::new();
        let store = store(&temp);
        let (image, upper, stored) = sandbox(&store, &image());
        change(&upper);
        let changes = store.changes(&stored, Lower::Image(&image), None, &mount_points()).unwrap();
        let tar = changes.write_layer(Vec::new()).unwrap();
        assert_eq!(
            names(&tar),
            [
                "etc/",
                "etc/.wh.gone",
                "etc/kept",
                "new/",
                "new/deep/",
                "new/deep/file",
                "opaque/",
                "opaque/.wh..wh..opq",
                "opaque/again",
            ]
        );
        let mut archive = tar::Archive::new(tar.as_slice());
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            if entry.path_bytes().as_ref() == b"etc/kept" {
                // As for us in the domain, whose only id is 0.
                let ours = nix::unistd::geteuid().is_root();
                let owner = (entry.header().uid().unwrap(), entry.header().gid().unwrap());
                assert_eq!(owner == (7, 8), ours, "{owner:?}");
            }
            let records = entry.pax_extensions().unwrap().into_iter().flatten();
            let mut keys = records.map(|record| record.unwrap().key().unwrap().to_owned());
            assert!(!keys.any(|key| key.contains("overlay")));
        }
        let layer: DiffId = store.import_layer(&mut tar.as_slice()).unwrap();
        assert_eq!(layer, diff_id(&tar));
    }

    #[test]
    fn a_file_is_not_taken_for_a_whiteout() {
        let temp = TempDir::new();
        let store = store(&temp);
        let (image, upper, stored) = sandbox(&store, &image());
        fs::create_dir(upper.join("etc")).unwrap();
        fs::write(upper.join("etc/.wh.kept"), "").unwrap();
        let changes = store.changes(&stored, Lower::Image(&image), None, &[]).unwrap();
        let error = changes.write_layer(Vec::new()).unwrap_err().to_string();
        assert!(error.starts_with("a layer cannot hold `etc/.wh.kept`"), "{error}");
    }

    #[test]
    fn all_files_are_seen_through_the_layers() {
        let temp = TempDir::new();
        let store = store(&temp);
        let (image, upper, stored) = sandbox(&store, &image());
        change(&upper);
        let changes = store.changes(&stored, Lower::Image(&image), None, &[]).unwrap();
        let tar = changes.write_all(Vec::new()).unwrap();
        let names = names(&tar);
        for name in ["etc/kept", "etc/resolv.conf", "opaque/again", "new/deep/file", "proc/"] {
            assert_eq!(names.iter().filter(|it| *it == name).count(), 1, "{name} {names:?}");
        }
        for name in ["etc/gone", "opaque/hidden", "etc/never-there"] {
            assert!(!names.iter().any(|it| it == name), "{name}");
        }
    }

    #[test]
    fn changes_that_are_not_on_disk_are_not_taken_for_none() {
        let temp = TempDir::new();
        let store = store(&temp);
        let (image, upper, stored) = sandbox(&store, &image());
        fs::remove_dir(upper.parent().unwrap().join("work/work")).unwrap();
        let error = store.changes(&stored, Lower::Image(&image), None, &[]).unwrap_err();
        assert_eq!(error.to_string(), "the changes of 0a0b are kept in memory");
        let error = store.changes(&stored, Lower::Directory(temp.path()), None, &[]).unwrap_err();
        assert_eq!(error.to_string(), "the changes of 0a0b are kept in memory");
        fs::remove_dir(upper).unwrap();
        let changes = store.changes(&stored, Lower::Image(&image), None, &[]).unwrap();
        assert_eq!(changes.list().unwrap(), []);
    }
}
