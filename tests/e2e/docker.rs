//! `alias docker=sandbox`: commands as they are in the READMEs of public images,
//! with images like those, made of Debian's packages.

use std::os::unix::fs::symlink;

use crate::{
    require,
    support::{Dir, Image, Registry, Store, Test, binary, services_tar, user_namespaces},
};

/// What makes an image of Debian's services one of those that everybody has.
const IMAGES: &[(&str, &[&str])] = &[
    ("python", &["CMD [\"python3\"]"]),
    ("node", &["CMD [\"node\"]"]),
    ("redis", &["CMD [\"redis-server\"]"]),
    ("nginx", &["CMD [\"nginx\", \"-g\", \"daemon off;\"]"]),
    ("postgres", &["USER postgres", "ENV PGDATA=/var/lib/postgresql/data", "CMD [\"start\"]"]),
];

/// As the entry point of docker's image, without its options.
const START_POSTGRES: &str = r#"set -e
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    echo "$POSTGRES_PASSWORD" >/tmp/password
    initdb -U postgres --pwfile=/tmp/password -A trust -D "$PGDATA" >/dev/null
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec postgres -D "$PGDATA" -k /tmp -h '*'
"#;

#[test]
fn the_commands_of_public_readmes_work_unchanged() {
    require!(user_namespaces() && services_tar().is_some(), "Debian's services");
    let store = Store::new();
    let directory = Dir::new("docker");
    make_images(&store, &directory);
    Image::busybox().push(Registry::shared(), "busybox");
    symlink(binary(), directory.path().join("docker")).unwrap();
    let script = directory.write("readmes.sh", include_str!("docker/readmes.sh"));
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let (script, place) = (script.to_str().unwrap(), directory.path().to_str().unwrap());
    let registry = Registry::shared().name();
    Test::sandbox(&["version"])
        .within(&["sh", script, place, &registry])
        .store(&store)
        .env("PATH", path)
        .stdout("all done\n")
        .check();
    store.assert_nothing_left();
}

/// Debian's services under the names of docker's images.
pub(crate) fn make_images(store: &Store, directory: &Dir) {
    let call = |args: &[&str]| drop(Test::sandbox(args).store(store).read());
    let tar = services_tar().unwrap();
    call(&["import", tar.to_str().unwrap(), "services"]);
    let start = directory.script("start", START_POSTGRES);
    call(&["create", "--name", "base", "services", "true"]);
    call(&["cp", start.to_str().unwrap(), "base:/usr/local/bin/start"]);
    for (name, changes) in IMAGES {
        let changes = changes.iter().flat_map(|change| ["-c", *change]);
        call(&[&["commit"], &changes.collect::<Vec<_>>()[..], &["base", *name]].concat());
    }
    call(&["rm", "base"]);
}
