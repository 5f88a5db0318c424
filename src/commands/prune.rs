//! What `sandbox system prune` and `sandbox image prune` share.

use std::{
    str::FromStr,
    time::{Duration, SystemTime},
};

use super::{
    Context, cow, csi,
    options::{Format, parse_duration, parse_moment},
    volume,
};
use crate::{
    error::Error,
    storage::{Kind, Prune, Pruned, Removed},
    ui,
};

/// Options of everything that prunes.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Remove all images that no sandbox uses, too
    #[arg(short, long)]
    pub(super) all: bool,

    /// Of images and sandboxes, only what was not used for so long, such as 7d
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    older_than: Option<Duration>,

    /// The same in docker's notation: until=TIME
    #[arg(long, value_name = "until=TIME", conflicts_with = "older_than")]
    filter: Option<Until>,

    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    force: bool,

    /// How to print what was removed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// A time before which something must have been used last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Until(SystemTime);

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(time) = text.strip_prefix("until=") else {
            return Err("only `until=TIME` is known here".into());
        };
        parse_moment(time).map(Self)
    }
}

impl Options {
    fn before(&self) -> Option<SystemTime> {
        let long_ago = |age| SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        self.older_than.map(long_ago).or(self.filter.map(|Until(time)| time))
    }
}

/// Asks, prunes, and tells what that freed.
pub(super) fn execute(
    request: Prune,
    warning: &str,
    options: &Options,
    volumes: bool,
    context: &Context,
) -> Result<(), Error> {
    if !options.dry_run && !confirmed(options.force, warning)? {
        return Ok(());
    }
    let request = Prune { before: options.before(), dry_run: options.dry_run, ..request };
    let store = context.store_unswept()?;
    let pruned = store.prune(request)?;
    if pruned.kept > 0 {
        let kept = ui::bytes(pruned.kept);
        context.ui.note(&format!("{kept} cannot be removed: they belong to ids that are not ours"));
    }
    for id in &pruned.spared {
        context.ui.note(&cow::spared(id));
    }
    match options.format {
        Format::Json => ui::print_json(&pruned),
        Format::Text => ui::print(&text(&pruned, options.dry_run)),
    }?;
    if request.sandboxes && !options.dry_run {
        csi::tidy(&store, context)?;
    }
    match volumes {
        true => volume::prune(&store, options.dry_run, context),
        false => Ok(()),
    }
}

/// Whether the user wants it. Where nobody answers, something that was to be
/// removed stays, and the command fails rather than to look as if it had gone.
pub(super) fn confirmed(force: bool, warning: &str) -> Result<bool, Error> {
    if force {
        return Ok(true);
    }
    let unanswered =
        || Error::usage_with_hint("nobody has answered", "`--force` does it without a question");
    ui::confirm(warning).ok_or_else(unanswered)
}

fn text(pruned: &Pruned, dry_run: bool) -> String {
    let verb = |removed: &Removed| match (removed.kind, dry_run) {
        (Kind::Image, false) => "untagged",
        (Kind::Image, true) => "would untag",
        (_, false) => "removed",
        (_, true) => "would remove",
    };
    let line = |removed: &Removed| {
        let kind = match removed.kind {
            Kind::Image => "",
            Kind::Blob => "blob ",
            Kind::Layer => "layer ",
            Kind::Sandbox => "sandbox ",
            Kind::Temporary => "temporary ",
            Kind::Spare => "spare ",
        };
        let size = ui::bytes(removed.bytes);
        format!("{}: {kind}{} ({size})\n", verb(removed), removed.name)
    };
    let total = if dry_run { "would free" } else { "freed" };
    let lines: String = pruned.removed.iter().map(line).collect();
    format!("{lines}{total}: {} ({} bytes)\n", ui::bytes(pruned.bytes), pruned.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_filter_is_a_time() {
        let time = |text: &str| text.parse().map(|Until(time)| time);
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(time("until=1970-01-02"), Ok(epoch + Duration::from_secs(86_400)));
        assert!(time("until=24h").unwrap() < SystemTime::now());
        assert!(time("label=x").unwrap_err().contains("until=TIME"));
    }
}
