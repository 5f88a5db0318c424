//! The profile of a sandbox that asks for none.
//!
//! What docker's default allows is allowed, and the same capabilities unlock
//! the same calls; an image that runs there runs here. What docker refuses has
//! two kinds here. A call that we know and refuse gives `EPERM`. A number that
//! we do not know gives `ENOSYS`, so that a newer libc falls back to an older
//! call: it takes `EPERM` for an answer to its question, and gives up.
//!
//! Rules are tried in order, and a refusal comes last: `REFUSED` and all of
//! `UNLOCKED` are refused, unless something above allowed them.

use libc::{ENOSYS, EPERM};

use super::numbers::{Architecture, NATIVE};
use crate::oci::{Capability, Seccomp, SeccompArg, SeccompRule};

/// `CLONE_NEW…`: all namespaces that `clone(2)` can make.
const CLONE_NEW: u64 = 0x7e02_0000;

/// Compares the lower half, for arguments of which the kernel reads no more.
const LOW: u64 = 0xffff_ffff;

/// `personality(2)`: Linux, 32-bit `uname`, no randomization of addresses, both
/// of these, and the question which one it is.
const PERSONALITIES: &[u64] = &[0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// `ioctl(2)`: putting input on a terminal, which may be the host's.
const TERMINAL_INPUT: &[u64] = &[0x5412, 0x541c];

/// `socket(2)`: families that nobody keeps safe any more, `AF_ALG` (38), and
/// `AF_VSOCK` (40), which reaches the hypervisor whatever the network is.
const FAMILIES: &[u64] = &[12, 19, 20, 23, 25, 34, 37, 38, 40];
const FIRST_UNKNOWN_FAMILY: u64 = 46;

/// Allowed whoever asks.
#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    // Files and directories.
    "access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range",
    "creat", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64",
    "fallocate", "fanotify_mark", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown",
    "fchown32", "fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr", "flistxattr", "flock",
    "fremovexattr", "fsetxattr", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync",
    "ftruncate", "ftruncate64", "futimesat", "getcwd", "getdents", "getdents64", "getxattr",
    "getxattrat", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch",
    "ioctl", "lchown", "lchown32", "lgetxattr", "link", "linkat", "listmount", "listxattr",
    "listxattrat", "llistxattr", "lremovexattr", "lsetxattr", "lstat", "lstat64", "mkdir",
    "mkdirat", "mknod", "mknodat", "name_to_handle_at", "newfstatat", "open", "openat", "openat2",
    "readlink", "readlinkat", "removexattr", "removexattrat", "rename", "renameat", "renameat2",
    "rmdir", "setxattr", "setxattrat", "stat", "stat64", "statfs", "statfs64", "statmount",
    "statx", "symlink", "symlinkat", "sync", "sync_file_range", "sync_file_range2", "syncfs",
    "truncate", "truncate64", "umask", "unlink", "unlinkat", "utime", "utimensat",
    "utimensat_time64", "utimes",
    // Reading, writing and waiting for it.
    "_llseek", "_newselect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old",
    "epoll_pwait", "epoll_pwait2", "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2",
    "io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_pgetevents_time64",
    "io_setup", "io_submit", "lseek", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "pread64",
    "preadv", "preadv2", "pselect6", "pselect6_time64", "pwrite64", "pwritev", "pwritev2", "read",
    "readahead", "readv", "select", "sendfile", "sendfile64", "signalfd", "signalfd4", "splice",
    "tee", "vmsplice", "write", "writev",
    // Sockets and messages; `socket` has conditions.
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "ipc",
    "listen", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
    "mq_timedreceive_time64", "mq_timedsend", "mq_timedsend_time64", "mq_unlink", "msgctl",
    "msgget", "msgrcv", "msgsnd", "recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg",
    "semctl", "semget", "semop", "semtimedop", "semtimedop_time64", "send", "sendmmsg", "sendmsg",
    "sendto", "setsockopt", "shmat", "shmctl", "shmdt", "shmget", "shutdown", "socketcall",
    "socketpair",
    // Memory.
    "brk", "cachestat", "madvise", "map_shadow_stack", "membarrier", "memfd_create",
    "memfd_secret", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mmap2", "mprotect",
    "mremap", "mseal", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free",
    "pkey_mprotect", "process_mrelease", "remap_file_pages",
    // Processes, threads and signals; `clone` has conditions.
    "alarm", "arch_prctl", "execve", "execveat", "exit", "exit_group", "fork", "futex",
    "futex_requeue", "futex_time64", "futex_wait", "futex_waitv", "futex_wake", "get_robust_list",
    "get_thread_area", "getcpu", "getpgid", "getpgrp", "getpid", "getppid", "getpriority",
    "getrlimit", "getrusage", "getsid", "gettid", "ioprio_get", "ioprio_set", "kill",
    "modify_ldt", "pause", "pidfd_open", "pidfd_send_signal", "prctl", "prlimit64",
    "process_vm_readv", "process_vm_writev", "ptrace", "restart_syscall", "rseq", "rt_sigaction",
    "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
    "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
    "sched_getscheduler", "sched_rr_get_interval", "sched_rr_get_interval_time64",
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield",
    "set_robust_list", "set_thread_area", "set_tid_address", "setpgid", "setpriority",
    "setrlimit", "setsid", "sigaltstack", "sigprocmask", "sigreturn", "tgkill", "tkill",
    "ugetrlimit", "uretprobe", "vfork", "wait4", "waitid", "waitpid",
    // Users, groups and what may restrict them further.
    "capget", "capset", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32",
    "getgroups", "getgroups32", "getresgid", "getresgid32", "getresuid", "getresuid32", "getuid",
    "getuid32", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self",
    "seccomp", "setfsgid", "setfsgid32", "setfsuid", "setfsuid32", "setgid", "setgid32",
    "setgroups", "setgroups32", "setregid", "setregid32", "setresgid", "setresgid32", "setresuid",
    "setresuid32", "setreuid", "setreuid32", "setuid", "setuid32",
    // Time, and the machine.
    "adjtimex", "clock_adjtime", "clock_adjtime64", "clock_getres", "clock_getres_time64",
    "clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "getitimer",
    "getrandom", "gettimeofday", "nanosleep", "setitimer", "sysinfo", "time", "timer_create",
    "timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime",
    "timer_settime64", "timerfd_create", "timerfd_gettime", "timerfd_gettime64",
    "timerfd_settime", "timerfd_settime64", "times", "uname",
];

