//! Who used what: users, queues and forward mailboxes with the providers that served each.

use super::{
    Obstacle, UnnamedOrganization,
    kinds::{Settings, settings},
    organizations::Organizations,
};
use crate::{
    leaf::Leaf,
    model::{OwnerId, Provider, ProviderRef, RouterData},
    names::Name,
    values::boolean,
};
use indexmap::{IndexMap, IndexSet};
use std::collections::HashMap;
use tandem_domain::address::EmailAddress;

/// Settings of all providers, each different one once.
pub(super) struct Kinds {
    pub(super) settings: IndexSet<Settings>,
    /// By router and provider.
    of: Vec<Vec<u32>>,
}

impl Kinds {
    pub(super) fn of(&self, at: ProviderRef) -> u32 {
        self.of
            .get(usize::from(at.router))
            .and_then(|of| of.get(at.provider as usize))
            .copied()
            .unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, id: u32) -> Option<&Settings> {
        self.settings.get_index(id as usize)
    }
}

/// Who a mailbox belongs to in the files. `foreign` is the organization that is left out, so that the same id in two
/// organizations stays two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SeatKey {
    Owner { foreign: Option<u32>, owner: OwnerId },
    Address { foreign: Option<u32>, address: Name },
    Forward { foreign: Option<u32>, address: Name },
}

#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) incoming: Vec<ProviderRef>,
    pub(super) outgoing: Vec<ProviderRef>,
    pub(super) address: Option<Name>,
    /// Its incoming provider names several users, so its address is nobody's in particular.
    pub(super) shared_incoming: bool,
}

pub(super) struct Seats {
    pub(super) kinds: Kinds,
    pub(super) seats: IndexMap<SeatKey, Seat>,
    /// Providers that nobody uses.
    pub(super) unused: Vec<ProviderRef>,
}

/// All providers in the order of router and file.
pub(super) fn providers(data: &RouterData) -> impl Iterator<Item = (ProviderRef, &Provider)> {
    data.routers.iter().enumerate().flat_map(|(router, found)| {
        found.agent.providers.iter().enumerate().map(move |(provider, one)| {
            // At most four routers, and providers are bounded by the budget of elements.
            let at = ProviderRef {
                router: u8::try_from(router).unwrap_or(u8::MAX),
                provider: u32::try_from(provider).unwrap_or(u32::MAX),
            };
            (at, one)
        })
    })
}

/// The ids in a provider's list.
fn owners<'a>(data: &'a RouterData, at: ProviderRef, provider: &Provider) -> &'a [OwnerId] {
    let range = provider.owners.start as usize..provider.owners.end as usize;
    data.routers
        .get(usize::from(at.router))
        .and_then(|router| router.agent.owners.get(range))
        .unwrap_or_default()
}

/// `known` are the ids of existing owners by their addresses.
pub(super) fn find(
    data: &RouterData,
    organizations: &Organizations,
    unnamed: UnnamedOrganization,
    known: &HashMap<&EmailAddress, OwnerId>,
) -> Seats {
    let mut kinds = Kinds { settings: IndexSet::new(), of: vec![Vec::new(); data.routers.len()] };
    let mut foreign_of = Vec::new();
    for (at, provider) in providers(data) {
        let organization = organizations.of(provider.value(Leaf::CrmUrl)).filter(|one| !one.taken);
        let obstacle = organization.map(|one| match unnamed {
            UnnamedOrganization::LeaveOut if one.key.is_empty() => Obstacle::UnnamedOrganization,
            _ => Obstacle::OtherOrganization(one.name.clone()),
        });
        let foreign = organization.and_then(|one| {
            let index = organizations.list.iter().position(|other| other.key == one.key);
            index.and_then(|index| u32::try_from(index).ok())
        });
        foreign_of.push(foreign);
        let (id, _) = kinds.settings.insert_full(settings(data, provider, obstacle));
        if let Some(of) = kinds.of.get_mut(usize::from(at.router)) {
            of.push(u32::try_from(id).unwrap_or(u32::MAX));
        }
    }
    let is_incoming = |at| kinds.get(kinds.of(at)).is_some_and(|settings| settings.incoming);
    let owner_of = owners_by_address(data, &foreign_of, known, is_incoming);
    let mut seats: IndexMap<SeatKey, Seat> = IndexMap::new();
    let mut unused = Vec::new();
    for ((at, provider), foreign) in providers(data).zip(foreign_of) {
        let ids = owners(data, at, provider);
        let incoming = is_incoming(at);
        let address = provider.value(Leaf::Address);
        let mut sit = |key: SeatKey, address: Option<Name>, shared: bool| {
            let seat = seats.entry(key).or_default();
            let side = if incoming { &mut seat.incoming } else { &mut seat.outgoing };
            if side.last() != Some(&at) {
                side.push(at);
            }
            seat.address = seat.address.or(address);
            seat.shared_incoming |= shared;
        };
        let forward = data.text(provider.value(Leaf::ForwardMailbox)).and_then(boolean) == Some(true);
        if forward && incoming {
            match address {
                Some(address) => sit(SeatKey::Forward { foreign, address }, Some(address), false),
                None => unused.push(at),
            }
            continue;
        }
        if !ids.is_empty() {
            let own = address.filter(|_| incoming && ids.len() == 1);
            for owner in ids {
                sit(SeatKey::Owner { foreign, owner: *owner }, own, incoming && ids.len() > 1);
            }
        } else if let Some(address) = address {
            let key = match owner_of.get(&(foreign, address)) {
                Some(owner) => SeatKey::Owner { foreign, owner: *owner },
                None => SeatKey::Address { foreign, address },
            };
            sit(key, Some(address), false);
        } else {
            unused.push(at);
        }
    }
    Seats { kinds, seats, unused }
}

/// Whose an address is: of the incoming provider that names exactly one id beside it, else of an existing owner.
fn owners_by_address(
    data: &RouterData,
    foreign_of: &[Option<u32>],
    known: &HashMap<&EmailAddress, OwnerId>,
    is_incoming: impl Fn(ProviderRef) -> bool,
) -> HashMap<(Option<u32>, Name), OwnerId> {
    let mut found = HashMap::new();
    for ((at, provider), foreign) in providers(data).zip(foreign_of) {
        let Some(address) = provider.value(Leaf::Address) else { continue };
        let ids = owners(data, at, provider);
        let here =
            || EmailAddress::parse(data.text(Some(address))?).ok().and_then(|one| known.get(&one).copied());
        match ids {
            [owner] if is_incoming(at) => {
                found.insert((*foreign, address), *owner);
            }
            [] if foreign.is_none() && !found.contains_key(&(*foreign, address)) => {
                if let Some(owner) = here() {
                    found.insert((*foreign, address), owner);
                }
            }
            _ => {}
        }
    }
    found
}
