//! Where an image may be: the mirrors of its registry, and the registry itself.
//!
//! What a mirror lacks, or cannot give now, the next place is asked for. The
//! image keeps its name, and what is named by digest is verified wherever it
//! comes from; a tag means what the mirror says.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Connection, blob::Download, feed::Sink};
use crate::{
    image::{
        Error, Event, Listener, Options,
        auth::{Authorization, Credentials, Found, Scope},
        certificates::Certificates,
        transport::{self, Security, Use},
    },
    oci::Name,
};

/// The places of one image, in the order in which they are asked.
#[derive(Debug)]
pub(in crate::image) struct Places {
    list: Vec<Connection>,
    /// The one that has served the image's first document.
    current: AtomicUsize,
    listener: Listener,
}

impl Places {
    pub(super) fn new(name: &Name, options: &Options) -> Result<Self, Error> {
        let mirrors = options.registries.of(&name.registry).mirrors;
        let mut list = Vec::new();
        for mirror in &mirrors {
            list.push(reading(mirror.mirrored(name), true, options)?);
        }
        list.push(reading(name.clone(), false, options)?);
        Ok(Self::of(list, options))
    }

    fn of(list: Vec<Connection>, options: &Options) -> Self {
        Self { list, current: AtomicUsize::new(0), listener: options.listener.clone() }
    }

    /// The registry alone, to write to it.
    pub(in crate::image) fn to_write(name: &Name, options: &Options) -> Result<Self, Error> {
        let scope = Scope::push(&name.repository);
        let authorization = Authorization::new(scope, options.keyring.lookup_name(name)?);
        let only = connection(name.clone(), authorization, false, Use::Writing, options)?;
        Ok(Self::of(vec![only], options))
    }

    /// No repository, to show who we are.
    pub(super) fn to_log_in(
        registry: &str,
        credentials: &Credentials,
        options: &Options,
    ) -> Result<Self, Error> {
        let (registry, repository) = (registry.into(), String::new());
        let name = Name { registry, repository, tag: None, digest: None, typed: None };
        let found = Found::new(credentials.clone(), "this login".into());
        let authorization = Authorization::new(Scope::default(), found);
        Ok(Self::of(vec![connection(name, authorization, false, Use::Reading, options)?], options))
    }

    /// The connection for what is no matter of mirrors.
    pub(in crate::image) fn only(&self) -> &Connection {
        &self.list[self.first()]
    }

    /// Reads the document with which the image begins; where it was is asked
    /// first from now on.
    pub(super) async fn first_document(&self, id: &str) -> Result<Vec<u8>, Error> {
        let (place, document) = self.find(id).await?;
        self.current.store(place, Ordering::Relaxed);
        if self.list.len() > 1 {
            let place = self.list[place].place();
            self.listener.tell(&Event::Serves { place: &place });
        }
        Ok(document)
    }

    pub(super) async fn document(&self, id: &str) -> Result<Vec<u8>, Error> {
        self.find(id).await.map(|(_, document)| document)
    }

    async fn find(&self, id: &str) -> Result<(usize, Vec<u8>), Error> {
        let mut place = self.first();
        loop {
            match self.list[place].document(id).await {
                Ok(document) => return Ok((place, document)),
                Err(error) => place = self.next(place, error)?,
            }
        }
    }

    /// Sends a blob to its reader; a place goes on where another one broke.
    pub(super) async fn feed(&self, id: &str, sink: &mut Sink) -> Result<(), Error> {
        let (mut place, mut download) = (self.first(), Download::default());
        while let Err(error) = self.list[place].feed(id, &mut download, sink).await {
            place = self.next(place, error)?;
            download.change_place();
        }
        Ok(())
    }

    fn first(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }

    /// The place after one that failed; for the last one, its error.
    fn next(&self, place: usize, error: Error) -> Result<usize, Error> {
        let Some(next) = self.list.get(place + 1) else { return Err(error) };
        let (mirror, next) = (self.list[place].place(), next.place());
        self.listener.tell(&Event::PassedOver { mirror: &mirror, next: &next, error: &error });
        Ok(place + 1)
    }
}

/// A place to read from, which sees the credentials that are its own.
fn reading(name: Name, spare: bool, options: &Options) -> Result<Connection, Error> {
    let found = options.keyring.lookup_name(&name)?;
    let authorization = Authorization::new(Scope::pull(&name.repository), found);
    connection(name, authorization, spare, Use::Reading, options)
}

fn connection(
    name: Name,
    authorization: Authorization,
    spare: bool,
    purpose: Use,
    options: &Options,
) -> Result<Connection, Error> {
    let verified = options.tls_verify && !options.registries.of(&name.registry).insecure;
    let certificates = Certificates::find(&name.registry, options)?;
    // On this machine plain http is the custom, unless there are certificates.
    let plain = transport::is_loopback(&name.registry) && certificates.is_none();
    let https_only = verified && !plain;
    let certificates = certificates.unwrap_or_default();
    let security = Security { verified, https_only, certificates };
    let posts = authorization.may_post();
    let clients = transport::clients(options, security, purpose, posts)?;
    Ok(Connection::new(clients, plain, https_only, name, authorization, spare, options))
}
