//! Indexes, manifests and configs (lines 1 to 12 of the list).

use std::{
    fs::{self, File},
    net::TcpListener,
};

use serde_json::{Value, json};

use super::yard::{Layout, Outcome, Yard, stack};
use crate::{
    require,
    support::{Image, Layer, user_namespaces},
};

const RAN: Outcome<'_> = Outcome::Says("ran\n");

/// Runs `echo ran` in an image whose layout was changed.
#[track_caller]
fn spoilt(yard: &Yard, what: &str, spoil: impl FnOnce(&Layout), outcome: Outcome<'_>) {
    let layout = Layout::of(&Image::busybox(), yard.place(what));
    spoil(&layout);
    yard.check(what, &["run", &layout.name(), "echo", "ran"], outcome);
}

/// A change to a document, by its name.
type Change = (&'static str, fn(&mut Value), Outcome<'static>);

#[test]
fn a_document_is_an_index_or_a_manifest() {
    require!(user_namespaces(), "user namespaces");
    let cases: [Change; 6] = [
        (
            "both",
            |m| m["manifests"] = json!([]),
            Outcome::Refused(&["both an index and a manifest"]),
        ),
        (
            "other-type",
            |m| m["mediaType"] = json!("application/vnd.oci.image.index.v1+json"),
            Outcome::Refused(&["not what its media type says"]),
        ),
        ("schema-1", |m| m["schemaVersion"] = json!(1), Outcome::Refused(&["schema 1"])),
        ("no-layers", |m| drop(m["layers"].take()), Outcome::Refused(&["bad manifest"])),
        // Without a type, and with layers whose types lie, the bytes decide.
        ("no-type", |m| drop(m.as_object_mut().unwrap().remove("mediaType")), RAN),
        ("wrong-type", |m| m["layers"][0]["mediaType"] = json!("text/plain"), RAN),
    ];
    let yard = Yard::new();
    for (what, change, outcome) in cases {
        spoilt(&yard, what, |layout| layout.change_manifest(change), outcome);
    }
    let index = json!({"schemaVersion": 2, "manifests": [], "layers": [], "config": {}});
    let confused =
        |layout: &Layout| layout.name_root(&layout.add("index", index.to_string().as_bytes()));
    spoilt(&yard, "both-index", confused, Outcome::Refused(&["both an index and a manifest"]));
}

#[test]
fn a_blob_is_what_its_descriptor_says() {
    require!(user_namespaces(), "user namespaces");
    type Damage = (&'static str, fn(&mut Vec<u8>), &'static str);
    let damages: [Damage; 3] = [
        ("flipped", |blob| *blob.last_mut().unwrap() ^= 1, "hashes to sha256:"),
        ("truncated", |blob| blob.truncate(blob.len() - 1), "ends after"),
        ("extended", |blob| blob.push(0), "is longer than the"),
    ];
    type Pick = (&'static str, fn(&Layout) -> Value);
    let blobs: [Pick; 3] = [
        ("manifest", |layout| layout.index()["manifests"][0].clone()),
        ("config", |layout| layout.manifest()["config"].clone()),
        ("layer", |layout| layout.manifest()["layers"][0].clone()),
    ];
    let yard = Yard::new();
    for (blob, pick) in blobs {
        for (damage, spoil, words) in damages {
            let what = format!("{blob}-{damage}");
            let damaged = |layout: &Layout| {
                let file = layout.blob(&pick(layout));
                let mut content = fs::read(&file).unwrap();
                spoil(&mut content);
                fs::write(file, content).unwrap();
            };
            // The end of a layer's blob may be wrong to gzip before it is to us.
            let words: &[&str] = if what == "layer-flipped" || what == "layer-truncated" {
                &["layer"]
            } else {
                &[words]
            };
            spoilt(&yard, &what, damaged, Outcome::Refused(words));
        }
    }
    for (what, off) in [("size-small", -1), ("size-large", 1), ("size-huge", 1 << 50)] {
        let lie = |layout: &Layout| {
            layout.change_manifest(|manifest| {
                let size = &mut manifest["config"]["size"];
                *size = json!(size.as_i64().unwrap() + off);
            });
        };
        spoilt(&yard, what, lie, Outcome::Refused(&["sha256:", "bytes"]));
    }
    let negative = |layout: &Layout| layout.change_manifest(|m| m["layers"][0]["size"] = json!(-1));
    spoilt(&yard, "size-negative", negative, Outcome::Refused(&["bad manifest"]));
}

#[test]
fn a_digest_is_no_path() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let hex = "0a".repeat(32);
    let victim = yard.up("victim");
    let digests = [
        format!("sha256:{victim}"),
        "sha256:../../../index.json".into(),
        format!("sha256:{}", hex.to_uppercase()),
        format!("sha256:{}", &hex[2..]),
        format!("sha256:{hex}00"),
        format!("sha1:{}", &hex[..40]),
        format!("sha512:{hex}{hex}"),
        format!("../sha256:{hex}"),
        String::new(),
    ];
    for (number, bad) in digests.iter().enumerate() {
        for place in ["config", "layers"] {
            let trick = |layout: &Layout| {
                layout.change_manifest(|manifest| match place {
                    "config" => manifest["config"]["digest"] = json!(bad),
                    _ => manifest["layers"][0]["digest"] = json!(bad),
                });
            };
            let what = format!("digest-{place}-{number}");
            spoilt(&yard, &what, trick, Outcome::Refused(&["is not a digest of the form"]));
        }
        let diff_id = |layout: &Layout| {
            layout.change_config(|config| config["rootfs"]["diff_ids"][0] = json!(bad));
        };
        let refused = Outcome::Refused(&["is not a digest of the form"]);
        spoilt(&yard, &format!("diff-id-{number}"), diff_id, refused);
        let index = |layout: &Layout| {
            layout.name_root(&json!({"mediaType": "", "digest": bad, "size": 1}));
        };
        spoilt(&yard, &format!("index-{number}"), index, refused);
    }
}

