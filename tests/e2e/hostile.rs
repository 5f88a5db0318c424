//! Images made to harm: nothing outside a layer's directory is ever touched,
//! whether the image is refused or defused.

use std::{fs, path::Path};

use crate::{
    require,
    support::{Compression, Dir, Image, Layer, Registry, Store, Test, user_namespaces},
};

/// A directory outside the store with a file that must stay as it is.
struct Target {
    dir: Dir,
}

impl Target {
    fn new() -> Self {
        let dir = Dir::new("target");
        dir.write("victim", "untouched\n");
        Self { dir }
    }

    fn path(&self) -> &str {
        self.dir.path().to_str().unwrap()
    }

    #[track_caller]
    fn assert_untouched(&self) {
        let names: Vec<_> = fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["victim"]);
        let victim = fs::read_to_string(self.dir.path().join("victim")).unwrap();
        assert_eq!(victim, "untouched\n");
    }
}

/// Runs an image with this layer on top. It may run or be refused with a
/// message; it may neither crash nor reach the target.
#[track_caller]
fn assert_harmless(what: &str, target: &Target, layers: impl IntoIterator<Item = Layer>) {
    let mut image = Image::busybox();
    for layer in layers {
        image = image.layer(layer, Compression::Gzip);
    }
    let name = image.push(Registry::shared(), &format!("hostile/{what}"));
    let store = Store::new();
    let output = Test::sandbox(&["run", &name, "echo", "ran"]).store(&store).output();
    let stderr = crate::support::text(&output.stderr);
    match output.status.code() {
        Some(0) => assert_eq!(output.stdout, b"ran\n"),
        Some(125) => assert!(stderr.contains("error[E"), "{stderr}"),
        code => panic!("{what}: {code:?}\n{stderr}"),
    }
    target.assert_untouched();
    store.assert_nothing_left();
}

/// Enough `../` to leave any directory, without the leading slash of `path`.
fn up(path: &str) -> String {
    format!("{}{}", "../".repeat(12), &path[1..])
}

#[test]
fn a_path_with_dots_does_not_leave_the_layer() {
    require!(user_namespaces(), "user namespaces");
    let target = Target::new();
    let made = up(&format!("{}/made", target.path()));
    assert_harmless("dots", &target, [Layer::new().file(&made, 0o644, "x")]);
    let victim = format!("a/{}", up(&format!("{}/victim", target.path())));
    assert_harmless(
        "dots-below",
        &target,
        [Layer::new().dir("a/", 0o755).file(&victim, 0o644, "x")],
    );
    assert_harmless(
        "dots-dir",
        &target,
        [Layer::new().dir(&up(&format!("{}/made/", target.path())), 0o755)],
    );
}

#[test]
fn an_absolute_path_is_below_the_layer() {
    require!(user_namespaces(), "user namespaces");
    let target = Target::new();
    let made = format!("{}/made", target.path());
    assert_harmless("absolute", &target, [Layer::new().file(&made, 0o644, "x")]);
}

#[test]
fn a_symlink_is_not_written_through() {
    require!(user_namespaces(), "user namespaces");
    let target = Target::new();
    for (what, link) in
        [("link-absolute", target.path().to_string()), ("link-up", up(target.path()))]
    {
        let layer = || Layer::new().symlink("out", &link);
        let write = || layer().file("out/made", 0o644, "x");
        assert_harmless(what, &target, [write()]);
        let victim = || layer().file("out/victim", 0o644, "x");
        assert_harmless(&format!("{what}-victim"), &target, [victim()]);
        let below = || [layer(), Layer::new().file("out/made", 0o644, "x")];
        assert_harmless(&format!("{what}-from-below"), &target, below());
    }
    let file = Layer::new()
        .symlink("victim", &format!("{}/victim", target.path()))
        .file("victim", 0o644, "x");
    assert_harmless("link-to-file", &target, [file]);
}

