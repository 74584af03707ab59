//! One IMAP session: reads commands, keeps its state, and answers those that concern the session or messages.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use super::Imap;
use super::fetch::Item;
use super::search::{Key, Unsearchable};
use super::selected::{By, News, Selected};
use super::set::compact;
use super::store::FlagChange;
use super::syntax::{Arg, Piece, arguments, read_command};
use crate::auth;
use crate::faults::{Feature, Stage};
use crate::hub::Account;
use crate::wire::{Step, Wire};

const LONGEST_LINE: usize = 64 * 1024;

pub(super) struct Session<'a> {
    server: &'a Imap,
    pub(super) wire: Wire,
    is_secure: bool,
    pub(super) account: Option<Arc<Account>>,
    pub(super) selected: Option<Selected>,
    /// The client has enabled QRESYNC.
    pub(super) is_qresync: bool,
}

/// The tagged answer to a command.
pub(super) enum Answer {
    Ok(String),
    No(String),
    Bad(&'static str),
    /// A fault has already answered.
    Answered,
    /// A fault answers with this text.
    Fault(String),
    End,
}

impl Answer {
    pub(super) fn ok(text: &str) -> Self {
        Self::Ok(text.to_owned())
    }

    pub(super) fn no(text: &str) -> Self {
        Self::No(text.to_owned())
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(server: &'a Imap, wire: Wire) -> Self {
        Self { server, wire, is_secure: server.is_secure, account: None, selected: None, is_qresync: false }
    }

    pub(super) async fn run(mut self) -> io::Result<()> {
        match self.wire.meet(&Stage::Greeting).await? {
            Step::Reply(text) => self.wire.line(&text).await?,
            Step::Refuse => {
                self.wire.line("* BYE [UNAVAILABLE] not now").await?;
                return self.wire.close().await;
            }
            Step::Answered => {}
            Step::Announce { octets, sent } => self.announce(octets, sent).await?,
            Step::Go => {
                let greeting =
                    format!("* OK [CAPABILITY {}] Tandem practice IMAP ready", self.capabilities());
                self.wire.line(&greeting).await?;
            }
        }
        loop {
            let pieces = match read_command(&mut self.wire).await {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.wire.line("* BYE [TOOBIG] the command is too long").await?;
                    return self.wire.close().await;
                }
                read => read?,
            };
            if !self.command(pieces).await? {
                return self.wire.close().await;
            }
        }
    }

