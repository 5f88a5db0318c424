//! A volume of a driver in our hands: its life from beginning to end.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions},
    io,
    os::{fd::OwnedFd, unix::fs::DirBuilderExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{
    Driver, Error, Sight, State, Stats,
    identity::{ControllerCan, NodeCan},
    listener,
    node::Use,
    state::{Attachment, Provisioned, Publication},
};
use crate::{
    oci::{CsiOrigin, CsiSnapshot, CsiVolume, ProcessId, VolumeKind},
    storage::StoredVolume,
    sys::{
        self,
        fs::{Lock, flock},
    },
};

/// Where drivers mount, below the store's root. Nothing in there is ever removed but
/// empty directories: what is mounted there is somebody's data.
const MOUNTS: &str = "csi";
const LOCK: &str = "csi.lock";
/// How often a snapshot is asked whether it can be used.
const PATIENCE: Duration = Duration::from_millis(200);

/// A mount of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// A name for it that is safe as a file name, and no other mount's.
    pub key: String,
    /// As long as this process lives, the mount is used.
    pub supervisor: ProcessId,
    pub readonly: bool,
}

/// A volume or snapshot of a driver; nobody else does anything to it meanwhile.
#[derive(Debug)]
pub struct Custody {
    wanted: Wanted,
    state: State,
    /// That of the record.
    directory: PathBuf,
    mounts: PathBuf,
    driver: Driver,
    _turn: OwnedFd,
}

/// What it was asked to be.
#[derive(Debug, Clone)]
enum Wanted {
    Volume(CsiVolume),
    Snapshot(CsiSnapshot),
}

impl Custody {
    /// Takes a volume of the driver's in hand.
    ///
    /// # Errors
    /// [`Error::OtherDriver`] if the driver is not the one that made it; if what is known
    /// of it cannot be read.
    pub fn take(volume: &StoredVolume, driver: Driver) -> Result<Self, Error> {
        let wanted = match &volume.record.kind {
            VolumeKind::Csi(wanted) => Wanted::Volume(wanted.clone()),
            VolumeKind::CsiSnapshot(wanted) => Wanted::Snapshot(wanted.clone()),
            _ => {
                let (found, wanted) = (driver.name()?, volume.record.driver.clone());
                return Err(Error::OtherDriver { socket: driver.socket(), found, wanted });
            }
        };
        let directory = volume.path().to_owned();
        let turn = take_turn(&directory)
            .map_err(|source| Error::Files { path: directory.clone(), source })?;
        let mounts = volume.root().join(MOUNTS).join(&volume.record.name);
        let state = State::read(&directory)?;
        let mut custody = Self { wanted, state, directory, mounts, driver, _turn: turn };
        custody.expect_driver()?;
        Ok(custody)
    }

    /// An id means something to the driver alone that gave it.
    fn expect_driver(&mut self) -> Result<(), Error> {
        let found = self.driver.name()?;
        if self.state.plugin.is_empty() {
            self.state.plugin = found;
            return Ok(());
        }
        match found == self.state.plugin {
            true => Ok(()),
            false => {
                let (socket, wanted) = (self.driver.socket(), self.state.plugin.clone());
                Err(Error::OtherDriver { socket, found, wanted })
            }
        }
    }

    /// The driver's id of it.
    ///
    /// # Errors
    /// Those of [`Custody::provision`].
    pub fn id(&mut self) -> Result<String, Error> {
        self.provision().map(|volume| volume.id)
    }

    /// Has the driver make it; once it has, nothing is done.
    ///
    /// # Errors
    /// Those of the driver. Unless [`Error::made_nothing`], it may be there all the same.
    pub fn provision(&mut self) -> Result<Provisioned, Error> {
        if let Some(volume) = &self.state.volume {
            return Ok(volume.clone());
        }
        self.write()?; // With the driver's name.
        let volume = match self.wanted.clone() {
            Wanted::Snapshot(wanted) => self.take_snapshot(&wanted)?,
            Wanted::Volume(CsiVolume { origin: CsiOrigin::Adopted { id, context }, .. }) => {
                Provisioned { id, context, capacity: 0 }
            }
            Wanted::Volume(wanted) => self.driver.create(&wanted)?,
        };
        self.state.volume = Some(volume.clone());
        self.write()?;
        Ok(volume)
    }

