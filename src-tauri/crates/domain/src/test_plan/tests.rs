//! Tables of plans: sizes, dates, order, and what is skipped.

use super::*;
use crate::ids::{QueueId, UserId};
use chrono::DateTime;
use uuid::Uuid;

const RULES: BatchRules = BatchRules { at_most: 200, every_hours: 5 };

fn at(hours: i64) -> Instant {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + Duration::hours(hours)
}

fn user(number: u128) -> Mailbox {
    Mailbox {
        id: MailboxId(Uuid::from_u128(number)),
        email: EmailAddress::parse(&format!("box{number}@contoso.test")).unwrap(),
        owner: MailboxOwner::User(UserId(Uuid::from_u128(number))),
        profile: None,
        incoming: DeliveryMethod::ServerSideSync,
        outgoing: DeliveryMethod::ServerSideSync,
        act: DeliveryMethod::None,
        approval: Approval::Approved,
        approval_rule: Default::default(),
        user_name: None,
        allow_credentials: true,
        delete_after_processing: false,
        process_emails_from: None,
        incoming_state: Default::default(),
        outgoing_state: Default::default(),
        act_state: Default::default(),
    }
}

fn queue(number: u128) -> Mailbox {
    Mailbox { owner: MailboxOwner::Queue(QueueId(Uuid::from_u128(number))), ..user(number) }
}

fn users(count: u128) -> Vec<Mailbox> {
    (1..=count).map(user).collect()
}

#[test]
fn batches_have_their_sizes_and_dates() {
    let one_at_a_time = BatchRules { at_most: 0, every_hours: 1 };
    let at_once = BatchRules { at_most: 2, every_hours: 0 };
    for (count, rules, expected) in [
        (0, RULES, vec![]),
        (1, RULES, vec![(1, 0)]),
        (200, RULES, vec![(200, 0)]),
        (201, RULES, vec![(200, 0), (1, 5)]),
        (1_000, RULES, vec![(200, 0), (200, 5), (200, 10), (200, 15), (200, 20)]),
        (3, one_at_a_time, vec![(1, 0), (1, 1), (1, 2)]),
        (5, at_once, vec![(2, 0), (2, 0), (1, 0)]),
    ] {
        let plan = plan(&users(count), rules, at(0));
        let found: Vec<_> = plan.batches.iter().map(|batch| (batch.mailboxes.len(), batch.due_at)).collect();
        let expected: Vec<_> = expected.into_iter().map(|(size, hours)| (size, at(hours))).collect();
        assert_eq!(found, expected, "{count} mailboxes by {rules:?}");
        assert_eq!(plan.tested() as u128, count);
        let numbers: Vec<_> = plan.batches.iter().map(|batch| batch.number).collect();
        assert_eq!(numbers, (1..=u32::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
    }
}

#[test]
fn queues_come_first_and_each_keeps_its_order() {
    let mailboxes = [user(5), queue(4), user(3), queue(2), user(5), user(1)];
    let plan = plan(&mailboxes, BatchRules { at_most: 3, every_hours: 5 }, at(0));
    let order: Vec<Vec<u128>> = plan
        .batches
        .iter()
        .map(|batch| batch.mailboxes.iter().map(|one| one.id.0.as_u128()).collect())
        .collect();
    assert_eq!(order, [vec![4, 2, 5], vec![3, 1]]);
}

#[test]
fn what_is_skipped_has_its_reason_and_takes_no_place() {
    use DeliveryMethod::{None as Nothing, Outlook};
    use SkipReason::{Method, Rejected, WaitsForApproval};
    use Workload::{Act, Incoming, Outgoing};
    let pending = Mailbox { approval: Approval::Pending, ..user(1) };
    let rejected = Mailbox { approval: Approval::Rejected, ..user(2) };
    let outlook = Mailbox { incoming: Outlook, outgoing: Nothing, ..user(3) };
    let nothing = Mailbox { incoming: Nothing, outgoing: Nothing, ..user(4) };
    let partly = Mailbox { outgoing: Outlook, ..user(5) };
    let rules = BatchRules { at_most: 1, every_hours: 5 };
    let plan = plan(&[pending, rejected, outlook, nothing, partly], rules, at(0));
    let skipped: Vec<_> = plan.skipped.iter().map(|one| one.skipped.clone()).collect();
    assert_eq!(
        skipped,
        [
            vec![(Incoming, WaitsForApproval), (Outgoing, WaitsForApproval)],
            vec![(Incoming, Rejected), (Outgoing, Rejected)],
            vec![(Incoming, Method(Outlook))],
            vec![(Incoming, Method(Nothing)), (Outgoing, Method(Nothing)), (Act, Method(Nothing))],
        ]
    );
    assert_eq!(plan.batches.len(), 1);
    let tested = &plan.batches[0].mailboxes[0];
    assert_eq!((&tested.tested, &tested.skipped), (&vec![Incoming], &vec![(Outgoing, Method(Outlook))]));
}

#[test]
fn a_batch_that_started_late_moves_the_later_ones_and_an_early_one_moves_none() {
    for (due, started, places, expected) in
        [(5, 0, 1, 5), (5, 3, 1, 8), (10, 3, 2, 13), (10, 48, 2, 58), (5, -1, 1, 5)]
    {
        assert_eq!(moved(at(due), at(started), places, RULES), at(expected), "{due} {started} {places}");
    }
}

#[test]
fn every_reason_has_its_own_word() {
    for reason in SkipReason::ALL {
        assert_eq!(SkipReason::from_word(reason.as_str()), Some(reason));
    }
}
