//! Everything about a sandbox, by docker's names where it has them.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::networks::{self, by_port, of_networks};
use crate::{
    commands::{
        Context,
        find::{Condition, Found},
    },
    error::Error,
    oci::{
        BaseImage, DeviceRequest, ExitStatus, Gpus, MountRequest, MountSource, PidChoice,
        SandboxConfig, SandboxState, Status, VolumeRequest,
    },
    storage::{Store, StoredVolume},
};

/// Everything about the sandbox that `name` stands for.
pub(super) fn inspect(name: &str, context: &Context) -> Result<Value, Error> {
    let found = Found::look(name, context)?;
    let Condition(state) = found.state()?;
    let config = &found.config;
    let store = Store::unswept(&context.config.root);
    let args: Vec<_> = config.process.args.iter().map(|word| word.to_string_lossy()).collect();
    Ok(json!({
        "Id": config.id,
        "Name": format!("/{}", config.display_name()),
        "Created": config.created,
        "Path": args.first(),
        "Args": args.get(1..),
        "State": of_state(&state),
        "Image": match &config.base {
            BaseImage::Image(digest) => digest.to_string(),
            BaseImage::Directory(path) => format!("rootfs:{}", path.display()),
            BaseImage::Host => "host".into(),
        },
        "LogPath": found.stored.path().join("log"),
        "RestartCount": 0,
        "Driver": "overlay",
        "Platform": "linux",
        "HostConfig": of_host(config, &state),
        "Mounts": config.mounts.iter().map(|mount| of_mount(mount, &store)).collect::<Vec<_>>(),
        "Config": of_config(config),
        "NetworkSettings": of_networks(config, &state, context),
    }))
}

fn of_state(state: &SandboxState) -> Value {
    const NEVER: &str = "0001-01-01T00:00:00Z"; // As Go has it.
    json!({
        "Status": state.status.as_str(),
        "Running": matches!(state.status, Status::Running | Status::Paused),
        "Paused": state.status == Status::Paused,
        "Restarting": false,
        "OOMKilled": state.exit == Some(ExitStatus::OutOfMemory),
        "Dead": false,
        "Pid": state.process.map_or(0, |process| process.pid),
        "SupervisorPid": state.supervisor.map_or(0, |process| process.pid),
        "ExitCode": state.exit.map_or(0, |exit| exit.code()),
        "Error": state.error.as_deref().unwrap_or_default(),
        "Health": state.health,
        "StartedAt": state.started.as_deref().unwrap_or(NEVER),
        "FinishedAt": state.finished.as_deref().unwrap_or(NEVER),
    })
}

fn of_host(config: &SandboxConfig, state: &SandboxState) -> Value {
    let binds = config.mounts.iter().filter_map(|mount| {
        match &mount.kind {
            MountSource::Bind { source, .. } => Some(source.display().to_string()),
            MountSource::Volume(VolumeRequest { name, .. }) => name.clone(),
            _ => None,
        }
        .map(|source| {
            let mode = match (mount.readonly, mount.is_cow()) {
                (true, _) => "ro",
                (false, true) => "cow",
                (false, false) => "rw",
            };
            format!("{source}:{}:{mode}", mount.destination.display())
        })
    });
    let limits = &config.resources;
    let cpus: Vec<String> = limits.cpuset.iter().map(ToString::to_string).collect();
    let swap = match (limits.memory, limits.memory_swap) {
        (None, _) => 0,
        (Some(_), swap) => swap.map_or(-1, |swap| i64::try_from(swap).unwrap_or(i64::MAX)),
    };
    json!({
        "Binds": binds.collect::<Vec<_>>(),
        "Devices": devices(config),
        "DeviceRequests": device_requests(config),
        "NetworkMode": networks::mode(config),
        "PortBindings": by_port(&state.ports),
        "AutoRemove": config.auto_remove,
        "Privileged": config.privileged,
        "ReadonlyRootfs": config.readonly_root,
        "ShmSize": config.shm_size,
        "Memory": limits.memory.unwrap_or(0),
        "MemorySwap": swap,
        "NanoCpus": limits.nano_cpus.unwrap_or(0),
        "CpusetCpus": cpus.join(","),
        "PidsLimit": limits.pids,
        "LimitTiers": state.confinement.tiers,
        "CgroupPath": state.confinement.cgroup,
        "PidMode": match &config.pids {
            PidChoice::Own => String::new(),
            PidChoice::Host => "host".into(),
            PidChoice::Sandbox(name) => format!("container:{name}"),
        },
        "Init": config.process.init,
        "CapEff": config.process.capabilities.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "LogConfig": {
            "Type": if config.log.keeps_nothing() { "none" } else { "cri" },
            "Config": {
                "max-size": config.log.max_size.map_or("-1".into(), |size| size.to_string()),
                "max-file": config.log.max_file.to_string(),
            },
        },
    })
}

