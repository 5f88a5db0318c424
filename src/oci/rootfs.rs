//! How a root file system comes about, described by `storage` and performed by
//! `runtime` inside the sandbox's mount namespace.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The root file system of a sandbox.
#[derive(Debug, Clone)]
pub enum RootFs {
    /// One overlay is the root: images and `rootfs:DIR`.
    Overlay(Overlay),
    /// A small file system in memory on which parts are put: `host`.
    Composed(Vec<Part>),
}

/// One overlayfs: read-only directories below, changes above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// `lowerdir`, topmost first; never empty.
    pub lower: Vec<PathBuf>,
    /// Where changes go: a directory for overlayfs's `upperdir`, existing and
    /// empty, or none for memory.
    pub upper: Option<PathBuf>,
    /// overlayfs's `workdir`, existing and empty, on the same file system.
    pub work: Option<PathBuf>,
    /// Whether changes need not survive the machine (`volatile`).
    pub volatile: bool,
}

/// A top-level entry of a composed root.
#[derive(Debug, Clone)]
pub enum Part {
    /// A directory of the host, whose changes are kept in memory.
    CopyOnWrite { name: PathBuf, lower: PathBuf },
    /// A symbolic link, as the host has it (`/bin` → `usr/bin`).
    Symlink { name: PathBuf, target: PathBuf },
    /// An empty directory with these permissions.
    Directory { name: PathBuf, mode: u32 },
}
