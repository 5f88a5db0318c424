//! `sandbox import`: a file system becomes an image.

use std::{
    fs::File,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{Context, fetch::keep_within_budget, options::Change, tag::new_name};
use crate::{
    error::Error,
    image::{self, PlainLayer},
    oci::{ContainerConfig, DiffId, History, ImageConfig, ImageRootFs, Name, Platform},
    sys::time::rfc3339,
    ui,
};

/// Make an image of one layer from a tar of a file system
///
/// Prints the id of the image. The tar may be compressed by gzip or zstd.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File to read, or `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Name of the image; without one it is found by its id
    #[arg(value_name = "NAME")]
    name: Option<Name>,

    /// Instruction of a Dockerfile to follow, such as `CMD ["sh"]` or `ENV A=1`
    #[arg(short, long = "change", value_name = "INSTRUCTION")]
    changes: Vec<Change>,

    /// What its history is to say
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,

    /// Platform that it is for, this machine's if it is not named
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<Platform>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let name = args.name.as_ref().map(|name| new_name(name, context)).transpose()?;
    let store = context.store_alone()?;
    let diff_id = store.import_layer(&mut open(&args.file)?)?;
    let size = store.layer_tar(&diff_id)?.size();
    let config = config(args, diff_id.clone(), context.config.source_date_epoch);
    let made = image::describe(&config, &[PlainLayer { diff_id, size }])?;
    let name = name.unwrap_or_else(|| made.id.to_string());
    store.put_image(&name, &made.manifest, &made.config)?;
    keep_within_budget(&store, context)?;
    ui::print(&format!("{}\n", made.id))
}

fn open(path: &Path) -> Result<File, Error> {
    let file = match path.to_str() {
        Some("-") => io::stdin().as_fd().try_clone_to_owned().map(File::from),
        _ => File::open(path),
    };
    let what = format!("read `{}`", path.display());
    file.map_err(|source| image::Error::Io { what, source }.into())
}

/// Describes the image; `time` stands for now, so that it can be made again.
fn config(args: &Args, diff_id: DiffId, time: Option<u64>) -> ImageConfig {
    let fixed = time.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    let created = Some(rfc3339(fixed.unwrap_or_else(SystemTime::now)));
    let platform = args.platform.clone().unwrap_or_else(Platform::host);
    let mut container = ContainerConfig::default();
    args.changes.iter().for_each(|change| change.apply(&mut container));
    let comment = args.message.clone();
    let comment = comment.unwrap_or_else(|| format!("Imported from {}", args.file.display()));
    ImageConfig {
        created: created.clone(),
        author: None,
        architecture: platform.architecture,
        os: platform.os,
        variant: platform.variant,
        config: Some(container),
        rootfs: ImageRootFs { kind: "layers".into(), diff_ids: vec![diff_id] },
        history: Some(vec![History { created, comment: Some(comment), ..History::default() }]),
    }
}
