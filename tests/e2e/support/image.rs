//! Images made in the test, byte by byte where they are hostile.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    sync::OnceLock,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{http, registry::Registry};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// What `busybox` is asked to be in the busybox image.
const APPLETS: &[&str] = &[
    "cat",
    "chmod",
    "chown",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "dmesg",
    "echo",
    "env",
    "false",
    "grep",
    "head",
    "hostname",
    "id",
    "kill",
    "ln",
    "ls",
    "mkdir",
    "mknod",
    "mount",
    "mv",
    "nc",
    "nproc",
    "ping",
    "printenv",
    "ps",
    "pwd",
    "readlink",
    "rm",
    "sed",
    "seq",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "stty",
    "sync",
    "tail",
    "tar",
    "tee",
    "test",
    "top",
    "touch",
    "tr",
    "true",
    "tty",
    "umount",
    "uname",
    "unshare",
    "wc",
    "wget",
    "which",
    "whoami",
    "xargs",
    "yes",
];

/// A layer, made entry by entry in the order in which it is unpacked.
pub(crate) struct Layer {
    tar: tar::Builder<Vec<u8>>,
}

impl Layer {
    pub(crate) fn new() -> Self {
        Self { tar: tar::Builder::new(Vec::new()) }
    }

    pub(crate) fn dir(self, path: &str, mode: u32) -> Self {
        self.owned_dir(path, mode, (0, 0))
    }

    pub(crate) fn owned_dir(self, path: &str, mode: u32, owner: (u64, u64)) -> Self {
        self.entry(tar::EntryType::Directory, path, "", mode, owner, b"")
    }

    pub(crate) fn file(self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        self.owned_file(path, mode, (0, 0), content)
    }

    pub(crate) fn owned_file(
        self,
        path: &str,
        mode: u32,
        owner: (u64, u64),
        content: impl AsRef<[u8]>,
    ) -> Self {
        self.entry(tar::EntryType::Regular, path, "", mode, owner, content.as_ref())
    }

    pub(crate) fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(tar::EntryType::Symlink, path, target, 0o777, (0, 0), b"")
    }

    pub(crate) fn hardlink(self, path: &str, target: &str) -> Self {
        self.entry(tar::EntryType::Link, path, target, 0o644, (0, 0), b"")
    }

    pub(crate) fn device(self, path: &str) -> Self {
        self.entry(tar::EntryType::Char, path, "", 0o666, (0, 0), b"")
    }

    pub(crate) fn fifo(self, path: &str) -> Self {
        self.entry(tar::EntryType::Fifo, path, "", 0o666, (0, 0), b"")
    }

    /// Says more of the next entry, in a header of its own (`pax(1)`).
    pub(crate) fn pax(mut self, records: &[(&str, &[u8])]) -> Self {
        self.tar.append_pax_extensions(records.iter().copied()).unwrap();
        self
    }

    /// An entry with a header that nobody has checked.
    pub(crate) fn raw(mut self, change: impl FnOnce(&mut tar::Header), content: &[u8]) -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(content.len() as u64);
        header.set_mtime(1_700_000_000);
        write_name(&mut header.as_old_mut().name, "raw");
        change(&mut header);
        header.set_cksum();
        self.tar.append(&header, content).unwrap();
        self
    }

    /// One entry, whose names are written as they are: the crate's own setters
    /// refuse `..` and absolute paths, which are what we want to test.
    fn entry(
        mut self,
        kind: tar::EntryType,
        path: &str,
        link: &str,
        mode: u32,
        (uid, gid): (u64, u64),
        content: &[u8],
    ) -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(uid);
        header.set_gid(gid);
        header.set_mtime(1_700_000_000);
        header.set_size(content.len() as u64);
        self.long_name(tar::EntryType::GNULongName, path);
        self.long_name(tar::EntryType::GNULongLink, link);
        let old = header.as_old_mut();
        write_name(&mut old.name, path);
        write_name(&mut old.linkname, link);
        header.set_cksum();
        self.tar.append(&header, content).unwrap();
        self
    }

    /// GNU's way to have a name that does not fit a header: an entry before it.
    fn long_name(&mut self, kind: tar::EntryType, name: &str) {
        let mut header = tar::Header::new_gnu();
        if name.len() <= header.as_old().name.len() {
            return;
        }
        header.set_entry_type(kind);
        header.set_size(name.len() as u64 + 1);
        write_name(&mut header.as_old_mut().name, "././@LongLink");
        header.set_cksum();
        self.tar.append(&header, format!("{name}\0").as_bytes()).unwrap();
    }

    pub(crate) fn tar(self) -> Vec<u8> {
        self.tar.into_inner().unwrap()
    }
}

