//! What requests to one repository show, and how it is renewed.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use reqwest::{Url, header::HeaderValue};

use super::{
    Credentials, Found, TokenRequest,
    challenge::{Bearer, Challenge},
    keyring::Tried,
    token::{self, Token},
};

/// What a token is to be good for: `repository:NAME:ACTIONS`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::image) struct Scope {
    repository: String,
    actions: &'static [&'static str],
}

/// The `Authorization` of the requests to one repository.
#[derive(Debug)]
pub(in crate::image) struct Authorization {
    scope: Scope,
    found: Found,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    header: Option<HeaderValue>,
    /// When it is good for nothing any more.
    until: Option<Instant>,
    /// How often it has changed.
    version: u32,
}

/// What a request shows; of use in [`Authorization::is_current`].
#[derive(Debug, Clone, Default)]
pub(in crate::image) struct Shown {
    pub(in crate::image) header: Option<HeaderValue>,
    version: u32,
}

/// What is to be done about an answer 401.
#[derive(Debug)]
pub(in crate::image) enum Step {
    /// To make the request again.
    Retry,
    /// To send this, and to [`Authorization::accept`] the answer.
    Fetch(TokenRequest),
    /// Nothing: the registry has seen what we have.
    Denied,
    /// Nothing: the realm is not one to send a password to.
    Refused(&'static str),
}

impl Scope {
    /// To read a repository.
    pub(in crate::image) fn pull(repository: &str) -> Self {
        Self { repository: repository.into(), actions: &["pull"] }
    }

    /// To read and to write one.
    pub(in crate::image) fn push(repository: &str) -> Self {
        Self { repository: repository.into(), actions: &["pull", "push"] }
    }

    /// What to ask for, when the registry itself speaks of `wanted`.
    ///
    /// The registry knows best what the request needs, except that it does not
    /// know what the next one will be: a token to pull is none to push. Whoever
    /// only wants to be let in needs none, although some registries speak of one.
    fn with(&self, wanted: Option<&str>) -> Vec<String> {
        if self.actions.is_empty() {
            return Vec::new();
        }
        let wanted: Vec<&str> = wanted.unwrap_or_default().split_whitespace().collect();
        let is_ours = |scope: &&str| self.actions_of(scope).is_some();
        let ours = (wanted.is_empty() || wanted.iter().any(is_ours))
            .then(|| format!("repository:{}:{}", self.repository, self.actions.join(",")));
        let others = wanted.into_iter().filter(|scope| !self.covers(scope));
        ours.into_iter().chain(others.map(Into::into)).collect()
    }

    /// Whether ours allows whatever `scope` does.
    fn covers(&self, scope: &str) -> bool {
        self.actions_of(scope)
            .is_some_and(|actions| actions.split(',').all(|action| self.actions.contains(&action)))
    }

    /// The actions of a scope for our repository.
    fn actions_of<'a>(&self, scope: &'a str) -> Option<&'a str> {
        let (resource, actions) = scope.rsplit_once(':')?;
        (resource.strip_prefix("repository:") == Some(&self.repository)).then_some(actions)
    }
}

impl Authorization {
    /// Shows nothing until the registry asks for it.
    pub(in crate::image) fn new(scope: Scope, found: Found) -> Self {
        Self { scope, found, state: Mutex::default() }
    }

    /// Whether a token may have to be sent in the body of a request.
    pub(in crate::image) fn may_post(&self) -> bool {
        matches!(self.found.credentials, Some(Credentials::IdentityToken(_)))
    }

    /// What the next request is to show; nothing once it has expired.
    pub(in crate::image) fn shown(&self) -> Shown {
        self.shown_at(Instant::now())
    }

    fn shown_at(&self, now: Instant) -> Shown {
        let state = self.state();
        let header = state.header.clone().filter(|_| state.until.is_none_or(|until| now < until));
        Shown { header, version: state.version }
    }

    /// Whether nothing better has come since.
    pub(in crate::image) fn is_current(&self, shown: &Shown) -> bool {
        self.state().version == shown.version
    }

    /// What has been tried, for messages.
    pub(in crate::image) fn tried(&self) -> &Tried {
        &self.found.tried
    }

