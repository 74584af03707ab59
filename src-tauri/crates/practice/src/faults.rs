//! What a server does wrong, and when: a script that a test can change while the server runs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A point in a session at which a fault can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// A client has connected (and finished implicit TLS); the greeting is due.
    Greeting,
    /// A command has been read and its answer is due. Upper case, without arguments: `RETR`, `EHLO`. `FETCH`, `STORE`,
    /// `SEARCH`, `COPY`, `MOVE` and `EXPUNGE` stand for their `UID` forms too.
    Command(String),
    /// Credentials have arrived by whatever command, and have not been checked.
    Login,
    /// SMTP: this recipient (lower case) was named in RCPT.
    Recipient(String),
    /// SMTP: DATA's final dot was read, nothing has been delivered.
    BeforeDelivery,
    /// SMTP: everything has been delivered, the reply is due. Closing here is the "lost reply".
    AfterDelivery,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends without an answer.
    Close,
    /// Nothing is ever answered; the connection stays open until the client leaves or the server stops.
    Hang,
    /// The answer comes this much later.
    Delay(Duration),
    /// The connection ends after this many bytes of the answer (and, when that is shorter, of what follows).
    CutAfter(usize),
    /// Bytes that are no answer in any protocol, as one line.
    Garbage,
    /// This many bytes without an end of line, then the connection ends.
    EndlessLine(u64),
    /// This text instead of the real answer. For IMAP the tag is put in front unless it starts with `*` or `+`. After
    /// SMTP 421 or IMAP `* BYE` the connection ends.
    Reply(String),
    /// The protocol's own refusal: wrong password at [`Stage::Login`], else a permanent failure.
    Refuse,
    /// A false size. IMAP: a literal of `octets` in a FETCH response; POP3: LIST, STAT and RETR say `octets`. Where content
    /// follows (FETCH, RETR, TOP), `sent` bytes of it are sent, then the connection ends.
    Announce {
        /// The size that is claimed.
        octets: u64,
        /// How much is really sent.
        sent: u64,
    },
}

/// An ability that can be taken from a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// POP3 CAPA (RFC 2449).
    Capa,
    /// POP3 UIDL.
    Uidl,
    /// POP3 TOP.
    Top,
    /// PIPELINING in POP3 and SMTP.
    Pipelining,
    /// IMAP CONDSTORE (RFC 7162), and with it QRESYNC: the folder has no modification sequences (NOMODSEQ).
    Condstore,
    /// IMAP QRESYNC (RFC 7162).
    Qresync,
    /// IMAP IDLE (RFC 2177).
    Idle,
    /// IMAP LITERAL+ (RFC 7888).
    LiteralPlus,
    /// IMAP SASL-IR (RFC 4959).
    SaslIr,
    /// IMAP MOVE (RFC 6851).
    Move,
    /// SASL PLAIN in all three protocols.
    AuthPlain,
    /// SMTP AUTH LOGIN.
    AuthLogin,
    /// STLS and STARTTLS, although the server was started with them: what a downgrade attack looks like.
    StartTls,
    /// SMTP SIZE (RFC 1870).
    Size,
    /// SMTP 8BITMIME (RFC 6152).
    EightBitMime,
    /// SMTP SMTPUTF8 (RFC 6531).
    SmtpUtf8,
    /// SMTP DSN (RFC 3461).
    Dsn,
}

/// How fast a server is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// Waited before each command is answered.
    pub per_command: Duration,
    /// Limit of what is sent per second on each connection.
    pub bytes_per_second: Option<u32>,
}

/// A server's misbehaviour. Clones share the same script; it takes effect at once, also in open sessions.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    rules: Vec<Rule>,
    pace: Pace,
    missing: BTreeSet<Feature>,
    fired: u64,
}

#[derive(Debug)]
struct Rule {
    stage: Stage,
    fault: Fault,
    skip: u32,
    times: Option<u32>,
}

impl Stage {
    /// The stage of this command, in any case.
    #[must_use]
    pub fn command(verb: &str) -> Self {
        Self::Command(verb.to_ascii_uppercase())
    }

    /// The stage of naming this recipient, in any case.
    #[must_use]
    pub fn recipient(address: &str) -> Self {
        Self::Recipient(address.to_lowercase())
    }
}

impl Faults {
    /// A server that behaves.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The fault happens the next time that the stage is reached, on any connection, and never again.
    pub fn once(&self, stage: Stage, fault: Fault) {
        self.times(1, stage, fault);
    }

    /// The fault happens the next `times` times.
    pub fn times(&self, times: u32, stage: Stage, fault: Fault) {
        self.add(Rule { stage, fault, skip: 0, times: Some(times) });
    }

    /// The stage is passed unharmed `passes` times, then the fault happens once.
    pub fn after(&self, passes: u32, stage: Stage, fault: Fault) {
        self.add(Rule { stage, fault, skip: passes, times: Some(1) });
    }

    /// The fault happens each time, until [`Faults::clear`].
    pub fn always(&self, stage: Stage, fault: Fault) {
        self.add(Rule { stage, fault, skip: 0, times: None });
    }

    /// Takes an ability away.
    pub fn without(&self, feature: Feature) {
        self.script().missing.insert(feature);
    }

    /// Sets how fast the server is from now on.
    pub fn set_pace(&self, pace: Pace) {
        self.script().pace = pace;
    }

    /// Makes the server behave again: no faults, full speed, all features.
    pub fn clear(&self) {
        let mut script = self.script();
        let fired = script.fired;
        *script = Script { fired, ..Script::default() };
    }

    /// How many faults have happened, so that a test can prove that its fault was met.
    #[must_use]
    pub fn fired(&self) -> u64 {
        self.script().fired
    }

    pub(crate) fn has(&self, feature: Feature) -> bool {
        !self.script().missing.contains(&feature)
    }

    pub(crate) fn pace(&self) -> Pace {
        self.script().pace
    }

    /// The fault that is due at this stage, counting the visit.
    pub(crate) fn due(&self, stage: &Stage) -> Option<Fault> {
        let mut script = self.script();
        let mut due = None;
        for rule in script.rules.iter_mut().filter(|rule| rule.stage == *stage) {
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            if due.is_none() {
                rule.times = rule.times.map(|times| times.saturating_sub(1));
                due = Some(rule.fault.clone());
            }
        }
        script.rules.retain(|rule| rule.times != Some(0));
        script.fired += u64::from(due.is_some());
        due
    }

    fn add(&self, rule: Rule) {
        if rule.times != Some(0) {
            self.script().rules.push(rule);
        }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_one_shot_fault_happens_once_and_a_permanent_one_until_cleared() {
        let faults = Faults::none();
        faults.after(2, Stage::command("retr"), Fault::Close);
        faults.always(Stage::Greeting, Fault::Hang);
        let retr = Stage::command("RETR");
        let met: Vec<_> = (0..4).map(|_| faults.due(&retr)).collect();
        assert_eq!(met, [None, None, Some(Fault::Close), None]);
        assert_eq!(faults.due(&Stage::Greeting), Some(Fault::Hang));
        assert_eq!(faults.due(&Stage::Greeting), Some(Fault::Hang));
        faults.clear();
        assert_eq!(faults.due(&Stage::Greeting), None);
        assert_eq!(faults.fired(), 3);
    }
}
