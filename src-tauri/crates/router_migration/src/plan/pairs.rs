//! From a pair of settings to a profile: the merge of server types and the mapping of fields.
//!
//! The matrix is C \[MERGE13, MERGE15\]; the fields' mapping is inferred or ours (the reference's section 6.3), its target rules
//! with codes are C \[ERR\].

use super::{
    Finding, NewEndpoint, NewProfile, Obstacle, ServerKind,
    kinds::{Access, Settings, SignIn, host, port_in},
};
use tandem_domain::{
    Instant,
    profile::{AuthenticateUsing, Security, ServerType},
    settings::OrganizationSettings,
};

/// What the mailboxes of a pair have in common.
#[derive(Debug, Clone, Default)]
pub(super) struct Accounts {
    pub(super) members: u32,
    /// The user name of all of them, when they have one and it is the same.
    pub(super) common: Option<String>,
    /// Whether any has a user name.
    pub(super) any: bool,
}

impl Accounts {
    pub(super) fn add(&mut self, user: Option<&str>) {
        if self.members == 0 {
            self.common = user.map(str::to_owned);
        } else if self.common.as_deref() != user {
            self.common = None;
        }
        self.any |= user.is_some();
        self.members = self.members.saturating_add(1);
    }
}

/// Why a pair cannot be migrated: the first reason of its sides.
pub(super) fn obstacle(incoming: Option<&Settings>, outgoing: Option<&Settings>) -> Option<Obstacle> {
    [incoming, outgoing].into_iter().flatten().find_map(|side| side.obstacle.clone())
}

fn finding(code: &str, text: impl Into<String>, error_code: Option<&str>) -> Finding {
    Finding { code: code.to_owned(), text: text.into(), error_code: error_code.map(str::to_owned) }
}

/// The profile of a pair without obstacle. Its name, id and credential are filled in by the caller.
pub(super) fn profile(
    incoming: Option<&Settings>,
    outgoing: Option<&Settings>,
    accounts: &Accounts,
    organization: &OrganizationSettings,
    process_emails_from: Instant,
) -> (NewProfile, Vec<Finding>) {
    let mut findings = Vec::new();
    // Exchange wins: its side is kept for both directions.
    let exchange_in = incoming.filter(|side| side.kind.is_exchange());
    let exchange_out = outgoing.filter(|side| side.kind.is_exchange());
    let (from, to) = match (exchange_in, exchange_out) {
        (Some(side), Some(other)) => (Some(side), Some(other)),
        (Some(side), None) => {
            if outgoing.is_some() {
                let text =
                    "Exchange sends and receives through the same server: the SMTP settings are dropped.";
                findings.push(finding("smtp_dropped", text, Some("0x8005E238")));
            }
            (Some(side), Some(side))
        }
        (None, Some(side)) => {
            if incoming.is_some() {
                let text = "The pair becomes an Exchange profile, which fetches mail itself: the POP3 settings are dropped.";
                findings.push(finding("pop3_dropped", text, None));
            }
            (Some(side), Some(side))
        }
        (None, None) => (incoming, outgoing),
    };
    let exchange = exchange_in.or(exchange_out);
    let server_type = match exchange.map(|side| side.kind) {
        Some(ServerKind::ExchangeOnline) => ServerType::ExchangeOnline,
        Some(_) => ServerType::ExchangeServer,
        None => ServerType::Pop3Smtp,
    };
    let main = exchange.or(from).or(to);
    let (authenticate_using, user_name) = authenticate(main, accounts, &mut findings);
    if exchange.is_none() {
        pop3_smtp_findings(incoming, outgoing, authenticate_using, &mut findings);
    }
    let new_incoming = from.and_then(|side| endpoint(side, "incoming", &mut findings));
    let same = matches!((from, to), (Some(from), Some(to)) if std::ptr::eq(from, to));
    let new_outgoing = if same {
        new_incoming.clone()
    } else {
        to.and_then(|side| endpoint(side, "outgoing", &mut findings))
    };
    let ends = [("incoming", &new_incoming), ("outgoing", &new_outgoing)];
    for (direction, end) in ends {
        if end.as_ref().is_some_and(|end| end.security == Security::None)
            && !organization.allow_plain_connections
        {
            let text = format!(
                "No SSL on {direction}: it can be enabled once plain connections are allowed in the settings, or its security is changed."
            );
            findings.push(finding("no_ssl", text, Some("0x8005E234")));
        }
    }
    let cannot_enable = match (server_type, authenticate_using) {
        (ServerType::ExchangeServer | ServerType::ExchangeOnline, _) => Some(
            "Exchange profiles can be created but not enabled yet: there is no connection to Exchange in this version.",
        ),
        (_, AuthenticateUsing::WindowsIntegrated) => {
            Some("Signing in with the account that Tandem runs as is not available in this version.")
        }
        _ => None,
    };
    if let Some(text) = cannot_enable {
        findings.push(finding("cannot_enable", text, None));
    }
    let profile = NewProfile {
        name: String::new(),
        existing: None,
        server_type,
        incoming: new_incoming,
        outgoing: new_outgoing,
        authenticate_using,
        user_name,
        credential: None,
        process_emails_from,
        cannot_enable: cannot_enable.map(str::to_owned),
    };
    (profile, findings)
}

