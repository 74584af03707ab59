//! Decides whose certificates are believed: the operating system's roots, a profile's own CA file, or pinned
//! certificates. A refused certificate is kept for the error that shows it.

use super::{certificate, failure, sessions::Sessions};
use rustls::{
    CertificateError, CipherSuite, ClientConfig, DigitallySignedStruct, Error as TlsError, OtherError,
    RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    fs::File,
    io::Read,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tandem_domain::{
    failure::{Failure, FailureCode, RefusedCertificate},
    profile::CertificateTrust,
};
use tokio::time::Instant;

const MAX_CA_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// A CA file is looked at again after this long. A change that is seen a moment later is one that came a moment later.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
const MAX_CACHED_CONFIGS: usize = 64;

/// TLS settings, made once per distinct trust: sessions are resumed, and the system's roots are loaded once.
#[derive(Default)]
pub(super) struct TlsConfigs {
    cached: Mutex<HashMap<TrustKey, Arc<ClientConfig>>>,
    files: Mutex<HashMap<String, (CaFile, Instant)>>,
}

/// What a configuration depends on. The CA file counts by its content, so that a changed file takes effect.
#[derive(PartialEq, Eq, Hash)]
struct TrustKey {
    ca: Option<[u8; 32]>,
    pins: BTreeSet<String>,
}

/// A CA file as it was when it was read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CaFile {
    length: u64,
    modified: Option<SystemTime>,
    fingerprint: [u8; 32],
}

impl TlsConfigs {
    /// The settings for a trust.
    pub(super) async fn get(&self, trust: &CertificateTrust) -> Result<Arc<ClientConfig>, Failure> {
        let pins: BTreeSet<String> = trust.pinned_sha256.iter().map(|pin| normal_pin(pin)).collect();
        let Some(path) = &trust.ca_file else { return self.settings(TrustKey { ca: None, pins }, None) };
        let known = locked(&self.files).get(path).copied();
        if let Some((ca, _)) = known.filter(|(_, looked_at)| looked_at.elapsed() < LOOK_AGAIN_AFTER)
            && let Some(config) = self.made(&TrustKey { ca: Some(ca.fingerprint), pins: pins.clone() })
        {
            return Ok(config);
        }
        let (file, pem) = read_ca_file(path, known.map(|(file, _)| file)).await?;
        let key = TrustKey { ca: Some(file.fingerprint), pins };
        let pem = match pem {
            Some(pem) => pem,
            // The same file as before: most often there are settings for it.
            None => match self.made(&key) {
                Some(config) => {
                    self.looked_at(path, file);
                    return Ok(config);
                }
                None => read_ca_file(path, None).await?.1.unwrap_or_default(),
            },
        };
        let config = self.settings(key, Some((path, &pem)))?;
        self.looked_at(path, file);
        Ok(config)
    }

    fn looked_at(&self, path: &str, file: CaFile) {
        let mut files = locked(&self.files);
        if files.len() >= MAX_CACHED_CONFIGS {
            files.clear();
        }
        files.insert(path.to_owned(), (file, Instant::now()));
    }

    fn made(&self, key: &TrustKey) -> Option<Arc<ClientConfig>> {
        locked(&self.cached).get(key).cloned()
    }

    fn settings(&self, key: TrustKey, pem: Option<(&str, &[u8])>) -> Result<Arc<ClientConfig>, Failure> {
        if let Some(config) = self.made(&key) {
            return Ok(config);
        }
        let config = Arc::new(build(pem, &key.pins)?);
        let mut cached = locked(&self.cached);
        if cached.len() >= MAX_CACHED_CONFIGS {
            cached.clear();
        }
        cached.insert(key, Arc::clone(&config));
        Ok(config)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a certificate was refused, carried through rustls to [`failure::handshake`].
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: FailureCode,
    pub(super) certificate: RefusedCertificate,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.certificate.why)
    }
}

impl std::error::Error for Refusal {}

/// Pins are compared as lower-case hex; people paste them with colons.
fn normal_pin(pin: &str) -> String {
    pin.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect()
}

/// Reads a CA file, unless it is as it was known to be: then only its content is missing in what is given back.
async fn read_ca_file(path: &str, known: Option<CaFile>) -> Result<(CaFile, Option<Vec<u8>>), Failure> {
    let owned = path.to_owned();
    // One step on a thread that may block: a look at the file costs less than the way there.
    let read = tokio::task::spawn_blocking(move || {
        let file = File::open(&owned)?;
        let found = file.metadata()?;
        let (length, modified) = (found.len(), found.modified().ok());
        let is_known = |known: &CaFile| known.length == length && known.modified == modified;
        if let Some(known) = known.filter(|known| modified.is_some() && is_known(known)) {
            return Ok((known, None));
        }
        let mut pem = Vec::new();
        file.take(MAX_CA_FILE_BYTES + 1).read_to_end(&mut pem)?;
        Ok((CaFile { length, modified, fingerprint: certificate::fingerprint(&pem) }, Some(pem)))
    });
    let read = read.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    let (file, pem) = read.map_err(|error| failure::ca_file(path, &format!("cannot be read: {error}")))?;
    if pem.as_ref().is_some_and(|pem| pem.len() as u64 > MAX_CA_FILE_BYTES) {
        return Err(failure::ca_file(path, "is larger than 4 MiB"));
    }
    Ok((file, pem))
}

