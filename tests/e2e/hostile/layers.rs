//! Tars (lines 13 to 26 of the list).
//!
//! The unit tests in `src/storage/hostile.rs` look at each case more closely,
//! with and without `openat2(2)`; here the program shows the same to its users.

use super::yard::{Outcome, Yard, stack};
use crate::{
    require,
    support::{Compression, Image, Layer, user_namespaces},
};

const RAN: Outcome<'_> = Outcome::Says("ran\n");

fn file(path: &str) -> Layer {
    Layer::new().file(path, 0o644, "harm\n")
}

#[test]
fn names_do_not_lead_out() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let out = Outcome::Refused(&["leads out of the layer"]);
    let made = yard.up("made");
    let nul = Layer::new().pax(&[("path", b"a\0b")]).file("x", 0o644, "");
    let component = "c".repeat(4096);
    let cases = [
        ("up", file(&made), out),
        ("up-victim", file(&yard.up("victim")), out),
        ("up-below", Layer::new().dir("a/", 0o755).file(&format!("a/{made}"), 0o644, ""), out),
        ("up-directory", Layer::new().dir(&format!("{made}/"), 0o777), out),
        ("up-link", Layer::new().symlink(&made, "x"), out),
        ("up-fifo", Layer::new().fifo(&made), out),
        ("up-slash", file(&format!("/{made}")), out),
        ("middle", file("a/../../x"), out),
        ("end", file("a/.."), out),
        ("absolute", file(&format!("{}/made", yard.path())), RAN),
        ("absolute-victim", file(&format!("{}/victim", yard.path())), RAN),
        ("dots", Layer::new().dir("./.", 0o755).file(".//./dot", 0o644, ""), RAN),
        ("empty", Layer::new().dir("", 0o755), RAN),
        ("empty-file", file(""), Outcome::Refused(&["`/` is not a directory"])),
        ("nul", nul, Outcome::Refused(&["NUL character"])),
        ("long", file(&component), Outcome::Refused(&["ENAMETOOLONG"])),
        ("longer", file(&"c/".repeat(2100)), Outcome::Refused(&["a name of more than 4096 bytes"])),
        ("deep", file(&"d/".repeat(300)), Outcome::Refused(&["more than 256 directories deep"])),
        ("deepest", file(&"d/".repeat(100_000)), Outcome::Refused(&["more than 4096 bytes"])),
    ];
    for (what, layer, outcome) in cases {
        yard.unpack(what, [layer], outcome);
    }
    let raw = Layer::new()
        .raw(|header| header.as_old_mut().name[..3].copy_from_slice(b"\xff\n\x1b"), b"");
    yard.run(
        "not-utf-8",
        &stack([raw]),
        &["sh", "-c", "set -- /*; echo $#"],
        Outcome::Says("11\n"),
    );
}

#[test]
fn links_do_not_lead_out() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let up = yard.up("");
    for (what, link) in [("absolute", yard.path()), ("relative", &up)] {
        let out = || Layer::new().symlink("out", link);
        let cases = [
            ("made", vec![out().file("out/made", 0o644, "harm\n")]),
            ("victim", vec![out().file("out/victim", 0o644, "harm\n")]),
            ("from-below", vec![out(), file("out/victim")]),
            ("directory", vec![out().dir("out/", 0o777)]),
            ("directory-above", vec![out(), Layer::new().dir("out/", 0o777)]),
            (
                "in-directory",
                vec![out().dir("out/directory/", 0o777).file("out/directory/x", 0o644, "")],
            ),
            ("fifo", vec![out().fifo("out/fifo")]),
            ("link", vec![out().symlink("out/link", "/")]),
            (
                "replaced",
                vec![out(), Layer::new().dir("out/", 0o755).file("out/victim", 0o644, "")],
            ),
        ];
        for (case, layers) in cases {
            yard.unpack(&format!("{what}-{case}"), layers, RAN);
        }
    }
    let to_file = Layer::new()
        .symlink("victim", &format!("{}/victim", yard.path()))
        .file("victim", 0o666, "harm\n");
    yard.unpack("to-file", [to_file], RAN);
    // Each step stays inside, and their sum does not.
    let chain = Layer::new()
        .dir("a/b/", 0o755)
        .symlink("a/b/up", "..")
        .symlink("a/b/up2", "up/..")
        .symlink("a/b/up3", &format!("up2/../../../../../../../../../..{}", yard.path()))
        .file("a/b/up3/victim", 0o644, "harm\n");
    yard.unpack("chain", [chain], RAN);
    let loops = Layer::new().symlink("a", "b").symlink("b", "a").file("a/x", 0o644, "");
    yard.unpack("loop", [loops], Outcome::Refused(&["ELOOP"]));
}

