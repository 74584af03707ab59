//! Profiles of a configuration file.

use super::{Context, values};
use crate::configuration::{
    file::{File, RawEndpoint, RawProfile},
    passwords::{self, Wanted},
    problem::Problems,
};
use std::collections::BTreeMap;
use tandem_domain::{
    ids::{ProfileId, record_id},
    profile::{
        AuthenticateUsing, CertificateTrust, DEFAULT_MAX_CONCURRENT_CONNECTIONS, EmailServerProfile,
        Endpoint, Security, ServerType,
    },
    send_limits::{MOST_MESSAGES_PER_MINUTE, MOST_RECIPIENTS_PER_DAY, SendLimits},
};
use tandem_store::CredentialsOf;
use toml::Spanned;

pub(super) fn check(
    file: &File,
    context: &Context<'_>,
    wanted: &mut Vec<Wanted>,
    problems: &mut Problems<'_>,
) -> Vec<EmailServerProfile> {
    let mut seen = BTreeMap::new();
    let mut profiles = Vec::new();
    for raw in &file.profiles {
        let Some(profile) = profile(raw, context, wanted, problems) else {
            continue;
        };
        if seen.insert(profile.name.to_lowercase(), ()).is_some() {
            let object = format!("profile {}", profile.name);
            problems.add(
                raw.span(),
                &object,
                "Its name stands twice in the file.",
                "Remove or rename one of them.",
            );
        }
        profiles.push(profile);
    }
    profiles
}

fn profile(
    spanned: &Spanned<RawProfile>,
    context: &Context<'_>,
    wanted: &mut Vec<Wanted>,
    problems: &mut Problems<'_>,
) -> Option<EmailServerProfile> {
    let raw = spanned.get_ref();
    let object = format!("profile {}", raw.name.get_ref().trim());
    let name = values::name(&raw.name, &object, 100, problems)?;
    let key = name.to_lowercase();
    let current = context.current.profiles.iter().find(|one| one.name.to_lowercase() == key);
    let server_type = values::word(
        raw.server_type.as_ref(),
        &object,
        "server_type",
        &ServerType::ALL,
        ServerType::as_str,
        problems,
    );
    let server_type = match (server_type, current) {
        (Some(server_type), _) => {
            // A profile that a migration made may wait for its adapter; naming it as it is asks for nothing.
            if current.is_none_or(|now| now.server_type != server_type) {
                supported(server_type, raw, &object, problems);
            }
            server_type
        }
        (None, Some(current)) => current.server_type,
        (None, None) => {
            if raw.server_type.is_none() {
                let remedy = "Add a line server_type = \"pop3_smtp\" or \"imap_smtp\".";
                problems.add(spanned.span(), &object, "\"server_type\" is missing.", remedy);
            }
            ServerType::ImapSmtp
        }
    };
    let using = values::word(
        raw.authenticate_using.as_ref(),
        &object,
        "authenticate_using",
        &AuthenticateUsing::ALL,
        AuthenticateUsing::as_str,
        problems,
    );
    if let (Some(AuthenticateUsing::OAuth | AuthenticateUsing::WindowsIntegrated), Some(text)) =
        (using, &raw.authenticate_using)
        && current.map(|now| Some(now.authenticate_using)) != Some(using)
    {
        let message = format!("\"{}\" is not available in this version.", text.get_ref());
        let remedy =
            "Use \"user_or_queue\", \"profile\" or, for a relay that asks for nothing, \"anonymous\".";
        problems.add(text.span(), &object, message, remedy);
    }
    let id = id_for(&name, current, context);
    let profile = EmailServerProfile {
        id,
        description: raw.description.as_ref().map_or_else(
            || current.map_or_else(String::new, |now| now.description.clone()),
            |text| text.get_ref().clone(),
        ),
        server_type,
        active: raw.active.unwrap_or_else(|| current.is_none_or(|now| now.active)),
        incoming: raw
            .incoming
            .as_ref()
            .and_then(|end| {
                let before = current.and_then(|now| now.incoming.as_ref());
                endpoint(end, before, (&object, "incoming"), context, problems)
            })
            .or_else(|| current.and_then(|now| now.incoming.clone())),
        outgoing: raw
            .outgoing
            .as_ref()
            .and_then(|end| {
                let before = current.and_then(|now| now.outgoing.as_ref());
                endpoint(end, before, (&object, "outgoing"), context, problems)
            })
            .or_else(|| current.and_then(|now| now.outgoing.clone())),
        authenticate_using: using
            .or_else(|| current.map(|now| now.authenticate_using))
            .unwrap_or(AuthenticateUsing::UserOrQueue),
        user_name: raw
            .user_name
            .as_ref()
            .map(|text| text.get_ref().clone())
            .or_else(|| current.and_then(|now| now.user_name.clone()))
            .filter(|name| !name.is_empty()),
        process_emails_from: values::instant(raw.process_emails_from.as_ref(), &object, problems)
            .or_else(|| current.and_then(|now| now.process_emails_from)),
        max_concurrent_connections: values::number(
            raw.max_concurrent_connections.as_ref(),
            &object,
            "max_concurrent_connections",
            1,
            300,
            problems,
        )
        .unwrap_or_else(|| {
            current.map_or(DEFAULT_MAX_CONCURRENT_CONNECTIONS, |now| now.max_concurrent_connections)
        }),
        min_polling_interval_minutes: values::number(
            raw.min_polling_interval_minutes.as_ref(),
            &object,
            "min_polling_interval_minutes",
            0,
            1_440,
            problems,
        )
        .unwrap_or_else(|| current.map_or(0, |now| now.min_polling_interval_minutes)),
        send_limits: send_limits(raw, &object, current, problems),
        name,
    };
    if profile.description.chars().count() > 2_000 {
        problems.add(
            spanned.span(),
            &object,
            "Its description is too long.",
            "Use at most 2,000 characters.",
        );
    }
    password(spanned, &profile, &object, context, wanted, problems);
    Some(profile)
}

