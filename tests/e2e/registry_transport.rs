//! Registries behind bad lines, limits, mirrors and certificates of their own.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    require,
    support::{
        BadLine, Compression, Dir, Image, Layer, Line, Nginx, Registry, Store, Test, has, text,
        user_namespaces,
    },
};

/// An image whose last layer is of `length` bytes that do not compress.
fn large(length: usize) -> Image {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    let noise: Vec<u8> = std::iter::repeat_with(next).take(length).collect();
    Image::busybox().layer(Layer::new().file("noise", 0o644, noise), Compression::Plain)
}

/// A setting of nginx that passes everything on to a registry.
fn pass_to(registry: &Registry) -> String {
    format!(
        "location / {{ proxy_pass http://{}; proxy_set_header Host $http_host; }}",
        registry.name()
    )
}

/// A `config.toml` with this text; returns the directory to name as
/// `XDG_CONFIG_HOME`.
fn settings(text: &str) -> Dir {
    let dir = Dir::new("config");
    dir.write("sandbox/config.toml", text);
    dir
}

#[test]
fn a_blob_goes_on_where_its_connection_broke() {
    require!(user_namespaces(), "user namespaces");
    let image = large(6 << 20);
    image.push(Registry::shared(), "line/cut");
    let (front, line) = BadLine::of(Registry::shared(), Line::Cuts);
    Test::sandbox(&["pull", &format!("{front}/line/cut")]).store(&Store::new()).check();

    let asked = line.asked(&image.layer_digest());
    assert!(asked.len() > 3, "{asked:?}");
    // Each byte once: what is asked for begins where the last one ended.
    for pair in asked.windows(2) {
        assert_eq!(pair[1].from, pair[0].from + pair[0].sent, "{asked:?}");
    }
}

#[test]
fn the_rest_is_asked_of_the_registry_which_redirects_again() {
    require!(user_namespaces(), "user namespaces");
    require!(has("nginx"), "nginx");
    let image = large(3 << 20);
    image.push(Registry::shared(), "line/redirect");
    let (front, line) = BadLine::of(Registry::shared(), Line::Cuts);
    let redirect = format!("location ~ /blobs/ {{ return 307 http://{front}$request_uri; }}");
    let nginx = Nginx::new(false, "", &format!("{redirect}\n{}", pass_to(Registry::shared())));
    let name = format!("{}/line/redirect", nginx.name());
    Test::sandbox(&["pull", &name]).store(&Store::new()).check();

    let asked = line.asked(&image.layer_digest());
    let log = nginx.log();
    assert!(asked.len() > 1, "{asked:?}");
    for asked in &asked[1..] {
        let line = format!("307 \"GET {} HTTP/1.1\" \"bytes={}-\"", asked.path, asked.from);
        assert!(log.contains(&line), "{line} is not in\n{log}");
    }
}

#[test]
fn a_blob_arrives_from_a_server_without_ranges() {
    require!(user_namespaces(), "user namespaces");
    let image = large(4 << 20);
    image.push(Registry::shared(), "line/no-ranges");
    let (front, line) = BadLine::of(Registry::shared(), Line::CutsWithoutRanges);
    Test::sandbox(&["pull", &format!("{front}/line/no-ranges")]).store(&Store::new()).check();
    let asked = line.asked(&image.layer_digest());
    assert!(asked.len() > 2 && asked.iter().all(|asked| asked.from == 0), "{asked:?}");
}

#[test]
fn a_line_that_falls_silent_is_broken() {
    require!(user_namespaces(), "user namespaces");
    let image = large(1 << 20);
    image.push(Registry::shared(), "line/silent");
    let (front, line) = BadLine::of(Registry::shared(), Line::Stalls);
    let settings = settings("[registries]\ntimeout = 1\n");
    Test::sandbox(&["pull", &format!("{front}/line/silent")])
        .store(&Store::new())
        .env("XDG_CONFIG_HOME", settings.path())
        .check();
    let asked = line.asked(&image.layer_digest());
    assert_eq!(asked.iter().map(|asked| asked.from).collect::<Vec<_>>(), [0, 300_000]);
}

#[test]
fn who_is_told_to_come_later_comes_later() {
    require!(user_namespaces(), "user namespaces");
    require!(has("nginx"), "nginx");
    Image::busybox().push(Registry::shared(), "limit/later");
    let limits = "limit_req_zone $server_port zone=all:1m rate=1r/s;";
    let server = format!(
        "limit_req zone=all; limit_req_status 429; error_page 429 @later;\n\
         location @later {{ add_header Retry-After 2 always; return 429 '{{}}'; }}\n{}",
        pass_to(Registry::shared())
    );
    let nginx = Nginx::new(false, limits, &server);
    let name = format!("{}/limit/later", nginx.name());
    let output = Test::sandbox(&["pull", &name]).store(&Store::new()).output();
    let told = text(&output.stderr);
    assert!(output.status.success(), "{told}\n{}", nginx.log());
    assert!(nginx.log().contains("429 \"GET"), "{}", nginx.log());
    let note = format!(
        "note: {} refuses further requests for the next 2 s (429); try 2 of 6 comes in 2 s\n",
        nginx.name()
    );
    assert!(told.contains(&note), "{told}");
}

