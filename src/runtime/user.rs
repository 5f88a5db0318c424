//! Whom the workload runs as: names and numbers, looked up inside.

use std::path::Path;

use super::handshake::Failure;
use crate::{
    oci::{KeepId, User},
    sys::accounts,
};

/// A user as the kernel knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Supplementary groups; none to keep those of the caller.
    pub(super) groups: Option<Vec<u32>>,
    pub(super) home: String,
}

impl Credentials {
    /// Whom their files belong to in the domain.
    pub(super) fn owner(&self, keep: Option<KeepId>) -> (u32, u32) {
        keep.map_or((self.uid, self.gid), |keep| (keep.user(self.uid), keep.group(self.gid)))
    }
}

/// The image's user database.
#[derive(Debug, Default)]
struct Accounts {
    users: Vec<accounts::User>,
    groups: Vec<accounts::Group>,
}

/// The largest id: half of what 32 bits hold, as in docker, so that no tool
/// takes it for a negative number (CVE-2024-40635).
const MAX_ID: u32 = i32::MAX as u32;

/// Resolves `user` by the files of the image, which is `/` by now.
pub(super) fn resolve(user: &User) -> Result<Credentials, Failure> {
    // What cannot be read knows nobody; numbers still work.
    let accounts = Accounts {
        users: accounts::users(Path::new("/etc/passwd")).unwrap_or_default(),
        groups: accounts::groups(Path::new("/etc/group")).unwrap_or_default(),
    };
    accounts.resolve(user).map_err(|why| Failure::User { why })
}

/// The user and the group that `user` stands for in an image with these texts as its
/// `passwd(5)` and `group(5)`.
///
/// # Errors
/// If a name is unknown, or a number too large.
pub fn ids(user: &User, passwd: &str, group: &str) -> Result<KeepId, String> {
    let (users, groups) = (accounts::users_in(passwd), accounts::groups_in(group));
    let Credentials { uid, gid, .. } = Accounts { users, groups }.resolve(user)?;
    Ok(KeepId { uid, gid })
}

impl Accounts {
    /// By docker's rules: a number need not be known; a name must be. Without a
    /// group, it is the user's own and those that list them as a member.
    fn resolve(&self, user: &User) -> Result<Credentials, String> {
        let (name, group) = match user.user.split_once(':') {
            Some((name, group)) => (name, Some(group).filter(|group| !group.is_empty())),
            None => (user.user.as_str(), None),
        };
        let name = if name.is_empty() { "0" } else { name };
        let uid = self.uid(name)?;
        let known = self.users.iter().find(|user| user.name == name || user.uid == uid);
        let gid = match group {
            Some(group) => self.gid(group)?,
            None => known.map_or(0, |user| user.gid),
        };
        let mut groups = match (group, known) {
            (None, Some(user)) => self.memberships(&user.name),
            _ => Vec::new(),
        };
        for name in user.additional_groups.iter().filter(|name| *name != User::KEEP_GROUPS) {
            groups.push(self.gid(name)?);
        }
        let groups = (!user.keeps_groups()).then_some(groups);
        let home = known.map(|user| user.home.clone()).filter(|home| !home.is_empty());
        Ok(Credentials { uid, gid, groups, home: home.unwrap_or_else(|| "/".into()) })
    }

    fn uid(&self, name: &str) -> Result<u32, String> {
        let known = || self.users.iter().find(|user| user.name == name).map(|user| user.uid);
        match number(name)? {
            Some(uid) => Ok(uid),
            None => known().ok_or_else(|| format!("the image has no user `{name}`")),
        }
    }

    fn gid(&self, name: &str) -> Result<u32, String> {
        let known = || self.groups.iter().find(|group| group.name == name).map(|group| group.gid);
        match number(name)? {
            Some(gid) => Ok(gid),
            None => known().ok_or_else(|| format!("the image has no group `{name}`")),
        }
    }

