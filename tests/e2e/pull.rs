//! From a name to an image in the store, from registries and from files.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{
    only_for, require,
    support::{
        Compression, Dir, Front, Image, Layer, Registry, Store, Test, chown_is_real, debian,
        is_root, text, user_namespaces, warm,
    },
};

/// The busybox image with a file that says which one it is.
fn marked(mark: &str, compression: Compression) -> Image {
    Image::busybox().layer(Layer::new().file("mark", 0o644, format!("{mark}\n")), compression)
}

/// Runs the program under `strace` and returns the calls that it made.
///
/// A traced `newuidmap` has no privilege, so this is for callers without ranges.
fn traced(calls: &str, store: &Store, args: &[&str]) -> String {
    let dir = Dir::new("strace");
    let trace = dir.path().join("trace");
    let filter = format!("trace={calls}");
    let strace = ["strace", "-f", "-qq", "-e", &filter, "-o", trace.to_str().unwrap()];
    Test::sandbox(args).store(store).within(&strace).check();
    std::fs::read_to_string(trace).unwrap()
}

#[test]
fn layers_come_plain_and_compressed() {
    require!(user_namespaces(), "user namespaces");
    let cases =
        [("plain", Compression::Plain), ("gzip", Compression::Gzip), ("zstd", Compression::Zstd)];
    for (name, compression) in cases {
        let image = marked(name, compression).push(Registry::shared(), &format!("pull/{name}"));
        let store = Store::new();
        Test::sandbox(&["run", &image, "cat", "/mark"])
            .store(&store)
            .stdout(&format!("{name}\n"))
            .check();
    }
}

#[test]
fn a_debian_image_runs() {
    require!(user_namespaces(), "user namespaces");
    let debian = debian();
    require!(debian.is_some(), "the Debian image of tests/run.sh");
    let (store, image) = debian.unwrap();
    Test::sandbox(&["run", image, "bash", "-c", ". /etc/os-release; echo $ID"])
        .store(store)
        .stdout("debian\n")
        .check();
}

#[test]
fn a_cached_image_opens_no_socket() {
    require!(user_namespaces(), "user namespaces");
    only_for!(is_root() || !chown_is_real());
    let (store, image) = warm();
    let run = ["run", "--network", "none", image, "true"];
    let calls = traced("network,execve", store, &run);
    assert!(calls.contains("execve(\"/bin/true\""), "{calls}");
    // Our two processes talk over a pair of sockets, which reaches nobody else.
    assert!(!calls.contains("AF_INET") && !calls.contains("connect("), "{calls}");
}

#[test]
fn the_c_library_looks_nothing_up() {
    require!(user_namespaces(), "user namespaces");
    only_for!(is_root() || !chown_is_real());
    // Its lookups begin with this file, then load what a static program cannot.
    let (warm_store, cached) = warm();
    let image = Image::busybox().push(Registry::shared(), "pull/nss");
    let name = image.replace("127.0.0.1", "localhost");
    let store = Store::new();
    for (store, args) in [
        (warm_store, vec!["run", "-u", "root", cached, "true"]),
        (warm_store, vec!["run", "host", "true"]),
        (warm_store, vec!["info"]),
        (&store, vec!["pull", &name]),
    ] {
        let calls = traced("open,openat,openat2", store, &args);
        let workload = calls.lines().filter(|line| line.contains("nsswitch.conf")).count();
        assert_eq!(workload, 0, "{args:?}");
    }
}

#[test]
fn an_index_gives_the_image_for_the_platform() {
    require!(user_namespaces(), "user namespaces");
    let other = if cfg!(target_arch = "x86_64") { "arm64" } else { "amd64" };
    let ours = marked("ours", Compression::Gzip);
    let theirs = marked("theirs", Compression::Gzip).architecture(other);
    let name = Image::push_index(&[theirs, ours], Registry::shared(), "pull/index");
    let store = Store::new();
    Test::sandbox(&["run", &name, "cat", "/mark"]).store(&store).stdout("ours\n").check();
    let platform = format!("linux/{other}");
    Test::sandbox(&["run", "--platform", &platform, &name, "cat", "/mark"])
        .store(&store)
        .stdout("theirs\n")
        .check();
}

#[test]
fn a_digest_names_one_image_for_ever() {
    require!(user_namespaces(), "user namespaces");
    let first = marked("first", Compression::Gzip);
    let name = first.push(Registry::shared(), "pull/moving");
    marked("second", Compression::Gzip).push(Registry::shared(), "pull/moving");
    let pinned = format!("{name}@{}", first.digest());
    let store = Store::new();
    Test::sandbox(&["run", &name, "cat", "/mark"]).store(&store).stdout("second\n").check();
    Test::sandbox(&["run", &pinned, "cat", "/mark"]).store(&store).stdout("first\n").check();
}

