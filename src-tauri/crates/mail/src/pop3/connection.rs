//! A POP3 connection: greeting, capabilities, STLS, login, and replies.

use super::{
    capabilities::Capabilities,
    failure::{self, Encrypted, Stage},
};
use crate::{
    auth::{self, Login},
    net::{Connector, Opens, Wire, failure as net},
};
use tandem_domain::failure::Failure;
use tandem_engine::ports::mail::MailboxAccess;
use zeroize::Zeroizing;

/// A CAPA answer has a dozen lines.
const MAX_CAPABILITY_LINES: usize = 200;
/// RFC 5034 section 4: a command line has at most 255 bytes; longer initial responses go into a line of their own.
const MAX_COMMAND_BYTES: usize = 255;

/// A connection and what its server can do.
pub(super) struct Connection {
    pub(super) wire: Wire,
    pub(super) capabilities: Capabilities,
    /// It has not announced TOP, and refused it.
    pub(super) refuses_top: bool,
}

/// A `-ERR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The response code in upper case, such as `IN-USE`.
    pub(super) code: Option<String>,
    /// The words behind it.
    pub(super) text: String,
}

impl Refusal {
    /// As the server wrote it.
    pub(super) fn shown(&self) -> String {
        match &self.code {
            Some(code) => format!("-ERR [{code}] {}", self.text),
            None => format!("-ERR {}", self.text),
        }
    }
}

/// What a status line says.
pub(super) type Reply = Result<String, Refusal>;

impl Opens for Connection {
    fn over(wire: Wire) -> Self {
        Self { wire, capabilities: Capabilities::default(), refuses_top: false }
    }

    async fn greet(&mut self) -> Result<(), Failure> {
        self.greeting().await?;
        self.ask_capabilities().await
    }

    async fn start_tls(
        mut self,
        connector: &Connector,
        access: &MailboxAccess,
    ) -> Result<(Self, String), Failure> {
        self.greeting().await?;
        // Asked without looking at CAPA first: it saves a round trip, and the list may have been tampered with.
        if self.command("STLS").await?.is_err() {
            return Err(net::starttls_missing(self.wire.host()));
        }
        let (wire, words) = connector.start_tls(self.wire, &access.endpoint).await?;
        let mut encrypted = Self::over(wire);
        encrypted.ask_capabilities().await?;
        Ok((encrypted, words))
    }

    async fn log_in(&mut self, access: &MailboxAccess) -> Result<((), String), Failure> {
        let Some(login) = Login::of(&access.credentials)? else {
            return Err(auth::nothing_to_log_in_with(self.wire.host()));
        };
        match self.log_in_with(&login).await {
            Ok(said) => Ok(((), login.cleansed(&said))),
            Err(failure) => Err(login.cleansed_failure(failure)),
        }
    }
}

impl Connection {
    /// Reads one status line.
    pub(super) async fn reply(&mut self) -> Result<Reply, Failure> {
        let line = self.wire.line().await?;
        match parse_reply(line) {
            Some(reply) => Ok(reply),
            None => {
                let said = format!("neither +OK nor -ERR: {}", String::from_utf8_lossy(line));
                Err(net::violation(self.wire.host(), &said))
            }
        }
    }

    /// Sends a command and reads its status line.
    pub(super) async fn command(&mut self, command: &str) -> Result<Reply, Failure> {
        self.wire.queue(command.as_bytes());
        self.wire.send(b"\r\n").await?;
        self.reply().await
    }

    /// Whether headers can be asked for alone: announced, or, by a server that announces nothing, not refused yet.
    pub(super) fn may_have_top(&self) -> bool {
        (self.capabilities.top || !self.capabilities.told) && !self.refuses_top
    }

    fn encrypted(&self) -> Encrypted {
        if self.wire.stream().is_encrypted() { Encrypted::Yes } else { Encrypted::No }
    }

    fn refused(&self, stage: Stage, refusal: &Refusal) -> Failure {
        failure::refused(stage, refusal, &self.capabilities)
    }

    async fn greeting(&mut self) -> Result<(), Failure> {
        self.wire.expect_greeting("POP3", |first| matches!(first, b'+' | b'-')).await?;
        match self.reply().await? {
            Ok(_) => Ok(()),
            Err(refusal) => Err(self.refused(Stage::Greeting, &refusal)),
        }
    }

    async fn ask_capabilities(&mut self) -> Result<(), Failure> {
        self.capabilities = Capabilities::default();
        if self.command("CAPA").await?.is_err() {
            return Ok(());
        }
        self.capabilities.told = true;
        for _ in 0..MAX_CAPABILITY_LINES {
            let line = self.wire.line().await?;
            if line == b"." {
                return Ok(());
            }
            self.capabilities.take(&String::from_utf8_lossy(line));
        }
        Err(net::violation(self.wire.host(), "the list of capabilities does not end"))
    }

