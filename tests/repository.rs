//! Promises about the repository itself: who may use whom, where the sharp
//! tools are kept, and that what is generated is fresh.

#![allow(clippy::unwrap_used, clippy::panic)] // The way for a test to fail.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::CommandFactory;

/// Each module and the modules it may use, from the top of the program down.
const LAYERS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["commands", "config", "error", "oci", "ui"]),
    (
        "commands",
        &[
            "config", "devices", "error", "hint", "image", "network", "oci", "runtime", "storage",
            "sys", "ui",
        ],
    ),
    ("ui", &["error", "hint", "oci"]),
    (
        "error",
        &["config", "devices", "hint", "image", "network", "oci", "runtime", "storage", "sys"],
    ),
    ("config", &["hint", "oci", "sys"]),
    ("image", &["hint", "oci", "sys"]),
    ("storage", &["hint", "oci", "sys"]),
    ("network", &["hint", "oci", "sys"]),
    ("runtime", &["hint", "oci", "sys"]),
    ("devices", &["hint", "oci", "sys"]),
    ("hint", &[]),
    ("oci", &[]),
    ("sys", &[]),
];

#[test]
fn the_layers_have_no_cycle() {
    for (depth, (layer, allowed)) in LAYERS.iter().enumerate() {
        for used in *allowed {
            let below = LAYERS[depth + 1..].iter().any(|(lower, _)| lower == used);
            assert!(below, "`{layer}` lists `{used}`, which is not below it");
        }
    }
}

#[test]
fn each_layer_uses_only_what_it_lists() {
    for file in sources() {
        let Some(layer) = layer_of(&file) else { continue };
        let allowed = LAYERS.iter().find(|(name, _)| *name == layer);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("list `{layer}` in LAYERS"));
        // Only `main` is outside of the crate: elsewhere `sandbox` is a module's name.
        let root = if layer == "main" { "sandbox::" } else { "crate::" };
        for used in modules_used(&code(&file), root) {
            let known = used == layer || allowed.contains(&used.as_str());
            assert!(known, "{}: `{layer}` may not use `{used}`", file.display());
        }
    }
}

#[test]
fn the_modules_that_a_file_uses_are_found() {
    let cases = [
        ("use crate::oci::Spec;", &["oci"][..]),
        ("use crate::{error::{self, Error}, oci::{A, B}, sys};", &["error", "oci", "sys"]),
        ("use crate::{\n    a::{b::{c, d}, e},\n    f,\n};", &["a", "f"]),
        ("fn x() -> crate::sys::Result<()> { crate::ui::warn() }", &["sys", "ui"]),
        ("use std::fs; let mycrate::x = 1;", &[]),
    ];
    for (code, modules) in cases {
        assert_eq!(modules_used(code, "crate::"), modules, "{code}");
    }
    assert_eq!(modules_used("fn main() { sandbox::cli::main() }", "sandbox::"), ["cli"]);
}

#[test]
fn unsafe_code_is_below_sys_alone() {
    assert_only_in(&["sys"], &["unsafe"]);
}

#[test]
fn the_environment_is_read_by_config_alone() {
    let reads = ["env::var", "env::var_os", "env::vars", "env::vars_os", "env::home_dir"];
    assert_only_in(&["config"], &reads);
    // It would call `getpwuid_r`; see `no_lookup_of_the_c_library_is_linked`.
    assert_only_in(&[], &["home_dir"]);
}

#[test]
fn only_ui_prints() {
    assert_only_in(&["ui"], &["print!", "println!", "eprint!", "eprintln!"]);
    assert_only_in(&["ui"], &["io::stdout", "io::stderr"]);
}

#[test]
fn every_module_says_what_it_is_for() {
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} has no module comment", file.display());
    }
}

