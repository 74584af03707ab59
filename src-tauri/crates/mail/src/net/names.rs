//! Names of servers that were resolved a moment ago: thousands of mailboxes of one server ask the resolver once, not once
//! each.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long an answer is good for. The system does not tell what the name server said about that; browsers take a minute,
/// too.
const GOOD_FOR: Duration = Duration::from_secs(60);
const MAX_NAMES: usize = 256;

/// What was resolved a moment ago.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<HashMap<(String, u16), Resolved>>);

#[derive(Debug, Clone)]
struct Resolved {
    addresses: Vec<SocketAddr>,
    at: Instant,
}

impl Names {
    /// The addresses of a name, if they are known.
    pub(super) fn get(&self, name: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let names = self.names();
        let known = names.get(&(name.to_owned(), port)).filter(|known| known.at.elapsed() < GOOD_FOR)?;
        Some(known.addresses.clone())
    }

    /// Keeps what was resolved now.
    pub(super) fn keep(&self, name: &str, port: u16, addresses: &[SocketAddr]) {
        let mut names = self.names();
        if names.len() >= MAX_NAMES {
            names.clear();
        }
        let resolved = Resolved { addresses: addresses.to_vec(), at: Instant::now() };
        names.insert((name.to_owned(), port), resolved);
    }

    /// Forgets a name: nobody answered at its addresses.
    pub(super) fn forget(&self, name: &str, port: u16) {
        self.names().remove(&(name.to_owned(), port));
    }

    fn names(&self) -> MutexGuard<'_, HashMap<(String, u16), Resolved>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_good_for_a_minute_and_until_it_leads_nowhere() {
        let names = Names::default();
        let addresses: Vec<SocketAddr> = vec!["127.0.0.1:993".parse().unwrap()];
        names.keep("mail.contoso.test", 993, &addresses);
        assert_eq!(names.get("mail.contoso.test", 993), Some(addresses.clone()));
        assert_eq!(names.get("mail.contoso.test", 995), None);
        tokio::time::advance(GOOD_FOR).await;
        assert_eq!(names.get("mail.contoso.test", 993), None);
        names.keep("mail.contoso.test", 993, &addresses);
        names.forget("mail.contoso.test", 993);
        assert_eq!(names.get("mail.contoso.test", 993), None);
    }
}
