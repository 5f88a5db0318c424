//! The `WWW-Authenticate` header of a registry (RFC 9110, section 11.6.1).

/// How a registry wants to know who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer(Bearer),
}

/// Where a token is to be had, and for what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bearer {
    pub(super) realm: String,
    pub(super) service: Option<String>,
    /// Scopes with spaces between them, as the registry wants them repeated.
    pub(super) scope: Option<String>,
}

impl Challenge {
    /// The one of several headers that can be met best: a token is good for
    /// less, and for a shorter time, than a password.
    pub(super) fn best<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut challenges: Vec<Self> = headers.into_iter().flat_map(parse).collect();
        challenges.sort_by_key(|challenge| *challenge == Self::Basic);
        challenges.into_iter().next()
    }
}

/// Reads `SCHEME KEY=VALUE, …, SCHEME …`; unknown schemes are left out.
fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Option<Challenge>> = Vec::new();
    let mut rest = header;
    while let Some((word, value, after)) = parameter(rest) {
        rest = after;
        let Some(value) = value else {
            challenges.push(scheme(word));
            continue;
        };
        let Some(Some(Challenge::Bearer(bearer))) = challenges.last_mut() else { continue };
        match word.to_ascii_lowercase().as_str() {
            "realm" => bearer.realm = value,
            "service" => bearer.service = Some(value),
            "scope" => bearer.scope = Some(value),
            _ => {}
        }
    }
    let usable = |challenge: &Challenge| match challenge {
        Challenge::Basic => true,
        Challenge::Bearer(bearer) => !bearer.realm.is_empty(),
    };
    challenges.into_iter().flatten().filter(usable).collect()
}

fn scheme(word: &str) -> Option<Challenge> {
    match word.to_ascii_lowercase().as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer(Bearer::default())),
        _ => None,
    }
}

/// Splits off one `key=value` or `key="value"`, whose commas do not count, or a
/// word that has no value: the name of a scheme.
fn parameter(text: &str) -> Option<(&str, Option<String>, &str)> {
    let text = text.trim_start_matches([' ', ',', '\t']);
    let end = text.find([' ', ',', '\t', '=']).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    if word.is_empty() {
        return None;
    }
    let Some(rest) = rest.strip_prefix('=') else { return Some((word, None, rest)) };
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, rest) = rest.split_at(rest.find([',', ' ']).unwrap_or(rest.len()));
        return Some((word, Some(value.into()), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((word, Some(value), &quoted[at + 1..])),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            plain => value.push(plain),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let (service, scope) = (service.map(Into::into), scope.map(Into::into));
        Challenge::Bearer(Bearer { realm: realm.into(), service, scope })
    }

    #[test]
    fn a_challenge_is_read_with_its_quotes() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let cases = [
            (
                hub,
                bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:a/b:pull,push"),
                ),
            ),
            (r#"bearer Realm=https://x/t, error="a\"b, Basic""#, bearer("https://x/t", None, None)),
            (r#"Basic realm="Registry Realm""#, Challenge::Basic),
            ("BASIC", Challenge::Basic),
            (r#"Basic realm="x", Bearer realm="https://y""#, bearer("https://y", None, None)),
            (r#"Negotiate abc, Basic realm="x""#, Challenge::Basic),
        ];
        for (header, challenge) in cases {
            assert_eq!(Challenge::best([header]), Some(challenge), "{header}");
        }
        let two = [r#"Basic realm="x""#, r#"Bearer realm="https://y""#];
        assert_eq!(Challenge::best(two), Some(bearer("https://y", None, None)));
    }

    #[test]
    fn what_asks_for_something_else_is_none() {
        let headers = [
            "",
            "Bearer",
            "Bearer service=\"x\"",
            "Bearer realm=\"x",
            "Digest realm=\"x\"",
            "=",
            ",",
        ];
        for header in headers {
            assert_eq!(Challenge::best([header]), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_a_challenge_or_none(
            header in "[Bb]earer ((realm|service|scope|x)=?\"?[a-z\\\\\" ,=:/é]{0,12}\"?,?){0,5}|\\PC{0,60}"
        ) {
            let _ = Challenge::best([header.as_str()]);
        }
    }
}
