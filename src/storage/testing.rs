//! What the tests of the store share.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{Map, Store};
use crate::{
    oci::{Descriptor, DiffId, Digest, IdMap, Image, Manifest},
    sys,
};

/// A directory of its own for a test, removed with it.
#[derive(Debug)]
pub(super) struct TempDir(PathBuf);

impl TempDir {
    pub(super) fn new() -> Self {
        let name = format!("sandbox-storage-{:016x}", sys::fs::random().unwrap());
        let path = fs::canonicalize(std::env::temp_dir()).unwrap().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let parent = sys::fs::open_directory(self.0.parent().unwrap()).unwrap();
        let _ = super::remove::remove_tree(parent, Path::new(self.0.file_name().unwrap()));
    }
}

/// The map of somebody without subordinate ids: every owner becomes ourselves,
/// so that tests need no privilege.
pub(super) fn one_id() -> Map {
    let id = vec![IdMap { inside: 0, outside: 1000, count: 1 }];
    Map { key: "one".into(), uids: id.clone(), gids: id, keep: None }
}

pub(super) fn store(temp: &TempDir) -> Store {
    Store::open(&temp.path().join("store"), one_id()).unwrap()
}

pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest::from_sha256(&Sha256::digest(bytes).into())
}

pub(super) fn diff_id(bytes: &[u8]) -> DiffId {
    DiffId(digest(bytes))
}

/// Puts an image of one layer, which holds one file of this name.
pub(super) fn put(store: &Store, name: &str, file: &str) -> Image {
    let tar = tar_of(&[Member::file(file, "content")]);
    store.add_layer(&diff_id(&tar), &mut tar.as_slice()).unwrap();
    let (manifest, config) = documents(&diff_id(&tar));
    store.put_image(name, &manifest, &config).unwrap()
}

pub(super) fn documents(layer: &DiffId) -> (Vec<u8>, Vec<u8>) {
    let rootfs = serde_json::json!({ "type": "layers", "diff_ids": [layer] });
    let config = serde_json::json!({ "os": "linux", "rootfs": rootfs }).to_string();
    let descriptor = Descriptor {
        media_type: "application/vnd.oci.image.config.v1+json".into(),
        digest: digest(config.as_bytes()),
        size: config.len() as u64,
        platform: None,
        annotations: None,
    };
    let manifest = Manifest {
        schema_version: 2,
        media_type: None,
        config: descriptor,
        layers: Vec::new(),
        annotations: None,
    };
    (serde_json::to_vec(&manifest).unwrap(), config.into_bytes())
}

/// A member of a test's tar, with the fields that tests change.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) header: tar::Header,
    pax: Vec<(String, Vec<u8>)>,
    content: Vec<u8>,
}

impl Member {
    /// The name is written as it is, with no check by the tar crate.
    pub(super) fn new(kind: tar::EntryType, name: &[u8]) -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000_000_000);
        Self { header, pax: Vec::new(), content: Vec::new() }
    }

    pub(super) fn file(name: &str, content: &str) -> Self {
        let mut member = Self::new(tar::EntryType::Regular, name.as_bytes());
        member.content = content.into();
        member
    }

    pub(super) fn directory(name: &str, mode: u32) -> Self {
        Self::new(tar::EntryType::Directory, name.as_bytes()).mode(mode)
    }

    pub(super) fn symlink(name: &str, target: &str) -> Self {
        Self::new(tar::EntryType::Symlink, name.as_bytes()).target(target)
    }

    pub(super) fn hardlink(name: &str, target: &str) -> Self {
        Self::new(tar::EntryType::Link, name.as_bytes()).target(target)
    }

    pub(super) fn whiteout(name: &str) -> Self {
        Self::file(name, "")
    }

    pub(super) fn target(mut self, target: &str) -> Self {
        self.header.as_gnu_mut().unwrap().linkname[..target.len()]
            .copy_from_slice(target.as_bytes());
        self
    }

    pub(super) fn mode(mut self, mode: u32) -> Self {
        self.header.set_mode(mode);
        self
    }

    pub(super) fn owner(mut self, uid: u64, gid: u64) -> Self {
        self.header.set_uid(uid);
        self.header.set_gid(gid);
        self
    }

    pub(super) fn pax(mut self, key: &str, value: &[u8]) -> Self {
        self.pax.push((key.into(), value.into()));
        self
    }
}

/// Writes a tar.
pub(super) fn tar_of(members: &[Member]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for member in members {
        if !member.pax.is_empty() {
            let pax = member.pax.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
            tar.append_pax_extensions(pax).unwrap();
        }
        let mut header = member.header.clone();
        header.set_size(member.content.len() as u64);
        header.set_cksum();
        tar.append(&header, member.content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}
