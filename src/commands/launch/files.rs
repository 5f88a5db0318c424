//! The small files that every sandbox gets from us.

use super::connection::Connection;
use crate::{commands::options::NetworkArgs, error::Error, oci::SmallFile};

/// `/etc/hosts`, `/etc/hostname`, `/etc/resolv.conf`.
pub(super) fn etc(
    hostname: &str,
    connection: &Connection,
    args: &NetworkArgs,
) -> Result<Vec<SmallFile>, Error> {
    let hosts = connection.hosts(hostname) + &connection.added_hosts(&args.add_host)?;
    Ok(vec![
        file("/etc/hosts", hosts, false),
        file("/etc/hostname", format!("{hostname}\n"), false),
        file("/etc/resolv.conf", connection.resolv_conf(args), false),
    ])
}

/// Keeps apt from changing to the user `_apt`, which does not exist where there
/// is only one id. Nothing happens in an image without apt.
pub(super) fn apt_without_users() -> SmallFile {
    let content = "// This sandbox has a single user id.\nAPT::Sandbox::User \"root\";\n";
    file("/etc/apt/apt.conf.d/99sandbox", content.into(), true)
}

fn file(path: &str, content: String, optional: bool) -> SmallFile {
    SmallFile { path: path.into(), content, optional }
}
