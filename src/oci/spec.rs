//! What is to be run, and in what surroundings (runtime-spec, `config.md`).
//!
//! The names are the specification's; the fields are the part that we honour.

use std::{borrow::Cow, ffi::CString, path::PathBuf};

pub use caps::Capability;
use serde::{Deserialize, Serialize};

use super::{
    Confinement, KeepId, Overlay, ProcessId, RootFs,
    strings::{self, names},
};

/// Everything `runtime` needs to know; made by `commands/run.rs`.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Name of the sandbox: for directories, logs and the default host name.
    pub id: String,
    pub process: Process,
    pub root: RootFs,
    /// An existing directory that may be covered: the root is mounted there.
    pub scratch: PathBuf,
    /// Nothing below `/` can be changed but what `mounts` bring (EROFS).
    pub readonly_root: bool,
    pub hostname: String,
    /// Files of ours that cover the image's, such as `/etc/hosts`.
    pub files: Vec<SmallFile>,
    /// Made in this order, after `/proc`, `/sys`, `/dev` and `files`.
    pub mounts: Vec<Mount>,
    /// Files hidden inside, such as `/proc/kcore`.
    pub masked_paths: Vec<&'static str>,
    /// Files that cannot be written inside, such as `/proc/sys`.
    pub readonly_paths: Vec<&'static str>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: u64,
    /// What is set of its own namespaces.
    pub parameters: Vec<Parameter>,
    pub network_namespace: Namespace,
    pub pid_namespace: Namespace,
    /// System call filters, or none for `seccomp=unconfined`.
    pub seccomp: Option<Seccomp>,
    /// Whether what needs more than one user id is answered with success
    /// although it is not done (`runtime/seccomp.rs`, "Fake root").
    pub fake_root: bool,
    /// Whose files the caller's are, if not root's.
    pub keep_id: Option<KeepId>,
    /// What holds its limits.
    pub confinement: Confinement,
}

/// Which namespace of a kind a sandbox has (runtime-spec, `config-linux.md`,
/// "Namespaces").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// One that is made for it.
    Own,
    Host,
    /// That of this process, which is in our domain.
    Of(ProcessId),
}

/// The workload.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Whether it gets a terminal of its own.
    pub terminal: bool,
    /// Whether it may read our standard input; else it reads `/dev/null`.
    pub stdin: bool,
    /// Whether our small init is pid 1 and the workload its child.
    pub init: bool,
    pub user: User,
    #[serde(with = "strings")]
    pub args: Vec<CString>,
    /// `KEY=VALUE`, complete but for `HOME`, which depends on `user`.
    #[serde(with = "strings")]
    pub env: Vec<CString>,
    pub cwd: PathBuf,
    /// Bounding set; also permitted and effective when the user is root.
    #[serde(with = "names")]
    pub capabilities: Vec<Capability>,
    pub rlimits: Vec<Rlimit>,
    /// How soon it ends when memory is short, from -1000 to 1000 (`proc_pid_oom_score_adj(5)`);
    /// none for as soon as we do.
    #[serde(default)]
    pub oom_score_adj: Option<i16>,
    pub no_new_privileges: bool,
}

/// Whom to run as, as it was typed: names are looked up inside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// `NAME|UID[:GROUP|GID]`; empty for root.
    pub user: String,
    /// Names or numbers of further groups.
    pub additional_groups: Vec<String>,
}

impl User {
    /// Podman's word, among further groups, for those of the caller.
    pub const KEEP_GROUPS: &str = "keep-groups";

    /// Whether the caller's groups are kept, of which no number is known inside.
    pub fn keeps_groups(&self) -> bool {
        self.additional_groups.iter().any(|group| group == Self::KEEP_GROUPS)
    }
}

/// A resource limit (`setrlimit(2)`); `u64::MAX` is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rlimit {
    /// `RLIMIT_…`, as a number.
    pub resource: u32,
    pub soft: u64,
    pub hard: u64,
}

/// A parameter of the kernel (`sysctl(8)`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, with dots or slashes.
    pub name: String,
    pub value: String,
}

impl Parameter {
    /// The file that it is. In a name with slashes, dots belong to the names of
    /// network devices.
    pub fn path(&self) -> PathBuf {
        let name = match self.name.contains('/') {
            true => self.name.clone(),
            false => self.name.replace('.', "/"),
        };
        PathBuf::from("/proc/sys").join(name)
    }
}

/// A file that is made for a sandbox and mounted in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallFile {
    /// Absolute path inside.
    pub path: PathBuf,
    pub content: String,
    /// Whether it is left out where there is no directory for it.
    pub optional: bool,
}

/// One mount inside the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mount {
    /// Absolute path inside; missing parts are created in the root.
    pub destination: PathBuf,
    pub kind: MountKind,
    pub readonly: bool,
    /// What else may not be done below a bind.
    #[serde(default)]
    pub flags: MountFlags,
}

/// As in `mount(8)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MountFlags {
    pub nosuid: bool,
    pub nodev: bool,
    pub noexec: bool,
    /// Whether what the host mounts below later is seen, too.
    #[serde(default)]
    pub slave: bool,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MountKind {
    /// A directory or file of the host, with what is mounted below it.
    Bind { source: PathBuf },
    /// What is at this path in a directory, whatever the links there say.
    Within { directory: PathBuf, path: PathBuf },
    /// What another process has mounted at `mountpoint` in its own mount namespace, and
    /// of that what is at `path`, whatever the links there say.
    Elsewhere { process: ProcessId, mountpoint: PathBuf, path: PathBuf },
    /// An empty file system in memory; `size` in bytes, `mode` as in chmod.
    Tmpfs { size: Option<u64>, mode: u32, noexec: bool },
    /// Directories as one, of which what is at `path` is seen. It can be changed if it
    /// has an upper directory.
    Overlay { overlay: Overlay, path: PathBuf },
}

/// An id map of a user namespace: `user_namespaces(7)`, one line of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdMap {
    #[serde(rename = "containerID")]
    pub inside: u32,
    #[serde(rename = "hostID")]
    pub outside: u32,
    #[serde(rename = "size")]
    pub count: u32,
}

/// A system call filter (runtime-spec, `config-linux.md`, "Seccomp").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seccomp {
    /// `SCMP_ACT_…` for calls that no rule names.
    pub default_action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_errno_ret: Option<u32>,
    #[serde(default)]
    pub architectures: Vec<String>,
    #[serde(default)]
    pub syscalls: Vec<SeccompRule>,
}

/// An action for some system calls, perhaps only with certain arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeccompRule {
    pub names: Vec<Cow<'static, str>>,
    pub action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno_ret: Option<u32>,
    #[serde(default)]
    pub args: Vec<SeccompArg>,
}

/// A condition on one argument of a system call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeccompArg {
    /// Which argument, 0 to 5.
    pub index: u8,
    pub value: u64,
    #[serde(default)]
    pub value_two: u64,
    /// `SCMP_CMP_…`.
    pub op: String,
}
