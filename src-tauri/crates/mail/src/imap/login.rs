//! From a name to a logged-in connection: greeting, STARTTLS, capabilities, login.

use super::{
    connection::{Connection, Content},
    failure::{self, Doing},
    response::{Condition, Response, Status},
};
use crate::{
    auth::{self, Login},
    net::{Connector, Ladder, Wire, failure as net},
};
use tandem_domain::{
    failure::{Failure, FailureCode},
    probe::RungName,
    profile::Security,
};
use tandem_engine::ports::mail::MailboxAccess;
use zeroize::Zeroizing;

/// Climbs dns, tcp, tls and login.
pub(super) async fn open(
    connector: &Connector,
    access: &MailboxAccess,
    ladder: &mut Ladder<'_>,
) -> Result<Connection, Failure> {
    let wire = connector.connect(access, ladder).await?;
    let mut connection;
    let mut is_authenticated = false;
    if access.endpoint.security == Security::StartTls {
        connection = ladder.climb(RungName::Tls, start_tls(connector, access, wire)).await?;
    } else {
        connection = Connection::new(wire);
        let greeted = greet(&mut connection).await;
        match greeted {
            Ok(greeting) => is_authenticated = greeting.condition == Condition::PreAuth,
            Err(failure) => {
                // The rung that is being climbed when a server hangs up at once is the login.
                let failed = async { Err::<((), String), _>(failure) };
                ladder.climb(RungName::Login, failed).await?;
            }
        }
    }
    let host = connection.host().to_owned();
    let login = async {
        let words = match is_authenticated {
            true => "the server asks for no login".to_owned(),
            false => log_in(&mut connection, access).await?,
        };
        // What the server can do decides how the inbox is opened; most servers have said so with their answer.
        ask_capabilities(&mut connection).await?;
        Ok((connection, words))
    };
    let connection = ladder.climb(RungName::Login, login).await?;
    tracing::debug!(host, "logged in over IMAP");
    Ok(connection)
}

async fn greet(connection: &mut Connection) -> Result<Status, Failure> {
    // The first bytes tell what kind of server it is, before they are read as IMAP.
    if connection.wire.received().is_empty() {
        connection.wire.receive().await?;
    }
    let received = connection.wire.received();
    let start = received.get(..received.len().min(200)).unwrap_or_default();
    if !b"* ".starts_with(start.get(..start.len().min(2)).unwrap_or_default()) {
        return Err(failure::not_imap(connection.host(), start));
    }
    let host = connection.host().to_owned();
    let line = String::from_utf8_lossy(connection.wire.line().await?).into_owned();
    let status = line.strip_prefix("* ").and_then(Status::parse);
    let Some(status) = status else { return Err(failure::not_imap(&host, line.as_bytes())) };
    if !matches!(status.condition, Condition::Ok | Condition::PreAuth) {
        return Err(failure::refused(&host, Doing::Greeting, &status));
    }
    if status.code_name().as_deref() == Some("CAPABILITY") {
        connection.set_capabilities(status.code_arguments());
    }
    Ok(status)
}

async fn start_tls(
    connector: &Connector,
    access: &MailboxAccess,
    wire: Wire,
) -> Result<(Connection, String), Failure> {
    let mut connection = Connection::new(wire);
    let greeting = greet(&mut connection).await?;
    // A session that is logged in cannot be encrypted any more (RFC 9051 section 11.1): somebody wants it plain.
    if greeting.condition == Condition::PreAuth {
        return Err(net::starttls_missing(connection.host()));
    }
    ask_capabilities(&mut connection).await?;
    if !connection.can("STARTTLS") {
        return Err(net::starttls_missing(connection.host()));
    }
    let status = connection.run(b"STARTTLS", |_| {}).await?;
    if status.condition != Condition::Ok {
        return Err(net::starttls_missing(connection.host()));
    }
    let last_tag = connection.last_tag();
    let (wire, words) = connector.start_tls(connection.wire, &access.endpoint).await?;
    Ok((Connection::restarted(wire, last_tag), words))
}

/// Asks for the capabilities unless the server has told them by itself.
pub(super) async fn ask_capabilities(connection: &mut Connection) -> Result<(), Failure> {
    if connection.capabilities.is_empty() {
        let status = connection.run(b"CAPABILITY", |_| {}).await?;
        if status.condition != Condition::Ok {
            return Err(failure::refused(connection.host(), Doing::Working, &status));
        }
    }
    Ok(())
}

