//! DNS over TCP: each message has its length before it (RFC 1035, 4.2.2).

/// Cuts a stream into messages.
#[derive(Debug)]
pub(crate) struct Framing {
    longest: usize,
    rest: Vec<u8>,
}

/// The stream announced a message that is longer than we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of {0} bytes is too long")]
pub(crate) struct TooLong(usize);

impl Framing {
    /// For a stream of messages of up to `longest` bytes.
    pub(crate) fn new(longest: usize) -> Self {
        Self { longest, rest: Vec::new() }
    }

    /// Takes what the stream brought and returns the messages that it completed.
    ///
    /// What is kept for later is shorter than the longest message.
    ///
    /// # Errors
    /// The stream is of no further use: it announced too long a message.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, TooLong> {
        self.rest.extend_from_slice(bytes);
        let mut messages = Vec::new();
        let mut rest = self.rest.as_slice();
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            if length > self.longest {
                return Err(TooLong(length));
            }
            let Some((message, after)) = after.split_at_checked(length) else { break };
            messages.push(message.to_vec());
            rest = after;
        }
        self.rest = rest.to_vec();
        Ok(messages)
    }
}

/// A message as it is sent over TCP; what is beyond 65,535 bytes is cut off.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(&message[..length.into()]);
    framed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        let stream = [framed(b"one"), framed(b""), framed(&[7; 300])].concat();
        for step in [1, 2, 3, 100, stream.len()] {
            let mut framing = Framing::new(300);
            let found = stream.chunks(step).flat_map(|bytes| framing.push(bytes).unwrap());
            assert_eq!(found.collect::<Vec<_>>(), [b"one".to_vec(), vec![], vec![7; 300]]);
            assert!(framing.rest.is_empty());
        }
    }

    #[test]
    fn a_half_message_is_kept() {
        let mut framing = Framing::new(10);
        assert_eq!(framing.push(&[0, 3, 1]), Ok(vec![]));
        assert!(!framing.rest.is_empty());
        assert_eq!(framing.push(&[2, 3, 0]), Ok(vec![vec![1, 2, 3]]));
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_before_it_is_there() {
        assert_eq!(Framing::new(10).push(&[0, 11]), Err(TooLong(11)));
        assert_eq!(Framing::new(10).push(&[0, 1, 9, 1, 0]), Err(TooLong(256)));
    }

    #[test]
    fn a_message_has_its_length_before_it() {
        assert_eq!(framed(b"abc"), b"\0\x03abc");
        assert_eq!(framed(&[0; 70_000]).len(), 2 + 65_535);
    }
}
