//! One call of the program: how it is made and what is expected of it.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Output, Stdio},
    sync::OnceLock,
    thread,
};

use super::{
    Compression, Dir, Image, Registry, debian_tar, eventually, mounts_below, processes_naming, text,
};

/// No call of the program takes longer, or the test fails.
const LIMIT: &str = "120";

/// The program under test.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("SANDBOX_TEST_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_sandbox")), PathBuf::from)
}

/// A directory for `SANDBOX_ROOT`.
#[derive(Debug)]
pub(crate) struct Store {
    dir: Dir,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self { dir: Dir::new("store") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The entries of one of the store's directories.
    pub(crate) fn entries(&self, name: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path().join(name)) else { return Vec::new() };
        entries.map(|entry| text(entry.unwrap().file_name().as_encoded_bytes())).collect()
    }

    /// Checks that what ran in this store is gone without a trace, once the
    /// next command has swept what was interrupted.
    pub(crate) fn assert_nothing_left(&self) {
        Test::sandbox(&["images"]).store(self).check();
        let path = self.path();
        let gone = || processes_naming(path.to_str().unwrap()).is_empty().then_some(());
        assert!(
            eventually(gone).is_some(),
            "still alive: {:?}",
            processes_naming(path.to_str().unwrap())
        );
        assert_eq!(mounts_below(path), [""; 0]);
        assert_eq!(self.entries("sandboxes"), [""; 0]);
        assert_eq!(self.entries("names"), [""; 0]);
        assert_eq!(self.entries("tmp"), [""; 0]);
    }
}

/// What a failed test has left running would run for ever.
impl Drop for Store {
    fn drop(&mut self) {
        let passing = self.entries("tmp");
        let passing = passing.iter().filter_map(|name| name.strip_prefix("sandbox-"));
        let kept = self.entries("sandboxes");
        for id in kept.iter().map(String::as_str).chain(passing) {
            let mut remove = Command::new(binary());
            let _ = remove.args(["rm", "-f", id]).env("SANDBOX_ROOT", self.path()).output();
        }
    }
}

/// A store that holds the busybox image, and the image's name.
pub(crate) fn warm() -> (&'static Store, &'static str) {
    static WARM: OnceLock<(Store, String)> = OnceLock::new();
    let (store, image) = WARM.get_or_init(|| pulled(&Image::busybox(), "busybox"));
    (store, image)
}

/// A store of one's own that holds the busybox image, and the image's name.
pub(crate) fn own() -> (Store, String) {
    pulled(&Image::busybox(), "busybox")
}

/// A store that holds the Debian image, and the image's name.
pub(crate) fn debian() -> Option<(&'static Store, &'static str)> {
    static DEBIAN: OnceLock<Option<(Store, String)>> = OnceLock::new();
    let debian = DEBIAN.get_or_init(|| {
        let tar = std::fs::read(debian_tar()?).unwrap();
        Some(pulled(&Image::new().tar_layer(&tar, Compression::Plain), "debian"))
    });
    debian.as_ref().map(|(store, image)| (store, image.as_str()))
}

fn pulled(image: &Image, name: &str) -> (Store, String) {
    let store = Store::new();
    let name = image.push(Registry::shared(), name);
    Test::sandbox(&["pull", &name]).store(&store).check();
    (store, name)
}

/// A call of the program with what it should lead to: exit code 0, unless said
/// otherwise, and any output.
#[derive(Debug)]
pub(crate) struct Test {
    within: Vec<OsString>,
    args: Vec<OsString>,
    store: PathBuf,
    env: Vec<(OsString, OsString)>,
    directory: PathBuf,
    stdin: Vec<u8>,
    code: i32,
    stdout: Option<String>,
    stderr: Option<String>,
    words: Vec<String>,
}

impl Test {
    /// `sandbox ARGS`, in a store that holds the busybox image.
    pub(crate) fn sandbox<A: AsRef<OsStr>>(args: &[A]) -> Self {
        Self {
            within: Vec::new(),
            args: args.iter().map(Into::into).collect(),
            store: PathBuf::new(),
            env: Vec::new(),
            directory: PathBuf::from("/"),
            stdin: Vec::new(),
            code: 0,
            stdout: None,
            stderr: None,
            words: Vec::new(),
        }
    }

    /// `sandbox run OPTIONS busybox COMMAND`.
    pub(crate) fn run_with(options: &[&str], command: &[&str]) -> Self {
        let (store, image) = warm();
        Self::sandbox(&[&["run"], options, &[image], command].concat()).store(store)
    }

    /// `sandbox run busybox COMMAND`.
    pub(crate) fn run(command: &[&str]) -> Self {
        Self::run_with(&[], command)
    }

    /// `sandbox run busybox sh -c SCRIPT`.
    pub(crate) fn shell(script: &str) -> Self {
        Self::run(&["sh", "-c", script])
    }

    /// `sandbox run host sh -c SCRIPT`.
    pub(crate) fn host(script: &str) -> Self {
        Self::sandbox(&["run", "host", "sh", "-c", script])
    }

    pub(crate) fn store(mut self, store: &Store) -> Self {
        self.store = store.path().into();
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((key.into(), value.as_ref().into()));
        self
    }

