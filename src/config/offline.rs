//! Whether registries may be asked, and who says so.

use std::fmt;

/// What keeps registries from being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offline {
    /// `--offline`.
    Option,
    /// `SANDBOX_OFFLINE`.
    Variable,
    /// `offline` in `config.toml`.
    File,
}

impl Offline {
    /// The option comes first, then the variable, which may also say no.
    pub(super) fn find(option: bool, variable: Option<bool>, file: bool) -> Option<Self> {
        match (option, variable) {
            (true, _) => Some(Self::Option),
            (false, Some(true)) => Some(Self::Variable),
            (false, Some(false)) => None,
            (false, None) => file.then_some(Self::File),
        }
    }

    /// How to be online again, as a hint says it.
    pub fn way_out(self) -> &'static str {
        match self {
            Self::Option => "leave `--offline` out",
            Self::Variable => "unset SANDBOX_OFFLINE",
            Self::File => "`SANDBOX_OFFLINE=0` comes before config.toml",
        }
    }
}

impl fmt::Display for Offline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Option => "`--offline`",
            Self::Variable => "SANDBOX_OFFLINE",
            Self::File => "`offline` in config.toml",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_nearest_says_whether_it_is_offline() {
        let cases = [
            (true, Some(false), false, Some(Offline::Option)),
            (false, Some(true), false, Some(Offline::Variable)),
            (false, Some(false), true, None),
            (false, None, true, Some(Offline::File)),
            (false, None, false, None),
        ];
        for (option, variable, file, expected) in cases {
            assert_eq!(Offline::find(option, variable, file), expected);
        }
    }
}
