//! The only surface for a shell: one function per user action, wire types, and the composition of the house.

mod certificates;
mod configuration;
mod keys;
mod people;
pub mod router;
pub mod wire;

use wire::*;

/// The program, composed: a shell holds one and calls actions on it.
#[derive(Debug)]
pub struct Tandem {}

// stubs
impl Tandem {
    #[doc = "x"]
    pub async fn home(&self, _r: Nothing) -> Result<Home, ApiError> {
        Err(ApiError::unknown_action("home"))
    }
    #[doc = "x"]
    pub async fn health(&self, _r: Nothing) -> Result<Health, ApiError> {
        Err(ApiError::unknown_action("health"))
    }
    #[doc = "x"]
    pub async fn alerts(&self, _r: AlertsRequest) -> Result<Vec<AlertView>, ApiError> {
        Err(ApiError::unknown_action("alerts"))
    }
    #[doc = "x"]
    pub async fn profiles(&self, _r: Nothing) -> Result<Vec<ProfileView>, ApiError> {
        Err(ApiError::unknown_action("profiles"))
    }
    #[doc = "x"]
    pub async fn save_profile(&self, _r: SaveProfileRequest) -> Result<ProfileView, ApiError> {
        Err(ApiError::unknown_action("save_profile"))
    }
    #[doc = "x"]
    pub async fn probe_profile(&self, _r: ProbeProfileRequest) -> Result<Vec<LadderView>, ApiError> {
        Err(ApiError::unknown_action("probe_profile"))
    }
    #[doc = "x"]
    pub async fn try_servers(&self, _r: TryServersRequest) -> Result<Vec<LadderView>, ApiError> {
        Err(ApiError::unknown_action("try_servers"))
    }
    #[doc = "x"]
    pub async fn mailboxes(&self, _r: Nothing) -> Result<Vec<MailboxView>, ApiError> {
        Err(ApiError::unknown_action("mailboxes"))
    }
    #[doc = "x"]
    pub async fn mailbox(&self, _r: MailboxRequest) -> Result<MailboxDetail, ApiError> {
        Err(ApiError::unknown_action("mailbox"))
    }
    #[doc = "x"]
    pub async fn save_mailbox(&self, _r: SaveMailboxRequest) -> Result<MailboxView, ApiError> {
        Err(ApiError::unknown_action("save_mailbox"))
    }
    #[doc = "x"]
    pub async fn approve_mailboxes(&self, _r: MailboxesRequest) -> Result<Vec<MailboxView>, ApiError> {
        Err(ApiError::unknown_action("approve_mailboxes"))
    }
    #[doc = "x"]
    pub async fn reject_mailboxes(&self, _r: MailboxesRequest) -> Result<Vec<MailboxView>, ApiError> {
        Err(ApiError::unknown_action("reject_mailboxes"))
    }
    #[doc = "x"]
    pub async fn disable_mailboxes(&self, _r: MailboxesRequest) -> Result<Vec<MailboxView>, ApiError> {
        Err(ApiError::unknown_action("disable_mailboxes"))
    }
    #[doc = "x"]
    pub async fn test_enable(&self, _r: TestEnableRequest) -> Result<TestEnableResult, ApiError> {
        Err(ApiError::unknown_action("test_enable"))
    }
    #[doc = "x"]
    pub async fn remap_mailbox(&self, _r: RemapRequest) -> Result<RemapResult, ApiError> {
        Err(ApiError::unknown_action("remap_mailbox"))
    }
    #[doc = "x"]
    pub async fn sync_now(&self, _r: MailboxRequest) -> Result<MailboxView, ApiError> {
        Err(ApiError::unknown_action("sync_now"))
    }
    #[doc = "x"]
    pub async fn emails(&self, _r: EmailsRequest) -> Result<EmailPage, ApiError> {
        Err(ApiError::unknown_action("emails"))
    }
    #[doc = "x"]
    pub async fn email(&self, _r: EmailRequest) -> Result<EmailView, ApiError> {
        Err(ApiError::unknown_action("email"))
    }
    #[doc = "x"]
    pub async fn email_body(&self, _r: EmailRequest) -> Result<SafeBody, ApiError> {
        Err(ApiError::unknown_action("email_body"))
    }
    #[doc = "x"]
    pub async fn save_attachment(&self, _r: SaveAttachmentRequest) -> Result<Nothing, ApiError> {
        Err(ApiError::unknown_action("save_attachment"))
    }
    #[doc = "x"]
    pub async fn send_email(&self, _r: SendEmailRequest) -> Result<EmailRow, ApiError> {
        Err(ApiError::unknown_action("send_email"))
    }
    #[doc = "x"]
    pub async fn resolve_delivery(&self, _r: ResolveDeliveryRequest) -> Result<EmailRow, ApiError> {
        Err(ApiError::unknown_action("resolve_delivery"))
    }
    #[doc = "x"]
    pub async fn ledger(&self, _r: LedgerRequest) -> Result<Vec<LedgerView>, ApiError> {
        Err(ApiError::unknown_action("ledger"))
    }
    #[doc = "x"]
    pub async fn explain(&self, _r: ExplainRequest) -> Result<Vec<Explanation>, ApiError> {
        Err(ApiError::unknown_action("explain"))
    }
    #[doc = "x"]
    pub async fn quarantine(&self, _r: QuarantineRequest) -> Result<Vec<QuarantineView>, ApiError> {
        Err(ApiError::unknown_action("quarantine"))
    }
    #[doc = "x"]
    pub async fn retry_quarantine(&self, _r: QuarantineRequest) -> Result<QuarantineRetryResult, ApiError> {
        Err(ApiError::unknown_action("retry_quarantine"))
    }
    #[doc = "x"]
    pub async fn apply(&self, _r: ApplyRequest) -> Result<ApplyResult, ApiError> {
        Err(ApiError::unknown_action("apply"))
    }
    #[doc = "x"]
    pub async fn export(&self, _r: ExportRequest) -> Result<ExportResult, ApiError> {
        Err(ApiError::unknown_action("export"))
    }
    #[doc = "x"]
    pub async fn settings(&self, _r: Nothing) -> Result<SettingsView, ApiError> {
        Err(ApiError::unknown_action("settings"))
    }
    #[doc = "x"]
    pub async fn save_settings(&self, _r: SettingsView) -> Result<SettingsView, ApiError> {
        Err(ApiError::unknown_action("save_settings"))
    }
    #[doc = "x"]
    pub async fn practice(&self, _r: Nothing) -> Result<PracticeView, ApiError> {
        Err(ApiError::unknown_action("practice"))
    }
    #[doc = "x"]
    pub async fn start_practice(&self, _r: Nothing) -> Result<PracticeView, ApiError> {
        Err(ApiError::unknown_action("start_practice"))
    }
    #[doc = "x"]
    pub async fn stop_practice(&self, _r: Nothing) -> Result<PracticeView, ApiError> {
        Err(ApiError::unknown_action("stop_practice"))
    }
}