#[test]
fn the_root_of_a_layer_is_a_directory() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    for (number, name) in ["/.", ".", "./", "//", "/./."].into_iter().enumerate() {
        let root = || Layer::new().symlink(name, yard.path());
        let refused = Outcome::Refused(&["`/` is not a directory"]);
        yard.unpack(&format!("root-{number}"), [root()], refused);
        yard.unpack(&format!("root-below-{number}"), [root(), file("victim")], refused);
        let fifo = Layer::new().fifo(name);
        yard.unpack(&format!("root-fifo-{number}"), [fifo], refused);
    }
    let opaque = file(".wh..wh..opq").file("x", 0o644, "");
    yard.unpack("root-opaque", [opaque], Outcome::Harmless("ran\n"));
}

#[test]
fn hard_links_name_files_of_their_layer() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let victim = format!("{}/victim", yard.path());
    let missing = Outcome::Refused(&["is a hard link to a file that is not in this layer"]);
    let out = Outcome::Refused(&["leads out of the layer"]);
    let up = yard.up("victim");
    for (number, (target, outcome)) in [
        (victim.as_str(), missing),
        (&up, out),
        ("out/victim", missing),
        ("/proc/self/environ", missing),
        ("/proc/self/exe", missing),
        ("later", missing),
        ("bin/busybox", missing),
        ("linked", missing),
        ("/", missing),
    ]
    .into_iter()
    .enumerate()
    {
        let link = Layer::new().symlink("out", yard.path()).hardlink("linked", target);
        let layer = link.file("linked", 0o666, "harm\n").file("later", 0o644, "");
        let outcome = if target == "/" { Outcome::Harmless("ran\n") } else { outcome };
        yard.unpack(&format!("hard-{number}"), [layer], outcome);
    }
    let to_link = Layer::new()
        .symlink("link", &victim)
        .hardlink("linked", "link")
        .file("linked", 0o666, "harm\n");
    yard.unpack("hard-to-link", [to_link], RAN);
}

#[test]
fn whiteouts_remove_nothing_but_what_is_below() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let out = || Layer::new().symlink("out", yard.path());
    let nothing = Outcome::Refused(&["is a whiteout of nothing"]);
    let up = yard.up(".wh.victim");
    let cases = [
        ("through", vec![out(), file("out/.wh.victim")], RAN),
        ("through-same", vec![out().file("out/.wh.victim", 0o644, "")], RAN),
        ("opaque-through", vec![out(), file("out/.wh..wh..opq")], RAN),
        (
            "opaque-link",
            vec![out().file("out/.wh..wh..opq", 0o644, "").file("out/x", 0o644, "")],
            RAN,
        ),
        ("dot", vec![file("etc/.wh..")], nothing),
        ("dots", vec![file(".wh...")], nothing),
        ("empty", vec![file("etc/.wh.")], nothing),
        ("up", vec![file(&up)], Outcome::Refused(&["leads out of the layer"])),
        ("reserved", vec![file(".wh..wh.plnk").file(".wh..wh.aufs", 0o644, "")], RAN),
        ("itself", vec![Layer::new().file(".wh..wh..wh.x", 0o644, "")], RAN),
        ("directory", vec![Layer::new().dir(".wh.home/", 0o755)], RAN),
        ("link", vec![Layer::new().symlink(".wh.home", yard.path())], RAN),
    ];
    for (what, layers, outcome) in cases {
        yard.unpack(&format!("whiteout-{what}"), layers, outcome);
    }
    // Of a layer with both, the file counts, in whichever order they come.
    for (what, layer) in [
        ("after", Layer::new().file("x", 0o644, "ran\n").file(".wh.x", 0o644, "")),
        ("before", Layer::new().file(".wh.x", 0o644, "").file("x", 0o644, "ran\n")),
    ] {
        let image = stack([file("x"), layer]);
        yard.run(&format!("whiteout-{what}"), &image, &["cat", "/x"], RAN);
    }
}

