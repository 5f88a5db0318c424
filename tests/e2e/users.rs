//! User ids: a range of them, or one that plays root.

use std::{fs, path::PathBuf};

use crate::{
    only_for, require,
    support::{
        Compression, Dir, Image, Layer, Store, Test, chown_is_real, debian, debian_packages, own,
        user_namespaces,
    },
};

/// Packages with users, groups, setuid and setgid files of their own.
const PACKAGES: &str = "openssh-client cron dbus";

/// Installs [`PACKAGES`] and then runs `script`.
fn install_and(script: &str) -> Option<Test> {
    let ((store, image), packages) = (debian()?, debian_packages()?);
    let volume = format!("{}:/debs:ro", packages.display());
    let install = format!(
        "export DEBIAN_FRONTEND=noninteractive\n\
         rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*\n\
         apt-get install -y --no-install-recommends /debs/*.deb >/tmp/log 2>&1 || {{\n\
           cat /tmp/log; exit 1; }}\n\
         dpkg --audit\n\
         dpkg-query -W -f '${{db:Status-Status}}\\n' {PACKAGES}\n\
         {script}"
    );
    let run = ["run", "-v", &volume, image, "bash", "-c", &install];
    Some(Test::sandbox(&run).store(store))
}

#[test]
fn packages_with_their_own_users_install() {
    require!(user_namespaces(), "user namespaces");
    let install = install_and(
        "getent passwd messagebus | cut -d: -f1; getent group crontab _ssh | cut -d: -f1",
    );
    require!(install.is_some(), "the Debian image of tests/run.sh");
    install.unwrap().stdout("installed\ninstalled\ninstalled\nmessagebus\ncrontab\n_ssh\n").check();
}

#[test]
fn the_owners_of_installed_files_are_the_true_ones() {
    require!(user_namespaces(), "user namespaces");
    only_for!(chown_is_real());
    let install = install_and("stat -c '%U:%G %a' /usr/bin/crontab /usr/bin/ssh-agent");
    require!(install.is_some(), "the Debian image of tests/run.sh");
    install
        .unwrap()
        .stdout("installed\ninstalled\ninstalled\nroot:crontab 2755\nroot:_ssh 2755\n")
        .check();
}

#[test]
fn the_owners_in_the_image_are_the_true_ones() {
    require!(user_namespaces(), "user namespaces");
    only_for!(chown_is_real());
    let dir = Dir::new("layout");
    let layer = Layer::new().owned_file("owned", 0o640, (1000, 44), "");
    let image = Image::busybox().layer(layer, Compression::Gzip).write_layout(dir.path());
    Test::sandbox(&["run", &image, "stat", "-c", "%u:%g %a", "/owned"])
        .stdout("1000:44 640\n")
        .check();
    Test::run(&["sh", "-c", "touch /tmp/x; chown 1000:44 /tmp/x; stat -c %u:%g /tmp/x"])
        .stdout("1000:44\n")
        .check();
}

#[test]
fn an_image_with_other_owners_unpacks_for_everybody() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("layout");
    let layer = Layer::new()
        .owned_file("owned", 0o4755, (123_456, 1234), "content\n")
        .device("dev-null-of-the-image");
    let image = Image::busybox().layer(layer, Compression::Gzip).write_layout(dir.path());
    Test::sandbox(&["run", &image, "cat", "/owned"]).stdout("content\n").check();
}

#[test]
fn ownership_can_be_given_away_in_a_script_that_must_not_fail() {
    require!(user_namespaces(), "user namespaces");
    Test::shell("set -e; touch /tmp/x; chown 1000:1000 /tmp/x; chmod 4755 /tmp/x; echo done")
        .stdout("done\n")
        .check();
}

#[test]
fn the_map_in_force_is_told() {
    require!(user_namespaces(), "user namespaces");
    let info = Test::sandbox(&["info"]).read();
    assert!(info.contains("id map"), "{info}");
    let lines = Test::shell("cat /proc/self/uid_map | wc -l").read();
    assert_eq!(lines.trim() == "1", !chown_is_real() || crate::support::is_root(), "{lines}");
}

/// The user namespace in which a new sandbox runs.
fn domain_of_new(store: &Store, image: &str, more: &[&str]) -> PathBuf {
    let run = [&["run", "-d", "--network", "none"], more, &[image, "sleep", "1000"]].concat();
    let id = Test::sandbox(&run).store(store).read();
    let inspect = ["inspect", "--format", "{{.State.Pid}}", id.trim()];
    let pid = Test::sandbox(&inspect).store(store).read();
    fs::read_link(format!("/proc/{}/ns/user", pid.trim())).unwrap()
}

#[test]
fn ranges_are_mapped_once_for_all_but_those_who_see_the_others() {
    require!(user_namespaces(), "user namespaces");
    only_for!(chown_is_real());
    let (store, image) = own();
    let first = domain_of_new(&store, &image, &[]);
    assert_eq!(domain_of_new(&store, &image, &[]), first);
    assert_ne!(domain_of_new(&store, &image, &["--pid", "host"]), first);
    assert_eq!(domain_of_new(&store, &image, &["-u", "0"]), first);
}

#[test]
fn a_note_about_a_domain_that_has_gone_or_is_none_is_no_hindrance() {
    require!(user_namespaces(), "user namespaces");
    only_for!(chown_is_real());
    let (store, image) = own();
    for note in ["", "1 1", "999999999 12345", "rubbish", &"9 ".repeat(1000)] {
        fs::write(store.path().join("domain"), note).unwrap();
        let run = ["run", "--network", "none", &image, "cat", "/proc/self/uid_map"];
        let map = Test::sandbox(&run).store(&store).read();
        assert!(map.lines().count() > 1, "{note}: {map}");
    }
}
