//! One submission session, from greeting to QUIT.

use std::io;
use std::sync::Arc;

use super::address::Path;
use super::dotted::Dotted;
use super::{RecipientResult, Smtp, Submission};
use crate::auth;
use crate::clock;
use crate::faults::{Feature, Stage};
use crate::wire::{Step, Wire};

/// RFC 4954 section 4 wants 12288 octets for AUTH.
const LONGEST_COMMAND: usize = 12_288;
const MOST_RECIPIENTS: usize = 1000;
const HOST: &str = "mail.practice";

pub(super) struct Session<'a> {
    server: &'a Smtp,
    wire: Wire,
    is_secure: bool,
    greeted_as: Option<String>,
    user: Option<String>,
    transaction: Option<Transaction>,
}

struct Transaction {
    path: Path,
    recipients: Vec<RecipientResult>,
}

enum Next {
    Continue,
    End,
}

impl<'a> Session<'a> {
    pub(super) fn new(server: &'a Smtp, wire: Wire) -> Self {
        let is_secure = server.is_secure;
        Self { server, wire, is_secure, greeted_as: None, user: None, transaction: None }
    }

    pub(super) async fn run(mut self) -> io::Result<()> {
        let is_met = self.is_met(&Stage::Greeting, "554 5.3.2 no service here").await?;
        match is_met {
            Met::End => return self.wire.close().await,
            Met::Answered => {}
            Met::Go => self.wire.line(&format!("220 {HOST} ESMTP Tandem practice")).await?,
        }
        loop {
            let line = match self.wire.read_line(LONGEST_COMMAND).await {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.wire.line("500 5.5.2 the line is too long").await?;
                    return self.wire.close().await;
                }
                read => read?,
            };
            let line = String::from_utf8_lossy(&line).into_owned();
            let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
            let verb = verb.to_ascii_uppercase();
            self.note(&verb, argument);
            self.wire.pace().await;
            match self.is_met(&Stage::Command(verb.clone()), "550 5.7.0 refused").await? {
                Met::End => return self.wire.close().await,
                Met::Answered => continue,
                Met::Go => {}
            }
            if matches!(self.obey(&verb, argument.trim()).await?, Next::End) {
                return self.wire.close().await;
            }
        }
    }

    /// Lets a fault happen; `refusal` is this stage's own permanent failure.
    async fn is_met(&mut self, stage: &Stage, refusal: &str) -> io::Result<Met> {
        let reply = match self.wire.meet(stage).await? {
            Step::Go | Step::Announce { .. } => return Ok(Met::Go),
            Step::Answered => return Ok(Met::Answered),
            Step::Refuse => refusal.to_owned(),
            Step::Reply(text) => text,
        };
        self.wire.line(&reply).await?;
        Ok(if reply.starts_with("421") { Met::End } else { Met::Answered })
    }

    async fn obey(&mut self, verb: &str, argument: &str) -> io::Result<Next> {
        match verb {
            "EHLO" | "HELO" if argument.is_empty() => self.wire.line("501 5.5.4 say who you are").await?,
            "EHLO" => self.ehlo(argument).await?,
            "HELO" => {
                self.greet(argument);
                self.wire.line(&format!("250 {HOST}")).await?;
            }
            "STARTTLS" => self.start_tls().await?,
            "AUTH" => return self.auth(argument).await,
            "MAIL" => self.mail(argument).await?,
            "RCPT" => return self.rcpt(argument).await,
            "DATA" => return self.data().await,
            "RSET" => {
                self.transaction = None;
                self.wire.line("250 2.0.0 forgotten").await?;
            }
            "NOOP" => self.wire.line("250 2.0.0 OK").await?,
            "VRFY" => self.wire.line("252 2.5.0 send mail and see").await?,
            "QUIT" => {
                self.wire.line("221 2.0.0 goodbye").await?;
                return Ok(Next::End);
            }
            _ => self.wire.line("500 5.5.1 unknown command").await?,
        }
        Ok(Next::Continue)
    }

    async fn ehlo(&mut self, client: &str) -> io::Result<()> {
        self.greet(client);
        let mut lines = vec![format!("{HOST} greets you")];
        let simple = [
            (Feature::Pipelining, "PIPELINING"),
            (Feature::EightBitMime, "8BITMIME"),
            (Feature::SmtpUtf8, "SMTPUTF8"),
            (Feature::Dsn, "DSN"),
        ];
        let offered = simple.iter().filter(|(feature, _)| self.wire.has(*feature));
        lines.extend(offered.map(|(_, line)| (*line).to_owned()));
        lines.push("ENHANCEDSTATUSCODES".to_owned());
        if self.wire.has(Feature::Size) {
            lines.push(format!("SIZE {}", self.server.size_limit));
        }
        if self.offers_tls() {
            lines.push("STARTTLS".to_owned());
        }
        let mechanisms = [(Feature::AuthPlain, " PLAIN"), (Feature::AuthLogin, " LOGIN")];
        let offered = mechanisms.iter().filter(|(feature, _)| self.wire.has(*feature));
        let offered: String = offered.map(|(_, name)| *name).collect();
        if self.may_log_in() && !offered.is_empty() {
            lines.push(format!("AUTH{offered}"));
        }
        let last = lines.len() - 1;
        for (at, line) in lines.iter().enumerate() {
            let separator = if at == last { ' ' } else { '-' };
            self.wire.line(&format!("250{separator}{line}")).await?;
        }
        Ok(())
    }

    fn greet(&mut self, client: &str) {
        // It goes into the Received header, so it must not bring lines of its own.
        self.greeted_as = Some(client.chars().filter(|c| !c.is_control()).take(255).collect());
        self.transaction = None;
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        let Some(acceptor) = self.server.acceptor.clone().filter(|_| self.offers_tls()) else {
            return self.wire.line("502 5.5.1 STARTTLS is not offered").await;
        };
        self.wire.line("220 2.0.0 begin TLS").await?;
        self.wire.secure(&acceptor).await?;
        self.is_secure = true;
        self.greeted_as = None;
        self.transaction = None;
        Ok(())
    }

    async fn auth(&mut self, argument: &str) -> io::Result<Next> {
        if self.greeted_as.is_none() || self.user.is_some() || self.transaction.is_some() {
            self.wire.line("503 5.5.1 AUTH does not belong here").await?;
            return Ok(Next::Continue);
        }
        if !self.may_log_in() {
            self.wire.line("530 5.7.0 use STARTTLS before you log in").await?;
            return Ok(Next::Continue);
        }
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        let initial = if initial.trim() == "=" { "" } else { initial.trim() };
        let credentials = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" if self.wire.has(Feature::AuthPlain) => {
                let response = if initial.is_empty() { self.ask("").await? } else { initial.to_owned() };
                auth::plain(&response)
            }
            "LOGIN" if self.wire.has(Feature::AuthLogin) => {
                let user =
                    if initial.is_empty() { self.ask("VXNlcm5hbWU6").await? } else { initial.to_owned() };
                let password = self.ask("UGFzc3dvcmQ6").await?;
                auth::login_line(&user).zip(auth::login_line(&password))
            }
            _ => {
                self.wire.line("504 5.5.4 unknown mechanism").await?;
                return Ok(Next::Continue);
            }
        };
        let Some((user, password)) = credentials else {
            self.wire.line("501 5.5.2 the response is malformed or cancelled").await?;
            return Ok(Next::Continue);
        };
        match self.is_met(&Stage::Login, "535 5.7.8 wrong user name or password").await? {
            Met::End => return Ok(Next::End),
            Met::Answered => return Ok(Next::Continue),
            Met::Go => {}
        }
        match self.server.hub.open(&user, &password) {
            Some(account) => {
                self.user = Some(account.address.clone());
                self.wire.line("235 2.7.0 welcome").await?;
            }
            None => self.wire.line("535 5.7.8 wrong user name or password").await?,
        }
        Ok(Next::Continue)
    }

    async fn ask(&mut self, challenge: &str) -> io::Result<String> {
        self.wire.line(&format!("334 {challenge}")).await?;
        Ok(String::from_utf8_lossy(&self.wire.read_line(LONGEST_COMMAND).await?).into_owned())
    }

    async fn mail(&mut self, argument: &str) -> io::Result<()> {
        let reply = self.judge_mail(argument);
        self.wire.line(reply).await
    }

    fn judge_mail(&mut self, argument: &str) -> &'static str {
        if self.greeted_as.is_none() {
            return "503 5.5.1 EHLO comes first";
        }
        if self.user.is_none() {
            return "530 5.7.0 log in first";
        }
        if self.transaction.is_some() {
            return "503 5.5.1 one sender per message";
        }
        let Some(path) = Path::parse(argument, "FROM:") else {
            return "501 5.1.7 the sender's address is malformed";
        };
        let mut known = Vec::new();
        let parameters = [
            (Feature::Size, &["SIZE"][..]),
            (Feature::EightBitMime, &["BODY"][..]),
            (Feature::SmtpUtf8, &["SMTPUTF8"][..]),
            (Feature::Dsn, &["RET", "ENVID"][..]),
            (Feature::AuthPlain, &["AUTH"][..]),
        ];
        for (feature, names) in parameters {
            if self.wire.has(feature) {
                known.extend_from_slice(names);
            }
        }
        if path.unknown_parameter(&known).is_some() {
            return "555 5.5.4 unknown parameter";
        }
        if let Some(size) = path.parameter("SIZE") {
            match size.parse::<usize>() {
                Ok(size) if size > self.server.size_limit => return "552 5.3.4 the message is too big",
                Ok(_) => {}
                Err(_) => return "501 5.5.4 SIZE is not a number",
            }
        }
        if !path.address.is_ascii() && path.parameter("SMTPUTF8").is_none() {
            return "553 5.6.7 this address needs SMTPUTF8";
        }
        if !path.address.is_empty() && !path.address.contains('@') {
            return "553 5.1.7 the sender's address has no domain";
        }
        self.transaction = Some(Transaction { path, recipients: Vec::new() });
        "250 2.1.0 sender noted"
    }

    async fn rcpt(&mut self, argument: &str) -> io::Result<Next> {
        let Some(transaction) = self.transaction.as_mut() else {
            self.wire.line("503 5.5.1 MAIL comes first").await?;
            return Ok(Next::Continue);
        };
        let Some(path) = Path::parse(argument, "TO:") else {
            self.wire.line("501 5.1.3 the recipient's address is malformed").await?;
            return Ok(Next::Continue);
        };
        let known: &[&str] = if self.wire.has(Feature::Dsn) { &["NOTIFY", "ORCPT"] } else { &[] };
        let is_utf8 = transaction.path.parameter("SMTPUTF8").is_some();
        let accepted = transaction.recipients.iter().filter(|recipient| recipient.is_accepted()).count();
        let fault = self.wire.meet(&Stage::recipient(&path.address)).await?;
        let reply = match fault {
            Step::Reply(text) => text,
            Step::Refuse => "550 5.7.1 refused".to_owned(),
            Step::Answered => return Ok(Next::Continue),
            _ if path.unknown_parameter(known).is_some() => "555 5.5.4 unknown parameter".to_owned(),
            _ if !path.address.is_ascii() && !is_utf8 => "553 5.6.7 this address needs SMTPUTF8".to_owned(),
            _ if accepted >= MOST_RECIPIENTS => "452 4.5.3 too many recipients".to_owned(),
            _ if !self.server.hub.has(&path.address) => {
                format!("550 5.1.1 <{}>: no such mailbox here", path.address)
            }
            _ => "250 2.1.5 recipient noted".to_owned(),
        };
        self.wire.line(&reply).await?;
        let is_end = reply.starts_with("421");
        let Path { address, parameters } = path;
        transaction.recipients.push(RecipientResult { address, parameters, reply });
        Ok(if is_end { Next::End } else { Next::Continue })
    }

    async fn data(&mut self) -> io::Result<Next> {
        let has_recipient = |it: &Transaction| it.recipients.iter().any(RecipientResult::is_accepted);
        match &self.transaction {
            None => {
                self.wire.line("503 5.5.1 MAIL comes first").await?;
                return Ok(Next::Continue);
            }
            Some(transaction) if !has_recipient(transaction) => {
                self.wire.line("554 5.5.1 no valid recipients").await?;
                return Ok(Next::Continue);
            }
            Some(_) => self.wire.line("354 end with a dot on its own line").await?,
        }
        let mut content = Dotted::new(self.server.size_limit);
        while !content.is_ended() {
            self.wire.take_some(|bytes| content.take(bytes)).await?;
        }
        let Some(transaction) = self.transaction.take() else { return Ok(Next::Continue) };
        match self.is_met(&Stage::BeforeDelivery, "554 5.6.0 refused").await? {
            Met::End => return Ok(Next::End),
            Met::Answered => return Ok(Next::Continue),
            Met::Go => {}
        }
        let Some(raw) = content.finish() else {
            self.wire.line("552 5.3.4 the message is too big").await?;
            return Ok(Next::Continue);
        };
        self.deliver(transaction, raw);
        match self.is_met(&Stage::AfterDelivery, "554 5.6.0 refused").await? {
            Met::End => return Ok(Next::End),
            Met::Answered => return Ok(Next::Continue),
            Met::Go => self.wire.line("250 2.0.0 delivered").await?,
        }
        Ok(Next::Continue)
    }

    fn deliver(&self, transaction: Transaction, raw: Vec<u8>) {
        let mut delivered = self.received_header().into_bytes();
        delivered.extend_from_slice(&raw);
        let delivered: Arc<[u8]> = delivered.into();
        let accepted = transaction.recipients.iter().filter(|recipient| recipient.is_accepted());
        for recipient in accepted {
            if self.server.hub.deliver(&recipient.address, Arc::clone(&delivered)).is_err() {
                // A scripted reply accepted an address that nobody has: the mail goes nowhere, as the script says.
                tracing::debug!("Nobody has {}.", recipient.address);
            }
        }
        let Path { address, parameters } = transaction.path;
        self.server.record(Submission {
            authenticated_as: self.user.clone().unwrap_or_default(),
            from: address,
            parameters,
            recipients: transaction.recipients,
            raw: raw.into(),
        });
    }

    /// RFC 5321 section 4.4; the protocol names are those of RFC 3848.
    fn received_header(&self) -> String {
        let client = self.greeted_as.as_deref().unwrap_or("unknown");
        let with = if self.is_secure { "ESMTPSA" } else { "ESMTPA" };
        let date = clock::now().format("%a, %d %b %Y %H:%M:%S +0000");
        format!("Received: from {client} ([127.0.0.1])\r\n\tby {HOST} with {with};\r\n\t{date}\r\n")
    }

    fn note(&self, verb: &str, argument: &str) {
        match verb {
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

/// Whether a fault took the place of the answer.
enum Met {
    Go,
    Answered,
    End,
}
