//! The practice organization, end to end: real servers on loopback, synchronized, and gone without a trace.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic fails the test that asked"
)]

mod support;

use serde_json::json;
use support::{Place, said};

#[test]
fn the_practice_organization_is_synchronized_and_leaves_no_trace() {
    let place = Place::new();
    let temporary = place.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = place.command(&["--json", "practice"]);
    for name in ["TMPDIR", "TEMP", "TMP"] {
        command.env(name, &temporary);
    }
    let report = said(command.output().unwrap()).expect(0).json();
    assert_eq!(report["unexpected"], json!([]));
    assert_eq!(report["seen"], report["on_servers"]);
    assert!(report["promoted"].as_u64().unwrap() > 20, "{report}");
    assert_eq!(report["sent"], json!(2));
    let mailboxes = report["mailboxes"].as_array().unwrap();
    assert!(mailboxes.len() >= 4);
    let sum = |field: &str| mailboxes.iter().map(|one| one[field].as_u64().unwrap()).sum::<u64>();
    assert!(sum("duplicates") > 0 && sum("not_accepted") > 0, "{report}");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "nothing is left");
    assert!(!place.path("data").exists(), "the real organization is not touched");
}