    /// Decides what to do about an answer 401 of `registry` to a request that has
    /// shown `shown`; `challenges` are its `WWW-Authenticate`.
    pub(in crate::image) fn answer<'a>(
        &self,
        registry: &Url,
        challenges: impl IntoIterator<Item = &'a str>,
        shown: &Shown,
    ) -> Step {
        let credentials = self.found.credentials.as_ref();
        let header = match (Challenge::best(challenges), credentials) {
            (Some(_), Some(Credentials::RegistryToken(token))) => token::bearer(token),
            (Some(Challenge::Basic), Some(credentials)) => token::basic(credentials),
            (Some(Challenge::Bearer(bearer)), credentials) => {
                return self.fetch(registry, &bearer, credentials);
            }
            (Some(Challenge::Basic), None) | (None, _) => None,
        };
        match header {
            // It will not like it better the second time.
            Some(header) if shown.header.as_ref() == Some(&header) => Step::Denied,
            Some(header) => {
                self.set(header, None);
                Step::Retry
            }
            None => Step::Denied,
        }
    }

    fn fetch(&self, registry: &Url, bearer: &Bearer, credentials: Option<&Credentials>) -> Step {
        let scopes = self.scope.with(bearer.scope.as_deref());
        match TokenRequest::new(registry, bearer, &scopes, credentials) {
            Ok(request) => Step::Fetch(request),
            Err(why) => Step::Refused(why),
        }
    }

    /// Takes what a token server has answered to a request made at `asked`.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub(in crate::image) fn accept(
        &self,
        answer: &[u8],
        asked: Instant,
    ) -> Result<(), &'static str> {
        let token = Token::parse(answer).ok_or("the answer has no token")?;
        let header =
            token::bearer(&token.value).ok_or("the token is not what a header may hold")?;
        self.set(header, asked.checked_add(token.life));
        Ok(())
    }

    fn set(&self, header: HeaderValue, until: Option<Instant>) {
        let mut state = self.state();
        *state = State { header: Some(header), until, version: state.version.wrapping_add(1) };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BEARER: &str = r#"Bearer realm="https://auth.io/t",service="s""#;

    fn authorization(credentials: Option<Credentials>) -> Authorization {
        let found = match credentials {
            Some(credentials) => Found::new(credentials, "here".into()),
            None => Found::default(),
        };
        Authorization::new(Scope::pull("a/b"), found)
    }

    fn registry() -> Url {
        "https://r.io/v2/".parse().unwrap()
    }

    fn ann() -> Option<Credentials> {
        Some(Credentials::new("ann".into(), "secret".into()))
    }

    #[test]
    fn a_password_is_shown_once_it_is_asked_for_and_once_only() {
        let authorization = authorization(ann());
        let first = authorization.shown();
        assert!(first.header.is_none());
        assert!(matches!(
            authorization.answer(&registry(), ["Basic realm=x"], &first),
            Step::Retry
        ));
        let second = authorization.shown();
        assert_eq!(second.header.as_ref().unwrap(), "Basic YW5uOnNlY3JldA==");
        assert!(!authorization.is_current(&first) && authorization.is_current(&second));
        assert!(matches!(
            authorization.answer(&registry(), ["Basic realm=x"], &second),
            Step::Denied
        ));
    }

    #[test]
    fn without_credentials_only_tokens_can_be_had() {
        let authorization = authorization(None);
        let shown = authorization.shown();
        assert!(matches!(
            authorization.answer(&registry(), ["Basic realm=x"], &shown),
            Step::Denied
        ));
        assert!(matches!(authorization.answer(&registry(), [], &shown), Step::Denied));
        let Step::Fetch(request) = authorization.answer(&registry(), [BEARER], &shown) else {
            panic!()
        };
        let expected = "https://auth.io/t?service=s&scope=repository%3Aa%2Fb%3Apull";
        assert_eq!(request.url.as_str(), expected);
    }

    #[test]
    fn a_token_is_shown_until_it_expires() {
        let authorization = authorization(None);
        let now = Instant::now();
        authorization.accept(br#"{"token": "t", "expires_in": 100}"#, now).unwrap();
        let shown = |after| authorization.shown_at(now + Duration::from_secs(after)).header;
        assert_eq!(shown(99).unwrap(), "Bearer t");
        assert!(shown(100).is_none());
        authorization.accept(b"{}", now).unwrap_err();
        // One that was refused earlier is got anew.
        let shown = authorization.shown();
        assert!(matches!(authorization.answer(&registry(), [BEARER], &shown), Step::Fetch(_)));
    }

    #[test]
    fn a_registry_token_is_shown_as_it_is() {
        let authorization = authorization(Some(Credentials::RegistryToken("r".into())));
        let shown = authorization.shown();
        assert!(matches!(authorization.answer(&registry(), [BEARER], &shown), Step::Retry));
        let shown = authorization.shown();
        assert_eq!(shown.header.as_ref().unwrap(), "Bearer r");
        assert!(matches!(authorization.answer(&registry(), [BEARER], &shown), Step::Denied));
    }

    #[test]
    fn an_unsafe_realm_is_refused_with_and_without_a_password() {
        for credentials in [ann(), None] {
            let authorization = authorization(credentials);
            let realm = r#"Bearer realm="http://auth.io/t""#;
            let step = authorization.answer(&registry(), [realm], &authorization.shown());
            assert!(matches!(step, Step::Refused(_)), "{step:?}");
        }
    }

    #[test]
    fn the_scope_is_what_the_registry_wants_and_what_comes_next() {
        let (pull, push, none) = (Scope::pull("a/b"), Scope::push("a/b"), Scope::default());
        let cases: [(&Scope, Option<&str>, &[&str]); 9] = [
            (&pull, None, &["repository:a/b:pull"]),
            (&pull, Some("repository:a/b:pull"), &["repository:a/b:pull"]),
            (&push, Some("repository:a/b:pull"), &["repository:a/b:pull,push"]),
            (&push, Some("repository:a/b:push,pull"), &["repository:a/b:pull,push"]),
            (
                &push,
                Some("repository:a/b:pull,push repository:c:pull"),
                &["repository:a/b:pull,push", "repository:c:pull"],
            ),
            // A registry that keeps the repository under another name.
            (&pull, Some("repository:proxy/b:pull"), &["repository:proxy/b:pull"]),
            (&pull, Some("repository:a/b:*"), &["repository:a/b:pull", "repository:a/b:*"]),
            (&none, None, &[]),
            (&none, Some("repository:user/image:pull"), &[]),
        ];
        for (scope, wanted, expected) in cases {
            assert_eq!(scope.with(wanted), expected, "{scope:?} {wanted:?}");
        }
    }
}
