//! Looking after the store: what it takes, and what of it goes.

use std::{fs, path::PathBuf, process::Command};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    only_for, require,
    support::{
        Compression, Dir, Image, Layer, Registry, Store, Test, chown_is_real, eventually, text,
        user_namespaces,
    },
};

fn json(store: &Store, args: &[&str]) -> Value {
    let output = Test::sandbox(&[args, &["--format", "json"]].concat()).store(store).read();
    serde_json::from_str(&output).unwrap()
}

fn count_images(store: &Store) -> usize {
    Test::sandbox(&["images", "-q"]).store(store).read().lines().count()
}

/// What `du` says of the store, as the root of all our ids.
fn du(store: &Store) -> u64 {
    let all = ["--map-root-user", "--map-auto"];
    let du = |ids: &[&str]| {
        let du = ["du", "-s", "--block-size=1"];
        let output = Command::new("unshare").args(ids).args(du).arg(store.path()).output().unwrap();
        let total = text(&output.stdout).split('\t').next()?.parse().ok();
        total.filter(|_| output.status.success())
    };
    du(&all).or_else(|| du(&["--map-root-user"])).unwrap()
}

/// Two images that have a layer in common, and one layer each of their own; with
/// files of several owners, hard links and holes.
fn pull_two(store: &Store) -> [String; 2] {
    ["one", "two"].map(|which| {
        let layer = Layer::new()
            .file("large", 0o644, vec![b'x'; 400_000])
            .hardlink("linked", "large")
            .file("which", 0o644, which)
            .owned_file("owned", 0o600, (1000, 1000), "content")
            .dir("closed/", 0o000);
        let image = Image::busybox().layer(layer, Compression::Gzip);
        let name = image.push(Registry::shared(), &format!("store/{which}"));
        Test::sandbox(&["pull", "-q", &name]).store(store).check();
        name
    })
}

/// Debris of every kind: half of a layer, a file, and a layer of no image with
/// other ids.
fn litter(store: &Store) {
    let path = store.path();
    fs::create_dir_all(path.join("tmp/layer-one-0a/fs/etc")).unwrap();
    fs::write(path.join("tmp/layer-one-0a/fs/etc/half"), vec![1; 300_000]).unwrap();
    fs::write(path.join("tmp/file-0b"), "half").unwrap();
    let other = path.join("layers/5-5").join("0c".repeat(32));
    fs::create_dir_all(other.join("fs")).unwrap();
    fs::write(other.join("fs/file"), vec![1; 200_000]).unwrap();
}

#[test]
fn what_the_store_takes_is_what_du_says() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let [one, _] = pull_two(&store);
    let script = ["sh", "-c", "head -c 500000 /dev/zero | tr '\\0' x >/wrote"];
    Test::sandbox(&[&["run", "--name", "kept", &one][..], &script].concat()).store(&store).check();
    let mut running = Test::sandbox(&["run", "-i", &one, "sh", "-c", "echo ready; read go"])
        .store(&store)
        .spawn();
    running.wait_for("ready");
    litter(&store);

    let usage = json(&store, &["system", "df"]);
    let (total, du) = (usage["total"].as_u64().unwrap(), du(&store));
    assert!(total.abs_diff(du) * 100 <= du, "{total} is not {du}: {usage}");
    assert_eq!(usage["unread"], 0);
    let counts = |kind: &str| (usage[kind]["count"].as_u64(), usage[kind]["in_use"].as_u64());
    assert_eq!(counts("images"), (Some(2), Some(1)));
    assert_eq!(counts("blobs"), (Some(4), Some(2)));
    assert_eq!(counts("layers"), (Some(3), Some(2)));
    assert_eq!(counts("sandboxes"), (Some(2), Some(1)));
    assert_eq!(counts("garbage"), (Some(3), Some(0)));
    assert!(usage["garbage"]["size"].as_u64() >= Some(500_000), "{usage}");
    assert!(usage["sandboxes"]["reclaimable"].as_u64() >= Some(500_000), "{usage}");
    // Nothing was swept by looking.
    assert!(store.path().join("tmp/file-0b").exists());

    let table = Test::sandbox(&["system", "df"]).store(&store).read();
    for kind in
        ["Images", "Blobs", "Layers", "Sandboxes", "Volumes", "Spare", "Garbage", "Other", "Total"]
    {
        assert!(table.lines().any(|line| line.starts_with(kind)), "{table}");
    }
    let each = Test::sandbox(&["system", "df", "-v"]).store(&store).read();
    assert!(each.contains("LAST USED") && each.contains("store/two"), "{each}");
    drop(running.stdin());
    running.wait();
}

