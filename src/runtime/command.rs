//! Finding the executable of the workload, inside.

use std::{
    ffi::{CStr, CString, OsStr},
    fs::{self, File},
    io::Read,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    unistd::{AccessFlags, access},
};

use super::handshake::Failure;
use crate::sys;

/// Which file this very program is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// As long as `/proc` is the host's: the program that is running now.
    pub(super) fn of_this_program() -> Self {
        Self::of(Path::new("/proc/self/exe")).unwrap_or(Self { device: 0, inode: 0 })
    }

    fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|file| Self { device: file.dev(), inode: file.ino() })
    }
}

/// How deep `execve(2)` follows scripts that name scripts as interpreters.
const MAX_INTERPRETERS: usize = 5;

/// The path to execute for `command`, by `PATH` unless it holds a slash.
///
/// A path that leads to *this program* through a link of `/proc`, as
/// `/proc/self/exe` does, is refused: its file is the host's, and would come
/// within the workload's reach (CVE-2019-5736).
pub(super) fn find(command: &CStr, env: &[CString], ours: &Identity) -> Result<CString, Failure> {
    let refuse = |call: &str, errno| failure(command, sys::Error { call: call.into(), errno });
    let name = OsStr::from_bytes(command.to_bytes());
    if name.is_empty() {
        return Err(refuse("find(\"\")", Errno::ENOENT));
    }
    let path = if name.as_bytes().contains(&b'/') {
        candidate(Path::new(name)).map_err(|errno| refuse(&format!("access({name:?})"), errno))?
    } else {
        let path = search_path(env);
        search(name, path)
            .map_err(|errno| refuse(&format!("find({name:?}, PATH={path:?})"), errno))?
    };
    if leads_to(&path, ours) {
        return Err(refuse(&format!("open({path:?})"), Errno::EACCES));
    }
    CString::new(path.into_os_string().into_encoded_bytes())
        .map_err(|_| refuse("find()", Errno::EINVAL))
}

/// Why `command` cannot be executed.
pub(super) fn failure(command: &CStr, error: sys::Error) -> Failure {
    let command = command.to_string_lossy().into_owned();
    Failure::Exec { command, call: error.call, errno: error.errno as i32 }
}

fn search_path(env: &[CString]) -> &OsStr {
    let path = env.iter().find_map(|variable| variable.to_bytes().strip_prefix(b"PATH="));
    OsStr::from_bytes(path.unwrap_or_default())
}

/// The first executable; else the reason why the last one found is none.
fn search(name: &OsStr, path: &OsStr) -> Result<PathBuf, Errno> {
    let mut reason = Errno::ENOENT;
    for directory in std::env::split_paths(path) {
        // An empty entry is the working directory (execvp(3)).
        match candidate(&Path::new(".").join(directory).join(name)) {
            Ok(path) => return Ok(path),
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(errno) => reason = errno,
        }
    }
    Err(reason)
}

fn candidate(path: &Path) -> Result<PathBuf, Errno> {
    let file = fs::metadata(path)
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
    if file.is_dir() {
        return Err(Errno::EISDIR);
    }
    access(path, AccessFlags::X_OK)?;
    Ok(path.to_path_buf())
}

/// Whether executing `path` would execute `program`, perhaps as the interpreter
/// of a script.
fn leads_to(path: &Path, program: &Identity) -> bool {
    let mut path = path.to_path_buf();
    for _ in 0..=MAX_INTERPRETERS {
        if Identity::of(&path).as_ref() == Some(program) && !is_inside(&path) {
            return true;
        }
        let Some(interpreter) = interpreter(&path) else { return false };
        path = interpreter;
    }
    false
}

/// Whether `path` leads to a file of the sandbox's own tree, rather than through
/// a descriptor that some process holds.
fn is_inside(path: &Path) -> bool {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS).is_ok()
}

/// The program that a script names behind `#!`.
fn interpreter(script: &Path) -> Option<PathBuf> {
    let mut head = [0; 256];
    // Of a FIFO, the end of which nobody holds, opening would never be done.
    let open = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(script);
    let mut file = open.ok().filter(|file| file.metadata().is_ok_and(|there| there.is_file()))?;
    let length = file.read(&mut head).ok()?;
    let line = head[..length].strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let word = line.trim_ascii().split(|byte| byte.is_ascii_whitespace()).next()?;
    Some(PathBuf::from(OsStr::from_bytes(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_and_a_plain_file_are_no_commands() {
        assert_eq!(candidate(Path::new("/etc")), Err(Errno::EISDIR));
        assert_eq!(candidate(Path::new("/no/such/file")), Err(Errno::ENOENT));
        assert_eq!(search(OsStr::new("no-such-command"), OsStr::new("/bin")), Err(Errno::ENOENT));
        assert_eq!(search(OsStr::new("sh"), OsStr::new("/none:/bin")), Ok("/bin/sh".into()));
    }

    #[test]
    fn a_link_of_proc_to_this_program_is_recognized() {
        let ours = Identity::of_this_program();
        assert!(leads_to(Path::new("/proc/self/exe"), &ours));
        assert!(!leads_to(&std::env::current_exe().unwrap(), &ours));
        assert!(!leads_to(Path::new("/bin/sh"), &ours));
    }
}
