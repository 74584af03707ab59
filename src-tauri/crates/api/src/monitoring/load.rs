//! What the engine has in hand: here, or asked of the process that holds it.

use crate::{
    Tandem,
    people::of_storage,
    wire::{ApiError, EngineLoad, LoadView, Nothing, PoolLoadView, ProfileLoadView, WorkloadKey},
};
use std::time::Duration;
use tandem_domain::{ids::MailboxId, profile::EmailServerProfile, workload::Workload};
use tandem_engine::permits::{Load, Pool};

/// The engine of another process is worth this much time.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

impl Tandem {
    /// Permits in use, and what waits for one, of the engine in this process.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn engine_load(&self, _: Nothing) -> Result<EngineLoad, ApiError> {
        let profiles = self.store.list_profiles().await.map_err(|error| of_storage("profiles", &error))?;
        let load = self.hub.engine_running().then(|| load_view(&self.engine.load(), &profiles));
        Ok(EngineLoad { load })
    }

    /// The same of whichever engine runs; nothing when it cannot be asked.
    pub(super) async fn any_load(&self) -> Result<Option<LoadView>, ApiError> {
        let here = self.engine_load(Nothing {}).await?.load;
        if here.is_some() {
            return Ok(here);
        }
        let ask = async {
            let Some(there) = self.elsewhere().await? else { return Ok(None) };
            let answer = there.call("engine_load", serde_json::json!({})).await?;
            let answer: EngineLoad = serde_json::from_value(answer)
                .map_err(|error| ApiError::bad_request("engine_load", &error))?;
            Ok::<_, ApiError>(answer.load)
        };
        match tokio::time::timeout(ANSWERED_WITHIN, ask).await {
            Ok(Ok(load)) => Ok(load),
            Ok(Err(error)) => {
                tracing::info!("The engine does not say what it has in hand: {error}");
                Ok(None)
            }
            Err(_) => Ok(None),
        }
    }
}

fn load_view(load: &Load, profiles: &[EmailServerProfile]) -> LoadView {
    let pool = |pool: Pool| {
        let found = load.pools.of(pool);
        let word = match pool {
            Pool::Incoming => "incoming",
            Pool::Outgoing => "outgoing",
            Pool::Operations => "operations",
        };
        PoolLoadView {
            pool: word.to_owned(),
            permits: found.size,
            used: found.running,
            waiting: found.waiting,
        }
    };
    let of_profile = |profile: &EmailServerProfile| {
        let found = load.profiles.get(&profile.id)?;
        Some(ProfileLoadView {
            profile: profile.name.clone(),
            permits: profile.max_concurrent_connections.into(),
            used: found.used,
            listening: found.watching,
            waiting: found.waiting,
        })
    };
    LoadView {
        pools: Pool::ALL.map(pool).into(),
        profiles: profiles.iter().filter_map(of_profile).collect(),
        listening: load.listening.iter().map(key).collect(),
        waiting: load.waiting.iter().map(key).collect(),
    }
}

fn key((mailbox, workload): &(MailboxId, Workload)) -> WorkloadKey {
    WorkloadKey { mailbox_id: mailbox.to_string(), workload: workload.as_str().to_owned() }
}
