//! The list of actions.

use crate::{Tandem, wire::*};
use serde_json::Value;
use std::sync::Arc;

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $name:ident($request:ty) -> $response:ty;)+) => {
        /// Every action, with what it does.
        pub const ACTIONS: &[(&str, &str)] = &[$((stringify!($name), concat!($($doc),+))),+];

        /// Calls an action by its name, from JSON to JSON.
        ///
        /// # Errors
        /// Those of the action; `unknown_action` and `bad_request` for a call that fits none.
        pub async fn call(tandem: &Arc<Tandem>, action: &str, request: Value) -> Result<Value, ApiError> {
            match action {
                $(stringify!($name) => {
                    let request: $request = serde_json::from_value(request)
                        .map_err(|error| ApiError::bad_request(action, &error))?;
                    let response: $response = tandem.$name(request).await?;
                    serde_json::to_value(response).map_err(|error| ApiError::bad_request(action, &error))
                })+
                _ => Err(ApiError::unknown_action(action)),
            }
        }

        /// The TypeScript of all wire types, and of the map from action to request and response.
        ///
        /// # Errors
        /// When a type cannot be written in TypeScript; a test meets that first.
        pub fn typescript() -> Result<String, String> {
            let mut types = specta::Types::default().register::<EventView>().register::<ApiError>().register::<Nothing>();
            $(types = types.register::<$request>().register::<$response>();)+
            let body = specta_typescript::Typescript::default()
                .export(&types, specta_serde::Format)
                .map_err(|error| error.to_string())?;
            let mut text = body;
            text.push_str("\n/** Every action: what it asks for and what it answers. */\nexport type Actions = {\n");
            $(
                text.push_str(&format!(
                    "\t/** {} */\n\t{}: {{ request: {}; response: {} }};\n",
                    concat!($($doc),+).trim(), stringify!($name),
                    typescript_name(stringify!($request)), typescript_name(stringify!($response)),
                ));
            )+
            text.push_str("};\n");
            Ok(text)
        }
    };
}