    fn memberships(&self, name: &str) -> Vec<u32> {
        let ours = |group: &&accounts::Group| group.members.iter().any(|member| member == name);
        self.groups.iter().filter(ours).map(|group| group.gid).collect()
    }
}

/// `name` as an id, if it looks like a number at all.
fn number(name: &str) -> Result<Option<u32>, String> {
    let numeric = name.strip_prefix(['-', '+']).unwrap_or(name);
    if numeric.is_empty() || !numeric.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match name.parse() {
        Ok(id) if id <= MAX_ID && !name.starts_with('+') => Ok(Some(id)),
        _ => Err(format!("`{name}` is not an id between 0 and {MAX_ID}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accounts() -> Accounts {
        let user = |name: &str, uid, gid, home: &str| accounts::User {
            name: name.into(),
            uid,
            gid,
            home: home.into(),
        };
        let group = |name: &str, gid, members: &[&str]| accounts::Group {
            name: name.into(),
            gid,
            members: members.iter().map(|&member| member.into()).collect(),
        };
        Accounts {
            users: vec![user("root", 0, 0, "/root"), user("node", 1000, 1001, "/home/node")],
            groups: vec![group("root", 0, &[]), group("audio", 29, &["node"])],
        }
    }

    fn resolve(text: &str, more: &[&str]) -> Result<(u32, u32, Vec<u32>, String), String> {
        let additional_groups = more.iter().map(|&group| group.into()).collect();
        let user = User { user: text.into(), additional_groups };
        accounts()
            .resolve(&user)
            .map(|who| (who.uid, who.gid, who.groups.unwrap_or_default(), who.home))
    }

    #[test]
    fn a_user_is_a_name_or_a_number_with_or_without_a_group() {
        let cases = [
            ("", (0, 0, vec![], "/root")),
            ("root", (0, 0, vec![], "/root")),
            ("node", (1000, 1001, vec![29], "/home/node")),
            ("1000", (1000, 1001, vec![29], "/home/node")),
            ("1000:0", (1000, 0, vec![], "/home/node")),
            ("node:audio", (1000, 29, vec![], "/home/node")),
            ("node:", (1000, 1001, vec![29], "/home/node")),
            ("445605", (445_605, 0, vec![], "/")),
            ("445605:7", (445_605, 7, vec![], "/")),
        ];
        for (text, (uid, gid, groups, home)) in cases {
            assert_eq!(resolve(text, &[]), Ok((uid, gid, groups, home.into())), "{text}");
        }
        assert_eq!(resolve("445605", &["audio", "5"]), Ok((445_605, 0, vec![29, 5], "/".into())));
    }

    #[test]
    fn the_groups_of_the_caller_are_kept_if_that_is_asked_for() {
        let resolve = |groups: &[&str]| {
            let additional_groups = groups.iter().map(|&group| group.into()).collect();
            let user = User { user: "node".into(), additional_groups };
            accounts().resolve(&user).unwrap().groups
        };
        assert_eq!(resolve(&[]), Some(vec![29]));
        assert_eq!(resolve(&["keep-groups"]), None);
    }

    #[test]
    fn what_is_no_user_is_never_taken_for_root() {
        for bad in ["nobody", "-1", "4294967295", "4294967296", "2147483648", "+0", "0x0", "\nroot"]
        {
            assert!(resolve(bad, &[]).is_err(), "{bad:?}");
        }
        assert!(resolve("node:wheel", &[]).is_err());
        assert!(resolve("node", &["wheel"]).is_err());
    }

    proptest! {
        #[test]
        fn no_text_is_root_but_roots_own_names(text in "[-+0-9a-z:x\\n ]{0,14}|\\PC{0,14}") {
            if let Ok((0, ..)) = resolve(&text, &[]) {
                let name = text.split(':').next().unwrap_or_default();
                let zero = !name.is_empty() && name.bytes().all(|byte| byte == b'0');
                prop_assert!(name.is_empty() || name == "root" || zero, "{:?}", text);
            }
        }
    }
}
