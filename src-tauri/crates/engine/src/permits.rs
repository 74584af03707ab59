//! Permits: how much may run at once, per pool, per server and per authenticated identity.
//!
//! A permit is taken before a connection is made and moved into the task that uses it; dropping it gives it back.
//! Incoming, outgoing and asynchronous operations (tests) have pools of their own, so that one can't starve another.

use crate::ports::mail::{Credentials, MailboxAccess};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};
use tandem_domain::{
    ids::{MailboxId, ProfileId},
    workload::Workload,
};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Whose turn a piece of work takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pool {
    /// Cycles of incoming mail.
    Incoming,
    /// Cycles of outgoing mail.
    Outgoing,
    /// Test & Enable.
    Operations,
}

/// How many pieces of work of each pool run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSizes {
    /// Cycles of incoming mail.
    pub incoming: usize,
    /// Cycles of outgoing mail.
    pub outgoing: usize,
    /// Mailboxes under test.
    pub operations: usize,
}

impl Default for PoolSizes {
    fn default() -> Self {
        Self { incoming: 32, outgoing: 16, operations: 8 }
    }
}

/// Hands out permits.
#[derive(Debug)]
pub struct Permits {
    sizes: PoolSizes,
    pools: HashMap<Pool, Arc<Semaphore>>,
    workloads: Keyed<(MailboxId, Workload)>,
    identities: Keyed<String>,
    shares: Keyed<(Pool, ProfileId)>,
}

/// The right to one connection for one workload of one mailbox, until dropped.
#[derive(Debug)]
pub struct Permit {
    _held: [OwnedSemaphorePermit; 4],
}

/// No permit is handed out any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no more work is started")]
pub struct NoPermit;

impl From<AcquireError> for NoPermit {
    fn from(_: AcquireError) -> Self {
        Self
    }
}

impl Permits {
    /// Permits of these pools.
    #[must_use]
    pub fn new(sizes: PoolSizes) -> Self {
        let pools = [
            (Pool::Incoming, sizes.incoming),
            (Pool::Outgoing, sizes.outgoing),
            (Pool::Operations, sizes.operations),
        ];
        let pools = pools.map(|(pool, size)| (pool, Arc::new(Semaphore::new(size.max(1)))));
        Self {
            sizes,
            pools: pools.into(),
            workloads: Keyed::default(),
            identities: Keyed::default(),
            shares: Keyed::default(),
        }
    }

    /// Waits for a permit, in the order in which they were asked for.
    ///
    /// The narrow limits come first, so that work that waits for its own identity or server holds no place in the
    /// pool; and one server never takes the last quarter of a pool, so that a hung one can't stop the others.
    ///
    /// # Errors
    /// [`NoPermit`] when the pools are closed.
    pub async fn acquire(
        &self,
        pool: Pool,
        workload: Workload,
        access: &MailboxAccess,
        max_concurrent_connections: u16,
    ) -> Result<Permit, NoPermit> {
        let places = self.pools.get(&pool).ok_or(NoPermit)?;
        let one = self.workloads.semaphore((access.mailbox, workload), 1);
        let one = one.acquire_owned().await?;
        let connections = usize::from(max_concurrent_connections.max(1));
        let identity = self.identities.semaphore(identity(access), connections);
        let identity = identity.acquire_owned().await?;
        let share = self.shares.semaphore((pool, access.profile), self.share(pool));
        let share = share.acquire_owned().await?;
        let place = Arc::clone(places).acquire_owned().await?;
        Ok(Permit { _held: [one, identity, share, place] })
    }

    fn share(&self, pool: Pool) -> usize {
        let size = match pool {
            Pool::Incoming => self.sizes.incoming,
            Pool::Outgoing => self.sizes.outgoing,
            Pool::Operations => self.sizes.operations,
        };
        (size - size / 4).max(1)
    }
}

/// Servers count connections per user and endpoint.
fn identity(access: &MailboxAccess) -> String {
    let user = match &access.credentials {
        Credentials::None => "",
        Credentials::Password { user_name, .. } => user_name,
    };
    let at = format!("{}@{}:{}", user, access.endpoint.server, access.endpoint.port);
    at.to_lowercase()
}

