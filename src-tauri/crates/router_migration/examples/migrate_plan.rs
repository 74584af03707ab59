//! The worst case of a migration, for `script/bench migrate-plan`: makes the files, and plans them as the program does.
//!
//! `migrate_plan generate FOLDER MIB` writes four routers of that size together; `migrate_plan plan FOLDER` reads and plans them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench that cannot go on says so and stops"
)]

use std::{
    env,
    fmt::Write,
    fs::{self, File},
    path::Path,
    sync::Arc,
    time::Instant as Clock,
};
use tandem_domain::{ids::OrganizationId, settings::OrganizationSettings};
use tandem_router_migration::{
    error::FileKind,
    intake::{ChosenFile, GivenFile, GivenRouter, MOST_BYTES, check_sizes, read},
    plan::{Options, make},
    snapshot::Snapshot,
    summary::summary,
};
use uuid::Uuid;

/// At 32 MiB: 20,000 providers for 10,000 users, over four routers.
const USERS_PER_MIB: usize = 10_000 / 32;
const ROUTERS: usize = 4;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["generate", folder, mib] => generate(Path::new(folder), mib.parse().expect("a number of MiB")),
        ["plan", folder] => plan(Path::new(folder)),
        _ => panic!("usage: migrate_plan generate FOLDER MIB | plan FOLDER"),
    }
}

fn generate(folder: &Path, mib: usize) {
    let total = (mib << 20).min(usize::try_from(MOST_BYTES).unwrap());
    // The whole number of users at 32 MiB is 10,000.
    let users = if mib == 32 { 10_000 } else { USERS_PER_MIB * mib };
    let share = total / ROUTERS;
    for router in 0..ROUTERS {
        let place = folder.join(format!("{}", router + 1));
        fs::create_dir_all(&place).expect("a folder");
        let mine: Vec<usize> = (0..users).filter(|user| user % ROUTERS == router).collect();
        let key = "<EncryptionKey>bm90IGEgcmVhbCBrZXk=</EncryptionKey>";
        let state = state(&mine);
        let agent = agent(&mine, users, share - key.len() - state.len());
        for (kind, text) in [(FileKind::Key, key), (FileKind::State, &state), (FileKind::Agent, &agent)] {
            fs::write(place.join(kind.file_name()), text).expect("write a file");
        }
    }
}

fn id(user: usize) -> Uuid {
    Uuid::from_u128(0x7f6f_0c52_2c1d_e511_80c2_0000_0000_0000 + u128::try_from(user).unwrap() + 1)
}

fn state(users: &[usize]) -> String {
    let mut text = String::from("<SystemState>\n");
    for user in users {
        writeln!(
            text,
            "  <H{user:027}>\n    <EmailAddress>user{user}@contoso.com</EmailAddress>\n    <LastError>error {user}</LastError>\n    \
             <ThresholdDate>2016-03-{:02}T{:02}:12:55.0000000Z</ThresholdDate>\n  </H{user:027}>",
            user % 28 + 1,
            user % 24
        )
        .unwrap();
    }
    text + "</SystemState>\n"
}

/// An incoming and an outgoing provider per user, of many different servers; the rest is filled with id lists, so that most
/// users are in many outgoing providers.
fn agent(mine: &[usize], users: usize, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    text.push_str("<Configuration>\n<SystemConfiguration><LogLevel>2</LogLevel></SystemConfiguration>\n");
    let head = |text: &mut String, class: &str, host: String, port: u16| {
        writeln!(
            text,
            "<ProviderConfiguration>\n<ProviderAssembly>Microsoft.Crm.Tools.EmailProviders.dll</ProviderAssembly>\n\
             <ProviderClass>Microsoft.Crm.Tools.Email.Providers.{class}</ProviderClass>\n\
             <CrmServerUrl>https://crm.contoso.com/Contoso</CrmServerUrl>\n<EmailServer>{host}</EmailServer>\n\
             <EmailPort>{port}</EmailPort>\n<EmailUseSsl>true</EmailUseSsl>\n<EmailAuthMode>Basic</EmailAuthMode>"
        )
        .unwrap();
    };
    for user in mine {
        head(&mut text, "Pop3PollingMailboxProvider", format!("pop{}.contoso.com", user % 97), 995);
        writeln!(
            text,
            "<EmailAddress>user{user}@contoso.com</EmailAddress>\n<UserId>{}</UserId>\n<EmailUser>user{user}</EmailUser>\n\
             <EmailPassword>c2VjcmV0IG51bWJlciB{user:08}</EmailPassword>\n</ProviderConfiguration>",
            id(*user)
        )
        .unwrap();
    }
    let end = "</Configuration>\n";
    let mut left = mine.len();
    for user in mine {
        head(&mut text, "SmtpPollingSendEmailProvider", format!("smtp{}.contoso.com", user % 61), 587);
        writeln!(text, "<UserId>{}</UserId>", id(*user)).unwrap();
        let room = (bytes - end.len()).saturating_sub(text.len());
        // What the providers still to come need, roughly.
        let spare = room.saturating_sub(left * 480) / left;
        for extra in 0..spare / 54 {
            writeln!(text, "<UserId>{}</UserId>", id((user * 31 + extra * 7) % users)).unwrap();
        }
        text.push_str("</ProviderConfiguration>\n");
        left -= 1;
    }
    while text.len() + end.len() < bytes {
        text.push(' ');
    }
    text + end
}

fn plan(folder: &Path) {
    let start = Clock::now();
    let mut chosen = Vec::new();
    for router in 1_u8..=4 {
        for slot in FileKind::ALL {
            let path = folder.join(router.to_string()).join(slot.file_name());
            let bytes = fs::metadata(&path).expect("the file's size").len();
            chosen.push((ChosenFile { router, slot, name: slot.file_name().to_owned(), bytes }, path));
        }
    }
    let sizes: Vec<_> = chosen.iter().map(|(file, _)| file.clone()).collect();
    let total = check_sizes(&sizes).expect("the sizes are allowed");
    let given = chosen.chunks(3).map(|files| GivenRouter {
        number: files[0].0.router,
        files: files
            .iter()
            .map(|(file, path)| GivenFile::read(file, File::open(path).unwrap()).unwrap())
            .collect(),
    });
    let data = Arc::new(read(given.collect()).expect("the files are good"));
    let read_in = start.elapsed();
    let here = Snapshot {
        organization: OrganizationId(Uuid::from_u128(1)),
        settings: OrganizationSettings::default(),
        profiles: Vec::new(),
        owners: Vec::new(),
        mailboxes: Vec::new(),
    };
    let made = make(&data, &here, &Options::default(), "2016-03-29T12:00:00Z".parse().unwrap());
    let planned = start.elapsed();
    let json = made.plan.to_json().expect("a plan's file");
    println!(
        "{total} bytes, {} providers, {} mailboxes, {} rows, {} fields: read in {:.0?}, planned after {:.0?}; plan file {} KiB after {:.0?}; {} created",
        data.providers(),
        made.plan.mailboxes.len(),
        made.plan.rows.len(),
        made.plan.provenance.fields,
        read_in,
        planned,
        json.len() / 1024,
        start.elapsed(),
        summary(&made.plan).mailboxes_created,
    );
}
