//! One file a command: its options, and what it does with the floor below.
//!
//! The doc comment of an `Args` is the command's help and manual page; its
//! fields are what was typed. [`run`] is the one to read first.

pub mod attach;
mod background;
pub mod container;
pub mod create;
pub mod exec;
mod fetch;
mod find;
pub mod history;
pub mod image;
pub mod images;
pub mod import;
pub mod info;
pub mod inspect;
pub mod kill;
mod launch;
pub mod load;
pub mod logs;
pub mod options;
mod outgoing;
pub mod pause;
pub mod port;
pub mod ps;
pub mod pull;
pub mod push;
pub mod rename;
pub mod restart;
pub mod rm;
pub mod rmi;
pub mod run;
pub mod save;
pub mod start;
pub mod stats;
pub mod stop;
pub mod tag;
pub mod top;
pub mod unpause;
pub mod version;
pub mod wait;

use crate::{
    config::Config,
    error::Error,
    runtime::domain::{self, Domain, Plan},
    storage::{Map, Store},
    ui::{self, Ui},
};

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    pub config: Config,
    pub ui: Ui,
}

impl Context {
    /// Becomes root of a user namespace of our own; before anything else.
    fn enter_domain(&self) -> Result<Domain, Error> {
        let plan = Plan::new(&self.config.search_path)?;
        let why = plan.missing.iter().map(|missing| format!(", because {missing}"));
        self.ui.detail(&format!("ids: {}{}", describe(&plan), why.collect::<String>()));
        Ok(domain::enter(plan)?)
    }

    /// The store, for a command that makes no sandbox.
    fn store_alone(&self) -> Result<Store, Error> {
        let mut domain = self.enter_domain()?;
        domain.settle()?;
        self.open_store(&domain)
    }

    fn open_store(&self, domain: &Domain) -> Result<Store, Error> {
        let plan = domain.plan();
        let map = Map { key: plan.key(), uids: plan.uids.clone(), gids: plan.gids.clone() };
        Ok(Store::open(&self.config.root, map)?)
    }
}

/// Does something for each of several sandboxes, and prints those with which it
/// worked; the first failure is the command's, the others are told.
fn each(
    names: &[String],
    context: &Context,
    mut action: impl FnMut(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut failure = None;
    for name in names {
        match (action(name), &failure) {
            (Ok(()), _) => ui::print(&format!("{name}\n"))?,
            (Err(error), None) => failure = Some(error),
            (Err(error), Some(_)) => context.ui.report(&error),
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Which ids a sandbox has here, in one line.
fn describe(plan: &Plan) -> String {
    let count: u64 = plan.uids.iter().map(|extent| u64::from(extent.count)).sum();
    match &plan.kind {
        domain::Kind::Root => format!("root's own, {count} of them"),
        domain::Kind::Ranges { .. } => format!("{count}, by newuidmap"),
        domain::Kind::OneId => "one, yours as root".into(),
    }
}
