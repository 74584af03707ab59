//! Router files to rehearse with: of the practice organization's real servers, or of servers that do not exist.

use super::count;
use crate::{
    Tandem,
    people::in_file,
    wire::{ApiError, SampleRouterFilesRequest, SampleRouterFilesView, Time},
};
use chrono::Duration;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tandem_domain::{
    ids::{OrganizationId, record_id},
    profile::Security,
};
use tandem_practice::{PracticeServers, sample::PersonKind};
use tandem_router_migration::{
    error::FileKind,
    sample::{SampleMailbox, SampleRouter, SampleServer, files},
};
use uuid::Uuid;

/// The organization that the routers serve.
const ORGANIZATION_URL: &str = "https://crm.contoso.practice/Contoso";
/// How long ago a sample router processed its mailboxes last.
const LAST_PROCESSED: Duration = Duration::hours(2);

/// Where the mailboxes of example files are.
#[derive(Debug, Clone)]
pub struct ExampleServers {
    /// Host and port of POP3 over TLS; `{}` in the host is the router's number.
    pub pop3: (String, u16),
    /// Host and port of SMTP over TLS; likewise.
    pub smtp: (String, u16),
}

impl Default for ExampleServers {
    fn default() -> Self {
        Self {
            pop3: ("pop{}.contoso.example".to_owned(), 995),
            smtp: ("smtp{}.contoso.example".to_owned(), 465),
        }
    }
}

impl Tandem {
    /// Writes router files to rehearse with, of the running practice organization.
    ///
    /// # Errors
    /// `practice_not_running`, or a folder that cannot be written.
    pub async fn write_sample_router_files(
        &self,
        request: SampleRouterFilesRequest,
    ) -> Result<SampleRouterFilesView, ApiError> {
        let practice = self.practice_tandem().await;
        let state = practice.as_ref().map_or(&self.migration, |practice| &practice.migration);
        let Some((routers, own)) = state.samples.get().cloned() else {
            let remedy = "Start the practice organization, then ask for its router files.";
            let message = "The practice organization is not running.";
            return Err(ApiError::plain("practice_not_running", "practice organization", message, remedy));
        };
        let folder = request.folder.map_or(own, PathBuf::from);
        let written = tokio::task::spawn_blocking(move || write(&routers, &folder));
        written.await.map_err(|error| ApiError::internal("sample files", &error))?
    }

    /// Writes four routers' files to rehearse planning with; their servers do not exist unless they are named.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn write_example_router_files(
        &self,
        folder: &Path,
        servers: &ExampleServers,
    ) -> Result<SampleRouterFilesView, ApiError> {
        let now = self.now();
        let server = |(host, port): &(String, u16), number: u32| SampleServer {
            server: host.replace("{}", &number.to_string()),
            port: *port,
            security: Security::Tls,
        };
        let router = |number: u32| {
            let mailbox = |name: &str, is_queue: bool| {
                let address = format!("{name}.{number}@contoso.example");
                sample_mailbox(&address, None, is_queue, now)
            };
            SampleRouter {
                organization_url: "https://crm.contoso.example/Contoso".to_owned(),
                pop3: server(&servers.pop3, number),
                smtp: Some(server(&servers.smtp, number)),
                smtp_anonymous: false,
                mailboxes: vec![mailbox("support", true), mailbox("amy", false), mailbox("ben", false)],
            }
        };
        let routers: Vec<_> = (1..=4).map(router).collect();
        write(&routers, folder)
    }
}

/// The routers that the practice organization plays: one for its queues, one for its users, one for its contacts, who are
/// unknown as users there.
pub(crate) fn practice_routers(servers: &PracticeServers, now: Time) -> Vec<SampleRouter> {
    let server = |port, security| SampleServer { server: servers.host().to_owned(), port, security };
    [PersonKind::Queue, PersonKind::User, PersonKind::Contact]
        .into_iter()
        .map(|kind| {
            let accounts = servers.accounts().iter().filter(|one| one.kind == kind);
            let mailbox = |one: &tandem_practice::PracticeAccount| {
                let password = one.password.reveal().to_owned();
                sample_mailbox(&one.address, Some(password), kind == PersonKind::Queue, now)
            };
            SampleRouter {
                organization_url: ORGANIZATION_URL.to_owned(),
                pop3: server(servers.pop3().port(), Security::Tls),
                smtp: Some(server(servers.submission().port(), Security::StartTls)),
                smtp_anonymous: false,
                mailboxes: accounts.map(mailbox).collect(),
            }
        })
        .filter(|router| !router.mailboxes.is_empty())
        .collect()
}

fn sample_mailbox(address: &str, password: Option<String>, is_queue: bool, now: Time) -> SampleMailbox {
    SampleMailbox {
        address: address.to_owned(),
        id: record_id(OrganizationId(Uuid::nil()), "sample router", address),
        is_queue,
        user_name: address.to_owned(),
        password,
        last_processed: Some(now - LAST_PROCESSED),
        last_error: String::new(),
    }
}

fn write(routers: &[SampleRouter], folder: &Path) -> Result<SampleRouterFilesView, ApiError> {
    let what = "The sample router files cannot be written";
    let mut folders = Vec::new();
    for (number, made) in (1_u32..).zip(files(routers, 1)) {
        let router = folder.join(format!("router-{number}"));
        fs::create_dir_all(&router).map_err(|error| in_file(what, &router, &error))?;
        let texts = [(FileKind::Key, made.key), (FileKind::State, made.state), (FileKind::Agent, made.agent)];
        for (kind, text) in texts {
            let path = router.join(kind.file_name());
            fs::write(&path, text).map_err(|error| in_file(what, &path, &error))?;
        }
        folders.push(router.to_string_lossy().into_owned());
    }
    let mailboxes: usize = routers.iter().map(|router| router.mailboxes.len()).sum();
    let text = format!(
        "{} routers with {} mailboxes. These files are composed to rehearse with; their passwords are under a scheme of \
         Tandem's own that no real router uses.",
        count(folders.len()),
        count(mailboxes)
    );
    Ok(SampleRouterFilesView { routers: folders, text })
}
