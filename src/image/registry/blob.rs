//! How far a blob is, and how to go on where its connection broke (RFC 9110,
//! section 14).
//!
//! What comes is a whole only by its digest, which the reader computes over all
//! the pieces: a range of something else is found out like any other damage.

use reqwest::{
    StatusCode,
    header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE},
};

/// A blob on its way, over one connection or several.
#[derive(Debug, Default)]
pub(super) struct Download {
    /// Bytes that the reader has been given.
    pub(super) position: u64,
    etag: Option<HeaderValue>,
    /// The server has answered a range with something else.
    whole_only: bool,
}

impl Download {
    /// What to ask with: for the rest, once there is a beginning.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.position == 0 || self.whole_only {
            return headers;
        }
        if let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", self.position)) {
            headers.insert(RANGE, range);
            headers.extend(self.etag.clone().map(|etag| (IF_RANGE, etag)));
        }
        headers
    }

    /// Reads the head of an answer; returns how many bytes of its body the
    /// reader has already.
    ///
    /// # Errors
    /// What the server did instead. The next request is for the whole.
    pub(super) fn begin(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<u64, &'static str> {
        let etag = headers.get(ETAG).filter(|etag| !etag.as_bytes().starts_with(b"W/"));
        match status {
            StatusCode::OK => {
                self.etag = etag.cloned();
                Ok(self.position)
            }
            StatusCode::PARTIAL_CONTENT if start(headers) == Some(self.position) => Ok(0),
            _ => {
                self.whole_only = true;
                Err("it does not serve the rest of a blob")
            }
        }
    }

    /// Another server knows nothing of this one's tags.
    pub(super) fn change_place(&mut self) {
        (self.etag, self.whole_only) = (None, false);
    }
}

/// The first byte of `Content-Range: bytes 10-99/100`.
fn start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs.map(|(key, value)| (key.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_rest_is_asked_for_by_the_tag_of_the_beginning() {
        let mut download = Download::default();
        assert!(download.headers().is_empty());
        assert_eq!(download.begin(StatusCode::OK, &head(&[("etag", "\"x\"")])), Ok(0));
        download.position = 10;
        let expected = head(&[("range", "bytes=10-"), ("if-range", "\"x\"")]);
        assert_eq!(download.headers(), expected);
        download.change_place();
        assert_eq!(download.headers(), head(&[("range", "bytes=10-")]));
    }

    #[test]
    fn a_weak_tag_does_not_stand_for_bytes() {
        let mut download = Download { position: 1, ..Download::default() };
        download.begin(StatusCode::OK, &head(&[("etag", "W/\"x\"")])).unwrap();
        assert_eq!(download.headers(), head(&[("range", "bytes=1-")]));
    }

    #[test]
    fn only_the_right_range_is_taken_as_it_is() {
        let cases = [
            (StatusCode::OK, None, Ok(10)),
            (StatusCode::PARTIAL_CONTENT, Some("bytes 10-19/20"), Ok(0)),
            (StatusCode::PARTIAL_CONTENT, Some("bytes 10-19/*"), Ok(0)),
            (StatusCode::PARTIAL_CONTENT, Some("bytes 11-19/20"), Err(())),
            (StatusCode::PARTIAL_CONTENT, Some("lines 10-19/20"), Err(())),
            (StatusCode::PARTIAL_CONTENT, None, Err(())),
            (StatusCode::RANGE_NOT_SATISFIABLE, None, Err(())),
        ];
        for (status, range, skipped) in cases {
            let mut download = Download { position: 10, ..Download::default() };
            let range: Vec<_> = range.map(|range| ("content-range", range)).into_iter().collect();
            let begun = download.begin(status, &head(&range)).map_err(drop);
            assert_eq!(begun, skipped, "{status} {range:?}");
            assert_eq!(download.headers().is_empty(), skipped.is_err(), "{status} {range:?}");
        }
    }
}
