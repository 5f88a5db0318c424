//! Signals, and the end of those who sent them.

use std::{os::unix::process::CommandExt, process::Stdio};

use rustix::process::{Signal, kill_process_group};
use serde_json::json;

use crate::{
    require,
    support::{Dir, Image, Store, Test, eventually, processes_naming, user_namespaces, warm},
};

/// A time to sleep by which a process can be told from all others.
fn marker(test: u32) -> String {
    format!("{}{test}.25", 1_000_000 + std::process::id())
}

fn assert_dies(marker: &str) {
    let gone = eventually(|| processes_naming(marker).is_empty().then_some(()));
    assert!(gone.is_some(), "still alive: {:?}", processes_naming(marker));
}

#[test]
fn a_termination_ends_a_command_without_a_handler() {
    require!(user_namespaces(), "user namespaces");
    let marker = marker(1);
    let mut running = Test::shell(&format!("echo ready; exec sleep {marker}")).spawn();
    running.wait_for("ready");
    running.signal(Signal::TERM);
    assert_eq!(running.wait().code(), Some(143));
    assert_dies(&marker);
}

#[test]
fn a_command_with_a_handler_handles_the_signal() {
    require!(user_namespaces(), "user namespaces");
    for (signal, name) in [(Signal::TERM, "TERM"), (Signal::INT, "INT"), (Signal::USR1, "USR1")] {
        let script = format!("trap 'exit 7' {name}; echo ready; while :; do sleep 0.02; done");
        let mut running = Test::shell(&script).spawn();
        running.wait_for("ready");
        running.signal(signal);
        assert_eq!(running.wait().code(), Some(7), "{name}");
    }
}

#[test]
fn control_c_ends_all_at_once() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = warm();
    let marker = marker(2);
    let script = format!("echo ready; exec sleep {marker}");
    let mut command = Test::sandbox(&["run", image, "sh", "-c", &script]).store(store).command(&[]);
    let mut child = command.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
    let seen =
        eventually(|| (!processes_naming(&format!("sleep\0{marker}")).is_empty()).then_some(()));
    assert!(seen.is_some(), "the command does not start");

    kill_process_group(rustix::process::Pid::from_child(&child), Signal::INT).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert_dies(&marker);
}

#[test]
fn nothing_survives_the_death_of_its_parent() {
    require!(user_namespaces(), "user namespaces");
    for (number, options) in [(3, &[][..]), (4, &["--init"])] {
        let marker = marker(number);
        let script = format!("sleep {marker} & echo ready; exec sleep {marker}");
        let mut running = Test::run_with(options, &["sh", "-c", &script]).spawn();
        running.wait_for("ready");
        running.signal(Signal::KILL);
        running.wait();
        assert_dies(&marker);
    }
}

#[test]
fn what_a_killed_run_left_is_swept() {
    require!(user_namespaces(), "user namespaces");
    let (_, image) = warm();
    let store = Store::new();
    let mut running =
        Test::sandbox(&["run", image, "sh", "-c", "echo ready; sleep 1000"]).store(&store).spawn();
    running.wait_for("ready");
    running.signal(Signal::KILL);
    running.wait();
    store.assert_nothing_left();
}

#[test]
fn what_the_command_left_running_ends_with_it() {
    require!(user_namespaces(), "user namespaces");
    let marker = marker(5);
    Test::shell(&format!("sleep {marker} >/dev/null 2>&1 & exit 3")).code(3).check();
    assert_dies(&marker);
}

#[test]
fn the_stop_signal_of_the_image_is_what_a_termination_becomes() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("layout");
    let image = Image::busybox().config("StopSignal", json!("SIGUSR2")).write_layout(dir.path());
    let script = "trap 'exit 9' USR2; echo ready; while :; do sleep 0.02; done";
    // `--timeout` asks the command to stop before it kills.
    let mut running =
        Test::sandbox(&["run", "--timeout", "1s", &image, "sh", "-c", script]).spawn();
    running.wait_for("ready");
    assert_eq!(running.wait().code(), Some(124));
}
