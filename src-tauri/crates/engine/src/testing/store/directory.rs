//! Who is known: one user.

use super::{Directory, StorageError, Store};
use async_trait::async_trait;
use std::collections::HashMap;
use tandem_domain::{
    address::EmailAddress,
    directory::{DirectoryId, PartyMatch},
    ids::UserId,
};
use uuid::Uuid;

#[async_trait]
impl Directory for Store {
    async fn resolve(
        &self,
        addresses: Vec<EmailAddress>,
    ) -> Result<HashMap<EmailAddress, Vec<PartyMatch>>, StorageError> {
        let id = DirectoryId::User(UserId(Uuid::from_u128(7)));
        let amy = addresses.into_iter().filter(|one| one.as_str() == "amy@contoso.test");
        Ok(amy.map(|one| (one, vec![PartyMatch { id, name: "Amy".to_owned() }])).collect())
    }
}
