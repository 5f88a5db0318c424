//! Whether images are those of a lock.

use std::path::PathBuf;

/// The options of commands that get images.
#[derive(Debug, clap::Args)]
pub struct LockedArgs {
    /// Take just the image that sandbox.lock records, here or in a directory
    /// above, or fail [env: SANDBOX_LOCKED]
    #[arg(long)]
    pub locked: bool,

    /// The same with another file
    #[arg(long, value_name = "FILE")]
    pub lockfile: Option<PathBuf>,
}
