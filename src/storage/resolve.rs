//! Finds directories beneath a layer's root, by descriptor.
//!
//! A layer may hold any symbolic link, and an entry whose name leads through
//! one must end where it would end inside the sandbox: beneath the root, which
//! is `/` for absolute links and the end of every chain of `..`. The kernel
//! does this since Linux 5.6 (`openat2(2)`, `RESOLVE_IN_ROOT`); [`walk`] does the
//! same by hand, where the kernel cannot, where a seccomp filter denies it, and
//! where directories are missing.
//!
//! [`walk`]: Resolver::walk

use std::{
    collections::BTreeMap,
    ffi::OsString,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
    rc::Rc,
};

use nix::errno::Errno;

use super::implied;
use crate::{
    oci::ImageLimits,
    sys::{self, fs},
};

/// As many as the kernel follows (`path_resolution(7)`).
pub(super) const MAX_LINKS: usize = 40;

/// Resolves paths as if a directory were `/`.
#[derive(Debug)]
pub(super) struct Resolver {
    root: Rc<OwnedFd>,
    /// Whether to ask the kernel first.
    openat2: bool,
    /// The directories that nobody had made, by their inodes: where they are.
    pub(super) made: BTreeMap<u64, PathBuf>,
    /// The last answer: a directory's entries come one after the other.
    last: Option<(PathBuf, Rc<OwnedFd>)>,
}

/// What to do where a directory is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Fail,
}

impl Resolver {
    pub(super) fn new(root: OwnedFd) -> Self {
        Self { root: Rc::new(root), openat2: true, made: BTreeMap::new(), last: None }
    }

    /// As on a machine without `openat2(2)`.
    #[cfg(test)]
    fn without_openat2(root: OwnedFd) -> Self {
        Self { openat2: false, ..Self::new(root) }
    }

    /// Opens the directory at `path` with `O_PATH`.
    pub(super) fn directory(&mut self, path: &Path, missing: Missing) -> sys::Result<Rc<OwnedFd>> {
        if path.as_os_str().is_empty() {
            return Ok(Rc::clone(&self.root));
        }
        if let Some((_, dir)) = self.last.as_ref().filter(|(last, _)| last == path) {
            return Ok(Rc::clone(dir));
        }
        let dir = self.resolve(path, missing)?;
        self.last = Some((path.into(), Rc::clone(&dir)));
        Ok(dir)
    }

    /// To be called when a name was removed: paths may now lead elsewhere.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    fn resolve(&mut self, path: &Path, missing: Missing) -> sys::Result<Rc<OwnedFd>> {
        if !self.openat2 {
            return self.walk(path, missing);
        }
        let error = match fs::open_in_root(&self.root, path) {
            Ok(dir) => return Ok(Rc::new(dir)),
            Err(error) => error,
        };
        match error.errno {
            Errno::ENOSYS | Errno::EPERM => self.openat2 = false,
            // Somebody renamed something, anywhere, while `..` was resolved.
            Errno::EAGAIN => {}
            _ if missing == Missing::Create => {}
            _ => return Err(error),
        }
        self.walk(path, missing)
    }

    fn walk(&mut self, path: &Path, missing: Missing) -> sys::Result<Rc<OwnedFd>> {
        let too_many = || sys::Error { call: format!("resolve({path:?})"), errno: Errno::ELOOP };
        let mut above: Vec<Rc<OwnedFd>> = Vec::new();
        let mut left = components(path);
        let mut links = 0;
        while let Some(name) = left.pop() {
            if name == ".." {
                above.pop(); // At the root, `..` is the root.
                continue;
            }
            let here = above.last().unwrap_or(&self.root);
            match step(here, Path::new(&name), missing)? {
                Step::Made(dir) => {
                    if self.made.len() < implied::MOST
                        && let Ok(Some(path)) = fs::path_beneath(&dir, &self.root)
                    {
                        self.made.insert(fs::fstat(&dir)?.st_ino, path);
                    }
                    above.push(Rc::new(dir));
                }
                Step::Directory(dir) => above.push(Rc::new(dir)),
                Step::Link(target) => {
                    links += 1;
                    if target.is_absolute() {
                        above.clear();
                    }
                    left.extend(components(&target));
                }
            }
            if links > MAX_LINKS || above.len() > ImageLimits::DEPTH {
                return Err(too_many());
            }
        }
        Ok(above.pop().unwrap_or_else(|| Rc::clone(&self.root)))
    }
}

/// What a component of a path is.
enum Step {
    Directory(OwnedFd),
    /// One that was missing.
    Made(OwnedFd),
    Link(PathBuf),
}

