//! Flags with a value, `--rm=false` and `-d=true`: docker takes one with each of its flags.
//!
//! The commands define plain flags, and those are what help, completions and manual
//! pages show. Only to parse with, each becomes an option whose value may be left out
//! (`taking_values`); what is wrong is then told by the plain ones (`better_told`).

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, error::ErrorKind};

/// The same command, with flags that take a value after `=`; the last one holds.
pub(super) fn taking_values(command: Command) -> Command {
    command.mut_args(taking_a_value).mut_subcommands(taking_values)
}

fn taking_a_value(arg: Arg) -> Arg {
    if !matches!(arg.get_action(), ArgAction::SetTrue) {
        return arg;
    }
    let id = arg.get_id().clone();
    arg.action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .value_name("BOOL")
        .value_parser(parse_bool)
        .default_value("false")
        .default_missing_value("true")
        .overrides_with(id)
}

/// What docker's flags take (`ParseBool` of Go's `strconv`).
fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("it is neither true nor false".into()),
    }
}

/// What `plain` says of the same words, unless that is about the value of a flag.
pub(super) fn better_told(error: clap::Error, plain: Command, words: &[OsString]) -> clap::Error {
    match plain.try_get_matches_from(words) {
        Err(told) if !is_about_a_value(&told, words) => told,
        _ => error,
    }
}

/// `--rm=true` is one value too many; `-d=true` is a flag `-=` (so clap names it).
fn is_about_a_value(error: &clap::Error, words: &[OsString]) -> bool {
    match error.kind() {
        ErrorKind::TooManyValues => true,
        ErrorKind::UnknownArgument => words.iter().any(is_short_with_value),
        _ => false,
    }
}

fn is_short_with_value(word: &OsString) -> bool {
    let letters = word.to_str().and_then(|word| word.strip_prefix('-')?.split_once('='));
    letters.is_some_and(|(letters, _)| letters.chars().all(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{super::Cli, *};

    /// What a flag comes to, whatever else its command needs.
    fn parsed(command: &Command, typed: &str, flag: &Arg) -> Option<bool> {
        let command = taking_values(command.clone().ignore_errors(true));
        let matches = command.try_get_matches_from(["sandbox", typed]).unwrap();
        matches.try_get_one(flag.get_id().as_str()).unwrap().copied()
    }

    /// Checks the flags of a command and those of the commands below it, and counts them.
    fn check(command: &Command) -> usize {
        let spellings = [("", true), ("=true", true), ("=1", true), ("=T", true), ("=TRUE", true)];
        let falses = [("=false", false), ("=0", false), ("=F", false), ("=False", false)];
        let is_flag = |arg: &&Arg| matches!(arg.get_action(), ArgAction::SetTrue);
        let flags: Vec<&Arg> = command.get_arguments().filter(is_flag).collect();
        for flag in &flags {
            let long = flag.get_long().map(|long| format!("--{long}"));
            let names = long.into_iter().chain(flag.get_short().map(|short| format!("-{short}")));
            for (name, (value, expected)) in names
                .flat_map(|name| spellings.iter().chain(&falses).map(move |it| (name.clone(), it)))
            {
                let typed = format!("{name}{value}");
                let found = parsed(command, &typed, flag);
                assert_eq!(found, Some(*expected), "{} {typed}", command.get_name());
            }
        }
        flags.len() + command.get_subcommands().map(check).sum::<usize>()
    }

    #[test]
    fn every_flag_takes_docker_s_values() {
        let count = check(&Cli::command());
        assert!(count > 100, "{count}");
    }

    #[test]
    fn flags_with_values_stand_among_others() {
        let parsed = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            format!("{:?}", super::super::parse(&words).unwrap())
        };
        for (typed, meant) in [
            ("sandbox run -it=true --rm=false -d=true a b -c=x", "sandbox run -itd a b -c=x"),
            ("sandbox run --rm=true --rm=false -t -t a", "sandbox run -t a"),
            ("sandbox --quiet=true ps -aq=1", "sandbox --quiet ps -aq"),
            ("sandbox volume prune --all=true -f=true", "sandbox volume prune --all -f"),
        ] {
            assert_eq!(parsed(typed), parsed(meant), "{typed}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_as_of_plain_flags() {
        let told = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let error = taking_values(Cli::command()).try_get_matches_from(&words).unwrap_err();
            better_told(error, Cli::command(), &words).to_string()
        };
        let first = |line: &str| told(line).lines().next().unwrap_or_default().to_owned();
        let bad = "error: invalid value 'x' for '--rm[=<BOOL>]': it is neither true nor false";
        assert_eq!(first("sandbox run --rm=x a"), bad);
        assert_eq!(first("sandbox run -t=x a"), bad.replace("--rm", "--tty"));
        let conflict = "error: the argument '--keep' cannot be used with '--rm'";
        assert_eq!(first("sandbox run --keep --rm a"), conflict);
        assert_eq!(first("sandbox run -t=1 --nope a"), "error: unexpected argument '--nope' found");
        assert!(!told("sandbox run --help").contains("BOOL]  Leave nothing"));
    }
}
