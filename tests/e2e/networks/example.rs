//! A database and a web server with clients in other sandboxes, by `docs/examples`.

use std::os::unix::fs::symlink;

use crate::{
    docker::make_images,
    require,
    support::{Dir, Store, Test, binary, has, services_tar, user_namespaces},
};

#[test]
fn the_example_of_a_web_server_and_a_database_works() {
    let tools = has("ab") && has("curl") && services_tar().is_some();
    require!(user_namespaces() && tools, "Debian's services, ab, curl");
    let (store, directory) = (Store::new(), Dir::new("example"));
    make_images(&store, &directory);
    symlink(binary(), directory.path().join("sandbox")).unwrap();
    let example = include_str!("../../../docs/examples/web-and-database.sh");
    let script = directory.write("example.sh", example);
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let call = |verb: &str| {
        let script = Test::sandbox(&["version"]).within(&["sh", script.to_str().unwrap(), verb]);
        script.store(&store).env("PATH", &path).env("PORT", "").read()
    };
    let sandbox = |args: &[&str]| Test::sandbox(args).store(&store);

    let told = call("up");
    assert!(told.starts_with("http://127.0.0.1:"), "{told}");
    let told = call("try");
    for expected in ["number of transactions actually processed: 200/200", "Welcome to nginx"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let load = ["ab", "-q", "-n", "2000", "-c", "8", "http://web/"];
    let told = sandbox(&[&["run", "--network", "front", "host"], &load[..]].concat()).read();
    for expected in ["Complete requests:      2000\n", "Failed requests:        0\n"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    call("down");
    sandbox(&["network", "ls", "-q"]).stdout("").check();
    store.assert_nothing_left();
}
