//! A cgroup of the sandbox's own (`cgroups(7)`, version 2).
//!
//! # Theory of operation
//!
//! We may divide the cgroup that we are in if it was *delegated* to us: its
//! directory and the files that move processes are ours to write. Root may divide
//! any.
//!
//! ```text
//! BASE/                          the one that we were given, or asked for (`scope.rs`)
//! BASE/sandbox.host/             ourselves, and whoever else was in BASE
//! BASE/sandbox-ID.PID.START/     a sandbox; PID and START are its supervisor's
//! ```
//!
//! A cgroup that hands controllers down must have no processes itself
//! (`cgroups(7)`, "no internal processes"). So before that all that is in BASE moves
//! to `sandbox.host`.
//!
//! systemd arranges all cgroups itself that it has not handed on, even those that we
//! may write because it works for us: that is so below a user's own systemd, and
//! everywhere if we are root (`is_delegated`).
//!
//! The cgroup goes with the `Cgroup`. What a supervisor that was killed has left
//! is removed by the next one (`Base::make`): its name tells whose it was.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    unistd::{AccessFlags, access},
};

use super::scope;
use crate::{
    oci::{Limit, Resources},
    sys::{self, Named},
};

/// Where we go when there must be no process in the base.
const HOST: &str = "sandbox.host";
/// How the name of a sandbox's cgroup begins.
const PREFIX: &str = "sandbox-";
/// Microseconds in which `--cpus` is measured: the kernel's own choice.
const PERIOD: u64 = 100_000;
/// How often to try again what others get in the way of.
const ATTEMPTS: usize = 20;
/// How long the last processes inside may take to go.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(2);

/// A cgroup that we may divide.
#[derive(Debug)]
pub struct Base {
    directory: PathBuf,
    /// What root may write was not handed to it by that.
    is_roots: bool,
}

/// The cgroup of a sandbox; removed with this value.
#[derive(Debug)]
pub(super) struct Cgroup {
    directory: PathBuf,
}

