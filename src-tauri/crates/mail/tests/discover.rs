//! Discovery against a real name server (dnsmasq) and a real web server with TLS.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{
    net::{SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tandem_domain::{
    address::EmailAddress,
    profile::{Security, ServerType},
};
use tandem_mail::discover::{Discovery, DiscoveryOptions, Found, Host, Source};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// dnsmasq on a free port, with these records; gone when dropped.
struct NameServer {
    process: Child,
    at: SocketAddr,
}

impl NameServer {
    fn with(records: &[&str]) -> Self {
        let at = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = Command::new("dnsmasq")
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
                "--no-daemon",
            ])
            .args(["--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/", "--pid-file="])
            .arg(format!("--port={}", at.port()))
            .args(records)
            .stderr(Stdio::null())
            .spawn()
            .expect("dnsmasq: script/bootstrap installs it");
        let server = Self { process, at };
        server.wait_until_it_answers();
        server
    }

    /// Asks for the root's name servers, over and over, until something comes back.
    fn wait_until_it_answers(&self) {
        let question = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let start = Instant::now();
        loop {
            let _ = socket.send_to(&question, self.at);
            if socket.recv(&mut [0; 512]).is_ok() {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "dnsmasq does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A web server with TLS for these names, that answers every request alike and keeps what it was asked.
struct WebServer {
    at: SocketAddr,
    authority: Vec<u8>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl WebServer {
    async fn answering(names: &[&str], answer: String) -> Self {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let authority = certificate.der().to_vec();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (acceptor, seen) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answer, seen) = (acceptor.clone(), answer.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut request = vec![0; 4096];
                    let length = stream.read(&mut request).await.unwrap_or(0);
                    seen.lock().unwrap().push(String::from_utf8_lossy(&request[..length]).into_owned());
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { at, authority, requests }
    }

    fn options(&self, names: &[&str], name_server: &NameServer) -> DiscoveryOptions {
        DiscoveryOptions {
            name_servers: vec![name_server.at],
            authorities: vec![self.authority.clone()],
            web_servers: names.iter().map(|name| ((*name).to_owned(), self.at)).collect(),
        }
    }
}

const FILE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\
  <emailProvider id=\"contoso.test\"><domain>contoso.test</domain>\
  <incomingServer type=\"imap\"><hostname>mail.contoso.test</hostname><port>993</port><socketType>SSL</socketType>\
  <authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></incomingServer>\
  <incomingServer type=\"pop3\"><hostname>mail.contoso.test</hostname><port>995</port><socketType>SSL</socketType>\
  <authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></incomingServer>\
  <outgoingServer type=\"smtp\"><hostname>mail.contoso.test</hostname><port>465</port><socketType>SSL</socketType>\
  <authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></outgoingServer>\
  </emailProvider></clientConfig>";

fn http(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn find(options: &DiscoveryOptions) -> Found {
    let address = EmailAddress::parse("amy@contoso.test").unwrap();
    Discovery::new(options).unwrap().find(&address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_domains_own_file_is_believed_first_and_its_records_come_second() {
    let names = NameServer::with(&[
        "--srv-host=_imap._tcp.contoso.test,imap.contoso.test,143,0,1",
        "--srv-host=_imaps._tcp.contoso.test,second.contoso.test,993,20,1",
        "--srv-host=_imaps._tcp.contoso.test,imap.contoso.test,993,10,1",
        "--srv-host=_submission._tcp.contoso.test,smtp.contoso.test,587,0,1",
        "--mx-host=contoso.test,mx.contoso.test,10",
    ]);
    let at = ["autoconfig.contoso.test"];
    let web = WebServer::answering(&at, http("200 OK", FILE)).await;
    let found = find(&web.options(&at, &names)).await;

    let shown: Vec<_> = found
        .proposals
        .iter()
        .map(|one| (one.source, one.server_type, one.incoming.server.as_str(), one.outgoing.port))
        .collect();
    assert_eq!(
        shown,
        [
            (Source::Autoconfig, ServerType::ImapSmtp, "mail.contoso.test", 465),
            (Source::Autoconfig, ServerType::Pop3Smtp, "mail.contoso.test", 465),
            (Source::ServiceRecords, ServerType::ImapSmtp, "imap.contoso.test", 587),
        ],
        "{:#?}",
        found.asked
    );
    let records = &found.proposals[2];
    assert_eq!(records.incoming.security, Security::Tls, "TLS from the first byte before STARTTLS");
    assert_eq!(records.outgoing.security, Security::StartTls);
    assert_eq!(found.hosted_by, None);
    assert_eq!(found.asked.len(), 2 + 6 + 1, "everything that was asked is told");

    let requests = web.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(requests[0].starts_with("GET /mail/config-v1.1.xml?emailaddress=amy%40contoso.test HTTP/1.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_without_anything_gives_reasons_and_no_proposal() {
    let names = NameServer::with(&[]);
    let at = ["autoconfig.contoso.test", "contoso.test"];
    let web = WebServer::answering(&at, http("404 Not Found", "no")).await;
    let found = find(&web.options(&at, &names)).await;
    assert_eq!(found.proposals, []);
    let outcomes: Vec<_> = found.asked.iter().map(|one| one.outcome.as_str()).collect();
    assert_eq!(outcomes[..2], ["has none (HTTP 404)"; 2]);
    assert_eq!(outcomes[2..], ["does not exist"; 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_at_a_provider_is_recognised_by_its_exchangers() {
    let microsoft = NameServer::with(&["--mx-host=contoso.test,contoso-test.mail.protection.outlook.com,0"]);
    let at = ["autoconfig.contoso.test", "contoso.test"];
    let web = WebServer::answering(&at, http("404 Not Found", "no")).await;
    let found = find(&web.options(&at, &microsoft)).await;
    assert_eq!((found.hosted_by, found.proposals.len()), (Some(Host::ExchangeOnline), 0));

    let google = NameServer::with(&["--mx-host=contoso.test,smtp.google.com,1"]);
    let found = find(&web.options(&at, &google)).await;
    assert_eq!(found.hosted_by, Some(Host::Google));
    assert_eq!(found.proposals[0].incoming.server, "imap.gmail.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_server_that_lies_or_floods_is_not_believed() {
    let names = NameServer::with(&["--srv-host=_imaps._tcp.contoso.test"]);
    let at = ["autoconfig.contoso.test", "contoso.test"];
    let plain = http("302 Found", "").replace("\r\n\r\n", "\r\nLocation: http://contoso.test/x.xml\r\n\r\n");
    for answer in [
        http("200 OK", &format!("{FILE}{}", " ".repeat(300_000))),
        http("200 OK", "<html>Welcome</html>"),
        plain,
        "nonsense".to_owned(),
    ] {
        let web = WebServer::answering(&at, answer.clone()).await;
        let found = find(&web.options(&at, &names)).await;
        assert_eq!(found.proposals, [], "{answer:.60}");
        assert_eq!(found.asked[2].outcome, "says that there is no such service");
    }
    let web = WebServer::answering(&at, http("200 OK", FILE)).await;
    let untrusted = DiscoveryOptions { authorities: Vec::new(), ..web.options(&at, &names) };
    let found = find(&untrusted).await;
    assert_eq!(found.proposals, []);
    assert!(found.asked[0].outcome.contains("certificate"), "{}", found.asked[0].outcome);
}
