//! The user database, read from its files.
//!
//! libc's `getpwnam(3)` and its kin load plug-ins named in
//! `/etc/nsswitch.conf`, which a static program cannot do without crashing.
//! Files of an image are a stranger's: only a regular file of sensible size is
//! read (a FIFO would block us for ever, CVE-2024-9676).

use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Nobody's user database is larger; in bytes.
const MAX_SIZE: u64 = 16 << 20;

/// One line of `passwd(5)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
}

/// One line of `group(5)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
}

/// One line of `subuid(5)` or `subgid(5)`: ids that a user may hand out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubordinateIds {
    /// Name or number of the user.
    pub owner: String,
    pub start: u32,
    pub count: u32,
}

/// The users that `file` lists; none if there is no such file.
///
/// # Errors
/// What `open(2)` and `read(2)` say; EINVAL for what is not a regular file of
/// at most 16 MiB.
pub fn users(file: &Path) -> io::Result<Vec<User>> {
    Ok(users_in(&read(file)?))
}

/// The users that the text of such a file lists.
pub fn users_in(text: &str) -> Vec<User> {
    fields(text).filter_map(|line| User::parse(&line)).collect()
}

/// The groups that the text of such a file lists.
pub fn groups_in(text: &str) -> Vec<Group> {
    fields(text).filter_map(|line| Group::parse(&line)).collect()
}

/// The groups that `file` lists.
///
/// # Errors
/// As [`users`].
pub fn groups(file: &Path) -> io::Result<Vec<Group>> {
    Ok(groups_in(&read(file)?))
}

/// The ranges of ids that `file` lists.
///
/// # Errors
/// As [`users`].
pub fn subordinate_ids(file: &Path) -> io::Result<Vec<SubordinateIds>> {
    Ok(fields(&read(file)?).filter_map(|line| SubordinateIds::parse(&line)).collect())
}

fn read(file: &Path) -> io::Result<String> {
    // O_NONBLOCK: the open of a FIFO returns at once.
    let open = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(file);
    let file = match open {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        other => other?,
    };
    let status = file.metadata()?;
    if !status.is_file() || status.len() > MAX_SIZE {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mut bytes = Vec::with_capacity(status.len() as usize + 1);
    file.take(MAX_SIZE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn fields(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split(':').collect())
}

impl User {
    fn parse(fields: &[&str]) -> Option<Self> {
        let [name, _, uid, gid, _, home, ..] = fields else { return None };
        let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
        Some(Self { name: (*name).into(), uid, gid, home: (*home).into() })
    }
}

impl Group {
    fn parse(fields: &[&str]) -> Option<Self> {
        let [name, _, gid, members, ..] = fields else { return None };
        let members = members.split(',').filter(|name| !name.is_empty()).map(Into::into);
        Some(Self { name: (*name).into(), gid: gid.parse().ok()?, members: members.collect() })
    }
}

impl SubordinateIds {
    fn parse(fields: &[&str]) -> Option<Self> {
        let [owner, start, count] = fields else { return None };
        let (start, count) = (start.trim().parse().ok()?, count.trim().parse().ok()?);
        Some(Self { owner: (*owner).into(), start, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_make_no_sense_are_passed_over() {
        let text =
            "root:x:0:0:root:/root:/bin/sh\n\nbad\nneg:x:-1:0::/:\nnode:x:1000:1000::/home/node:";
        let users: Vec<User> = fields(text).filter_map(|line| User::parse(&line)).collect();
        let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(names, ["root", "node"]);
        assert_eq!(users[1].home, "/home/node");
    }

    #[test]
    fn a_directory_is_no_user_database() {
        assert_eq!(users(Path::new("/")).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        assert_eq!(users(Path::new("/no/such/file")).unwrap(), []);
    }

    #[test]
    fn a_range_has_an_owner_a_start_and_a_count() {
        let parse = |line: &str| SubordinateIds::parse(&line.split(':').collect::<Vec<_>>());
        let range = SubordinateIds { owner: "dev".into(), start: 100_000, count: 65_536 };
        assert_eq!(parse("dev:100000:65536"), Some(range));
        assert_eq!(parse("dev:100000"), None);
        assert_eq!(parse("dev:-1:65536"), None);
    }
}