impl Base {
    /// The one that we are in; `user` is whose systemd may have made it.
    ///
    /// # Errors
    /// Why it cannot be divided, as text for people.
    pub fn find(user: Option<u32>) -> Result<Self, String> {
        let directory = current().ok_or("cgroup version 2 is not mounted")?;
        let directory = match directory.file_name() {
            Some(name) if name == HOST => directory.parent().unwrap_or(&directory).to_owned(),
            _ => directory,
        };
        let files = ["", "cgroup.procs", "cgroup.subtree_control"];
        let is_ours = |file: &&str| access(&directory.join(file), AccessFlags::W_OK).is_ok();
        match files.iter().all(is_ours) && user.is_none_or(|user| is_delegated(&directory, user)) {
            true => Ok(Self { directory, is_roots: user == Some(0) }),
            false => Err(format!("the cgroup {} is not ours to divide", directory.display())),
        }
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The controllers that it could hand down.
    pub fn controllers(&self) -> Vec<String> {
        words(&self.directory.join("cgroup.controllers"))
    }

    /// Makes a cgroup for the sandbox `id`, and sets the limits that it can hold.
    pub(super) fn make(
        &self,
        id: &str,
        resources: &Resources,
    ) -> Result<(Cgroup, Vec<Limit>), String> {
        self.sweep();
        let mut held = resources.limits();
        let offered = self.controllers();
        held.retain(|limit| offered.iter().any(|it| it.as_str() == controller(*limit)));
        held.retain(|limit| self.hand_down(controller(*limit)).is_ok());
        let (pid, start) = sys::process::identity();
        let directory = self.directory.join(format!("{PREFIX}{id}.{pid}.{start}"));
        fs::create_dir(&directory)
            .named(|| format!("mkdir({directory:?})"))
            .map_err(|error| error.to_string())?;
        let cgroup = Cgroup { directory };
        cgroup.check()?;
        held.retain(|limit| cgroup.set(*limit, resources).is_ok());
        Ok((cgroup, held))
    }

    /// Lets `controller` work in what is below.
    ///
    /// The kernel refuses that for some controllers only while there are processes
    /// here; for the others it would make what is below part of a threaded cgroup,
    /// which no process can enter (`cgroups(7)`, "Thread mode").
    fn hand_down(&self, controller: &str) -> sys::Result<()> {
        let file = self.directory.join("cgroup.subtree_control");
        for _ in 0..ATTEMPTS {
            self.clear()?;
            if words(&file).iter().any(|it| it == controller) {
                return Ok(());
            }
            match write(&file, &format!("+{controller}")) {
                Err(error) if error.errno == Errno::EBUSY => {} // Somebody came.
                other => return other,
            }
        }
        Err(Errno::EBUSY).named(|| format!("write({file:?}, \"+{controller}\")"))
    }

    /// Moves all that is in it to the cgroup of ours, in which new ones begin.
    ///
    /// # Errors
    /// EBUSY if that is not for us to do, or more come as quickly.
    fn clear(&self) -> sys::Result<()> {
        let file = self.directory.join("cgroup.procs");
        for _ in 0..ATTEMPTS {
            let processes = words(&file);
            if processes.is_empty() || self.is_root() {
                return Ok(());
            }
            if !self.may_be_cleared() {
                break;
            }
            self.move_out(&processes)?;
        }
        Err(Errno::EBUSY).named(|| format!("read({file:?})"))
    }

    /// Whether it is that of the whole machine, which may have processes.
    fn is_root(&self) -> bool {
        !self.directory.join("cgroup.type").exists()
    }

    fn may_be_cleared(&self) -> bool {
        !self.is_roots || is_marked(&self.directory) || scope::is_ours(&self.directory)
    }

    fn move_out(&self, processes: &[String]) -> sys::Result<()> {
        let host = self.directory.join(HOST);
        match fs::create_dir(&host).named(|| format!("mkdir({host:?})")) {
            Err(error) if error.errno != Errno::EEXIST => return Err(error),
            _ => {}
        }
        for pid in processes {
            match write(&host.join("cgroup.procs"), pid) {
                Err(error) if error.errno != Errno::ESRCH => return Err(error),
                _ => {} // It may have ended since.
            }
        }
        Ok(())
    }

    /// Removes the cgroups of supervisors that were killed.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(is_abandoned) {
                let _ = remove(&entry.path());
            }
        }
    }
}

/// Whether nobody else arranges what is below a cgroup that we may write.
fn is_delegated(directory: &Path, user: u32) -> bool {
    !is_arranged_by_systemd(directory, user)
        || is_marked(directory)
        || scope::is_ours(directory)
        || scope::delegates(user, directory).unwrap_or(true)
}

/// Whether a systemd says that it has handed it on: by a mark for all since systemd
/// 251, and one that only root can read. That of a user does not mark.
fn is_marked(directory: &Path) -> bool {
    let marked = |name| rustix::fs::getxattr(directory, name, &mut [0u8; 8][..]).is_ok();
    ["user.delegate", "trusted.delegate"].into_iter().any(marked)
}

/// Whether a systemd that works for this user has made it.
fn is_arranged_by_systemd(directory: &Path, user: u32) -> bool {
    let mut names = directory.iter().filter_map(|name| name.to_str());
    match user {
        0 => names.any(is_unit),
        user => names.any(|name| name == format!("user@{user}.service")),
    }
}

/// Whether this is how systemd names what it makes.
fn is_unit(name: &str) -> bool {
    [".scope", ".service", ".slice"].iter().any(|end| name.ends_with(end))
}

/// Whether this names the cgroup of a supervisor that has gone.
fn is_abandoned(name: &str) -> bool {
    let Some(name) = name.strip_prefix(PREFIX) else { return false };
    let mut parts = name.split('.').skip(1).map(str::parse::<u64>);
    let (Some(Ok(pid)), Some(Ok(start))) = (parts.next(), parts.next()) else { return false };
    i32::try_from(pid).is_ok_and(|pid| !sys::process::is_alive(pid, start))
}

