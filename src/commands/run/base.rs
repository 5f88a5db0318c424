//! What a sandbox is made of: an image, a directory, or the host.

use std::path::PathBuf;

use super::Args;
use crate::{
    commands::{
        Context,
        fetch::{self, Request},
    },
    error::Error,
    oci::{ContainerConfig, Image, Reference, RootFs},
    runtime::domain::Domain,
    storage::{SandboxDir, Store, host_root},
};

/// Where the root file system comes from.
#[derive(Debug)]
pub(super) enum Base {
    Image(Box<Image>),
    Directory(PathBuf),
    Host,
}

impl Base {
    /// Finds what the reference names, fetching it if need be.
    pub(super) fn find(
        args: &Args,
        store: &Store,
        domain: &mut Domain,
        context: &Context,
    ) -> Result<Self, Error> {
        let request = Request {
            reference: &args.image,
            policy: args.pull,
            platform: args.platform.as_ref(),
            tls_verify: args.tls_verify,
            cert_dir: args.cert_dir.as_deref(),
        };
        match &args.image {
            Reference::Host => Ok(Self::Host),
            Reference::RootFs(path) => Ok(Self::Directory(path.clone())),
            _ => Ok(Self::Image(Box::new(fetch::image(&request, store, domain, context)?))),
        }
    }

    /// How it wants to be run.
    pub(super) fn config(&self) -> ContainerConfig {
        let shell = || ContainerConfig { cmd: Some(vec!["/bin/sh".into()]), ..Default::default() };
        match self {
            Self::Image(image) => image.config.config.clone().unwrap_or_default(),
            Self::Directory(_) | Self::Host => shell(),
        }
    }

    /// Describes the root file system.
    pub(super) fn root_fs(
        &self,
        store: &Store,
        sandbox: &SandboxDir,
        context: &Context,
    ) -> Result<RootFs, Error> {
        let root_fs = match self {
            Self::Image(image) => store.root_fs(image, sandbox),
            Self::Directory(path) => store.directory_root(path, sandbox),
            Self::Host => host_root(context.config.home.as_deref()),
        };
        Ok(root_fs?)
    }
}
