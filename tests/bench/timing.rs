//! Times a whole process and watches its memory.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// From start to exit.
    pub took: Duration,
    /// Peak resident memory, in KiB; 0 when the process was too short to be looked at.
    pub peak_kib: u64,
}

/// Runs a command to its end.
///
/// # Panics
/// When it fails, with what it said.
pub fn time(command: &mut Command) -> Run {
    let errors = tempfile::NamedTempFile::new().expect("a file for the errors");
    command.stdout(Stdio::null()).stderr(errors.reopen().expect("a file for the errors"));
    let start = Instant::now();
    let mut child = command.spawn().expect("start the program");
    let mut peak_kib = 0;
    let status = loop {
        if let Some(status) = child.try_wait().expect("wait for the program") {
            break status;
        }
        peak_kib = peak_kib.max(resident(child.id()).peak_kib);
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = start.elapsed();
    let said = std::fs::read_to_string(errors.path()).unwrap_or_default();
    assert!(status.success(), "{command:?} failed: {said}");
    Run { took, peak_kib }
}

/// The resident memory of a running process, in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resident {
    /// Now.
    pub now_kib: u64,
    /// At its peak.
    pub peak_kib: u64,
}

/// Reads a process's memory; zeros when it is gone.
pub fn resident(pid: u32) -> Resident {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()).and_then(|kib| kib.parse().ok()).unwrap_or(0)
    };
    Resident { now_kib: field("VmRSS:"), peak_kib: field("VmHWM:") }
}

/// The processor time that a process has used, its own and the system's for it, in seconds; 0 when it is gone.
pub fn processor_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name, which may hold anything: utime and stime are the 14th and 15th field of all (proc(5)).
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: Vec<f64> =
        rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    // The kernel counts in hundredths (USER_HZ) on every platform that Debian builds for.
    ticks.iter().sum::<f64>() / 100.0
}

/// The middle one.
pub fn median(runs: &[Run]) -> Duration {
    let mut times: Vec<_> = runs.iter().map(|run| run.took).collect();
    times.sort();
    times[times.len() / 2]
}
