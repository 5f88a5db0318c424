//! All CNI networks of a store, and who is on them.

use std::{
    fs::{self, File},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use super::{
    Attached, Configuration, Error, Plugins, Wishes,
    cache::{self, Ask},
    chain::{Chain, negotiate},
    place::Place,
    plugin::Target,
};
use crate::{
    network::named::{Catalog, Registration},
    oci::ProcessId,
    sys::fs::{Lock, flock},
};

/// Where everything of a store's CNI networks is kept: `cni`.
#[derive(Debug, Clone)]
pub struct Runtime {
    path: PathBuf,
    plugins: Plugins,
}

impl Runtime {
    /// Of the store in `root`.
    pub fn new(root: &Path, plugins: Plugins) -> Self {
        Self { path: root.join("cni"), plugins }
    }

    /// The register of those who are in the domain of CNI networks. It is another one
    /// than that of named networks: plugins switch on forwarding between bridges.
    pub fn catalog(&self) -> Catalog {
        Catalog::of(&self.path)
    }

    /// Nobody has a CNI network now: what plugins keep until the next boot is old.
    /// To be called while nobody can enter.
    pub fn begin(&self) {
        let _ = fs::remove_dir_all(self.path.join("run"));
    }

    /// Whether there is, or has been, anybody on a CNI network.
    pub fn is_used(&self) -> bool {
        self.path.exists()
    }

    /// Those on all networks whose supervisors live.
    pub fn living(&self) -> Vec<Attached> {
        let mut all = cache::all(&self.cache());
        all.retain(|one| self.lives(one));
        all
    }

    /// Asks the plugins whether what they made is still there; `netns` is the
    /// sandbox's. To be called in the domain.
    ///
    /// # Errors
    /// What one of them says.
    pub fn check(&self, one: &Attached, netns: OwnedFd) -> Result<(), Error> {
        let switch = self.catalog().switch_of(one.supervisor)?;
        one.ask(Ask::Check, Some(netns), self.place_of(switch), &self.plugins).map(drop)
    }

    /// Asks the plugins whether sandboxes can be added. To be called in the domain.
    ///
    /// # Errors
    /// What one of them says, or that one is not there.
    pub fn status(&self, network: &Configuration, own: &Registration) -> Result<(), Error> {
        let (network, plugins) = (self.spoken(network)?, self.plugins.clone());
        let job = move |_| {
            let (wishes, target) = (Wishes::new(), Target::default());
            let (network, plugins) = (&network, &plugins);
            Chain { network, plugins, wishes: &wishes, target: &target }.status()
        };
        self.place(own)?.enter(None, job)?
    }

    /// Undoes what dead ones have left, and lets plugins free what nobody has. How
    /// many were undone, and what went wrong. To be called in the domain.
    ///
    /// # Errors
    /// [`Error::Files`]
    pub fn collect_all(
        &self,
        networks: &[Configuration],
        own: &Registration,
    ) -> Result<(usize, Vec<Error>), Error> {
        let _lock = self.lock()?;
        let (freed, mut errors) = self.collect(own, true)?;
        for network in networks {
            let outcome = self.spoken(network).and_then(|network| self.gc(network, own));
            errors.extend(outcome.err());
        }
        Ok((freed, errors))
    }

    fn gc(&self, network: Configuration, own: &Registration) -> Result<(), Error> {
        let valid = cache::all(&self.cache()).into_iter();
        let valid = valid.filter(|one| one.network.name == network.name);
        let valid: Vec<_> = valid.map(|one| (one.sandbox, one.interface)).collect();
        let plugins = self.plugins.clone();
        let job = move |_| {
            let (wishes, target) = (Wishes::new(), Target::default());
            let (network, plugins) = (&network, &plugins);
            Chain { network, plugins, wishes: &wishes, target: &target }.gc(&valid)
        };
        self.place(own)?.enter(None, job)?
    }

    /// Undoes what dead ones have left: those that could not be undone before only if
    /// `stubborn`. Under the lock.
    fn collect(&self, own: &Registration, stubborn: bool) -> Result<(usize, Vec<Error>), Error> {
        let (mut freed, mut errors) = (0, Vec::new());
        let dead = cache::all(&self.cache()).into_iter().filter(|one| !self.lives(one));
        for mut one in dead.filter(|one| stubborn || !one.is_stuck) {
            match one.ask(Ask::Del, None, self.place(own)?, &self.plugins) {
                Ok(_) => {
                    let _ = fs::remove_file(one.path(&self.cache()));
                    freed += 1;
                }
                Err(error) => {
                    one.is_stuck = true;
                    one.write(&self.cache())?;
                    errors.push(error);
                }
            }
        }
        Ok((freed, errors))
    }

    /// Adds a sandbox to a network; what was done is undone if that fails.
    pub(super) fn add(
        &self,
        mut one: Attached,
        netns: OwnedFd,
        own: &Registration,
    ) -> Result<Attached, Error> {
        one.network = self.spoken(&one.network)?;
        {
            let _lock = self.lock()?;
            self.collect(own, false)?;
            one.write(&self.cache())?;
        }
        match one.ask(Ask::Add, Some(netns), self.place(own)?, &self.plugins) {
            Ok(answer) => one.answer = answer,
            Err(error) => {
                let _ = fs::remove_file(one.path(&self.cache()));
                return Err(error);
            }
        }
        one.write(&self.cache())?;
        Ok(one)
    }

    /// Takes a sandbox off a network.
    pub(super) fn del(
        &self,
        mut one: Attached,
        netns: OwnedFd,
        own: &Registration,
    ) -> Result<(), Error> {
        match one.ask(Ask::Del, Some(netns), self.place(own)?, &self.plugins) {
            Ok(_) => {
                let _ = fs::remove_file(one.path(&self.cache()));
                Ok(())
            }
            Err(error) => {
                one.is_stuck = true;
                one.write(&self.cache())?;
                Err(error)
            }
        }
    }

    fn spoken(&self, network: &Configuration) -> Result<Configuration, Error> {
        let version = negotiate(network, &self.plugins)?;
        Ok(Configuration { version, ..network.clone() })
    }

    fn lives(&self, one: &Attached) -> bool {
        let ProcessId { pid, start_time } = one.supervisor;
        self.catalog().has_entered(one.supervisor) && crate::sys::process::is_alive(pid, start_time)
    }

    fn place(&self, own: &Registration) -> Result<Place, Error> {
        Ok(self.place_of(own.switch().map_err(Error::Place)?))
    }

    fn place_of(&self, switch: OwnedFd) -> Place {
        Place { switch, run: self.path.join("run"), lib: self.path.join("lib") }
    }

    fn cache(&self) -> PathBuf {
        self.path.join("cache")
    }

    /// While it is held, nobody else collects.
    fn lock(&self) -> Result<File, Error> {
        let path = self.path.join("lock");
        let failed = |source| Error::Files { path: path.clone(), source };
        fs::create_dir_all(&self.path).map_err(failed)?;
        let file = File::create(&path).map_err(failed)?;
        flock(&file, Lock::Exclusive).map_err(|error| failed(error.errno.into()))?;
        Ok(file)
    }
}
