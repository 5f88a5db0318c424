//! The command line: global options, the list of commands, and one way out.

mod flags;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{
    Args as _, CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    commands::{self, Context, options::unsupported, status::StatusLines},
    config::Config,
    error::Error,
    oci::ExitStatus,
    ui::{Color, Ui},
};

/// Run a command in an OCI image: no daemon, no root, one static file
#[derive(Debug, Parser)]
#[command(name = "sandbox", version)]
pub struct Cli {
    #[command(flatten)]
    global: Global,

    #[command(subcommand)]
    command: Command,
}

/// What every command knows.
#[derive(Debug, clap::Args)]
struct Global {
    /// Directory for images and sandboxes [env: SANDBOX_ROOT]
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Ask no registry for images; what a sandbox reaches is for its --network to
    /// say [env: SANDBOX_OFFLINE]
    #[arg(long, global = true)]
    offline: bool,

    /// Say more about what is done
    #[arg(short, long)]
    verbose: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,

    /// Write a line of JSON about each phase to this open descriptor
    #[arg(long, global = true, value_name = "FD")]
    status_fd: Option<i32>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<commands::run::Args>),
    Create(Box<commands::create::Args>),
    Start(commands::start::Args),
    Stop(commands::stop::Args),
    Restart(commands::restart::Args),
    Kill(commands::kill::Args),
    Pause(commands::pause::Args),
    Unpause(commands::unpause::Args),
    Rm(commands::rm::Args),
    Rename(commands::rename::Args),
    Ps(commands::ps::Args),
    Logs(commands::logs::Args),
    Attach(commands::attach::Args),
    Exec(commands::exec::Args),
    Commit(commands::commit::Args),
    Cp(commands::cp::Args),
    Diff(commands::diff::Args),
    Apply(commands::apply::Args),
    Discard(commands::discard::Args),
    Export(commands::export::Args),
    Events(commands::events::Args),
    Wait(commands::wait::Args),
    Port(commands::port::Args),
    Top(commands::top::Args),
    Stats(commands::stats::Args),
    Pull(commands::pull::Args),
    Push(commands::push::Args),
    Login(commands::login::Args),
    Logout(commands::logout::Args),
    Lock(commands::lock::Args),
    Images(commands::images::Args),
    Rmi(commands::rmi::Args),
    Tag(commands::tag::Args),
    Save(commands::save::Args),
    Load(commands::load::Args),
    Import(commands::import::Args),
    History(commands::history::Args),
    Inspect(commands::inspect::Args),
    Image(commands::image::Args),
    Container(commands::container::Args),
    Network(commands::network::Args),
    Domain(commands::domain::Args),
    Generate(commands::generate::Args),
    System(commands::system::Args),
    Info(commands::info::Args),
    Version(commands::version::Args),
    Volume(commands::volume::Args),
}

type Define = fn(clap::Command) -> clap::Command;

/// What scripts call over and over.
const FREQUENT: [(&str, Define); 10] = [
    ("run", commands::run::Args::augment_args),
    ("create", commands::create::Args::augment_args),
    ("start", commands::start::Args::augment_args),
    ("stop", commands::stop::Args::augment_args),
    ("rm", commands::rm::Args::augment_args),
    ("ps", commands::ps::Args::augment_args),
    ("logs", commands::logs::Args::augment_args),
    ("exec", commands::exec::Args::augment_args),
    ("wait", commands::wait::Args::augment_args),
    ("inspect", commands::inspect::Args::augment_args),
];

/// Parses the command line, carries it out, and gives the exit code.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let cli = match parse_frequent(&words).map_or_else(|| parse(&words), Ok) {
        Ok(cli) => cli,
        Err(code) => return ExitCode::from(code),
    };
    let mut ui = Ui { quiet: cli.global.quiet, verbose: cli.global.verbose, color: false };
    let mut status_lines = StatusLines::default();
    match cli.execute(&mut ui, &mut status_lines) {
        Ok(status) => ExitCode::from(status.code()),
        Err(error) => {
            ui.report(&error);
            status_lines.failed(&error);
            ExitCode::from(error.code())
        }
    }
}