/// Writes as much of a name as fits.
fn write_name(field: &mut [u8], name: &str) {
    let length = name.len().min(field.len());
    field[..length].copy_from_slice(&name.as_bytes()[..length]);
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Compression {
    Plain,
    Gzip,
    Zstd,
}

impl Compression {
    fn pack(self, tar: &[u8]) -> Vec<u8> {
        match self {
            Self::Plain => tar.to_vec(),
            Self::Gzip => {
                let mut gzip =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(tar).unwrap();
                gzip.finish().unwrap()
            }
            Self::Zstd => zstd::encode_all(tar, 1).unwrap(),
        }
    }

    fn unpack(media_type: &str, content: &[u8]) -> Vec<u8> {
        let mut tar = Vec::new();
        match media_type.strip_prefix(LAYER).unwrap() {
            "+gzip" => flate2::read::GzDecoder::new(content).read_to_end(&mut tar).unwrap(),
            "+zstd" => return zstd::decode_all(content).unwrap(),
            _ => return content.to_vec(),
        };
        tar
    }

    fn media_type(self) -> String {
        let suffix = match self {
            Self::Plain => "",
            Self::Gzip => "+gzip",
            Self::Zstd => "+zstd",
        };
        format!("{LAYER}{suffix}")
    }
}

/// A blob and what its descriptor will say of it.
#[derive(Debug, Clone)]
struct Blob {
    media_type: String,
    content: Vec<u8>,
}

impl Blob {
    fn descriptor(&self) -> Value {
        json!({
            "mediaType": self.media_type,
            "digest": digest(&self.content),
            "size": self.content.len(),
        })
    }
}

/// An image for one platform.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    layers: Vec<Blob>,
    diff_ids: Vec<String>,
    architecture: String,
    config: Value,
}

