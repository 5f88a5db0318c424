//! `config.toml`: settings that outlive a command.
//!
//! What is not understood is an error: a setting that is misspelt must not be
//! taken for one that is kept.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};

use super::{
    Error,
    registries::{Aliases, Table},
    size::parse_size,
};
use crate::oci::{self, CsiDriver, Registries};

/// Everything that the file may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    /// Whether no registry is asked.
    pub(super) offline: bool,
    pub(super) storage: Storage,
    registries: Table,
    aliases: Aliases,
    #[serde(rename = "image-limits")]
    pub(super) image_limits: LimitSettings,
    pub(super) cni: CniSettings,
    csi: BTreeMap<String, CsiSettings>,
}

/// `[csi.NAME]`: a CSI driver that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CsiSettings {
    #[serde(deserialize_with = "socket")]
    endpoint: PathBuf,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    secrets: Option<PathBuf>,
    /// How long one verb may take, in seconds.
    #[serde(default)]
    timeout: Option<std::num::NonZeroU16>,
}

impl From<CsiSettings> for CsiDriver {
    fn from(set: CsiSettings) -> Self {
        let seconds = |limit: std::num::NonZeroU16| Duration::from_secs(limit.get().into());
        Self {
            socket: set.endpoint,
            parameters: set.parameters,
            secrets: set.secrets,
            timeout: set.timeout.map_or(Self::TIMEOUT, seconds),
        }
    }
}

/// `[cni]`: further places of CNI networks and plugins, which come first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct CniSettings {
    #[serde(deserialize_with = "absolute")]
    pub(super) config_dirs: Vec<PathBuf>,
    #[serde(deserialize_with = "absolute")]
    pub(super) plugin_dirs: Vec<PathBuf>,
    /// How long a plugin may take, in seconds.
    pub(super) timeout: Option<std::num::NonZeroU16>,
}

/// `[image-limits]`: how much an image may ask for; what is not there is as
/// [`oci::ImageLimits`] has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct LimitSettings {
    layer_entries: Option<u64>,
    #[serde(deserialize_with = "size")]
    layer_size: Option<u64>,
    #[serde(deserialize_with = "size")]
    image_size: Option<u64>,
    ratio: Option<u64>,
    #[serde(deserialize_with = "size")]
    ratio_from: Option<u64>,
}

impl From<LimitSettings> for oci::ImageLimits {
    fn from(set: LimitSettings) -> Self {
        let default = Self::default();
        Self {
            layer_entries: set.layer_entries.unwrap_or(default.layer_entries),
            layer_size: set.layer_size.unwrap_or(default.layer_size),
            image_size: set.image_size.unwrap_or(default.image_size),
            ratio: set.ratio.unwrap_or(default.ratio),
            ratio_from: set.ratio_from.unwrap_or(default.ratio_from),
        }
    }
}

/// `[storage]`: the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Bytes on disk beyond which images are evicted, the least recently used
    /// first; none for no limit.
    #[serde(deserialize_with = "size")]
    pub max: Option<u64>,
    /// Stores in which images are found, too, and that are only read; absolute.
    #[serde(deserialize_with = "absolute")]
    pub additional: Vec<PathBuf>,
}

impl File {
    /// Reads the file; one that is not there says nothing.
    ///
    /// # Errors
    /// If it cannot be read, or holds what we do not know.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        match fs::read_to_string(path) {
            Ok(text) => parse_toml(&text, path),
            Err(error) if is_absent(&error) => Ok(Self::default()),
            Err(source) => Err(Error::Unreadable { path: path.into(), source }),
        }
    }

    /// The CSI drivers that have a name.
    pub(super) fn csi(&self) -> BTreeMap<String, CsiDriver> {
        self.csi.iter().map(|(name, set)| (name.clone(), set.clone().into())).collect()
    }

    /// All that is said about registries and names.
    pub(super) fn registries(&self) -> Registries {
        Registries { aliases: self.aliases.0.clone(), ..self.registries.0.clone() }
    }
}

/// Reads what `path` holds, a file of ours in TOML.
///
/// # Errors
/// [`Error::Setting`], with the line, if it holds what `T` does not know.
pub(crate) fn parse_toml<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        // Of several lines, the first says it.
        let what = error.message().lines().next().unwrap_or_default().to_owned();
        Error::Setting { path: PathBuf::from(path), line, what }
    })
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_size(&text).map(Some).map_err(D::Error::custom)
}

