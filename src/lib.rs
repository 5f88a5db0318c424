//! # `sandbox`: the map
//!
//! `sandbox run IMAGE CMD` pulls an OCI image, stacks its layers into a root
//! file system and runs the command there in namespaces of its own: no daemon,
//! no root, no helper. Read this page first; then `commands/run.rs::execute`,
//! which is the whole program as a table of contents.
//!
//! # Layers
//!
//! Four floors; dependencies point down only (`tests/repository.rs` proves it).
//!
//! ```text
//! main ─▶ cli ─▶ commands ─▶ image   storage   network   runtime   devices ─▶ sys ─▶ rustix, nix, libc
//!          │        │           └───────┴─────────┴─────────┴─────────┘
//!          ▼        ▼                      ▼
//!          ui     error ─▶ hint           oci   (plain data; knows nobody)
//! ```
//!
//! `image`, `storage`, `network`, `runtime` and `devices` never import each other: what one
//! makes for another is an [`oci`] type, and they meet only in [`commands`].
//!
//! # The life of a run
//!
//! ```text
//! "alpine" ─▶ Reference ─▶ Image ─▶ layers ─▶ RootFs ─┐
//! -v …     ─▶ MountRequest ─────────▶ Vec<Mount> ─────┼─▶ Spec ─▶ Created ─▶ Running ─▶ ExitStatus
//! flags    ─▶ run::Args ──────────────────────────────┘              └─ netns ─▶ Network::add
//!                 └──────▶ Connection ─▶ Network ──────────────────────────────────┘
//! ```
//!
//! Everything is data until the child acts: only `runtime/child.rs` mounts.
//!
//! A sandbox that stays is written down as an [`oci::SandboxConfig`], from which
//! `start` goes on where `run` does (`commands/launch`); how it goes is its
//! [`oci::SandboxState`].
//!
//! # Where to look
//!
//! | module | turns | into |
//! |---|---|---|
//! | [`cli`] | the command line | one [`commands`] call, an exit code |
//! | [`commands`] | what was typed | calls of the floor below, one file a command |
//! | [`image`] | a name | verified blobs: registries, archives, directories |
//! | [`storage`] | blobs | layers on disk, and the description of a root file system |
//! | [`network`] | a network namespace | one that reaches what it may |
//! | [`runtime`] | a [`oci::Spec`] | a running process, and its exit status |
//! | [`devices`] | names of devices | what they change in a sandbox |
//! | [`sys`] | system calls | safe functions without policy; all `unsafe` is there |
//! | [`config`] | the environment | one value; nobody else reads it |
//! | [`ui`] | results | text; nobody else prints |
//!
//! # Glossary
//!
//! *Sandbox*: our running thing. *Image*: what it is made of. *Host* and
//! *inside*: the two sides. *Domain*: the user namespace that this program
//! makes for itself, in which it is root ([`runtime::domain`]). *Gateway*: the
//! network namespace of ours that takes what a sandbox sends ([`network::user`]).
//! *Supervisor*: the process that watches over a sandbox. *Member*: a sandbox on a network. *Flow*: a connection, or what is like one:
//! datagrams or pings between the same two ends. *Driver*: a process of
//! somebody else's that makes and mounts volumes ([`storage::csi`]). *Layer*: one
//! unpacked change set, immutable, named by its *diff id*. *Digest*: the hash of
//! a blob as it was transferred; *diff id*: the hash of a layer's plain tar.

pub mod cli;
pub mod commands;
pub mod config;
pub mod devices;
pub mod error;
pub mod hint;
pub mod image;
pub mod network;
pub mod oci;
pub mod runtime;
pub mod storage;
#[allow(unsafe_code)]
pub mod sys;
pub mod ui;
