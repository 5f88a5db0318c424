//! Directories and archives that are themselves made to harm.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use super::yard::{Layout, Outcome, Yard, gzip};
use crate::{
    require,
    support::{Dir, Image, Layer, user_namespaces},
};

const RAN: Outcome<'_> = Outcome::Says("ran\n");

/// Moves something elsewhere and leaves a link.
fn move_away(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
    symlink(to, from).unwrap();
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_directory_follows_no_link() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let elsewhere = Dir::new("elsewhere");
    type Pick = (&'static str, fn(&Layout) -> PathBuf);
    let picks: [Pick; 6] = [
        ("index.json", Layout::index_file),
        ("blobs", |layout| layout.path().join("blobs")),
        ("sha256", |layout| layout.path().join("blobs/sha256")),
        ("manifest", |layout| layout.blob(&layout.index()["manifests"][0])),
        ("config", |layout| layout.blob(&layout.manifest()["config"])),
        ("layer", |layout| layout.blob(&layout.manifest()["layers"][0])),
    ];
    for (what, pick) in picks {
        let layout = Layout::of(&Image::busybox(), yard.place(what));
        let path = pick(&layout);
        move_away(&path, &elsewhere.path().join(what));
        let shown = path.display().to_string();
        let words = [shown.as_str(), "is a link", "hint: `cp -rL` makes a copy"];
        yard.check(what, &["run", &layout.name(), "echo", "ran"], Outcome::Refused(&words));
    }
    // The user may name the directory itself as they like.
    let layout = Layout::of(&Image::busybox(), yard.place("named"));
    move_away(layout.path(), &elsewhere.path().join("named"));
    yard.check("named", &["run", &layout.name(), "echo", "ran"], RAN);
}

#[test]
fn what_is_no_file_keeps_nobody_waiting() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    type Pick = (&'static str, fn(&Layout) -> PathBuf);
    let picks: [Pick; 4] = [
        ("index.json", Layout::index_file),
        ("manifest", |layout| layout.blob(&layout.index()["manifests"][0])),
        ("config", |layout| layout.blob(&layout.manifest()["config"])),
        ("layer", |layout| layout.blob(&layout.manifest()["layers"][0])),
    ];
    for (what, pick) in picks {
        for (kind, make) in
            [("fifo", make_fifo as fn(&Path)), ("dir", |path| fs::create_dir(path).unwrap())]
        {
            let what = format!("{what}-{kind}");
            let layout = Layout::of(&Image::busybox(), yard.place(&what));
            let path = pick(&layout);
            fs::remove_file(&path).unwrap();
            make(&path);
            let refused = Outcome::Refused(&["not a regular file"]);
            yard.check(&what, &["run", &layout.name(), "true"], refused);
        }
    }
    let fifo = yard.place("fifo");
    make_fifo(&fifo);
    for name in [fifo.to_str().unwrap(), "/dev/zero", "/proc/self/fd/0"] {
        for transport in ["oci-archive", "docker-archive"] {
            let refused = Outcome::Refused(&["it is not a regular file"]);
            yard.check(name, &["run", &format!("{transport}:{name}"), "true"], refused);
        }
    }
}

/// Writes an archive; returns what to run.
fn archive(yard: &Yard, kind: &str, what: &str, tar: &[u8]) -> String {
    let path = yard.place(what);
    fs::write(&path, tar).unwrap();
    format!("{kind}:{}", path.display())
}

#[test]
fn a_member_of_an_archive_is_in_it() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let outside = Layout::of(&Image::busybox(), yard.place("outside"));
    let victims =
        [outside.index_file().display().to_string(), format!("{}index.json", yard.up(""))];
    for (number, target) in victims.iter().enumerate() {
        for kind in [tar::EntryType::Symlink, tar::EntryType::Link] {
            for (transport, root) in
                [("oci-archive", "index.json"), ("docker-archive", "manifest.json")]
            {
                let layer = match kind {
                    tar::EntryType::Link => Layer::new().hardlink(root, target),
                    _ => Layer::new().symlink(root, target),
                };
                let what = format!("member-{number}-{transport}-{kind:?}");
                let name = archive(&yard, transport, &what, &layer.tar());
                let refused = Outcome::Refused(&["has no file", root]);
                yard.check(&what, &["run", &name, "true"], refused);
            }
        }
    }
    let list =
        format!(r#"[{{"Config": "{0}", "RepoTags": [], "Layers": ["{0}"]}}]"#, yard.up("victim"));
    let tar = Layer::new().file("manifest.json", 0o644, list).tar();
    let name = archive(&yard, "docker-archive", "named-outside", &tar);
    yard.check("named-outside", &["run", &name, "true"], Outcome::Refused(&["has no file"]));
}

#[test]
fn a_member_that_is_there_twice_is_not_chosen_from() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let index = br#"{"schemaVersion": 2, "manifests": []}"#;
    let layout = || Image::busybox().oci_archive();
    yard.check(
        "once",
        &["run", &archive(&yard, "oci-archive", "once", &layout().tar()), "echo", "ran"],
        RAN,
    );
    let twice = layout().file("./index.json", 0o644, index).tar();
    let name = archive(&yard, "oci-archive", "twice", &twice);
    yard.check(
        "twice",
        &["run", &name, "true"],
        Outcome::Refused(&["has the file `index.json` twice"]),
    );
    let linked = layout().symlink("index.json", "oci-layout").tar();
    let name = archive(&yard, "oci-archive", "twice-link", &linked);
    yard.check("twice-link", &["run", &name, "true"], Outcome::Refused(&["twice"]));
    // What nobody reads does not matter.
    let unread = layout().file("oci-layout", 0o644, "{}").tar();
    let name = archive(&yard, "oci-archive", "unread", &unread);
    yard.check("unread", &["run", &name, "echo", "ran"], RAN);

    let saved = Image::busybox().docker_archive("x:1");
    let mut again = saved[..saved.len() - 1024].to_vec();
    again.extend(Layer::new().file("manifest.json", 0o644, "[]").tar());
    let name = archive(&yard, "docker-archive", "saved-twice", &again);
    let refused = Outcome::Refused(&["has the file `manifest.json` twice"]);
    yard.check("saved-twice", &["run", &name, "true"], refused);
}

