//! From what is to be mounted to what is: volumes are made when a sandbox is, and
//! found, filled and held at each start.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
    thread,
};

use nix::errno::Errno;

use super::{base::Base, published::Published};
use crate::{
    commands::{
        Context, content, csi,
        fetch::{self, Request},
        find::Found,
        map,
        options::{SandboxArgs, volume_source},
        volume::describe,
    },
    error::Error,
    oci::{
        ContainerConfig, CsiDriver, Mount, MountFlags, MountKind, MountRequest, MountSource,
        Overlay, SandboxConfig, VolumeKind, VolumeRequest, path_inside,
    },
    runtime::{self, domain::Domain},
    storage::{self, HeldVolume, Map, Ownership, SandboxDir, Store, StoredVolume, Tree, place},
    sys::fs::{fchown, open_directory},
};

/// Where an image has no say.
const KERNELS: [&str; 3] = ["/dev", "/proc", "/sys"];

/// What is to be mounted: what was typed, what other sandboxes have, and what the
/// image asks for; what covers a directory comes before what is mounted in it.
///
/// The volumes of an image are left out where they would vanish with the sandbox, as
/// all that it writes does then.
pub(super) fn requests(
    args: &SandboxArgs,
    image: &ContainerConfig,
    is_kept: bool,
    context: &Context,
) -> Result<Vec<MountRequest>, Error> {
    let tmpfs = args.tmpfs.iter().map(|option| &option.0);
    let mounts = args.mount.iter().map(|option| &option.0);
    let volumes = args.volume.iter().map(|option| &option.0);
    let mut all: Vec<MountRequest> = tmpfs.chain(mounts).chain(volumes).cloned().collect();
    expect_one_each(&all)?;
    for request in &mut all {
        if let MountSource::Bind { source, make, cow } = &mut request.kind {
            *source = volume_source(source, *make)?;
            if *cow && !source.is_dir() {
                let what = format!("{} is no directory, as `cow` wants one", source.display());
                return Err(Error::usage(what));
            }
        }
    }
    add(&mut all, of_others(args, context)?);
    if is_kept || args.read_only {
        add(&mut all, of_image(image));
    }
    all.sort_by_key(|request| request.destination.components().count());
    Ok(all)
}

/// The CSI drivers of what is to be mounted, as far as that is known before the image is.
pub(in crate::commands) fn wanted_drivers(
    args: &SandboxArgs,
    context: &Context,
) -> Result<Vec<CsiDriver>, Error> {
    let mounts = args.mount.iter().map(|option| &option.0);
    let volumes = args.volume.iter().map(|option| &option.0);
    let mut all: Vec<MountRequest> = mounts.chain(volumes).cloned().collect();
    all.extend(of_others(args, context)?);
    drivers(&all, context)
}

/// The CSI drivers of these mounts. To be asked before there is a domain, for it may have
/// to be theirs.
pub(in crate::commands) fn drivers(
    mounts: &[MountRequest],
    context: &Context,
) -> Result<Vec<CsiDriver>, Error> {
    let driver = |mount: &MountRequest| match &mount.kind {
        MountSource::Volume(wanted) => {
            let there =
                wanted.name.as_ref().and_then(|name| csi::driver_of(&context.config.root, name));
            there.or_else(|| wanted.options.get("driver").cloned())
        }
        _ => None,
    };
    let drivers = mounts.iter().filter_map(driver);
    let drivers = drivers.filter(|driver| driver.starts_with(csi::PREFIX));
    drivers.map(|driver| csi::find(&driver, &context.config.csi)).collect()
}

/// Refuses two for one place: who wants what to be hidden is not for us to guess.
fn expect_one_each(all: &[MountRequest]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    match all.iter().find(|request| !seen.insert(&request.destination)) {
        None => Ok(()),
        Some(MountRequest { destination, .. }) => {
            Err(Error::usage(format!("two things are to be mounted at {}", destination.display())))
        }
    }
}

/// What was there first holds.
fn add(all: &mut Vec<MountRequest>, mut more: Vec<MountRequest>) {
    more.retain(|other| all.iter().all(|request| request.destination != other.destination));
    all.extend(more);
}

