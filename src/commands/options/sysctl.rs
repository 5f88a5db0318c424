//! `--sysctl NAME=VALUE`.

use std::str::FromStr;

use crate::oci::Parameter;

/// A parameter of the kernel that a sandbox has for itself (`sysctl(8)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysctl(pub Parameter);

/// What belongs to the IPC namespace (`ipc_namespaces(7)`).
const OF_IPC: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

impl FromStr for Sysctl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("not of the form NAME=VALUE")?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        let is_plain = name.chars().all(allowed) && !name.split(['.', '/']).any(str::is_empty);
        if !is_plain || value.contains('\0') {
            return Err(format!("`{}` is not a parameter of the kernel", text.escape_debug()));
        }
        let of_namespace = OF_IPC.contains(&name)
            || ["net.", "net/", "fs.mqueue."].iter().any(|group| name.starts_with(group));
        match of_namespace {
            true => Ok(Self(Parameter { name: name.into(), value: value.into() })),
            false => Err(format!(
                "`{name}` is the whole machine's; a sandbox has its own of net.*, fs.mqueue.*, \
                 kernel.msg*, kernel.sem and kernel.shm*"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_a_namespace_can_be_set() {
        for good in ["net.ipv4.ip_forward=1", "net/ipv4/conf/eth0.5/forwarding=1", "kernel.sem=1 2"]
        {
            let (name, value) = good.split_once('=').unwrap();
            let parameter = Parameter { name: name.into(), value: value.into() };
            assert_eq!(good.parse(), Ok(Sysctl(parameter)));
        }
        for bad in [
            "net.ipv4.ip_forward",
            "kernel.hostname=x",
            "vm.swappiness=1",
            "net..x=1",
            "net/../vm/swappiness=1",
            "net.=1",
            "=1",
        ] {
            assert!(bad.parse::<Sysctl>().is_err(), "{bad}");
        }
    }
}