    /// Waits until it can be used: what is copied later is not what it is of.
    fn take_snapshot(&self, wanted: &CsiSnapshot) -> Result<Provisioned, Error> {
        let ends = Instant::now() + self.driver.settings.timeout;
        loop {
            match self.driver.snapshot(wanted)? {
                (snapshot, true) => return Ok(snapshot),
                _ if Instant::now() < ends => thread::sleep(PATIENCE),
                _ => {
                    let seconds = self.driver.settings.timeout.as_secs();
                    let (socket, verb) = (self.driver.socket(), "CreateSnapshot");
                    return Err(Error::Slow { socket, verb, seconds });
                }
            }
        }
    }

    /// Has it mounted for `user`, and says where; whatever else that takes is done. To be
    /// called in the domain.
    ///
    /// # Errors
    /// Those of the driver, and [`Error::Invisible`] if what it mounts is not to be seen;
    /// what was done is undone as far as that is possible.
    pub fn publish(&mut self, user: &User) -> Result<(PathBuf, Sight), Error> {
        let Wanted::Volume(wanted) = self.wanted.clone() else {
            let what = "mount a snapshot";
            return Err(Error::Lacks { socket: self.driver.socket(), what });
        };
        let volume = self.provision()?;
        self.unpublish_dead()?;
        let target = self.mounts.join(&user.key).join("mount");
        let done = self.raise(&wanted, &volume, user, &target).and_then(|()| self.look(&target));
        // Who does not answer is not asked again: what it may have done is written down.
        if done.as_ref().is_err_and(|error| !error.is_silence()) {
            let _ = self.unpublish(&user.key); // What has failed first is told.
        }
        done.map(|sight| (target, sight))
    }

    /// Where it is seen; the driver may have been started again meanwhile.
    fn look(&self, target: &Path) -> Result<Sight, Error> {
        let sight = Sight::of(listener(&self.driver.settings)?);
        match sight.shows(target) {
            true => Ok(sight),
            false => {
                let target = target.to_owned();
                Err(Error::Invisible { socket: self.driver.socket(), target })
            }
        }
    }

    /// From a volume of the driver's to a mount.
    fn raise(
        &mut self,
        wanted: &CsiVolume,
        volume: &Provisioned,
        user: &User,
        target: &Path,
    ) -> Result<(), Error> {
        let (supervisor, boot) = (user.supervisor, sys::kernel::boot_id());
        let publication = Publication { target: target.to_owned(), supervisor, boot };
        self.state.published.insert(user.key.clone(), publication);
        self.write()?;
        let published = self.attach(wanted, volume)?;
        let volume = Use { volume, wanted, published: &published };
        let staging = self.stage(volume)?;
        // The directory itself is the driver's to make (NodePublishVolume).
        make_directory(target.parent().unwrap_or(&self.mounts))?;
        self.driver.publish(volume, staging.as_deref(), target, user.readonly)
    }

    /// Has the controller bring it to this machine, if that is the driver's way.
    fn attach(
        &mut self,
        wanted: &CsiVolume,
        volume: &Provisioned,
    ) -> Result<BTreeMap<String, String>, Error> {
        if !self.driver.controller_can(ControllerCan::PublishUnpublishVolume)? {
            return Ok(BTreeMap::new());
        }
        if let Some(Attachment { context: Some(context), .. }) = &self.state.controller {
            return Ok(context.clone());
        }
        let node = self.driver.node()?.0;
        self.state.controller = Some(Attachment { node: node.clone(), context: None });
        self.write()?;
        let context = self.driver.attach(volume, wanted, &node)?;
        self.state.controller = Some(Attachment { node, context: Some(context.clone()) });
        self.write()?;
        Ok(context)
    }

    /// Has the node prepare it for all who use it, if that is the driver's way.
    ///
    /// Each time: a driver that was started again has forgotten that it did, or its
    /// mounts have gone with it.
    fn stage(&mut self, volume: Use<'_>) -> Result<Option<PathBuf>, Error> {
        if !self.driver.node_can(NodeCan::StageUnstageVolume)? {
            return Ok(None);
        }
        let staging = self.staging();
        make_directory(&staging)?;
        if !self.state.staged {
            self.state.staged = true;
            self.write()?;
        }
        self.driver.stage(volume, &staging)?;
        Ok(Some(staging))
    }

    fn staging(&self) -> PathBuf {
        self.mounts.join("staging")
    }

