//! A bundle for whoever helps: how everything stands, in one zip file.
//!
//! It is made of what the window shows, so no secret can get in: none of those answers has one. Nothing that people wrote
//! to each other is in it either; names and addresses are. A part that cannot be looked up, in trouble often the
//! interesting one, is there with its error.

use crate::{
    Tandem,
    people::{in_file, of_storage},
    wire::{
        AlertsRequest, ApiError, DiagnosticsRequest, DiagnosticsResult, ExportRequest, HistoryRequest,
        MonitoringRequest, Nothing,
    },
};
use serde::Serialize;
use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};
use zip::{ZipWriter, write::SimpleFileOptions};

/// A file of the bundle.
struct Part {
    name: String,
    content: Vec<u8>,
    is_missing: bool,
}

/// The program and the machine.
#[derive(Serialize)]
struct About {
    program: &'static str,
    version: &'static str,
    system: &'static str,
    processor: &'static str,
    made_at: crate::wire::Time,
    engine_runs: bool,
    /// Files of the data folder with their sizes in bytes.
    data: Vec<(String, u64)>,
}

impl Tandem {
    /// Saves the bundle.
    ///
    /// # Errors
    /// Only a file that cannot be written: what cannot be looked up is said in the bundle.
    pub async fn diagnostics(&self, request: DiagnosticsRequest) -> Result<DiagnosticsResult, ApiError> {
        let monitoring = MonitoringRequest { limit: Some(u32::MAX), ..Default::default() };
        let alerts = AlertsRequest { include_cleared: true, ..Default::default() };
        let parts = vec![
            json("about", self.about().await),
            text("database", "txt", self.check_database().await),
            text("configuration", "toml", self.export(ExportRequest::default()).await.map(|all| all.text)),
            json("settings", self.settings(Nothing {}).await),
            json("alert_settings", self.alert_settings(Nothing {}).await),
            json("health", self.health(Nothing {}).await),
            json("alerts", self.alerts(alerts).await),
            json("profiles", self.profiles(Nothing {}).await),
            json("mailboxes", self.mailboxes(Nothing {}).await),
            json("monitoring", self.monitoring(monitoring).await),
            json("history", self.history(HistoryRequest::default()).await),
            json("test_jobs", self.test_jobs(Nothing {}).await),
        ];
        let files = parts.iter().map(|part| part.name.clone()).collect();
        let missing = parts.iter().filter(|part| part.is_missing).map(|part| part.name.clone()).collect();
        let path = PathBuf::from(&request.path);
        let to = path.clone();
        let written = tokio::task::spawn_blocking(move || write(&to, &parts)).await;
        written
            .map_err(|error| ApiError::internal(&request.path, &error))?
            .map_err(|error| in_file("The bundle cannot be written", &path, &error))?;
        Ok(DiagnosticsResult { path: request.path, files, missing })
    }

    async fn about(&self) -> Result<About, ApiError> {
        let folder = self.folder.clone();
        let data = tokio::task::spawn_blocking(move || sizes(&folder)).await;
        let data = data.map_err(|error| ApiError::internal("data folder", &error))?;
        Ok(About {
            program: "Tandem",
            version: env!("CARGO_PKG_VERSION"),
            system: std::env::consts::OS,
            processor: std::env::consts::ARCH,
            made_at: self.now(),
            engine_runs: self.judge().await?.engine_runs(),
            data: data.map_err(|error| in_file("The data folder cannot be listed", &self.folder, &error))?,
        })
    }

    async fn check_database(&self) -> Result<String, ApiError> {
        let found = self.store.quick_check().await.map_err(|error| of_storage("database", &error))?;
        Ok(if found.is_empty() { "All is well.\n".to_owned() } else { found.join("\n") + "\n" })
    }
}

/// Files directly in a folder, with their sizes.
fn sizes(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut sizes = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        sizes.push((entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.len()));
    }
    sizes.sort();
    Ok(sizes)
}

fn json(name: &str, answer: Result<impl Serialize, ApiError>) -> Part {
    let written = answer.and_then(|answer| {
        serde_json::to_string_pretty(&answer).map_err(|error| ApiError::internal(name, &error))
    });
    text(name, "json", written)
}

fn text(name: &str, kind: &str, answer: Result<String, ApiError>) -> Part {
    match answer {
        Ok(text) => Part { name: format!("{name}.{kind}"), content: text.into_bytes(), is_missing: false },
        Err(error) => Part {
            name: format!("{name}.error.json"),
            content: serde_json::to_vec_pretty(&error).unwrap_or_else(|_| error.message.into_bytes()),
            is_missing: true,
        },
    }
}

