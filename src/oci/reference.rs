//! What a user may write where an image is wanted.

use std::path::PathBuf;

use super::Digest;

/// An image, by the place it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// In a registry: `alpine`, `ghcr.io/x/y:1.2`, `x@sha256:…`.
    Registry(Name),
    /// `oci:DIR[:TAG]`: an OCI image layout in a directory.
    OciDir { path: PathBuf, tag: Option<String> },
    /// `oci-archive:FILE[:TAG]`: an OCI image layout in a tar file.
    OciArchive { path: PathBuf, tag: Option<String> },
    /// `docker-archive:FILE[:TAG]`: what `docker save` writes.
    DockerArchive { path: PathBuf, tag: Option<String> },
    /// `rootfs:DIR`: a directory used as it is, copy-on-write.
    RootFs(PathBuf),
    /// `host`: this machine's own system, copy-on-write.
    Host,
}

/// The name of an image in a registry, complete by docker's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Host and port, such as `docker.io` or `127.0.0.1:5000`.
    pub registry: String,
    /// Path in the registry, such as `library/alpine`.
    pub repository: String,
    /// `latest` when neither tag nor digest was given.
    pub tag: Option<String>,
    pub digest: Option<Digest>,
}

/// A text that is not an image reference, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {why}")]
pub struct InvalidReference {
    pub text: String,
    pub why: &'static str,
}