/// Nobody knows what a volume was like that has gone: it counts as the store's.
fn of_mount(mount: &MountRequest, store: &Store) -> Value {
    let mut is_readonly = mount.readonly;
    let mut value = match &mount.kind {
        MountSource::Bind { source, .. } => {
            let propagation = if mount.flags.slave { "rslave" } else { "rprivate" };
            json!({ "Type": "bind", "Source": source, "Propagation": propagation })
        }
        MountSource::Tmpfs { .. } => json!({ "Type": "tmpfs", "Source": "", "Propagation": "" }),
        MountSource::Image { image, .. } => {
            json!({ "Type": "image", "Source": image, "Propagation": "" })
        }
        MountSource::Volume(wanted) => {
            let volume = wanted.name.as_ref().and_then(|name| store.volume(name).ok());
            is_readonly |= volume.as_ref().is_some_and(|volume| volume.record.is_readonly());
            let driver = volume.as_ref().map_or("local", |volume| volume.record.driver.as_str());
            let source = volume.as_ref().and_then(StoredVolume::mountpoint).unwrap_or_default();
            let name = &wanted.name;
            json!({
                "Type": "volume",
                "Name": name,
                "Source": source,
                "Driver": driver,
                "Propagation": "",
            })
        }
    };
    if let Some(fields) = value.as_object_mut() {
        fields.insert("Destination".into(), json!(mount.destination));
        fields.insert("Mode".into(), json!(if mount.readonly { "ro" } else { "" }));
        fields.insert("RW".into(), json!(!is_readonly));
    }
    value
}

/// Those that were named by a path.
fn devices(config: &SandboxConfig) -> Vec<Value> {
    let node = |request: &DeviceRequest| match request {
        DeviceRequest::Node(node) => Some(json!({
            "PathOnHost": node.source,
            "PathInContainer": node.destination,
            "CgroupPermissions": node.permissions,
        })),
        _ => None,
    };
    config.devices.iter().filter_map(node).collect()
}

/// Those that spec files describe.
fn device_requests(config: &SandboxConfig) -> Vec<Value> {
    let request = |driver: &str, count: i64, ids: Option<&[String]>| {
        let capabilities = (driver != "cdi").then_some([["gpu"]]);
        json!({
            "Driver": driver,
            "Count": count,
            "DeviceIDs": ids,
            "Capabilities": capabilities,
            "Options": {},
        })
    };
    let of_request = |wanted: &DeviceRequest| match wanted {
        DeviceRequest::Node(_) => None,
        DeviceRequest::Cdi(name) => Some(request("cdi", 0, Some(std::slice::from_ref(name)))),
        DeviceRequest::Gpus(Gpus::All) => Some(request("", -1, None)),
        DeviceRequest::Gpus(Gpus::Count(count)) => Some(request("", i64::from(*count), None)),
        DeviceRequest::Gpus(Gpus::Devices(names)) => Some(request("", 0, Some(names))),
    };
    config.devices.iter().filter_map(of_request).collect()
}

fn of_config(config: &SandboxConfig) -> Value {
    let text = |words: &[std::ffi::CString]| -> Vec<String> {
        words.iter().map(|word| word.to_string_lossy().into_owned()).collect()
    };
    let ports = config.exposed_ports.iter().map(|port| (port.as_str(), json!({})));
    let process = &config.process;
    let signal = nix::sys::signal::Signal::try_from(config.stop_signal);
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let health = config.health.as_ref().map(|check| {
        let test = [&["CMD".to_owned()], &check.command[..]].concat();
        json!({
            "Test": test,
            "Interval": nanoseconds(check.interval),
            "Timeout": nanoseconds(check.timeout),
            "StartPeriod": nanoseconds(check.start_period),
            "StartInterval": nanoseconds(check.start_interval),
            "Retries": check.retries,
        })
    });
    json!({
        "Healthcheck": health,
        "Hostname": config.hostname,
        "User": process.user.user,
        "Tty": process.terminal,
        "OpenStdin": process.stdin,
        "Env": text(&process.env),
        "Cmd": text(&process.args),
        "Entrypoint": null,
        "Image": config.image,
        "WorkingDir": process.cwd,
        "Labels": config.labels,
        "ExposedPorts": ports.collect::<BTreeMap<_, _>>(),
        "StopSignal": signal.map_or("", |signal| signal.as_str()),
    })
}
