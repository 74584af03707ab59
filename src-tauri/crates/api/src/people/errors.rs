//! Errors of every layer as what a shell shows.

use super::failures;
use crate::wire::{ApiError, Certificate, Time};
use tandem_domain::failure::{Failure, RefusedCertificate};
use tandem_engine::ports::storage::StorageError;
use tandem_secrets::SecretError;
use tandem_store::{OpenError, configuration::ConfigurationError};

impl ApiError {
    /// A call that names no action.
    #[must_use]
    pub fn unknown_action(action: &str) -> Self {
        Self::plain("unknown_action", action, "There is no such action.", "Use a shell of the same version.")
    }

    /// A call whose request does not fit its action.
    #[must_use]
    pub fn bad_request(action: &str, error: &serde_json::Error) -> Self {
        Self::plain("bad_request", action, &error.to_string(), "Use a shell of the same version.")
    }

    /// An error with neither server, retry nor certificate.
    #[must_use]
    pub fn plain(code: &str, object: &str, message: &str, remedy: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
            remedy: remedy.to_owned(),
            object: object.to_owned(),
            server_said: None,
            retry_at: None,
            certificate: None,
        }
    }

    /// Something that was named does not exist.
    #[must_use]
    pub fn not_found(kind: &str, object: &str) -> Self {
        Self::plain(
            "not_found",
            object,
            &format!("There is no {kind} {object}."),
            &format!("Check the spelling; `tandem {}` shows what there is.", list_command(kind)),
        )
    }

    /// A fault in Tandem itself.
    pub(crate) fn internal(object: &str, error: &dyn std::fmt::Display) -> Self {
        let remedy = "Do it again; if it stays, send the words below to Tandem's support.";
        Self::plain("internal", object, "A fault in Tandem itself stopped it.", remedy).said(error)
    }

    /// A word that is none of those allowed.
    #[must_use]
    pub fn unknown_word(field: &str, word: &str, allowed: &[&str]) -> Self {
        Self::plain(
            "unknown_word",
            field,
            &format!("\"{word}\" is not a value of {field}."),
            &format!("Use one of: {}.", allowed.join(", ")),
        )
    }

    /// The same, with the system's words.
    #[must_use]
    pub fn said(mut self, words: &dyn std::fmt::Display) -> Self {
        self.server_said = Some(words.to_string()).filter(|words| !words.is_empty());
        self
    }
}

fn list_command(kind: &str) -> &'static str {
    match kind {
        "mailbox" => "mailbox list",
        "profile" => "profile list",
        "email" => "email list",
        "quarantined message" => "quarantine list",
        _ => "export --records",
    }
}

/// A failure of a server, mailbox or message.
pub(crate) fn of_failure(object: &str, failure: &Failure, retry_at: Option<Time>) -> ApiError {
    let text = failures::of(failure.code);
    ApiError {
        code: failure.code.as_str().to_owned(),
        message: text.message.replace("{object}", object),
        remedy: with_retry(text, retry_at.is_some()),
        object: object.to_owned(),
        server_said: Some(failure.server_said.clone()).filter(|said| !said.is_empty()),
        retry_at,
        certificate: failure.certificate.as_deref().map(|refused| Box::new(certificate(refused))),
    }
}

/// The next step; where it is tried again, that too.
pub(super) fn with_retry(text: failures::Text, is_retried: bool) -> String {
    if is_retried { format!("{}{}", text.remedy, text.again) } else { text.remedy.to_owned() }
}

/// A failure in one line, where there is room for no more.
pub(crate) fn failure_sentence(object: &str, failure: &Failure) -> String {
    let message = failures::of(failure.code).message.replace("{object}", object);
    if failure.server_said.is_empty() { message } else { format!("{message} ({})", failure.server_said) }
}

fn certificate(refused: &RefusedCertificate) -> Certificate {
    Certificate {
        host: refused.host.clone(),
        subject: refused.subject.clone(),
        names: refused.names.clone(),
        issuer: refused.issuer.clone(),
        not_before: refused.not_before.clone(),
        not_after: refused.not_after.clone(),
        sha256: refused.sha256.clone(),
        why: refused.why.clone(),
    }
}

/// A failure of storage.
pub(crate) fn of_storage(object: &str, error: &StorageError) -> ApiError {
    match error {
        StorageError::DiskFull { path } => ApiError::plain(
            "disk_full",
            path,
            "The disk is full; nothing of this step was written.",
            "Make room on that disk, then do it again. Mail that was not kept is still on the server.",
        ),
        StorageError::Conflict => ApiError::plain(
            "conflict",
            object,
            "Something else changed it at the same moment; nothing was written.",
            "Look at it again, then repeat the change if it is still wanted.",
        ),
        StorageError::NotFound(what) => ApiError::plain(
            "not_found",
            object,
            &format!("{what} does not exist (any more)."),
            "Check the spelling, or list what there is.",
        ),
        StorageError::Unusable { trouble, why } => {
            let text = failures::of(trouble.code());
            let message = text.message.replace("{object}", object);
            ApiError::plain(trouble.code().as_str(), object, &message, text.remedy).said(why)
        }
        StorageError::Failed(why) => ApiError::plain(
            "store_failed",
            object,
            "Tandem's database on this computer failed.",
            "Check that the disk works and that you may write to Tandem's data folder, then do it again.",
        )
        .said(why),
    }
}

