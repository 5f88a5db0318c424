//! What a registry may be shown.

use super::base64;
use crate::oci::Secret;

/// A user name that says: the password is an identity token.
const TOKEN_USER: &str = "<token>";

/// What proves to a registry who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    Password {
        user: String,
        password: Secret,
    },
    /// What a token server takes for a password (OAuth 2: a refresh token).
    IdentityToken(Secret),
    /// What the registry itself takes.
    RegistryToken(Secret),
}

impl Credentials {
    /// A user name with its password, or with the token that stands for one.
    pub fn new(user: String, password: Secret) -> Self {
        match user.as_str() {
            TOKEN_USER => Self::IdentityToken(password),
            _ => Self::Password { user, password },
        }
    }

    /// Reads `USER:PASSWORD`; none if either is missing.
    pub fn from_pair(pair: &Secret) -> Option<Self> {
        let (user, password) = pair.expose().split_once(':')?;
        // What some programs write ends in NULs.
        let password = password.trim_end_matches('\0');
        (!user.is_empty() && !password.is_empty()).then(|| Self::new(user.into(), password.into()))
    }

    /// Reads `USER:PASSWORD` in base64.
    pub(super) fn from_base64(text: &str) -> Option<Self> {
        let pair = String::from_utf8(base64::decode(text)?).ok()?;
        Self::from_pair(&pair.into())
    }

    /// `USER:PASSWORD` in base64; none for tokens.
    pub(super) fn to_base64(&self) -> Option<Secret> {
        let Self::Password { user, password } = self else { return None };
        Some(base64::encode(format!("{user}:{}", password.expose()).as_bytes()).into())
    }

    /// The user name, as helpers want it.
    pub fn user(&self) -> &str {
        match self {
            Self::Password { user, .. } => user,
            Self::IdentityToken(_) | Self::RegistryToken(_) => TOKEN_USER,
        }
    }

    pub(super) fn secret(&self) -> &Secret {
        match self {
            Self::Password { password: secret, .. }
            | Self::IdentityToken(secret)
            | Self::RegistryToken(secret) => secret,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_split_at_the_first_colon() {
        let password = |text: &str| match Credentials::from_pair(&text.into()) {
            Some(Credentials::Password { user, password }) => {
                Some((user, password.expose().to_owned()))
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(password("ann:a:b"), Some(("ann".into(), "a:b".into())));
        assert_eq!(password("ann:x\0\0"), Some(("ann".into(), "x".into())));
        let token = Credentials::from_pair(&"<token>:abc".into());
        assert_eq!(token, Some(Credentials::IdentityToken("abc".into())));
        for bad in ["", "ann", "ann:", ":x", ":"] {
            assert_eq!(Credentials::from_pair(&bad.into()), None, "{bad}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let credentials = Credentials::new("änn".into(), "pass word".into());
        let text = credentials.to_base64().unwrap();
        assert_eq!(Credentials::from_base64(text.expose()), Some(credentials));
        for bad in ["%", "YW5u", "/////w=="] {
            assert_eq!(Credentials::from_base64(bad), None, "{bad}");
        }
    }
}
