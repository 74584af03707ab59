//! The mail that the servers serve: accounts, their folders, and delivery by address. All in memory.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio::sync::watch;

use crate::clock;

/// The folder into which mail is delivered.
pub const INBOX: &str = "INBOX";
/// The folder for copies of sent mail, which every account has.
pub const SENT: &str = "Sent";

/// A password of a practice account; its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// No account has this address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no practice account has the address {address}")]
pub struct UnknownAddress {
    /// The address as it was given.
    pub address: String,
}

/// One message in a folder. Clones share the bytes.
#[derive(Debug, Clone)]
pub struct StoredMessage {
    /// IMAP UID: rising, never used again within one UIDVALIDITY.
    pub uid: u32,
    /// The message as it was delivered.
    pub raw: Arc<[u8]>,
    /// When it was delivered (IMAP INTERNALDATE).
    pub received_at: DateTime<Utc>,
    /// IMAP flags and keywords.
    pub flags: Vec<String>,
    /// RFC 7162 modification sequence.
    pub mod_seq: u64,
}

/// Accounts and their mail. Clones share the same content.
#[derive(Clone, Default)]
pub struct MailHub {
    accounts: Arc<Mutex<HashMap<String, Arc<Account>>>>,
}

pub(crate) struct Account {
    pub(crate) address: String,
    display_name: String,
    password: Mutex<Password>,
    folders: Mutex<BTreeMap<String, Folder>>,
    changes: watch::Sender<u64>,
}

/// One folder. Messages are in the order of their UIDs.
pub(crate) struct Folder {
    pub(crate) uid_validity: u32,
    pub(crate) uid_next: u32,
    pub(crate) mod_seq: u64,
    pub(crate) messages: Vec<StoredMessage>,
    /// UIDs that were removed, with the modification sequence of their removal.
    pub(crate) vanished: Vec<(u32, u64)>,
}

impl Password {
    /// Wraps a password.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    /// The password in clear, for the secret store.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

impl MailHub {
    /// A hub without accounts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account with an empty INBOX and Sent folder; an account with this address is replaced.
    pub fn add_account(&self, address: &str, password: Password, display_name: &str) {
        let folders = [INBOX, SENT].map(|name| (name.to_owned(), Folder::empty()));
        let account = Account {
            address: address.to_owned(),
            display_name: display_name.to_owned(),
            password: Mutex::new(password),
            folders: Mutex::new(folders.into()),
            changes: watch::Sender::new(0),
        };
        self.accounts().insert(address.to_lowercase(), Arc::new(account));
    }

    /// Whether an account has this address, in any case.
    #[must_use]
    pub fn has(&self, address: &str) -> bool {
        self.account(address).is_some()
    }

    /// The name that people know the account by.
    #[must_use]
    pub fn display_name(&self, address: &str) -> Option<String> {
        self.account(address).map(|account| account.display_name.clone())
    }

    /// Puts a message into the account's INBOX now, and returns its UID.
    ///
    /// # Errors
    /// [`UnknownAddress`] when nobody has the address.
    pub fn deliver(&self, address: &str, raw: impl Into<Arc<[u8]>>) -> Result<u32, UnknownAddress> {
        self.deliver_at(address, raw, clock::now())
    }

    /// Puts a message into the account's INBOX as if it had arrived at `received_at`, and returns its UID.
    ///
    /// # Errors
    /// [`UnknownAddress`] when nobody has the address.
    pub fn deliver_at(
        &self,
        address: &str,
        raw: impl Into<Arc<[u8]>>,
        received_at: DateTime<Utc>,
    ) -> Result<u32, UnknownAddress> {
        let account = self.known(address)?;
        let raw = raw.into();
        let uid = account.change(INBOX, |folder| folder.append(raw, received_at, Vec::new()));
        uid.ok_or_else(|| unknown(address))
    }

    /// What is in the account's INBOX, oldest first; empty when nobody has the address.
    #[must_use]
    pub fn messages(&self, address: &str) -> Vec<StoredMessage> {
        self.messages_in(address, INBOX)
    }

