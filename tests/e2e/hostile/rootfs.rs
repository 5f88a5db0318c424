//! Images whose files are where ours go (lines 28 to 32 of the list).

use std::{
    fs,
    os::unix::fs::symlink,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::json;

use super::yard::{Outcome, Yard, stack};
use crate::{
    require,
    support::{Dir, Layer, Test, user_namespaces},
};

/// What a sandbox brings with it or looks at, and whether it is a directory.
const PLACES: [(&str, bool); 14] = [
    ("dev", true),
    ("dev/pts", true),
    ("dev/shm", true),
    ("dev/console", false),
    ("dev/null", false),
    ("proc", true),
    ("sys", true),
    ("etc/resolv.conf", false),
    ("etc/hosts", false),
    ("etc/hostname", false),
    ("etc/passwd", false),
    ("etc/group", false),
    ("etc/mtab", false),
    ("run/.containerenv", false),
];

/// What must hold in whatever runs: the devices and the kernel's files are the
/// true ones, what is hidden is hidden, and the canary is out of reach.
const PROBE: &str = r#"
    fail() { echo "harm: $1"; exit 0; }
    test -c /dev/null || fail "no /dev/null"
    echo x > /dev/null || fail "a false /dev/null"
    test -z "$(cat /dev/null)" || fail "/dev/null has content"
    test "$(readlink /proc/self)" = $$ -o "$(cut -d ' ' -f 1 /proc/1/stat)" = 1 || fail "no /proc"
    test "$(head -c 1 /proc/kcore 2>/dev/null | wc -c)" = 0 || fail "/proc/kcore"
    (echo b > /proc/sysrq-trigger) 2>/dev/null && fail "/proc/sysrq-trigger"
    (echo x > /proc/sys/kernel/core_pattern) 2>/dev/null && fail "/proc/sys"
    grep -q untouched "$1/victim" 2>/dev/null && fail "the canary"
    echo ran
"#;

/// The same where the user's own mounts may cover the kernel's files.
const CANARY_PROBE: &str =
    "grep -q untouched \"$1/victim\" 2>&- && echo harm: the canary; echo ran";

/// Puts something of the image's where ours goes.
fn attack(yard: &Yard, what: &str, layer: Layer, options: &[&str]) {
    let name = stack([layer]).write_layout(&yard.place(what));
    let probe = if options.is_empty() { PROBE } else { CANARY_PROBE };
    let command = ["sh", "-c", probe, "sh", yard.path()];
    let args = [&["run"], options, &[&name], &command].concat();
    yard.check(what, &args, Outcome::Harmless("ran\n"));
}

/// Runs an attack against each of the places.
fn everywhere(kind: &str, make: impl Fn(&Yard, &str, bool) -> Layer) {
    let yard = Yard::new();
    for (place, directory) in PLACES {
        let what = format!("{kind}-{place}");
        attack(&yard, &what, make(&yard, place, directory), &[]);
    }
}

#[test]
fn links_to_everywhere_are_not_mounted_through() {
    require!(user_namespaces(), "user namespaces");
    for (kind, target) in [("root", "/"), ("magic", "/proc/1/root"), ("dangling", "nowhere/at/all")]
    {
        everywhere(kind, |_, place, _| Layer::new().symlink(place, target));
    }
}

#[test]
fn links_to_the_host_are_not_mounted_through() {
    require!(user_namespaces(), "user namespaces");
    everywhere("canary", |yard, place, directory| {
        let name = if directory { "" } else { "/victim" };
        Layer::new().symlink(place, &format!("{}{name}", yard.path()))
    });
    everywhere("up", |yard, place, directory| {
        Layer::new().symlink(place, &yard.up(if directory { "" } else { "victim" }))
    });
    everywhere("made", |yard, place, _| {
        Layer::new().symlink(place, &format!("{}/made", yard.path()))
    });
}

#[test]
fn what_is_of_another_kind_is_not_mounted_on() {
    require!(user_namespaces(), "user namespaces");
    everywhere("fifo", |_, place, _| Layer::new().fifo(place));
    everywhere("swapped", |_, place, directory| match directory {
        true => Layer::new().file(place, 0o644, "harm\n"),
        false => Layer::new().dir(place, 0o755),
    });
    everywhere("whiteout", |_, place, _| {
        let (parent, name) = place.rsplit_once('/').unwrap_or(("", place));
        Layer::new().file(&format!("{parent}/.wh.{name}"), 0o644, "")
    });
}

#[test]
fn the_kernels_directories_are_directories() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    for place in ["dev", "proc", "sys"] {
        for (kind, layer) in [
            ("link", Layer::new().symlink(place, "tmp")),
            ("root", Layer::new().symlink(place, "/")),
            ("file", Layer::new().file(place, 0o644, "")),
        ] {
            let name = stack([layer]).write_layout(&yard.place(&format!("{kind}-{place}")));
            let message = format!("/{place}");
            let refused = Outcome::Refused(&[&message, "ENOTDIR"][..]);
            yard.check(place, &["run", &name, "echo", "ran"], refused);
        }
    }
}