/// Gives words for the login rung.
async fn log_in(connection: &mut Connection, access: &MailboxAccess) -> Result<String, Failure> {
    ask_capabilities(connection).await?;
    let Some(login) = Login::of(&access.credentials)? else {
        return Err(auth::nothing_to_log_in_with(connection.host()));
    };
    match log_in_with(connection, &login).await {
        Ok(said) => Ok(login.cleansed(&said)),
        Err(failure) => Err(login.cleansed_failure(failure)),
    }
}

async fn log_in_with(connection: &mut Connection, login: &Login<'_>) -> Result<String, Failure> {
    // Codes may change with the login; the old ones would stay if the server said nothing.
    let before = std::mem::take(&mut connection.capabilities);
    let had = |name: &str| before.iter().any(|known| known == name);
    let (how, status) = if had("AUTH=PLAIN") {
        let initial = had("SASL-IR");
        ("AUTHENTICATE PLAIN", authenticate(connection, login, initial).await?)
    } else if had("LOGINDISABLED") {
        let offered: Vec<&str> =
            before.iter().map(String::as_str).filter(|word| word.starts_with("AUTH=")).collect();
        let said = format!(
            "{}: the server takes no password over this connection; it offers {}",
            connection.host(),
            if offered.is_empty() { "nothing else".to_owned() } else { offered.join(" ") }
        );
        return Err(Failure::permanent_profile(FailureCode::AuthenticationUnsupported, said));
    } else {
        ("LOGIN", plain_login(connection, login).await?)
    };
    if status.condition != Condition::Ok {
        return Err(failure::refused(connection.host(), Doing::Login, &status));
    }
    Ok(format!("{how}: {}", status.text))
}

/// SASL PLAIN (RFC 4616), at once where the server takes an initial response (RFC 4959).
async fn authenticate(
    connection: &mut Connection,
    login: &Login<'_>,
    initial: bool,
) -> Result<Status, Failure> {
    let response = login.plain();
    if initial {
        let command = Zeroizing::new(format!("AUTHENTICATE PLAIN {}", response.as_str()));
        return connection.run(command.as_bytes(), |_| {}).await;
    }
    let tag = connection.queue(b"AUTHENTICATE PLAIN");
    if let Some(status) = until_continue(connection, tag).await? {
        return Ok(status);
    }
    connection.wire.queue(response.as_bytes());
    connection.wire.send(b"\r\n").await?;
    connection.finish(tag, &mut |_| {}).await
}

async fn plain_login(connection: &mut Connection, login: &Login<'_>) -> Result<Status, Failure> {
    let words = [login.user_name, login.password()];
    let can_quote = words.iter().all(|word| word.is_ascii());
    if can_quote {
        let [user, password] = words.map(quoted);
        let command = Zeroizing::new(format!("LOGIN {} {}", user.as_str(), password.as_str()));
        return connection.run(command.as_bytes(), |_| {}).await;
    }
    // What is not ASCII goes as literals (RFC 9051 section 4.3), which servers take in any charset.
    let tag = connection.queue(format!("LOGIN {{{}}}", login.user_name.len()).as_bytes());
    if let Some(status) = until_continue(connection, tag).await? {
        return Ok(status);
    }
    connection.wire.queue(login.user_name.as_bytes());
    connection.wire.queue(format!(" {{{}}}\r\n", login.password().len()).as_bytes());
    if let Some(status) = until_continue(connection, tag).await? {
        return Ok(status);
    }
    connection.wire.queue(login.password().as_bytes());
    connection.wire.send(b"\r\n").await?;
    connection.finish(tag, &mut |_| {}).await
}

/// Sends what is queued and waits for the server to say "go on"; the status when it ends the command instead.
async fn until_continue(connection: &mut Connection, tag: u64) -> Result<Option<Status>, Failure> {
    connection.wire.flush().await?;
    loop {
        match connection.next(&mut Content::Unasked).await? {
            Response::Continue => return Ok(None),
            Response::Done { tag: done, status } if done == tag => return Ok(Some(status)),
            _ => {}
        }
    }
}

fn quoted(word: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(word.len() * 2 + 2));
    out.push('"');
    for c in word.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}
