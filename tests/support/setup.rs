//! The text that `tandem apply` reads to know the test's servers.
use crate::{certificate::Certificates, options::Account, servers::MailServers};
use std::fmt::Write;

/// How mail is fetched; the way of sending goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retrieval {
    /// POP3 with TLS from the start; sends on 465's kind of port.
    Pop3Tls,
    /// POP3 with STLS; sends with STARTTLS.
    Pop3StartTls,
    /// IMAP with TLS from the start; sends on 465's kind of port.
    ImapTls,
    /// IMAP with STARTTLS; sends with STARTTLS.
    ImapStartTls,
}

impl MailServers {
    /// A configuration with one profile named `name` and, for each account, a user and an approved mailbox with its
    /// workloads incoming and outgoing; passwords come from [`Account::password_variable`].
    pub fn setup(&self, name: &str, retrieval: Retrieval) -> String {
        self.setup_for(name, retrieval, &self.accounts.iter().collect::<Vec<_>>())
    }

    /// The same for some of the accounts.
    pub fn setup_for(&self, name: &str, retrieval: Retrieval, accounts: &[&Account]) -> String {
        let ports = &self.ports;
        let (kind, incoming, outgoing, security) = match retrieval {
            Retrieval::Pop3Tls => ("pop3_smtp", ports.pop3s, ports.submissions, "tls"),
            Retrieval::Pop3StartTls => ("pop3_smtp", ports.pop3, ports.submission, "starttls"),
            Retrieval::ImapTls => ("imap_smtp", ports.imaps, ports.submissions, "tls"),
            Retrieval::ImapStartTls => ("imap_smtp", ports.imap, ports.submission, "starttls"),
        };
        let Certificates { ca_pem, .. } = &self.certificates;
        let ca = ca_pem.display();
        let mut text = format!(
            "[[profile]]\nname = \"{name}\"\nserver_type = \"{kind}\"\nauthenticate_using = \"user_or_queue\"\n\
             process_emails_from = 2000-01-01T00:00:00Z\n"
        );
        for (direction, port) in [("incoming", incoming), ("outgoing", outgoing)] {
            write!(
                text,
                "  [profile.{direction}]\n  server = \"localhost\"\n  port = {port}\n  security = \"{security}\"\n  \
                 ca_file = \"{ca}\"\n"
            )
            .expect("text");
        }
        for account in accounts {
            text += &mailbox(account, name);
        }
        text
    }
}

pub(crate) fn mailbox(account: &Account, profile: &str) -> String {
    let Account { address, .. } = account;
    let variable = account.password_variable();
    format!(
        "\n[[user]]\nname = \"{address}\"\nemail = \"{address}\"\nincoming_filter = \"all\"\n\n\
         [[mailbox]]\nemail = \"{address}\"\nprofile = \"{profile}\"\n\
         incoming = \"server_side_sync\"\noutgoing = \"server_side_sync\"\nact = \"none\"\n\
         user_name = \"{address}\"\npassword = {{ env = \"{variable}\" }}\nallow_credentials = true\napproved = true\n"
    )
}
