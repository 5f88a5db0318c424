//! `sandbox commit`: what a sandbox has become, as an image.

use std::time::{Duration, SystemTime};

use nix::sys::signal::SigSet;

use super::{
    Context, content,
    fetch::keep_within_budget,
    find::{Condition, Found},
    launch::base::Base,
    options::Change,
    outgoing::outgoing,
    tag::new_name,
};
use crate::{
    error::Error,
    image::{self, Derivation, PlainLayer},
    oci::{ContainerConfig, History, Image, Name, Status},
    storage::Store,
    sys::{self, Named, time::rfc3339},
    ui,
};

/// Make an image of what a sandbox has become
///
/// It is the image of the sandbox with one layer more, or none if nothing was
/// changed. What is mounted is not part of it, volumes included. Prints the id of
/// the image.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Who made it
    #[arg(short, long, value_name = "TEXT")]
    author: Option<String>,

    /// Instruction of a Dockerfile to follow, such as `CMD ["sh"]` or `ENV A=1`
    #[arg(short, long = "change", value_name = "INSTRUCTION")]
    changes: Vec<Change>,

    /// What its history is to say
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,

    /// Hold a sandbox that runs still meanwhile
    #[arg(
        short,
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true"
    )]
    pause: bool,

    /// Sandbox, by name or id
    #[arg(value_name = "SANDBOX")]
    sandbox: String,

    /// Name of the image; without one it is found by its id
    #[arg(value_name = "NAME")]
    name: Option<Name>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let name = args.name.as_ref().map(|name| new_name(name, context)).transpose()?;
    let found = Found::look(&args.sandbox, context)?;
    let store = open_store(&found, context)?;
    let Base::Image(base) = Base::again(&found.config.base, &store)? else {
        return Err(Error::usage_with_hint(
            format!("{} was made of no image", args.sandbox),
            "`sandbox export` writes all of its files, and `sandbox import` makes an image of them",
        ));
    };
    let held = args.pause.then(|| Held::hold(&found, context)).transpose()?;
    let layer = layer(&found, &store)?;
    held.map_or(Ok(()), Held::release)?;
    let derivation = derivation(args, &found, &base, layer, context);
    let made = image::derive(&outgoing(&base, Vec::new(), &store)?, &derivation)?;
    let name = name.unwrap_or_else(|| made.id.to_string());
    store.put_image(&name, &made.manifest, &made.config)?;
    keep_within_budget(&store, context)?;
    ui::print(&format!("{}\n", made.id))
}

/// In the domain of a sandbox that runs, for only there can it be held still.
fn open_store(found: &Found, context: &Context) -> Result<Store, Error> {
    let Condition(state) = found.state()?;
    match state.supervisor.filter(|_| state.status != Status::Exited) {
        Some(supervisor) => context.open_store(&context.enter_domain_of(supervisor)?),
        None => context.store_alone(),
    }
}

/// A sandbox that is held still, unless it does not run, or was held before.
struct Held<'a> {
    found: Option<&'a Found>,
    signals: SigSet,
}

impl<'a> Held<'a> {
    /// Signals wait meanwhile: were we ended, it would be held for good.
    fn hold(found: &'a Found, context: &Context) -> Result<Self, Error> {
        let runs = found.state()?.0.status == Status::Running;
        let signals = SigSet::thread_get_mask().and_then(|mask| {
            SigSet::all().thread_block()?;
            Ok(mask)
        });
        let signals = signals.named(|| "sigprocmask(SIG_BLOCK)".into()).map_err(failed)?;
        let mut held = Self { found: None, signals };
        if runs {
            found.pause(context)?;
            held.found = Some(found);
        }
        Ok(held)
    }

    fn release(mut self) -> Result<(), Error> {
        let Some(found) = self.found.take() else { return Ok(()) };
        match found.state()?.0.status {
            Status::Paused => found.unpause(),
            _ => Ok(()), // Somebody has let it go, or ended it.
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let _ = self.found.map(Found::unpause); // The error that counts is another one.
        let _ = self.signals.thread_set_mask();
    }
}

fn failed(source: sys::Error) -> Error {
    Error::System { step: "hold the sandbox still", source }
}

/// What the sandbox has changed, put into the store; none if that is nothing.
fn layer(found: &Found, store: &Store) -> Result<Option<PlainLayer>, Error> {
    let changes = content::changes(found, store)?;
    if changes.list()?.is_empty() {
        return Ok(None);
    }
    let diff_id = content::pass(
        |writer| changes.write_layer(writer).map(drop),
        |mut reader| store.import_layer(&mut reader),
    )?;
    let size = store.layer_tar(&diff_id)?.size();
    Ok(Some(PlainLayer { diff_id, size }))
}

fn derivation(
    args: &Args,
    found: &Found,
    base: &Image,
    layer: Option<PlainLayer>,
    context: &Context,
) -> Derivation {
    let fixed = context.config.source_date_epoch;
    let fixed = fixed.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    let created = rfc3339(fixed.unwrap_or_else(SystemTime::now));
    let words: Vec<_> =
        found.config.process.args.iter().map(|word| word.to_string_lossy()).collect();
    Derivation {
        step: History {
            created: Some(created.clone()),
            created_by: Some(words.join(" ")),
            comment: args.message.clone(),
            ..History::default()
        },
        created,
        author: args.author.clone(),
        container: container(base.config.config.clone().unwrap_or_default(), &args.changes),
        layer,
    }
}

/// Another entry point does not take the arguments of the old one.
fn container(mut container: ContainerConfig, changes: &[Change]) -> ContainerConfig {
    if changes.iter().any(|change| matches!(change, Change::Entrypoint(_))) {
        container.cmd = None;
    }
    changes.iter().for_each(|change| change.apply(&mut container));
    container
}
