//! Configuration: all or nothing, and one owner, one mailbox, one address.

use crate::support::{
    AMY, BEN, PROFILE, address, at, contact, contoso, enable, mailbox, outgoing, profile, raw, user,
};
use tandem_domain::{
    directory::DirectoryId,
    ids::{ContactId, UserId},
    mailbox::{Approval, MailboxOwner},
    settings::OrganizationSettings,
    workload::Workload,
};
use tandem_engine::ports::storage::{Configuration, Directory, StorageError};
use tandem_store::configuration::{ConfigurationChange, ConfigurationError};
use uuid::Uuid;

#[tokio::test]
async fn what_was_configured_is_read_back() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    assert_eq!(store.profile(PROFILE).await.unwrap(), profile(50, "Contoso"));
    assert_eq!(store.profile_by_name("CONTOSO").await.unwrap().unwrap().id, PROFILE);
    assert_eq!(store.list_profiles().await.unwrap().len(), 1);
    assert_eq!(store.mailbox(AMY).await.unwrap(), mailbox(101, "amy@contoso.test", 1, 50));
    let found = store.mailbox_by_address(&address("BEN@contoso.test")).await.unwrap().unwrap();
    assert_eq!(found.id, BEN);
    assert_eq!(store.owner(found.owner).await.unwrap(), user(2, "Ben Burton", "ben@contoso.test"));
    let listed = store.list_mailboxes().await.unwrap();
    let names: Vec<_> = listed.iter().map(|one| (&*one.owner_name, one.profile_name.as_deref())).collect();
    assert_eq!(names, [("Amy Alberts", Some("Contoso")), ("Ben Burton", Some("Contoso"))]);
    let missing = store.mailbox(tandem_domain::ids::MailboxId(Uuid::nil())).await;
    assert!(matches!(missing, Err(StorageError::NotFound(_))));
    let settings = OrganizationSettings { allow_plain_connections: true, ..Default::default() };
    store.apply(vec![ConfigurationChange::Settings(settings.clone())], at(0)).await.unwrap();
    assert_eq!(store.settings().await.unwrap(), settings);
}

#[tokio::test]
async fn an_address_resolves_to_all_its_records_users_first() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let mut di = contact(4, "Amy's alias", "amy@contoso.test");
    di.other_emails = vec![address("alias@contoso.test")];
    store.apply(vec![ConfigurationChange::Entry(di.clone())], at(0)).await.unwrap();
    let asked = ["amy@contoso.test", "alias@contoso.test", "nobody@contoso.test"].map(address);
    let found = store.resolve(asked.to_vec()).await.unwrap();
    let names = |text| found[&address(text)].iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(names("amy@contoso.test"), ["Amy Alberts", "Amy's alias"]);
    assert_eq!(names("alias@contoso.test"), ["Amy's alias"]);
    assert_eq!(found.len(), 2);
    let contacts = store.list_directory("contact", "", None, 1).await.unwrap();
    assert_eq!(contacts, std::slice::from_ref(&di));
    let next = store.list_directory("contact", "", contacts.into_iter().next(), 9).await.unwrap();
    assert_eq!(next.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["Cy Cole"]);
    let matching = store.list_directory("contact", "ALIAS@", None, 9).await.unwrap();
    assert_eq!(matching, [di]);
}

#[tokio::test]
async fn one_wrong_change_undoes_them_all() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let changes = vec![
        ConfigurationChange::Entry(user(7, "Gil", "gil@contoso.test")),
        ConfigurationChange::Profile(profile(51, " CONTOSO")),
    ];
    let refused = store.apply(changes, at(0)).await.unwrap_err();
    assert_eq!(refused, ConfigurationError::NameTaken { name: "Contoso".to_owned() });
    let gil = DirectoryId::User(UserId(Uuid::from_u128(7)));
    assert_eq!(store.directory_entry(gil).await.unwrap(), None);
}

#[tokio::test]
async fn a_second_mailbox_for_an_owner_or_an_address_names_the_first() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let apply = async |change| store.apply(vec![change], at(0)).await.unwrap_err();
    let second = mailbox(103, "amy2@contoso.test", 1, 50);
    let error = apply(ConfigurationChange::Mailbox(Box::new(second))).await;
    assert!(matches!(&error, ConfigurationError::OwnerHasMailbox { owner, mailbox }
        if owner == "Amy Alberts" && mailbox == "amy@contoso.test"));
    let taken = mailbox(103, "amy@contoso.test", 2, 50);
    let error = apply(ConfigurationChange::Mailbox(Box::new(taken))).await;
    assert!(matches!(&error, ConfigurationError::AddressTaken { owner, .. } if owner == "Amy Alberts"));
    let to = MailboxOwner::User(UserId(Uuid::from_u128(2)));
    let error = apply(ConfigurationChange::Remap { mailbox: AMY, to }).await;
    assert!(matches!(&error, ConfigurationError::OwnerHasMailbox { owner, .. } if owner == "Ben Burton"));
    let nobody = mailbox(103, "x@contoso.test", 99, 50);
    let error = apply(ConfigurationChange::Mailbox(Box::new(nobody))).await;
    assert!(matches!(error, ConfigurationError::Missing { .. }));
    let no_profile = mailbox(101, "amy@contoso.test", 1, 99);
    let error = apply(ConfigurationChange::Mailbox(Box::new(no_profile))).await;
    assert!(matches!(error, ConfigurationError::Missing { .. }));
}

