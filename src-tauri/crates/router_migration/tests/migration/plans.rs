//! Golden plans: one per quirk. `UPDATE_GOLDEN=1` writes them again.

use crate::support::{data, empty, fixtures, made, now};
use std::{env, fs};
use tandem_router_migration::{
    plan::{Options, Plan, ProfileDate, UnnamedOrganization, Verdict, make},
    summary::summary,
};

fn cases() -> Vec<String> {
    let folders = fs::read_dir(fixtures().join("plans")).unwrap();
    let mut names: Vec<_> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The plan without its basis, which is the same empty configuration in all of them; then the review's sentences.
fn golden(plan: &Plan) -> String {
    let mut json: serde_json::Value = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    json.as_object_mut().unwrap().remove("basis");
    let sentences: Vec<_> = summary(plan).sentences.into_iter().map(|one| one.text).collect();
    json["review"] = sentences.into();
    serde_json::to_string_pretty(&json).unwrap() + "\n"
}

#[test]
fn each_quirk_gives_its_plan() {
    let mut wrong = Vec::new();
    for case in cases() {
        let path = fixtures().join("plans").join(&case).join("plan.json");
        let text = golden(&made(&case).plan);
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &text).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n") != text {
            wrong.push(case);
        }
    }
    assert!(wrong.is_empty(), "other plans than expected (UPDATE_GOLDEN=1 writes them): {wrong:?}");
}

#[test]
fn a_plan_survives_its_file() {
    for case in cases() {
        let plan = made(&case).plan;
        let json = plan.to_json().unwrap();
        assert_eq!(Plan::from_json(&json).unwrap(), plan, "{case}");
    }
    let other = made("sample").plan.to_json().unwrap().replace("\"format\": 1", "\"format\": 2");
    assert!(Plan::from_json(&other).unwrap_err().to_string().contains("format is 2"));
    let broken = made("sample").plan.to_json().unwrap().replace("\"row\": 0", "\"row\": 77");
    assert!(Plan::from_json(&broken).is_err(), "an edited plan must not refer to rows that are not there");
}

#[test]
fn the_sample_gives_what_the_reference_expects() {
    let made = made("sample");
    let rows: Vec<_> = made.plan.rows.iter().zip(made.plan.counts()).collect();
    assert_eq!(rows.len(), 2);
    let types: Vec<_> = rows
        .iter()
        .map(|(row, count)| {
            let Verdict::Profile(profile) = &row.verdict else { panic!("{row:?}") };
            let codes: Vec<_> = row.findings.iter().map(|finding| finding.code.as_str()).collect();
            (profile.name.as_str(), profile.server_type.as_str(), count.users, count.queues, codes)
        })
        .collect();
    assert_eq!(
        types[0],
        (
            "mail.contoso.com - smtp.contoso.com",
            "exchange_server",
            1,
            0,
            vec!["smtp_dropped", "cannot_enable"]
        )
    );
    assert_eq!(types[1].1, "pop3_smtp");
    assert_eq!((types[1].2, types[1].3), (0, 1));
    assert!(types[1].4.contains(&"no_ssl"), "{:?}", types[1].4);
    assert_eq!(made.plan.mailboxes[1].findings[0].code, "date_never");
    assert_eq!(made.passwords.len(), 2);
    assert_eq!(
        made.passwords.get(made.plan.mailboxes[1].candidates[0].credential.unwrap()),
        Some("support pass")
    );
}

#[test]
fn a_real_key_file_gives_the_same_plan_but_for_the_passwords() {
    let (stand_in, real) = (made("sample").plan, made("real_key"));
    assert_eq!(real.plan.rows, stand_in.rows);
    assert_eq!(real.plan.mailboxes, stand_in.mailboxes);
    assert!(real.passwords.is_empty());
    let sum = summary(&real.plan);
    assert_eq!((sum.passwords_recovered, sum.passwords_to_enter), (0, 2));
}

#[test]
fn files_under_any_name_and_encoding_are_the_same_router() {
    let expected = made("odd_names").plan;
    for case in ["renamed_files", "utf16"] {
        let plan = made(case).plan;
        assert_eq!((&plan.rows, &plan.mailboxes), (&expected.rows, &expected.mailboxes), "{case}");
    }
    let bom = made("utf8_bom_no_declaration").plan;
    assert_eq!((bom.rows.len(), bom.mailboxes.len()), (1, 1));
    let moved = made("renamed_files").plan.moved;
    assert_eq!(moved.len(), 3, "{moved:?}");
    assert!(moved[0].contains(
        "a.xml was chosen as EncryptionKey.xml; it is Microsoft.Crm.Tools.EmailAgent.SystemState.xml"
    ));
}

#[test]
fn options_choose_the_organization_and_the_profiles_date() {
    let files = data("other_organization");
    let of = |options: &Options| make(&files, &empty(), options, now()).plan;
    let plan = of(&Options::default());
    assert!(plan.organization_unconfirmed);
    let counted: Vec<_> =
        plan.organizations.iter().map(|one| (one.name.as_str(), one.providers, one.taken)).collect();
    assert_eq!(counted, [("contoso", 4, true), ("fabrikam", 2, false)]);
    assert_eq!(plan.mailboxes.iter().filter(|mailbox| plan.is_migrated(mailbox)).count(), 2);
    let fabrikam =
        of(&Options { organization: Some("crm.fabrikam.com/Fabrikam".to_owned()), ..Options::default() });
    assert!(!fabrikam.organization_unconfirmed);
    let taken: Vec<_> = fabrikam
        .mailboxes
        .iter()
        .filter(|one| fabrikam.is_migrated(one))
        .map(|one| one.address.clone().unwrap())
        .collect();
    assert_eq!(taken, ["eve@fabrikam.com"]);

    let files = data("no_organization");
    let left = make(
        &files,
        &empty(),
        &Options { unnamed: UnnamedOrganization::LeaveOut, ..Options::default() },
        now(),
    )
    .plan;
    assert!(left.rows.iter().all(|row| row.profile().is_none()));

    let files = data("dates");
    let back = make(
        &files,
        &empty(),
        &Options { profile_date: ProfileDate::EarliestMailbox, ..Options::default() },
        now(),
    )
    .plan;
    let earliest = back.mailboxes.iter().map(|mailbox| mailbox.process_emails_from).min().unwrap();
    assert_eq!(back.rows[0].profile().unwrap().process_emails_from, earliest);
    assert_eq!(summary(&back).not_reached, 0);
    assert!(summary(&made("dates").plan).not_reached > 0);
}

#[test]
fn planning_twice_gives_the_same_plan() {
    for case in ["sample", "two_routers_same_user", "odd_owners"] {
        assert_eq!(made(case).plan, made(case).plan, "{case}");
    }
}
