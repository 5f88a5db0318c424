//! `sandbox system check`: whether the store is whole.

use std::collections::{BTreeMap, BTreeSet};

use clap::ArgAction;
use serde::Serialize;

use crate::{
    commands::{Context, fetch, options::Format},
    error::Error,
    storage::{Check, Fault, Kind, Removal, Store, Unverified},
    ui,
};

/// Read the whole store again, and tell what of it is damaged
///
/// Blobs and layers are hashed, and each name is followed to all that it needs.
/// What is in use can be checked, too.
///
/// With `--repair`, what is bad is removed, and only that is fetched again: from
/// the registry or file that the image's name says. What a sandbox uses at this
/// moment is left alone.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Remove what is bad, and fetch it again
    #[arg(long)]
    repair: bool,

    /// How to print what was found
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Whether to insist on HTTPS with a certificate that can be verified
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    tls_verify: bool,
}

/// What was done about a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "cause", rename_all = "kebab-case")]
enum Outcome {
    /// Nothing.
    Found,
    /// Nothing, for somebody uses it.
    InUse,
    /// It is gone; no image needs it, or not with our ids.
    Removed,
    /// It is as it should be again.
    Repaired,
    /// It is gone, and could not be had again.
    NotFetched(String),
}

/// A fault, and what became of it.
#[derive(Debug, Serialize)]
struct Finding {
    #[serde(flatten)]
    fault: Fault,
    #[serde(flatten)]
    outcome: Outcome,
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    images: u64,
    blobs: u64,
    layers: u64,
    faults: &'a [Finding],
    unverified: &'a [Unverified],
}

pub(super) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let store = if args.repair { context.store_alone()? } else { context.store_unswept()? };
    let mut check = store.check()?;
    let faults = std::mem::take(&mut check.faults);
    let findings = match args.repair {
        true => repair(faults, args.tls_verify, &store, context)?,
        false => {
            faults.into_iter().map(|fault| Finding { fault, outcome: Outcome::Found }).collect()
        }
    };
    match args.format {
        Format::Json => ui::print_json(&report(&check, &findings))?,
        Format::Text => ui::print(&text(&check, &findings))?,
    }
    verdict(&findings, args.repair)
}

/// Removes what is bad, then has the images complete again.
fn repair(
    faults: Vec<Fault>,
    tls_verify: bool,
    store: &Store,
    context: &Context,
) -> Result<Vec<Finding>, Error> {
    let removals: Result<Vec<Removal>, _> =
        faults.iter().map(|fault| store.remove_fault(fault)).collect();
    let removed: Vec<(Fault, Removal)> = faults.into_iter().zip(removals?).collect();
    let is_wanted =
        |fault: &Fault, removal| removal != Removal::InUse && !store.is_of_others(fault);
    let wanted = removed.iter().filter(|(fault, removal)| is_wanted(fault, *removal));
    let names: BTreeSet<&String> = wanted.flat_map(|(fault, _)| &fault.needed_by).collect();
    let fetch = |name: &String| {
        let failure = fetch_again(name, tls_verify, store, context).err();
        failure.map(|error| (name.clone(), format!("{name}: {}", fetch::with_causes(&error))))
    };
    let failures: BTreeMap<String, String> = names.into_iter().filter_map(fetch).collect();
    let finding = |(fault, removal): (Fault, Removal)| Finding {
        outcome: match removal {
            Removal::InUse => Outcome::InUse,
            _ if store.is_of_others(&fault) => Outcome::Removed,
            _ => outcome(&fault, &failures),
        },
        fault,
    };
    Ok(removed.into_iter().map(finding).collect())
}

fn outcome(fault: &Fault, failures: &BTreeMap<String, String>) -> Outcome {
    match fault.needed_by.iter().find_map(|name| failures.get(name)) {
        Some(cause) => Outcome::NotFetched(cause.clone()),
        None if !fault.needed_by.is_empty() => Outcome::Repaired,
        // Of whom nobody knows what the image was called.
        None if fault.kind == Kind::Sandbox => Outcome::Found,
        None => Outcome::Removed,
    }
}

fn fetch_again(
    name: &str,
    tls_verify: bool,
    store: &Store,
    context: &Context,
) -> Result<(), Error> {
    match store.manifest_of(name)? {
        Some(manifest) => fetch::again(name, &manifest, tls_verify, store, context),
        None => Ok(()), // Somebody has removed it.
    }
}

fn report<'a>(check: &'a Check, faults: &'a [Finding]) -> Report<'a> {
    let Check { images, blobs, layers, unverified, .. } = check;
    Report { images: *images, blobs: *blobs, layers: *layers, faults, unverified }
}

fn text(check: &Check, findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { fault, outcome } in findings {
        let Fault { name, what, needed_by, .. } = fault;
        let kind = match fault.kind {
            Kind::Image => "image",
            Kind::Blob => "blob",
            Kind::Layer => "layer",
            Kind::Sandbox => "sandbox",
            Kind::Temporary | Kind::Spare => "file",
        };
        let users = match needed_by.as_slice() {
            [] => String::new(),
            users if users == [name.clone()] => String::new(),
            users => format!(" (needed by {})", users.join(", ")),
        };
        text += &format!("bad: {kind} {name}: {what}{users}{}\n", told(outcome));
    }
    for unverified in &check.unverified {
        text += &format!("unknown: layer {}: {}\n", unverified.layer, unverified.why);
    }
    let Check { images, blobs, layers, .. } = check;
    text + &format!("checked: {images} images, {blobs} blobs, {layers} layers\n")
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Found => String::new(),
        Outcome::InUse => "; left alone, for it is in use".into(),
        Outcome::Removed => "; removed".into(),
        Outcome::Repaired => "; fetched again".into(),
        Outcome::NotFetched(cause) => format!("; removed, but not fetched again: {cause}"),
    }
}

/// An error if something is still bad.
fn verdict(findings: &[Finding], repair: bool) -> Result<(), Error> {
    let is_mended = |outcome: &Outcome| matches!(outcome, Outcome::Removed | Outcome::Repaired);
    let left = findings.iter().filter(|finding| !is_mended(&finding.outcome)).count();
    let in_use = findings.iter().any(|finding| finding.outcome == Outcome::InUse);
    match (left, repair) {
        (0, _) => Ok(()),
        (_, false) => Err(Error::usage_with_hint(
            format!("{left} of what is in the store is bad"),
            "`sandbox system check --repair` removes that, and fetches it again",
        )),
        (_, true) if in_use => Err(Error::usage_with_hint(
            format!("{left} of what is in the store is still bad"),
            "end the sandboxes that use it, then try again",
        )),
        (_, true) => Err(Error::usage(format!("{left} of what is in the store is still bad"))),
    }
}
