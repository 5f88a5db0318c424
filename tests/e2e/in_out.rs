//! Images that leave the store and come back, by way of other tools.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    require,
    support::{
        Compression, Dir, Front, Image, Layer, Registry, Store, Test, text, user_namespaces,
    },
};

/// An image with all that a layer may hold, and owners that many callers have
/// no ids for.
fn odd(second: Compression) -> Image {
    let long = "long/".repeat(30) + "name";
    let first = Layer::new()
        .dir("data/", 0o750)
        .owned_file("data/mine", 0o640, (1000, 1000), "1000")
        .owned_file("data/far", 0o4755, (70_000, 70_001), "70000")
        .file(&long, 0o644, "deep")
        .hardlink("data/again", "data/mine")
        .symlink("data/link", "far")
        .file("data/twice", 0o644, "first")
        .file("data/twice", 0o644, "second");
    let above =
        Layer::new().file("data/.wh.link", 0o644, "").file("data/big", 0o600, vec![7; 99_999]);
    Image::busybox()
        .layer(first, Compression::Gzip)
        .layer(above, second)
        .layer(Layer::new().file("plain", 0o644, "x"), Compression::Plain)
        .config("Labels", serde_json::json!({"kept": "yes"}))
}

/// A store that holds the odd image, and its name.
fn pulled(repository: &str) -> (Store, String) {
    let name = odd(Compression::Zstd).push(Registry::shared(), repository);
    let store = Store::new();
    Test::sandbox(&["pull", "-q", &name]).store(&store).check();
    (store, name)
}

/// The id and the diff ids, which must stay what they were.
fn identity(store: &Store, image: &str) -> String {
    let format = "{{.Id}} {{json .RootFS}} {{json .Config}}";
    Test::sandbox(&["inspect", "--format", format, image]).store(store).read()
}

fn digest(store: &Store, image: &str) -> String {
    Test::sandbox(&["inspect", "--format", "{{.Digest}}", image]).store(store).read()
}

