//! Makes the plan: seats to pairs, pairs to profiles, seats to mailboxes. Every step is linear in the files' size.

use super::{
    Candidate, Conflict, ConflictKind, Decision, FORMAT, Finding, MailboxKind, Options, Plan, PlannedMailbox,
    ProfileDate, RecoveredPasswords, RouterSummary, Row, Side, SourceLine, UnusedProvider, Verdict,
    credentials::Credentials,
    kinds::{Settings, host},
    mailboxes::{Here, State, date, identify, states},
    naming::{TakenNames, proposal},
    organizations, pairs,
    seats::{self, Kinds, Seat, SeatKey, Seats},
    sides::{PairKey, Sides, candidates, main_side, pair_key},
};
use crate::{
    leaf::Leaf,
    model::{ProviderRef, RouterData},
    names::Name,
    provenance::{Provenance, ProvenanceCounts, ProviderFate},
    snapshot::Snapshot,
    values::{Threshold, boolean},
};
use chrono::Duration;
use indexmap::IndexMap;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use tandem_domain::{
    Instant,
    profile::{AuthenticateUsing, EmailServerProfile, Endpoint, Security, ServerType},
};

/// What planning gives.
#[derive(Debug)]
pub struct Made {
    /// The plan: to be shown, changed, kept, applied.
    pub plan: Plan,
    /// What became of every field of the files.
    pub provenance: Provenance,
    /// Passwords that could be decrypted; not part of the plan.
    pub passwords: RecoveredPasswords,
}

/// A row while it is made.
#[derive(Default)]
struct Pair {
    first: Sides,
    routers: BTreeSet<u8>,
    accounts: pairs::Accounts,
    earliest: Option<Instant>,
}

/// Makes a plan from what was read, against the configuration as it is now.
#[must_use]
pub fn make(data: &Arc<RouterData>, snapshot: &Snapshot, options: &Options, now: Instant) -> Made {
    let organizations = organizations::find(data, options);
    let here = Here::new(snapshot);
    let known = here.ids();
    let Seats { kinds, seats, unused } = seats::find(data, &organizations, options.unnamed, &known);
    let mut states = states(data);
    let seated: Vec<(SeatKey, &Seat, Vec<Sides>)> =
        seats.iter().map(|(key, seat)| (*key, seat, candidates(seat, &kinds))).collect();
    let mut found = pairs_of(data, &kinds, &seated, &states, now);
    let mut building = Building {
        data,
        snapshot,
        kinds: &kinds,
        options,
        now,
        fates: data
            .routers
            .iter()
            .map(|router| vec![ProviderFate::default(); router.agent.providers.len()])
            .collect(),
    };
    let unused = building.obstacle_rows(unused, &mut found);
    let (rows, index) = building.rows(&found);
    let mut plan = Plan {
        format: FORMAT,
        made_at: now,
        organization: snapshot.organization.0,
        options: options.clone(),
        routers: data.routers.iter().map(router_summary).collect(),
        moved: data.moved.iter().map(ToString::to_string).collect(),
        organizations: organizations.list,
        organization_unconfirmed: organizations.unconfirmed,
        rows,
        mailboxes: Vec::with_capacity(seated.len()),
        credentials: Vec::new(),
        conflicts: Vec::new(),
        unused,
        state_without_provider: 0,
        provenance: ProvenanceCounts::default(),
        basis: snapshot.basis(),
    };
    let mut credentials = Credentials::default();
    let mut by_provider = HashMap::new();
    for (key, seat, sides) in &seated {
        building.mailbox(
            &mut plan,
            &mut credentials,
            &mut by_provider,
            &here,
            &mut states,
            &index,
            (*key, seat, sides),
        );
    }
    super::mailboxes::one_owner_one_mailbox(&mut plan);
    let (credentials, passwords) = credentials.finish();
    let mut fates = building.fates;
    for fate in fates.iter_mut().flatten() {
        fate.rows.sort_unstable();
        fate.rows.dedup();
    }
    for (at, credential) in by_provider {
        if let Some(fate) = fate_mut(&mut fates, at) {
            fate.password = credentials.get(credential as usize).map(|one| one.state.clone());
        }
    }
    plan.credentials = credentials;
    plan.state_without_provider =
        u32::try_from(states.values().filter(|state| !state.seen).count()).unwrap_or(u32::MAX);
    let dates = states
        .into_iter()
        .filter(|(_, state)| state.used)
        .map(|(name, state)| (name, state.threshold))
        .collect();
    let provenance = Provenance::new(Arc::clone(data), fates, dates, now);
    plan.provenance = provenance.counts();
    Made { plan, provenance, passwords }
}

