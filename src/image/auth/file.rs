//! Auth files: `config.json` of docker, `auth.json` of podman.
//!
//! They are read value by value: what a JSON library says of a value that has
//! the wrong type may quote a password.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use serde_json::{Map, Value};

use super::{
    Credentials, Error,
    entry::{Fit, Target},
};

/// Files of hundreds of registries are smaller.
const MAX_SIZE: u64 = 1 << 20;

/// The content of an auth file.
#[derive(Clone, Default)]
pub(super) struct Content(pub(super) Map<String, Value>);

/// A program that has credentials: `docker-credential-NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HelperName {
    pub(super) name: String,
    /// What to ask it for.
    pub(super) server: String,
    /// Whether the file names it for this registry, and not for all.
    pub(super) is_asked_for: bool,
}

impl Content {
    /// Reads a file; none if there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let unreadable = |source| Error::Unreadable { path: path.into(), source };
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(file) => file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(unreadable)?,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let malformed = |why| Error::Malformed { place: path.display().to_string(), why };
        Self::parse(&bytes).map(Some).map_err(malformed)
    }

    /// Parses JSON; the error says what is wrong and quotes nothing.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > MAX_SIZE {
            return Err(format!("it is larger than {MAX_SIZE} bytes"));
        }
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let value = serde_json::from_slice(bytes)
            .map_err(|e| format!("no JSON at line {}, column {}", e.line(), e.column()))?;
        match value {
            Value::Object(members) => Ok(Self(members)),
            _ => Err("it is not a JSON object".into()),
        }
    }

    /// The helper that the file names for the target.
    pub(super) fn helper(&self, target: &Target<'_>) -> Result<Option<HelperName>, String> {
        let named = best(self.section("credHelpers")?, target);
        let (name, server, is_asked_for) = match (named, self.0.get("credsStore")) {
            (Some((key, name)), _) => (name, key.as_str(), true),
            (None, Some(name)) => (name, target.server(), false),
            (None, None) => return Ok(None),
        };
        let name = name.as_str().ok_or("the name of a credential helper is not a string")?;
        if name.is_empty() {
            return Ok(None);
        }
        // It is a part of the name of a program, which PATH is to find.
        if name.contains(['/', '\0']) {
            return Err("the name of a credential helper has a slash".into());
        }
        Ok(Some(HelperName { name: name.into(), server: server.into(), is_asked_for }))
    }

    /// The credentials that the file itself has for the target.
    pub(super) fn credentials(&self, target: &Target<'_>) -> Result<Option<Credentials>, String> {
        let Some((key, entry)) = best(self.section("auths")?, target) else { return Ok(None) };
        let entry = match entry {
            Value::Object(entry) => entry,
            Value::Null => return Ok(None),
            _ => return Err(format!("what `auths` has for `{key}` is not an object")),
        };
        credentials(entry).map_err(|why| format!("{why} of `{key}`"))
    }

    /// An object of the file; empty if it is not there.
    pub(super) fn section(&self, name: &str) -> Result<&Map<String, Value>, String> {
        static NOTHING: std::sync::LazyLock<Map<String, Value>> =
            std::sync::LazyLock::new(Map::new);
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(&NOTHING),
            Some(Value::Object(section)) => Ok(section),
            Some(_) => Err(format!("`{name}` is not an object")),
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Content(…)")
    }
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The entry whose key fits best.
fn best<'a>(
    section: &'a Map<String, Value>,
    target: &Target<'_>,
) -> Option<(&'a String, &'a Value)> {
    let fitting = section.iter().filter_map(|(key, value)| {
        let fit: Fit = target.fit(key)?;
        Some((fit, (key, value)))
    });
    fitting.max_by_key(|(fit, _)| *fit).map(|(_, entry)| entry)
}

