//! The commands and their arguments: the contract of the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{path::PathBuf, time::Duration};
use tandem_api::wire::Time;

/// Server-side synchronization for mailboxes and a CRM, without a window.
#[derive(Debug, Parser)]
#[command(name = "tandem", version, disable_help_subcommand = true)]
pub struct Arguments {
    /// The data folder; by default the same as the window's.
    #[arg(long, global = true, env = "TANDEM_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where passwords live: the OS keychain, an encrypted file (TANDEM_VAULT_PASSPHRASE), or memory (for tests).
    #[arg(long, global = true, env = "TANDEM_SECRETS", value_enum, default_value_t = Secrets::Keychain)]
    pub secrets: Secrets,
    /// A file with the passphrase of the encrypted file, readable by its user only.
    #[arg(long, global = true, env = "TANDEM_VAULT_PASSPHRASE_FILE", value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Print one JSON document on stdout.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where passwords live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Secrets {
    /// The OS keychain.
    Keychain,
    /// An encrypted file in the data folder.
    File,
    /// Nowhere: for tests.
    Memory,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create or update profiles, users, queues, contacts, accounts, leads, mailboxes and settings; all or nothing.
    Apply {
        /// A TOML file; `-` reads stdin.
        file: PathBuf,
        /// Only print what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the configuration as a file, without passwords.
    Export {
        /// Contacts, accounts and leads too.
        #[arg(long)]
        records: bool,
    },
    /// Email server profiles.
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Mailboxes.
    #[command(subcommand)]
    Mailbox(MailboxCommand),
    /// Run the engine in the foreground until SIGTERM or Ctrl-C.
    Run {
        /// Return when nothing is due.
        #[arg(long, conflicts_with = "for")]
        until_idle: bool,
        /// Return after this time, such as 30s or 5m.
        #[arg(long, value_parser = crate::times::duration, value_name = "TIME")]
        r#for: Option<Duration>,
        /// Started by systemd, Windows or launchd: tell it when the engine runs and when it stops.
        #[arg(long, conflicts_with_all = ["until_idle", "for"])]
        as_service: bool,
    },
    /// The engine as a service of the operating system: without a window, from the start of the computer.
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Synchronize one mailbox now.
    Sync {
        /// The mailbox's address.
        address: String,
        /// Only this workload.
        #[arg(long, value_parser = ["incoming", "outgoing", "act"])]
        workload: Option<String>,
    },
    /// Save a bundle that says how everything stands, for whoever helps: without secrets, and without mail.
    Diagnostics {
        /// The zip file; one that exists is replaced.
        #[arg(value_name = "FILE.zip")]
        file: PathBuf,
    },
    /// Compare mailboxes with their servers: is there a decision for every message? All mailboxes without addresses.
    Verify {
        /// The mailboxes' addresses.
        #[arg(value_name = "ADDR")]
        addresses: Vec<String>,
        /// Fetch and decide what is missing.
        #[arg(long)]
        repair: bool,
    },
    /// Email activities.
    #[command(subcommand)]
    Email(EmailCommand),
    /// Why a message was (not) tracked, and what would change it; for a file: what would happen.
    Explain {
        /// A Message-ID, or the path of a .eml file.
        subject: String,
        /// Only for this mailbox.
        #[arg(long, value_name = "ADDR")]
        mailbox: Option<String>,
    },
    /// Every message seen, one row each.
    Ledger {
        /// Only of this mailbox.
        #[arg(long, value_name = "ADDR")]
        mailbox: Option<String>,
        /// Only with this decision, such as promoted or duplicate.
        #[arg(long)]
        decision: Option<String>,
        /// At most this many, newest first; 0 is all.
        #[arg(long, default_value_t = 0)]
        limit: u32,
    },
    /// Messages that could not be read.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// What a person should know or do.
    Alerts {
        /// Only this level: information, warning or error.
        #[arg(long)]
        level: Option<String>,
        /// Only of this mailbox.
        #[arg(long, value_name = "ADDR")]
        mailbox: Option<String>,
        /// Cleared ones too.
        #[arg(long)]
        cleared: bool,
    },
    /// Whether every mailbox is synchronized, judged by its last completed cycle.
    Health,
    /// What every workload does: its state, its latest and its next cycle and why then, and what waits.
    Monitor {
        /// Only of this mailbox.
        #[arg(long, value_name = "ADDR")]
        mailbox: Option<String>,
        /// Only those whose mailbox, owner or profile contains these words.
        #[arg(long, value_name = "WORDS")]
        search: Option<String>,
        /// ok, late, stopped, unproven or failing.
        #[arg(long)]
        filter: Option<String>,
        /// late (worst first), name, workload, last, next, duration, rate, waiting or alerts [default: late].
        #[arg(long)]
        sort: Option<String>,
        /// The other way round.
        #[arg(long)]
        descending: bool,
        /// Save the rows as CSV in this file.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// What cycles did, hour by hour: the last 24 hours, or all that is kept with --csv.
    History {
        /// Only of this mailbox; without, all together, and each for itself in the CSV.
        #[arg(long, value_name = "ADDR")]
        mailbox: Option<String>,
        /// So many days back.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=366))]
        days: Option<u16>,
        /// Save the hours as CSV in this file.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// How long Test & Enable and the first sync take at a profile's limits, on simulated time. Connects to nothing.
    Forecast {
        /// How many mailboxes.
        #[arg(long, value_name = "N")]
        mailboxes: u32,
        /// The email server profile whose limits count.
        #[arg(long, value_name = "NAME")]
        profile: String,
        /// How many of them are queues; they come first.
        #[arg(long, value_name = "Q", default_value_t = 0)]
        queues: u32,
        /// Messages that wait in each inbox [default: 500].
        #[arg(long, value_name = "M")]
        messages: Option<u32>,
        /// Mailboxes of one batch of Test & Enable [default: 200].
        #[arg(long, value_name = "B")]
        batch_mailboxes: Option<u32>,
        /// Hours between the starts of two batches [default: 5].
        #[arg(long, value_name = "H")]
        batch_hours: Option<u32>,
    },
    /// Migrate from the old Email Router: plan, review, apply, undo.
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// The practice organization: embedded servers and sample data, synchronized on loopback, removed at the end.
    Practice {
        /// Keep it running this long; without, it returns when everything is synchronized.
        #[arg(long, value_parser = crate::times::duration, value_name = "TIME")]
        r#for: Option<Duration>,
        /// Write Email Router files of its servers here, to rehearse a migration with.
        #[arg(long, value_name = "DIR")]
        router_files: Option<PathBuf>,
    },
}

/// The engine as a service of the operating system.
#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Install and start it: systemd, Windows services or launchd. As root for the whole computer, else for this user.
    Install {
        /// Which service.
        #[command(flatten)]
        which: Which,
        /// Only print the file or the settings that would be installed.
        #[arg(long)]
        print: bool,
        /// The account that it runs as, where the whole computer has it; by default the one that installs it.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Stop it and remove what `install` made; data and passwords stay.
    Remove {
        /// Which service.
        #[command(flatten)]
        which: Which,
    },
    /// Whether it is installed and runs, and who runs the engine of the data folder.
    Status {
        /// Which service.
        #[command(flatten)]
        which: Which,
    },
}

/// Which service.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// Its name; another data folder needs another name.
    #[arg(long, default_value = "tandem", value_parser = crate::service::name)]
    pub name: String,
    /// For this user, or for the whole computer; by default the whole computer as root, else this user.
    #[arg(long, value_enum)]
    pub scope: Option<Scope>,
}

/// Whose service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// This user's.
    User,
    /// The whole computer's.
    System,
}

/// Email server profiles.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// List them.
    List,
    /// Show one.
    Show {
        /// Its name.
        name: String,
    },
    /// Ask an address's domain for its mail servers; nothing is saved.
    Discover {
        /// An address of the domain.
        address: String,
    },
    /// Climb the ladder of its servers: dns, tcp, tls, login, list, read, send.
    Probe {
        /// Its name.
        name: String,
    },
}