/// Refused without the capability.
#[rustfmt::skip]
const UNLOCKED: &[(Capability, &[&str])] = &[
    (Capability::CAP_BPF, &["bpf"]),
    (Capability::CAP_DAC_READ_SEARCH, &["open_by_handle_at"]),
    (Capability::CAP_PERFMON, &["perf_event_open"]),
    (Capability::CAP_SYS_ADMIN, &[
        "bpf", "clone", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick",
        "lookup_dcookie", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "mount",
        "mount_setattr", "move_mount", "open_tree", "perf_event_open", "quotactl", "quotactl_fd",
        "setdomainname", "sethostname", "setns", "syslog", "umount", "umount2", "unshare",
    ]),
    (Capability::CAP_SYS_BOOT, &["reboot"]),
    (Capability::CAP_SYS_CHROOT, &["chroot"]),
    (Capability::CAP_SYS_MODULE, &["delete_module", "finit_module", "init_module"]),
    (Capability::CAP_SYS_NICE, &[
        "get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node",
    ]),
    (Capability::CAP_SYS_PACCT, &["acct"]),
    (Capability::CAP_SYS_PTRACE, &["kcmp", "pidfd_getfd", "process_madvise"]),
    (Capability::CAP_SYS_RAWIO, &["ioperm", "iopl"]),
    (Capability::CAP_SYS_TIME, &["clock_settime", "clock_settime64", "settimeofday", "stime"]),
    (Capability::CAP_SYS_TTY_CONFIG, &["vhangup"]),
    (Capability::CAP_SYSLOG, &["syslog"]),
];

