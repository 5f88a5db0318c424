//! The directories that one sandbox writes to.

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::{
    Error, Store,
    collect::discard,
    cow::COW,
    implied,
    remove::{remove_content, remove_tree},
    sandboxes::{CONFIG, Claim, STATE},
    temporary::Draft,
};
use crate::{
    oci::ImageLimits,
    sys::{
        self,
        fs::{
            chmod, entries, fchmod, mkdir, open_directory, open_directory_at, rename_at, unlink_at,
        },
    },
};

/// How the directories that are kept for the next sandbox begin.
pub(super) const SPARE: &str = "spare-";
/// What overlayfs is told to keep changes in.
pub(super) const UPPER: &str = "upper";
/// What overlayfs is told to use for itself; it makes a directory of the same
/// name in there.
pub(super) const WORK: &str = "work";
/// Directories that lie above the layers (`implied.rs`).
pub(super) const LENT: &str = "lent";
/// What [`UPPER`] and overlayfs's own directory are called once they have had
/// their day.
const OLD_UPPER: &str = "old-upper";
const OLD_WORK: &str = "old-work";

/// What a sandbox changes. One that is not kept is removed when this is dropped.
///
/// The lock on the directory says that somebody starts, runs or removes the
/// sandbox. Were we killed, the next command would find that lock free, and
/// remove what was not to be kept.
///
/// # The spare
///
/// To make and to remove directories on disk takes longer than all the mounts
/// of a sandbox. So [`SandboxDir::remove`] removes what the sandbox wrote, but
/// puts the empty directories aside; the next sandbox takes them
/// (`Store::take_spare`), and removes what it must not use again
/// ([`SandboxDir::remove_old`]) while it waits for its own mounts anyway. That
/// is the upper directory, for whoever got hold of a file of the old sandbox may
/// still reach it, and overlayfs's own one, which says that it must not be
/// mounted again.
///
/// There is one spare for each map of ids. Whoever locks it may rename it, and
/// whoever brings one where one is removes his own.
#[derive(Debug)]
pub struct SandboxDir {
    pub(super) id: String,
    pub(super) root: PathBuf,
    pub(super) spare: PathBuf,
    pub(super) place: Place,
    pub(super) name: Option<Claim>,
    /// Whether what it writes need not survive the machine, though it is kept.
    pub(super) is_volatile: bool,
}

/// Where the directory is, and for how long.
#[derive(Debug)]
pub(super) enum Place {
    /// In `tmp`, as long as we live.
    Passing(Draft),
    /// In `sandboxes`, until it is removed; locked by us.
    Kept { path: PathBuf, _lock: OwnedFd },
}

impl Store {
    /// Makes the directories of a new sandbox, and lets `name` stand for it.
    ///
    /// # Errors
    /// If `name` is not safe, if another sandbox has it, or if the directories
    /// cannot be made.
    pub fn create_sandbox(&self, id: &str, name: Option<&str>) -> Result<SandboxDir, Error> {
        let name = name.map(|name| self.claim(name, id)).transpose()?;
        let draft = self.sandbox_draft(id).map_err(|source| self.failed(source))?;
        Ok(SandboxDir {
            id: id.into(),
            root: self.root.clone(),
            spare: self.spare(),
            place: Place::Passing(draft),
            name,
            is_volatile: true,
        })
    }

    /// Locked before it has its name: without the lock it would be taken for
    /// garbage.
    fn sandbox_draft(&self, id: &str) -> sys::Result<Draft> {
        let mut draft = match self.take_spare() {
            Some(draft) => draft,
            None => Draft::new_directory(&self.tmp())?,
        };
        draft.rename(&self.passing(id))?;
        Ok(draft)
    }

    /// The spare, made ready; none if there is none, or somebody else takes it.
    fn take_spare(&self) -> Option<Draft> {
        let draft = Draft::existing(&self.spare()).ok().flatten()?;
        // What fails to be made ready is removed.
        prepare(draft.path()).is_ok().then_some(draft)
    }
}

impl SandboxDir {
    /// The directory of the sandbox.
    pub fn path(&self) -> &Path {
        match &self.place {
            Place::Passing(draft) => draft.path(),
            Place::Kept { path, .. } => path,
        }
    }

