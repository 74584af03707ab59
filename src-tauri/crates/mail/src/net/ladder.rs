//! Climbs the rungs of a probe: times each one, reports it, and remembers it.

use std::future::Future;
use tandem_domain::{
    failure::Failure,
    probe::{Rung, RungName, RungOutcome},
};
use tandem_engine::ports::mail::{NoReport, RungSink};
use tokio::time::Instant;

/// The rungs climbed so far, and who hears of them.
pub struct Ladder<'a> {
    report: &'a dyn RungSink,
    rungs: Vec<Rung>,
    watched: bool,
}

static NOBODY: NoReport = NoReport;

impl Ladder<'static> {
    /// A ladder that nobody watches, for ordinary connections.
    #[must_use]
    pub fn unwatched() -> Self {
        Self { report: &NOBODY, rungs: Vec::new(), watched: false }
    }
}

impl<'a> Ladder<'a> {
    /// A ladder whose rungs are reported as they are climbed.
    #[must_use]
    pub fn new(report: &'a dyn RungSink) -> Self {
        Self { report, rungs: Vec::new(), watched: true }
    }

    /// Whether somebody wants to see how each rung was climbed.
    #[must_use]
    pub(super) const fn is_watched(&self) -> bool {
        self.watched
    }

    /// Does one rung's work, which gives a value and the words to show for it.
    ///
    /// # Errors
    /// The work's failure, which is recorded as the rung's outcome.
    pub async fn climb<T>(
        &mut self,
        name: RungName,
        work: impl Future<Output = Result<(T, String), Failure>>,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let done = work.await;
        let took_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        match done {
            Ok((value, said)) => {
                if self.watched {
                    let server_said = one_line(&said);
                    self.push(Rung { name, outcome: RungOutcome::Passed, took_ms, server_said });
                }
                Ok(value)
            }
            Err(failure) => {
                let server_said = failure.server_said.clone();
                self.push(Rung { name, outcome: RungOutcome::Failed(failure.clone()), took_ms, server_said });
                Err(failure)
            }
        }
    }

    /// Records that a rung does not apply.
    pub fn skip(&mut self, name: RungName, why: &str) {
        let outcome = RungOutcome::Skipped(why.to_owned());
        self.push(Rung { name, outcome, took_ms: 0, server_said: String::new() });
    }

    /// What was climbed.
    #[must_use]
    pub fn into_rungs(self) -> Vec<Rung> {
        self.rungs
    }

    fn push(&mut self, rung: Rung) {
        if !self.watched {
            return;
        }
        self.report.climbed(&rung);
        self.rungs.push(rung);
    }
}

/// One line without control characters, at most 500 characters: what a window or a terminal can show.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect::<String>().trim().to_owned()
}