impl Image {
    /// An image without layers.
    pub(crate) fn new() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self {
            layers: Vec::new(),
            diff_ids: Vec::new(),
            architecture: architecture.into(),
            config: json!({
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "Cmd": ["sh"],
            }),
        }
    }

    /// Debian's `busybox-static` with a small `/etc`.
    pub(crate) fn busybox() -> Self {
        // To pack it takes longer than to run it.
        static BUSYBOX: OnceLock<Image> = OnceLock::new();
        BUSYBOX.get_or_init(Self::pack_busybox).clone()
    }

    fn pack_busybox() -> Self {
        let busybox = fs::read("/bin/busybox").unwrap();
        let mut layer = Layer::new()
            .dir("bin/", 0o755)
            .dir("etc/", 0o755)
            .dir("home/", 0o755)
            .dir("mnt/", 0o755)
            .dir("root/", 0o700)
            .dir("tmp/", 0o1777)
            .dir("var/", 0o755)
            .file(
                "etc/passwd",
                0o644,
                "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home:/bin/sh\n",
            )
            .file("etc/group", 0o644, "root:x:0:\nann:x:1000:\nwheel:x:10:ann\nvideo:x:44:\n")
            .file("bin/busybox", 0o755, busybox);
        for applet in APPLETS {
            layer = layer.symlink(&format!("bin/{applet}"), "busybox");
        }
        Self::new().layer(layer, Compression::Gzip)
    }

    pub(crate) fn layer(self, layer: Layer, compression: Compression) -> Self {
        self.tar_layer(&layer.tar(), compression)
    }

    pub(crate) fn tar_layer(mut self, tar: &[u8], compression: Compression) -> Self {
        self.diff_ids.push(digest(tar));
        self.layers
            .push(Blob { media_type: compression.media_type(), content: compression.pack(tar) });
        self
    }

    /// Sets a field of the config's `config`, such as `Entrypoint`.
    pub(crate) fn config(mut self, field: &str, value: Value) -> Self {
        self.config[field] = value;
        self
    }

    pub(crate) fn architecture(mut self, architecture: &str) -> Self {
        self.architecture = architecture.into();
        self
    }

    /// Claims another DiffID for the last layer than it has.
    pub(crate) fn with_wrong_diff_id(mut self) -> Self {
        *self.diff_ids.last_mut().unwrap() = digest(b"something else");
        self
    }

    /// Keeps only the first half of the last layer; its digest is right.
    pub(crate) fn with_truncated_layer(mut self) -> Self {
        let content = &mut self.layers.last_mut().unwrap().content;
        content.truncate(content.len() / 2);
        self
    }

    /// The digest of the last layer, as it is transferred.
    pub(crate) fn layer_digest(&self) -> String {
        digest(&self.layers.last().unwrap().content)
    }

    /// Puts the image into a registry as `name[:tag]`; returns what to run.
    pub(crate) fn push(&self, registry: &Registry, name: &str) -> String {
        let (repository, tag) = name.split_once(':').unwrap_or((name, "latest"));
        self.push_blobs(registry, repository);
        put_manifest(registry, repository, tag, MANIFEST, &self.manifest());
        format!("{}/{name}", registry.name())
    }

    /// Puts images for several platforms into a registry under one name.
    pub(crate) fn push_index(images: &[Self], registry: &Registry, name: &str) -> String {
        let mut manifests = Vec::new();
        for image in images {
            let manifest = image.manifest();
            image.push_blobs(registry, name);
            put_manifest(registry, name, &digest(&manifest), MANIFEST, &manifest);
            manifests.push(json!({
                "mediaType": MANIFEST,
                "digest": digest(&manifest),
                "size": manifest.len(),
                "platform": {"os": "linux", "architecture": image.architecture},
            }));
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        put_manifest(registry, name, "latest", INDEX, &serde_json::to_vec(&index).unwrap());
        format!("{}/{name}", registry.name())
    }

    /// Writes an OCI image layout; returns what to run.
    pub(crate) fn write_layout(&self, dir: &Path) -> String {
        let blobs = dir.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        let manifest = self.manifest();
        let config = self.config_blob();
        let contents = self.layers.iter().map(|layer| &layer.content);
        for content in contents.chain([&manifest, &config.content]) {
            fs::write(blobs.join(&digest(content)["sha256:".len()..]), content).unwrap();
        }
        let index = json!({
            "schemaVersion": 2,
            "manifests": [{
                "mediaType": MANIFEST,
                "digest": digest(&manifest),
                "size": manifest.len(),
                "annotations": {"org.opencontainers.image.ref.name": "latest"},
            }],
        });
        fs::write(dir.join("index.json"), index.to_string()).unwrap();
        fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        format!("oci:{}", dir.display())
    }

    /// The layout as a tar.
    pub(crate) fn oci_archive(&self) -> Layer {
        let dir = super::Dir::new("archive");
        self.write_layout(dir.path());
        let mut archive = Layer::new();
        for name in ["index.json", "oci-layout"] {
            archive = archive.file(name, 0o644, fs::read(dir.path().join(name)).unwrap());
        }
        let blobs = fs::read_dir(dir.path().join("blobs/sha256")).unwrap();
        for blob in blobs.map(Result::unwrap) {
            let name = format!("blobs/sha256/{}", blob.file_name().display());
            archive = archive.file(&name, 0o644, fs::read(blob.path()).unwrap());
        }
        archive
    }

    /// What `docker save` writes, as a tar.
    pub(crate) fn docker_archive(&self, name: &str) -> Vec<u8> {
        let config = self.config_blob().content;
        let files: Vec<String> = (0..self.layers.len()).map(|n| format!("{n}/layer.tar")).collect();
        let list = json!([{"Config": "config.json", "RepoTags": [name], "Layers": files}]);
        let mut archive = Layer::new().file("manifest.json", 0o644, list.to_string()).file(
            "config.json",
            0o644,
            config,
        );
        for (file, layer) in files.iter().zip(&self.layers) {
            archive =
                archive.file(file, 0o644, Compression::unpack(&layer.media_type, &layer.content));
        }
        archive.tar()
    }

    /// The digest by which the image can be named.
    pub(crate) fn digest(&self) -> String {
        digest(&self.manifest())
    }

    /// Bytes of what that digest is of.
    pub(crate) fn manifest_size(&self) -> usize {
        self.manifest().len()
    }

    fn manifest(&self) -> Vec<u8> {
        let layers: Vec<Value> = self.layers.iter().map(Blob::descriptor).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.config_blob().descriptor(),
            "layers": layers,
        });
        serde_json::to_vec(&manifest).unwrap()
    }

    fn config_blob(&self) -> Blob {
        let config = json!({
            "architecture": self.architecture,
            "os": "linux",
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": self.diff_ids},
        });
        Blob { media_type: CONFIG.into(), content: serde_json::to_vec(&config).unwrap() }
    }

    /// One at a time: the registry replaces a blob that is uploaded twice at once,
    /// and whoever reads it meanwhile gets an error.
    fn push_blobs(&self, registry: &Registry, repository: &str) {
        static PUSHING: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _alone = PUSHING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for blob in self.layers.iter().chain([&self.config_blob()]) {
            let uploads = format!("/v2/{repository}/blobs/uploads/");
            let upload = registry.request("POST", &uploads, "application/octet-stream", b"");
            assert_eq!(upload.status, 202, "{upload:?}");
            let location = upload.header("Location").unwrap();
            let path = &location[location.find("/v2/").unwrap()..];
            let put = format!("{path}&digest={}", digest(&blob.content));
            let done = registry.request("PUT", &put, "application/octet-stream", &blob.content);
            assert_eq!(done.status, 201, "{done:?}");
        }
    }
}

fn put_manifest(registry: &Registry, repository: &str, tag: &str, kind: &str, manifest: &[u8]) {
    let path = format!("/v2/{repository}/manifests/{tag}");
    let answer: http::Response = registry.request("PUT", &path, kind, manifest);
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// `sha256:…` of some bytes.
pub(crate) fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
