//! Which requests go by way of a proxy: the rules of the variables
//! `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` as docker applies them.

use std::net::IpAddr;

use reqwest::{Proxy, Url};

use super::{Error, Options};

/// What the variables say, as the client wants it.
///
/// # Errors
/// If the address of a proxy is none.
pub(super) fn proxies(options: &Options) -> Result<Vec<Proxy>, Error> {
    let chosen = [("http", &options.http_proxy), ("https", &options.https_proxy)];
    let chosen = chosen.into_iter().filter_map(|(scheme, address)| {
        Some((scheme, address.as_deref().filter(|address| !address.is_empty())?))
    });
    chosen.map(|(scheme, address)| proxy(scheme, address, options)).collect()
}

fn proxy(scheme: &'static str, address: &str, options: &Options) -> Result<Proxy, Error> {
    let bad = || Error::BadProxy { proxy: without_password(address) };
    // The address alone is checked here; a closure could not complain.
    Proxy::all(address).map_err(|_| bad())?;
    let complete = match address.contains("://") {
        true => address.to_owned(),
        false => format!("http://{address}"),
    };
    let target: Url = complete.parse().map_err(|_| bad())?;
    let exceptions = options.no_proxy.clone().unwrap_or_default();
    let by = move |url: &Url| {
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        (url.scheme() == scheme && !is_direct(&exceptions, host, port)).then(|| target.clone())
    };
    Ok(Proxy::custom(by))
}

/// The address without what stands before its `@`.
fn without_password(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => address.into(),
    }
}

/// Whether a host is reached without a proxy. This machine always is: no proxy
/// reaches its loopback.
fn is_direct(exceptions: &str, host: &str, port: u16) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let host = host.trim_end_matches('.');
    let address = host.parse::<IpAddr>().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    let exceptions = exceptions.split(',').map(|text| text.trim().to_ascii_lowercase());
    exceptions.filter(|text| !text.is_empty()).any(|text| excepts(&text, host, address, port))
}

/// Whether one exception, `*`, `IP[:PORT]`, `IP/BITS` or `[*][.]NAME[:PORT]`,
/// is about this host.
fn excepts(text: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if text == "*" {
        return true;
    }
    if let Some((network, bits)) = text.split_once('/') {
        let network = network.parse().ok().zip(bits.parse().ok());
        return network
            .zip(address)
            .is_some_and(|((network, bits), address)| is_within(address, network, bits));
    }
    let (name, only) = without_port(text);
    if only.is_some_and(|only| only != port) {
        return false;
    }
    match (name.parse::<IpAddr>(), address) {
        (Ok(excepted), address) => address == Some(excepted),
        // A name's domain has no meaning for an address.
        (Err(_), Some(_)) => false,
        (Err(_), None) => is_below(host, name),
    }
}

/// `.example.com` and `*.example.com` are about what is below, `example.com`
/// about itself too.
fn is_below(host: &str, name: &str) -> bool {
    let name = name.strip_prefix('*').unwrap_or(name);
    let domain = name.strip_prefix('.').unwrap_or(name);
    let below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    !domain.is_empty() && (below || (host == domain && domain == name))
}

fn without_port(text: &str) -> (&str, Option<u16>) {
    let bare = |name: &'_ str| name.len() - name.trim_start_matches('[').len();
    match text.rsplit_once(':') {
        // An IPv6 address has colons of its own.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            (name[bare(name)..].trim_end_matches(']'), port.parse().ok().or(Some(0)))
        }
        _ => (text[bare(text)..].trim_end_matches(']'), None),
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (address, network, length) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (u128::from(address.to_bits()), u128::from(network.to_bits()), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    let differing = (address ^ network).checked_shr(length - bits.min(length)).unwrap_or(0);
    bits <= length && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_read_as_docker_reads_them() {
        let cases = [
            ("", "example.com", 443, false),
            ("*", "example.com", 443, true),
            ("example.com", "example.com", 443, true),
            ("example.com", "a.example.com", 443, true),
            ("example.com", "notexample.com", 443, false),
            (".example.com", "a.example.com", 443, true),
            (".example.com", "example.com", 443, false),
            ("*.example.com", "a.example.com", 443, true),
            ("*.example.com", "example.com", 443, false),
            ("EXAMPLE.com", "Example.COM.", 443, true),
            ("x, example.com:5000", "example.com", 5000, true),
            ("example.com:5000", "example.com", 443, false),
            ("example.com:x", "example.com", 443, false),
            ("10.0.0.1", "10.0.0.1", 80, true),
            ("10.0.0.1:81", "10.0.0.1", 80, false),
            ("10.0.0.1:80", "10.0.0.1", 80, true),
            ("10.1.0.0/16", "10.1.200.7", 80, true),
            ("10.1.0.0/16", "10.2.0.1", 80, false),
            ("0.0.0.0/0", "10.2.0.1", 80, true),
            ("0.0.0.0/0", "example.com", 80, false),
            ("10.0.0.0/33", "10.0.0.0", 80, false),
            ("fd00::/8", "[fd12::1]", 80, true),
            ("fd00::/8", "fe12::1", 80, false),
            ("::/0", "fd12::1", 80, true),
            ("fd12::1", "[fd12::1]", 80, true),
            ("[fd12::1]:80", "[fd12::1]", 80, true),
            ("[fd12::1]:81", "[fd12::1]", 80, false),
            ("0.0.1", "10.0.0.1", 80, false),
            (",,", "example.com", 80, false),
            ("", "localhost", 80, true),
            ("", "127.8.0.1", 80, true),
            ("", "[::1]", 80, true),
        ];
        for (exceptions, host, port, direct) in cases {
            assert_eq!(is_direct(exceptions, host, port), direct, "{exceptions}: {host}:{port}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_password("http://me:secret@proxy:3128"), "…@proxy:3128");
        assert_eq!(without_password("proxy:3128"), "proxy:3128");
    }
}
