//! What the running kernel can do, found out by trying.
//!
//! The table in `docs/kernels.md` says which version brought what.

use std::path::Path;

use nix::{sched::CloneFlags, unistd::ForkResult};

use super::{
    Error, Named, Result,
    mount::{self, Attributes},
    process,
};

/// Something that the program uses and a kernel may lack.
#[derive(Debug)]
pub struct Feature {
    pub name: &'static str,
    /// Tries it; to be called as root of a user namespace.
    pub probe: fn() -> Result<()>,
    /// What happens where it is missing, and what helps.
    pub without: &'static str,
}

/// In the order in which a run needs them.
pub const FEATURES: &[Feature] = &[
    Feature {
        name: "namespaces",
        probe: || in_namespaces(|| Ok(())),
        without: "nothing runs; an outer container or a limit in /proc/sys/user forbids them",
    },
    Feature {
        name: "overlay file system",
        probe: || in_namespaces(overlay),
        without: "nothing runs; Linux 5.11 or later is needed, and the module `overlay`",
    },
    Feature {
        name: "fresh /proc",
        probe: || in_namespaces(|| fresh("proc")),
        without: "the outer container's /proc is shown; start that one with unmasked paths",
    },
    Feature {
        name: "fresh /sys",
        probe: || in_namespaces(|| fresh("sysfs")),
        without: "the outer /sys is shown, read-only",
    },
    Feature {
        name: "seccomp filters",
        probe: seccomp,
        without: "only `--security-opt seccomp=unconfined` runs; CONFIG_SECCOMP_FILTER is missing",
    },
    Feature {
        name: "openat2",
        probe: openat2,
        without: "layers are unpacked by a slower walk that is just as safe",
    },
];

/// The version of the kernel.
pub fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// What tells this boot from all others (`random(4)`); none without `/proc`.
pub fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().into())
}

/// Whether the kernel is of this version or a later one.
pub fn is_at_least(major: u32, minor: u32) -> bool {
    version(&release()).is_some_and(|version| version >= (major, minor))
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The type of the file system that `path`, or the first parent that exists,
/// lies on; none if it is not known by name here.
pub fn file_system_of(path: &Path) -> Option<String> {
    let status = path.ancestors().find_map(|path| rustix::fs::statfs(path).ok())?;
    let name = match status.f_type as u64 {
        0xef53 => "ext4",
        0x5846_5342 => "xfs",
        0x9123_683e => "btrfs",
        0x0102_1994 => "tmpfs",
        0x794c_7630 => "overlay (changes of sandboxes are kept in memory)",
        0x6969 => "nfs (changes of sandboxes are kept in memory)",
        0x2fc1_2fc1 => "zfs",
        0xf2f5_2010 => "f2fs",
        magic => return Some(format!("of type {magic:#x}")),
    };
    Some(name.into())
}

/// Runs `probe` in a child with namespaces as a sandbox has them.
fn in_namespaces(probe: fn() -> Result<()>) -> Result<()> {
    let namespaces = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    match process::clone(namespaces)? {
        ForkResult::Child => {
            let errno = probe().map_or_else(|error| error.errno as i32, |()| 0);
            process::exit(errno as u8)
        }
        ForkResult::Parent { child } => {
            use nix::sys::wait::{WaitStatus, waitpid};
            match waitpid(child, None).named(|| "waitpid()".into())? {
                WaitStatus::Exited(_, 0) => Ok(()),
                WaitStatus::Exited(_, errno) => {
                    Err(Error { call: "mount()".into(), errno: nix::errno::Errno::from_raw(errno) })
                }
                _ => Err(Error { call: "mount()".into(), errno: nix::errno::Errno::EINTR }),
            }
        }
    }
}

fn fresh(kind: &str) -> Result<()> {
    mount::make(kind, &[], Attributes::empty()).map(drop)
}

/// With everything in memory, so that only overlayfs itself is put to the test.
fn overlay() -> Result<()> {
    let base = Path::new("/proc");
    mount::make_private(Path::new("/"))?;
    mount::make("tmpfs", &[], Attributes::empty())?.attach(base)?;
    for directory in ["lower", "upper", "work"] {
        std::fs::create_dir(base.join(directory)).named(|| "mkdir()".into())?;
    }
    let options = "userxattr,lowerdir=/proc/lower,upperdir=/proc/upper,workdir=/proc/work";
    mount::overlay(&base.join("lower"), options)
}

fn seccomp() -> Result<()> {
    match super::seccomp::is_supported() {
        true => Ok(()),
        false => Err(Error { call: "seccomp()".into(), errno: nix::errno::Errno::ENOSYS }),
    }
}

fn openat2() -> Result<()> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    rustix::fs::openat2(CWD, "/", flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)
        .named(|| "openat2()".into())
        .map(drop)
}
