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
        "0" | "0s" | "0ms" => Ok(Duration::ZERO),
        text => match parse_duration(text)? {
            short if short < Duration::from_millis(1) => Err("must be 1ms at least".into()),
            duration => Ok(duration),
        },
    }
}

impl HealthArgs {
    /// What was typed, as an image would say it.
    pub fn wanted(&self) -> Healthcheck {
        let time = |time: Option<Duration>| {
            let time = time.filter(|time| !time.is_zero())?;
            Some(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
        };
        let test = match self.health_cmd.as_deref() {
            _ if self.no_healthcheck => Some(vec!["NONE".into()]),
            Some("none") => Some(vec!["NONE".into()]),
            None | Some("") => None,
            Some(command) => Some(vec!["CMD-SHELL".into(), command.into()]),
        };
        Healthcheck {
            test,
            interval: time(self.health_interval),
            timeout: time(self.health_timeout),
            start_period: time(self.health_start_period),
            start_interval: time(self.health_start_interval),
            retries: self.health_retries.filter(|count| *count > 0).map(i64::from),
        }
    }
}
