//! A 150 MB message passes through in pieces.

use crate::support::{AMY, batch, open, promoted};
use std::{
    io::{Read, Write},
    process::Command,
    sync::Arc,
};
use tandem_engine::{
    ports::storage::{Activities, Keep, Ledger},
    raw::RawMessage,
};

const SIZE: u64 = 150 * 1024 * 1024;
const LIMIT_KIB: u64 = 64 * 1024;
const CHILD: &str = "STORE_LARGE_CHILD";

/// Runs alone in a process of its own, so that other tests do not count.
#[test]
fn a_message_of_150_mb_does_not_grow_the_process() {
    if std::env::var_os(CHILD).is_some() {
        return store_and_read();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["large::a_message_of_150_mb_does_not_grow_the_process", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    print!("{}", String::from_utf8_lossy(&child.stdout));
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
}

fn store_and_read() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    let raw = {
        let mut file = tempfile::NamedTempFile::new_in(home.path()).unwrap();
        let block: Vec<u8> = (0..1024 * 1024_u32).map(|number| (number % 253) as u8).collect();
        for _ in 0..SIZE / 1024 / 1024 {
            file.write_all(&block).unwrap();
        }
        RawMessage::Spooled { path: Arc::new(file.into_temp_path()), len: SIZE }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let before = peak_kib();
    let item = promoted(&store, AMY, "1:1", "large@b", raw);
    let Keep::Email { email, .. } = &item.keep else { unreachable!() };
    let id = email.id;
    runtime.block_on(store.commit(batch(AMY, vec![item], "1"))).unwrap();
    let committed = peak_kib();
    let mut counted = 0_u64;
    let mut reader = store.open_raw(id).unwrap();
    let mut buffer = [0; 8192];
    loop {
        let read = reader.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        counted += buffer[..read].iter().map(|byte| u64::from(*byte)).sum::<u64>();
    }
    let expected: u64 = (0..1024 * 1024_u64).map(|number| number % 253).sum::<u64>() * (SIZE / 1024 / 1024);
    assert_eq!(counted, expected);
    let loaded = runtime.block_on(store.raw(id)).unwrap();
    assert_eq!(loaded.len(), SIZE);
    let read = peak_kib();
    println!(
        "peak memory: {before} KiB before, {committed} KiB after commit, {read} KiB after reading twice"
    );
    assert!(read.saturating_sub(before) < LIMIT_KIB);
}

/// The most memory that this process ever held, where the system tells; elsewhere only the content is checked.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}
