//! Scripted servers on loopback, their certificates, and clients' settings, for the tests of every protocol.
#![allow(dead_code, reason = "each test file uses a part of it")]

use async_trait::async_trait;
use rcgen::{CertificateParams, DistinguishedName, DnType, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use std::{future::Future, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tandem_domain::{
    address::EmailAddress,
    failure::Failure,
    profile::{CertificateTrust, Endpoint, Security, ServerType},
};
use tandem_engine::{
    ports::mail::{Credentials, Fetched, MailboxAccess, MessageSink},
    raw::RawMessage,
};
use tandem_mail::net::{Connector, Timeouts};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::mpsc,
    task::JoinError,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
use zeroize::Zeroizing;

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
pub const PASSWORD: &str = "correct horse \u{e4}";

pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// The server's end of one connection.
pub struct Peer {
    io: BufReader<Box<dyn Io>>,
}

impl Peer {
    pub async fn say(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.io.write_all(text.as_ref()).await;
        let _ = self.io.flush().await;
    }

    /// The next line without its end; empty when the client went away.
    pub async fn hear(&mut self) -> String {
        let mut line = Vec::new();
        let _ = self.io.read_until(b'\n', &mut line).await;
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    pub async fn expect(&mut self, line: &str) {
        assert_eq!(self.hear().await, line);
    }

    /// Hears a line and answers it.
    pub async fn on(&mut self, line: &str, answer: &str) {
        self.expect(line).await;
        self.say(answer).await;
    }

    /// Never answers again, until the client goes away.
    pub async fn be_silent(mut self) {
        let mut rest = Vec::new();
        let _ = self.io.read_to_end(&mut rest).await;
    }

    /// Closes at once with unread bytes, as a server that breaks off does.
    pub async fn break_off(self) {
        drop(self);
    }

    pub async fn read_exact(&mut self, bytes: &mut [u8]) -> bool {
        self.io.read_exact(bytes).await.is_ok()
    }

    pub async fn start_tls(self, identity: &Identity) -> Peer {
        let tls = identity.acceptor().accept(self.io.into_inner()).await.expect("handshake");
        Peer::over(Box::new(tls))
    }

    fn over(io: Box<dyn Io>) -> Self {
        Self { io: BufReader::new(io) }
    }
}

/// Serves connections with a script, plain or under TLS from the first byte.
pub async fn serve<F, Fut>(tls: Option<&Identity>, script: F) -> SocketAddr
where
    F: Fn(Peer) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    serve_watched(tls, script).await.0
}

/// How the scripts of a server's connections ended.
pub struct Watch(mpsc::UnboundedReceiver<Result<(), JoinError>>);

impl Watch {
    /// Waits for the next connection's script to end, and passes its panic on.
    pub async fn script_held(&mut self) {
        let end = tokio::time::timeout(Duration::from_secs(5), self.0.recv()).await;
        end.expect("the script ends").expect("a connection").expect("the script holds");
    }
}

/// The same, with a watch on the scripts: a failed expectation in one is otherwise only a closed connection.
pub async fn serve_watched<F, Fut>(tls: Option<&Identity>, script: F) -> (SocketAddr, Watch)
where
    F: Fn(Peer) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tls.map(Identity::acceptor);
    let script = Arc::new(script);
    let (ended, watch) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tcp.set_nodelay(true).unwrap();
            let (acceptor, script, ended) = (acceptor.clone(), Arc::clone(&script), ended.clone());
            tokio::spawn(async move {
                let peer = match acceptor {
                    None => Peer::over(Box::new(tcp)),
                    Some(acceptor) => match acceptor.accept(tcp).await {
                        Ok(tls) => Peer::over(Box::new(tls)),
                        Err(_) => return,
                    },
                };
                let _ = ended.send(tokio::spawn(script(peer)).await);
            });
        }
    });
    (address, Watch(watch))
}

/// A certificate authority made for one test.
pub struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name = name("Test authority");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { params, key, pem }
    }

    /// A server certificate for these names, valid within these years.
    pub fn issue(&self, names: &[&str], years: std::ops::Range<i32>) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = server_params(names, years);
        let certificate = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap();
        Identity { der: certificate.der().clone(), key }
    }

    /// Writes the authority's certificate to a file.
    pub fn file(&self) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, &self.pem).unwrap();
        (folder, path)
    }
}

/// A server's certificate and key.
pub struct Identity {
    pub der: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    pub fn self_signed(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = server_params(names, 2020..2090).self_signed(&key).unwrap();
        Self { der: certificate.der().clone(), key }
    }

    pub fn sha256(&self) -> String {
        Sha256::digest(&self.der).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn server_params(names: &[&str], years: std::ops::Range<i32>) -> CertificateParams {
    let mut params =
        CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = name("Test server");
    params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    params
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// Time-outs that let a test of silence end soon.
pub fn impatient() -> Arc<Connector> {
    let soon = Duration::from_millis(300);
    Arc::new(Connector::new(Timeouts { connect: soon, answer: soon, commit: soon }))
}

pub fn patient() -> Arc<Connector> {
    Arc::new(Connector::new(Timeouts::default()))
}

pub fn access(address: SocketAddr, security: Security) -> MailboxAccess {
    MailboxAccess {
        mailbox: NOBODY.parse().unwrap(),
        address: EmailAddress::parse("amy@contoso.test").unwrap(),
        profile: NOBODY.parse().unwrap(),
        server_type: ServerType::Pop3Smtp,
        endpoint: Endpoint {
            server: address.ip().to_string(),
            port: address.port(),
            security,
            trust: CertificateTrust::default(),
        },
        credentials: Credentials::Password {
            user_name: "amy".into(),
            password: Zeroizing::new(PASSWORD.into()),
        },
        allow_plain: true,
        max_message_bytes: 150 * 1024 * 1024,
        process_emails_from: None,
    }
}

pub fn trusting(mut access: MailboxAccess, identity: &Identity) -> MailboxAccess {
    access.endpoint.trust.pinned_sha256 = vec![identity.sha256()];
    access
}

/// Keeps what is delivered.
#[derive(Default)]
pub struct Kept(pub Vec<(usize, Fetched)>);

#[async_trait]
impl MessageSink for Kept {
    async fn deliver(&mut self, index: usize, fetched: Fetched) -> Result<(), Failure> {
        self.0.push((index, fetched));
        Ok(())
    }
}

impl Kept {
    /// What each item became: its bytes, or `gone` or `too large`.
    pub fn texts(&self) -> Vec<String> {
        let text = |fetched: &Fetched| match fetched {
            Fetched::Message { raw, .. } => String::from_utf8_lossy(&bytes(raw)).into_owned(),
            Fetched::Gone => "gone".to_owned(),
            Fetched::TooLarge => "too large".to_owned(),
            Fetched::TooOld { .. } => "too old".to_owned(),
            Fetched::Failed(why) => format!("failed: {}", why.code),
        };
        self.0.iter().map(|(_, fetched)| text(fetched)).collect()
    }
}

pub fn bytes(raw: &RawMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut raw.open().unwrap(), &mut bytes).unwrap();
    bytes
}
