//! `sandbox apply`: what a sandbox has changed of the host's, for the host.

use std::path::{Path, PathBuf};

use super::{
    Context,
    cow::{self, Shown},
    diff::letter,
    find::Found,
};
use crate::{
    error::Error,
    storage::{self, Applied, Flag, Refusal, Wanted},
    ui,
};

/// Take over what a sandbox has changed in directories mounted with `:cow`
///
/// Files are replaced at once, so that each is the old one or the new one whatever
/// happens. A path that has changed on the host since the sandbox was started is
/// refused. What the host runs by itself, such as .git/hooks, .envrc or the jobs of a
/// CI, and links that lead out of the directory are left out unless they are named.
/// What was taken over is no change of the sandbox any more.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only tell what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Overwrite what has changed on the host
    #[arg(short, long)]
    force: bool,

    /// Sandbox that has changed something, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,

    /// Take over only this, and what is below: a path inside, or one in the directory
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let found = Found::look(&args.sandbox, context)?;
    let store = context.store_alone()?;
    let held = cow::hold(&found)?;
    let all = cow::some(&found)?;
    cow::check_whole(&found, &all, args.force)?;
    let (mut refused, mut drifted) = (Vec::new(), false);
    for (shown, paths) in cow::choose(&all, &args.paths)? {
        let wanted = Wanted { paths: &paths, dry_run: args.dry_run, force: args.force };
        let applied = shown.cow.apply(&held, wanted)?;
        tell(&applied, shown, &found, context)?;
        drifted |= applied.refused.iter().any(|(_, why)| matches!(why, Refusal::Drifted(_)));
        refused.extend(applied.refused.into_iter().map(|(path, _)| shown.destination.join(path)));
    }
    if let Some(first) = refused.first() {
        let (first, more) = (first.clone(), refused.len() - 1);
        return Err(storage::Error::NotApplied { first, more, drifted }.into());
    }
    match args.dry_run {
        true => Ok(()),
        false => cow::finish(&found, &all, held, &store, context),
    }
}

fn tell(applied: &Applied, shown: &Shown, found: &Found, context: &Context) -> Result<(), Error> {
    if let Some(path) = applied.unchanged.first() {
        let path = shown.destination.join(path);
        return Err(storage::Error::Unchanged { path, above: None }.into());
    }
    let inside = |path: &Path| shown.destination.join(path).display().to_string();
    let line =
        |(difference, path): &(_, PathBuf)| format!("{} {}\n", letter(*difference), inside(path));
    ui::print(&applied.carried.iter().map(line).collect::<String>())?;
    for (path, refusal) in &applied.refused {
        context.ui.note(&format!("{} {}", inside(path), why(refusal, path, &inside)));
    }
    for flag in &applied.left_out {
        let (path, id) = (inside(flag.path()), found.config.display_name());
        let what = match flag {
            Flag::Runs(_) => "is run by the host itself",
            Flag::LeadsOut(_) => "is a link that leads out of the directory",
        };
        context.ui.note(&format!(
            "{path} {what}, and left out: `sandbox apply {id} {path}` takes it over"
        ));
    }
    Ok(())
}

fn why(refusal: &Refusal, path: &Path, inside: &dyn Fn(&Path) -> String) -> String {
    match refusal {
        Refusal::Drifted(changed) if changed != path => {
            format!("is refused: {} has changed on the host since", inside(changed))
        }
        Refusal::Drifted(_) => "is refused: it has changed on the host since".into(),
        Refusal::Mounted => "is refused: something is mounted there on the host".into(),
        Refusal::Device => "is refused: it is a device".into(),
        Refusal::Socket => "is refused: it is a socket".into(),
        Refusal::SetId => "is refused: it would run as its owner or group (setuid, setgid)".into(),
    }
}
