//! Every element and attribute of the sample files is accounted for, with its line.

use crate::support::{fixtures, made};
use quick_xml::{Reader, events::Event};
use std::{collections::BTreeMap, fs, path::Path};
use tandem_router_migration::{error::FileKind, provenance::Fate};

type Fields = BTreeMap<(u8, &'static str, u32), Vec<String>>;

/// The leaves and attributes of a file, found by an own, simple walk: element name or `@attribute`, by line.
fn fields_of(path: &Path) -> Vec<(u32, String)> {
    let bytes = fs::read(path).unwrap();
    let text = match bytes.as_slice() {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            encoding_rs::Encoding::for_bom(&bytes).unwrap().0.decode(&bytes).0.into_owned()
        }
        _ => String::from_utf8(bytes).unwrap().trim_start_matches('\u{feff}').to_owned(),
    };
    let line_at = |position: u64| {
        let before = &text.as_bytes()[..usize::try_from(position).unwrap()];
        u32::try_from(before.iter().filter(|byte| **byte == b'\n').count()).unwrap() + 1
    };
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    let mut found = Vec::new();
    let mut stack: Vec<(String, u32, bool)> = Vec::new();
    loop {
        let line = line_at(reader.buffer_position());
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                if let Some(parent) = stack.last_mut() {
                    parent.2 = false;
                }
                let name = start.local_name().as_ref().to_owned();
                for attribute in start.attributes() {
                    found.push((line, attribute.unwrap().key.local_name().as_ref().to_owned()));
                }
                stack.push((name, line, true));
            }
            Event::End(_) => {
                let (name, line, leaf) = stack.pop().unwrap();
                if leaf && !stack.is_empty() {
                    found.push((line, name));
                }
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

/// A provider or a state entry without leaves of its own is no field; nor is a key's root, whose text is.
fn is_container(name: &str) -> bool {
    ["ProviderConfiguration", "SystemConfiguration", "ProviderOverrides", "e"]
        .iter()
        .any(|one| name.eq_ignore_ascii_case(one))
}

#[test]
fn all_fields_of_all_fixtures_are_accounted_for() {
    let mut total = 0;
    for case in fs::read_dir(fixtures().join("plans")).unwrap() {
        let case = case.unwrap().file_name().into_string().unwrap();
        let mut expected = Fields::new();
        for folder in
            fs::read_dir(fixtures().join("plans").join(&case)).unwrap().map(|one| one.unwrap().path())
        {
            if !folder.is_dir() {
                continue;
            }
            let router: u8 = folder.file_name().unwrap().to_str().unwrap().parse().unwrap();
            for path in fs::read_dir(&folder).unwrap().map(|one| one.unwrap().path()) {
                let content = String::from_utf8_lossy(&fs::read(&path).unwrap()).replace('\0', "");
                let kind = if content.to_lowercase().contains("providerconfiguration")
                    || content.contains("SystemConfiguration")
                {
                    FileKind::Agent
                } else if content.contains("Threshold") || content.contains("<SystemState") {
                    FileKind::State
                } else {
                    FileKind::Key
                };
                for (line, name) in fields_of(&path).into_iter().filter(|(_, name)| !is_container(name)) {
                    expected.entry((router, kind.file_name(), line)).or_default().push(name);
                }
            }
        }
        let made = made(&case);
        let mut found = Fields::new();
        for entry in made.provenance.entries().filter(|entry| {
            // The text of a key file's root has no counterpart in the simple walk.
            entry.file != FileKind::Key || entry.field.contains('@')
        }) {
            let bare = entry.field.rsplit('@').next().unwrap().to_owned();
            found.entry((entry.router, entry.file.file_name(), entry.line)).or_default().push(bare);
            assert!(!entry.target.is_empty(), "{entry:?}");
        }
        for fields in expected.values_mut().chain(found.values_mut()) {
            fields.sort();
        }
        assert_eq!(found, expected, "{case}");
        let counts = made.plan.provenance;
        assert_eq!(counts.fields, counts.taken + counts.changed + counts.dropped + counts.unreadable);
        total += counts.fields;
    }
    assert!(total > 500, "only {total} fields were looked at");
}

#[test]
fn each_fate_is_said_where_it_belongs() {
    let fate = |case: &str, field: &str, nth: usize| {
        let made = made(case);
        let entry = made.provenance.entries().filter(|entry| entry.field == field).nth(nth).unwrap();
        (entry.fate, entry.target)
    };
    assert_eq!(fate("sample", "EmailPort", 1).0, Fate::Taken);
    assert_eq!(
        fate("sample", "EmailServer", 0),
        (Fate::Changed, "profile: server, as a host name".to_owned())
    );
    assert_eq!(fate("sample", "EmailServer", 2).0, Fate::Taken, "SMTP's server, for the POP3 pair");
    assert_eq!(fate("sample", "EmailPassword", 0).1, "password, to the keychain");
    assert_eq!(
        fate("real_key", "EmailPassword", 0),
        (Fate::Unreadable, "password: must be entered again".to_owned())
    );
    assert_eq!(fate("sample", "ThresholdDate", 0).0, Fate::Taken);
    assert_eq!(fate("sample", "ThresholdDate", 1).0, Fate::Changed);
    assert_eq!(fate("bad_values", "EmailPort", 0).0, Fate::Unreadable);
    assert_eq!(
        fate("bad_values", "EmailServer", 0),
        (Fate::Dropped, "given again later in the same provider; the last one counts".to_owned())
    );
    assert_eq!(fate("bad_values", "IISQueue", 0), (Fate::Dropped, "not known".to_owned()));
    assert!(fate("custom_class", "AcmeFolder", 0).1.starts_with("the provider is left out"));
    assert!(fate("unused_providers", "EmailServer", 2).1.contains("no user or queue uses"));
    assert_eq!(fate("attributes", "EmailUseSsl", 0).0, Fate::Changed);
    assert_eq!(fate("forward_mailbox", "DeleteEmails", 0).0, Fate::Taken);
    assert_eq!(fate("forward_mailbox", "DeleteEmails", 1).0, Fate::Dropped);
}

#[test]
fn a_row_shows_the_fields_of_its_own_providers() {
    let made = made("sample");
    let servers = |row| {
        made.provenance
            .of_row(row)
            .filter(|entry| entry.field == "EmailServer")
            .map(|entry| entry.value.unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(servers(0), ["https://mail.contoso.com/EWS/Exchange.asmx", "smtp.contoso.com"]);
    assert_eq!(servers(1), ["pop.contoso.com", "smtp.contoso.com"]);
}
