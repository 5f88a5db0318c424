//! What cannot work: one clear message, the right code, nothing left behind.

use std::{fs, net::TcpListener};

use crate::{
    require,
    support::{
        Compression, Dir, Front, Image, Layer, Registry, Store, Test, user_namespaces, warm,
    },
};

/// Checks that an image cannot be run, says so, and leaves its store clean.
fn assert_refused(image: &str, words: &[&str]) {
    let store = Store::new();
    Test::sandbox(&["run", image, "true"]).store(&store).stdout("").fails(125, words).check();
    store.assert_nothing_left();
}

/// Checks that nothing of an image stays in the store that refused it.
fn assert_no_layer(store: &Store) {
    for map in store.entries("layers") {
        assert_eq!(store.entries(&format!("layers/{map}")), [""; 0]);
    }
}

#[test]
fn an_unknown_image_is_named() {
    let image = format!("{}/bad/unknown", Registry::shared().name());
    assert_refused(&image, &["bad/unknown"]);
}

#[test]
fn an_unknown_tag_is_named() {
    require!(user_namespaces(), "user namespaces");
    let image = Image::busybox().push(Registry::shared(), "bad/tag");
    assert_refused(&format!("{image}:nightly"), &["nightly"]);
}

#[test]
fn a_registry_that_does_not_answer_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_refused(&format!("{free}/busybox"), &[&free.to_string(), "refused"]);
}

#[test]
fn a_registry_that_nobody_knows_is_named() {
    assert_refused("registry.invalid/busybox", &["registry.invalid"]);
}

#[test]
fn a_registry_that_wants_a_password_says_so() {
    let registry = Registry::with_password("ann", "secret");
    assert_refused(&format!("{}/busybox", registry.name()), &["denies access"]);
}

#[test]
fn what_people_mean_by_a_mistake_is_told() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let refused = |args: &[&str], stderr: &str| {
        Test::sandbox(args).store(&store).stdin("junk").code(125).stderr(stderr).check();
    };
    let import = "hint: `docker save` and `sandbox save` write archives of images; a tar with the \
                  files of a system becomes an image by `sandbox import`\n";
    let dir = Dir::new("load");
    let empty = dir.write("empty.tar", [0; 1024]).display().to_string();
    let missing = format!("error[E010]: {empty} has no file `manifest.json`\n{import}");
    refused(&["load", "-i", &empty], &missing);
    refused(
        &["load"],
        "error[E019]: cannot read `/dev/stdin`\n  caused by: it is no tar, or it is cut short\n",
    );
    let absent =
        "error[E019]: cannot read `/none`\n  caused by: No such file or directory (os error 2)\n";
    refused(&["load", "-i", "/none"], absent);
    let long = "x".repeat(201);
    let named = format!(
        "error[E001]: `{long}` cannot name a sandbox\nhint: a name has at most 200 characters\n"
    );
    refused(&["run", "--name", &long, "host", "true"], &named);
    let words = ["begins with the registry's, and not with http:// or https://"];
    Test::sandbox(&["pull", "https://r.test/a"]).store(&store).fails(125, &words).check();
    Test::sandbox(&["-a", "ps"]).store(&store).fails(125, &["unexpected argument '-a'"]).check();
    Test::sandbox(&["run", "-a", "stdout", "host"]).fails(125, &["`-a` is not supported"]).check();
    let root = ["--root", "/etc/sandbox", "images"];
    Test::sandbox(&root).fails(125, &["`--root DIR` or SANDBOX_ROOT names another place"]).check();
}

#[test]
fn a_malformed_name_is_refused_before_anything_else() {
    for name in ["Upper/Case", "a//b", "x@sha256:12", "x:", "-x", "a b", ""] {
        Test::sandbox(&["run", "--", name, "true"]).code(125).stdout("").check();
    }
}

#[test]
fn an_image_for_another_platform_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let image = Image::busybox().architecture("s390x");
    let name = image.push(Registry::shared(), "bad/platform");
    assert_refused(&name, &["linux/s390x"]);
    let index = Image::push_index(&[image], Registry::shared(), "bad/platforms");
    assert_refused(&index, &["linux/s390x"]);
}

#[test]
fn a_corrupt_blob_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let registry = Registry::new();
    let image = Image::busybox();
    let name = image.push(&registry, "bad/corrupt");
    let blob = registry.blob(&image.layer_digest());
    let mut bytes = fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let store = Store::new();
    Test::sandbox(&["run", &name, "true"]).store(&store).fails(125, &["sha256:"]).check();
    assert_no_layer(&store);
    store.assert_nothing_left();
}

#[test]
fn a_wrong_diff_id_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let image = Image::busybox().with_wrong_diff_id();
    assert_refused(&image.push(Registry::shared(), "bad/diff-id"), &["sha256:"]);
    let dir = Dir::new("layout");
    assert_refused(&image.write_layout(dir.path()), &["sha256:"]);
}

#[test]
fn a_truncated_layer_is_refused() {
    require!(user_namespaces(), "user namespaces");
    for (name, compression) in
        [("gzip", Compression::Gzip), ("zstd", Compression::Zstd), ("plain", Compression::Plain)]
    {
        let layer = Layer::new().file("file", 0o644, vec![b'x'; 1 << 20]);
        let image = Image::busybox().layer(layer, compression).with_truncated_layer();
        let name = image.push(Registry::shared(), &format!("bad/truncated-{name}"));
        assert_refused(&name, &["layer"]);
    }
}

