//! `--network user`: what a program inside reaches, what reaches it, and what
//! does not; against servers in namespaces of the tests' own.

mod dns;
mod faults;
mod policy;
mod programs;
mod publish;
mod tcp;
mod udp;

/// What the client's `hold_less` may see of a reset; the last is what shutdown(2)
/// says if the reset comes before it.
const RESETS: [&str; 3] = ["ECONNREFUSED\n", "ECONNRESET\n", "ENOTCONN\n"];