#[test]
fn other_places_that_a_manifest_names_are_not_asked() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/layer", listener.local_addr().unwrap());
    let foreign = |layout: &Layout| {
        fs::remove_file(layout.blob(&layout.manifest()["layers"][0])).unwrap();
        layout.change_manifest(|manifest| {
            let layer = &mut manifest["layers"][0];
            layer["urls"] = json!([url, "http://169.254.169.254/latest/meta-data"]);
            layer["mediaType"] =
                json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
        });
    };
    spoilt(&yard, "foreign", foreign, Outcome::Refused(&["No such file"]));
    assert!(listener.accept().is_err(), "somebody asked at the other place");
}

#[test]
fn documents_of_gigabytes_are_not_read() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let large = Outcome::Refused(&["a manifest or config is larger than 4 MiB"]);
    let grow = |file: std::path::PathBuf| {
        File::options().write(true).open(file).unwrap().set_len(10 << 30).unwrap();
    };
    spoilt(&yard, "index-10g", |layout| grow(layout.index_file()), large);
    let manifest = |layout: &Layout| {
        let mut descriptor = layout.index()["manifests"][0].clone();
        grow(layout.blob(&descriptor));
        descriptor["size"] = json!(10u64 << 30);
        layout.name_root(&descriptor);
    };
    spoilt(&yard, "manifest-10g", manifest, large);
    let config = |layout: &Layout| {
        grow(layout.blob(&layout.manifest()["config"]));
        layout.change_manifest(|manifest| manifest["config"]["size"] = json!(10u64 << 30));
    };
    spoilt(&yard, "config-10g", config, large);
}

#[test]
fn layers_and_indexes_have_an_end() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let layers = |count: usize| {
        move |layout: &Layout| {
            layout.change_manifest(|manifest| {
                let layer = manifest["layers"][0].clone();
                manifest["layers"] = vec![layer; count].into();
            });
        }
    };
    let many = Outcome::Refused(&["the image has more than 499 layers"]);
    spoilt(&yard, "layers-500", layers(500), many);
    let large = Outcome::Refused(&["larger than 4 MiB"]);
    spoilt(&yard, "layers-100000", layers(100_000), large);
    let nested = |layout: &Layout| {
        let mut root = layout.index()["manifests"][0].clone();
        for _ in 0..5 {
            let index = json!({"schemaVersion": 2, "manifests": [root]});
            root = layout.add("index", index.to_string().as_bytes());
        }
        layout.name_root(&root);
    };
    spoilt(&yard, "nested", nested, Outcome::Refused(&["nested more than 3 deep"]));
    let deep = |layout: &Layout| fs::write(layout.index_file(), "[".repeat(1 << 20)).unwrap();
    spoilt(&yard, "deep-json", deep, Outcome::Refused(&["index.json"]));
    // It would have to know its own digest; whatever it says is another's.
    let itself = |layout: &Layout| {
        let mut root = layout.index()["manifests"][0].clone();
        let index = json!({"schemaVersion": 2, "manifests": [root]}).to_string();
        fs::write(layout.blob(&root), &index).unwrap();
        root["size"] = json!(index.len());
        layout.name_root(&root);
    };
    spoilt(&yard, "itself", itself, Outcome::Refused(&["hashes to sha256:"]));
}

