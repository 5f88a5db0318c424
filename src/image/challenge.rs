//! The `WWW-Authenticate` header of a registry (RFC 9110, section 11.6.1).

/// Where an anonymous token is to be had, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bearer {
    pub(super) realm: String,
    /// `service` and `scope`, as the registry wants them repeated.
    pub(super) query: Vec<(&'static str, String)>,
}

impl Bearer {
    /// Reads `Bearer realm="…",service="…",scope="…"`; none for other schemes.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, mut rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut query) = (None, Vec::new());
        while let Some((key, value, after)) = parameter(rest) {
            match key.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => query.push(("service", value)),
                "scope" => query.push(("scope", value)),
                _ => {}
            }
            rest = after;
        }
        Some(Self { realm: realm?, query })
    }
}

/// Splits off one `key=value` or `key="value"`, whose commas do not count.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([' ', ',', '\t']);
    let (key, rest) = text.split_once('=')?;
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, rest) = rest.split_at(rest.find([',', ' ']).unwrap_or(rest.len()));
        return Some((key.trim(), value.into(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((key.trim(), value, &quoted[at + 1..])),
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

    #[test]
    fn a_bearer_challenge_is_read_with_its_quotes() {
        let header = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let bearer = Bearer::parse(header).unwrap();
        assert_eq!(bearer.realm, "https://auth.docker.io/token");
        let scope = ("scope", "repository:a/b:pull,push".to_owned());
        assert_eq!(bearer.query, [("service", "registry.docker.io".to_owned()), scope]);
        let bare = Bearer::parse(r#"bearer Realm=https://x/t, error="a\"b""#).unwrap();
        assert_eq!((bare.realm.as_str(), bare.query.len()), ("https://x/t", 0));
    }

    #[test]
    fn what_asks_for_something_else_is_none() {
        for header in
            ["", "Bearer", "Basic realm=\"x\"", "Bearer service=\"x\"", "Bearer realm=\"x"]
        {
            assert_eq!(Bearer::parse(header), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_a_challenge_or_none(
            header in "[Bb]earer ((realm|service|scope|x)=?\"?[a-z\\\\\" ,=:/é]{0,12}\"?,?){0,5}|\\PC{0,60}"
        ) {
            let _ = Bearer::parse(&header);
        }
    }
}
