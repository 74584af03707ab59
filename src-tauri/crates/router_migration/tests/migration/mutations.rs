//! Seeded damage to all fixtures: never a panic, never more than the limits. `TANDEM_SOAK_SECONDS` makes it long.

use crate::support::{empty, fixtures, now};
use std::{
    env, fs,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tandem_router_migration::{
    error::FileKind,
    intake::{GivenFile, GivenRouter, read},
    plan::{Options, Plan, make},
    report::{csv, html, of_plan},
};

/// SplitMix64: small, seeded, good enough to choose damage.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

const PIECES: &[&[u8]] = &[
    b"<",
    b">",
    b"</",
    b"/>",
    b"&",
    b"&#0;",
    b"&#x1;",
    b"&amp;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?",
    b"?>",
    b"<!DOCTYPE x [",
    b"\"",
    b"'",
    b"=",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc3",
    b"xmlns:a='b'",
    b"<ProviderConfiguration>",
    b"</ProviderConfiguration>",
    b"<UserId>",
    b"<EmailPort>99999999999999999999</EmailPort>",
    b"<ThresholdDate>9999-99-99",
    b"0001-01-01T00:00:00-23:59",
    b"9999-12-31T23:59:59.9999999Z",
    b"<EmailServer>://:@[</EmailServer>",
    b"<CrmServerUrl>///</CrmServerUrl>",
    "\u{202e}\u{1f4a9}".as_bytes(),
];

fn damaged(bytes: &[u8], all: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() + 1);
        match random.below(16) {
            0 => bytes.truncate(at),
            1 => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(random.below(256)).unwrap();
                }
            }
            3 => {
                let end = (at + random.below(200)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                for _ in 0..random.below(50) {
                    bytes.splice(at..at, part.iter().copied());
                }
            }
            4 => {
                let end = (at + random.below(100)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 => {
                let other = &all[random.below(all.len())];
                let from = random.below(other.len());
                let to = (from + random.below(400)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            6 => {
                let end = (at + random.below(60)).min(bytes.len());
                bytes[at..end].reverse();
            }
            // Most damage leaves it XML, so that it comes further.
            _ => {
                if let Some(byte) = bytes.get_mut(at).filter(|byte| byte.is_ascii_alphanumeric()) {
                    *byte = b"0123456789aAzZ.-:@"[random.below(18)];
                }
            }
        }
        bytes.truncate(1 << 18);
    }
    bytes
}

fn seeds() -> [Vec<Vec<u8>>; 3] {
    let mut seeds: [Vec<Vec<u8>>; 3] = Default::default();
    for case in fs::read_dir(fixtures().join("plans")).unwrap() {
        for router in fs::read_dir(case.unwrap().path())
            .unwrap()
            .map(|one| one.unwrap().path())
            .filter(|path| path.is_dir())
        {
            for path in fs::read_dir(router).unwrap().map(|one| one.unwrap().path()) {
                if let Some(kind) = FileKind::of_name(path.file_name().unwrap().to_str().unwrap()) {
                    seeds[kind as usize].push(fs::read(path).unwrap());
                }
            }
        }
    }
    seeds.iter_mut().for_each(|files| files.sort());
    seeds
}

#[test]
fn mutated_files_are_refused_or_planned_but_never_panic() {
    let seconds: u64 = env::var("TANDEM_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let least = if seconds == 0 { 2_000 } else { 0 };
    let (seeds, start) = (seeds(), Instant::now());
    // The same damage at each run; a soak looks further each time, and `TANDEM_SEED` repeats one.
    let seed = env::var("TANDEM_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(match seconds {
        0 => 20_160_311,
        _ => SystemTime::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_secs()),
    });
    println!("mutations: TANDEM_SEED={seed}");
    let (mut random, mut planned, mut refused) = (Random(seed), [0_u64; 3], [0_u64; 3]);
    let mut round = 0;
    while round < least || start.elapsed() < Duration::from_secs(seconds) {
        // Each kind in turn: a third of the time for each parser.
        let kind = FileKind::ALL[round % 3];
        round += 1;
        let file = |one: FileKind, random: &mut Random| {
            let files = &seeds[one as usize];
            let whole = &files[random.below(files.len())];
            let bytes = if one == kind { damaged(whole, files, random) } else { whole.clone() };
            GivenFile::new(one, one.file_name(), bytes)
        };
        let files = FileKind::ALL.map(|one| file(one, &mut random)).into();
        match read(vec![GivenRouter { number: 1, files }]) {
            Err(errors) => {
                assert!(!errors.is_empty());
                refused[kind as usize] += 1;
            }
            Ok(data) => {
                let made = make(&Arc::new(data), &empty(), &Options::default(), now());
                let counts = made.plan.provenance;
                assert_eq!(counts.fields, counts.taken + counts.changed + counts.dropped + counts.unreadable);
                assert_eq!(Plan::from_json(&made.plan.to_json().unwrap()).unwrap(), made.plan);
                let report = of_plan(&made.plan);
                assert!(!html(&report).is_empty() && !csv(&report).is_empty());
                planned[kind as usize] += 1;
            }
        }
    }
    println!(
        "mutations after {:.0?}: planned {planned:?}, refused {refused:?} (key, state, agent)",
        start.elapsed()
    );
    assert!(
        planned.iter().zip(refused).all(|(planned, refused)| *planned > 20 && refused > 20),
        "{planned:?} {refused:?}"
    );
}