#[test]
fn volumes_and_directories_are_put_inside() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let shared = Dir::new("shared");
    let victim = format!("{}/victim", yard.path());
    let targets = [
        "/",
        "/proc/1/root",
        "/proc/1/root/mnt",
        "nowhere",
        yard.path(),
        &victim,
        "/proc",
        "/dev",
        "/etc",
        "../../../..",
        "/dst",
    ];
    for (number, target) in targets.into_iter().enumerate() {
        for (kind, bind) in
            [("dir", shared.path().to_path_buf()), ("file", shared.write("file", ""))]
        {
            let layer = || Layer::new().symlink("dst", target);
            let what = format!("bind-{kind}-{number}");
            let bind = format!("{}:/dst", bind.display());
            attack(&yard, &what, layer(), &["-v", &bind]);
            attack(&yard, &format!("{what}-below"), layer(), &["-v", &format!("{bind}/made")]);
        }
        let layer = || Layer::new().symlink("dst", target);
        attack(&yard, &format!("tmpfs-{number}"), layer(), &["--tmpfs", "/dst/made"]);
        attack(&yard, &format!("workdir-{number}"), layer(), &["-w", "/dst/made"]);
    }
    let left: Vec<_> =
        fs::read_dir(shared.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["file"]);
}

/// Looks for the canary from where it is, and wherever that leads up to.
const LOOK: &str = "cat victim below ../victim \"$1\" 2>&- | grep -q untouched && echo harm || \
                    echo ran";

/// What this program has open is the host's, and a link of `/proc` leads to it
/// (CVE-2024-21626).
#[test]
fn what_is_open_of_the_host_is_reached_by_no_name() {
    require!(user_namespaces(), "user namespaces");
    let (yard, shared) = (Yard::new(), Dir::new("shared"));
    let (victim, directory) = (yard.up("victim"), yard.up("directory"));
    let fds = 3..28;
    let through = |fd: i32| format!("/proc/self/fd/{fd}/{directory}");
    let links =
        fds.clone().fold(Layer::new(), |layer, fd| layer.symlink(&format!("fd{fd}"), &through(fd)));
    let name = stack([links]).write_layout(&yard.place("links"));
    let look = ["sh", "-c", LOOK, "sh", &victim];
    for fd in fds.clone() {
        let (plain, link) = (format!("/proc/self/fd/{fd}"), format!("/fd{fd}/made"));
        let volume = format!("{}:{link}", shared.path().display());
        let cases = [
            ["-w", &plain],
            ["-w", &through(fd)],
            ["-w", &link],
            ["-v", &volume],
            ["--tmpfs", &link],
        ];
        for options in cases {
            let args = [&["run"], &options[..], &[&name], &look].concat();
            yard.check(&format!("{options:?}"), &args, Outcome::Harmless("ran\n"));
        }
        // What is ours goes where that is.
        let layer = Layer::new().symlink("etc", &through(fd));
        attack(&yard, &format!("etc-{fd}"), layer, &[]);
    }
    let run = ["run", "-d", "--name", "job", &name, "sleep", "1000"];
    assert!(yard.output("run", Test::sandbox(&run)).status.success());
    for fd in fds {
        for directory in [format!("/proc/self/fd/{fd}"), format!("/fd{fd}"), through(fd)] {
            let args = [&["exec", "-w", &directory, "job"], &look[..]].concat();
            yard.check(&directory, &args, Outcome::Harmless("ran\n"));
        }
    }
    yard.output("rm", Test::sandbox(&["rm", "-f", "job"]));
}

#[test]
fn a_destination_goes_up_no_further_than_the_root() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let (a, b) = (Dir::new("a"), Dir::new("b"));
    b.write("mark", "");
    let image = stack([Layer::new().symlink("x/up", "../..")]);
    let name = image.write_layout(&yard.place("up"));
    let first = format!("{}:/x", a.path().display());
    for destination in ["/x/../../mnt", "/x/../../../../../mnt", "/../mnt"] {
        let second = format!("{}:{destination}", b.path().display());
        let args = ["run", "-v", &first, "-v", &second, &name, "ls", "/mnt"];
        yard.check(destination, &args, Outcome::Harmless("mark\n"));
    }
    assert_eq!(fs::read_dir(a.path()).unwrap().count(), 0);
}

