//! All places that credentials may come from, in order.

use std::{fmt, path::PathBuf};

use super::{
    Credentials, Error, Helpers,
    entry::Target,
    file::{Content, HelperName},
    helper::{Failure, program},
};
use crate::oci::{Name, Secret};

/// Where credentials are looked for. The default has none.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    /// What was typed, and the only registry that it is for.
    pub given: Option<(String, Credentials)>,
    /// Where to look else; the first that knows the registry is believed.
    pub places: Vec<Place>,
    pub helpers: Helpers,
}

/// Something in the format of docker's `config.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file that was asked for, so it must be there.
    Named(PathBuf),
    /// A file that may be there.
    Usual(PathBuf),
    /// The value of a variable.
    Variable { name: &'static str, content: Secret },
}

/// What was found for a registry, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub credentials: Option<Credentials>,
    pub tried: Tried,
}

/// What a registry that denies access was shown, for the message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// Where the credentials come from; none if there are none.
    origin: Option<String>,
    user: Option<String>,
    /// Where there are none, and why a helper was not asked.
    looked: Vec<String>,
}

impl Keyring {
    /// Finds the credentials for a repository; those for the whole registry if
    /// `repository` is empty.
    ///
    /// # Errors
    /// If a place is malformed, or if it names a helper for this registry which
    /// does not work.
    pub fn lookup(&self, registry: &str, repository: &str) -> Result<Found, Error> {
        let target = Target { registry, repository };
        let mut looked = Vec::new();
        let given = self.given.as_ref().filter(|(host, _)| host == registry);
        if let Some((_, credentials)) = given {
            return Ok(Found::new(credentials.clone(), "--creds".into()));
        }
        for place in &self.places {
            let Some(content) = place.read()? else { continue };
            if let Some(found) = self.look(place, &content, &target, &mut looked)? {
                return Ok(found);
            }
        }
        Ok(Found { credentials: None, tried: Tried { looked, ..Tried::default() } })
    }

    /// [`Keyring::lookup`] for an image.
    ///
    /// # Errors
    /// The same.
    pub fn lookup_name(&self, name: &Name) -> Result<Found, Error> {
        self.lookup(&name.registry, &name.repository)
    }

    /// Looks into one place: the helper that it names, then what it has itself.
    fn look(
        &self,
        place: &Place,
        content: &Content,
        target: &Target<'_>,
        looked: &mut Vec<String>,
    ) -> Result<Option<Found>, Error> {
        let malformed = |why| Error::Malformed { place: place.to_string(), why };
        if let Some(helper) = content.helper(target).map_err(malformed)? {
            let program = program(&helper.name);
            match self.helpers.get(&helper) {
                Ok(Some(credentials)) => return Ok(Some(Found::new(credentials, program))),
                Ok(None) => looked.push(program),
                Err(failure) if helper.is_asked_for => {
                    return Err(refusal(&helper, failure, place, target));
                }
                // Docker goes on without it, too.
                Err(Failure::Missing) => looked.push(format!("{program} (not installed)")),
                Err(Failure::Failed(_)) => looked.push(format!("{program} (failed)")),
            }
        }
        let credentials = content.credentials(target).map_err(malformed)?;
        if credentials.is_none() {
            looked.push(place.to_string());
        }
        Ok(credentials.map(|credentials| Found::new(credentials, place.to_string())))
    }
}

fn refusal(helper: &HelperName, failure: Failure, place: &Place, target: &Target<'_>) -> Error {
    let (program, registry) = (program(&helper.name), target.registry.to_owned());
    match failure {
        Failure::Missing => Error::HelperMissing { program, place: place.to_string(), registry },
        Failure::Failed(why) => Error::HelperFailed { program, registry, why },
    }
}

impl Found {
    /// Credentials, and a word for where they come from.
    pub fn new(credentials: Credentials, origin: String) -> Self {
        let user = match &credentials {
            Credentials::Password { user, .. } => Some(user.clone()),
            _ => None,
        };
        let tried = Tried { origin: Some(origin), user, looked: Vec::new() };
        Self { credentials: Some(credentials), tried }
    }
}

