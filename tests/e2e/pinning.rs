//! `sandbox.lock`, `--locked` and `--offline`: the same image, or none.

use std::{
    fs,
    io::ErrorKind,
    net::TcpListener,
    path::{Path, PathBuf},
};

use crate::{
    only_for, require,
    support::{
        Compression, Dir, Image, Layer, Registry, Store, Test, chown_is_real, is_root, text,
        user_namespaces,
    },
};

const ZEROS: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// A directory with a lock, and a store of its own.
struct Project {
    dir: Dir,
    store: Store,
}

impl Project {
    fn new() -> Self {
        Self { dir: Dir::new("project"), store: Store::new() }
    }

    /// One that has locked an image.
    fn with(name: &str) -> Self {
        let project = Self::new();
        project.call(&["lock", name]).stderr("").check();
        project
    }

    fn call(&self, args: &[&str]) -> Test {
        Test::sandbox(args).store(&self.store).directory(self.dir.path())
    }

    /// Runs what tells which image it is.
    fn mark(&self, options: &[&str], name: &str) -> Test {
        let command = [&["run", "-q", "--network", "none"], options, &[name, "cat", "/mark"]];
        self.call(&command.concat())
    }

    fn lock(&self) -> PathBuf {
        self.dir.path().join("sandbox.lock")
    }

    /// Changes the lock by hand.
    fn edit(&self, from: &str, to: &str) {
        let lock = fs::read_to_string(self.lock()).unwrap();
        assert!(lock.contains(from), "{lock}");
        fs::write(self.lock(), lock.replace(from, to)).unwrap();
    }

    fn is_empty(&self) -> bool {
        ["refs", "layers"].iter().all(|part| self.store.entries(part).is_empty())
    }
}

/// The busybox image with a file that says which one it is.
fn marked(mark: &str) -> Image {
    let layer = Layer::new().file("mark", 0o644, format!("{mark}\n"));
    Image::busybox().layer(layer, Compression::Gzip)
}

fn host() -> &'static str {
    if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" }
}

fn foreign() -> &'static str {
    if cfg!(target_arch = "x86_64") { "arm64" } else { "amd64" }
}