    /// What is in one of the account's folders, oldest first.
    #[must_use]
    pub fn messages_in(&self, address: &str, folder: &str) -> Vec<StoredMessage> {
        let messages =
            self.account(address).and_then(|account| account.look(folder, |it| it.messages.clone()));
        messages.unwrap_or_default()
    }

    /// Removes messages from INBOX as another client of the same account would; unknown UIDs are ignored.
    ///
    /// # Errors
    /// [`UnknownAddress`] when nobody has the address.
    pub fn remove(&self, address: &str, uids: &[u32]) -> Result<(), UnknownAddress> {
        self.known(address)?.change(INBOX, |folder| folder.remove(uids));
        Ok(())
    }

    /// Replaces the account's password.
    ///
    /// # Errors
    /// [`UnknownAddress`] when nobody has the address.
    pub fn set_password(&self, address: &str, password: Password) -> Result<(), UnknownAddress> {
        *lock(&self.known(address)?.password) = password;
        Ok(())
    }

    /// The INBOX's UIDVALIDITY.
    #[must_use]
    pub fn uid_validity(&self, address: &str) -> Option<u32> {
        self.account(address)?.look(INBOX, |folder| folder.uid_validity)
    }

    /// Rebuilds the INBOX as a server does after a restore: new UIDVALIDITY, UIDs from 1 again, so all identities that
    /// clients knew (UIDs and POP3 unique ids) are void. Sessions that have the folder selected end at their next command.
    ///
    /// # Errors
    /// [`UnknownAddress`] when nobody has the address.
    pub fn renew_uid_validity(&self, address: &str) -> Result<u32, UnknownAddress> {
        let account = self.known(address)?;
        account.change(INBOX, Folder::renumber).ok_or_else(|| unknown(address))
    }

    pub(crate) fn account(&self, address: &str) -> Option<Arc<Account>> {
        self.accounts().get(&address.to_lowercase()).cloned()
    }

    /// The account that these credentials open.
    pub(crate) fn open(&self, user: &str, password: &str) -> Option<Arc<Account>> {
        let account = self.account(user)?;
        let is_right = lock(&account.password).reveal() == password;
        is_right.then_some(account)
    }

    fn known(&self, address: &str) -> Result<Arc<Account>, UnknownAddress> {
        self.account(address).ok_or_else(|| unknown(address))
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Arc<Account>>> {
        lock(&self.accounts)
    }
}

impl Account {
    /// Looks at a folder, if it exists.
    pub(crate) fn look<T>(&self, folder: &str, look: impl FnOnce(&Folder) -> T) -> Option<T> {
        lock(&self.folders).get(&canonical(folder)).map(look)
    }

    /// Changes a folder, if it exists, and wakes the sessions that wait for changes.
    pub(crate) fn change<T>(&self, folder: &str, change: impl FnOnce(&mut Folder) -> T) -> Option<T> {
        let changed = lock(&self.folders).get_mut(&canonical(folder)).map(change);
        self.changes.send_modify(|count| *count += 1);
        changed
    }

    pub(crate) fn folder_names(&self) -> Vec<String> {
        lock(&self.folders).keys().cloned().collect()
    }

    /// Makes a folder; false when it exists.
    pub(crate) fn create(&self, folder: &str) -> bool {
        let mut folders = lock(&self.folders);
        if folders.contains_key(&canonical(folder)) {
            return false;
        }
        folders.insert(canonical(folder), Folder::empty());
        true
    }

    /// Announces every change in the account.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl Folder {
    fn empty() -> Self {
        Self {
            uid_validity: clock::next_uid_validity(),
            uid_next: 1,
            mod_seq: 1,
            messages: Vec::new(),
            vanished: Vec::new(),
        }
    }

    /// Adds a message and returns its UID.
    pub(crate) fn append(&mut self, raw: Arc<[u8]>, received_at: DateTime<Utc>, flags: Vec<String>) -> u32 {
        self.mod_seq += 1;
        let uid = self.uid_next;
        self.uid_next += 1;
        self.messages.push(StoredMessage { uid, raw, received_at, flags, mod_seq: self.mod_seq });
        uid
    }

