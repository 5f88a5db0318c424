//! `ps --filter`.

use std::{mem::discriminant, str::FromStr};

use crate::{
    commands::images::is_called,
    oci::{SandboxConfig, SandboxState, Status},
};

/// What a sandbox must be like to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Its id begins so.
    Id(String),
    /// Its name holds this.
    Name(String),
    Label {
        key: String,
        value: Option<String>,
    },
    Status(String),
    Exited(u8),
    /// It is made from this image.
    Ancestor(String),
    /// `none` where nobody checks.
    Health(String),
}

const HEALTH: [&str; 4] = ["starting", "healthy", "unhealthy", "none"];
/// Docker has some that no sandbox is ever in; scripts ask for them all the same.
const STATES: [&str; 7] =
    ["created", "running", "paused", "exited", "restarting", "removing", "dead"];

impl Filter {
    /// Whether it may be meant for sandboxes that do not run.
    pub fn is_about_state(&self) -> bool {
        matches!(self, Self::Status(_) | Self::Exited(_))
    }

    /// Whether a sandbox is wanted: of several filters with one key one is enough,
    /// but each label must be there, as in docker.
    pub fn all_fit(filters: &[Self], config: &SandboxConfig, state: &SandboxState) -> bool {
        filters.iter().all(|filter| match filter {
            Self::Label { .. } => filter.fits(config, state),
            _ => filters
                .iter()
                .filter(|other| discriminant(*other) == discriminant(filter))
                .any(|other| other.fits(config, state)),
        })
    }

    fn fits(&self, config: &SandboxConfig, state: &SandboxState) -> bool {
        match self {
            Self::Id(id) => config.id.starts_with(id.as_str()),
            Self::Name(name) => name_fits(name, config.display_name()),
            Self::Label { key, value } => config
                .labels
                .get(key)
                .is_some_and(|actual| value.as_ref().is_none_or(|value| value == actual)),
            Self::Status(status) => state.status.as_str() == status,
            Self::Exited(code) => state.exit.is_some_and(|exit| exit.code() == *code),
            Self::Health(wanted) => {
                let runs = matches!(state.status, Status::Running | Status::Paused);
                let health = state.health.as_ref().filter(|_| runs);
                health.map_or("none", |health| health.status.as_str()) == wanted
            }
            Self::Ancestor(image) => is_called(&config.image, image),
        }
    }
}

/// Docker's filter is a regular expression, and its names begin with a slash; of
/// both as much as scripts use: where a name begins, and where it ends.
fn name_fits(pattern: &str, name: &str) -> bool {
    let (begins, rest) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
    let (begins, rest) = rest.strip_prefix('/').map_or((begins, rest), |rest| (true, rest));
    match (begins, rest.strip_suffix('$')) {
        (true, Some(whole)) => name == whole,
        (true, None) => name.starts_with(rest),
        (false, Some(end)) => name.ends_with(end),
        (false, None) => name.contains(rest),
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("not KEY=VALUE")?;
        Ok(match key {
            "id" => Self::Id(value.into()),
            "name" => Self::Name(value.into()),
            "label" => match value.split_once('=') {
                Some((key, value)) => Self::Label { key: key.into(), value: Some(value.into()) },
                None => Self::Label { key: value.into(), value: None },
            },
            "status" if STATES.contains(&value) => Self::Status(value.into()),
            "status" => return Err(format!("`{value}` is not one of {}", STATES.join(", "))),
            "exited" => Self::Exited(value.parse().map_err(|_| "not an exit code")?),
            "health" if HEALTH.contains(&value) => Self::Health(value.into()),
            "health" => return Err(format!("`{value}` is not one of {}", HEALTH.join(", "))),
            "ancestor" => Self::Ancestor(value.into()),
            _ => {
                let known = "id, name, label, status, exited, health, ancestor";
                return Err(format!("`{key}` is not one of {known}"));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_a_key_that_is_known() {
        assert_eq!("name=a".parse(), Ok(Filter::Name("a".into())));
        let label = Filter::Label { key: "a".into(), value: Some("b=c".into()) };
        assert_eq!("label=a=b=c".parse(), Ok(label));
        for bad in ["name", "status=gone", "exited=x", "color=red"] {
            assert!(bad.parse::<Filter>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_begins_and_ends_where_a_filter_says() {
        for (pattern, fitting) in [
            ("web", &["web", "web2", "my-web"][..]),
            ("^web", &["web", "web2"]),
            ("/web", &["web", "web2"]),
            ("web$", &["web", "my-web"]),
            ("^web$", &["web"]),
            ("^/web$", &["web"]),
        ] {
            let fits = |name: &&str| name_fits(pattern, name);
            let found: Vec<&str> = ["web", "web2", "my-web"].into_iter().filter(fits).collect();
            assert_eq!(found, fitting, "{pattern}");
        }
    }
}
