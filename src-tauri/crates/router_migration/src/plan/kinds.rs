//! What a provider is: its direction, its kind of server, its way to sign in.

use super::Obstacle;
use crate::{
    leaf::Leaf,
    model::{Provider, RouterData},
    values::{boolean, port},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of server on one side of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerKind {
    /// POP3.
    Pop3,
    /// SMTP.
    Smtp,
    /// Exchange Server over EWS.
    ExchangeEws,
    /// Exchange Online.
    ExchangeOnline,
    /// Exchange 2003, or Exchange 2007 over WebDAV.
    ExchangeWebDav,
    /// Somebody else's provider.
    Custom,
    /// It cannot be told.
    Unclear,
}

impl fmt::Display for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pop3 => "POP3",
            Self::Smtp => "SMTP",
            Self::ExchangeEws => "Exchange (EWS)",
            Self::ExchangeOnline => "Exchange Online",
            Self::ExchangeWebDav => "Exchange (WebDAV)",
            Self::Custom => "custom",
            Self::Unclear => "unclear",
        })
    }
}

impl ServerKind {
    pub(super) const fn is_exchange(self) -> bool {
        matches!(self, Self::ExchangeEws | Self::ExchangeOnline)
    }
}

/// How a provider signs in (the reference's section 8, item 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SignIn {
    Anonymous,
    Windows,
    Ntlm,
    Basic,
    /// Unknown or absent: the protocol decides (Auto Detect).
    Auto,
}

/// `AccessCredentials` of the Configuration Manager; its place in the file is \[U\].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Access {
    LocalSystem,
    UserSpecified,
    OtherSpecified,
}

/// Everything that makes providers of one profile the same: no address, no user name, no password.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Settings {
    pub(super) incoming: bool,
    pub(super) kind: ServerKind,
    /// As in the file, but for the case of the host.
    pub(super) location: String,
    pub(super) port: Option<u16>,
    pub(super) ssl: Option<bool>,
    pub(super) sign_in: SignIn,
    pub(super) sign_in_words: String,
    pub(super) access: Option<Access>,
    pub(super) autodiscover: bool,
    /// Why it cannot be migrated.
    pub(super) obstacle: Option<Obstacle>,
}

/// The namespace of the router's own providers (C \[CC905825\]); anything else is custom.
const OWN_NAMESPACE: &str = "microsoft.crm.tools.email.providers.";

pub(super) fn settings(data: &RouterData, provider: &Provider, foreign: Option<Obstacle>) -> Settings {
    let text = |leaf| data.text(provider.value(leaf)).unwrap_or_default();
    let class = text(Leaf::Class);
    let location = lower_host(text(Leaf::Server));
    let autodiscover = boolean(text(Leaf::AutoDiscover)).unwrap_or(false);
    let incoming = direction(data, provider);
    let kind = kind(class, &location, text(Leaf::ExchangeVersion), text(Leaf::Protocol));
    let obstacle = foreign.or(match (kind, &incoming) {
        (ServerKind::Custom, _) => Some(Obstacle::Custom(class.chars().take(200).collect())),
        (_, Err(why)) => Some(Obstacle::Unclear((*why).to_owned())),
        (ServerKind::ExchangeWebDav, _) => Some(Obstacle::WebDav),
        (ServerKind::Unclear, _) => {
            Some(Obstacle::Unclear("its class names no known kind of server".to_owned()))
        }
        (ServerKind::Pop3, Ok(false)) => Some(Obstacle::Unclear("POP3 cannot send mail".to_owned())),
        (ServerKind::Smtp, Ok(true)) => Some(Obstacle::Unclear("SMTP cannot fetch mail".to_owned())),
        _ if location.is_empty() && !autodiscover && kind != ServerKind::ExchangeOnline => {
            Some(Obstacle::Unclear("it names no server".to_owned()))
        }
        _ => None,
    });
    Settings {
        incoming: incoming.unwrap_or(true),
        kind,
        location,
        port: port(text(Leaf::Port)),
        ssl: boolean(text(Leaf::UseSsl)),
        sign_in: sign_in(text(Leaf::AuthMode)),
        sign_in_words: text(Leaf::AuthMode).to_owned(),
        access: access(text(Leaf::AccessCredentials)),
        autodiscover,
        obstacle,
    }
}

