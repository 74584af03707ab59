//! Asking a person: for the vault's passphrase, and for passwords of a configuration file.

use std::{io::IsTerminal, path::Path};
use tandem_api::{
    AskPassword,
    wire::{ApiError, SecretText},
};

/// The vault's passphrase: from a file, the environment, else from the person at the terminal.
pub fn vault(file: Option<&Path>, is_new: bool) -> Result<Option<SecretText>, ApiError> {
    if let Some(file) = file {
        return from_file(file).map(Some);
    }
    if let Ok(passphrase) = std::env::var("TANDEM_VAULT_PASSPHRASE")
        && !passphrase.is_empty()
    {
        return Ok(Some(SecretText(passphrase)));
    }
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    if !is_new {
        return Ok(ask("Passphrase of the vault: "));
    }
    let Some(first) = ask("New passphrase for the vault: ") else {
        return Ok(None);
    };
    if ask("The same again: ").as_ref() != Some(&first) {
        let remedy = "Run the command again and type the same passphrase twice.";
        return Err(ApiError::plain(
            "vault_wrong_passphrase",
            "vault",
            "The two passphrases differ.",
            remedy,
        ));
    }
    Ok(Some(first))
}

/// The first line of a file that only its user can read.
pub fn from_file(file: &Path) -> Result<SecretText, ApiError> {
    let shown = file.display().to_string();
    let refused =
        |message: &str, remedy: &str| ApiError::plain("passphrase_file_unusable", &shown, message, remedy);
    let unreadable = |error: &dyn std::fmt::Display| {
        refused(
            "The file with the vault's passphrase cannot be read.",
            "Check the path, and that the account that runs Tandem may read it.",
        )
        .said(error)
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(file).map_err(|error| unreadable(&error))?.permissions().mode();
        // systemd's credentials are its own affair: access lists make their mode look wider than it is.
        let is_credential = std::env::var_os("CREDENTIALS_DIRECTORY")
            .is_some_and(|folder| !folder.is_empty() && file.starts_with(folder));
        if mode & 0o077 != 0 && !is_credential {
            return Err(refused(
                "Others can read the file with the vault's passphrase, so it is not used.",
                "Take their rights away: chmod 600 FILE.",
            ));
        }
    }
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(refused(
            "The file with the vault's passphrase is empty.",
            "Write the passphrase into its first line.",
        ));
    }
    Ok(SecretText(line.to_owned()))
}

fn ask(prompt: &str) -> Option<SecretText> {
    rpassword::prompt_password(prompt).ok().map(SecretText)
}

/// Asks at the terminal, when there is one.
#[derive(Debug, Clone, Copy)]
pub struct AskAtTerminal;

impl AskPassword for AskAtTerminal {
    fn ask(&self, object: &str) -> Option<SecretText> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        ask(&format!("Password of {object}: "))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_passphrase_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passphrase");
        std::fs::write(&file, "correct horse\nsecond line\n").unwrap();
        let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        let refused = from_file(&file).unwrap_err();
        assert_eq!(refused.code, "passphrase_file_unusable");
        assert!(!format!("{refused:?}").contains("horse"));
        mode(0o600);
        assert_eq!(from_file(&file).unwrap().0, "correct horse");
    }
}
