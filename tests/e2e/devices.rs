//! `--device`, `--gpus`: devices of the host inside.

use std::os::unix::fs::FileTypeExt;

use rustix::fs::Access;

use crate::{
    require,
    support::{Dir, Test, user_namespaces, warm},
};

#[test]
fn a_device_comes_inside_under_its_name_or_another() {
    require!(user_namespaces(), "user namespaces");
    let script = "stat -c '%F %t:%T' /dev/fuse /dev/mine; head -c 3 /dev/mine | od -An -tx1";
    Test::run_with(
        &["--device", "/dev/fuse", "--device", "/dev/zero:/dev/mine"],
        &["sh", "-c", script],
    )
    .stdout("character special file a:e5\ncharacter special file 1:5\n 00 00 00\n")
    .stderr("")
    .check();
}

#[test]
fn a_device_is_there_outside_of_dev_and_beside_volumes() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    dir.write("node", "");
    let volume = format!("{}:/w", dir.path().display());
    let options =
        ["-v", &volume, "--device", "/dev/zero:/w/node", "--device", "/dev/full:/a/b/c:rw"];
    let script = "stat -c %t:%T /w/node /a/b/c; echo x > /a/b/c";
    Test::run_with(&options, &["sh", "-c", script])
        .code(1)
        .stdout("1:5\n1:7\n")
        .stderr("sh: write error: No space left on device\n")
        .check();
}

#[test]
fn a_directory_stands_for_all_devices_below_it() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(
        &["-q", "--device", "/dev:/all"],
        &["sh", "-c", "stat -c %t:%T /all/null /all/zero; ls -d /all/pts /all/stdin"],
    )
    .code(1)
    .stdout("1:3\n1:5\n")
    .stderr(
        "ls: /all/pts: No such file or directory\n\
         ls: /all/stdin: No such file or directory\n",
    )
    .check();
}

#[test]
fn what_is_no_device_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let empty = Dir::new("empty");
    let (store, image) = warm();
    let file = empty.write("sub/file", "");
    let cases = [
        ("/dev/sdaz".into(), "error[E047]: there is no device /dev/sdaz\n".into()),
        (
            file.display().to_string(),
            format!(
                "error[E047]: {0} is not a device\nhint: `-v {0}:DST` shows a file or directory \
                 inside\n",
                file.display()
            ),
        ),
        (
            empty.path().display().to_string(),
            format!("error[E047]: there is no device below {}\n", empty.path().display()),
        ),
    ];
    for (device, stderr) in &cases {
        for command in ["run", "create"] {
            Test::sandbox(&[command, "--device", device, image, "true"])
                .store(store)
                .code(125)
                .stdout("")
                .stderr(stderr)
                .check();
        }
    }
}

#[test]
fn a_device_that_is_not_spelled_like_one_is_refused() {
    let cases = [
        ("null", "`null` is not the absolute path of a device"),
        ("/dev/null:/dev/x:rx", "the permissions `rx` are not some of r, w and m"),
        ("/dev/null:dev", "the path inside, `dev`, must begin with /"),
        ("/dev/null:/", "the root directory itself cannot be mounted over"),
    ];
    for (device, why) in cases {
        Test::run_with(&["--device", device], &["true"]).fails(125, &[device, why]).check();
    }
}

#[test]
fn the_permissions_of_the_host_hold() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(&["--device", "/dev/null:/dev/mine:w"], &["cat", "/dev/mine"])
        .stdout("")
        .stderr(
            "note: `w` cannot be held to: rules for devices are root's, so inside /dev/null may \
             be used as you may use it\n",
        )
        .check();
    let closed = closed_device();
    require!(closed.is_some(), "a device that only root may open");
    let path = closed.unwrap();
    Test::run_with(&["--device", &format!("{path}:/dev/mine")], &["cat", "/dev/mine"])
        .code(1)
        .stderr(&format!(
            "note: you may neither read nor write {path}, so nobody inside can\n\
             cat: can't open '/dev/mine': Permission denied\n"
        ))
        .check();
}

/// One that we may not open.
fn closed_device() -> Option<String> {
    let entries = std::fs::read_dir("/dev").unwrap().map(|entry| entry.unwrap());
    let mut closed = entries.filter(|entry| {
        let kind = entry.file_type().unwrap();
        let may = |access| rustix::fs::access(entry.path(), access).is_ok();
        kind.is_char_device() && !may(Access::READ_OK) && !may(Access::WRITE_OK)
    });
    closed.next().map(|entry| entry.path().display().to_string())
}

#[test]
fn a_sandbox_that_is_kept_has_its_devices_at_each_start() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = crate::support::own();
    let run = |args: &[&str]| Test::sandbox(args).store(&store);
    run(&["create", "--name", "kept", "--device", "/dev/zero:/dev/mine:rw", &image, "sleep", "99"])
        .check();
    for _ in 0..2 {
        run(&["start", "kept"]).check();
        run(&["exec", "kept", "stat", "-c", "%t:%T", "/dev/mine"]).stdout("1:5\n").check();
        run(&["stop", "-t", "0", "kept"]).check();
    }
    let format = "{{json .HostConfig.Devices}}";
    run(&["inspect", "--format", format, "kept"])
        .stdout(
            "[{\"CgroupPermissions\":\"rw\",\"PathInContainer\":\"/dev/mine\",\
             \"PathOnHost\":\"/dev/zero\"}]\n",
        )
        .check();
}