#[tokio::test]
async fn a_change_keeps_states_but_another_address_or_owner_needs_approval_and_a_test() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, Workload::Incoming, at(1)).await;
    let mut amy = mailbox(101, "amy@contoso.test", 1, 50);
    amy.user_name = Some("other".to_owned());
    store.apply(vec![ConfigurationChange::Mailbox(Box::new(amy.clone()))], at(2)).await.unwrap();
    let kept = store.mailbox(AMY).await.unwrap();
    assert!(kept.incoming_state.enabled && kept.approval == Approval::Approved);
    assert_eq!(kept.user_name.as_deref(), Some("other"));
    amy.email = address("amy.alberts@contoso.test");
    store.apply(vec![ConfigurationChange::Mailbox(Box::new(amy))], at(3)).await.unwrap();
    let moved = store.mailbox(AMY).await.unwrap();
    assert_eq!((moved.approval, moved.incoming_state.enabled), (Approval::Pending, false));
    enable(&store, BEN, Workload::Incoming, at(1)).await;
    let changes = vec![
        ConfigurationChange::Entry(user(7, "Gil", "gil@contoso.test")),
        ConfigurationChange::Remap { mailbox: BEN, to: MailboxOwner::User(UserId(Uuid::from_u128(7))) },
    ];
    store.apply(changes, at(4)).await.unwrap();
    let ben = store.show_mailbox(BEN).await.unwrap();
    assert_eq!((&*ben.owner_name, ben.mailbox.approval), ("Gil", Approval::Pending));
    assert!(!ben.mailbox.incoming_state.enabled);
}

#[tokio::test]
async fn a_disabled_workload_rests_and_the_others_go_on() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    enable(&store, AMY, Workload::Incoming, at(1)).await;
    enable(&store, AMY, Workload::Outgoing, at(1)).await;
    let disable = ConfigurationChange::Disable(AMY, Some(Workload::Incoming));
    store.apply(vec![disable], at(2)).await.unwrap();
    let amy = store.mailbox(AMY).await.unwrap();
    assert_eq!((amy.incoming_state.enabled, amy.outgoing_state.enabled), (false, true));
}

#[tokio::test]
async fn what_is_used_is_not_deleted() {
    let home = tempfile::tempdir().unwrap();
    let store = contoso(home.path()).await;
    let amy = DirectoryId::User(UserId(Uuid::from_u128(1)));
    let cy = DirectoryId::Contact(ContactId(Uuid::from_u128(3)));
    let error = store.apply(vec![ConfigurationChange::DeleteProfile(PROFILE)], at(0)).await.unwrap_err();
    assert!(matches!(error, ConfigurationError::InUse { .. }), "{error}");
    let error = store.apply(vec![ConfigurationChange::DeleteEntry(amy)], at(0)).await.unwrap_err();
    assert!(error.to_string().contains("amy@contoso.test"), "{error}");
    let (id, email, message) = outgoing(&store, "o@c");
    let recipients = vec!["cy@fabrikam.test".to_owned()];
    store.insert_outgoing(email, message, raw("x"), recipients, at(1)).await.unwrap();
    let error = store.apply(vec![ConfigurationChange::DeleteMailbox(AMY)], at(0)).await.unwrap_err();
    assert!(error.to_string().contains("not sent yet"), "{error}");
    store.cancel(id).await.unwrap();
    let changes = vec![
        ConfigurationChange::DeleteMailbox(AMY),
        ConfigurationChange::DeleteMailbox(BEN),
        ConfigurationChange::DeleteEntry(amy),
        ConfigurationChange::DeleteEntry(cy),
        ConfigurationChange::DeleteProfile(PROFILE),
    ];
    store.apply(changes, at(0)).await.unwrap();
    let detail = store.show_email(id).await.unwrap();
    assert_eq!((detail.mailbox_email, detail.owner_name), (None, None));
    assert_eq!(detail.parties[0].resolved[0].name, "Cy Cole", "emails keep the name");
    assert_eq!(store.list_mailboxes().await.unwrap(), []);
}
