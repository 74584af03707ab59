//! Asking a person: for the vault's passphrase, and for passwords of a configuration file.

use std::io::IsTerminal;
use tandem_api::{
    AskPassword,
    wire::{ApiError, SecretText},
};

/// The vault's passphrase: from the environment, else from the person at the terminal.
pub fn vault(is_new: bool) -> Result<Option<SecretText>, ApiError> {
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