/// `skopeo ARGS`; returns its standard output.
#[track_caller]
fn skopeo(args: &[&str], stdin: Option<File>) -> String {
    let stdin = stdin.map_or_else(Stdio::null, Stdio::from);
    let command = Command::new("skopeo").arg("--insecure-policy").args(args).stdin(stdin).output();
    let output = command.unwrap();
    assert!(output.status.success(), "skopeo {args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The ids of an image as skopeo sees it.
fn identity_by_skopeo(place: &str) -> (String, Value) {
    let config: Value =
        serde_json::from_str(&skopeo(&["inspect", "--config", "--raw", place], None)).unwrap();
    let manifest: Value =
        serde_json::from_str(&skopeo(&["inspect", "--raw", place], None)).unwrap();
    (manifest["config"]["digest"].as_str().unwrap().into(), config["rootfs"]["diff_ids"].clone())
}

#[track_caller]
fn assert_same_identity(store: &Store, image: &str, place: &str) {
    let (id, diff_ids) = identity_by_skopeo(place);
    let format = "{{.Id}} {{json .RootFS.Layers}}";
    let ours = Test::sandbox(&["inspect", "--format", format, image]).store(store).read();
    assert_eq!(ours, format!("{id} {diff_ids}\n"));
}

fn sha256(bytes: &[u8]) -> String {
    let mut command = Command::new("sha256sum");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    text(&output.stdout).split_whitespace().next().unwrap().into()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_is_saved_and_loaded_is_the_same_image() {
    require!(user_namespaces(), "user namespaces");
    let (store, name) = pulled("in-out/save");
    let dir = Dir::new("save");
    let before = identity(&store, &name);
    for format in ["docker-archive", "oci-archive", "oci-dir"] {
        let file = dir.path().join(format);
        Test::sandbox(&["save", "--format", format, "-o", path(&file), &name])
            .store(&store)
            .stdout("")
            .check();
        let other = Store::new();
        let loaded = format!("Loaded image: {name}:latest\n");
        Test::sandbox(&["load", "-q", "-i", path(&file)]).store(&other).stdout(&loaded).check();
        assert_eq!(identity(&other, &name), before, "{format}");
        Test::sandbox(&["run", &name, "cat", "/data/twice"]).store(&other).stdout("second").check();

        // From now on the manifest is the same, too.
        let again = dir.path().join(format!("{format}-again"));
        Test::sandbox(&["save", "--format", format, "-o", path(&again), &name])
            .store(&other)
            .check();
        if format != "oci-dir" {
            assert!(fs::read(&again).unwrap() == fs::read(&file).unwrap(), "{format}");
        }
        let third = Store::new();
        Test::sandbox(&["load", "-q", "-i", path(&again)]).store(&third).check();
        assert_eq!(digest(&third, &name), digest(&other, &name), "{format}");
    }
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 6, "{left:?}");
    store.assert_nothing_left();
}

#[test]
fn an_archive_goes_through_pipes_and_compressors() {
    require!(user_namespaces(), "user namespaces");
    let (store, name) = pulled("in-out/pipe");
    let saved = Test::sandbox(&["save", &name]).store(&store).output();
    assert!(saved.status.success(), "{}", text(&saved.stderr));
    let dir = Dir::new("pipe");
    let file = dir.write("saved.tar", &saved.stdout);
    for compress in ["cat", "gzip", "zstd -q -c"] {
        let packed = dir.path().join("packed");
        let pack = format!("{compress} < {} > {}", file.display(), packed.display());
        assert!(Command::new("sh").args(["-c", &pack]).status().unwrap().success());
        for args in [&["load", "-q"][..], &["load", "-q", "-i", path(&packed)]] {
            let other = Store::new();
            let stdin = fs::read(&packed).unwrap();
            Test::sandbox(args).store(&other).stdin(stdin).check();
            assert_eq!(identity(&other, &name), identity(&store, &name), "{compress} {args:?}");
            other.assert_nothing_left();
        }
    }
}

#[test]
fn several_images_are_saved_together() {
    require!(user_namespaces(), "user namespaces");
    let (store, name) = pulled("in-out/several");
    let busybox = Image::busybox().push(Registry::shared(), "in-out/base");
    Test::sandbox(&["pull", "-q", &busybox]).store(&store).check();
    Test::sandbox(&["tag", &name, "example.com/second:2"]).store(&store).check();
    let dir = Dir::new("several");
    let file = dir.path().join("all.tar");
    Test::sandbox(&["save", "-o", path(&file), &name, &busybox, "example.com/second:2"])
        .store(&store)
        .check();
    let list = Command::new("tar").arg("-tf").arg(&file).output().unwrap().stdout;
    let layers = text(&list).lines().filter(|line| line.starts_with("blobs/sha256/")).count();
    assert_eq!(layers, 1 + 4 + 2 * 2, "{}", text(&list));
    let other = Store::new();
    let loaded = format!(
        "Loaded image: {name}:latest\nLoaded image: example.com/second:2\nLoaded image: {busybox}:latest\n"
    );
    Test::sandbox(&["load", "-q", "-i", path(&file)]).store(&other).stdout(&loaded).check();
}

#[test]
fn an_image_without_a_name_goes_by_its_id() {
    require!(user_namespaces(), "user namespaces");
    let (store, name) = pulled("in-out/id");
    let id = Test::sandbox(&["inspect", "--format", "{{.Id}}", &name]).store(&store).read();
    let id = id.trim_end();
    let saved = Test::sandbox(&["save", id]).store(&store).output();
    assert!(saved.status.success(), "{}", text(&saved.stderr));
    let other = Store::new();
    let loaded = format!("Loaded image ID: {id}\n");
    Test::sandbox(&["load", "-q"]).store(&other).stdin(saved.stdout).stdout(&loaded).check();
    Test::sandbox(&["run", id, "cat", "/plain"]).store(&other).stdout("x").check();
    Test::sandbox(&["tag", id, "example.com/named"]).store(&other).check();
    Test::sandbox(&["rmi", id]).store(&other).check();
    Test::sandbox(&["run", "example.com/named", "cat", "/plain"]).store(&other).stdout("x").check();
}

#[test]
fn skopeo_reads_what_is_saved() {
    require!(user_namespaces(), "user namespaces");
    let (store, name) = pulled("in-out/skopeo-reads");
    let dir = Dir::new("skopeo");
    for format in ["docker-archive", "oci-archive"] {
        let file = dir.path().join(format);
        let save = ["save", "--format", format, "-o", path(&file), &name];
        Test::sandbox(&save).store(&store).check();
        let copy = format!("dir:{}", dir.path().join(format!("{format}-copy")).display());
        let from = format!("{format}:/dev/stdin");
        skopeo(&["copy", "-q", &from, &copy], Some(File::open(&file).unwrap()));
        assert_same_identity(&store, &name, &copy);
    }
}

#[test]
fn what_skopeo_writes_is_loaded() {
    require!(user_namespaces(), "user namespaces");
    // Docker's formats know no zstd, and skopeo refuses to convert it.
    let name = odd(Compression::Gzip).push(Registry::shared(), "in-out/skopeo-writes");
    let store = Store::new();
    Test::sandbox(&["pull", "-q", &name]).store(&store).check();
    let dir = Dir::new("skopeo");
    for transport in ["docker-archive", "oci-archive", "oci"] {
        let file = dir.path().join(transport);
        let to = format!("{transport}:{}:example.com/copied:1", file.display());
        let from = format!("docker://{name}");
        skopeo(&["copy", "-q", "--src-tls-verify=false", &from, &to], None);
        let other = Store::new();
        let loaded = "Loaded image: example.com/copied:1\n";
        Test::sandbox(&["load", "-q", "-i", path(&file)]).store(&other).stdout(loaded).check();
        let (ours, theirs) = (identity(&other, "example.com/copied:1"), identity(&store, &name));
        // skopeo writes a config of its own for docker's old format.
        let diff_ids = |text: &str| text.split_once(' ').unwrap().1.to_owned();
        assert_eq!(diff_ids(&ours), diff_ids(&theirs), "{transport}");
        if transport != "docker-archive" {
            assert_eq!(ours, theirs, "{transport}");
        }
    }
}

#[test]
fn a_tar_becomes_an_image() {
    require!(user_namespaces(), "user namespaces");
    let busybox = fs::read("/bin/busybox").unwrap();
    let tar = Layer::new()
        .dir("bin/", 0o755)
        .file("bin/busybox", 0o755, busybox)
        .symlink("bin/sh", "busybox")
        .owned_file("owned", 0o600, (70_000, 70_000), "far")
        .tar();
    let dir = Dir::new("import");
    let file = dir.write("root.tar", &tar);
    let changes = ["-c", "ENV A=1 B='2 3'", "-c", "CMD echo $A $B", "-m", "made by hand"];
    let import = |source: &str, name: &str| {
        let args = [&["import"], &changes[..], &[source, name]].concat();
        Test::sandbox(&args).env("SOURCE_DATE_EPOCH", "1000000000")
    };
    let (store, other) = (Store::new(), Store::new());
    let id = import(path(&file), "example.com/made:1").store(&store).read();
    assert!(id.starts_with("sha256:") && id.lines().count() == 1, "{id}");
    Test::sandbox(&["run", "example.com/made:1"]).store(&store).stdout("1 2 3\n").check();
    import("-", "again").store(&other).stdin(tar.clone()).stdout(&id).check();
    let history = ["history", "--format", "{{.CreatedAt}} {{.Comment}}", "again"];
    let told = "2001-09-09T01:46:40.000Z made by hand\n";
    Test::sandbox(&history).store(&other).stdout(told).check();

    let layout = dir.path().join("layout");
    let save = ["save", "--format", "oci-dir", "-o", path(&layout), "again"];
    Test::sandbox(&save).store(&other).check();
    let blob = layout.join("blobs/sha256").join(sha256(&tar));
    assert!(fs::read(blob).unwrap() == tar, "the layer is another one");
}

/// What `push` says is what others find, and it runs.
#[track_caller]
fn assert_pushed(store: &Store, args: &[&str], name: &str) -> String {
    let said = Test::sandbox(args).store(store).read();
    let digest = said.strip_prefix("digest: ").unwrap().trim_end();
    let place = format!("docker://{name}");
    let found = skopeo(&["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &place], None);
    assert_eq!(found.trim_end(), digest);
    let other = Store::new();
    Test::sandbox(&["run", "-q", name, "cat", "/data/twice"])
        .store(&other)
        .stdout("second")
        .check();
    assert_eq!(identity(&other, name), identity(store, args[args.len() - 1]), "{args:?}");
    digest.into()
}

#[test]
fn what_a_registry_has_is_not_changed_by_a_push() {
    require!(user_namespaces(), "user namespaces");
    let (store, name) = pulled("in-out/push-same");
    let before = digest(&store, &name);
    assert_eq!(assert_pushed(&store, &["push", "-q", &name], &name), before.trim_end());

    // To another repository of the registry, which takes the blobs over.
    let registry = Registry::shared().name();
    let other = format!("{registry}/in-out/push-mounted:2");
    Test::sandbox(&["tag", &name, &other]).store(&store).check();
    assert_eq!(assert_pushed(&store, &["push", "-q", &other], &other), before.trim_end());
}

#[test]
fn another_registry_gets_the_same_layers() {
    require!(user_namespaces(), "user namespaces");
    let (store, name) = pulled("in-out/push-away");
    let registry = Registry::new();
    let dir = Dir::new("push");
    let to = |name: &str| format!("{}/{name}", registry.name());
    let first = to("away:1");
    Test::sandbox(&["tag", &name, &first]).store(&store).check();
    let gzip = assert_pushed(&store, &["push", "-q", &first], &first);
    let copy = format!("dir:{}", dir.path().join("copy").display());
    skopeo(&["copy", "-q", "--src-tls-verify=false", &format!("docker://{first}"), &copy], None);
    assert_same_identity(&store, &name, &copy);

    // From a store that had it from there, by another way: the same digest.
    let (second, file) = (Store::new(), dir.path().join("x.tar"));
    Test::sandbox(&["save", "-o", path(&file), &first]).store(&store).check();
    Test::sandbox(&["load", "-q", "-i", path(&file)]).store(&second).check();
    assert_eq!(assert_pushed(&second, &["push", "-q", &first], &first), gzip);

    for (how, media_type) in [("zstd", "tar+zstd"), ("none", "layer.v1.tar")] {
        let name = to(&format!("away:{how}"));
        let digestfile = dir.path().join(how);
        Test::sandbox(&["tag", &first, &name]).store(&second).check();
        let args = ["push", "-q", "--compression", how, "--digestfile", path(&digestfile), &name];
        let digest = assert_pushed(&second, &args, &name);
        assert_eq!(fs::read_to_string(&digestfile).unwrap(), digest);
        let place = format!("docker://{name}");
        let raw = skopeo(&["inspect", "--tls-verify=false", "--raw", &place], None);
        let manifest: Value = serde_json::from_str(&raw).unwrap();
        for layer in manifest["layers"].as_array().unwrap() {
            assert!(layer["mediaType"].as_str().unwrap().ends_with(media_type), "{layer}");
        }
    }
    second.assert_nothing_left();
}

#[test]
fn a_registry_that_wants_a_token_is_pushed_to() {
    require!(user_namespaces(), "user namespaces");
    let (store, name) = pulled("in-out/push-token");
    let front = Front::Tokens.of(Registry::shared());
    let to = format!("{front}/in-out/push-token");
    let pushed = Test::sandbox(&["push", "-q", &name, &to]).store(&store).read();
    assert_eq!(pushed, format!("digest: {}", digest(&store, &name)));
}

#[test]
fn a_push_that_cannot_be_says_why() {
    require!(user_namespaces(), "user namespaces");
    let (store, name) = pulled("in-out/push-refused");
    let push = |args: &[&str]| Test::sandbox(&[&["push"], args].concat()).store(&store);
    push(&["absent"]).fails(125, &["absent"]).check();
    push(&[&name, &format!("x@sha256:{}", "0a".repeat(32))]).fails(125, &["digest"]).check();
    let locked = Registry::with_password("ann", "secret");
    push(&[&name, &format!("{}/x", locked.name())]).fails(125, &["denies access"]).check();
    push(&[&name, "127.0.0.1:1/x"]).fails(125, &["127.0.0.1:1"]).check();
    store.assert_nothing_left();
}

#[test]
fn owners_that_nobody_has_ids_for_are_saved() {
    require!(user_namespaces(), "user namespaces");
    let (store, name) = pulled("in-out/owners");
    let dir = Dir::new("owners");
    let layout = dir.path().join("layout");
    Test::sandbox(&["save", "--format", "oci-dir", "-o", path(&layout), &name])
        .store(&store)
        .check();
    let list = Test::sandbox(&["inspect", "--format", "{{json .RootFS.Layers}}", &name]);
    let layers: Vec<String> = serde_json::from_str(&list.store(&store).read()).unwrap();
    let blob = layout.join("blobs").join(layers[1].replace(':', "/"));
    let list = Command::new("tar").args(["--numeric-owner", "-tvf"]).arg(blob).output().unwrap();
    let list = text(&list.stdout);
    for line in ["1000/1000", "70000/70001"] {
        assert!(list.contains(line), "{list}");
    }
    assert!(list.contains("-rwsr-xr-x 70000/70001"), "{list}");
}

#[test]
fn what_cannot_be_saved_or_loaded_leaves_nothing() {
    require!(user_namespaces(), "user namespaces");
    let (store, name) = pulled("in-out/refused");
    let dir = Dir::new("refused");
    let file = dir.path().join("x.tar");
    Test::sandbox(&["save", "-o", path(&file), "absent"])
        .store(&store)
        .fails(125, &["absent"])
        .check();
    Test::sandbox(&["save", "--format", "oci-dir", "-o", "/", &name])
        .store(&store)
        .fails(125, &["not empty"])
        .check();
    assert!(!file.exists());
    let junk = dir.write("junk", vec![b'x'; 2000]);
    Test::sandbox(&["load", "-i", path(&junk)]).store(&store).fails(125, &["junk"]).check();
    Test::sandbox(&["load"]).store(&store).stdin("").fails(125, &["manifest.json"]).check();
    store.assert_nothing_left();
}
