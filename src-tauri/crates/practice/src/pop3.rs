//! A POP3 server (RFC 1939, 2449, 2595, 5034): one maildrop per account, deletions only at QUIT.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use memchr::memmem;
use tokio_rustls::TlsAcceptor;

use crate::auth;
use crate::faults::{Feature, Stage};
use crate::hub::{Account, INBOX, MailHub, StoredMessage};
use crate::listener::{Listening, Protocol, Security, ServerOptions, StartError, server_surface};
use crate::wire::{Step, Wire};

/// RFC 2449 section 4 allows 255; a long SASL response needs more.
const LONGEST_COMMAND: usize = 4096;

/// A POP3 server on loopback.
pub struct Pop3Server {
    listening: Listening,
}

server_surface!(Pop3Server);

impl Pop3Server {
    /// Starts it. It serves the accounts of `hub`; users log in with their whole address.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(hub: MailHub, options: ServerOptions) -> Result<Self, StartError> {
        let pop3 = Pop3 {
            hub,
            acceptor: options.start_tls().map(|certificate| certificate.acceptor().clone()),
            is_secure: matches!(options.security, Security::Tls(_)),
        };
        Ok(Self { listening: Listening::start(&options, pop3).await? })
    }
}

struct Pop3 {
    hub: MailHub,
    acceptor: Option<TlsAcceptor>,
    is_secure: bool,
}

impl Protocol for Pop3 {
    async fn serve(&self, wire: Wire) -> io::Result<()> {
        let session = Session { wire, server: self, is_secure: self.is_secure, user: None, maildrop: None };
        session.run().await
    }
}

struct Session<'a> {
    wire: Wire,
    server: &'a Pop3,
    is_secure: bool,
    user: Option<String>,
    maildrop: Option<Maildrop>,
}

/// What the session sees: the folder as it was at login.
struct Maildrop {
    account: Arc<Account>,
    uid_validity: u32,
    entries: Vec<Entry>,
}

struct Entry {
    message: StoredMessage,
    is_deleted: bool,
}

enum Next {
    Continue,
    End,
}

