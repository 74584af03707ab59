//! Postfix's configuration for one test: submission on two ports, one port for mail from outside, no mail to outside.
use crate::{
    options::MailOptions,
    servers::{Ports, Setting},
};
use std::{collections::BTreeSet, fmt::Write, fs, process::Command};

/// Writes `main.cf`, `master.cf` and the table of mailboxes.
pub(crate) fn configure(setting: &Setting, ports: &Ports, options: &MailOptions) {
    let folder = setting.folder.display();
    let domains: BTreeSet<&str> =
        options.accounts.iter().filter_map(|account| account.address.split('@').nth(1)).collect();
    let domains = domains.into_iter().collect::<Vec<_>>().join(" ");
    let owner = &setting.owner;
    // Nothing waits: no error delays, no flow control, no connection limits; nothing is too large. Headers are kept
    // whole (by default Postfix truncates each at 100 KB).
    let main = format!(
        "compatibility_level = 3.6\n\
         queue_directory = {folder}/postfix/queue\n\
         data_directory = {folder}/postfix/data\n\
         command_directory = /usr/sbin\n\
         daemon_directory = /usr/lib/postfix/sbin\n\
         maillog_file = {folder}/postfix/queue/mail.log\n\
         maillog_file_prefixes = {folder}\n\
         myhostname = mail.contoso.test\n\
         mydestination =\n\
         mynetworks =\n\
         inet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\n\
         virtual_mailbox_domains = {domains}\n\
         virtual_mailbox_base = {folder}/mail\n\
         virtual_mailbox_maps = texthash:{folder}/postfix/etc/mailboxes\n\
         virtual_uid_maps = static:{uid}\n\
         virtual_gid_maps = static:{gid}\n\
         virtual_minimum_uid = 1\n\
         virtual_mailbox_limit = 0\n\
         virtual_destination_concurrency_limit = 50\n\
         default_transport = error:outside mail is off\n\
         relay_transport = error:outside mail is off\n\
         smtpd_tls_cert_file = {folder}/server.pem\n\
         smtpd_tls_key_file = {folder}/server.key\n\
         smtpd_tls_security_level = may\n\
         smtpd_tls_auth_only = yes\n\
         smtpd_sasl_type = dovecot\n\
         smtpd_sasl_path = {folder}/dovecot/sasl\n\
         smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination\n\
         smtpd_client_connection_count_limit = 0\n\
         smtpd_client_connection_rate_limit = 0\n\
         smtpd_error_sleep_time = 0\n\
         smtpd_soft_error_limit = 1000\n\
         smtpd_hard_error_limit = 10000\n\
         smtpd_junk_command_limit = 10000\n\
         smtpd_recipient_limit = 10000\n\
         smtpd_recipient_overshoot_limit = 10000\n\
         default_process_limit = 200\n\
         in_flow_delay = 0\n\
         message_size_limit = 0\n\
         mailbox_size_limit = 0\n\
         header_size_limit = 104857600\n\
         queue_minfree = 0\n\
         bounce_queue_lifetime = 0\n\
         alias_maps =\n\
         alias_database =\n\
         local_recipient_maps =\n",
        uid = owner.uid,
        gid = owner.gid,
    );
    let submission =
        "-o smtpd_sasl_auth_enable=yes -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject";
    let master = format!(
        "127.0.0.1:{submission_port} inet n - n - - smtpd {submission} -o smtpd_tls_security_level=encrypt\n\
         127.0.0.1:{submissions} inet n - n - - smtpd {submission} -o smtpd_tls_wrappermode=yes\n\
         127.0.0.1:{outside} inet n - n - - smtpd -o smtpd_sasl_auth_enable=no\n\
         pickup unix n - n 60 1 pickup\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         verify unix - - n - 1 verify\n\
         flush unix n - n 1000? 0 flush\n\
         showq unix n - n - - showq\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         discard unix - - n - - discard\n\
         local unix - n n - - local\n\
         virtual unix - n n - - virtual\n\
         anvil unix - - n - 1 anvil\n\
         proxymap unix - - n - - proxymap\n\
         postlog unix-dgram n - n - 1 postlogd\n",
        submission_port = ports.submission,
        submissions = ports.submissions,
        outside = ports.outside,
    );
    let etc = setting.folder.join("postfix/etc");
    let mut mailboxes = String::new();
    for account in &options.accounts {
        writeln!(mailboxes, "{a} {a}/", a = account.address).expect("text");
    }
    fs::write(etc.join("main.cf"), main).expect("write main.cf");
    fs::write(etc.join("master.cf"), master).expect("write master.cf");
    fs::write(etc.join("mailboxes"), mailboxes).expect("write mailboxes");
}

/// The command that starts Postfix in the background, its master as leader of a session of its own. It wants root.
pub(crate) fn command(setting: &Setting) -> Command {
    let mut command = setting.privileged("postfix");
    command.arg("-c").arg(setting.folder.join("postfix/etc")).arg("start");
    command
}
