//! Credentials: where they come from, and what a registry wants to see of them.
//!
//! # Theory of operation
//!
//! ```text
//! --creds, auth files, helpers ─▶ Keyring ─ lookup ─▶ Found
//!                                                       │
//! request ─▶ 401, WWW-Authenticate ─▶ Authorization ─ answer ─▶ Done, or a TokenRequest
//!                                       ▲    │                        │ sent by `registry`
//!                                       │    └─ header ─▶ request     ▼
//!                                       └───────── accept ◀────────── answer
//! ```
//!
//! Nothing here talks to the network: `Authorization` says what is to be sent
//! and takes the answer, so that all that decides about a password is in one
//! place and can be tried without a server.
//!
//! What keeps passwords where they belong:
//! - a [`Keyring`] gives what it has for a registry to that registry alone;
//!   `--creds` are bound to the registry of the image that was named;
//! - a header goes only to the origin (scheme, host, port) that it was made for,
//!   and the HTTP library drops it from redirects to any other origin;
//! - a realm, to which the password goes, is reached by https, or is on the host
//!   that we talk plain http to (`realm`);
//! - a request with a token in its body follows no redirect;
//! - secrets are a `Secret`, and no text of a file or answer that may hold one
//!   is quoted in an error.

mod authorization;
mod base64;
mod challenge;
mod credentials;
mod edit;
mod entry;
mod error;
mod file;
mod helper;
mod keyring;
mod realm;
mod token;

pub(super) use authorization::{Authorization, Scope, Shown, Step};
pub use credentials::Credentials;
pub use edit::AuthFile;
pub use error::Error;
pub use helper::Helpers;
pub use keyring::{Found, Keyring, Place, Tried};
pub(super) use token::TokenRequest;