#[test]
fn a_limit_that_lasts_is_told_with_the_way_out() {
    require!(user_namespaces(), "user namespaces");
    require!(has("nginx"), "nginx");
    let refuse = "location / {
        add_header Retry-After 3600 always;
        add_header RateLimit-Limit '100;w=21600' always;
        add_header RateLimit-Remaining '0;w=21600' always;
        return 429 '{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"no more pulls today\"}]}';
    }";
    let nginx = Nginx::new(false, "", refuse);
    let host = nginx.name();
    Test::sandbox(&["pull", &format!("{host}/x")])
        .store(&Store::new())
        .code(125)
        .stderr(&format!(
            "error: {host} refuses further requests for the next 3600 s (429): no more pulls \
             today; the limit is 100 requests in 21600 s, 0 left\n\
             hint: `sandbox login {host}` may raise the limit; a mirror in config.toml avoids it\n"
        ))
        .check();
    assert_eq!(nginx.log().lines().count(), 1, "{}", nginx.log());
}

#[test]
fn what_fails_for_good_fails_after_six_tries() {
    require!(user_namespaces(), "user namespaces");
    require!(has("nginx"), "nginx");
    let nginx = Nginx::new(false, "", "location / { return 503; }");
    let host = nginx.name();
    let output = Test::sandbox(&["pull", &format!("{host}/x")]).store(&Store::new()).output();
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{told}");
    let error = format!(": {host} answers 503 Service Unavailable\n");
    assert!(told.ends_with(&error), "{told}");
    assert_eq!(nginx.log().lines().count(), 6, "{}", nginx.log());
}

#[test]
fn a_registry_that_is_not_there_is_named() {
    require!(user_namespaces(), "user namespaces");
    Test::sandbox(&["pull", "127.0.0.1:1/x"])
        .store(&Store::new())
        .code(125)
        .stderr("error: cannot reach 127.0.0.1:1: Connection refused (os error 111)\n")
        .check();
}

#[test]
fn a_mirror_is_asked_first_and_the_name_stays() {
    require!(user_namespaces(), "user namespaces");
    let (origin, mirror) = (Registry::new(), Registry::new());
    let name = Image::busybox().push(&origin, "team/app");
    Image::busybox().push(&mirror, "copies/team/app");
    let settings = settings(&format!(
        "[registries.\"{}\"]\nmirrors = [\"127.0.0.1:1\", \"{}/copies\"]\n",
        origin.name(),
        mirror.name(),
    ));
    let store = Store::new();
    let pull = |name: &str| {
        let pull = Test::sandbox(&["-v", "pull", name]).store(&store);
        let output = pull.env("XDG_CONFIG_HOME", settings.path()).output();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let told = pull(&name);
    let served = format!("the image comes from {}/copies/team/app\n", mirror.name());
    assert!(told.contains(&served), "{told}");
    assert!(told.contains("127.0.0.1:1/team/app does not help"), "{told}");
    let listed = Test::sandbox(&["images", "--format", "json"]).store(&store).read();
    assert!(listed.contains(&format!("{}/team/app", origin.name())), "{listed}");
    assert!(!listed.contains("copies"), "{listed}");

    // What the mirrors lack, the registry has.
    let other = large(1 << 10).push(&origin, "team/other");
    let told = pull(&other);
    assert!(told.contains(&format!("the image comes from {other}\n")), "{told}");
}

#[test]
fn a_short_name_means_what_the_settings_say() {
    require!(user_namespaces(), "user namespaces");
    let registry = Registry::shared();
    Image::busybox().push(registry, "short/base");
    let settings = settings(&format!(
        "[registries]\ndefault = \"{0}\"\n[aliases]\nsmall = \"{0}/short/base\"\n",
        registry.name(),
    ));
    let store = Store::new();
    for name in ["short/base", "small", "small:latest"] {
        Test::sandbox(&["run", name, "echo", "hi"])
            .store(&store)
            .env("XDG_CONFIG_HOME", settings.path())
            .stdout("hi\n")
            .check();
    }
    Test::sandbox(&["rmi", "small"])
        .store(&store)
        .env("XDG_CONFIG_HOME", settings.path())
        .stdout(&format!("{}/short/base:latest\n", registry.name()))
        .check();
}

/// A certificate authority in a directory, with what it has signed.
struct Authority(Dir);

impl Authority {
    fn new() -> Self {
        let authority = Self(Dir::new("authority"));
        authority.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
             -subj /CN=authority -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.crt",
        );
        authority
    }

    /// Makes `NAME.cert` and `NAME.key`; `extra` is a section of extensions.
    fn sign(&self, name: &str, extra: &str) {
        self.0.write("extra", extra);
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} \
             -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
             -extfile extra -out {name}.cert"
        ));
    }

    fn openssl(&self, args: &str) {
        let args: Vec<&str> = args.split_whitespace().collect();
        let made = Command::new("openssl").args(args).current_dir(self.0.path()).output().unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn copy(from: &Path, to: PathBuf) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(from, to).unwrap();
}

