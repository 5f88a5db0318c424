//! Profiles in docker's format, as `--security-opt seccomp=FILE` takes them.
//!
//! The format is that of the runtime-spec with questions left open: a rule may
//! be meant for certain capabilities, architectures or kernels only. `profile`
//! answers them for this machine and this sandbox; what is left is plain
//! [`Seccomp`].

use serde::{Deserialize, Deserializer};

use super::{Error, numbers::NATIVE};
use crate::oci::{Capability, Seccomp, SeccompArg, SeccompRule};

/// The architecture as docker writes it in `arches`.
const ARCH: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

/// Reads a profile, for these capabilities, this architecture and this kernel.
///
/// # Errors
/// It is not JSON of this form, or it says one thing in two ways.
pub fn profile(json: &str, capabilities: &[Capability]) -> Result<Seccomp, Error> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let machine = Machine { capabilities, kernel: version(&release).unwrap_or_default() };
    let profile: Profile = serde_json::from_str(json).map_err(Error::Json)?;
    profile.resolve(&machine)
}

/// What the open questions are about.
struct Machine<'a> {
    capabilities: &'a [Capability],
    kernel: (u32, u32),
}

/// Go writes `null` for an empty list, so all of them may be `null`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: String,
    default_errno_ret: Option<u32>,
    #[serde(default, deserialize_with = "nullable")]
    architectures: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    arch_map: Vec<ArchMap>,
    #[serde(default, deserialize_with = "nullable")]
    syscalls: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchMap {
    architecture: String,
    #[serde(default, deserialize_with = "nullable")]
    sub_architectures: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    names: Vec<String>,
    action: String,
    errno_ret: Option<u32>,
    #[serde(default, deserialize_with = "nullable")]
    args: Vec<SeccompArg>,
    #[serde(default, deserialize_with = "nullable")]
    includes: Filter,
    #[serde(default, deserialize_with = "nullable")]
    excludes: Filter,
}

/// For whom a rule is meant, or not meant.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    #[serde(default, deserialize_with = "nullable")]
    caps: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    arches: Vec<String>,
    min_kernel: Option<String>,
}

impl Profile {
    fn resolve(self, machine: &Machine<'_>) -> Result<Seccomp, Error> {
        let architectures = architectures(self.architectures, self.arch_map)?;
        let mut syscalls = Vec::with_capacity(self.syscalls.len());
        for rule in self.syscalls {
            if rule.includes.all(machine)? && !rule.excludes.any(machine)? {
                syscalls.push(rule.resolve()?);
            }
        }
        let (default_action, default_errno_ret) = (self.default_action, self.default_errno_ret);
        Ok(Seccomp { default_action, default_errno_ret, architectures, syscalls })
    }
}

/// The architectures that are listed, or that the map has for ours.
fn architectures(listed: Vec<String>, map: Vec<ArchMap>) -> Result<Vec<String>, Error> {
    if !listed.is_empty() && !map.is_empty() {
        return Err(Error::Both("architectures", "archMap"));
    }
    let ours = map.into_iter().find(|entry| entry.architecture == NATIVE.name());
    Ok(ours.map_or(listed, |entry| {
        let mut architectures = entry.sub_architectures;
        architectures.insert(0, entry.architecture);
        architectures
    }))
}

impl Rule {
    fn resolve(self) -> Result<SeccompRule, Error> {
        if self.name.is_some() && !self.names.is_empty() {
            return Err(Error::Both("name", "names"));
        }
        let names = self.name.map_or(self.names, |name| vec![name]);
        let names = names.into_iter().map(Into::into).collect();
        Ok(SeccompRule { names, action: self.action, errno_ret: self.errno_ret, args: self.args })
    }
}

impl Filter {
    /// Whether everything that is asked for is there.
    fn all(&self, machine: &Machine<'_>) -> Result<bool, Error> {
        Ok(self.caps.iter().all(|name| machine.has(name))
            && (self.arches.is_empty() || self.arches.iter().any(|arch| arch == ARCH))
            && self.min_kernel.as_deref().map_or(Ok(true), |version| machine.is_since(version))?)
    }

    /// Whether anything that is named is there.
    fn any(&self, machine: &Machine<'_>) -> Result<bool, Error> {
        Ok(self.caps.iter().any(|name| machine.has(name))
            || self.arches.iter().any(|arch| arch == ARCH)
            || self.min_kernel.as_deref().map_or(Ok(false), |version| machine.is_since(version))?)
    }
}

impl Machine<'_> {
    fn has(&self, name: &str) -> bool {
        name.parse().is_ok_and(|capability| self.capabilities.contains(&capability))
    }

    fn is_since(&self, oldest: &str) -> Result<bool, Error> {
        let oldest = version(oldest).ok_or_else(|| Error::KernelVersion(oldest.into()))?;
        Ok(self.kernel >= oldest)
    }
}

/// Major and minor of a kernel version such as `6.1.0-13-amd64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Reads `null` as the empty value.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
