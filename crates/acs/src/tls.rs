//! TLS 1.2 and 1.3 for the listeners (`TLS-01`): several certificates by name, and new ones
//! without a restart.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{
    ClientHello, ResolvesServerCert, ResolvesServerCertUsingSni, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::oid::ObjectIdentifier;

use crate::config::{CertificateConfig, TlsConfig};

/// `id-at-commonName` of RFC 5280.
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// A certificate that cannot be used. The text names the file and says what to do.
#[derive(Debug, thiserror::Error)]
#[error("tls.certificates: {path}: {problem}")]
pub struct TlsError {
    path: PathBuf,
    problem: String,
}

impl TlsError {
    fn new(path: &Path, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), problem: problem.into() }
    }
}

/// Says what is wrong with the certificates of a configuration. Blocks.
///
/// # Errors
/// [`TlsError`] for the first file that cannot be used.
pub fn check_certificates(config: &TlsConfig) -> Result<(), TlsError> {
    Tls::open(config).map(drop)
}

/// What new connections are greeted with.
#[derive(Debug)]
pub(crate) struct Tls {
    config: TlsConfig,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    /// The bytes of all files.
    files: Vec<Vec<u8>>,
    /// Whether the files have changed to something that cannot be used, which is said once.
    is_stale: bool,
}

impl Tls {
    /// Reads the certificates. Blocks.
    ///
    /// # Errors
    /// [`TlsError`] for the first file that cannot be used.
    pub(crate) fn open(config: &TlsConfig) -> Result<Self, TlsError> {
        let files = read(config)?;
        let current = Arc::new(config_of(config, &files)?);
        let current = Mutex::new(Current { config: current, files, is_stale: false });
        Ok(Self { config: config.clone(), current })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current().config))
    }

    /// Takes new certificates when the files have changed. What cannot be used is told, and the old
    /// ones stay. Blocks.
    pub(crate) fn look(&self) {
        let read = read(&self.config);
        let mut current = self.current();
        let result = match read {
            Ok(files) if files == current.files => {
                current.is_stale = false;
                return;
            }
            Ok(files) => config_of(&self.config, &files).map(|config| (files, config)),
            Err(error) => Err(error),
        };
        match result {
            Ok((files, config)) => {
                info!("new certificates are used");
                *current = Current { config: Arc::new(config), files, is_stale: false };
            }
            Err(error) if !current.is_stale => {
                warn!(%error, "new certificates cannot be used; the old ones stay");
                current.is_stale = true;
            }
            Err(_) => {}
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        // No code panics while it holds the lock.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of all files: those of a certificate before those of its key, and then authorities.
fn read(config: &TlsConfig) -> Result<Vec<Vec<u8>>, TlsError> {
    let paths = config.certificates.iter().flat_map(|it| [&it.chain, &it.key]);
    paths
        .chain(&config.client_authorities)
        .map(|path| fs::read(path).map_err(|error| TlsError::new(path, reason(&error))))
        .collect()
}

fn reason(error: &io::Error) -> String {
    format!("{error}; check the name and the rights")
}

fn config_of(config: &TlsConfig, files: &[Vec<u8>]) -> Result<ServerConfig, TlsError> {
    let certificates = &config.certificates;
    let (files, authorities) = files.split_at(files.len().min(certificates.len() * 2));
    let mut named = ResolvesServerCertUsingSni::new();
    let mut default = None;
    for (certificate, bytes) in certificates.iter().zip(files.chunks_exact(2)) {
        let [chain, key] = bytes else { continue };
        let certified = certified(certificate, chain, key)?;
        for name in &certificate.names {
            named.add(name, certified.clone()).map_err(|error| {
                let problem = format!("it is not for the name {name:?}: {error}");
                TlsError::new(&certificate.chain, problem)
            })?;
        }
        default.get_or_insert_with(|| Arc::new(certified));
    }
    let resolver = Arc::new(ByName { named, default });
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::new(Path::new("TLS"), error.to_string()))?;
    if config.client_authorities.is_empty() {
        return Ok(builder.with_no_client_auth().with_cert_resolver(resolver));
    }
    let mut roots = RootCertStore::empty();
    for (path, bytes) in config.client_authorities.iter().zip(authorities) {
        let before = roots.len();
        for authority in CertificateDer::pem_slice_iter(bytes) {
            let added = authority
                .map_err(|error| error.to_string())
                .and_then(|authority| roots.add(authority).map_err(|error| error.to_string()));
            added.map_err(|error| TlsError::new(path, format!("is no authority: {error}")))?;
        }
        if roots.len() == before {
            return Err(TlsError::new(path, "holds no certificate in PEM"));
        }
    }
    let provider = Arc::new(ring::default_provider());
    // A device may come without, and then has to prove who it is in HTTP (`TLS-07`).
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| TlsError::new(Path::new("tls.client_authorities"), error.to_string()))?;
    Ok(builder.with_client_cert_verifier(verifier).with_cert_resolver(resolver))
}

fn certified(
    certificate: &CertificateConfig,
    chain: &[u8],
    key: &[u8],
) -> Result<CertifiedKey, TlsError> {
    let of_chain = |problem: String| TlsError::new(&certificate.chain, problem);
    let of_key = |problem: String| TlsError::new(&certificate.key, problem);
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let certificates = certificates.map_err(|error| of_chain(format!("is not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(of_chain("holds no certificate in PEM".to_owned()));
    }
    // The error could quote what it found, and that may be part of the key.
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| of_key("holds no private key in PEM that can be read".to_owned()))?;
    CertifiedKey::from_der(certificates, key, &ring::default_provider()).map_err(|error| {
        of_key(format!("does not go with {}: {error}", certificate.chain.display()))
    })
}

/// The common name of a certificate.
pub(crate) fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let names = certificate.tbs_certificate.subject.0;
    let mut parts = names.iter().flat_map(|set| set.0.iter());
    let name = parts.rfind(|part| part.oid == COMMON_NAME)?;
    std::str::from_utf8(name.value.value()).ok().map(str::to_owned)
}

/// The certificate of the name that the device asks for, else the first.
#[derive(Debug)]
struct ByName {
    named: ResolvesServerCertUsingSni,
    default: Option<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.named.resolve(hello).or_else(|| self.default.clone())
    }
}
