//! Alerts as what a person reads.

use super::{errors::with_retry, failures};
use crate::wire::{AlertView, Certificate};
use tandem_domain::{
    alert::{Alert, AlertCode, AlertObject},
    alert_rules::{AlertSettings, audience},
    remedy::{self, needs_person},
};

/// An alert, with the name of what it is about.
pub(crate) fn alert_view(alert: &Alert, object: &str, settings: &AlertSettings) -> AlertView {
    let todo = remedy::of_alert(&alert.raised);
    let audience = audience(alert.raised.code, alert.raised.object, settings);
    let (message, mut remedy) = texts(alert.raised.code, object, alert.raised.retry_at.is_some());
    let stopped = matches!(alert.raised.object, AlertObject::Mailbox(..)) && alert.raised.retry_at.is_none();
    let failed = matches!(alert.raised.code, AlertCode::Failure(_));
    if stopped && failed && !remedy.contains("Test & Enable") {
        remedy += " Then run Test & Enable for it.";
    }
    let (object_id, workload) = match alert.raised.object {
        AlertObject::Email(id) => (id.to_string(), None),
        AlertObject::Mailbox(id, workload) => (id.to_string(), Some(workload.as_str().to_owned())),
        AlertObject::Profile(id) => (id.to_string(), None),
    };
    AlertView {
        id: alert.id.to_string(),
        level: alert.raised.level.as_str().to_owned(),
        scope: alert.raised.object.scope().to_owned(),
        object: object.to_owned(),
        object_id,
        workload,
        code: alert.raised.code.as_str().to_owned(),
        message,
        remedy,
        action: todo.action.as_str().to_owned(),
        who: todo.who.as_str().to_owned(),
        needs_person: alert.cleared_at.is_none() && needs_person(alert.raised.level, todo),
        audience: audience.into_iter().map(|one| one.as_str().to_owned()).collect(),
        profile: None,
        server_said: Some(alert.raised.detail.clone()).filter(|said| !said.is_empty()),
        certificate: None::<Certificate>,
        first_seen: alert.first_seen_at,
        last_seen: alert.last_seen_at,
        count: alert.count,
        retry_at: alert.raised.retry_at,
        cleared_at: alert.cleared_at,
    }
}

fn texts(code: AlertCode, object: &str, is_retried: bool) -> (String, String) {
    if let AlertCode::Failure(code) = code {
        let text = failures::of(code);
        return (text.message.replace("{object}", object), with_retry(text, is_retried));
    }
    let (message, remedy) = other_texts(code);
    (message.replace("{object}", object), remedy.replace("{object}", object))
}

/// What is said of an alert that is no failure.
pub(super) const fn other_texts(code: AlertCode) -> (&'static str, &'static str) {
    match code {
        AlertCode::Failure(code) => {
            let text = failures::of(code);
            (text.message, text.remedy)
        }
        AlertCode::WorkloadEnabled => (
            "Test & Enable succeeded for {object}: it is synchronized from now on.",
            "Nothing needs to be done.",
        ),
        AlertCode::SomeRecipientsRefused => (
            "{object} was sent, but the server refused some of its recipients.",
            "Open the email to see which; correct their addresses and send it to them again.",
        ),
        AlertCode::MessageQuarantined => (
            "A message in {object} cannot be read. Its bytes are kept in quarantine; the rest of the mailbox goes on.",
            "Look at it in Quarantine; it can be tried again there, for instance after an update of Tandem.",
        ),
        AlertCode::MessagesMissing => (
            "The server of {object} had messages that Tandem had not decided about. The missing ones are looked up again and again until each has its decision.",
            "Run Verify for the mailbox to see that none is missing any more; if some stay, read the server's words here.",
        ),
        AlertCode::MessageUndeliverable => (
            "A message in {object} failed by itself again and again and was given up; it is still on the server, and the rest of the mailbox goes on.",
            "Look at it in Quarantine, where it can be asked for again: for instance after the server was mended.",
        ),
        AlertCode::SendingHeld => (
            "Email of {object} waits because the sending limit of its profile is used up. It is sent by itself as soon as it fits.",
            "Nothing needs to be done; if the provider allows more, raise the limit in the profile.",
        ),
        AlertCode::MajorityFailed => (
            "More than half of the mailboxes of {object} failed within an hour, and nobody could be told by email.",
            "Look at the profile and at the alerts of its mailboxes. So that its owner is told by email next time, give the profile an owner with an address, and let a mailbox of another profile send.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_that_is_no_failure_has_its_own_text() {
        let codes = AlertCode::OTHERS;
        let all: std::collections::BTreeSet<_> = codes.iter().map(|code| texts(*code, "x", false)).collect();
        assert_eq!(all.len(), codes.len());
        assert!(all.iter().all(|(message, remedy)| message.contains('x') && !remedy.is_empty()));
    }
}
