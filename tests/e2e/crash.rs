//! Interruptions and neighbours: the store stays whole.

use std::{thread, time::Duration};

use rustix::process::Signal;

use crate::{
    require,
    support::{Compression, Image, Layer, Registry, Store, Test, user_namespaces},
};

/// An image that takes a while, in layers that two pulls can meet in.
fn large() -> Image {
    let mut image = Image::busybox();
    for layer in 0..3 {
        let mut files = Layer::new().dir(&format!("files{layer}/"), 0o755);
        for file in 0..1500 {
            files = files.file(&format!("files{layer}/{file}"), 0o644, format!("{layer}/{file}\n"));
        }
        image = image.layer(files, Compression::Gzip);
    }
    image
}

/// Checks that the image runs from this store and is whole.
fn assert_whole(store: &Store, name: &str) {
    let count = ["sh", "-c", "cat /files*/* | wc -l"];
    Test::sandbox(&[&["run", name][..], &count].concat()).store(store).stdout("4500\n").check();
    store.assert_nothing_left();
}

#[test]
fn two_first_pulls_at_once_share_the_work() {
    require!(user_namespaces(), "user namespaces");
    let name = large().push(Registry::shared(), "crash/twice");
    let store = Store::new();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                Test::sandbox(&["run", &name, "echo", "hi"]).store(&store).stdout("hi\n").check();
            });
        }
    });
    assert_whole(&store, &name);
}

#[test]
fn a_pull_killed_at_any_moment_leaves_a_valid_store() {
    require!(user_namespaces(), "user namespaces");
    let name = large().push(Registry::shared(), "crash/killed");
    let store = Store::new();
    for pause in [0, 20, 50, 100, 150, 200, 300, 400] {
        let mut pull = Test::sandbox(&["pull", &name]).store(&store).spawn();
        thread::sleep(Duration::from_millis(pause));
        pull.signal(Signal::KILL);
        pull.wait(Duration::from_secs(5));
    }
    assert_whole(&store, &name);
}

#[test]
fn an_interrupted_pull_ends_soon_and_is_swept() {
    require!(user_namespaces(), "user namespaces");
    let name = large().push(Registry::shared(), "crash/interrupted");
    let store = Store::new();
    let mut pull = Test::sandbox(&["pull", &name]).store(&store).spawn();
    thread::sleep(Duration::from_millis(100));
    pull.signal(Signal::INT);
    pull.wait(Duration::from_secs(2));
    store.assert_nothing_left();
}

#[test]
fn an_image_can_be_removed_while_it_runs() {
    require!(user_namespaces(), "user namespaces");
    let name = Image::busybox().push(Registry::shared(), "crash/removed");
    let store = Store::new();
    let script = "echo ready; read go; cat /etc/group | head -1";
    let mut running =
        Test::sandbox(&["run", "-i", &name, "sh", "-c", script]).store(&store).spawn();
    running.wait_for("ready");
    // Removed or refused, the running one must not notice.
    let _ = Test::sandbox(&["rmi", &name]).store(&store).output();
    drop(running.stdin());
    running.wait_for("root:x:0:");
    assert_eq!(running.wait(Duration::from_secs(5)).code(), Some(0));
}

#[test]
fn two_hundred_runs_leave_nothing() {
    require!(user_namespaces(), "user namespaces");
    let name = Image::busybox().push(Registry::shared(), "crash/many");
    let store = Store::new();
    Test::sandbox(&["pull", &name]).store(&store).check();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    Test::sandbox(&["run", &name, "echo", "ran"])
                        .store(&store)
                        .stdout("ran\n")
                        .check();
                }
            });
        }
    });
    store.assert_nothing_left();
}
