//! systemd: a unit for this user, or for the whole computer.

use super::plan::Plan;
use crate::arguments::Scope;
use std::path::{Path, PathBuf};

/// The first line of every unit that we write, and of none that we did not.
pub const MARK: &str = "# Written by `tandem service install`; `tandem service remove` removes it.";
/// The name under which systemd hands the passphrase over.
const CREDENTIAL: &str = "tandem-vault-passphrase";

/// The folder of units; `home` is the user's configuration folder.
pub fn folder(scope: Scope, home: &Path) -> PathBuf {
    match scope {
        Scope::User => home.join("systemd/user"),
        Scope::System => PathBuf::from("/etc/systemd/system"),
    }
}

/// The unit's text. A system's unit gets the passphrase as a credential, which root reads for it; a user's unit reads
/// the user's own file.
pub fn unit(plan: &Plan) -> String {
    let system = plan.scope == Scope::System;
    let credential = plan.passphrase_file.as_deref().filter(|_| system);
    let arguments = match (credential, plan.passphrase_file.as_deref()) {
        (Some(_), _) => plan.arguments(None),
        (None, file) => plan.arguments(file),
    };
    let mut line = quoted(&plan.program.to_string_lossy());
    for argument in &arguments {
        line.push(' ');
        line.push_str(&quoted(argument));
    }
    let after = if system { "Wants=network-online.target\nAfter=network-online.target\n" } else { "" };
    let mut more = String::new();
    if let Some(file) = credential {
        more += &format!("LoadCredential={CREDENTIAL}:{}\n", specifiers(&file.to_string_lossy()));
        more += &format!("Environment=TANDEM_VAULT_PASSPHRASE_FILE=%d/{CREDENTIAL}\n");
    }
    if let Some(account) = &plan.account {
        more += &format!("User={account}\n");
    }
    if system {
        more += "ProtectSystem=full\nProtectKernelTunables=yes\nProtectControlGroups=yes\n";
    }
    let wanted = if system { "multi-user.target" } else { "default.target" };
    format!(
        "{MARK}
[Unit]
Description=Tandem, server-side synchronization
{after}StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={line}
Restart=on-failure
RestartSec=10
TimeoutStopSec=15
UMask=0077
NoNewPrivileges=yes
{more}
[Install]
WantedBy={wanted}
"
    )
}

/// An argument of `ExecStart=`: quoted, with what systemd would read as its own escaped.
fn quoted(text: &str) -> String {
    let escaped = specifiers(text).replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$");
    format!("\"{escaped}\"")
}

fn specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

/// What `systemctl show` tells: `KEY=value` lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Whether it is active.
    pub running: bool,
    /// The state in systemd's words.
    pub state: String,
    /// Since when, in seconds since 1970.
    pub since: Option<i64>,
    /// The process.
    pub process: Option<u32>,
}

/// Reads it.
pub fn shown(text: &str) -> Shown {
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .map(str::trim)
            .unwrap_or_default()
    };
    let (active, sub) = (value("ActiveState"), value("SubState"));
    Shown {
        running: active == "active",
        state: format!("{active} ({sub})"),
        since: value("ActiveEnterTimestamp").strip_prefix('@').and_then(|at| at.parse().ok()),
        process: value("MainPID").parse().ok().filter(|pid| *pid != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::plan::sample;

    #[test]
    fn a_users_unit_quotes_what_systemd_would_read_as_its_own() {
        let text = unit(&sample());
        assert!(text.starts_with(MARK));
        assert!(
            text.contains(
                "ExecStart=\"/opt/Tandem 1/tandem\" \"--data\" \"/home/amy/100%% \\\"mail\\\"\" \"--secrets\" \"file\" \
                 \"--passphrase-file\" \"/home/amy/.tandem-passphrase\" \"run\" \"--as-service\"\n"
            ),
            "{text}"
        );
        assert!(text.contains("WantedBy=default.target") && !text.contains("LoadCredential"), "{text}");
    }

    #[test]
    fn a_systems_unit_gets_the_passphrase_as_a_credential() {
        let text = unit(&Plan { scope: Scope::System, account: Some("tandem".to_owned()), ..sample() });
        assert!(text.contains("LoadCredential=tandem-vault-passphrase:/home/amy/.tandem-passphrase\n"));
        assert!(text.contains("Environment=TANDEM_VAULT_PASSPHRASE_FILE=%d/tandem-vault-passphrase\n"));
        assert!(text.contains("User=tandem\n") && !text.contains("--passphrase-file"), "{text}");
    }

    #[test]
    fn a_running_and_a_stopped_unit_are_told_apart() {
        let running =
            shown("MainPID=42\nActiveState=active\nSubState=running\nActiveEnterTimestamp=@1795000000\n");
        assert_eq!((running.running, running.process, running.since), (true, Some(42), Some(1_795_000_000)));
        let stopped = shown("MainPID=0\nActiveState=inactive\nSubState=dead\nActiveEnterTimestamp=\n");
        assert_eq!((stopped.running, stopped.process, stopped.since), (false, None, None));
    }
}
