//! The separate pools of work, and one value for each of them.

/// Whose turn a piece of work takes. Filling one pool does not delay the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pool {
    /// Cycles of incoming mail.
    Incoming,
    /// Cycles of outgoing mail.
    Outgoing,
    /// Asynchronous operations: Test & Enable, migration, verification.
    Operations,
}

impl Pool {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Incoming, Self::Outgoing, Self::Operations];
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

impl PoolSizes {
    /// The size of one pool, at least 1.
    #[must_use]
    pub fn of(&self, pool: Pool) -> u32 {
        let size = match pool {
            Pool::Incoming => self.incoming,
            Pool::Outgoing => self.outgoing,
            Pool::Operations => self.operations,
        };
        u32::try_from(size).unwrap_or(u32::MAX).max(1)
    }
}

/// One value for each pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PerPool<T> {
    incoming: T,
    outgoing: T,
    operations: T,
}

impl<T> PerPool<T> {
    /// That of one pool.
    #[must_use]
    pub const fn of(&self, pool: Pool) -> &T {
        match pool {
            Pool::Incoming => &self.incoming,
            Pool::Outgoing => &self.outgoing,
            Pool::Operations => &self.operations,
        }
    }

    /// That of one pool, to change it.
    pub const fn of_mut(&mut self, pool: Pool) -> &mut T {
        match pool {
            Pool::Incoming => &mut self.incoming,
            Pool::Outgoing => &mut self.outgoing,
            Pool::Operations => &mut self.operations,
        }
    }
}