/// Parses a command that is called often, if nothing is wrong with it and no help is
/// asked for: to define that one alone takes a fraction of the time that it takes to
/// define all, which would be a good part of a start.
fn parse_frequent(words: &[OsString]) -> Option<Cli> {
    let typed = words.get(1)?;
    let (name, define) = FREQUENT.into_iter().find(|(name, _)| typed == name)?;
    let command = Global::augment_args(clap::Command::new("sandbox"));
    let command = flags::taking_values(command.subcommand(define(clap::Command::new(name))));
    Cli::from_arg_matches(&command.try_get_matches_from(words).ok()?).ok()
}

/// The exit code if there is nothing to do: 0 for help, 125 for a mistake, so
/// that it is never taken for the workload's own.
fn parse(words: &[OsString]) -> Result<Cli, u8> {
    let parsed = flags::taking_values(Cli::command()).try_get_matches_from(words);
    let parsed = parsed.map_err(|error| flags::better_told(error, Cli::command(), words));
    let parsed = parsed.and_then(|matches| {
        Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut Cli::command()))
    });
    parsed.map_err(|error| {
        match refused(&error) {
            Some(error) => Ui::default().report(&error),
            None => drop(error.print()),
        }
        if error.use_stderr() { 125 } else { 0 }
    })
}

/// An option or a command of docker's that we do not have: why not.
fn refused(error: &clap::Error) -> Option<Error> {
    let (kind, why): (_, fn(&str) -> _) = match error.kind() {
        ErrorKind::UnknownArgument => (ContextKind::InvalidArg, unsupported::reason),
        ErrorKind::InvalidSubcommand => {
            (ContextKind::InvalidSubcommand, unsupported::reason_for_command)
        }
        _ => return None,
    };
    let ContextValue::String(word) = error.get(kind)? else { return None };
    if kind == ContextKind::InvalidArg && !word.starts_with("--") && !takes_command(error) {
        return None; // A letter means something else to other commands.
    }
    Some(Error::usage(format!("`{word}` is not supported: {}", why(word)?)))
}

/// Whether it is about `run` or `create`.
fn takes_command(error: &clap::Error) -> bool {
    let usage = error.get(ContextKind::Usage).map(ToString::to_string);
    usage.is_some_and(|usage| usage.contains("[CMD]"))
}

