//! Filters are run by a small interpreter, and compared with their rules.

use proptest::prelude::*;

use super::*;
use crate::{
    oci::{Capability, Seccomp, SeccompArg, SeccompRule},
    runtime::seccomp::{
        action::{action, errno},
        numbers::{Architecture, NATIVE, numbers},
    },
};

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const EPERM: u32 = libc::SECCOMP_RET_ERRNO | 1;
const ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | 38;
const SUCCESS: u32 = libc::SECCOMP_RET_ERRNO;

/// Numbers of the architecture that runs the test.
fn number(name: &str) -> u32 {
    number_on(NATIVE, name).unwrap_or_else(|| panic!("no {name} here"))
}

fn number_on(architecture: Architecture, name: &str) -> Option<u32> {
    Some(numbers(name)?.on(architecture)? as u32)
}

/// One system call, as a filter sees it.
#[derive(Debug, Clone, Copy)]
struct Call {
    architecture: u32,
    number: u32,
    args: [u64; 6],
}

impl Call {
    fn native(name: &str, args: &[u64]) -> Self {
        Self::numbered(NATIVE, number(name), args)
    }

    fn numbered(architecture: Architecture, number: u32, given: &[u64]) -> Self {
        let mut args = [0; 6];
        args[..given.len()].copy_from_slice(given);
        Self { architecture: architecture.token(), number, args }
    }

    /// A word of `seccomp_data`; a word at another offset is a mistake.
    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.architecture,
            _ => {
                assert!((16..64).contains(&offset) && offset.is_multiple_of(4), "offset {offset}");
                (self.args[(offset as usize - 16) / 8] >> (offset % 8 * 8)) as u32
            }
        }
    }
}

/// Runs a filter as the kernel would.
fn run(program: &[Instruction], call: &Call) -> u32 {
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        let jump = |condition| usize::from(if condition { jt } else { jf });
        match code {
            0x20 => accumulator = call.word(k),
            0x54 => accumulator &= k,
            0x05 => at += k as usize,
            0x15 => at += jump(accumulator == k),
            0x25 => at += jump(accumulator > k),
            0x35 => at += jump(accumulator >= k),
            0x06 => return k,
            _ => panic!("instruction {code:#x}"),
        }
    }
}

/// Whether an argument is as the rule wants it.
fn matches(arg: &SeccompArg, call: &Call) -> bool {
    let actual = call.args[usize::from(arg.index)];
    match arg.op.as_str() {
        "SCMP_CMP_EQ" => actual == arg.value,
        "SCMP_CMP_NE" => actual != arg.value,
        "SCMP_CMP_LT" => actual < arg.value,
        "SCMP_CMP_LE" => actual <= arg.value,
        "SCMP_CMP_GE" => actual >= arg.value,
        "SCMP_CMP_GT" => actual > arg.value,
        "SCMP_CMP_MASKED_EQ" => actual & arg.value == arg.value_two,
        other => panic!("{other}"),
    }
}

/// The rules that name a call.
fn rules_for(seccomp: &Seccomp, architecture: Architecture, number: u32) -> Vec<&SeccompRule> {
    let names = |rule: &&SeccompRule| {
        rule.names.iter().any(|name| number_on(architecture, name) == Some(number))
    };
    seccomp.syscalls.iter().filter(names).collect()
}

/// What the rules say, one after the other.
fn evaluate(seccomp: &Seccomp, rules: &[&SeccompRule], call: &Call) -> u32 {
    match rules.iter().find(|rule| rule.args.iter().all(|arg| matches(arg, call))) {
        Some(rule) => action(&rule.action, rule.errno_ret).unwrap(),
        None => action(&seccomp.default_action, seccomp.default_errno_ret).unwrap(),
    }
}

fn filter(seccomp: &Seccomp) -> Vec<Instruction> {
    program(Some(seccomp), false).unwrap().unwrap()
}

