//! The domain's SRV records (RFC 6186, RFC 8314 section 5.1) and MX records.

use super::{Asked, Host, Proposal, Source, endpoint, is_host};
use futures::future::join_all;
use hickory_resolver::{TokioResolver, proto::rr::RData};
use std::time::Duration;
use tandem_domain::profile::{Endpoint, Security, ServerType};

const PATIENCE: Duration = Duration::from_secs(8);

/// Service names, best first: TLS from the first byte before STARTTLS (RFC 8314 section 3).
const IMAP: [(&str, Security); 2] = [("_imaps", Security::Tls), ("_imap", Security::StartTls)];
const POP3: [(&str, Security); 2] = [("_pop3s", Security::Tls), ("_pop3", Security::StartTls)];
const SUBMISSION: [(&str, Security); 2] =
    [("_submissions", Security::Tls), ("_submission", Security::StartTls)];

/// Asks for all services at once.
pub(super) async fn services(names: &TokioResolver, domain: &str) -> (Vec<Proposal>, Vec<Asked>) {
    let all = [IMAP, POP3, SUBMISSION].concat();
    let answers = join_all(all.iter().map(|(service, _)| target(names, service, domain))).await;
    let mut asked = Vec::new();
    let mut found: Vec<(&str, Endpoint)> = Vec::new();
    for ((service, security), answer) in all.into_iter().zip(answers) {
        let outcome = match &answer {
            Ok(Some((host, port))) => format!("names {host} port {port}"),
            Ok(None) => "says that there is no such service".to_owned(),
            Err(why) => why.clone(),
        };
        asked.push(Asked { source: format!("SRV {service}._tcp.{domain}"), outcome });
        if let Ok(Some((host, port))) = answer {
            found.push((service, endpoint(&host, port, security)));
        }
    }
    let best = |services: [(&str, Security); 2]| {
        services.iter().find_map(|(service, _)| {
            found.iter().find(|(name, _)| name == service).map(|(_, endpoint)| endpoint.clone())
        })
    };
    let Some(outgoing) = best(SUBMISSION) else { return (Vec::new(), asked) };
    let kinds = [(IMAP, ServerType::ImapSmtp), (POP3, ServerType::Pop3Smtp)];
    let proposals = kinds.into_iter().filter_map(|(services, server_type)| {
        Some(Proposal {
            server_type,
            incoming: best(services)?,
            outgoing: outgoing.clone(),
            user_name: None,
            takes_password: true,
            source: Source::ServiceRecords,
        })
    });
    (proposals.collect(), asked)
}

/// The target of a service with the lowest priority, then the highest weight. A target of "." says that the domain
/// does not offer the service (RFC 2782).
async fn target(names: &TokioResolver, service: &str, domain: &str) -> Result<Option<(String, u16)>, String> {
    let lookup = names.srv_lookup(format!("{service}._tcp.{domain}."));
    let lookup = match tokio::time::timeout(PATIENCE, lookup).await {
        Err(_) => return Err("did not answer in time".to_owned()),
        Ok(Err(error)) if error.is_no_records_found() => return Err("does not exist".to_owned()),
        Ok(Err(error)) => return Err(format!("could not be asked: {error}")),
        Ok(Ok(lookup)) => lookup,
    };
    let services = lookup.answers().iter().filter_map(|record| match &record.data {
        RData::SRV(service) => Some(service),
        _ => None,
    });
    let best = services.min_by_key(|one| (one.priority, std::cmp::Reverse(one.weight)));
    let Some(best) = best else { return Err("does not exist".to_owned()) };
    let host = host_name(&best.target.to_ascii());
    if host.is_empty() {
        return Ok(None);
    }
    if best.port == 0 || !is_host(&host) {
        return Err(format!("names \"{host}\" port {}, which is no server", best.port));
    }
    Ok(Some((host, best.port)))
}

/// Who hosts the domain's mail.
pub(super) async fn host(names: &TokioResolver, domain: &str) -> (Option<Host>, Asked) {
    let asked = |outcome: String| Asked { source: format!("MX {domain}"), outcome };
    let lookup = match tokio::time::timeout(PATIENCE, names.mx_lookup(format!("{domain}."))).await {
        Err(_) => return (None, asked("did not answer in time".to_owned())),
        Ok(Err(error)) if error.is_no_records_found() => return (None, asked("does not exist".to_owned())),
        Ok(Err(error)) => return (None, asked(format!("could not be asked: {error}"))),
        Ok(Ok(lookup)) => lookup,
    };
    let exchangers: Vec<String> = lookup
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            RData::MX(exchanger) => Some(host_name(&exchanger.exchange.to_ascii())),
            _ => None,
        })
        .collect();
    let host = exchangers.iter().find_map(|name| hosting(name));
    (host, asked(format!("names {}", exchangers.join(", "))))
}

/// The hosts that want something special, by the name of their exchangers.
fn hosting(exchanger: &str) -> Option<Host> {
    let under = |domain: &str| {
        exchanger.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if under("mail.protection.outlook.com") || under("mx.microsoft") {
        return Some(Host::ExchangeOnline);
    }
    (under("google.com") || under("googlemail.com")).then_some(Host::Google)
}

fn host_name(name: &str) -> String {
    name.trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_by_whole_labels_of_their_exchangers() {
        assert_eq!(hosting("contoso-com.mail.protection.outlook.com"), Some(Host::ExchangeOnline));
        assert_eq!(hosting("contoso-com.a-v1.mx.microsoft"), Some(Host::ExchangeOnline));
        assert_eq!(hosting("smtp.google.com"), Some(Host::Google));
        assert_eq!(hosting("aspmx.l.google.com"), Some(Host::Google));
        assert_eq!(hosting("mx.notgoogle.com"), None);
    }
}
