//! Where plugins run: in the namespaces of a host that they take for theirs.
//!
//! They are programs of root's, and run as the domain's. Their *host* is the
//! network namespace that all sandboxes with CNI networks have in common, with the
//! bridges that plugins make there. Beside it goes a mount namespace, which ends with
//! each call: in it `/run` and `/var/lib/cni` are directories of the store, and
//! `/run/netns/ID` is the sandbox's namespace.

use std::{
    fs,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::sched::CloneFlags;

use super::Error;
use crate::sys::{
    self, Named,
    mount::{self, Attributes},
};

/// Which namespaces plugins are in.
#[derive(Debug)]
pub(super) struct Place {
    /// That of the bridges.
    pub(super) switch: OwnedFd,
    /// What is `/run` there.
    pub(super) run: PathBuf,
    /// What is `/var/lib/cni` there.
    pub(super) lib: PathBuf,
}

/// A sandbox, by its id and network namespace.
pub(super) type Inhabitant = (String, OwnedFd);

impl Place {
    /// Runs `job` there; it is given the path of the sandbox's namespace, which is
    /// empty if there is none.
    ///
    /// # Errors
    /// [`Error::Files`], [`Error::Place`] if there is no getting there.
    pub(super) fn enter<T: Send + 'static>(
        self,
        sandbox: Option<Inhabitant>,
        job: impl FnOnce(PathBuf) -> T + Send + 'static,
    ) -> Result<T, Error> {
        for directory in [&self.run.join("netns"), &self.lib] {
            let made = fs::create_dir_all(directory);
            made.map_err(|source| Error::Files { path: directory.clone(), source })?;
        }
        let mark = sandbox.as_ref().map(|(id, _)| self.run.join("netns").join(id));
        let go = move || -> sys::Result<T> {
            let path = self.set_up(sandbox)?;
            sys::net::join(&self.switch)?;
            Ok(job(path))
        };
        let gone =
            |_| sys::Error { call: "pthread_join()".into(), errno: nix::errno::Errno::ECANCELED };
        // On a thread, because it cannot come back.
        let done = sys::process::spawn("cni", go).and_then(|it| it.join().map_err(gone)?);
        mark.map(fs::remove_file);
        done.map_err(Error::Place)
    }

    /// Makes the mount namespace around the calling thread.
    fn set_up(&self, sandbox: Option<Inhabitant>) -> sys::Result<PathBuf> {
        sys::process::unshare(CloneFlags::CLONE_NEWNS)?;
        mount::make_private(Path::new("/"))?;
        // Both before one of them hides the other.
        let (run, lib) = (mount::copy(&self.run, false)?, mount::copy(&self.lib, false)?);
        let target = Path::new("/var/lib/cni");
        if !target.is_dir() {
            // Nobody but root could make it; of the rest, plugins need nothing.
            mount::make("tmpfs", &[("mode", "0755")], Attributes::empty())?
                .attach(Path::new("/var/lib"))?;
            sys::fs::mkdir(target, 0o755)?;
        }
        lib.attach(target)?;
        run.attach(Path::new("/run"))?;
        let Some((id, netns)) = sandbox else { return Ok(PathBuf::new()) };
        let path = Path::new("/run/netns").join(id);
        fs::File::create(&path).named(|| format!("open({path:?}, O_CREAT)"))?;
        let source = format!("/proc/self/fd/{}", netns.as_raw_fd());
        mount::bind(Path::new(&source), &path)?;
        Ok(path)
    }
}
