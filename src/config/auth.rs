//! Where credentials for registries are, as docker's and podman's users have it.

use std::path::{Path, PathBuf};

use super::{config_home, path, text};
use crate::oci::Secret;

/// The variable with the content of an auth file, as GitLab and docker have it.
pub const DOCKER_AUTH_CONFIG: &str = "DOCKER_AUTH_CONFIG";

/// What the environment says about credentials.
#[derive(Debug, Clone, Default)]
pub struct Auth {
    /// `REGISTRY_AUTH_FILE`: the only file to look into.
    pub file: Option<PathBuf>,
    /// `DOCKER_AUTH_CONFIG`: what such a file would say.
    pub content: Option<Secret>,
    /// `$XDG_CONFIG_HOME/containers/auth.json`, which outlives a session.
    pub persistent: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR/containers/auth.json`, which podman writes.
    pub runtime: PathBuf,
    /// `$DOCKER_CONFIG/config.json`, which docker writes.
    pub docker: Option<PathBuf>,
}

impl Auth {
    pub(super) fn load(home: Option<&Path>) -> Self {
        let uid = nix::unistd::getuid();
        let runtime = path("XDG_RUNTIME_DIR").filter(|path| path.is_absolute());
        // `containers-auth.json(5)`: where there is no such variable.
        let runtime = runtime.map_or_else(
            || PathBuf::from(format!("/run/containers/{uid}/auth.json")),
            |runtime| runtime.join("containers/auth.json"),
        );
        let docker = path("DOCKER_CONFIG").or_else(|| home.map(|home| home.join(".docker")));
        Self {
            file: path("REGISTRY_AUTH_FILE"),
            content: text(DOCKER_AUTH_CONFIG).map(Secret::from),
            persistent: config_home(home).map(|config| config.join("containers/auth.json")),
            runtime,
            docker: docker.map(|docker| docker.join("config.json")),
        }
    }
}
