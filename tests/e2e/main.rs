//! The program as its users see it, against real parts: namespaces of this
//! kernel, a real registry, images made in the tests.
//!
//! All of it is one test binary, so that the registry starts once and the images
//! are pulled once. `tests/run.sh` runs it as a user with id ranges, as one
//! without, and the module [`smoke`] as root.

#![allow(clippy::unwrap_used, clippy::panic)] // The way for a test to fail.

mod support;

mod bad_input;
mod bare;
mod cni;
mod copying;
mod cow;
mod crash;
mod csi;
mod devices;
mod docker;
mod exit;
mod fidelity;
mod health;
mod help;
mod host;
mod hostile;
mod images;
mod in_out;
mod isolation;
mod keep_id;
mod life_cycle;
mod limits;
mod nested;
mod network;
mod networks;
mod pinning;
mod pull;
mod registry_auth;
mod registry_transport;
mod run;
mod signals;
mod smoke;
mod store;
mod terminal;
mod users;
mod volumes;
mod volumes_named;
mod volumes_shared;
