//! Which user inside is the caller outside.
//!
//! Root is, and that is all there is to it as long as a command runs as root. But one
//! that runs as somebody else would leave files on the host that the caller can
//! neither change nor remove. So where files of the caller's are mounted, that user
//! is the caller, and root is somebody.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::base::Base;
use crate::{
    commands::{Context, options::SandboxArgs},
    error::Error,
    oci::{IdMap, KeepId, MountSource, SandboxConfig, VolumeKind, VolumeRequest},
    runtime::{
        self,
        domain::{Domain, Kind},
    },
    storage::{Store, text_in},
};

/// An image's user database is read no further, in bytes.
const LONGEST: u64 = 1 << 20;

/// Decides it, writes it down, and returns the store for it.
pub(in crate::commands) fn choose(
    config: &mut SandboxConfig,
    args: &SandboxArgs,
    base: &Base,
    store: Store,
    domain: &mut Domain,
    context: &Context,
) -> Result<Store, Error> {
    let wanted = args.userns.map(|wanted| wanted.kept(caller(domain)));
    if let (Some(Some(kept)), None) = (wanted, &args.user) {
        config.process.user.user = format!("{}:{}", kept.uid, kept.gid);
    }
    // With one id whoever the command runs as is the caller anyway; and root has all.
    if matches!(domain.plan().kind, Kind::Ranges { .. }) {
        let kept = match wanted {
            Some(wanted) => wanted.map(|kept| check(kept, domain)).transpose()?,
            None => effective_user(config, base, &store, domain)?,
        };
        config.keep_id = kept.filter(|kept| (kept.uid, kept.gid) != (0, 0));
    }
    settle(config, base, store, domain, context)
}

/// The store for what was decided.
pub(in crate::commands) fn settle(
    config: &SandboxConfig,
    base: &Base,
    store: Store,
    domain: &mut Domain,
    context: &Context,
) -> Result<Store, Error> {
    let Some(kept) = config.keep_id else { return Ok(store) };
    domain.settle()?;
    let image = match base {
        Base::Image(image) => Some(&**image),
        Base::Directory(_) | Base::Host => None,
    };
    let making = || {
        let image = &config.image;
        context.ui.note(&format!("unpacking {image} once more, for user {} is you", kept.uid));
    };
    Ok(store.keeping(Some(kept), image, making)?)
}

/// Who calls us, by the numbers outside.
fn caller(domain: &Domain) -> KeepId {
    let first = |ids: &[IdMap]| ids.first().map_or(0, |extent| extent.outside);
    KeepId { uid: first(&domain.plan().uids), gid: first(&domain.plan().gids) }
}

fn check(kept: KeepId, domain: &Domain) -> Result<KeepId, Error> {
    match has(kept, domain) {
        true => Ok(kept),
        false => Err(Error::usage_with_hint(
            format!("there is no id for user {} and group {}", kept.uid, kept.gid),
            "`sandbox info` says how many ids there are",
        )),
    }
}

fn has(kept: KeepId, domain: &Domain) -> bool {
    let holds = |ids: &[IdMap], id: u32| {
        ids.iter().any(|extent| id.checked_sub(extent.inside).is_some_and(|n| n < extent.count))
    };
    holds(&domain.plan().uids, kept.uid) && holds(&domain.plan().gids, kept.gid)
}

/// Whom the command runs as, if files of the caller's are mounted; none if nobody
/// knows before the start, which will say why.
fn effective_user(
    config: &SandboxConfig,
    base: &Base,
    store: &Store,
    domain: &mut Domain,
) -> Result<Option<KeepId>, Error> {
    let user = &config.process.user;
    let is_root = matches!(user.user.as_str(), "" | "0" | "root");
    if is_root || !(goes_on(config, store) || mounts_files_of_caller(config, store, domain)?) {
        return Ok(None);
    }
    let directories = match base {
        Base::Image(image) => store.directories(image),
        Base::Directory(directory) => vec![directory.clone()],
        Base::Host => vec!["/".into()],
    };
    let text = |path| text_in(&directories, Path::new(path), LONGEST).unwrap_or_default();
    let ids = runtime::user_ids(user, &text("etc/passwd"), &text("etc/group"));
    Ok(ids.ok().filter(|ids| has(*ids, domain)))
}

/// Whether a volume belongs to sandboxes in which whom they run as is the caller: their
/// files would look like root's if it were otherwise now.
fn goes_on(config: &SandboxConfig, store: &Store) -> bool {
    config.mounts.iter().any(|mount| match &mount.kind {
        MountSource::Volume(VolumeRequest { name: Some(name), .. }) => {
            store.volume(name).is_ok_and(|volume| volume.kept().is_some())
        }
        _ => false,
    })
}

/// The directory of the host that a volume is, or will be.
fn source_of(wanted: &VolumeRequest, store: &Store) -> Option<PathBuf> {
    match store.volume(wanted.name.as_ref()?).map(|volume| volume.record.kind) {
        Ok(VolumeKind::Bind { source, .. }) => Some(source),
        Ok(_) => None,
        Err(_) if wanted.options.get("driver").is_some_and(|driver| driver != "local") => None,
        Err(_) => wanted.options.get("opt:device").map(PathBuf::from),
    }
}

/// Who owns something cannot be seen before the ids are mapped.
fn mounts_files_of_caller(
    config: &SandboxConfig,
    store: &Store,
    domain: &mut Domain,
) -> Result<bool, Error> {
    let sources = config.mounts.iter().filter_map(|mount| match &mount.kind {
        MountSource::Bind { source, .. } => Some(source.clone()),
        MountSource::Volume(wanted) => source_of(wanted, store),
        MountSource::Tmpfs { .. } | MountSource::Image { .. } => None,
    });
    let sources: Vec<_> = sources.collect();
    if !sources.is_empty() {
        domain.settle()?;
    }
    Ok(sources.into_iter().any(|source| fs::metadata(source).is_ok_and(|it| it.uid() == 0)))
}
