//! The domain's autoconfig file: fetched over https from the two places where it may be, and read.

use super::{Asked, Proposal, Source, endpoint, is_host};
use futures::future::join_all;
use reqwest::{Client, Response};
use serde::Deserialize;
use tandem_domain::{
    address::EmailAddress,
    profile::{Endpoint, Security, ServerType},
};

/// Real files have a few kilobytes.
const MAX_BYTES: usize = 256 * 1024;
/// More servers than this are not looked at.
const MAX_SERVERS: usize = 32;

/// Asks both places at once; the first that has a usable file is believed.
pub(super) async fn ask(web: &Client, domain: &str, address: &EmailAddress) -> (Vec<Proposal>, Vec<Asked>) {
    let places = [
        format!("https://autoconfig.{domain}/mail/config-v1.1.xml"),
        format!("https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml"),
    ];
    let answers = join_all(places.iter().map(|place| fetch(web, place, address))).await;
    let (mut proposals, mut asked) = (Vec::new(), Vec::new());
    for (source, answer) in places.into_iter().zip(answers) {
        let read = answer.and_then(|text| read(&text, address));
        let outcome = match &read {
            Ok(found) if found.is_empty() => "names no servers with TLS".to_owned(),
            Ok(found) => format!("names servers for {} kinds of profiles", found.len()),
            Err(why) => why.clone(),
        };
        asked.push(Asked { source, outcome });
        if proposals.is_empty() {
            proposals = read.unwrap_or_default();
        }
    }
    (proposals, asked)
}

async fn fetch(web: &Client, place: &str, address: &EmailAddress) -> Result<String, String> {
    let mut url = reqwest::Url::parse(place).map_err(|error| error.to_string())?;
    url.query_pairs_mut().append_pair("emailaddress", address.as_str());
    let answer = web.get(url).send().await.map_err(|error| why(&error))?;
    if !answer.status().is_success() {
        return Err(format!("has none (HTTP {})", answer.status().as_u16()));
    }
    let bytes = bounded(answer).await?;
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}

async fn bounded(mut answer: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| why(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_BYTES {
            return Err("is larger than 256 KiB".to_owned());
        }
    }
    Ok(bytes)
}

/// The innermost cause, without the address that the request carried.
fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "did not answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    format!("could not be asked: {cause}")
}

#[derive(Deserialize)]
struct ClientConfig {
    #[serde(rename = "emailProvider")]
    provider: Provider,
}

#[derive(Deserialize)]
struct Provider {
    #[serde(rename = "incomingServer", default)]
    incoming: Vec<Server>,
    #[serde(rename = "outgoingServer", default)]
    outgoing: Vec<Server>,
}

#[derive(Deserialize)]
struct Server {
    #[serde(rename = "@type", default)]
    kind: String,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    port: String,
    #[serde(rename = "socketType", default)]
    socket: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    authentication: Vec<String>,
}

/// Reads a file; servers without TLS and names that are no names are passed over.
fn read(text: &str, address: &EmailAddress) -> Result<Vec<Proposal>, String> {
    let config: ClientConfig =
        quick_xml::de::from_str(text).map_err(|error| format!("is no autoconfig file: {error}"))?;
    let provider = config.provider;
    let smtp = provider.outgoing.iter().take(MAX_SERVERS).filter(|one| one.kind == "smtp");
    let Some(outgoing) = smtp.filter_map(|one| one.endpoint(address)).next() else {
        return Ok(Vec::new());
    };
    let kinds = [("imap", ServerType::ImapSmtp), ("pop3", ServerType::Pop3Smtp)];
    let proposal = |(kind, server_type): (&str, ServerType)| {
        let of_kind = provider.incoming.iter().take(MAX_SERVERS).filter(|one| one.kind == kind);
        let (server, incoming) = of_kind.filter_map(|one| Some((one, one.endpoint(address)?))).next()?;
        let user_name = filled(&server.username, address);
        Some(Proposal {
            server_type,
            incoming,
            outgoing: outgoing.clone(),
            user_name: (!user_name.is_empty()).then_some(user_name),
            takes_password: server.takes_password(),
            source: Source::Autoconfig,
        })
    };
    Ok(kinds.into_iter().filter_map(proposal).collect())
}

