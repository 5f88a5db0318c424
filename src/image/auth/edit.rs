//! Auth files as `login` and `logout` change them.
//!
//! A new file is written beside the old one and takes its place whole, so that
//! whoever reads or is interrupted finds one or the other. What the file says of
//! other registries, and what we do not understand of it, stays.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::{
    Credentials, Error,
    entry::{DOCKER_HUB, DOCKER_HUB_KEY, Target},
    file::{Content, HelperName},
    helper::{self, Failure, program},
};
use crate::sys::{
    self,
    fs::{Lock, flock, open_directory},
};

/// A file that may be written to, there or not.
#[derive(Debug, Clone)]
pub struct AuthFile {
    path: PathBuf,
}

impl AuthFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the credentials for `place`, a registry or `REGISTRY/NAMESPACE`, and
    /// returns where: in this file, or in the helper that it names for this.
    ///
    /// # Errors
    /// If the file is malformed or cannot be written, or the helper fails.
    pub fn store(&self, place: &str, credentials: &Credentials) -> Result<String, Error> {
        let target = target(place);
        let (_lock, mut content) = self.open()?;
        if let Some(helper) = self.helper(&content, &target)? {
            let stored = helper::store(&helper, credentials);
            stored.map_err(|failure| self.refusal(&helper, failure, &target))?;
            return Ok(program(&helper.name));
        }
        let auths = self.section(&mut content)?;
        let existing = auths.keys().find(|key| target.is(key)).cloned();
        let key = existing.unwrap_or_else(|| self.new_key(&target));
        auths.retain(|other, _| *other == key || !target.is(other));
        auths.insert(key, entry(credentials));
        self.write(&content)?;
        Ok(self.path.display().to_string())
    }

    /// Forgets the credentials for just this place; false if there were none.
    ///
    /// # Errors
    /// As [`AuthFile::store`].
    pub fn remove(&self, place: &str) -> Result<bool, Error> {
        let target = target(place);
        let (_lock, mut content) = self.open()?;
        let erased = match self.helper(&content, &target)? {
            Some(helper) => {
                helper::erase(&helper).map_err(|failure| self.refusal(&helper, failure, &target))?
            }
            None => false,
        };
        let auths = self.section(&mut content)?;
        let before = auths.len();
        auths.retain(|key, _| !target.is(key));
        let is_removed = auths.len() < before;
        if is_removed {
            self.write(&content)?;
        }
        Ok(erased || is_removed)
    }

    /// Forgets all credentials that the file itself has, and returns what they
    /// were for.
    ///
    /// # Errors
    /// If the file is malformed or cannot be written.
    pub fn remove_all(&self) -> Result<Vec<String>, Error> {
        let (_lock, mut content) = self.open()?;
        let auths = std::mem::take(self.section(&mut content)?);
        if !auths.is_empty() {
            self.write(&content)?;
        }
        Ok(auths.into_iter().map(|(key, _)| key).collect())
    }

    /// Reads the file, and keeps others from changing it meanwhile.
    fn open(&self) -> Result<(Option<OwnedFd>, Content), Error> {
        let lock = match open_directory(self.directory()) {
            // Where there are no locks, as on some network file systems, it is
            // as with docker and podman, which have none.
            Ok(directory) => flock(&directory, Lock::Exclusive).ok().map(|()| directory),
            Err(_) => None,
        };
        Ok((lock, Content::read(&self.path)?.unwrap_or_default()))
    }

    /// The helper that keeps the credentials for the target instead of us.
    fn helper(&self, content: &Content, target: &Target<'_>) -> Result<Option<HelperName>, Error> {
        content.helper(target).map_err(|why| self.malformed(why))
    }

    fn section<'a>(&self, content: &'a mut Content) -> Result<&'a mut Map<String, Value>, Error> {
        content.section("auths").map_err(|why| self.malformed(why))?;
        let auths = content.0.entry("auths").or_insert(Value::Null);
        if auths.is_null() {
            *auths = json!({});
        }
        auths.as_object_mut().ok_or_else(|| self.malformed("`auths` is not an object".into()))
    }

    /// Docker looks for its own registry by another name than podman.
    fn new_key(&self, target: &Target<'_>) -> String {
        let is_dockers = self.path.file_name() == Some(OsStr::new("config.json"));
        match is_dockers && target.registry == DOCKER_HUB && target.repository.is_empty() {
            true => DOCKER_HUB_KEY.into(),
            false => target.key(),
        }
    }

    fn write(&self, content: &Content) -> Result<(), Error> {
        let unwritable = |source| Error::Unwritable { path: self.path.clone(), source };
        let mut text = serde_json::to_vec_pretty(&content.0)
            .map_err(|error| unwritable(io::Error::other(error)))?;
        text.push(b'\n');
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.directory())
            .map_err(unwritable)?;
        // A link stays one: it is how some keep their settings elsewhere.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        replace(&path, &text).map_err(unwritable)
    }

    fn directory(&self) -> &Path {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new("."))
    }

    fn malformed(&self, why: String) -> Error {
        Error::Malformed { place: self.path.display().to_string(), why }
    }

    fn refusal(&self, helper: &HelperName, failure: Failure, target: &Target<'_>) -> Error {
        let (program, registry) = (program(&helper.name), target.key());
        let place = self.path.display().to_string();
        match failure {
            Failure::Missing => Error::HelperMissing { program, place, registry },
            Failure::Failed(why) => Error::HelperRefuses { program, registry, why },
        }
    }
}