/// Mailboxes.
#[derive(Debug, Subcommand)]
pub enum MailboxCommand {
    /// List them.
    List,
    /// Show one with its last test and cycles.
    Show {
        /// Its address.
        address: String,
    },
    /// Approve addresses for processing.
    Approve(Addresses),
    /// Reject addresses.
    Reject(Addresses),
    /// Stop processing of mailboxes.
    Disable(Addresses),
    /// Test mailboxes, and enable what succeeds.
    TestEnable {
        /// Their addresses.
        #[arg(required_unless_present_any = ["profile", "all"], value_name = "ADDR")]
        addresses: Vec<String>,
        /// All mailboxes of this profile.
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// All mailboxes.
        #[arg(long)]
        all: bool,
        /// Only print the batches and when they run; change nothing.
        #[arg(long, conflicts_with = "csv")]
        plan: bool,
        /// Save the results as CSV.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// Tests of many mailboxes that were started as jobs; without a command, list them.
    TestJobs {
        /// What to do with one.
        #[command(subcommand)]
        command: Option<TestJobCommand>,
    },
    /// Move an address to another owner.
    Remap {
        /// The mailbox's address.
        address: String,
        /// The new owner's name or address.
        #[arg(long, value_name = "OWNER")]
        to: String,
        /// Do it; without, only print what would break.
        #[arg(long)]
        yes: bool,
    },
}

/// Test & Enable jobs.
#[derive(Debug, Subcommand)]
pub enum TestJobCommand {
    /// List them, newest first.
    List,
    /// Show one with its batches and what failed or was skipped.
    Show(TestJob),
    /// Start nothing more of it; what is being tested is finished.
    Pause(TestJob),
    /// Go on with a paused one, here until what is due is done.
    Resume(TestJob),
    /// End it; what has no result yet is not tested.
    Cancel(TestJob),
    /// Test again what failed, and only that.
    Retry(TestJob),
    /// Save its results as CSV.
    Csv {
        /// Its id, or the beginning of it.
        id: String,
        /// The file to write.
        file: PathBuf,
    },
}

/// A Test & Enable job.
#[derive(Debug, Args)]
pub struct TestJob {
    /// Its id, or the beginning of it.
    pub id: String,
}

/// Addresses of mailboxes.
#[derive(Debug, Args)]
pub struct Addresses {
    /// The mailboxes' addresses.
    #[arg(required = true, value_name = "ADDR")]
    pub addresses: Vec<String>,
}

/// Email activities.
#[derive(Debug, Subcommand)]
pub enum EmailCommand {
    /// List them, newest first.
    List {
        /// Only of this mailbox.
        #[arg(long, value_name = "ADDR")]
        mailbox: Option<String>,
        /// Only in this status, such as received, pending_send, sent or failed.
        #[arg(long)]
        status: Option<String>,
        /// Only with these words in the subject, an address or a name.
        #[arg(long)]
        search: Option<String>,
        /// At most this many; 0 is all.
        #[arg(long, default_value_t = 0)]
        limit: u32,
    },
    /// Show one with parties, regarding, correlation and attachments.
    Show {
        /// Its id.
        id: String,
        /// Print the raw message instead.
        #[arg(long)]
        raw: bool,
    },
    /// Make an email and queue it for sending; prints its id.
    Send(Box<SendArguments>),
    /// Settle an email whose delivery could not be confirmed.
    Resolve {
        /// Its id.
        id: String,
        /// It arrived.
        #[arg(long, required_unless_present = "resend", conflicts_with = "resend")]
        sent: bool,
        /// It did not: send it again.
        #[arg(long)]
        resend: bool,
    },
}

/// A new email.
#[derive(Debug, Args)]
pub struct SendArguments {
    /// The sender: a mailbox's address.
    #[arg(long, value_name = "ADDR")]
    pub from: String,
    /// To.
    #[arg(long, required = true, num_args = 1.., value_name = "ADDR")]
    pub to: Vec<String>,
    /// Cc.
    #[arg(long, num_args = 1.., value_name = "ADDR")]
    pub cc: Vec<String>,
    /// Bcc.
    #[arg(long, num_args = 1.., value_name = "ADDR")]
    pub bcc: Vec<String>,
    /// The subject.
    #[arg(long)]
    pub subject: String,
    /// Its text.
    #[arg(long, required_unless_present_any = ["body_file", "html"], conflicts_with = "body_file")]
    pub body: Option<String>,
    /// A file with its text.
    #[arg(long, value_name = "FILE")]
    pub body_file: Option<PathBuf>,
    /// A file with its HTML.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Files to attach.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// Not before this instant, such as 2026-12-24T08:00:00Z.
    #[arg(long, value_parser = crate::times::instant, value_name = "TIME")]
    pub at: Option<Time>,
    /// The id or Message-ID of the email that this answers.
    #[arg(long, value_name = "ID")]
    pub in_reply_to: Option<String>,
    /// What it is regarding: KIND:ID, or the address of a contact, account or lead.
    #[arg(long, value_name = "ID")]
    pub regarding: Option<String>,
}

/// Messages that could not be read.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List them.
    List,
    /// Show one.
    Show {
        /// Its id.
        id: String,
    },
    /// Try to read one, or all, again; ask the server again for those that could not be delivered.
    Retry {
        /// Its id.
        id: Option<String>,
    },
}