fn build(pem: Option<(&str, &[u8])>, pins: &BTreeSet<String>) -> Result<ClientConfig, Failure> {
    let mut provider = aws_lc_rs::default_provider();
    // As browsers do: most processors have instructions for SHA-256 and none for SHA-384.
    let cheapest = CipherSuite::TLS13_AES_128_GCM_SHA256;
    provider.cipher_suites.sort_by_key(|offered| offered.suite() != cheapest);
    let provider = Arc::new(provider);
    let authorities: Option<Arc<dyn ServerCertVerifier>> = match pem {
        Some((path, pem)) => Some(own_authorities(path, pem, &provider)?),
        // Pins without a CA file stand alone: what is not pinned is refused.
        None if !pins.is_empty() => None,
        None => Some(system_authorities(&provider)?),
    };
    let verifier = Verifier { authorities, pins: pins.clone(), provider: Arc::clone(&provider) };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| internal(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::store(Arc::new(Sessions::default()));
    Ok(config)
}

fn system_authorities(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
    match rustls_platform_verifier::Verifier::new(Arc::clone(provider)) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(error) => Err(Failure::permanent_profile(
            FailureCode::TlsFailed,
            format!("the operating system's certificate authorities cannot be loaded: {error}"),
        )),
    }
}

fn own_authorities(
    path: &str,
    pem: &[u8],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let unusable = |why: &dyn fmt::Display| {
            failure::ca_file(path, &format!("has an unusable certificate, number {}: {why}", index + 1))
        };
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(failure::ca_file(path, "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"));
    }
    match WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build() {
        Ok(verifier) => Ok(verifier),
        Err(error) => Err(failure::ca_file(path, &format!("cannot be used: {error}"))),
    }
}

fn internal(error: &TlsError) -> Failure {
    Failure::permanent_profile(FailureCode::Internal, format!("TLS cannot be set up: {error}"))
}

#[derive(Debug)]
struct Verifier {
    authorities: Option<Arc<dyn ServerCertVerifier>>,
    pins: BTreeSet<String>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if self.pins.contains(&certificate::hex(&certificate::fingerprint(end_entity))) {
            return Ok(ServerCertVerified::assertion());
        }
        let (code, why) = match &self.authorities {
            Some(authorities) => {
                match authorities.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                ) {
                    Ok(verified) => return Ok(verified),
                    Err(error) => {
                        (code_of(&error), in_words(&error, end_entity, server_name, self.pins.is_empty()))
                    }
                }
            }
            None => (FailureCode::CertificateRefused, "it is not one of the pinned certificates".to_owned()),
        };
        let certificate = certificate::describe(&server_name.to_str(), end_entity, why);
        Err(TlsError::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Refusal {
            code,
            certificate,
        })))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Which of the refusals it is: they have different next steps.
fn code_of(error: &TlsError) -> FailureCode {
    match error {
        TlsError::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => FailureCode::CertificateExpired,
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => FailureCode::CertificateWrongName,
        _ => FailureCode::CertificateRefused,
    }
}

/// Why a certificate is refused, for people.
fn in_words(error: &TlsError, der: &[u8], name: &ServerName<'_>, no_pins: bool) -> String {
    let TlsError::InvalidCertificate(problem) = error else {
        return format!("it cannot be checked: {error}");
    };
    let why = match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; check this computer's clock".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is for another name than {}", name.to_str())
        }
        CertificateError::UnknownIssuer if certificate::is_self_signed(der) => {
            "it is self-signed, so that nobody vouches for it".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "it was issued by an authority that is not trusted here, or the server does not send the whole chain"
                .to_owned()
        }
        CertificateError::Revoked => "its issuer has revoked it".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not meant for servers".to_owned()
        }
        CertificateError::BadSignature => {
            "its signature does not fit the trusted authority of its issuer's name, which may have a new key".to_owned()
        }
        CertificateError::BadEncoding => "it is damaged".to_owned(),
        other => format!("it does not pass the check: {other}"),
    };
    if no_pins { why } else { format!("{why}, and it is not one of the pinned certificates") }
}