impl Server {
    fn endpoint(&self, address: &EmailAddress) -> Option<Endpoint> {
        let security = match self.socket.trim() {
            "SSL" => Security::Tls,
            "STARTTLS" => Security::StartTls,
            _ => return None,
        };
        let host = filled(&self.hostname, address).to_lowercase();
        let port: u16 = self.port.trim().parse().ok().filter(|port| *port > 0)?;
        is_host(&host).then(|| endpoint(&host, port, security))
    }

    /// Where nothing is said about it, a password is what servers take.
    fn takes_password(&self) -> bool {
        let with_password =
            ["password-cleartext", "plain", "password-encrypted", "secure", "client-IP-address"];
        self.authentication.is_empty()
            || self.authentication.iter().any(|one| with_password.contains(&one.trim()))
    }
}

/// Puts the address in for the format's placeholders.
fn filled(text: &str, address: &EmailAddress) -> String {
    let (whole, domain) = (address.as_str(), address.domain());
    let local = whole.strip_suffix(domain).and_then(|rest| rest.strip_suffix('@')).unwrap_or(whole);
    text.trim()
        .replace("%EMAILADDRESS%", whole)
        .replace("%EMAILLOCALPART%", local)
        .replace("%EMAILDOMAIN%", domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amy() -> EmailAddress {
        EmailAddress::parse("amy@contoso.test").unwrap()
    }

    fn file(servers: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><clientConfig version=\"1.1\"><emailProvider id=\"contoso.test\">\
            <domain>contoso.test</domain><displayName>Contoso</displayName>{servers}</emailProvider></clientConfig>"
        )
    }

    const SMTP: &str = "<outgoingServer type=\"smtp\"><hostname>smtp.%EMAILDOMAIN%</hostname><port>587</port>\
        <socketType>STARTTLS</socketType><authentication>password-cleartext</authentication></outgoingServer>";

    fn incoming(kind: &str, host: &str, port: &str, socket: &str) -> String {
        format!(
            "<incomingServer type=\"{kind}\"><hostname>{host}</hostname><port>{port}</port>\
             <socketType>{socket}</socketType><username>%EMAILLOCALPART%</username>\
             <authentication>OAuth2</authentication><authentication>password-cleartext</authentication></incomingServer>"
        )
    }

    #[test]
    fn both_kinds_are_proposed_with_their_placeholders_filled() {
        let servers = incoming("imap", "mail.contoso.test", "993", "SSL")
            + &incoming("pop3", "mail.contoso.test", "110", "STARTTLS")
            + SMTP;
        let found = read(&file(&servers), &amy()).unwrap();
        let kinds: Vec<_> = found.iter().map(|one| one.server_type).collect();
        assert_eq!(kinds, [ServerType::ImapSmtp, ServerType::Pop3Smtp]);
        assert_eq!(found[0].incoming, endpoint("mail.contoso.test", 993, Security::Tls));
        assert_eq!(found[1].incoming.security, Security::StartTls);
        assert_eq!(found[0].outgoing, endpoint("smtp.contoso.test", 587, Security::StartTls));
        assert_eq!(found[0].user_name.as_deref(), Some("amy"));
        assert!(found[0].takes_password);
    }

    #[test]
    fn servers_without_tls_and_names_that_are_none_are_passed_over() {
        for (host, port, socket) in [
            ("mail.contoso.test", "143", "plain"),
            ("mail.contoso.test", "0", "SSL"),
            ("mail.contoso.test", "70000", "SSL"),
            ("mail contoso", "993", "SSL"),
            ("evil.test/path", "993", "SSL"),
            ("localhost", "993", "SSL"),
        ] {
            let servers = incoming("imap", host, port, socket) + SMTP;
            assert_eq!(read(&file(&servers), &amy()).unwrap(), [], "{host} {port} {socket}");
        }
    }

    #[test]
    fn a_server_that_only_takes_oauth_says_so() {
        let servers = incoming("imap", "mail.contoso.test", "993", "SSL")
            .replace("<authentication>password-cleartext</authentication>", "");
        assert!(!read(&file(&(servers + SMTP)), &amy()).unwrap()[0].takes_password);
    }

    #[test]
    fn what_is_no_such_file_is_refused_and_entities_are_not_expanded() {
        for text in ["", "<html><body>Not found</body></html>", "{}", "<clientConfig"] {
            assert!(read(text, &amy()).is_err(), "{text}");
        }
        let bomb = "<!DOCTYPE c [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>".to_owned()
            + &file(&(incoming("imap", "&b;.contoso.test", "993", "SSL") + SMTP));
        assert!(read(&bomb, &amy()).is_err());
    }
}