fn router_summary(router: &crate::model::Router) -> RouterSummary {
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    RouterSummary {
        number: router.number,
        providers: count(router.agent.providers.len()),
        state_entries: count(router.state.entries.len()),
        key_scheme: router.key.scheme.clone(),
    }
}

fn pairs_of(
    data: &RouterData,
    kinds: &Kinds,
    seated: &[(SeatKey, &Seat, Vec<Sides>)],
    states: &HashMap<Name, State>,
    now: Instant,
) -> IndexMap<PairKey, Pair> {
    let mut found: IndexMap<PairKey, Pair> = IndexMap::new();
    for (_, seat, sides) in seated {
        for (number, sides) in sides.iter().enumerate() {
            let pair = found
                .entry(pair_key(*sides, kinds))
                .or_insert_with(|| Pair { first: *sides, ..Pair::default() });
            let routers = [sides.0, sides.1].into_iter().flatten();
            pair.routers.extend(
                routers.filter_map(|at| data.routers.get(usize::from(at.router))).map(|one| one.number),
            );
            if number > 0 {
                continue;
            }
            let main = main_side(*sides, kinds).and_then(|at| data.provider(at));
            pair.accounts.add(main.and_then(|provider| data.text(provider.value(Leaf::User))));
            let threshold =
                seat.address.and_then(|address| states.get(&address)).map(|state| state.threshold);
            if let (Some(Threshold::At(date)), Some(_)) = (threshold, sides.0)
                && date <= now
            {
                pair.earliest = Some(pair.earliest.map_or(date, |known| known.min(date)));
            }
        }
    }
    found
}

fn fate_mut(fates: &mut [Vec<ProviderFate>], at: ProviderRef) -> Option<&mut ProviderFate> {
    fates.get_mut(usize::from(at.router))?.get_mut(at.provider as usize)
}

struct Building<'a> {
    data: &'a RouterData,
    snapshot: &'a Snapshot,
    kinds: &'a Kinds,
    options: &'a Options,
    now: Instant,
    fates: Vec<Vec<ProviderFate>>,
}