#[test]
fn a_hardlink_does_not_reach_out() {
    require!(user_namespaces(), "user namespaces");
    let target = Target::new();
    let victim = format!("{}/victim", target.path());
    for (what, link) in [("hard-absolute", victim.clone()), ("hard-up", up(&victim))] {
        let layer = Layer::new().hardlink("linked", &link).file("linked", 0o644, "x");
        assert_harmless(what, &target, [layer]);
    }
    let through = Layer::new().symlink("out", target.path()).hardlink("linked", "out/victim");
    assert_harmless("hard-through-link", &target, [through]);
    assert_eq!(std::os::unix::fs::MetadataExt::nlink(&Path::new(&victim).metadata().unwrap()), 1);
}

#[test]
fn a_whiteout_removes_nothing_outside() {
    require!(user_namespaces(), "user namespaces");
    let target = Target::new();
    let out = || Layer::new().symlink("out", target.path());
    assert_harmless("whiteout", &target, [out(), Layer::new().file("out/.wh.victim", 0o644, "")]);
    assert_harmless("whiteout-dots", &target, [Layer::new().file(".wh...", 0o644, "")]);
    assert_harmless("whiteout-dot", &target, [Layer::new().file("etc/.wh..", 0o644, "")]);
    assert_harmless("whiteout-empty", &target, [Layer::new().file("etc/.wh.", 0o644, "")]);
    assert_harmless("opaque", &target, [out(), Layer::new().file("out/.wh..wh..opq", 0o644, "")]);
    let up = up(&format!("{}/.wh.victim", target.path()));
    assert_harmless("whiteout-up", &target, [Layer::new().file(&up, 0o644, "")]);
}

#[test]
fn permissions_and_times_are_not_set_through_a_link() {
    use std::os::unix::fs::PermissionsExt;

    require!(user_namespaces(), "user namespaces");
    let target = Target::new();
    let link = Layer::new().symlink("out", target.path()).dir("out/", 0o777);
    let before = Path::new(target.path()).metadata().unwrap();
    assert_harmless("chmod", &target, [link]);
    let after = Path::new(target.path()).metadata().unwrap();
    assert_eq!(after.permissions().mode(), before.permissions().mode());
    assert_eq!(after.modified().unwrap(), before.modified().unwrap());
}

#[test]
fn files_of_the_sandbox_are_not_written_through_links_of_the_image() {
    require!(user_namespaces(), "user namespaces");
    let target = Target::new();
    let victim = up(&format!("{}/victim", target.path()));
    let layer = Layer::new()
        .symlink("etc/hosts", &victim)
        .symlink("etc/hostname", &victim)
        .symlink("etc/resolv.conf", &victim)
        .symlink("proc", target.path())
        .symlink("sys", target.path())
        .symlink("dev", target.path());
    assert_harmless("system-links", &target, [layer]);
}

#[test]
fn an_account_file_that_is_no_file_harms_nobody() {
    require!(user_namespaces(), "user namespaces");
    let target = Target::new();
    let layer = Layer::new()
        .symlink("etc/passwd", "/dev/zero")
        .symlink("etc/group", &format!("{}/victim", up(target.path())));
    assert_harmless("account-links", &target, [layer]);
}

#[test]
fn later_layers_hide_earlier_ones() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("layout");
    let first = Layer::new()
        .dir("a/", 0o755)
        .file("a/gone", 0o644, "")
        .file("a/kept", 0o644, "")
        .dir("b/", 0o755)
        .file("b/gone", 0o644, "")
        .file("c", 0o644, "a file\n");
    let second = Layer::new()
        .file("a/.wh.gone", 0o644, "")
        .dir("b/", 0o755)
        .file("b/.wh..wh..opq", 0o644, "")
        .file("b/new", 0o644, "")
        .file(".wh.c", 0o644, "")
        .dir("c/", 0o755)
        .file("c/inside", 0o644, "");
    let image = Image::busybox()
        .layer(first, Compression::Gzip)
        .layer(second, Compression::Zstd)
        .write_layout(dir.path());
    Test::sandbox(&["run", &image, "ls", "/a", "/b", "/c"])
        .stdout("/a:\nkept\n\n/b:\nnew\n\n/c:\ninside\n")
        .check();
}