#[test]
fn a_store_that_is_not_there_takes_nothing() {
    let store = Store::new();
    let nowhere = store.path().join("nowhere");
    let root = ["--root", nowhere.to_str().unwrap()];
    let df = Test::sandbox(&[&root[..], &["system", "df", "--format", "json"]].concat()).read();
    assert_eq!(serde_json::from_str::<Value>(&df).unwrap()["total"], 0);
    let prune = Test::sandbox(&[&root[..], &["system", "prune", "-af"]].concat());
    prune.stdout("freed: 0 B (0 bytes)\n").check();
    assert!(!nowhere.exists());
}

#[test]
fn prune_frees_what_it_says_and_leaves_next_to_nothing() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let [one, two] = pull_two(&store);
    Test::sandbox(&["run", "--name", "kept", &one, "true"]).store(&store).check();
    litter(&store);

    let before = du(&store);
    let told = json(&store, &["system", "prune", "-a", "--dry-run"]);
    assert_eq!(du(&store), before);
    // One that is kept needs its image.
    let images = json(&store, &["image", "prune", "-af"]);
    let mut left = before - images["bytes"].as_u64().unwrap();
    assert_eq!(du(&store), left);
    let removed = |report: &Value, kind: &str| {
        let all = report["removed"].as_array().unwrap().iter();
        let names = all.filter(|removed| removed["kind"] == kind);
        names.map(|removed| removed["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(removed(&images, "image"), [two + ":latest"]);
    assert_eq!(removed(&images, "layer").len(), 2);

    let rest = json(&store, &["system", "prune", "-af"]);
    left -= rest["bytes"].as_u64().unwrap();
    assert_eq!(du(&store), left);
    assert_eq!(removed(&rest, "image"), [format!("{one}:latest")]);
    assert_eq!((removed(&rest, "temporary").len(), removed(&rest, "sandbox").len()), (2, 1));
    assert!(left < 1_000_000, "{left} bytes are left");
    assert_eq!(told["bytes"].as_u64().unwrap(), before - left);
    Test::sandbox(&["ps", "-aq"]).store(&store).stdout("").check();
    Test::sandbox(&["run", &one, "cat", "/which"]).store(&store).stdout("one").check();
}

#[test]
fn prune_leaves_what_runs() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let [one, _] = pull_two(&store);
    let script = "echo ready; read go; cat /which; echo";
    let mut running = Test::sandbox(&["run", "-i", &one, "sh", "-c", script]).store(&store).spawn();
    running.wait_for("ready");
    Test::sandbox(&["system", "prune", "-af"]).store(&store).check();
    assert_eq!(count_images(&store), 1);
    drop(running.stdin());
    running.wait_for("one");
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn prune_asks_first() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    pull_two(&store);
    let prune = || Test::sandbox(&["system", "prune", "-a"]).store(&store);
    prune().fails(125, &["nobody has answered", "--force"]).check();
    prune().stdin("n\n").stdout("").check();
    assert_eq!(count_images(&store), 2);
    let recent = ["system", "prune", "-a", "--older-than", "1h"];
    Test::sandbox(&recent).store(&store).stdin("y\n").check();
    assert_eq!(count_images(&store), 2);
    prune().stdin("y\n").check();
    assert_eq!(count_images(&store), 0);
}

#[test]
fn what_a_killed_pull_left_is_seen_and_removed() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let mut files = Layer::new().dir("files/", 0o755);
    for file in 0..2000 {
        files = files.file(&format!("files/{file}"), 0o644, "x");
    }
    let image = Image::busybox().layer(files, Compression::Gzip);
    let name = image.push(Registry::shared(), "store/killed");
    let mut pull = Test::sandbox(&["pull", &name]).store(&store).spawn();
    let half = || store.entries("tmp").iter().any(|name| name.starts_with("layer-")).then_some(());
    eventually(half).expect("the pull begins");
    pull.signal(Signal::KILL);
    pull.wait();
    assert!(json(&store, &["system", "df"])["garbage"]["count"].as_u64() >= Some(1));
    Test::sandbox(&["system", "prune", "-f"]).store(&store).check();
    assert_eq!(store.entries("tmp"), [""; 0]);
}

