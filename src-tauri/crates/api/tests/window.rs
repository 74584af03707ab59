//! What the window relies on, over a real data folder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic fails the test that asked"
)]

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};
use tandem_api::{
    OpenOptions, SecretsChoice, Tandem,
    wire::{ApplyRequest, EventView, MailboxRequest, MailboxView, Nothing, SaveMailboxRequest},
};
use tokio::{sync::broadcast::Receiver, time::timeout};

const PROFILE: &str = r#"
[[profile]]
name = "Contoso IMAP"
server_type = "imap_smtp"
authenticate_using = "anonymous"
  [profile.incoming]
  server = "mail.contoso.test"
  port = 993
  security = "tls"
  [profile.outgoing]
  server = "mail.contoso.test"
  port = 587
  security = "starttls"
"#;

const MAILBOXES: &str = r#"
[[user]]
name = "Amy Alberts"
email = "amy@contoso.test"
incoming_filter = "leads_contacts_accounts"

[[user]]
name = "Ben Burton"
email = "ben@contoso.test"

[[queue]]
name = "Support"
email = "support@contoso.test"

[[mailbox]]
email = "amy@contoso.test"
owner = "user:Amy Alberts"
profile = "Contoso IMAP"
incoming = "server_side_sync"
outgoing = "server_side_sync"

[[mailbox]]
email = "ben@contoso.test"
owner = "user:Ben Burton"
profile = "Contoso IMAP"
incoming = "server_side_sync"
outgoing = "server_side_sync"

[[mailbox]]
email = "support@contoso.test"
owner = "queue:Support"
profile = "Contoso IMAP"
incoming = "server_side_sync"
outgoing = "server_side_sync"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_mailbox_keeps_the_filter_of_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let tandem = open(folder.path()).await;
    apply(&tandem, &format!("{PROFILE}{MAILBOXES}")).await;

    let before = mailbox(&tandem, "amy@contoso.test").await;
    assert_eq!(before.incoming_filter, "leads_contacts_accounts");
    let saved = tandem.save_mailbox(edited(&before, "amy.alberts")).await.unwrap();
    assert_eq!(saved.incoming_filter, "leads_contacts_accounts");
    let after = mailbox(&tandem, "amy@contoso.test").await;
    assert_eq!(after.incoming_filter, "leads_contacts_accounts");
    assert_eq!(after.user_name.as_deref(), Some("amy.alberts"));

    let other =
        SaveMailboxRequest { incoming_filter: "email_enabled".into(), ..edited(&after, "amy.alberts") };
    assert_eq!(tandem.save_mailbox(other).await.unwrap().incoming_filter, "email_enabled");
    assert_eq!(mailbox(&tandem, "amy@contoso.test").await.incoming_filter, "email_enabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_without_a_filter_shows_the_default_of_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let tandem = open(folder.path()).await;
    apply(&tandem, &format!("{PROFILE}{MAILBOXES}")).await;
    assert_eq!(mailbox(&tandem, "ben@contoso.test").await.incoming_filter, "replies");
    assert_eq!(mailbox(&tandem, "support@contoso.test").await.incoming_filter, "all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_hears_of_what_another_process_changed_whether_or_not_it_runs_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let (window, terminal) = (open(folder.path()).await, open(folder.path()).await);
    let mut events = window.subscribe();
    apply(&terminal, PROFILE).await;
    assert_eq!(changes(&mut events, Duration::from_secs(20)).await, all_kinds());

    window.start_engine().await.unwrap();
    apply(&terminal, &format!("{PROFILE}{MAILBOXES}")).await;
    assert_eq!(changes(&mut events, Duration::from_secs(20)).await, all_kinds());
    assert_eq!(window.mailboxes(Nothing {}).await.unwrap().len(), 3);
    window.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_windows_own_changes_are_not_taken_for_those_of_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let window = open(folder.path()).await;
    let mut events = window.subscribe();
    apply(&window, PROFILE).await;
    let heard = changes(&mut events, Duration::from_secs(5)).await;
    // What an applied file tells by itself.
    assert_eq!(heard, BTreeSet::from(["configuration".to_owned(), "schedule".to_owned()]));
}

fn all_kinds() -> BTreeSet<String> {
    ["alert", "configuration", "email", "ledger", "schedule", "test_job"].map(str::to_owned).into()
}

/// The kinds of changes that are told until all of them were, or the time is over.
async fn changes(events: &mut Receiver<EventView>, within: Duration) -> BTreeSet<String> {
    let mut heard = BTreeSet::new();
    let all = all_kinds();
    let _ = timeout(within, async {
        while heard != all {
            if let EventView::Changed { kind } = events.recv().await.unwrap() {
                heard.insert(kind);
            }
        }
    })
    .await;
    heard
}

async fn open(folder: &Path) -> Arc<Tandem> {
    let options = OpenOptions { data: Some(folder.to_path_buf()), secrets: SecretsChoice::Memory };
    Tandem::open(options).await.unwrap()
}

async fn apply(tandem: &Tandem, text: &str) {
    let done = tandem.apply(ApplyRequest { text: text.to_owned(), file: None, dry_run: false }).await;
    assert!(done.unwrap().applied);
}

async fn mailbox(tandem: &Tandem, address: &str) -> MailboxView {
    tandem.mailbox(MailboxRequest { address: address.to_owned() }).await.unwrap().mailbox
}

/// What the window's form sends when a person only changes the user name.
fn edited(before: &MailboxView, user_name: &str) -> SaveMailboxRequest {
    SaveMailboxRequest {
        id: Some(before.id.clone()),
        email: before.email.clone(),
        owner_type: before.owner.kind.clone(),
        owner_name: before.owner.name.clone(),
        incoming_filter: before.incoming_filter.clone(),
        profile: before.profile.clone().unwrap(),
        incoming: before.workloads.incoming.method.clone(),
        outgoing: before.workloads.outgoing.method.clone(),
        user_name: Some(user_name.to_owned()),
        password: None,
        process_emails_from: before.process_emails_from,
        delete_after_processing: before.delete_after_processing,
        confirm_remap: false,
    }
}