#[test]
fn account_files_of_any_kind_keep_nobody_waiting() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let huge = Layer::new().raw(
        |header| {
            header.set_entry_type(tar::EntryType::GNUSparse);
            header.as_old_mut().name[..10].copy_from_slice(b"etc/passwd");
            let gnu = header.as_gnu_mut().unwrap();
            gnu.set_real_size(1 << 30);
            gnu.sparse[0].set_offset(1 << 30);
            gnu.sparse[0].set_length(0);
        },
        b"",
    );
    let lines = "root:x:0:0::/:\n".repeat(1_200_000);
    let cases = [
        ("fifo", Layer::new().fifo("etc/passwd").fifo("etc/group")),
        ("zero", Layer::new().symlink("etc/passwd", "/dev/zero").symlink("etc/group", "/dev/zero")),
        ("host", Layer::new().symlink("etc/passwd", &yard.up("victim"))),
        ("itself", Layer::new().symlink("etc/passwd", "passwd")),
        ("mem", Layer::new().symlink("etc/passwd", "/proc/self/mem")),
        ("dir", Layer::new().dir("etc/passwd", 0o755)),
        ("gigabyte", huge),
        ("lines", Layer::new().file("etc/passwd", 0o644, lines)),
    ];
    for (what, layer) in cases {
        let image = stack([layer]);
        yard.run(&format!("accounts-{what}"), &image, &["echo", "ran"], Outcome::Says("ran\n"));
        let named = image.config("User", json!("ann"));
        let unknown = Outcome::Refused(&["the image has no user `ann`"]);
        yard.run(&format!("accounts-{what}-named"), &named, &["echo", "ran"], unknown);
    }
}

#[test]
fn a_directory_that_becomes_a_link_meanwhile_leads_nowhere() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let volume = Dir::new("volume");
    let (name, link) = (volume.path().join("sub"), volume.path().join("other"));
    fs::create_dir_all(name.join("deep")).unwrap();
    symlink(yard.path(), &link).unwrap();
    let image = stack([]).write_layout(&yard.place("race"));
    let done = AtomicBool::new(false);
    let at_the_end = Defer(|| done.store(true, Ordering::Relaxed));
    thread::scope(|scope| {
        let _at_the_end = at_the_end;
        scope.spawn(|| {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            while !done.load(Ordering::Relaxed) {
                renameat_with(CWD, &name, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let shared = Dir::new("shared");
        for _ in 0..40 {
            let outer = format!("{}:/v", volume.path().display());
            let inner = format!("{}:/v/sub/deep", shared.path().display());
            let args = [
                "run",
                "-v",
                &outer,
                "-v",
                &inner,
                &image,
                "sh",
                "-c",
                "touch /v/sub/deep/x; echo ran",
            ];
            yard.check("race", &args, Outcome::Harmless("ran\n"));
        }
    });
}

/// Does something when it goes, also because a test failed.
struct Defer<F: Fn()>(F);

impl<F: Fn()> Drop for Defer<F> {
    fn drop(&mut self) {
        self.0();
    }
}

#[test]
fn mounts_are_neither_covered_nor_passed_on() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let shared = Dir::new("shared");
    shared.write("file", "kept\n");
    let image = stack([]).write_layout(&yard.place("mounts"));
    let script = "
        for try in 'mount -t tmpfs none /proc/kcore' 'umount /proc/kcore' 'umount -l /proc' \
            'mount -o remount,rw /ro' 'mount -o bind,remount,rw /ro' 'umount /ro' \
            'mount -t tmpfs none /ro' 'mount --make-shared /ro' 'mount -o bind / /mnt'; do
            $try 2>/dev/null && echo \"harm: $try\"
        done
        echo x 2>/dev/null >/ro/file && echo harm
        cat /ro/file";
    let bind = format!("{}:/ro:ro", shared.path().display());
    let args = ["run", "-v", &bind, &image, "sh", "-c", script];
    yard.check("mounts", &args, Outcome::Says("kept\n"));
    // With the capability for it, nothing of it is seen outside.
    let script = "mount -t tmpfs none /v && touch /v/x && echo ran";
    let bind = format!("{}:/v", shared.path().display());
    let privileged = ["run", "--privileged", "-v", &bind, &image, "sh", "-c", script];
    yard.check("propagation", &privileged, Outcome::Says("ran\n"));
    assert_eq!(fs::read_dir(shared.path()).unwrap().count(), 1);
}
