//! One spec file: what it says, and whether that can be.

use std::{fs, io::Read, os::unix::fs::OpenOptionsExt, path::Path};

use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{name, yaml};
use crate::oci::path_inside;

/// The longest file that is read, in bytes; true ones have some tens of thousands.
const LONGEST: u64 = 1 << 20;

/// A spec file. As the specification wants it, what is unknown is an error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SpecFile {
    cdi_version: String,
    pub(super) kind: String,
    #[serde(rename = "annotations")]
    _annotations: Option<IgnoredAny>,
    pub(super) devices: Vec<Device>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) container_edits: Edits,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Device {
    pub(super) name: String,
    #[serde(rename = "annotations")]
    _annotations: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) container_edits: Edits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Edits {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) env: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) device_nodes: Vec<Node>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) mounts: Vec<FileMount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) hooks: Vec<Hook>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) additional_gids: Vec<u32>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) net_devices: Vec<IgnoredAny>,
    #[serde(rename = "intelRdt")]
    _intel_rdt: Option<IgnoredAny>,
}

/// A node is bound as it is, so its type, number and owner are the host's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Node {
    pub(super) path: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) host_path: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) permissions: String,
    #[serde(rename = "type")]
    _type: Option<IgnoredAny>,
    #[serde(rename = "major")]
    _major: Option<IgnoredAny>,
    #[serde(rename = "minor")]
    _minor: Option<IgnoredAny>,
    #[serde(rename = "fileMode")]
    _file_mode: Option<IgnoredAny>,
    #[serde(rename = "uid")]
    _uid: Option<IgnoredAny>,
    #[serde(rename = "gid")]
    _gid: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FileMount {
    pub(super) host_path: String,
    pub(super) container_path: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) options: Vec<String>,
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub(super) kind: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Hook {
    pub(super) hook_name: String,
    pub(super) path: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) args: Vec<String>,
    #[serde(rename = "env")]
    _env: Option<IgnoredAny>,
    #[serde(rename = "timeout")]
    _timeout: Option<IgnoredAny>,
}

/// `null` is as good as nothing.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl SpecFile {
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        // A pipe of that name must not hold us up.
        let file = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
        let file = file.map_err(|error| error.to_string())?;
        if !file.metadata().is_ok_and(|status| status.is_file()) {
            return Err("it is not a file".into());
        }
        let mut text = String::new();
        file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
        if text.len() as u64 > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        Self::parse(&text, path.extension().is_some_and(|extension| extension == "json"))
    }

    fn parse(text: &str, is_json: bool) -> Result<Self, String> {
        let file: Self = match is_json {
            true => serde_json::from_str(text).map_err(|error| error.to_string())?,
            false => {
                serde_json::from_value(yaml::parse(text)?).map_err(|error| error.to_string())?
            }
        };
        file.check().map(|()| file)
    }

    fn check(&self) -> Result<(), String> {
        if !is_known(&self.cdi_version) {
            return Err(format!("its version, `{}`, is not known", self.cdi_version));
        }
        if !name::is_kind(&self.kind) {
            return Err(format!("its kind, `{}`, is not of the form vendor/class", self.kind));
        }
        let mut names = std::collections::BTreeSet::new();
        for device in &self.devices {
            if !name::is_device(&device.name) {
                return Err(format!("`{}` cannot be a device's name", device.name));
            }
            if !names.insert(&device.name) {
                return Err(format!("the device `{}` is there twice", device.name));
            }
            device.container_edits.check()?;
        }
        self.container_edits.check()
    }
}

/// 0.3 to 1.1: each version only added something.
fn is_known(version: &str) -> bool {
    let numbers: Vec<Option<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    matches!(numbers[..], [Some(0), Some(3..=8), Some(_)] | [Some(1), Some(0..=1), Some(_)])
}

impl Edits {
    fn check(&self) -> Result<(), String> {
        let is_variable = |text: &&String| text.find('=').is_none_or(|at| at == 0);
        if let Some(text) = self.env.iter().find(is_variable) {
            return Err(format!("`{text}` is not a variable"));
        }
        for node in &self.device_nodes {
            node.check()?;
        }
        for mount in &self.mounts {
            mount.check()?;
        }
        Ok(())
    }
}

