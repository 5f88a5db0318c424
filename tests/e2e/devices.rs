//! `--device`, `--gpus`: devices of the host inside.

use std::os::unix::fs::FileTypeExt;

use rustix::fs::Access;

use crate::{
    require,
    support::{Dir, Test, user_namespaces, warm},
};

#[test]
fn a_device_comes_inside_under_its_name_or_another() {
    require!(user_namespaces(), "user namespaces");
    let script = "stat -c '%F %t:%T' /dev/fuse /dev/mine; head -c 3 /dev/mine | od -An -tx1";
    Test::run_with(
        &["--device", "/dev/fuse", "--device", "/dev/zero:/dev/mine"],
        &["sh", "-c", script],
    )
    .stdout("character special file a:e5\ncharacter special file 1:5\n 00 00 00\n")
    .stderr("")
    .check();
}

#[test]
fn a_device_is_there_outside_of_dev_and_beside_volumes() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("volume");
    dir.write("node", "");
    let volume = format!("{}:/w", dir.path().display());
    let options =
        ["-v", &volume, "--device", "/dev/zero:/w/node", "--device", "/dev/full:/a/b/c:rw"];
    let script = "stat -c %t:%T /w/node /a/b/c; echo x > /a/b/c";
    Test::run_with(&options, &["sh", "-c", script])
        .code(1)
        .stdout("1:5\n1:7\n")
        .stderr("sh: write error: No space left on device\n")
        .check();
}

#[test]
fn a_directory_stands_for_all_devices_below_it() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(
        &["-q", "--device", "/dev:/all"],
        &["sh", "-c", "stat -c %t:%T /all/null /all/zero; ls -d /all/pts /all/stdin"],
    )
    .code(1)
    .stdout("1:3\n1:5\n")
    .stderr(
        "ls: /all/pts: No such file or directory\n\
         ls: /all/stdin: No such file or directory\n",
    )
    .check();
}

#[test]
fn what_is_no_device_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let empty = Dir::new("empty");
    let (store, image) = warm();
    let file = empty.write("sub/file", "");
    let cases = [
        ("/dev/sdaz".into(), "error[E047]: there is no device /dev/sdaz\n".into()),
        (
            file.display().to_string(),
            format!(
                "error[E047]: {0} is not a device\nhint: `-v {0}:DST` shows a file or directory \
                 inside\n",
                file.display()
            ),
        ),
        (
            empty.path().display().to_string(),
            format!("error[E047]: there is no device below {}\n", empty.path().display()),
        ),
    ];
    for (device, stderr) in &cases {
        for command in ["run", "create"] {
            Test::sandbox(&[command, "--device", device, image, "true"])
                .store(store)
                .code(125)
                .stdout("")
                .stderr(stderr)
                .check();
        }
    }
}

#[test]
fn a_device_that_is_not_spelled_like_one_is_refused() {
    let cases = [
        ("null", "`null` is neither an absolute path nor a name such as vendor.com/class=name"),
        ("/dev/null:/dev/x:rx", "the permissions `rx` are not some of r, w and m"),
        ("/dev/null:dev", "the path inside, `dev`, must begin with /"),
        ("/dev/null:/", "the root directory itself cannot be mounted over"),
    ];
    for (device, why) in cases {
        Test::run_with(&["--device", device], &["true"]).fails(125, &[device, why]).check();
    }
}

#[test]
fn the_permissions_of_the_host_hold() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(&["--device", "/dev/null:/dev/mine:w"], &["cat", "/dev/mine"])
        .stdout("")
        .stderr(
            "note: `w` cannot be held to: rules for devices are root's, so inside /dev/null may \
             be used as you may use it\n",
        )
        .check();
    let closed = closed_device();
    require!(closed.is_some(), "a device that only root may open");
    let path = closed.unwrap();
    Test::run_with(&["--device", &format!("{path}:/dev/mine")], &["cat", "/dev/mine"])
        .code(1)
        .stderr(&format!(
            "note: you may neither read nor write {path}, so nobody inside can\n\
             cat: can't open '/dev/mine': Permission denied\n"
        ))
        .check();
}

/// One that we may not open.
fn closed_device() -> Option<String> {
    let entries = std::fs::read_dir("/dev").unwrap().map(|entry| entry.unwrap());
    let mut closed = entries.filter(|entry| {
        let kind = entry.file_type().unwrap();
        let may = |access| rustix::fs::access(entry.path(), access).is_ok();
        kind.is_char_device() && !may(Access::READ_OK) && !may(Access::WRITE_OK)
    });
    closed.next().map(|entry| entry.path().display().to_string())
}