/// A static program crashes in the lookups of glibc, which load shared libraries.
///
/// `getaddrinfo` is not in the list: an HTTP library links it as the resolver
/// which we do not choose. That nothing of the kind is ever *called* is proved by
/// `the_c_library_looks_nothing_up` of the end-to-end tests.
#[test]
fn no_lookup_of_the_c_library_is_linked() {
    let symbols = Command::new("nm").arg(env!("CARGO_BIN_EXE_sandbox")).output();
    let symbols = symbols.map(|output| String::from_utf8(output.stdout).unwrap()).unwrap();
    assert!(symbols.contains(" main\n"), "the binary is stripped");
    let lookups = [
        "getpwnam",
        "getpwuid",
        "getpwent",
        "getgrnam",
        "getgrgid",
        "getgrent",
        "getgrouplist",
        "initgroups",
        "wordexp",
    ];
    let linked: Vec<&str> = symbols
        .lines()
        .filter_map(|line| line.rsplit(' ').next())
        .filter(|symbol| lookups.iter().any(|lookup| symbol.starts_with(lookup)))
        .collect();
    assert_eq!(linked, [""; 0]);
}

/// The table of attacks says which tests prove what.
#[test]
fn every_attack_of_the_list_has_tests() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect::<Vec<_>>())
        .filter(|row| row[0].parse::<u32>().is_ok())
        .collect();
    let numbers: Vec<u32> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=35).collect::<Vec<_>>());
    for row in rows {
        let tests: Vec<&str> = row[3].split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "line {} has no test", row[0]);
        for test in tests {
            assert!(is_test(test), "there is no test {test}");
        }
    }
}

/// Whether `file::name` is a test in one of the places where those of the table are.
fn is_test(test: &str) -> bool {
    let (file, name) = test.split_once("::").unwrap();
    let call = format!("fn {name}(");
    let places = ["tests/e2e/hostile/", "tests/e2e/", "src/"];
    let files = places
        .iter()
        .flat_map(|place| [format!("{place}{file}.rs"), format!("{place}{file}/mod.rs")]);
    files.filter_map(|path| fs::read_to_string(root().join(path)).ok()).any(|text| {
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        let is_it = |pair: &[&str]| pair[0] == "#[test]" && pair[1].starts_with(&call);
        lines.windows(2).any(is_it)
    })
}

/// `SANDBOX_BLESS=1 cargo test --test repository` writes what this test compares.
/// Verbs of the life cycle whose flags all have an end-to-end test.
const VERBS: &[&str] = &[
    "attach",
    "commit",
    "cp",
    "create",
    "diff",
    "events",
    "exec",
    "export",
    "generate systemd",
    "inspect",
    "kill",
    "logs",
    "pause",
    "port",
    "ps",
    "rename",
    "restart",
    "rm",
    "run",
    "start",
    "stats",
    "stop",
    "top",
    "unpause",
    "wait",
    "container prune",
    "domain exec",
    "volume driver",
    "volume clone",
    "volume create",
    "volume export",
    "volume import",
    "volume inspect",
    "volume ls",
    "volume prune",
    "volume rm",
    "volume snapshot",
    "network connect",
    "network create",
    "network disconnect",
    "network inspect",
    "network ls",
    "network prune",
    "network rm",
];

#[test]
fn every_flag_of_the_life_cycle_has_an_end_to_end_test() {
    let tests = end_to_end_tests();
    let cli = sandbox::cli::Cli::command();
    let global: Vec<&str> = cli.get_arguments().filter_map(clap::Arg::get_long).collect();
    let mut untested = Vec::new();
    for verb in VERBS {
        let command =
            verb.split(' ').fold(&cli, |command, name| command.find_subcommand(name).unwrap());
        // What makes a sandbox is the same for both.
        let words = if *verb == "create" { "run" } else { verb };
        let of_verb: Vec<&String> = tests.iter().filter(|test| is_about(words, test)).collect();
        assert!(!of_verb.is_empty(), "`{verb}` has no test");
        let flags = command.get_arguments().filter(|flag| !flag.is_positional());
        for flag in flags.filter(|flag| !flag.is_hide_set()) {
            let Some(long) = flag.get_long().filter(|long| !global.contains(long)) else {
                continue;
            };
            let short = flag.get_short();
            if !of_verb.iter().any(|test| mentions(test, long, short)) {
                untested.push(format!("{verb} --{long}"));
            }
        }
    }
    assert_eq!(untested, [""; 0]);
}

/// Each function of the end-to-end tests, and each line of their scripts.
fn end_to_end_tests() -> Vec<String> {
    let dir = root().join("tests/e2e");
    let read = |path: &PathBuf| fs::read_to_string(path).unwrap();
    let functions = files_below(&dir, "rs").iter().map(read).collect::<Vec<_>>();
    let functions = functions.iter().flat_map(|file| file.split("\n}\n"));
    let scripts = files_below(&dir, "sh").iter().map(read).collect::<Vec<_>>();
    let lines = scripts.iter().flat_map(|file| file.lines());
    functions.chain(lines).map(str::to_owned).collect()
}

