//! Limits on what a sandbox uses, by the best means that there is.
//!
//! # Theory of operation
//!
//! [`Limits::prepare`] looks for a cgroup that is ours to divide
//! (`cgroup.rs`), or asks systemd for one (`scope.rs`), makes one in it for the
//! sandbox, and lets it hold as many limits as its controllers can. What is left has
//! a weaker substitute:
//!
//! | limit | substitute | what it cannot do |
//! |---|---|---|
//! | memory | the supervisor looks and kills (`memory.rs`) | see a peak between two looks, or files in memory |
//! | processes | RLIMIT_NPROC | count the users inside together |
//! | CPUs | affinity | keep a process from changing it; fractions |
//!
//! RLIMIT_NPROC counts processes of a user in a user namespace since Linux 5.14
//! (`getrlimit(2)` still says otherwise), and each sandbox has one of its own: that
//! of its supervisor, whose threads count too and are added by `confine`. Root of
//! the machine itself is exempt.
//!
//! The result is data, an [`oci::Confinement`](crate::oci::Confinement): written
//! down, so that `exec` can do the same for what it adds.

mod bus;
pub mod cgroup;
pub(super) mod memory;
mod scope;

use std::{collections::BTreeMap, fs, path::Path};

use nix::unistd::Pid;
use rustix::{
    process::{Resource, Rlimit, getrlimit, prlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

use self::{
    cgroup::{Base, Cgroup},
    scope::Refusal,
};
use super::Error;
use crate::{
    oci::{Confinement, Limit, Resources, Tier},
    sys::{self, Named, kernel},
};

/// Limits that are ready for a sandbox.
#[derive(Debug, Default)]
pub struct Limits {
    pub confinement: Confinement,
    /// What systemd answered that gave us no cgroup, though there is one.
    pub refused: Option<String>,
    cgroup: Option<Cgroup>,
}

/// What the machine has in place of a cgroup.
#[derive(Debug, Clone, Copy)]
struct Substitutes {
    /// Whether RLIMIT_NPROC counts what is inside, and holds.
    nproc: bool,
    /// Whether the processes inside can be told from others.
    own_pids: bool,
}

impl Limits {
    /// Decides what is to hold the limits of the sandbox `id`, and makes its
    /// cgroup; this process may get into another one by that. Nothing is done if
    /// there are no limits. `user` is whose systemd can be asked (see [`caller`]).
    ///
    /// # Errors
    /// [`Error::Limits`] and [`Error::NoController`] if the best is not good enough.
    pub fn prepare(
        resources: &Resources,
        id: &str,
        own_pids: bool,
        user: Option<u32>,
    ) -> Result<Self, Error> {
        if resources.limits().is_empty() {
            return Ok(Self::default());
        }
        let base = find_or_ask(user, id);
        let refused = base.as_ref().err().and_then(|lack| lack.refused.clone());
        let made = base.map_err(|lack| lack.to_string()).and_then(|base| base.make(id, resources));
        let (cgroup, held, why) = match made {
            Ok((cgroup, held)) => (Some(cgroup), held, None),
            Err(why) => (None, Vec::new(), Some(why)),
        };
        let tiers = tiers(resources, &held, Substitutes::here(own_pids, user == Some(0)));
        let mut confinement = substitutes(resources, &tiers)?;
        if let Some(limit) = resources.limits().into_iter().find(|it| tiers[it] != Tier::Cgroup)
            && resources.strict
        {
            return Err(not_held(limit, why));
        }
        confinement.tiers = tiers;
        confinement.cgroup = cgroup.as_ref().map(|cgroup| cgroup.path().to_owned());
        Ok(Self { confinement, refused, cgroup })
    }

    /// Whether the kernel has killed something inside for want of memory.
    pub fn ran_out_of_memory(&self) -> bool {
        self.cgroup.as_ref().is_some_and(Cgroup::ran_out_of_memory)
    }
}

/// Why there is no cgroup of ours.
#[derive(Debug)]
struct Lack {
    /// What is wrong with the one that we are in.
    own: String,
    refused: Option<String>,
}

impl std::fmt::Display for Lack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.refused {
            None => f.write_str(&self.own),
            Some(answer) => write!(f, "{}, and systemd gives no other: {answer}", self.own),
        }
    }
}

