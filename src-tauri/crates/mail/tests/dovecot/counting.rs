//! A proxy that takes TLS off on the way to a server, and counts what is said: bytes and round trips.

use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore},
};

/// Who spoke, and what; neighbours of the same side are one.
pub type Talk = Vec<(Side, Vec<u8>)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

#[derive(Clone)]
pub struct Counting {
    pub address: SocketAddr,
    talk: Arc<Mutex<Talk>>,
}

impl Counting {
    /// Listens in the clear, and speaks TLS to a port of this computer.
    pub async fn start(port: u16, ca_pem: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca_pem).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let counting = Self { address: listener.local_addr().unwrap(), talk: Arc::default() };
        let talk = Arc::clone(&counting.talk);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                server.set_nodelay(true).unwrap();
                client.set_nodelay(true).unwrap();
                let name = ServerName::try_from("localhost").unwrap();
                let server = connector.connect(name, server).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = tokio::io::split(server);
                let (one, two) = (Arc::clone(&talk), Arc::clone(&talk));
                tokio::spawn(async move {
                    let mut bytes = vec![0; 64 * 1024];
                    while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
                        note(&one, Side::Client, &bytes[..count]);
                        if to_server.write_all(&bytes[..count]).await.is_err() {
                            break;
                        }
                        let _ = to_server.flush().await;
                    }
                    let _ = to_server.shutdown().await;
                });
                tokio::spawn(async move {
                    let mut bytes = vec![0; 64 * 1024];
                    while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
                        note(&two, Side::Server, &bytes[..count]);
                        if to_client.write_all(&bytes[..count]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        counting
    }

    /// What was said since the last time.
    pub fn take(&self) -> Talk {
        std::mem::take(&mut self.talk.lock().unwrap())
    }
}

fn note(talk: &Mutex<Talk>, side: Side, bytes: &[u8]) {
    let mut talk = talk.lock().unwrap();
    match talk.last_mut() {
        Some((last, said)) if *last == side => said.extend_from_slice(bytes),
        _ => talk.push((side, bytes.to_vec())),
    }
}

/// How often the client waited for the server: once for the greeting, and for each answer before it spoke again.
pub fn waits(talk: &Talk) -> usize {
    talk.windows(2).filter(|pair| pair[0].0 == Side::Server && pair[1].0 == Side::Client).count()
}

pub fn bytes(talk: &Talk, side: Option<Side>) -> usize {
    talk.iter().filter(|(who, _)| side.is_none_or(|side| side == *who)).map(|(_, said)| said.len()).sum()
}

pub fn words(talk: &Talk) -> String {
    talk.iter().map(|(side, said)| format!("{side:?}: {}", String::from_utf8_lossy(said))).collect()
}