    /// What nobody else is called.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it stays when it has ended.
    pub fn is_kept(&self) -> bool {
        matches!(self.place, Place::Kept { .. })
    }

    /// Removes everything that the sandbox wrote, and lets go of its name.
    ///
    /// # Errors
    /// If something of it cannot be removed.
    pub fn remove(self) -> Result<(), Error> {
        let Self { root, spare, place, mut name, .. } = self;
        let removed = match place {
            Place::Passing(draft) => put_aside(draft, &spare),
            Place::Kept { path, .. } => discard(&path, &root.join("tmp")).map(drop),
        };
        name.iter_mut().for_each(Claim::release);
        removed.map_err(|source| Error::Store { root, source })
    }

    /// Removes one that is kept, and lets go of its name; what cannot be removed
    /// stays under the path that is returned.
    pub(super) fn discard(&mut self) -> sys::Result<PathBuf> {
        let left = discard(self.path(), &self.root.join("tmp"))?;
        self.name.iter_mut().for_each(Claim::release);
        Ok(left)
    }

    /// Directories for what changes and for overlayfs, empty; what changes has
    /// exactly these permissions. Those of a sandbox that is kept hold what it
    /// changed when it ran before.
    pub(super) fn changes(&self, mode: u32) -> Result<(PathBuf, PathBuf), Error> {
        let (upper, work) = (self.path().join(UPPER), self.path().join(WORK));
        let make = || {
            match mkdir(&upper, mode) {
                Err(error) if error.errno == Errno::EEXIST && self.is_kept() => {}
                // The umask may have taken what others may do.
                made => made.and_then(|()| match mode & 0o7077 {
                    0 => Ok(()),
                    _ => chmod(&upper, mode),
                })?,
            }
            match mkdir(&work, 0o700) {
                Err(error) if error.errno == Errno::EEXIST => Ok(()), // The spare's, or ours.
                made => made,
            }
        };
        make().map_err(|source| Error::Store { root: self.root.clone(), source })?;
        Ok((upper, work))
    }

    /// Makes what these layers, the topmost first, need above them; none if they
    /// need nothing, or if overlayfs would not take one more.
    pub(super) fn lent_directories(&self, layers: &[PathBuf]) -> Result<Option<PathBuf>, Error> {
        let path = self.path().join(LENT);
        if layers.len() >= ImageLimits::LAYERS {
            return Ok(None);
        }
        let mended = implied::mend(layers, &path);
        let is_made = mended.map_err(|source| Error::Store { root: self.root.clone(), source })?;
        Ok(is_made.then_some(path))
    }

    /// To be called while nobody waits for us: removes what an earlier sandbox
    /// has left in its empty directories.
    pub fn remove_old(&self) {
        if let Ok(directory) = open_directory(self.path()) {
            for name in [OLD_UPPER, OLD_WORK] {
                let _ = remove_tree(&directory, Path::new(name));
            }
        }
    }
}

/// Empties the directories for the next sandbox, or removes them.
fn put_aside(mut draft: Draft, spare: &Path) -> sys::Result<()> {
    if empty(draft.path()).and_then(|()| draft.leave(spare)).is_ok() {
        return Ok(());
    }
    draft.discard()
}

/// Renames what is not to be used again: afterwards there is no upper directory,
/// and nothing where overlayfs is to work.
fn prepare(spare: &Path) -> sys::Result<()> {
    let directory = open_directory(spare)?;
    let work = Path::new(WORK);
    let renamed = [
        rename_at(&directory, Path::new(UPPER), &directory, Path::new(OLD_UPPER)),
        rename_at(&directory, &work.join(WORK), &directory, Path::new(OLD_WORK)),
    ];
    renamed.into_iter().try_for_each(|renamed| match renamed {
        Err(error) if error.errno != Errno::ENOENT => Err(error),
        _ => Ok(()),
    })
}

