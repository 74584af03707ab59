//! One line-based connection to a server, plain or TLS, that trusts the test's own authority and nobody else.
use crate::certificate::{Certificates, hex};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::CertificateDer};
use sha2::{Digest, Sha256};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(20);

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A connection that speaks in lines.
pub struct Wire {
    stream: BufReader<Stream>,
    /// SHA-256 of the certificate that the server showed, lower-case hexadecimal; `None` on a plain connection.
    pub fingerprint: Option<String>,
}

impl Wire {
    /// A plain connection to a port of 127.0.0.1.
    pub fn plain(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(Stream::Plain(stream)), fingerprint: None })
    }

    /// A connection with TLS from the start.
    pub fn tls(port: u16, certificates: &Certificates) -> io::Result<Self> {
        Self::plain(port)?.into_tls(certificates)
    }

    /// TLS over this connection, after the server agreed to STARTTLS or STLS.
    pub fn into_tls(self, certificates: &Certificates) -> io::Result<Self> {
        if !self.stream.buffer().is_empty() {
            return Err(io::Error::other("the server spoke before TLS"));
        }
        let Stream::Plain(mut tcp) = self.stream.into_inner() else {
            return Err(io::Error::other("this connection has TLS already"));
        };
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(certificates.ca_der.clone())).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let host = "localhost".try_into().map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(Arc::new(config), host).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        let fingerprint =
            tls.peer_certificates().and_then(|chain| chain.first()).map(|first| hex(&Sha256::digest(first)));
        Ok(Self { stream: BufReader::new(Stream::Tls(Box::new(StreamOwned::new(tls, tcp)))), fingerprint })
    }

    /// The next line, without its end; bytes that are not UTF-8 are replaced.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Lines up to and including the first that `last` accepts.
    pub fn lines_until(&mut self, last: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let line = self.line()?;
            let done = last(&line);
            lines.push(line);
            if done {
                return Ok(lines);
            }
        }
    }

    /// Sends one line and its end.
    pub fn send(&mut self, line: &str) -> io::Result<()> {
        self.send_bytes(format!("{line}\r\n").as_bytes())
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Sends an SMTP command and returns the reply, all its lines joined.
    pub fn smtp(&mut self, command: &str) -> io::Result<String> {
        self.send(command)?;
        self.smtp_reply()
    }

    /// One SMTP reply, all its lines joined with a line end.
    pub fn smtp_reply(&mut self) -> io::Result<String> {
        Ok(self.lines_until(|line| line.as_bytes().get(3) != Some(&b'-'))?.join("\n"))
    }

    /// Sends `raw` after DATA was agreed: lines end in CRLF, leading dots are doubled, the final dot is added
    /// (RFC 5321 section 4.5.2). Returns the server's reply.
    pub fn smtp_data(&mut self, raw: &[u8]) -> io::Result<String> {
        let mut out = Vec::with_capacity(raw.len() + raw.len() / 32 + 8);
        for line in raw.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if text.first() == Some(&b'.') {
                out.push(b'.');
            }
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
        self.send_bytes(&out)?;
        self.smtp_reply()
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
