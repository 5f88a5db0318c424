//! `sandbox run host`: this machine's own system, copy-on-write.

use std::{fs, path::Path};

use crate::{
    only_for, require,
    support::{Dir, Test, is_root, user_namespaces},
};

#[test]
fn a_change_is_seen_inside_only() {
    require!(user_namespaces(), "user namespaces");
    Test::host("touch /etc/canary && ls /etc/canary").stdout("/etc/canary\n").check();
    assert!(!Path::new("/etc/canary").exists());
    Test::host("ls /etc/canary 2>/dev/null").code(2).stdout("").check();
}

#[test]
fn the_programs_of_the_machine_run() {
    require!(user_namespaces(), "user namespaces");
    Test::host("id -u; cat /etc/debian_version >/dev/null; perl -e 'print 6 * 7'")
        .stdout("0\n42")
        .check();
}

#[test]
fn the_home_of_the_caller_is_hidden_unless_mounted() {
    require!(user_namespaces(), "user namespaces");
    let home = std::env::var("HOME").unwrap_or_default();
    only_for!(!is_root());
    require!(Path::new(&home).is_dir(), "a home directory");
    let seen = Test::host(&format!("ls -A {home} 2>/dev/null; exit 0")).read();
    assert_eq!(seen, "");

    let dir = Dir::new("home");
    dir.write("file", "mounted\n");
    let volume = format!("{}:{home}", dir.path().display());
    Test::sandbox(&["run", "-v", &volume, "host", "cat", &format!("{home}/file")])
        .stdout("mounted\n")
        .check();
}

#[test]
fn temporary_files_and_sockets_of_the_machine_are_not_there() {
    require!(user_namespaces(), "user namespaces");
    let file = format!("/tmp/sandbox-e2e-{}", std::process::id());
    fs::write(&file, "").unwrap();
    Test::host("ls -A /tmp; ls -A /run | grep -v -e lock -e shm; echo end").stdout("end\n").check();
    fs::remove_file(&file).unwrap();
}

#[test]
fn a_secret_of_root_stays_secret() {
    require!(user_namespaces(), "user namespaces");
    only_for!(!is_root());
    Test::host("cat /etc/shadow 2>/dev/null").code(1).stdout("").check();
}