    /// Removes these messages; returns whether any was there.
    pub(crate) fn remove(&mut self, uids: &[u32]) -> bool {
        let mut uids = uids.to_vec();
        uids.sort_unstable();
        let is_there = |message: &&StoredMessage| uids.binary_search(&message.uid).is_ok();
        let gone: Vec<u32> = self.messages.iter().filter(is_there).map(|message| message.uid).collect();
        if gone.is_empty() {
            return false;
        }
        self.mod_seq += 1;
        let mod_seq = self.mod_seq;
        self.messages.retain(|message| gone.binary_search(&message.uid).is_err());
        self.vanished.extend(gone.into_iter().map(|uid| (uid, mod_seq)));
        true
    }

    /// The message with this UID.
    pub(crate) fn find(&self, uid: u32) -> Option<&StoredMessage> {
        let at = self.messages.binary_search_by_key(&uid, |message| message.uid).ok()?;
        self.messages.get(at)
    }

    /// Sets a message's flags; returns its modification sequence.
    pub(crate) fn set_flags(&mut self, uid: u32, flags: Vec<String>) -> Option<u64> {
        let at = self.messages.binary_search_by_key(&uid, |message| message.uid).ok()?;
        let message = self.messages.get_mut(at)?;
        if message.flags != flags {
            self.mod_seq += 1;
            message.flags = flags;
            message.mod_seq = self.mod_seq;
        }
        Some(message.mod_seq)
    }

    fn renumber(&mut self) -> u32 {
        self.uid_validity = clock::next_uid_validity();
        self.mod_seq += 1;
        self.uid_next = 1;
        self.vanished.clear();
        for message in &mut self.messages {
            message.uid = self.uid_next;
            message.mod_seq = self.mod_seq;
            self.uid_next += 1;
        }
        self.uid_validity
    }
}

fn unknown(address: &str) -> UnknownAddress {
    UnknownAddress { address: address.to_owned() }
}

/// INBOX is INBOX in any case (RFC 3501 section 5.1); other names are as written.
fn canonical(folder: &str) -> String {
    if folder.eq_ignore_ascii_case(INBOX) { INBOX.to_owned() } else { folder.to_owned() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub() -> MailHub {
        let hub = MailHub::new();
        hub.add_account("Amy@contoso.practice", Password::new("right"), "Amy Alberts");
        hub
    }

    #[test]
    fn mail_is_delivered_to_an_address_in_any_case_and_refused_for_a_stranger() {
        let hub = hub();
        assert_eq!(hub.deliver("amy@CONTOSO.practice", *b"Subject: a\r\n\r\n"), Ok(1));
        let refused = hub.deliver("nobody@contoso.practice", *b"x").expect_err("nobody has it");
        assert_eq!(refused.address, "nobody@contoso.practice");
        assert_eq!(hub.messages("amy@contoso.practice").len(), 1);
    }

    #[test]
    fn a_removed_uid_is_not_used_again_until_uidvalidity_changes() {
        let hub = hub();
        for _ in 0..3 {
            hub.deliver("amy@contoso.practice", *b"x").expect("delivered");
        }
        hub.remove("amy@contoso.practice", &[3]).expect("known");
        assert_eq!(hub.deliver("amy@contoso.practice", *b"y"), Ok(4));
        let before = hub.uid_validity("amy@contoso.practice").expect("known");
        assert!(hub.renew_uid_validity("amy@contoso.practice").expect("known") > before);
        let uids: Vec<_> = hub.messages("amy@contoso.practice").iter().map(|message| message.uid).collect();
        assert_eq!(uids, [1, 2, 3]);
    }

    #[test]
    fn a_password_is_checked_and_never_shown() {
        let hub = hub();
        assert!(hub.open("amy@contoso.practice", "right").is_some());
        assert!(hub.open("amy@contoso.practice", "wrong").is_none());
        assert!(!format!("{:?}", Password::new("right")).contains("right"));
    }
}