fn supported(server_type: ServerType, raw: &RawProfile, object: &str, problems: &mut Problems<'_>) {
    let Some(text) = &raw.server_type else { return };
    if matches!(server_type, ServerType::Pop3Smtp | ServerType::ImapSmtp) {
        return;
    }
    let message = format!("server_type \"{}\" is not available in this version.", text.get_ref());
    let remedy = "Use \"imap_smtp\" or \"pop3_smtp\", when the server offers one of them.";
    problems.add(text.span(), object, message, remedy);
}

/// The id that follows from the name, unless a profile that was renamed since has it.
/// 0 is no limit; what is not named stays.
fn send_limits(
    raw: &RawProfile,
    object: &str,
    current: Option<&EmailServerProfile>,
    problems: &mut Problems<'_>,
) -> SendLimits {
    let kept = current.map(|now| now.send_limits).unwrap_or_default();
    let mut limit = |value: &Option<Spanned<i64>>, field: &str, most, kept| match value {
        Some(value) => values::limit(value, object, field, most, problems),
        None => kept,
    };
    SendLimits {
        recipients_per_day: limit(
            &raw.send_limit_recipients_per_day,
            "send_limit_recipients_per_day",
            MOST_RECIPIENTS_PER_DAY,
            kept.recipients_per_day,
        ),
        messages_per_minute: limit(
            &raw.send_limit_messages_per_minute,
            "send_limit_messages_per_minute",
            MOST_MESSAGES_PER_MINUTE,
            kept.messages_per_minute,
        ),
    }
}

fn id_for(name: &str, current: Option<&EmailServerProfile>, context: &Context<'_>) -> ProfileId {
    if let Some(current) = current {
        return current.id;
    }
    let id = ProfileId(record_id(context.current.organization, "profile", name));
    let taken = context.current.profiles.iter().any(|one| one.id == id);
    if taken { ProfileId(uuid::Uuid::new_v4()) } else { id }
}

fn password(
    spanned: &Spanned<RawProfile>,
    profile: &EmailServerProfile,
    object: &str,
    context: &Context<'_>,
    wanted: &mut Vec<Wanted>,
    problems: &mut Problems<'_>,
) {
    let raw = spanned.get_ref();
    let Some(value) = &raw.password else { return };
    if profile.authenticate_using != AuthenticateUsing::Profile {
        let remedy = "Move the password to the mailboxes, or set authenticate_using = \"profile\".";
        problems.add(value.span(), object, "It has a password, but does not authenticate with it.", remedy);
        return;
    }
    let source = passwords::source(value, object, context.folder, problems);
    let key = crate::keys::profile_password(profile.id);
    if let Some(source) = source {
        let of = CredentialsOf::Profile(profile.id);
        wanted.push(Wanted { key, of, object: object.to_owned(), source, span: value.span() });
    }
}

fn endpoint(
    raw: &RawEndpoint,
    before: Option<&Endpoint>,
    (object, direction): (&str, &str),
    context: &Context<'_>,
    problems: &mut Problems<'_>,
) -> Option<Endpoint> {
    let server = raw.server.get_ref().trim();
    if server.is_empty()
        || server.chars().any(|c| c.is_whitespace() || c.is_control() || "/@:".contains(c))
            && !is_ipv6(server)
    {
        let message = format!("The {direction} server \"{server}\" is no host name.");
        let remedy = "Write only the name or address of the server, like mail.contoso.com.";
        problems.add(raw.server.span(), object, message, remedy);
    }
    let port = values::number(Some(&raw.port), object, "port", 1, u16::MAX, problems);
    let security =
        values::word(Some(&raw.security), object, "security", &Security::ALL, Security::as_str, problems);
    // One that is so already asks for nothing new; it is refused when it is tested.
    let is_so_already =
        before.is_some_and(|one| one.security == Security::None && one.server.eq_ignore_ascii_case(server));
    if security == Some(Security::None) && !context.settings.allow_plain_connections && !is_so_already {
        let message =
            format!("Its {direction} connection is not encrypted, which the settings do not allow.");
        let remedy = "Use \"tls\" or \"starttls\", or allow it: [settings] allow_plain_connections = true.";
        problems.add(raw.security.span(), object, message, remedy);
    }
    let ca_file =
        raw.ca_file.as_ref().and_then(|text| values::ca_file(text, object, context.folder, problems));
    let pinned_sha256 = raw
        .trusted_certificate_sha256
        .iter()
        .filter_map(|text| values::fingerprint(text, object, problems))
        .collect();
    Some(Endpoint {
        server: server.to_owned(),
        port: port?,
        security: security?,
        trust: CertificateTrust { ca_file, pinned_sha256 },
    })
}

fn is_ipv6(server: &str) -> bool {
    server.parse::<std::net::Ipv6Addr>().is_ok()
}