/// Refused whoever asks, and what the rules with conditions leave over.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "_sysctl", "add_key", "bdflush", "create_module", "get_kernel_syms", "io_uring_enter",
    "io_uring_register", "io_uring_setup", "kexec_file_load", "kexec_load", "keyctl",
    "migrate_pages", "move_pages", "nfsservctl", "nice", "oldfstat", "oldlstat", "oldolduname",
    "oldstat", "olduname", "open_tree_attr", "personality", "pivot_root", "query_module",
    "readdir", "request_key", "sgetmask", "sigaction", "signal", "sigpending", "sigsuspend",
    "ssetmask", "swapoff", "swapon", "sysfs", "uselib", "userfaultfd", "ustat", "vm86", "vm86old",
];

/// Our profile for a sandbox with these capabilities.
pub fn default_profile(capabilities: &[Capability]) -> Seccomp {
    let granted = UNLOCKED.iter().filter(|(capability, _)| capabilities.contains(capability));
    let mut syscalls: Vec<_> = granted.map(|(_, names)| allow(names, None)).collect();
    syscalls.extend(conditional());
    syscalls.push(allow(ALLOWED, None));
    syscalls.extend(UNLOCKED.iter().map(|(_, names)| refuse(names, None)));
    syscalls.push(refuse(REFUSED, None));
    Seccomp {
        default_action: "SCMP_ACT_ERRNO".into(),
        default_errno_ret: Some(ENOSYS as u32),
        architectures: architectures(),
        syscalls,
    }
}

/// What depends on an argument.
fn conditional() -> Vec<SeccompRule> {
    let mut rules = vec![allow(&["clone"], Some(masked(CLONE_NEW, 0)))];
    // The flags of clone3 are in memory, where a filter cannot see them; libc
    // uses clone if there is no clone3.
    rules.push(rule(&["clone3"], "SCMP_ACT_ERRNO", Some(ENOSYS), None));
    rules.extend(TERMINAL_INPUT.iter().map(|call| refuse(&["ioctl"], Some(low(1, *call)))));
    rules.extend(PERSONALITIES.iter().map(|it| allow(&["personality"], Some(low(0, *it)))));
    rules.extend(FAMILIES.iter().map(|family| refuse(&["socket"], Some(low(0, *family)))));
    rules.push(refuse(&["socket"], Some(at_least(FIRST_UNKNOWN_FAMILY))));
    rules.push(allow(&["socket"], None));
    rules
}

/// Ours, and those whose programs run here as well.
fn architectures() -> Vec<String> {
    let x86 = (NATIVE == Architecture::X86_64).then_some(Architecture::X86);
    [NATIVE].into_iter().chain(x86).map(|architecture| architecture.name().into()).collect()
}

fn allow(names: &[&'static str], arg: Option<SeccompArg>) -> SeccompRule {
    rule(names, "SCMP_ACT_ALLOW", None, arg)
}

fn refuse(names: &[&'static str], arg: Option<SeccompArg>) -> SeccompRule {
    rule(names, "SCMP_ACT_ERRNO", Some(EPERM), arg)
}

fn rule(
    names: &[&'static str],
    action: &str,
    errno: Option<i32>,
    arg: Option<SeccompArg>,
) -> SeccompRule {
    SeccompRule {
        names: names.iter().map(|name| (*name).into()).collect(),
        action: action.into(),
        errno_ret: errno.map(|errno| errno as u32),
        args: arg.into_iter().collect(),
    }
}

/// The first argument, under a mask, is `value`.
fn masked(mask: u64, value: u64) -> SeccompArg {
    SeccompArg { index: 0, value: mask, value_two: value, op: "SCMP_CMP_MASKED_EQ".into() }
}

/// The lower half of an argument is `value`.
fn low(index: u8, value: u64) -> SeccompArg {
    SeccompArg { index, ..masked(LOW, value) }
}

/// The first argument is `value` or more.
fn at_least(value: u64) -> SeccompArg {
    SeccompArg { index: 0, value, value_two: 0, op: "SCMP_CMP_GE".into() }
}