#[test]
fn a_lock_says_what_a_name_stands_for() {
    let image = marked("single");
    let name = image.push(Registry::shared(), "pin/single");
    let project = Project::new();
    let printed = format!("{name}:latest {}\n", image.digest());
    project.call(&["lock", &name]).stdout(&printed).stderr("").check();
    let lock = fs::read_to_string(project.lock()).unwrap();
    let size = image.manifest_size();
    let content = format!(
        "digest = \"{}\"\nmedia-type = \"application/vnd.oci.image.manifest.v1+json\"\nsize = {size}\n",
        image.digest()
    );
    let expected = format!(
        "# Made by `sandbox lock`: the images that `sandbox run --locked` may run.\n\
         version = 1\n\n\
         [[image]]\nreference = \"{name}:latest\"\n{content}\n\
         [[image.manifest]]\nplatform = \"linux/{}\"\n{content}",
        host()
    );
    assert_eq!(lock, expected);
    assert!(project.is_empty(), "only manifests are fetched");

    // Another one comes beside it, and the order does not depend on that of the calls.
    let other = marked("a").push(Registry::shared(), "pin/another");
    project.call(&["lock", &other]).check();
    let both = fs::read_to_string(project.lock()).unwrap();
    let (header, entry) = lock.split_once("[[image]]").unwrap();
    assert!(both.starts_with(&format!("{header}[[image]]\nreference = \"{other}:latest\"")));
    assert!(both.ends_with(&format!("[[image]]{entry}")), "{both}");
    let left: Vec<_> = fs::read_dir(project.dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn every_platform_of_an_index_is_locked_or_those_that_are_named() {
    require!(user_namespaces(), "user namespaces");
    let (ours, theirs) = (marked("ours"), marked("theirs").architecture(foreign()));
    let images = [theirs.clone(), ours.clone()];
    let name = Image::push_index(&images, Registry::shared(), "pin/index");
    let project = Project::with(&name);
    let lock = fs::read_to_string(project.lock()).unwrap();
    for (image, platform) in [(&ours, host()), (&theirs, foreign())] {
        let manifest = format!("platform = \"linux/{platform}\"\ndigest = \"{}\"", image.digest());
        assert!(lock.contains(&manifest), "{lock}");
    }
    let foreign = format!("linux/{}", foreign());
    project.mark(&["--locked"], &name).stdout("ours\n").check();
    project.mark(&["--locked", "--platform", &foreign], &name).stdout("theirs\n").check();

    project.call(&["lock", "--platform", &foreign, &name]).check();
    let lock = fs::read_to_string(project.lock()).unwrap();
    assert!(lock.contains(&format!("platforms = [\"{foreign}\"]")), "{lock}");
    let refused = format!(
        "error: `{name}:latest` is not in {} for linux/{}, but for: {foreign}\n\
         hint: `sandbox lock {name}:latest` locks it for every platform that it has\n",
        project.lock().display(),
        host(),
    );
    project.mark(&["--locked"], &name).code(125).stderr(&refused).check();
    // What was asked for is remembered.
    project.call(&["lock", "--update"]).check();
    assert_eq!(fs::read_to_string(project.lock()).unwrap(), lock);
}

#[test]
fn a_tag_may_move_and_the_lock_does_not() {
    require!(user_namespaces(), "user namespaces");
    let (old, new) = (marked("old"), marked("new"));
    let name = old.push(Registry::shared(), "pin/moving");
    let project = Project::with(&name);
    project.call(&["lock", "--check"]).stdout("").stderr("").check();
    new.push(Registry::shared(), "pin/moving");

    project.mark(&["--locked"], &name).stdout("old\n").stderr("").check();
    project.mark(&["--pull", "always"], &name).stdout("new\n").check();
    // Each is there under its own name, so that neither is fetched again.
    project.mark(&["--offline", "--locked"], &name).stdout("old\n").check();
    project.mark(&["--offline"], &name).stdout("new\n").check();
    let images = project.call(&["images"]).read();
    assert_eq!(images.lines().count(), 3, "{images}");

    let moved = format!("{name}:latest {} → {}\n", old.digest(), new.digest());
    let before = fs::read_to_string(project.lock()).unwrap();
    project.call(&["lock", "--check"]).code(1).stdout(&moved).stderr("").check();
    assert_eq!(fs::read_to_string(project.lock()).unwrap(), before);
    project.call(&["lock", "--update"]).stdout(&moved).stderr("").check();
    project.call(&["lock", "--check"]).stdout("").check();
    project.mark(&["--offline", "--locked"], &name).stdout("new\n").check();
}

#[test]
fn a_locked_image_is_stored_under_its_tag_and_found_under_any() {
    require!(user_namespaces(), "user namespaces");
    let image = marked("any");
    let name = image.push(Registry::shared(), "pin/any");
    let project = Project::with(&name);
    let digest = format!("{}\n", image.digest());
    project.call(&["pull", "--locked", &name]).stdout(&digest).check();
    project.mark(&["--offline"], &name).stdout("any\n").check();

    let tagged = image.push(Registry::shared(), "pin/any:tagged");
    let other = Project::with(&tagged);
    other.call(&["pull", &name]).check();
    other.mark(&["--offline", "--locked"], &tagged).stdout("any\n").check();
    other.mark(&["--offline"], &tagged).stdout("any\n").check();
}

#[test]
fn what_is_not_locked_does_not_run() {
    require!(user_namespaces(), "user namespaces");
    let name = marked("known").push(Registry::shared(), "pin/known");
    let unknown = marked("unknown").push(Registry::shared(), "pin/unknown");
    let project = Project::new();
    let refused = |options: &[&str], name: &str, message: &str| {
        project.mark(options, name).code(125).stdout("").stderr(message).check();
    };
    refused(
        &["--locked"],
        &name,
        "error: there is no sandbox.lock here or in a directory above\n\
         hint: `sandbox lock IMAGE` makes one\n",
    );
    let absent = project.dir.path().join("absent.lock");
    let absent = absent.to_str().unwrap();
    refused(
        &["--lockfile", "absent.lock"],
        &name,
        &format!(
            "error: there is no {absent}\n\
             hint: `sandbox lock --file {absent} IMAGE` makes one\n"
        ),
    );

    project.call(&["lock", &name]).check();
    let lock = project.lock();
    let lock = lock.display();
    let not_in = format!(
        "error: `{unknown}:latest` is not in {lock}\n\
         hint: `sandbox lock {unknown}:latest` adds it\n"
    );
    refused(&["--locked"], &unknown, &not_in);
    refused(&["--lockfile", "sandbox.lock"], &unknown, &not_in);
    project.mark(&[], &unknown).env("SANDBOX_LOCKED", "1").code(125).stderr(&not_in).check();
    project.call(&["pull", "--locked", &unknown]).code(125).stderr(&not_in).check();
    project.call(&["create", "--locked", &unknown]).code(125).stderr(&not_in).check();
    project.call(&["lock", "--check", &unknown]).code(125).stderr(&not_in).check();
    assert!(project.is_empty());
}

#[test]
fn what_cannot_be_locked_does_not_run() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    for unlockable in ["host", "rootfs:/", "oci:/layout", ZEROS] {
        let message = format!(
            "error: `{unlockable}` cannot be locked\n\
             hint: only the name of an image in a registry can\n"
        );
        project.mark(&["--locked"], unlockable).code(125).stderr(&message).check();
        project.call(&["lock", unlockable]).code(125).stderr(&message).check();
    }
}

#[test]
fn a_lock_that_is_not_understood_lets_nothing_run() {
    require!(user_namespaces(), "user namespaces");
    let name = marked("odd").push(Registry::shared(), "pin/odd");
    let project = Project::with(&name);
    project
        .mark(&[], &name)
        .env("SANDBOX_LOCKED", "maybe")
        .code(125)
        .stderr("error: `maybe` is no value for SANDBOX_LOCKED\nhint: it is 1 or 0\n")
        .check();
    project.edit("version = 1", "version = 2");
    let newer = format!(
        "error: cannot use {}: it has version 2 of the format\n\
         hint: this `sandbox` knows version 1; a newer one may know that\n",
        project.lock().display()
    );
    project.mark(&["--locked"], &name).code(125).stderr(&newer).check();
    project.edit("version = 2", "version = 1\n=======");
    project.mark(&["--locked"], &name).fails(125, &["sandbox.lock, line 3: "]).check();
    assert!(project.is_empty());
}

#[test]
fn what_a_registry_has_instead_does_not_run() {
    require!(user_namespaces(), "user namespaces");
    let registry = Registry::new();
    let image = marked("true");
    let name = image.push(&registry, "pin/instead");
    let project = Project::with(&name);
    let lock = project.lock();
    let lock = lock.display();
    let changed = format!(
        "hint: what {} or a proxy before it sends is not what was locked; \
         reach it another way, or lock the image again\n",
        registry.name()
    );

    // It is gone.
    project.edit(&image.digest(), ZEROS);
    let gone = format!(
        "error: cannot get `{name}:latest` as {lock} has it\n  \
         caused by: there is no image `{name}:latest@{ZEROS}`\n\
         hint: the registry has it no longer; `sandbox lock {name}:latest` takes what it has now\n"
    );
    project.mark(&["--locked"], &name).code(125).stderr(&gone).check();
    project.edit(ZEROS, &image.digest());

    // An index leads to something that the lock does not name.
    let index = Image::push_index(&[marked("index")], &registry, "pin/instead");
    let printed = Project::new().call(&["lock", &index]).read();
    let digest = printed.trim_end().rsplit(' ').next().unwrap();
    project.edit(&image.digest(), digest);
    let mismatch = format!(
        "error: cannot get `{name}:latest` as {lock} has it\n  \
         caused by: the content hashes to {} instead of {digest}\n{changed}",
        marked("index").digest()
    );
    project.mark(&["--locked"], &name).code(125).stderr(&mismatch).check();
    project.edit(digest, &image.digest());

    // The registry answers with other bytes.
    let blob = registry.blob(&image.digest());
    let mut manifest = fs::read(&blob).unwrap();
    manifest.push(b'\n');
    fs::write(&blob, manifest).unwrap();
    let message = text(&project.mark(&["--locked"], &name).code(125).output().stderr);
    let failed = format!("error[E016]: cannot get `{name}:latest` as {lock} has it\n");
    let other = format!(" instead of {}\n{changed}", image.digest());
    assert!(message.starts_with(&failed) && message.ends_with(&other), "{message}");
    assert!(project.is_empty());
}

#[test]
fn a_lock_is_found_in_a_directory_above() {
    require!(user_namespaces(), "user namespaces");
    let name = marked("above").push(Registry::shared(), "pin/above");
    let project = Project::with(&name);
    let below = project.dir.path().join("a/b");
    fs::create_dir_all(&below).unwrap();
    let run = ["-v", "run", "--locked", &name, "cat", "/mark"];
    let output = project.call(&run).directory(&below).output();
    assert_eq!(text(&output.stdout), "above\n");
    let which = format!("{}: {name}:latest is sha256:", project.lock().display());
    assert!(text(&output.stderr).contains(&which), "{}", text(&output.stderr));

    let note = format!("note: the lock is {}\n", project.lock().display());
    project.call(&["lock", "--update"]).directory(&below).stderr(&note).check();
    project.call(&["lock", "--file", "sandbox.lock", &name]).directory(&below).stderr("").check();
    assert!(below.join("sandbox.lock").exists());
    project.call(&["lock"]).fails(125, &["there is no image to lock", "--update"]).check();
}

/// Checks that nobody has connected, nor waits to.
fn assert_untouched(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn offline_no_registry_is_asked() {
    require!(user_namespaces(), "user namespaces");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("{}/x", listener.local_addr().unwrap());
    let project = Project::new();
    let refused = |args: &[&str], message: &str| {
        let args = [&["--offline"], args].concat();
        project.call(&args).code(125).stdout("").stderr(message).check();
    };
    let miss = format!(
        "error: `{name}:latest` is not in the store, and `--offline` lets no registry be asked\n\
         hint: `sandbox pull` it first, while online\n"
    );
    refused(&["run", &name], &miss);
    refused(&["create", &name], &miss);
    project.call(&["run", "--offline", &name]).code(125).stderr(&miss).check();
    let cannot = |what: &str| {
        format!(
            "error: cannot {what}: `--offline` lets no registry be asked\n\
             hint: leave `--offline` out\n"
        )
    };
    let pull = cannot(&format!("pull `{name}:latest`"));
    refused(&["run", "--pull", "always", &name], &pull);
    refused(&["pull", &name], &pull);
    refused(&["push", &name], &cannot(&format!("push `{name}:latest`")));
    for lock in [&["lock", &name][..], &["lock", "--check"], &["lock", "--update"]] {
        refused(lock, &cannot("lock an image"));
    }
    assert_untouched(&listener);
}

#[test]
fn offline_is_also_a_variable_and_a_setting() {
    require!(user_namespaces(), "user namespaces");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("{}/x", listener.local_addr().unwrap());
    let project = Project::new();
    let pull = |who: &str, way_out: &str| {
        let message = format!(
            "error: cannot pull `{name}:latest`: {who} lets no registry be asked\nhint: {way_out}\n"
        );
        project.call(&["pull", &name]).code(125).stderr(&message)
    };
    pull("SANDBOX_OFFLINE", "unset SANDBOX_OFFLINE").env("SANDBOX_OFFLINE", "1").check();
    project.dir.write("sandbox/config.toml", "offline = true\n");
    pull("`offline` in config.toml", "`SANDBOX_OFFLINE=0` comes before config.toml")
        .env("XDG_CONFIG_HOME", project.dir.path())
        .check();
    assert_untouched(&listener);

    let image = marked("online").push(Registry::shared(), "pin/online");
    project
        .mark(&[], &image)
        .env("XDG_CONFIG_HOME", project.dir.path())
        .env("SANDBOX_OFFLINE", "0")
        .stdout("online\n")
        .check();
}

#[test]
fn offline_files_are_read_and_what_is_stored_runs() {
    require!(user_namespaces(), "user namespaces");
    let project = Project::new();
    let layout = marked("file").write_layout(&project.dir.path().join("layout"));
    project.mark(&["--offline", "--pull", "always"], &layout).stdout("file\n").check();
    let name = marked("stored").push(Registry::shared(), "pin/stored");
    project.call(&["lock", &name]).check();
    project.call(&["pull", &name]).check();
    project.mark(&["--offline"], &name).stdout("stored\n").stderr("").check();
    // By its digest, it is known what the registry would say.
    project.mark(&["--offline", "--locked", "--pull", "always"], &name).stdout("stored\n").check();
}

/// The calls for the network that the program makes.
fn network_calls(project: &Project, args: &[&str], code: i32) -> String {
    let trace = project.dir.path().join("trace");
    let strace = ["strace", "-f", "-qq", "-e", "trace=network,execve", "-o"];
    let strace = [&strace[..], &[trace.to_str().unwrap()]].concat();
    project.call(args).within(&strace).code(code).check();
    read(&trace)
}

fn read(path: &Path) -> String {
    text(&fs::read(path).unwrap())
}

#[test]
fn offline_no_internet_socket_is_opened() {
    require!(user_namespaces(), "user namespaces");
    // A traced `newuidmap` has no privilege.
    only_for!(is_root() || !chown_is_real());
    let name = marked("traced").push(Registry::shared(), "pin/traced");
    let project = Project::with(&name);
    project.call(&["pull", &name]).check();
    let hit = ["--offline", "run", "--locked", "--network", "none", &name, "true"];
    let calls = network_calls(&project, &hit, 0);
    assert!(calls.contains("execve(\"/bin/true\""), "{calls}");
    assert!(!calls.contains("AF_INET"), "{calls}");

    let absent = format!("{}/pin/absent", Registry::shared().name());
    let miss = ["--offline", "run", "--network", "none", &absent, "true"];
    assert!(!network_calls(&project, &miss, 125).contains("AF_INET"));
    // Online it would be seen.
    let online = ["run", "--network", "none", &absent, "true"];
    assert!(network_calls(&project, &online, 125).contains("AF_INET"));
}