#[test]
fn a_registry_has_certificates_of_its_own_and_sees_ours() {
    require!(user_namespaces(), "user namespaces");
    require!(has("nginx") && has("openssl"), "nginx, openssl");
    let image = Image::busybox();
    image.push(Registry::shared(), "tls/app");
    let authority = Authority::new();
    authority.sign("server", "subjectAltName=IP:127.0.0.1\n");
    authority.sign("client", "extendedKeyUsage=clientAuth\n");
    let file = |name| authority.file(name).display().to_string();

    // Blobs are elsewhere, where nobody is to see who we are.
    let tls = format!(
        "ssl_certificate {}; ssl_certificate_key {}; ssl_client_certificate {};",
        file("server.cert"),
        file("server.key"),
        file("ca.crt"),
    );
    let elsewhere = Nginx::new(
        true,
        "",
        &format!("{tls} ssl_verify_client optional; {}", pass_to(Registry::shared())),
    );
    let registry = Nginx::new(
        true,
        "",
        &format!(
            "{tls} ssl_verify_client on;\n\
             location ~ /blobs/ {{ return 307 https://{}$request_uri; }}\n{}",
            elsewhere.name(),
            pass_to(Registry::shared())
        ),
    );
    let config = Dir::new("config");
    let certs = config.path().join("containers/certs.d").join(registry.name());
    let name = format!("{}/tls/app", registry.name());
    let pull = || {
        Test::sandbox(&["pull", &name]).store(&Store::new()).env("XDG_CONFIG_HOME", config.path())
    };

    copy(&authority.file("ca.crt"), certs.join("ca.crt"));
    pull().fails(125, &["400"]).check();
    copy(&authority.file("client.cert"), certs.join("client.cert"));
    pull().fails(125, &["client.key", "No such file"]).check();
    copy(&authority.file("client.key"), certs.join("client.key"));
    pull().check();
    assert!(registry.log().contains("CN=client"), "{}", registry.log());
    assert!(elsewhere.log().contains("/blobs/"), "{}", elsewhere.log());
    assert!(!elsewhere.log().contains("CN=client"), "{}", elsewhere.log());

    // The same files named on the command line.
    let dir = certs.to_str().unwrap();
    Test::sandbox(&["pull", "--cert-dir", dir, &name]).store(&Store::new()).check();
    std::fs::write(certs.join("ca.crt"), "nonsense").unwrap();
    pull().fails(125, &["ca.crt", "no certificate"]).check();
}

#[test]
fn a_certificate_that_is_its_own_authority_is_trusted_when_named() {
    require!(user_namespaces(), "user namespaces");
    require!(has("openssl"), "openssl");
    let authority = Authority::new();
    authority.0.write("self", "subjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:TRUE\n");
    for (name, days) in [("fresh", "2"), ("stale", "-1")] {
        authority.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x \
             -keyout {name}.key -out {name}.csr"
        ));
        authority.openssl(&format!(
            "x509 -req -in {name}.csr -signkey {name}.key -days {days} -extfile self \
             -out {name}.crt"
        ));
    }
    let (key, certificate) = (authority.file("fresh.key"), authority.file("fresh.crt"));
    let registry = Registry::with_certificate(&certificate, &key);
    let name = format!("{}/none", registry.name());
    let pull = |trusted: &Path| {
        Test::sandbox(&["pull", &name]).store(&Store::new()).env("SSL_CERT_FILE", trusted)
    };
    // On this machine http is spoken first; the answer tells that it is TLS.
    pull(&certificate).fails(125, &["there is no image"]).check();
    pull(&authority.file("ca.crt")).fails(125, &["certificate"]).check();

    let (key, certificate) = (authority.file("stale.key"), authority.file("stale.crt"));
    let registry = Registry::with_certificate(&certificate, &key);
    Test::sandbox(&["pull", &format!("{}/none", registry.name())])
        .store(&Store::new())
        .env("SSL_CERT_FILE", &certificate)
        .fails(125, &["certificate", "xpired"])
        .check();
}
