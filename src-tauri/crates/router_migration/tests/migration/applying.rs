//! A plan against the configuration: what is written, nothing the second time, and what differs when it changed meanwhile.

use crate::support::{data, empty, made, now, user};
use tandem_domain::{
    address::EmailAddress,
    directory::DirectoryId,
    ids::{MailboxId, UserId},
    mailbox::{Approval, DeliveryMethod, Mailbox, MailboxOwner},
    profile::Security,
    workload::WorkloadState,
};
use tandem_router_migration::{
    changes::{CannotApply, Changes, PasswordOf, changes},
    diff::{Happened, diff},
    plan::{ConflictKind, Decision, EditError, MatchedBy, MigrateRow, Options, OwnerRef, Plan, make},
    sample::{SampleMailbox, SampleRouter, SampleServer, files},
    snapshot::Snapshot,
    summary::summary,
};
use uuid::Uuid;

fn plan_against(case: &str, snapshot: &Snapshot) -> Plan {
    make(&data(case), snapshot, &Options::default(), now()).plan
}

fn mailbox(id: u128, address: &str, owner: u128) -> Mailbox {
    Mailbox {
        id: MailboxId(Uuid::from_u128(id)),
        email: EmailAddress::parse(address).unwrap(),
        owner: MailboxOwner::User(UserId(Uuid::from_u128(owner))),
        profile: None,
        incoming: DeliveryMethod::None,
        outgoing: DeliveryMethod::None,
        act: DeliveryMethod::None,
        approval: Approval::Approved,
        approval_rule: Default::default(),
        user_name: None,
        allow_credentials: false,
        delete_after_processing: false,
        process_emails_from: None,
        incoming_state: WorkloadState::default(),
        outgoing_state: WorkloadState::default(),
        act_state: WorkloadState::default(),
    }
}

/// The configuration after the changes, as the store would have it.
fn after(mut snapshot: Snapshot, made: &Changes) -> Snapshot {
    snapshot.profiles.extend(made.profiles.clone());
    snapshot.owners.extend(made.owners.clone());
    for one in made.mailboxes.iter().map(|change| &change.mailbox).chain(&made.forward_mailboxes) {
        snapshot.mailboxes.retain(|other| other.id != one.id);
        snapshot.mailboxes.push(one.clone());
    }
    snapshot
}

#[test]
fn an_empty_organization_gets_everything_once() {
    for case in
        ["sample", "forward_mailbox", "two_routers_same_user", "odd_owners", "dates", "exchange_local_system"]
    {
        let plan = made(case).plan;
        let first = changes(&plan, &empty()).unwrap();
        assert!(!first.is_empty(), "{case}");
        let sum = summary(&plan);
        assert_eq!(first.profiles.len(), sum.profiles_created as usize, "{case}");
        let new = first.mailboxes.iter().filter(|one| one.is_new).count();
        assert_eq!(new, sum.mailboxes_created as usize, "{case}");
        assert_eq!(first.skipped.len(), sum.mailboxes_skipped as usize, "{case}");
        let there = after(empty(), &first);
        let again = changes(&plan, &there).unwrap();
        assert!(again.is_empty(), "{case}: {again:?}");
        assert_eq!(again.unchanged.len(), new + first.forward_mailboxes.len(), "{case}");
        assert!(again.passwords.is_empty(), "{case}: nobody is asked for a password twice");
        let replanned = plan_against(case, &there);
        assert!(
            changes(&replanned, &there).unwrap().is_empty(),
            "{case}: planning again finds nothing to do"
        );
        assert_eq!(summary(&replanned).profiles_created, 0, "{case}");
    }
}

#[test]
fn what_is_written_is_what_the_files_say() {
    let written = changes(&made("sample").plan, &empty()).unwrap();
    let pop = written.profiles.iter().find(|one| one.name.starts_with("pop")).unwrap();
    let incoming = pop.incoming.clone().unwrap();
    assert_eq!(
        (incoming.server.as_str(), incoming.port, incoming.security),
        ("pop.contoso.com", 995, Security::Tls)
    );
    assert_eq!(pop.process_emails_from.unwrap(), now() - chrono::Duration::hours(24));
    let queue = &written
        .mailboxes
        .iter()
        .find(|one| one.mailbox.email.as_str() == "support@contoso.com")
        .unwrap()
        .mailbox;
    assert!(matches!(queue.owner, MailboxOwner::Queue(_)));
    assert_eq!(
        (queue.incoming, queue.outgoing),
        (DeliveryMethod::ServerSideSync, DeliveryMethod::ServerSideSync)
    );
    assert_eq!((queue.approval, queue.user_name.as_deref()), (Approval::Pending, Some("support")));
    let places: Vec<_> =
        written.passwords.iter().map(|place| matches!(place.of, PasswordOf::Profile(_))).collect();
    assert_eq!(places, [true, false], "one password for the Exchange profile, one for the queue's mailbox");
    let dates = changes(&made("dates").plan, &empty()).unwrap();
    let date = |name: &str| {
        let address = format!("{name}@contoso.com");
        let found = dates.mailboxes.iter().find(|one| one.mailbox.email.as_str() == address).unwrap();
        found.mailbox.process_emails_from.unwrap().to_rfc3339()
    };
    assert_eq!(date("fresh"), "2016-03-11T08:00:00+00:00");
    assert_eq!(date("twice"), "2016-03-11T07:00:00+00:00", "the later of two entries");
    for fallback in ["future", "never", "bad", "missing"] {
        assert_eq!(date(fallback), "2016-03-10T12:00:00+00:00", "{fallback}");
    }
}