fn pop3_smtp_findings(
    incoming: Option<&Settings>,
    outgoing: Option<&Settings>,
    using: AuthenticateUsing,
    findings: &mut Vec<Finding>,
) {
    if outgoing.is_some_and(|side| side.sign_in == SignIn::Anonymous) && using != AuthenticateUsing::Anonymous
    {
        let text = "The router sent without signing in; a profile has one way to sign in, so Tandem uses the mailbox's account for \
                    sending too. If the server offers no sign-in, the outgoing test says so.";
        findings.push(finding("anonymous_smtp", text, None));
    }
    if incoming.is_none() {
        findings.push(finding(
            "no_incoming",
            "The router fetched no mail for these owners; nor does the profile.",
            None,
        ));
    }
    if outgoing.is_none() {
        findings.push(finding(
            "no_outgoing",
            "The router sent no mail for these owners; nor does the profile.",
            None,
        ));
    }
    for side in [incoming, outgoing].into_iter().flatten() {
        if side.sign_in == SignIn::Auto && !side.sign_in_words.is_empty() {
            let text = format!(
                "The authentication \"{}\" is not known; Tandem uses what the server offers.",
                side.sign_in_words.chars().take(60).collect::<String>()
            );
            findings.push(finding("unknown_authentication", text, Some("0x8005E23B")));
        }
        if matches!(side.sign_in, SignIn::Windows | SignIn::Ntlm) {
            let text = "Windows authentication is not used over POP3 and SMTP; Tandem signs in with the user name and password.";
            findings.push(finding("windows_authentication", text, Some("0x8005E23C")));
        }
    }
}

/// Where credentials come from. Files name no such thing for sure (`AccessCredentials` is \[U\]): it follows from the user names.
fn authenticate(
    main: Option<&Settings>,
    accounts: &Accounts,
    findings: &mut Vec<Finding>,
) -> (AuthenticateUsing, Option<String>) {
    let Some(main) = main else { return (AuthenticateUsing::UserOrQueue, None) };
    if main.kind == ServerKind::Pop3 {
        // C 0x8005E214: POP3 takes the credentials of the user or queue only.
        return (AuthenticateUsing::UserOrQueue, None);
    }
    if main.sign_in == SignIn::Anonymous {
        if main.kind == ServerKind::Smtp {
            return (AuthenticateUsing::Anonymous, None);
        }
        let text =
            "Exchange cannot be used without signing in; the mailboxes' own credentials are asked for.";
        findings.push(finding("anonymous_exchange", text, Some("0x8005E203")));
        return (AuthenticateUsing::UserOrQueue, None);
    }
    match (main.access, &accounts.common) {
        (Some(Access::LocalSystem), _) => (AuthenticateUsing::WindowsIntegrated, None),
        (Some(Access::UserSpecified), _) => (AuthenticateUsing::UserOrQueue, None),
        (_, Some(user)) => (AuthenticateUsing::Profile, Some(user.clone())),
        (None, None) if !accounts.any && main.kind != ServerKind::Smtp && main.sign_in != SignIn::Basic => {
            // Inferred: no user name beside Windows authentication is the router's Local System Account.
            (AuthenticateUsing::WindowsIntegrated, None)
        }
        (None, None) if !accounts.any && main.sign_in == SignIn::Windows => {
            (AuthenticateUsing::WindowsIntegrated, None)
        }
        _ => (AuthenticateUsing::UserOrQueue, None),
    }
}

/// Host, port and security. Missing ports are the protocol's; how SSL is meant at a port is ours: TLS from the first byte at the
/// ports that are for it, an upgrade at the others.
fn endpoint(side: &Settings, direction: &str, findings: &mut Vec<Finding>) -> Option<NewEndpoint> {
    let server = match host(&side.location) {
        host if !host.is_empty() && !host.chars().any(|c| c.is_whitespace() || c.is_control()) => host,
        _ if side.autodiscover => {
            findings.push(finding(
                "autodiscover",
                format!("{direction}: the server is found by Autodiscover."),
                None,
            ));
            return None;
        }
        host if host.is_empty() && side.kind == ServerKind::ExchangeOnline => {
            "outlook.office365.com".to_owned()
        }
        _ => {
            let text =
                format!("{direction}: \"{}\" is no server name; enter one in the profile.", side.location);
            findings.push(finding("bad_location", text, Some("0x8005E20A")));
            return None;
        }
    };
    let named = side.port.or_else(|| port_in(&side.location));
    if side.kind.is_exchange() {
        let plain = side.location.starts_with("http://") && side.ssl != Some(true);
        if side.location.starts_with("http://") && side.ssl == Some(true) {
            let text = format!("{direction}: the URL says http, the settings say SSL; SSL is used.");
            findings.push(finding("ssl_disagrees", text, Some("0x8005E23E")));
        }
        let (port, security) = if plain { (80, Security::None) } else { (443, Security::Tls) };
        return Some(NewEndpoint { server, port: named.unwrap_or(port), security });
    }
    let (plain_port, tls_port, default_port) = match side.kind {
        ServerKind::Pop3 => (110, 995, 995),
        _ => (25, 465, 587),
    };
    let ssl = side.ssl.unwrap_or_else(|| named == Some(tls_port));
    let port = named.unwrap_or(if ssl { default_port } else { plain_port });
    let security = match (ssl, side.kind) {
        (false, _) => Security::None,
        (true, ServerKind::Pop3) if port != 110 => Security::Tls,
        (true, _) if port == tls_port => Security::Tls,
        (true, _) => Security::StartTls,
    };
    Some(NewEndpoint { server, port, security })
}
