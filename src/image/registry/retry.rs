//! Whether a request that failed is made again, and when: a decision without
//! clock, network or chance of its own.
//!
//! Whoever waits at a prompt wants to know soon that a registry is not there,
//! but not to lose a long download to a registry that is busy for a moment. So
//! what never connected is given up within seconds, and what failed on the way
//! is tried for minutes. A try that brought something is the first one again.

use std::time::Duration;

use crate::image::Error;

/// Tries of a request, unless one of them brings something.
pub(super) const TRIES: u32 = 6;
/// Tries to reach a registry that has not answered yet.
const FIRST_TRIES: u32 = 3;
/// Tries where there is another place to ask.
const SPARE_TRIES: u32 = 2;
/// How long to go on without a byte.
const PATIENCE: Duration = Duration::from_secs(120);
/// The same, for a registry that has not answered yet.
const FIRST_PATIENCE: Duration = Duration::from_secs(5);
/// The longest `Retry-After` that is honoured.
pub(super) const LONGEST_ASKED: Duration = Duration::from_secs(60);
/// The wait after the first failure, which doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// A try that brings as many bytes is a new beginning; fewer would let a server
/// keep us for ever.
pub(super) const PROGRESS: u64 = 64 << 10;

/// What went wrong, as far as another try is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// There was no connection.
    Connect,
    /// The connection broke, or the server has a bad moment, for `asked`.
    Passing { asked: Option<Duration> },
    /// It would fail again.
    Final,
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Unreachable { .. } => Self::Connect,
            Error::Broken { .. } => Self::Passing { asked: None },
            Error::TooManyRequests { asked, .. } | Error::Failing { asked, .. } => {
                Self::Passing { asked: *asked }
            }
            _ => Self::Final,
        }
    }
}

/// What was tried so far without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tried {
    /// Failures in a row, at least 1.
    pub(super) times: u32,
    /// Since when nothing came.
    pub(super) lasting: Duration,
    /// Whether the registry has answered at all.
    pub(super) answered: bool,
    /// Whether there is another place to ask.
    pub(super) spare: bool,
}

/// How long to wait for the next try; none to give up.
///
/// `chance` is between 0 and 1: those who failed together shall not come back
/// together.
pub(super) fn next(failure: Failure, tried: Tried, chance: f64) -> Option<Duration> {
    let first = failure == Failure::Connect && !tried.answered;
    let (tries, patience) = match first {
        true => (FIRST_TRIES, FIRST_PATIENCE),
        false => (TRIES, PATIENCE),
    };
    let tries = if tried.spare { tries.min(SPARE_TRIES) } else { tries };
    let asked = match failure {
        Failure::Final => return None,
        Failure::Passing { asked } => asked.unwrap_or_default(),
        Failure::Connect => Duration::ZERO,
    };
    let wait = asked.max(back_off(tried.times, chance));
    let worth = tried.times < tries && asked <= LONGEST_ASKED && tried.lasting + wait <= patience;
    worth.then_some(wait)
}

/// Between a half and the whole of a time that doubles.
fn back_off(times: u32, chance: f64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << times.saturating_sub(1).min(10));
    doubled.min(LONGEST_WAIT).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or the moment, of which
