//! Who does what about a failure or an alert: the one action that helps, and the person who can take it.
//!
//! The words for people are `api`'s; a shell turns the action into a button.

use crate::{
    alert::{AlertCode, AlertLevel, AlertObject, NewAlert},
    failure::FailureCode::{self, *},
};

/// What a person can do about it with one press.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RemedyAction {
    /// Nothing has to be done.
    Nothing,
    /// Test the mailbox and enable what holds.
    TestEnable,
    /// Enter the password of the mailbox or profile.
    EnterPassword,
    /// Look at the mailbox and its settings.
    OpenMailbox,
    /// Look at the profile and its servers.
    OpenProfile,
    /// Compare the fingerprint, then trust exactly this certificate.
    TrustCertificate,
    /// Approve the address.
    Approve,
    /// Look at the email, correct it, and send it again.
    OpenEmail,
    /// Settle what became of the email: mark it as sent, or send it again.
    RetryItem,
    /// Look at what could not be read, and try again.
    OpenQuarantine,
    /// Open the organization's settings.
    OpenSettings,
    /// Unlock the keychain or the vault.
    UnlockSecrets,
    /// Make room on the disk.
    FreeDiskSpace,
    /// Do something on this computer, outside Tandem.
    CheckComputer,
    /// Ask whoever runs the server; Tandem can only copy the words for it.
    AskServer,
    /// Send the details to Tandem's support.
    Report,
}

impl RemedyAction {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Nothing,
        Self::TestEnable,
        Self::EnterPassword,
        Self::OpenMailbox,
        Self::OpenProfile,
        Self::TrustCertificate,
        Self::Approve,
        Self::OpenEmail,
        Self::RetryItem,
        Self::OpenQuarantine,
        Self::OpenSettings,
        Self::UnlockSecrets,
        Self::FreeDiskSpace,
        Self::CheckComputer,
        Self::AskServer,
        Self::Report,
    ];

    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::TestEnable => "test_enable",
            Self::EnterPassword => "enter_password",
            Self::OpenMailbox => "open_mailbox",
            Self::OpenProfile => "open_profile",
            Self::TrustCertificate => "trust_certificate",
            Self::Approve => "approve",
            Self::OpenEmail => "open_email",
            Self::RetryItem => "retry_item",
            Self::OpenQuarantine => "open_quarantine",
            Self::OpenSettings => "open_settings",
            Self::UnlockSecrets => "unlock_secrets",
            Self::FreeDiskSpace => "free_disk_space",
            Self::CheckComputer => "check_computer",
            Self::AskServer => "ask_server",
            Self::Report => "report",
        }
    }
}

/// Who can take the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// It passes by itself.
    Nobody,
    /// The person whose mailbox or email it is.
    MailboxOwner,
    /// Whoever set Tandem up: profiles, approval, settings.
    Administrator,
    /// Whoever sits at this computer.
    ComputerUser,
    /// Whoever runs the mail server or domain.
    ServerOperator,
    /// Tandem's support.
    Support,
}

impl Who {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Nobody,
        Self::MailboxOwner,
        Self::Administrator,
        Self::ComputerUser,
        Self::ServerOperator,
        Self::Support,
    ];

    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::MailboxOwner => "mailbox_owner",
            Self::Administrator => "administrator",
            Self::ComputerUser => "computer_user",
            Self::ServerOperator => "server_operator",
            Self::Support => "support",
        }
    }
}

/// What is to be done, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedy {
    /// The action.
    pub action: RemedyAction,
    /// Who takes it.
    pub who: Who,
}

