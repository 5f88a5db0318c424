//! What is done with images besides running them: load, import, save, show.

use std::fs;

use serde_json::json;

use super::yard::{Layout, Outcome, Yard, gzip, stack};
use crate::{
    require,
    support::{Image, Layer, Test, text, user_namespaces},
};

/// A layout in an archive whose only layer is this one.
fn archive_of(yard: &Yard, what: &str, layer: Layer) -> Vec<u8> {
    let image = stack([layer]);
    image.write_layout(&yard.place(what));
    image.oci_archive().tar()
}

/// Makes a call that succeeds, and returns what it writes.
#[track_caller]
fn accept(yard: &Yard, what: &str, test: Test) -> Vec<u8> {
    let output = yard.output(what, test);
    assert!(output.status.success(), "{what}: {}", text(&output.stderr));
    output.stdout
}

/// Makes a call that is refused with these words, or succeeds if there are none.
#[track_caller]
fn decide(yard: &Yard, what: &str, test: Test, refusal: Option<&str>) {
    match refusal {
        Some(words) => yard.try_it(what, test, Outcome::Refused(&[words])),
        None => drop(accept(yard, what, test)),
    }
}

#[test]
fn what_is_loaded_is_checked_as_what_is_run() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let index = br#"{"schemaVersion": 2, "manifests": []}"#;
    let good = || Image::busybox().oci_archive();
    let out = Layer::new().file(&yard.up("made"), 0o644, "harm\n");
    let through =
        Layer::new().symlink("out", yard.path()).file("out/victim", 0o644, "harm\n").dir("out/", 0);
    let cases = [
        ("good", good().tar(), None),
        (
            "twice",
            good().file("./index.json", 0o644, index).tar(),
            Some("has the file `index.json` twice"),
        ),
        (
            "link",
            Layer::new().symlink("manifest.json", &yard.up("victim")).tar(),
            Some("has no file `manifest.json`"),
        ),
        ("above", archive_of(&yard, "above", out), Some("leads out of the layer")),
        ("through", archive_of(&yard, "through", through), None),
    ];
    for (what, tar, refusal) in cases {
        let file = yard.place(&format!("{what}.tar"));
        for (packing, archive) in [("plain", tar.clone()), ("gzip", gzip(&tar))] {
            fs::write(&file, &archive).unwrap();
            let by_name = Test::sandbox(&["load", "-q", "-i", file.to_str().unwrap()]);
            let piped = Test::sandbox(&["load", "-q"]).stdin(archive);
            decide(&yard, &format!("load {what} {packing}"), by_name, refusal);
            decide(&yard, &format!("load {what} {packing} of a pipe"), piped, refusal);
        }
    }
    let layout = Layout::of(&Image::busybox(), yard.place("linked"));
    let elsewhere = yard.place("elsewhere");
    fs::rename(layout.index_file(), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, layout.index_file()).unwrap();
    let load = ["load", "-i", layout.path().to_str().unwrap()];
    yard.check("load a directory", &load, Outcome::Refused(&["index.json is a link"]));
}

#[test]
fn a_name_in_an_archive_is_a_name_or_nothing() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    for tag in ["../../x:1", "/etc/passwd", "\u{1b}[2Jx:1", "x:\n", "host", "oci:/etc", "", "-rf"] {
        let archive = Image::busybox().docker_archive(tag);
        let load = Test::sandbox(&["load", "-q"]).stdin(archive);
        let stdout = text(&accept(&yard, tag, load));
        assert!(stdout.starts_with("Loaded image"), "{tag}: {stdout}");
        assert!(!stdout.contains('\u{1b}') && stdout.lines().count() == 1, "{tag}: {stdout}");
    }
}

#[test]
fn an_archive_that_is_a_bomb_is_not_loaded() {
    require!(user_namespaces(), "user namespaces");
    let bomb = gzip(&Layer::new().file("index.json", 0o644, vec![b' '; 8 << 20]).tar());
    for (limit, message) in [
        ("image-size = '4m'", "the archive is larger than 4 MiB"),
        ("ratio = 50\nratio-from = '3m'", "the archive unpacks to more than 50 times its size"),
    ] {
        let yard = Yard::with_limits(limit);
        let file = yard.place("bomb");
        fs::write(&file, &bomb).unwrap();
        let refused = Outcome::Refused(&[message, "hint: if you trust it"]);
        yard.check(limit, &["load", "-i", file.to_str().unwrap()], refused);
        yard.try_it(limit, Test::sandbox(&["load"]).stdin(bomb.clone()), refused);
    }
}

