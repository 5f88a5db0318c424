//! `--device`.

use std::str::FromStr;

use crate::oci::{DeviceNode, DeviceRequest, path_inside};

/// `--device HOST[:INSIDE][:PERMISSIONS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceOption(pub DeviceRequest);

impl FromStr for DeviceOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let (source, destination, permissions) = match parts[..] {
            [source] => (source, source, "rwm"),
            [source, permissions] if is_permissions(permissions) => (source, source, permissions),
            [source, destination] => (source, destination, "rwm"),
            [source, destination, permissions] => (source, destination, permissions),
            _ => return Err("not of the form HOST[:INSIDE][:PERMISSIONS]".into()),
        };
        if !source.starts_with('/') {
            return Err(format!("`{source}` is not the absolute path of a device"));
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
