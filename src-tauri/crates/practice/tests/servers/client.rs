//! A client that sends what it is told and reads what it gets, with a time limit on everything.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tandem_practice::{MailHub, Password};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub const AMY: &str = "amy@contoso.practice";
pub const BEN: &str = "ben@fabrikam.practice";
pub const PASSWORD: &str = "correct horse";

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub struct Client {
    stream: BufReader<Box<dyn Stream>>,
}

/// Two accounts, both with [`PASSWORD`].
pub fn hub() -> MailHub {
    let hub = MailHub::new();
    hub.add_account(AMY, Password::new(PASSWORD), "Amy Alberts");
    hub.add_account(BEN, Password::new(PASSWORD), "Ben Burton");
    hub
}

pub fn message(number: usize) -> Vec<u8> {
    format!("From: <{BEN}>\r\nSubject: Message {number}\r\nMessage-ID: <{number}@fabrikam.practice>\r\n\r\nText {number}\r\n")
        .into_bytes()
}

pub fn plain(user: &str, password: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("\0{user}\0{password}"))
}

pub fn connector(ca_pem: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).expect("PEM")).expect("a CA");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

pub async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.expect("within ten seconds")
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = in_time(TcpStream::connect(address)).await.expect("connected");
        Self { stream: BufReader::new(Box::new(socket)) }
    }

    pub async fn connect_tls(address: SocketAddr, ca_pem: &str) -> io::Result<Self> {
        Self::connect(address).await.secure(ca_pem).await
    }

    /// TLS from here on.
    pub async fn secure(self, ca_pem: &str) -> io::Result<Self> {
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = in_time(connector(ca_pem).connect(name, self.stream.into_inner())).await?;
        Ok(Self { stream: BufReader::new(Box::new(stream)) })
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        in_time(self.stream.write_all(bytes.as_ref())).await.expect("sent");
        in_time(self.stream.flush()).await.expect("flushed");
    }

    /// One line without its end; an error when the connection ends first.
    pub async fn try_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        in_time(self.stream.read_until(b'\n', &mut line)).await?;
        if line.pop() != Some(b'\n') {
            let got = format!("ended after {:?}", String::from_utf8_lossy(&line));
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, got));
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
    }

    pub async fn line(&mut self) -> String {
        self.try_line().await.expect("a line")
    }

    /// Sends a line and returns the first line of the answer.
    pub async fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n")).await;
        self.line().await
    }

    /// POP3: the lines up to the dot, still dotted.
    pub async fn until_dot(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            if line == "." {
                return lines;
            }
            lines.push(line);
        }
    }

    /// IMAP: sends a command with tag `t`, and returns all lines up to and with the tagged one.
    pub async fn command(&mut self, command: &str) -> Vec<String> {
        self.send(format!("t {command}\r\n")).await;
        self.until_tagged("t").await
    }

    pub async fn until_tagged(&mut self, tag: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.push(self.line().await);
            if lines.last().is_some_and(|line| line.starts_with(&format!("{tag} "))) {
                return lines;
            }
        }
    }

    /// SMTP: the whole answer, also of several lines.
    pub async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let line = self.line().await;
            reply.push_str(&line);
            reply.push('\n');
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply.trim_end().to_owned();
            }
        }
    }

    /// SMTP: sends a line and returns the whole answer.
    pub async fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n")).await;
        self.reply().await
    }

    /// Everything up to the end of the connection, however it ends.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = in_time(self.stream.read_to_end(&mut rest)).await;
        rest
    }
}