#[test]
fn a_kind_may_change_from_layer_to_layer() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let link = || Layer::new().symlink("x", yard.path());
    let directory = || Layer::new().dir("x/", 0o755).file("x/victim", 0o644, "below\n");
    let cases = [
        // A directory becomes a link, and what comes then goes where it leads.
        (
            "directory-link",
            vec![directory(), link().file("x/victim", 0o644, "ran\n")],
            "cat /x/victim",
        ),
        ("directory-link-later", vec![directory(), link(), file("x/y")], "test -L /x || echo ran"),
        ("link-file", vec![link(), Layer::new().file("x", 0o644, "ran\n")], "cat /x"),
        ("link-directory", vec![link(), directory()], "test -d /x && test ! -L /x && echo ran"),
        ("file-directory", vec![file("x"), directory()], "test -f /x/victim && echo ran"),
        ("directory-file", vec![directory(), Layer::new().file("x", 0o644, "ran\n")], "cat /x"),
        (
            "fifo-file",
            vec![Layer::new().fifo("x"), Layer::new().file("x", 0o644, "ran\n")],
            "cat /x",
        ),
    ];
    for (what, layers, script) in cases {
        yard.run(what, &stack(layers), &["sh", "-c", script], RAN);
    }
}

#[test]
fn a_directory_over_a_link_changes_nothing_outside() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    for (number, name) in ["out", "out/", "out/.", "./out//"].into_iter().enumerate() {
        let layer = || Layer::new().symlink("out", yard.path());
        let loud =
            layer().pax(&[("mtime", b"1.5"), ("SCHILY.xattr.user.harm", b"x")]).dir(name, 0o777);
        yard.unpack(&format!("over-{number}"), [loud], RAN);
        let below = [layer(), Layer::new().dir(name, 0o000)];
        yard.unpack(&format!("over-below-{number}"), below, RAN);
    }
    let victim = Layer::new().symlink("out", &format!("{}/victim", yard.path())).dir("out", 0o777);
    yard.unpack("over-file", [victim], RAN);
}

#[test]
fn sizes_and_headers_that_lie_are_refused() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    // What one reader takes for the content, another takes for entries.
    let inner = Layer::new().file("hidden", 0o755, "harm\n").tar();
    let layer = Layer::new().pax(&[("size", b"0")]).file("two", 0o644, &inner);
    yard.unpack("two-sizes", [layer], Outcome::Harmless("ran\n"));
    let layer = Layer::new()
        .pax(&[("SCHILY.xattr.user.x", b"\n"), ("size", b"0")])
        .file("two", 0o644, &inner);
    yard.unpack("two-sizes-newline", [layer], Outcome::Refused(&["`two` has two sizes"]));
    let hidden = stack([Layer::new().file("inner", 0o644, &inner)]);
    yard.run("nested", &hidden, &["sh", "-c", "test -e /hidden || echo ran"], RAN);

    for (what, size) in [("33-bits", 1 << 33), ("negative", u64::MAX), ("62-bits", 1 << 62)] {
        let lie = Layer::new().raw(|header| header.set_size(size), b"");
        yard.unpack(what, [lie], Outcome::Refused(&["layer"]));
    }
    let sparse = |real, offset| {
        Layer::new().raw(
            move |header| {
                header.set_entry_type(tar::EntryType::GNUSparse);
                let gnu = header.as_gnu_mut().unwrap();
                gnu.set_real_size(real);
                gnu.sparse[0].set_offset(offset);
                gnu.sparse[0].set_length(0);
            },
            b"",
        )
    };
    let large = Outcome::Refused(&["the layer is larger than 128 GiB", "hint: ", "layer-size"]);
    yard.unpack("sparse", [sparse(1 << 62, 1 << 62)], large);
    let image = stack([sparse(1 << 20, 1 << 20)]);
    yard.run(
        "sparse-small",
        &image,
        &["sh", "-c", "stat -c '%s %b' /raw"],
        Outcome::Says("1048576 0\n"),
    );
}

