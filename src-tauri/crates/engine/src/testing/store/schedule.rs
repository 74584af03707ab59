//! Who runs when, and the circuits of servers, in memory.

use super::{State, Store};
use crate::{
    ports::{circuits::Circuits, storage::*},
    testing::at,
};
use async_trait::async_trait;
use std::collections::HashSet;
use tandem_domain::{
    Instant,
    breaker::{Admission, Asked, Circuit, Signal, Turn},
    email::EmailStatus,
    ids::{MailboxId, ProfileId},
    workload::Workload,
};

#[async_trait]
impl Schedule for Store {
    async fn claim_due(
        &self,
        workload: Workload,
        now: Instant,
        _lease_owner: &str,
        _lease_until: Instant,
        limit: u32,
    ) -> Result<Vec<DueWork>, StorageError> {
        self.write(|state| {
            let due: Vec<MailboxId> = state
                .schedule
                .iter()
                .filter(|(key, row)| {
                    let probes = row.failure.is_some() && state.circuit(key.0, key.1).outage.is_some();
                    key.1 == workload && row.due_at.is_some_and(|due| due <= now || probes) && !row.leased
                })
                .map(|(key, _)| key.0)
                .filter(|id| state.mailboxes[id].is_processed(workload))
                .take(limit as usize)
                .collect();
            // Of a server in trouble, one tries.
            let due = state.admitted(due, workload, now);
            Ok(due.into_iter().map(|mailbox| lease(state, mailbox, workload)).collect())
        })
        .await
    }
    async fn claim(
        &self,
        mailbox: MailboxId,
        workload: Workload,
        _now: Instant,
        _lease_owner: &str,
        _lease_until: Instant,
    ) -> Result<Option<DueWork>, StorageError> {
        self.write(|state| {
            let free = state.mailboxes[&mailbox].is_processed(workload)
                && !state.schedule[&(mailbox, workload)].leased;
            Ok(free.then(|| lease(state, mailbox, workload)))
        })
        .await
    }
    async fn finish(&self, report: CycleReport) -> Result<(), StorageError> {
        self.write(|state| {
            let sends = report.workload == Workload::Outgoing && report.failure.is_none();
            let waiting = state.emails.values().filter(|kept| {
                sends && kept.mailbox == report.mailbox && kept.status == EmailStatus::PendingSend
            });
            let waiting = waiting.map(|kept| kept.not_before).min();
            let row = state.schedule.get_mut(&(report.mailbox, report.workload)).unwrap();
            let made_due = [row.made_due.take(), waiting].into_iter().flatten().min();
            row.leased = false;
            row.runs += 1;
            row.attempts = report.attempts;
            row.due_at = report.next_due_at.map(|due| made_due.map_or(due, |made| made.min(due)));
            row.activity = report.activity;
            if report.expected_at.is_some() {
                (row.completed_start, row.expected_at) = (Some(report.started_at), report.expected_at);
            }
            row.failure = report.failure;
            if report.next_due_at.is_none() {
                let mailbox = state.mailboxes.get_mut(&report.mailbox).unwrap();
                match report.workload {
                    Workload::Incoming => mailbox.incoming_state.enabled = false,
                    Workload::Outgoing => mailbox.outgoing_state.enabled = false,
                    Workload::Act => mailbox.act_state.enabled = false,
                }
            }
            Ok(())
        })
        .await
    }
    async fn release(
        &self,
        mailbox: MailboxId,
        workload: Workload,
        _lease_owner: &str,
    ) -> Result<(), StorageError> {
        self.write(|state| {
            state.schedule.get_mut(&(mailbox, workload)).unwrap().leased = false;
            state.free_probes(|probing| probing != mailbox);
            Ok(())
        })
        .await
    }
    async fn release_all(&self) -> Result<(), StorageError> {
        self.write(|state| {
            state.schedule.values_mut().for_each(|row| row.leased = false);
            state.free_probes(|_| false);
            Ok(())
        })
        .await
    }
    async fn next_due(&self) -> Result<Option<Instant>, StorageError> {
        self.next_due_after(Instant::MIN_UTC).await
    }
    async fn next_due_after(&self, now: Instant) -> Result<Option<Instant>, StorageError> {
        let state = self.state();
        let rows = state
            .schedule
            .iter()
            .filter(|(key, row)| !row.leased && state.mailboxes[&key.0].is_processed(key.1));
        let next = rows.filter_map(|(key, row)| match &state.circuit(key.0, key.1).outage {
            None => row.due_at.filter(|due| *due > now),
            Some(outage) if outage.probing.is_some() => None,
            Some(outage) if row.failure.is_some() => outage.probe_at,
            Some(outage) => Some(outage.probe_at?.max(row.due_at?)),
        });
        Ok(next.min())
    }
    async fn due_at(&self, mailbox: MailboxId, workload: Workload) -> Result<Option<Instant>, StorageError> {
        let state = self.state();
        if state.circuit(mailbox, workload).outage.is_some() {
            return Ok(None);
        }
        let row = state.schedule.get(&(mailbox, workload)).filter(|row| !row.leased);
        Ok(row.filter(|_| state.mailboxes[&mailbox].is_processed(workload)).and_then(|row| row.due_at))
    }
    async fn latest_end(&self) -> Result<Option<Instant>, StorageError> {
        let state = self.state();
        Ok(state.mailboxes.values().filter_map(|one| one.incoming_state.last_success_at).max())
    }
    async fn pull_in(&self, now: Instant, by: chrono::Duration) -> Result<(), StorageError> {
        self.write(|state| {
            for row in state.schedule.values_mut() {
                row.due_at = row.due_at.map(|at| if at > now { at - by } else { at });
                row.expected_at = row.expected_at.map(|at| at - by);
                row.completed_start = row.completed_start.map(|at| at - by);
            }
            Ok(())
        })
        .await
    }
    async fn prove_anew(&self, now: Instant, expected: Instant) -> Result<(), StorageError> {
        self.write(|state| {
            for row in state.schedule.values_mut() {
                row.due_at = row.due_at.map(|at| at.min(now));
                row.expected_at = row.expected_at.map(|at| at.min(expected));
            }
            Ok(())
        })
        .await
    }
    async fn make_due(
        &self,
        mailbox: MailboxId,
        workload: Workload,
        at: Instant,
    ) -> Result<(), StorageError> {
        self.write(|state| {
            let row = state.schedule.get_mut(&(mailbox, workload)).unwrap();
            let due = if row.leased { &mut row.made_due } else { &mut row.due_at };
            *due = Some(due.map_or(at, |known| known.min(at)));
            Ok(())
        })
        .await
    }
    async fn last_completed_start(
        &self,
        mailbox: MailboxId,
        workload: Workload,
    ) -> Result<Option<Instant>, StorageError> {
        Ok(self.state().schedule[&(mailbox, workload)].completed_start)
    }
}

