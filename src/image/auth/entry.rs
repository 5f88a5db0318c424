//! Keys of auth files: what they are for, in docker's notation and in podman's.

/// Docker's own registry, as images name it.
pub(super) const DOCKER_HUB: &str = "docker.io";
/// The same, as docker's own file names it.
pub(super) const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// What credentials are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// Host and port.
    pub(super) registry: &'a str,
    /// Path in the registry; empty for all of it.
    pub(super) repository: &'a str,
}

/// How well a key fits: longer paths first, then keys without a scheme.
pub(super) type Fit = (usize, bool);

impl Target<'_> {
    /// How well `key` fits; none if it is for something else.
    ///
    /// Docker's keys are hosts or addresses, whose path is the version of the
    /// API; podman's are hosts or the beginnings of repositories
    /// (`containers-auth.json(5)`).
    pub(super) fn fit(&self, key: &str) -> Option<Fit> {
        let (host, path) = split(key);
        if !same_registry(host, self.registry) {
            return None;
        }
        let rest = self.repository.strip_prefix(path)?;
        let whole = path.is_empty() || rest.is_empty() || rest.starts_with('/');
        whole.then(|| (path.len(), !key.contains("://")))
    }

    /// Whether `key` is for just this: neither for a part nor for more.
    pub(super) fn is(&self, key: &str) -> bool {
        self.fit(key).is_some_and(|(length, _)| length == self.repository.len())
    }

    /// The key under which it is new in a file.
    pub(super) fn key(&self) -> String {
        match self.repository {
            "" => self.registry.into(),
            path => format!("{}/{path}", self.registry),
        }
    }

    /// What a helper that keeps all credentials knows it by.
    pub(super) fn server(&self) -> &str {
        if self.registry == DOCKER_HUB { DOCKER_HUB_KEY } else { self.registry }
    }
}

/// Host and path of a key; the path of an address says nothing.
fn split(key: &str) -> (&str, &str) {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let (host, path) = bare.unwrap_or(key).split_once('/').unwrap_or((bare.unwrap_or(key), ""));
    match path.trim_end_matches('/') {
        _ if bare.is_some() => (host, ""),
        "v1" | "v2" => (host, ""),
        path => (host, path),
    }
}

fn same_registry(a: &str, b: &str) -> bool {
    let canonical = |host: &str| match host.to_ascii_lowercase().as_str() {
        "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB.to_owned(),
        host => host.to_owned(),
    };
    canonical(a) == canonical(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_fits_its_registry_or_the_beginning_of_a_repository() {
        let cases = [
            ("quay.io", "quay.io", "a/b", Some(0)),
            ("QUAY.io", "quay.io", "a/b", Some(0)),
            ("https://quay.io", "quay.io", "a/b", Some(0)),
            ("https://quay.io/v2/", "quay.io", "a/b", Some(0)),
            ("http://quay.io/whatever", "quay.io", "a/b", Some(0)),
            ("quay.io/v1/", "quay.io", "a/b", Some(0)),
            ("quay.io/a", "quay.io", "a/b", Some(1)),
            ("quay.io/a/b", "quay.io", "a/b", Some(3)),
            ("quay.io/a/", "quay.io", "a/b", Some(1)),
            ("quay.io/a/b/c", "quay.io", "a/b", None),
            ("quay.io/ab", "quay.io", "abc/d", None),
            ("quay.io:443", "quay.io", "a/b", None),
            ("quay.io", "quay.io:443", "a/b", None),
            ("evil.quay.io", "quay.io", "a/b", None),
            ("quay.io.evil", "quay.io", "a/b", None),
            (DOCKER_HUB_KEY, "docker.io", "library/x", Some(0)),
            ("index.docker.io", "docker.io", "library/x", Some(0)),
            ("docker.io/library", "docker.io", "library/x", Some(7)),
            ("registry.example.docker.io", "docker.io", "library/x", None),
            ("", "docker.io", "library/x", None),
            ("https://", "docker.io", "library/x", None),
        ];
        for (key, registry, repository, length) in cases {
            let fit = Target { registry, repository }.fit(key);
            assert_eq!(fit.map(|(length, _)| length), length, "{key} {registry}/{repository}");
        }
    }

    #[test]
    fn a_key_with_a_scheme_comes_second() {
        let target = Target { registry: "quay.io", repository: "a" };
        assert!(target.fit("quay.io") > target.fit("https://quay.io"));
        assert!(target.fit("quay.io/a") > target.fit("quay.io"));
        assert!(target.is("quay.io/a") && !target.is("quay.io"));
    }
}
