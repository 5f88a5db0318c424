//! `-v`, `--mount`, `--tmpfs`: files of the host inside.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use crate::{
    require,
    support::{Dir, Test, user_namespaces},
};

fn bind(source: &Path, rest: &str) -> String {
    format!("{}:{rest}", source.display())
}

#[test]
fn a_file_made_inside_belongs_to_the_caller_outside() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    let script = "pwd; echo text > made; stat -c %u:%g made";
    Test::run_with(&["-v", &bind(dir.path(), "/w"), "-w", "/w"], &["sh", "-c", script])
        .stdout("/w\n0:0\n")
        .check();
    let made = dir.path().join("made");
    assert_eq!(fs::read_to_string(&made).unwrap(), "text\n");
    assert_eq!(made.metadata().unwrap().uid(), rustix::process::getuid().as_raw());
}

#[test]
fn a_relative_source_is_relative_to_the_caller() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    dir.write("below/file", "found\n");
    Test::run_with(&["-v", "./below:/w"], &["cat", "/w/file"])
        .directory(dir.path())
        .stdout("found\n")
        .check();
}

#[test]
fn a_file_can_be_mounted() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    let file = dir.write("file", "of the host\n");
    for place in ["/etc/passwd", "/new/place/file"] {
        Test::run_with(&["-v", &bind(&file, place)], &["cat", place])
            .stdout("of the host\n")
            .check();
    }
}

#[test]
fn a_read_only_mount_takes_no_writes() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    let mount = format!("type=bind,source={},target=/w,readonly", dir.path().display());
    for option in [["-v", &bind(dir.path(), "/w:ro")], ["--mount", &mount]] {
        Test::run_with(&option, &["touch", "/w/x"])
            .code(1)
            .stderr("touch: /w/x: Read-only file system\n")
            .check();
    }
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
}

#[test]
fn labels_for_selinux_are_accepted() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    dir.write("file", "");
    for options in ["/w:z", "/w:Z", "/w:ro,z", "/w:rw"] {
        Test::run_with(&["-v", &bind(dir.path(), options)], &["ls", "/w"]).stdout("file\n").check();
    }
}

#[test]
fn a_missing_source_is_refused_and_nothing_is_made() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    let missing = dir.path().join("mising");
    dir.write("missing/file", "");
    Test::run_with(&["-v", &bind(&missing, "/w")], &["true"])
        .fails(125, &["mising", "hint: "])
        .stdout("")
        .check();
    assert!(!missing.exists());
}

#[test]
fn a_mount_cannot_escape_by_a_symlink_of_the_image() {
    require!(user_namespaces(), "user namespaces");
    let (inside, outside) = (Dir::new("volume"), Dir::new("outside"));
    let layout = Dir::new("layout");
    let link = crate::support::Layer::new()
        .symlink("out", &format!("../../../../../../{}", outside.path().display()));
    let image = crate::support::Image::busybox()
        .layer(link, crate::support::Compression::Plain)
        .write_layout(layout.path());
    let volume = bind(inside.path(), "/out/made");
    Test::sandbox(&["run", "-v", &volume, &image, "ls", "/out"]).stdout("made\n").check();
    assert!(fs::read_dir(outside.path()).unwrap().next().is_none());
}

#[test]
fn a_symlink_of_the_image_makes_nothing_in_a_volume() {
    require!(user_namespaces(), "user namespaces");
    let (shared, other) = (Dir::new("volume"), Dir::new("volume"));
    other.write("file", "");
    let layout = Dir::new("layout");
    let links = crate::support::Layer::new()
        .symlink("link", "/shared/missing")
        .symlink("file-link", "/shared/missing-file");
    let image = crate::support::Image::busybox()
        .layer(links, crate::support::Compression::Plain)
        .write_layout(layout.path());
    let shared_volume = bind(shared.path(), "/shared");
    for volume in [bind(other.path(), "/link/made"), bind(&other.path().join("file"), "/file-link")]
    {
        Test::sandbox(&["run", "-q", "-v", &shared_volume, "-v", &volume, &image, "true"])
            .fails(125, &["cannot mount", "hint: "])
            .check();
        assert!(fs::read_dir(shared.path()).unwrap().next().is_none());
    }
}

#[test]
fn the_directory_of_the_caller_stays_as_it_was() {
    require!(user_namespaces(), "user namespaces");
    let (outer, inner) = (Dir::new("outer"), Dir::new("inner"));
    inner.write("file", "inner\n");
    let volumes = [bind(outer.path(), "/w:ro"), bind(inner.path(), "/w/sub")];
    let output =
        Test::run_with(&["-v", &volumes[0], "-v", &volumes[1]], &["cat", "/w/sub/file"]).output();
    // Either it works or it is refused: a mount point is never left behind.
    match output.status.code() {
        Some(0) => assert_eq!(output.stdout, b"inner\n"),
        code => assert_eq!(code, Some(125)),
    }
    assert!(fs::read_dir(outer.path()).unwrap().next().is_none());
}

#[test]
fn a_tmpfs_is_empty_and_goes() {
    require!(user_namespaces(), "user namespaces");
    let script = "ls -A /etc/sub; echo x > /etc/sub/x; cat /etc/sub/x; stat -c %a /etc/sub";
    Test::run_with(&["--tmpfs", "/etc/sub"], &["sh", "-c", script]).stdout("x\n1777\n").check();
    Test::run_with(
        &["--tmpfs", "/mnt:mode=700,ro"],
        &["sh", "-c", "stat -c %a /mnt; touch /mnt/x"],
    )
    .code(1)
    .stdout("700\n")
    .stderr("touch: /mnt/x: Read-only file system\n")
    .check();
}
