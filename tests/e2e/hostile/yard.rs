//! Where hostile images are let loose: a store, and a canary beside it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    process::Output,
    time::{Duration, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::support::{Compression, Dir, Image, Layer, Store, Test, digest, text};

/// What is to come of an image.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome<'a> {
    /// It runs, and what is run in it writes this.
    Says(&'a str),
    /// It is refused, with these words in the message.
    Refused(&'a [&'a str]),
    /// Its command cannot be executed, with these words in the message.
    NotExecuted(i32, &'a [&'a str]),
    /// It runs and says this, or it is refused: there is nothing to be said
    /// beforehand, but that nothing is harmed.
    Harmless(&'a str),
}

/// A tree that an image must not change, and the store where it is unpacked.
pub(super) struct Yard {
    canary: Dir,
    before: BTreeMap<PathBuf, String>,
    store: Store,
    images: Dir,
    settings: Dir,
}

impl Yard {
    pub(super) fn new() -> Self {
        let canary = Dir::new("canary");
        canary.write("victim", "untouched\n");
        canary.write("directory/below", "untouched too\n");
        canary.script("program", "echo harm");
        symlink("victim", canary.path().join("link")).unwrap();
        fs::set_permissions(canary.path().join("victim"), PermissionsExt::from_mode(0o640))
            .unwrap();
        for name in ["victim", "directory/below", "directory", "program", ""] {
            let long_ago = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            fs::File::open(canary.path().join(name)).unwrap().set_modified(long_ago).unwrap();
        }
        let before = snapshot(canary.path());
        let (store, images, settings) = (Store::new(), Dir::new("images"), Dir::new("settings"));
        Self { canary, before, store, images, settings }
    }

    /// A store where images may take less.
    pub(super) fn with_limits(limits: &str) -> Self {
        let yard = Self::new();
        yard.settings.write("sandbox/config.toml", format!("[image-limits]\n{limits}\n"));
        yard
    }

    /// The canary's path.
    pub(super) fn path(&self) -> &str {
        self.canary.path().to_str().unwrap()
    }

    /// The canary by a path that goes up first, from wherever it begins.
    pub(super) fn up(&self, name: &str) -> String {
        format!("{}{}/{name}", "../".repeat(12), &self.path()[1..])
    }

    /// A directory for an image, which is not there yet.
    pub(super) fn place(&self, what: &str) -> PathBuf {
        self.images.path().join(what.replace(['/', ' '], "-"))
    }

    /// Runs `echo ran` in busybox under these layers.
    #[track_caller]
    pub(super) fn unpack(
        &self,
        what: &str,
        layers: impl IntoIterator<Item = Layer>,
        outcome: Outcome<'_>,
    ) {
        self.run(what, &stack(layers), &["echo", "ran"], outcome);
    }

    /// Runs something in an image, by way of a directory.
    #[track_caller]
    pub(super) fn run(&self, what: &str, image: &Image, command: &[&str], outcome: Outcome<'_>) {
        let name = image.write_layout(&self.place(what));
        self.check(what, &[&["run", &name], command].concat(), outcome);
    }

    /// Makes a call, and compares what comes of it and of the canary.
    #[track_caller]
    pub(super) fn check(&self, what: &str, args: &[&str], outcome: Outcome<'_>) {
        self.try_it(what, Test::sandbox(args), outcome);
    }

    /// The same for a call that is made already.
    #[track_caller]
    pub(super) fn try_it(&self, what: &str, test: Test, outcome: Outcome<'_>) {
        let test = test.store(&self.store).env("XDG_CONFIG_HOME", self.settings.path());
        match outcome {
            Outcome::Says(said) => test.stdout(said).check(),
            Outcome::Refused(words) => test.stdout("").fails(125, words).check(),
            Outcome::NotExecuted(code, words) => test.stdout("").fails(code, words).check(),
            Outcome::Harmless(said) => {
                let output = test.output();
                let stderr = text(&output.stderr);
                let clear = stderr.contains("error[E") && !stderr.contains("panicked");
                match output.status.code() {
                    Some(0) => assert_eq!(text(&output.stdout), said, "{what}"),
                    Some(125..=127) => assert!(clear, "{what}: {stderr}"),
                    code => panic!("{what}: {code:?}\n{stderr}"),
                }
            }
        }
        self.assert_untouched(what);
    }

