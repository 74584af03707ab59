//! Connects: resolves the name, tries all addresses, and puts TLS on top.

use super::{
    Ladder, certificate, failure,
    names::Names,
    stream::{Stream, buffered},
    trust::TlsConfigs,
    wire::Wire,
};
use futures::{StreamExt, stream::FuturesUnordered};
use rustls_pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use std::{io, net::SocketAddr, time::Duration};
use tandem_domain::{
    failure::{Failure, FailureCode},
    probe::RungName,
    profile::{Endpoint, Security},
};
use tandem_engine::ports::mail::MailboxAccess;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::TlsConnector;

/// RFC 8305 section 5: start the next address this long after the one before, without giving that one up.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// TCP probes a connection on which nothing was said for this long, and again so often until the system gives it up.
const PROBE_AFTER: Duration = Duration::from_secs(120);
const PROBE_EVERY: Duration = Duration::from_secs(30);
/// More addresses than this are not worth trying.
const MAX_ADDRESSES: usize = 16;

/// How long servers may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For resolving a name, for each address to connect to, and for a TLS handshake.
    pub connect: Duration,
    /// For a read or a write without any progress.
    pub answer: Duration,
    /// For the reply to the end of a submitted message: RFC 5321 section 4.5.3.2.6 asks for ten minutes, and
    /// giving up earlier leaves the message unconfirmed.
    pub commit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            answer: Duration::from_secs(60),
            commit: Duration::from_secs(600),
        }
    }
}

/// Whether the words for a rung are wanted: reading a certificate for nobody costs as much as a resumed handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Wanted,
    Unwanted,
}

/// Makes connections, and keeps what they can share.
#[derive(Default)]
pub struct Connector {
    timeouts: Timeouts,
    tls: TlsConfigs,
    names: Names,
}

impl Connector {
    /// A connector with these time-outs.
    #[must_use]
    pub fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, tls: TlsConfigs::default(), names: Names::default() }
    }

    /// The time-outs.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Climbs dns, tcp and, for TLS from the first byte, tls. For [`Security::StartTls`] the protocol goes on with
    /// [`Connector::start_tls`] and records the tls rung itself.
    ///
    /// # Errors
    /// `PlainNotAllowed` before anything is tried; else the rung's failure.
    pub async fn connect(&self, access: &MailboxAccess, ladder: &mut Ladder<'_>) -> Result<Wire, Failure> {
        let endpoint = &access.endpoint;
        let host = shown(endpoint);
        if endpoint.security == Security::None && !access.allow_plain {
            let refused = async { Err::<((), String), _>(failure::plain_not_allowed(&host)) };
            ladder.climb(RungName::Tls, refused).await?;
        }
        let tcp = match self.known(endpoint, ladder) {
            Some(addresses) => self.reach_again(&host, endpoint, addresses).await?,
            None => {
                let addresses = ladder.climb(RungName::Dns, self.resolve(endpoint)).await?;
                ladder.climb(RungName::Tcp, self.reach(&host, &addresses)).await?
            }
        };
        let words = if ladder.is_watched() { Words::Wanted } else { Words::Unwanted };
        let stream = match endpoint.security {
            Security::Tls => ladder.climb(RungName::Tls, self.encrypt(tcp, endpoint, words)).await?,
            Security::StartTls => Stream::plain(tcp, self.timeouts.answer),
            Security::None => {
                ladder.skip(RungName::Tls, "the settings ask for no encryption");
                Stream::plain(tcp, self.timeouts.answer)
            }
        };
        Ok(Wire::new(stream, host, self.timeouts.answer))
    }

    /// Puts TLS on a plain connection whose server has just agreed to it. Gives the words for the tls rung too.
    ///
    /// # Errors
    /// A violation when the server sent something behind its agreement; else what the handshake says.
    pub async fn start_tls(&self, wire: Wire, endpoint: &Endpoint) -> Result<(Wire, String), Failure> {
        let host = shown(endpoint);
        let Some(tcp) = wire.into_stream()?.into_plain() else {
            return Err(Failure::permanent_profile(FailureCode::Internal, "TLS inside TLS was asked for"));
        };
        let (stream, words) = self.encrypt(tcp, endpoint, Words::Wanted).await?;
        Ok((Wire::new(stream, host, self.timeouts.answer), words))
    }

    /// The addresses that were found a moment ago; nothing where somebody wants to see how they are found.
    fn known(&self, endpoint: &Endpoint, ladder: &Ladder<'_>) -> Option<Vec<SocketAddr>> {
        let name = ascii_name(&endpoint.server).ok().filter(|_| !ladder.is_watched())?;
        self.names.get(&name, endpoint.port)
    }

    /// Connects to known addresses. Where nobody answers, the name is resolved anew: the server may have moved. If it has
    /// not, trying the same addresses again would only take twice the time.
    async fn reach_again(
        &self,
        host: &str,
        endpoint: &Endpoint,
        mut known: Vec<SocketAddr>,
    ) -> Result<TcpStream, Failure> {
        let failure = match self.reach(host, &known).await {
            Ok((tcp, _)) => return Ok(tcp),
            Err(failure) => failure,
        };
        self.names.forget(&ascii_name(&endpoint.server)?, endpoint.port);
        let (found, _) = self.resolve(endpoint).await?;
        let mut sorted = found.clone();
        known.sort_unstable();
        sorted.sort_unstable();
        if sorted == known {
            return Err(failure);
        }
        self.reach(host, &found).await.map(|(tcp, _)| tcp)
    }

    async fn resolve(&self, endpoint: &Endpoint) -> Result<(Vec<SocketAddr>, String), Failure> {
        let name = ascii_name(&endpoint.server)?;
        let lookup = tokio::net::lookup_host((name.as_str(), endpoint.port));
        let found = timeout(self.timeouts.connect, lookup)
            .await
            .map_err(|_| {
                Failure::transient_profile(
                    FailureCode::DnsUnavailable,
                    format!("{name}: the name server did not answer in time"),
                )
            })?
            .map_err(|error| failure::resolving(&name, &error))?;
        let addresses = interleaved(found.collect());
        if addresses.is_empty() {
            return Err(failure::resolving(&name, &io::Error::other("the name has no address")));
        }
        self.names.keep(&name, endpoint.port, &addresses);
        let words = addresses.iter().map(|a| a.ip().to_string()).collect::<Vec<_>>().join(", ");
        Ok((addresses, words))
    }

    /// The first address that answers wins.
    async fn reach(&self, host: &str, addresses: &[SocketAddr]) -> Result<(TcpStream, String), Failure> {
        let attempt =
            async |address: SocketAddr| match timeout(self.timeouts.connect, TcpStream::connect(address))
                .await
            {
                Ok(connected) => (address, connected),
                Err(_) => (address, Err(io::ErrorKind::TimedOut.into())),
            };
        let mut waiting = addresses.iter().copied();
        let mut attempts = FuturesUnordered::new();
        let mut last = None;
        loop {
            if let Some(address) = waiting.next() {
                attempts.push(attempt(address));
            } else if attempts.is_empty() {
                return Err(last.unwrap_or_else(|| failure::lost(host, "there is no address to connect to")));
            }
            let more_to_start = waiting.len() > 0;
            tokio::select! {
                Some((address, connected)) = attempts.next() => match connected {
                    Ok(tcp) => {
                        // Commands are small and wait for answers: never hold them back.
                        tcp.set_nodelay(true).map_err(|error| failure::io(host, &error))?;
                        keep_alive(host, &tcp);
                        return Ok((tcp, format!("connected to {address}")));
                    }
                    Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                        last = Some(failure::timed_out(host, &format!("connecting to {address}")));
                    }
                    Err(error) => last = Some(failure::io(&format!("{host} ({address})"), &error)),
                },
                () = sleep(NEXT_ADDRESS_AFTER), if more_to_start => {}
            }
        }
    }

    async fn encrypt(
        &self,
        tcp: TcpStream,
        endpoint: &Endpoint,
        words: Words,
    ) -> Result<(Stream, String), Failure> {
        let host = shown(endpoint);
        let name = ServerName::try_from(ascii_name(&endpoint.server)?)
            .map_err(|_| failure::not_a_name(&endpoint.server))?;
        let config = self.tls.get(&endpoint.trust).await?;
        let tls = timeout(self.timeouts.connect, TlsConnector::from(config).connect(name, buffered(tcp)))
            .await
            .map_err(|_| {
                let doing = "starting TLS; a port that does not speak TLS stays silent like this";
                failure::timed_out(&host, doing)
            })?
            .map_err(|error| failure::io(&host, &error))?;
        if words == Words::Unwanted {
            return Ok((Stream::tls(tls, self.timeouts.answer), String::new()));
        }
        let (_, session) = tls.get_ref();
        let version = session.protocol_version().and_then(|v| v.as_str()).unwrap_or("TLS");
        let cipher = session.negotiated_cipher_suite().and_then(|s| s.suite().as_str()).unwrap_or_default();
        let leaf = session.peer_certificates().and_then(<[_]>::first);
        let certificate = leaf.map(|der| certificate::in_words(der)).unwrap_or_default();
        let words = format!("{version}, {cipher}, {certificate}");
        Ok((Stream::tls(tls, self.timeouts.answer), words))
    }
}