/// Argument values at which some comparison changes its mind.
fn interesting(seccomp: &Seccomp) -> Vec<u64> {
    let mut values = vec![0, 1, u64::MAX];
    for arg in seccomp.syscalls.iter().flat_map(|rule| &rule.args) {
        for value in [arg.value, arg.value_two] {
            values.extend([value.wrapping_sub(1), value, value.wrapping_add(1)]);
            values.extend([value | 1 << 32, value ^ 1 << 63]);
        }
    }
    values.sort_unstable();
    values.dedup();
    values
}

/// The filter gives what the rules say, for all numbers and many arguments.
fn assert_equivalent(seccomp: &Seccomp) {
    let program = filter(seccomp);
    let values = interesting(seccomp);
    for architecture in [NATIVE, Architecture::X86] {
        if architecture != NATIVE && !seccomp.architectures.contains(&architecture.name().into()) {
            continue;
        }
        for number in (0..1000).chain([0x3fff_ffff]) {
            let rules = rules_for(seccomp, architecture, number);
            for value in &values {
                let call = Call::numbered(architecture, number, &[*value; 6]);
                let expected = evaluate(seccomp, &rules, &call);
                assert_eq!(run(&program, &call), expected, "{architecture:?} {call:x?}");
            }
        }
    }
}

const DOCKER_CAPABILITIES: &[Capability] = &[
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_MKNOD,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_SYS_CHROOT,
];

