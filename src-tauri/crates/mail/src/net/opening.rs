//! Opens a connection whose protocol greets first: the order of rungs that POP3 and SMTP share.

use super::{Connector, Ladder, Wire};
use std::future::Future;
use tandem_domain::{failure::Failure, probe::RungName, profile::Security};
use tandem_engine::ports::mail::MailboxAccess;

/// A protocol on a connection. Each step's words are shown beside its rung.
pub trait Opens: Sized + Send {
    /// On a fresh connection: nothing is said yet, and nothing known of the server.
    fn over(wire: Wire) -> Self;

    /// Reads the greeting and asks what the server can do.
    ///
    /// # Errors
    /// Whatever stands in the way, mapped.
    fn greet(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Reads the greeting, agrees on TLS, and asks what the server can do: what was said in the clear counts no more.
    ///
    /// # Errors
    /// Whatever stands in the way, mapped.
    fn start_tls(
        self,
        connector: &Connector,
        access: &MailboxAccess,
    ) -> impl Future<Output = Result<(Self, String), Failure>> + Send;

    /// Proves who we are.
    ///
    /// # Errors
    /// Whatever stands in the way, mapped; never with a secret.
    fn log_in(
        &mut self,
        access: &MailboxAccess,
    ) -> impl Future<Output = Result<((), String), Failure>> + Send;
}

/// Connects, encrypts and logs in, climbing dns, tcp, tls and login.
///
/// # Errors
/// The rung's failure.
pub async fn open<C: Opens>(
    connector: &Connector,
    access: &MailboxAccess,
    ladder: &mut Ladder<'_>,
) -> Result<C, Failure> {
    let mut connection = C::over(connector.connect(access, ladder).await?);
    if access.endpoint.security == Security::StartTls {
        connection = ladder.climb(RungName::Tls, connection.start_tls(connector, access)).await?;
        ladder.climb(RungName::Login, connection.log_in(access)).await?;
    } else {
        let greeted_and_in = async {
            connection.greet().await?;
            connection.log_in(access).await
        };
        ladder.climb(RungName::Login, greeted_and_in).await?;
    }
    Ok(connection)
}
