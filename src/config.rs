//! Settings: the only reader of the environment and of `config.toml`.
//!
//! One [`Config`] is made at the start, before ids change, and handed down.

mod auth;
mod file;
mod offline;
mod registries;
mod size;

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

pub use auth::{Auth, DOCKER_AUTH_CONFIG};
pub use file::Storage;
pub(crate) use file::parse_toml;
use file::{CniSettings, File};
pub use offline::Offline;
pub use size::parse_size;

use crate::{
    hint::Hint,
    oci::{CsiDriver, ImageLimits, Registries},
    sys::accounts,
};

/// What the environment and the global options say.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where images and sandboxes are kept (`--root`, `SANDBOX_ROOT`).
    pub root: PathBuf,
    /// The caller's home directory, which `host` hides.
    pub home: Option<PathBuf>,
    /// `PATH`, to find `newuidmap`.
    pub search_path: String,
    /// Whether colour is unwanted (`NO_COLOR`).
    pub no_color: bool,
    /// The time that images say they were made, in seconds since 1970
    /// (`SOURCE_DATE_EPOCH`); none for the true one.
    pub source_date_epoch: Option<u64>,
    /// How registries are reached.
    pub transport: Transport,
    /// Where credentials for them are.
    pub auth: Auth,
    /// `[registries]` and `[aliases]` of `config.toml`.
    pub registries: Registries,
    /// Why no registry is asked, if none is.
    pub offline: Option<Offline>,
    /// Whether only what `sandbox.lock` records is run (`SANDBOX_LOCKED`).
    pub locked: bool,
    /// Where devices are described, the user's own first (CDI, spec files).
    pub cdi_dirs: Vec<PathBuf>,
    /// Where CNI networks and plugins are.
    pub cni: Cni,
    /// The CSI drivers of `config.toml`, by name.
    pub csi: BTreeMap<String, CsiDriver>,
    /// `[storage]` of `config.toml`.
    pub storage: Storage,
    /// `[image-limits]` of `config.toml`.
    pub image_limits: ImageLimits,
    /// The further stores that it names.
    pub additional: Vec<AdditionalStore>,
}

/// Where CNI networks and plugins are looked for, and how plugins are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cni {
    /// Directories of configurations, the first to have one first.
    pub config_dirs: Vec<PathBuf>,
    /// Directories of plugins, likewise.
    pub plugin_dirs: Vec<PathBuf>,
    /// How long a plugin may take.
    pub timeout: Duration,
}

/// A store that is only read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdditionalStore {
    pub path: PathBuf,
    /// Whether it belongs to the user, who must be known before ids change.
    pub is_ours: bool,
}