fn lease(state: &mut State, mailbox: MailboxId, workload: Workload) -> DueWork {
    let profile = state.mailboxes[&mailbox].profile.unwrap();
    let outage = state.circuits.get_mut(&(profile, workload)).and_then(|circuit| circuit.outage.as_mut());
    let is_probe = outage.map(|outage| outage.probing = Some(mailbox)).is_some();
    let row = state.schedule.get_mut(&(mailbox, workload)).unwrap();
    row.leased = true;
    DueWork {
        mailbox,
        workload,
        profile,
        due_at: row.due_at.unwrap_or(at(0)),
        attempts: row.attempts,
        activity: row.activity,
        had_failed: row.failure.is_some(),
        is_probe,
    }
}

impl State {
    pub(super) fn circuit(&self, mailbox: MailboxId, workload: Workload) -> Circuit {
        let profile = self.mailboxes[&mailbox].profile.unwrap();
        self.circuits.get(&(profile, workload)).cloned().unwrap_or_default()
    }

    fn admitted(&self, due: Vec<MailboxId>, workload: Workload, now: Instant) -> Vec<MailboxId> {
        let mut probing = HashSet::new();
        let admitted = due.into_iter().filter(|id| match self.circuit(*id, workload).admits(*id, now) {
            Admission::Go => true,
            Admission::Probe => probing.insert(self.mailboxes[id].profile),
            Admission::Wait(_) => false,
        });
        admitted.collect()
    }

    fn free_probes(&mut self, keep: impl Fn(MailboxId) -> bool) {
        for outage in self.circuits.values_mut().filter_map(|circuit| circuit.outage.as_mut()) {
            outage.probing = outage.probing.filter(|probing| keep(*probing));
        }
    }
}

#[async_trait]
impl Circuits for Store {
    async fn circuit(&self, profile: ProfileId, workload: Workload) -> Result<Circuit, StorageError> {
        Ok(self.state().circuits.get(&(profile, workload)).cloned().unwrap_or_default())
    }
    async fn signal(
        &self,
        profile: ProfileId,
        workload: Workload,
        from: MailboxId,
        signal: Signal,
        at: Instant,
    ) -> Result<(Circuit, Turn), StorageError> {
        self.write(|state| {
            let processed = state
                .mailboxes
                .values()
                .filter(|one| one.profile == Some(profile) && one.is_processed(workload))
                .count();
            let before = state.circuits.remove(&(profile, workload)).unwrap_or_default();
            let (after, turn) = before.after(signal, from, processed as u32, at);
            state.circuits.insert((profile, workload), after.clone());
            Ok((after, turn))
        })
        .await
    }
    async fn probe_now(
        &self,
        profile: Option<ProfileId>,
        asked: Asked,
        at: Instant,
    ) -> Result<(), StorageError> {
        self.write(|state| {
            for (key, circuit) in &mut state.circuits {
                if profile.is_none_or(|profile| profile == key.0) {
                    *circuit = circuit.clone().probe_now(asked, at);
                }
            }
            Ok(())
        })
        .await
    }
}