#[test]
fn a_sandbox_that_is_kept_has_its_devices_at_each_start() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = crate::support::own();
    let run = |args: &[&str]| Test::sandbox(args).store(&store);
    run(&["create", "--name", "kept", "--device", "/dev/zero:/dev/mine:rw", &image, "sleep", "99"])
        .check();
    for _ in 0..2 {
        run(&["start", "kept"]).check();
        run(&["exec", "kept", "stat", "-c", "%t:%T", "/dev/mine"]).stdout("1:5\n").check();
        run(&["stop", "-t", "0", "kept"]).check();
    }
    let format = "{{json .HostConfig.Devices}}";
    run(&["inspect", "--format", format, "kept"])
        .stdout(
            "[{\"CgroupPermissions\":\"rw\",\"PathInContainer\":\"/dev/mine\",\
             \"PathOnHost\":\"/dev/zero\"}]\n",
        )
        .check();
}

/// A directory for `XDG_CONFIG_HOME` with spec files.
fn described(files: &[(&str, &str)]) -> Dir {
    let config = Dir::new("config");
    for (name, text) in files {
        config.write(&format!("sandbox/cdi/{name}"), text);
    }
    config
}

const ACME: &str = r#"
cdiVersion: "0.7.0"
kind: acme.org/widget
annotations: {made: by hand}
containerEdits:
  env: [WIDGETS=some, LANG=widgetish]
  hooks:
  - hookName: createContainer
    path: /usr/bin/acme-hook
    args: [acme-hook, update-ldcache, --folder, /usr/lib/acme, --folder, /opt/lib]
  - hookName: createContainer
    path: /usr/bin/acme-hook
    args: [acme-hook, create-symlinks, --link, driver::/usr/lib/acme/short]
  - hookName: startContainer
    path: /usr/bin/acme-hook
    args: [acme-hook, chmod, --mode, "755"]
devices:
- name: "0"
  containerEdits:
    env: [WIDGET_0=yes]
    deviceNodes:
    - path: /dev/widget0
      hostPath: /dev/zero
      type: c
      major: 1
      minor: 5
    - path: /dev/full2
      hostPath: /dev/full
      permissions: rw
- name: "1"
  containerEdits:
    env: [WIDGET_1=yes]
    mounts:
    - hostPath: /FILE
      containerPath: /usr/lib/acme/driver
      options: [ro, nosuid, nodev, rbind, rprivate]
"#;

const LEFT_OUT: &str = "note: if libraries are not found inside: `-e \
                        LD_LIBRARY_PATH=/usr/lib/acme:/opt/lib`\n\
                        note: the hook `acme-hook chmod` (startContainer) of FILE is left out: no \
                        program is run on the host\n";

#[test]
fn a_described_device_comes_with_what_it_takes() {
    require!(user_namespaces(), "user namespaces");
    let dir = Dir::new("driver");
    let driver = dir.write("driver", "drives\n");
    let spec = ACME.replace("/FILE", driver.to_str().unwrap());
    let config = described(&[("acme.yaml", &spec)]);
    let file = config.path().join("sandbox/cdi/acme.yaml");
    let script = "stat -c '%n %t:%T' /dev/widget0 /dev/full2; cat /usr/lib/acme/driver; \
                  cat /usr/lib/acme/short; echo $WIDGETS $WIDGET_0 $WIDGET_1 $LANG; echo x > /usr/lib/acme/driver";
    let options =
        ["-e", "LANG=C", "--device", "acme.org/widget=1", "--device", "acme.org/widget=0"];
    Test::run_with(&options, &["sh", "-c", script])
        .env("XDG_CONFIG_HOME", config.path())
        .code(1)
        .stdout("/dev/widget0 1:5\n/dev/full2 1:7\ndrives\ndrives\nsome yes yes widgetish\n")
        .stderr(&format!(
            "{}sh: can't create /usr/lib/acme/driver: Read-only file system\n",
            LEFT_OUT.replace("FILE", file.to_str().unwrap())
        ))
        .check();
    let script = "grep ' /usr/lib/acme/driver ' /proc/self/mountinfo | cut -d' ' -f6";
    let flags = Test::run_with(&["-q", "--device", "acme.org/widget=all"], &["sh", "-c", script])
        .env("XDG_CONFIG_HOME", config.path())
        .read();
    assert!(flags.starts_with("ro,nosuid,nodev"), "{flags}");
}

