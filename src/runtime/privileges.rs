//! The last privileges: what the workload may still do, and as whom.

use nix::errno::Errno;

use super::{domain::Plan, handshake::Failure, ids::Ids, seccomp, user::Credentials};
use crate::{
    oci::{Process, Seccomp, Spec},
    sys,
};

/// What a process of the sandbox is not to get past.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) process: &'a Process,
    pub(super) seccomp: Option<&'a Seccomp>,
    /// See [`Spec::fake_root`].
    pub(super) fake_root: bool,
    pub(super) ids: Ids<'a>,
}

type Filter = Vec<sys::seccomp::Instruction>;

impl<'a> Limits<'a> {
    pub(super) fn of(spec: &'a Spec, plan: &'a Plan) -> Self {
        Self {
            process: &spec.process,
            seccomp: spec.seccomp.as_ref(),
            fake_root: spec.fake_root,
            ids: Ids::of(spec.keep_id, plan),
        }
    }

    /// The filter for a process that runs as root. To compile it takes a while:
    /// time that there is as long as the parent has not made the network.
    pub(super) fn filter(&self) -> Result<Option<Filter>, Failure> {
        self.compile(self.fake_root)
    }

    fn compile(&self, fake_root: bool) -> Result<Option<Filter>, Failure> {
        seccomp::program(self.seccomp, fake_root).map_err(|error| {
            let call = format!("seccomp(): {error}");
            Failure::setup("cannot compile the system call filter")(sys::Error {
                call,
                errno: Errno::EINVAL,
            })
        })
    }

    /// Gives up what the process must not have.
    ///
    /// The filter comes before the change of ids because loading one takes
    /// `CAP_SYS_ADMIN`; what is left of the capabilities goes with `execve(2)`,
    /// which grants root the bounding set and others nothing.
    pub(super) fn give_up(
        &self,
        user: &Credentials,
        filter: Option<Filter>,
    ) -> Result<(), Failure> {
        let filter = match self.fake_root && user.uid != 0 {
            true => self.compile(false)?, // Who is not root is not to be fooled.
            false => filter,
        };
        self.ids.enter(user, &self.process.user)?;
        sys::process::bound_capabilities(&self.process.capabilities)
            .map_err(Failure::setup("cannot drop capabilities"))?;
        if self.process.no_new_privileges {
            sys::process::give_up_new_privileges()
                .map_err(Failure::setup("cannot give up new privileges"))?;
        }
        if let Some(filter) = &filter {
            sys::seccomp::load(filter)
                .map_err(Failure::setup("cannot load the system call filter"))?;
        }
        if matches!(self.ids, Ids::One) {
            return Ok(());
        }
        sys::process::become_user(user.uid, user.gid, user.groups.as_deref())
            .map_err(|error| Failure::User { why: format!("{error}; is the id within the map?") })
    }
}