/// Whether a test calls the command: by words of its own, or by those of a script.
fn is_about(verb: &str, test: &str) -> bool {
    let words: Vec<String> = verb.split(' ').map(|word| format!("\"{word}\"")).collect();
    test.contains(&words.join(", "))
        || contains_word(test, &format!("docker {verb}"))
        || verb == "run" // Behind many a function of the tests.
}

/// Whether a test uses the flag, as a word of its own or with a value: `"--time"`,
/// `"--time=5"`, `-t`, or `-t` among others such as `-it`.
fn mentions(test: &str, long: &str, short: Option<char>) -> bool {
    let is_short = |word: &str| {
        let letters = word.strip_prefix('-').filter(|letters| letters.len() <= 3);
        letters.zip(short).is_some_and(|(letters, short)| letters.contains(short))
    };
    let is_long = |word: &str| {
        let name = word.strip_prefix("--").and_then(|word| word.split('=').next());
        name == Some(long)
    };
    let words = test.split(|c: char| c.is_whitespace() || "\"'()[],&".contains(c));
    words.into_iter().any(|word| is_long(word) || is_short(word))
}

#[test]
fn what_a_test_mentions_is_found() {
    let test = "fn x() { sandbox(&[\"stop\", \"-t\", \"1\", \"--signal=HUP\"]) }";
    assert!(is_about("stop", test) && !is_about("start", test));
    assert!(mentions(test, "time", Some('t')) && mentions(test, "signal", None));
    assert!(!mentions(test, "sig", None) && !mentions(test, "all", Some('a')));
    assert!(
        is_about("exec", "docker exec -it x") && mentions("docker exec -it x", "tty", Some('t'))
    );
}

#[test]
fn completions_and_manual_pages_are_fresh() {
    let mut generated = completions();
    generated.extend(manual_pages());
    for (file, text) in &generated {
        let path = root().join(file);
        if std::env::var_os("SANDBOX_BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        }
        let fresh = fs::read(&path).is_ok_and(|found| found == *text);
        assert!(fresh, "{} is stale; bless it", file.display());
    }
    for dir in ["completions", "man"] {
        for entry in fs::read_dir(root().join(dir)).unwrap() {
            let path = Path::new(dir).join(entry.unwrap().file_name());
            let known = generated.iter().any(|(file, _)| *file == path);
            assert!(known, "{} belongs to nothing; remove it", path.display());
        }
    }
}

/// The messages of CSI, from the proto file that its specification publishes.
#[test]
fn the_code_for_csi_is_what_its_proto_file_says() {
    let directory = root().join("src/storage/csi");
    let fresh = csi_code(&directory);
    let path = directory.join("proto.rs");
    if std::env::var_os("SANDBOX_BLESS").is_some() {
        fs::write(&path, &fresh).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == fresh, "{} is stale; bless it", path.display());
}

/// A client's half of it: neither `protoc` nor a build script is needed.
fn csi_code(directory: &Path) -> String {
    let descriptors = protox::compile(["csi.proto"], [directory]).unwrap();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("csi");
    fs::create_dir_all(&out).unwrap();
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .btree_map(".")
        .disable_comments(["."])
        .emit_rerun_if_changed(false)
        .out_dir(&out)
        .compile_fds(descriptors)
        .unwrap();
    let code = fs::read_to_string(out.join("csi.v1.rs")).unwrap();
    let head = "//! Generated from `csi.proto` by `tests/repository.rs`; not to be edited.";
    format!("{head}\n\n{code}")
}

fn completions() -> Vec<(PathBuf, Vec<u8>)> {
    use clap_complete::{Shell, generate};

    let files =
        [(Shell::Bash, "sandbox.bash"), (Shell::Zsh, "_sandbox"), (Shell::Fish, "sandbox.fish")];
    files
        .map(|(shell, file)| {
            let mut text = Vec::new();
            generate(shell, &mut sandbox::cli::Cli::command(), "sandbox", &mut text);
            (Path::new("completions").join(file), text)
        })
        .into()
}

fn manual_pages() -> Vec<(PathBuf, Vec<u8>)> {
    let mut command = sandbox::cli::Cli::command();
    command.build(); // Passes the global options on to the subcommands.
    let mut pages = Vec::new();
    add_manual_pages("sandbox", &command, &mut pages);
    pages
}

/// The page of a command and those of the commands below it.
fn add_manual_pages(name: &str, command: &clap::Command, pages: &mut Vec<(PathBuf, Vec<u8>)>) {
    pages.push(manual_page(name.into(), command.clone()));
    let subcommands = command.get_subcommands();
    for subcommand in subcommands.filter(|c| c.get_name() != "help" && !c.is_hide_set()) {
        add_manual_pages(&format!("{name}-{}", subcommand.get_name()), subcommand, pages);
    }
}

fn manual_page(name: String, command: clap::Command) -> (PathBuf, Vec<u8>) {
    let mut text = Vec::new();
    clap_mangen::Man::new(command).title(&name).render(&mut text).unwrap();
    (Path::new("man").join(name + ".1"), text)
}

#[test]
fn the_commands_in_the_documentation_exist() {
    let command = sandbox::cli::Cli::command();
    let exists = |name: &str| command.find_subcommand(name).is_some();
    let mut pages = files_below(&root().join("docs"), "md");
    pages.extend(["README.md", "CHANGELOG.md"].map(|page| root().join(page)));
    for page in pages {
        for name in commands_named(&fs::read_to_string(&page).unwrap()) {
            assert!(exists(&name), "{}: there is no `sandbox {name}`", page.display());
        }
    }
}

#[test]
fn the_commands_that_a_page_names_are_found() {
    let page = "The sandbox is `sandbox run IMAGE`.\n```sh\n$ sandbox pull x\nsudo sandbox info\n\
                sandbox --root x images\n```\nA sandbox ends: `a sandbox`.\n";
    assert_eq!(commands_named(page), ["run", "pull", "info"]);
}

/// The words after `sandbox` where a page shows code.
fn commands_named(page: &str) -> Vec<String> {
    let mut named = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            named.extend(command_in(line));
        } else {
            let code = line.split('`').skip(1).step_by(2);
            named.extend(code.filter_map(command_in));
        }
    }
    named
}