/// `now` is in seconds since 1970.
pub(super) fn retry_after(text: &str, now: u64) -> Option<Duration> {
    let text = text.trim();
    let seconds = match text.parse() {
        Ok(seconds) => seconds,
        Err(_) => http_date(text)?.saturating_sub(now),
    };
    Some(Duration::from_secs(seconds))
}

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section
/// 5.6.7); the forms of the last century are not understood.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (_, date) = text.split_once(", ")?;
    let words: Vec<&str> = date.split(' ').collect();
    let [day, month, year, time, "GMT"] = words[..] else { return None };
    let month = MONTHS.find(month).filter(|at| at % 3 == 0 && month.len() == 3)? as u64 / 3;
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let mut clock = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let plausible = (1970..=9999).contains(&year)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    plausible.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970; `month` counts from 0. A year begins with March, so that the
/// leap day is its last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let before_year = year * 365 + year / 4 - year / 100 + year / 400;
    let before_month = (month * 153 + 2) / 5;
    before_year + before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRESH: Tried = Tried { times: 1, lasting: Duration::ZERO, answered: true, spare: false };

    fn passing(asked: u64) -> Failure {
        Failure::Passing { asked: Some(Duration::from_secs(asked)) }
    }

    #[test]
    fn a_request_is_repeated_while_that_may_help() {
        let broken = Failure::Passing { asked: None };
        let new = Tried { answered: false, ..FRESH };
        let long = |seconds| Tried { lasting: Duration::from_secs(seconds), ..FRESH };
        let cases = [
            (Failure::Final, FRESH, None),
            (broken, FRESH, Some(500)),
            (broken, Tried { times: 3, ..FRESH }, Some(2000)),
            (broken, Tried { times: 5, ..FRESH }, Some(8000)),
            (broken, Tried { times: 6, ..FRESH }, None),
            (broken, long(119), Some(500)),
            (broken, long(120), None),
            (passing(0), FRESH, Some(500)),
            (passing(7), FRESH, Some(7000)),
            (passing(60), FRESH, Some(60_000)),
            (passing(61), FRESH, None),
            (passing(60), long(61), None),
            (Failure::Connect, new, Some(500)),
            (Failure::Connect, Tried { times: 3, ..new }, None),
            (Failure::Connect, Tried { times: 3, ..FRESH }, Some(2000)),
            (Failure::Connect, Tried { answered: false, ..long(5) }, None),
            (broken, Tried { spare: true, ..FRESH }, Some(500)),
            (broken, Tried { spare: true, times: 2, ..FRESH }, None),
        ];
        for (failure, tried, wait) in cases {
            let wait = wait.map(Duration::from_millis);
            assert_eq!(next(failure, tried, 1.0), wait, "{failure:?} {tried:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_wait_or_none(
            text in "[0-9]{0,24}|[A-Z][a-z]{2}, [0-9]{1,20} (Jan|Feb|Dec|x) [0-9]{1,20} \
                     [0-9]{1,20}:[0-9]{1,20}:[0-9]{1,20} GMT|\\PC{0,40}",
            now: u64,
        ) {
            let _ = retry_after(&text, now);
        }
    }

    #[test]
    fn what_would_fail_again_is_final() {
        let (host, cause) = (|| "h".to_owned(), || "c".to_owned());
        let passing = Failure::Passing { asked: None };
        let cases = [
            (Error::Unreachable { host: host(), cause: cause() }, Failure::Connect),
            (Error::Broken { host: host(), cause: cause() }, passing),
            (Error::TooManyRequests { host: host(), asked: None, said: cause() }, passing),
            (Error::Untrusted { host: host(), cause: cause() }, Failure::Final),
            (Error::UnknownHost { host: host() }, Failure::Final),
            (Error::NotFound { image: cause() }, Failure::Final),
            (Error::Denied { host: host(), image: cause(), tried: Box::default() }, Failure::Final),
        ];
        for (error, failure) in cases {
            assert_eq!(Failure::of(&error), failure, "{error}");
        }
    }

    #[test]
    fn chance_halves_a_wait_at_most() {
        let wait = |chance| next(passing(0), FRESH, chance).unwrap().as_millis();
        assert_eq!([wait(0.0), wait(0.5), wait(1.0)], [250, 375, 500]);
    }

    #[test]
    fn a_dead_registry_is_given_up_within_seconds() {
        let (mut tried, mut waited) = (Tried { answered: false, ..FRESH }, Duration::ZERO);
        while let Some(wait) = next(Failure::Connect, tried, 1.0) {
            waited += wait;
            tried.times += 1;
        }
        assert!(waited <= Duration::from_secs(2), "{waited:?}");
    }

    #[test]
    fn what_a_registry_asks_for_is_read() {
        let now = 784_111_777; // The example of RFC 9110.
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Tue, 29 Feb 2000 00:00:00 GMT", Some(951_782_400 - now)),
            ("Thu, 01 Jan 2026 00:00:00 GMT", Some(1_767_225_600 - now)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 anF 1994 08:49:37 GMT", None),
            ("soon", None),
            ("-1", None),
            ("", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
