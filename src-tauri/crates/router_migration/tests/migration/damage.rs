//! Every damage of the reference's section 4, and hostile files: refused with class, line and code.

use crate::support::{fixtures, routers, words};
use std::{collections::BTreeSet, fmt::Write, fs, io};
use tandem_router_migration::{
    error::{Damage, FileError, FileKind},
    intake::{ChosenFile, GivenFile, GivenRouter, MOST_BYTES, check_sizes, read},
};

/// File -> class, line, last digit of the code.
const EXPECTED: &[(&str, &str, Option<u32>, u32)] = &[
    ("zero_bytes.state.xml", "empty", None, 2),
    ("only_blanks.state.xml", "empty", None, 2),
    ("cut_mid_element.state.xml", "cut_short", Some(9), 2),
    ("cut_mid_tag.state.xml", "cut_short", Some(6), 2),
    ("unclosed_threshold.state.xml", "not_xml", Some(7), 2),
    ("cut_utf8.state.xml", "cut_short", Some(6), 2),
    ("agent_in_state_slot.state.xml", "wrong_file", None, 2),
    ("nul_bytes.agent.xml", "not_text", Some(1), 3),
    ("serialized.agent.xml", "not_text", Some(1), 3),
    ("not_utf8.agent.xml", "not_text", Some(2), 3),
    ("plain_text.agent.xml", "not_xml", Some(1), 2),
    ("html.agent.xml", "wrong_file", Some(1), 2),
    ("wrong_root.agent.xml", "wrong_file", Some(1), 2),
    ("unmatched.agent.xml", "not_xml", Some(3), 2),
    ("unknown_entity.agent.xml", "not_xml", Some(2), 2),
    ("billion_laughs.agent.xml", "dtd", Some(2), 2),
    ("external_entity.agent.xml", "dtd", Some(2), 2),
    ("external_dtd.agent.xml", "dtd", Some(1), 2),
    ("deep.agent.xml", "too_deep", Some(33), 2),
    ("two_roots.agent.xml", "not_xml", Some(2), 2),
    ("many_attributes.agent.xml", "too_large", Some(1), 1),
    ("no_key.key.xml", "not_xml", Some(1), 2),
    ("state_in_key_slot.key.xml", "wrong_file", None, 2),
    ("odd_utf16.key.xml", "cut_short", None, 2),
];

/// The sample with one file of it replaced.
fn with(kind: FileKind, name: &str, bytes: &[u8]) -> Vec<GivenRouter> {
    let folder = fixtures().join("plans/sample/1");
    let file = |one: FileKind| {
        if one == kind {
            GivenFile::new(one, name, bytes.to_vec())
        } else {
            GivenFile::new(one, one.file_name(), fs::read(folder.join(one.file_name())).unwrap())
        }
    };
    vec![GivenRouter { number: 2, files: FileKind::ALL.map(file).into() }]
}

fn slot_of(name: &str) -> FileKind {
    match name.split('.').nth(1) {
        Some("state") => FileKind::State,
        Some("key") => FileKind::Key,
        _ => FileKind::Agent,
    }
}

