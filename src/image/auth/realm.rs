//! Where a password may be sent because a registry says so.

use std::net::IpAddr;

use reqwest::Url;

/// Checks that credentials for `registry` may go to `realm`, which is what the
/// registry asks for.
///
/// Another host is the rule, as with Docker Hub, but it must prove by its
/// certificate that it is the one. A registry that is spoken to without TLS
/// may have its realm on the same host likewise.
///
/// # Errors
/// Why not.
pub(super) fn check(registry: &Url, realm: &Url) -> Result<(), &'static str> {
    if !realm.username().is_empty() || realm.password().is_some() {
        return Err("the realm has a user name in it");
    }
    match (registry.scheme(), realm.scheme()) {
        (_, "https") => Ok(()),
        ("https", "http") => Err("the realm is not reached by https"),
        ("http", "http") if registry.host_str() == realm.host_str() => Ok(()),
        ("http", "http") if is_loopback(registry) && is_loopback(realm) => Ok(()),
        ("http", "http") => Err("the realm is on another host, and not reached by https"),
        _ => Err("the realm is reached neither by https nor by http"),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_to_another_host_by_https_alone() {
        let cases = [
            ("https://r.io", "https://auth.other.io/token", true),
            ("https://r.io", "https://r.io/token", true),
            ("https://r.io", "http://r.io/token", false),
            ("https://r.io", "http://127.0.0.1/token", false),
            ("https://127.0.0.1", "http://127.0.0.1/token", false),
            ("http://r.io:5000", "http://r.io/token", true),
            ("http://r.io:5000", "https://other.io/token", true),
            ("http://r.io:5000", "http://other.io/token", false),
            ("http://r.io:5000", "http://127.0.0.1/token", false),
            ("http://127.0.0.1:5000", "http://localhost:5001/token", true),
            ("http://[::1]:5000", "http://127.0.0.1/token", true),
            ("http://127.0.0.1:5000", "http://other.io/token", false),
            ("http://127.0.0.1:5000", "http://localhost.other.io/token", false),
            ("https://r.io", "ftp://r.io/token", false),
            ("https://r.io", "file:///etc/passwd", false),
            ("https://r.io", "https://ann:x@r.io/token", false),
        ];
        for (registry, realm, allowed) in cases {
            let verdict = check(&registry.parse().unwrap(), &realm.parse().unwrap());
            assert_eq!(verdict.is_ok(), allowed, "{registry} {realm}: {verdict:?}");
        }
    }
}
