//! In a namespace that somebody else made, as in a job inside a container.

use crate::{
    require,
    support::{Store, Test, user_namespaces, warm},
};

#[test]
fn the_root_of_a_user_namespace_runs_the_host() {
    require!(user_namespaces(), "user namespaces");
    Test::sandbox(&["run", "host", "true"]).within(&["unshare", "-Ur"]).check();
    Test::sandbox(&["run", "host", "echo", "hi"])
        .within(&["unshare", "-Urm"])
        .stdout("hi\n")
        .check();
}

#[test]
fn the_root_of_a_user_namespace_runs_an_image() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let (_, image) = warm();
    for unshare in
        [&["unshare", "-Ur"][..], &["unshare", "-Urm"], &["unshare", "-Urmpf", "--mount-proc"]]
    {
        Test::sandbox(&["run", image, "echo", "hi"])
            .store(&store)
            .within(unshare)
            .stdout("hi\n")
            .check();
    }
}

#[test]
fn somebody_without_a_name_in_a_user_namespace_runs_an_image() {
    require!(user_namespaces(), "user namespaces");
    let store = Store::new();
    let (_, image) = warm();
    Test::sandbox(&["run", image, "id", "-u"])
        .store(&store)
        .within(&["unshare", "--map-user=12345", "--map-group=12345"])
        .stdout("0\n")
        .check();
}

#[test]
fn a_sandbox_in_a_sandbox_works_or_says_why() {
    require!(user_namespaces(), "user namespaces");
    let binary = crate::support::binary();
    let volume = format!("{}:/sandbox:ro", binary.display());
    let inner = ["/sandbox", "--root", "/tmp/store", "run", "host", "echo", "deep"];
    // The default filter keeps namespaces from the command.
    Test::sandbox(&[&["run", "-v", &volume, "host"][..], &inner].concat())
        .fails(125, &["namespace"])
        .check();
    Test::sandbox(&[&["run", "--privileged", "-v", &volume, "host"][..], &inner].concat())
        .stdout("deep\n")
        .check();
}
