//! What happens on the way, for whoever waits.

use std::{fmt, sync::Arc, time::Duration};

use super::Error;

/// Something that is no result, but explains why there is none yet.
#[derive(Debug)]
pub enum Event<'a> {
    /// The next try comes after `wait`, of at least a second; it is number
    /// `next` of `tries`.
    Waiting { error: &'a Error, wait: Duration, next: u32, tries: u32 },
    /// The next try comes at once.
    Retrying { error: &'a Error },
    /// Of several places, this one has the image.
    Serves { place: &'a str },
    /// A mirror does not help.
    PassedOver { mirror: &'a str, next: &'a str, error: &'a Error },
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { error, wait, next, tries } => {
                let seconds = wait.as_secs_f64().ceil();
                write!(f, "{error}; try {next} of {tries} comes in {seconds} s")
            }
            Self::Retrying { error } => write!(f, "{error}; trying again"),
            Self::Serves { place } => write!(f, "the image comes from {place}"),
            Self::PassedOver { mirror, next, error } => {
                write!(f, "{mirror} does not help, {next} is next: {error}")
            }
        }
    }
}

/// Whoever wants to know, from any thread.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(&Event<'_>) + Send + Sync>);

impl Listener {
    pub fn new(listen: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listen))
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        (self.0)(event);
    }
}

impl Default for Listener {
    /// Nobody.
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds() {
        let error = Error::Broken { host: "h".into(), cause: "reset".into() };
        let wait = Duration::from_millis(1200);
        let event = Event::Waiting { error: &error, wait, next: 3, tries: 6 };
        let told = "the connection to h breaks: reset; try 3 of 6 comes in 2 s";
        assert_eq!(event.to_string(), told);
    }
}
