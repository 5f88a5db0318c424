//! `sandbox generate`: files for other programs.

use std::path::Path;

use super::{Context, find::Found};
use crate::{error::Error, ui};

/// Write files with which other programs run sandboxes
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Systemd(SystemdArgs),
}

/// Print a systemd unit that keeps a sandbox running
///
/// Put it into ~/.config/systemd/user/NAME.service, and run `systemctl --user
/// enable --now NAME`. `loginctl enable-linger` lets it run while nobody is
/// logged in.
#[derive(Debug, clap::Args)]
pub struct SystemdArgs {
    /// When systemd starts it again
    #[arg(long, value_name = "POLICY", default_value = "on-failure", value_parser = ["no", "on-success", "on-failure", "on-abnormal", "on-abort", "always"])]
    restart_policy: String,

    /// Seconds that it may take to end; 10 if `run --stop-timeout` has not said otherwise
    #[arg(short = 't', long, visible_alias = "time", value_name = "SECONDS")]
    stop_timeout: Option<u64>,

    /// Accepted: the unit names the sandbox as you do
    #[arg(short, long, hide = true)]
    name: bool,

    /// Sandbox, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let Command::Systemd(args) = &args.command;
    let found = Found::look(&args.sandbox, context)?;
    if !found.stored.is_kept() {
        return Err(Error::usage_with_hint(
            format!("{} vanishes when it has ended", args.sandbox),
            "`sandbox create --name NAME` makes one that can be started again",
        ));
    }
    let program = std::env::current_exe().map_err(Error::Output)?;
    let own = found.config.stop_timeout.and_then(|seconds| seconds.try_into().ok());
    let grace = args.stop_timeout.or(own).unwrap_or(10);
    ui::print(&unit(args, found.config.display_name(), grace, &program, &context.config.root))
}

/// In the foreground, so that systemd sees how it ends and takes its output. The
/// sandbox itself insists after `grace` seconds, a little earlier than systemd.
fn unit(args: &SystemdArgs, name: &str, grace: u64, program: &Path, root: &Path) -> String {
    let call = format!("{} --root {}", quote(program), quote(root));
    let longest = grace.saturating_add(5);
    format!(
        "[Unit]\n\
         Description=Sandbox {name}\n\
         Documentation=man:sandbox(1)\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         ExecStart={call} start --attach {name}\n\
         ExecStop={call} stop --time {grace} {name}\n\
         Restart={}\n\
         SuccessExitStatus=143\n\
         TimeoutStopSec={longest}\n\
         KillMode=mixed\n\
         Delegate=yes\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        args.restart_policy
    )
}

/// A path as a word of a command line (`systemd.service(5)`, "Command lines").
fn quote(path: &Path) -> String {
    let text = path.display().to_string().replace('%', "%%").replace('$', "$$");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-%$+:@".contains(c);
    match text.chars().all(is_plain) {
        true => text,
        false => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_starts_and_stops_by_name() {
        let args = SystemdArgs {
            restart_policy: "always".into(),
            stop_timeout: None,
            name: false,
            sandbox: "0a".into(),
        };
        let unit = unit(&args, "web", 3, Path::new("/opt/my tools/sandbox"), Path::new("/100%"));
        for line in [
            "ExecStart=\"/opt/my tools/sandbox\" --root /100%% start --attach web",
            "ExecStop=\"/opt/my tools/sandbox\" --root /100%% stop --time 3 web",
            "Restart=always",
            "TimeoutStopSec=8",
        ] {
            assert!(unit.lines().any(|it| it == line), "{line}\n{unit}");
        }
    }
}