#[test]
fn beyond_the_limit_the_least_recently_used_image_goes() {
    require!(user_namespaces(), "user namespaces");
    let (store, config) = (Store::new(), Dir::new("config"));
    let [one, two] = pull_two(&store);
    Test::sandbox(&["run", &one, "true"]).store(&store).check();
    let total = json(&store, &["system", "df"])["total"].as_u64().unwrap();
    fs::create_dir(config.path().join("sandbox")).unwrap();
    config.write("sandbox/config.toml", format!("[storage]\nmax = \"{}\"\n", total + 1_000_000));

    let layer = Layer::new().file("more", 0o644, vec![b'x'; 1_200_000]);
    let image = Image::busybox().layer(layer, Compression::Plain);
    let three = image.push(Registry::shared(), "store/three");
    let pull = Test::sandbox(&["pull", &three]).store(&store);
    let output = pull.env("XDG_CONFIG_HOME", config.path()).output();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stderr).contains(&format!("note: evicted {two}:latest")), "{output:?}");
    let images = Test::sandbox(&["images", "--format", "json"]).store(&store).read();
    assert!(images.contains(&one) && images.contains(&three) && !images.contains(&two));
}

/// The only directory in the store of a layer that holds this file.
fn layer_with(store: &Store, file: &str) -> PathBuf {
    let maps = store.entries("layers").into_iter().map(|map| format!("layers/{map}"));
    let layers = maps.flat_map(|map| {
        store.entries(&map).into_iter().map(move |layer| format!("{map}/{layer}/fs"))
    });
    let mut paths = layers.map(|layer| store.path().join(layer));
    paths.find(|path| path.join(file).exists()).expect("a layer has the file")
}

#[test]
fn check_finds_what_is_damaged_and_fetches_only_that_again() {
    require!(user_namespaces(), "user namespaces");
    let (registry, store) = (Registry::new(), Store::new());
    let layer = |file: &str| Layer::new().file(file, 0o644, "content");
    let mut image = Image::busybox();
    for file in ["good", "bad", "gone"] {
        image = image.layer(layer(file), Compression::Gzip);
    }
    let name = image.push(&registry, "checked");
    Test::sandbox(&["pull", "-q", &name]).store(&store).check();
    let check =
        |options: &[&str]| Test::sandbox(&[&["system", "check"], options].concat()).store(&store);
    check(&[]).stdout("checked: 1 images, 2 blobs, 4 layers\n").check();

    fs::write(layer_with(&store, "bad").join("bad"), "consent").unwrap();
    fs::remove_file(layer_with(&store, "gone").join("gone")).unwrap();
    check(&[]).fails(125, &["2 of what is in the store is bad", "--repair"]).check();
    let output = text(&check(&[]).code(125).output().stdout);
    assert!(output.contains("its content is not what it was"), "{output}");
    assert!(output.contains(&format!("not there (needed by {name}:latest)")), "{output}");

    let fetched = registry.fetched().len();
    let repaired = text(&check(&["--repair"]).output().stdout);
    assert_eq!(repaired.matches("; fetched again\n").count(), 2, "{repaired}");
    let again = || (registry.fetched().len() >= fetched + 3).then_some(());
    assert!(eventually(again).is_some(), "{:?} {}", registry.fetched(), fetched);
    assert_eq!(registry.fetched().len(), fetched + 3);
    check(&[]).check();
    Test::sandbox(&["run", &name, "cat", "/bad", "/gone"])
        .store(&store)
        .stdout("contentcontent")
        .check();
}

#[test]
fn repair_leaves_what_runs_and_says_what_it_could_not_fetch() {
    require!(user_namespaces(), "user namespaces");
    let (registry, store) = (Registry::new(), Store::new());
    let image =
        Image::busybox().layer(Layer::new().file("bad", 0o644, "content"), Compression::Gzip);
    let name = image.push(&registry, "used");
    Test::sandbox(&["pull", "-q", &name]).store(&store).check();
    let mut running =
        Test::sandbox(&["run", "-i", &name, "sh", "-c", "echo ready; read go; echo end"])
            .store(&store)
            .spawn();
    running.wait_for("ready");
    fs::write(layer_with(&store, "bad").join("bad"), "consent").unwrap();
    let repair = || Test::sandbox(&["system", "check", "--repair"]).store(&store);
    repair().fails(125, &["still bad", "end the sandboxes"]).check();
    drop(running.stdin());
    running.wait_for("end");
    assert_eq!(running.wait().code(), Some(0));

    drop(registry);
    let output = text(&repair().output().stdout);
    assert!(
        output.contains("removed, but not fetched again: ") && output.contains("reach"),
        "{output}"
    );
    repair().fails(125, &["1 of what is in the store is still bad"]).check();
}

