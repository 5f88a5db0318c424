//! Tokens: what is sent to a token server, and what it answers
//! (distribution's "Token Authentication" and "OAuth 2").

use std::time::Duration;

use reqwest::{Url, header::HeaderValue};
use serde_json::Value;

use super::{Credentials, challenge::Bearer, realm};
use crate::oci::Secret;

/// Whom a token server takes us for.
const CLIENT: &str = "sandbox";
/// What a token server must grant, whatever it says.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);

/// A request for a token.
#[derive(Debug, Clone)]
pub(in crate::image) struct TokenRequest {
    pub(in crate::image) url: Url,
    /// `Authorization`, if there is a password to show.
    pub(in crate::image) header: Option<HeaderValue>,
    /// The body of a POST; none makes it a GET. Where it goes is not to be
    /// redirected: it holds a token.
    pub(in crate::image) form: Option<Secret>,
}

/// What a token server gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) value: Secret,
    pub(super) life: Duration,
}

impl TokenRequest {
    /// Makes the request for `scopes`, with what the credentials allow.
    ///
    /// # Errors
    /// What is wrong with the realm.
    pub(super) fn new(
        registry: &Url,
        bearer: &Bearer,
        scopes: &[String],
        credentials: Option<&Credentials>,
    ) -> Result<Self, &'static str> {
        let mut url: Url = bearer.realm.parse().map_err(|_| "the realm is not an address")?;
        realm::check(registry, &url)?;
        let service = bearer.service.as_deref();
        if let Some(Credentials::IdentityToken(token)) = credentials {
            return Ok(Self { form: Some(form(service, scopes, token)), url, header: None });
        }
        url.query_pairs_mut()
            .extend_pairs(service.map(|service| ("service", service)))
            .extend_pairs(scopes.iter().map(|scope| ("scope", scope)));
        let header = credentials.and_then(basic);
        Ok(Self { url, header, form: None })
    }
}

fn form(service: Option<&str>, scopes: &[String], token: &Secret) -> Secret {
    // An address is the form that the library encodes.
    let mut form = Url::parse("https://form/").map(|mut url| {
        url.query_pairs_mut()
            .append_pair("grant_type", "refresh_token")
            .extend_pairs(service.map(|service| ("service", service)))
            .append_pair("client_id", CLIENT)
            .extend_pairs((!scopes.is_empty()).then(|| ("scope", scopes.join(" "))))
            .append_pair("refresh_token", token.expose());
        url.query().unwrap_or_default().to_owned()
    });
    form.as_mut().map(std::mem::take).unwrap_or_default().into()
}

/// `Authorization: Basic …`; none for tokens.
pub(super) fn basic(credentials: &Credentials) -> Option<HeaderValue> {
    let pair = credentials.to_base64()?;
    header(&format!("Basic {}", pair.expose()))
}

/// `Authorization: Bearer …`; none if the token is not what a header may hold.
pub(super) fn bearer(token: &Secret) -> Option<HeaderValue> {
    header(&format!("Bearer {}", token.expose()))
}

fn header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Token {
    /// Reads an answer; old servers say `token`, OAuth 2 says `access_token`.
    pub(super) fn parse(answer: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        let text = |name: &str| answer.get(name)?.as_str().filter(|text| !text.is_empty());
        let value = text("token").or_else(|| text("access_token"))?.into();
        let life = answer.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs);
        Some(Self { value, life: life.unwrap_or_default().max(SHORTEST_LIFE) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(realm: &str) -> Bearer {
        Bearer { realm: realm.into(), service: Some("reg istry".into()), scope: None }
    }

    fn request(credentials: Option<&Credentials>) -> TokenRequest {
        let registry = "https://r.io/v2/".parse().unwrap();
        let scopes = ["repository:a/b:pull".into(), "repository:c:pull".into()];
        let bearer = challenge("https://auth.io/token?x=1");
        TokenRequest::new(&registry, &bearer, &scopes, credentials).unwrap()
    }

    #[test]
    fn a_password_is_shown_as_basic_and_nothing_to_everybody() {
        let query =
            "x=1&service=reg+istry&scope=repository%3Aa%2Fb%3Apull&scope=repository%3Ac%3Apull";
        let anonymous = request(None);
        assert_eq!(anonymous.url.as_str(), format!("https://auth.io/token?{query}"));
        assert!(anonymous.header.is_none() && anonymous.form.is_none());
        let ann = request(Some(&Credentials::new("ann".into(), "secret".into())));
        assert_eq!(ann.url, anonymous.url);
        assert_eq!(ann.header.as_ref().unwrap(), "Basic YW5uOnNlY3JldA==");
        assert!(!format!("{ann:?}").contains("YW5u"));
    }

    #[test]
    fn an_identity_token_is_posted() {
        let request = request(Some(&Credentials::IdentityToken("a+b/c=".into())));
        assert_eq!(request.url.as_str(), "https://auth.io/token?x=1");
        assert!(request.header.is_none());
        assert!(!format!("{request:?}").contains("a%2Bb"));
        let form = request.form.unwrap();
        let expected = "grant_type=refresh_token&service=reg+istry&client_id=sandbox&\
                        scope=repository%3Aa%2Fb%3Apull+repository%3Ac%3Apull&\
                        refresh_token=a%2Bb%2Fc%3D";
        assert_eq!(form.expose(), expected);
    }

    #[test]
    fn a_realm_that_is_not_safe_is_not_asked() {
        let registry = "https://r.io/v2/".parse().unwrap();
        for realm in ["http://r.io/token", "token", ""] {
            TokenRequest::new(&registry, &challenge(realm), &[], None).unwrap_err();
        }
    }

    #[test]
    fn an_answer_has_a_token_and_a_life() {
        let parse = |text: &str| {
            let token = Token::parse(text.as_bytes())?;
            Some((token.value.expose().to_owned(), token.life.as_secs()))
        };
        let cases = [
            (r#"{"token": "a"}"#, Some(("a", 60))),
            (r#"{"access_token": "b", "expires_in": 300}"#, Some(("b", 300))),
            (r#"{"token": "", "access_token": "b", "expires_in": 1}"#, Some(("b", 60))),
            (r#"{"token": "a", "expires_in": "soon"}"#, Some(("a", 60))),
            (r#"{"token": 5}"#, None),
            ("[]", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected.map(|(token, life)| (token.into(), life)), "{text}");
        }
        assert_eq!(bearer(&"a\nb".into()), None);
    }
}
