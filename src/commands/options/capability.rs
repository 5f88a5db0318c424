//! `--cap-add`, `--cap-drop`.

use std::str::FromStr;

use crate::oci::Capability;

/// What docker grants by default: enough for package managers and for servers
/// that change their user, nothing that reaches beyond the sandbox.
pub const DOCKER_DEFAULT: [Capability; 14] = [
    Capability::CAP_AUDIT_WRITE,
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FOWNER,
    Capability::CAP_FSETID,
    Capability::CAP_KILL,
    Capability::CAP_MKNOD,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_NET_RAW,
    Capability::CAP_SETFCAP,
    Capability::CAP_SETGID,
    Capability::CAP_SETPCAP,
    Capability::CAP_SETUID,
    Capability::CAP_SYS_CHROOT,
];

/// One capability, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapabilityName {
    All,
    One(Capability),
}

impl FromStr for CapabilityName {
    type Err = String;

    /// In any case, with or without `CAP_`.
    fn from_str(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        if upper == "ALL" {
            return Ok(Self::All);
        }
        let name = if upper.starts_with("CAP_") { upper } else { format!("CAP_{upper}") };
        let capability = name.parse().map_err(|_| format!("{name} is not in capabilities(7)"))?;
        Ok(Self::One(capability))
    }
}

/// The default with what is added, without what is dropped; as in docker, a
/// capability that is named beats `ALL`.
pub fn resolve(add: &[CapabilityName], drop: &[CapabilityName]) -> Vec<Capability> {
    let named =
        |list: &[CapabilityName], capability| list.contains(&CapabilityName::One(capability));
    let granted = |capability: &Capability| {
        if named(drop, *capability) {
            false
        } else if named(add, *capability) {
            true
        } else if drop.contains(&CapabilityName::All) {
            false
        } else {
            add.contains(&CapabilityName::All) || DOCKER_DEFAULT.contains(capability)
        }
    };
    let mut capabilities: Vec<Capability> = caps::all().into_iter().filter(granted).collect();
    capabilities.sort_by_key(Capability::index);
    capabilities
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(add: &[&str], drop: &[&str]) -> usize {
        let parse = |names: &[&str]| -> Vec<CapabilityName> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        resolve(&parse(add), &parse(drop)).len()
    }

    #[test]
    fn a_name_beats_all() {
        assert_eq!(count(&[], &[]), 14);
        assert_eq!(count(&["net_admin"], &[]), 15);
        assert_eq!(count(&["CAP_CHOWN"], &[]), 14);
        assert_eq!(count(&[], &["chown", "KILL"]), 12);
        assert_eq!(count(&["NET_ADMIN"], &["ALL"]), 1);
        assert_eq!(count(&["ALL"], &["NET_ADMIN"]), caps::all().len() - 1);
        assert_eq!(count(&["ALL"], &[]), caps::all().len());
    }

    #[test]
    fn the_default_has_dockers_mask() {
        let mask = DOCKER_DEFAULT.iter().fold(0, |mask, capability| mask | capability.bitmask());
        assert_eq!(mask, 0xa804_25fb);
    }

    #[test]
    fn an_unknown_capability_is_refused() {
        assert!("SYS_EVERYTHING".parse::<CapabilityName>().is_err());
    }
}