/// Writes beside the place and renames: an older bundle is not left half replaced.
fn write(path: &Path, parts: &[Part]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder)?;
    write_to(file.as_file(), parts)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn write_to(file: &File, parts: &[Part]) -> io::Result<()> {
    let mut bundle = ZipWriter::new(file);
    for part in parts {
        bundle.start_file(part.name.as_str(), SimpleFileOptions::default())?;
        bundle.write_all(&part.content)?;
    }
    bundle.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        OpenOptions, SecretsChoice,
        wire::{ApplyRequest, SendEmailRequest},
    };
    use std::io::Read;

    const PASSWORD: &str = "Xk9-Distinctive-Password-71";

    fn unpacked(path: &Path) -> Vec<(String, String)> {
        let mut bundle = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
        let files = (0..bundle.len()).map(|index| {
            let mut file = bundle.by_index(index).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            (file.name().unwrap().into_owned(), text)
        });
        files.collect()
    }

    #[tokio::test]
    async fn the_bundle_says_how_everything_stands_and_holds_neither_secrets_nor_mail() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let options = OpenOptions { data: Some(data), secrets: SecretsChoice::Memory };
        let tandem = Tandem::open(options).await.unwrap();
        let secret = home.path().join("password.txt");
        std::fs::write(&secret, PASSWORD).unwrap();
        let text = format!(
            "[[profile]]\nname = \"Contoso\"\nserver_type = \"imap_smtp\"\nauthenticate_using = \"user_or_queue\"\n\
             incoming = {{ server = \"mail.contoso.test\", port = 993, security = \"tls\" }}\n\
             outgoing = {{ server = \"mail.contoso.test\", port = 465, security = \"tls\" }}\n\
             [[user]]\nname = \"Amy\"\nemail = \"amy@contoso.test\"\n\
             [[mailbox]]\nemail = \"amy@contoso.test\"\nowner = \"user:Amy\"\nprofile = \"Contoso\"\n\
             user_name = \"amy\"\npassword = {{ file = '{}' }}\nincoming = \"server_side_sync\"\n\
             outgoing = \"server_side_sync\"\napproved = true\n",
            secret.display()
        );
        tandem.apply(ApplyRequest { text, file: None, dry_run: false }).await.unwrap();
        let email = SendEmailRequest {
            from: "amy@contoso.test".into(),
            to: vec!["ben@fabrikam.test".into()],
            subject: "A subject of theirs".into(),
            body: "What they wrote".into(),
            ..Default::default()
        };
        tandem.send_email(email).await.unwrap();

        let path = home.path().join("bundle.zip");
        std::fs::write(&path, "an older one").unwrap();
        let request = DiagnosticsRequest { path: path.to_string_lossy().into_owned() };
        let said = tandem.diagnostics(request).await.unwrap();
        assert_eq!(said.missing, Vec::<String>::new());
        let files = unpacked(&path);
        let names: Vec<_> = files.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names, said.files);
        let of = |name: &str| &files.iter().find(|(one, _)| one == name).unwrap().1;
        assert!(of("configuration.toml").contains("mail.contoso.test"));
        assert!(of("mailboxes.json").contains("amy@contoso.test"));
        assert!(of("about.json").contains(env!("CARGO_PKG_VERSION")));
        assert_eq!(of("database.txt"), "All is well.\n");
        for (name, text) in &files {
            for needle in [PASSWORD, "A subject of theirs", "What they wrote"] {
                assert!(!text.contains(needle), "{name} holds \"{needle}\": {text}");
            }
        }
    }

    #[tokio::test]
    async fn a_bundle_that_cannot_be_written_says_so() {
        let home = tempfile::tempdir().unwrap();
        let options = OpenOptions { data: Some(home.path().to_path_buf()), secrets: SecretsChoice::Memory };
        let tandem = Tandem::open(options).await.unwrap();
        let path = home.path().join("nowhere").join("bundle.zip").to_string_lossy().into_owned();
        let refused = tandem.diagnostics(DiagnosticsRequest { path }).await.unwrap_err();
        assert_eq!(refused.code, "file_failed");
    }

    #[test]
    fn a_part_that_fails_is_there_with_its_error() {
        let part = json("health", Err::<Nothing, _>(ApiError::not_found("mailbox", "amy")));
        assert!(part.is_missing && part.name == "health.error.json");
        assert!(String::from_utf8(part.content).unwrap().contains("amy"));
    }
}
