//! `--network user`: what a program inside reaches, what reaches it, and what
//! does not; against servers in namespaces of the tests' own.

mod dns;
mod faults;
mod policy;
mod programs;
mod publish;
mod tcp;
mod udp;