impl Cgroup {
    pub(super) fn path(&self) -> &Path {
        &self.directory
    }

    /// Whether a process can be in it.
    fn check(&self) -> Result<(), String> {
        let kind = fs::read_to_string(self.directory.join("cgroup.type")).unwrap_or_default();
        match kind.trim() {
            "domain" => Ok(()),
            kind => Err(format!("the cgroup {} is {kind}", self.directory.display())),
        }
    }

    fn set(&self, limit: Limit, resources: &Resources) -> sys::Result<()> {
        settings(limit, resources).iter().try_for_each(|(file, value)| {
            match write(&self.directory.join(file), value) {
                // The kernel counts no swap.
                Err(error) if *file == "memory.swap.max" && error.errno == Errno::ENOENT => Ok(()),
                other => other,
            }
        })
    }

    pub(super) fn ran_out_of_memory(&self) -> bool {
        number(&self.directory.join("memory.events"), "oom_kill").is_some_and(|count| count > 0)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = remove(&self.directory);
    }
}

pub(super) fn controller(limit: Limit) -> &'static str {
    match limit {
        Limit::Memory => "memory",
        Limit::Cpus => "cpu",
        Limit::Cpuset => "cpuset",
        Limit::Pids => "pids",
    }
}

/// Files and what is to be written to them (`cgroup-v2.rst` of the kernel).
fn settings(limit: Limit, resources: &Resources) -> Vec<(&'static str, String)> {
    let most = |limit: Option<u64>| limit.map_or("max".into(), |limit| limit.to_string());
    match limit {
        Limit::Memory => {
            let memory = resources.memory.unwrap_or_default();
            let swap = resources.memory_swap.map(|both| both.saturating_sub(memory));
            vec![("memory.max", most(resources.memory)), ("memory.swap.max", most(swap))]
        }
        Limit::Cpus => {
            let nano = resources.nano_cpus.unwrap_or_default();
            let quota = (nano / (1_000_000_000 / PERIOD)).max(1000); // The kernel's least.
            vec![("cpu.max", format!("{quota} {PERIOD}"))]
        }
        Limit::Cpuset => {
            let list: Vec<_> = resources.cpuset.iter().map(ToString::to_string).collect();
            vec![("cpuset.cpus", list.join(","))]
        }
        Limit::Pids => vec![("pids.max", most(resources.pids))],
    }
}

/// Moves a process into the cgroup of this directory.
///
/// # Errors
/// EACCES unless all that is between the two cgroups is ours (`cgroups(7)`,
/// "Cgroup delegation containment").
pub(in crate::runtime) fn enter(directory: &Path, pid: i32) -> sys::Result<()> {
    write(&directory.join("cgroup.procs"), &pid.to_string())
}

/// Stops or continues all that is in a cgroup; returns when it is so.
///
/// # Errors
/// ENOENT if it has gone; ETIMEDOUT if something does not let itself be stopped.
pub fn freeze(directory: &Path, frozen: bool) -> sys::Result<()> {
    let wanted = u64::from(frozen);
    write(&directory.join("cgroup.freeze"), &wanted.to_string())?;
    let events = directory.join("cgroup.events");
    let is_done = || number(&events, "frozen").is_none_or(|frozen| frozen == wanted);
    let all = PATIENCE.as_millis() / PAUSE.as_millis();
    let waited = (0..all).any(|_| is_done() || (std::thread::sleep(PAUSE), false).1);
    if waited { Ok(()) } else { Err(Errno::ETIMEDOUT).named(|| format!("read({events:?})")) }
}