/// What other sandboxes have mounted.
fn of_others(args: &SandboxArgs, context: &Context) -> Result<Vec<MountRequest>, Error> {
    let mut all = Vec::new();
    for from in &args.volumes_from {
        let mounts = Found::look(&from.sandbox, context)?.config.mounts;
        add(
            &mut all,
            mounts
                .into_iter()
                .map(|mount| {
                    let readonly = mount.readonly || from.readonly;
                    MountRequest { readonly, ..mount }
                })
                .collect(),
        );
    }
    Ok(all)
}

/// An image may ask for directories of its own, wherever that is no matter of ours.
fn of_image(image: &ContainerConfig) -> Vec<MountRequest> {
    let paths = image.volumes.iter().flat_map(BTreeMap::keys);
    let paths = paths.filter_map(|path| path_inside(path).ok());
    let paths = paths.filter(|path| KERNELS.iter().all(|kernels| !path.starts_with(kernels)));
    let request = |destination| MountRequest {
        destination,
        kind: MountSource::Volume(VolumeRequest::default()),
        readonly: false,
        flags: MountFlags::default(),
    };
    paths.map(request).collect()
}

/// Makes the volumes that are not there, and fetches the images that are to be
/// mounted. As long as what is returned lives, nobody removes the volumes.
///
/// # Errors
/// Those that have no name are gone then.
pub(in crate::commands) fn make(
    args: &SandboxArgs,
    config: &mut SandboxConfig,
    store: &Store,
    domain: &mut Domain,
    context: &Context,
) -> Result<Vec<HeldVolume>, Error> {
    let mut held = Vec::new();
    let mut make = |request: &mut MountRequest| {
        match &mut request.kind {
            MountSource::Volume(wanted) => held.push(make_volume(wanted, store, context)?),
            MountSource::Image { image, .. } => {
                *image = fetch_image(image, args, store, domain, context)?
            }
            MountSource::Bind { .. } | MountSource::Tmpfs { .. } => {}
        }
        Ok(())
    };
    match config.mounts.iter_mut().try_for_each(&mut make) {
        Ok(()) => Ok(held),
        Err(error) => Err(forget_after(error, held, config, store, context)),
    }
}

/// Lets go of what was made for a sandbox that there will not be.
pub(in crate::commands) fn forget_after(
    error: Error,
    held: Vec<HeldVolume>,
    config: &SandboxConfig,
    store: &Store,
    context: &Context,
) -> Error {
    drop(held);
    let _ = forget(config, store, context); // What has failed first is told.
    error
}

fn make_volume(
    wanted: &mut VolumeRequest,
    store: &Store,
    context: &Context,
) -> Result<HeldVolume, Error> {
    let is_anonymous = wanted.name.is_none();
    let name = match &wanted.name {
        Some(name) => name.clone(),
        None => storage::new_volume_name()?,
    };
    let all = |prefix: &str| {
        let all = wanted.options.iter();
        all.filter_map(|(key, value)| Some((key.strip_prefix(prefix)?.to_owned(), value.clone())))
            .collect()
    };
    let driver = wanted.options.get("driver").map_or("local", String::as_str);
    let drivers = &context.config.csi;
    let mut record = describe(&name, driver, all("opt:"), all("label:"), drivers)?;
    record.anonymous = is_anonymous;
    let is_new = store.volume(&name).is_err();
    let (volume, held) = store.use_volume(&record)?;
    match csi::provision(&volume, context) {
        Err(error) if is_new => {
            drop(held);
            csi::forget_unmade(&volume, &error, store);
            Err(error)
        }
        made => {
            wanted.name = Some(name);
            made.map(|()| held)
        }
    }
}

/// The name in the store of an image that is to be mounted.
fn fetch_image(
    image: &str,
    args: &SandboxArgs,
    store: &Store,
    domain: &mut Domain,
    context: &Context,
) -> Result<String, Error> {
    let reference = image.parse()?;
    let request = Request {
        reference: &reference,
        policy: args.pull,
        platform: args.platform.as_ref(),
        registry: &args.registry,
        pin: None,
    };
    fetch::image(&request, store, domain, context)?;
    fetch::resolve(&reference, store, context)
}