impl Node {
    /// Where it is on the host.
    pub(super) fn source(&self) -> &str {
        if self.host_path.is_empty() { &self.path } else { &self.host_path }
    }

    fn check(&self) -> Result<(), String> {
        absolute(self.source())?;
        path_inside(&self.path)?;
        match self.permissions.chars().all(|letter| "rwm".contains(letter)) {
            true => Ok(()),
            false => Err(format!("`{}` are not permissions", self.permissions)),
        }
    }
}

impl FileMount {
    fn check(&self) -> Result<(), String> {
        path_inside(&self.container_path)?;
        match self.kind.as_str() {
            "tmpfs" => Ok(()),
            "" | "none" | "bind" => absolute(&self.host_path),
            other => Err(format!("`{other}` is not a type of mount that there is here")),
        }
    }
}

fn absolute(path: &str) -> Result<(), String> {
    match path.starts_with('/') && !path.contains('\0') {
        true => Ok(()),
        false => Err(format!("the path `{path}` does not begin with /")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn yaml(rest: &str) -> Result<SpecFile, String> {
        SpecFile::parse(&format!("cdiVersion: 0.5.0\nkind: a.b/c\ndevices: []\n{rest}"), false)
    }

    #[test]
    fn both_notations_say_the_same() {
        let json = r#"{"cdiVersion": "0.7.0", "kind": "a.b/c", "devices": [{"name": "0",
            "containerEdits": {"env": ["A=1"], "additionalGids": [7], "hooks": null}}]}"#;
        let text = "cdiVersion: 0.7.0\nkind: a.b/c\ndevices:\n- name: '0'\n  containerEdits:\n    \
                    env: [A=1]\n    additionalGids: [7]\n    hooks:\n";
        for file in [SpecFile::parse(json, true), SpecFile::parse(text, false)] {
            let file = file.unwrap();
            let edits = &file.devices[0].container_edits;
            assert_eq!((edits.env[0].as_str(), &edits.additional_gids[..]), ("A=1", &[7][..]));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let long = "containerEdits: {deviceNodes: [{path: dev/x}]}";
        let cases = [
            ("more: 1", "unknown field `more`"),
            ("containerEdits: {env: [A]}", "`A` is not a variable"),
            ("containerEdits: {env: [=A]}", "`=A` is not a variable"),
            (long, "the path `dev/x` does not begin with /"),
            ("containerEdits: {deviceNodes: [{path: /x, permissions: rx}]}", "`rx` are not permi"),
            ("containerEdits: {mounts: [{hostPath: /a, containerPath: /}]}", "the root directory"),
            (
                "containerEdits: {mounts: [{hostPath: /a, containerPath: /b, type: nfs}]}",
                "`nfs` is not a type",
            ),
        ];
        for (text, why) in cases {
            let error = yaml(text).unwrap_err();
            assert!(error.starts_with(why), "{text}: {error}");
        }
        for (version, known) in
            [("0.3.0", true), ("1.1.0", true), ("0.2.0", false), ("1.2.0", false), ("1", false)]
        {
            assert_eq!(is_known(version), known, "{version}");
        }
    }

    #[test]
    fn a_file_is_read_as_far_as_one_can_be() {
        let path = std::env::temp_dir().join(format!("sandbox-cdi-{}.json", std::process::id()));
        fs::write(&path, " ".repeat(LONGEST as usize + 1)).unwrap();
        assert_eq!(SpecFile::read(&path).unwrap_err(), "it is longer than 1048576 bytes");
        fs::remove_file(&path).unwrap();
        assert_eq!(SpecFile::read(Path::new("/dev/zero")).unwrap_err(), "it is not a file");
    }

    proptest! {
        #[test]
        fn any_file_is_understood_or_refused(
            text in "(cdiVersion|kind|devices|name|containerEdits|env|mounts|hooks|deviceNodes|hostPath|path|[-:\\[\\]{},\"' \\n]|0\\.5\\.0|a/b|null){0,48}"
        ) {
            let _ = SpecFile::parse(&text, true);
            let _ = SpecFile::parse(&text, false);
        }
    }
}