/// A profile in docker's format with every question that can be left open.
const SAMPLE: &str = r#"{
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 38,
    "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": null}
    ],
    "syscalls": [
        {"names": ["read", "no_such_call"], "action": "SCMP_ACT_ALLOW", "args": null},
        {"name": "write", "action": "SCMP_ACT_LOG", "includes": {}},
        {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["mount"], "action": "SCMP_ACT_TRAP", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
        {"names": ["reboot"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "99.0"}},
        {"names": ["getpid"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "arm64"]}},
        {"names": ["getppid"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd64", "arm64"]}},
        {"names": ["socket"], "action": "SCMP_ACT_KILL_PROCESS", "args": [
            {"index": 0, "value": 16, "op": "SCMP_CMP_EQ"},
            {"index": 2, "value": 4294967298, "op": "SCMP_CMP_GT"}]},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [
            {"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]},
        {"names": ["ioctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 25, "args": [
            {"index": 1, "value": 65280, "valueTwo": 21504, "op": "SCMP_CMP_MASKED_EQ"},
            {"index": 2, "value": 4294967296, "op": "SCMP_CMP_LE"},
            {"index": 3, "value": 9, "op": "SCMP_CMP_LT"}]},
        {"names": ["ioctl"], "action": "SCMP_ACT_TRACE", "errnoRet": 3, "args": [
            {"index": 1, "value": 8589934592, "op": "SCMP_CMP_GE"}]},
        {"names": ["ioctl"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["ioctl"], "action": "SCMP_ACT_KILL"}
    ]
}"#;

fn assert_answers(program: &[Instruction], cases: &[(&str, &[u64], u32)]) {
    for (name, args, answer) in cases {
        let found = run(program, &Call::native(name, args));
        assert_eq!(found, *answer, "{name} {args:x?}: {found:#x}");
    }
}

#[test]
fn the_default_refuses_what_docker_refuses() {
    let program = filter(&default_profile(DOCKER_CAPABILITIES));
    let cases: &[(&str, &[u64], u32)] = &[
        ("read", &[], ALLOW),
        ("futex_waitv", &[], ALLOW),
        ("mseal", &[], ALLOW),
        ("chroot", &[], ALLOW),
        ("ptrace", &[], ALLOW),
        ("chown", &[], ALLOW),
        ("mount", &[], EPERM),
        ("fsopen", &[], EPERM),
        ("open_tree", &[], EPERM),
        ("unshare", &[0x1000_0000], EPERM),
        ("setns", &[], EPERM),
        ("pivot_root", &[], EPERM),
        ("keyctl", &[], EPERM),
        ("bpf", &[], EPERM),
        ("userfaultfd", &[], EPERM),
        ("io_uring_setup", &[], EPERM),
        ("clone", &[0x0121_0011], ALLOW),
        ("clone", &[0x1000_0011], EPERM),
        ("clone", &[0x0002_0011], EPERM),
        ("clone3", &[], ENOSYS),
        ("file_setattr", &[], ENOSYS),
        ("personality", &[0], ALLOW),
        ("personality", &[0x2_0008], ALLOW),
        ("personality", &[0xffff_ffff], ALLOW),
        ("personality", &[0x40_0000], EPERM),
        ("socket", &[1], ALLOW),
        ("socket", &[45], ALLOW),
        ("socket", &[38], EPERM),
        ("socket", &[40], EPERM),
        ("socket", &[1 << 32 | 40], EPERM),
        ("socket", &[46], EPERM),
        ("ioctl", &[0, 0x5401], ALLOW),
        ("ioctl", &[0, 0x5412], EPERM),
        ("ioctl", &[0, 0xffff_ffff_0000_5412], EPERM),
        ("ioctl", &[0, 0x541c], EPERM),
    ];
    assert_answers(&program, cases);
}

#[test]
fn capabilities_unlock_calls() {
    let program = filter(&default_profile(&[Capability::CAP_SYS_ADMIN]));
    let cases: &[(&str, &[u64], u32)] = &[
        ("mount", &[], ALLOW),
        ("fsopen", &[], ALLOW),
        ("unshare", &[], ALLOW),
        ("clone", &[0x1000_0011], ALLOW),
        ("clone3", &[], ALLOW),
        ("syslog", &[], ALLOW),
        ("chroot", &[], EPERM),
        ("pivot_root", &[], EPERM),
        ("keyctl", &[], EPERM),
        ("reboot", &[], EPERM),
        ("ioctl", &[0, 0x5412], EPERM),
    ];
    assert_answers(&program, cases);
    for (capability, name) in [
        (Capability::CAP_SYSLOG, "syslog"),
        (Capability::CAP_BPF, "bpf"),
        (Capability::CAP_SYS_BOOT, "reboot"),
        (Capability::CAP_SYS_TIME, "clock_settime"),
    ] {
        let program = filter(&default_profile(&[capability]));
        assert_answers(&program, &[(name, &[], ALLOW), ("mount", &[], EPERM)]);
    }
}

#[test]
fn other_ways_into_the_kernel_are_closed() {
    let program = filter(&default_profile(DOCKER_CAPABILITIES));
    let call = |architecture, number| Call { architecture, number, args: [0; 6] };
    let mips = 8;
    let mut cases = vec![
        (call(mips, 0), KILL),
        (call(NATIVE.token(), 1000), ENOSYS),
        (call(NATIVE.token(), u32::MAX), ENOSYS),
    ];
    if NATIVE == Architecture::X86_64 {
        cases.extend([
            (call(NATIVE.token(), 0x4000_0000), ENOSYS),
            (call(NATIVE.token(), 0x4000_0000 + 165), ENOSYS),
            (call(Architecture::X86.token(), 3), ALLOW),
            (call(Architecture::X86.token(), 21), EPERM),
            (call(Architecture::X86.token(), 213), ALLOW),
            (call(Architecture::X86.token(), 0x4000_0000), ENOSYS),
        ]);
    }
    for (call, answer) in cases {
        assert_eq!(run(&program, &call), answer, "{call:x?}");
    }
}

#[test]
fn an_architecture_that_is_not_listed_is_killed() {
    let mut seccomp = default_profile(&[]);
    seccomp.architectures.clear();
    let program = filter(&seccomp);
    assert_eq!(run(&program, &Call::native("read", &[])), ALLOW);
    if NATIVE != Architecture::X86 {
        assert_eq!(run(&program, &Call::numbered(Architecture::X86, 3, &[])), KILL);
    }
}

#[test]
fn fake_root_succeeds_where_one_id_is_not_enough() {
    let program = program(None, true).unwrap().unwrap();
    let cases: &[(&str, &[u64], u32)] = &[
        ("fchownat", &[], SUCCESS),
        ("setresuid", &[], SUCCESS),
        ("setgroups", &[], SUCCESS),
        ("capset", &[], ALLOW),
        ("mount", &[], ALLOW),
        ("mknodat", &[0, 0, 0o020_666], SUCCESS),
        ("mknodat", &[0, 0, 0o060_666], SUCCESS),
        ("mknodat", &[0, 0, 0o010_666], ALLOW),
        ("mknodat", &[0, 0, 0o100_666], ALLOW),
    ];
    assert_answers(&program, cases);
    if NATIVE == Architecture::X86_64 {
        assert_answers(&program, &[("mknod", &[0, 0o020_666], SUCCESS)]);
        let chown32 = Call::numbered(Architecture::X86, 212, &[]);
        assert_eq!(run(&program, &chown32), SUCCESS);
    }
    let elsewhere = Call { architecture: 8, number: 0, args: [0; 6] };
    assert_eq!(run(&program, &elsewhere), ALLOW);
}

#[test]
fn fake_root_answers_before_the_profile() {
    let seccomp = default_profile(&[]);
    let both = program(Some(&seccomp), true).unwrap().unwrap();
    let cases: &[(&str, &[u64], u32)] = &[
        ("fchownat", &[], SUCCESS),
        ("mknodat", &[0, 0, 0o020_666], SUCCESS),
        ("mknodat", &[0, 0, 0o010_666], ALLOW),
        ("mount", &[], EPERM),
        ("read", &[], ALLOW),
    ];
    assert_answers(&both, cases);
    assert!(program(None, false).unwrap().is_none());
}

#[test]
fn a_profile_in_the_format_of_docker_is_resolved() {
    let program = filter(&profile(SAMPLE, &[]).unwrap());
    let cases: &[(&str, &[u64], u32)] = &[
        ("read", &[], ALLOW),
        ("write", &[], libc::SECCOMP_RET_LOG),
        ("close", &[], ENOSYS),
        ("mount", &[], libc::SECCOMP_RET_TRAP),
        ("ptrace", &[], ALLOW),
        ("reboot", &[], ENOSYS),
        ("getpid", &[], ALLOW),
        ("getppid", &[], ENOSYS),
        ("socket", &[16, 0, 2], ALLOW),
        ("socket", &[16, 0, 1 << 32 | 3], KILL),
        ("socket", &[40, 0, 1 << 33], ENOSYS),
        ("ioctl", &[0, 0x54aa, 1 << 32, 8], errno(25)),
        ("ioctl", &[0, 0x54aa, 1 << 32, 9], ALLOW),
        ("ioctl", &[0, 2 << 32], libc::SECCOMP_RET_TRACE | 3),
    ];
    assert_answers(&program, cases);
    let program = filter(&profile(SAMPLE, &[Capability::CAP_SYS_ADMIN]).unwrap());
    assert_answers(&program, &[("mount", &[], ALLOW)]);
}

#[test]
fn a_profile_that_makes_no_sense_is_refused() {
    let cases = [
        ("{", "the seccomp profile is not valid JSON"),
        (
            r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"],
                "archMap": [{"architecture": "SCMP_ARCH_X86"}]}"#,
            "the seccomp profile has both `architectures` and `archMap`",
        ),
        (
            r#"{"defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{"name": "a", "names": ["b"], "action": "SCMP_ACT_ALLOW"}]}"#,
            "the seccomp profile has both `name` and `names`",
        ),
        (
            r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
                [{"name": "a", "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "x"}}]}"#,
            "`x` in the seccomp profile is not a kernel version",
        ),
    ];
    for (json, message) in cases {
        assert_eq!(profile(json, &[]).unwrap_err().to_string(), message, "{json}");
    }
}

#[test]
fn a_rule_that_cannot_be_compiled_is_refused() {
    let with = |action: &str, index, op: &str| {
        let arg = SeccompArg { index, value: 0, value_two: 0, op: op.into() };
        let names = vec!["read".into()];
        let rule = SeccompRule { names, action: action.into(), errno_ret: None, args: vec![arg] };
        let seccomp = Seccomp { syscalls: vec![rule], ..default_profile(&[]) };
        program(Some(&seccomp), false).unwrap_err().to_string()
    };
    let cases = [
        (
            with("SCMP_ACT_NOTIFY", 0, "SCMP_CMP_EQ"),
            "seccomp action `SCMP_ACT_NOTIFY` is not supported",
        ),
        (with("SCMP_ACT_ALLOW", 0, "SCMP_CMP"), "seccomp operator `SCMP_CMP` is not known"),
        (
            with("SCMP_ACT_ALLOW", 6, "SCMP_CMP_EQ"),
            "a system call has no argument 6; the first is 0, the last 5",
        ),
    ];
    for (found, message) in cases {
        assert_eq!(found, message);
    }
}

#[test]
fn filters_do_what_the_rules_say() {
    assert_equivalent(&default_profile(DOCKER_CAPABILITIES));
    assert_equivalent(&default_profile(&[Capability::CAP_SYS_ADMIN]));
    assert_equivalent(&profile(SAMPLE, &[]).unwrap());
    assert_equivalent(&fake_root::rules());
}

/// Calls enough to fill more than one jump's reach.
const NAMES: &[&str] = &[
    "read", "write", "close", "mmap", "mprotect", "munmap", "brk", "ioctl", "socket", "connect",
    "accept", "sendto", "recvfrom", "bind", "listen", "execve", "exit", "kill", "uname", "fcntl",
    "flock", "fsync", "getcwd", "chdir", "fchmod", "fchown", "umask", "ptrace", "mount", "reboot",
];

/// Each call has other errnos, so nothing coalesces and jumps get long.
#[test]
fn a_long_filter_has_stepping_stones() {
    let rules = NAMES.iter().enumerate().flat_map(|(i, name)| {
        let arg = |value| SeccompArg { index: 5, value, value_two: 0, op: "SCMP_CMP_GT".into() };
        [(i as u64, 2 * i), (1, 2 * i + 1)].map(|(value, errno)| SeccompRule {
            names: vec![(*name).into()],
            action: "SCMP_ACT_ERRNO".into(),
            errno_ret: Some(errno as u32),
            args: vec![arg(value << 31)],
        })
    });
    let seccomp = Seccomp { syscalls: rules.collect(), ..default_profile(&[]) };
    assert!(filter(&seccomp).iter().any(|instruction| instruction.code == 0x05));
    assert_equivalent(&seccomp);
}

/// Profiles that come close to ones of docker's.
fn profiles() -> impl Strategy<Value = String> {
    let rule = (
        "(\"(read|chown|nonsense)\"){0,1}",
        "SCMP_ACT_(ALLOW|ERRNO|KILL|LOG|X)",
        prop_oneof![Just(String::new()), any::<i64>().prop_map(|n| format!(",\"errnoRet\":{n}"))],
        (any::<i8>(), any::<u64>(), "SCMP_CMP_(EQ|NE|MASKED_EQ|X)"),
    );
    let rule = rule.prop_map(|(names, action, errno, (index, value, op))| {
        format!(
            "{{\"names\":[{names}],\"action\":\"{action}\"{errno},\
             \"args\":[{{\"index\":{index},\"value\":{value},\"op\":\"{op}\"}}]}}"
        )
    });
    let action = "SCMP_ACT_(ALLOW|ERRNO|X)";
    (action, prop::collection::vec(rule, 0..5), any::<bool>()).prop_map(|(action, rules, cut)| {
        let text = format!("{{\"defaultAction\":\"{action}\",\"syscalls\":[{}]}}", rules.join(","));
        text[..text.len() - usize::from(cut)].to_owned()
    })
}

proptest! {
    #[test]
    fn any_profile_is_compiled_or_refused(text in profiles()) {
        if let Ok(profile) = profile(&text, &[]) {
            let _ = super::check(&profile);
        }
    }
}