impl Session<'_> {
    async fn run(mut self) -> io::Result<()> {
        match self.wire.meet(&Stage::Greeting).await? {
            Step::Reply(text) => self.wire.line(&text).await?,
            Step::Refuse => self.wire.line("-ERR [SYS/TEMP] not now").await?,
            Step::Answered => {}
            Step::Go | Step::Announce { .. } => self.wire.line("+OK Tandem practice POP3 ready").await?,
        }
        loop {
            let line = match self.wire.read_line(LONGEST_COMMAND).await {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.wire.line("-ERR the line is too long").await?;
                    return self.wire.close().await;
                }
                read => read?,
            };
            let line = String::from_utf8_lossy(&line).into_owned();
            let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
            let verb = verb.to_ascii_uppercase();
            self.note(&verb, argument);
            self.wire.pace().await;
            match self.wire.meet(&Stage::Command(verb.clone())).await? {
                Step::Go => {}
                Step::Answered => continue,
                Step::Reply(text) => {
                    self.wire.line(&text).await?;
                    continue;
                }
                Step::Refuse => {
                    self.wire.line("-ERR refused").await?;
                    continue;
                }
                Step::Announce { octets, sent } => {
                    self.announce(&verb, argument, octets, sent).await?;
                    continue;
                }
            }
            if matches!(self.obey(&verb, argument).await?, Next::End) {
                return self.wire.close().await;
            }
        }
    }

    async fn obey(&mut self, verb: &str, argument: &str) -> io::Result<Next> {
        match verb {
            "CAPA" if self.wire.has(Feature::Capa) => self.capa().await?,
            "QUIT" => {
                self.quit().await?;
                return Ok(Next::End);
            }
            _ if self.maildrop.is_some() => self.transaction(verb, argument).await?,
            _ => self.authorization(verb, argument).await?,
        }
        Ok(Next::Continue)
    }

    async fn capa(&mut self) -> io::Result<()> {
        let wire = &self.wire;
        let optional = [
            (wire.has(Feature::Pipelining), "PIPELINING"),
            (wire.has(Feature::Uidl), "UIDL"),
            (wire.has(Feature::Top), "TOP"),
            (self.offers_tls(), "STLS"),
            (self.may_log_in(), "USER"),
            (self.may_log_in() && wire.has(Feature::AuthPlain), "SASL PLAIN"),
        ];
        let mut lines = vec!["+OK what I can do", "RESP-CODES", "AUTH-RESP-CODE"];
        lines.extend(optional.iter().filter(|(is_offered, _)| *is_offered).map(|(_, line)| *line));
        lines.extend(["IMPLEMENTATION Tandem-practice", "."]);
        for line in lines {
            self.wire.line(line).await?;
        }
        Ok(())
    }

    async fn authorization(&mut self, verb: &str, argument: &str) -> io::Result<()> {
        match verb {
            "STLS" if self.offers_tls() => self.start_tls().await,
            "USER" | "PASS" | "AUTH" if !self.may_log_in() => {
                self.wire.line("-ERR [AUTH] use STLS before you log in").await
            }
            "USER" if argument.is_empty() => self.wire.line("-ERR who?").await,
            "USER" => {
                self.user = Some(argument.to_owned());
                self.wire.line("+OK").await
            }
            "PASS" => match self.user.take() {
                Some(user) => self.log_in(&user, argument).await,
                None => self.wire.line("-ERR USER comes first").await,
            },
            "AUTH" => self.auth(argument).await,
            _ => self.wire.line("-ERR unknown command, or log in first").await,
        }
    }

    async fn auth(&mut self, argument: &str) -> io::Result<()> {
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        if !mechanism.eq_ignore_ascii_case("PLAIN") || !self.wire.has(Feature::AuthPlain) {
            return self.wire.line("-ERR unknown mechanism").await;
        }
        let mut response = initial.to_owned();
        if response.is_empty() {
            self.wire.line("+ ").await?;
            response = String::from_utf8_lossy(&self.wire.read_line(LONGEST_COMMAND).await?).into_owned();
        }
        match auth::plain(&response) {
            Some((user, password)) => self.log_in(&user, &password).await,
            None => self.wire.line("-ERR the response is malformed or cancelled").await,
        }
    }

    async fn log_in(&mut self, user: &str, password: &str) -> io::Result<()> {
        match self.wire.meet(&Stage::Login).await? {
            Step::Reply(text) => return self.wire.line(&text).await,
            Step::Refuse => return self.wire.line("-ERR [AUTH] wrong user name or password").await,
            Step::Answered => return Ok(()),
            Step::Go | Step::Announce { .. } => {}
        }
        let Some(account) = self.server.hub.open(user, password) else {
            return self.wire.line("-ERR [AUTH] wrong user name or password").await;
        };
        let seen = account.look(INBOX, |folder| (folder.uid_validity, folder.messages.clone()));
        let (uid_validity, messages) = seen.unwrap_or_default();
        let entries = messages.into_iter().map(|message| Entry { message, is_deleted: false }).collect();
        self.maildrop = Some(Maildrop { account, uid_validity, entries });
        self.wire.line("+OK logged in").await
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        let Some(acceptor) = self.server.acceptor.clone() else { return Ok(()) };
        self.wire.line("+OK begin TLS").await?;
        self.wire.secure(&acceptor).await?;
        self.is_secure = true;
        self.user = None;
        Ok(())
    }

    async fn transaction(&mut self, verb: &str, argument: &str) -> io::Result<()> {
        let Some(maildrop) = self.maildrop.as_mut() else { return Ok(()) };
        let wire = &mut self.wire;
        match verb {
            "NOOP" => wire.line("+OK").await,
            "STAT" => {
                let (count, octets) = maildrop.totals();
                wire.line(&format!("+OK {count} {octets}")).await
            }
            "LIST" => listing(wire, maildrop, argument, |_, entry| entry.message.raw.len().to_string()).await,
            "UIDL" if wire.has(Feature::Uidl) => listing(wire, maildrop, argument, unique_id).await,
            "RETR" => match maildrop.entry(argument) {
                Some(entry) => {
                    let raw = Arc::clone(&entry.message.raw);
                    wire.line(&format!("+OK {} octets", raw.len())).await?;
                    send_dotted(wire, &raw).await
                }
                None => wire.line("-ERR no such message").await,
            },
            "TOP" if wire.has(Feature::Top) => top(wire, maildrop, argument).await,
            "DELE" => match maildrop.entry(argument) {
                Some(entry) => {
                    entry.is_deleted = true;
                    wire.line("+OK deleted when you QUIT").await
                }
                None => wire.line("-ERR no such message").await,
            },
            "RSET" => {
                maildrop.entries.iter_mut().for_each(|entry| entry.is_deleted = false);
                wire.line("+OK").await
            }
            _ => wire.line("-ERR unknown command").await,
        }
    }

    /// RFC 1939 section 6: the only place where mail is removed.
    async fn quit(&mut self) -> io::Result<()> {
        if let Some(maildrop) = self.maildrop.take() {
            let deleted = maildrop.entries.iter().filter(|entry| entry.is_deleted);
            let uids: Vec<u32> = deleted.map(|entry| entry.message.uid).collect();
            let uid_validity = maildrop.uid_validity;
            if !uids.is_empty() {
                maildrop
                    .account
                    .change(INBOX, |folder| folder.uid_validity == uid_validity && folder.remove(&uids));
            }
        }
        self.wire.line("+OK goodbye").await
    }

    async fn announce(&mut self, verb: &str, argument: &str, octets: u64, sent: u64) -> io::Result<()> {
        match verb {
            "STAT" => self.wire.line(&format!("+OK 1 {octets}")).await,
            "LIST" if argument.is_empty() => self.wire.line(&format!("+OK\r\n1 {octets}\r\n.")).await,
            "LIST" => self.wire.line(&format!("+OK {argument} {octets}")).await,
            _ => {
                self.wire.line(&format!("+OK {octets} octets")).await?;
                self.wire.drip_and_end(sent).await
            }
        }
    }

    fn note(&self, verb: &str, argument: &str) {
        match verb {
            "PASS" => self.wire.note("PASS"),
            "AUTH" => self.wire.note(&format!("AUTH {}", argument.split(' ').next().unwrap_or_default())),
            _ => self.wire.note(format!("{verb} {argument}").trim_end()),
        }
    }

    fn offers_tls(&self) -> bool {
        self.server.acceptor.is_some() && !self.is_secure && self.wire.has(Feature::StartTls)
    }

    fn may_log_in(&self) -> bool {
        self.server.acceptor.is_none() || self.is_secure
    }
}

