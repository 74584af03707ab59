//! Which providers serve a mailbox: the first of each side, and the alternatives where routers disagree.

use super::seats::{Kinds, Seat};
use crate::model::ProviderRef;

/// Routers that disagree about one mailbox are at most four; more providers than this are hand-made copies.
const MOST_CANDIDATES: usize = 8;

/// The two sides that serve a seat.
pub(super) type Sides = (Option<ProviderRef>, Option<ProviderRef>);
/// Their settings.
pub(super) type PairKey = (Option<u32>, Option<u32>);

/// The first of each side, then the others that differ in settings: each with the other side of its own router, if that has one.
pub(super) fn candidates(seat: &Seat, kinds: &Kinds) -> Vec<Sides> {
    let first_of = |list: &[ProviderRef]| {
        let mut first: [Option<ProviderRef>; 4] = [None; 4];
        for at in list {
            if let Some(place) = first.get_mut(usize::from(at.router)) {
                place.get_or_insert(*at);
            }
        }
        first
    };
    let (incoming, outgoing) = (first_of(&seat.incoming), first_of(&seat.outgoing));
    let base = (seat.incoming.first().copied(), seat.outgoing.first().copied());
    let own = |firsts: &[Option<ProviderRef>; 4], at: ProviderRef| {
        firsts.get(usize::from(at.router)).copied().flatten()
    };
    let mut found = vec![base];
    let mut seen = vec![pair_key(base, kinds)];
    let others_in = seat.incoming.iter().skip(1).map(|at| (Some(*at), own(&outgoing, *at).or(base.1)));
    let others_out = seat.outgoing.iter().skip(1).map(|at| (own(&incoming, *at).or(base.0), Some(*at)));
    for sides in others_in.chain(others_out) {
        let key = pair_key(sides, kinds);
        if found.len() < MOST_CANDIDATES && !seen.contains(&key) {
            seen.push(key);
            found.push(sides);
        }
    }
    found
}

pub(super) fn pair_key(sides: Sides, kinds: &Kinds) -> PairKey {
    (sides.0.map(|at| kinds.of(at)), sides.1.map(|at| kinds.of(at)))
}

/// The side whose account counts: Exchange's, else the incoming one.
pub(super) fn main_side(sides: Sides, kinds: &Kinds) -> Option<ProviderRef> {
    let exchange = |at: &ProviderRef| kinds.get(kinds.of(*at)).is_some_and(|one| one.kind.is_exchange());
    sides.0.filter(exchange).or(sides.1.filter(exchange)).or(sides.0).or(sides.1)
}
