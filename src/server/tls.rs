//! TLS: a certificate and its key from files. Errors in them prevent the server from starting.

use std::path::Path;
use std::sync::Arc;

use datafusion::common::Result;
use pgwire::tokio::TlsAcceptor;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::failed;

/// The files of a server's certificate.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate and its chain, in PEM.
    pub certificate: std::path::PathBuf,
    /// Its private key, in PEM.
    pub key: std::path::PathBuf,
    /// Authorities that must have issued the clients' certificates, in PEM; `None` asks clients for no certificate.
    pub client_authorities: Option<std::path::PathBuf>,
}

/// The TLS configuration.
#[derive(Clone)]
pub struct Tls {
    pub acceptor: TlsAcceptor,
    /// The certificate in PEM, which SCRAM binds passwords to; `None` if its signature algorithm is not supported for that.
    pub bound: Option<Arc<Vec<u8>>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A file cannot be read or has no certificate or key, or the key belongs to another certificate.
    pub fn read(files: &TlsFiles) -> Result<Self> {
        let shown = |path: &Path| path.display().to_string();
        let certificates = certificates(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .map_err(|error| failed(&shown(&files.key), format!("contains no private key in PEM: {error}")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed("TLS", error))?;
        let builder = match &files.client_authorities {
            Some(path) => {
                let mut roots = rustls::RootCertStore::empty();
                for authority in self::certificates(path)? {
                    roots
                        .add(authority)
                        .map_err(|error| failed(&shown(path), format!("is not a certificate authority: {error}")))?;
                }
                let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| failed(&shown(path), error))?)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(certificates, key).map_err(|error| {
            let both = format!("{} and {}", shown(&files.certificate), shown(&files.key));
            failed(&both, format!("cannot be used together: {error}"))
        })?;
        // Required for clients that begin with TLS directly.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), bound: bound(&files.certificate) })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let shown = path.display().to_string();
    let wrong = |problem: String| failed(&shown, problem);
    let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(format!("is not a certificate in PEM: {error}")))?;
    if found.is_empty() {
        return Err(wrong("contains no certificate in PEM".into()));
    }
    Ok(found)
}

/// The certificate's text, if SCRAM can bind passwords to it.
fn bound(path: &Path) -> Option<Arc<Vec<u8>>> {
    let text = std::fs::read(path).ok()?;
    let mut scram = pgwire::api::auth::sasl::scram::ScramServerAuth::new();
    scram.configure_certificate(&text).ok()?;
    Some(Arc::new(text))
}
