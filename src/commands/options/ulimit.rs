//! `--ulimit NAME=SOFT[:HARD]`.

use std::str::FromStr;

use crate::oci::Rlimit;

/// A resource limit in docker's notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ulimit(pub Rlimit);

/// The names of `setrlimit(2)`, without `RLIMIT_` and in lower case.
const NAMES: [(&str, u32); 16] = [
    ("as", libc::RLIMIT_AS),
    ("core", libc::RLIMIT_CORE),
    ("cpu", libc::RLIMIT_CPU),
    ("data", libc::RLIMIT_DATA),
    ("fsize", libc::RLIMIT_FSIZE),
    ("locks", libc::RLIMIT_LOCKS),
    ("memlock", libc::RLIMIT_MEMLOCK),
    ("msgqueue", libc::RLIMIT_MSGQUEUE),
    ("nice", libc::RLIMIT_NICE),
    ("nofile", libc::RLIMIT_NOFILE),
    ("nproc", libc::RLIMIT_NPROC),
    ("rss", libc::RLIMIT_RSS),
    ("rtprio", libc::RLIMIT_RTPRIO),
    ("rttime", libc::RLIMIT_RTTIME),
    ("sigpending", libc::RLIMIT_SIGPENDING),
    ("stack", libc::RLIMIT_STACK),
];

impl FromStr for Ulimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, values) = text.split_once('=').ok_or("not of the form NAME=SOFT[:HARD]")?;
        let known = NAMES.iter().find(|(known, _)| *known == name);
        let &(_, resource) = known.ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("`{name}` is not one of {}", names.join(", "))
        })?;
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        let (soft, hard) = (limit(soft)?, limit(hard)?);
        if soft > hard {
            return Err("the soft limit is above the hard limit".into());
        }
        Ok(Self(Rlimit { resource, soft, hard }))
    }
}

/// `-1` and `unlimited` are no limit.
fn limit(text: &str) -> Result<u64, String> {
    match text {
        "-1" | "unlimited" => Ok(u64::MAX),
        number => number.parse().map_err(|_| format!("`{number}` is not a limit")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_one_number_or_two() {
        let limit = |resource, soft, hard| Ok(Ulimit(Rlimit { resource, soft, hard }));
        assert_eq!("nofile=64".parse(), limit(libc::RLIMIT_NOFILE, 64, 64));
        assert_eq!("core=0:-1".parse(), limit(libc::RLIMIT_CORE, 0, u64::MAX));
        for bad in ["nofile", "nofile=", "nofile=x", "nofile=2:1", "files=3", "nofile=-2"] {
            assert!(bad.parse::<Ulimit>().is_err(), "{bad}");
        }
    }
}
