//! Programs that keep credentials: `docker-credential-NAME`.
//!
//! The program is given a verb as its argument and, on standard input, the server
//! or what is to be stored; so a secret is never an argument.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

use super::{Credentials, file::HelperName};
use crate::oci::Secret;

/// More than any token takes.
const MAX_ANSWER: u64 = 256 << 10;
/// What helpers say when they know nothing; there is no code for it.
const NOT_FOUND: &str = "credentials not found";

/// The helpers that were asked, and what they answered: each is asked once.
///
/// A helper may want to talk to the user's keyring, which does not know us any
/// more once we are root of a user namespace of our own. So the answers can be
/// got before that, and be used later.
#[derive(Debug, Clone, Default)]
pub struct Helpers(Arc<Mutex<BTreeMap<(String, String), Answer>>>);

pub(super) type Answer = Result<Option<Credentials>, Failure>;

/// Why a helper has not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no such program.
    Missing,
    Failed(String),
}

impl Helpers {
    /// What the helper has for its server.
    pub(super) fn get(&self, helper: &HelperName) -> Answer {
        let key = (helper.name.clone(), helper.server.clone());
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.entry(key).or_insert_with(|| get(helper)).clone()
    }
}

/// The name of the program.
pub(super) fn program(name: &str) -> String {
    format!("docker-credential-{name}")
}

fn get(helper: &HelperName) -> Answer {
    let answer = call(&helper.name, "get", helper.server.as_bytes())?;
    match answer {
        Some(answer) => parse(answer.expose()).map(Some),
        None => Ok(None),
    }
}

/// Lets the helper keep credentials.
pub(super) fn store(helper: &HelperName, credentials: &Credentials) -> Result<(), Failure> {
    let entry = json!({
        "ServerURL": helper.server,
        "Username": credentials.user(),
        "Secret": credentials.secret().expose(),
    });
    call(&helper.name, "store", entry.to_string().as_bytes()).map(drop)
}

/// Lets the helper forget credentials; false if it had none.
pub(super) fn erase(helper: &HelperName) -> Result<bool, Failure> {
    call(&helper.name, "erase", helper.server.as_bytes()).map(|answer| answer.is_some())
}

fn parse(answer: &str) -> Result<Credentials, Failure> {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    match (text("Username"), text("Secret")) {
        (Some(user), Some(secret)) => Ok(Credentials::new(user.into(), secret.into())),
        _ => Err(Failure::Failed("its answer has no user name and secret".into())),
    }
}

/// What the program writes; none if it does not know the server.
fn call(name: &str, verb: &str, input: &[u8]) -> Result<Option<Secret>, Failure> {
    let child = Command::new(program(name))
        .arg(verb)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::Missing,
        _ => Failure::Failed(error.to_string()),
    })?;
    let answer = talk(&mut child, input).map_err(|error| Failure::Failed(error.to_string()));
    let status = child.wait().map_err(|error| Failure::Failed(error.to_string()))?;
    let answer = answer?;
    match (status.success(), answer.starts_with(NOT_FOUND)) {
        (true, _) => Ok(Some(answer.into())),
        (false, true) => Ok(None),
        (false, false) => Err(Failure::Failed(explain(&answer, &status.to_string()))),
    }
}

fn talk(child: &mut Child, input: &[u8]) -> io::Result<String> {
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input) {
            // One that fails early does not read.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    let mut answer = String::new();
    let Some(stdout) = child.stdout.take() else { return Ok(answer) };
    stdout.take(MAX_ANSWER).read_to_string(&mut answer)?;
    Ok(answer)
}

/// What a helper says of its failure, on one line, unless it may be a secret.
fn explain(answer: &str, status: &str) -> String {
    match answer.trim().lines().next() {
        Some(line) if !line.contains('{') => line.chars().take(200).collect(),
        _ => status.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_password_or_a_token() {
        let answer = |user: &str| parse(&json!({"Username": user, "Secret": "s"}).to_string());
        assert_eq!(answer("ann"), Ok(Credentials::new("ann".into(), "s".into())));
        assert_eq!(answer("<token>"), Ok(Credentials::IdentityToken("s".into())));
        for bad in ["", "{}", r#"{"Username": "hunter2"}"#, r#"{"Username": 5, "Secret": "x"}"#] {
            let Err(Failure::Failed(why)) = parse(bad) else { panic!("{bad}") };
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn a_failure_is_quoted_unless_it_may_be_a_secret() {
        assert_eq!(explain("the keyring is locked\nmore", "exit 1"), "the keyring is locked");
        assert_eq!(explain("{\"Secret\":\"x\"}", "exit 1"), "exit 1");
        assert_eq!(explain("", "exit 1"), "exit 1");
    }

    #[test]
    fn a_helper_that_is_not_there_is_told_from_one_that_fails() {
        let helper =
            HelperName { name: "no-such-helper".into(), server: "q.io".into(), is_asked_for: true };
        assert_eq!(Helpers::default().get(&helper), Err(Failure::Missing));
    }
}