/// The remedy of a failure.
#[must_use]
pub const fn of_failure(code: FailureCode) -> Remedy {
    use {RemedyAction as Do, Who as By};
    let (action, who) = match code {
        // --- It passes ---
        TimedOut | ConnectionLost | MailboxInUse | Throttled | ServerUnavailable | TooManyLogins
        | ProtocolViolation | Greylisted | TooManyRecipients | MessageGone | DatabaseBusy | Stopped => {
            (Do::Nothing, By::Nobody)
        }
        // --- The profile ---
        DnsNotFound | ConnectionRefused | TlsPortMismatch | StartTlsMissing | CaFileUnusable
        | EncryptionRequired | LoginRequired | WrongProtocol | ServerNameRefused | ProfileMissing
        | CapabilityMissing | NotSupported | RelayDenied => (Do::OpenProfile, By::Administrator),
        PlainNotAllowed | MessageTooLarge => (Do::OpenSettings, By::Administrator),
        CertificateRefused | CertificateExpired | CertificateWrongName => {
            (Do::TrustCertificate, By::Administrator)
        }
        NotApproved => (Do::Approve, By::Administrator),
        // --- The mailbox ---
        AuthenticationFailed | AppPasswordRequired | PasswordExpired | PasswordMissing => {
            (Do::EnterPassword, By::MailboxOwner)
        }
        WebLoginRequired | ProtocolDisabled | RoundTripMissing => (Do::TestEnable, By::MailboxOwner),
        MailboxNotFound | MailboxFull => (Do::OpenMailbox, By::MailboxOwner),
        // --- One email ---
        SenderRefused
        | RecipientsRefused
        | RecipientMailboxFull
        | RecipientRestricted
        | RoutingFailed
        | MessageRefused
        | MessageTooLargeForServer
        | SpamSuspected
        | ContentBlocked
        | MessageMalformed => (Do::OpenEmail, By::MailboxOwner),
        DeliveryUnconfirmed => (Do::RetryItem, By::MailboxOwner),
        MessageUnreadable | MessageUnavailable => (Do::OpenQuarantine, By::Administrator),
        // --- The server ---
        TlsFailed
        | TlsTooOld
        | ClientCertificateRequired
        | AuthenticationUnsupported
        | AccountDisabled
        | MailboxAccessDenied
        | MailboxDamaged
        | ServerRefused
        | SendAsDenied
        | SenderUnauthenticated
        | SenderBlocked
        | QuotaExceeded => (Do::AskServer, By::ServerOperator),
        // --- This computer ---
        KeychainLocked | VaultWrongPassphrase => (Do::UnlockSecrets, By::ComputerUser),
        DiskFull => (Do::FreeDiskSpace, By::ComputerUser),
        DnsUnavailable | NetworkUnreachable | ConnectionBlocked | ResourcesExhausted | KeychainAbsent
        | SecretsDamaged | SecretStoreFailed | DiskReadOnly | DiskAccessDenied | DiskFailed
        | DatabaseDamaged | StoreFailed => (Do::CheckComputer, By::ComputerUser),
        Internal => (Do::Report, By::Support),
    };
    Remedy { action, who }
}

/// The remedy of an alert. What would pass by itself does not any more where it has stopped a mailbox: then it takes a
/// test.
#[must_use]
pub fn of_alert(raised: &NewAlert) -> Remedy {
    let remedy = of_code(raised.code, raised.object);
    let has_stopped = raised.level == AlertLevel::Error
        && raised.retry_at.is_none()
        && matches!((raised.code, raised.object), (AlertCode::Failure(_), AlertObject::Mailbox(..)));
    if has_stopped && remedy.action == RemedyAction::Nothing {
        return Remedy { action: RemedyAction::TestEnable, who: Who::Administrator };
    }
    remedy
}