#[test]
fn a_config_with_other_types_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let cases: [(&str, Value); 9] = [
        ("Entrypoint", json!([1, 2])),
        ("Entrypoint", json!({"sh": true})),
        ("Cmd", json!("sh")),
        ("Env", json!([["A", "b"]])),
        ("Env", json!({"A": "b"})),
        ("User", json!(0)),
        ("WorkingDir", json!(["/"])),
        ("Volumes", json!(["/proc"])),
        ("Labels", json!([1])),
    ];
    let yard = Yard::new();
    for (number, (field, value)) in cases.into_iter().enumerate() {
        let image = Image::busybox().config(field, value);
        let refused = Outcome::Refused(&["its config is not one of an image", "line 1"]);
        yard.run(&format!("type-{number}"), &image, &["echo", "ran"], refused);
    }
    for (number, text) in
        ["", "null", "[]", "{", "\u{0}", "{\"rootfs\": {\"diff_ids\": 1}}"].into_iter().enumerate()
    {
        let replaced = |layout: &Layout| layout.replace_config(text.as_bytes());
        spoilt(&yard, &format!("config-{number}"), replaced, Outcome::Refused(&["config"]));
    }
}

#[test]
fn variables_of_any_number_and_kind_do_no_harm() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let with = |env: Vec<String>| Image::busybox().config("Env", json!(env));
    let refused = Outcome::Refused(&["a variable holds a NUL character"]);
    yard.run("env-nul", &with(vec!["A=b\0LD_PRELOAD=x".into()]), &["env"], refused);
    // A million do not fit in what a config may hold, and are no names.
    let million = with((0..1_000_000).map(|n| format!("N{n}=")).collect());
    let large = Outcome::Refused(&["larger than 4 MiB"]);
    yard.run("env-million", &million, &["env"], large);
    let many = with((0..300_000).map(|n| format!("N{n}=")).collect());
    let too_long = Outcome::NotExecuted(126, &["E2BIG"]);
    yard.run("env-many", &many, &["/bin/env"], too_long);
    let odd = with(vec!["A=1\nB=2".into(), "=empty".into(), String::new(), "A".into()]);
    yard.run("env-odd", &odd, &["sh", "-c", "echo ran"], RAN);
    yard.run(
        "env-newline",
        &with(vec!["A=1\nB=2".into()]),
        &["sh", "-c", "echo \"${B-none}\""],
        Outcome::Says("none\n"),
    );
}

#[test]
fn a_user_that_is_none_is_never_root() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    for (number, user) in [
        "999999999999",
        "4294967296",
        "4294967295",
        "2147483648:0",
        "-1",
        "0x0",
        "+0",
        "\nroot",
        "root\n",
        " root",
        "0\0",
        "root:x:0",
        "1000:-1",
        "../../etc/passwd",
        "ann:4294967296",
    ]
    .into_iter()
    .enumerate()
    {
        let image = Image::busybox().config("User", json!(user));
        let refused = Outcome::Refused(&["error: "]);
        yard.run(&format!("user-{number}"), &image, &["id", "-u"], refused);
    }
}