/// A peer that went away without a word is noticed while nobody speaks, and the address translators on the way don't forget
/// a connection that waits. Without it a connection works too.
fn keep_alive(host: &str, tcp: &TcpStream) {
    let probes = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY);
    if let Err(error) = SockRef::from(tcp).set_tcp_keepalive(&probes) {
        tracing::debug!(host, %error, "no TCP keep-alive");
    }
}

/// `server:port`.
fn shown(endpoint: &Endpoint) -> String {
    format!("{}:{}", endpoint.server.trim(), endpoint.port)
}

/// The name as the DNS and certificates know it: international names in ASCII (RFC 5891), no final dot.
fn ascii_name(server: &str) -> Result<String, Failure> {
    let name = server.trim().trim_end_matches('.').trim_start_matches('[').trim_end_matches(']');
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Ok(name.to_owned());
    }
    match idna::domain_to_ascii(name) {
        Ok(ascii) if !ascii.is_empty() => Ok(ascii),
        _ => Err(failure::not_a_name(server)),
    }
}

/// RFC 8305 section 4: the two families take turns, in the resolver's order of preference.
fn interleaved(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    first.dedup();
    second.dedup();
    let mut turns = Vec::with_capacity(first.len() + second.len());
    let mut second = second.into_iter();
    for address in first {
        turns.push(address);
        turns.extend(second.next());
    }
    turns.extend(second);
    turns.truncate(MAX_ADDRESSES);
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_families_take_turns() {
        let found = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"].map(|a| a.parse().unwrap()).to_vec();
        let turns: Vec<String> = interleaved(found).iter().map(ToString::to_string).collect();
        assert_eq!(turns, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]);
    }

    #[test]
    fn international_names_and_literals_are_understood() {
        assert_eq!(ascii_name(" bücher.example. ").unwrap(), "xn--bcher-kva.example");
        assert_eq!(ascii_name("[::1]").unwrap(), "::1");
        assert_eq!(ascii_name("").unwrap_err().code, FailureCode::DnsNotFound);
    }
}