/// Runs the program in a store on a file system of its own of `size`, and then
/// `script`, which finds the program's name in `$1` and its exit code in `$code`.
fn in_small_store(args: &[&str], size: &str, script: &str) -> Test {
    let script = format!(
        "mount -t tmpfs -o size={size} none \"$SANDBOX_ROOT\"; code=0; \"$@\" || code=$?\n{script}\nexit $code"
    );
    Test::sandbox(args).within(&["unshare", "-Urm", "sh", "-ec", &script, "sh"])
}

/// Bytes that nothing compresses.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length / 8).flat_map(next).collect()
}

#[test]
fn an_image_without_room_is_refused_before_it_is_fetched() {
    require!(user_namespaces(), "user namespaces");
    let (registry, store) = (Registry::new(), Store::new());
    let layer = Layer::new().file("noise", 0o644, noise(8_000_000));
    let image = Image::busybox().layer(layer, Compression::Gzip);
    let name = image.push(&registry, "large");
    in_small_store(&["pull", "-q", &name], "5m", "")
        .store(&store)
        .fails(125, &["no room for the image", "MB compressed", "MB are free", "system prune"])
        .check();
    assert!(!registry.fetched().contains(&image.layer_digest()));
}

#[test]
fn a_disk_that_becomes_full_gets_its_room_back() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let layer = Layer::new().file("large", 0o644, vec![b'x'; 30_000_000]);
    let name =
        Image::busybox().layer(layer, Compression::Gzip).push(Registry::shared(), "store/full");
    let small = Image::busybox().push(Registry::shared(), "store/small");
    // What is left is measured before anything else looks at the store.
    let script = format!(
        "du -s --block-size=1000 \"$SANDBOX_ROOT\" | cut -f1
         \"$1\" system check
         \"$1\" pull -q {small} >/dev/null && \"$1\" images | grep -c small"
    );
    let full = in_small_store(&["pull", "-q", &name], "12m", &script).store(&store);
    let words = ["no room for the image", "ENOSPC", "MB are free", "is full", "system prune"];
    let output = full.output();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(words.iter().all(|word| stderr.contains(word)), "{stderr}");
    assert_eq!(output.status.code(), Some(125), "{stdout}{stderr}");
    let left: u64 = stdout.lines().next().unwrap().parse().unwrap();
    assert!(left < 200, "{left} kB are left: {stdout}");
    assert!(stdout.contains("checked: 0 images, 0 blobs, 0 layers"), "{stdout}");
    assert!(stdout.ends_with("1\n"), "{stdout}");
}

#[test]
fn a_store_that_is_read_only_is_named() {
    require!(user_namespaces(), "user namespaces");
    let name = Image::busybox().push(Registry::shared(), "store/read-only");
    let read_only = "mount --bind \"$SANDBOX_ROOT\" \"$SANDBOX_ROOT\"
                     mount -o remount,bind,ro \"$SANDBOX_ROOT\"";
    for made in [false, true] {
        let store = Store::new();
        if made {
            Test::sandbox(&["images"]).store(&store).check();
        }
        for command in [&["pull", "-q", &name][..], &["run", &name, "true"]] {
            Test::sandbox(command)
                .store(&store)
                .after(read_only)
                .fails(125, &["EROFS", "is read-only"])
                .check();
        }
        Test::sandbox(&["system", "df"]).store(&store).after(read_only).check();
        Test::sandbox(&["system", "check"]).store(&store).after(read_only).check();
    }
}

