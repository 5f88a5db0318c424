//! `--security-opt`.

use std::{path::PathBuf, str::FromStr};

/// One security option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecurityOption {
    /// `seccomp=unconfined`: no system call filter.
    SeccompUnconfined,
    /// `seccomp=FILE`: a filter in docker's format.
    SeccompProfile(PathBuf),
    /// `no-new-privileges`: set-user-ID programs gain nothing.
    NoNewPrivileges(bool),
    /// Something that only other engines set up, switched off.
    Harmless,
}

impl FromStr for SecurityOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once(['=', ':']) {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        match (name, value) {
            ("seccomp", Some("unconfined")) => Ok(Self::SeccompUnconfined),
            ("seccomp", Some(file)) if !file.is_empty() => Ok(Self::SeccompProfile(file.into())),
            ("no-new-privileges", None | Some("true")) => Ok(Self::NoNewPrivileges(true)),
            ("no-new-privileges", Some("false")) => Ok(Self::NoNewPrivileges(false)),
            ("label", Some("disable")) | ("apparmor", Some("unconfined")) => Ok(Self::Harmless),
            ("label" | "apparmor", _) => {
                Err(format!("{name}: policies of the system are root's to set"))
            }
            _ => Err("there are seccomp=unconfined, seccomp=FILE and no-new-privileges".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_notations_are_taken() {
        let cases = [
            ("seccomp=unconfined", SecurityOption::SeccompUnconfined),
            ("seccomp:unconfined", SecurityOption::SeccompUnconfined),
            ("seccomp=p.json", SecurityOption::SeccompProfile("p.json".into())),
            ("no-new-privileges", SecurityOption::NoNewPrivileges(true)),
            ("no-new-privileges:false", SecurityOption::NoNewPrivileges(false)),
            ("label=disable", SecurityOption::Harmless),
        ];
        for (text, option) in cases {
            assert_eq!(text.parse(), Ok(option), "{text}");
        }
        for bad in ["", "seccomp", "seccomp=", "apparmor=docker-default", "mask=/x"] {
            assert!(bad.parse::<SecurityOption>().is_err(), "{bad}");
        }
    }
}
