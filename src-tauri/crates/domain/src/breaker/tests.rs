//! The circuit, step by step, to the second.

use super::*;
use chrono::DateTime;
use uuid::Uuid;

fn at(minutes: i64) -> Instant {
    DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
}

fn mailbox(number: u128) -> MailboxId {
    MailboxId(Uuid::from_u128(number))
}

fn refused() -> Failure {
    Failure::transient_profile(FailureCode::ConnectionRefused, "refused")
}

fn down() -> Signal {
    Signal::Failed(refused())
}

/// Opened at minute 0 by the failures of two of ten mailboxes.
fn open() -> Circuit {
    let (circuit, turn) = Circuit::default().after(down(), mailbox(1), 10, at(0));
    assert_eq!((&circuit.outage, turn), (&None, Turn::Suspected));
    let (circuit, turn) = circuit.after(down(), mailbox(2), 10, at(0));
    assert_eq!(turn, Turn::Opened { suspect: Some((mailbox(1), FailureCode::ConnectionRefused)) });
    circuit
}

/// The mailbox takes the probe, as a claim does.
fn probing(circuit: Circuit, number: u128) -> Circuit {
    let outage = circuit.outage.map(|outage| Outage { probing: Some(mailbox(number)), ..outage });
    Circuit { outage, ..circuit }
}

fn probe_at(circuit: &Circuit) -> Option<Instant> {
    circuit.outage.as_ref().unwrap().probe_at
}

#[test]
fn one_mailbox_is_no_outage_however_often_it_fails() {
    let mut circuit = Circuit::default();
    for minute in 0..50 {
        let turn;
        (circuit, turn) = circuit.after(down(), mailbox(1), 10, at(minute));
        assert_eq!(turn, Turn::Suspected);
    }
    assert_eq!(circuit.admits(mailbox(2), at(50)), Admission::Go);
}

#[test]
fn an_answer_in_between_makes_it_two_single_failures() {
    let (circuit, _) = Circuit::default().after(down(), mailbox(1), 10, at(0));
    let (circuit, _) = circuit.after(Signal::Answered, mailbox(3), 10, at(1));
    let (_, turn) = circuit.after(down(), mailbox(2), 10, at(2));
    assert_eq!(turn, Turn::Suspected);
}

#[test]
fn the_only_mailbox_of_a_profile_is_all_of_them() {
    let (circuit, turn) = Circuit::default().after(down(), mailbox(1), 1, at(0));
    assert_eq!(turn, Turn::Opened { suspect: None });
    assert_eq!(circuit.admits(mailbox(1), at(0)), Admission::Wait(Some(at(5))));
}

#[test]
fn what_cannot_pass_by_itself_is_the_same_for_everyone_at_once() {
    let why = Failure::permanent_profile(FailureCode::CertificateRefused, "expired");
    let (circuit, turn) = Circuit::default().after(Signal::Failed(why), mailbox(1), 1_000, at(0));
    assert_eq!((turn, probe_at(&circuit)), (Turn::Opened { suspect: None }, Some(at(5))));
}

#[test]
fn everyone_waits_and_one_tries_at_five_ten_twenty_and_then_every_thirty_minutes() {
    let mut circuit = open();
    let mut due = at(0);
    for wait in [5, 10, 20, 30, 30, 30] {
        due += Duration::minutes(wait);
        assert_eq!(circuit.admits(mailbox(7), due - Duration::seconds(1)), Admission::Wait(Some(due)));
        assert_eq!(circuit.admits(mailbox(7), due), Admission::Probe);
        circuit = probing(circuit, 7);
        assert_eq!(circuit.admits(mailbox(8), due), Admission::Wait(Some(due)), "one at a time");
        let turn;
        (circuit, turn) = circuit.after(down(), mailbox(7), 10, due);
        assert_eq!(turn, Turn::StillOpen { earlier: FailureCode::ConnectionRefused });
    }
    assert_eq!(circuit.outage.unwrap().since, at(0));
}