    /// Makes the call from another working directory than `/`.
    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        self.directory = directory.into();
        self
    }

    /// Makes the call by way of another program, such as `unshare`.
    pub(crate) fn within(mut self, program: &[&str]) -> Self {
        self.within = program.iter().map(Into::into).collect();
        self
    }

    /// Makes the call as the root of a user and mount namespace, after a script
    /// which prepares it.
    pub(crate) fn after(self, script: &str) -> Self {
        self.within(&["unshare", "-Urm", "sh", "-ec", &format!("{script}\nexec \"$@\""), "sh"])
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    pub(crate) fn code(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    /// Expects exactly this on standard output.
    pub(crate) fn stdout(mut self, text: &str) -> Self {
        self.stdout = Some(text.into());
        self
    }

    /// Expects exactly this on standard error; its cause may be left out.
    pub(crate) fn stderr(mut self, text: &str) -> Self {
        self.stderr = Some(text.into());
        self
    }

    /// Expects one error and this code, with these words in the message.
    pub(crate) fn fails(mut self, code: i32, words: &[&str]) -> Self {
        self.code = code;
        self.words = words.iter().map(|&word| word.into()).collect();
        self
    }

    /// Makes the call and compares.
    #[track_caller]
    pub(crate) fn check(self) {
        let output = self.output();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let context = format!("{self}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---");
        assert_eq!(output.status.code(), Some(self.code), "exit code of {context}");
        if let Some(expected) = &self.stdout {
            assert_eq!(&stdout, expected, "stdout of {context}");
        }
        if let Some(expected) = &self.stderr {
            let stderr =
                if expected.contains("error[E") { &stderr } else { &without_cause(&stderr) };
            assert_eq!(stderr, expected, "stderr of {context}");
        }
        if !self.words.is_empty() {
            let message =
                message(&stderr).unwrap_or_else(|| panic!("no clear message in {context}"));
            for word in &self.words {
                assert!(message.contains(word), "no `{word}` in the message of {context}");
            }
        }
    }

    /// Makes the call and returns what it wrote to standard output.
    #[track_caller]
    pub(crate) fn read(self) -> String {
        let output = self.output();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(self.code), "exit code of {self}\n{stderr}");
        text(&output.stdout)
    }

    /// Makes the call and returns all that came of it.
    pub(crate) fn output(&self) -> Output {
        let limited = ["timeout", "--foreground", "--signal=KILL", LIMIT].map(OsString::from);
        let mut child = self.start(&limited);
        let mut stdin = child.stdin.take().unwrap();
        let input = self.stdin.clone();
        // A command that does not read closes the pipe: no failure of ours.
        let writer = thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// Starts the program and leaves it to the test.
    pub(crate) fn spawn(&self) -> Running {
        Running { child: self.start(&[]) }
    }

    /// The call as a command that can be extended.
    pub(crate) fn command(&self, before: &[OsString]) -> Command {
        let line: Vec<&OsStr> = before.iter().chain(&self.within).map(AsRef::as_ref).collect();
        let binary = binary();
        let mut command = match line.split_first() {
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest).arg(binary);
                command
            }
            None => Command::new(binary),
        };
        let store = if self.store.as_os_str().is_empty() { warm().0.path() } else { &self.store };
        let kept = ["PATH", "HOME", "USER"].map(|key| (key, std::env::var_os(key)));
        command
            .args(&self.args)
            .current_dir(&self.directory)
            .env_clear()
            .envs(kept.into_iter().filter_map(|(key, value)| Some((key, value?))))
            .env("SANDBOX_ROOT", store)
            .envs(self.env.iter().map(|(key, value)| (key, value)));
        command
    }

    fn start(&self, before: &[OsString]) -> Child {
        self.command(before)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// The error with its causes and its hint, if nothing follows it; what is before
/// it is progress. A mistake on the command line is reported by clap.
fn message(stderr: &str) -> Option<String> {
    let stderr = without_cause(stderr);
    let message = &stderr[stderr.find("error: ")?..];
    let ours = |line: &str| line.starts_with("  caused by: ") || line.starts_with("hint: ");
    let clear = message.lines().skip(1).all(ours) || message.ends_with("try '--help'.\n");
    (clear && !stderr.contains("panicked")).then(|| message.to_owned())
}

/// `error:` instead of `error[E001]:`, which tests of the causes look at.
fn without_cause(stderr: &str) -> String {
    match stderr.split_once("error[E") {
        Some((before, rest)) if rest.get(3..5) == Some("]:") => {
            format!("{before}error{}", &rest[4..])
        }
        _ => stderr.to_owned(),
    }
}

impl fmt::Display for Test {
    /// The call as one would type it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in &self.env {
            write!(f, "{}={} ", key.display(), value.display())?;
        }
        write!(f, "SANDBOX_ROOT={}", self.store.display())?;
        for word in self.within.iter().chain([&"sandbox".into()]).chain(&self.args) {
            write!(f, " {}", word.display())?;
        }
        Ok(())
    }
}

/// The program while it runs; killed if the test ends before it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    pub(crate) fn stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().unwrap()
    }

    /// Waits until the workload has written this line.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, line: &str) {
        let stdout = self.child.stdout.as_mut().unwrap();
        let expected = format!("{line}\n");
        let mut found = vec![0; expected.len()];
        if stdout.read_exact(&mut found).is_err() {
            let mut stderr = String::new();
            let _ = self.child.stderr.as_mut().unwrap().read_to_string(&mut stderr);
            panic!("no `{line}`, but: {stderr}");
        }
        assert_eq!(text(&found), expected);
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    /// Waits until it has exited.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually(|| self.child.try_wait().unwrap()).expect("it ends")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