/// Ends what is in the cgroup, and removes it.
fn remove(directory: &Path) -> sys::Result<()> {
    let _ = write(&directory.join("cgroup.kill"), "1");
    let call = || format!("rmdir({directory:?})");
    let all = PATIENCE.as_millis() / PAUSE.as_millis();
    for _ in 0..all {
        match fs::remove_dir(directory).named(call) {
            Err(error) if error.errno == Errno::EBUSY => std::thread::sleep(PAUSE),
            other => return other,
        }
    }
    fs::remove_dir(directory).named(call)
}

/// The value of a key in a file of keys and values.
pub(in crate::runtime) fn number(file: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

fn words(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

fn write(file: &Path, text: &str) -> sys::Result<()> {
    // Never made: a file that is not there is one that the kernel does not have.
    let open = fs::OpenOptions::new().write(true).open(file);
    let written = open.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written.named(|| format!("write({file:?}, {text:?})"))
}

/// The controllers that systemd hands down to a user (`user@.service(5)`); root's has
/// all.
pub(super) fn controllers_of(user: u32) -> Option<Vec<String>> {
    let mountinfo = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let cgroup = match user {
        0 => "0::/".into(),
        user => format!("0::/user.slice/user-{user}.slice/user@{user}.service"),
    };
    let controllers = directory(&cgroup, &mountinfo)?.join("cgroup.controllers");
    controllers.exists().then(|| words(&controllers))
}

/// The directory of the cgroup that we are in; none if version 2 is not mounted.
pub(super) fn current() -> Option<PathBuf> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    directory(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
}

/// The directory of a cgroup of version 2, by `/proc/PID/cgroup` and
/// `proc_pid_mountinfo(5)`.
fn directory(cgroup: &str, mountinfo: &str) -> Option<PathBuf> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    mountinfo.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let below = Path::new(path).strip_prefix(root).ok()?;
        source.starts_with("cgroup2 ").then(|| Path::new(point).join(below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cgroup_is_found_where_it_is_mounted() {
        let whole = "30 1 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let part = "30 1 0:26 /user.slice /mnt rw - cgroup2 none rw\n";
        let hybrid = "29 1 0:25 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
        let find = |cgroup, mounts: &str| directory(cgroup, mounts);
        let own = "8:pids:/x\n0::/user.slice/run.scope\n";
        assert_eq!(find(own, whole), Some("/sys/fs/cgroup/user.slice/run.scope".into()));
        assert_eq!(find(own, part), Some("/mnt/run.scope".into()));
        assert_eq!(find("0::/\n", whole), Some("/sys/fs/cgroup/".into()));
        assert_eq!(find("0::/other\n", part), None);
        assert_eq!(find(own, hybrid), None);
        assert_eq!(find("8:pids:/x\n", whole), None);
    }

    #[test]
    fn limits_are_written_in_the_kernel_s_units() {
        let resources = Resources {
            memory: Some(64 << 20),
            memory_swap: Some(96 << 20),
            nano_cpus: Some(1_500_000_000),
            cpuset: vec![0, 2],
            pids: Some(64),
            strict: false,
        };
        let text: Vec<String> = resources
            .limits()
            .into_iter()
            .flat_map(|limit| settings(limit, &resources))
            .map(|(file, value)| format!("{file}={value}"))
            .collect();
        let expected = [
            "memory.max=67108864",
            "memory.swap.max=33554432",
            "cpu.max=150000 100000",
            "cpuset.cpus=0,2",
            "pids.max=64",
        ];
        assert_eq!(text, expected);
        let unlimited = Resources { memory_swap: None, ..resources };
        assert_eq!(settings(Limit::Memory, &unlimited)[1].1, "max");
    }

    #[test]
    fn only_the_cgroup_of_a_supervisor_that_has_gone_is_abandoned() {
        let (pid, start) = sys::process::identity();
        assert!(!is_abandoned(&format!("sandbox-0a.{pid}.{start}")));
        assert!(is_abandoned(&format!("sandbox-0a.{pid}.{}", start + 1)));
        for other in ["sandbox.host", "sandbox-0a", "session.scope", "sandbox-0a.x.1"] {
            assert!(!is_abandoned(other), "{other}");
        }
    }
}
