//! Verification of encrypted connections, following libpq's `sslmode` and `sslrootcert`.
//!
//! | `sslmode` | with a root certificate | without one |
//! |---|---|---|
//! | `prefer` | encrypted without verification, else unencrypted | the same |
//! | `require` | same as `verify-ca` | encrypted without verification |
//! | `verify-ca` | certificate of that issuer | same as `verify-full` |
//! | `verify-full` | certificate of that issuer for this host name | certificate trusted by the system for this host name |

use std::path::Path;
use std::sync::{Arc, LazyLock};

use datafusion::common::Result;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::target::{Encryption, Target};
use crate::error::{SqlState, coded, failed, invalid};

/// The certificates that the system trusts, or those in SSL_CERT_FILE.
static SYSTEM: LazyLock<std::result::Result<MakeRustlsConnect, String>> = LazyLock::new(|| {
    MakeRustlsConnect::with_native_certs()
        .map(|(connect, _)| connect)
        .map_err(|errors| errors.first().map_or_else(|| "there are none".into(), ToString::to_string))
});

/// A TLS connector for a target.
///
/// # Errors
/// There are no trusted certificates, or the file of root certificates has none.
pub fn connector(target: &Target) -> Result<MakeRustlsConnect> {
    let roots = target.roots.as_deref();
    match (target.encryption, roots) {
        (Encryption::Never | Encryption::IfItCan, _) | (Encryption::Always, None) => lenient(target, None),
        (Encryption::Always | Encryption::Issuer, Some(roots)) => lenient(target, Some(verifier(target, roots)?)),
        (Encryption::Verified, Some(roots)) => {
            let builder = builder(target)?.with_webpki_verifier(verifier(target, roots)?);
            Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
        }
        (Encryption::Issuer | Encryption::Verified, None) => SYSTEM.clone().map_err(|problem| {
            let problem = format!(
                "no certificates are trusted on this machine ({problem}), so the server cannot be verified; name a file with ?sslrootcert=FILE, PGSSLROOTCERT or SSL_CERT_FILE"
            );
            coded(SqlState::IO_ERROR, &target.label, problem)
        }),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn builder(target: &Target) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    builder.map_err(|error| failed(&target.label, error))
}

fn lenient(target: &Target, issuer: Option<Arc<WebPkiServerVerifier>>) -> Result<MakeRustlsConnect> {
    let verifier = Arc::new(Lenient { provider: provider(), issuer });
    let builder = builder(target)?.dangerous().with_custom_certificate_verifier(verifier);
    Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
}

/// A verifier for the root certificates in a file.
fn verifier(target: &Target, file: &Path) -> Result<Arc<WebPkiServerVerifier>> {
    let name = file.display().to_string();
    let wrong = |problem: String| invalid(&name, format!("holds the root certificates for {}, but {problem}", target.label));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(format!("cannot be read: {error}")))? {
        let certificate = certificate.map_err(|error| wrong(format!("cannot be read as PEM: {error}")))?;
        roots.add(certificate).map_err(|error| wrong(format!("has one that cannot be used: {error}")))?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().map_err(|error| wrong(error.to_string()))
}

/// Accepts certificates of an issuer for any host name, or any certificate if there is no issuer.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    issuer: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(issuer) = &self.issuer else { return Ok(ServerCertVerified::assertion()) };
        match issuer.verify_server_cert(certificate, intermediates, server, ocsp, now) {
            // The host name is checked last, so everything else is valid.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    // Even without verification, the server must own the certificate's private key.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