fn step(here: &OwnedFd, name: &Path, missing: Missing) -> sys::Result<Step> {
    let error = match fs::open_path_at(here, name) {
        Ok(dir) => return Ok(Step::Directory(dir)),
        Err(error) => error,
    };
    match (error.errno, missing) {
        (Errno::ENOENT, Missing::Create) => {
            create(here, name)?;
            return fs::open_path_at(here, name).map(Step::Made);
        }
        (Errno::ENOTDIR | Errno::ELOOP, _) => match fs::read_link_at(here, name) {
            Ok(target) => return Ok(Step::Link(target.into())),
            Err(_) if missing == Missing::Fail => return Err(error),
            Err(_) if !fs::is_whiteout(&fs::stat_at(here, name)?) => return Err(error),
            Err(_) => replace_whiteout(here, name, 0o755)?,
        },
        _ => return Err(error),
    }
    fs::open_path_at(here, name).map(Step::Directory)
}

/// Parents that the archive does not mention: root's, and open to all.
fn create(here: &OwnedFd, name: &Path) -> sys::Result<()> {
    fs::mkdir_at(here, name, 0o755)?;
    fs::chmod_at(here, name, 0o755) // Whatever the umask.
}

/// Makes a directory of what the layer has deleted before: what the layers
/// below have there must not shine through.
pub(super) fn replace_whiteout(here: impl AsFd, name: &Path, mode: u32) -> sys::Result<()> {
    fs::unlink_at(&here, name)?;
    fs::mkdir_at(&here, name, mode)?;
    fs::chmod_at(&here, name, mode)?;
    make_opaque(here, name)
}

/// Hides what the layers below have in a directory (overlayfs, "whiteouts and
/// opaque directories", with `userxattr`).
pub(super) fn make_opaque(here: impl AsFd, name: &Path) -> sys::Result<()> {
    let dir = fs::open_directory_at(here, name)?;
    fs::set_xattr(dir, "user.overlay.opaque".as_ref(), b"y")
}

/// The components of a path, last first.
fn components(path: &Path) -> Vec<OsString> {
    let parts = path.as_os_str().as_bytes().split(|byte| *byte == b'/');
    let parts = parts.filter(|part| !matches!(*part, b"" | b"."));
    parts.rev().map(|part| OsString::from_vec(part.into())).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs as std_fs, os::unix::fs::symlink};

    use super::*;
    use crate::storage::testing::TempDir;

    /// A root with links of every kind, and a canary beside it.
    fn tree() -> (TempDir, OwnedFd) {
        let temp = TempDir::new();
        let root = temp.path().join("root");
        std_fs::create_dir_all(temp.path().join("canary")).unwrap();
        std_fs::create_dir_all(root.join("usr/lib/deep")).unwrap();
        std_fs::write(root.join("file"), "").unwrap();
        for (target, link) in [
            ("usr/lib", "lib"),
            ("/usr/lib", "absolute"),
            ("../../../../usr/../usr/lib", "chain"),
            ("../canary", "out"),
            ("../..", "usr/lib/up"),
            ("usr/lib/up/../canary", "sum"),
            ("loop", "loop"),
            ("/gone/away", "dangling"),
            ("/proc/self/root", "magic"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let root = fs::open_directory(&root).unwrap();
        (temp, root)
    }

    #[test]
    fn the_kernel_and_our_walk_agree() {
        let (_temp, root) = tree();
        let mut kernel = Resolver::new(root.try_clone().unwrap());
        let mut walk = Resolver::without_openat2(root);
        let mut resolve = |path: &str| {
            let id = |resolver: &mut Resolver| {
                let dir = resolver.directory(Path::new(path), Missing::Fail);
                dir.map(|dir| fs::fstat(dir).unwrap().st_ino).map_err(|error| error.errno)
            };
            let (kernel, walk) = (id(&mut kernel), id(&mut walk));
            assert_eq!(kernel, walk, "{path}");
            walk
        };
        let lib = resolve("usr/lib").unwrap();
        for path in ["lib", "absolute", "chain", "lib/up/lib", "usr/lib/up/absolute"] {
            assert_eq!(resolve(path), Ok(lib), "{path}");
        }
        let missing = Err(Errno::ENOENT);
        for path in ["out", "sum", "dangling", "nothing/at/all", "magic", "lib/up/../canary"] {
            assert_eq!(resolve(path), missing, "{path}");
        }
        assert_eq!(resolve("loop"), Err(Errno::ELOOP));
        assert_eq!(resolve("file"), Err(Errno::ENOTDIR));
        assert_eq!(resolve("file/x"), Err(Errno::ENOTDIR));
    }

    #[test]
    fn what_is_missing_is_made_inside() {
        let (temp, root) = tree();
        let canary_time = std_fs::metadata(temp.path().join("canary")).unwrap().modified().unwrap();
        let mut resolver = Resolver::new(root);
        for path in ["out/x", "sum/x", "dangling/x", "a/b/c", "magic/x"] {
            resolver.directory(Path::new(path), Missing::Create).unwrap();
        }
        let root = temp.path().join("root");
        for path in ["canary/x", "gone/away/x", "a/b/c", "proc/self/root/x"] {
            assert!(root.join(path).is_dir(), "{path}");
        }
        let canary = std_fs::metadata(temp.path().join("canary")).unwrap();
        assert_eq!(canary.modified().unwrap(), canary_time);
        assert!(resolver.directory(Path::new("file/x"), Missing::Create).is_err());
    }
}
