//! `--device`, `--gpus`.

use std::str::FromStr;

use crate::{
    devices::cdi,
    oci::{DeviceNode, DeviceRequest, Gpus, path_inside},
};

/// `--device HOST[:INSIDE][:PERMISSIONS]`, or `--device VENDOR/CLASS=NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceOption(pub DeviceRequest);

impl FromStr for DeviceOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.parse::<cdi::Name>().is_ok() {
            return Ok(Self(DeviceRequest::Cdi(text.into())));
        }
        let parts: Vec<&str> = text.split(':').collect();
        let (source, destination, permissions) = match parts[..] {
            [source] => (source, source, "rwm"),
            [source, permissions] if is_permissions(permissions) => (source, source, permissions),
            [source, destination] => (source, destination, "rwm"),
            [source, destination, permissions] => (source, destination, permissions),
            _ => return Err("not of the form HOST[:INSIDE][:PERMISSIONS]".into()),
        };
        if !source.starts_with('/') {
            return Err(format!(
                "`{source}` is neither an absolute path nor a name such as vendor.com/class=name"
            ));
        }
        if !is_permissions(permissions) {
            return Err(format!("the permissions `{permissions}` are not some of r, w and m"));
        }
        Ok(Self(DeviceRequest::Node(DeviceNode {
            source: source.into(),
            destination: path_inside(destination)?,
            permissions: permissions.into(),
        })))
    }
}

/// Each of `r`, `w` and `m` once at most, and one of them at least.
fn is_permissions(text: &str) -> bool {
    let known = text.chars().all(|letter| "rwm".contains(letter));
    let once = "rwm".chars().all(|letter| text.matches(letter).count() <= 1);
    known && once && !text.is_empty()
}

/// `--gpus all`, `--gpus N`, `--gpus device=N,UUID,…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuOption(pub Gpus);

impl FromStr for GpuOption {
    type Err = String;

    /// Docker's list has commas within a value, if that is quoted: `"device=0,1"`. A
    /// word that is no field goes on with the last one.
    fn from_str(text: &str) -> Result<Self, String> {
        let (mut gpus, mut devices, mut field) = (None, Vec::new(), "");
        for word in text.split(',').map(|word| word.trim_matches('"')) {
            let (key, value) = word.split_once('=').unwrap_or((field, word));
            match (key, value) {
                ("" | "count", "all" | "-1") => gpus = Some(Gpus::All),
                ("" | "count", count) => gpus = Some(Gpus::Count(parse_count(count)?)),
                ("device", name) if cdi::is_device(name) => devices.push(name.to_owned()),
                ("device", name) => return Err(format!("`{name}` is not a number or a UUID")),
                // What a driver is asked for has no counterpart in spec files.
                ("driver" | "capabilities", _) => {}
                (key, _) => return Err(format!("the field `{key}` is not known")),
            }
            field = key;
        }
        match (gpus, devices.is_empty()) {
            (Some(_), false) => Err("there is either a count or a device".into()),
            (None, false) => Ok(Self(Gpus::Devices(devices))),
            (gpus, true) => Ok(Self(gpus.unwrap_or(Gpus::Count(1)))),
        }
    }
}

fn parse_count(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|&count| count <= MOST_GPUS);
    count.ok_or_else(|| format!("`{text}` is neither `all` nor a number of GPUs"))
}

/// More is a mistake.
const MOST_GPUS: u32 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn node(source: &str, destination: &str, permissions: &str) -> DeviceOption {
        DeviceOption(DeviceRequest::Node(DeviceNode {
            source: source.into(),
            destination: destination.into(),
            permissions: permissions.into(),
        }))
    }

    #[test]
    fn a_name_of_a_maker_is_no_path() {
        let named = DeviceOption(DeviceRequest::Cdi("a.b/c=0:1".into()));
        assert_eq!("a.b/c=0:1".parse(), Ok(named));
        assert!("a.b/c=".parse::<DeviceOption>().is_err());
    }

    #[test]
    fn gpus_are_all_or_some_or_certain_ones() {
        let devices =
            |names: &[&str]| Gpus::Devices(names.iter().map(|&name| name.into()).collect());
        let cases = [
            ("all", Gpus::All),
            ("2", Gpus::Count(2)),
            ("count=2", Gpus::Count(2)),
            ("-1", Gpus::All),
            ("all,capabilities=utility", Gpus::All),
            ("driver=nvidia,\"capabilities=compute,utility\"", Gpus::Count(1)),
            ("device=0", devices(&["0"])),
            ("device=0,1", devices(&["0", "1"])),
            ("\"device=0,GPU-1a:2\",capabilities=gpu", devices(&["0", "GPU-1a:2"])),
        ];
        for (text, gpus) in cases {
            assert_eq!(text.parse(), Ok(GpuOption(gpus)), "{text}");
        }
        for bad in ["", "some", "-2", "device=", "device=a b", "2,device=0", "options=x", "99999"] {
            assert!(bad.parse::<GpuOption>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_node_has_a_place_inside_and_permissions() {
        let cases = [
            ("/dev/x", node("/dev/x", "/dev/x", "rwm")),
            ("/dev/x:/dev/y", node("/dev/x", "/dev/y", "rwm")),
            ("/dev/x:r", node("/dev/x", "/dev/x", "r")),
            ("/dev/x:/y:rw", node("/dev/x", "/y", "rw")),
            ("/dev/x:/a/../y", node("/dev/x", "/y", "rwm")),
        ];
        for (text, option) in cases {
            assert_eq!(text.parse(), Ok(option), "{text}");
        }
        let bad =
            ["", "dev/x", "/dev/x:y", "/dev/x:/", "/dev/x:/y:", "/dev/x:/y:rr", "/x:/y:a", "/:::"];
        for text in bad {
            assert!(text.parse::<DeviceOption>().is_err(), "{text}");
        }
    }
}
