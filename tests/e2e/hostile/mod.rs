//! Images made to harm: nothing outside of the store is ever touched, whether
//! the image is refused or confined.
//!
//! The table of attacks in `docs/security.md` names the tests of each; that all of
//! them exist is one of the promises of `tests/repository.rs`.

mod commands;
mod documents;
mod layers;
mod registries;
mod rootfs;
mod transports;
mod yard;

use crate::{
    require,
    support::{Compression, Dir, Image, Layer, Test, user_namespaces},
};

#[test]
fn later_layers_hide_earlier_ones() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("layout");
    let first = Layer::new()
        .dir("a/", 0o755)
        .file("a/gone", 0o644, "")
        .file("a/kept", 0o644, "")
        .dir("b/", 0o755)
        .file("b/gone", 0o644, "")
        .file("c", 0o644, "a file\n");
    let second = Layer::new()
        .file("a/.wh.gone", 0o644, "")
        .dir("b/", 0o755)
        .file("b/.wh..wh..opq", 0o644, "")
        .file("b/new", 0o644, "")
        .file(".wh.c", 0o644, "")
        .dir("c/", 0o755)
        .file("c/inside", 0o644, "");
    let image = Image::busybox()
        .layer(first, Compression::Gzip)
        .layer(second, Compression::Zstd)
        .write_layout(dir.path());
    Test::sandbox(&["run", &image, "ls", "/a", "/b", "/c"])
        .stdout("/a:\nkept\n\n/b:\nnew\n\n/c:\ninside\n")
        .check();
}
