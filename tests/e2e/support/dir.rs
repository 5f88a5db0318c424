//! Directories of the tests: where they are, and how they go.
//!
//! Everything is below one directory a test process. A shell that waits for the
//! end of our life removes it, so that even `kill -9` leaves nothing.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Removes `$1` when standard input ends. Files of other ids, which a sandbox
/// with id ranges leaves in its store, yield only to the root of such ranges.
const JANITOR: &str = "cat; rm -rf \"$1\" 2>&- || unshare --map-auto -r rm -rf \"$1\"";

/// A directory of one test, removed at its end.
#[derive(Debug)]
pub(crate) struct Dir {
    path: PathBuf,
}

impl Dir {
    /// An empty directory whose name begins with `name`.
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = base().join(format!("{name}-{number:04}"));
        fs::create_dir(&path).unwrap();
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, with the directories above it, and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes a shell script that can be executed, and returns its path.
    pub(crate) fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.write(name, format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        if fs::remove_dir_all(&self.path).is_err_and(|e| e.kind() != ErrorKind::NotFound) {
            let _ = Command::new("unshare")
                .args(["--map-auto", "-r", "rm", "-rf"])
                .arg(&self.path)
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// The directory of this test process.
fn base() -> &'static Path {
    static BASE: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let (path, _janitor) = BASE.get_or_init(|| {
        let parent = std::env::var_os("SANDBOX_TEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        let path = parent.join(format!("e2e-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        let janitor = Command::new("sh")
            .args(["-c", JANITOR, "sh"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        (path, janitor)
    });
    path
}

/// What `tests/run.sh` prepared once, because it takes minutes.
fn prepared(name: &str) -> Option<PathBuf> {
    let images = std::env::var_os("SANDBOX_TEST_IMAGES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-images"),
        PathBuf::from,
    );
    Some(images.join(name)).filter(|path| path.exists())
}

/// The root file system of a minimal Debian, as `mmdebstrap` packs it.
pub(crate) fn debian_tar() -> Option<PathBuf> {
    prepared("debian.tar")
}

/// The same with python3, node, redis, postgresql and nginx.
pub(crate) fn services_tar() -> Option<PathBuf> {
    prepared("services.tar")
}

/// Packages that fit it: ones with users, groups and setgid files of their own.
pub(crate) fn debian_packages() -> Option<PathBuf> {
    prepared("debs")
}
