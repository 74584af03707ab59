//! One table, one file: its SQL, and how its rows become values.

pub(crate) mod alert;
pub(crate) mod alert_settings;
pub(crate) mod attachment;
pub(crate) mod circuit;
pub(crate) mod coverage;
pub(crate) mod cycle;
pub(crate) mod directory;
pub(crate) mod email;
pub(crate) mod folder;
pub(crate) mod history;
pub(crate) mod history_hour;
pub(crate) mod item_retry;
pub(crate) mod ledger;
pub(crate) mod mailbox;
pub(crate) mod mailbox_workload;
pub(crate) mod organization;
pub(crate) mod pack;
pub(crate) mod party;
pub(crate) mod profile;
pub(crate) mod profile_alert;
pub(crate) mod quarantine;
pub(crate) mod raw_message;
pub(crate) mod recipient;
pub(crate) mod router_migration;
pub(crate) mod schedule;
pub(crate) mod send_attempt;
pub(crate) mod submission;
pub(crate) mod test_job;
pub(crate) mod test_job_batch;
pub(crate) mod test_job_item;
pub(crate) mod test_rung;
pub(crate) mod verification;

#[cfg(test)]
mod testing {
    use crate::Store;
    use rusqlite::{Connection, params_from_iter, types::Null};
    use tandem_domain::Instant;

    /// How SQLite runs a statement on a database without statistics, as it is until an engine has stopped for the first time.
    pub(super) fn plan(statement: &str) -> Vec<String> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(crate::DATABASE_FILE);
        drop(Store::open(&path, Instant::UNIX_EPOCH).unwrap());
        let database = Connection::open(path).unwrap();
        database.execute_batch("DROP TABLE IF EXISTS sqlite_stat1").unwrap();
        let mut explain = database.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let nothing = params_from_iter(vec![Null; explain.parameter_count()]);
        let steps = explain.query_map(nothing, |row| row.get::<_, String>("detail")).unwrap();
        steps.map(Result::unwrap).collect()
    }
}