/// The cgroup that we are in, or one that systemd gives.
fn find_or_ask(user: Option<u32>, id: &str) -> Result<Base, Lack> {
    let own = match Base::find(user) {
        Ok(base) => return Ok(base),
        Err(own) => own,
    };
    let entered = user.ok_or(Refusal::Nobody).and_then(|user| scope::enter(user, id));
    let asked = entered.and_then(|()| Base::find(user).map_err(Refusal::Answer));
    asked.map_err(|refusal| match refusal {
        Refusal::Nobody => Lack { own, refused: None },
        Refusal::Answer(answer) => Lack { own, refused: Some(answer) },
    })
}

fn not_held(limit: Limit, why: Option<String>) -> Error {
    let option = limit.option();
    match why {
        Some(why) => Error::Limits { option, why },
        None => Error::NoController { option, controller: cgroup::controller(limit) },
    }
}

/// Moves a process into the cgroup of a sandbox; by systemd, if we may not.
///
/// # Errors
/// What the kernel said.
pub(super) fn enter(directory: &Path, pid: Pid) -> Result<(), sys::Error> {
    cgroup::enter(directory, pid.as_raw()).or_else(|error| {
        let attached = caller().map(|user| scope::attach(user, directory, pid.as_raw()));
        attached.and_then(Result::ok).ok_or(error)
    })
}

/// Our number as the machine knows it, if we are in no user namespace of our own yet;
/// none for root of another one.
pub fn caller() -> Option<u32> {
    match nix::unistd::geteuid().as_raw() {
        0 => is_root_of_the_machine().then_some(0),
        user => Some(user),
    }
}

/// The controllers of the cgroup that systemd would give this user; none if it
/// would give none.
pub fn offered_by_systemd(user: u32) -> Option<Vec<String>> {
    scope::socket(user).filter(|socket| socket.exists())?;
    cgroup::controllers_of(user)
}

/// What holds each limit.
fn tiers(
    resources: &Resources,
    by_cgroup: &[Limit],
    substitutes: Substitutes,
) -> BTreeMap<Limit, Tier> {
    let tier = |limit| match limit {
        _ if by_cgroup.contains(&limit) => Tier::Cgroup,
        Limit::Memory if substitutes.own_pids => Tier::Sampled,
        Limit::Pids if substitutes.nproc => Tier::Rlimit,
        Limit::Cpus | Limit::Cpuset => Tier::Affinity,
        Limit::Memory | Limit::Pids => Tier::None,
    };
    resources.limits().into_iter().map(|limit| (limit, tier(limit))).collect()
}

impl Substitutes {
    fn here(own_pids: bool, is_root: bool) -> Self {
        Self { nproc: !is_root && kernel::is_at_least(5, 14), own_pids }
    }
}

/// By the map of its user namespace, which one of ours does not have at once.
fn is_root_of_the_machine() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

fn substitutes(resources: &Resources, tiers: &BTreeMap<Limit, Tier>) -> Result<Confinement, Error> {
    let is = |limit, tier| tiers.get(&limit) == Some(&tier);
    let sampled = is(Limit::Memory, Tier::Sampled);
    let cpus = match is(Limit::Cpus, Tier::Affinity) || is(Limit::Cpuset, Tier::Affinity) {
        true => choose(resources, &usable_cpus(), Pid::this().as_raw().unsigned_abs()),
        false => Ok(Vec::new()),
    };
    Ok(Confinement {
        cpus: cpus.map_err(|cpu| Error::NoSuchCpu { cpu })?,
        processes: resources.pids.filter(|_| is(Limit::Pids, Tier::Rlimit)),
        memory: resources.memory.filter(|_| sampled),
        memory_swap: resources.memory_swap.filter(|_| sampled),
        ..Confinement::default()
    })
}

/// Those that we may run on.
fn usable_cpus() -> Vec<u32> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).map(|cpu| cpu as u32).collect()
}

