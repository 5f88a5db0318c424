//! Waiting for changes of directories (`inotify(7)`).

use std::{
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::{Named, Result};

/// Wakes when something changes in one of several directories.
#[derive(Debug)]
pub struct Watcher(OwnedFd);

impl Watcher {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// EMFILE if the user has too many of them.
    pub fn new() -> Result<Self> {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        inotify::init(flags).named(|| "inotify_init1()".into()).map(Self)
    }

    /// Watches the names in a directory, but not what is written to its files;
    /// again, if it is watched already.
    ///
    /// # Errors
    /// ENOENT if there is no such directory, ENOSPC above the user's limit.
    pub fn add(&self, directory: &Path) -> Result<()> {
        self.watch(directory, WatchFlags::empty())
    }

    /// Watches also what is written to the files of a directory.
    ///
    /// # Errors
    /// As [`Watcher::add`].
    pub fn add_with_files(&self, directory: &Path) -> Result<()> {
        self.watch(directory, WatchFlags::MODIFY)
    }

    fn watch(&self, directory: &Path, more: WatchFlags) -> Result<()> {
        let changes = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR;
        inotify::add_watch(&self.0, directory, changes | more)
            .named(|| format!("inotify_add_watch({directory:?})"))
            .map(drop)
    }

    /// Waits for the next change, but no longer than this.
    ///
    /// # Errors
    /// What `poll(2)` says.
    pub fn wait(&self, longest: Duration) -> Result<()> {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let longest = PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, longest) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).named(|| "poll()".into()),
        }
        // What has changed is looked up by whoever waits.
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        while events.next().is_ok() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_change_wakes_whoever_waits() {
        let directory = std::env::temp_dir().join(format!("sandbox-watch-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let watcher = Watcher::new().unwrap();
        watcher.add(&directory).unwrap();
        std::fs::write(directory.join("a"), "x").unwrap();
        let begun = Instant::now();
        watcher.wait(Duration::from_secs(60)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(30));
        watcher.wait(Duration::ZERO).unwrap(); // Everything has been read.
        assert!(watcher.add(&directory.join("a")).is_err());
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
