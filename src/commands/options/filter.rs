//! `ps --filter`.

use std::str::FromStr;

use crate::oci::{SandboxConfig, SandboxState, Status};

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
const STATES: [&str; 4] = ["created", "running", "paused", "exited"];

impl Filter {
    /// Whether it may be meant for sandboxes that do not run.
    pub fn is_about_state(&self) -> bool {
        matches!(self, Self::Status(_) | Self::Exited(_))
    }

    pub fn fits(&self, config: &SandboxConfig, state: &SandboxState) -> bool {
        match self {
            Self::Id(id) => config.id.starts_with(id.as_str()),
            Self::Name(name) => config.display_name().contains(name.trim_matches(['^', '$', '/'])),
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
            Self::Ancestor(image) => {
                config.image == *image || config.image.split([':', '@']).next() == Some(image)
            }
        }
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
        for bad in ["name", "status=dead", "exited=x", "color=red"] {
            assert!(bad.parse::<Filter>().is_err(), "{bad}");
        }
    }
}
