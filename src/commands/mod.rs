//! One file a command: its options, and what it does with the floor below.
//!
//! The doc comment of an `Args` is the command's help and manual page; its
//! fields are what was typed. [`run`] is the one to read first.

pub mod apply;
pub mod attach;
mod background;
pub mod commit;
pub mod container;
mod content;
mod cow;
pub mod cp;
pub mod create;
mod credentials;
mod csi;
pub mod diff;
pub mod discard;
pub mod domain;
pub mod events;
pub mod exec;
pub mod export;
mod fetch;
mod find;
pub mod generate;
pub mod history;
pub mod image;
pub mod images;
pub mod import;
pub mod info;
pub mod inspect;
pub mod kill;
mod launch;
pub mod load;
pub mod lock;
pub mod login;
pub mod logout;
pub mod logs;
pub mod network;
pub mod options;
mod outgoing;
pub mod pause;
pub mod port;
mod prune;
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
pub mod status;
pub mod stop;
pub mod system;
pub mod tag;
pub mod top;
pub mod unpause;
pub mod version;
pub mod volume;
pub mod wait;

use crate::{
    config::{AdditionalStore, Config},
    error::Error,
    image::auth::Helpers,
    network::cni::{self, Plugins},
    oci::ProcessId,
    runtime::{
        self,
        domain::{Domain, Kind, Plan},
    },
    storage::{self, Additional, Map, Store},
    ui::{self, Ui},
};

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    pub config: Config,
    pub ui: Ui,
    pub status: status::StatusLines,
    /// The credential helpers that were asked.
    pub helpers: Helpers,
}

impl Context {
    /// The same for a command that says more or less.
    fn with(&self, ui: Ui) -> Self {
        Self {
            config: self.config.clone(),
            ui,
            status: self.status.clone(),
            helpers: self.helpers.clone(),
        }
    }

    /// Becomes root of a user namespace; before anything else.
    fn enter_domain(&self) -> Result<Domain, Error> {
        Ok(runtime::domain::enter_common(self.plan()?, &self.config.root.join(storage::DOMAIN))?)
    }

    /// The same, in one that nobody else enters who is not asked in.
    fn enter_own_domain(&self) -> Result<Domain, Error> {
        Ok(runtime::domain::enter(self.plan()?)?)
    }

    fn plan(&self) -> Result<Plan, Error> {
        let plan = Plan::new(&self.config.search_path)?;
        let why = plan.missing.iter().map(|missing| format!(", because {missing}"));
        self.ui.detail(&format!("ids: {}{}", describe(&plan), why.collect::<String>()));
        Ok(plan)
    }

    /// The CNI networks of the store.
    fn cni(&self) -> cni::Runtime {
        let settings = &self.config.cni;
        let plugins =
            Plugins { directories: settings.plugin_dirs.clone(), limit: settings.timeout };
        cni::Runtime::new(&self.config.root, plugins)
    }

    /// Joins the domain in which another sandbox is; before anything else.
    fn enter_domain_of(&self, member: ProcessId) -> Result<Domain, Error> {
        let plan = Plan::new(&self.config.search_path)?;
        Ok(runtime::domain::enter_that_of(plan, member)?)
    }

    /// Refuses to do `what`, which takes a registry, while we are offline.
    fn online(&self, what: &str) -> Result<(), Error> {
        let Some(offline) = self.config.offline else { return Ok(()) };
        let refused = format!("cannot {what}: {offline} lets no registry be asked");
        Err(Error::usage_with_hint(refused, offline.way_out()))
    }

    /// The store, for a command that makes no sandbox.
    fn store_alone(&self) -> Result<Store, Error> {
        let mut domain = self.enter_domain()?;
        domain.settle()?;
        self.open_store(&domain)
    }

    /// The store as it is, for a command that looks after it.
    fn store_unswept(&self) -> Result<Store, Error> {
        let mut domain = self.enter_domain()?;
        domain.settle()?;
        let store = Store::unswept_with_map(&self.config.root, map(&domain));
        Ok(self.set_up(store))
    }

    fn open_store(&self, domain: &Domain) -> Result<Store, Error> {
        let store = Store::open(&self.config.root, map(domain))?;
        Ok(self.set_up(store))
    }

    fn set_up(&self, store: Store) -> Store {
        store.with_additional(self.additional()).with_limits(self.config.image_limits.clone())
    }

    fn additional(&self) -> Vec<Additional> {
        let stores = self.config.additional.iter();
        let store = |store: &AdditionalStore| Additional {
            root: store.path.clone(),
            is_ours: store.is_ours,
        };
        stores.map(store).collect()
    }
}

fn map(domain: &Domain) -> Map {
    let plan = domain.plan();
    Map { key: plan.key(), uids: plan.uids.clone(), gids: plan.gids.clone(), keep: None }
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
        Kind::Root => format!("root's own, {count} of them"),
        Kind::Ranges { .. } => format!("{count}, by newuidmap"),
        Kind::OneId => "one, yours as root".into(),
    }
}
