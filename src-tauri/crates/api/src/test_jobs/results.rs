//! The results of a job, listed and saved.

use super::csv;
use crate::{
    Tandem,
    people::{in_file, of_failure, of_storage},
    test_jobs::skip_sentence,
    wire::{ApiError, ExportTestJobRequest, Nothing, TestResultView, TestResultsPage, TestResultsRequest},
};
use std::path::Path;
use tandem_domain::test_job::TestState;
use tandem_store::view::{self, TestResultFilter};

impl Tandem {
    /// The results of a job, one for each workload of each mailbox.
    ///
    /// # Errors
    /// An unknown job or state, or storage.
    pub async fn test_results(&self, request: TestResultsRequest) -> Result<TestResultsPage, ApiError> {
        let id = self.find_test_job(&request.id).await?;
        let state = match &request.state {
            None => None,
            Some(word) => Some(TestState::from_word(word).ok_or_else(|| {
                let words: Vec<_> = TestState::ALL.iter().map(|one| one.as_str()).collect();
                ApiError::unknown_word("state", word, &words)
            })?),
        };
        let filter = TestResultFilter { state, search: request.search.trim().to_owned() };
        let limit = if request.limit == 0 { u32::MAX } else { request.limit };
        let page = self.store.list_test_results(id, filter, request.offset, limit).await;
        let (results, total) = page.map_err(|error| of_storage(&request.id, &error))?;
        Ok(TestResultsPage { results: results.iter().map(result_view).collect(), total })
    }

    /// Saves the results of a job as CSV.
    ///
    /// # Errors
    /// An unknown job, a file that cannot be written, or storage.
    pub async fn export_test_job(&self, request: ExportTestJobRequest) -> Result<Nothing, ApiError> {
        let all = TestResultsRequest { id: request.id, ..Default::default() };
        let results = self.test_results(all).await?.results;
        let text = csv::text(&results).map_err(|error| ApiError::internal(&request.path, &error))?;
        let path = Path::new(&request.path);
        let written = tokio::fs::write(path, text).await;
        written.map_err(|error| in_file("The results cannot be written", path, &error))?;
        Ok(Nothing {})
    }
}

pub(super) fn result_view(result: &view::TestResultView) -> TestResultView {
    TestResultView {
        mailbox: result.address.to_string(),
        owner_type: if result.is_queue { "queue" } else { "user" }.to_owned(),
        workload: result.workload.as_str().to_owned(),
        batch: result.batch,
        state: result.state.as_str().to_owned(),
        rung: result.broke_at.map(|rung| rung.as_str().to_owned()),
        reason: result.skipped_because.map(skip_sentence),
        error: result.failure.as_ref().map(|failure| of_failure(result.address.as_str(), failure, None)),
        started_at: result.started_at,
        ended_at: result.ended_at,
    }
}
