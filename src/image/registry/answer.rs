//! What a registry says when it does not give what was asked for.

use std::{
    error::Error as StdError,
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use oci_client::errors::OciEnvelope;
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

use super::retry::retry_after;
use crate::image::Error;

/// More of what a registry says is not shown.
const LONGEST_SAID: usize = 500;

/// The error that an answer stands for; `body` is what came with it.
pub(super) fn refusal(host: String, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let said = said(body);
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            let said = [Some(said).filter(|said| !said.is_empty()), limit(headers)];
            let said = said.into_iter().flatten().collect::<Vec<_>>().join("; ");
            Error::TooManyRequests { host, asked: asked(headers), said }
        }
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            Error::Failing { host, status: status.to_string(), asked: asked(headers), said }
        }
        _ => Error::Unexpected { host, status: status.to_string(), said },
    }
}

fn asked(headers: &HeaderMap) -> Option<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, now.as_secs())
}

/// The message of the first error (distribution-spec, "Error Codes").
fn said(body: &[u8]) -> String {
    let envelope = serde_json::from_slice::<OciEnvelope>(body).ok();
    let error = envelope.and_then(|envelope| envelope.errors.into_iter().next());
    error.map(|error| error.message.chars().take(LONGEST_SAID).collect()).unwrap_or_default()
}

/// `ratelimit-limit: 100;w=21600` and `ratelimit-remaining` of Docker Hub.
fn limit(headers: &HeaderMap) -> Option<String> {
    let number = |name: &str| -> Option<(u64, Option<u64>)> {
        let text = headers.get(name)?.to_str().ok()?;
        let (count, window) = text.split_once(";w=").unwrap_or((text, ""));
        Some((count.trim().parse().ok()?, window.trim().parse().ok()))
    };
    let (most, window) = number("ratelimit-limit")?;
    let window = window.map(|seconds| format!(" in {seconds} s")).unwrap_or_default();
    let left = number("ratelimit-remaining").map(|(left, _)| format!(", {left} left"));
    Some(format!("the limit is {most} requests{window}{}", left.unwrap_or_default()))
}

/// Tells a host that cannot be reached, now or ever, from a connection that
/// broke.
pub(super) fn failure(host: String, error: &reqwest::Error, silence: Duration) -> Error {
    let connecting = error.is_connect();
    let (last, tls) = root(error);
    let cause = last.to_string();
    match connecting {
        // The resolver goes on with the query in its internal form.
        true if cause.starts_with("no records found") => Error::UnknownHost { host },
        true if tls => Error::Untrusted { host, cause },
        true if error.is_timeout() => {
            Error::Unreachable { host, cause: "it does not answer".into() }
        }
        true => Error::Unreachable { host, cause },
        false if error.is_timeout() => {
            let cause = format!("nothing came for {} s", silence.as_secs());
            Error::Broken { host, cause }
        }
        false if error.is_redirect() || error.is_builder() => Error::Transport { host, cause },
        false => Error::Broken { host, cause },
    }
}

/// The first cause, and whether TLS is among them: its errors stay what they
/// are, however often one tries.
fn root(error: &reqwest::Error) -> (&dyn StdError, bool) {
    let mut last: &dyn StdError = error;
    let mut tls = false;
    loop {
        let held = last.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        tls |= last.is::<rustls::Error>() || held.is_some_and(|held| held.is::<rustls::Error>());
        match last.source() {
            Some(source) => last = source,
            None => return (last, tls),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs.map(|(key, value)| (key.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_limit_is_quoted() {
        let headers = head(&[
            ("retry-after", "90"),
            ("ratelimit-limit", "100;w=21600"),
            ("ratelimit-remaining", "0;w=21600"),
        ]);
        let body = br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"too many pulls"}]}"#;
        let refused = |headers, body| {
            refusal("h".into(), StatusCode::TOO_MANY_REQUESTS, headers, body).to_string()
        };
        assert_eq!(
            refused(&headers, body),
            "h refuses further requests for the next 90 s (429): \
             too many pulls; the limit is 100 requests in 21600 s, 0 left"
        );
        assert_eq!(refused(&HeaderMap::new(), b"<html>"), "h refuses further requests (429)");
    }

    #[test]
    fn what_may_pass_is_told_from_what_stays() {
        for (status, passes) in
            [(408, true), (500, true), (501, false), (503, true), (505, false), (400, false)]
        {
            let status = StatusCode::from_u16(status).unwrap();
            let error = refusal("h".into(), status, &HeaderMap::new(), b"");
            assert_eq!(matches!(error, Error::Failing { .. }), passes, "{error}");
        }
    }
}
