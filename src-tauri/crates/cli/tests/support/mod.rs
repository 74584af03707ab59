//! The built program, run on a data folder of the test's own.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic fails the test that asked")]

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
};

/// A folder for data and files; gone with the test.
pub struct Place {
    folder: tempfile::TempDir,
}

/// What a command said.
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Where something in it is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    /// A command on the data folder `data`, with the vault's passphrase.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).args(arguments);
        for name in ["TANDEM_LOG", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env("TANDEM_DATA", self.path("data")).env("TANDEM_SECRETS", "file");
        command.env("TANDEM_VAULT_PASSPHRASE", "correct horse").env("AMY_PASSWORD", "hunter2");
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).output().unwrap())
    }

    /// Runs a command that must succeed, and reads its JSON document.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        self.run(&all).expect(0).json()
    }
}

impl Said {
    /// Itself, when it ended with this exit code.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Its standard output as one JSON document.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// What a finished command said.
pub fn said(output: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A configuration with one mailbox, whose servers listen nowhere.
pub const CONFIGURATION: &str = r#"
[[profile]]
name = "Contoso POP3"
server_type = "pop3_smtp"
  [profile.incoming]
  server = "localhost"
  port = 1
  security = "tls"
  [profile.outgoing]
  server = "localhost"
  port = 1
  security = "tls"

[[user]]
name = "Amy Alberts"
email = "amy@contoso.test"
incoming_filter = "leads_contacts_accounts"

[[queue]]
name = "Support"
email = "support@contoso.test"

[[contact]]
name = "Ben Burton"
email = "ben@fabrikam.test"

[[mailbox]]
email = "amy@contoso.test"
profile = "Contoso POP3"
incoming = "server_side_sync"
outgoing = "server_side_sync"
user_name = "amy@contoso.test"
password = { env = "AMY_PASSWORD" }
approved = true
"#;