#[test]
fn what_a_device_sets_is_there_for_exec_and_at_each_start() {
    require!(user_namespaces(), "user namespaces");
    let (store, image) = crate::support::own();
    let spec = |value: &str| {
        format!(
            r#"{{"cdiVersion": "0.5.0", "kind": "a.b/c", "devices": [{{"name": "x",
                "containerEdits": {{"env": ["VALUE={value}"],
                "deviceNodes": [{{"path": "/dev/zero2", "hostPath": "/dev/zero"}}],
                "mounts": [{{"containerPath": "/opt/driver/x", "hostPath": "/dev/null"}}]}}}}]}}"#
        )
    };
    let config = described(&[("c.json", &spec("one"))]);
    let run =
        |args: &[&str]| Test::sandbox(args).store(&store).env("XDG_CONFIG_HOME", config.path());
    let options = ["run", "-d", "--name", "kept", "--device", "a.b/c=x", "--gpus", "0"];
    run(&[&options[..], &[&image, "sleep", "99"]].concat()).check();
    let script = ["sh", "-c", "echo $VALUE; stat -c %t:%T /dev/zero2"];
    let exec = [&["exec", "kept"][..], &script].concat();
    run(&exec).stdout("one\n1:5\n").check();
    run(&["stop", "-t", "0", "kept"]).check();
    config.write("sandbox/cdi/c.json", spec("two"));
    run(&["start", "kept"]).check();
    run(&exec).stdout("two\n1:5\n").check();
    run(&["diff", "kept"]).stdout("").check(); // What was made to mount them is no change.
    run(&["inspect", "--format", "{{json .HostConfig.DeviceRequests}}", "kept"])
        .stdout(
            "[{\"Capabilities\":null,\"Count\":0,\"DeviceIDs\":[\"a.b/c=x\"],\"Driver\":\"cdi\",\
             \"Options\":{}},{\"Capabilities\":[[\"gpu\"]],\"Count\":0,\"DeviceIDs\":null,\
             \"Driver\":\"\",\"Options\":{}}]\n",
        )
        .check();
}

#[test]
fn an_unknown_name_is_answered_with_those_that_are_known() {
    require!(user_namespaces(), "user namespaces");
    let config = described(&[("acme.yaml", ACME), ("broken.json", "{]"), ("notes.txt", "")]);
    let own = config.path().join("sandbox/cdi");
    let (store, image) = warm();
    for command in ["run", "create"] {
        Test::sandbox(&[command, "--device", "acme.org/widget=7", image, "true"])
            .store(store)
            .env("XDG_CONFIG_HOME", config.path())
            .code(125)
            .stdout("")
            .stderr(&format!(
                "error[E047]: no spec file describes the device acme.org/widget=7\n\
                 hint: spec files are in {0}, /var/run/cdi, /etc/cdi; they describe \
                 acme.org/widget=0, acme.org/widget=1; left out is {0}/broken.json: key must be a \
                 string at line 1 column 2\n",
                own.display()
            ))
            .check();
    }
}

#[test]
fn a_description_of_what_is_not_there_is_named() {
    require!(user_namespaces(), "user namespaces");
    let config = described(&[("acme.yaml", &ACME.replace("/FILE", "/no/driver"))]);
    Test::run_with(&["--device", "acme.org/widget=1"], &["true"])
        .env("XDG_CONFIG_HOME", config.path())
        .code(125)
        .stderr(&format!(
            "error[E047]: cannot hand over the device acme.org/widget=1 of \
             {}/sandbox/cdi/acme.yaml\n  \
             caused by: there is no /no/driver\n\
             hint: the file may be older than the driver: have it generated again\n",
            config.path().display()
        ))
        .check();
}

#[test]
fn a_name_that_two_files_give_is_refused() {
    require!(user_namespaces(), "user namespaces");
    let config = described(&[("a.yaml", ACME), ("b.yaml", ACME)]);
    let own = config.path().join("sandbox/cdi");
    Test::run_with(&["--device", "acme.org/widget=1"], &["true"])
        .env("XDG_CONFIG_HOME", config.path())
        .code(125)
        .stderr(&format!(
            "error[E047]: two files describe the device acme.org/widget=1: {0}/a.yaml and \
             {0}/b.yaml\n\
             hint: take it out of one of them; the files of another directory may differ\n",
            own.display()
        ))
        .check();
}

