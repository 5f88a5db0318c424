//! `sandbox info`: what this machine can do, and what to do about the rest.

mod summary;

use std::fs;

use serde::Serialize;

use self::summary::Summary;
use super::{Context, describe, options::TemplateFormat};
use crate::{
    error::Error,
    network::user::{self, Hold},
    oci::Platform,
    runtime::{
        domain::{self, Plan},
        limits::{self, cgroup::Base},
    },
    sys::kernel,
    ui,
};

/// Show what this machine can do, and what to do where something is missing
#[derive(Debug, clap::Args)]
pub struct Args {
    /// text, json, or a template such as `{{.ServerVersion}}`
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    format: TemplateFormat,
}

/// One thing that is here, or is not.
#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    /// None if it is neither good nor bad.
    works: Option<bool>,
    value: String,
    /// What to do where it does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

pub(crate) fn execute(args: &Args, context: &Context) -> Result<(), Error> {
    let plan = Plan::new(&context.config.search_path)?;
    let mut findings = facts(context);
    findings.push(ids(&plan));
    findings.extend(switches());
    findings.extend(limits());
    // From here on we are in a namespace of our own, and look at it from inside.
    findings.extend(features(plan));
    match &args.format {
        TemplateFormat::Text => ui::print(&findings.iter().map(Finding::line).collect::<String>()),
        format => ui::print_line(&Summary::new(findings, context)?, format.template()),
    }
}

fn fact(name: &'static str, value: impl Into<String>) -> Finding {
    Finding { name, works: None, value: value.into(), remedy: None }
}

fn facts(context: &Context) -> Vec<Finding> {
    let root = &context.config.root;
    vec![
        fact("version", env!("CARGO_PKG_VERSION")),
        fact("platform", Platform::host().to_string()),
        fact("kernel", kernel::release()),
        fact("store", root.display().to_string()),
        fact("file system", kernel::file_system_of(root).unwrap_or_else(|| "unknown".into())),
    ]
}

fn ids(plan: &Plan) -> Finding {
    let remedy = plan.missing.as_ref().map(|missing| {
        format!(
            "{missing}; with ranges in /etc/subuid and /etc/subgid, files keep their true owners"
        )
    });
    Finding { name: "id map", works: Some(!plan.has_one_id()), value: describe(plan), remedy }
}

/// The switches that distributions have for user namespaces.
fn switches() -> Vec<Finding> {
    let read = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let mut findings = Vec::new();
    if let Some(value) = read("/proc/sys/user/max_user_namespaces") {
        let off = (value == "0").then(|| "as root: sysctl user.max_user_namespaces=15000".into());
        findings.push(Finding {
            name: "user.max_user_namespaces",
            works: Some(off.is_none()),
            value,
            remedy: off,
        });
    }
    for name in ["kernel.unprivileged_userns_clone", "kernel.apparmor_restrict_unprivileged_userns"]
    {
        let Some(value) = read(&format!("/proc/sys/{}", name.replace('.', "/"))) else { continue };
        let good = if name.contains("apparmor") { "0" } else { "1" };
        let remedy = (value != good).then(|| format!("as root: sysctl {name}={good}"));
        findings.push(Finding { name, works: Some(remedy.is_none()), value, remedy });
    }
    findings
}

/// What a sandbox inherits from us, unless `--ulimit` says otherwise.
fn limits() -> [Finding; 3] {
    use rustix::process::{Resource, getrlimit};
    let text = |limit: Option<u64>| limit.map_or("unlimited".into(), |limit| limit.to_string());
    let limit = |name, resource| {
        let limit = getrlimit(resource);
        fact(name, format!("{}, at most {}", text(limit.current), text(limit.maximum)))
    };
    [
        limit("open files", Resource::Nofile),
        limit("processes", Resource::Nproc),
        limits_of_sandboxes(),
    ]
}

/// What holds `--memory` and its like.
fn limits_of_sandboxes() -> Finding {
    const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];
    let name = "limits of sandboxes";
    let user = limits::caller();
    let (place, offered) = match (Base::find(user), user.and_then(limits::offered_by_systemd)) {
        (Ok(base), _) => (base.directory().display().to_string(), base.controllers()),
        (Err(_), Some(offered)) => ("scopes made by systemd".into(), offered),
        (Err(why), None) => {
            let value = "by sampling, affinity and rlimits".into();
            let remedy = format!("{why}; a user's own systemd (`systemctl --user`) gives one");
            return Finding { name, works: Some(false), value, remedy: Some(remedy) };
        }
    };
    let (here, missing): (Vec<_>, Vec<_>) =
        CONTROLLERS.into_iter().partition(|wanted| offered.iter().any(|it| it == wanted));
    let value = format!("by cgroups in {place}: {}", here.join(" "));
    let remedy = (!missing.is_empty()).then(|| {
        let missing = missing.join(", ");
        format!(
            "not handed down: {missing}; see Delegate= in systemd.resource-control(5), and \
             `systemctl edit user@.service`"
        )
    });
    Finding { name, works: Some(missing.is_empty()), value, remedy }
}

/// What can only be seen by trying it, in the domain.
fn features(plan: Plan) -> Vec<Finding> {
    match domain::enter(plan).and_then(|mut domain| domain.settle().map(|()| domain)) {
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let remedy = "the switches above, or the policy of an outer container, forbid it";
            vec![Finding {
                name: "user namespaces",
                works: Some(false),
                value: cause.unwrap_or_else(|| error.to_string()),
                remedy: Some(remedy.into()),
            }]
        }
        Ok(_) => kernel::FEATURES.iter().map(probe).chain(network()).collect(),
    }
}

/// What `--network user` does here.
fn network() -> Vec<Finding> {
    let path = match user::probe() {
        Ok(path) => path,
        Err(error) => {
            let remedy =
                "needs veth and nf_tables with TPROXY; there are `--network host` and none";
            let (name, value) = ("user network", error.to_string());
            return vec![Finding { name, works: Some(false), value, remedy: Some(remedy.into()) }];
        }
    };
    let held = match path.hold {
        Hold::Native => "held until the host has answered (nft queue)",
        Hold::Compat => "held until the host has answered (xt NFQUEUE)",
        Hold::No => "accepted first",
    };
    let finding = |name, works, value: &str, remedy: &str| Finding {
        name,
        works: Some(works),
        value: value.into(),
        remedy: (!works).then(|| remedy.into()),
    };
    let yes = |works| if works { "yes" } else { "no" };
    vec![
        finding("user network: TCP", path.hold != Hold::No, held, {
            "without nft_queue or xt_NFQUEUE, a refused connection is one that is reset"
        }),
        finding("user network: IPv6", path.ipv6, yes(path.ipv6), "sandboxes have IPv4 only"),
        finding("user network: ping", path.ping, yes(path.ping), {
            "as root: sysctl net.ipv4.ping_group_range='0 2147483647'"
        }),
    ]
}

fn probe(feature: &kernel::Feature) -> Finding {
    let result = (feature.probe)();
    let works = Some(result.is_ok());
    let remedy = result.is_err().then(|| feature.without.to_owned());
    let value = result.map_or_else(|error| error.to_string(), |()| "yes".into());
    Finding { name: feature.name, works, value, remedy }
}

impl Finding {
    fn line(&self) -> String {
        let mark = match self.works {
            None => ' ',
            Some(true) => '+',
            Some(false) => '-',
        };
        let remedy = self.remedy.as_ref().map(|remedy| format!("{:36}{remedy}\n", ""));
        format!("{mark} {:33} {}\n{}", self.name, self.value, remedy.unwrap_or_default())
    }
}