/// Whether it fetches mail (the reference's section 8, item 9; inferred).
fn direction(data: &RouterData, provider: &Provider) -> Result<bool, &'static str> {
    let lower = |leaf| data.text(provider.value(leaf)).unwrap_or_default().to_ascii_lowercase();
    match lower(Leaf::Direction).as_str() {
        "incoming" | "inbound" | "in" | "0" => return Ok(true),
        "outgoing" | "outbound" | "out" | "1" => return Ok(false),
        _ => {}
    }
    let class = lower(Leaf::Class);
    let has = |words: &[&str]| words.iter().any(|word| class.contains(word));
    if has(&["send", "smtp"]) {
        Ok(false)
    } else if has(&["mailbox", "pop3", "retrieve"]) {
        Ok(true)
    } else if provider.value(Leaf::Address).is_some() && provider.owners.len() <= 1 {
        // One mailbox (ours for a class that says nothing: C [CC905766] is that an incoming provider serves one).
        Ok(true)
    } else if !provider.owners.is_empty() {
        Ok(false)
    } else {
        Err("neither its class nor an address nor a list of users says whether it receives or sends")
    }
}

/// The reference's section 8, item 10. Only the SMTP, POP3 and plain Exchange class names are confirmed (C); the rest is R.
fn kind(class: &str, location: &str, version: &str, protocol: &str) -> ServerKind {
    let lower = class.to_ascii_lowercase();
    let name = match lower.strip_prefix(OWN_NAMESPACE) {
        Some(name) => name,
        // Without any namespace it may be an alias such as ProviderType with a plain word.
        None if !lower.contains('.') => lower.as_str(),
        None => return ServerKind::Custom,
    };
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let (version, protocol) = (version.to_ascii_lowercase(), protocol.to_ascii_lowercase());
    if is_online(location) && !has(&["pop3", "smtp"]) {
        return ServerKind::ExchangeOnline;
    }
    if has(&["pop3"]) || (name.is_empty() && protocol == "pop3") {
        return ServerKind::Pop3;
    }
    if has(&["smtp"]) || (name.is_empty() && protocol == "smtp") {
        return ServerKind::Smtp;
    }
    if has(&["dav"]) || protocol.contains("dav") || version.contains("2003") {
        return ServerKind::ExchangeWebDav;
    }
    if has(&["exchangeonline", "office365"]) {
        return ServerKind::ExchangeOnline;
    }
    if has(&["ews", "exchangews", "wspolling", "webservice", "online"])
        || location.to_ascii_lowercase().ends_with("/exchange.asmx")
        || protocol == "ews"
        || version.contains("2010")
        || version.contains("2013")
    {
        return ServerKind::ExchangeEws;
    }
    if has(&["exchange"]) {
        return ServerKind::ExchangeWebDav;
    }
    ServerKind::Unclear
}