impl Cli {
    fn execute(self, ui: &mut Ui, status: &mut StatusLines) -> Result<ExitStatus, Error> {
        *status = StatusLines::open(self.global.status_fd)?;
        let config = Config::load(self.global.root, self.global.offline)?;
        ui.color = self.global.color.on_stderr(config.no_color);
        let context =
            Context { config, ui: *ui, status: status.clone(), helpers: Default::default() };
        let done = |()| ExitStatus::Exited(0);
        match &self.command {
            Command::Run(args) => commands::run::execute(args, &context),
            Command::Create(args) => commands::create::execute(args, &context).map(done),
            Command::Start(args) => commands::start::execute(args, &context),
            Command::Stop(args) => commands::stop::execute(args, &context).map(done),
            Command::Restart(args) => commands::restart::execute(args, &context),
            Command::Kill(args) => commands::kill::execute(args, &context).map(done),
            Command::Pause(args) => commands::pause::execute(args, &context).map(done),
            Command::Unpause(args) => commands::unpause::execute(args, &context).map(done),
            Command::Rm(args) => commands::rm::execute(args, &context).map(done),
            Command::Rename(args) => commands::rename::execute(args, &context).map(done),
            Command::Ps(args) => commands::ps::execute(args, &context).map(done),
            Command::Logs(args) => commands::logs::execute(args, &context).map(done),
            Command::Attach(args) => commands::attach::execute(args, &context),
            Command::Exec(args) => commands::exec::execute(args, &context),
            Command::Commit(args) => commands::commit::execute(args, &context).map(done),
            Command::Cp(args) => commands::cp::execute(args, &context).map(done),
            Command::Diff(args) => commands::diff::execute(args, &context).map(done),
            Command::Apply(args) => commands::apply::execute(args, &context).map(done),
            Command::Discard(args) => commands::discard::execute(args, &context).map(done),
            Command::Export(args) => commands::export::execute(args, &context).map(done),
            Command::Events(args) => commands::events::execute(args, &context).map(done),
            Command::Wait(args) => commands::wait::execute(args, &context).map(done),
            Command::Port(args) => commands::port::execute(args, &context).map(done),
            Command::Top(args) => commands::top::execute(args, &context).map(done),
            Command::Stats(args) => commands::stats::execute(args, &context).map(done),
            Command::Pull(args) => commands::pull::execute(args, &context).map(done),
            Command::Lock(args) => commands::lock::execute(args, &context),
            Command::Login(args) => commands::login::execute(args, &context).map(done),
            Command::Logout(args) => commands::logout::execute(args, &context).map(done),
            Command::Push(args) => commands::push::execute(args, &context).map(done),
            Command::Images(args) => commands::images::execute(args, &context).map(done),
            Command::Rmi(args) => commands::rmi::execute(args, &context).map(done),
            Command::Inspect(args) => commands::inspect::execute(args, &context).map(done),
            Command::Tag(args) => commands::tag::execute(args, &context).map(done),
            Command::Save(args) => commands::save::execute(args, &context).map(done),
            Command::Load(args) => commands::load::execute(args, &context).map(done),
            Command::Import(args) => commands::import::execute(args, &context).map(done),
            Command::History(args) => commands::history::execute(args, &context).map(done),
            Command::Image(args) => commands::image::execute(args, &context).map(done),
            Command::Network(args) => commands::network::execute(args, &context).map(done),
            Command::Domain(args) => commands::domain::execute(args, &context).map(done),
            Command::Generate(args) => commands::generate::execute(args, &context).map(done),
            Command::Container(args) => commands::container::execute(args, &context),
            Command::System(args) => commands::system::execute(args, &context).map(done),
            Command::Info(args) => commands::info::execute(args, &context).map(done),
            Command::Version(args) => commands::version::execute(args, &context).map(done),
            Command::Volume(args) => commands::volume::execute(args, &context).map(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_frequent_command_means_the_same_by_itself() {
        let lines = [
            "sandbox run --rm=true -it -e A=1 --root /r alpine sh -c x --offline",
            "sandbox create --name a alpine",
            "sandbox start -a web",
            "sandbox stop -t 1 web db",
            "sandbox rm -fv web",
            "sandbox logs -f --tail 3 web",
            "sandbox wait web",
            "sandbox exec -u 1 web env",
            "sandbox ps -a --format json --color never",
            "sandbox inspect web",
        ];
        for line in lines {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let alone = parse_frequent(&words).unwrap();
            assert_eq!(format!("{alone:?}"), format!("{:?}", parse(&words).unwrap()), "{line}");
        }
        assert_eq!(lines.len(), FREQUENT.len());
    }

    #[test]
    fn what_is_wrong_is_told_by_the_whole_definition() {
        for line in
            ["sandbox", "sandbox run", "sandbox run --help", "sandbox -q run a", "sandbox x"]
        {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert!(parse_frequent(&words).is_none(), "{line}");
        }
    }

    #[test]
    fn nothing_is_refused_that_there_is() {
        let cli = Cli::command();
        let run = cli.find_subcommand("run").unwrap();
        for flag in run.get_arguments().filter_map(clap::Arg::get_long) {
            assert_eq!(unsupported::reason(&format!("--{flag}")), None, "{flag}");
        }
        for command in cli.get_subcommands() {
            assert_eq!(unsupported::reason_for_command(command.get_name()), None);
        }
    }
}
