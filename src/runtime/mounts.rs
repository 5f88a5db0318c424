//! Everything that is mounted on the root file system.
//!
//! # Theory of operation
//!
//! Mount points are named by the image, and an image is a stranger's: its
//! `/dev` may be a symbolic link to anywhere. So what comes from the host is
//! *taken* first, as detached mounts ([`take_slaves`], [`Sources::take`]); then the root is
//! changed ([`super::rootfs::enter`]); and only then is anything *attached*
//! ([`Sources::attach`]). By that time `/` is the image, there is no way back to
//! the host's tree, and no path of the image can lead there.
//!
//! What is of our own making, such as `/etc/hosts`, lives on a small file system
//! that is mounted at `/dev` ([`attach_own_files`]), bound to where it belongs,
//! and then covered by the real `/dev`.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use nix::errno::Errno;

use super::{
    domain::Plan,
    handshake::Failure,
    inside::{self, Kind, Volumes},
    rootfs,
};
use crate::{
    oci::{
        IdMap, KeepId, Mount, MountKind, Namespace, Overlay, Parameter, ProcessId, SmallFile, Spec,
    },
    sys::{
        self, Named,
        mount::{self, Attributes, Detached},
    },
};

/// The host's device nodes that every program may use.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Symbolic links of `/dev`.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
/// Where things of our own are made, before the real `/dev` covers it.
const WORKSHOP: &str = "/dev";

/// What must be taken from the host before its tree is out of reach.
#[derive(Debug)]
pub(super) struct Sources {
    proc: Detached,
    sys: Option<Detached>,
    devices: Vec<(&'static str, Detached)>,
    /// In the order of `Spec::mounts`; none for what comes from nowhere.
    taken: Vec<Option<Detached>>,
    /// What a workload without `-i` reads.
    pub(super) null: OwnedFd,
}

/// What goes on to show what the host mounts there later: to be taken before we part
/// from the host's mounts, which a copy keeps being slaves of (`mount_namespaces(7)`).
pub(super) fn take_slaves(spec: &Spec) -> Result<Vec<Option<Detached>>, Failure> {
    let take = |request: &Mount| match request.flags.slave {
        true => take_one(request, &spec.scratch),
        false => Ok(None),
    };
    spec.mounts.iter().map(take).collect()
}

impl Sources {
    /// With the slaves that were taken before.
    pub(super) fn take(spec: &Spec, slaves: Vec<Option<Detached>>) -> Result<Self, Failure> {
        let null = File::open("/dev/null").named(|| "open(\"/dev/null\")".into());
        Ok(Self {
            proc: take_proc(spec).map_err(Failure::mount("/proc"))?,
            sys: None,
            devices: take_devices().map_err(Failure::mount("/dev"))?,
            taken: take_requested(spec, slaves)?,
            null: null.map_err(Failure::setup("cannot open the null device"))?.into(),
        })
    }

    /// What comes last: it shows the network namespace that we are in by now.
    pub(super) fn take_sys(&mut self, spec: &Spec) -> Result<(), Failure> {
        self.sys = take_sys(spec).map_err(Failure::mount("/sys"))?;
        Ok(())
    }

    /// All that is open here.
    pub(super) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let devices = self.devices.iter().map(|(_, device)| device);
        let mounts =
            self.taken.iter().flatten().chain(devices).chain([&self.proc]).chain(&self.sys);
        mounts.map(Detached::as_fd).chain([self.null.as_fd()]).collect()
    }

    /// Puts everything where it belongs; `/` is the sandbox's own by now.
    pub(super) fn attach(&self, spec: &Spec, ids: &Plan) -> Result<Volumes, Failure> {
        self.attach_kernel_files().map_err(Failure::mount("/proc and /sys"))?;
        set_parameters(&spec.parameters)?;
        attach_own_files(spec)?;
        self.attach_dev(spec, ids).map_err(Failure::mount("/dev"))?;
        let volumes = self.attach_requested(spec)?;
        protect(&spec.readonly_paths).map_err(Failure::mount("a read-only path"))?;
        if spec.readonly_root {
            rootfs::protect(&spec.root).map_err(Failure::mount("/"))?;
        }
        Ok(volumes)
    }

