//! What a sandbox is made of: an image, a directory, or the host.

use std::path::PathBuf;

use crate::{
    commands::{
        Context,
        fetch::{self, Request},
        lock,
        options::SandboxArgs,
    },
    error::Error,
    oci::{BaseImage, ContainerConfig, Image, Reference, RootFs},
    runtime::domain::Domain,
    storage::{SandboxDir, Store, host_root},
};

/// Where the root file system comes from.
#[derive(Debug)]
pub(in crate::commands) enum Base {
    Image(Box<Image>),
    Directory(PathBuf),
    Host,
}

impl Base {
    /// Finds what the reference names, fetching it if need be.
    pub(in crate::commands) fn find(
        args: &SandboxArgs,
        store: &Store,
        domain: &mut Domain,
        context: &Context,
    ) -> Result<Self, Error> {
        let pin = lock::pin(&args.locked, &args.image, args.platform.as_ref(), context)?;
        let request = Request {
            pin: pin.as_ref(),
            reference: &args.image,
            policy: args.pull,
            platform: args.platform.as_ref(),
            registry: &args.registry,
        };
        match &args.image {
            Reference::Host => Ok(Self::Host),
            Reference::RootFs(path) => Ok(Self::Directory(path.clone())),
            _ => Ok(Self::Image(Box::new(fetch::image(&request, store, domain, context)?))),
        }
    }

    /// What an earlier [`Base::record`] stands for.
    pub(in crate::commands) fn again(recorded: &BaseImage, store: &Store) -> Result<Self, Error> {
        Ok(match recorded {
            BaseImage::Host => Self::Host,
            BaseImage::Directory(path) => Self::Directory(path.clone()),
            BaseImage::Image(digest) => match store.image_by_digest(digest)? {
                Some(image) => Self::Image(Box::new(image)),
                None => {
                    return Err(Error::usage_with_hint(
                        format!("the image {digest} of the sandbox is not in the store any more"),
                        "`sandbox system check` finds out what is damaged",
                    ));
                }
            },
        })
    }

    /// What is written down of it.
    pub(super) fn record(&self) -> BaseImage {
        match self {
            Self::Host => BaseImage::Host,
            Self::Directory(path) => {
                BaseImage::Directory(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
            }
            Self::Image(image) => BaseImage::Image(image.digest.clone()),
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
    pub(in crate::commands) fn root_fs(
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
