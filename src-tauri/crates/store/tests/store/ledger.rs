//! The port `Ledger`, with quarantine and what hangs on a decision.

use crate::support::{AMY, BEN, INBOX, at, batch, contoso, message_id, promoted, raw, row};
use std::{io::Read, sync::Arc};
use tandem_domain::{
    email::PartyRole,
    ids::{EmailId, email_id},
    ledger::{Decision, ServerIdentity},
    message::{ContentRange, ParsedAttachment, TransferEncoding},
};
use tandem_engine::{
    ports::{
        mail::Cursor,
        storage::{Activities, DecidedItem, Keep, Ledger, StorageError},
    },
    raw::RawMessage,
};
use tandem_store::{
    configuration::ConfigurationChange,
    view::{EmailFilter, LedgerFilter},
};

fn identities(names: &[&str]) -> Vec<ServerIdentity> {
    names.iter().map(|name| ServerIdentity((*name).to_owned())).collect()
}

#[tokio::test]
async fn a_batch_is_found_again_whole() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let item = promoted(&store, AMY, "1:1", "a@b", raw("Subject: About a@b\r\n\r\nHello"));
    let gone = DecidedItem { row: row(AMY, "1:2", None, Decision::Gone), keep: Keep::Nothing };
    store.commit(batch(AMY, vec![item.clone(), gone], "uid 2")).await.unwrap();

    assert_eq!(store.cursor(AMY, INBOX).await.unwrap(), Some(Cursor("uid 2".to_owned())));
    assert_eq!(store.cursor(BEN, INBOX).await.unwrap(), None);
    let unseen = store.unseen(AMY, INBOX, identities(&["1:3", "1:1", "1:2", "1:0"])).await.unwrap();
    assert_eq!(unseen, identities(&["1:3", "1:0"]));
    assert_eq!(store.mailboxes_that_saw(&message_id("a@b")).await.unwrap(), [AMY]);
    let rows = store.list_ledger(LedgerFilter::default(), 10).await.unwrap();
    assert_eq!(
        rows.iter().map(|one| one.row.decision).collect::<Vec<_>>(),
        [Decision::Gone, Decision::Promoted]
    );
    assert_eq!(rows[1].row, item.row);
    assert_eq!(rows[1].mailbox_email.as_ref().unwrap().as_str(), "amy@contoso.test");

    let Keep::Email { email, message, .. } = item.keep else { unreachable!() };
    let detail = store.show_email(email.id).await.unwrap();
    assert_eq!(detail.parties, email.parties);
    assert_eq!(detail.summary.subject, message.subject);
    assert_eq!(detail.owner_name.as_deref(), Some("Amy Alberts"));
    let RawMessage::Memory(bytes) = store.raw(email.id).await.unwrap() else { panic!("it is small") };
    assert_eq!(&*bytes, b"Subject: About a@b\r\n\r\nHello");
    let known = store.known(vec![message_id("a@b"), message_id("x@y")]).await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[&message_id("a@b")].id, email.id);
}

#[tokio::test]
async fn the_same_batch_again_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let again = batch(AMY, vec![promoted(&store, AMY, "1:1", "a@b", raw("x"))], "1");
    store.commit(again.clone()).await.unwrap();
    let id = email_id(store.organization_id(), "", "a@b");
    let regarding = store.show_email(id).await.unwrap().parties[0].resolved[0].id;
    store.set_regarding(id, Some(regarding)).await.unwrap();
    store.commit(again).await.unwrap();
    assert_eq!(store.list_emails(EmailFilter::default(), 10).await.unwrap().len(), 1);
    assert_eq!(store.list_ledger(LedgerFilter::default(), 10).await.unwrap().len(), 1);
    assert_eq!(store.show_email(id).await.unwrap().regarding, Some(regarding), "a person's change stays");
}

#[tokio::test]
async fn a_message_id_that_was_taken_meanwhile_is_a_conflict_and_nothing_is_written() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    store.commit(batch(AMY, vec![promoted(&store, AMY, "1:1", "a@b", raw("x"))], "1")).await.unwrap();
    // The same message in Ben's mailbox, planned before Amy's copy was committed.
    let items =
        vec![promoted(&store, BEN, "7:1", "new@b", raw("y")), promoted(&store, BEN, "7:2", "a@b", raw("x"))];
    let refused = store.commit(batch(BEN, items, "2")).await;
    assert_eq!(refused, Err(StorageError::Conflict));
    // Another id with the same Message-ID.
    let mut item = promoted(&store, BEN, "7:3", "a@b", raw("x"));
    if let Keep::Email { email, .. } = &mut item.keep {
        email.id = EmailId(uuid::Uuid::from_u128(5));
    }
    assert_eq!(store.commit(batch(BEN, vec![item], "3")).await, Err(StorageError::Conflict));
    assert_eq!(store.cursor(BEN, INBOX).await.unwrap(), None);
    assert_eq!(store.list_ledger(LedgerFilter::default(), 10).await.unwrap().len(), 1);
    assert_eq!(store.known(vec![message_id("new@b")]).await.unwrap().len(), 0);
}