fn command_in(code: &str) -> Option<String> {
    let mut words = code.split_whitespace().skip_while(|word| *word != "sandbox").skip(1);
    let word = words.next()?;
    word.bytes().all(|byte| byte.is_ascii_lowercase()).then(|| word.into())
}

/// Checks that no file outside the named modules contains one of the words.
#[track_caller]
fn assert_only_in(modules: &[&str], words: &[&str]) {
    for file in sources() {
        if layer_of(&file).is_some_and(|layer| modules.contains(&layer.as_str())) {
            continue;
        }
        let code = code(&file);
        for word in words {
            assert!(!contains_word(&code, word), "{}: `{word}`", file.display());
        }
    }
}

/// Whether `code` contains `word`, and not as a part of a longer one.
fn contains_word(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(start, _)| {
        !code[..start].ends_with(part) && !code[start + word.len()..].starts_with(part)
    })
}

/// The module right below the root to which a file belongs; none for the root.
fn layer_of(file: &Path) -> Option<String> {
    let below = file.strip_prefix(root().join("src")).unwrap();
    let first = Path::new(below.iter().next().unwrap()).with_extension("");
    let layer = first.to_str().unwrap().to_string();
    (layer != "lib").then_some(layer)
}

/// The modules of the crate's root that some code names, sorted.
fn modules_used(code: &str, root: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (start, _) in code.match_indices(root) {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        used.extend(first_segments(&code[start + root.len()..]));
    }
    used.sort();
    used.dedup();
    used
}

/// The first segment of a path, or of each path in a group.
fn first_segments(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut depth = 0;
    let mut segments = vec![String::new()];
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => segments.push(String::new()),
            _ if depth == 0 => segments.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    segments.iter().map(|segment| name(segment.trim())).filter(|name| !name.is_empty()).collect()
}

/// A source file without its comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| match line.find("//") {
        Some(comment) if !line[..comment].ends_with(':') => &line[..comment],
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn sources() -> Vec<PathBuf> {
    files_below(&root().join("src"), "rs")
}

fn files_below(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
