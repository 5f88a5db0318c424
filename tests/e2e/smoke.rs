//! What must work whoever calls: these tests are also run as root.

use crate::{
    require,
    support::{Image, Registry, Store, Test, user_namespaces},
};

#[test]
fn an_image_of_a_registry_runs_and_leaves_nothing() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let image = Image::busybox().push(Registry::shared(), "smoke/busybox");
    let test = || Test::sandbox(&["run", &image, "echo", "hi"]).store(&store).stdout("hi\n");
    test().check();
    test().stderr("").check();
    store.assert_nothing_left();
}

#[test]
fn the_host_is_an_image_that_can_be_changed_without_consequence() {
    require!(user_namespaces(), "user namespaces");
    Test::host("touch /etc/canary && id -u").stdout("0\n").check();
    assert!(!std::path::Path::new("/etc/canary").exists());
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    require!(user_namespaces(), "user namespaces");
    Test::shell("exit 42").code(42).check();
}

#[test]
fn the_caller_is_root_inside_and_pid_1() {
    require!(user_namespaces(), "user namespaces");
    Test::shell("id -u; id -g; echo $$").stdout("0\n0\n1\n").check();
}

#[test]
fn a_file_made_in_a_volume_belongs_to_the_caller() {
    use std::os::unix::fs::MetadataExt;

    require!(user_namespaces(), "user namespaces");
    let dir = crate::support::Dir::new("volume");
    let volume = format!("{}:/w", dir.path().display());
    Test::run_with(&["-v", &volume, "-w", "/w"], &["touch", "made"]).check();
    let made = dir.path().join("made").metadata().unwrap();
    assert_eq!(made.uid(), rustix::process::getuid().as_raw());
}

#[test]
fn this_machine_is_described() {
    for command in ["info", "version"] {
        assert_ne!(Test::sandbox(&[command]).read(), "");
    }
}
