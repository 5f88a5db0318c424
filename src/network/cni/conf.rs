//! Network configurations: conflists, and single plugins as they were before
//! (CNI specification, section 1).

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Error;

/// A file is read no further, in bytes.
const LONGEST: u64 = 1 << 20;

/// A version of the specification that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Version {
    #[serde(rename = "0.3.0")]
    V0_3_0,
    #[serde(rename = "0.3.1")]
    V0_3_1,
    #[serde(rename = "0.4.0")]
    V0_4_0,
    #[serde(rename = "1.0.0")]
    V1_0_0,
    #[serde(rename = "1.1.0")]
    V1_1_0,
}

impl Version {
    const ALL: [(Self, &str); 5] = [
        (Self::V0_3_0, "0.3.0"),
        (Self::V0_3_1, "0.3.1"),
        (Self::V0_4_0, "0.4.0"),
        (Self::V1_0_0, "1.0.0"),
        (Self::V1_1_0, "1.1.0"),
    ];

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(version, _)| *version)
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether plugins know `CHECK`.
    pub(super) fn has_check(self) -> bool {
        self >= Self::V0_4_0
    }

    /// Whether plugins know `GC` and `STATUS`.
    pub(super) fn has_status(self) -> bool {
        self >= Self::V1_1_0
    }
}

/// A network: the plugins that make it, in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    pub name: String,
    pub version: Version,
    /// Other versions that it is written for.
    pub versions: Vec<Version>,
    /// Whether `CHECK` and `GC` are wanted.
    pub check: bool,
    pub gc: bool,
    pub plugins: Vec<PluginConf>,
    /// Where it was found.
    pub file: PathBuf,
}

/// What one plugin is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginConf {
    /// Its type: the name of its program.
    pub kind: String,
    /// What of [`super::Wishes`] it takes.
    pub capabilities: BTreeSet<String>,
    /// The rest, as it is written.
    pub(super) keys: Map<String, Value>,
}

impl Configuration {
    /// The network of this name, in the first directory that has one.
    ///
    /// # Errors
    /// [`Error::NoSuch`], or what is wrong with its file.
    pub fn find(name: &str, directories: &[PathBuf]) -> Result<Self, Error> {
        let mut broken = None;
        for file in files(directories) {
            match Self::read(&file) {
                Ok(found) if found.name == name => return Ok(found),
                Ok(_) => {}
                Err(error) => broken = broken.or(named_so(&file, name).then_some(error)),
            }
        }
        let places = directories.iter().map(|path| path.display().to_string());
        let none = || Error::NoSuch { name: name.into(), places: places.collect() };
        Err(broken.unwrap_or_else(none))
    }