/// Removes the volumes of a sandbox that has gone, if nobody gave them a name and
/// nobody else uses them.
pub(in crate::commands) fn forget(
    config: &SandboxConfig,
    store: &Store,
    context: &Context,
) -> Result<(), Error> {
    let volumes = config.mounts.iter().filter_map(|request| match &request.kind {
        MountSource::Volume(wanted) => store.volume(wanted.name.as_ref()?).ok(),
        _ => None,
    });
    for volume in volumes.filter(|volume| volume.record.anonymous) {
        let name = &volume.record.name;
        match csi::remove(name, store, context) {
            Err(Error::Storage(
                storage::Error::VolumeInUse { .. } | storage::Error::NoSuchVolume(_),
            )) => {}
            Err(Error::Storage(storage::Error::Csi(error))) => context.ui.note(&format!(
                "the volume {name} is still there, `sandbox volume prune` removes it: {error}"
            )),
            removed => removed?,
        }
    }
    Ok(())
}

/// What is needed to find out what is to be mounted now.
pub(super) struct Finder<'a> {
    pub(super) config: &'a SandboxConfig,
    pub(super) base: &'a Base,
    pub(super) store: &'a Store,
    pub(super) sandbox: &'a SandboxDir,
    pub(super) context: &'a Context,
}

/// What is to be mounted now, and the volumes that are held for it.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    pub(super) all: Vec<Mount>,
    published: Vec<Published>,
    _held: Vec<HeldVolume>,
}

impl Mounts {
    /// Gives back what drivers have mounted; what they do not take is told.
    pub(super) fn give_back(mut self, context: &Context) {
        for mut published in self.published.drain(..) {
            published.give_back_or_tell(context);
        }
    }
}