#[test]
fn each_damage_is_named_with_router_line_and_code() {
    for (name, class, line, code) in EXPECTED {
        let bytes = fs::read(fixtures().join("damage").join(name)).unwrap();
        let errors = read(with(slot_of(name), name, &bytes)).expect_err(name);
        let found = errors
            .iter()
            .find(|error| error.name == *name)
            .unwrap_or_else(|| panic!("{name}: {}", words(&errors)));
        assert_eq!((found.damage.class(), found.line, found.router), (*class, *line, 2), "{name}: {found}");
        assert_eq!(found.code(), format!("0x8005F03{code}"), "{name}");
        assert!(found.to_string().starts_with(&format!("router 2, {name}")), "{found}");
        assert!(!found.damage.remedy().is_empty());
    }
    let files = fs::read_dir(fixtures().join("damage"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let expected: BTreeSet<String> = EXPECTED.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(files.collect::<BTreeSet<_>>(), expected, "a fixture without expectation");
}

#[test]
fn a_wrong_file_says_which_it_is_and_the_missing_one_is_named() {
    let agent = fs::read(fixtures().join("damage/agent_in_state_slot.state.xml")).unwrap();
    let errors = read(with(FileKind::State, "x.xml", &agent)).unwrap_err();
    assert!(
        words(&errors).contains("this is another file of the router, Microsoft.Crm.Tools.EmailAgent.xml"),
        "{}",
        words(&errors)
    );
    let only = GivenRouter {
        number: 1,
        files: with(FileKind::Key, "k", b"<k>1</k>").remove(0).files.into_iter().take(2).collect(),
    };
    let errors = read(vec![only]).unwrap_err();
    assert_eq!(
        errors.iter().map(|error| (error.slot, error.damage.class())).collect::<Vec<_>>(),
        [(FileKind::Agent, "missing")]
    );
    assert_eq!(read(Vec::new()).unwrap_err().len(), 3, "no router at all misses all three");
}

#[test]
fn one_routers_fault_hides_no_other_and_spares_the_good_ones() {
    let mut all = routers("sample");
    all.extend(with(FileKind::State, "cut.xml", b"<S><H><ThresholdDate>"));
    let mut third = with(FileKind::Agent, "dtd.xml", b"<!DOCTYPE x><Configuration/>");
    third[0].number = 3;
    all.extend(third);
    let errors = read(all).unwrap_err();
    let found: Vec<_> = errors.iter().map(|error| (error.router, error.damage.class())).collect();
    assert_eq!(found, [(2, "cut_short"), (3, "dtd")]);
}

fn chosen(sizes: &[u64]) -> Vec<ChosenFile> {
    let file = |(number, bytes): (usize, &u64)| ChosenFile {
        router: u8::try_from(number / 3 + 1).unwrap(),
        slot: FileKind::ALL[number % 3],
        name: format!("file{number}"),
        bytes: *bytes,
    };
    sizes.iter().enumerate().map(file).collect()
}

#[test]
fn thirty_two_megabytes_pass_and_one_byte_more_does_not() {
    let exact = chosen(&[1_000, 2_000_000, 20_000_000, 54, 1_000_000, MOST_BYTES - 23_001_054]);
    assert_eq!(check_sizes(&exact), Ok(33_554_432));
    let mut over = exact;
    over[3].bytes += 1;
    let errors: Vec<FileError> = check_sizes(&over).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].code(), "0x8005F031");
    assert!(
        errors[0].to_string().contains("33554433 bytes, and 33554432 (32 MB) are allowed"),
        "{}",
        errors[0]
    );
    assert_eq!(errors[0].name, "file2", "the largest is named");
    assert!(check_sizes(&chosen(&[u64::MAX, u64::MAX])).is_err(), "the sum does not overflow");
    assert_eq!(check_sizes(&chosen(&[1, 0, 1])).unwrap_err()[0].damage, Damage::Empty);
    assert!(check_sizes(&chosen(&[1; 12])).is_ok());
    assert_eq!(check_sizes(&chosen(&[1; 15])).unwrap_err()[0].router, 5, "a fifth router");
}

#[test]
fn real_bytes_at_the_limit_are_read_and_one_more_is_refused() {
    let size = |kind: FileKind| {
        fs::metadata(fixtures().join("plans/sample/1").join(kind.file_name())).unwrap().len()
    };
    let others = size(FileKind::Key) + size(FileKind::Agent);
    let padded = |total: u64| {
        let mut state = b"<SystemState>".to_vec();
        let end = b"</SystemState>";
        state.resize(usize::try_from(total - others).unwrap() - end.len(), b' ');
        state.extend(end);
        with(FileKind::State, FileKind::State.file_name(), &state)
    };
    assert_eq!(read(padded(MOST_BYTES + 1)).unwrap_err()[0].damage.class(), "too_large");
    let at_limit = read(padded(MOST_BYTES));
    assert!(at_limit.is_ok(), "{}", words(&at_limit.unwrap_err()));
}

#[test]
fn more_users_than_a_plan_can_hold_are_refused() {
    let mut agent = String::from("<Configuration><ProviderConfiguration>");
    for user in 1..=100_001_u32 {
        write!(agent, "<UserId>00000000-0000-0000-0000-{user:012}</UserId>").unwrap();
    }
    agent.push_str("</ProviderConfiguration></Configuration>");
    let errors = read(with(FileKind::Agent, FileKind::Agent.file_name(), agent.as_bytes())).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].to_string().contains("100001 users and queues, and 100000 are allowed"),
        "{}",
        errors[0]
    );
    let providers = format!("<Configuration>{}</Configuration>", "<ProviderConfiguration/>".repeat(100_001));
    let errors = read(with(FileKind::Agent, FileKind::Agent.file_name(), providers.as_bytes())).unwrap_err();
    assert!(errors[0].to_string().contains("100001 providers"), "{}", errors[0]);
}

#[test]
fn a_file_that_grows_while_it_is_read_is_noticed_without_reading_it_all() {
    let file = &chosen(&[10])[0];
    assert!(GivenFile::read(file, io::repeat(b'x')).unwrap_err().to_string().contains("has grown"));
    assert!(GivenFile::read(file, &b"0123456789"[..]).is_ok());
}