actions! {
    /// What Home shows.
    home(Nothing) -> Home;
    /// Health of every mailbox's workloads, from proof of life.
    health(Nothing) -> Health;
    /// Alerts, worst and newest first.
    alerts(AlertsRequest) -> Vec<AlertView>;
    /// Clears alerts that a person has dealt with; those whose cause stays come back.
    dismiss_alerts(DismissAlertsRequest) -> DismissAlertsResult;
    /// Which alerts are raised, for whom, and how long cleared ones are kept.
    alert_settings(Nothing) -> AlertSettingsView;
    /// Changes which alerts are raised.
    save_alert_settings(AlertSettingsView) -> AlertSettingsView;
    /// A profile's owner and whether they get an email about its trouble.
    profile_alerts(ProfileAlertsRequest) -> ProfileAlertsView;
    /// Changes a profile's owner and whether they get an email.
    save_profile_alerts(ProfileAlertsView) -> ProfileAlertsView;

    /// All email server profiles.
    profiles(Nothing) -> Vec<ProfileView>;
    /// Creates or changes a profile.
    save_profile(SaveProfileRequest) -> ProfileView;
    /// Asks an address's domain for its mail servers; nothing is saved.
    discover_servers(DiscoverRequest) -> Discovered;
    /// Trusts a compared certificate of one of a profile's servers.
    trust_certificate(TrustCertificateRequest) -> ProfileView;
    /// Climbs the ladder of a saved profile's servers; rungs arrive as events too.
    probe_profile(ProbeProfileRequest) -> Vec<LadderView>;
    /// Climbs the ladder for servers that are not saved yet.
    try_servers(TryServersRequest) -> Vec<LadderView>;

    /// All mailboxes.
    mailboxes(Nothing) -> Vec<MailboxView>;
    /// One mailbox with its last test and cycles.
    mailbox(MailboxRequest) -> MailboxDetail;
    /// Adds or changes a mailbox with its owner.
    save_mailbox(SaveMailboxRequest) -> MailboxView;
    /// Approves addresses for processing.
    approve_mailboxes(MailboxesRequest) -> Vec<MailboxView>;
    /// Rejects addresses.
    reject_mailboxes(MailboxesRequest) -> Vec<MailboxView>;
    /// Stops processing of mailboxes until they are tested and enabled again.
    disable_mailboxes(MailboxesRequest) -> Vec<MailboxView>;
    /// Tests mailboxes and enables what succeeds; rungs arrive as events too.
    test_enable(TestEnableRequest) -> TestEnableResult;
    /// What Test & Enable would do: batches with their dates, and what is skipped.
    plan_test_enable(TestEnableRequest) -> TestPlanView;
    /// Starts Test & Enable as a job.
    start_test_enable(TestEnableRequest) -> TestJobView;
    /// Test & Enable jobs, newest first.
    test_jobs(Nothing) -> Vec<TestJobView>;
    /// One job with its batches.
    test_job(TestJobRequest) -> TestJobDetail;
    /// The results of a job, one for each workload of each mailbox.
    test_results(TestResultsRequest) -> TestResultsPage;
    /// Starts nothing more of a job until it is resumed.
    pause_test_job(TestJobRequest) -> TestJobView;
    /// Goes on with a paused job.
    resume_test_job(TestJobRequest) -> TestJobView;
    /// Ends a job; what has no result yet is not tested.
    cancel_test_job(TestJobRequest) -> TestJobView;
    /// Tests again what failed in a job, and only that.
    retry_failed_tests(TestJobRequest) -> TestJobView;
    /// Saves the results of a job as CSV.
    export_test_job(ExportTestJobRequest) -> Nothing;
    /// Forecasts Test & Enable and the first sync, on simulated time.
    forecast(ForecastRequest) -> ForecastView;
    /// What every workload does: its state, its latest and its next cycle, and what waits.
    monitoring(MonitoringRequest) -> MonitoringPage;
    /// Saves what Monitoring shows as CSV.
    export_monitoring(ExportMonitoringRequest) -> Exported;
    /// What cycles did, hour by hour.
    history(HistoryRequest) -> HistoryView;
    /// Saves the history as CSV.
    export_history(ExportHistoryRequest) -> Exported;
    /// Permits in use, and what waits for one, of the engine in this process.
    engine_load(Nothing) -> EngineLoad;
    /// Moves an address to another owner, or tells what that would break.
    remap_mailbox(RemapRequest) -> RemapResult;
    /// Runs a mailbox's cycles now.
    sync_now(MailboxRequest) -> MailboxView;
    /// Compares mailboxes with their servers, and repairs what is missing when asked to.
    verify(VerifyRequest) -> Vec<VerificationView>;
    /// Of which times everything in a mailbox was seen, and its last verification.
    coverage(MailboxRequest) -> CoverageView;
    /// Looks at the schedule now: another process made something due.
    wake_engine(Nothing) -> Nothing;

    /// A page of email activities.
    emails(EmailsRequest) -> EmailPage;
    /// One email activity.
    email(EmailRequest) -> EmailView;
    /// Its body, safe to show.
    email_body(EmailRequest) -> SafeBody;
    /// Saves an attachment to a file.
    save_attachment(SaveAttachmentRequest) -> Nothing;
    /// Makes an email and queues it for sending.
    send_email(SendEmailRequest) -> EmailRow;
    /// Settles an email whose delivery could not be confirmed.
    resolve_delivery(ResolveDeliveryRequest) -> EmailRow;

    /// Ledger rows, newest first.
    ledger(LedgerRequest) -> Vec<LedgerView>;
    /// Why a message was (not) tracked.
    explain(ExplainRequest) -> Vec<Explanation>;
    /// Messages that could not be read.
    quarantine(QuarantineRequest) -> Vec<QuarantineView>;
    /// Tries to read quarantined messages again.
    retry_quarantine(QuarantineRequest) -> QuarantineRetryResult;

    /// Applies a configuration file, all or nothing.
    apply(ApplyRequest) -> ApplyResult;
    /// Writes the configuration as a file.
    export(ExportRequest) -> ExportResult;
    /// Saves a bundle that says how everything stands, without secrets and without mail.
    diagnostics(DiagnosticsRequest) -> DiagnosticsResult;
    /// The organization's settings.
    settings(Nothing) -> SettingsView;
    /// Changes the organization's settings.
    save_settings(SettingsView) -> SettingsView;
    /// The published sending limits of known providers, to start from.
    send_limit_presets(Nothing) -> Vec<SendLimitPreset>;

    /// What the files of up to four Email Routers are, each file in the slot where it belongs.
    read_router_files(RouterFilesRequest) -> RouterFilesView;
    /// Plans the migration of the routers' files; the plan becomes the draft.
    plan_migration(PlanMigrationRequest) -> MigrationPlanView;
    /// The draft, compared with the configuration of now.
    migration_plan(Nothing) -> MigrationPlanView;
    /// Decides rows and mailboxes of the draft.
    decide_migration(MigrationChoices) -> MigrationPlanView;
    /// Mailboxes of the draft.
    migration_mailboxes(MigrationMailboxesRequest) -> MigrationMailboxPage;
    /// What became of the fields of the routers' files.
    migration_provenance(MigrationProvenanceRequest) -> MigrationProvenancePage;
    /// Saves the draft as a file without secrets.
    save_migration_plan(SaveMigrationPlanRequest) -> MigrationPlanView;
    /// Reads a plan's file; it becomes the draft.
    load_migration_plan(LoadMigrationPlanRequest) -> MigrationPlanView;
    /// Applies the draft, all or nothing; progress arrives as events.
    apply_migration(ApplyMigrationRequest) -> MigrationSummaryView;
    /// Stops applying before it is committed; nothing is written then.
    cancel_migration(Nothing) -> Nothing;
    /// Forgets the draft and the passwords that were read with it.
    discard_migration(Nothing) -> Nothing;
    /// The latest migration and what is left to do.
    migration_summary(Nothing) -> MigrationSummaryView;
    /// Saves a report of the draft and of what came of it.
    save_migration_report(SaveMigrationReportRequest) -> Nothing;
    /// Keeps passwords for everything that the migration made, once per account.
    enter_migration_passwords(EnterMigrationPasswordsRequest) -> MigrationSummaryView;
    /// Undoes the latest migration, until the first cycle has run.
    undo_migration(Nothing) -> MigrationSummaryView;
    /// Writes router files to rehearse with, of the running practice organization.
    write_sample_router_files(SampleRouterFilesRequest) -> SampleRouterFilesView;

    /// The practice organization.
    practice(Nothing) -> PracticeView;
    /// Starts the practice organization beside the real one.
    start_practice(Nothing) -> PracticeView;
    /// Removes the practice organization without a trace.
    stop_practice(Nothing) -> PracticeView;
}

/// `Vec<T>` in Rust is `T[]` in TypeScript; everything else keeps its name.
fn typescript_name(rust: &str) -> String {
    let compact: String = rust.chars().filter(|c| !c.is_whitespace()).collect();
    match compact.strip_prefix("Vec<").and_then(|rest| rest.strip_suffix('>')) {
        Some(inner) => format!("{inner}[]"),
        None => compact,
    }
}
