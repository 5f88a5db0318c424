//! Paths as people type them, in a tree whose links must not lead out of it.
//!
//! A [`Place`] is found once and is then an open directory and a name in it:
//! whatever becomes of the path meanwhile, nothing else is copied than what is
//! there, and nothing is put elsewhere.

use std::{
    ffi::OsStr,
    io::Write,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::{
    Error,
    resolve::{MAX_LINKS, Missing, Resolver},
    tree_tar::{TreeTar, copy_error},
};
use crate::{
    oci::KeepId,
    sys::{
        self,
        fs::{
            Stat, is_directory, is_symlink, open_directory_at, open_path, open_path_at,
            read_link_at, stat_at,
        },
    },
};

/// Where paths are looked up.
#[derive(Debug)]
pub struct Tree {
    kind: Kind,
    keep: Option<KeepId>,
}

#[derive(Debug)]
enum Kind {
    Host,
    Within(Resolver),
}

/// What a path stands for.
#[derive(Debug)]
pub struct Place {
    directory: OwnedFd,
    /// `.` if it is the directory itself.
    name: PathBuf,
    there: Option<Stat>,
    keep: Option<KeepId>,
}

impl Tree {
    /// Our own `/`, as any program sees it.
    pub fn host() -> Self {
        Self { kind: Kind::Host, keep: None }
    }

    /// What is beneath this directory, which is `/` to all links.
    pub fn within(root: OwnedFd) -> Self {
        Self { kind: Kind::Within(Resolver::new(root)), keep: None }
    }

    /// The same, whose files belong to whom they would in a sandbox in which these
    /// ids are the caller's.
    #[must_use]
    pub fn keeping(self, keep: Option<KeepId>) -> Self {
        Self { keep, ..self }
    }

    /// What is at `path`, which is followed to its end if `follow`, or if it ends
    /// as only a directory's does. There may be nothing, but a directory for it.
    ///
    /// # Errors
    /// If that directory is not there either, or may not be searched.
    pub fn find(&mut self, path: &Path, follow: bool) -> Result<Place, Error> {
        let follow = follow || names_directory(path);
        let found = self.resolve(path.into(), follow);
        found.map_err(|source| copy_error(path, source))
    }

    fn resolve(&mut self, mut path: PathBuf, follow: bool) -> sys::Result<Place> {
        for _ in 0..MAX_LINKS {
            let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
                let directory = self.directory(&path)?;
                let there = Some(stat_at(&directory, Path::new("."))?);
                return Ok(Place { directory, name: ".".into(), there, keep: self.keep });
            };
            let (directory, name) = (self.directory(above)?, PathBuf::from(name));
            let there = match stat_at(&directory, &name) {
                Err(error) if error.errno == Errno::ENOENT => None,
                there => Some(there?),
            };
            if !follow || !there.as_ref().is_some_and(is_symlink) {
                return Ok(Place { directory, name, there, keep: self.keep });
            }
            path = above.join(read_link_at(&directory, &name)?);
        }
        Err(sys::Error { call: format!("resolve({path:?})"), errno: Errno::ELOOP })
    }

    fn directory(&mut self, path: &Path) -> sys::Result<OwnedFd> {
        match &mut self.kind {
            Kind::Host if path.as_os_str().is_empty() => open_path(Path::new(".")),
            Kind::Host => open_path(path),
            Kind::Within(resolver) => {
                resolver.forget(); // Somebody may have put another one there since.
                open_path_at(resolver.directory(path, Missing::Fail)?, Path::new("."))
            }
        }
    }
}

/// Whether a path can only mean a directory.
pub fn names_directory(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"/") || names_content(path)
}

/// Whether a path means what is in a directory, and not the directory.
pub fn names_content(path: &Path) -> bool {
    let last = path.as_os_str().as_bytes().rsplit(|byte| *byte == b'/').next();
    last == Some(b".") || path.file_name().is_none()
}

