//! Who is in the common domain, and holds its switch.
//!
//! A file for each supervisor, `.register/PID-START`, which it has locked as long
//! as it lives (`flock(2)`). It holds where the switch is found in `/proc`.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

use super::{Catalog, Error, catalog::Guard};
use crate::{
    oci::ProcessId,
    sys::{
        self, Named,
        fs::{Lock, flock},
    },
};

const DIRECTORY: &str = ".register";

/// The way into the common domain, while nobody else may use it.
#[derive(Debug)]
pub struct Entrance {
    directory: PathBuf,
    _guard: Guard,
}

/// The switch, or one that is being made.
#[derive(Debug)]
pub enum Switch {
    There(OwnedFd),
    New(sys::net::NewNamespace),
}

/// Our entry, and the switch.
#[derive(Debug)]
pub struct Registration {
    path: PathBuf,
    pid: i32,
    name: String,
    /// Its lock says that we live.
    _file: File,
    switch: OwnedFd,
}

impl Catalog {
    /// Locks the register, to enter the common domain.
    ///
    /// # Errors
    /// [`Error::Files`], [`Error::Locked`].
    pub fn entrance(&self) -> Result<Entrance, Error> {
        let guard = self.lock()?;
        let directory = self.path().join(DIRECTORY);
        let failed = |error| Error::Files(directory.display().to_string(), error);
        fs::create_dir_all(&directory).map_err(failed)?;
        Ok(Entrance { directory, _guard: guard })
    }

    /// Whether the supervisor with this entry lives.
    pub(super) fn lives(&self, name: &str) -> bool {
        is_locked(&self.path().join(DIRECTORY).join(name))
    }

    /// The switch, for who is in the domain already.
    ///
    /// # Errors
    /// [`Error::Switch`] if the supervisor is not in the register.
    pub fn switch_of(&self, supervisor: ProcessId) -> Result<OwnedFd, Error> {
        let path = self.path().join(DIRECTORY).join(entry_name(supervisor));
        let gone =
            || sys::Error { call: format!("open({path:?})"), errno: nix::errno::Errno::ESRCH };
        let entry = read(&path).ok_or_else(gone).map_err(Error::Switch)?;
        open_switch(entry).map_err(Error::Switch)
    }

    /// Whether a supervisor is in the common domain.
    pub fn has_entered(&self, supervisor: ProcessId) -> bool {
        self.lives(&entry_name(supervisor))
    }

    /// Anybody who is in the common domain now.
    pub fn anybody(&self) -> Option<ProcessId> {
        let entries = fs::read_dir(self.path().join(DIRECTORY)).ok()?;
        let mut living = entries.flatten().filter_map(|entry| read(&entry.path()));
        living.next().map(|(supervisor, _)| supervisor)
    }
}

impl Switch {
    /// Begins to make it, which takes a while.
    ///
    /// # Errors
    /// [`Error::Switch`].
    pub fn begin() -> Result<Self, Error> {
        sys::net::new_namespace().map(Self::New).map_err(Error::Switch)
    }
}

impl Entrance {
    /// Those whose domain is to be entered: any will do, and one may just have died.
    pub fn living(&self) -> impl Iterator<Item = ProcessId> {
        self.entries().map(|(supervisor, _)| supervisor)
    }

    /// The switch, for who is in the domain by now: all have the same. None if nobody is
    /// left in there.
    pub fn switch(&self) -> Option<OwnedFd> {
        self.entries().find_map(|entry| open_switch(entry).ok())
    }

    /// Entries of the dead are removed on the way.
    fn entries(&self) -> impl Iterator<Item = (ProcessId, i32)> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter_map(|path| {
            let entry = read(&path);
            if entry.is_none() {
                let _ = fs::remove_file(&path); // We have the lock, so nobody writes it.
            }
            entry
        })
    }

    /// Writes us down, with the switch; to be called in the domain.
    ///
    /// # Errors
    /// [`Error::Switch`] if the switch cannot be made; [`Error::Files`].
    pub fn register(self, switch: Switch) -> Result<Registration, Error> {
        let switch = match switch {
            Switch::There(switch) => switch,
            Switch::New(switch) => switch.finish().map_err(Error::Switch)?,
        };
        let (pid, start_time) = sys::process::identity();
        let name = entry_name(ProcessId { pid, start_time });
        let path = self.directory.join(&name);
        let failed = |error| Error::Files(path.display().to_string(), error);
        let mut file = File::create(&path).map_err(failed)?;
        flock(&file, Lock::Exclusive).map_err(|error| failed(error.errno.into()))?;
        let line = format!("{pid} {start_time} {}\n", switch.as_raw_fd());
        file.write_all(line.as_bytes()).map_err(failed)?;
        Ok(Registration { path, pid, name, _file: file, switch })
    }
}

impl Registration {
    /// The name of our entry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The switch, once more.
    ///
    /// # Errors
    /// What `dup(2)` says.
    pub(in crate::network) fn switch(&self) -> sys::Result<OwnedFd> {
        self.switch.try_clone().named(|| "dup()".into())
    }

    /// We go: nobody is to look for us.
    pub(in crate::network) fn forget(&self) {
        // Not in a child that has it as well.
        if nix::unistd::getpid().as_raw() == self.pid {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.forget();
    }
}

fn entry_name(supervisor: ProcessId) -> String {
    format!("{}-{}", supervisor.pid, supervisor.start_time)
}

/// An entry of one that lives.
fn read(path: &Path) -> Option<(ProcessId, i32)> {
    let mut text = String::new();
    File::open(path).ok()?.take(256).read_to_string(&mut text).ok()?;
    let mut words = text.split_whitespace();
    let pid = words.next()?.parse().ok()?;
    let start_time = words.next()?.parse().ok()?;
    let descriptor = words.next()?.parse().ok()?;
    // A process between its death and its end has its lock still.
    let lives = is_locked(path) && sys::process::is_alive(pid, start_time);
    lives.then_some((ProcessId { pid, start_time }, descriptor))
}

/// Whether somebody has the lock. A shared one keeps no other reader from looking.
fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    sys::fs::is_locked(file.as_fd())
}

fn open_switch((supervisor, descriptor): (ProcessId, i32)) -> sys::Result<OwnedFd> {
    let path = format!("/proc/{}/fd/{descriptor}", supervisor.pid);
    File::open(&path).named(|| format!("open({path:?})")).map(Into::into)
}