#[tokio::test]
async fn of_two_batches_at_the_same_moment_one_refusal_leaves_the_other_alone() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let commits: Vec<_> = (0..40)
        .map(|number: u32| {
            let (store, id) = (store.clone(), format!("{}@b", number / 2));
            let mailbox = if number.is_multiple_of(2) { AMY } else { BEN };
            let item = promoted(&store, mailbox, &format!("1:{number}"), &id, raw("x"));
            tokio::spawn(async move { store.commit(batch(mailbox, vec![item], "c")).await })
        })
        .collect();
    let (mut kept, mut refused) = (0, 0);
    for commit in commits {
        match commit.await.unwrap() {
            Ok(()) => kept += 1,
            Err(error) => {
                assert_eq!(error, StorageError::Conflict);
                refused += 1;
            }
        }
    }
    assert_eq!((kept, refused), (20, 20));
    assert_eq!(store.list_emails(EmailFilter::default(), 100).await.unwrap().len(), 20);
    assert_eq!(store.list_ledger(LedgerFilter::default(), 100).await.unwrap().len(), 20);
}

#[tokio::test]
async fn what_cannot_be_read_waits_in_quarantine_until_it_is_decided_anew() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let keep = |reason: &str| Keep::Quarantine {
        raw: raw("\0\0"),
        reason: reason.to_owned(),
        parser_version: "1".to_owned(),
    };
    let item = |reason| DecidedItem { row: row(AMY, "1:1", None, Decision::Quarantined), keep: keep(reason) };
    store.commit(batch(AMY, vec![item("no header")], "1")).await.unwrap();
    store.commit(batch(AMY, vec![item("still no header")], "1")).await.unwrap();
    let waiting = store.list_quarantine(10).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].reason.as_str(), waiting[0].size), ("still no header", 2));
    let (entry, bytes) = store.show_quarantine(waiting[0].id).await.unwrap();
    assert_eq!((entry.mailbox, bytes.len()), (AMY, 2));
    store.commit(batch(AMY, vec![promoted(&store, AMY, "1:1", "a@b", raw("x"))], "1")).await.unwrap();
    assert_eq!(store.list_quarantine(10).await.unwrap(), []);
    let rows = store.list_ledger(LedgerFilter::default(), 10).await.unwrap();
    assert_eq!((rows.len(), rows[0].row.decision), (1, Decision::Promoted));
}

#[tokio::test]
async fn server_copies_are_deleted_only_where_asked_and_only_of_what_was_taken_care_of() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    store.commit(batch(AMY, vec![promoted(&store, AMY, "1:0", "0@b", raw("x"))], "0")).await.unwrap();
    let mut amy = store.show_mailbox(AMY).await.unwrap().mailbox;
    amy.delete_after_processing = true;
    store.apply(vec![ConfigurationChange::Mailbox(Box::new(amy))], at(0)).await.unwrap();
    let items = vec![
        promoted(&store, AMY, "1:1", "1@b", raw("x")),
        DecidedItem { row: row(AMY, "1:2", None, Decision::NotAccepted), keep: Keep::Nothing },
        DecidedItem { row: row(AMY, "1:3", Some("1@b"), Decision::Duplicate), keep: Keep::Nothing },
    ];
    store.commit(batch(AMY, items, "3")).await.unwrap();
    assert_eq!(store.awaiting_delete(AMY, INBOX).await.unwrap(), identities(&["1:1", "1:3"]));
    store.deleted_on_server(AMY, INBOX, identities(&["1:1"]), at(9)).await.unwrap();
    assert_eq!(store.awaiting_delete(AMY, INBOX).await.unwrap(), identities(&["1:3"]));
    let filter =
        LedgerFilter { decision: Some(Decision::Promoted), mailbox: Some(AMY), ..Default::default() };
    let rows = store.list_ledger(filter, 10).await.unwrap();
    assert_eq!(rows.iter().map(|one| one.deleted_at).collect::<Vec<_>>(), [Some(at(9)), None]);
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let items = (0..25)
        .map(|number| promoted(&store, AMY, &format!("1:{number}"), &format!("{number}_m@b"), raw("x")))
        .collect();
    store.commit(batch(AMY, items, "25")).await.unwrap();
    let (mut seen, mut filter) = (Vec::new(), EmailFilter { mailbox: Some(AMY), ..Default::default() });
    loop {
        let page = store.list_emails(filter.clone(), 10).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some(last.key);
        seen.extend(page.into_iter().map(|email| email.subject));
    }
    let expected: Vec<_> = (0..25).rev().map(|number| format!("About {number}_m@b")).collect();
    assert_eq!(seen, expected);
    let search = |text: &str| EmailFilter { search: Some(text.to_owned()), ..Default::default() };
    let count = async |text: &str| store.list_emails(search(text), 100).await.unwrap().len();
    assert_eq!(count("about 7_M").await, 1, "an underscore is itself, and case does not matter");
    assert_eq!(count("CY@fabrikam").await, 25);
    assert_eq!(count("%").await, 0);
    let none = EmailFilter { mailbox: Some(BEN), ..Default::default() };
    assert_eq!(store.list_emails(none, 10).await.unwrap(), []);
    let page =
        store.list_ledger(LedgerFilter { mailbox: Some(AMY), ..Default::default() }, 20).await.unwrap();
    let after = page.last().map(|entry| entry.key);
    let rest = store.list_ledger(LedgerFilter { after, ..Default::default() }, 20).await.unwrap();
    assert_eq!((page.len(), rest.len()), (20, 5));
    assert_eq!(store.ledger_identities(AMY, INBOX).await.unwrap().len(), 25);
    assert_eq!(store.home_counts(at(0)).await.unwrap().received, 25);
    assert_eq!(store.home_counts(at(6)).await.unwrap().received, 0);
}

