//! How much an image may ask for, before it is taken for an attack.
//!
//! Of the limits, those that somebody may have reason to raise are fields, with
//! defaults well above what real images need; the others are constants, for the
//! kernel or the registries have them too. `docs/security.md` has the table.

use std::fmt;

/// What an image may take to unpack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLimits {
    /// Entries of one layer's tar. The largest images have a million files.
    pub layer_entries: u64,
    /// Bytes of one layer, as a tar and as the files that it makes, holes
    /// included.
    pub layer_size: u64,
    /// Bytes of the layers that one command unpacks together; also of what a
    /// compressed archive holds.
    pub image_size: u64,
    /// How many bytes a byte of a compressed layer or archive may become. Text
    /// reaches 20, gzip at most 1032, zstd 100,000 and more.
    pub ratio: u64,
    /// Bytes up to which `ratio` does not matter: a file of zeros is no attack.
    pub ratio_from: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self {
            layer_entries: 2_000_000,
            layer_size: 128 << 30,
            image_size: 256 << 30,
            ratio: 200,
            ratio_from: 1 << 30,
        }
    }
}

impl ImageLimits {
    /// Bytes of a manifest, an index or a config, which are held in memory; what
    /// registries accept.
    pub const DOCUMENT: u64 = 4 << 20;
    /// How many indexes may point at each other before an image comes.
    pub const INDEXES: usize = 3;
    /// Layers of an image: overlayfs stacks 500 (`OVL_MAX_STACK`), one is ours.
    pub const LAYERS: usize = 499;
    /// Members of an `oci-archive:` or `docker-archive:`.
    pub const MEMBERS: usize = 100_000;
    /// Bytes of an entry's name: `PATH_MAX` of Linux.
    pub const PATH: usize = 4096;
    /// Components of an entry's name. Real images stay below 50.
    pub const DEPTH: usize = 256;
    /// Bytes of the headers that extend an entry's own (PAX, GNU long names),
    /// which are held in memory.
    pub const HEADERS: u64 = 1 << 20;
    /// Extended attributes of an entry.
    pub const XATTRS: usize = 128;
    /// Bytes of names and attributes of a layer's directories, which are held in
    /// memory until everything is in them.
    pub const DIRECTORIES: u64 = 256 << 20;

    /// Checks the number of a layer's entries.
    ///
    /// # Errors
    /// [`Exceeded`] if there are too many.
    pub fn check_entries(&self, entries: u64) -> Result<(), Exceeded> {
        let exceeded = || Exceeded::count(self.layer_entries, "entries", Some("layer-entries"));
        if entries > self.layer_entries { Err(exceeded()) } else { Ok(()) }
    }

    /// Checks the bytes of one layer.
    ///
    /// # Errors
    /// [`Exceeded`] if there are too many.
    pub fn check_layer(&self, bytes: u64) -> Result<(), Exceeded> {
        let exceeded = || Exceeded::size(self.layer_size, Some("layer-size"));
        if bytes > self.layer_size { Err(exceeded()) } else { Ok(()) }
    }

    /// Checks the bytes of all layers, or of an archive.
    ///
    /// # Errors
    /// [`Exceeded`] if there are too many.
    pub fn check_image(&self, bytes: u64) -> Result<(), Exceeded> {
        let exceeded = || Exceeded::size(self.image_size, Some("image-size"));
        if bytes > self.image_size { Err(exceeded()) } else { Ok(()) }
    }

    /// Checks what became of `packed` bytes.
    ///
    /// # Errors
    /// [`Exceeded`] if they became too many.
    pub fn check_ratio(&self, packed: u64, plain: u64) -> Result<(), Exceeded> {
        if plain <= self.ratio_from || plain <= packed.saturating_mul(self.ratio) {
            return Ok(());
        }
        let (ratio, from) = (self.ratio, Bytes(self.ratio_from));
        let why = format!("unpacks to more than {ratio} times its size, and to more than {from}");
        Err(Exceeded { why, setting: Some("ratio") })
    }
}

/// A limit that an image exceeds. As a text, it goes on from what it is that
/// does: `is larger than 4 MiB`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Exceeded {
    why: String,
    /// The setting that raises the limit, if one does.
    setting: Option<&'static str>,
}