fn is_online(location: &str) -> bool {
    let host = host(location);
    ["outlook.com", "office365.com"].iter().any(|domain| {
        host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

fn sign_in(text: &str) -> SignIn {
    let word: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    match word.as_str() {
        "anonymous" => SignIn::Anonymous,
        "windowsauthentication" | "windows" | "negotiate" | "integrated" => SignIn::Windows,
        "ntlm" => SignIn::Ntlm,
        "basic" | "cleartext" => SignIn::Basic,
        _ => SignIn::Auto,
    }
}

fn access(text: &str) -> Option<Access> {
    let word: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    if word.contains("localsystem") {
        Some(Access::LocalSystem)
    } else if word.contains("userspecified") {
        Some(Access::UserSpecified)
    } else if word.contains("otherspecified") {
        Some(Access::OtherSpecified)
    } else {
        None
    }
}

/// The host of a server name or URL: lower case, without scheme, user, port and path.
pub(super) fn host(location: &str) -> String {
    let rest = location.split_once("://").map_or(location, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let host = if rest.starts_with('[') {
        rest.split(']').next().unwrap_or(rest).trim_start_matches('[')
    } else if rest.matches(':').count() == 1 {
        rest.split(':').next().unwrap_or(rest)
    } else {
        rest
    };
    host.trim().trim_end_matches('.').to_lowercase()
}

/// Whether a location is nothing but a host, in any case.
pub(crate) fn is_bare_host(location: &str) -> bool {
    host(location) == location.to_lowercase()
}

/// The port that a URL or `host:port` names.
pub(super) fn port_in(location: &str) -> Option<u16> {
    let rest = location.split_once("://").map_or(location, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let (before, after) = rest.rsplit_once(':')?;
    (!before.contains(':') || before.ends_with(']')).then(|| port(after)).flatten()
}

fn lower_host(location: &str) -> String {
    let trimmed = location.trim();
    let end = trimmed.find("://").map_or(0, |at| at + 3);
    let path = trimmed.get(end..).and_then(|rest| rest.find('/')).map_or(trimmed.len(), |at| at + end);
    match (trimmed.get(..path), trimmed.get(path..)) {
        (Some(head), Some(tail)) => head.to_lowercase() + tail,
        _ => trimmed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_places_say_the_kind() {
        let own = |name: &str| format!("Microsoft.Crm.Tools.Email.Providers.{name}");
        for (class, location, expected) in [
            (own("Pop3PollingMailboxProvider"), "pop.x.test", ServerKind::Pop3),
            (own("SmtpPollingSendEmailProvider"), "smtp.office365.com", ServerKind::Smtp),
            (own("ExchangeWSPollingMailboxProvider"), "https://m/EWS/Exchange.asmx", ServerKind::ExchangeEws),
            (own("ExchangePollingMailboxProvider"), "https://m/ews/exchange.asmx", ServerKind::ExchangeEws),
            (own("ExchangePollingMailboxProvider"), "https://m/exchange/", ServerKind::ExchangeWebDav),
            (own("ExchangePollingMailboxProvider"), "mail01", ServerKind::ExchangeWebDav),
            (own("ExchangeWebDavPollingMailboxProvider"), "mail01", ServerKind::ExchangeWebDav),
            (
                own("ExchangeWSPollingMailboxProvider"),
                "https://outlook.office365.com/EWS/Exchange.asmx",
                ServerKind::ExchangeOnline,
            ),
            (own("ExchangeOnlineSendEmailProvider"), "", ServerKind::ExchangeOnline),
            ("Acme.Mail.Pop3Provider".to_owned(), "pop", ServerKind::Custom),
            ("POP3".to_owned(), "pop", ServerKind::Pop3),
            (own("Carrier"), "pigeon", ServerKind::Unclear),
            (String::new(), "pigeon", ServerKind::Unclear),
        ] {
            assert_eq!(kind(&class, location, "", ""), expected, "{class} {location}");
        }
    }

    #[test]
    fn hosts_and_ports_are_found_in_urls() {
        assert_eq!(host("HTTPS://user@Mail.X.test:8443/EWS?a"), "mail.x.test");
        assert_eq!(host("mail.x.test."), "mail.x.test");
        assert_eq!(host("[2001:DB8::1]:25"), "2001:db8::1");
        assert_eq!(host("2001:db8::1"), "2001:db8::1");
        assert_eq!(port_in("https://m:8443/x"), Some(8443));
        assert_eq!([port_in("m"), port_in("2001:db8::1"), port_in("m:x")], [None; 3]);
        assert_eq!(lower_host("HTTPS://M.Test/EWS/Exchange.asmx"), "https://m.test/EWS/Exchange.asmx");
        assert!(is_online("https://x.outlook.com/e") && !is_online("notoutlook.com"));
    }
}
