//! One file a command: its options, and what it does with the floor below.
//!
//! The doc comment of an `Args` is the command's help and manual page; its
//! fields are what was typed. [`run`] is the one to read first.

mod fetch;
pub mod history;
pub mod image;
pub mod images;
pub mod info;
pub mod inspect;
pub mod options;
pub mod pull;
pub mod rmi;
pub mod run;
pub mod tag;
pub mod version;

use crate::{
    config::Config,
    error::Error,
    runtime::domain::{self, Domain, Plan},
    storage::{Map, Store},
    ui::Ui,
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
        let store = Store::open(&self.config.root, map)?;
        Ok(store.with_limits(self.config.image_limits.clone()))
    }
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
