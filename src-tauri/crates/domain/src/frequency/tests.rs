//! The policies, to the second.

use super::*;
use crate::ids::{OrganizationId, record_id};
use chrono::DateTime;
use uuid::Uuid;

/// The intervals themselves are the same for each mailbox.
fn still(policy: FrequencyPolicy, workload: Workload) -> Rhythm {
    Rhythm {
        policy,
        fixed_minutes: None,
        min_polling_interval_minutes: 0,
        mailbox: MailboxId(Uuid::from_u128(1)),
        workload,
        with_incoming: false,
    }
}

/// A mailbox whose id is as random as those of a data folder.
fn mailbox(number: u32) -> MailboxId {
    MailboxId(record_id(OrganizationId(Uuid::nil()), "mailbox", &number.to_string()))
}

fn busy(cycles: u32) -> Activity {
    Activity { busy_cycles: cycles, idle_cycles: 0 }
}

fn idle(cycles: u32) -> Activity {
    Activity { busy_cycles: 0, idle_cycles: cycles }
}

fn seconds(rhythm: Rhythm, activity: Activity) -> i64 {
    rhythm.interval(activity).num_seconds()
}

fn now() -> Instant {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

#[test]
fn online_email_comes_five_minutes_after_the_end_whatever_happened() {
    for workload in [Workload::Incoming, Workload::Outgoing] {
        for activity in [busy(0), busy(1), busy(1_000), idle(1), idle(u32::MAX)] {
            assert_eq!(seconds(still(FrequencyPolicy::Online, workload), activity), 300);
        }
    }
}

#[test]
fn online_act_takes_five_to_twelve_minutes_and_up_to_fifteen_beside_incoming_mail() {
    let table = [
        (busy(0), 300, 300),
        (busy(9), 300, 300),
        (idle(1), 360, 360),
        (idle(6), 660, 660),
        (idle(7), 720, 720),
        (idle(8), 720, 780),
        (idle(10), 720, 900),
        (idle(11), 720, 900),
        (idle(u32::MAX), 720, 900),
    ];
    for (activity, alone, beside) in table {
        let rhythm = still(FrequencyPolicy::Online, Workload::Act);
        assert_eq!(seconds(rhythm, activity), alone, "{activity:?}");
        assert_eq!(seconds(Rhythm { with_incoming: true, ..rhythm }, activity), beside, "{activity:?}");
    }
}

#[test]
fn on_premises_takes_five_minutes_two_when_busy_and_twelve_when_quiet() {
    let table = [
        (busy(0), 300),
        (busy(1), 240),
        (busy(2), 180),
        (busy(3), 120),
        (busy(4), 120),
        (busy(u32::MAX), 120),
        (idle(1), 300),
        (idle(2), 360),
        (idle(7), 660),
        (idle(8), 720),
        (idle(9), 720),
        (idle(u32::MAX), 720),
    ];
    for workload in Workload::ALL {
        for (activity, expected) in table {
            assert_eq!(
                seconds(still(FrequencyPolicy::OnPremises9, workload), activity),
                expected,
                "{activity:?}"
            );
        }
    }
}

#[test]
fn crm_2015_takes_a_quarter_of_an_hour_and_stretches_to_four_hours_when_idle() {
    let table = [
        (busy(0), 900),
        (busy(5), 900),
        (idle(1), 900),
        (idle(4), 900),
        (idle(5), 1_800),
        (idle(6), 3_600),
        (idle(7), 7_200),
        (idle(8), 14_400),
        (idle(9), 14_400),
        (idle(u32::MAX), 14_400),
    ];
    for (activity, expected) in table {
        assert_eq!(
            seconds(still(FrequencyPolicy::Crm2015, Workload::Incoming), activity),
            expected,
            "{activity:?}"
        );
    }
}

#[test]
fn activity_counts_cycles_in_a_row_and_one_find_ends_an_idle_stretch() {
    let quiet = (0..9).fold(Activity::default(), |activity, _| activity.after(0));
    assert_eq!(quiet, idle(9));
    assert_eq!(quiet.after(3), busy(1));
    assert_eq!(quiet.after(3).after(1), busy(2));
    assert_eq!(quiet.after(3).after(0), idle(1));
    let rhythm = still(FrequencyPolicy::Crm2015, Workload::Incoming);
    assert_eq!((seconds(rhythm, quiet), seconds(rhythm, quiet.after(1))), (14_400, 900));
}

#[test]
fn the_minimum_polling_interval_always_holds() {
    for policy in FrequencyPolicy::ALL {
        for workload in Workload::ALL {
            for minimum in [0_u16, 1, 5, 60, 1_440] {
                for activity in [busy(0), busy(50), idle(3), idle(50)] {
                    let rhythm = Rhythm { min_polling_interval_minutes: minimum, ..still(policy, workload) };
                    for number in 0..50 {
                        let rhythm = Rhythm { mailbox: mailbox(number), ..rhythm };
                        let wait = rhythm.next(activity, now()) - now();
                        assert!(wait >= Duration::minutes(minimum.into()), "{rhythm:?} {activity:?}: {wait}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_fixed_interval_is_exact_and_still_not_below_the_minimum() {
    let rhythm = Rhythm { fixed_minutes: Some(7), ..still(FrequencyPolicy::Crm2015, Workload::Incoming) };
    assert_eq!(rhythm.next(idle(50), now()) - now(), Duration::seconds(420));
    let slower = Rhythm { min_polling_interval_minutes: 30, ..rhythm };
    assert_eq!(slower.next(idle(50), now()) - now(), Duration::seconds(1_800));
}

#[test]
fn the_next_cycle_is_a_mailboxs_own_and_stays_within_the_policys_bounds() {
    for policy in FrequencyPolicy::ALL {
        for workload in Workload::ALL {
            for activity in [busy(0), busy(1), busy(9), idle(1), idle(5), idle(7), idle(50)] {
                for number in 0..200 {
                    let rhythm = Rhythm { mailbox: mailbox(number), ..still(policy, workload) };
                    let wait = rhythm.next(activity, now()) - now();
                    let bounds = rhythm.bounds();
                    assert!(wait >= bounds.start && wait <= bounds.end, "{rhythm:?} {activity:?}: {wait}");
                    assert!((wait - rhythm.interval(activity)).abs() < rhythm.interval(activity) / 10);
                    assert_eq!(wait, rhythm.next(activity, now()) - now(), "it is always the same");
                }
            }
        }
    }
}

#[test]
fn two_thousand_mailboxes_that_end_together_start_apart() {
    let starts = (0..2_000).map(|number| {
        Rhythm { mailbox: mailbox(number), ..still(FrequencyPolicy::Online, Workload::Incoming) }
            .next(idle(1), now())
    });
    let mut per_second = std::collections::BTreeMap::new();
    starts.for_each(|at| *per_second.entry((at - now()).num_seconds()).or_insert(0_u32) += 1);
    assert_eq!(per_second.len(), 29, "every second of the half minute is used");
    assert!(per_second.values().all(|&started| (33..=110).contains(&started)), "{per_second:?}");
}

#[test]
fn who_is_at_its_place_stays_there_and_others_come_nearer() {
    let rhythm = still(FrequencyPolicy::Online, Workload::Incoming);
    let wheel = rhythm.wheel(idle(1));
    assert_eq!(wheel.turn, Duration::milliseconds(314_500), "five minutes, and half of 29 seconds");
    let place = wheel.within(now(), now() + wheel.turn);
    let rounds = |late: Duration| {
        let mut at = place + late;
        let mut left = Vec::new();
        for _ in 0..60 {
            at = rhythm.next(idle(1), at);
            let nearest = wheel.within(at - wheel.turn / 2, at + wheel.turn / 2);
            left.push((at - nearest).num_milliseconds().abs());
        }
        left
    };
    assert!(rounds(Duration::zero()).iter().all(|&left| left == 0), "{:?}", rounds(Duration::zero()));
    for seconds in [-150, -20, 1, 90, 157] {
        let left = rounds(Duration::seconds(seconds));
        assert!(left.windows(2).all(|pair| pair[1] <= pair[0]), "{seconds}: {left:?}");
        assert!(left[59] < 1_000, "within six hours it is there: {seconds}: {left:?}");
    }
}

#[test]
fn the_places_of_a_thousand_mailboxes_are_in_the_order_of_their_ids_and_spread_evenly() {
    let mut mailboxes: Vec<MailboxId> = (0..1_000).map(mailbox).collect();
    mailboxes.sort_unstable();
    for workload in Workload::ALL {
        let of = |mailbox: &MailboxId| {
            Rhythm { mailbox: *mailbox, ..still(FrequencyPolicy::Online, workload) }.wheel(idle(1)).place
        };
        let places: Vec<u32> = mailboxes.iter().map(of).collect();
        let turns_over = places.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!(turns_over <= 1, "one turn goes through all of them: {turns_over}");
        let mut tenths = [0_u32; 10];
        places.iter().for_each(|place| tenths[((u64::from(*place) * 10) >> 32) as usize] += 1);
        assert!(tenths.iter().all(|count| (65..=135).contains(count)), "{tenths:?}");
    }
}

#[test]
fn every_policy_has_its_own_word() {
    for policy in FrequencyPolicy::ALL {
        assert_eq!(FrequencyPolicy::from_word(policy.as_str()), Some(policy));
    }
    assert_eq!(FrequencyPolicy::default(), FrequencyPolicy::Online);
}
