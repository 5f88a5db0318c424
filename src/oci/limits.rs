//! How much of the machine a sandbox may use, and what makes that hold.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// What was asked for; the names are docker's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Resources {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes of memory and swap together, at least `memory`; none for no limit.
    pub memory_swap: Option<u64>,
    /// Billionths of the time of one CPU.
    pub nano_cpus: Option<u64>,
    /// Numbers of the CPUs that may be used, in order; empty for all.
    pub cpuset: Vec<u32>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Whether only [`Tier::Cgroup`] will do.
    pub strict: bool,
}

impl Resources {
    /// The limits that there are to be.
    pub fn limits(&self) -> Vec<Limit> {
        let all = [
            (Limit::Memory, self.memory.is_some()),
            (Limit::Cpus, self.nano_cpus.is_some()),
            (Limit::Cpuset, !self.cpuset.is_empty()),
            (Limit::Pids, self.pids.is_some()),
        ];
        all.into_iter().filter(|(_, is_set)| *is_set).map(|(limit, _)| limit).collect()
    }
}

/// One kind of limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Limit {
    Memory,
    Cpus,
    Cpuset,
    Pids,
}

impl Limit {
    /// The option that asks for it.
    pub fn option(self) -> &'static str {
        match self {
            Self::Memory => "--memory",
            Self::Cpus => "--cpus",
            Self::Cpuset => "--cpuset-cpus",
            Self::Pids => "--pids-limit",
        }
    }
}

/// What makes a limit hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// The kernel, for the sandbox as a whole (`cgroups(7)`).
    Cgroup,
    /// RLIMIT_NPROC, for each user inside (`getrlimit(2)`).
    Rlimit,
    /// The CPUs that processes begin with (`sched_setaffinity(2)`).
    Affinity,
    /// The supervisor, which looks several times a second.
    Sampled,
    /// Nothing.
    None,
}

impl Tier {
    /// The word for it, as it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::Rlimit => "rlimit",
            Self::Affinity => "affinity",
            Self::Sampled => "sampled",
            Self::None => "none",
        }
    }
}

/// How [`Resources`] are made to hold in one run of a sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Confinement {
    /// What holds each limit that was asked for.
    pub tiers: BTreeMap<Limit, Tier>,
    /// The directory of the cgroup that its processes are in.
    pub cgroup: Option<PathBuf>,
    /// CPUs by affinity; empty for all.
    pub cpus: Vec<u32>,
    /// RLIMIT_NPROC, without the supervisor's own threads.
    pub processes: Option<u64>,
    /// Bytes of memory at which the supervisor ends it.
    pub memory: Option<u64>,
    /// Bytes of memory and swap at which the supervisor ends it.
    pub memory_swap: Option<u64>,
}
