//! `--userns`.

use std::str::FromStr;

use crate::oci::KeepId;

/// Which user inside is the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserNamespace {
    /// Root.
    Host,
    /// These; by their own numbers, where none is given.
    KeepId { uid: Option<u32>, gid: Option<u32> },
}

impl FromStr for UserNamespace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mode, options) = text.split_once(':').unwrap_or((text, ""));
        let (mut uid, mut gid) = (None, None);
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("uid", id)) => uid = Some(number(id)?),
                Some(("gid", id)) => gid = Some(number(id)?),
                _ => return Err(format!("`{option}` is neither uid=N nor gid=N")),
            }
        }
        match mode {
            "keep-id" => Ok(Self::KeepId { uid, gid }),
            "host" if options.is_empty() => Ok(Self::Host),
            _ => Err("there are `host`, which makes root you, and `keep-id[:uid=N,gid=N]`".into()),
        }
    }
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("`{text}` is not an id"))
}

impl UserNamespace {
    /// The ids that are to be kept; those of the caller, if none is named.
    pub fn kept(self, caller: KeepId) -> Option<KeepId> {
        match self {
            Self::Host => None,
            Self::KeepId { uid, gid } => {
                Some(KeepId { uid: uid.unwrap_or(caller.uid), gid: gid.unwrap_or(caller.gid) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podmans_words_are_understood() {
        let caller = KeepId { uid: 1001, gid: 1002 };
        let kept = |text: &str| text.parse().map(|wanted: UserNamespace| wanted.kept(caller));
        let ids = |uid, gid| Ok(Some(KeepId { uid, gid }));
        assert_eq!(kept("host"), Ok(None));
        assert_eq!(kept("keep-id"), ids(1001, 1002));
        assert_eq!(kept("keep-id:uid=7"), ids(7, 1002));
        assert_eq!(kept("keep-id:uid=7,gid=8"), ids(7, 8));
        for bad in
            ["", "auto", "private", "host:uid=1", "keep-id:uid", "keep-id:uid=x", "keep-id:x=1"]
        {
            assert!(kept(bad).is_err(), "{bad}");
        }
    }
}
