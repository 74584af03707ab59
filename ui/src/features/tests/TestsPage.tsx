import { makeStyles, tokens } from "@fluentui/react-components";
import { BeakerRegular } from "@fluentui/react-icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { TestJobView } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState, Loading, Page } from "../../components/Page";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { type Column, VirtualTable } from "../../components/VirtualTable";
import { useAction } from "../../lib/queries";
import { howFar } from "../../lib/test-progress";
import { testIds } from "../../lib/testids";
import { JobView } from "./JobView";

const useStyles = makeStyles({
  fill: { display: "flex", flexDirection: "column", flex: 1, minHeight: 0 },
  back: { display: "flex", gap: tokens.spacingHorizontalL, flexWrap: "wrap" },
});

const COLUMNS: Column<TestJobView>[] = [
  {
    id: "state",
    title: "State",
    width: "minmax(110px, 0.6fr)",
    cell: (j) => <StatusLabel status={j.progress.state} kind="testJob" />,
  },
  { id: "title", title: "What", width: "minmax(180px, 1.6fr)", cell: (j) => j.title },
  { id: "done", title: "Done", width: "minmax(150px, 0.9fr)", cell: (j) => howFar(j.progress) },
  {
    id: "enabled",
    title: "Enabled",
    width: "minmax(70px, 0.5fr)",
    cell: (j) => j.progress.succeeded.toLocaleString(),
  },
  {
    id: "failed",
    title: "Failed",
    width: "minmax(70px, 0.5fr)",
    cell: (j) => j.progress.failed.toLocaleString(),
  },
  {
    id: "started",
    title: "Started",
    width: "minmax(120px, 0.7fr)",
    cell: (j) => <TimeText at={j.created_at} />,
  },
];

/** Test & Enable of many mailboxes: the jobs, and one of them. */
export function TestsPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const search = useSearch({ from: "/mailboxes/tests" });
  const jobs = useAction("test_jobs", {});
  const back = (
    <div className={styles.back}>
      {search.from === "migration" && <AppLink to="/migration">Back to the migration</AppLink>}
      {search.job && (
        <AppLink to="/mailboxes/tests" search={{}}>
          All tests
        </AppLink>
      )}
      <AppLink to="/mailboxes" search={{}}>
        Mailboxes
      </AppLink>
    </div>
  );
  if (search.job)
    return (
      <Page title="Test & Enable" description={back} layout="fill">
        <JobView key={search.job} id={search.job} />
      </Page>
    );
  return (
    <Page title="Tests" description={back} layout="fill">
      {jobs.error && <ErrorPanel error={jobs.error} onRetry={() => void jobs.refetch()} />}
      {jobs.isPending && <Loading what="tests" />}
      {jobs.data?.length === 0 && (
        <EmptyState icon={<BeakerRegular />} title="No test yet">
          Choose mailboxes and then Test & Enable: each test is kept here with its results.
        </EmptyState>
      )}
      {jobs.data && jobs.data.length > 0 && (
        <div className={styles.fill}>
          <VirtualTable
            label="Tests"
            rows={jobs.data}
            columns={COLUMNS}
            rowKey={(j) => j.progress.id}
            rowName={(j) => j.title}
            rowTestId={(j) => testIds.testJobRow(j.progress.id)}
            open={null}
            onOpen={(j) => void navigate({ to: "/mailboxes/tests", search: { job: j.progress.id } })}
          />
        </div>
      )}
    </Page>
  );
}
