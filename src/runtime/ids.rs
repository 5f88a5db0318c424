//! The last user namespace: which ids a process of a sandbox has, and which of them
//! are the caller's.
//!
//! Most sandboxes need none but the domain, in which root is the caller. Whoever else
//! is to be the caller gets one more namespace, at the very end: everything was made
//! by the domain's root until then, and what is the domain's (the mounts, the network)
//! is out of its reach, capabilities or not.

use std::{
    ffi::CString,
    fs,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use nix::sched::CloneFlags;

use super::{domain::Plan, handshake::Failure, user::Credentials};
use crate::{
    oci::{IdMap, KeepId, User},
    sys::{
        self, Named,
        helper::{Errand, Messenger},
    },
};

/// Which ids a process is to have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ids<'a> {
    /// Those of the domain.
    Domain,
    /// The only one that there is.
    One,
    /// Those of the domain, of which some have changed places.
    Kept(KeepId, &'a Plan),
    /// Those of this process, which has such a namespace.
    Of(&'a OwnedFd),
}

impl<'a> Ids<'a> {
    /// What the first process of a sandbox is to have.
    pub(super) fn of(keep: Option<KeepId>, plan: &'a Plan) -> Self {
        match keep {
            _ if plan.has_one_id() => Self::One,
            None => Self::Domain,
            Some(keep) => Self::Kept(keep, plan),
        }
    }

    /// Goes where these ids are; all capabilities are those of that namespace then.
    pub(super) fn enter(&self, user: &Credentials, wanted: &User) -> Result<(), Failure> {
        match self {
            Self::Domain => Ok(()),
            Self::One => {
                // They are kept anyway, for want of a way to drop them.
                let groups = !wanted.additional_groups.is_empty() && !wanted.keeps_groups();
                become_only_user(user, groups)
            }
            Self::Kept(keep, plan) => change_places(*keep, plan)
                .map_err(Failure::setup("cannot make the user you, whose files are to be yours")),
            Self::Of(process) => sys::process::join(process, CloneFlags::CLONE_NEWUSER)
                .map_err(Failure::setup("cannot join the sandbox's users")),
        }
    }
}

/// With a single id, root is who we are; anybody else is that id under another
/// number, in one more user namespace.
fn become_only_user(user: &Credentials, wants_groups: bool) -> Result<(), Failure> {
    if wants_groups {
        let why = "further groups need a range in /etc/subgid, and there is only one id".into();
        return Err(Failure::User { why });
    }
    if user.uid == 0 && user.gid == 0 {
        return Ok(());
    }
    let map = |file: &str, id: u32| {
        let file = format!("/proc/self/{file}");
        fs::write(&file, format!("{id} 0 1")).named(|| format!("write({file:?})"))
    };
    sys::process::unshare(CloneFlags::CLONE_NEWUSER)
        .and_then(|()| map("uid_map", user.uid))
        .and_then(|()| map("gid_map", user.gid))
        .map_err(|error| Failure::User { why: error.to_string() })
}

/// Makes a namespace in which these ids are what root is in the domain. Who is in it
/// may not say what is what: a messenger who stays behind does.
fn change_places(keep: KeepId, plan: &Plan) -> sys::Result<()> {
    let (gate, opener) = sys::process::pipe()?;
    let files = vec![
        (our_file("uid_map")?, Plan::lines(&exchanged(&plan.uids, keep.uid))),
        (our_file("gid_map")?, Plan::lines(&exchanged(&plan.gids, keep.gid))),
    ];
    let messenger = Messenger::start(Errand::Write(files), &gate)?;
    sys::process::unshare(CloneFlags::CLONE_NEWUSER)?;
    rustix::io::write(&opener, &[0]).named(|| "write()".into())?;
    match messenger.finish()? {
        true => Ok(()),
        false => Err(sys::Error { call: "write(uid_map)".into(), errno: nix::errno::Errno::EPERM }),
    }
}

/// A file of our own directory in `/proc`, whichever processes that shows: by the
/// number that another process would find it under.
fn our_file(name: &str) -> sys::Result<CString> {
    let ours = fs::read_link("/proc/self").named(|| "readlink(\"/proc/self\")".into())?;
    let path = Path::new("/proc").join(ours).join(name);
    CString::new(path.as_os_str().as_bytes()).map_err(|_| sys::Error {
        call: format!("open({path:?})"),
        errno: nix::errno::Errno::EINVAL,
    })
}

/// A map onto the ids that there are, in which `kept` and root change places. No
/// extent may reach over the end of one that it is mapped onto.
fn exchanged(ids: &[IdMap], kept: u32) -> Vec<IdMap> {
    let stay = |first: u32, end: u32| IdMap {
        inside: first,
        outside: first,
        count: end.saturating_sub(first),
    };
    let around = |extent: &IdMap| {
        let (first, end) = (extent.inside, extent.inside + extent.count);
        match (first..end).contains(&kept) {
            true => [
                stay(first, kept),
                IdMap { inside: kept, outside: 0, count: 1 },
                stay(kept + 1, end),
            ],
            false if first == 0 => {
                [IdMap { inside: 0, outside: kept, count: 1 }, stay(1, end), stay(0, 0)]
            }
            false => [stay(first, end), stay(0, 0), stay(0, 0)],
        }
    };
    ids.iter().flat_map(around).filter(|extent| extent.count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_id_and_root_change_places_and_all_others_stay() {
        let extent = |inside, outside, count| IdMap { inside, outside, count };
        let ids = [extent(0, 1000, 1), extent(1, 100_000, 1500), extent(1501, 300_000, 9)];
        let lines = |kept| Plan::lines(&exchanged(&ids, kept));
        assert_eq!(lines(0), "0 0 1\n1 1 1500\n1501 1501 9\n");
        assert_eq!(lines(1), "0 1 1\n1 0 1\n2 2 1499\n1501 1501 9\n");
        let text = "0 1000 1\n1 1 999\n1000 0 1\n1001 1001 500\n1501 1501 9\n";
        assert_eq!(lines(1000), text);
        assert_eq!(lines(1509), "0 1509 1\n1 1 1500\n1501 1501 8\n1509 0 1\n");
    }
}
