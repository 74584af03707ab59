//! A certification authority of the test's own, and the one server certificate it signs.
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The files a server needs, and what a client needs to trust exactly that server.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority's certificate in PEM: what a profile's `ca_file` names.
    pub ca_pem: PathBuf,
    /// The server's certificate in PEM, for `localhost`, `127.0.0.1` and the host names asked for.
    pub server_pem: PathBuf,
    /// The server's private key in PEM, readable by its owner only.
    pub key_pem: PathBuf,
    /// SHA-256 of the server's certificate (DER), lower-case hexadecimal: what a pin compares.
    pub fingerprint: String,
    pub(crate) ca_der: Vec<u8>,
}

impl Certificates {
    /// Makes a fresh authority and server certificate in `folder`; valid from 2020 to 2044, so that jumping clocks
    /// stay inside.
    pub fn make(folder: &Path, host_names: &[&str]) -> Self {
        let (ca_pem, ca_der, issuer) = authority();
        let names = ["localhost", "127.0.0.1"].iter().chain(host_names).map(|name| (*name).to_owned());
        let mut params = CertificateParams::new(names.collect::<Vec<_>>()).expect("host names");
        valid_for_decades(&mut params);
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.use_authority_key_identifier_extension = true;
        params.key_usages.push(KeyUsagePurpose::DigitalSignature);
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let key = KeyPair::generate().expect("key");
        let server = params.signed_by(&key, &issuer).expect("sign");

        let made = Self {
            ca_pem: folder.join("ca.pem"),
            server_pem: folder.join("server.pem"),
            key_pem: folder.join("server.key"),
            fingerprint: hex(&Sha256::digest(server.der())),
            ca_der,
        };
        fs::write(&made.ca_pem, &ca_pem).expect("write CA");
        fs::write(&made.server_pem, server.pem() + &ca_pem).expect("write certificate");
        fs::write(&made.key_pem, key.serialize_pem()).expect("write key");
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&made.key_pem, fs::Permissions::from_mode(0o600)).expect("protect key");
        made
    }
}

fn authority() -> (String, Vec<u8>, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    valid_for_decades(&mut params);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Acceptance test authority");
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    params.key_usages.push(KeyUsagePurpose::CrlSign);
    let key = KeyPair::generate().expect("key");
    let certificate = params.self_signed(&key).expect("sign");
    (certificate.pem(), certificate.der().to_vec(), Issuer::new(params, key))
}

fn valid_for_decades(params: &mut CertificateParams) {
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2044, 12, 31);
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