impl Place {
    /// Whether anything is there.
    pub fn exists(&self) -> bool {
        self.there.is_some()
    }

    pub fn is_directory(&self) -> bool {
        self.there.as_ref().is_some_and(is_directory)
    }

    /// Its name in the directory that holds it.
    pub fn name(&self) -> &OsStr {
        self.name.as_os_str()
    }

    /// The directory that is there, to put something into it.
    ///
    /// # Errors
    /// If it is none any more.
    pub fn open(&self) -> Result<OwnedFd, Error> {
        open_path_at(&self.directory, &self.name).map_err(|source| copy_error(&self.name, source))
    }

    /// The directory that holds it.
    pub fn above(self) -> OwnedFd {
        self.directory
    }

    /// Writes what is there as a tar: under another name; or, without one, only
    /// what is in the directory.
    ///
    /// # Errors
    /// If something cannot be read, or `output` not be written.
    pub fn write<W: Write>(&self, alias: Option<&OsStr>, output: W) -> Result<W, Error> {
        let mut tar = TreeTar::new(output, self.keep);
        match alias {
            Some(alias) => tar.add_all(Path::new(alias), &self.directory, &self.name)?,
            None => {
                let inner = open_directory_at(&self.directory, &self.name)
                    .map_err(|source| copy_error(&self.name, source))?;
                tar.add_content(Path::new(""), &inner)?;
            }
        }
        tar.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read, os::unix::fs::symlink};

    use super::*;
    use crate::{storage::testing::TempDir, sys::fs::open_directory};

    #[test]
    fn links_end_within_the_tree() {
        let temp = TempDir::new();
        let root = temp.path().join("root");
        fs::create_dir_all(root.join("etc/dir")).unwrap();
        fs::write(root.join("etc/file"), "inside").unwrap();
        fs::write(temp.path().join("file"), "outside").unwrap();
        for (target, link) in [
            ("/etc/file", "absolute"),
            ("../../../etc/file", "up"),
            ("../file", "out"),
            ("loop", "loop"),
            ("absolute", "twice"),
            ("etc/dir", "dir"),
            ("/etc/new", "dangling"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let mut tree = Tree::within(open_directory(&root).unwrap());
        let mut content = |path: &str| {
            let place = tree.find(Path::new(path), true).unwrap();
            let tar =
                place.exists().then(|| place.write(Some("x".as_ref()), Vec::new()).unwrap())?;
            let mut text = String::new();
            let mut archive = tar::Archive::new(tar.as_slice());
            archive.entries().unwrap().next()?.unwrap().read_to_string(&mut text).unwrap();
            Some(text)
        };
        for path in ["etc/file", "/etc/file", "absolute", "up", "twice", "dir/../file"] {
            assert_eq!(content(path).as_deref(), Some("inside"), "{path}");
        }
        assert_eq!(content("out"), None);
        assert!(tree.find(Path::new("loop"), true).is_err());
        assert!(tree.find(Path::new("nowhere/at/all"), true).is_err());
        let dangling = tree.find(Path::new("dangling"), true).unwrap();
        assert_eq!((dangling.exists(), dangling.name()), (false, "new".as_ref()));
        assert!(!tree.find(Path::new("dir"), false).unwrap().is_directory());
        for path in ["dir/", "dir/.", "dir/..", "/", ".", ""] {
            assert!(tree.find(Path::new(path), false).unwrap().is_directory(), "{path}");
        }
    }

    #[test]
    fn the_end_of_a_path_tells_what_is_meant() {
        let cases = [
            ("a", (false, false)),
            ("a/", (true, false)),
            ("a/.", (true, true)),
            (".", (true, true)),
            ("/", (true, true)),
            ("a/..", (true, true)),
            ("a.", (false, false)),
            ("/a", (false, false)),
        ];
        for (path, expected) in cases {
            let path = Path::new(path);
            assert_eq!((names_directory(path), names_content(path)), expected, "{path:?}");
        }
    }
}
