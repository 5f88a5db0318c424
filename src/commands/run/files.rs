//! The small files that every sandbox gets from us.

use std::fs;

use crate::{commands::options::NetworkMode, oci::SmallFile};

/// `/etc/hosts`, `/etc/hostname`, `/etc/resolv.conf`.
pub(super) fn etc(hostname: &str, add_host: &[String], network: NetworkMode) -> Vec<SmallFile> {
    vec![
        file("/etc/hosts", hosts(hostname, add_host, network), false),
        file("/etc/hostname", format!("{hostname}\n"), false),
        file("/etc/resolv.conf", resolv_conf(network), false),
    ]
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

fn hosts(hostname: &str, add_host: &[String], network: NetworkMode) -> String {
    let mut text = match network {
        NetworkMode::Host => fs::read_to_string("/etc/hosts").unwrap_or_default(),
        NetworkMode::None => String::new(),
    };
    if text.is_empty() {
        text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n".into();
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    if network == NetworkMode::None {
        text += &format!("127.0.1.1\t{hostname}\n");
    }
    text.extend(add_host.iter().map(|line| format!("{line}\n")));
    text
}

/// The host's resolvers, where they can be reached.
fn resolv_conf(network: NetworkMode) -> String {
    match network {
        NetworkMode::Host => fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
        NetworkMode::None => "# This sandbox has no network.\n".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_without_a_network_knows_itself() {
        let text = hosts("web", &["10.0.0.7\tdb".into()], NetworkMode::None);
        assert_eq!(
            text,
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
             127.0.1.1\tweb\n10.0.0.7\tdb\n"
        );
    }
}
