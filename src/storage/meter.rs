//! Watches what the tar crate reads.
//!
//! The crate takes extension headers (long names, PAX records) into memory
//! whatever length they claim, so it is given only so many bytes for them. And
//! it takes a newline for the end of a PAX record, although binary values, such
//! as signatures in `security.ima`, may hold one: the bytes that were read for
//! an entry's headers are kept, for `pax.rs` to read them again.

use std::{
    cell::{Cell, RefCell},
    io::{self, Read},
    rc::Rc,
};

use crate::oci::ImageLimits;

/// Tar is made of blocks of this size.
pub(super) const BLOCK: usize = 512;

/// What the two ends of a [`Metered`] reader share.
#[derive(Debug, Default)]
pub(super) struct Meter {
    allowance: Cell<u64>,
    position: Cell<u64>,
    /// Where `headers` began.
    start: Cell<u64>,
    headers: RefCell<Option<Vec<u8>>>,
}

impl Meter {
    /// From here on, headers are read.
    pub(super) fn expect_headers(&self) {
        self.allowance.set(ImageLimits::HEADERS);
        self.start.set(self.position.get());
        *self.headers.borrow_mut() = Some(Vec::new());
    }

    /// From here on, up to `bytes` of content are read. Returns the headers
    /// that came before the one at `position`, which is the entry's own.
    pub(super) fn expect_content(&self, bytes: u64, position: u64) -> Vec<u8> {
        self.allowance.set(bytes);
        let mut headers = self.headers.take().unwrap_or_default();
        let offset = |position: u64| {
            let offset = usize::try_from(position.saturating_sub(self.start.get()));
            offset.unwrap_or(usize::MAX).min(headers.len())
        };
        // The content of the entry before was filled up to a whole block.
        let (begin, end) = (self.start.get().next_multiple_of(BLOCK as u64), position);
        let (begin, end) = (offset(begin), offset(end));
        headers.truncate(end);
        headers.drain(..begin.min(end));
        headers
    }

    /// Whether the reader failed because it had given what it may.
    pub(super) fn is_used_up(&self) -> bool {
        self.allowance.get() == 0
    }
}

/// A reader that gives as many bytes as its meter allows.
#[derive(Debug)]
pub(super) struct Metered<R> {
    pub(super) plain: R,
    pub(super) meter: Rc<Meter>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let meter = &self.meter;
        if meter.is_used_up() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = (&mut self.plain).take(meter.allowance.get()).read(buffer)?;
        meter.allowance.set(meter.allowance.get().saturating_sub(read as u64));
        meter.position.set(meter.position.get().saturating_add(read as u64));
        if let Some(headers) = meter.headers.borrow_mut().as_mut() {
            headers.extend(buffer.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_kept_without_what_surrounds_them() {
        let meter = Rc::new(Meter::default());
        let bytes: Vec<u8> = (0..=255).cycle().take(4 * BLOCK).collect();
        let mut reader = Metered { plain: bytes.as_slice(), meter: Rc::clone(&meter) };
        meter.expect_content(700, 0);
        reader.read_exact(&mut [0; 700]).unwrap();
        assert!(reader.read(&mut [0]).is_err() && meter.is_used_up());
        meter.expect_headers();
        reader.read_exact(&mut [0; 4 * BLOCK - 700]).unwrap();
        let headers = meter.expect_content(0, 3 * BLOCK as u64);
        assert_eq!(headers, &bytes[2 * BLOCK..3 * BLOCK]);
    }
}
