//! Who we are to a registry: passwords and tokens, where they come from, and who
//! gets to see them.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use rustix::termios::LocalModes;

use crate::{
    require,
    support::{
        Dir, Image, Nginx, Registry, Store, Terminal, Test, TokenServer, has, text, user_namespaces,
    },
};

/// ann:secret
const ANN: &str = "YW5uOnNlY3JldA==";

/// A registry that lets ann in, and an image in it.
fn private() -> (&'static Registry, &'static str) {
    static PRIVATE: OnceLock<(Registry, String)> = OnceLock::new();
    let (registry, image) = PRIVATE.get_or_init(|| {
        let registry = Registry::with_password("ann", "secret");
        let public = Image::busybox().push(Registry::shared(), "auth/source");
        let name = format!("{}/team/app", registry.name());
        let store = Store::new();
        Test::sandbox(&["pull", &public]).store(&store).check();
        Test::sandbox(&["push", "--creds", "ann:secret", &public, &name]).store(&store).check();
        (registry, name)
    });
    (registry, image)
}

/// A user who has logged in nowhere, unless the test says so.
struct Home {
    dir: Dir,
    store: Store,
}

impl Home {
    fn new() -> Self {
        Self { dir: Dir::new("home"), store: Store::new() }
    }

    fn auth_file(&self) -> PathBuf {
        self.dir.path().join("config/containers/auth.json")
    }

    fn sandbox(&self, args: &[&str]) -> Test {
        let dir = self.dir.path();
        Test::sandbox(args)
            .store(&self.store)
            .env("HOME", dir.join("home"))
            .env("XDG_CONFIG_HOME", dir.join("config"))
            .env("XDG_RUNTIME_DIR", dir.join("run"))
    }

    fn login(&self, registry: &str, password: &str) -> Test {
        self.sandbox(&["login", "-u", "ann", "--password-stdin", registry]).stdin(password)
    }
}