impl Building<'_> {
    fn source(&self, at: ProviderRef) -> SourceLine {
        let router = self.data.routers.get(usize::from(at.router)).map_or(0, |router| router.number);
        SourceLine { router, line: self.data.provider(at).map_or(0, |provider| provider.line) }
    }

    /// Providers without owner: those that could not be migrated anyway become rows, so that nothing vanishes; the others are
    /// listed as unused.
    fn obstacle_rows(
        &mut self,
        unused: Vec<ProviderRef>,
        found: &mut IndexMap<PairKey, Pair>,
    ) -> Vec<UnusedProvider> {
        let mut listed = Vec::new();
        for at in unused {
            let id = self.kinds.of(at);
            let Some(settings) = self.kinds.get(id) else { continue };
            let source = self.source(at);
            if settings.obstacle.is_some() {
                let (sides, key) = if settings.incoming {
                    ((Some(at), None), (Some(id), None))
                } else {
                    ((None, Some(at)), (None, Some(id)))
                };
                let pair = found.entry(key).or_insert_with(|| Pair { first: sides, ..Pair::default() });
                pair.routers.insert(source.router);
                if let Some(fate) = fate_mut(&mut self.fates, at) {
                    fate.obstacle.clone_from(&settings.obstacle);
                }
            } else {
                let why = if settings.incoming {
                    "It names no user, no queue and no address."
                } else {
                    "It names no user and no queue."
                };
                listed.push(UnusedProvider { source, why: why.to_owned() });
            }
        }
        listed
    }

    fn side(&self, at: Option<ProviderRef>) -> Option<(Side, &Settings)> {
        let at = at?;
        let settings = self.kinds.get(self.kinds.of(at))?;
        let side = Side {
            kind: settings.kind,
            location: settings.location.clone(),
            port: settings.port,
            ssl: settings.ssl,
            authentication: settings.sign_in_words.clone(),
            source: self.source(at),
        };
        Some((side, settings))
    }

    /// The rows, those that can be migrated first; and the row of each pair.
    fn rows(&self, found: &IndexMap<PairKey, Pair>) -> (Vec<Row>, HashMap<PairKey, u32>) {
        let mut taken = TakenNames::new(self.snapshot.profiles.iter().map(|profile| profile.name.as_str()));
        let profiles = self.snapshot.profiles.iter().rev();
        let here: HashMap<String, &EmailServerProfile> = profiles.map(|one| (sameness(one), one)).collect();
        let mut made: Vec<(PairKey, Row)> =
            found.iter().map(|(key, pair)| (*key, self.row(pair, &mut taken, &here))).collect();
        made.sort_by_key(|(_, row)| row.profile().is_none());
        let mut index = HashMap::new();
        let rows = (0_u32..).zip(made).map(|(id, (key, row))| {
            index.insert(key, id);
            Row { id, ..row }
        });
        let rows = rows.collect();
        (rows, index)
    }

    fn row(&self, pair: &Pair, taken: &mut TakenNames, here: &HashMap<String, &EmailServerProfile>) -> Row {
        let (incoming, in_settings) = self.side(pair.first.0).unzip();
        let (outgoing, out_settings) = self.side(pair.first.1).unzip();
        let mut row = Row {
            id: 0,
            routers: pair.routers.iter().copied().collect(),
            verdict: Verdict::Cannot(super::Obstacle::UnnamedOrganization),
            migrate: false,
            findings: Vec::new(),
            incoming,
            outgoing,
        };
        if let Some(obstacle) = pairs::obstacle(in_settings, out_settings) {
            row.verdict = Verdict::Cannot(obstacle);
            return row;
        }
        let day_back = self.now - Duration::hours(24);
        let from = match (self.options.profile_date, pair.earliest) {
            (ProfileDate::EarliestMailbox, Some(earliest)) => earliest.min(day_back),
            _ => day_back,
        };
        let (mut profile, findings) =
            pairs::profile(in_settings, out_settings, &pair.accounts, &self.snapshot.settings, from);
        match here.get(&wanted_sameness(&profile)) {
            Some(existing) => {
                profile.existing = Some(existing.id.0);
                profile.name.clone_from(&existing.name);
            }
            None => profile.name = taken.unique(&proposal(row.incoming.as_ref(), row.outgoing.as_ref())),
        }
        row.verdict = Verdict::Profile(profile);
        row.migrate = true;
        row.findings = findings;
        row
    }

    #[allow(clippy::too_many_arguments, reason = "one step of a loop whose state is the plan itself")]
    fn mailbox(
        &mut self,
        plan: &mut Plan,
        credentials: &mut Credentials,
        by_provider: &mut HashMap<ProviderRef, u32>,
        here: &Here<'_>,
        states: &mut HashMap<Name, State>,
        index: &HashMap<PairKey, u32>,
        (key, seat, sides): (SeatKey, &Seat, &[Sides]),
    ) {
        let id = u32::try_from(plan.mailboxes.len()).unwrap_or(u32::MAX);
        let row_of = |sides: Sides| index.get(&pair_key(sides, self.kinds)).copied().unwrap_or(u32::MAX);
        let first_row = sides.first().and_then(|first| plan.rows.get(row_of(*first) as usize));
        let profile = first_row.and_then(Row::profile);
        let mut identity = identify(self.data, here, key, seat, profile.and_then(|profile| profile.existing));
        if let Some(Verdict::Cannot(obstacle)) = first_row.map(|row| &row.verdict) {
            identity.decision = Decision::Skip(obstacle.to_string());
            identity.conflicts.clear();
        }
        let address = identity.address.as_ref().map(ToString::to_string);
        let state_key = seat.address.or_else(|| self.data.names.find(address.as_deref()?));
        let state = state_key.and_then(|name| states.get_mut(&name));
        let receives = sides.first().is_some_and(|first| first.0.is_some());
        let is_left_out = profile.is_none();
        let threshold = state.as_ref().map_or(Threshold::Missing, |state| state.threshold);
        let last_error = state.as_ref().and_then(|state| state.last_error);
        if let Some(state) = state {
            state.seen = true;
            state.used |= !is_left_out;
        }
        let (from, source, mut findings) = date(threshold, receives, self.now);
        if let Some(profile) = profile
            && receives
            && from < profile.process_emails_from
        {
            findings.push(not_reached(from, profile.process_emails_from));
        }
        let delete = self.delete(identity.kind, sides.first(), &mut findings);
        let mut mailbox = PlannedMailbox {
            id,
            kind: identity.kind,
            source_id: identity.source_id,
            address,
            found: identity.found,
            existing: identity.existing,
            decision: identity.decision,
            candidates: Vec::with_capacity(sides.len()),
            chosen: 0,
            process_emails_from: from,
            date: source,
            last_processed: threshold,
            last_error: self.data.text(last_error).map(str::to_owned),
            delete_after_processing: delete,
            findings,
        };
        if matches!(key, SeatKey::Address { .. }) && mailbox.found.is_none() {
            let text = "The files do not say whether it is a user's or a queue's; a user is assumed.";
            mailbox.findings.push(Finding {
                code: "kind_assumed".to_owned(),
                text: text.to_owned(),
                error_code: None,
            });
        }
        if mailbox.kind == MailboxKind::Forward {
            let text = "Forward mailboxes cannot be processed yet: it is created as a queue's mailbox whose delivery methods are none.";
            mailbox.findings.push(Finding {
                code: "forward_mailbox".to_owned(),
                text: text.to_owned(),
                error_code: None,
            });
        }
        for one in sides {
            let row = row_of(*one);
            let candidate = self.candidate(plan, credentials, by_provider, &mailbox, *one, row);
            self.remember(*one, row, plan.rows.get(row as usize), &mailbox);
            mailbox.candidates.push(candidate);
        }
        for (kind, text) in identity.conflicts.into_iter().chain(self.between_routers(seat, sides)) {
            plan.conflicts.push(Conflict { mailbox: id, kind, text });
        }
        plan.mailboxes.push(mailbox);
    }

    fn delete(&self, kind: MailboxKind, sides: Option<&Sides>, findings: &mut Vec<Finding>) -> bool {
        let provider = sides.and_then(|sides| sides.0).and_then(|at| self.data.provider(at));
        let wanted = provider
            .and_then(|provider| self.data.text(provider.value(Leaf::DeleteEmails)))
            .and_then(boolean);
        if wanted == Some(true) && kind == MailboxKind::User {
            let text = "The router deleted its mail after processing; that is allowed for queues only, so the mail stays.";
            let error_code = Some("0x8005E233".to_owned());
            findings.push(Finding {
                code: "delete_not_for_users".to_owned(),
                text: text.to_owned(),
                error_code,
            });
        }
        wanted == Some(true) && kind != MailboxKind::User
    }

    fn candidate(
        &self,
        plan: &mut Plan,
        credentials: &mut Credentials,
        by_provider: &mut HashMap<ProviderRef, u32>,
        mailbox: &PlannedMailbox,
        sides: Sides,
        row: u32,
    ) -> Candidate {
        let main = main_side(sides, self.kinds);
        let provider = main.and_then(|at| self.data.provider(at));
        let user_name =
            provider.and_then(|provider| self.data.text(provider.value(Leaf::User))).map(str::to_owned);
        let mut candidate = Candidate {
            row,
            incoming: sides.0.map(|at| self.source(at)),
            outgoing: sides.1.map(|at| self.source(at)),
            user_name,
            credential: None,
        };
        let Some(Verdict::Profile(profile)) = plan.rows.get_mut(row as usize).map(|row| &mut row.verdict)
        else {
            return candidate;
        };
        let place = main
            .and_then(|at| self.kinds.get(self.kinds.of(at)))
            .map_or(String::new(), |one| host(&one.location));
        let user = candidate.user_name.as_deref();
        let made = match (profile.authenticate_using, &mailbox.address) {
            (AuthenticateUsing::Profile, _) => {
                let account = profile.user_name.clone().unwrap_or_default();
                let made = credentials.add(self.data, &place, Some(&account), &account, main);
                credentials.used_by_profile(made, row);
                profile.credential = Some(made);
                Some(made)
            }
            (AuthenticateUsing::UserOrQueue, Some(address)) => {
                let made = credentials.add(self.data, &place, user, user.unwrap_or(address), main);
                credentials.used_by_mailbox(made, mailbox.id);
                candidate.credential = Some(made);
                Some(made)
            }
            _ => None,
        };
        if let (Some(made), Some(main)) = (made, main) {
            by_provider.insert(main, made);
        }
        candidate
    }

    /// What provenance says about the providers of a candidate.
    fn remember(&mut self, sides: Sides, row: u32, made: Option<&Row>, mailbox: &PlannedMailbox) {
        let Some(made) = made else { return };
        let is_exchange =
            |at: ProviderRef| self.kinds.get(self.kinds.of(at)).is_some_and(|one| one.kind.is_exchange());
        let pair_is_exchange = [sides.0, sides.1].into_iter().flatten().any(is_exchange);
        for (at, incoming) in [(sides.0, true), (sides.1, false)] {
            let Some(at) = at else { continue };
            let kept = made.profile().is_some() && (!pair_is_exchange || is_exchange(at));
            let Some(fate) = fate_mut(&mut self.fates, at) else { continue };
            if fate.rows.last() != Some(&row) {
                fate.rows.push(row);
            }
            fate.kept |= kept;
            fate.delete_kept |= incoming && mailbox.delete_after_processing;
            fate.obstacle = match &made.verdict {
                Verdict::Cannot(_) => self.kinds.get(self.kinds.of(at)).and_then(|one| one.obstacle.clone()),
                Verdict::Profile(_) => None,
            };
        }
    }

    fn between_routers(&self, seat: &Seat, sides: &[Sides]) -> Option<(ConflictKind, String)> {
        let routers = |list: &[ProviderRef]| {
            let numbers = list.iter().filter_map(|at| self.data.routers.get(usize::from(at.router)));
            numbers.map(|router| router.number).collect::<BTreeSet<u8>>()
        };
        let (incoming, outgoing) = (routers(&seat.incoming), routers(&seat.outgoing));
        let all: Vec<String> = incoming.union(&outgoing).map(ToString::to_string).collect();
        let (first, list) = (all.first()?, all.join(" and "));
        if sides.len() > 1 {
            let text = if all.len() > 1 {
                format!(
                    "Routers {list} have it with different settings; those of router {first} are used, and the later date."
                )
            } else {
                format!("Router {first} has it several times with different settings; the first are used.")
            };
            return Some((ConflictKind::RoutersDisagree, text));
        }
        let twice = incoming.len() > 1 || outgoing.len() > 1;
        twice.then(|| {
            (
                ConflictKind::TwoRouters,
                format!(
                    "Routers {list} have it with the same settings; it is migrated once, with the later date."
                ),
            )
        })
    }
}