/// Migrating from the Email Router.
#[derive(Debug, Subcommand)]
pub enum MigrateCommand {
    /// Read up to four routers' files and print what would be made. Writes nothing but the plan's file.
    Plan {
        /// A folder with a router's three files; once per router.
        #[arg(long, value_name = "DIR", required_unless_present = "files")]
        router: Vec<PathBuf>,
        /// A router's three files, in any order; once per router.
        #[arg(long, num_args = 3, value_names = ["KEY", "STATE", "AGENT"])]
        files: Vec<PathBuf>,
        /// Save the plan to this file; `apply` reads it.
        #[arg(long, value_name = "PLAN.json")]
        out: Option<PathBuf>,
        /// Leave out the new profile with this name, and its mailboxes.
        #[arg(long, value_name = "PROFILE")]
        skip: Vec<String>,
        /// Which of the files' organizations is this one.
        #[arg(long, value_name = "KEY")]
        organization: Option<String>,
        /// Profiles reach back as far as their mailboxes, instead of 24 hours.
        #[arg(long)]
        reach_back: bool,
    },
    /// Apply a plan's file, all or nothing. Applying it again changes nothing.
    Apply {
        /// The plan's file.
        plan: PathBuf,
        /// Leave out the new profile with this name, and its mailboxes.
        #[arg(long, value_name = "PROFILE")]
        skip: Vec<String>,
        /// Save a report: HTML, or CSV when its name ends so.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        /// What differs in the configuration since the plan was made was reviewed.
        #[arg(long)]
        reviewed: bool,
    },
    /// Undo the latest migration, until the first cycle has run.
    Undo,
    /// Enter the passwords that are missing: asked for at the terminal, or from TANDEM_MIGRATION_PASSWORD_<NUMBER>.
    Passwords,
    /// The latest migration and what is left to do.
    Summary,
    /// Write the files of four routers to rehearse planning with.
    Sample {
        /// The folder; each router gets a folder in it.
        folder: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_contracts_examples_are_understood() {
        for line in [
            "tandem --data d --secrets file --json apply f.toml --dry-run",
            "tandem apply -",
            "tandem export --records",
            "tandem profile probe Contoso",
            "tandem profile discover a@b",
            "tandem mailbox test-enable a@b c@d",
            "tandem mailbox test-enable --profile P",
            "tandem mailbox test-enable --all --plan",
            "tandem mailbox test-enable a@b --csv results.csv",
            "tandem mailbox test-jobs",
            "tandem mailbox test-jobs retry 1f2e",
            "tandem --json mailbox test-jobs csv 1f2e results.csv",
            "tandem mailbox remap a@b --to Support --yes",
            "tandem run --for 30s",
            "tandem run --until-idle --json",
            "tandem --secrets file --passphrase-file p run --as-service",
            "tandem service install --scope user --print",
            "tandem service remove --name tandem-2",
            "tandem --json service status",
            "tandem sync a@b --workload incoming",
            "tandem email send --from a@b --to c@d e@f --to g@h --cc i@j --subject S --body T --at 2026-12-24T08:00:00Z",
            "tandem email resolve 1 --resend",
            "tandem quarantine retry",
            "tandem verify",
            "tandem verify a@b c@d --repair",
            "tandem practice --for 1m30s",
            "tandem migrate plan --router a --router b --out p.json --skip P --skip Q",
            "tandem migrate plan --files k s a",
            "tandem --json migrate apply p.json --skip P --report r.html --reviewed",
            "tandem migrate undo",
            "tandem migrate passwords",
            "tandem migrate sample d",
        ] {
            if let Err(error) = Arguments::try_parse_from(line.split(' ')) {
                panic!("{line}: {error}");
            }
        }
        for line in [
            "tandem",
            "tandem mailbox approve",
            "tandem mailbox test-enable",
            "tandem mailbox test-enable --all --plan --csv results.csv",
            "tandem mailbox test-jobs pause",
            "tandem email resolve 1",
            "tandem run --for soon",
            "tandem run --for 3s --as-service",
            "tandem service install --name a/b",
            "tandem migrate plan",
            "tandem migrate plan --files k s",
            "tandem migrate apply",
        ] {
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
