//! The memory of a sandbox without a cgroup: the supervisor looks.
//!
//! A look costs a file for each process (`proc_pid_status(5)`). Pages that several
//! processes share are counted several times in it; only if the sum is too large is
//! each asked for its part of them, which costs the kernel more
//! (`/proc/PID/smaps_rollup`). Pages of files are not counted: the kernel can take
//! them back.

use std::{
    fs,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::unistd::Pid;
use rustix::fs::{Mode, OFlags, ResolveFlags};

/// The magic number of a `/proc` (`statfs(2)`).
const PROC_SUPER_MAGIC: u64 = 0x9fa0;

/// How often to look.
pub(in crate::runtime) const INTERVAL: Duration = Duration::from_millis(100);

/// A limit that the supervisor keeps.
#[derive(Debug)]
pub(in crate::runtime) struct Sampler {
    memory: u64,
    /// With swap.
    both: Option<u64>,
    /// The sandbox's own `/proc`, which lists nobody else.
    proc: Option<OwnedFd>,
}

/// Bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::runtime) struct Used {
    pub(in crate::runtime) memory: u64,
    pub(in crate::runtime) swap: u64,
}

impl Sampler {
    /// For the sandbox whose first process, which is running, this is.
    pub(in crate::runtime) fn new(workload: Pid, memory: u64, both: Option<u64>) -> Self {
        Self { memory, both, proc: own_proc(workload) }
    }

    /// Whether there is more in use than there may be.
    pub(in crate::runtime) fn is_over(&self) -> bool {
        self.exceeds(self.sum(&upper_bound)) && self.exceeds(self.sum(&exact))
    }

    fn exceeds(&self, used: Used) -> bool {
        used.memory > self.memory || self.both.is_some_and(|both| used.memory + used.swap > both)
    }

    fn sum(&self, of: &dyn Fn(&Path) -> Option<Used>) -> Used {
        let Some(proc) = &self.proc else { return Used::default() };
        let entries = fs::read_dir(format!("/proc/self/fd/{}", proc.as_raw_fd()));
        let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        let processes = paths.filter(|path| is_process(path));
        processes.filter_map(|path| of(&path)).fold(Used::default(), |sum, used| Used {
            memory: sum.memory + used.memory,
            swap: sum.swap + used.swap,
        })
    }
}

fn is_process(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Followed by no link of the image's, and none but the kernel's own file system.
fn own_proc(workload: Pid) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = PathBuf::from(format!("/proc/{workload}/root"));
    let root = rustix::fs::open(&root, flags, Mode::empty()).ok()?;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
    let proc = rustix::fs::openat2(root, "proc", flags, Mode::empty(), resolve).ok()?;
    let kind = rustix::fs::fstatfs(&proc).ok()?.f_type;
    (kind as u64 == PROC_SUPER_MAGIC).then_some(proc)
}

/// What a process has, with what it shares.
fn upper_bound(process: &Path) -> Option<Used> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let memory = kilobytes(&status, "RssAnon:") + kilobytes(&status, "RssShmem:");
    Some(Used { memory, swap: kilobytes(&status, "VmSwap:") })
}

/// What a process has, with its part of what it shares.
pub(in crate::runtime) fn exact(process: &Path) -> Option<Used> {
    let Ok(rollup) = fs::read_to_string(process.join("smaps_rollup")) else {
        return upper_bound(process);
    };
    let memory = kilobytes(&rollup, "Pss_Anon:") + kilobytes(&rollup, "Pss_Shmem:");
    Some(Used { memory, swap: kilobytes(&rollup, "SwapPss:") })
}

/// A line such as `RssAnon:     128 kB`, in bytes; 0 if there is none.
fn kilobytes(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let count = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    count.unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_in_bytes() {
        let status = "VmRSS:\t 300 kB\nRssAnon:\t     128 kB\nVmSwap:\t0 kB\n";
        assert_eq!(kilobytes(status, "RssAnon:"), 128 << 10);
        assert_eq!(kilobytes(status, "RssShmem:"), 0);
        assert!(exact(Path::new("/proc/self")).unwrap().memory > 0);
        assert!(upper_bound(Path::new("/proc/self")).unwrap().memory > 0);
    }

    #[test]
    fn swap_counts_only_together_with_memory() {
        let sampler = |both| Sampler { memory: 10, both, proc: None };
        let used = |memory, swap| Used { memory, swap };
        assert!(!sampler(None).exceeds(used(10, 99)));
        assert!(sampler(None).exceeds(used(11, 0)));
        assert!(!sampler(Some(20)).exceeds(used(10, 10)));
        assert!(sampler(Some(20)).exceeds(used(10, 11)));
    }
}
