//! Commands of docker's that there are not, options that `run` does not have, and why.
//!
//! To take one in silence would be a lie; to call it unknown would be unkind.

const LIMITS: &str =
    "of the limits there are --memory, --memory-swap, --cpus, --cpuset-cpus and --pids-limit";
const RESOLVER: &str = "options of the host's resolv.conf are taken over";
const BUILD: &str = "images are built elsewhere (`buildah build`, `podman build`) and fetched, or \
     made by `sandbox commit` and `sandbox import`";
const SWARM: &str = "there is one machine, and no daemon";
const DAEMON: &str = "there is no daemon that could do it";
const ATTACH: &str = "all of its streams are, or none with `-d`; `-i` adds the input";

/// Option and reason.
const REASONS: &[(&str, &str)] = &[
    ("--annotation", "no other runtime would read it; see `--label`"),
    ("--attach", ATTACH),
    ("--blkio-weight", LIMITS),
    ("--blkio-weight-device", LIMITS),
    ("--cgroup-parent", LIMITS),
    ("--cpu-count", LIMITS),
    ("--cpu-percent", LIMITS),
    ("--cpu-period", LIMITS),
    ("--cpu-quota", LIMITS),
    ("--cpu-rt-period", LIMITS),
    ("--cpu-rt-runtime", LIMITS),
    ("--cpu-shares", LIMITS),
    ("--cpuset-mems", LIMITS),
    ("--device-cgroup-rule", "an ordinary user may not write device rules"),
    ("--device-read-bps", LIMITS),
    ("--device-read-iops", LIMITS),
    ("--device-write-bps", LIMITS),
    ("--device-write-iops", LIMITS),
    ("--dns-opt", RESOLVER),
    ("--dns-option", RESOLVER),
    ("--domainname", "only the host name can be set; see `--hostname`"),
    ("--kernel-memory", LIMITS),
    ("--link", "links are docker's past; on a named network (`--network`) names are found"),
    ("--link-local-ip", "a device chooses its own; see `--ip` and `--ip6`"),
    ("--memory-reservation", LIMITS),
    ("--memory-swappiness", LIMITS),
    ("--net-alias", "its name is `--network-alias`"),
    ("--oom-kill-disable", LIMITS),
    ("--restart", "there is no daemon; `sandbox generate systemd` prints a unit that does it"),
    ("--runtime", "`sandbox` is its own runtime"),
    ("--storage-opt", "the file system sets no quota for an ordinary user"),
    ("--use-api-socket", DAEMON),
    ("--uts", "a host name of its own costs nothing; see `--hostname`"),
    (
        "--volume-driver",
        "name it with the volume: `--mount type=volume,source=NAME,target=DST,volume-driver=DRIVER`",
    ),
    ("-a", ATTACH),
    ("-c", LIMITS),
];

/// Command and reason.
const COMMANDS: &[(&str, &str)] = &[
    ("build", BUILD),
    ("builder", BUILD),
    ("buildx", BUILD),
    ("compose", "a script with `sandbox network` and `sandbox run -d` does (docs/examples)"),
    ("context", "there is no daemon to talk to"),
    ("manifest", "`sandbox inspect` shows an image's; indexes are not made"),
    ("plugin", "there is no daemon that would load any"),
    ("scout", "it is a service of docker's"),
    ("search", "registries have no common way to be searched"),
    ("service", SWARM),
    ("stack", SWARM),
    ("swarm", SWARM),
    ("trust", "signatures are not checked; `sandbox lock` pins digests"),
    ("update", "limits are set when a sandbox is made"),
];

/// Why there is no such `option`, if docker has one.
pub fn reason(option: &str) -> Option<&'static str> {
    let name = option.split('=').next()?;
    find(REASONS, name)
}

/// Why there is no such `command`, if docker has one.
pub fn reason_for_command(command: &str) -> Option<&'static str> {
    find(COMMANDS, command)
}

fn find(reasons: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    reasons.iter().find(|(known, _)| *known == name).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_found_with_and_without_its_value() {
        assert_eq!(reason("--cpu-shares"), Some(LIMITS));
        assert_eq!(reason("--cpu-shares=5"), Some(LIMITS));
        assert_eq!(reason("-a"), Some(ATTACH));
        assert_eq!(reason("--no-such-option"), None);
    }

    #[test]
    fn the_lists_are_sorted_and_hold_nothing_twice() {
        for list in [REASONS, COMMANDS] {
            assert!(list.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