fn not_reached(from: Instant, profile: Instant) -> Finding {
    let format = "%Y-%m-%d %H:%M UTC";
    let text = format!(
        "The router processed it last at {}, but its profile starts at {}: mail between the two is not picked up, unless profiles \
         reach back to the earliest mailbox.",
        from.format(format),
        profile.format(format)
    );
    Finding { code: "not_reached".to_owned(), text, error_code: None }
}

/// Everything that makes two profiles the same but for their names, of one that is here.
pub(crate) fn sameness(here: &EmailServerProfile) -> String {
    let end = |end: Option<&Endpoint>| end.map(|end| (end.server.to_lowercase(), end.port, end.security));
    same_words(
        (here.server_type, here.authenticate_using),
        here.user_name.as_deref(),
        &(end(here.incoming.as_ref()), end(here.outgoing.as_ref())),
    )
}

/// The same of a planned one.
pub(crate) fn wanted_sameness(wanted: &super::NewProfile) -> String {
    let end =
        |end: Option<&super::NewEndpoint>| end.map(|end| (end.server.to_lowercase(), end.port, end.security));
    same_words(
        (wanted.server_type, wanted.authenticate_using),
        wanted.user_name.as_deref(),
        &(end(wanted.incoming.as_ref()), end(wanted.outgoing.as_ref())),
    )
}

type End = Option<(String, u16, Security)>;

fn same_words(kind: (ServerType, AuthenticateUsing), user_name: Option<&str>, ends: &(End, End)) -> String {
    let user_name = user_name.filter(|_| kind.1 == AuthenticateUsing::Profile);
    format!("{kind:?} {user_name:?} {ends:?}")
}
