//! What a server says it can do (RFC 2449 section 6).

use chrono::Duration;

/// A server's capabilities. All unknown when it does not know CAPA, as servers before 1998.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// Whether it answered CAPA at all.
    pub(super) told: bool,
    pub(super) user: bool,
    pub(super) uidl: bool,
    pub(super) top: bool,
    pub(super) stls: bool,
    pub(super) pipelining: bool,
    /// It always says `[AUTH]` when the credentials are the problem (RFC 3206).
    pub(super) auth_resp_code: bool,
    /// SASL mechanisms, in upper case.
    pub(super) sasl: Vec<String>,
    /// How long to wait between two logins.
    pub(super) login_delay: Option<Duration>,
}

impl Capabilities {
    /// Takes one line of the answer. Unknown ones are ignored.
    pub(super) fn take(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace().map(str::to_ascii_uppercase);
        match words.next().as_deref() {
            Some("USER") => self.user = true,
            Some("UIDL") => self.uidl = true,
            Some("TOP") => self.top = true,
            Some("STLS") => self.stls = true,
            Some("PIPELINING") => self.pipelining = true,
            Some("AUTH-RESP-CODE") => self.auth_resp_code = true,
            Some("SASL") => self.sasl = words.collect(),
            Some("LOGIN-DELAY") => {
                let seconds = words.next().and_then(|word| word.parse::<u32>().ok());
                self.login_delay = seconds.map(|seconds| Duration::seconds(i64::from(seconds)));
            }
            _ => {}
        }
    }

    /// Whether it offers a SASL mechanism.
    pub(super) fn offers(&self, mechanism: &str) -> bool {
        self.sasl.iter().any(|offered| offered == mechanism)
    }
}