#[test]
fn owners_are_found_by_id_or_address_and_keep_what_they_have() {
    let id: Uuid = "7f6f0c52-2c1d-e511-80c2-00155d2a6a01".parse().unwrap();
    let mut here = empty();
    here.owners = vec![user(id.as_u128(), "Amy", "other@contoso.com"), user(7, "Bob", "bob@contoso.com")];
    here.mailboxes = vec![mailbox(70, "bob@contoso.com", 7)];
    let plan = plan_against("two_routers_disjoint", &here);
    let found: Vec<_> =
        plan.mailboxes.iter().map(|one| one.found.clone().map(|(owner, by)| (owner.name, by))).collect();
    assert_eq!(
        found,
        [Some(("Amy".to_owned(), MatchedBy::Id)), Some(("Bob".to_owned(), MatchedBy::Address))]
    );
    let written = changes(&plan, &here).unwrap();
    assert!(written.owners.is_empty());
    let bob = written.mailboxes.iter().find(|one| !one.is_new).unwrap();
    assert_eq!((bob.mailbox.id, bob.mailbox.approval), (MailboxId(Uuid::from_u128(70)), Approval::Approved));
    assert!(changes(&plan, &after(here, &written)).unwrap().is_empty());
}

#[test]
fn owners_that_are_mapped_already_are_left_alone_until_somebody_decides() {
    let mut here = empty();
    here.owners = vec![user(1, "Amy", "amy@contoso.com"), user(2, "Bob", "bob@contoso.com")];
    here.mailboxes = vec![mailbox(10, "amy.new@contoso.com", 1), mailbox(20, "bob@contoso.com", 2)];
    let first = changes(&plan_against("sample", &here), &here).unwrap();
    here.profiles = first.profiles;
    here.mailboxes[1].profile = Some(here.profiles[0].id);
    let mut plan = plan_against("two_routers_disjoint", &here);
    let kinds: Vec<_> = plan.conflicts.iter().map(|conflict| conflict.kind).collect();
    assert_eq!(kinds, [ConflictKind::OwnerMapped; 2], "{:?}", plan.conflicts);
    assert!(changes(&plan, &here).unwrap().is_empty());
    let bob = OwnerRef { queue: false, id: Uuid::from_u128(2), name: "Bob".to_owned() };
    plan.decide(1, Decision::MatchOwner(bob)).unwrap();
    let written = changes(&plan, &here).unwrap();
    assert_eq!((written.mailboxes.len(), written.profiles.len()), (1, 1), "Bob moves to the new profile");
    let stranger = OwnerRef { queue: false, id: Uuid::from_u128(99), name: "X".to_owned() };
    assert!(matches!(plan.decide(0, Decision::MatchOwner(stranger)), Err(EditError::Decision(_))));
}

#[test]
fn people_rename_decline_and_choose() {
    let mut plan = made("two_routers_same_user").plan;
    assert_eq!(plan.rows.len(), 2, "the second router's pair is there to be chosen");
    assert_eq!(plan.counts()[1].users, 0);
    assert_eq!(changes(&plan, &empty()).unwrap().profiles.len(), 1, "a pair that nobody uses is not created");
    plan.choose(0, 1).unwrap();
    assert_eq!(changes(&plan, &empty()).unwrap().profiles.len(), 2);
    assert!(matches!(plan.rename(0, "  "), Err(EditError::Name { .. })));
    let other = plan.rows[1].profile().unwrap().name.to_uppercase();
    assert!(matches!(plan.rename(0, &other), Err(EditError::Name { .. })));
    plan.rename(0, "Main").unwrap();
    plan.set_migrate(1, MigrateRow::No).unwrap();
    let written = changes(&plan, &empty()).unwrap();
    assert_eq!(written.profiles.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["Main"]);
    assert_eq!(written.skipped.len(), 1);
    let mut dav = made("webdav").plan;
    assert!(matches!(dav.set_migrate(0, MigrateRow::Yes), Err(EditError::Cannot(_))));
    assert!(changes(&dav, &empty()).unwrap().is_empty());
}

