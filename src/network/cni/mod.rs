//! `--network cni:NAME`: networks that other people's programs make.
mod chain;
mod conf;
mod plugin;
mod result;

use std::path::PathBuf;

pub use self::{
    chain::Wishes,
    conf::{Configuration, PluginConf, Version},
    plugin::Plugins,
    result::{Dns, Interface, Ip, Route, Success},
};
use crate::hint::Hint;

/// What went wrong with a CNI network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no CNI network `{name}`")]
    NoSuch { name: String, places: Vec<String> },
    #[error("cannot read {}", .file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("cannot use {}: {what}", .file.display())]
    Wrong { file: PathBuf, what: String },
    #[error("there is no CNI plugin `{plugin}`")]
    NoPlugin { plugin: String, places: Vec<String> },
    #[error("the CNI plugin `{plugin}` failed at {verb}: {words} (code {code})")]
    Failed { plugin: String, verb: &'static str, code: u64, words: String },
    #[error("the CNI plugin `{plugin}`, called for {verb}, {what}")]
    Plugin { plugin: String, verb: &'static str, what: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSuch { places, .. } => {
                format!("it was looked for in {}", places.join(", "))
            }
            Self::NoPlugin { places, .. } => format!(
                "it was looked for in {}; Debian has the usual ones in the package \
                 containernetworking-plugins, and CNI_PATH names further places",
                places.join(", ")
            ),
            _ => return None,
        })
    }
}
