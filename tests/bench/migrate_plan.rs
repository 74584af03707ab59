//! Planning the largest migration that is allowed, and halves of it: time and memory should grow with the files.

use crate::timing::{median, time};
use std::{path::PathBuf, process::Command};

const ROUNDS: usize = 5;

/// Makes four routers of 4, 8, 16 and 32 MiB together, and plans each five times in a process of its own.
pub fn run() {
    let program = program();
    println!(
        "planning a migration of four routers, medians of {ROUNDS} (at 32 MiB: 20,000 providers, 10,000 users)"
    );
    println!("{:>8} {:>9} {:>14} {:>11} {:>14}", "files", "time", "time per MiB", "peak", "peak per MiB");
    for mib in [4_u32, 8, 16, 32] {
        let folder = tempfile::tempdir().expect("a folder");
        let made = Command::new(&program).arg("generate").arg(folder.path()).arg(mib.to_string()).status();
        assert!(made.expect("start the generator").success());
        let runs: Vec<_> =
            (0..ROUNDS).map(|_| time(Command::new(&program).arg("plan").arg(folder.path()))).collect();
        let peak = runs.iter().map(|run| run.peak_kib).max().unwrap_or(0);
        let seconds = median(&runs).as_secs_f64();
        println!(
            "{:>4} MiB {:>7.2} s {:>11.1} ms {:>7} MiB {:>10.2} MiB",
            mib,
            seconds,
            seconds * 1_000.0 / f64::from(mib),
            peak / 1024,
            f64::from(u32::try_from(peak).unwrap_or(u32::MAX)) / 1024.0 / f64::from(mib)
        );
    }
}

/// The example that `script/bench` builds beside this program.
fn program() -> PathBuf {
    let own = std::env::current_exe().expect("this program's path");
    let program = own.parent().expect("its folder").join("examples/migrate_plan");
    assert!(program.is_file(), "{} is not built; run script/bench migrate-plan", program.display());
    program
}
