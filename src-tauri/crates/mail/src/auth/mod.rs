//! Encodes credentials for SASL PLAIN (RFC 4616) and LOGIN, for POP3, IMAP and SMTP alike.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tandem_domain::failure::{Failure, FailureCode};
use tandem_engine::ports::mail::Credentials;
use zeroize::Zeroizing;

/// A user name and a password that can be sent as they are.
pub struct Login<'a> {
    /// The user name.
    pub user_name: &'a str,
    password: &'a str,
}

impl<'a> Login<'a> {
    /// The user name and password of credentials; `None` when there are none.
    ///
    /// # Errors
    /// `AuthenticationFailed` when one holds a NUL or a line end: no protocol can carry it, and a line end would
    /// smuggle in a command.
    pub fn of(credentials: &'a Credentials) -> Result<Option<Self>, Failure> {
        let Credentials::Password { user_name, password } = credentials else { return Ok(None) };
        for (what, text) in [("user name", user_name.as_str()), ("password", password.as_str())] {
            if text.bytes().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
                let said = format!("the {what} holds a line end or a NUL, which cannot be sent");
                return Err(Failure::permanent_mailbox(FailureCode::AuthenticationFailed, said));
            }
        }
        Ok(Some(Self { user_name, password }))
    }

    /// The password, to be written to a connection and nowhere else.
    #[must_use]
    pub fn password(&self) -> &str {
        self.password
    }

    /// The one response of PLAIN: no authorization identity, user name, password; in base64.
    #[must_use]
    pub fn plain(&self) -> Zeroizing<String> {
        let response = Zeroizing::new(format!("\0{}\0{}", self.user_name, self.password));
        Zeroizing::new(STANDARD.encode(response.as_bytes()))
    }

    /// The two responses of LOGIN: user name and password, each in base64.
    #[must_use]
    pub fn login(&self) -> [Zeroizing<String>; 2] {
        [self.user_name, self.password].map(|text| Zeroizing::new(STANDARD.encode(text)))
    }

    /// What a server said, without our secrets: some servers repeat a command that they don't know.
    #[must_use]
    pub fn cleansed(&self, said: &str) -> String {
        let [_, password] = self.login();
        // As IMAP quotes it (RFC 9051 section 4.3).
        let quoted = Zeroizing::new(self.password.replace('\\', r"\\").replace('"', "\\\""));
        [self.plain().as_str(), password.as_str(), quoted.as_str(), self.password]
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(said.to_owned(), |said, secret| said.replace(secret, "***"))
    }

    /// The same for a failure of logging in.
    #[must_use]
    pub fn cleansed_failure(&self, mut failure: Failure) -> Failure {
        failure.server_said = self.cleansed(&failure.server_said);
        failure
    }
}

/// The failure when a server asks for a login and nothing is configured.
#[must_use]
pub fn nothing_to_log_in_with(host: &str) -> Failure {
    let said = format!("{host}: the server asks for a user name and a password");
    Failure::permanent_mailbox(FailureCode::PasswordMissing, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user_name: &str, password: &str) -> Credentials {
        Credentials::Password { user_name: user_name.into(), password: Zeroizing::new(password.into()) }
    }

    #[test]
    fn plain_is_encoded_as_in_the_rfc() {
        let credentials = credentials("tim", "tanstaaftanstaaf");
        let login = Login::of(&credentials).unwrap().unwrap();
        assert_eq!(*login.plain(), "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
    }

    #[test]
    fn a_server_that_repeats_a_command_does_not_make_us_show_the_password() {
        let credentials = credentials("tim", r#"a\b"c"#);
        let login = Login::of(&credentials).unwrap().unwrap();
        for repeated in
            [r#"a\b"c"#, r#"LOGIN "tim" "a\\b\"c""#, login.plain().as_str(), login.login()[1].as_str()]
        {
            let shown = login.cleansed(&format!("BAD unknown: {repeated}"));
            assert!(shown.contains("***") && !shown.contains(repeated), "{shown}");
        }
    }

    #[test]
    fn a_password_cannot_smuggle_in_a_command() {
        let failure = Login::of(&credentials("tim", "x\r\nDELE 1")).err().unwrap();
        assert_eq!(failure.code, FailureCode::AuthenticationFailed);
        assert!(!failure.server_said.contains("DELE"));
    }
}
