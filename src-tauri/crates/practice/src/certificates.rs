//! Certificates made for one run: a CA of our own, and server certificates that are right or wrong on purpose.

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Datelike, Days, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;

use crate::clock;
use crate::listener::StartError;

const GOOD_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const WRONG_NAME: &str = "mail.elsewhere.practice";

/// What is wrong with a server certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFlaw {
    /// Nothing: issued by the authority for `localhost`, `127.0.0.1` and `::1`, valid today.
    None,
    /// Its validity ended a year ago.
    Expired,
    /// It names `mail.elsewhere.practice` and nothing else.
    WrongName,
    /// It is signed by its own key, not by the authority.
    SelfSigned,
}

/// A certificate authority that exists only in this process.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A server's certificate chain with its private key, ready to serve.
#[derive(Clone)]
pub struct ServerCertificate {
    acceptor: TlsAcceptor,
    sha256: String,
}

impl Authority {
    /// Makes a new CA, valid from yesterday for 90 days.
    ///
    /// # Errors
    /// When the key or certificate cannot be generated.
    pub fn generate() -> Result<Self, StartError> {
        let mut params = dated(CertificateParams::new(Vec::new())?, clock::now());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "Tandem practice authority");
        params.distinguished_name.push(DnType::OrganizationName, "Tandem practice");
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// The CA certificate in PEM: what a profile's own CA file contains.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Makes a server certificate with the given flaw.
    ///
    /// # Errors
    /// When the key or certificate cannot be generated.
    pub fn server_certificate(&self, flaw: CertificateFlaw) -> Result<ServerCertificate, StartError> {
        let names = if flaw == CertificateFlaw::WrongName { vec![WRONG_NAME] } else { GOOD_NAMES.to_vec() };
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let issued_at = match flaw {
            CertificateFlaw::Expired => {
                clock::now().checked_sub_days(Days::new(365 + 90)).unwrap_or_default()
            }
            _ => clock::now(),
        };
        let mut params = dated(CertificateParams::new(names)?, issued_at);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.distinguished_name.push(DnType::CommonName, "Tandem practice mail server");
        let key = KeyPair::generate()?;
        let certificate = match flaw {
            CertificateFlaw::SelfSigned => params.self_signed(&key)?,
            _ => params.signed_by(&key, &self.issuer)?,
        };
        ServerCertificate::new(certificate.der(), &key)
    }
}

impl ServerCertificate {
    /// SHA-256 of the DER certificate in lower-case hex without separators.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    fn new(certificate: &CertificateDer<'static>, key: &KeyPair) -> Result<Self, StartError> {
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], private)?;
        let mut sha256 = String::with_capacity(64);
        for byte in Sha256::digest(certificate) {
            let _ = write!(sha256, "{byte:02x}");
        }
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), sha256 })
    }
}

fn dated(mut params: CertificateParams, issued_at: DateTime<Utc>) -> CertificateParams {
    let from = issued_at.checked_sub_days(Days::new(1)).unwrap_or(issued_at);
    let until = issued_at.checked_add_days(Days::new(90)).unwrap_or(issued_at);
    let day = |at: DateTime<Utc>| {
        let (month, day) = (u8::try_from(at.month()).unwrap_or(1), u8::try_from(at.day()).unwrap_or(1));
        rcgen::date_time_ymd(at.year(), month, day)
    };
    params.not_before = day(from);
    params.not_after = day(until);
    params
}
