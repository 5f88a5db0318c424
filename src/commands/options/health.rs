//! How the health of a sandbox is checked.

use std::time::Duration;

use super::parse_duration;
use crate::oci::Healthcheck;

/// Options that check, named as in docker; the image's own is what they change.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct HealthArgs {
    /// Command line for a shell inside that tells whether all is well
    #[arg(long, value_name = "COMMAND")]
    pub health_cmd: Option<String>,

    /// Time between checks [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse)]
    pub health_interval: Option<Duration>,

    /// Failures in a row that make it unhealthy [default: 3]
    #[arg(long, value_name = "COUNT")]
    pub health_retries: Option<u32>,

    /// Time after the start in which failures do not count [default: 0s]
    #[arg(long, value_name = "DURATION", value_parser = parse)]
    pub health_start_period: Option<Duration>,

    /// Time between checks in the start period [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = parse)]
    pub health_start_interval: Option<Duration>,

    /// Time that a check may take [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse)]
    pub health_timeout: Option<Duration>,

    /// Make no checks, also if the image wants some
    #[arg(long, conflicts_with_all = ["health_cmd", "health_interval", "health_retries", "health_start_period", "health_start_interval", "health_timeout"])]
    pub no_healthcheck: bool,
}

/// Zero is docker's way to ask for the default.
fn parse(text: &str) -> Result<Duration, String> {
    match text {
        "0" | "0s" => Ok(Duration::ZERO),
        text => parse_duration(text),
    }
}

impl HealthArgs {
    /// What was typed, as an image would say it.
    pub fn wanted(&self) -> Healthcheck {
        let time = |time: Option<Duration>| {
            time.map(|time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
        };
        let command = self.health_cmd.as_ref().filter(|command| command.as_str() != "none");
        let test = match (self.no_healthcheck, &self.health_cmd, command) {
            (true, ..) | (_, Some(_), None) => Some(vec!["NONE".into()]),
            (_, _, Some(command)) => Some(vec!["CMD-SHELL".into(), command.clone()]),
            (false, None, None) => None,
        };
        Healthcheck {
            test,
            interval: time(self.health_interval),
            timeout: time(self.health_timeout),
            start_period: time(self.health_start_period),
            start_interval: time(self.health_start_interval),
            retries: self.health_retries.map(i64::from),
        }
    }
}