/// One semaphore per key, for as long as somebody uses it.
#[derive(Debug)]
struct Keyed<K>(Mutex<HashMap<K, (Arc<Semaphore>, usize)>>);

impl<K> Default for Keyed<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Keyed<K> {
    fn semaphore(&self, key: K, size: usize) -> Arc<Semaphore> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Waiters and held permits each own a clone, so a count of one means that nobody uses it.
        if all.len() > 256 {
            all.retain(|_, (semaphore, _)| Arc::strong_count(semaphore) > 1);
        }
        let (semaphore, known) = all.entry(key).or_insert_with(|| (Arc::new(Semaphore::new(size)), size));
        if size > *known {
            semaphore.add_permits(size - *known);
            *known = size;
        } else if size < *known {
            // Those in use are not taken away; what could not be forgotten now is forgotten at the next call.
            *known -= semaphore.forget_permits(*known - size);
        }
        Arc::clone(semaphore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{PROFILE, World};
    use futures::FutureExt;
    use uuid::Uuid;

    async fn access(world: &World, number: u128) -> MailboxAccess {
        let id = world.mailbox(number, &format!("user{number}@contoso.test"));
        crate::access::prepare(&world.ports, id, Workload::Incoming).await.unwrap().access
    }

    #[tokio::test]
    async fn one_identity_gets_no_more_than_its_connections_and_a_dropped_permit_is_free() {
        let (world, permits) = (World::new(), Permits::new(PoolSizes::default()));
        let mut one = access(&world, 1).await;
        let mut two = access(&world, 2).await;
        let name =
            |text: &str| Credentials::Password { user_name: text.to_owned(), password: String::new().into() };
        (one.credentials, two.credentials) = (name("Sync@contoso.test"), name("sync@CONTOSO.test"));
        let first = permits.acquire(Pool::Incoming, Workload::Incoming, &one, 1).await.unwrap();
        let second = permits.acquire(Pool::Incoming, Workload::Incoming, &two, 1);
        let mut second = Box::pin(second);
        assert!(second.as_mut().now_or_never().is_none(), "the same user in another spelling waits");
        drop(first);
        second.await.unwrap();
    }

    #[tokio::test]
    async fn a_mailbox_is_worked_on_once_at_a_time_in_whatever_pool() {
        let (world, permits) = (World::new(), Permits::new(PoolSizes::default()));
        let one = access(&world, 1).await;
        let _cycle = permits.acquire(Pool::Incoming, Workload::Incoming, &one, 10).await.unwrap();
        let test = permits.acquire(Pool::Operations, Workload::Incoming, &one, 10).now_or_never();
        assert!(test.is_none());
        let other = permits.acquire(Pool::Operations, Workload::Outgoing, &one, 10).now_or_never();
        assert!(other.is_some());
    }

    #[tokio::test]
    async fn one_server_leaves_a_quarter_of_a_pool_and_pools_are_apart() {
        let world = World::new();
        let permits = Permits::new(PoolSizes { incoming: 4, outgoing: 1, operations: 1 });
        let mut held = Vec::new();
        for number in 1..=4 {
            let access = access(&world, number).await;
            assert_eq!(access.profile, PROFILE);
            held.extend(permits.acquire(Pool::Incoming, Workload::Incoming, &access, 9).now_or_never());
        }
        assert_eq!(held.len(), 3);
        let mut other = access(&world, 5).await;
        other.profile = ProfileId(Uuid::from_u128(77));
        assert!(permits.acquire(Pool::Incoming, Workload::Incoming, &other, 9).now_or_never().is_some());
        assert!(permits.acquire(Pool::Outgoing, Workload::Outgoing, &other, 9).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_changed_limit_counts_from_then_on() {
        let keyed = Keyed::default();
        let held = keyed.semaphore("a", 1).acquire_owned().await.unwrap();
        assert_eq!(keyed.semaphore("a", 3).available_permits(), 2);
        assert_eq!(keyed.semaphore("a", 1).available_permits(), 0);
        drop(held);
        assert_eq!(keyed.semaphore("a", 1).available_permits(), 1);
    }
}
