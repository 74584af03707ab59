//! What a test may choose about its mail servers.
use std::path::PathBuf;

/// One mailbox of the test servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Address and login name, for example `amy@contoso.test`.
    pub address: String,
    /// Its password for POP3, IMAP and SMTP.
    pub password: String,
}

impl Account {
    /// The name of the environment variable under which [`crate::TandemData::with_passwords`] hands the password on:
    /// `amy@contoso.test` becomes `AMY_PASSWORD`.
    pub fn password_variable(&self) -> String {
        let name = self.address.split('@').next().unwrap_or_default();
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        format!("{name}_PASSWORD")
    }
}

/// When Dovecot calls fsync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FsyncMode {
    /// As installed: where mail could be lost otherwise.
    Optimized,
    /// Never: for benchmarks, so that the server's disk is not what is measured.
    Never,
}

/// The servers of one test.
#[derive(Debug, Clone)]
pub struct MailOptions {
    pub(crate) accounts: Vec<Account>,
    pub(crate) fsync: FsyncMode,
    pub(crate) parent: Option<PathBuf>,
}

impl MailOptions {
    /// Accounts `NAME@contoso.test`, each with a password of its own.
    pub fn with_accounts<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let accounts = names.into_iter().map(|name| Account {
            address: if name.contains('@') { name.to_owned() } else { format!("{name}@contoso.test") },
            password: format!("secret of {}", name.split('@').next().unwrap_or_default()),
        });
        Self { accounts: accounts.collect(), fsync: FsyncMode::Optimized, parent: None }
    }

    /// When Dovecot calls fsync; as installed by default.
    #[must_use]
    pub fn fsync(mut self, mode: FsyncMode) -> Self {
        self.fsync = mode;
        self
    }

    /// Where the servers' folder is made (`/dev/shm` for a benchmark without a disk); the temporary folder by default.
    /// Every user must be able to enter it.
    #[must_use]
    pub fn below(mut self, parent: impl Into<PathBuf>) -> Self {
        self.parent = Some(parent.into());
        self
    }
}

impl Default for MailOptions {
    /// Amy, Ben and the Support queue.
    fn default() -> Self {
        Self::with_accounts(["amy", "ben", "support"])
    }
}