#[test]
fn an_archive_that_is_a_bomb_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let bomb = gzip(&Layer::new().file("index.json", 0o644, vec![b' '; 8 << 20]).tar());
    for (number, (limit, message)) in [
        ("image-size = '4m'", "the archive is larger than 4 MiB"),
        ("ratio = 50\nratio-from = '3m'", "the archive unpacks to more than 50 times its size"),
    ]
    .into_iter()
    .enumerate()
    {
        let yard = Yard::with_limits(limit);
        for transport in ["oci-archive", "docker-archive"] {
            let what = format!("bomb-{number}-{transport}");
            let name = archive(&yard, transport, &what, &bomb);
            let refused = Outcome::Refused(&[message, "hint: "]);
            yard.check(&what, &["run", &name, "true"], refused);
        }
    }
    let yard = Yard::new();
    let name = archive(&yard, "oci-archive", "large-index", &bomb);
    yard.check("large-index", &["run", &name, "true"], Outcome::Refused(&["larger than 4 MiB"]));
    let name = archive(&yard, "oci-archive", "good", &gzip(&Image::busybox().oci_archive().tar()));
    yard.check("good", &["run", &name, "echo", "ran"], RAN);
}

#[test]
fn headers_of_an_archive_are_bounded() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    for (what, kind) in [("name", tar::EntryType::GNULongName), ("pax", tar::EntryType::XHeader)] {
        let long = Layer::new().raw(
            |header| {
                header.set_entry_type(kind);
                header.set_size(1 << 40);
            },
            &[],
        );
        let name = archive(&yard, "oci-archive", what, &long.tar());
        // A file with a hole as long as that.
        let file = fs::File::options().write(true).open(yard.place(what)).unwrap();
        file.set_len(1 << 40).unwrap();
        let refused = Outcome::Refused(&["headers of more than 1 MiB"]);
        yard.check(what, &["run", &name, "true"], refused);
    }
}
