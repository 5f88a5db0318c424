//! From what was typed to what a volume is.

use std::{collections::BTreeMap, path::PathBuf, time::SystemTime};

use crate::{
    commands::{
        csi,
        options::{is_volume_name, parse_size},
    },
    error::Error,
    oci::{CsiDriver, VolumeKind, VolumeRecord},
    sys::time::rfc3339,
};

/// Describes a volume that is to be made.
///
/// # Errors
/// If the name cannot be one, or the driver does not know an option.
pub(in crate::commands) fn describe(
    name: &str,
    driver: &str,
    options: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    drivers: &BTreeMap<String, CsiDriver>,
) -> Result<VolumeRecord, Error> {
    if !is_volume_name(name) {
        return Err(Error::usage_with_hint(
            format!("`{name}` cannot name a volume"),
            "use at least two letters, digits, `.`, `_` and `-`, a letter or digit first",
        ));
    }
    let kind = match driver {
        "local" => local(&options),
        "tmpfs" => tmpfs(&options),
        "image" => image(&options),
        csi if csi.starts_with(csi::PREFIX) => {
            super::csi::volume(name, &options, &csi::find(csi, drivers)?).map(VolumeKind::Csi)
        }
        other => Err(Error::usage(format!(
            "there is no volume driver `{other}`; there are local, tmpfs, image and csi:NAME"
        ))),
    }?;
    Ok(VolumeRecord {
        version: VolumeRecord::VERSION,
        name: name.into(),
        driver: driver.into(),
        created: rfc3339(SystemTime::now()),
        labels,
        options,
        kind,
        anonymous: false,
        readonly: false,
    })
}

/// docker's options for what its driver of this name mounts.
fn local(options: &BTreeMap<String, String>) -> Result<VolumeKind, Error> {
    let get = |name: &str| options.get(name).map(String::as_str);
    known(options, &["type", "o", "device", "size"])?;
    if get("size").is_some() {
        return Err(Error::usage_with_hint(
            "the size of a directory cannot be limited here: only root may set a quota",
            "`--driver tmpfs --opt size=N` makes a volume in memory, which has a size",
        ));
    }
    let flags: Vec<&str> =
        get("o").unwrap_or_default().split(',').filter(|it| !it.is_empty()).collect();
    match get("type").unwrap_or("none") {
        "tmpfs" => tmpfs(&flags.iter().map(|flag| pair(flag)).collect()),
        "none" | "bind" if flags.contains(&"bind") || flags.contains(&"rbind") => {
            let source = get("device").map(PathBuf::from).filter(|path| path.is_absolute());
            let source =
                source.ok_or_else(|| Error::usage("`device=` must be an absolute path"))?;
            Ok(VolumeKind::Bind { source, readonly: flags.contains(&"ro") })
        }
        "none" if flags.is_empty() && get("device").is_none() => Ok(VolumeKind::Directory),
        other => Err(Error::usage_with_hint(
            format!("a volume of type `{other}` would have to be mounted by root"),
            "there are type=tmpfs, and type=none with o=bind and device=DIR",
        )),
    }
}

fn tmpfs(options: &BTreeMap<String, String>) -> Result<VolumeKind, Error> {
    known(options, &["size", "mode"])?;
    let size = options.get("size").map(|text| parse_size(text)).transpose();
    let mode = options.get("mode").map_or(Ok(0o1777), |text| u32::from_str_radix(text, 8));
    match (size, mode) {
        (Ok(size), Ok(mode @ 0..=0o7777)) => Ok(VolumeKind::Tmpfs { size, mode }),
        (Err(what), _) => Err(Error::usage(what)),
        _ => Err(Error::usage("`mode=` is not a mode such as 1777")),
    }
}

fn image(options: &BTreeMap<String, String>) -> Result<VolumeKind, Error> {
    known(options, &["image"])?;
    match options.get("image") {
        Some(image) => Ok(VolumeKind::Image { image: image.clone() }),
        None => Err(Error::usage("the driver `image` needs `--opt image=NAME`")),
    }
}

fn known(options: &BTreeMap<String, String>, names: &[&str]) -> Result<(), Error> {
    match options.keys().find(|key| !names.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let names = names.join(", ");
            Err(Error::usage(format!("the option `{key}` is not known; there are {names}")))
        }
    }
}

/// `KEY=VALUE`, of which the value may be missing.
pub(super) fn pair(text: &str) -> (String, String) {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    (key.into(), value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(driver: &str, options: &[&str]) -> Result<VolumeKind, String> {
        let options = options.iter().map(|option| pair(option)).collect();
        let made = describe("name", driver, options, BTreeMap::new(), &BTreeMap::new());
        made.map(|record| record.kind).map_err(|error| error.to_string())
    }

    #[test]
    fn what_needs_no_root_can_be_had() {
        let bind = |readonly| Ok(VolumeKind::Bind { source: "/a".into(), readonly });
        let tmpfs = |size, mode| Ok(VolumeKind::Tmpfs { size, mode });
        assert_eq!(kind("local", &[]), Ok(VolumeKind::Directory));
        assert_eq!(kind("local", &["type=none", "o=bind", "device=/a"]), bind(false));
        assert_eq!(kind("local", &["o=bind,ro", "device=/a"]), bind(true));
        let options = ["type=tmpfs", "device=tmpfs", "o=size=1m,mode=700"];
        assert_eq!(kind("local", &options), tmpfs(Some(1 << 20), 0o700));
        assert_eq!(kind("tmpfs", &["size=1k"]), tmpfs(Some(1024), 0o1777));
        assert_eq!(kind("image", &["image=a"]), Ok(VolumeKind::Image { image: "a".into() }));
    }

    #[test]
    fn what_cannot_be_is_told() {
        let cases = [
            (kind("local", &["size=1g"]), "only root may set a quota"),
            (kind("local", &["type=nfs", "o=addr=1.2.3.4"]), "mounted by root"),
            (kind("local", &["type=none", "o=bind", "device=a"]), "absolute path"),
            (kind("local", &["type=ext4", "device=/dev/sda"]), "mounted by root"),
            (kind("local", &["x=1"]), "`x` is not known"),
            (kind("tmpfs", &["size=big"]), "big"),
            (kind("tmpfs", &["mode=999"]), "mode"),
            (kind("image", &[]), "--opt image=NAME"),
            (kind("nfs", &[]), "there is no volume driver `nfs`"),
            (kind("csi:nas", &[]), "config.toml has no CSI driver `nas`"),
            (kind("csi:tcp://a:1", &[]), "`tcp://a:1` is no endpoint of a CSI driver"),
        ];
        for (made, expected) in cases {
            let error = made.unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        for bad in ["", "a", "-a", "a b", "a/b", ".a", &"a".repeat(201)] {
            let (options, labels) = (BTreeMap::new(), BTreeMap::new());
            let made = describe(bad, "local", options, labels, &BTreeMap::new());
            assert!(made.is_err(), "{bad}");
        }
    }
}
