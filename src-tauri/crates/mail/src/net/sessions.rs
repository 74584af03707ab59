//! TLS sessions that can be resumed (RFC 8446 section 2.2), for as many connections as are made at the same moment.
//!
//! A ticket is good for one connection, and rustls keeps eight of a server: with more connections than that at once, all
//! others pay for a whole handshake, with signatures to check.

use rustls::{
    NamedGroup,
    client::{
        ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue,
    },
};
use rustls_pki_types::ServerName;
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Tickets kept of a server, the newest: as many as cycles of incoming and outgoing mail run at once.
const TICKETS: usize = 48;
/// Servers of which tickets are kept.
const SERVERS: usize = 64;

type Tickets = HashMap<ServerName<'static>, VecDeque<Tls13ClientSessionValue>>;

/// See the module. What is not a ticket of TLS 1.3 is kept as rustls does.
pub(super) struct Sessions {
    others: ClientSessionMemoryCache,
    tickets: Mutex<Tickets>,
}

impl Default for Sessions {
    fn default() -> Self {
        // In tickets, of which it counts eight for a server.
        Self { others: ClientSessionMemoryCache::new(SERVERS * 8), tickets: Mutex::default() }
    }
}

impl Sessions {
    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.others.set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.others.kx_hint(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.others.set_tls12_session(server_name, value);
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.others.tls12_session(server_name)
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.others.remove_tls12_session(server_name);
    }

    fn insert_tls13_ticket(&self, server_name: ServerName<'static>, value: Tls13ClientSessionValue) {
        let mut tickets = self.tickets();
        if tickets.len() >= SERVERS && !tickets.contains_key(&server_name) {
            tickets.clear();
        }
        let of_server = tickets.entry(server_name).or_default();
        if of_server.len() >= TICKETS {
            of_server.pop_front();
        }
        of_server.push_back(value);
    }

    fn take_tls13_ticket(&self, server_name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.tickets().get_mut(server_name)?.pop_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{
        ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
        client::Resumption,
    };
    use rustls_pki_types::PrivateKeyDer;
    use std::{io::Write, sync::Arc};

    fn both() -> (Arc<ClientConfig>, Arc<ServerConfig>) {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(vec!["mail.contoso.test".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let certificate = made.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let mut client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        client.resumption = Resumption::store(Arc::new(Sessions::default()));
        let server =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        (Arc::new(client), Arc::new(server))
    }

    /// Connections that are all begun before the first of them has got any further.
    fn together(count: usize, client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Vec<HandshakeKind> {
        let name = ServerName::try_from("mail.contoso.test").unwrap();
        let begun: Vec<_> = (0..count)
            .map(|_| {
                let client = ClientConnection::new(Arc::clone(client), name.clone()).unwrap();
                (client, ServerConnection::new(Arc::clone(server)).unwrap())
            })
            .collect();
        let ended = begun.into_iter().map(|(mut client, mut server)| {
            while client.wants_write() || server.wants_write() {
                let mut wire = Vec::new();
                while client.write_tls(&mut wire).unwrap() > 0 {}
                server.read_tls(&mut wire.as_slice()).unwrap();
                server.process_new_packets().unwrap();
                let mut wire = Vec::new();
                while server.write_tls(&mut wire).unwrap() > 0 {}
                client.read_tls(&mut wire.as_slice()).unwrap();
                client.process_new_packets().unwrap();
            }
            client.writer().flush().unwrap();
            client.handshake_kind().unwrap()
        });
        ended.collect()
    }

    #[test]
    fn as_many_connections_as_cycles_run_at_once_are_resumed() {
        let (client, server) = both();
        assert_eq!(together(1, &client, &server), [HandshakeKind::Full]);
        let _ = together(30, &client, &server);
        let again = together(30, &client, &server);
        assert!(again.iter().all(|kind| *kind == HandshakeKind::Resumed), "{again:?}");
    }
}