#[test]
fn a_changed_configuration_says_what_differs() {
    let mut here = empty();
    here.owners = vec![user(1, "Amy", "amy@contoso.com"), user(9, "Zoe", "zoe@contoso.com")];
    let plan = plan_against("two_routers_disjoint", &here);
    assert!(diff(&plan, &here).is_empty());
    let mut later = here.clone();
    later.owners[0].name = "Amy Adams".to_owned();
    later.owners.remove(1);
    later.mailboxes.push(mailbox(10, "amy.private@contoso.com", 1));
    let found = diff(&plan, &later);
    let said: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 3);
    assert_eq!(said[0], "user Amy Adams: name was \"Amy\" and is \"Amy Adams\"");
    assert!(found[0].concerns_plan && !found[1].concerns_plan, "{said:?}");
    assert!(found.iter().any(|one| one.what == Happened::Removed && one.name == "Zoe"));
    let written = changes(&plan, &later).unwrap();
    assert!(
        written.skipped.iter().any(|one| one.why.contains("amy.private@contoso.com")),
        "{:?}",
        written.skipped
    );
    let mut other = empty();
    other.organization.0 = Uuid::from_u128(2);
    assert_eq!(changes(&plan, &other), Err(CannotApply::OtherOrganization));
}

#[test]
fn a_name_that_was_taken_meanwhile_stops_everything() {
    let plan = made("two_routers_disjoint").plan;
    let mut here = empty();
    let mut taken = changes(&plan, &here).unwrap().profiles;
    taken[0].description = "made by hand".to_owned();
    taken[0].incoming.as_mut().unwrap().port = 110;
    here.profiles = taken;
    assert!(matches!(changes(&plan, &here), Err(CannotApply::NameTaken { row: 0, .. })));
}

#[test]
fn removed_owners_are_not_guessed() {
    let mut here = empty();
    here.owners = vec![user(1, "Amy", "amy@contoso.com")];
    let plan = plan_against("two_routers_disjoint", &here);
    let gone = changes(&plan, &empty()).unwrap();
    assert!(gone.skipped[0].why.contains("Amy is gone"));
    assert!(matches!(plan.mailboxes[0].decision, Decision::MatchOwner(_)));
    assert!(matches!(here.owners[0].id, DirectoryId::User(_)));
}

#[test]
fn sample_routers_of_given_servers_migrate_completely() {
    let server = |port| SampleServer { server: "127.0.0.1".to_owned(), port, security: Security::None };
    let router = |number: u16| SampleRouter {
        organization_url: "https://crm.practice.test/Practice".to_owned(),
        pop3: server(11_000 + number),
        smtp: Some(server(12_000 + number)),
        smtp_anonymous: false,
        mailboxes: vec![SampleMailbox {
            address: format!("box{number}@practice.test"),
            id: Uuid::from_u128(u128::from(number) + 1),
            is_queue: number == 0,
            user_name: format!("box{number}&co"),
            password: Some(format!("secret {number}")),
            last_processed: Some(now() - chrono::Duration::hours(2)),
            last_error: String::new(),
        }],
    };
    let routers: Vec<_> = (0..4).map(router).collect();
    let made_files = files(&routers, 1);
    let given = (1_u8..).zip(made_files).map(|(number, files)| {
        use tandem_router_migration::{
            error::FileKind,
            intake::{GivenFile, GivenRouter},
        };
        let texts =
            [(FileKind::Key, files.key), (FileKind::State, files.state), (FileKind::Agent, files.agent)];
        let files =
            texts.map(|(kind, text)| GivenFile::new(kind, kind.file_name(), text.into_bytes())).into();
        GivenRouter { number, files }
    });
    let data = tandem_router_migration::intake::read(given.collect()).unwrap();
    let made = make(&std::sync::Arc::new(data), &empty(), &Options::default(), now());
    let written = changes(&made.plan, &empty()).unwrap();
    assert_eq!((written.profiles.len(), written.mailboxes.len(), made.passwords.len()), (4, 4, 4));
    let first = &written.mailboxes[0].mailbox;
    assert_eq!(first.user_name.as_deref(), Some("box0&co"));
    assert_eq!(first.process_emails_from, Some(now() - chrono::Duration::hours(2)));
    assert_eq!(made.passwords.get(written.passwords[3].credential), Some("secret 3"));
    assert!(
        summary(&made.plan).sentences.iter().any(|one| one.attention && one.text.contains("unknown here"))
    );
}