    /// All networks, by name: of several with one name the first. Those whose files
    /// are wrong are left out.
    pub fn all(directories: &[PathBuf]) -> Vec<Self> {
        let mut all: Vec<Self> =
            files(directories).iter().filter_map(|file| Self::read(file).ok()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.dedup_by(|later, first| later.name == first.name);
        all
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::Wrong`].
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text =
            read_text(file).map_err(|source| Error::Unreadable { file: file.into(), source })?;
        Self::parse(&text, file).map_err(|what| Error::Wrong { file: file.into(), what })
    }

    fn parse(text: &str, file: &Path) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let Value::Object(mut keys) = value else { return Err("it is no object".into()) };
        let name = keys.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !is_name(&name) {
            return Err(format!("`{name}` is no name for a network"));
        }
        let version = version(&keys)?;
        let is_set = |key: &str| flag(keys.get(key));
        let (check, gc) = (!is_set("disableCheck")?, !is_set("disableGC")?);
        let alone = is_set("loadOnlyInlinedPlugins")?;
        let versions = keys.get("cniVersions").and_then(Value::as_array).into_iter().flatten();
        let versions = versions.filter_map(Value::as_str).filter_map(Version::parse).collect();
        let mut plugins = match keys.remove("plugins") {
            Some(Value::Array(plugins)) => plugins,
            Some(_) => return Err("`plugins` is no list".into()),
            None if keys.contains_key("type") => vec![Value::Object(keys)],
            None => Vec::new(),
        };
        if !alone {
            plugins.extend(beside(file, &name)?);
        }
        let plugins = plugins.into_iter().map(PluginConf::new).collect::<Result<Vec<_>, _>>()?;
        if plugins.is_empty() {
            return Err("it has no plugins".into());
        }
        Ok(Self { name, version, versions, check, gc, plugins, file: file.into() })
    }

    /// Whether any of its plugins takes such a wish.
    pub fn takes(&self, capability: &str) -> bool {
        self.plugins.iter().any(|plugin| plugin.capabilities.contains(capability))
    }
}

impl PluginConf {
    fn new(value: Value) -> Result<Self, String> {
        let Value::Object(mut keys) = value else { return Err("a plugin is no object".into()) };
        let kind = keys.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        // It is looked for in directories of plugins, and nowhere else.
        if kind.is_empty() || kind.contains('/') || kind == "." || kind == ".." {
            return Err(format!("`{kind}` is no type of a plugin"));
        }
        let capabilities = match keys.remove("capabilities") {
            Some(Value::Object(all)) => all,
            _ => Map::new(),
        };
        let wanted = capabilities.into_iter().filter(|(_, wanted)| wanted == &Value::Bool(true));
        Ok(Self { kind, capabilities: wanted.map(|(name, _)| name).collect(), keys })
    }
}

/// The version that it is written for. Files without one are of the first, which is
/// history.
fn version(keys: &Map<String, Value>) -> Result<Version, String> {
    let text = keys.get("cniVersion").and_then(Value::as_str).unwrap_or("0.1.0");
    Version::parse(text).ok_or_else(|| {
        format!("cniVersion `{text}` is not one of 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0")
    })
}

/// Text has been taken for a flag since before there was a specification of it.
fn flag(value: Option<&Value>) -> Result<bool, String> {
    match value {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(other) => Err(format!("`{other}` is neither true nor false")),
    }
}

/// Further plugins, which are in a directory of the network's name.
fn beside(file: &Path, name: &str) -> Result<Vec<Value>, String> {
    let directory = file.with_file_name(name);
    let files = sorted(&directory, &["conf"]).into_iter();
    let read = |file: PathBuf| {
        let text = read_text(&file).map_err(|error| error.to_string());
        text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
            .map_err(|error| format!("{}: {error}", file.display()))
    };
    files.map(read).collect()
}

/// All that may be configurations: in each directory lists come first.
fn files(directories: &[PathBuf]) -> Vec<PathBuf> {
    let of = |directory: &PathBuf| {
        let lists = sorted(directory, &["conflist"]).into_iter();
        lists.chain(sorted(directory, &["conf", "json"])).collect::<Vec<_>>()
    };
    directories.iter().flat_map(of).collect()
}

fn sorted(directory: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let fits = |path: &PathBuf| {
        path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted))
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(fits).collect();
    files.sort();
    files
}

/// Whether a file that cannot be read may be meant: `10-NAME.conflist`.
fn named_so(file: &Path, name: &str) -> bool {
    file.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with(name))
}

fn read_text(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Section 2 of the specification, parameters; also of containers' ids.
pub(super) fn is_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 200
        && text.chars().all(is_inner)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::network::cni) fn parsed(text: &str) -> Configuration {
        Configuration::parse(text, Path::new("/absent/x.conflist")).unwrap()
    }

    fn directory(test: &str, files: &[(&str, &str)]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("cni-conf-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for (name, text) in files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        path
    }

    #[test]
    fn a_list_and_a_single_plugin_are_read() {
        let list = r#"{"cniVersion":"1.1.0","cniVersions":["1.0.0","7.0.0"],"name":"n",
            "disableCheck":"true","plugins":[{"type":"bridge","bridge":"cni0",
            "capabilities":{"ips":true,"mac":false}},{"type":"portmap"}]}"#;
        let list = parsed(list);
        assert_eq!((list.version, list.check, list.gc), (Version::V1_1_0, false, true));
        assert_eq!(list.versions, [Version::V1_0_0]);
        assert!(list.takes("ips") && !list.takes("mac"));
        assert_eq!(list.plugins[0].keys["bridge"], "cni0");
        assert_eq!(list.plugins[1].kind, "portmap");
        let single = parsed(r#"{"cniVersion":"0.4.0","name":"one","type":"loopback"}"#);
        assert_eq!(single.plugins[0].kind, "loopback");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("{", "EOF"),
            ("[]", "no object"),
            (r#"{"name":"../n","plugins":[]}"#, "`../n` is no name"),
            (r#"{"name":"n","type":"x"}"#, "`0.1.0` is not one of"),
            (r#"{"cniVersion":"2.0.0","name":"n","type":"x"}"#, "`2.0.0` is not one of"),
            (r#"{"cniVersion":"1.0.0","name":"n"}"#, "no plugins"),
            (
                r#"{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"../x"}]}"#,
                "`../x` is no type",
            ),
            (r#"{"cniVersion":"1.0.0","name":"n","plugins":[{}]}"#, "`` is no type"),
            (r#"{"cniVersion":"1.0.0","name":"n","plugins":7}"#, "no list"),
            (r#"{"cniVersion":"1.0.0","name":"n","type":"x","disableGC":3}"#, "neither true"),
        ];
        for (text, what) in cases {
            let error = Configuration::parse(text, Path::new("/absent/x")).unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn the_first_directory_and_lists_come_first() {
        let list = |name: &str, kind: &str| {
            format!(r#"{{"cniVersion":"1.0.0","name":"{name}","plugins":[{{"type":"{kind}"}}]}}"#)
        };
        let (a, b, c) = (list("n", "list"), list("m", "other"), list("n", "second"));
        let single = r#"{"cniVersion":"1.0.0","name":"n","type":"single"}"#;
        let files =
            [("00.conf", single), ("10.conflist", &a), ("20.json", &b), ("30-k.conflist", "{")];
        let first = directory("first", &files);
        let second =
            directory("second", &[("10.conflist", &c), ("40-k.conflist", &list("k", "x"))]);
        let places = [first.clone(), PathBuf::from("/absent"), second.clone()];
        let find = |name| Configuration::find(name, &places);
        assert_eq!(find("n").unwrap().plugins[0].kind, "list");
        assert_eq!(find("k").unwrap().plugins[0].kind, "x");
        let names: Vec<String> =
            Configuration::all(&places).into_iter().map(|found| found.name).collect();
        assert_eq!(names, ["k", "m", "n"]);
        assert!(matches!(find("none"), Err(Error::NoSuch { .. })));
        let broken = Configuration::find("k", &places[..1]).unwrap_err();
        assert!(broken.to_string().contains("30-k.conflist"), "{broken}");
        fs::remove_dir_all(first).unwrap();
        fs::remove_dir_all(second).unwrap();
    }

    #[test]
    fn plugins_beside_a_list_are_appended_unless_it_wants_none() {
        let list = r#"{"cniVersion":"1.1.0","name":"n","plugins":[{"type":"a"}]}"#;
        let alone = list.replace("\"name\"", "\"loadOnlyInlinedPlugins\":true,\"name\"");
        let more = [("n.conflist", list), ("alone", &alone), ("n/5.conf", r#"{"type":"b"}"#)];
        let path = directory("beside", &more);
        let kinds = |file: &str| {
            let read = Configuration::read(&path.join(file)).unwrap();
            read.plugins.into_iter().map(|plugin| plugin.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds("n.conflist"), ["a", "b"]);
        assert_eq!(kinds("alone"), ["a"]);
        fs::remove_dir_all(path).unwrap();
    }
}