/// Splits `REGISTRY[/NAMESPACE]`.
fn target(place: &str) -> Target<'_> {
    let (registry, repository) = place.split_once('/').unwrap_or((place, ""));
    Target { registry, repository }
}

fn entry(credentials: &Credentials) -> Value {
    match credentials.to_base64() {
        Some(pair) => json!({ "auth": pair.expose() }),
        None => match credentials {
            Credentials::RegistryToken(token) => json!({ "registrytoken": token.expose() }),
            other => json!({ "identitytoken": other.secret().expose() }),
        },
    }
}

/// Puts a file that only its owner may read in the place of another one.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let number = sys::fs::random().map_err(io::Error::other)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{number:016x}"));
    let draft = path.with_file_name(name);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&draft)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::image::auth::{Keyring, Place};

    struct Fixture(PathBuf);

    impl Fixture {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("auth-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.join("containers").join(name)
        }
    }

    impl Drop for Fixture {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn ann() -> Credentials {
        Credentials::new("ann".into(), "secret".into())
    }

    fn found(path: &Path, registry: &str) -> Option<Credentials> {
        let places = vec![Place::Usual(path.into())];
        Keyring { places, ..Keyring::default() }.lookup(registry, "x/y").unwrap().credentials
    }

    #[test]
    fn what_is_stored_is_found_until_it_is_removed_and_is_ours_alone() {
        let fixture = Fixture::new("stored");
        let path = fixture.file("auth.json");
        let file = AuthFile::new(path.clone());
        assert_eq!(file.store("q.io", &ann()).unwrap(), path.display().to_string());
        let token = Credentials::IdentityToken("t".into());
        file.store("q.io/x", &token).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(found(&path, "q.io"), Some(token));
        assert!(file.remove("q.io/x").unwrap());
        assert_eq!(found(&path, "q.io"), Some(ann()));
        assert!(file.remove("q.io").unwrap() && !file.remove("q.io").unwrap());
        assert_eq!(found(&path, "q.io"), None);
    }

    #[test]
    fn the_rest_of_the_file_stays() {
        let fixture = Fixture::new("rest");
        let path = fixture.file("config.json");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let before = json!({
            "auths": { "other.io": { "auth": "eDp5", "email": "x@y" }, "https://q.io/v1/": {} },
            "HttpHeaders": { "X": "y" }, "psFormat": "table", "big": 12345678901234567890_u64,
        });
        fs::write(&path, before.to_string()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let file = AuthFile::new(path.clone());
        file.store("q.io", &ann()).unwrap();
        file.store("docker.io", &ann()).unwrap();
        let mut expected = before.clone();
        // A key that is there is used again, and docker's is the one it looks for.
        expected["auths"]["https://q.io/v1/"] = json!({ "auth": "YW5uOnNlY3JldA==" });
        expected["auths"]["https://index.docker.io/v1/"] = json!({ "auth": "YW5uOnNlY3JldA==" });
        let read = || serde_json::from_slice::<Value>(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(read(), expected);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(file.remove("q.io").unwrap() && file.remove("docker.io").unwrap());
        expected["auths"] = json!({ "other.io": before["auths"]["other.io"] });
        assert_eq!(read(), expected);
        assert_eq!(file.remove_all().unwrap(), ["other.io"]);
        assert_eq!(read()["psFormat"], "table");
        assert_eq!(file.remove_all().unwrap(), [""; 0]);
    }

    #[test]
    fn a_link_stays_one_and_a_malformed_file_as_it_is() {
        let fixture = Fixture::new("link");
        let (path, elsewhere) = (fixture.file("auth.json"), fixture.0.join("elsewhere.json"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&elsewhere, "{}").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let file = AuthFile::new(path.clone());
        file.store("q.io", &ann()).unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(found(&elsewhere, "q.io"), Some(ann()));
        for bad in ["hunter2", r#"{"auths": ["hunter2"]}"#] {
            fs::write(&elsewhere, bad).unwrap();
            let error = file.store("q.io", &ann()).unwrap_err().to_string();
            assert!(error.contains("auth.json") && !error.contains("hunter2"), "{error}");
            assert_eq!(fs::read_to_string(&elsewhere).unwrap(), bad);
        }
    }
}