    /// Answers one command; false when the session is over.
    async fn command(&mut self, pieces: Vec<Piece>) -> io::Result<bool> {
        let first_line = match pieces.first() {
            Some(Piece::Line(line)) => String::from_utf8_lossy(line).into_owned(),
            _ => String::new(),
        };
        let args = arguments(pieces);
        let (tag, verb, rest) = match args.as_deref() {
            Some([Arg::Word(tag), Arg::Word(verb), rest @ ..]) => {
                (tag.clone(), verb.to_ascii_uppercase(), rest)
            }
            Some([Arg::Word(tag), ..]) => {
                let line = format!("{tag} BAD no command");
                return self.wire.line(&line).await.map(|()| true);
            }
            _ => return self.wire.line("* BAD not a command").await.map(|()| true),
        };
        let (verb, by, rest) = match (verb.as_str(), rest) {
            ("UID", [Arg::Word(verb), rest @ ..]) => (verb.to_ascii_uppercase(), By::Uid, rest),
            _ => (verb, By::Number, rest),
        };
        self.note(&verb, &first_line);
        self.wire.pace().await;
        let answer = match self.wire.meet(&Stage::Command(verb.clone())).await? {
            Step::Go => self.obey(&tag, &verb, by, rest).await?,
            Step::Answered => Answer::Answered,
            Step::Reply(text) => Answer::Fault(text),
            Step::Refuse => Answer::no("refused"),
            Step::Announce { octets, sent } => {
                self.announce(octets, sent).await?;
                Answer::Answered
            }
        };
        // RFC 3501 section 7.4.1: no EXPUNGE may come in the answer of a command that speaks in message numbers.
        let is_by_number = by == By::Number && matches!(verb.as_str(), "FETCH" | "STORE" | "SEARCH");
        if !is_by_number && matches!(answer, Answer::Ok(_) | Answer::No(_)) && !self.tell_news().await? {
            return Ok(false);
        }
        match answer {
            Answer::Ok(text) => self.wire.line(&format!("{tag} OK {text}")).await?,
            Answer::No(text) => self.wire.line(&format!("{tag} NO {text}")).await?,
            Answer::Bad(text) => self.wire.line(&format!("{tag} BAD {text}")).await?,
            Answer::Answered => {}
            Answer::Fault(text) if text.starts_with(['*', '+']) => {
                self.wire.line(&text).await?;
                return Ok(!text.to_ascii_uppercase().starts_with("* BYE"));
            }
            Answer::Fault(text) => self.wire.line(&format!("{tag} {text}")).await?,
            Answer::End => {
                self.wire.line(&format!("* BYE goodbye\r\n{tag} OK logged out")).await?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn obey(&mut self, tag: &str, verb: &str, by: By, args: &[Arg]) -> io::Result<Answer> {
        match verb {
            "CAPABILITY" => {
                let line = format!("* CAPABILITY {}", self.capabilities());
                self.wire.line(&line).await?;
                Ok(Answer::ok("done"))
            }
            "NOOP" => Ok(Answer::ok("done")),
            "LOGOUT" => Ok(Answer::End),
            "ID" => {
                self.wire.line("* ID (\"name\" \"Tandem practice\")").await?;
                Ok(Answer::ok("done"))
            }
            _ if self.account.is_some() => self.obey_authenticated(verb, by, args).await,
            "STARTTLS" if self.offers_tls() => self.start_tls(tag).await,
            "LOGIN" | "AUTHENTICATE" if !self.may_log_in() => {
                Ok(Answer::no("[PRIVACYREQUIRED] use STARTTLS before you log in"))
            }
            "LOGIN" => match args {
                [user, password] => self.log_in(user.text().zip(password.text())).await,
                _ => Ok(Answer::Bad("LOGIN takes a user name and a password")),
            },
            "AUTHENTICATE" => self.authenticate(args).await,
            _ => Ok(Answer::Bad("unknown command, or log in first")),
        }
    }

    async fn obey_authenticated(&mut self, verb: &str, by: By, args: &[Arg]) -> io::Result<Answer> {
        match verb {
            "SELECT" => self.select(args, Access::ReadWrite).await,
            "EXAMINE" => self.select(args, Access::ReadOnly).await,
            "STATUS" => self.status(args).await,
            "LIST" | "LSUB" => self.list(verb, args).await,
            "CREATE" => Ok(self.create(args)),
            "SUBSCRIBE" | "UNSUBSCRIBE" | "CHECK" => Ok(Answer::ok("done")),
            "NAMESPACE" => {
                self.wire.line("* NAMESPACE ((\"\" \"/\")) NIL NIL").await?;
                Ok(Answer::ok("done"))
            }
            "ENABLE" => {
                let asks = |name: &str| args.iter().any(|arg| arg.word().as_deref() == Some(name));
                let mut enabled = String::new();
                if self.wire.has(Feature::Condstore) && asks("CONDSTORE") {
                    enabled.push_str(" CONDSTORE");
                }
                if self.offers_qresync() && asks("QRESYNC") {
                    self.is_qresync = true;
                    enabled.push_str(" QRESYNC");
                }
                self.wire.line(&format!("* ENABLED{enabled}")).await?;
                Ok(Answer::ok("done"))
            }
            "APPEND" => Ok(self.append(args)),
            "IDLE" if self.wire.has(Feature::Idle) => self.idle().await,
            _ if self.selected.is_some() => self.obey_selected(verb, by, args).await,
            _ => Ok(Answer::Bad("unknown command, or select a folder first")),
        }
    }

    async fn obey_selected(&mut self, verb: &str, by: By, args: &[Arg]) -> io::Result<Answer> {
        match verb {
            "FETCH" => self.fetch(by, args).await,
            "SEARCH" => self.search(by, args).await,
            "STORE" => self.store(by, args).await,
            "COPY" | "MOVE" => self.copy(verb, by, args).await,
            "EXPUNGE" => self.expunge(by, args),
            "CLOSE" | "UNSELECT" => {
                if verb == "CLOSE" {
                    self.remove_deleted(None);
                }
                self.selected = None;
                Ok(Answer::ok("done"))
            }
            _ => Ok(Answer::Bad("unknown command")),
        }
    }

    async fn authenticate(&mut self, args: &[Arg]) -> io::Result<Answer> {
        let (mechanism, initial) = match args {
            [mechanism] => (mechanism, None),
            [mechanism, initial] if self.wire.has(Feature::SaslIr) => (mechanism, initial.text()),
            _ => return Ok(Answer::Bad("AUTHENTICATE takes a mechanism")),
        };
        if mechanism.word().as_deref() != Some("PLAIN") || !self.wire.has(Feature::AuthPlain) {
            return Ok(Answer::no("unknown mechanism"));
        }
        let response = match initial {
            Some(initial) => initial,
            None => {
                self.wire.line("+ ").await?;
                String::from_utf8_lossy(&self.wire.read_line(LONGEST_LINE).await?).into_owned()
            }
        };
        match auth::plain(&response) {
            Some(credentials) => self.log_in(Some(credentials)).await,
            None => Ok(Answer::Bad("the response is malformed or cancelled")),
        }
    }

    async fn log_in(&mut self, credentials: Option<(String, String)>) -> io::Result<Answer> {
        let Some((user, password)) = credentials else { return Ok(Answer::Bad("LOGIN takes two strings")) };
        match self.wire.meet(&Stage::Login).await? {
            Step::Reply(text) => return Ok(Answer::Fault(text)),
            Step::Refuse => return Ok(Answer::no("[AUTHENTICATIONFAILED] wrong user name or password")),
            Step::Answered => return Ok(Answer::Answered),
            Step::Go | Step::Announce { .. } => {}
        }
        self.account = self.server.hub.open(&user, &password);
        if self.account.is_none() {
            return Ok(Answer::no("[AUTHENTICATIONFAILED] wrong user name or password"));
        }
        Ok(Answer::Ok(format!("[CAPABILITY {}] logged in", self.capabilities())))
    }

    async fn start_tls(&mut self, tag: &str) -> io::Result<Answer> {
        let Some(acceptor) = self.server.acceptor.clone() else { return Ok(Answer::Bad("no TLS here")) };
        self.wire.line(&format!("{tag} OK begin TLS")).await?;
        self.wire.secure(&acceptor).await?;
        self.is_secure = true;
        Ok(Answer::Answered)
    }

    async fn idle(&mut self) -> io::Result<Answer> {
        let Some(mut changes) = self.account.as_ref().map(|account| account.changes()) else {
            return Ok(Answer::Bad("log in first"));
        };
        self.wire.line("+ idling").await?;
        loop {
            changes.borrow_and_update();
            if !self.tell_news().await? {
                return Ok(Answer::End);
            }
            self.wire.flush().await?;
            tokio::select! {
                line = self.wire.read_line(LONGEST_LINE) => {
                    let is_done = line?.trim_ascii().eq_ignore_ascii_case(b"DONE");
                    return Ok(if is_done { Answer::ok("done") } else { Answer::Bad("DONE ends IDLE") });
                }
                _ = changes.changed() => {}
            }
        }
    }

    async fn fetch(&mut self, by: By, args: &[Arg]) -> io::Result<Answer> {
        let Some(selected) = self.selected.as_mut() else { return Ok(Answer::Bad("select first")) };
        let [set, items, modifiers @ ..] = args else {
            return Ok(Answer::Bad("FETCH takes a set and items"));
        };
        let uids = set.text().and_then(|set| selected.uids(&set, by));
        let (Some(uids), Some(mut items)) = (uids, Item::parse_all(items)) else {
            return Ok(Answer::Bad("the set or an item is unknown"));
        };
        let has_condstore = self.wire.has(Feature::Condstore);
        let changed_since = modifier(modifiers, "CHANGEDSINCE");
        if !has_condstore && (changed_since.is_some() || items.contains(&Item::ModSeq)) {
            return Ok(Answer::Bad("CONDSTORE is unknown"));
        }
        if by == By::Uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        if changed_since.is_some() && !items.contains(&Item::ModSeq) {
            items.push(Item::ModSeq);
        }
        let sets_seen = !selected.is_read_only && items.iter().any(Item::sets_seen);
        let mut response = Vec::new();
        for mut message in selected.messages(&uids) {
            let Some(number) = selected.number(message.uid) else { continue };
            if changed_since.is_some_and(|mod_seq| message.mod_seq <= mod_seq) {
                continue;
            }
            let becomes_seen =
                sets_seen && !message.flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Seen"));
            if becomes_seen {
                message.flags.push("\\Seen".to_owned());
                let (uid, flags) = (message.uid, message.flags.clone());
                message.mod_seq =
                    selected.change_flags(|it| it.set_flags(uid, flags)).flatten().unwrap_or(message.mod_seq);
            }
            response.extend_from_slice(format!("* {number} FETCH (").as_bytes());
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    response.push(b' ');
                }
                item.write(&message, &mut response);
            }
            if becomes_seen && !items.contains(&Item::Flags) {
                response.push(b' ');
                Item::Flags.write(&message, &mut response);
            }
            response.extend_from_slice(b")\r\n");
            self.wire.send(&response).await?;
            response.clear();
        }
        Ok(Answer::ok("done"))
    }

    async fn search(&mut self, by: By, args: &[Arg]) -> io::Result<Answer> {
        let Some(selected) = self.selected.as_ref() else { return Ok(Answer::Bad("select first")) };
        let key = match Key::parse(args, selected) {
            Ok(key) => key,
            Err(Unsearchable::Malformed) => return Ok(Answer::Bad("the search is malformed")),
            Err(Unsearchable::Charset) => return Ok(Answer::no("[BADCHARSET (UTF-8)] unknown charset")),
        };
        if key.asks_for_mod_seq() && !self.wire.has(Feature::Condstore) {
            return Ok(Answer::Bad("CONDSTORE is unknown"));
        }
        let mut line = String::from("* SEARCH");
        let mut highest = 0;
        for message in selected.messages(selected.numbers()) {
            let Some(number) = selected.number(message.uid) else { continue };
            if key.matches(number, &message) {
                let _ = write!(line, " {}", if by == By::Uid { message.uid } else { number });
                highest = highest.max(message.mod_seq);
            }
        }
        if key.asks_for_mod_seq() && highest > 0 {
            let _ = write!(line, " (MODSEQ {highest})");
        }
        self.wire.line(&line).await?;
        Ok(Answer::ok("done"))
    }

    async fn store(&mut self, by: By, args: &[Arg]) -> io::Result<Answer> {
        let Some(selected) = self.selected.as_mut() else { return Ok(Answer::Bad("select first")) };
        let (set, unchanged_since, rest) = match args {
            [set, Arg::List(modifiers), rest @ ..] => (set, modifier(modifiers, "UNCHANGEDSINCE"), rest),
            [set, rest @ ..] => (set, None, rest),
            [] => return Ok(Answer::Bad("STORE takes a set")),
        };
        let uids = set.text().and_then(|set| selected.uids(&set, by));
        let change = rest.split_first().and_then(|(name, flags)| FlagChange::parse(name, flags));
        let (Some(uids), Some(change)) = (uids, change) else {
            return Ok(Answer::Bad("the set or flags are malformed"));
        };
        if selected.is_read_only {
            return Ok(Answer::no("[READ-ONLY] the folder was opened with EXAMINE"));
        }
        let mut modified = Vec::new();
        for uid in uids {
            let stored = selected.change_flags(|folder| {
                let message = folder.find(uid)?;
                if unchanged_since.is_some_and(|mod_seq| message.mod_seq > mod_seq) {
                    return None;
                }
                let flags = change.apply(&message.flags);
                let mod_seq = folder.set_flags(uid, flags.clone())?;
                Some((flags.join(" "), mod_seq))
            });
            let Some(number) = selected.number(uid) else { continue };
            let Some((flags, mod_seq)) = stored.flatten() else {
                modified.push(if by == By::Uid { uid } else { number });
                continue;
            };
            let mut items = Vec::new();
            if by == By::Uid {
                items.push(format!("UID {uid}"));
            }
            if !change.is_silent {
                items.push(format!("FLAGS ({flags})"));
            }
            if unchanged_since.is_some() {
                items.push(format!("MODSEQ ({mod_seq})"));
            }
            if !change.is_silent || unchanged_since.is_some() {
                self.wire.line(&format!("* {number} FETCH ({})", items.join(" "))).await?;
            }
        }
        let is_conflict = unchanged_since.is_some() && !modified.is_empty();
        Ok(if is_conflict {
            Answer::Ok(format!("[MODIFIED {}] done in part", compact(&modified)))
        } else {
            Answer::ok("done")
        })
    }

    fn expunge(&mut self, by: By, args: &[Arg]) -> io::Result<Answer> {
        let Some(selected) = self.selected.as_ref() else { return Ok(Answer::Bad("select first")) };
        if selected.is_read_only {
            return Ok(Answer::no("[READ-ONLY] the folder was opened with EXAMINE"));
        }
        let only = match (by, args) {
            (By::Number, _) => None,
            (By::Uid, [set]) => match set.text().and_then(|set| selected.uids(&set, By::Uid)) {
                Some(uids) => Some(uids),
                None => return Ok(Answer::Bad("the set is malformed")),
            },
            (By::Uid, _) => return Ok(Answer::Bad("UID EXPUNGE takes a set")),
        };
        self.remove_deleted(only.as_deref());
        // The EXPUNGE responses come as news, before the tagged answer.
        Ok(Answer::ok("done"))
    }

    /// Removes what is flagged as deleted, of these UIDs or of all.
    fn remove_deleted(&self, only: Option<&[u32]>) {
        let Some(selected) = self.selected.as_ref().filter(|selected| !selected.is_read_only) else { return };
        let is_meant = |uid: &u32| only.is_none_or(|only| only.binary_search(uid).is_ok());
        selected.change(|folder| {
            let is_deleted =
                |flags: &[String]| flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Deleted"));
            let deleted = folder.messages.iter().filter(|message| is_deleted(&message.flags));
            let uids: Vec<u32> = deleted.map(|message| message.uid).filter(is_meant).collect();
            folder.remove(&uids)
        });
    }

    /// Tells what changed in the selected folder; false when the session cannot go on.
    async fn tell_news(&mut self) -> io::Result<bool> {
        match self.selected.as_mut().map(Selected::news) {
            None => Ok(true),
            Some(News::Lines(lines)) => {
                self.wire.send(lines.as_bytes()).await?;
                Ok(true)
            }
            Some(News::Void) => {
                self.wire.line("* BYE the folder was rebuilt, its UIDVALIDITY has changed").await?;
                Ok(false)
            }
        }
    }

    /// A literal that is announced larger than what follows.
    async fn announce(&mut self, octets: u64, sent: u64) -> io::Result<()> {
        let uid =
            self.selected.as_ref().and_then(|selected| selected.numbers().first().copied()).unwrap_or(1);
        let start = format!("* 1 FETCH (UID {uid} BODY[] {{{octets}}}");
        self.wire.line(&start).await?;
        self.wire.drip_and_end(sent).await
    }

    fn capabilities(&self) -> String {
        let mut capabilities = String::from("IMAP4rev1 ID ENABLE UIDPLUS NAMESPACE UNSELECT SPECIAL-USE");
        let optional = [
            (Feature::LiteralPlus, " LITERAL+"),
            (Feature::SaslIr, " SASL-IR"),
            (Feature::Idle, " IDLE"),
            (Feature::Move, " MOVE"),
            (Feature::Condstore, " CONDSTORE"),
        ];
        capabilities
            .extend(optional.iter().filter(|(feature, _)| self.wire.has(*feature)).map(|(_, name)| *name));
        if self.offers_qresync() {
            capabilities.push_str(" QRESYNC");
        }
        if self.offers_tls() {
            capabilities.push_str(" STARTTLS");
        }
        if !self.may_log_in() {
            capabilities.push_str(" LOGINDISABLED");
        } else if self.wire.has(Feature::AuthPlain) {
            capabilities.push_str(" AUTH=PLAIN");
        }
        capabilities
    }

    fn note(&self, verb: &str, first_line: &str) {
        match verb {
            "LOGIN" | "AUTHENTICATE" => self.wire.note(verb),
            _ => self.wire.note(first_line.split_once(' ').map_or(first_line, |(_, command)| command)),
        }
    }

    fn offers_qresync(&self) -> bool {
        self.wire.has(Feature::Condstore) && self.wire.has(Feature::Qresync)
    }

    fn offers_tls(&self) -> bool {
        self.server.acceptor.is_some() && !self.is_secure && self.wire.has(Feature::StartTls)
    }

    fn may_log_in(&self) -> bool {
        self.server.acceptor.is_none() || self.is_secure
    }
}

/// Whether a folder is opened for changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    ReadWrite,
    ReadOnly,
}

/// The number after this name among a command's modifiers (RFC 4466).
fn modifier(modifiers: &[Arg], name: &str) -> Option<u64> {
    let flat: Vec<&Arg> = modifiers.iter().flat_map(Arg::items).collect();
    let pair =
        flat.windows(2).find(|pair| pair.first().and_then(|arg| arg.word()).as_deref() == Some(name))?;
    pair.get(1)?.text()?.parse().ok()
}
