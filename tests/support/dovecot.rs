//! Dovecot's configuration for one test: POP3 and IMAP, each with TLS from the start and with STARTTLS.
use crate::{
    options::{Account, FsyncMode, MailOptions},
    servers::{Ports, Setting, program},
};
use std::{fmt::Write, fs, process::Command};

/// Writes `dovecot.conf` and the password file.
pub(crate) fn configure(setting: &Setting, ports: &Ports, options: &MailOptions) {
    let folder = setting.folder.display();
    let (major, minor) = version();
    let modern = (major, minor) >= (2, 4);
    let mut text = String::new();
    if modern {
        write!(
            text,
            "dovecot_config_version = {major}.{minor}.0\n\
             dovecot_storage_version = {major}.{minor}.0\n\
             ssl_server_cert_file = {folder}/server.pem\n\
             ssl_server_key_file = {folder}/server.key\n\
             auth_allow_cleartext = no\n\
             mail_driver = maildir\n\
             mail_path = {folder}/mail/%{{user}}\n\
             mail_home = {folder}/mail/%{{user}}\n\
             passdb passwd-file {{\n  passwd_file_path = {folder}/dovecot/users\n}}\n\
             userdb passwd-file {{\n  passwd_file_path = {folder}/dovecot/users\n}}\n"
        )
        .expect("text");
    } else {
        write!(
            text,
            "ssl_cert = <{folder}/server.pem\n\
             ssl_key = <{folder}/server.key\n\
             disable_plaintext_auth = yes\n\
             mail_location = maildir:{folder}/mail/%u\n\
             passdb {{\n  driver = passwd-file\n  args = username_format=%u {folder}/dovecot/users\n}}\n\
             userdb {{\n  driver = passwd-file\n  args = username_format=%u {folder}/dovecot/users\n}}\n"
        )
        .expect("text");
    }
    let owner = &setting.owner;
    let Ports { pop3, pop3s, imap, imaps, .. } = ports;
    let fsync = match options.fsync {
        FsyncMode::Optimized => "optimized",
        FsyncMode::Never => "never",
    };
    // The limits: a benchmark opens many connections from one address, and a test logs in wrongly on purpose, which
    // the penalty of `anvil` would turn into seconds of waiting for everybody on 127.0.0.1.
    write!(
        text,
        "base_dir = {folder}/dovecot/run\n\
         state_dir = {folder}/dovecot/state\n\
         log_path = {folder}/dovecot/log\n\
         protocols = imap pop3\n\
         listen = 127.0.0.1\n\
         ssl = required\n\
         auth_mechanisms = plain login\n\
         auth_failure_delay = 0 secs\n\
         first_valid_uid = 1\n\
         mail_uid = {uid}\n\
         mail_gid = {gid}\n\
         mail_fsync = {fsync}\n\
         mail_max_userip_connections = 10000\n\
         default_vsz_limit = 2G\n\
         default_process_limit = 2000\n\
         default_client_limit = 8000\n\
         service imap-login {{\n  {many_per_process}\n  process_min_avail = 1\n  inet_listener imap {{\n    port = {imap}\n  }}\n  \
         inet_listener imaps {{\n    port = {imaps}\n    ssl = yes\n  }}\n{login_extra}}}\n\
         service pop3-login {{\n  {many_per_process}\n  process_min_avail = 1\n  inet_listener pop3 {{\n    port = {pop3}\n  }}\n  \
         inet_listener pop3s {{\n    port = {pop3s}\n    ssl = yes\n  }}\n{login_extra}}}\n\
         service imap {{\n  process_limit = 2000\n}}\n\
         service pop3 {{\n  process_limit = 2000\n}}\n\
         service auth {{\n  client_limit = 20000\n  unix_listener {folder}/dovecot/sasl {{\n    mode = 0666\n  }}\n}}\n\
         service anvil {{\n  client_limit = 20000\n{login_extra}  unix_listener anvil-auth-penalty {{\n    mode = 0\n  }}\n}}\n",
        uid = owner.uid,
        gid = owner.gid,
        many_per_process = if modern { "restart_request_count = unlimited" } else { "service_count = 0" },
        login_extra = if setting.is_root { "" } else { "  chroot =\n" },
    )
    .expect("text");
    if !setting.is_root {
        // Without root every process of Dovecot is the caller's.
        writeln!(
            text,
            "default_internal_user = {u}\ndefault_internal_group = {g}\ndefault_login_user = {u}",
            u = owner.user,
            g = owner.group
        )
        .expect("text");
    }
    fs::write(setting.folder.join("dovecot/dovecot.conf"), text).expect("write dovecot.conf");

    write_users(setting, &options.accounts);
}

/// Writes the password file; Dovecot reads it again when it changed.
pub(crate) fn write_users(setting: &Setting, accounts: &[Account]) {
    let (folder, owner) = (setting.folder.display(), &setting.owner);
    let mut users = String::new();
    for account in accounts {
        writeln!(
            users,
            "{a}:{{PLAIN}}{p}:{uid}:{gid}::{folder}/mail/{a}::",
            a = account.address,
            p = account.password,
            uid = owner.uid,
            gid = owner.gid
        )
        .expect("text");
    }
    let path = setting.folder.join("dovecot/users");
    fs::write(path.with_extension("new"), users).expect("write users");
    fs::rename(path.with_extension("new"), path).expect("write users");
}

/// The command that runs Dovecot in the foreground.
pub(crate) fn command(setting: &Setting) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program("dovecot"));
    command.arg("-F").arg("-c").arg(setting.folder.join("dovecot/dovecot.conf")).process_group(0);
    command
}

/// Major and minor number: 2.4 has a configuration language of its own.
fn version() -> (u32, u32) {
    let output = Command::new(program("dovecot")).arg("--version").output().expect("dovecot --version");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.trim().split(['.', ' ']).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(2), numbers.next().unwrap_or(3))
}
