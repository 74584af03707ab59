//! launchd: an agent for this user, or a daemon for the whole computer.

use super::plan::Plan;
use crate::arguments::Scope;
use std::path::{Path, PathBuf};

/// In every file that we write, and in none that we did not.
pub const MARK: &str = "<!-- Written by `tandem service install`; `tandem service remove` removes it. -->";

/// The label.
pub fn label(name: &str) -> String {
    format!("app.tandem.{name}")
}

/// The folder of property lists.
pub fn folder(scope: Scope, home: &Path) -> PathBuf {
    match scope {
        Scope::User => home.join("Library/LaunchAgents"),
        Scope::System => PathBuf::from("/Library/LaunchDaemons"),
    }
}

/// Where launchd keeps it: `gui/501` or `system`.
pub fn domain(scope: Scope, user: u32) -> String {
    match scope {
        Scope::User => format!("gui/{user}"),
        Scope::System => "system".to_owned(),
    }
}

/// The property list's text.
pub fn property_list(plan: &Plan) -> String {
    let mut arguments = vec![plan.program.to_string_lossy().into_owned()];
    arguments.extend(plan.arguments(plan.passphrase_file.as_deref()));
    let arguments: String =
        arguments.iter().map(|one| format!("    <string>{}</string>\n", escaped(one))).collect();
    let log = escaped(&plan.data.join("service.log").to_string_lossy());
    let account = plan.account.as_ref().map_or_else(String::new, |account| {
        format!("  <key>UserName</key>\n  <string>{}</string>\n", escaped(account))
    });
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
{MARK}
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>{label}</string>
  <key>ProgramArguments</key>
  <array>
{arguments}  </array>
{account}  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <key>ExitTimeOut</key>
  <integer>15</integer>
  <key>Umask</key>
  <integer>63</integer>
  <key>ProcessType</key>
  <string>Background</string>
  <key>StandardErrorPath</key>
  <string>{log}</string>
</dict>
</plist>
"#,
        label = label(&plan.name),
    )
}

/// The process in what `launchctl print` tells; `None` when it does not run.
pub fn process(text: &str) -> Option<u32> {
    text.lines().find_map(|line| line.trim().strip_prefix("pid = ")?.parse().ok())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::plan::sample;

    #[test]
    fn a_property_list_says_what_is_run_and_restarted() {
        let plan = Plan { data: "/Users/amy/R&D <mail>".into(), ..sample() };
        let read = plist::Value::from_reader_xml(property_list(&plan).as_bytes()).unwrap();
        let dictionary = read.as_dictionary().unwrap();
        let arguments: Vec<_> = dictionary["ProgramArguments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_string().unwrap())
            .collect();
        assert_eq!(arguments[..3], ["/opt/Tandem 1/tandem", "--data", "/Users/amy/R&D <mail>"]);
        assert_eq!(arguments[arguments.len() - 2..], ["run", "--as-service"]);
        assert_eq!(dictionary["Label"].as_string(), Some("app.tandem.tandem"));
        assert_eq!(dictionary["ExitTimeOut"].as_signed_integer(), Some(15));
        let keep = dictionary["KeepAlive"].as_dictionary().unwrap();
        assert_eq!(keep["SuccessfulExit"].as_boolean(), Some(false));
    }

    #[test]
    fn a_running_agent_has_a_process() {
        assert_eq!(process("gui/501/app.tandem.tandem = {\n\tstate = running\n\tpid = 812\n}"), Some(812));
        assert_eq!(process("gui/501/app.tandem.tandem = {\n\tstate = not running\n}"), None);
    }
}
