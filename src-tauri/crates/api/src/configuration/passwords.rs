//! Where a configuration file says that a password is: the environment, another file, or a person.

use super::problem::Problems;
use crate::wire::SecretText;
use std::{
    ops::Range,
    path::{Path, PathBuf},
};
use tandem_secrets::{Secret, SecretRef};
use tandem_store::CredentialsOf;
use toml::Spanned;

/// Asks a person for a password. A shell without a person to ask gives none.
pub trait AskPassword: Sync {
    /// Asks for the password of what is named. `None`: nobody can be asked.
    fn ask(&self, object: &str) -> Option<SecretText>;
}

/// Nobody can be asked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NobodyToAsk;

impl AskPassword for NobodyToAsk {
    fn ask(&self, _object: &str) -> Option<SecretText> {
        None
    }
}

/// A password that a file asks to be kept.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The key in the secret store.
    pub(crate) key: SecretRef,
    /// Whose it is.
    pub(crate) of: CredentialsOf,
    /// The same in words, such as `mailbox amy@contoso.test`.
    pub(crate) object: String,
    /// Where it is.
    pub(crate) source: Source,
    /// Where the file says so.
    pub(crate) span: Range<usize>,
}

/// Where a password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// In this environment variable.
    Environment(String),
    /// In this file, whole, less one line end.
    File(PathBuf),
    /// A person knows it.
    Prompt,
}

const REMEDY: &str = "Write password = { env = \"NAME\" }, { file = \"PATH\" } or { prompt = true }.";

/// Reads what a file says about a password.
pub(crate) fn source(
    value: &Spanned<toml::Value>,
    object: &str,
    folder: &Path,
    problems: &mut Problems<'_>,
) -> Option<Source> {
    let mut wrong = |message: &str| {
        problems.add(value.span(), object, message, REMEDY);
        None
    };
    let Some(table) = value.get_ref().as_table() else {
        return wrong("A password does not stand in a configuration file.");
    };
    let mut fields = table.iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return wrong("The password has none or more than one source.");
    };
    match (field.0.as_str(), field.1) {
        ("env", toml::Value::String(name)) if !name.is_empty() => Some(Source::Environment(name.clone())),
        ("file", toml::Value::String(path)) if !path.is_empty() => Some(Source::File(folder.join(path))),
        ("prompt", toml::Value::Boolean(true)) => Some(Source::Prompt),
        _ => wrong("The source of the password is not one that exists."),
    }
}

/// Fetches a password from where it is. `Ok(None)`: a person knows it and is not asked now.
pub(crate) fn fetch(
    wanted: &Wanted,
    ask: Option<&dyn AskPassword>,
    problems: &mut Problems<'_>,
) -> Option<Secret> {
    let mut wrong = |message: String, remedy: &str| {
        problems.add(wanted.span.clone(), &wanted.object, message, remedy);
        None
    };
    let secret = match &wanted.source {
        Source::Environment(name) => match std::env::var(name) {
            Ok(value) => Secret::new(value),
            Err(_) => {
                let message = format!("The environment variable {name} with the password is not set.");
                return wrong(message, "Set it for this command, then apply again.");
            }
        },
        Source::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => Secret::new(text.trim_end_matches(['\r', '\n'])),
            Err(error) => {
                let message = format!("The password file {} cannot be read: {error}.", path.display());
                return wrong(message, "Check the path and that you may read it.");
            }
        },
        Source::Prompt => match ask?.ask(&wanted.object) {
            Some(secret) => Secret::new(secret.0.clone()),
            None => {
                let message = "There is nobody to ask for the password here.".to_owned();
                return wrong(
                    message,
                    "Run the command at a terminal, or use { env = \"NAME\" } or { file = \"PATH\" }.",
                );
            }
        },
    };
    if secret.expose().is_empty() {
        return wrong("The password is empty.".to_owned(), "Give the password of the mail account.");
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Source, String> {
        let value: toml::Value = toml::from_str::<toml::Table>(text).unwrap().remove("password").unwrap();
        let mut problems = Problems::new("x.toml", text);
        match source(&Spanned::new(0..1, value), "mailbox m", Path::new("/f"), &mut problems) {
            Some(source) => Ok(source),
            None => Err(problems.into_result().unwrap_err().to_string()),
        }
    }

    #[test]
    fn a_password_has_exactly_one_source() {
        assert_eq!(read("password = { env = \"A\" }"), Ok(Source::Environment("A".into())));
        assert_eq!(read("password = { file = \"p\" }"), Ok(Source::File(Path::new("/f").join("p"))));
        assert_eq!(read("password = { prompt = true }"), Ok(Source::Prompt));
        for wrong in
            ["\"secret\"", "{}", "{ env = \"A\", file = \"B\" }", "{ prompt = false }", "{ vault = \"x\" }"]
        {
            assert!(read(&format!("password = {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_in_the_file_is_not_repeated_in_the_error() {
        assert!(!read("password = \"hunter2\"").unwrap_err().contains("hunter2"));
    }

    #[test]
    fn a_password_file_loses_its_line_end_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        std::fs::write(&path, " a b \r\n").unwrap();
        let wanted = Wanted {
            key: SecretRef::mailbox_password(uuid::Uuid::nil()),
            of: CredentialsOf::Mailbox(tandem_domain::ids::MailboxId(uuid::Uuid::nil())),
            object: "mailbox m".into(),
            source: Source::File(path),
            span: 0..1,
        };
        let mut problems = Problems::new("x.toml", "");
        assert_eq!(fetch(&wanted, None, &mut problems).unwrap().expose(), " a b ");
        assert_eq!(problems.count(), 0);
    }
}
