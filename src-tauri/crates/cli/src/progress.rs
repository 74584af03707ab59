//! Progress of long commands on stderr: a bar on a terminal, a line a second elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    collections::HashMap,
    io::IsTerminal,
    sync::Arc,
    time::{Duration, Instant},
};
use tandem_api::{
    Tandem,
    wire::{EventView, TestProgressView},
};
use tokio::{sync::broadcast::error::TryRecvError, task::JoinHandle};

/// Shows progress until it is finished or dropped.
#[derive(Debug)]
pub struct Progress {
    task: JoinHandle<()>,
}

impl Progress {
    /// Shows what the engine tells.
    pub fn start(tandem: &Arc<Tandem>, doing: &'static str) -> Self {
        let mut events = tandem.subscribe();
        let task = tokio::spawn(async move {
            let mut view = View::new(doing);
            // Thousands of events a second are told, and nobody sees more than a few.
            let mut tick = tokio::time::interval(Duration::from_millis(250));
            loop {
                tick.tick().await;
                loop {
                    match events.try_recv() {
                        Ok(event) => view.hear(event),
                        Err(TryRecvError::Lagged(_)) => {}
                        Err(TryRecvError::Empty) => break,
                        Err(TryRecvError::Closed) => return,
                    }
                }
                view.show();
            }
        });
        Self { task }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct View {
    doing: &'static str,
    bar: Option<ProgressBar>,
    running: HashMap<(String, String), (u32, Option<u32>)>,
    finished_items: u64,
    finished_cycles: u64,
    tests: u64,
    job: Option<TestProgressView>,
    /// The step of a migration and how far it is.
    migration: Option<(String, u32, u32)>,
    changed: bool,
    last_line: Instant,
}

impl View {
    fn new(doing: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            doing,
            bar,
            running: HashMap::new(),
            finished_items: 0,
            finished_cycles: 0,
            tests: 0,
            job: None,
            migration: None,
            changed: false,
            last_line: Instant::now(),
        }
    }

    fn hear(&mut self, event: EventView) {
        match event {
            EventView::Progress { mailbox, workload, done, finished: true, .. } => {
                self.running.remove(&(mailbox, workload));
                self.finished_cycles += 1;
                self.finished_items += u64::from(done);
            }
            EventView::Progress { mailbox, workload, done, total, finished: false } => {
                self.running.insert((mailbox, workload), (done, total));
            }
            EventView::Ladder { .. } => self.tests += 1,
            EventView::TestJob { progress } => self.job = Some(progress),
            EventView::Migration { step, done, total } => self.migration = Some((step, done, total)),
            EventView::Rung { .. }
            | EventView::Changed { .. }
            | EventView::NeedsPerson { .. }
            | EventView::Engine { .. } => return,
        }
        self.changed = true;
    }

    fn show(&mut self) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.line());
            bar.tick();
            return;
        }
        if self.changed && self.last_line.elapsed() >= Duration::from_secs(1) {
            eprintln!("{}", self.line());
            self.changed = false;
            self.last_line = Instant::now();
        }
    }

    fn line(&self) -> String {
        if let Some(job) = &self.job {
            return format!("{}: {}", self.doing, test_job(job));
        }
        if let Some((step, done, total)) = &self.migration {
            return format!("{}: {} {done} of {total}", self.doing, step.replace('_', " "));
        }
        let items =
            self.finished_items + self.running.values().map(|(done, _)| u64::from(*done)).sum::<u64>();
        let mut line = format!("{}: {items} messages, {} cycles done", self.doing, self.finished_cycles);
        if self.tests > 0 {
            line += &format!(", {} tests done", self.tests);
        }
        if let Some(((mailbox, workload), (done, total))) = self.running.iter().min_by_key(|(key, _)| *key) {
            let total = total.map_or_else(String::new, |total| format!(" of {total}"));
            line += &format!("; {} running, {mailbox} {workload} {done}{total}", self.running.len());
        }
        line
    }
}

/// How far a Test & Enable job is: n of m, its results, rate and time left.
pub fn test_job(job: &TestProgressView) -> String {
    let mut line = format!(
        "{} of {} mailboxes; workloads: {} enabled, {} failed, {} skipped",
        job.done, job.mailboxes, job.succeeded, job.failed, job.skipped
    );
    if job.cancelled > 0 {
        line += &format!(", {} cancelled", job.cancelled);
    }
    if let Some(an_hour) = job.an_hour.filter(|_| job.waiting + job.running > 0) {
        line += &format!("; {an_hour} mailboxes an hour");
    }
    if let Some(left) = job.seconds_left.filter(|_| job.waiting + job.running > 0) {
        line += &format!("; {} left", humantime::format_duration(Duration::from_secs(u64::from(left))));
    }
    line
}

impl Drop for View {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
