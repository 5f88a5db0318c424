//! A root file system is, to the last attribute, what GNU tar makes of the
//! layers of its image.

use std::{fs, process::Command};

use crate::{
    require,
    support::{
        Compression, Dir, Image, Layer, Registry, Store, Test, chown_is_real, debian, debian_tar,
        text, user_namespaces,
    },
};

/// The value of `security.capability` for `cap_net_raw=ep`: revision 2, which
/// the kernel ties to the user namespace where it is set (`capabilities(7)`).
const NET_RAW: &[u8] = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Makes 1.tar to 4.tar.
fn layers() -> Dir {
    let dir = Dir::new("layers");
    let script = dir.write("layers.sh", include_str!("fidelity/layers.sh"));
    let made = Command::new("sh").arg(script).current_dir(dir.path()).output().unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let capable = Layer::new()
        .dir("odd/", 0o755)
        .pax(&[("SCHILY.xattr.security.capability", NET_RAW)])
        .file("odd/capable", 0o755, "content")
        .tar();
    dir.write("4.tar", capable);
    dir.write("compare.sh", include_str!("fidelity/compare.sh"));
    dir
}

#[test]
fn everything_is_as_gnu_tar_would_have_it() {
    require!(user_namespaces(), "user namespaces");
    let debian = debian().zip(debian_tar());
    require!(debian.is_some(), "the Debian image of tests/run.sh");
    let ((store, _), debian) = debian.unwrap();
    let layers = layers();
    let mut image = Image::new().tar_layer(&fs::read(debian).unwrap(), Compression::Plain);
    let compressions = [Compression::Gzip, Compression::Zstd, Compression::Plain];
    for (number, compression) in (1..=4).zip(compressions.into_iter().cycle()) {
        let tar = fs::read(layers.path().join(format!("{number}.tar"))).unwrap();
        image = image.tar_layer(&tar, compression);
    }
    let name = image.push(Registry::shared(), "fidelity");

    let volume = format!("{}:/layers:ro", layers.path().display());
    let mut args = vec!["run", "-v", &volume, &name, "sh", "/layers/compare.sh"];
    if !chown_is_real() {
        args.push("--no-same-owner");
    }
    Test::sandbox(&args).store(store).stdout("").check();
}

#[test]
fn a_directory_that_a_layer_does_not_list_is_as_it_was() {
    require!(user_namespaces(), "user namespaces");
    let base = Layer::new()
        .pax(&[("mtime", b"1000000000"), ("SCHILY.xattr.user.kept", b"x")])
        .dir("data/", 0o1777)
        .dir("data/private/", 0o700)
        .file("data/private/file", 0o600, "lower\n");
    let image = Image::busybox()
        .layer(base, Compression::Gzip)
        .layer(Layer::new().file("data/x", 0o644, ""), Compression::Gzip)
        .layer(Layer::new().file("data/private/y", 0o644, ""), Compression::Gzip);
    let dir = Dir::new("implied");
    let name = image.write_layout(&dir.path().join("image"));
    let other = Image::busybox().write_layout(&dir.path().join("other"));
    let store = Store::new();
    let script = "stat -c '%a %Y' /data; stat -c %a /data/private; ls /data /data/private; \
                  touch /data/z && stat -c %a /data";
    let said = "1777 1000000000\n700\n/data:\nprivate\nx\n\n/data/private:\nfile\ny\n1777\n";
    for _ in 0..2 {
        Test::sandbox(&["run", &name, "sh", "-c", script]).store(&store).stdout(said).check();
        // What was lent is not there for the next one.
        let nothing = ["run", &other, "sh", "-c", "test ! -e /data"];
        Test::sandbox(&nothing).store(&store).stdout("").check();
    }
    let kept = ["run", "--name", "kept", &name, "touch", "/data/private/z"];
    Test::sandbox(&kept).store(&store).check();
    let changed = "C /data\nC /data/private\nA /data/private/z\n";
    Test::sandbox(&["diff", "kept"]).store(&store).stdout(changed).check();
    let exported = Test::sandbox(&["export", "kept"]).store(&store).output().stdout;
    let mut exported = tar::Archive::new(exported.as_slice());
    let mut mode_of = |name: &str| {
        let named = |path: &[u8]| path.strip_suffix(b"/") == Some(name.as_bytes());
        let mut entries = exported.entries().unwrap().map(Result::unwrap);
        entries.find(|entry| named(&entry.path_bytes())).unwrap().header().mode().unwrap()
    };
    assert_eq!(mode_of("data"), 0o1777);
    Test::sandbox(&["rm", "kept"]).store(&store).check();
    store.assert_nothing_left();
}