    fn attach_kernel_files(&self) -> sys::Result<()> {
        attach(&self.proc, Path::new("/proc"))?;
        self.sys.iter().try_for_each(|sys| attach(sys, Path::new("/sys")))
    }

    /// A private `/dev`: no device of the host but the harmless ones.
    fn attach_dev(&self, spec: &Spec, ids: &Plan) -> sys::Result<()> {
        let quiet = Attributes::MOUNT_ATTR_NOSUID | Attributes::MOUNT_ATTR_NOEXEC;
        let owner = Owner::of_root(spec.keep_id);
        let dev = mount::make("tmpfs", &owner.with(&[("mode", "0755"), ("size", "64m")]), quiet)?;
        attach(&dev, Path::new("/dev"))?;
        for (name, device) in &self.devices {
            sys::fs::create_file_at(dev.as_fd(), Path::new(name), 0o600)?;
            device.attach_at(dev.as_fd(), name)?;
        }
        for (name, target) in LINKS {
            sys::fs::symlink_at(OsStr::new(target), dev.as_fd(), Path::new(name))?;
        }
        attach_in(&dev, "pts", &pseudo_terminals(ids)?)?;
        let nodev = quiet | Attributes::MOUNT_ATTR_NODEV;
        let size = spec.shm_size.to_string();
        let shm = mount::make("tmpfs", &owner.with(&[("mode", "1777"), ("size", &size)]), nodev)?;
        attach_in(&dev, "shm", &shm)?;
        // A kernel may be built without message queues.
        let Ok(queues) = mount::make("mqueue", &[], nodev) else { return Ok(()) };
        attach_in(&dev, "mqueue", &queues)
    }

    fn attach_requested(&self, spec: &Spec) -> Result<Volumes, Failure> {
        let owner = Owner::of_root(spec.keep_id);
        let mut users = Volumes::default();
        for (request, taken) in spec.mounts.iter().zip(&self.taken) {
            let attached = match taken {
                None => attach_tmpfs(request, &owner, &mut users),
                Some(source) => attach_bind(source, request, &mut users),
            };
            attached.map_err(Failure::mount(request.destination.display()))?;
        }
        Ok(users)
    }
}

/// `/proc/sys` shows those of our own namespaces, and may still be written.
fn set_parameters(parameters: &[Parameter]) -> Result<(), Failure> {
    parameters.iter().try_for_each(|parameter| {
        let (path, value) = (parameter.path(), &parameter.value);
        fs::write(&path, value)
            .named(|| format!("write({path:?}, {value:?})"))
            .map_err(Failure::setup("cannot set a parameter of the kernel"))
    })
}

/// Whether what is made there is the sandbox's own.
fn keeps_changes(request: &Mount) -> bool {
    matches!(&request.kind, MountKind::Overlay { overlay, .. } if overlay.upper.is_some())
}

