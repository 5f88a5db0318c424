//! Health checks: what docker's `HEALTHCHECK` is in an image's config, in a
//! sandbox's record, and in its state.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How an image, or somebody at the command line, wants a sandbox to be checked;
/// what is absent or zero is docker's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `NONE`, `CMD` and words, or `CMD-SHELL` and a line for the shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Vec<String>>,
    /// Nanoseconds, as all that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_interval: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<i64>,
}

/// A check that is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// The command and its arguments; 0 is healthy.
    pub command: Vec<String>,
    /// Between the end of a check and the next one.
    pub interval: Duration,
    /// A check that takes longer has failed.
    pub timeout: Duration,
    /// So long after the start, failures do not count until a check succeeds.
    pub start_period: Duration,
    /// The interval within the start period.
    pub start_interval: Duration,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
}

/// How the checks of a sandbox went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Health {
    pub status: HealthStatus,
    /// When it came to be so (RFC 3339), if it was not from the start.
    #[serde(default)]
    pub since: Option<String>,
    /// Failures since the last success.
    pub failing_streak: u32,
    /// The last ones, oldest first.
    pub log: Vec<Probe>,
}

/// The names are docker's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    #[default]
    Starting,
    Healthy,
    Unhealthy,
}

/// One check that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Probe {
    /// RFC 3339.
    pub start: String,
    pub end: String,
    /// -1 if there was none.
    pub exit_code: i32,
    /// The beginning of what it wrote.
    pub output: String,
}

impl HealthStatus {
    /// The word for it, as it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl Health {
    /// Checks that are remembered, as in docker.
    const REMEMBERED: usize = 5;

    /// Takes note of a check; `counts` unless a failure is to be forgiven.
    pub fn add(&mut self, probe: Probe, retries: u32, counts: bool) {
        let before = self.status;
        match probe.exit_code {
            0 => (self.status, self.failing_streak) = (HealthStatus::Healthy, 0),
            _ if counts || self.status != HealthStatus::Starting => {
                self.failing_streak = self.failing_streak.saturating_add(1);
                if self.failing_streak >= retries {
                    self.status = HealthStatus::Unhealthy;
                }
            }
            _ => {}
        }
        if self.status != before {
            self.since = Some(probe.end.clone());
        }
        self.log.push(probe);
        self.log.drain(..self.log.len().saturating_sub(Self::REMEMBERED));
    }
}

impl Healthcheck {
    /// What `other` says instead, where it says something.
    #[must_use]
    pub fn overlaid(self, other: Self) -> Self {
        Self {
            test: other.test.filter(|test| !test.is_empty()).or(self.test),
            interval: other.interval.or(self.interval),
            timeout: other.timeout.or(self.timeout),
            start_period: other.start_period.or(self.start_period),
            start_interval: other.start_interval.or(self.start_interval),
            retries: other.retries.or(self.retries),
        }
    }

    /// The check that this asks for, with docker's defaults; none if it asks for
    /// none.
    pub fn check(&self, shell: &[String]) -> Option<HealthCheck> {
        let (kind, words) = self.test.as_ref()?.split_first()?;
        let command = match kind.as_str() {
            "CMD" => words.to_vec(),
            "CMD-SHELL" => [shell, words].concat(),
            _ => Vec::new(),
        };
        let or = |nanoseconds: Option<i64>, default| match nanoseconds {
            Some(nanoseconds @ 1..) => Duration::from_nanos(nanoseconds.unsigned_abs()),
            _ => Duration::from_secs(default),
        };
        (!command.is_empty()).then(|| HealthCheck {
            command,
            interval: or(self.interval, 30),
            timeout: or(self.timeout, 30),
            start_period: or(self.start_period, 0),
            start_interval: or(self.start_interval, 5),
            retries: self.retries(),
        })
    }

    fn retries(&self) -> u32 {
        const DEFAULT: u32 = 3;
        match self.retries.map(u32::try_from) {
            Some(Ok(count @ 1..)) => count,
            _ => DEFAULT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(test: &[&str]) -> Healthcheck {
        let test = test.iter().map(ToString::to_string).collect();
        Healthcheck { test: Some(test), ..Healthcheck::default() }
    }

    fn probe(exit_code: i32) -> Probe {
        Probe { start: String::new(), end: String::new(), exit_code, output: String::new() }
    }

    #[test]
    fn the_config_of_an_image_names_a_command() {
        let shell = ["/bin/sh".to_owned(), "-c".into()];
        let command = |check: Healthcheck| check.check(&shell).map(|check| check.command);
        assert_eq!(command(of(&["CMD", "true", "x"])).unwrap(), ["true", "x"]);
        assert_eq!(command(of(&["CMD-SHELL", "a | b"])).unwrap(), ["/bin/sh", "-c", "a | b"]);
        for none in [&[][..], &["NONE"], &["CMD"], &["SOMETHING", "x"]] {
            assert_eq!(command(of(none)), None, "{none:?}");
        }
    }

    #[test]
    fn what_is_absent_or_zero_is_the_default() {
        let json = r#"{"Test": ["CMD", "x"], "Interval": 0, "Timeout": 1500000000, "Retries": -1}"#;
        let check = serde_json::from_str::<Healthcheck>(json).unwrap().check(&[]).unwrap();
        let (interval, timeout) = (Duration::from_secs(30), Duration::from_millis(1500));
        assert_eq!((check.interval, check.timeout, check.retries), (interval, timeout, 3));
        assert_eq!(check.start_period, Duration::ZERO);
    }

    #[test]
    fn what_was_typed_comes_before_the_image() {
        let image = Healthcheck { interval: Some(1), retries: Some(7), ..of(&["CMD", "a"]) };
        let typed = Healthcheck { interval: Some(2), ..Healthcheck::default() };
        let both = image.clone().overlaid(typed);
        assert_eq!(
            (both.test, both.interval, both.retries),
            (image.test.clone(), Some(2), Some(7))
        );
        assert_eq!(image.overlaid(of(&["NONE"])).check(&[]), None);
    }

    #[test]
    fn failures_in_a_row_make_it_unhealthy_and_one_success_healthy() {
        let mut health = Health::default();
        let mut after = |code, counts| {
            health.add(probe(code), 2, counts);
            (health.status.as_str(), health.failing_streak)
        };
        assert_eq!(after(1, false), ("starting", 0));
        assert_eq!(after(1, true), ("starting", 1));
        assert_eq!(after(-1, true), ("unhealthy", 2));
        assert_eq!(after(0, true), ("healthy", 0));
        // Once it has been healthy, no start period forgives.
        assert_eq!(after(1, false), ("healthy", 1));
        assert_eq!(after(1, false), ("unhealthy", 2));
        assert_eq!(health.log.len(), 5);
    }
}
