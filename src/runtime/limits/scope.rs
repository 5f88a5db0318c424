//! A cgroup from systemd.
//!
//! # Theory of operation
//!
//! The systemd of a user has a part of the tree and hands it on: for processes that
//! run already it makes a *scope* (`systemd.scope(5)`), and with `Delegate=` that
//! scope is theirs to divide. So where we are in no cgroup of ours, as in a login
//! shell, the supervisor asks to be moved into a scope ([`enter`]), and goes on as
//! if it had been started there. When all that is in it has ended, however it did,
//! systemd removes it with what is below.
//!
//! A process can move itself only within what is ours. `exec` from elsewhere has
//! the one that it adds moved by systemd, too ([`attach`]).
//!
//! The calls are those of `org.freedesktop.systemd1(5)`, the Manager object.

use std::{
    ffi::OsStr,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::unistd::getpid;

use super::{
    bus::{Body, Bus, Method},
    cgroup,
};

/// How long answers may take: a bus that is not needed yet is started first.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a systemd that has promised may take, with many others to move.
const LONG_PATIENCE: Duration = Duration::from_secs(10);
/// The first pause between two looks; each is twice as long as the last one.
const PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// How the names of our scopes begin.
const PREFIX: &str = "sandbox-";

/// Why there is no scope.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no systemd that could be asked.
    Nobody,
    /// What it has answered, if anything.
    Answer(String),
}

/// Where the systemd of this user listens; root's is that of the machine. None if the
/// machine is run by something else (`sd_booted(3)`): the bus has no systemd then.
pub(super) fn socket(user: u32) -> Option<PathBuf> {
    let socket = match user {
        0 => "/run/dbus/system_bus_socket".into(),
        user => PathBuf::from(format!("/run/user/{user}/bus")),
    };
    Path::new("/run/systemd/system").exists().then_some(socket)
}

fn connect(user: u32) -> io::Result<Bus> {
    let socket = socket(user).ok_or(ErrorKind::NotFound)?;
    Bus::connect(&socket, Instant::now() + PATIENCE)
}

/// Moves this process into a scope for the sandbox `id`, below the systemd of
/// `user`: a number outside of our user namespace.
pub(super) fn enter(user: u32, id: &str) -> Result<(), Refusal> {
    if cgroup::current().is_none() {
        return Err(Refusal::Nobody);
    }
    let name = format!("{PREFIX}{id}-{}.scope", getpid());
    let mut bus = connect(user)?;
    let signature = "ssa(sv)a(sa(sv))";
    bus.call(manager("StartTransientUnit"), signature, scope(&name, id).bytes())?;
    wait_for(|| cgroup::current().is_some_and(|it| it.ends_with(&name)))
}

/// It has only promised; whether it fails then nobody tells us.
fn wait_for(is_there: impl Fn() -> bool) -> Result<(), Refusal> {
    let end = Instant::now() + LONG_PATIENCE;
    let mut pause = PAUSE;
    while !is_there() {
        if Instant::now() > end {
            return Err(Refusal::Answer("it does not move us".into()));
        }
        std::thread::sleep(pause);
        pause = LONGEST_PAUSE.min(pause * 2);
    }
    Ok(())
}

/// Whether this is the cgroup of a scope that was made by [`enter`].
pub(super) fn is_ours(directory: &Path) -> bool {
    let name = directory.file_name().and_then(OsStr::to_str);
    name.is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(".scope"))
}

/// Whether the systemd of this user has handed on the unit that a cgroup belongs to;
/// none if it does not tell.
pub(super) fn delegates(user: u32, directory: &Path) -> Option<bool> {
    let (unit, _) = unit_of(directory, user)?;
    let kind = if unit.ends_with(".scope") { "Scope" } else { "Service" };
    let mut bus = connect(user).ok()?;
    let path = format!("/org/freedesktop/systemd1/unit/{}", label(unit));
    let interface = "org.freedesktop.DBus.Properties";
    let get = Method { path: &path, interface, ..manager("Get") };
    let mut body = Body::default();
    body.string(&format!("org.freedesktop.systemd1.{kind}")).string("Delegate");
    let answer = bus.call(get, "ss", body.bytes()).ok()?;
    // Its type, and at the next multiple of four the value.
    (answer.len() == 8 && answer.starts_with(b"\x01b\0")).then(|| answer[4] == 1)
}

/// A unit as part of the path of an object.
fn label(unit: &str) -> String {
    let letter = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        other => format!("_{other:02x}"),
    };
    unit.bytes().map(letter).collect()
}