#[tokio::test]
async fn an_attachment_is_a_range_of_the_raw_message_across_chunks() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let bytes: Vec<u8> = (0..700_000_u32).map(|number| (number % 251) as u8).collect();
    let mut item = promoted(&store, AMY, "1:1", "a@b", RawMessage::from(bytes.clone()));
    let range = ContentRange { offset: 262_100, length: 400_000, encoding: TransferEncoding::Base64 };
    let Keep::Email { message, email, .. } = &mut item.keep else { unreachable!() };
    message.attachments.push(ParsedAttachment {
        name: "plan.pdf".to_owned(),
        mime_type: "application/pdf".to_owned(),
        content_id: Some("x@y".to_owned()),
        size: 300_000,
        sha256: [7; 32],
        range,
    });
    let id = email.id;
    store.commit(batch(AMY, vec![item], "1")).await.unwrap();
    let detail = store.show_email(id).await.unwrap();
    assert_eq!(detail.size, 700_000);
    assert_eq!((detail.attachments[0].range, detail.attachments[0].sha256), (range, [7; 32]));
    assert_eq!(detail.summary.attachments, 1);
    assert_eq!(detail.parties[0].role, PartyRole::From);
    let mut content = Vec::new();
    store.open_raw(id).unwrap().range(range.offset, range.length).read_to_end(&mut content).unwrap();
    assert!(content == bytes[262_100..662_100]);
    let mut copy = Vec::new();
    store.copy_raw_to(id, &mut copy).unwrap();
    assert!(copy == bytes);
    let spooled = store.raw(id).await.unwrap();
    assert!(matches!(spooled, RawMessage::Spooled { len: 700_000, .. }));
    let mut copy = Vec::new();
    spooled.open().unwrap().read_to_end(&mut copy).unwrap();
    assert!(copy == bytes);
}

#[tokio::test]
async fn a_temporary_file_that_went_away_or_was_cut_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let file = tempfile::NamedTempFile::new_in(home.path()).unwrap();
    std::fs::write(file.path(), vec![1; 600_000]).unwrap();
    let path = Arc::new(file.into_temp_path());
    let cut = RawMessage::Spooled { path: Arc::clone(&path), len: 700_000 };
    let items = |raw| {
        vec![promoted(&store, AMY, "1:1", "1@b", raw_of_one()), promoted(&store, AMY, "1:2", "2@b", raw)]
    };
    let error = store.commit(batch(AMY, items(cut), "1")).await.unwrap_err();
    assert!(error.to_string().contains("600000 bytes instead of 700000"), "{error}");
    std::fs::remove_file(&*path).unwrap();
    let gone = RawMessage::Spooled { path, len: 600_000 };
    let error = store.commit(batch(AMY, items(gone), "1")).await.unwrap_err();
    assert!(error.to_string().contains("temporary file"), "{error}");
    assert_eq!(store.list_ledger(LedgerFilter::default(), 10).await.unwrap(), []);
    assert_eq!(store.list_emails(EmailFilter::default(), 10).await.unwrap(), []);
    assert_eq!(store.cursor(AMY, INBOX).await.unwrap(), None);
    store.commit(batch(AMY, items(raw_of_one()), "1")).await.unwrap();
}

fn raw_of_one() -> RawMessage {
    raw("x")
}
