//! The program where there is next to nothing: no libraries, no `/etc`, no name
//! for the caller, no home.

use std::{fs, os::unix::process::ExitStatusExt, process::Command};

use crate::{
    require,
    support::{Dir, Test, binary, text, user_namespaces, warm},
};

#[test]
fn the_program_needs_no_loader() {
    let headers = Command::new("readelf").args(["-lW"]).arg(binary()).output();
    let headers = headers.map(|output| text(&output.stdout)).unwrap_or_default();
    require!(headers.contains("LOAD"), "readelf");
    assert!(!headers.contains("INTERP"), "{headers}");
}

#[test]
fn in_an_empty_tree_every_command_works_or_says_why() {
    require!(user_namespaces(), "user namespaces");
    let root = Dir::new("empty");
    fs::copy(binary(), root.path().join("sandbox")).unwrap();
    let directory = format!("--root={}", root.path().display());
    for args in [
        &["version"][..],
        &["--help"],
        &["info"],
        &["images"],
        &["pull", "127.0.0.1:1/x"],
        &["inspect", "x"],
        &["rmi", "x"],
        &["run", "host", "true"],
        &["run", "rootfs:/", "/sandbox", "version"],
        &["run", "127.0.0.1:1/x", "true"],
    ] {
        let output = Command::new("unshare")
            .args(["--map-user=12345", "--map-group=12345", &directory, "/sandbox"])
            .args(args)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.signal(), None, "{args:?} crashes: {stderr}");
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
        match output.status.code() {
            Some(0) => {}
            Some(125) => assert!(stderr.contains("error[E"), "{args:?}: {stderr}"),
            code => panic!("{args:?}: {code:?}: {stderr}"),
        }
    }
}

#[test]
fn a_caller_without_a_name_and_a_home_runs_an_image() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("etc");
    let empty = dir.write("empty", "");
    let modules =
        dir.write("nsswitch", "passwd: sss ldap winbind\ngroup: sss\nhosts: mymachines resolve\n");
    let prepare = format!(
        "mount --bind {empty} /etc/passwd; mount --bind {empty} /etc/group\n\
         mount --bind {} /etc/nsswitch.conf; unset HOME USER",
        modules.display(),
        empty = empty.display(),
    );
    require!(fs::exists("/etc/nsswitch.conf").unwrap(), "/etc/nsswitch.conf");
    let (_, image) = warm();
    let store = crate::support::Store::new();
    Test::sandbox(&["run", image, "echo", "hi"])
        .store(&store)
        .after(&prepare)
        .stdout("hi\n")
        .check();
    Test::sandbox(&["run", "host", "echo", "hi"]).after(&prepare).stdout("hi\n").check();
    Test::sandbox(&["info"]).after(&prepare).check();
}

#[test]
fn without_a_home_the_store_must_be_named_or_is_found() {
    let output = Command::new(binary()).arg("images").env_clear().output().unwrap();
    assert_eq!(output.status.signal(), None);
    assert!([0, 125].contains(&output.status.code().unwrap()), "{}", text(&output.stderr));
}