/// Whom the root of a file system in memory is to belong to, as options of `tmpfs(5)`.
#[derive(Debug)]
struct Owner([(&'static str, String); 2]);

impl Owner {
    /// Root inside.
    fn of_root(keep: Option<KeepId>) -> Self {
        let (uid, gid) = KeepId::root(keep);
        Self([("uid", uid.to_string()), ("gid", gid.to_string())])
    }

    fn with<'a>(&'a self, options: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let owner = self.0.iter().filter(|(_, id)| id != "0");
        options.iter().copied().chain(owner.map(|(name, id)| (*name, id.as_str()))).collect()
    }
}

/// A fresh one; or, where the kernel refuses that because an outer container
/// has hidden parts of its own, that one.
fn take_proc(spec: &Spec) -> sys::Result<Detached> {
    let quiet = quiet();
    if spec.pid_namespace == Namespace::Host {
        return mount::copy(Path::new("/proc"), true);
    }
    match mount::make("proc", &[], quiet) {
        Err(error) if error.errno == Errno::EPERM => mount::copy(Path::new("/proc"), true),
        other => other,
    }
}

/// A fresh one shows only the sandbox's own network devices; the kernel grants
/// it only to the owner of the network namespace.
fn take_sys(spec: &Spec) -> sys::Result<Option<Detached>> {
    if spec.network_namespace != Namespace::Host {
        let readonly = quiet() | Attributes::MOUNT_ATTR_RDONLY;
        match mount::make("sysfs", &[], readonly) {
            Err(error) if error.errno == Errno::EPERM => {}
            other => return other.map(Some),
        }
    }
    let Ok(host) = mount::copy(Path::new("/sys"), true) else { return Ok(None) };
    host.set_readonly()?;
    Ok(Some(host))
}

fn quiet() -> Attributes {
    Attributes::MOUNT_ATTR_NOSUID | Attributes::MOUNT_ATTR_NODEV | Attributes::MOUNT_ATTR_NOEXEC
}

fn take_devices() -> sys::Result<Vec<(&'static str, Detached)>> {
    let take = |name| Ok((name, mount::copy(&Path::new("/dev").join(name), false)?));
    DEVICES.into_iter().map(take).collect()
}

fn take_requested(
    spec: &Spec,
    slaves: Vec<Option<Detached>>,
) -> Result<Vec<Option<Detached>>, Failure> {
    let take = |(request, slave): (&Mount, Option<Detached>)| match slave {
        Some(slave) => Ok(Some(slave)),
        None => take_one(request, &spec.scratch),
    };
    spec.mounts.iter().zip(slaves).map(take).collect()
}

fn take_one(request: &Mount, scratch: &Path) -> Result<Option<Detached>, Failure> {
    let (taken, source) = match &request.kind {
        MountKind::Tmpfs { .. } => return Ok(None),
        MountKind::Bind { source } => (mount::copy(source, true), source),
        MountKind::Within { directory, path } => (take_within(directory, path), directory),
        MountKind::Elsewhere { process, mountpoint, path } => {
            (take_elsewhere(*process, mountpoint, path), mountpoint)
        }
        MountKind::Overlay { overlay, path } => {
            (take_overlay(overlay, path, scratch), &request.destination)
        }
    };
    let restricted = taken.and_then(|taken| {
        let forbidden = forbidden(request);
        if !forbidden.is_empty() {
            taken.restrict(forbidden)?;
        }
        Ok(Some(taken))
    });
    restricted.map_err(|error| match part(&request.kind) {
        Some(part) if error.errno == Errno::ENOENT && error.call.starts_with("openat2") => {
            Failure::NoPart { part: part.into(), destination: request.destination.clone() }
        }
        _ => Failure::mount(source.display())(error),
    })
}

/// What is wanted of a volume, if it is not all.
fn part(kind: &MountKind) -> Option<&Path> {
    match kind {
        MountKind::Within { path, .. }
        | MountKind::Elsewhere { path, .. }
        | MountKind::Overlay { path, .. } => Some(path),
        MountKind::Bind { .. } | MountKind::Tmpfs { .. } => None,
    }
}

/// What is in the directory of a volume is a stranger's: no link leads out of it.
fn take_within(directory: &Path, path: &Path) -> sys::Result<Detached> {
    let root = sys::fs::open_directory(directory)?;
    mount::copy_of(sys::fs::open_any_in_root(root, path)?)
}

/// A mount can be copied only in the namespace that it is in. Who is root where that was
/// made may go there, and come back.
fn take_elsewhere(process: ProcessId, mountpoint: &Path, path: &Path) -> sys::Result<Detached> {
    let theirs = sys::mount::namespace_of(process.pid)?;
    if !sys::process::is_alive(process.pid, process.start_time) {
        return Err(Errno::ESRCH).named(|| format!("setns({}, CLONE_NEWNS)", process.pid));
    }
    sys::mount::within(&theirs, || take_within(mountpoint, path))
}

/// It has to be mounted somewhere before it can be taken from there.
fn take_overlay(overlay: &Overlay, path: &Path, scratch: &Path) -> sys::Result<Detached> {
    rootfs::mount_layers(overlay, scratch)?;
    let taken = take_within(scratch, path);
    mount::unmount(scratch)?;
    taken
}

fn forbidden(request: &Mount) -> Attributes {
    let mut attributes = Attributes::empty();
    attributes.set(Attributes::MOUNT_ATTR_RDONLY, request.readonly);
    attributes.set(Attributes::MOUNT_ATTR_NOSUID, request.flags.nosuid);
    attributes.set(Attributes::MOUNT_ATTR_NODEV, request.flags.nodev);
    attributes.set(Attributes::MOUNT_ATTR_NOEXEC, request.flags.noexec);
    attributes
}

/// `gid=5` is Debian's and Fedora's group `tty`; it has to be mapped.
fn pseudo_terminals(ids: &Plan) -> sys::Result<Detached> {
    let attributes = Attributes::MOUNT_ATTR_NOSUID | Attributes::MOUNT_ATTR_NOEXEC;
    let mut options = vec![("ptmxmode", "0666"), ("mode", "0620")];
    let is_mapped = |extent: &IdMap| {
        5u32.checked_sub(extent.inside).is_some_and(|offset| offset < extent.count)
    };
    if ids.gids.iter().any(is_mapped) {
        options.push(("gid", "5"));
    }
    mount::make("devpts", &options, attributes)
}

/// At a directory that nearly every image has, and the skeleton anyway.
///
/// One that is a link would be inside as well; but then what we mean by its path
/// is not what others find there (CVE-2019-19921, CVE-2026-41579).
fn attach(mount: &Detached, target: &Path) -> sys::Result<()> {
    if sys::fs::lstat(target).is_ok_and(|there| !sys::fs::is_directory(&there)) {
        return Err(Errno::ENOTDIR).named(|| format!("open({target:?}, O_DIRECTORY | O_NOFOLLOW)"));
    }
    match mount.attach(target) {
        Err(error) if error.errno == Errno::ENOENT => {
            mount.attach_to(inside::make(target, Kind::Directory, &Volumes::default())?)
        }
        attached => attached,
    }
}

/// In a file system of our own, which has nothing of this name yet.
fn attach_in(directory: &Detached, name: &str, mount: &Detached) -> sys::Result<()> {
    sys::fs::mkdir_at(directory.as_fd(), Path::new(name), 0o755)?;
    mount.attach_at(directory.as_fd(), name)
}

fn attach_bind(source: &Detached, request: &Mount, users: &mut Volumes) -> sys::Result<()> {
    let kind = match sys::fs::is_directory(&sys::fs::fstat(source.as_fd())?) {
        true => Kind::Directory,
        false => Kind::File,
    };
    let target = inside::make(&request.destination, kind, users)?;
    attach_to(source, target, &request.destination)?;
    match keeps_changes(request) {
        true => users.add_own(source),
        false => users.add(source),
    }
    Ok(())
}

fn attach_tmpfs(request: &Mount, owner: &Owner, users: &mut Volumes) -> sys::Result<()> {
    let MountKind::Tmpfs { size, mode, noexec } = request.kind else { return Ok(()) };
    let (mode, size) = (format!("{mode:o}"), size.map(|size| size.to_string()));
    let mut options = vec![("mode", mode.as_str())];
    options.extend(size.as_deref().map(|size| ("size", size)));
    let mut attributes = Attributes::MOUNT_ATTR_NOSUID | Attributes::MOUNT_ATTR_NODEV;
    attributes.set(Attributes::MOUNT_ATTR_NOEXEC, noexec);
    attributes.set(Attributes::MOUNT_ATTR_RDONLY, request.readonly);
    let target = inside::make(&request.destination, Kind::Directory, users)?;
    let memory = mount::make("tmpfs", &owner.with(&options), attributes)?;
    attach_to(&memory, target, &request.destination)?;
    users.add_own(&memory);
    Ok(())
}

fn attach_to(mount: &Detached, target: OwnedFd, path: &Path) -> sys::Result<()> {
    let attached = mount.attach_to(target);
    attached.map_err(|error| sys::Error { call: format!("move_mount({path:?})"), ..error })
}

/// Files that we bring, and emptiness over those that nobody shall see.
fn attach_own_files(spec: &Spec) -> Result<(), Failure> {
    mount::make("tmpfs", &[("mode", "0755")], quiet())
        .and_then(|workshop| attach(&workshop, Path::new(WORKSHOP)))
        .map_err(Failure::mount("a place for our own files"))?;
    for (number, file) in spec.files.iter().enumerate() {
        match attach_file(&Path::new(WORKSHOP).join(number.to_string()), file, spec.keep_id) {
            // `host` and `rootfs:DIR` may have a directory that is not ours to change.
            Err(error)
                if matches!(error.errno, Errno::EACCES | Errno::EOVERFLOW | Errno::EROFS) => {}
            attached => attached.map_err(Failure::mount(file.path.display()))?,
        }
    }
    hide(&spec.masked_paths).map_err(Failure::mount("a masked path"))
}

fn attach_file(source: &Path, file: &SmallFile, keep: Option<KeepId>) -> sys::Result<()> {
    if file.optional && !file.path.parent().is_some_and(Path::is_dir) {
        return Ok(());
    }
    fs::write(source, &file.content).named(|| format!("write({source:?})"))?;
    if let (uid @ 1.., gid) = KeepId::root(keep) {
        let owned = std::os::unix::fs::chown(source, Some(uid), Some(gid));
        owned.named(|| format!("chown({source:?})"))?;
    }
    let target = inside::make(&file.path, Kind::File, &Volumes::default())?;
    attach_to(&mount::copy(source, false)?, target, &file.path)
}

/// Covers files and directories so that nothing of them can be seen.
///
/// What is mounted from a read-only mount is read-only as well.
fn hide(paths: &[&str]) -> sys::Result<()> {
    if paths.is_empty() {
        return Ok(());
    }
    let (directory, file) = (Path::new("/dev/directory"), Path::new("/dev/file"));
    fs::create_dir(directory).named(|| format!("mkdir({directory:?})"))?;
    File::create_new(file).named(|| format!("open({file:?}, O_CREAT)"))?;
    mount::set_readonly(Path::new(WORKSHOP))?;
    for path in paths.iter().map(Path::new) {
        match fs::symlink_metadata(path) {
            Ok(there) if there.is_dir() => mount::bind(directory, path)?,
            Ok(_) => mount::bind(file, path)?,
            Err(_) => {}
        }
    }
    Ok(())
}

fn protect(paths: &[&str]) -> sys::Result<()> {
    paths.iter().map(Path::new).try_for_each(|path| match mount::bind_readonly(path, path) {
        Err(error) if error.errno == Errno::ENOENT => Ok(()),
        bound => bound,
    })
}

/// Makes `/dev/console` another name of the terminal.
pub(super) fn attach_console(terminal: &Path) -> sys::Result<()> {
    let console = Path::new("/dev/console");
    let target = inside::make(console, Kind::File, &Volumes::default())?;
    attach_to(&mount::copy(terminal, false)?, target, console)
}

/// The workload's first directory, made if the image lacks it.
pub(super) fn enter_directory(path: &Path, volumes: &Volumes) -> sys::Result<()> {
    let directory = inside::make(path, Kind::Directory, volumes)?;
    rustix::process::fchdir(directory).named(|| format!("chdir({path:?})"))
}