#[test]
fn what_is_imported_is_a_layer_like_others() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let victim = format!("{}/victim", yard.path());
    let link = || Layer::new().symlink("out", yard.path());
    let cases = [
        (
            "up",
            Layer::new().file(&yard.up("victim"), 0o644, "harm\n"),
            Some("leads out of the layer"),
        ),
        ("absolute", Layer::new().file(&victim, 0o644, "harm\n"), None),
        ("through", link().file("out/victim", 0o644, "harm\n"), None),
        ("over", link().dir("out/", 0o777), None),
        (
            "hard",
            Layer::new().hardlink("linked", &victim).file("linked", 0o666, "harm\n"),
            Some("is a hard link to a file that is not in this layer"),
        ),
        ("whiteout", link().file("out/.wh.victim", 0o644, ""), None),
    ];
    for (what, layer, refusal) in cases {
        let file = yard.place(what);
        fs::write(&file, layer.tar()).unwrap();
        let import = ["import", file.to_str().unwrap(), "example.com/made"];
        decide(&yard, what, Test::sandbox(&import), refusal);
    }
    let yard = Yard::with_limits("layer-size = '4m'");
    let zeros = Layer::new().file("zeros", 0o644, vec![0; 8 << 20]).tar();
    let refused = Outcome::Refused(&["the layer is larger than 4 MiB", "hint: "]);
    yard.try_it("bomb", Test::sandbox(&["import", "-"]).stdin(gzip(&zeros)), refused);
}

#[test]
fn what_is_saved_is_what_came() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let victim = format!("{}/victim", yard.path());
    let link = |name: &str| Layer::new().symlink(name, yard.path());
    let cases = [
        // Names by which a file was, and which lead elsewhere at the end.
        ("file", Layer::new().file("x", 0o644, "untouched\n").symlink("x", &victim)),
        (
            "directory",
            Layer::new().file("d/victim", 0o644, "untouched\n").symlink("d", yard.path()),
        ),
        (
            "moved",
            Layer::new()
                .file("d/e/victim", 0o644, "untouched\n")
                .symlink("d/e", yard.path())
                .file("d", 0o644, "x")
                .symlink("d", yard.path()),
        ),
        ("through", link("out").file("out/victim", 0o644, "inside\n")),
        ("above", link("out").file(&format!("{victim}/x"), 0o644, "inside\n")),
        ("whiteout", Layer::new().file("x", 0o644, "x").file(".wh.x", 0o644, "").symlink("x", "/")),
        ("hard", Layer::new().symlink("l", &victim).hardlink("h", "l").file("h", 0o644, "x")),
        ("fifo", Layer::new().file("x", 0o644, "content").fifo("x")),
    ];
    for (what, layer) in cases {
        let name = stack([layer]).write_layout(&yard.place(what));
        accept(&yard, what, Test::sandbox(&["pull", "-q", &name]));
        let saved = accept(&yard, what, Test::sandbox(&["save", &name]));
        accept(&Yard::new(), what, Test::sandbox(&["load", "-q"]).stdin(saved));
    }
}

#[test]
fn what_an_image_says_does_not_command_the_terminal() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let order = "\u{1b}]0;harm\u{7}\u{1b}[2J\u{9b}31m\nnote: all is well";
    let layout = Layout::of(&Image::busybox(), yard.place("orders"));
    layout.change_config(|config| {
        config["history"] = json!([{"created_by": order, "comment": order, "created": order}]);
        config["author"] = json!(order);
        config["config"]["Labels"] = json!({order: order});
        config["config"]["Cmd"] = json!([order]);
        config["config"]["User"] = json!(order);
    });
    let name = layout.name();
    for args in [
        &["pull", &name][..],
        &["history", "--no-trunc", &name],
        &["images"],
        &["inspect", &name],
        &["run", &name],
        &["run", "--user", "0", &name],
        &["ps", "-a", "--no-trunc"],
    ] {
        let output = yard.output(args[0], Test::sandbox(args));
        let all = text(&output.stdout) + &text(&output.stderr);
        let is_order = |c: char| c.is_control() && c != '\n';
        assert!(!all.contains(is_order), "{args:?}: {all:?}");
        assert!(!all.lines().any(|line| line.starts_with("note: all")), "{args:?}: {all}");
    }
}
