//! Volumes of CSI drivers: a client of the Container Storage Interface 1.x.
//!
//! # Theory of operation
//!
//! A driver is a process of somebody else that listens at a socket. What is asked of
//! it goes up as far as a volume is needed, and down again as soon as it is not:
//!
//! ```text
//!    provision │ CreateVolume                       DeleteVolume │ delete
//!              ▼                                                 ▲
//!           a volume of the driver ◀── known by the id that it gave
//!    attach    │ ControllerPublishVolume  ControllerUnpublish… │ withdraw
//!    stage     │ NodeStageVolume          NodeUnstageVolume    │
//!              ▼                                               ▲
//!           ROOT/csi/NAME/staging      once, whoever uses it
//!    publish   │ NodePublishVolume        NodeUnpublishVolume  │ unpublish
//!              ▼                                               ▲
//!           ROOT/csi/NAME/KEY/mount    for each mount of each sandbox
//! ```
//!
//! A driver without a capability is not asked for what that stands for.
//!
//! *Nothing is lost*: whatever a call may make true is written down before it is made
//! (`state.rs`), and whatever it has undone afterwards. A command that is killed, and a
//! driver that is, leave a note of more than there is, never of less; and every verb
//! may be said again, for CSI demands that of drivers. So the next one to use the volume
//! goes on where the last one was: it stages again what is staged, since the driver's
//! mounts may have ended with it, and unpublishes what belongs to supervisors that do
//! not live any more. The volume itself is found again by a name that nobody else can
//! have chosen.
//!
//! *One at a time*: whoever does any of it has the volume in its [`Custody`], under a
//! lock, as the specification wants it ("Concurrency").
//!
//! *Where it is seen*: what a driver mounts is in the driver's mount namespace, which
//! need not be ours (`sight.rs`).
//!
//! The connection lives inside one function, on one thread: nothing of it is there when
//! a sandbox is made.

mod controller;
mod custody;
mod driver;
mod error;
mod identity;
mod node;
#[rustfmt::skip]
#[allow(clippy::all, clippy::too_many_lines, missing_debug_implementations, unreachable_pub)]
mod proto;
mod secrets;
mod sight;
mod state;

pub use controller::Listed;
pub use custody::{Custody, User};
pub use driver::Driver;
pub use error::Error;
pub use identity::Portrait;
pub use node::Stats;
pub use sight::{Sight, listener};
pub use state::State;