#[test]
fn headers_without_end_are_refused() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let long = |kind, size: u64| {
        Layer::new().raw(
            move |header| {
                header.set_entry_type(kind);
                header.set_size(size);
            },
            &vec![b'a'; 2 << 20],
        )
    };
    let headers = Outcome::Refused(&["has an entry with headers of more than 1 MiB"]);
    for (what, kind) in [
        ("long-name", tar::EntryType::GNULongName),
        ("long-link", tar::EntryType::GNULongLink),
        ("pax", tar::EntryType::XHeader),
    ] {
        yard.unpack(what, [long(kind, 2 << 20)], headers);
        yard.unpack(&format!("{what}-endless"), [long(kind, 1 << 40)], headers);
    }
    for (number, records) in
        ["5 a=b\n", "99999999999999999999 a=b\n", "0 \n", "-1 a=b\n", "a"].into_iter().enumerate()
    {
        let raw = Layer::new()
            .raw(|header| header.set_entry_type(tar::EntryType::XHeader), records.as_bytes());
        let layer = raw.file("x", 0o644, "");
        yard.unpack(&format!("records-{number}"), [layer], Outcome::Refused(&["layer"]));
    }
}

#[test]
fn bombs_are_refused_by_the_limit_that_they_exceed() {
    require!(user_namespaces(), "user namespaces");
    let zeros = || Layer::new().file("zeros", 0o644, vec![0; 8 << 20]);
    let entries =
        || (0..2000).fold(Layer::new(), |layer, n| layer.file(&format!("d/{n}"), 0o644, ""));
    let hint = "hint: if you trust it, raise `";
    let cases = [
        (
            "layer-entries = 1000",
            entries(),
            "the layer has more than 1000 entries",
            "layer-entries",
        ),
        ("layer-size = '4m'", zeros(), "the layer is larger than 4 MiB", "layer-size"),
        ("image-size = '4m'", zeros(), "the image is larger than 4 MiB", "image-size"),
        (
            "ratio = 50\nratio-from = '3m'",
            zeros(),
            "the layer unpacks to more than 50 times its size, and to more than 3 MiB",
            "ratio",
        ),
    ];
    for (number, (limit, layer, message, setting)) in cases.into_iter().enumerate() {
        let yard = Yard::with_limits(limit);
        let tar = layer.tar();
        for (compression, name) in [(Compression::Gzip, "gzip"), (Compression::Zstd, "zstd")] {
            let image = Image::busybox().tar_layer(&tar, compression);
            let hint = format!("{hint}{setting}`");
            let words = [message, hint.as_str()];
            yard.run(
                &format!("bomb-{number}-{name}"),
                &image,
                &["echo", "ran"],
                Outcome::Refused(&words),
            );
        }
    }
    // Within the limits, it is an image like others.
    let yard = Yard::new();
    yard.unpack("no-bomb", [zeros(), entries()], RAN);
}