fn socket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    CsiDriver::parse_endpoint(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn absolute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    let paths = Vec::<PathBuf>::deserialize(deserializer)?;
    match paths.iter().find(|path| !path.is_absolute()) {
        Some(path) => {
            Err(D::Error::custom(format!("`{}` is not an absolute path", path.display())))
        }
        None => Ok(paths),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<File, String> {
        parse_toml(text, Path::new("/c.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_limit_is_read() {
        let max = |text| parse(text).unwrap().storage.max;
        assert_eq!(max("[storage]\nmax = \"20g\"\n"), Some(20 << 30));
        assert_eq!(max("storage.max = '512MB'"), Some(512 << 20));
        assert_eq!(max("[storage]\n"), None);
        assert_eq!(max(""), None);
        assert!(parse("offline = true").unwrap().offline);
    }

    #[test]
    fn limits_of_images_are_set_one_by_one() {
        let limits = |text| oci::ImageLimits::from(parse(text).unwrap().image_limits);
        assert_eq!(limits(""), oci::ImageLimits::default());
        let set = "[image-limits]\nlayer-entries = 5\nlayer-size = '1m'\nimage-size = '2m'\n\
                   ratio = 7\nratio-from = '3k'\n";
        let (layer_size, image_size, ratio_from) = (1 << 20, 2 << 20, 3 << 10);
        let expected =
            oci::ImageLimits { layer_entries: 5, layer_size, image_size, ratio: 7, ratio_from };
        assert_eq!(limits(set), expected);
        let ratio = oci::ImageLimits { ratio: 9, ..oci::ImageLimits::default() };
        assert_eq!(limits("image-limits.ratio = 9"), ratio);
        assert!(parse("[image-limits]\nratio = -1\n").is_err());
        assert!(parse("[image-limits]\nratios = 1\n").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(\\[?[a-z-]{0,12}\\]?( ?= ?\\PC{0,12})?\n?){0,6}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_size_is_read_or_refused(text in "[0-9]{0,24}[a-zA-Z]{0,4}|\\PC{0,12}") {
            let _ = parse_size(&text);
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        let cases = [
            ("# x\n[storage]\nmaximum = \"1g\"\n", "line 3", "unknown field `maximum`"),
            ("\n[stores]\nmax = \"1g\"\n", "line 2", "unknown field `stores`"),
            ("[storage]\nmax = \"1x\"\n", "line 2", "`x` is not one of"),
            ("[storage]\nmax = 5\n", "line 2", "invalid type"),
            ("[storage\n", "line 1", ""),
            ("[registries]\n\ndefault = \"x\"\n", "line 3", "`x` is not of the form"),
            ("[registries]\ndefalt = \"x.y\"\n", "line 2", "`defalt` is neither"),
            ("[registries]\ntimeout = 0\n", "line 2", "from 1 to 3600"),
            ("[registries.\"a.b\"]\n\nmirror = []\n", "line 3", "unknown field `mirror`"),
            ("[registries.\"a.b\"]\nmirrors = [\"http://x.y\"]\n", "line 2", "scheme"),
            ("[registries.\"a.b/c\"]\n", "line 1", "`a.b/c` is neither"),
            ("[aliases]\nx = \"a.b\"\n", "line 2", "names no repository"),
            ("[aliases]\n\"x:1\" = \"a.b/c\"\n", "line 2", "`x:1` is not a name"),
            ("[aliases]\n\"a.b/x\" = \"a.b/c\"\n", "line 2", "`a.b/x` is not a name"),
        ];
        for (text, line, what) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.contains("/c.toml") && error.contains(line), "{error}");
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn registries_and_aliases_are_read() {
        let text = "[registries]\ndefault = \"r.test\"\ntimeout = 5\n\
                    [registries.\"docker.io\"]\nmirrors = [\"m.test/hub\", \"n.test:5000\"]\n\
                    [registries.\"n.test:5000\"]\ninsecure = true\n\
                    [aliases]\nbuild = \"ghcr.io/me/build\"\n";
        let registries = parse(text).unwrap().registries();
        assert_eq!(registries.default.as_ref().unwrap().to_string(), "r.test");
        assert_eq!(registries.silence.unwrap().as_secs(), 5);
        let hub = registries.of("docker.io");
        let mirrors: Vec<String> = hub.mirrors.iter().map(ToString::to_string).collect();
        assert_eq!(
            (mirrors, hub.insecure),
            (vec!["m.test/hub".into(), "n.test:5000".into()], false)
        );
        assert!(registries.of("n.test:5000").insecure);
        assert_eq!(registries.aliases["build"].to_string(), "ghcr.io/me/build");
    }

    #[test]
    fn further_stores_are_absolute() {
        let file = parse("[storage]\nadditional = [\"/opt/images\", \"/srv/i\"]\n").unwrap();
        assert_eq!(file.storage.additional, [Path::new("/opt/images"), Path::new("/srv/i")]);
        let error = parse("[storage]\nadditional = [\"~/i\"]\n").unwrap_err();
        assert!(error.contains("line 2") && error.contains("`~/i` is not an absolute"), "{error}");
    }

    #[test]
    fn places_of_cni_are_absolute_and_a_plugin_has_some_time() {
        let text = "[cni]\nconfig-dirs = ['/n']\nplugin-dirs = ['/p']\ntimeout = 5\n";
        let cni = parse(text).unwrap().cni;
        assert_eq!(
            (&cni.config_dirs[..], &cni.plugin_dirs[..]),
            (&["/n".into()][..], &["/p".into()][..])
        );
        assert_eq!(cni.timeout.map(u16::from), Some(5));
        assert!(parse("cni.timeout = 0").is_err() && parse("cni.plugin-dirs = ['p']").is_err());
    }

    #[test]
    fn drivers_of_volumes_have_names() {
        let text = "[csi.nas]\nendpoint = 'unix:///run/nas.sock'\nsecrets = '/k'\ntimeout = 5\n\
                    parameters = { pool = 'fast' }\n";
        let nas = parse(text).unwrap().csi()["nas"].clone();
        assert_eq!((nas.socket, nas.secrets), ("/run/nas.sock".into(), Some("/k".into())));
        assert_eq!((nas.parameters["pool"].as_str(), nas.timeout.as_secs()), ("fast", 5));
        for wrong in ["csi.x.endpoint = '/s'", "[csi.x]", "csi.x.endpoint = 'tcp://a:1'"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_file_says_nothing() {
        assert_eq!(File::read(Path::new("/absent/config.toml")).unwrap(), File::default());
    }
}