#[test]
fn reset_removes_the_store_but_not_from_under_a_sandbox() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let [one, _] = pull_two(&store);
    litter(&store);
    let reset = || Test::sandbox(&["system", "reset", "-f"]).store(&store);
    let script = "echo ready; read go; true";
    let mut running = Test::sandbox(&["run", "-i", &one, "sh", "-c", script]).store(&store).spawn();
    running.wait_for("ready");
    reset().fails(125, &["is in use", "sandbox ps"]).check();
    assert_eq!(count_images(&store), 2);
    drop(running.stdin());
    assert_eq!(running.wait().code(), Some(0));
    let before = du(&store);
    reset().stdout(&format!("freed: {} ({before} bytes)\n", megabytes(before))).check();
    assert!(!store.path().exists());
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Where nobody has ranges of ids, every file belongs to the user; but what an
/// image shuts is shut.
#[test]
fn a_store_of_one_id_is_removed_by_rm_unless_an_image_shuts_directories() {
    require!(user_namespaces(), "user namespaces");
    only_for!(!chown_is_real());
    let pull = |layer: Layer, name: &str| {
        let store = Store::new();
        let name = Image::busybox().layer(layer, Compression::Gzip).push(Registry::shared(), name);
        Test::sandbox(&["run", &name, "true"]).store(&store).check();
        assert_eq!(store.entries("layers"), ["one"]);
        store
    };
    let rm = |store: &Store| {
        Command::new("rm").arg("-rf").arg(store.path()).output().unwrap().status.success()
    };
    assert!(rm(&pull(Layer::new().file("open/file", 0o000, "content"), "store/rm")));
    let shut = pull(Layer::new().dir("shut/", 0o555).file("shut/file", 0o644, ""), "store/shut");
    assert!(!rm(&shut));
    Test::sandbox(&["system", "reset", "-f"]).store(&shut).check();
    assert!(!shut.path().exists());
}

/// A store that is read besides one's own, with an image whose registry is gone.
struct Shared {
    store: Store,
    config: Dir,
    image: String,
}

impl Shared {
    fn new() -> Self {
        let (store, config, registry) = (Store::new(), Dir::new("config"), Registry::new());
        let layer = Layer::new().file("shared", 0o640, "content").dir("tmp/", 0o1777);
        let image = Image::busybox().layer(layer, Compression::Gzip).push(&registry, "shared");
        Test::sandbox(&["pull", "-q", &image]).store(&store).check();
        fs::create_dir(config.path().join("sandbox")).unwrap();
        let settings = format!("[storage]\nadditional = [\"{}\"]\n", store.path().display());
        config.write("sandbox/config.toml", settings);
        Self { store, config, image }
    }

    fn sandbox(&self, args: &[&str], store: &Store) -> Test {
        Test::sandbox(args).store(store).env("XDG_CONFIG_HOME", self.config.path())
    }

    /// All that is in it, with sizes and times, but for when it was read.
    fn listing(&self) -> String {
        let format = "%P %y %s %T@ %C@\n";
        let find = Command::new("find").arg(self.store.path()).args(["-printf", format]).output();
        text(&find.unwrap().stdout)
    }
}

#[test]
fn an_image_of_a_further_store_is_used_where_it_is() {
    require!(user_namespaces(), "user namespaces");
    let (shared, store) = (Shared::new(), Store::new());
    let before = shared.listing();
    let script = "cat /shared; echo changed >/shared; rm /bin/wc; mkdir /new; cat /shared";
    let run = ["run", "--pull", "never", &shared.image, "sh", "-c", script];
    shared.sandbox(&run, &store).stdout("contentchanged\n").check();
    let images = text(&shared.sandbox(&["images"], &store).output().stdout);
    assert!(images.contains("/shared"), "{images}");
    shared.sandbox(&["system", "check"], &store).check();
    shared.sandbox(&["system", "prune", "-af"], &store).check();
    assert_eq!(shared.listing(), before);
    for map in store.entries("layers") {
        assert_eq!(store.entries(&format!("layers/{map}")), [""; 0]);
    }
}

#[test]
fn an_image_of_a_further_store_with_other_ids_is_unpacked_from_there() {
    require!(user_namespaces(), "user namespaces");
    let (shared, store) = (Shared::new(), Store::new());
    let layers = shared.store.path().join("layers");
    let map = shared.store.entries("layers").remove(0);
    fs::rename(layers.join(map), layers.join("5+5,5+5")).unwrap();
    let before = shared.listing();
    let path = shared.store.path().display();
    let read_only = format!("mount --bind {path} {path}; mount -o remount,bind,ro {path}");
    let cat = ["run", "--pull", "never", &shared.image, "cat", "/shared"];
    shared.sandbox(&cat, &store).after(&read_only).stdout("content").check();
    assert_eq!(shared.listing(), before);
    let map = store.entries("layers").remove(0);
    assert_eq!(store.entries(&format!("layers/{map}")).len(), 2);
    // Now it is our own.
    Test::sandbox(&cat).store(&store).after("true").stdout("content").check();
}