/// The remedy of what happened to an object, where it is tried again.
#[must_use]
pub fn of_code(code: AlertCode, object: AlertObject) -> Remedy {
    let (action, who) = match code {
        AlertCode::Failure(code) => {
            let remedy = of_failure(code);
            return match (remedy.action, object) {
                // Nothing to open for an email or a profile.
                (RemedyAction::OpenMailbox | RemedyAction::TestEnable, AlertObject::Email(_)) => {
                    Remedy { action: RemedyAction::OpenEmail, ..remedy }
                }
                (RemedyAction::OpenEmail, AlertObject::Mailbox(..)) => {
                    Remedy { action: RemedyAction::OpenMailbox, ..remedy }
                }
                (
                    RemedyAction::OpenMailbox | RemedyAction::OpenEmail | RemedyAction::TestEnable,
                    AlertObject::Profile(_),
                ) => Remedy { action: RemedyAction::OpenProfile, who: Who::Administrator },
                _ => remedy,
            };
        }
        AlertCode::WorkloadEnabled => (RemedyAction::Nothing, Who::Nobody),
        AlertCode::SomeRecipientsRefused => (RemedyAction::OpenEmail, Who::MailboxOwner),
        AlertCode::MessageQuarantined => (RemedyAction::OpenQuarantine, Who::Administrator),
        AlertCode::MessageUndeliverable => (RemedyAction::OpenQuarantine, Who::Administrator),
        AlertCode::MessagesMissing | AlertCode::SendingHeld => (RemedyAction::Nothing, Who::Nobody),
        AlertCode::MajorityFailed => (RemedyAction::OpenProfile, Who::Administrator),
    };
    Remedy { action, who }
}

/// Whether somebody must be called: an error that does not pass by itself and that a person can end.
#[must_use]
pub fn needs_person(level: AlertLevel, remedy: Remedy) -> bool {
    level == AlertLevel::Error && remedy.who != Who::Nobody
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EmailId, MailboxId, ProfileId};
    use crate::workload::Workload;
    use uuid::Uuid;

    #[test]
    fn who_does_nothing_is_nobody_and_the_other_way_round() {
        for code in FailureCode::ALL {
            let remedy = of_failure(*code);
            assert_eq!(remedy.action == RemedyAction::Nothing, remedy.who == Who::Nobody, "{code}");
        }
    }

    #[test]
    fn an_action_fits_what_it_is_about() {
        let id = Uuid::nil();
        for code in FailureCode::ALL {
            let code = AlertCode::Failure(*code);
            let profile = of_code(code, AlertObject::Profile(ProfileId(id))).action;
            assert!(!matches!(profile, RemedyAction::OpenEmail | RemedyAction::OpenMailbox), "{code:?}");
            let email = of_code(code, AlertObject::Email(EmailId(id))).action;
            assert!(!matches!(email, RemedyAction::OpenMailbox | RemedyAction::TestEnable), "{code:?}");
            let mailbox = AlertObject::Mailbox(MailboxId(id), Workload::Incoming);
            assert_ne!(of_code(code, mailbox).action, RemedyAction::OpenEmail, "{code:?}");
        }
    }

    #[test]
    fn what_passes_by_itself_needs_a_test_once_it_has_stopped_a_mailbox() {
        let raised = |retry_at| NewAlert {
            level: if retry_at == Some(crate::Instant::UNIX_EPOCH) {
                AlertLevel::Warning
            } else {
                AlertLevel::Error
            },
            object: AlertObject::Mailbox(MailboxId(Uuid::nil()), Workload::Incoming),
            code: AlertCode::Failure(TimedOut),
            detail: String::new(),
            retry_at,
        };
        assert_eq!(of_alert(&raised(Some(crate::Instant::UNIX_EPOCH))).action, RemedyAction::Nothing);
        let stopped = raised(None);
        assert_eq!(of_alert(&stopped).action, RemedyAction::TestEnable);
        assert!(needs_person(stopped.level, of_alert(&stopped)));
    }

    #[test]
    fn nobody_is_called_for_what_passes_or_for_a_warning() {
        let password = of_failure(AuthenticationFailed);
        assert!(needs_person(AlertLevel::Error, password));
        assert!(!needs_person(AlertLevel::Warning, password));
        assert!(!needs_person(AlertLevel::Error, of_failure(TimedOut)));
        let enabled = of_code(
            AlertCode::WorkloadEnabled,
            AlertObject::Mailbox(MailboxId(Uuid::nil()), Workload::Incoming),
        );
        assert!(!needs_person(AlertLevel::Information, enabled));
    }
}