#[test]
fn a_connection_that_breaks_is_reported() {
    require!(user_namespaces(), "user namespaces");
    Image::busybox().push(Registry::shared(), "bad/broken");
    let front = Front::BrokenBlobs.of(Registry::shared());
    assert_refused(&format!("{front}/bad/broken"), &[&front.to_string()]);
}

#[test]
fn a_layer_that_is_no_archive_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let image = Image::busybox().tar_layer(&[b'x'; 4096], Compression::Gzip);
    assert_refused(&image.push(Registry::shared(), "bad/no-archive"), &["layer"]);
}

#[test]
fn a_full_disk_is_named_and_the_store_stays_valid() {
    require!(user_namespaces(), "user namespaces");
    let name = Image::busybox().push(Registry::shared(), "bad/full-disk");
    let store = Store::new();
    let mount = format!("mount -t tmpfs -o size=1m small {}", store.path().display());
    Test::sandbox(&["run", &name, "true"])
        .store(&store)
        .after(&mount)
        .fails(125, &["there is no room for the image", "1 MB are free"])
        .check();
    // The same store with room again: the garbage does not matter.
    let ballast = format!(
        "mount -t tmpfs -o size=64m small {root}; head -c 63m /dev/zero >{root}/ballast; \
         {program} run {name} true 2>/dev/null && exit 1; rm {root}/ballast",
        root = store.path().display(),
        program = crate::support::binary().display(),
    );
    Test::sandbox(&["run", &name, "echo", "hi"])
        .store(&store)
        .after(&ballast)
        .stdout("hi\n")
        .check();
}

#[test]
fn a_kernel_without_user_namespaces_is_explained() {
    require!(user_namespaces(), "user namespaces");
    let none = "echo 0 > /proc/sys/user/max_user_namespaces";
    for args in [&["run", "host", "true"][..], &["run", warm().1, "true"]] {
        Test::sandbox(args)
            .within(&["unshare", "-Ur", "sh", "-ec", &format!("{none}; exec \"$@\""), "sh"])
            .fails(125, &["namespace", "hint: ", "max_user_namespaces"])
            .check();
    }
}

#[test]
fn a_user_who_is_not_in_the_image_is_named() {
    require!(user_namespaces(), "user namespaces");
    for (user, named) in [
        ("nobody-here", "nobody-here"),
        ("root:no-group", "no-group"),
        ("4294967295", "4294967295"),
        ("-1", "-1"),
    ] {
        let option = format!("--user={user}");
        Test::run_with(&[&option], &["true"]).fails(125, &[named]).stdout("").check();
    }
    Test::run_with(&["--group-add", "no-group"], &["true"]).fails(125, &["no-group"]).check();
}

#[test]
fn a_bad_volume_is_refused() {
    require!(user_namespaces(), "user namespaces");
    for volume in ["/no/such/source:/w", "/tmp:relative", "/tmp:/w:what", "/tmp:/", ":/w", "/tmp:"]
    {
        Test::run_with(&["-v", volume], &["true"]).fails(125, &["error: "]).stdout("").check();
    }
    for mount in ["type=bind,source=/tmp", "type=what,target=/w", "target", ""] {
        Test::run_with(&["--mount", mount], &["true"]).fails(125, &["error: "]).stdout("").check();
    }
}

#[test]
fn bad_values_of_options_are_refused() {
    require!(user_namespaces(), "user namespaces");
    for option in [
        "--ulimit=nofile=2:1",
        "--ulimit=nothing=1",
        "--shm-size=many",
        "--timeout=soon",
        "--cap-add=SYS_NOTHING",
        "--security-opt=nothing",
        "--security-opt=seccomp=/no/such/file",
        "--platform=linux",
        "--network=bridge-nobody-made",
        "--add-host=no-address",
        "--env-file=/no/such/file",
        "--hostname=under_score/and/slash",
        "--pull=sometimes",
        "--workdir=relative",
    ] {
        Test::run_with(&[option], &["true"]).code(125).stdout("").check();
    }
}

#[test]
fn a_nul_character_is_refused() {
    require!(user_namespaces(), "user namespaces");
    // An argument of a program cannot hold one; a file and an image can.
    let dir = Dir::new("nul");
    let file = dir.write("env", "A=b\0c\n");
    Test::run_with(&["--env-file", file.to_str().unwrap()], &["true"]).fails(125, &["NUL"]).check();
    let image = Image::busybox()
        .config("Cmd", serde_json::json!(["echo", "a\u{0}b"]))
        .write_layout(&dir.path().join("layout"));
    Test::sandbox(&["run", &image]).fails(125, &["NUL"]).check();
}

#[test]
fn an_image_without_a_command_needs_one() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("layout");
    let image = Image::busybox().config("Cmd", serde_json::Value::Null).write_layout(dir.path());
    Test::sandbox(&["run", &image]).fails(125, &["command"]).check();
}

#[test]
fn files_that_are_no_images_are_refused() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("files");
    let text = dir.write("text", "this is no image\n");
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for name in [
        format!("oci:{}", empty.display()),
        format!("oci-archive:{}", text.display()),
        format!("docker-archive:{}", text.display()),
        format!("rootfs:{}", text.display()),
        "oci:/no/such/directory".into(),
        "docker-archive:/no/such/file".into(),
        "rootfs:/no/such/directory".into(),
    ] {
        assert_refused(&name, &["error: "]);
    }
}

#[test]
fn a_store_that_cannot_be_written_is_named() {
    require!(user_namespaces(), "user namespaces");
    Test::sandbox(&["--root", "/proc/store", "run", "host", "true"])
        .fails(125, &["/proc/store"])
        .check();
}
