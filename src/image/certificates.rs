//! Certificates for one registry, in the layout of `containers-certs.d(5)`.
//!
//! ```text
//! certs.d/HOST[:PORT]/*.crt           trusted, besides those of the system
//! certs.d/HOST[:PORT]/NAME.cert       ours, to show when the registry asks
//! certs.d/HOST[:PORT]/NAME.key        its key
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};

use super::{Error, Options};

/// What a directory holds.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) client: Option<Client>,
}

/// A certificate that says who we are.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) file: PathBuf,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Certificates {
    /// Reads the certificates for `registry`; none if there is no directory for
    /// it.
    ///
    /// # Errors
    /// If a file among them is not what its name promises.
    pub(super) fn find(registry: &str, options: &Options) -> Result<Option<Self>, Error> {
        let asked = options.cert_dir.as_ref();
        let place = match asked {
            // Podman has the files right there, docker a directory a registry.
            Some(dir) => Some(dir.join(registry)).filter(|dir| dir.is_dir()).or(asked.cloned()),
            None => {
                let mut places = options.cert_dirs.iter().map(|dir| dir.join(registry));
                places.find(|dir| dir.is_dir())
            }
        };
        place.map(|dir| Self::read(&dir)).transpose()
    }

    fn read(dir: &Path) -> Result<Self, Error> {
        let mut certificates = Self::default();
        for file in files(dir).map_err(|source| bad(dir, source.to_string()))? {
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("crt") => certificates.authorities.extend(chain(&file)?),
                Some("cert") if certificates.client.is_none() => {
                    let key = file.with_extension("key");
                    let key = PrivateKeyDer::from_pem_file(&key).map_err(|e| unusable(&key, e))?;
                    let chain = chain(&file)?;
                    certificates.client = Some(Client { file, chain, key });
                }
                _ => {}
            }
        }
        Ok(certificates)
    }
}

/// The files of a directory by name, so that the first is always the same one.
fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir)?.map(|entry| Ok(entry?.path()));
    let mut files: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    files.sort();
    Ok(files)
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = |file| CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>();
    match read(file).map_err(|error| unusable(file, error))? {
        chain if chain.is_empty() => Err(bad(file, "it holds no certificate in PEM form".into())),
        chain => Ok(chain),
    }
}

fn unusable(file: &Path, error: pem::Error) -> Error {
    let why = match error {
        pem::Error::Io(source) => source.to_string(),
        pem::Error::NoItemsFound => "it holds nothing of its kind in PEM form".into(),
        other => other.to_string(),
    };
    bad(file, why)
}

pub(super) fn bad(file: &Path, why: String) -> Error {
    Error::BadCertificate { file: file.into(), why }
}
