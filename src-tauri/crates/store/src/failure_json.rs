//! Failures and rule traces as JSON in a column.

use crate::codec::unexpected;
use chrono::Duration;
use rusqlite::Row;
use serde::{Deserialize, Serialize};
use tandem_domain::{
    failure::{Failure, FailureCode, Nature, RefusedCertificate, Scope},
    ledger::{RuleOutcome, RuleStep},
};

#[derive(Serialize, Deserialize)]
struct StoredFailure {
    nature: String,
    scope: String,
    code: String,
    server_said: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<StoredCertificate>,
}

#[derive(Serialize, Deserialize)]
struct StoredCertificate {
    host: String,
    subject: String,
    names: Vec<String>,
    issuer: String,
    not_before: String,
    not_after: String,
    sha256: String,
    why: String,
}

/// A failure as stored.
pub(crate) fn failure_json(failure: &Failure) -> String {
    let certificate = failure.certificate.as_deref().map(|one| StoredCertificate {
        host: one.host.clone(),
        subject: one.subject.clone(),
        names: one.names.clone(),
        issuer: one.issuer.clone(),
        not_before: one.not_before.clone(),
        not_after: one.not_after.clone(),
        sha256: one.sha256.clone(),
        why: one.why.clone(),
    });
    let stored = StoredFailure {
        nature: nature_word(failure.nature).to_owned(),
        scope: scope_word(failure.scope).to_owned(),
        code: failure.code.as_str().to_owned(),
        server_said: failure.server_said.clone(),
        retry_after_ms: failure.retry_after.map(|wait| wait.num_milliseconds()),
        certificate,
    };
    // Strings and numbers always serialize; nothing to lose if that ever changes.
    serde_json::to_string(&stored).unwrap_or_default()
}

/// An optional failure as stored.
pub(crate) fn opt_failure_json(failure: Option<&Failure>) -> Option<String> {
    failure.map(failure_json)
}

/// A stored failure that may be absent.
pub(crate) fn opt_failure(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Failure>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(None) };
    read_failure(text).map(Some).ok_or_else(|| unexpected(column, text, "failure"))
}

fn read_failure(text: &str) -> Option<Failure> {
    let stored: StoredFailure = serde_json::from_str(text).ok()?;
    let certificate = stored.certificate.map(|one| {
        Box::new(RefusedCertificate {
            host: one.host,
            subject: one.subject,
            names: one.names,
            issuer: one.issuer,
            not_before: one.not_before,
            not_after: one.not_after,
            sha256: one.sha256,
            why: one.why,
        })
    });
    Some(Failure {
        nature: [Nature::Transient, Nature::Permanent]
            .into_iter()
            .find(|one| nature_word(*one) == stored.nature)?,
        scope: [Scope::Item, Scope::Mailbox, Scope::Profile]
            .into_iter()
            .find(|one| scope_word(*one) == stored.scope)?,
        code: FailureCode::from_word(&stored.code)?,
        server_said: stored.server_said,
        retry_after: stored.retry_after_ms.map(Duration::milliseconds),
        certificate,
    })
}

/// A trace as stored: `[[rule, outcome, detail], ...]`.
pub(crate) fn trace_json(trace: &[RuleStep]) -> String {
    let steps: Vec<_> =
        trace.iter().map(|step| (&*step.rule, step.outcome.as_str(), &*step.detail)).collect();
    serde_json::to_string(&steps).unwrap_or_default()
}

/// A stored trace.
pub(crate) fn trace(row: &Row<'_>, column: &str) -> rusqlite::Result<Vec<RuleStep>> {
    let text = row.get_ref(column)?.as_str()?;
    let wrong = || unexpected(column, text, "rule trace");
    let steps: Vec<(String, String, String)> = serde_json::from_str(text).map_err(|_| wrong())?;
    steps
        .into_iter()
        .map(|(rule, outcome, detail)| {
            let outcome = RuleOutcome::from_word(&outcome).ok_or_else(wrong)?;
            Ok(RuleStep { rule, outcome, detail })
        })
        .collect()
}

const fn nature_word(nature: Nature) -> &'static str {
    match nature {
        Nature::Transient => "transient",
        Nature::Permanent => "permanent",
    }
}

const fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Item => "item",
        Scope::Mailbox => "mailbox",
        Scope::Profile => "profile",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_comes_back_as_it_was() {
        let certificate = RefusedCertificate {
            host: "mail.contoso.test".into(),
            subject: "CN=mail".into(),
            names: vec!["mail".into()],
            issuer: "CN=ca".into(),
            not_before: "a".into(),
            not_after: "b".into(),
            sha256: "00".into(),
            why: "expired".into(),
        };
        for failure in [
            Failure::transient_item(FailureCode::MessageGone, "x \"y\""),
            Failure::permanent_profile(FailureCode::CertificateRefused, "no").with_certificate(certificate),
            Failure::transient_mailbox(FailureCode::Throttled, "later").after(Duration::seconds(7)),
        ] {
            assert_eq!(read_failure(&failure_json(&failure)), Some(failure));
        }
    }
}
