//! When a workload runs next, and the sentence that says why then.

use tandem_domain::{
    Instant,
    breaker::Circuit,
    frequency::{Activity, FrequencyPolicy, Rhythm},
    mailbox::{Approval, Mailbox},
    profile::EmailServerProfile,
    schedule::MAX_TRANSIENT_ATTEMPTS,
    settings::OrganizationSettings,
    workload::Workload,
};
use tandem_store::view::{self, WaitingMail};

/// Everything that the next cycle of a workload depends on.
pub(super) struct Standing<'a> {
    pub(super) mailbox: &'a Mailbox,
    pub(super) profile: Option<&'a EmailServerProfile>,
    pub(super) row: &'a view::WorkloadView,
    pub(super) circuit: Option<&'a Circuit>,
    pub(super) settings: &'a OrganizationSettings,
    pub(super) activity: Activity,
    pub(super) last_failed: bool,
    pub(super) waiting: WaitingMail,
    pub(super) engine_runs: bool,
    pub(super) runs: bool,
    pub(super) listens: bool,
}

/// When a workload runs next, if by itself, and why then.
pub(super) fn next(of: &Standing<'_>, now: Instant) -> (Option<Instant>, String) {
    if let Some(why) = not_processed(of) {
        return (None, why.to_owned());
    }
    if of.runs {
        return (None, "Runs now; the next cycle is planned when this one ends.".to_owned());
    }
    let outage = of.circuit.and_then(|circuit| circuit.outage.as_ref());
    let name = of.profile.map_or("", |profile| profile.name.as_str());
    if let Some(outage) = outage {
        return match outage.probe_at {
            Some(at) => {
                (Some(at), format!("Held back: the server of {name} is unreachable; it is probed then."))
            }
            None => {
                (None, format!("Held back: the account of {name} is refused; see its alert for what to do."))
            }
        };
    }
    let Some(due) = of.row.next_due_at else {
        return (None, "Nothing makes it due.".to_owned());
    };
    if !of.engine_runs {
        return (Some(due), "No engine runs: it starts as soon as one does.".to_owned());
    }
    if due <= now {
        return (Some(due), "Due: it waits for its turn.".to_owned());
    }
    let waits = &of.waiting;
    if of.row.workload == Workload::Outgoing && waits.held_until == Some(due) {
        let emails = if waits.held == 1 { "1 email".to_owned() } else { format!("{} emails", waits.held) };
        return (Some(due), format!("Held back: a sending limit keeps {emails} until then."));
    }
    if of.row.attempts > 0 {
        let next = of.row.attempts.saturating_add(1);
        let words = format!("Tried again after a failure: attempt {next} of {MAX_TRANSIENT_ATTEMPTS}.");
        return (Some(due), words);
    }
    if of.last_failed {
        return (Some(due), "Tried again after a failure that counts no attempt.".to_owned());
    }
    if of.row.expected_at.is_some_and(|expected| due < expected) {
        let words = "Before its interval ends: new mail, Sync now, a message to try again, or its own place after many \
                     mailboxes started together.";
        return (Some(due), words.to_owned());
    }
    let policy = policy_sentence(of);
    if of.listens {
        return (Some(due), format!("Push: listens, so that new mail starts it at once; else {policy}."));
    }
    (Some(due), format!("{}.", capital(&policy)))
}

fn not_processed(of: &Standing<'_>) -> Option<&'static str> {
    let Some(profile) = of.profile else { return Some("It has no email server profile.") };
    match of.mailbox.standing() {
        Approval::Approved => {}
        Approval::Pending => return Some("Waits for approval of its address."),
        Approval::Rejected => return Some("Its address was rejected."),
    }
    if !profile.active {
        return Some("Its profile is not active.");
    }
    let state = of.mailbox.state(of.row.workload);
    match (state.enabled, state.tested_at) {
        (true, _) => None,
        (false, None) => Some("Waits for Test & Enable."),
        (false, Some(_)) => Some("Stopped: Test & Enable, or a new password, starts it again."),
    }
}

fn policy_sentence(of: &Standing<'_>) -> String {
    let least = of.profile.map_or(0, |profile| profile.min_polling_interval_minutes);
    let rhythm = Rhythm {
        policy: of.settings.frequency,
        fixed_minutes: of.settings.cycle_interval_minutes,
        min_polling_interval_minutes: least,
        mailbox: of.mailbox.id,
        workload: of.row.workload,
        with_incoming: of.mailbox.is_processed(Workload::Incoming),
    };
    let minutes = rhythm.interval(of.activity).num_minutes();
    let free = Rhythm { min_polling_interval_minutes: 0, ..rhythm }.interval(of.activity).num_minutes();
    let rule = if minutes > free {
        "the profile's minimum polling interval"
    } else if of.settings.cycle_interval_minutes.is_some() {
        "the interval in Settings"
    } else {
        match of.settings.frequency {
            FrequencyPolicy::Online => "online policy",
            FrequencyPolicy::OnPremises9 => "on-premises 9.x policy",
            FrequencyPolicy::Crm2015 => "CRM 2015 policy",
        }
    };
    let minutes = if minutes == 1 { "1 minute".to_owned() } else { format!("{minutes} minutes") };
    format!("{minutes} after the last cycle ended ({rule})")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
#[path = "next_tests.rs"]
mod tests;
