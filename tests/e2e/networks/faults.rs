//! What the dead leave, and that it is nothing.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Networks, ping};
use crate::{
    require,
    support::{eventually, has, text, user_namespaces},
};

/// An entry of the register: the process, and its descriptor of the switch.
fn register(all: &Networks) -> Vec<(String, String)> {
    let entries = fs::read_dir(all.store().path().join("networks/.register")).unwrap();
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let entries = entries.map(|entry| words(read(entry.unwrap().path())));
    entries.map(|words| (words[0].clone(), words[2].clone())).collect()
}

/// Runs a script in the namespace with the bridges, as the root of the domain.
fn in_switch(all: &Networks, script: &str) -> String {
    let (pid, descriptor) = &register(all)[0];
    let switch = format!("--net=/proc/{pid}/fd/{descriptor}");
    let output = Command::new("nsenter")
        .args(["-t", pid, "-U", "--preserve-credentials", "nsenter", &switch, "sh", "-c", script])
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The namespaces of a kind that processes of ours are in or have open.
fn network_namespaces() -> BTreeSet<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let links = processes.flat_map(|process| {
        let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        open.map(|entry| entry.path()).chain([process.join("ns/net")]).collect::<Vec<_>>()
    });
    let targets = links.filter_map(|link| fs::read_link(link).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("net:[")).collect()
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn members_that_are_killed_leave_nothing() {
    require!(user_namespaces() && has("nft"), "user namespaces, nft");
    let all = Networks::new(&[&["n"]]);
    for name in ["first", "middle", "last"] {
        all.start(&["--network", "n"], name, "sleep 1000");
    }
    let count = |script: &str| in_switch(&all, script).lines().count();
    let (ports, tables) = ("ip -o link show type veth", "nft list tables");
    assert_eq!((count(ports), count(tables)), (3, 3));
    assert_eq!(count("ip -o link show type bridge"), 1);
    let switch = in_switch(&all, "readlink /proc/self/ns/net");
    assert!(network_namespaces().contains(Path::new(switch.trim())), "we see who has it");
    for (victim, left) in [("first", 2), ("middle", 1)] {
        all.kill_supervisor(victim);
        all.run(&["--network", "n"], &ping("last")).stdout("reached\n").check();
        // Who joins sweeps once there are many, and leaves its own guard to others.
        const MANY: usize = 16;
        (0..MANY + 2).for_each(|_| all.run(&["--network", "n"], "true").check());
        let collected = || {
            all.run(&["--network", "n"], "true").check();
            (count(ports) == left && count(tables) <= left + MANY).then_some(())
        };
        assert!(
            eventually(collected).is_some(),
            "{victim}: {} {}",
            in_switch(&all, ports),
            in_switch(&all, tables)
        );
    }
    all.kill_supervisor("last");
    let freed = || (!network_namespaces().contains(Path::new(switch.trim()))).then_some(());
    assert!(eventually(freed).is_some(), "somebody has the switch still");
    all.call(&["network", "ls"]);
    let networks = all.store().path().join("networks");
    assert_eq!(files(&networks.join(".register")), [""; 0]);
    assert_eq!(files(&networks.join("n/members")), [""; 0]);
    let mut left = files(&networks);
    left.retain(|name| ![".register", ".lock", "n"].contains(&name.as_str()));
    assert_eq!(left, [""; 0]);
    all.call(&["rm", "first", "middle", "last"]);
    all.call(&["network", "rm", "n"]);
    all.store().assert_nothing_left();
}

#[test]
fn what_a_power_cut_leaves_is_in_nobody_s_way() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["--subnet=10.88.0.0/29", "n"]]);
    all.start(&["--network", "n"], "living", "sleep 1000");
    let networks = all.store().path().join("networks");
    let (members, entries) = (networks.join("n/members"), networks.join(".register"));
    let record = fs::read_to_string(members.join(&files(&members)[0])).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let shown = || all.call(&["network", "inspect", "n"]);
    let put = |number: u8, supervisor: &str| {
        let mut member = record.clone();
        let id = format!("{number:064x}");
        member["id"] = id.clone().into();
        member["name"] = format!("ghost{number}").into();
        member["v4"] = format!("10.88.0.{number}").into();
        member["v6"] = serde_json::Value::Null;
        member["mac"] = format!("02:42:0a:58:00:{number:02x}").into();
        member["supervisor"] = supervisor.into();
        fs::write(members.join(id), member.to_string()).unwrap();
    };
    // One whose supervisor lives is a member, so these files are as they should be.
    put(3, record["supervisor"].as_str().unwrap());
    assert!(shown().contains("ghost3"));
    // One that is about to be has its address, and is not shown yet.
    let reserve = |number: u8| {
        let reserved = members.join(format!(".{number:064x}"));
        fs::rename(members.join(format!("{number:064x}")), &reserved).unwrap();
        reserved
    };
    let reserved = reserve(3);
    assert!(!shown().contains("ghost3"));
    let taken = ["--network", "n:ip=10.88.0.3"];
    all.run(&taken, "true").fails(125, &["10.88.0.3 is taken in network `n`"]).check();
    fs::remove_file(reserved).unwrap();

    let start_time = fs::read_to_string("/proc/self/stat").unwrap();
    let start_time = start_time.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap();
    let alive = format!("{}-{start_time}", std::process::id());
    // Of another boot: a process with this number, another one with it, and none.
    for (number, entry) in [(3, alive.as_str()), (4, "1-1"), (5, "4194303-7")] {
        let (pid, start) = entry.split_once('-').unwrap();
        fs::write(entries.join(entry), format!("{pid} {start} 5\n")).unwrap();
        put(number, entry);
    }
    put(6, "gone-with-its-entry");
    reserve(6);
    fs::write(members.join("half"), &record.to_string()[..40]).unwrap();
    fs::write(members.join("empty"), "").unwrap();
    for (entry, content) in [("17-4", "17"), ("18-4", ""), ("19-4", "\0\0\0\0")] {
        fs::write(entries.join(entry), content).unwrap();
    }
    fs::write(networks.join("n/.new-half"), "{").unwrap();

    assert!(!shown().contains("ghost"), "{}", shown());
    all.run(&["--network", "n"], &ping("living")).stdout("reached\n").check();
    let unknown = "nslookup ghost3 >/dev/null 2>&1 || echo unknown";
    all.run(&["--network", "n", "-q"], unknown).stdout("unknown\n").check();
    // All four addresses that the dead had.
    for name in ["a", "b", "c", "d"] {
        all.start(&["--network", "n"], name, "sleep 1000");
    }
    all.run(&["--network", "n"], "true").fails(125, &["no address is free"]).check();
    assert_eq!((files(&members).len(), files(&entries).len()), (5, 5));
    all.call(&["rm", "-f", "living", "a", "b", "c", "d"]);
    all.call(&["network", "rm", "n"]);
    assert!(!networks.join("n").exists());
}

#[test]
fn a_definition_that_is_half_written_is_no_network() {
    require!(user_namespaces(), "user namespaces");
    let all = Networks::new(&[&["n"]]);
    let networks = all.store().path().join("networks");
    for (name, content) in [("half", "{\"name\":\"ha"), ("empty", "")] {
        fs::create_dir_all(networks.join(name).join("members")).unwrap();
        fs::write(networks.join(name).join("network.json"), content).unwrap();
    }
    fs::create_dir_all(networks.join("bare")).unwrap();
    assert_eq!(all.call(&["network", "ls", "--format", "{{.Name}}"]), "n\n");
    for name in ["half", "empty", "bare"] {
        let reason = format!("there is no network `{name}`");
        all.sandbox(&["network", "rm", name]).fails(125, &[&reason]).check();
        all.call(&["network", "create", name]);
        all.run(&["--network", name], "true").check();
        all.call(&["network", "rm", name]);
    }
}
