//! Email Router Data Migration.

use crate::{Tandem, wire::*};

macro_rules! later {
    ($($name:ident($request:ty) -> $response:ty;)+) => {
        impl Tandem {
            $(pub async fn $name(&self, _: $request) -> Result<$response, ApiError> {
                Err(ApiError::internal("migration", &"not built"))
            })+
        }
    };
}

later! {
    read_router_files(RouterFilesRequest) -> RouterFilesView;
    plan_migration(PlanMigrationRequest) -> MigrationPlanView;
    migration_plan(Nothing) -> MigrationPlanView;
    decide_migration(MigrationChoices) -> MigrationPlanView;
    migration_mailboxes(MigrationMailboxesRequest) -> MigrationMailboxPage;
    migration_provenance(MigrationProvenanceRequest) -> MigrationProvenancePage;
    save_migration_plan(SaveMigrationPlanRequest) -> MigrationPlanView;
    load_migration_plan(LoadMigrationPlanRequest) -> MigrationPlanView;
    apply_migration(ApplyMigrationRequest) -> MigrationSummaryView;
    cancel_migration(Nothing) -> Nothing;
    discard_migration(Nothing) -> Nothing;
    migration_summary(Nothing) -> MigrationSummaryView;
    save_migration_report(SaveMigrationReportRequest) -> Nothing;
    enter_migration_passwords(EnterMigrationPasswordsRequest) -> MigrationSummaryView;
    undo_migration(Nothing) -> MigrationSummaryView;
    write_sample_router_files(SampleRouterFilesRequest) -> SampleRouterFilesView;
}