impl Place {
    fn read(&self) -> Result<Option<Content>, Error> {
        match self {
            Self::Usual(path) => Content::read(path),
            Self::Named(path) => Content::read(path)?.map(Some).ok_or_else(|| {
                let source = nix::errno::Errno::ENOENT.into();
                Error::Unreadable { path: path.clone(), source }
            }),
            Self::Variable { content, .. } => Content::parse(content.expose().as_bytes())
                .map(Some)
                .map_err(|why| Error::Malformed { place: self.to_string(), why }),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(path) | Self::Usual(path) => path.display().fmt(f),
            Self::Variable { name, .. } => f.write_str(name),
        }
    }
}

impl Tried {
    /// Where the credentials come from; none if there are none.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Whether the registry was shown anything.
    pub fn is_something(&self) -> bool {
        self.origin.is_some()
    }
}

/// What follows "REGISTRY denies access to IMAGE".
impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.origin, &self.user, self.looked.is_empty()) {
            (Some(origin), Some(user), _) => write!(f, " to `{user}` (from {origin})"),
            (Some(origin), None, _) => write!(f, " with the token from {origin}"),
            (None, _, true) => f.write_str(" without credentials"),
            (None, _, false) => {
                write!(f, " without credentials (none for it in {})", self.looked.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(content: &str) -> Place {
        Place::Variable { name: "DOCKER_AUTH_CONFIG", content: content.into() }
    }

    fn entry(registry: &str, user: &str) -> String {
        format!(r#"{{"auths": {{"{registry}": {{"username": "{user}", "password": "x"}}}}}}"#)
    }

    fn keyring(places: Vec<Place>) -> Keyring {
        Keyring { places, ..Keyring::default() }
    }

    #[test]
    fn what_was_typed_is_for_one_registry() {
        let typed = Credentials::new("ann".into(), "s".into());
        let mut keyring = keyring(vec![variable(&entry("q.io", "bob"))]);
        keyring.given = Some(("q.io".into(), typed.clone()));
        let found = keyring.lookup("q.io", "x").unwrap();
        assert_eq!(found.credentials, Some(typed));
        assert_eq!(found.tried.to_string(), " to `ann` (from --creds)");
        assert_eq!(keyring.lookup("other.io", "x").unwrap().credentials, None);
        assert_eq!(keyring.lookup("q.io:444", "x").unwrap().credentials, None);
    }

    #[test]
    fn the_first_place_that_knows_the_registry_is_believed() {
        let absent = Place::Usual("/absent/auth.json".into());
        let places = ["{}", &entry("q.io", "ann"), &entry("q.io", "bob"), &entry("x.io", "eve")]
            .map(variable);
        let keyring = keyring([vec![absent], places.into()].concat());
        let user = |registry| {
            let found = keyring.lookup(registry, "a").unwrap();
            found.credentials.map(|found| found.user().to_owned())
        };
        assert_eq!(user("q.io").as_deref(), Some("ann"));
        assert_eq!(user("x.io").as_deref(), Some("eve"));
        assert_eq!(user("y.io"), None);
    }

    #[test]
    fn a_file_that_was_asked_for_must_be_there() {
        let error = keyring(vec![Place::Named("/absent/x".into())]).lookup("q.io", "a");
        let error = error.unwrap_err().to_string();
        assert_eq!(error, "cannot read the credentials in /absent/x");
    }

    #[test]
    fn a_missing_helper_matters_if_it_was_asked_for() {
        let for_all = r#"{"credsStore": "no-such-helper"}"#;
        let found = keyring(vec![variable(for_all)]).lookup("q.io", "x").unwrap();
        let expected = " without credentials (none for it in \
                        docker-credential-no-such-helper (not installed), DOCKER_AUTH_CONFIG)";
        assert_eq!(found.tried.to_string(), expected);
        let for_one = r#"{"credHelpers": {"q.io": "no-such-helper"}}"#;
        let keyring = keyring(vec![variable(for_one)]);
        let error = keyring.lookup("q.io", "x").unwrap_err().to_string();
        let expected = "there is no program `docker-credential-no-such-helper`, \
                        which DOCKER_AUTH_CONFIG names for q.io";
        assert_eq!(error, expected);
        assert_eq!(keyring.lookup("x.io", "x").unwrap().credentials, None);
    }

    #[test]
    fn nothing_shows_a_secret() {
        let mut keyring = keyring(vec![variable(&entry("q.io", "hunter2"))]);
        keyring.given = Some(("q.io".into(), Credentials::new("ann".into(), "hunter2".into())));
        let found = keyring.lookup("q.io", "x");
        assert!(!format!("{keyring:?} {found:?}").contains("hunter2"));
    }
}
