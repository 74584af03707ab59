//! Fixtures, a fixed clock and an empty organization.

use std::{fs, path::PathBuf, sync::Arc};
use tandem_domain::{
    Instant,
    address::EmailAddress,
    directory::{DirectoryEntry, DirectoryId},
    ids::{OrganizationId, UserId},
    settings::OrganizationSettings,
};
use tandem_router_migration::{
    RouterData,
    error::{FileError, FileKind},
    intake::{GivenFile, GivenRouter, read},
    plan::{Made, Options, make},
    snapshot::Snapshot,
};
use uuid::Uuid;

/// Shortly after the dates in the fixtures.
pub fn now() -> Instant {
    "2016-03-11T12:00:00Z".parse().unwrap()
}

pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

pub fn empty() -> Snapshot {
    Snapshot {
        organization: OrganizationId(Uuid::from_u128(1)),
        settings: OrganizationSettings::default(),
        profiles: Vec::new(),
        owners: Vec::new(),
        mailboxes: Vec::new(),
    }
}

/// The routers of a case; files go into the slots in the order of their names, so most are in a wrong one.
pub fn routers(case: &str) -> Vec<GivenRouter> {
    let mut folders: Vec<_> = fs::read_dir(fixtures().join("plans").join(case))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    let router = |folder: &PathBuf| {
        let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let file = |(path, slot): (&PathBuf, FileKind)| {
            let name = path.file_name().unwrap().to_str().unwrap();
            GivenFile::new(FileKind::of_name(name).unwrap_or(slot), name, fs::read(path).unwrap())
        };
        GivenRouter {
            number: folder.file_name().unwrap().to_str().unwrap().parse().unwrap(),
            files: paths.iter().zip(FileKind::ALL).map(file).collect(),
        }
    };
    folders.iter().map(router).collect()
}

pub fn data(case: &str) -> Arc<RouterData> {
    Arc::new(read(routers(case)).unwrap_or_else(|errors| panic!("{case}: {}", words(&errors))))
}

pub fn words(errors: &[FileError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

pub fn made(case: &str) -> Made {
    make(&data(case), &empty(), &Options::default(), now())
}

/// A user with an address.
pub fn user(id: u128, name: &str, address: &str) -> DirectoryEntry {
    DirectoryEntry {
        id: DirectoryId::User(UserId(Uuid::from_u128(id))),
        name: name.to_owned(),
        email: Some(EmailAddress::parse(address).unwrap()),
        other_emails: Vec::new(),
        incoming_filter: None,
    }
}
