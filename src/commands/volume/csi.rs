//! What only volumes of CSI drivers have: their options, and `sandbox volume driver`.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::json;

use crate::{
    commands::{Context, csi, options::parse_size},
    error::Error,
    oci::{CsiDriver, CsiOrigin, CsiVolume},
    storage,
    sys::fs::random,
    ui,
};

/// Show what a CSI driver is and can do, as JSON (CSI `GetPluginInfo`)
///
/// It is waited for until it is ready (`Probe`).
#[derive(Debug, clap::Args)]
pub(super) struct DriverArgs {
    /// Driver: its name in config.toml, or unix:///PATH
    #[arg(value_name = "DRIVER")]
    driver: String,
}

pub(super) fn driver(args: &DriverArgs, context: &Context) -> Result<(), Error> {
    let settings = csi::find(&args.driver, &context.config.csi)?;
    let portrait = storage::csi::Driver::connect(&settings).and_then(|driver| driver.portrait());
    let portrait = portrait.map_err(storage::Error::Csi)?;
    ui::print_json(&json!({
        "Name": portrait.name,
        "Version": portrait.version,
        "Manifest": portrait.manifest,
        "NodeId": portrait.node_id,
        "PluginCapabilities": portrait.plugin,
        "ControllerCapabilities": portrait.controller,
        "NodeCapabilities": portrait.node,
    }))
}

/// What the options of a volume ask of its driver; what is not ours is the driver's.
pub(super) fn volume(
    name: &str,
    options: &BTreeMap<String, String>,
    driver: &CsiDriver,
) -> Result<CsiVolume, Error> {
    let get = |name: &str| options.get(name).map(String::as_str);
    let size = |name| get(name).map(parse_size).transpose().map_err(Error::usage);
    let flags = get("mountFlags").unwrap_or_default().split(',').filter(|flag| !flag.is_empty());
    Ok(CsiVolume {
        key: new_key(name)?,
        origin: origin(options)?,
        required_bytes: size("size")?,
        limit_bytes: size("limit")?,
        fs_type: get("fsType").unwrap_or_default().into(),
        mount_flags: flags.map(String::from).collect(),
        access: get("access").map_or(Ok(Default::default()), str::parse).map_err(Error::usage)?,
        parameters: parameters(options, driver),
        secrets: get("secrets").map(absolute).transpose()?,
    })
}

const OURS: [&str; 7] = ["size", "limit", "fsType", "mountFlags", "access", "secrets", "id"];
const CONTEXT: &str = "context:";

fn origin(options: &BTreeMap<String, String>) -> Result<CsiOrigin, Error> {
    let context = options.iter();
    let context: BTreeMap<String, String> = context
        .filter_map(|(key, value)| Some((key.strip_prefix(CONTEXT)?.into(), value.clone())))
        .collect();
    match options.get("id") {
        Some(id) if !id.is_empty() => Ok(CsiOrigin::Adopted { id: id.clone(), context }),
        Some(_) => Err(Error::usage("`id=` must be the driver's id of a volume")),
        None if context.is_empty() => Ok(CsiOrigin::Empty),
        None => {
            Err(Error::usage("`context:` is that of a volume which is there: name it by `id=`"))
        }
    }
}

fn parameters(options: &BTreeMap<String, String>, driver: &CsiDriver) -> BTreeMap<String, String> {
    let is_ours = |key: &str| OURS.contains(&key) || key.starts_with(CONTEXT);
    let theirs = options.iter().filter(|(key, _)| !is_ours(key));
    let mut all = driver.parameters.clone();
    all.extend(theirs.map(|(key, value)| (key.clone(), value.clone())));
    all
}

fn absolute(path: &str) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|error| Error::usage(format!("`secrets={path}`: {error}")))
}

/// A name that nobody else gives to anything at the same driver, for two who do would
/// have one volume. CSI names end at 128 bytes.
pub(super) fn new_key(name: &str) -> Result<String, Error> {
    let random = random();
    let random = random.map_err(|source| Error::System { step: "name the volume", source })?;
    let name: String = name.chars().take(100).collect();
    Ok(format!("{name}-{random:016x}"))
}

#[cfg(test)]
mod tests {
    use super::{super::describe::pair, *};
    use crate::oci::CsiAccess;

    fn wanted(options: &[&str]) -> Result<CsiVolume, String> {
        let mut driver = CsiDriver::at("/s".into());
        driver.parameters = BTreeMap::from([("pool".into(), "slow".into())]);
        let options = options.iter().map(|option| pair(option)).collect();
        volume("name", &options, &driver).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_ours_is_the_driver_s() {
        let options = ["size=1g", "access=multi-node-multi-writer", "mountFlags=a,b", "pool=fast"];
        let made = wanted(&options).unwrap();
        assert_eq!((made.required_bytes, made.limit_bytes), (Some(1 << 30), None));
        assert_eq!((made.access, made.mount_flags.len()), (CsiAccess::MultiNodeMultiWriter, 2));
        assert_eq!(made.parameters, BTreeMap::from([("pool".into(), "fast".into())]));
        assert!(made.key.starts_with("name-") && made.key != wanted(&options).unwrap().key);
    }

    #[test]
    fn a_volume_that_is_there_is_named_by_its_id() {
        let context = BTreeMap::from([("a".into(), "b".into())]);
        let adopted = wanted(&["id=v1", "context:a=b"]).unwrap();
        assert_eq!(adopted.origin, CsiOrigin::Adopted { id: "v1".into(), context });
        assert!(wanted(&["context:a=b"]).unwrap_err().contains("`id=`"));
        assert!(wanted(&["id="]).is_err());
        assert!(wanted(&["access=x"]).unwrap_err().contains("single-node-writer"));
    }
}
