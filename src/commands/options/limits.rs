//! How much of the machine a sandbox may use.

use super::parse_size;
use crate::{error::Error, oci::Resources};

/// Docker refuses less, too: nothing starts in it.
const LEAST_MEMORY: u64 = 6 << 20;
/// Linux knows no larger numbers.
const MOST_CPUS: u32 = 8192;

/// Options that limit.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LimitArgs {
    /// Memory for all of its processes together
    #[arg(short, long, value_name = "BYTES", value_parser = parse_size)]
    pub memory: Option<u64>,

    /// Memory and swap together; -1 for no limit, twice the memory if not given
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    pub memory_swap: Option<Swap>,

    /// Time of so many CPUs, such as 1.5
    #[arg(long, value_name = "COUNT", value_parser = parse_cpus)]
    pub cpus: Option<u64>,

    /// CPUs to run on, such as 0-2,7
    #[arg(long, value_name = "LIST")]
    pub cpuset_cpus: Option<CpuList>,

    /// Processes and threads; -1 for no limit
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub pids_limit: Option<i64>,

    /// Whether to refuse limits that a cgroup does not hold
    #[arg(long, value_name = "HOW", default_value = "best-effort")]
    pub limits: Insistence,
}

/// What to do about a limit that cannot be held strictly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Insistence {
    /// Refuse it
    Strict,
    /// Do what can be done, and say what that is
    #[default]
    BestEffort,
}

/// `--memory-swap`: bytes, or none for as much as there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap(pub Option<u64>);

impl std::str::FromStr for Swap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "-1" => Ok(Self(None)),
            size => parse_size(size).map(|size| Self(Some(size))),
        }
    }
}

/// Numbers of CPUs, in order and without repetition (`cpuset(7)`, "List format").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuList(pub Vec<u32>);

impl std::str::FromStr for CpuList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a list such as 0-2,7");
        let number = |text: &str| match text.parse() {
            Ok(number) if number < MOST_CPUS => Ok(number),
            _ => Err(wrong()),
        };
        let mut all = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u32, u32) = (number(first)?, number(last)?);
            if last < first {
                return Err(wrong());
            }
            all.extend(first..=last);
        }
        all.sort_unstable();
        all.dedup();
        Ok(Self(all))
    }
}

/// Billionths of a CPU.
fn parse_cpus(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a number of CPUs such as 1.5");
    let count: f64 = text.parse().map_err(|_| wrong())?;
    match count {
        _ if count == 0.0 => Ok(0),
        _ if !(0.01..=f64::from(MOST_CPUS)).contains(&count) => Err(wrong()),
        _ => Ok((count * 1e9).round() as u64),
    }
}

impl LimitArgs {
    /// What is meant; 0 is no limit, as in docker.
    pub(in crate::commands) fn resources(&self) -> Result<Resources, Error> {
        let memory = self.memory.filter(|memory| *memory > 0);
        if memory.is_some_and(|memory| memory < LEAST_MEMORY) {
            return Err(Error::usage("--memory: less than 6m is not enough for anything"));
        }
        let memory_swap = match (memory, self.memory_swap) {
            (None, Some(Swap(Some(1..)))) => {
                return Err(Error::usage("--memory-swap has no meaning without --memory"));
            }
            (Some(memory), Some(Swap(Some(both @ 1..)))) if both < memory => {
                let what = "--memory-swap is memory and swap together: it cannot be less than \
                            --memory";
                return Err(Error::usage(what));
            }
            (Some(_), Some(Swap(Some(both @ 1..)))) => Some(both),
            (_, Some(Swap(None))) => None,
            (memory, _) => memory.map(|memory| memory.saturating_mul(2)),
        };
        Ok(Resources {
            memory,
            memory_swap,
            nano_cpus: self.cpus.filter(|cpus| *cpus > 0),
            cpuset: self.cpuset_cpus.clone().map(|list| list.0).unwrap_or_default(),
            pids: self.pids_limit.and_then(|count| u64::try_from(count).ok()).filter(|it| *it > 0),
            strict: self.limits == Insistence::Strict,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_are_read_as_the_kernel_reads_them() {
        let good = [("0", vec![0]), ("0-2,7", vec![0, 1, 2, 7]), ("3,1,1-2", vec![1, 2, 3])];
        for (text, cpus) in good {
            assert_eq!(text.parse(), Ok(CpuList(cpus)), "{text}");
        }
        for bad in ["", "-1", "2-1", "a", "0-", "0,,1", "99999999"] {
            assert!(bad.parse::<CpuList>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_share_of_a_cpu_is_counted_in_billionths() {
        for (text, count) in [("1", 1_000_000_000), ("0.5", 500_000_000), ("0", 0)] {
            assert_eq!(parse_cpus(text), Ok(count), "{text}");
        }
        for bad in ["", "-1", "nan", "inf", "0.001", "x"] {
            assert!(parse_cpus(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn swap_is_counted_with_the_memory() {
        let args = |memory, memory_swap| LimitArgs { memory, memory_swap, ..Default::default() };
        let swap = |memory, swap| args(memory, swap).resources().map(|it| it.memory_swap).ok();
        const M: u64 = 1 << 20;
        assert_eq!(swap(Some(64 * M), None), Some(Some(128 * M)));
        assert_eq!(swap(Some(64 * M), Some(Swap(None))), Some(None));
        assert_eq!(swap(Some(64 * M), Some(Swap(Some(64 * M)))), Some(Some(64 * M)));
        assert_eq!(swap(Some(64 * M), Some(Swap(Some(32 * M)))), None);
        assert_eq!(swap(None, Some(Swap(Some(64 * M)))), None);
        assert_eq!(swap(Some(M), None), None);
        assert_eq!(swap(None, None), Some(None));
    }

    #[test]
    fn no_limit_is_said_in_several_ways() {
        let pids = |count| {
            let args = LimitArgs { pids_limit: Some(count), ..Default::default() };
            args.resources().unwrap().pids
        };
        assert_eq!([-1, 0, 64].map(pids), [None, None, Some(64)]);
    }
}