#[test]
fn when_to_pull_can_be_chosen() {
    require!(user_namespaces(), "user namespaces");
    let name = marked("old", Compression::Gzip).push(Registry::shared(), "pull/chosen");
    let store = Store::new();
    let run = |pull| Test::sandbox(&["run", "--pull", pull, &name, "cat", "/mark"]).store(&store);
    run("never").fails(125, &["pull/chosen"]).check();
    run("missing").stdout("old\n").check();
    marked("new", Compression::Gzip).push(Registry::shared(), "pull/chosen");
    run("missing").stdout("old\n").check();
    run("never").stdout("old\n").check();
    run("always").stdout("new\n").check();
}

#[test]
fn progress_is_not_for_programs() {
    require!(user_namespaces(), "user namespaces");
    let name = Image::busybox().push(Registry::shared(), "pull/progress");
    let store = Store::new();
    let output = Test::sandbox(&["pull", &name]).store(&store).output();
    assert!(!text(&output.stderr).contains('\x1b'), "{}", text(&output.stderr));
    let quiet = Store::new();
    Test::sandbox(&["run", "-q", &name, "echo", "hi"])
        .store(&quiet)
        .stdout("hi\n")
        .stderr("")
        .check();
}

#[test]
fn an_image_can_come_from_files() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("files");
    let image = marked("file", Compression::Gzip);
    let layout = image.write_layout(&dir.path().join("layout"));

    let archive = dir.path().join("layout.tar");
    let tar = Command::new("tar")
        .args(["-C", dir.path().join("layout").to_str().unwrap(), "-cf"])
        .arg(&archive)
        .arg(".")
        .status();
    assert!(tar.unwrap().success());
    let docker = dir.write("docker.tar", image.docker_archive("example/busybox:1"));

    for name in [
        layout.clone(),
        format!("{layout}:latest"),
        format!("oci-archive:{}", archive.display()),
        format!("docker-archive:{}", docker.display()),
        format!("docker-archive:{}:example/busybox:1", docker.display()),
    ] {
        let store = Store::new();
        Test::sandbox(&["run", &name, "cat", "/mark"]).store(&store).stdout("file\n").check();
    }
}

#[test]
fn a_directory_can_be_the_root_and_stays_as_it_was() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("rootfs");
    let tar = dir.write("tar", {
        let busybox = std::fs::read("/bin/busybox").unwrap();
        Layer::new().dir("root/bin/", 0o755).file("root/bin/busybox", 0o755, busybox).tar()
    });
    let unpacked = Command::new("tar").arg("-C").arg(dir.path()).arg("-xf").arg(tar).status();
    assert!(unpacked.unwrap().success());
    let root: PathBuf = dir.path().join("root");
    let name = format!("rootfs:{}", root.display());
    Test::sandbox(&[
        "run",
        &name,
        "/bin/busybox",
        "sh",
        "-c",
        "echo x > /made; /bin/busybox cat /made",
    ])
    .stdout("x\n")
    .check();
    let left: Vec<_> = std::fs::read_dir(&root).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["bin"]);
}

#[test]
fn names_are_found_in_the_hosts_file_and_certificates_checked() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("tls");
    let (key, certificate) = (dir.path().join("key.pem"), dir.path().join("cert.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=registry.test", "-addext", "subjectAltName=DNS:registry.test"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    require!(made.is_ok_and(|status| status.success()), "openssl");
    let registry = Registry::with_certificate(&certificate, &key);
    let hosts = dir.write("hosts", "127.0.0.1 localhost registry.test\n");
    let prepare = format!("mount --bind {} /etc/hosts", hosts.display());
    let name = format!("registry.test:{}/none", registry.address().port());

    let store = Store::new();
    let pull = || Test::sandbox(&["pull", &name]).store(&store).after(&prepare);
    pull().fails(125, &["certificate"]).check();
    // Trusted, the registry is asked, and has no such image.
    pull().env("SSL_CERT_FILE", &certificate).fails(125, &["none"]).check();
    let output = pull().env("SSL_CERT_FILE", &certificate).output();
    assert!(!text(&output.stderr).contains("certificate"), "{}", text(&output.stderr));
}

#[test]
fn a_token_for_everybody_is_fetched_and_shown() {
    require!(user_namespaces(), "user namespaces");
    Image::busybox().push(Registry::shared(), "pull/token");
    let front = Front::Tokens.of(Registry::shared());
    let store = Store::new();
    Test::sandbox(&["run", &format!("{front}/pull/token"), "echo", "hi"])
        .store(&store)
        .stdout("hi\n")
        .check();
}