/// What the environment says about connections.
#[derive(Debug, Clone, Default)]
pub struct Transport {
    pub http_proxy: Option<String>,
    pub https_proxy: Option<String>,
    /// Hosts that are reached without a proxy, separated by commas.
    pub no_proxy: Option<String>,
    /// `SSL_CERT_FILE`: certificates to trust instead of the system's.
    pub ssl_cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`: a directory of them.
    pub ssl_cert_dir: Option<PathBuf>,
    /// Directories with one below for each registry (containers-certs.d(5)).
    pub cert_dirs: Vec<PathBuf>,
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use {} for images: it belongs to user {owner}", .path.display())]
    ForeignStore { path: PathBuf, owner: u32 },
    #[error("cannot make {} for images", .path.display())]
    Store { path: PathBuf, source: std::io::Error },
    #[error("cannot read the settings in {}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("cannot use {}, line {line}: {what}", .path.display())]
    Setting { path: PathBuf, line: usize, what: String },
    #[error("`{value}` is no value for {variable}")]
    Switch { variable: &'static str, value: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::ForeignStore { .. } | Self::Store { .. } => {
                Some("`--root DIR` or the variable SANDBOX_ROOT names another place".into())
            }
            Self::Switch { .. } => Some("it is 1 or 0".into()),
            Self::Unreadable { .. } | Self::Setting { .. } => None,
        }
    }
}

impl Config {
    /// Reads the environment and `config.toml`; `root` and `offline` are the
    /// options, which come first.
    ///
    /// # Errors
    /// [`Error`] if there is no place of our own for the store, or if the file or
    /// a variable says what we do not understand.
    pub fn load(root: Option<PathBuf>, offline: bool) -> Result<Self, Error> {
        let home = home();
        let root = match root.or_else(|| path("SANDBOX_ROOT")) {
            Some(root) => std::path::absolute(&root).unwrap_or(root),
            None => default_root(home.as_deref())?,
        };
        let cert_dirs = cert_dirs(home.as_deref());
        let cdi_dirs = cdi_dirs(home.as_deref());
        let file = match config_file(home.as_deref()) {
            Some(path) => File::read(&path)?,
            None => File::default(),
        };
        let cni = Cni::find(&file.cni, home.as_deref());
        Ok(Self {
            root,
            auth: Auth::load(home.as_deref()),
            home,
            search_path: text("PATH").unwrap_or_default(),
            no_color: text("NO_COLOR").is_some(),
            source_date_epoch: text("SOURCE_DATE_EPOCH").and_then(|time| time.parse().ok()),
            transport: Transport { cert_dirs, ..Transport::load() },
            registries: file.registries(),
            offline: Offline::find(offline, switch("SANDBOX_OFFLINE")?, file.offline),
            locked: switch("SANDBOX_LOCKED")?.unwrap_or(false),
            additional: file.storage.additional.iter().map(AdditionalStore::find).collect(),
            cdi_dirs,
            cni,
            csi: file.csi(),
            storage: file.storage,
            image_limits: file.image_limits.into(),
        })
    }

    /// The value of a variable that the user has named (`-e NAME`).
    pub fn variable(&self, name: &str) -> Option<OsString> {
        env::var_os(name)
    }
}

impl Cni {
    /// The user's own before the machine's; `CNI_PATH` is the specification's.
    fn find(file: &CniSettings, home: Option<&Path>) -> Self {
        let named = file.config_dirs.iter().cloned();
        let own = config_home(home).map(|config| config.join("cni/net.d"));
        let variable = env::var_os("CNI_PATH").unwrap_or_default();
        let variable = env::split_paths(&variable).filter(|path| path.is_absolute());
        let usual = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"].map(PathBuf::from);
        Self {
            config_dirs: named.chain(own).chain([PathBuf::from("/etc/cni/net.d")]).collect(),
            plugin_dirs: variable.chain(file.plugin_dirs.iter().cloned()).chain(usual).collect(),
            timeout: Duration::from_secs(file.timeout.map_or(60, |limit| limit.get().into())),
        }
    }
}

impl AdditionalStore {
    /// One that is not there, such as on a file system that is not mounted, holds
    /// nothing.
    fn find(path: &PathBuf) -> Self {
        let user = nix::unistd::geteuid().as_raw();
        let is_ours = fs::metadata(path).is_ok_and(|found| found.uid() == user);
        Self { path: path.clone(), is_ours }
    }
}

impl Transport {
    fn load() -> Self {
        // Upper-case HTTP_PROXY too: we are no CGI script.
        let either = |name: &str| text(&name.to_lowercase()).or_else(|| text(name));
        let all = either("ALL_PROXY");
        Self {
            http_proxy: either("HTTP_PROXY").or_else(|| all.clone()),
            https_proxy: either("HTTPS_PROXY").or(all),
            no_proxy: either("NO_PROXY"),
            ssl_cert_file: path("SSL_CERT_FILE"),
            ssl_cert_dir: path("SSL_CERT_DIR"),
            cert_dirs: Vec::new(),
        }
    }
}

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// What is either on or off; what is neither must not be taken for off.
fn switch(name: &'static str) -> Result<Option<bool>, Error> {
    let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    match value.to_str() {
        Some("1" | "true" | "yes" | "on") => Ok(Some(true)),
        Some("0" | "false" | "no" | "off") => Ok(Some(false)),
        _ => {
            let value = value.to_string_lossy().into_owned();
            Err(Error::Switch { variable: name, value })
        }
    }
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// `HOME`, or what the user database says; never libc's opinion (`sys::accounts`).
fn home() -> Option<PathBuf> {
    path("HOME").filter(|home| home.is_absolute()).or_else(|| {
        let uid = nix::unistd::getuid().as_raw();
        let users = accounts::users(Path::new("/etc/passwd")).ok()?;
        users.into_iter().find(|user| user.uid == uid).map(|user| PathBuf::from(user.home))
    })
}

/// XDG base directory specification; without a home there is none.
fn config_home(home: Option<&Path>) -> Option<PathBuf> {
    let config = path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    config.or_else(|| home.map(|home| home.join(".config")))
}

fn config_file(home: Option<&Path>) -> Option<PathBuf> {
    Some(config_home(home)?.join("sandbox/config.toml"))
}

/// The user's own before the machine's, podman's before docker's.
fn cert_dirs(home: Option<&Path>) -> Vec<PathBuf> {
    let own = config_home(home).map(|config| config.join("containers/certs.d"));
    let system = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
    own.into_iter().chain(system).collect()
}

/// What is of this boot comes before what was set up once, as the specification
/// has it.
fn cdi_dirs(home: Option<&Path>) -> Vec<PathBuf> {
    let own = config_home(home).map(|config| config.join("sandbox/cdi"));
    own.into_iter().chain(["/var/run/cdi", "/etc/cdi"].map(PathBuf::from)).collect()
}

/// XDG base directory specification; without a home, a directory that only we
/// may enter, where everybody may make one.
fn default_root(home: Option<&Path>) -> Result<PathBuf, Error> {
    let data = path("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let data = data.or_else(|| home.map(|home| home.join(".local/share")));
    match data {
        Some(data) => Ok(data.join("sandbox")),
        None => private_directory(&path("TMPDIR").unwrap_or_else(|| "/tmp".into())),
    }
}

fn private_directory(parent: &Path) -> Result<PathBuf, Error> {
    let uid = nix::unistd::geteuid().as_raw();
    let path = parent.join(format!("sandbox-{uid}"));
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
    let failed = |source| Error::Store { path: path.clone(), source };
    made.map_err(failed)?;
    // Somebody else may have put it there first.
    let owner = fs::symlink_metadata(&path).map_err(failed)?.uid();
    if owner == uid { Ok(path) } else { Err(Error::ForeignStore { path, owner }) }
}