impl Exceeded {
    /// What no setting raises.
    pub fn fixed(why: impl Into<String>) -> Self {
        Self { why: why.into(), setting: None }
    }

    /// There is more than `most` of something, of which the plural is `what`.
    pub fn count(most: u64, what: &str, setting: Option<&'static str>) -> Self {
        Self { why: format!("has more than {most} {what}"), setting }
    }

    /// There are more than `most` bytes.
    pub fn size(most: u64, setting: Option<&'static str>) -> Self {
        Self { why: format!("is larger than {}", Bytes(most)), setting }
    }

    /// How the limit is raised, if it can be.
    pub fn hint(&self) -> Option<String> {
        let setting = self.setting?;
        Some(format!("if you trust it, raise `{setting}` in `[image-limits]` of config.toml"))
    }
}

/// Bytes in the largest unit of which there is a whole number.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let whole = |(shift, _): &(u32, &str)| self.0 >> shift << shift == self.0 && self.0 > 0;
        match units.into_iter().find(whole) {
            Some((shift, unit)) => write!(f, "{} {unit}", self.0 >> shift),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> ImageLimits {
        ImageLimits {
            layer_entries: 10,
            layer_size: 1000,
            image_size: 3 << 20,
            ratio: 5,
            ratio_from: 100,
        }
    }

    #[test]
    fn a_refusal_names_the_limit_and_its_value() {
        let limits = small();
        let cases = [
            (limits.check_entries(11), "has more than 10 entries", "layer-entries"),
            (limits.check_layer(1001), "is larger than 1000 bytes", "layer-size"),
            (limits.check_image(u64::MAX), "is larger than 3 MiB", "image-size"),
            (
                limits.check_ratio(20, 101),
                "unpacks to more than 5 times its size, and to more than 100 bytes",
                "ratio",
            ),
        ];
        for (checked, text, setting) in cases {
            let error = checked.unwrap_err();
            assert_eq!(error.to_string(), text);
            let hint =
                format!("if you trust it, raise `{setting}` in `[image-limits]` of config.toml");
            assert_eq!(error.hint(), Some(hint));
        }
        assert_eq!(Exceeded::size(4 << 20, None).hint(), None);
    }

    #[test]
    fn the_defaults_are_documented() {
        let page = include_str!("../../docs/security.md").replace(',', "");
        let limits = ImageLimits::default();
        let rows = [
            format!("a layer | {} | `layer-entries` |", limits.layer_entries),
            format!("| {} | `layer-size` |", Bytes(limits.layer_size)),
            format!("| {} | `image-size` |", Bytes(limits.image_size)),
            format!("| {} | `ratio` |", limits.ratio),
            format!("| {} | `ratio-from` |", Bytes(limits.ratio_from)),
            format!("or a config | {} | |", Bytes(ImageLimits::DOCUMENT)),
            format!("| layers of an image | {} | |", ImageLimits::LAYERS),
            format!("| indexes within indexes | {} | |", ImageLimits::INDEXES),
            format!("| members of an archive | {} | |", ImageLimits::MEMBERS),
            format!("name | {} | |", ImageLimits::PATH),
            format!("| directories above an entry | {} | |", ImageLimits::DEPTH),
            format!("(PAX GNU) | {} | |", Bytes(ImageLimits::HEADERS)),
            format!("| extended attributes of an entry | {} | |", ImageLimits::XATTRS),
            format!("directories | {} | |", Bytes(ImageLimits::DIRECTORIES)),
        ];
        for row in rows {
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn what_a_limit_says_is_still_allowed() {
        let limits = small();
        assert!(limits.check_entries(10).is_ok());
        assert!(limits.check_layer(1000).is_ok());
        assert!(limits.check_image(3 << 20).is_ok());
        // Few bytes may come of nearly none, many of a fifth.
        assert!(limits.check_ratio(1, 100).is_ok());
        assert!(limits.check_ratio(21, 105).is_ok());
        assert!(limits.check_ratio(u64::MAX, u64::MAX).is_ok());
    }
}