/// An auth file that lets `user:password` (in base64) into a registry.
fn auth(registry: &str, pair: &str) -> String {
    format!(r#"{{"auths": {{"{registry}": {{"auth": "{pair}"}}}}}}"#)
}

#[test]
fn login_lets_in_until_logout() {
    require!(user_namespaces(), "user namespaces");
    let (registry, image) = private();
    let (home, name) = (Home::new(), registry.name());
    home.dir.write(
        "config/containers/auth.json",
        r#"{"auths": {"x.io": {"auth": "eDp5"}}, "other": 5}"#,
    );
    let denied = format!("denies access to `{image}:latest` without credentials");
    home.sandbox(&["pull", image])
        .fails(125, &[&denied, &format!("`sandbox login {name}`")])
        .check();
    let kept = home.auth_file().display().to_string();
    home.login(&name, "secret\n")
        .stdout(&format!("logged in to {name} as ann; kept in {kept}\n"))
        .stderr("")
        .check();
    let mode = fs::metadata(home.auth_file()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    home.sandbox(&["run", "--rm", image, "echo", "hi"]).stdout("hi\n").check();
    home.sandbox(&["logout", &name]).stdout(&format!("logged out of {name}\n")).stderr("").check();
    home.sandbox(&["pull", image]).fails(125, &[&denied]).check();
    home.sandbox(&["logout", &name]).fails(125, &["not logged in"]).check();
    let left: serde_json::Value =
        serde_json::from_slice(&fs::read(home.auth_file()).unwrap()).unwrap();
    assert_eq!(left, serde_json::json!({"auths": {"x.io": {"auth": "eDp5"}}, "other": 5}));
    home.sandbox(&["logout", "--all"]).stdout("logged out of x.io\n").check();
}

#[test]
fn a_wrong_password_is_not_kept() {
    let (registry, _) = private();
    let home = Home::new();
    let refused = "does not let `ann` in with this password";
    home.login(&registry.name(), "hunter2").fails(125, &[refused]).check();
    home.login(&registry.name(), "").fails(125, &["there is no password"]).check();
    home.sandbox(&["login", &registry.name()]).fails(125, &["no user name"]).check();
    home.sandbox(&["login", "registry"]).fails(125, &["not an image reference"]).check();
    assert!(!home.auth_file().exists());
}

#[test]
fn a_password_is_typed_unseen() {
    let (registry, _) = private();
    let (home, name) = (Home::new(), registry.name());
    let mut terminal = Terminal::start(&home.sandbox(&["login", &name]));
    terminal.wait_for("user name: ");
    terminal.type_text("ann\n");
    terminal.wait_for("password of ann: ");
    assert!(!terminal.settings().local_modes.contains(LocalModes::ECHO));
    terminal.type_text("secrex\u{7f}t\r");
    terminal.wait_for("logged in to");
    assert!(terminal.wait().success());
    assert!(!terminal.seen().contains("secre"), "{}", terminal.seen());
    assert!(terminal.settings().local_modes.contains(LocalModes::ECHO | LocalModes::ICANON));
    assert!(fs::read_to_string(home.auth_file()).unwrap().contains(ANN));

    let mut terminal = Terminal::start(&home.sandbox(&["login", "-u", "ann", &name]));
    terminal.wait_for("password of ann: ");
    terminal.type_text("sec\u{3}");
    terminal.wait_for("there is no password");
    assert_eq!(terminal.wait().code(), Some(125));
    assert!(terminal.settings().local_modes.contains(LocalModes::ECHO | LocalModes::ICANON));
}

#[test]
fn creds_are_for_the_registry_of_the_image() {
    require!(user_namespaces(), "user namespaces");
    let (registry, image) = private();
    let home = Home::new();
    home.sandbox(&["run", "--rm", "--creds", "ann:secret", image, "echo", "hi"])
        .stdout("hi\n")
        .check();
    for (creds, words) in [
        ("ann:hunter2", ["denies access", "to `ann` (from --creds)"]),
        ("hunter2", ["`--creds` wants USER:PASSWORD", ""]),
        (":hunter2", ["`--creds` wants USER:PASSWORD", ""]),
    ] {
        let pull = || home.sandbox(&["-v", "pull", "--creds", creds, image]);
        pull().fails(125, &words).check();
        assert!(!text(&pull().output().stderr).contains("hunter2"));
    }
    assert!(home.login(&registry.name(), "secret").output().status.success());
    // What was typed comes first, right or wrong.
    home.sandbox(&["pull", "--creds", "bob:x", image]).fails(125, &["to `bob`"]).check();
}

#[test]
fn credentials_come_from_every_usual_place() {
    require!(user_namespaces(), "user namespaces");
    let (registry, image) = private();
    let json = auth(&registry.name(), ANN);
    let named = Dir::new("authfile");
    let file = named.write("any.json", &json);
    let file = file.to_str().unwrap();
    let pull = |home: &Home| home.sandbox(&["pull", image]);
    let home = Home::new();
    pull(&home).env("REGISTRY_AUTH_FILE", file).check();
    home.sandbox(&["pull", "--authfile", file, image]).check();
    pull(&home).env("DOCKER_AUTH_CONFIG", &json).check();
    let docker = named.write("docker/config.json", &json);
    pull(&home).env("DOCKER_CONFIG", docker.parent().unwrap()).check();
    for place in
        ["config/containers/auth.json", "run/containers/auth.json", "home/.docker/config.json"]
    {
        let home = Home::new();
        home.dir.write(place, &json);
        pull(&home).check();
    }
    // A part of the registry has credentials of its own.
    let nested = format!(
        r#"{{"auths": {{"https://{0}": {{"auth": "eDp5"}}, "{0}/team": {{"auth": "{ANN}"}}}}}}"#,
        registry.name()
    );
    pull(&home).env("DOCKER_AUTH_CONFIG", nested).check();
}

#[test]
fn the_first_place_is_believed_and_a_named_one_alone() {
    let (registry, image) = private();
    let (home, name) = (Home::new(), registry.name());
    home.dir.write("config/containers/auth.json", auth(&name, ANN));
    let wrong = auth(&name, "Ym9iOmh1bnRlcjI="); // bob:hunter2
    let pull = || home.sandbox(&["pull", image]);
    pull()
        .env("DOCKER_AUTH_CONFIG", &wrong)
        .fails(125, &["`bob` (from DOCKER_AUTH_CONFIG)"])
        .check();
    let file = home.dir.write("named.json", "{}");
    let nothing = format!("none for it in {}", file.display());
    pull().env("REGISTRY_AUTH_FILE", &file).fails(125, &["without credentials", &nothing]).check();
    pull()
        .env("REGISTRY_AUTH_FILE", "/absent")
        .fails(125, &["cannot read the credentials in /absent"])
        .check();
    // Whoever logs in is told what comes first.
    let output = home.login(&name, "secret").env("DOCKER_AUTH_CONFIG", &wrong).output();
    assert!(text(&output.stderr).contains("come first: DOCKER_AUTH_CONFIG"));
}

#[test]
fn skopeo_finds_our_login_and_we_find_that_of_skopeo() {
    require!(user_namespaces(), "user namespaces");
    require!(has("skopeo"), "skopeo");
    let (registry, image) = private();
    let skopeo = |home: &Home, args: &[&str]| {
        let dir = home.dir.path();
        Command::new("skopeo")
            .args(args)
            .env("HOME", dir.join("home"))
            .env("XDG_CONFIG_HOME", dir.join("config"))
            .env("XDG_RUNTIME_DIR", dir.join("run"))
            .output()
            .unwrap()
    };
    let (ours, theirs, name) = (Home::new(), Home::new(), registry.name());
    ours.login(&name, "secret").check();
    let inspected =
        skopeo(&ours, &["inspect", "--tls-verify=false", "--raw", &format!("docker://{image}")]);
    assert!(inspected.status.success(), "{}", text(&inspected.stderr));
    fs::create_dir_all(theirs.dir.path().join("run")).unwrap();
    let login = ["login", "--tls-verify=false", "-u", "ann", "-p", "secret", &name];
    let login = skopeo(&theirs, &login);
    assert!(login.status.success(), "{}", text(&login.stderr));
    theirs.sandbox(&["pull", image]).check();
    // What skopeo keeps is not ours to forget, but to tell.
    let kept = theirs.dir.path().join("run/containers/auth.json").display().to_string();
    theirs.sandbox(&["logout", &name]).fails(125, &["from elsewhere", &kept]).check();
}

#[test]
fn a_malformed_file_is_named_and_not_quoted() {
    let (registry, image) = private();
    let name = registry.name();
    let cases = [
        ("{\"auths\": hunter2}".to_owned(), "line 1, column 11"),
        (auth(&name, "hunter2!"), "not USER:PASSWORD in base64"),
        (format!(r#"{{"auths": {{"{name}": "hunter2"}}}}"#), "is not an object"),
        (" ".repeat(2 << 20), "larger than"),
    ];
    for (content, why) in cases {
        let home = Home::new();
        let file = home.dir.write("config/containers/auth.json", content);
        let pull = || home.sandbox(&["-v", "pull", image]);
        pull().fails(125, &[file.to_str().unwrap(), why]).check();
        assert!(!text(&pull().output().stderr).contains("hunter2"));
    }
}

/// A directory with a credential helper, `docker-credential-test`, that keeps one
/// entry in a file and notes who asks for what.
fn helper(dir: &Dir) -> String {
    let place = dir.path().display();
    dir.script(
        "bin/docker-credential-test",
        &format!(
            r#"input=$(cat); echo "$1 $(id -u) $input" >> {place}/asked
case $1 in
    store) echo "$input" > {place}/entry;;
    get) cat {place}/entry 2>/dev/null || {{ echo credentials not found in native keychain; exit 1; }};;
    erase) rm {place}/entry;;
esac"#
        ),
    );
    format!("{place}/bin:{}", std::env::var("PATH").unwrap())
}

#[test]
fn a_credential_helper_keeps_and_gives() {
    require!(user_namespaces(), "user namespaces");
    let (registry, image) = private();
    let (home, name) = (Home::new(), registry.name());
    let path = helper(&home.dir);
    let config = format!(r#"{{"credHelpers": {{"{name}": "test"}}}}"#);
    home.dir.write("config/containers/auth.json", &config);
    let pull = || home.sandbox(&["pull", image]).env("PATH", &path);
    pull().fails(125, &["none for it in docker-credential-test"]).check();
    home.login(&name, "secret")
        .env("PATH", &path)
        .stdout(&format!("logged in to {name} as ann; kept in docker-credential-test\n"))
        .check();
    assert_eq!(fs::read_to_string(home.auth_file()).unwrap(), config);
    fs::remove_file(home.dir.path().join("asked")).unwrap();
    pull().check();
    // Once, and not as the root of a namespace: its keyring would not know that.
    let uid = rustix::process::getuid().as_raw();
    let asked = || fs::read_to_string(home.dir.path().join("asked")).unwrap();
    assert_eq!(asked(), format!("get {uid} {name}\n"));
    // An image that is here needs nobody.
    home.sandbox(&["run", "--rm", image, "true"]).env("PATH", &path).check();
    assert_eq!(asked().lines().count(), 1);
    home.sandbox(&["logout", &name]).env("PATH", &path).check();
    pull().fails(125, &["without credentials"]).check();
}

#[test]
fn a_helper_that_is_missing_matters_if_it_was_asked_for() {
    require!(user_namespaces(), "user namespaces");
    let (registry, image) = private();
    let (home, name) = (Home::new(), registry.name());
    let pull = |config: &str| home.sandbox(&["pull", image]).env("DOCKER_AUTH_CONFIG", config);
    let for_one = format!(r#"{{"credHelpers": {{"{name}": "absent"}}}}"#);
    pull(&for_one)
        .fails(125, &["no program `docker-credential-absent`", "DOCKER_AUTH_CONFIG", &name])
        .check();
    let for_all =
        format!(r#"{{"credsStore": "absent", "auths": {{"{name}": {{"auth": "{ANN}"}}}}}}"#);
    pull(&for_all).check();
    let failing = Dir::new("failing");
    failing.script("docker-credential-bad", "cat >/dev/null; echo the keyring is locked; exit 3");
    let path = format!("{}:{}", failing.path().display(), std::env::var("PATH").unwrap());
    pull(&format!(r#"{{"credHelpers": {{"{name}": "bad"}}}}"#))
        .env("PATH", path)
        .fails(125, &["`docker-credential-bad` gives no credentials", "the keyring is locked"])
        .check();
}

/// Where nginx may listen on the address, which is another host to us.
fn free_port(address: &str) -> u16 {
    TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn credentials_do_not_follow_a_redirect_to_another_host() {
    require!(user_namespaces(), "user namespaces");
    require!(has("nginx"), "nginx");
    let (registry, image) = private();
    let upstream = registry.name();
    for other in ["127.0.0.2", "127.0.0.1"] {
        let log = Dir::new("other");
        let other = format!("{other}:{}", free_port(other));
        // The other host is let in by a header of its own.
        let elsewhere = format!(
            "server {{ listen {other}; access_log {}/log all;\n\
             location / {{ proxy_pass http://{upstream};\n\
             proxy_set_header Authorization 'Basic {ANN}'; }} }}",
            log.path().display()
        );
        let here = format!(
            "location / {{ proxy_pass http://{upstream}; proxy_set_header Host $http_host; }}\n\
             location ~ /blobs/sha256: {{ return 307 http://{other}$request_uri; }}"
        );
        let front = Nginx::new(false, &elsewhere, &here);
        let home = Home::new();
        home.login(&front.name(), "secret").check();
        let name = image.replace(&upstream, &front.name());
        home.sandbox(&["run", "--rm", &name, "echo", "hi"]).stdout("hi\n").check();
        let seen = fs::read_to_string(log.path().join("log")).unwrap();
        assert!(seen.lines().count() >= 2, "config and layer come from there: {seen}");
        for line in seen.lines() {
            assert!(line.starts_with("200 \"GET /v2/team/app/blobs/sha256:"), "{line}");
            assert!(line.contains(" \"-\" \"-\""), "no Authorization: {line}");
        }
        assert!(front.log().contains(&format!("\"Basic {ANN}\"")), "{}", front.log());
    }
}

#[test]
fn a_password_buys_tokens_for_just_what_is_done() {
    require!(user_namespaces(), "user namespaces");
    let registry = Registry::new();
    Image::busybox().push(&registry, "team/app");
    let server = TokenServer::of(&registry, &[]);
    let (home, name) = (Home::new(), format!("{}/team/app", server.name()));
    home.sandbox(&["pull", &name]).fails(125, &["denies access", "without credentials"]).check();
    home.login(&server.name(), "hunter2").fails(125, &["does not let `ann` in"]).check();
    home.login(&server.name(), "secret").stderr("").check();
    home.sandbox(&["pull", &name]).check();
    let log = server.log();
    let token = "GET /token?service=test&scope=repository%3Ateam%2Fapp%3Apull Basic";
    assert!(log.contains(&format!("{token} {ANN} -")), "{log}");
    // The registry itself sees tokens alone.
    let shown = log.lines().filter(|line| line.contains(" /v2/") && line.contains("Basic"));
    assert_eq!(shown.count(), 0, "{log}");
    home.sandbox(&["push", &name, &format!("{}/team/copy", server.name())]).check();
    let log = server.log();
    assert!(log.contains("scope=repository%3Ateam%2Fcopy%3Apull%2Cpush Basic"), "{log}");
}

#[test]
fn an_identity_token_is_posted_and_a_registry_token_shown() {
    require!(user_namespaces(), "user namespaces");
    let registry = Registry::new();
    Image::busybox().push(&registry, "team/app");
    let server = TokenServer::of(&registry, &[]);
    let (home, name) = (Home::new(), format!("{}/team/app", server.name()));
    let entry = |entry: &str| format!(r#"{{"auths": {{"{}": {entry}}}}}"#, server.name());
    let pull = |config: String| home.sandbox(&["pull", &name]).env("DOCKER_AUTH_CONFIG", config);
    pull(entry(r#"{"auth": "eDp5", "identitytoken": "identity"}"#)).check();
    let form = "POST /token - grant_type=refresh_token&service=test&client_id=sandbox&\
                scope=repository%3Ateam%2Fapp%3Apull&refresh_token=identity\n";
    assert!(server.log().contains(form), "{}", server.log());
    pull(entry(r#"{"identitytoken": "hunter2"}"#))
        .fails(125, &["denies access", "with the token from DOCKER_AUTH_CONFIG"])
        .check();
    let before = server.log().len();
    pull(entry(r#"{"registrytoken": "registry"}"#)).check();
    assert!(!server.log()[before..].contains("/token"), "{}", server.log());
}

#[test]
fn a_token_that_ends_in_the_middle_is_got_anew() {
    require!(user_namespaces(), "user namespaces");
    let registry = Registry::new();
    Image::busybox().push(&registry, "team/app");
    let server = TokenServer::of(&registry, &["uses=1", "anonymous=yes"]);
    let (home, name) = (Home::new(), format!("{}/team/app", server.name()));
    home.sandbox(&["pull", &name]).check();
    let fetched = server.log().lines().filter(|line| line.contains("/token?")).count();
    assert!(fetched >= 3, "manifest, config, layer: {}", server.log());
}

#[test]
fn an_identity_token_does_not_follow_a_redirect() {
    let registry = Registry::new();
    let other = TokenServer::of(&registry, &[]);
    let moved = format!("moved=http://127.0.0.1:{}/token", other.port());
    let server = TokenServer::of(&registry, &[&moved]);
    let home = Home::new();
    let config =
        format!(r#"{{"auths": {{"{}": {{"identitytoken": "identity"}}}}}}"#, server.name());
    home.sandbox(&["pull", &format!("{}/team/app", server.name())])
        .env("DOCKER_AUTH_CONFIG", config)
        .fails(125, &["cannot get a token", "307"])
        .check();
    assert_eq!(other.log(), "");
}

#[test]
fn a_realm_on_another_host_is_not_asked_without_tls() {
    let registry = Registry::new();
    let server = TokenServer::of(&registry, &["realm=http://192.0.2.1/token"]);
    let home = Home::new();
    for args in [&["pull"][..], &["pull", "--creds", "ann:secret"]] {
        let name = format!("{}/team/app", server.name());
        home.sandbox(&[args, &[&name]].concat())
            .fails(
                125,
                &["cannot log in", "the realm is on another host, and not reached by https"],
            )
            .check();
    }
}

/// A key, and a certificate of registry.test that vouches for itself.
fn certificate(dir: &Dir) -> Option<(PathBuf, PathBuf)> {
    let (key, certificate) = (dir.path().join("key.pem"), dir.path().join("cert.pem"));
    let request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=registry.test \
                   -addext basicConstraints=critical,CA:FALSE \
                   -addext subjectAltName=DNS:registry.test";
    let made = Command::new("openssl")
        .args(request.split_whitespace())
        .args([Path::new("-keyout"), &key, Path::new("-out"), &certificate])
        .stderr(Stdio::null())
        .status();
    made.is_ok_and(|status| status.success()).then_some((key, certificate))
}

#[test]
fn a_registry_with_tls_is_logged_in_to_and_names_no_realm_without() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("tls");
    let made = certificate(&dir);
    require!(made.is_some(), "openssl");
    let (key, certificate) = made.unwrap();
    let hosts = dir.write("hosts", "127.0.0.1 localhost registry.test\n");
    let prepare = format!("mount --bind {} /etc/hosts", hosts.display());
    let home = Home::new();
    let trusting = |test: Test| test.env("SSL_CERT_FILE", &certificate).after(&prepare);

    let registry = Registry::with_both("ann", "secret", &certificate, &key);
    let name = format!("registry.test:{}", registry.address().port());
    home.login(&name, "secret").after(&prepare).fails(125, &["certificate"]).check();
    trusting(home.login(&name, "secret")).check();
    trusting(home.sandbox(&["pull", &format!("{name}/none")]))
        .fails(125, &["there is no image"])
        .check();

    let both = [fs::read(&certificate).unwrap(), fs::read(&key).unwrap()].concat();
    let tls = format!("tls={}", dir.write("both.pem", both).display());
    let plain = TokenServer::of(&registry, &[]);
    let realm = format!("realm=http://registry.test:{}/token", plain.port());
    let server = TokenServer::of(&registry, &[&tls, &realm]);
    let image = format!("registry.test:{}/team/app", server.port());
    trusting(home.sandbox(&["pull", "--creds", "ann:secret", &image]))
        .fails(125, &["the realm is not reached by https"])
        .check();
    assert_eq!(plain.log(), "");
}