#[test]
fn a_working_directory_is_inside() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let layer = Layer::new()
        .symlink("out", yard.path())
        .symlink("up", &yard.up(""))
        .symlink("loop", "loop")
        .symlink("magic", "/proc/self/fd/7")
        .file("file", 0o644, "");
    let image = stack([layer]);
    // Relative and with a NUL: refused. Everything else is a directory inside.
    let up = yard.up("victim");
    let victim = &format!(
        "pwd >/dev/null; cat victim {up} 2>&- | grep -q untouched && echo harm || echo ran"
    );
    for (number, (directory, outcome)) in [
        ("../../..", Outcome::Refused(&["is not an absolute path"])),
        ("relative", Outcome::Refused(&["is not an absolute path"])),
        ("/a\0b", Outcome::Refused(&["is not an absolute path"])),
        ("/../../..", RAN),
        ("/out", RAN),
        ("/up/victim/..", Outcome::Harmless("ran\n")),
        ("/out/../../../..", Outcome::Harmless("ran\n")),
        ("/loop", Outcome::Harmless("ran\n")),
        ("/file", Outcome::Harmless("ran\n")),
        ("/proc/self/fd/7", Outcome::Harmless("ran\n")),
        ("/proc/self/fd/7/../..", Outcome::Harmless("ran\n")),
        ("/proc/self/cwd", RAN),
        ("/proc/1/root", RAN),
        ("/proc/1/cwd", RAN),
        ("/magic", Outcome::Harmless("ran\n")),
    ]
    .into_iter()
    .enumerate()
    {
        let image = image.clone().config("WorkingDir", json!(directory));
        yard.run(&format!("workdir-{number}"), &image, &["sh", "-c", victim], outcome);
        for fd in 3..10 {
            if directory.contains("fd/7") && fd != 7 {
                let other = directory.replace("fd/7", &format!("fd/{fd}"));
                let image = image.clone().config("WorkingDir", json!(other));
                let what = format!("workdir-{number}-{fd}");
                yard.run(&what, &image, &["sh", "-c", victim], Outcome::Harmless("ran\n"));
            }
        }
    }
}

#[test]
fn what_is_not_for_us_is_not_obeyed() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let command = format!("$(touch {0}/made); `touch {0}/made`; touch {0}/made", yard.path());
    let image = Image::busybox()
        .config("Labels", json!({"a": command, &command: "b", "\n\u{1b}[2J": "c"}))
        .config("Healthcheck", json!({"Test": ["CMD-SHELL", command]}))
        .config("OnBuild", json!([command]))
        .config("Shell", json!(["/bin/sh", "-c", command]))
        .config("ArgsEscaped", json!(true))
        .config(
            "Volumes",
            json!({"/../../etc": {}, "/proc": {}, "/dev": {}, "relative": {}, yard.path(): {}}),
        )
        .config("ExposedPorts", json!({"99999/tcp": {}, "a": {}, "-1": {}}));
    let shown = "grep -c '/proc proc' /proc/mounts";
    yard.run("labels", &image, &["sh", "-c", shown], Outcome::Says("1\n"));
    let annotated = |layout: &Layout| {
        layout.change_manifest(|manifest| {
            manifest["annotations"] = json!({"run.oci.hooks": command})
        });
    };
    spoilt(&yard, "annotations", annotated, RAN);
}

#[test]
fn what_is_no_program_is_not_executed() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let layer = Layer::new()
        .fifo("fifo")
        .raw(
            |header| {
                header.set_entry_type(tar::EntryType::Fifo);
                header.set_mode(0o777);
            },
            b"",
        )
        .symlink("self", "/proc/self/exe")
        .symlink("out", &format!("{}/program", yard.path()))
        .symlink("up", &yard.up("program"))
        .file("script", 0o755, "#!/proc/self/exe\n")
        .file("fifo-script", 0o755, "#!/fifo\n")
        .file("plain", 0o644, "");
    let image = stack([layer]);
    for (number, (program, code, words)) in [
        ("/proc/self/exe", 126, "EACCES"),
        ("/self", 126, "EACCES"),
        ("/script", 126, "EACCES"),
        ("/fifo", 126, "EACCES"),
        ("/raw", 126, "EACCES"),
        ("/fifo-script", 126, "EACCES"),
        ("/plain", 126, "EACCES"),
        ("/etc", 126, "EISDIR"),
        ("", 127, "ENOENT"),
        ("/out", 127, "ENOENT"),
        ("/up", 127, "ENOENT"),
        ("/dev/fd/99", 127, "ENOENT"),
        ("/proc/1/root/proc/self/exe", 126, "EACCES"),
    ]
    .into_iter()
    .enumerate()
    {
        let image = image.clone().config("Entrypoint", json!([program]));
        let outcome = Outcome::NotExecuted(code, &[words][..]);
        yard.run(&format!("program-{number}"), &image, &["run", "host"], outcome);
    }
    for fd in 3..10 {
        let image = image.clone().config("Entrypoint", json!([format!("/dev/fd/{fd}")]));
        let what = format!("program-fd-{fd}");
        yard.run(&what, &image, &["run", "host"], Outcome::Harmless(""));
    }
}

#[test]
fn the_same_layer_twice_is_one() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let layer = || Layer::new().file("twice", 0o644, "ran\n");
    let image = stack([layer(), Layer::new().file("between", 0o644, ""), layer(), layer()]);
    yard.run("twice", &image, &["cat", "/twice"], RAN);
}