/// A change of the configuration that was refused. Nothing was changed.
pub(crate) fn of_configuration(object: &str, error: &ConfigurationError) -> ApiError {
    let refused = |code: &str, remedy: &str| {
        ApiError::plain(code, object, &format!("{error}. Nothing was changed."), remedy)
    };
    match error {
        ConfigurationError::OwnerHasMailbox { .. } => refused(
            "owner_has_mailbox",
            "Choose another owner, or make a queue for this address; `tandem mailbox remap` moves an address to another owner.",
        ),
        ConfigurationError::AddressTaken { .. } => refused(
            "address_taken",
            "Remap the address to the other owner (`tandem mailbox remap`), or use another address.",
        ),
        ConfigurationError::NameTaken { .. } => refused("name_taken", "Choose another name for the profile."),
        ConfigurationError::InUse { .. } => refused("in_use", "Change or remove what uses it first."),
        ConfigurationError::Missing { .. } => {
            refused("not_found", "Check the spelling, or make it first; it may have been deleted meanwhile.")
        }
        ConfigurationError::Storage(error) => of_storage(object, error),
    }
}

/// A data folder that cannot be opened.
pub(crate) fn of_open(folder: &std::path::Path, error: &OpenError) -> ApiError {
    let shown = folder.display().to_string();
    match error {
        OpenError::Newer { path, found, known } => ApiError::plain(
            "database_newer",
            &path.display().to_string(),
            &format!(
                "The database has version {found}, and this Tandem knows versions up to {known}. Nothing was changed."
            ),
            "Install the newer Tandem again, or choose another data folder (--data).",
        ),
        OpenError::NotADatabase { path, why } => ApiError::plain(
            "not_a_database",
            &path.display().to_string(),
            &format!("It is not a Tandem database: {why}. Nothing was changed."),
            "Move the file away or put it back from a backup, or choose another data folder (--data).",
        ),
        OpenError::Folder { folder, why } => ApiError::plain(
            "data_folder_unusable",
            &folder.display().to_string(),
            "The data folder cannot be used.",
            "Give this user the right to read and write it, or choose another data folder (--data).",
        )
        .said(why),
        OpenError::Locked { .. } => ApiError::plain(
            crate::compose::LOCKED,
            &shown,
            "Another Tandem already runs the engine on this data folder; one at a time may.",
            "Close the other window or `tandem run`, or choose another data folder (--data). Reading commands and `email send` work meanwhile.",
        ),
        OpenError::DiskFull { path } => {
            of_storage(&shown, &StorageError::DiskFull { path: path.display().to_string() })
        }
        OpenError::Failed { path, why } => {
            of_storage(&path.display().to_string(), &StorageError::Failed(why.clone()))
        }
    }
}

/// A failure of the secret store.
pub(crate) fn of_secret(object: &str, error: &SecretError) -> ApiError {
    ApiError::plain(error.code(), object, &format!("{error}."), &error.remedy())
}

/// A file that could not be read or written.
pub(crate) fn in_file(what: &str, path: &std::path::Path, error: &std::io::Error) -> ApiError {
    use std::io::ErrorKind;
    let remedy = match error.kind() {
        ErrorKind::NotFound => "Check the path: it does not exist.",
        ErrorKind::PermissionDenied => {
            "Choose a place that you may read and write, or change its permissions."
        }
        ErrorKind::AlreadyExists => "Choose another name, or say that the existing file may be replaced.",
        ErrorKind::StorageFull => "Make room on that disk, then do it again.",
        _ => "Check the path and the disk, then do it again.",
    };
    ApiError::plain("file_failed", &path.display().to_string(), &format!("{what}."), remedy).said(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_domain::failure::FailureCode;
    use tandem_engine::ports::storage::StorageTrouble;

    #[test]
    fn a_failure_names_its_object_and_keeps_the_servers_words() {
        let failure = Failure::permanent_mailbox(FailureCode::AuthenticationFailed, "535 5.7.8 no");
        let error = of_failure("amy@contoso.test", &failure, None);
        assert!(error.message.contains("amy@contoso.test") && !error.message.contains('{'));
        assert_eq!(error.server_said.as_deref(), Some("535 5.7.8 no"));
    }

    #[test]
    fn every_storage_error_has_a_code_and_a_next_step() {
        let all = [
            StorageError::DiskFull { path: "/data".into() },
            StorageError::Conflict,
            StorageError::NotFound("email 1".into()),
            StorageError::Unusable { trouble: StorageTrouble::Damaged, why: "malformed".into() },
            StorageError::Failed("locked".into()),
        ];
        let codes: std::collections::BTreeSet<_> =
            all.iter().map(|error| of_storage("x", error).code).collect();
        assert_eq!(codes.len(), all.len());
        assert!(all.iter().all(|error| !of_storage("x", error).remedy.is_empty()));
    }
}
