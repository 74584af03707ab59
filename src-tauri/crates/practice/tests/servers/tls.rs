//! TLS from the first byte and in mid-session, with good and bad certificates.

use sha2::Digest as _;
use tandem_practice::{
    Authority, CertificateFlaw, Feature, ImapServer, Pop3Server, Security, ServerOptions, SmtpServer,
};

use crate::client::{AMY, Client, PASSWORD, connector, hub, plain};

fn options(
    authority: &Authority,
    flaw: CertificateFlaw,
    wrap: fn(tandem_practice::ServerCertificate) -> Security,
) -> ServerOptions {
    ServerOptions::with(wrap(authority.server_certificate(flaw).expect("made")))
}

#[tokio::test]
async fn a_good_certificate_is_accepted_and_its_fingerprint_is_the_one_told() {
    let authority = Authority::generate().expect("made");
    let certificate = authority.server_certificate(CertificateFlaw::None).expect("made");
    let told = certificate.sha256().to_owned();
    let server =
        Pop3Server::start(hub(), ServerOptions::with(Security::Tls(certificate))).await.expect("started");
    let mut client = Client::connect_tls(server.address(), authority.pem()).await.expect("secure");
    assert!(client.line().await.starts_with("+OK"));
    assert!(client.ask(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await.starts_with("+OK"));
    assert!(client.ask("QUIT").await.starts_with("+OK"));
    assert!(client.rest().await.is_empty());

    let socket = tokio::net::TcpStream::connect(server.address()).await.expect("connected");
    let by_address = rustls::pki_types::ServerName::try_from("127.0.0.1").expect("a name");
    let stream =
        connector(authority.pem()).connect(by_address, socket).await.expect("the address is named too");
    let seen = stream.get_ref().1.peer_certificates().expect("certificates")[0].to_vec();
    let seen: String = sha2::Sha256::digest(seen).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(seen, told);
}

#[tokio::test]
async fn each_flawed_certificate_is_refused_for_its_own_reason() {
    let authority = Authority::generate().expect("made");
    for (flaw, reason) in [
        (CertificateFlaw::Expired, "expired"),
        (CertificateFlaw::WrongName, "not valid for name"),
        (CertificateFlaw::SelfSigned, "UnknownIssuer"),
    ] {
        let server =
            ImapServer::start(hub(), options(&authority, flaw, Security::Tls)).await.expect("started");
        let refused = Client::connect_tls(server.address(), authority.pem()).await.err().expect("refused");
        assert!(refused.to_string().contains(reason), "{flaw:?}: {refused}");
    }
}

#[tokio::test]
async fn login_before_starttls_is_refused_and_works_after_it() {
    let authority = Authority::generate().expect("made");
    let hub = hub();
    let pop3 = Pop3Server::start(hub.clone(), options(&authority, CertificateFlaw::None, Security::StartTls))
        .await
        .expect("started");
    let mut client = Client::connect(pop3.address()).await;
    client.line().await;
    assert!(client.ask(&format!("USER {AMY}")).await.starts_with("-ERR"));
    client.ask("CAPA").await;
    assert!(client.until_dot().await.contains(&"STLS".to_owned()));
    assert!(client.ask("STLS").await.starts_with("+OK"));
    let mut client = client.secure(authority.pem()).await.expect("secure");
    client.ask("CAPA").await;
    assert!(!client.until_dot().await.contains(&"STLS".to_owned()));
    assert!(client.ask(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await.starts_with("+OK"));

    let imap = ImapServer::start(hub.clone(), options(&authority, CertificateFlaw::None, Security::StartTls))
        .await
        .expect("started");
    let mut client = Client::connect(imap.address()).await;
    assert!(client.line().await.contains("STARTTLS LOGINDISABLED"));
    assert!(client.command(&format!("LOGIN {AMY} \"{PASSWORD}\"")).await[0].contains("NO [PRIVACYREQUIRED]"));
    assert!(client.command("STARTTLS").await[0].starts_with("t OK"));
    let mut client = client.secure(authority.pem()).await.expect("secure");
    assert!(client.command(&format!("LOGIN {AMY} \"{PASSWORD}\"")).await[0].starts_with("t OK"));

    let smtp = SmtpServer::start(hub, options(&authority, CertificateFlaw::None, Security::StartTls))
        .await
        .expect("started");
    let mut client = Client::connect(smtp.address()).await;
    client.reply().await;
    let offers = client.say("EHLO client.practice").await;
    assert!(offers.contains("STARTTLS") && !offers.contains("AUTH"), "{offers}");
    assert!(client.say(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await.starts_with("530"));
    // A command slipped in behind STARTTLS must not be executed inside TLS.
    client.send("STARTTLS\r\nNOOP\r\n").await;
    assert!(client.reply().await.starts_with("220"));
    let mut client = client.secure(authority.pem()).await.expect("secure");
    let offers = client.say("EHLO client.practice").await;
    assert!(offers.starts_with("250-mail.practice") && offers.contains("AUTH PLAIN LOGIN"), "{offers}");
    assert!(client.say(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await.starts_with("235"));
}

#[tokio::test]
async fn starttls_can_disappear_as_in_a_downgrade() {
    let authority = Authority::generate().expect("made");
    let smtp = SmtpServer::start(hub(), options(&authority, CertificateFlaw::None, Security::StartTls))
        .await
        .expect("started");
    smtp.faults().without(Feature::StartTls);
    let mut client = Client::connect(smtp.address()).await;
    client.reply().await;
    assert!(!client.say("EHLO client.practice").await.contains("STARTTLS"));
    assert!(client.say("STARTTLS").await.starts_with("502"));
}