#[test]
fn one_answer_lets_everyone_go_on() {
    let circuit = probing(open(), 7);
    let (circuit, turn) = circuit.after(Signal::Answered, mailbox(7), 10, at(5));
    assert!(matches!(turn, Turn::Recovered { outage } if outage.since == at(0)));
    assert_eq!(circuit, Circuit::default());
}

#[test]
fn those_that_were_under_way_when_it_opened_do_not_put_off_the_probe() {
    let (circuit, turn) = open().after(down(), mailbox(9), 10, at(3));
    assert_eq!(
        (probe_at(&circuit), turn),
        (Some(at(5)), Turn::StillOpen { earlier: FailureCode::ConnectionRefused })
    );
    // One of them that was answered proves that it is back.
    assert!(matches!(open().after(Signal::Answered, mailbox(9), 10, at(3)).1, Turn::Recovered { .. }));
}

#[test]
fn a_probe_that_met_nobody_leaves_its_place_to_the_next() {
    let circuit = probing(open(), 7);
    let (circuit, turn) = circuit.after(Signal::Silent, mailbox(7), 10, at(5));
    assert_eq!(turn, Turn::Same);
    assert_eq!(circuit.admits(mailbox(8), at(5)), Admission::Probe);
}

#[test]
fn a_person_or_the_network_brings_the_probe_forward() {
    for asked in [Asked::ByPerson, Asked::ByNetwork] {
        let circuit = open().probe_now(asked, at(1));
        assert_eq!(circuit.admits(mailbox(7), at(1)), Admission::Probe);
    }
    assert_eq!(Circuit::default().probe_now(Asked::ByPerson, at(1)), Circuit::default());
}

#[test]
fn a_refused_account_of_the_profile_is_not_tried_again_by_itself() {
    let refused = Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "no");
    assert_eq!(widened(refused.clone(), AuthenticateUsing::UserOrQueue).scope, Scope::Mailbox);
    let why = widened(refused, AuthenticateUsing::Profile);
    assert_eq!(why.scope, Scope::Profile);
    let (circuit, turn) = Circuit::default().after(Signal::Failed(why), mailbox(1), 500, at(0));
    assert_eq!(turn, Turn::Opened { suspect: None });
    assert_eq!(circuit.admits(mailbox(2), at(100_000)), Admission::Wait(None));
    let circuit = circuit.probe_now(Asked::ByNetwork, at(100_000));
    assert_eq!(circuit.admits(mailbox(2), at(100_000)), Admission::Wait(None));
    let circuit = circuit.probe_now(Asked::ByPerson, at(100_000));
    assert_eq!(circuit.admits(mailbox(2), at(100_000)), Admission::Probe);
}

#[test]
fn a_wait_that_the_server_asked_for_is_longer_than_ours() {
    let later = refused().after(Duration::minutes(42));
    let (circuit, _) = Circuit::default().after(Signal::Failed(later), mailbox(1), 1, at(0));
    assert_eq!(probe_at(&circuit), Some(at(42)));
}

#[test]
fn what_a_cycle_tells_about_the_server() {
    let failed = |failure| CycleEnd::Failed(failure);
    let mailboxs = |code| failed(Failure::permanent_mailbox(code, "x"));
    let servers = |code| failed(Failure::transient_profile(code, "x"));
    let table = [
        (CycleEnd::Completed, true, Signal::Answered),
        (CycleEnd::Yielded, true, Signal::Answered),
        (CycleEnd::Completed, false, Signal::Silent),
        (mailboxs(FailureCode::AuthenticationFailed), false, Signal::Answered),
        (mailboxs(FailureCode::MailboxInUse), false, Signal::Answered),
        (mailboxs(FailureCode::PasswordMissing), false, Signal::Silent),
        (mailboxs(FailureCode::NotApproved), false, Signal::Silent),
        (servers(FailureCode::StoreFailed), true, Signal::Silent),
        (servers(FailureCode::KeychainLocked), false, Signal::Silent),
        (servers(FailureCode::ConnectionRefused), false, down()),
    ];
    for (end, contacted, expected) in table {
        let found = Signal::of(&end, contacted);
        let same = matches!((&found, &expected), (Signal::Failed(_), Signal::Failed(_))) || found == expected;
        assert!(same, "{end:?} {contacted}: {found:?}");
    }
}