fn gpus(kind: &str) -> String {
    let device =
        |name: &str| format!("- {{name: '{name}', containerEdits: {{env: ['GPU_{name}=yes']}}}}\n");
    let devices: String = ["0", "1", "all"].into_iter().map(device).collect();
    format!(
        "cdiVersion: 0.5.0\nkind: {kind}\ncontainerEdits: {{env: [KIND={kind}]}}\ndevices:\n{devices}"
    )
}

#[test]
fn gpus_are_found_by_number_name_and_maker() {
    require!(user_namespaces(), "user namespaces");
    let script = "echo $KIND; env | grep ^GPU_ | sort";
    let amd = described(&[("amd.yaml", &gpus("amd.com/gpu"))]);
    let both =
        described(&[("amd.yaml", &gpus("amd.com/gpu")), ("nv.yaml", &gpus("nvidia.com/gpu"))]);
    let cases = [
        (&amd, "1", "amd.com/gpu\nGPU_0=yes\n"),
        (&both, "all", "nvidia.com/gpu\nGPU_all=yes\n"),
        (&both, "2", "nvidia.com/gpu\nGPU_0=yes\nGPU_1=yes\n"),
        (&both, "device=1", "nvidia.com/gpu\nGPU_1=yes\n"),
        (&both, "\"device=0,1\",capabilities=utility", "nvidia.com/gpu\nGPU_0=yes\nGPU_1=yes\n"),
    ];
    for (config, gpus, stdout) in cases {
        Test::run_with(&["--gpus", gpus], &["sh", "-c", script])
            .env("XDG_CONFIG_HOME", config.path())
            .stdout(stdout)
            .stderr("")
            .check();
    }
}

#[test]
fn gpus_that_nothing_describes_are_an_error_with_the_way_out() {
    require!(user_namespaces(), "user namespaces");
    let config = Dir::new("config");
    let own = config.path().join("sandbox/cdi");
    Test::run_with(&["--gpus", "all"], &["true"])
        .env("XDG_CONFIG_HOME", config.path())
        .code(125)
        .stderr(&format!(
            "error[E047]: no spec file describes a GPU: neither nvidia.com/gpu nor amd.com/gpu\n\
             hint: `nvidia-ctk cdi generate --output={0}/nvidia.yaml` makes one, and for AMD \
             `amd-ctk cdi generate --output={0}/amd.json`\n",
            own.display()
        ))
        .check();
}

#[test]
fn groups_of_a_device_are_had_where_there_are_ids_for_them() {
    require!(user_namespaces(), "user namespaces");
    let spec = "cdiVersion: 0.7.0\nkind: a.b/c\ndevices:\n- {name: x, containerEdits: \
                {additionalGids: [0, 44]}}\n";
    let config = described(&[("c.yaml", spec)]);
    let test = Test::run_with(&["--device", "a.b/c=x"], &["id", "-G"])
        .env("XDG_CONFIG_HOME", config.path());
    match crate::support::chown_is_real() {
        true => test.stdout("0 44\n").stderr("").check(),
        false => test
            .stdout("0\n")
            .stderr("note: a device asks for the group 44, which cannot be had here\n")
            .check(),
    }
}

#[test]
fn the_groups_of_the_caller_cannot_be_kept_beside_others() {
    require!(user_namespaces(), "user namespaces");
    Test::run_with(&["--group-add", "keep-groups"], &["id", "-u"]).stdout("0\n").check();
    Test::run_with(&["--group-add", "keep-groups", "--group-add", "5"], &["true"])
        .code(125)
        .stderr("error: keep-groups cannot be combined with other groups\n")
        .check();
}

#[test]
fn another_user_of_exec_has_the_further_groups_too() {
    require!(user_namespaces(), "user namespaces");
    if !crate::support::chown_is_real() {
        return; // There are no groups with a single id.
    }
    let (store, image) = crate::support::own();
    let run = |args: &[&str]| Test::sandbox(args).store(&store);
    run(&["run", "-d", "--name", "grouped", "--group-add", "44", &image, "sleep", "99"]).check();
    run(&["exec", "-u", "1:1", "grouped", "id", "-G"]).stdout("1 44\n").check();
}