/// What docker's `AuthConfig` says; the error begins with what is wrong.
fn credentials(entry: &Map<String, Value>) -> Result<Option<Credentials>, String> {
    let text = |name: &str| match entry.get(name) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(format!("the `{name}` is not a string, in the entry")),
    };
    let (registry_token, identity_token) = (text("registrytoken")?, text("identitytoken")?);
    if !registry_token.is_empty() {
        return Ok(Some(Credentials::RegistryToken(registry_token.into())));
    }
    if !identity_token.is_empty() {
        return Ok(Some(Credentials::IdentityToken(identity_token.into())));
    }
    let (auth, user, password) = (text("auth")?, text("username")?, text("password")?);
    match auth {
        "" if user.is_empty() || password.is_empty() => Ok(None),
        "" => Ok(Some(Credentials::new(user.into(), password.into()))),
        auth => match Credentials::from_base64(auth) {
            Some(credentials) => Ok(Some(credentials)),
            None => Err("the `auth` is not USER:PASSWORD in base64, in the entry".into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANN: &str = "YW5uOnNlY3JldA=="; // ann:secret
    const BOB: &str = "Ym9iOmhpZGRlbg=="; // bob:hidden

    fn user(json: &str, registry: &str, repository: &str) -> Result<Option<String>, String> {
        let content = Content::parse(json.as_bytes())?;
        let found = content.credentials(&Target { registry, repository })?;
        Ok(found.map(|found| format!("{}/{}", found.user(), found.secret().expose())))
    }

    #[test]
    fn entries_of_docker_and_of_podman_are_found() {
        let hub = format!(r#"{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{ANN}"}}}}}}"#);
        let nested = format!(
            r#"{{"auths": {{"quay.io": {{"auth": "{ANN}"}}, "quay.io/team": {{"auth": "{BOB}"}}}}}}"#
        );
        let pair = r#"{"auths": {"q.io": {"username": "u", "password": "p"}}}"#;
        let cases: [(&str, &str, &str, Option<&str>); 11] = [
            (&hub, "docker.io", "library/alpine", Some("ann/secret")),
            (&hub, "quay.io", "x", None),
            (&nested, "quay.io", "other/x", Some("ann/secret")),
            (&nested, "quay.io", "team/x", Some("bob/hidden")),
            (&nested, "quay.io", "teams/x", Some("ann/secret")),
            (pair, "q.io", "x", Some("u/p")),
            (r#"{"auths": {"q.io": {}}}"#, "q.io", "x", None),
            (r#"{"auths": {"q.io": null}}"#, "q.io", "x", None),
            (r#"{"auths": null, "HttpHeaders": {"a": "b"}}"#, "q.io", "x", None),
            ("{}", "q.io", "x", None),
            (" \n", "q.io", "x", None),
        ];
        for (json, registry, repository, expected) in cases {
            let found = user(json, registry, repository).unwrap();
            assert_eq!(found.as_deref(), expected, "{json} {registry}/{repository}");
        }
    }

    #[test]
    fn tokens_come_before_passwords() {
        let found = |entry: &str| {
            let json = format!(r#"{{"auths": {{"q.io": {entry}}}}}"#);
            let target = Target { registry: "q.io", repository: "x" };
            Content::parse(json.as_bytes()).unwrap().credentials(&target).unwrap().unwrap()
        };
        let identity = found(&format!(r#"{{"auth": "{ANN}", "identitytoken": "id"}}"#));
        assert_eq!(identity, Credentials::IdentityToken("id".into()));
        let registry = found(r#"{"identitytoken": "id", "registrytoken": "reg"}"#);
        assert_eq!(registry, Credentials::RegistryToken("reg".into()));
    }

    #[test]
    fn what_is_malformed_is_told_without_the_secret() {
        let cases = [
            ("{\n\"auths\": x}", "line 2, column 10"),
            ("[\"hunter2\"]", "not a JSON object"),
            ("\"hunter2\"", "not a JSON object"),
            (r#"{"auths": "hunter2"}"#, "`auths` is not an object"),
            (r#"{"auths": {"q.io": "hunter2"}}"#, "`q.io` is not an object"),
            (r#"{"auths": {"q.io": {"auth": "hunter2!"}}}"#, "base64, in the entry of `q.io`"),
            (r#"{"auths": {"q.io": {"auth": "aHVudGVyMg=="}}}"#, "not USER:PASSWORD"),
            (r#"{"auths": {"q.io": {"auth": ["hunter2"]}}}"#, "`auth` is not a string"),
            (r#"{"auths": {"q.io": {"identitytoken": {"x": "hunter2"}}}}"#, "not a string"),
        ];
        for (json, why) in cases {
            let error = user(json, "q.io", "x").unwrap_err();
            assert!(error.contains(why), "{json}: {error}");
            assert!(!error.contains("hunter2") && !error.contains("aHVu"), "{error}");
        }
        let large = vec![b' '; MAX_SIZE as usize + 1];
        assert!(Content::parse(&large).unwrap_err().contains("larger"));
        let deep = "[".repeat(100_000);
        assert!(Content::parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn a_bad_entry_of_another_registry_does_no_harm() {
        let json = r#"{"auths": {"bad.io": 5, "q.io": {"username": "u", "password": "p"}}}"#;
        assert_eq!(user(json, "q.io", "x").unwrap().as_deref(), Some("u/p"));
    }

    #[test]
    fn a_helper_of_the_registry_comes_before_the_one_for_all() {
        let helper = |json: &str, registry: &str| {
            Content::parse(json.as_bytes())?.helper(&Target { registry, repository: "a/b" })
        };
        let named = |name: &str, server: &str, is_asked_for| {
            Ok(Some(HelperName { name: name.into(), server: server.into(), is_asked_for }))
        };
        let both = r#"{"credHelpers": {"q.io": "ecr", "q.io/a": "gcr"}, "credsStore": "pass"}"#;
        assert_eq!(helper(both, "q.io"), named("gcr", "q.io/a", true));
        assert_eq!(helper(both, "x.io"), named("pass", "x.io", false));
        assert_eq!(helper(both, "docker.io"), named("pass", "https://index.docker.io/v1/", false));
        assert_eq!(helper("{}", "q.io"), Ok(None));
        assert_eq!(helper(r#"{"credsStore": ""}"#, "q.io"), Ok(None));
        for bad in [
            r#"{"credHelpers": {"q.io": "../../x"}}"#,
            r#"{"credsStore": 5}"#,
            r#"{"credHelpers": []}"#,
        ] {
            helper(bad, "q.io").unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn any_file_has_credentials_or_none_and_no_error_quotes_it(
            text in r#"\{"(auths|credHelpers|credsStore)": ?(\{"r.io(/[a-z]{0,3})?": ?(\{"(auth|identitytoken|username)": ?("[A-Za-z0-9+/=:]{0,12}"|[0-9]|null)\}|"[a-z/]{0,5}"|7)\}|"hidden"|\[\])\}|\PC{0,40}"#
        ) {
            let target = Target { registry: "r.io", repository: "a/b" };
            let content = Content::parse(text.as_bytes());
            let found = content.and_then(|content| {
                content.helper(&target)?;
                content.credentials(&target)
            });
            if let Err(why) = found {
                prop_assert!(!why.contains("hidden"), "{why}");
            }
        }
    }
}
