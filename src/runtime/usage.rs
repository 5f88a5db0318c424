//! What a sandbox uses: of its cgroup if it has one, else of its processes.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    limits::{cgroup::number, memory::exact},
    processes,
};
use crate::oci::ProcessId;

/// Clock ticks of `/proc` in a second (`sysconf(_SC_CLK_TCK)`): the same on every
/// machine that we run on.
const TICKS: u64 = 100;

/// What was used since the beginning, and is used now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time of all CPUs together.
    pub cpu: Duration,
    /// Bytes of memory that the kernel could not take back.
    pub memory: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Bytes received and sent by its own interfaces.
    pub network: (u64, u64),
    /// Bytes read from disks and written to them.
    pub block: (u64, u64),
}

/// What the sandbox with this first process uses; none if it has gone.
///
/// `own_network` tells whether its interfaces are its own.
pub fn measure(workload: ProcessId, cgroup: Option<&Path>, own_network: bool) -> Option<Usage> {
    let usage = Usage {
        network: match own_network {
            true => traffic(&read(format!("/proc/{}/net/dev", workload.pid)).ok()?),
            false => (0, 0),
        },
        ..of_processes(workload)?
    };
    Some(cgroup.map_or(usage, |cgroup| of_cgroup(cgroup, usage)))
}

/// What `cgroup` counts; `otherwise` where a controller is missing.
fn of_cgroup(cgroup: &Path, otherwise: Usage) -> Usage {
    let file = |name: &str| cgroup.join(name);
    let whole = |name: &str| read(file(name)).ok()?.trim().parse().ok();
    let cpu = number(&file("cpu.stat"), "usage_usec").map(Duration::from_micros);
    // As docker counts: pages of files that were not touched lately are free.
    let idle = number(&file("memory.stat"), "inactive_file").unwrap_or(0);
    let memory = whole("memory.current").map(|memory: u64| memory.saturating_sub(idle));
    Usage {
        cpu: cpu.unwrap_or(otherwise.cpu),
        memory: memory.unwrap_or(otherwise.memory),
        pids: whole("pids.current").unwrap_or(otherwise.pids),
        block: read(file("io.stat")).map_or(otherwise.block, |text| transfers(&text)),
        ..otherwise
    }
}

/// Processes that have gone count for those that have waited for them
/// (`proc_pid_stat(5)`, `proc_pid_io(5)`).
fn of_processes(workload: ProcessId) -> Option<Usage> {
    let directories: Vec<PathBuf> = processes::of(workload)
        .into_iter()
        .map(|process| PathBuf::from(format!("/proc/{}", process.pid)))
        .collect();
    if directories.is_empty() {
        return None;
    }
    let mut sum = Usage::default();
    for directory in directories {
        let stat = read(directory.join("stat")).unwrap_or_default();
        let (ticks, threads) = times(&stat).unwrap_or_default();
        sum.cpu += Duration::from_millis(ticks * (1000 / TICKS));
        sum.pids += threads;
        sum.memory += exact(&directory).unwrap_or_default().memory;
        let io = directory.join("io");
        sum.block.0 += number(&io, "read_bytes:").unwrap_or(0);
        sum.block.1 += number(&io, "write_bytes:").unwrap_or(0);
    }
    Some(sum)
}

fn read(path: impl AsRef<Path>) -> std::io::Result<String> {
    fs::read_to_string(path)
}

/// Ticks of a process and of the children that it has waited for, and the number
/// of its threads: fields 14 to 17, and 20.
fn times(stat: &str) -> Option<(u64, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<u64> = rest.split_whitespace().map(|it| it.parse().unwrap_or(0)).collect();
    Some((fields.get(11..15)?.iter().sum(), *fields.get(17)?))
}

/// Bytes received and sent by all interfaces but the loopback
/// (`proc_pid_net(5)`).
fn traffic(dev: &str) -> (u64, u64) {
    let interfaces = dev.lines().filter_map(|line| line.split_once(':'));
    let others = interfaces.filter(|(name, _)| name.trim() != "lo");
    others.fold((0, 0), |(received, sent), (_, counts)| {
        let counts: Vec<u64> = counts.split_whitespace().flat_map(str::parse).collect();
        let count = |n: usize| counts.get(n).copied().unwrap_or(0);
        (received + count(0), sent + count(8))
    })
}

/// Bytes read and written, of all devices (`io.stat` in `cgroup-v2.rst`).
fn transfers(stat: &str) -> (u64, u64) {
    let sum = |key: &str| -> u64 {
        let values = stat.split_whitespace().filter_map(|word| word.strip_prefix(key));
        values.filter_map(|value| value.parse::<u64>().ok()).sum()
    };
    (sum("rbytes="), sum("wbytes="))
}

/// Bytes of memory that the machine has (`proc_meminfo(5)`).
pub fn memory_of_the_machine() -> u64 {
    let kilobytes = read("/proc/meminfo")
        .ok()
        .and_then(|text| text.lines().next()?.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_children_used_counts_too() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 0 0 0 0 0 10 20 3 4 20 0 5 0 99 0 0";
        assert_eq!(times(stat), Some((37, 5)));
        assert_eq!(times("7 (x) S"), None);
    }

    #[test]
    fn the_loopback_is_no_traffic() {
        let dev = "Inter-|   Receive  |  Transmit\n face |bytes packets\n    \
                   lo: 500 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0\n  \
                   eth0: 100 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n";
        assert_eq!(traffic(dev), (100, 20));
    }

    #[test]
    fn all_devices_count() {
        let stat = "8:0 rbytes=10 wbytes=2 rios=1 wios=1\n8:16 rbytes=5 wbytes=0 rios=1 wios=0\n";
        assert_eq!(transfers(stat), (15, 2));
        assert_eq!(transfers(""), (0, 0));
    }

    #[test]
    fn the_machine_has_memory() {
        assert!(memory_of_the_machine() > 1 << 20);
    }
}