/// As many of the wanted CPUs as `--cpus` is, rounded up. With which one it begins
/// depends on `seed`, so that sandboxes do not all crowd on the first; or the CPU
/// that there is not.
fn choose(resources: &Resources, usable: &[u32], seed: u32) -> Result<Vec<u32>, u32> {
    let wanted = match resources.cpuset.is_empty() {
        true => usable,
        false => &resources.cpuset,
    };
    if let Some(missing) = wanted.iter().find(|cpu| !usable.contains(cpu)) {
        return Err(*missing);
    }
    let count = resources.nano_cpus.map_or(u64::MAX, |nano| nano.div_ceil(1_000_000_000));
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(wanted.len());
    let first = seed as usize % wanted.len().max(1);
    let mut chosen: Vec<u32> = wanted.iter().cycle().skip(first).take(count).copied().collect();
    chosen.sort_unstable();
    Ok(chosen)
}

/// Confines a process that waits to become a workload, or one more of a sandbox,
/// but for its cgroup; `supervisor`, a name in `/proc`, counts as if it were inside.
pub(super) fn confine(
    confinement: &Confinement,
    pid: Pid,
    supervisor: &str,
) -> Result<(), sys::Error> {
    let process = rustix::process::Pid::from_raw(pid.as_raw());
    if !confinement.cpus.is_empty() {
        let mut set = CpuSet::new();
        confinement.cpus.iter().for_each(|cpu| set.set(*cpu as usize));
        sched_setaffinity(process, &set).named(|| format!("sched_setaffinity({pid})"))?;
    }
    if let Some(processes) = confinement.processes {
        let threads = fs::read_dir(format!("/proc/{supervisor}/task")).map_or(1, Iterator::count);
        let limit = processes.saturating_add(threads as u64);
        let limit = getrlimit(Resource::Nproc).maximum.map_or(limit, |most| most.min(limit));
        let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
        prlimit(process, Resource::Nproc, limit).named(|| format!("prlimit({pid}, NPROC)"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYTHING: Substitutes = Substitutes { nproc: true, own_pids: true };

    fn all() -> Resources {
        Resources {
            memory: Some(1),
            nano_cpus: Some(1_500_000_000),
            cpuset: vec![1, 2, 3],
            pids: Some(1),
            ..Resources::default()
        }
    }

    #[test]
    fn a_limit_that_is_not_held_says_what_it_lacks() {
        let error = not_held(Limit::Cpuset, None).to_string();
        let what = "`--cpuset-cpus` cannot be held strictly:";
        assert_eq!(error, format!("{what} the controller `cpuset` is not handed down"));
        let lack = |refused: Option<&str>| {
            let lack = Lack { own: "it is not ours".into(), refused: refused.map(str::to_owned) };
            not_held(Limit::Cpuset, Some(lack.to_string())).to_string()
        };
        assert_eq!(lack(None), format!("{what} it is not ours"));
        let expected = format!("{what} it is not ours, and systemd gives no other: no");
        assert_eq!(lack(Some("no")), expected);
    }

    #[test]
    fn each_limit_has_the_best_that_there_is() {
        let tiers = |held: &[Limit], substitutes| -> Vec<&str> {
            tiers(&all(), held, substitutes).values().map(|tier| tier.as_str()).collect()
        };
        assert_eq!(tiers(&[], EVERYTHING), ["sampled", "affinity", "affinity", "rlimit"]);
        let held = [Limit::Memory, Limit::Pids];
        assert_eq!(tiers(&held, EVERYTHING), ["cgroup", "affinity", "affinity", "cgroup"]);
        let nothing = Substitutes { nproc: false, own_pids: false };
        assert_eq!(tiers(&[], nothing), ["none", "affinity", "affinity", "none"]);
    }

    #[test]
    fn a_part_of_a_cpu_is_a_whole_one_by_affinity() {
        let usable = [0, 1, 2, 3];
        assert_eq!(choose(&all(), &usable, 0), Ok(vec![1, 2]));
        assert_eq!(choose(&all(), &usable, 2), Ok(vec![1, 3]));
        let whole = Resources { nano_cpus: Some(9_000_000_000), ..Resources::default() };
        assert_eq!(choose(&whole, &usable, 7), Ok(usable.to_vec()));
        assert_eq!(choose(&all(), &[1, 3], 0), Err(2));
    }
}