    async fn log_in_with(&mut self, login: &Login<'_>) -> Result<String, Failure> {
        let offers_user = self.capabilities.user || !self.capabilities.told;
        let refusal = if self.capabilities.offers("PLAIN") {
            match self.auth_plain(login).await? {
                Ok(said) => return Ok(said),
                Err(refusal) => refusal,
            }
        } else if !offers_user && self.capabilities.offers("LOGIN") {
            match self.auth_login(login).await? {
                Ok(said) => return Ok(said),
                Err(refusal) => return Err(self.refused(Stage::Login, &refusal)),
            }
        } else if offers_user {
            return self.user_and_pass(login).await;
        } else {
            return Err(failure::no_login(self.wire.host(), &self.capabilities, self.encrypted()));
        };
        // PLAIN was refused. A second try only where that cannot be a second wrong password in the server's eyes:
        // it offers USER, and it does not tell a wrong password from an unknown mechanism.
        let may_be_unsupported = refusal.code.is_none() && !self.capabilities.auth_resp_code;
        if may_be_unsupported && self.capabilities.user {
            return self.user_and_pass(login).await;
        }
        Err(self.refused(Stage::Login, &refusal))
    }

    async fn auth_plain(&mut self, login: &Login<'_>) -> Result<Reply, Failure> {
        let response = login.plain();
        let line = Zeroizing::new(format!("AUTH PLAIN {}", response.as_str()));
        if line.len() + 2 <= MAX_COMMAND_BYTES {
            let reply = self.challenge(&line).await?;
            // Some servers ignore the initial response and ask for it.
            return if reply.is_some() { self.finish(&response).await } else { self.reply().await };
        }
        match self.challenge("AUTH PLAIN").await? {
            Some(_) => self.finish(&response).await,
            None => self.reply().await,
        }
    }

    async fn auth_login(&mut self, login: &Login<'_>) -> Result<Reply, Failure> {
        let mut line = Zeroizing::new("AUTH LOGIN".to_owned());
        for response in login.login() {
            if self.challenge(&line).await?.is_none() {
                return self.reply().await;
            }
            line = response;
        }
        self.finish(&line).await
    }

    /// Sends a line; `Some` when the server goes on with a `+` challenge, which is taken. `None` leaves its status
    /// line to be read.
    async fn challenge(&mut self, line: &str) -> Result<Option<()>, Failure> {
        self.wire.queue(line.as_bytes());
        self.wire.send(b"\r\n").await?;
        while self.wire.received().len() < 2 {
            self.wire.receive().await?;
        }
        if !self.wire.received().starts_with(b"+") || matches!(self.wire.received().get(1), Some(b'O' | b'o'))
        {
            return Ok(None);
        }
        self.wire.line().await?;
        Ok(Some(()))
    }

    async fn finish(&mut self, response: &Zeroizing<String>) -> Result<Reply, Failure> {
        self.command(response).await
    }

    async fn user_and_pass(&mut self, login: &Login<'_>) -> Result<String, Failure> {
        if let Err(refusal) = self.command(&format!("USER {}", login.user_name)).await? {
            return Err(self.refused(Stage::Login, &refusal));
        }
        let pass = Zeroizing::new(format!("PASS {}", login.password()));
        match self.command(&pass).await? {
            Ok(said) => Ok(said),
            Err(refusal) => Err(self.refused(Stage::Login, &refusal)),
        }
    }
}

/// A status line: `+OK` or `-ERR`, a response code in brackets, words.
fn parse_reply(line: &[u8]) -> Option<Reply> {
    let text = String::from_utf8_lossy(line);
    let starts_with =
        |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if starts_with("+OK") {
        return Some(Ok(text.get(3..).unwrap_or_default().trim().to_owned()));
    }
    if !starts_with("-ERR") {
        return None;
    }
    let rest = text.get(4..).unwrap_or_default().trim();
    let coded = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    Some(Err(match coded {
        Some((code, text)) => {
            Refusal { code: Some(code.trim().to_ascii_uppercase()), text: text.trim().to_owned() }
        }
        None => Refusal { code: None, text: rest.to_owned() },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_read_with_their_codes() {
        assert_eq!(parse_reply(b"+OK ready"), Some(Ok("ready".into())));
        let in_use = Refusal { code: Some("IN-USE".into()), text: "locked".into() };
        assert_eq!(parse_reply(b"-ERR [in-use] locked"), Some(Err(in_use)));
        assert_eq!(parse_reply(b"-ERR"), Some(Err(Refusal { code: None, text: String::new() })));
        for nonsense in [&b""[..], b"+", b"OK", b"* OK", "\u{fffd}\u{fffd}".as_bytes(), b"+\xff\xff"] {
            assert_eq!(parse_reply(nonsense), None);
        }
    }
}
