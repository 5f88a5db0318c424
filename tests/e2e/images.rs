//! The images in the store: listed, inspected, removed.

use serde_json::{Value, json};

use crate::{
    require,
    support::{Image, Registry, Store, Test, user_namespaces},
};

/// A store with one image, the image, and its name.
fn store_with_image(repository: &str) -> (Store, Image, String) {
    let image = Image::busybox();
    let name = image.push(Registry::shared(), repository);
    let store = Store::new();
    Test::sandbox(&["pull", "-q", &name]).store(&store).check();
    (store, image, name)
}

#[test]
fn an_empty_store_has_no_images() {
    let store = Store::new();
    Test::sandbox(&["images", "-q"]).store(&store).stdout("").check();
    let list = Test::sandbox(&["images", "--format", "json"]).store(&store).read();
    assert_eq!(list, "");
}

#[test]
fn an_image_is_listed_for_people_and_for_programs() {
    require!(user_namespaces(), "user namespaces");
    let (store, _, name) = store_with_image("images/listed");
    let table = Test::sandbox(&["images"]).store(&store).read();
    assert!(table.contains(&name) && table.contains("latest"), "{table}");
    let list = Test::sandbox(&["images", "--format", "json"]).store(&store).read();
    let row: Value = serde_json::from_str(list.trim_end()).unwrap();
    assert_eq!(
        (list.lines().count(), &row["Repository"], &row["Tag"]),
        (1, &json!(name), &json!("latest"))
    );
    let quiet = Test::sandbox(&["images", "-q"]).store(&store).read();
    assert_eq!(quiet.lines().count(), 1);
    let by_template = |more: &[&str]| {
        let args = [&["images", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}"], more].concat();
        Test::sandbox(&args).store(&store).read()
    };
    let expected = format!("{name} latest {quiet}");
    assert_eq!(by_template(&[]), expected);
    assert_eq!(by_template(&[&name]), expected);
    assert_eq!(by_template(&["something-else"]), "");
    let short = quiet.trim_start_matches("sha256:")[..12].to_owned();
    for (options, expected) in [
        (&["-f", "dangling=true"][..], ""),
        (&["--filter", "dangling=false"], &expected),
        (&["--filter", "label=none"], ""),
        (&["-f", "reference=*/images/listed:*"], &expected),
        (&["-f", "reference=listed"], ""),
        (&["*listed"], &expected),
    ] {
        assert_eq!(by_template(options), expected, "{options:?}");
    }
    let named = Test::sandbox(&["images", "--no-trunc", "--digests"]).store(&store).read();
    assert!(named.contains(quiet.trim()) && table.contains(&short), "{named}{table}");
    Test::sandbox(&["images", "-f", "x=y"])
        .store(&store)
        .fails(125, &["there are reference=, label= and dangling=true|false"])
        .check();
}

#[test]
fn an_image_is_inspected_as_json() {
    require!(user_namespaces(), "user namespaces");
    let (store, image, name) = store_with_image("images/inspected");
    let shown = Test::sandbox(&["inspect", &name]).store(&store).read();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let shown = shown.to_string();
    assert!(shown.contains(&image.digest()) && shown.contains("PATH=/usr/local/sbin"), "{shown}");
    Test::sandbox(&["inspect", "127.0.0.1:1/absent"]).store(&store).fails(125, &["absent"]).check();
}

#[test]
fn a_removed_image_takes_its_layers_along() {
    require!(user_namespaces(), "user namespaces");
    let (store, _, name) = store_with_image("images/removed");
    Test::sandbox(&["rmi", &name]).store(&store).check();
    Test::sandbox(&["images", "-q"]).store(&store).stdout("").check();
    for map in store.entries("layers") {
        assert_eq!(store.entries(&format!("layers/{map}")), [""; 0]);
    }
    assert_eq!(store.entries("blobs/sha256"), [""; 0]);
    Test::sandbox(&["rmi", &name]).store(&store).fails(125, &["images/removed"]).check();
}

#[test]
fn the_store_is_where_the_caller_says() {
    require!(user_namespaces(), "user namespaces");
    let (store, _, name) = store_with_image("images/root");
    let path = store.path().to_str().unwrap();
    let elsewhere = Store::new();
    let listed = Test::sandbox(&["--root", path, "images"]).store(&elsewhere).read();
    assert!(listed.contains(&name), "{listed}");
}