#[test]
fn attributes_steer_nothing() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let steering = Layer::new()
        .pax(&[
            ("SCHILY.xattr.user.overlay.opaque", b"y"),
            ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
        ])
        .dir("d/", 0o755)
        .pax(&[("SCHILY.xattr.user.overlay.redirect", b"/etc")])
        .dir("e/", 0o755)
        .pax(&[
            ("SCHILY.xattr.user.overlay.metacopy", b""),
            ("SCHILY.xattr.user.overlay.whiteout", b"y"),
        ])
        .file("f", 0o644, "upper\n");
    let below = Layer::new()
        .dir("d/", 0o755)
        .file("d/kept", 0o644, "kept\n")
        .dir("e/", 0o755)
        .file("f", 0o644, "lower\n");
    let image = stack([below, steering]);
    let script = "cat /d/kept; ls /e | wc -l; cat /f";
    yard.run("steering", &image, &["sh", "-c", script], Outcome::Says("kept\n0\nupper\n"));
    let many: Vec<(String, &[u8])> =
        (0..129).map(|n| (format!("SCHILY.xattr.user.n{n}"), &b""[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let layer = Layer::new().pax(&many).file("x", 0o644, "");
    yard.unpack("many", [layer], Outcome::Refused(&["`x` has more than 128 attributes"]));
    let large =
        Layer::new().pax(&[("SCHILY.xattr.user.x", &vec![b'x'; 100 << 10])]).file("x", 0o644, "");
    yard.unpack("large", [large], Outcome::Refused(&["layer entry `x`"]));
}

#[test]
fn special_files_are_harmless() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let capability = b"\x01\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0";
    let devices = [tar::EntryType::Char, tar::EntryType::Block];
    let layer = devices.into_iter().fold(Layer::new(), |layer, kind| {
        layer.raw(
            |header| {
                header.set_entry_type(kind);
                header.as_old_mut().name[..3].copy_from_slice(b"dev");
                header.set_device_major(8).unwrap();
            },
            b"",
        )
    });
    let layer = layer
        .device("null-device")
        .fifo("fifo")
        .file("setuid", 0o6755, "x")
        .pax(&[("SCHILY.xattr.security.capability", capability)])
        .file("capable", 0o755, "x");
    let script = "find() { for f in /*; do test -b $f -o -c $f && echo $f; done; }; find; \
                  stat -c '%a %U' /setuid; test -p /fifo && echo ran";
    yard.run("special", &stack([layer]), &["sh", "-c", script], Outcome::Says("6755 root\nran\n"));
}

#[test]
fn owners_and_times_out_of_range_are_taken_for_what_is_possible() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let ids = [u64::from(u32::MAX), u64::from(u32::MAX) - 1, 1 << 31, 1 << 40];
    let layer = ids.into_iter().enumerate().fold(Layer::new(), |layer, (n, id)| {
        layer.owned_file(&format!("owner-{n}"), 0o644, (id, id), "")
    });
    yard.unpack("owners", [layer], RAN);
    let times: [&[u8]; 5] =
        [b"99999999999999999999", b"-9223372036854775808", b"1e400", b"now", b"-1.999999999999"];
    let layer = times.into_iter().enumerate().fold(Layer::new(), |layer, (n, time)| {
        layer.pax(&[("mtime", time)]).file(&format!("time-{n}"), 0o644, "")
    });
    let layer = layer.raw(|header| header.set_mtime(u64::MAX), b"");
    yard.unpack("times", [layer], RAN);
    let named = Layer::new().raw(
        |header| header.as_gnu_mut().unwrap().set_username("../../etc/passwd\n").unwrap(),
        b"",
    );
    yard.unpack("user-names", [named], RAN);
}

#[test]
fn names_that_look_alike_are_different_files() {
    require!(user_namespaces(), "user namespaces");
    let yard = Yard::new();
    let names = ["X", "x", "\u{e9}", "e\u{301}", "x\u{200b}", "x "];
    let layer = names.into_iter().fold(Layer::new().dir("alike/", 0o755), |layer, name| {
        layer.file(&format!("alike/{name}"), 0o644, name)
    });
    let image = stack([layer]);
    yard.run(
        "alike",
        &image,
        &["sh", "-c", "ls /alike | wc -l; cat /alike/X"],
        Outcome::Says("6\nX"),
    );
}
