//! An SMTP connection: greeting, EHLO, STARTTLS, login.

use super::{
    extensions::Extensions,
    failure::{self, Stage},
    reply::{self, Reply},
};
use crate::{
    auth::Login,
    net::{Connector, Opens, Wire, failure as net},
};
use std::net::IpAddr;
use tandem_domain::failure::{Failure, FailureCode};
use tandem_engine::ports::mail::MailboxAccess;
use zeroize::Zeroizing;

/// A connection and what its server can do.
pub(super) struct Connection {
    pub(super) wire: Wire,
    pub(super) extensions: Extensions,
}

impl Opens for Connection {
    fn over(wire: Wire) -> Self {
        Self { wire, extensions: Extensions::default() }
    }

    async fn greet(&mut self) -> Result<(), Failure> {
        self.greeting().await?;
        self.hello().await
    }

    async fn start_tls(
        mut self,
        connector: &Connector,
        access: &MailboxAccess,
    ) -> Result<(Self, String), Failure> {
        self.greet().await?;
        if !self.extensions.starttls {
            return Err(net::starttls_missing(self.wire.host()));
        }
        let reply = self.command("STARTTLS").await?;
        if reply.is_transient() {
            // 454: not at this moment (RFC 3207 section 4).
            return Err(Failure::transient_profile(FailureCode::TlsFailed, reply.to_string()));
        }
        if !reply.is_done() {
            return Err(net::starttls_missing(self.wire.host()));
        }
        let (wire, words) = connector.start_tls(self.wire, &access.endpoint).await?;
        // What was said in the clear does not count any more (RFC 3207 section 4.2).
        let mut encrypted = Self::over(wire);
        encrypted.hello().await?;
        Ok((encrypted, words))
    }

    async fn log_in(&mut self, access: &MailboxAccess) -> Result<((), String), Failure> {
        let Some(login) = Login::of(&access.credentials)? else {
            return Ok(((), "the settings ask for no login".to_owned()));
        };
        match self.log_in_with(&login).await {
            Ok(said) => Ok(((), login.cleansed(&said))),
            Err(failure) => Err(login.cleansed_failure(failure)),
        }
    }
}

impl Connection {
    /// Sends a command and reads its reply.
    pub(super) async fn command(&mut self, command: &str) -> Result<Reply, Failure> {
        self.wire.queue(command.as_bytes());
        self.wire.send(b"\r\n").await?;
        reply::read(&mut self.wire).await
    }

    async fn greeting(&mut self) -> Result<(), Failure> {
        self.wire.expect_greeting("SMTP", |first| matches!(first, b'2' | b'4' | b'5')).await?;
        let reply = reply::read(&mut self.wire).await?;
        if reply.is_done() { Ok(()) } else { Err(failure::refused(Stage::Greeting, &reply)) }
    }

    async fn hello(&mut self) -> Result<(), Failure> {
        let name = self.own_name();
        let reply = self.command(&format!("EHLO {name}")).await?;
        if reply.is_done() {
            self.extensions = Extensions::of(&reply);
            return Ok(());
        }
        self.extensions = Extensions::default();
        // Only "I do not know this command" leaves the older HELO to be tried (RFC 5321 section 3.2).
        if !matches!(reply.code, 500 | 502 | 504) {
            return Err(failure::refused(Stage::Greeting, &reply));
        }
        let reply = self.command(&format!("HELO {name}")).await?;
        if reply.is_done() { Ok(()) } else { Err(failure::refused(Stage::Greeting, &reply)) }
    }

    /// Our address: a workstation has no name that a server could look up (RFC 5321 section 4.1.3).
    fn own_name(&self) -> String {
        match self.wire.stream().local_addr().map(|address| address.ip()) {
            Ok(IpAddr::V4(v4)) => format!("[{v4}]"),
            Ok(IpAddr::V6(v6)) => format!("[IPv6:{v6}]"),
            Err(_) => "[127.0.0.1]".to_owned(),
        }
    }

    async fn log_in_with(&mut self, login: &Login<'_>) -> Result<String, Failure> {
        let reply = if self.extensions.offers("PLAIN") {
            let response = login.plain();
            let line = Zeroizing::new(format!("AUTH PLAIN {}", response.as_str()));
            let reply = self.command(&line).await?;
            // Some servers ignore the initial response and ask for it.
            if reply.code == 334 { self.command(&response).await? } else { reply }
        } else if self.extensions.offers("LOGIN") {
            self.auth_login(login).await?
        } else {
            return Err(failure::no_login(self.wire.host(), &self.extensions.auth));
        };
        if reply.is_done() {
            return Ok(reply.to_string());
        }
        if (300..400).contains(&reply.code) {
            return Err(net::violation(self.wire.host(), "the login does not end"));
        }
        Err(failure::refused(Stage::Login, &reply))
    }

    async fn auth_login(&mut self, login: &Login<'_>) -> Result<Reply, Failure> {
        let mut reply = self.command("AUTH LOGIN").await?;
        for response in login.login() {
            if reply.code != 334 {
                break;
            }
            reply = self.command(&response).await?;
        }
        Ok(reply)
    }
}