    /// Makes a call of which anything may come but harm.
    #[track_caller]
    pub(super) fn output(&self, what: &str, test: Test) -> Output {
        let test = test.store(&self.store).env("XDG_CONFIG_HOME", self.settings.path());
        let output = test.output();
        self.assert_untouched(what);
        output
    }

    #[track_caller]
    fn assert_untouched(&self, what: &str) {
        assert_eq!(snapshot(self.canary.path()), self.before, "{what} changed the canary");
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.store.assert_nothing_left();
        }
    }
}

/// busybox with these layers on top.
pub(super) fn stack(layers: impl IntoIterator<Item = Layer>) -> Image {
    let add = |image: Image, layer| image.layer(layer, Compression::Gzip);
    layers.into_iter().fold(Image::busybox(), add)
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// All that can be seen of a tree, but not when it was read.
fn snapshot(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut seen = BTreeMap::new();
    let mut paths = vec![root.to_owned()];
    while let Some(path) = paths.pop() {
        let there = fs::symlink_metadata(&path).unwrap();
        let content = match there.file_type() {
            kind if kind.is_dir() => {
                paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                Vec::new()
            }
            kind if kind.is_symlink() => {
                fs::read_link(&path).unwrap().as_os_str().as_bytes().into()
            }
            _ => fs::read(&path).unwrap(),
        };
        let owner = (there.uid(), there.gid(), there.ino(), there.nlink());
        let times = (there.mtime(), there.mtime_nsec(), there.ctime(), there.ctime_nsec());
        let attributes = xattrs(&path);
        let line = format!("{:o} {owner:?} {times:?} {attributes} {content:?}", there.mode());
        seen.insert(path, line);
    }
    seen
}

/// The names of a file's attributes.
fn xattrs(path: &Path) -> String {
    let mut names = [0; 4096];
    let length = rustix::fs::llistxattr(path, &mut names).unwrap_or(0);
    text(&names[..length])
}

/// The layout of an image, to be spoilt.
pub(super) struct Layout {
    path: PathBuf,
}

impl Layout {
    pub(super) fn of(image: &Image, path: PathBuf) -> Self {
        image.write_layout(&path);
        Self { path }
    }

    /// What to run.
    pub(super) fn name(&self) -> String {
        format!("oci:{}", self.path.display())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn index_file(&self) -> PathBuf {
        self.path.join("index.json")
    }

    pub(super) fn index(&self) -> Value {
        serde_json::from_slice(&fs::read(self.index_file()).unwrap()).unwrap()
    }

    /// The file of a blob that a descriptor names.
    pub(super) fn blob(&self, descriptor: &Value) -> PathBuf {
        let digest = descriptor["digest"].as_str().unwrap();
        self.path.join("blobs/sha256").join(&digest["sha256:".len()..])
    }

    pub(super) fn read(&self, descriptor: &Value) -> Value {
        serde_json::from_slice(&fs::read(self.blob(descriptor)).unwrap()).unwrap()
    }

    pub(super) fn manifest(&self) -> Value {
        self.read(&self.index()["manifests"][0])
    }

    /// Stores a document, and returns its descriptor.
    pub(super) fn add(&self, kind: &str, content: &[u8]) -> Value {
        let media_type = format!("application/vnd.oci.image.{kind}.v1+json");
        let size = content.len();
        let descriptor = json!({"mediaType": media_type, "digest": digest(content), "size": size});
        fs::write(self.blob(&descriptor), content).unwrap();
        descriptor
    }

    /// Lets the index name this document, of whatever kind.
    pub(super) fn name_root(&self, descriptor: &Value) {
        let index = json!({"schemaVersion": 2, "manifests": [descriptor]});
        fs::write(self.index_file(), index.to_string()).unwrap();
    }

    /// Changes the manifest; its digest is right again afterwards.
    pub(super) fn change_manifest(&self, change: impl FnOnce(&mut Value)) {
        let mut manifest = self.manifest();
        change(&mut manifest);
        self.name_root(&self.add("manifest", manifest.to_string().as_bytes()));
    }

    /// Puts another document in the place of the config.
    pub(super) fn replace_config(&self, config: &[u8]) {
        let descriptor = self.add("config", config);
        self.change_manifest(|manifest| manifest["config"] = descriptor);
    }

    /// Changes the config; the digests are right again afterwards.
    pub(super) fn change_config(&self, change: impl FnOnce(&mut Value)) {
        let mut config = self.read(&self.manifest()["config"]);
        change(&mut config);
        self.replace_config(config.to_string().as_bytes());
    }
}