    /// Undoes a mount, and all that was done only for it.
    ///
    /// # Errors
    /// Those of the driver: the next one to have the volume in hand tries again.
    pub fn unpublish(&mut self, key: &str) -> Result<(), Error> {
        self.lower(key)?;
        match self.state.published.is_empty() {
            true => self.withdraw(),
            false => Ok(()),
        }
    }

    fn lower(&mut self, key: &str) -> Result<(), Error> {
        let (Some(publication), Some(volume)) = (self.state.published.get(key), &self.state.volume)
        else {
            return Ok(());
        };
        self.driver.unpublish(&volume.id, &publication.target)?;
        remove_empty(&publication.target)?;
        remove_empty(&self.mounts.join(key))?;
        self.state.published.remove(key);
        self.write()
    }

    /// Undoes what belongs to sandboxes that were killed.
    fn unpublish_dead(&mut self) -> Result<(), Error> {
        let published = self.state.published.iter();
        let dead = published.filter(|(_, publication)| !publication.is_used());
        let dead: Vec<String> = dead.map(|(key, _)| key.clone()).collect();
        dead.iter().try_for_each(|key| self.lower(key))
    }

    /// Takes the volume back from this machine.
    fn withdraw(&mut self) -> Result<(), Error> {
        let (Wanted::Volume(wanted), Some(volume)) = (&self.wanted, &self.state.volume) else {
            return Ok(());
        };
        let (wanted, id) = (wanted.clone(), volume.id.clone());
        if self.state.staged {
            self.driver.unstage(&id, &self.staging())?;
            remove_empty(&self.staging())?;
            self.state.staged = false;
            self.write()?;
        }
        if let Some(controller) = &self.state.controller {
            self.driver.detach(&id, &wanted, &controller.node)?;
            self.state.controller = None;
            self.write()?;
        }
        remove_empty(&self.mounts)
    }

    /// Undoes what sandboxes have left that were killed, and what was done only for them.
    ///
    /// # Errors
    /// Those of the driver.
    pub fn tidy(&mut self) -> Result<(), Error> {
        self.unpublish_dead()?;
        match self.state.published.is_empty() {
            true => self.withdraw(),
            false => Ok(()),
        }
    }

    /// Has the driver delete it, unless somebody else has made it.
    ///
    /// Nobody may use it any more. One that may be there or not is made once more, which
    /// is how CSI lets one find out ("`CreateVolume`").
    ///
    /// # Errors
    /// Those of the driver: it is there still, then.
    pub fn delete(&mut self) -> Result<(), Error> {
        self.tidy()?;
        let id = match self.provision() {
            Err(error) if self.state.volume.is_none() && error.is_for_good() => return Ok(()),
            volume => volume?.id,
        };
        match &self.wanted {
            Wanted::Snapshot(wanted) => self.driver.delete_snapshot(&id, wanted),
            Wanted::Volume(CsiVolume { origin: CsiOrigin::Adopted { .. }, .. }) => Ok(()),
            Wanted::Volume(wanted) => self.driver.delete(&id, wanted),
        }
    }

    /// How full it is; none if the driver cannot tell, or only where it is mounted.
    ///
    /// # Errors
    /// Those of the driver.
    pub fn stats(&self) -> Result<Option<Stats>, Error> {
        let (Some(volume), Some(publication)) =
            (&self.state.volume, self.state.published.values().next())
        else {
            return Ok(None);
        };
        if !self.driver.node_can(NodeCan::GetVolumeStats)? {
            return Ok(None);
        }
        self.driver.stats(&volume.id, &publication.target).map(Some)
    }

    fn write(&self) -> Result<(), Error> {
        self.state.write(&self.directory)
    }
}

/// Waits until nobody else has the volume in hand.
fn take_turn(directory: &Path) -> io::Result<OwnedFd> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false);
    let file: OwnedFd = options.open(directory.join(LOCK))?.into();
    flock(&file, Lock::Exclusive).map_err(|error| io::Error::from(error.errno))?;
    Ok(file)
}

fn make_directory(path: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| Error::Files { path: path.into(), source })
}

/// Removes a directory that the driver may have removed already. One in which something
/// is stays: never is anything removed that could be data.
fn remove_empty(path: &Path) -> Result<(), Error> {
    use io::ErrorKind::{DirectoryNotEmpty, NotFound};
    match fs::remove_dir(path) {
        Err(error) if matches!(error.kind(), NotFound | DirectoryNotEmpty) => Ok(()),
        removed => removed.map_err(|source| Error::Files { path: path.into(), source }),
    }
}