/// Removes what a sandbox wrote, but not its directories; and lets their owner
/// remove those without our help, which overlayfs does not.
///
/// Fails if overlayfs has left something but its note that the upper directory
/// is not to be mounted again: that might be half of a file.
fn empty(sandbox: &Path) -> sys::Result<()> {
    let sandbox = open_directory(sandbox)?;
    // A mark of a pause would not matter: it names its workload.
    for record in [CONFIG, STATE] {
        match unlink_at(&sandbox, Path::new(record)) {
            Err(error) if error.errno != Errno::ENOENT => return Err(error),
            _ => {}
        }
    }
    for own in [LENT, COW] {
        match remove_tree(&sandbox, Path::new(own)) {
            Err(error) if error.errno != Errno::ENOENT => return Err(error),
            _ => {}
        }
    }
    remove_content(open_directory_at(&sandbox, Path::new(UPPER))?)?;
    let mut directory = open_directory_at(&sandbox, Path::new(WORK))?;
    for [name, only] in [[WORK, "incompat"], ["incompat", "volatile"], ["volatile", "dirty"]] {
        directory = open_directory_at(&directory, Path::new(name))?;
        fchmod(&directory, 0o700)?;
        if entries(&directory)?.iter().any(|entry| entry.name != only) {
            let call = format!("getdents64({name:?})");
            return Err(sys::Error { call, errno: Errno::ENOTEMPTY });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::{TempDir, store};

    /// What overlayfs makes of them.
    fn mount(sandbox: &SandboxDir) {
        sandbox.changes(0o755).unwrap();
        let note = sandbox.path().join("work/work/incompat/volatile");
        std::fs::create_dir_all(&note).unwrap();
        std::fs::write(note.join("dirty"), "").unwrap();
        chmod(&note, 0o500).unwrap();
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = entries(open_directory(path).unwrap()).unwrap();
        let mut names: Vec<_> =
            entries.into_iter().map(|entry| entry.name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_next_sandbox_gets_directories_in_which_nothing_is() {
        let temp = TempDir::new();
        let store = store(&temp);
        let first = store.create_sandbox("first", None).unwrap();
        mount(&first);
        std::fs::create_dir_all(first.path().join("upper/etc/deep")).unwrap();
        std::fs::write(first.path().join("upper/etc/secret"), "").unwrap();
        let upper = sys::fs::lstat(&first.path().join("upper")).unwrap().st_ino;
        let work = sys::fs::lstat(&first.path().join("work")).unwrap().st_ino;
        first.remove().unwrap();
        assert_eq!(names(&store.tmp()), [""; 0]);
        assert_eq!(names(&store.spare().join("upper")), [""; 0]);
        std::fs::remove_file(store.spare().join("work/work/incompat/volatile/dirty")).unwrap();

        let second = store.create_sandbox("second", None).unwrap();
        mount(&second);
        second.remove_old();
        assert_eq!(names(second.path()), ["upper", "work"]);
        assert_ne!(sys::fs::lstat(&second.path().join("upper")).unwrap().st_ino, upper);
        assert_eq!(sys::fs::lstat(&second.path().join("work")).unwrap().st_ino, work);
        assert!(!store.spare().exists());
    }

    #[test]
    fn a_second_spare_is_removed() {
        let temp = TempDir::new();
        let store = store(&temp);
        let sandboxes = ["a", "b", "c"].map(|id| store.create_sandbox(id, None).unwrap());
        for sandbox in sandboxes {
            mount(&sandbox);
            sandbox.remove().unwrap();
        }
        assert_eq!(names(&store.tmp()), [""; 0]);
        assert_eq!(names(&store.tmp()), [""; 0]);
        assert_eq!(names(&store.spare()), ["upper", "work"]);
    }

    #[test]
    fn what_overlayfs_left_half_made_is_not_put_aside() {
        let temp = TempDir::new();
        let store = store(&temp);
        let sandbox = store.create_sandbox("half", None).unwrap();
        mount(&sandbox);
        std::fs::write(sandbox.path().join("work/work/#1"), "half").unwrap();
        sandbox.remove().unwrap();
        assert!(!store.spare().exists());
        assert_eq!(names(&store.tmp()), [""; 0]);
    }

    #[test]
    fn a_spare_that_somebody_takes_is_left_to_him() {
        let temp = TempDir::new();
        let store = store(&temp);
        let sandbox = store.create_sandbox("first", None).unwrap();
        mount(&sandbox);
        sandbox.remove().unwrap();
        let other = Draft::existing(&store.spare()).unwrap().unwrap();
        let second = store.create_sandbox("second", None).unwrap();
        assert_eq!(names(second.path()), [""; 0]);
        drop(other);
    }
}
