//! The port `Directory`: who is this address.

use crate::{Store, table::directory};
use async_trait::async_trait;
use std::collections::HashMap;
use tandem_domain::{address::EmailAddress, directory::PartyMatch};
use tandem_engine::ports::storage::{Directory, StorageError};

#[async_trait]
impl Directory for Store {
    async fn resolve(
        &self,
        addresses: Vec<EmailAddress>,
    ) -> Result<HashMap<EmailAddress, Vec<PartyMatch>>, StorageError> {
        self.read(move |connection| {
            let mut found = HashMap::new();
            for address in addresses {
                if found.contains_key(&address) {
                    continue;
                }
                let matches = directory::resolve(connection, &address)?;
                if !matches.is_empty() {
                    found.insert(address, matches);
                }
            }
            Ok(found)
        })
        .await
    }
}