impl Finder<'_> {
    /// Finds everything, and fills what is new.
    pub(super) fn find(&self, domain: &mut Domain) -> Result<Mounts, Error> {
        let mut mounts = Mounts::default();
        for (number, request) in self.config.mounts.iter().enumerate() {
            let MountRequest { destination, readonly, flags, .. } = request.clone();
            let (kind, is_readonly) = match &request.kind {
                MountSource::Bind { source, cow: true, .. } => {
                    domain.settle()?; // Else overlayfs could make nothing for itself.
                    let overlay = self.sandbox.copy_on_write(number, source)?;
                    (MountKind::Overlay { overlay, path: ".".into() }, false)
                }
                MountSource::Bind { source, .. } => {
                    (MountKind::Bind { source: source.clone() }, false)
                }
                MountSource::Tmpfs { size, mode, noexec } => {
                    (MountKind::Tmpfs { size: *size, mode: *mode, noexec: *noexec }, false)
                }
                MountSource::Image { image, subpath } => {
                    (self.image(image, subpath.as_deref())?, true)
                }
                MountSource::Volume(wanted) => {
                    let name = wanted.name.as_deref().unwrap_or_default();
                    let volume = self.store.volume(name)?;
                    mounts._held.push(volume.hold()?);
                    let is_readonly = volume.record.is_readonly();
                    let kind = match volume.record.is_a_drivers() {
                        false => self.volume(&volume, wanted, &destination, domain)?,
                        true => {
                            let readonly = readonly || is_readonly;
                            let published = self.publish(volume, number, readonly)?;
                            let kind = published.mount(wanted.subpath.as_deref());
                            mounts.published.push(published);
                            kind
                        }
                    };
                    (kind, is_readonly)
                }
            };
            mounts.all.push(Mount { destination, kind, readonly: readonly || is_readonly, flags });
        }
        Ok(mounts)
    }

    fn publish(
        &self,
        volume: StoredVolume,
        number: usize,
        readonly: bool,
    ) -> Result<Published, Error> {
        let key = format!("{}-{number}", self.config.id);
        Published::new(volume, key, readonly, self.context)
    }

    fn volume(
        &self,
        volume: &StoredVolume,
        wanted: &VolumeRequest,
        destination: &Path,
        domain: &mut Domain,
    ) -> Result<MountKind, Error> {
        let within = |directory: PathBuf| match &wanted.subpath {
            None => MountKind::Bind { source: directory },
            Some(path) => MountKind::Within { directory, path: path.clone() },
        };
        Ok(match &volume.record.kind {
            VolumeKind::Directory => {
                let copies = !wanted.nocopy && wanted.subpath.is_none();
                volume.fill(|into, name| {
                    domain.settle()?;
                    self.config.keep_id.map(|keep| volume.keep(keep)).transpose()?;
                    let map = map(domain).keeping(self.config.keep_id);
                    let copied = copies && self.copy_up(destination, &map, into, name)?;
                    if !copied {
                        let (uid, gid) = map.inside_root();
                        let data = open_directory(&volume.data());
                        data.and_then(|data| fchown(data, uid, gid)).map_err(failed)?;
                    }
                    Ok::<_, Error>(copied)
                })?;
                self.warn_of_others(volume, domain)?;
                within(volume.data())
            }
            VolumeKind::Bind { source, .. } => within(source.clone()),
            VolumeKind::Tmpfs { size, mode } => {
                MountKind::Tmpfs { size: *size, mode: *mode, noexec: false }
            }
            VolumeKind::Image { image } => self.image(image, wanted.subpath.as_deref())?,
            VolumeKind::Csi(_) | VolumeKind::CsiSnapshot(_) => within(volume.data()),
        })
    }

    /// Whose files look like root's here is told how to see them as their own.
    fn warn_of_others(&self, volume: &StoredVolume, domain: &mut Domain) -> Result<(), Error> {
        let Some(keep) = self.config.keep_id.filter(|_| volume.kept().is_none()) else {
            return Ok(());
        };
        domain.settle()?;
        if fs::metadata(volume.data()).is_ok_and(|data| data.uid() == keep.uid && keep.uid > 0) {
            let (name, uid) = (&volume.record.name, keep.uid);
            self.context.ui.note(&format!(
                "`{name}` was filled where user {uid} is not you, and looks like root's here; \
                 `--userns host` shows it as it was"
            ));
        }
        Ok(())
    }

    /// The files of an image of the store.
    fn image(&self, name: &str, subpath: Option<&Path>) -> Result<MountKind, Error> {
        let reference = name.parse()?;
        let name = fetch::resolve(&reference, self.store, self.context)?;
        let Some(image) = self.store.image(&name)? else { return Err(fetch::not_there(&name)) };
        let lower = self.store.lower_directories(&image)?;
        Ok(MountKind::Overlay {
            overlay: Overlay { lower, upper: None, work: None, volatile: false },
            path: subpath.unwrap_or(Path::new(".")).into(),
        })
    }

    /// Copies what the image has at `destination`; false if that is no directory.
    ///
    /// The root file system is mounted for a thread alone, and goes with it: its links
    /// end in it, as they do for the workload.
    fn copy_up(
        &self,
        destination: &Path,
        map: &Map,
        into: OwnedFd,
        name: &Path,
    ) -> Result<bool, Error> {
        let lower = match self.base {
            Base::Image(image) => self.store.lower_directories(image)?,
            Base::Directory(path) => self.store.lower_directory(path)?,
            Base::Host => return Ok(false),
        };
        let overlay = Overlay { lower, upper: None, work: None, volatile: false };
        let copy = || {
            let root = runtime::files::mount(&overlay, self.sandbox.path())?;
            let found = Tree::within(root).keeping(map.keep).find(destination, true);
            let source = match found {
                Err(storage::Error::Copy { source, .. }) if source.errno == Errno::ENOENT => {
                    return Ok(false);
                }
                found => found?,
            };
            if !source.is_directory() {
                return Ok(false);
            }
            content::pass(
                |writer| source.write(Some(name.as_os_str()), writer).map(drop),
                |reader| place(reader, into, Ownership::Kept(map)),
            )?;
            Ok(true)
        };
        thread::scope(|scope| {
            scope.spawn(copy).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

fn failed(source: crate::sys::Error) -> Error {
    Error::System { step: "prepare a volume", source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_no_say_over_what_is_the_kernel_s() {
        let paths = ["/data", "/etc", "/", "relative", "/proc/sys", "/dev", "/sys/../var/lib"];
        let volumes = paths.iter().map(|path| ((*path).to_owned(), serde_json::Value::Null));
        let image = ContainerConfig { volumes: Some(volumes.collect()), ..Default::default() };
        let found = of_image(&image).into_iter().map(|request| request.destination);
        let found: Vec<_> = found.map(|path| path.display().to_string()).collect();
        assert_eq!(found, ["/data", "/etc", "/var/lib"]);
    }
}
