//! Whose certificates are believed, and what the error of a refused one shows.

use crate::support::{Authority, Identity, access, impatient, serve};
use std::time::Duration;
use tandem_domain::{
    failure::{Failure, FailureCode, Nature},
    profile::{CertificateTrust, Security},
};
use tandem_mail::net::{Connector, Ladder};

async fn connect(identity: &Identity, server: &str, trust: CertificateTrust) -> Result<(), Failure> {
    connect_with(&impatient(), identity, server, trust).await
}

async fn connect_with(
    connector: &Connector,
    identity: &Identity,
    server: &str,
    trust: CertificateTrust,
) -> Result<(), Failure> {
    let address = serve(Some(identity), |peer| peer.be_silent()).await;
    let mut access = access(address, Security::Tls);
    access.endpoint.server = server.to_owned();
    access.endpoint.trust = trust;
    connector.connect(&access, &mut Ladder::unwatched()).await.map(|wire| {
        assert!(wire.stream().is_encrypted());
    })
}

fn pinned(identity: &Identity) -> CertificateTrust {
    CertificateTrust { ca_file: None, pinned_sha256: vec![identity.sha256()] }
}

fn ca(path: &std::path::Path) -> CertificateTrust {
    CertificateTrust { ca_file: Some(path.display().to_string()), pinned_sha256: vec![] }
}

fn why(refused: Result<(), Failure>) -> String {
    let failure = refused.unwrap_err();
    assert_eq!(failure.nature, Nature::Permanent, "{failure}");
    let refusals =
        [FailureCode::CertificateRefused, FailureCode::CertificateExpired, FailureCode::CertificateWrongName];
    assert!(refusals.contains(&failure.code), "{failure}");
    failure.certificate.unwrap().why
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_and_shown() {
    let identity = Identity::self_signed(&["localhost", "127.0.0.1"]);
    let failure = connect(&identity, "localhost", CertificateTrust::default()).await.unwrap_err();
    let shown = failure.certificate.unwrap();
    assert!(shown.why.contains("self-signed"), "{}", shown.why);
    assert_eq!(shown.host, "localhost");
    assert_eq!((shown.subject.as_str(), shown.issuer.as_str()), ("CN=Test server", "CN=Test server"));
    assert_eq!(shown.names, ["localhost", "127.0.0.1"]);
    assert_eq!(shown.not_before, "2020-01-01 00:00 UTC");
    assert_eq!(shown.not_after, "2090-01-01 00:00 UTC");
    assert_eq!(shown.sha256, identity.sha256());
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let identity = Authority::new().issue(&["localhost"], 2020..2090);
    let why = why(connect(&identity, "localhost", CertificateTrust::default()).await);
    assert!(why.contains("authority that is not trusted"), "{why}");
}

#[tokio::test]
async fn an_own_authority_is_believed_for_names_and_dates_that_fit() {
    let authority = Authority::new();
    let (_folder, path) = authority.file();
    let good = authority.issue(&["localhost", "127.0.0.1"], 2020..2090);
    connect(&good, "localhost", ca(&path)).await.unwrap();
    connect(&good, "127.0.0.1", ca(&path)).await.unwrap();
    let expired = authority.issue(&["localhost"], 2020..2021);
    assert!(why(connect(&expired, "localhost", ca(&path)).await).contains("expired"));
    let early = authority.issue(&["localhost"], 2089..2090);
    assert!(why(connect(&early, "localhost", ca(&path)).await).contains("not valid yet"));
    let other_name = authority.issue(&["mail.contoso.test"], 2020..2090);
    assert!(why(connect(&other_name, "localhost", ca(&path)).await).contains("another name than localhost"));
    let stranger = Authority::new().issue(&["localhost"], 2020..2090);
    assert!(why(connect(&stranger, "localhost", ca(&path)).await).contains("signature does not fit"));
}

#[tokio::test]
async fn a_pinned_certificate_is_believed_whatever_it_says_and_no_other() {
    let expired = Authority::new().issue(&["elsewhere.test"], 2020..2021);
    connect(&expired, "localhost", pinned(&expired)).await.unwrap();
    let mut with_colons = pinned(&expired);
    with_colons.pinned_sha256 = vec![
        expired
            .sha256()
            .to_uppercase()
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).into_owned())
            .collect::<Vec<_>>()
            .join(":"),
    ];
    connect(&expired, "localhost", with_colons).await.unwrap();
    let other = Identity::self_signed(&["localhost"]);
    assert!(why(connect(&other, "localhost", pinned(&expired)).await).contains("pinned"));
}

#[tokio::test]
async fn an_unusable_ca_file_is_named_with_the_reason() {
    let identity = Identity::self_signed(&["localhost"]);
    let folder = tempfile::tempdir().unwrap();
    for (name, content, reason) in [
        ("absent.pem", None, "cannot be read"),
        ("empty.pem", Some(""), "no certificate"),
        ("text.pem", Some("hello"), "no certificate"),
        ("cut.pem", Some("-----BEGIN CERTIFICATE-----\nMIIB"), "number 1"),
        ("junk.pem", Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "number 1"),
    ] {
        let path = folder.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let failure = connect(&identity, "localhost", ca(&path)).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::CaFileUnusable);
        assert!(failure.server_said.contains(name) && failure.server_said.contains(reason), "{failure}");
    }
}

#[tokio::test]
async fn a_ca_file_that_changes_takes_effect_within_a_second() {
    let (old, new) = (Authority::new(), Authority::new());
    let (_folder, path) = old.file();
    let connector = impatient();
    let identity = new.issue(&["localhost"], 2020..2090);
    connect_with(&connector, &identity, "localhost", ca(&path)).await.unwrap_err();
    std::fs::write(&path, &new.pem).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    connect_with(&connector, &identity, "localhost", ca(&path)).await.unwrap();
}
