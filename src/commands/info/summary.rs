//! This machine in docker's words, for templates.

use std::{fs, thread::available_parallelism};

use serde::Serialize;

use super::Finding;
use crate::{
    commands::{Context, find::Found},
    error::Error,
    oci::Status,
    runtime::usage::memory_of_the_machine,
    storage::Store,
    sys::kernel,
};

/// What scripts ask for, by docker's names; `Findings` is what `sandbox info` shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Summary {
    name: String,
    server_version: &'static str,
    operating_system: String,
    #[serde(rename = "OSType")]
    os_type: &'static str,
    architecture: &'static str,
    kernel_version: String,
    #[serde(rename = "NCPU")]
    cpus: usize,
    mem_total: u64,
    docker_root_dir: String,
    driver: &'static str,
    logging_driver: &'static str,
    cgroup_version: &'static str,
    default_runtime: &'static str,
    security_options: [&'static str; 2],
    containers: usize,
    containers_running: usize,
    containers_paused: usize,
    containers_stopped: usize,
    images: usize,
    findings: Vec<Finding>,
}

impl Summary {
    pub(super) fn new(findings: Vec<Finding>, context: &Context) -> Result<Self, Error> {
        let root = &context.config.root;
        let all = Found::all(context)?;
        let count = |status| all.iter().filter(|(_, it)| it.0.status == status).count();
        let (running, paused) = (count(Status::Running), count(Status::Paused));
        Ok(Self {
            name: first_line("/proc/sys/kernel/hostname"),
            server_version: env!("CARGO_PKG_VERSION"),
            operating_system: operating_system(),
            os_type: "linux",
            architecture: std::env::consts::ARCH,
            kernel_version: kernel::release(),
            cpus: available_parallelism().map_or(1, usize::from),
            mem_total: memory_of_the_machine(),
            docker_root_dir: root.display().to_string(),
            driver: "overlay",
            logging_driver: "local",
            cgroup_version: "2",
            default_runtime: "sandbox",
            security_options: ["name=seccomp,profile=builtin", "name=rootless"],
            containers: all.len(),
            containers_running: running,
            containers_paused: paused,
            containers_stopped: all.len() - running - paused,
            images: Store::unswept(root).images()?.len(),
            findings,
        })
    }
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().into()
}

/// As `os-release(5)` has it.
fn operating_system() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("Linux").trim_matches('"').into()
}