fn manager(member: &str) -> Method<'_> {
    Method {
        destination: "org.freedesktop.systemd1",
        path: "/org/freedesktop/systemd1",
        interface: "org.freedesktop.systemd1.Manager",
        member,
    }
}

/// What is asked for: name, mode, properties, and no other units.
fn scope(name: &str, id: &str) -> Body {
    let mut body = Body::default();
    body.string(name).string("fail").array(8, |properties| {
        properties
            .property("Description", "s", |value| value.string(&format!("sandbox {id}")))
            .property("Delegate", "b", |value| value.number(1))
            // Nobody has to `reset-failed` it.
            .property("CollectMode", "s", |value| value.string("inactive-or-failed"))
            // 0 is who asks: our number may be another one in a pid namespace.
            .property("PIDs", "au", |value| value.numbers(&[0]));
    });
    body.array(8, |_| {});
    body
}

/// Moves a process into a cgroup that is part of a unit of this user's systemd.
pub(super) fn attach(user: u32, directory: &Path, pid: i32) -> io::Result<()> {
    let (unit, below) = unit_of(directory, user).ok_or(ErrorKind::NotFound)?;
    let mut bus = connect(user)?;
    let mut body = Body::default();
    body.string(unit).string(&below).numbers(&[pid.unsigned_abs()]);
    bus.call(manager("AttachProcessesToUnit"), "ssau", body.bytes()).map(drop)
}

/// The unit that this cgroup belongs to, and where it is below that; none if the
/// systemd of this user did not make it.
fn unit_of(directory: &Path, user: u32) -> Option<(&str, String)> {
    let path = directory.to_str()?;
    let path = match user {
        0 => path,
        user => path.split_once(&format!("/user@{user}.service/"))?.1,
    };
    let is_unit = |name: &&str| name.ends_with(".scope") || name.ends_with(".service");
    let unit = path.split('/').rfind(is_unit)?;
    let (_, below) = path.rsplit_once(unit)?;
    Some((unit, if below.is_empty() { "/".into() } else { below.into() }))
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::PermissionDenied => {
                Self::Nobody
            }
            _ => Self::Answer(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_is_part_of_the_last_unit_in_its_path() {
        let app = "/sys/fs/cgroup/user.slice/user-7.slice/user@7.service/app.slice";
        let unit = |path: &str, user| {
            let path = PathBuf::from(format!("{app}/{path}"));
            unit_of(&path, user).map(|(unit, below)| format!("{unit} {below}"))
        };
        assert_eq!(unit("a.scope/sandbox-0a.1.2", 7).unwrap(), "a.scope /sandbox-0a.1.2");
        assert_eq!(unit("a.service/b/c", 7).unwrap(), "a.service /b/c");
        assert_eq!(unit("a.scope", 7).unwrap(), "a.scope /");
        assert_eq!(unit("a.scope/b", 8), None);
        assert_eq!(unit("", 7), None);
        assert_eq!(unit("a.scope/b", 0).unwrap(), "a.scope /b");
        assert_eq!(unit_of(Path::new("/sys/fs/cgroup/mine/sandbox-0a.1.2"), 0), None);
    }

    #[test]
    fn a_unit_is_named_as_an_object() {
        assert_eq!(label("run-r9.scope"), "run_2dr9_2escope");
        assert_eq!(label("user@7.service"), "user_407_2eservice");
    }

    #[test]
    fn a_scope_of_ours_is_known_by_its_name() {
        assert!(is_ours(Path::new("/sys/fs/cgroup/app.slice/sandbox-0a-17.scope")));
        for other in ["/sys/fs/cgroup/run.scope", "/a/sandbox-0a-17.scope/sandbox-0a.17.3", "/"] {
            assert!(!is_ours(Path::new(other)), "{other}");
        }
    }

    #[test]
    fn without_a_bus_there_is_nobody_to_ask() {
        let cgroup = Path::new("/sys/fs/cgroup/user@4294967295.service/a.scope/b");
        assert_eq!(enter(u32::MAX, "0a"), Err(Refusal::Nobody));
        assert_eq!(delegates(u32::MAX, cgroup), None);
        assert_eq!(attach(u32::MAX, cgroup, 1).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_request_is_written_as_systemd_reads_it() {
        let body = scope("a.scope", "0a");
        let text = String::from_utf8_lossy(body.bytes()).into_owned();
        let places = ["a.scope", "fail", "Description", "sandbox 0a", "Delegate", "PIDs"];
        let places = places.map(|it| text.find(it).unwrap());
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!(body.bytes().len() % 4, 0);
    }
}
