//! Which passwords are needed, once each, and which could be decrypted.

use super::{Credential, CredentialState};
use crate::{
    decryption::{Outcome, Reason, for_key},
    model::{ProviderRef, RouterData},
};
use indexmap::IndexMap;
use std::{collections::HashMap, fmt};
use zeroize::Zeroizing;

/// Passwords that were decrypted, by [`Credential::id`]. Wiped when dropped, not serializable, hidden from `Debug`.
#[derive(Default)]
pub struct RecoveredPasswords(HashMap<u32, Zeroizing<String>>);

impl RecoveredPasswords {
    /// The password of a credential.
    #[must_use]
    pub fn get(&self, credential: u32) -> Option<&str> {
        self.0.get(&credential).map(|password| password.as_str())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for RecoveredPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveredPasswords({})", self.0.len())
    }
}

struct Draft {
    user_name: Option<String>,
    state: Option<CredentialState>,
    password: Option<Zeroizing<String>>,
    profiles: Vec<u32>,
    mailboxes: Vec<u32>,
}

/// Collects credentials; the same account at the same server is one.
#[derive(Default)]
pub(super) struct Credentials {
    /// By server and account.
    drafts: IndexMap<(String, String), Draft>,
}

impl Credentials {
    /// The credential of an account; `from` is the provider that may have its password.
    pub(super) fn add(
        &mut self,
        data: &RouterData,
        server: &str,
        user_name: Option<&str>,
        account: &str,
        from: Option<ProviderRef>,
    ) -> u32 {
        let key = (server.to_owned(), account.to_lowercase());
        let entry = self.drafts.entry(key);
        let index = entry.index();
        let draft = entry.or_insert_with(|| Draft {
            user_name: user_name.map(str::to_owned),
            state: None,
            password: None,
            profiles: Vec::new(),
            mailboxes: Vec::new(),
        });
        draft.merge(decrypt(data, from));
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    pub(super) fn used_by_profile(&mut self, credential: u32, row: u32) {
        if let Some((_, draft)) = self.drafts.get_index_mut(credential as usize)
            && draft.profiles.last() != Some(&row)
        {
            draft.profiles.push(row);
        }
    }

    pub(super) fn used_by_mailbox(&mut self, credential: u32, mailbox: u32) {
        if let Some((_, draft)) = self.drafts.get_index_mut(credential as usize)
            && draft.mailboxes.last() != Some(&mailbox)
        {
            draft.mailboxes.push(mailbox);
        }
    }

    pub(super) fn finish(self) -> (Vec<Credential>, RecoveredPasswords) {
        let mut passwords = RecoveredPasswords::default();
        let mut list = Vec::with_capacity(self.drafts.len());
        for (id, ((server, _), draft)) in (0_u32..).zip(self.drafts) {
            let Draft { user_name, state, password, profiles, mailboxes } = draft;
            let state = state.unwrap_or(CredentialState::NoPassword);
            if let Some(password) = password.filter(|_| state == CredentialState::Recovered) {
                passwords.0.insert(id, password);
            }
            list.push(Credential { id, user_name, server, state, profiles, mailboxes });
        }
        (list, passwords)
    }
}

impl Draft {
    fn merge(&mut self, outcome: Outcome) {
        let disagree = CredentialState::EnterAgain(Reason::Disagree);
        self.state = Some(match (self.state.take(), outcome) {
            (Some(state), _) if state == disagree => state,
            (Some(CredentialState::Recovered), Outcome::Decrypted(other)) => {
                if self.password.as_ref().is_some_and(|known| **known != *other) {
                    self.password = None;
                    disagree
                } else {
                    CredentialState::Recovered
                }
            }
            (Some(CredentialState::Recovered), _) => CredentialState::Recovered,
            (_, Outcome::Decrypted(password)) => {
                self.password = Some(password);
                CredentialState::Recovered
            }
            (Some(state @ CredentialState::EnterAgain(_)), _) => state,
            (_, Outcome::Undecryptable(reason)) => CredentialState::EnterAgain(reason),
            (_, Outcome::NoPassword) => CredentialState::NoPassword,
        });
    }
}

fn decrypt(data: &RouterData, from: Option<ProviderRef>) -> Outcome {
    let found = from.and_then(|at| {
        let router = data.routers.get(usize::from(at.router))?;
        let secret = router.agent.providers.get(at.provider as usize)?.password?;
        Some((&router.key, router.agent.secrets.get(secret as usize)?))
    });
    match found {
        Some((key, secret)) => for_key(key).decrypt(key, secret),
        None => Outcome::NoPassword,
    }
}
