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
    Client, ClientBuilder, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::{Action, Attempt, Policy},
};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
    client::{
        WantsClientCert, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::{
    Error, Options,
    certificates::{self, Certificates, Client as CertificateOfOurs},
    proxy,
};

/// What HTTP clients follow, by custom.
const MOST_REDIRECTS: usize = 10;
/// A connection that takes longer to come about than this does not come.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a peer may be silent that takes what we send.
pub(super) const SILENCE: Duration = Duration::from_secs(60);

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

/// How the connections to one registry, and to where it sends us, are secured.
#[derive(Debug, Default)]
pub(super) struct Security {
    /// Whether certificates are verified.
    pub(super) verified: bool,
    /// Whether plain http is refused, by redirects too.
    pub(super) https_only: bool,
    pub(super) certificates: Certificates,
}

/// The clients for one registry.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) registry: Client,
    /// For where it sends us, if nobody there may see our certificate.
    pub(super) elsewhere: Option<Client>,
    /// For a body that nobody else may see: it follows no redirect, which would
    /// take the body along (RFC 9110, section 15.4.8).
    pub(super) unredirected: Option<Client>,
}

/// What is done with a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Reading,
    /// While much is sent, the peer is silent: each request says for how long.
    Writing,
}

/// Builds the clients for a registry; one for secret bodies if it `posts` them.
pub(super) fn clients(
    options: &Options,
    security: Security,
    purpose: Use,
    posts: bool,
) -> Result<Clients, Error> {
    // Whoever wants a registry comes by here.
    if options.offline {
        return Err(Error::Offline);
    }
    let limit = |builder: ClientBuilder| match purpose {
        Use::Reading => builder.read_timeout(options.silence),
        Use::Writing => builder.timeout(SILENCE),
    };
    let Security { verified, https_only, certificates } = security;
    let build = |tls, redirects| build(options, https_only, limit, tls, redirects);
    let Certificates { authorities, client } = certificates;
    let provider = Arc::new(ring::default_provider());
    let trust = Trust { options: options.clone(), verified, authorities };
    let verifier = Arc::new(Verifier::new(trust, provider.clone()));
    let plain = |redirects| {
        let tls = tls(&provider, &verifier)?.with_no_client_auth();
        build(tls, redirects)
    };
    let unredirected = posts.then(|| plain(Policy::none())).transpose()?;
    let Some(CertificateOfOurs { file, chain, key }) = client else {
        return Ok(Clients { registry: plain(Policy::default())?, elsewhere: None, unredirected });
    };
    let tls = tls(&provider, &verifier)?
        .with_client_auth_cert(chain, key)
        .map_err(|error| certificates::bad(&file, error.to_string()))?;
    let registry = build(tls, Policy::custom(stay))?;
    Ok(Clients { registry, elsewhere: Some(plain(Policy::default())?), unredirected })
}

/// Follows redirects that lead to the same server.
fn stay(attempt: Attempt<'_>) -> Action {
    let same = |url: &Url| url.origin() == attempt.url().origin();
    match attempt.previous() {
        previous if previous.len() > MOST_REDIRECTS => attempt.error("too many redirects"),
        previous if previous.iter().all(same) => attempt.follow(),
        _ => attempt.stop(),
    }
}

type TlsBuilder = ConfigBuilder<ClientConfig, WantsClientCert>;

fn tls(provider: &Arc<CryptoProvider>, verifier: &Arc<Verifier>) -> Result<TlsBuilder, Error> {
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable(&e))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier.clone()))
}

fn build(
    options: &Options,
    https_only: bool,
    limit: impl FnOnce(ClientBuilder) -> ClientBuilder,
    tls: ClientConfig,
    redirects: Policy,
) -> Result<Client, Error> {
    let mut builder = Client::builder()
        .user_agent(concat!("sandbox/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .https_only(https_only)
        .redirect(redirects)
        .hickory_dns(true)
        .connect_timeout(CONNECT)
        .no_proxy();
    for proxy in proxy::proxies(options)? {
        builder = builder.proxy(proxy);
    }
    if !Path::new("/etc/resolv.conf").exists() {
        builder = builder.dns_resolver(HostsFile);
    }
    limit(builder).build().map_err(|e| unusable(&e))
}

fn unusable(error: &dyn std::error::Error) -> Error {
    Error::Transport { host: "cannot set up TLS".into(), cause: error.to_string() }
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

/// Whom to believe.
#[derive(Debug)]
struct Trust {
    options: Options,
    verified: bool,
    /// Those of one registry, besides the others.
    authorities: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// The registry's own, then those that were named, else the system's, else
    /// our own list.
    fn roots(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.certificates());
        if store.len() <= self.authorities.len() && !self.is_named() {
            let known = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
            store.add_parsable_certificates(known.iter().cloned());
        }
        store
    }

    fn is_named(&self) -> bool {
        self.options.ssl_cert_file.is_some() || self.options.ssl_cert_dir.is_some()
    }

    fn certificates(&self) -> Vec<CertificateDer<'static>> {
        let (file, directory) = match self.is_named() {
            true => (self.options.ssl_cert_file.as_deref(), self.options.ssl_cert_dir.as_deref()),
            false => (BUNDLES.map(Path::new).into_iter().find(|path| path.exists()), None),
        };
        let mut certificates = self.authorities.clone();
        certificates.extend(rustls_native_certs::load_certs_from_paths(file, directory).certs);
        certificates
    }
}

/// Verifies certificates against authorities that are read when needed.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    authorities: OnceLock<Result<Arc<WebPkiServerVerifier>, rustls::Error>>,
}

impl Verifier {
    fn new(trust: Trust, provider: Arc<CryptoProvider>) -> Self {
        Self { trust, provider, authorities: OnceLock::new() }
    }

    fn authorities(&self) -> Result<&WebPkiServerVerifier, rustls::Error> {
        let build = || {
            let roots = Arc::new(self.trust.roots());
            WebPkiServerVerifier::builder_with_provider(roots, self.provider.clone())
                .build()
                .map_err(|e| rustls::Error::General(format!("no certificate authorities: {e}")))
        };
        self.authorities.get_or_init(build).as_deref().map_err(Clone::clone)
    }

    /// Whether this very certificate is trusted, and is for `name`.
    ///
    /// A self-signed one is often made as an authority, and rustls wants a
    /// server's to be none; whoever trusts it means just this one.
    fn is_trusted_itself(&self, certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
        let named = ParsedCertificate::try_from(certificate)
            .is_ok_and(|parsed| verify_server_name(&parsed, name).is_ok());
        named && self.trust.certificates().iter().any(|trusted| trusted == certificate)
    }
}

/// The refusal for being an authority, which comes after the check of the dates.
fn is_authority(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            // Its type is of a crate that rustls does not show.
            other.0.to_string() == "CaUsedAsEndEntity"
        }
        _ => false,
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
        if !self.trust.verified {
            return Ok(ServerCertVerified::assertion());
        }
        let authorities = self.authorities()?;
        match authorities.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Err(error) if is_authority(&error) && self.is_trusted_itself(end_entity, name) => {
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
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
