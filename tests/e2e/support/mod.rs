//! What the tests stand on: the program, a store, images, a registry.

mod dir;
mod faults;
mod front;
mod host;
mod http;
mod image;
mod nginx;
mod probe;
mod pty;
mod registry;
mod test;
mod tokens;

pub(crate) use dir::{Dir, debian_packages, debian_tar, services_tar};
pub(crate) use faults::{BadLine, Line};
pub(crate) use front::Front;
pub(crate) use host::{HOST4, HOST6, Host, SILENT4, SILENT6, UNREACHABLE4, UNREACHABLE6, has};
pub(crate) use image::{Compression, Image, Layer, digest};
pub(crate) use nginx::Nginx;
pub(crate) use probe::{
    chown_is_real, eventually, is_root, mounts_below, pids_naming, processes_naming, rounds,
    user_namespaces,
};
pub(crate) use pty::Terminal;
pub(crate) use registry::Registry;
pub(crate) use test::{Running, Store, Test, binary, debian, own, warm};
pub(crate) use tokens::TokenServer;

/// Skips a test where the machine cannot run it, and says so.
///
/// CI sets `SANDBOX_TEST_STRICT`, and then nothing may be skipped.
#[macro_export]
macro_rules! require {
    ($probe:expr, $what:literal) => {
        if !$probe {
            assert!(std::env::var_os("SANDBOX_TEST_STRICT").is_none(), "needs {}", $what);
            // Not by `eprintln!`, which is shown only when a test fails.
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "skipped: needs {}", $what);
            return;
        }
    };
}

/// Ends a test that is about another kind of caller than this one. Nothing is
/// missing on the machine: `tests/run.sh` runs the suite as each kind.
#[macro_export]
macro_rules! only_for {
    ($probe:expr) => {
        if !$probe {
            return;
        }
    };
}

/// The text of a command's output; what is not UTF-8 shows as such.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
