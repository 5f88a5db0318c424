//! The HTTP client: proxies, certificates, time limits.
//!
//! Reading the system's certificate authorities takes longer than a pull from
//! a registry nearby, so they are read at the first handshake ([`Verifier`]):
//! a client which only ever speaks plain http pays nothing.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{
    Client, ClientBuilder, NoProxy, Proxy,
    dns::{Addrs, Name, Resolve, Resolving},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{Error, Options};

/// A connection that takes longer to come about than this does not come.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a peer may be silent that takes what we send.
pub(super) const SILENCE: Duration = Duration::from_secs(60);
/// What no proxy can reach for us.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// Where distributions keep the certificate authorities.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Whether a registry is on this machine, where plain http is the custom.
pub(super) fn is_loopback(registry: &str) -> bool {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => registry,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Builds the client; `https_only` holds for redirects too.
pub(super) fn client(options: &Options, https_only: bool) -> Result<Client, Error> {
    build(options, https_only, |builder| builder.read_timeout(options.silence))
}

/// Builds a client that waits for as long as each request says: while much is
/// sent, the peer is silent.
pub(super) fn uploading_client(options: &Options, https_only: bool) -> Result<Client, Error> {
    build(options, https_only, |builder| builder.timeout(SILENCE))
}

fn build(
    options: &Options,
    https_only: bool,
    limit: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, Error> {
    // Whoever wants a registry comes by here.
    if options.offline {
        return Err(Error::Offline);
    }
    let transport = |e: &dyn std::error::Error| Error::Transport {
        host: "cannot set up TLS".into(),
        cause: e.to_string(),
    };
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(options.clone(), provider.clone());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| transport(&e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let mut builder = Client::builder()
        .user_agent(concat!("sandbox/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .https_only(https_only)
        .hickory_dns(true)
        .connect_timeout(CONNECT)
        .no_proxy();
    for proxy in proxies(options)? {
        builder = builder.proxy(proxy);
    }
    if !Path::new("/etc/resolv.conf").exists() {
        builder = builder.dns_resolver(HostsFile);
    }
    limit(builder).build().map_err(|e| transport(&e))
}

/// Answers from `/etc/hosts` alone: where no resolver is configured, hickory
/// would ask one that nobody has chosen.
#[derive(Debug)]
struct HostsFile;

impl Resolve for HostsFile {
    fn resolve(&self, name: Name) -> Resolving {
        let text = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        let found = addresses(&text, name.as_str());
        Box::pin(async move {
            if found.is_empty() {
                return Err("there is no /etc/resolv.conf that names a resolver".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The addresses that `hosts(5)` lists for a name.
fn addresses(hosts: &str, name: &str) -> Vec<SocketAddr> {
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    let found = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(SocketAddr::new(address, 0))
    });
    found.collect()
}

fn proxies(options: &Options) -> Result<Vec<Proxy>, Error> {
    let exceptions = [options.no_proxy.as_deref().unwrap_or_default(), LOOPBACK].join(",");
    let exceptions = NoProxy::from_string(exceptions.trim_start_matches(','));
    let mut proxies = Vec::new();
    if let Some(address) = options.http_proxy.as_deref().filter(|text| !text.is_empty()) {
        proxies.push((address, Proxy::http(address)));
    }
    if let Some(address) = options.https_proxy.as_deref().filter(|text| !text.is_empty()) {
        proxies.push((address, Proxy::https(address)));
    }
    let checked = proxies.into_iter().map(|(address, proxy)| match proxy {
        Ok(proxy) => Ok(proxy.no_proxy(exceptions.clone())),
        Err(_) => Err(Error::BadProxy { proxy: without_password(address) }),
    });
    checked.collect()
}

/// The address without what stands before its `@`.
fn without_password(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => address.into(),
    }
}

/// Verifies certificates against authorities that are read when needed.
#[derive(Debug)]
struct Verifier {
    options: Options,
    provider: Arc<CryptoProvider>,
    authorities: OnceLock<Result<Arc<WebPkiServerVerifier>, rustls::Error>>,
}

impl Verifier {
    fn new(options: Options, provider: Arc<CryptoProvider>) -> Self {
        Self { options, provider, authorities: OnceLock::new() }
    }

    fn authorities(&self) -> Result<&WebPkiServerVerifier, rustls::Error> {
        let build = || {
            let roots = Arc::new(roots(&self.options));
            WebPkiServerVerifier::builder_with_provider(roots, self.provider.clone())
                .build()
                .map_err(|e| rustls::Error::General(format!("no certificate authorities: {e}")))
        };
        self.authorities.get_or_init(build).as_deref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !self.options.tls_verify {
            return Ok(ServerCertVerified::assertion());
        }
        self.authorities()?.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The authorities that were named, else the system's, else our own list.
fn roots(options: &Options) -> RootCertStore {
    let mut store = RootCertStore::empty();
    let (file, directory) = (options.ssl_cert_file.as_deref(), options.ssl_cert_dir.as_deref());
    if file.is_some() || directory.is_some() {
        add(&mut store, file, directory);
        return store;
    }
    if let Some(bundle) = BUNDLES.map(Path::new).into_iter().find(|path| path.exists()) {
        add(&mut store, Some(bundle), None);
    }
    if store.is_empty() {
        store.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    }
    store
}

fn add(store: &mut RootCertStore, file: Option<&Path>, directory: Option<&Path>) {
    let found = rustls_native_certs::load_certs_from_paths(file, directory);
    store.add_parsable_certificates(found.certs);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosts_file_lists_addresses_before_names() {
        let hosts =
            "127.0.0.1 localhost\n# 10.0.0.1 x\n10.0.0.2 reg Reg.test # note\n::2 reg.test\n";
        let found: Vec<String> =
            addresses(hosts, "reg.test").iter().map(|found| found.ip().to_string()).collect();
        assert_eq!(found, ["10.0.0.2", "::2"]);
        assert!(addresses(hosts, "x").is_empty());
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_password("http://me:secret@proxy:3128"), "…@proxy:3128");
        assert_eq!(without_password("proxy:3128"), "proxy:3128");
    }

    #[test]
    fn loopback_is_known_by_name_and_address() {
        for here in
            ["localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:80", "[::1]:5000", "[::1]"]
        {
            assert!(is_loopback(here), "{here}");
        }
        for there in
            ["docker.io", "10.0.0.1:5000", "[::2]:1", "localhost.evil.com", "127.0.0.1.nip.io"]
        {
            assert!(!is_loopback(there), "{there}");
        }
    }
}