impl Maildrop {
    /// The message with this number, unless it is marked as deleted.
    fn entry(&mut self, number: &str) -> Option<&mut Entry> {
        let at = number.trim().parse::<usize>().ok()?.checked_sub(1)?;
        self.entries.get_mut(at).filter(|entry| !entry.is_deleted)
    }

    fn totals(&self) -> (usize, usize) {
        let present = self.entries.iter().filter(|entry| !entry.is_deleted);
        present.fold((0, 0), |(count, octets), entry| (count + 1, octets + entry.message.raw.len()))
    }
}

fn unique_id(uid_validity: u32, entry: &Entry) -> String {
    format!("{uid_validity:08x}{:08x}", entry.message.uid)
}

/// LIST and UIDL: one fact per message, of all or of one.
async fn listing(
    wire: &mut Wire,
    maildrop: &mut Maildrop,
    argument: &str,
    fact: impl Fn(u32, &Entry) -> String,
) -> io::Result<()> {
    let uid_validity = maildrop.uid_validity;
    if !argument.is_empty() {
        let Some(entry) = maildrop.entry(argument) else { return wire.line("-ERR no such message").await };
        return wire.line(&format!("+OK {} {}", argument.trim(), fact(uid_validity, entry))).await;
    }
    let mut text = String::from("+OK\r\n");
    for (at, entry) in maildrop.entries.iter().enumerate().filter(|(_, entry)| !entry.is_deleted) {
        let _ = write!(text, "{} {}\r\n", at + 1, fact(uid_validity, entry));
    }
    text.push_str(".\r\n");
    wire.send(text.as_bytes()).await
}

async fn top(wire: &mut Wire, maildrop: &mut Maildrop, argument: &str) -> io::Result<()> {
    let (number, lines) = argument.trim().split_once(' ').unwrap_or((argument, ""));
    let (Some(entry), Ok(lines)) = (maildrop.entry(number), lines.trim().parse::<usize>()) else {
        return wire.line("-ERR no such message or number of lines").await;
    };
    let raw = Arc::clone(&entry.message.raw);
    wire.line("+OK").await?;
    send_dotted(wire, raw.get(..end_of_top(&raw, lines)).unwrap_or_default()).await
}

/// Where the header, the blank line and this many lines of the body end.
fn end_of_top(raw: &[u8], lines: usize) -> usize {
    let Some(header) = memmem::find(raw, b"\r\n\r\n") else { return raw.len() };
    let body = header + 4;
    if lines == 0 {
        return body;
    }
    let ends = memmem::find_iter(raw.get(body..).unwrap_or_default(), b"\r\n");
    ends.skip(lines - 1).map(|at| body + at + 2).next().unwrap_or(raw.len())
}

/// A message as RFC 1939 section 3 sends it: dots doubled at starts of lines, a lone dot at the end.
async fn send_dotted(wire: &mut Wire, raw: &[u8]) -> io::Result<()> {
    if raw.first() == Some(&b'.') {
        wire.send(b".").await?;
    }
    let mut sent = 0;
    for at in memmem::find_iter(raw, b"\r\n.") {
        wire.send(raw.get(sent..at + 2).unwrap_or_default()).await?;
        wire.send(b".").await?;
        sent = at + 2;
    }
    wire.send(raw.get(sent..).unwrap_or_default()).await?;
    if !raw.is_empty() && !raw.ends_with(b"\r\n") {
        wire.send(b"\r\n").await?;
    }
    wire.send(b".\r\n").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_ends_after_the_asked_lines_or_the_message() {
        let raw = b"A: b\r\n\r\none\r\ntwo\r\n";
        assert_eq!(&raw[..end_of_top(raw, 0)], b"A: b\r\n\r\n");
        assert_eq!(&raw[..end_of_top(raw, 1)], b"A: b\r\n\r\none\r\n");
        assert_eq!(end_of_top(raw, 9), raw.len());
        assert_eq!(end_of_top(b"A: b\r\n", 1), 6);
    }
}
