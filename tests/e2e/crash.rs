//! Interruptions and neighbours: the store stays whole.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    require,
    support::{Compression, Image, Layer, Registry, Store, Test, rounds, user_namespaces},
};

/// An image that takes a while, in layers of so many files that several pulls
/// can meet in.
fn large(files: usize) -> Image {
    let mut image = Image::busybox();
    for layer in 0..3 {
        let mut tar = Layer::new().dir(&format!("files{layer}/"), 0o755);
        for file in 0..files {
            tar = tar.file(&format!("files{layer}/{file}"), 0o644, format!("{layer}/{file}\n"));
        }
        image = image.layer(tar, Compression::Gzip);
    }
    image
}

/// Checks that the image of so many files runs from this store and is whole.
fn assert_whole(store: &Store, name: &str, files: usize) {
    let count = ["sh", "-c", "cat /files*/* | wc -l"];
    let expected = format!("{}\n", 3 * files);
    Test::sandbox(&[&["run", name][..], &count].concat()).store(store).stdout(&expected).check();
    store.assert_nothing_left();
}

#[test]
fn eight_first_pulls_at_once_fetch_each_blob_once() {
    require!(user_namespaces(), "user namespaces");
    let (registry, store) = (Registry::new(), Store::new());
    let name = large(200).push(&registry, "crash/eight");
    thread::scope(|scope| {
        for pulls in [true, false].repeat(4) {
            let (name, store) = (&name, &store);
            scope.spawn(move || {
                let command = if pulls { vec!["pull", name] } else { vec!["run", name, "true"] };
                Test::sandbox(&command).store(store).check();
            });
        }
    });
    let fetched = registry.fetched();
    let mut once = fetched.clone();
    once.dedup();
    assert_eq!(fetched, once);
    assert_eq!(once.len(), 5, "four layers and a config");
    assert_whole(&store, &name, 200);
}

/// Checks that the store is as it should be, whatever was interrupted.
fn assert_valid(store: &Store) {
    Test::sandbox(&["system", "check"]).store(store).check();
}

#[test]
fn a_pull_killed_at_any_moment_leaves_a_valid_store() {
    require!(user_namespaces(), "user namespaces");
    let name = large(80).push(Registry::shared(), "crash/killed");
    let store = Store::new();
    let start = Instant::now();
    Test::sandbox(&["pull", &name]).store(&store).check();
    let whole = start.elapsed();
    // No two moments are the same, and they are spread evenly: the steps of the
    // golden ratio, modulo one.
    for moment in 1..=rounds(40) {
        if store.entries("refs") != [""; 0] {
            Test::sandbox(&["rmi", &name]).store(&store).check();
        }
        let mut pull = Test::sandbox(&["pull", &name]).store(&store).spawn();
        thread::sleep(whole.mul_f64((f64::from(moment) * 0.618_034).fract()));
        pull.signal(Signal::KILL);
        pull.wait();
        assert_valid(&store);
    }
    assert_whole(&store, &name, 80);
    assert_valid(&store);
    Test::sandbox(&["system", "prune", "-af"]).store(&store).check();
    assert_eq!(store.entries("tmp"), [""; 0]);
}

#[test]
fn an_interrupted_pull_ends_soon_and_is_swept() {
    require!(user_namespaces(), "user namespaces");
    let name = large(1500).push(Registry::shared(), "crash/interrupted");
    let store = Store::new();
    let mut pull = Test::sandbox(&["pull", &name]).store(&store).spawn();
    thread::sleep(Duration::from_millis(100));
    pull.signal(Signal::INT);
    pull.wait();
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
    assert_eq!(running.wait().code(), Some(0));
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
