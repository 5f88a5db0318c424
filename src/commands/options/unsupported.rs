//! Options of docker's that `run` does not have, and why.
//!
//! To take one in silence would be a lie; to call it unknown would be unkind.

const LIFE_CYCLE: &str = "this part of the life cycle is not here yet";
const LIMITS: &str =
    "of the limits there are --memory, --memory-swap, --cpus, --cpuset-cpus and --pids-limit";
const NETWORK: &str = "named networks are not here yet; see `--network`";
const RESOLVER: &str = "options of the host's resolv.conf are taken over";
const DAEMON: &str = "there is no daemon that could do it";
const SHARING: &str = "namespaces of other sandboxes cannot be joined yet";

/// Option and reason.
const REASONS: &[(&str, &str)] = &[
    ("--annotation", LIFE_CYCLE),
    ("--attach", LIFE_CYCLE),
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
    ("--expose", "it documents a port and opens none; see `--publish`"),
    ("--ip", NETWORK),
    ("--ip6", NETWORK),
    ("--kernel-memory", LIMITS),
    ("--label-file", "labels have no use before sandboxes are kept; see `--label`"),
    ("--link", "links are docker's past; named networks will do what they did"),
    ("--link-local-ip", NETWORK),
    ("--mac-address", NETWORK),
    ("--memory-reservation", LIMITS),
    ("--memory-swappiness", LIMITS),
    ("--net-alias", NETWORK),
    ("--network-alias", NETWORK),
    ("--oom-kill-disable", LIMITS),
    ("--oom-score-adj", "an ordinary user may not lower it"),
    ("--restart", "there is no daemon; `sandbox generate systemd` prints a unit that does it"),
    ("--runtime", "`sandbox` is its own runtime"),
    ("--stop-timeout", LIFE_CYCLE),
    ("--storage-opt", "the file system sets no quota for an ordinary user"),
    ("--sysctl", "settings of the kernel cannot be changed yet"),
    ("--use-api-socket", DAEMON),
    ("--uts", SHARING),
    (
        "--volume-driver",
        "name it with the volume: `--mount type=volume,source=NAME,target=DST,volume-driver=DRIVER`",
    ),
    ("-a", LIFE_CYCLE),
    ("-c", LIMITS),
];

/// Why there is no such `option`, if docker has one.
pub fn reason(option: &str) -> Option<&'static str> {
    let name = option.split('=').next()?;
    REASONS.iter().find(|(known, _)| *known == name).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_found_with_and_without_its_value() {
        assert_eq!(reason("--cpu-shares"), Some(LIMITS));
        assert_eq!(reason("--cpu-shares=5"), Some(LIMITS));
        assert_eq!(reason("-a"), Some(LIFE_CYCLE));
        assert_eq!(reason("--no-such-option"), None);
    }

    #[test]
    fn the_list_is_sorted_and_holds_nothing_twice() {
        assert!(REASONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
