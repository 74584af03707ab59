import { createMemoryHistory } from "@tanstack/react-router";
import { act, cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import type { TestEnableRequest } from "../bindings";
import { setBackend } from "../lib/backend";
import { FakeBackend, type Scenario } from "../lib/fake";
import { failure } from "../lib/fake-data";
import { forgetAll } from "../lib/live";
import { testIds } from "../lib/testids";
import { App } from "./App";
import { createRoutes } from "./routes";

function open(scenario: Scenario, path: string, prepare?: (fake: FakeBackend) => void): FakeBackend {
  const fake = new FakeBackend(scenario, 0);
  prepare?.(fake);
  setBackend(fake);
  render(<App router={createRoutes(createMemoryHistory({ initialEntries: [path] }))} />);
  return fake;
}

afterEach(() => {
  cleanup();
  forgetAll();
});

const requestsOf = (fake: FakeBackend, action: string) =>
  fake.calls.filter((c) => c.action === action).map((c) => c.request as Record<string, unknown>);

const SOME = ["ben", "dana", "eric", "support"].map((name) => `${name}@contoso.test`);

/** A job whose first batch is done. */
async function tested(fake: FakeBackend, request: TestEnableRequest = { addresses: SOME }): Promise<void> {
  await fake.tests.start(request).done;
}

async function faults(): Promise<string[]> {
  const found = await axe.run(document.body, {
    rules: Object.fromEntries(
      ["color-contrast", "scrollable-region-focusable", "target-size"].map((rule) => [
        rule,
        { enabled: false },
      ]),
    ),
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  });
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`);
}

test("the plan is shown before anything starts: how many, what is sent, what is skipped and why", async () => {
  const user = userEvent.setup();
  const fake = open("broken", "/mailboxes");
  const row = await screen.findByTestId(testIds.mailboxRow("ben@contoso.test"));
  act(() => row.focus());
  await user.keyboard("{Control>}a{/Control}");
  await user.click(screen.getByTestId(testIds.mailboxTestEnable));
  const dialog = await screen.findByTestId(testIds.testPlan);
  const tested = fake.mailboxes.filter((m) => m.approval === "approved").length;
  await waitFor(() =>
    expect(within(dialog).getByTestId(testIds.testPlanStart)).toHaveTextContent(
      `Test & enable ${tested} mailboxes`,
    ),
  );
  expect(dialog).toHaveTextContent(`${tested} messages, one from each mailbox to itself`);
  expect(dialog).toHaveTextContent("dana@contoso.test, incoming: Its address waits for approval");
  expect(dialog).toHaveTextContent("At most 200 mailboxes every 5 hours");
  expect(await faults()).toEqual([]);
  await user.click(within(dialog).getByText("Not now"));
  expect(requestsOf(fake, "start_test_enable")).toEqual([]);
}, 60_000);

test("more mailboxes than a batch takes are listed with dates", async () => {
  const user = userEvent.setup();
  open("healthy", "/profiles?open=Contoso+POP3", (fake) => {
    fake.tests.plan = () => ({
      mailboxes: 450,
      workloads: 900,
      messages: 450,
      batches: [200, 200, 50].map((mailboxes, at) => ({
        number: at + 1,
        due_at: `2026-11-21T${String(8 + at * 5).padStart(2, "0")}:00:00Z`,
        mailboxes,
        queues: at === 0 ? 12 : 0,
        first: `a${at}@contoso.test`,
        last: `z${at}@contoso.test`,
      })),
      skipped: [],
      batch_mailboxes: 200,
      batch_hours: 5,
    });
  });
  await user.click(await screen.findByTestId(testIds.profileTestEnable));
  const dialog = await screen.findByTestId(testIds.testPlan);
  await waitFor(() => expect(dialog).toHaveTextContent("At most 200 mailboxes every 5 hours, queues first"));
  const batches = within(within(dialog).getByRole("list", { name: "Batches" })).getAllByRole("listitem");
  expect(batches[0]).toHaveTextContent(
    "At once: 200 mailboxes (12 queues) a0@contoso.test to z0@contoso.test",
  );
  expect(batches[2]?.querySelector("time")).toHaveAttribute("datetime", "2026-11-21T18:00:00Z");
});

test("a plan that cannot be made says why, and can be asked for again", async () => {
  const user = userEvent.setup();
  open("healthy", "/profiles?open=Contoso+POP3", (fake) =>
    fake.failing.set("plan_test_enable", failure({ code: "store_failed", message: "The disk is full." })),
  );
  await user.click(await screen.findByTestId(testIds.profileTestEnable));
  const dialog = await screen.findByTestId(testIds.testPlan);
  await waitFor(() => expect(dialog).toHaveTextContent("The disk is full."));
  expect(within(dialog).getByTestId(testIds.testPlanStart)).toBeDisabled();
});

test("many mailboxes are tested on the page of their test, with the rung that broke and its next step", async () => {
  const user = userEvent.setup();
  open("broken", "/mailboxes/tests?job=job-1", (fake) => void tested(fake));
  await waitFor(() => expect(screen.getByTestId(testIds.testJob)).toHaveAttribute("data-status", "done"));
  await waitFor(() =>
    expect(screen.getByTestId(testIds.testJobProgress)).toHaveTextContent(/(\d+) of \1 mailboxes/),
  );
  await user.click(screen.getByTestId(testIds.testJobFilter("failed")));
  const row = await screen.findByTestId(testIds.testResultRow("eric@contoso.test", "incoming"));
  expect(row).toHaveTextContent("Failed");
  expect(row).toHaveTextContent("Sign in:");
  await waitFor(() =>
    expect(
      screen.queryByTestId(testIds.testResultRow("ben@contoso.test", "incoming")),
    ).not.toBeInTheDocument(),
  );
  await user.click(row);
  expect(await screen.findByTestId(testIds.errorRemedy)).toBeInTheDocument();
  expect(screen.getByText("Open eric@contoso.test")).toBeInTheDocument();
  await user.click(screen.getByTestId(testIds.testJobFilter("skipped")));
  expect(await screen.findByTestId(testIds.testResultRow("dana@contoso.test", "outgoing"))).toHaveTextContent(
    "Its address waits for approval",
  );
  expect(await faults()).toEqual([]);
}, 60_000);

test("only what failed is tried again", async () => {
  const user = userEvent.setup();
  const fake = open("broken", "/mailboxes/tests?job=job-1", (fake) => void tested(fake));
  const retry = await screen.findByTestId(testIds.testJobRetry);
  await waitFor(() => expect(retry).toHaveTextContent("Retry the 2 failed"));
  const eric = fake.mailboxes.find((m) => m.email === "eric@contoso.test");
  if (eric) eric.password_set = true;
  await user.click(retry);
  await waitFor(() => expect(screen.queryByTestId(testIds.testJobRetry)).not.toBeInTheDocument());
  expect(requestsOf(fake, "retry_failed_tests")).toEqual([{ id: "job-1" }]);
  expect(fake.tests.find("job-1").batches.at(-1)).toMatchObject({ number: 2, mailboxes: 1, done: 1 });
}, 60_000);

test("a running test is paused and resumed, and cancelled only after asking", async () => {
  const user = userEvent.setup();
  const fake = open("healthy", "/mailboxes/tests?job=job-1", (fake) => {
    // Of two batches the second is not due.
    fake.rpc("save_settings", {
      allow_plain_connections: false,
      require_approval: true,
      cycle_interval_minutes: 5,
      max_delivery_attempts: 10,
      max_message_mib: 50,
      test_batch_mailboxes: 1,
      test_batch_hours: 5,
      history_days: 30,
    });
  });
  await waitFor(() => expect(requestsOf(fake, "test_job").length).toBeGreaterThan(0));
  await act(() => tested(fake, { all: true }));
  await user.click(await screen.findByTestId(testIds.testJobPause));
  await user.click(await screen.findByTestId(testIds.testJobResume));
  await user.click(await screen.findByTestId(testIds.testJobCancel));
  const open_ = fake.mailboxes.length - 1;
  const confirm = await screen.findByTestId(testIds.testJobCancelConfirm);
  expect(confirm).toHaveTextContent(`Cancel ${open_} mailboxes`);
  await user.click(confirm);
  await waitFor(() =>
    expect(screen.getByTestId(testIds.testJob)).toHaveAttribute("data-status", "cancelled"),
  );
  expect(screen.queryByTestId(testIds.testJobPause)).not.toBeInTheDocument();
  expect(screen.getByTestId(testIds.testJobProgress)).toHaveTextContent("cancelled");
}, 60_000);

test("results are saved where the person says", async () => {
  const user = userEvent.setup();
  const fake = open("broken", "/mailboxes/tests?job=job-1", (fake) => void tested(fake));
  await user.click(await screen.findByTestId(testIds.testJobCsv));
  expect(await screen.findByText("Saved as /home/admin/test-results.csv")).toBeInTheDocument();
  expect(requestsOf(fake, "export_test_job")).toEqual([
    { id: "job-1", path: "/home/admin/test-results.csv" },
  ]);
});

test("tests are listed, newest first, and an unknown one says so", async () => {
  const user = userEvent.setup();
  const fake = open("broken", "/mailboxes/tests");
  expect(await screen.findByText("No test yet")).toBeInTheDocument();
  await act(() => tested(fake));
  await user.click(await screen.findByTestId(testIds.testJobRow("job-1"), undefined, { timeout: 3_000 }));
  expect(await screen.findByTestId(testIds.testJob)).toBeInTheDocument();
  cleanup();
  open("healthy", "/mailboxes/tests?job=gone");
  expect(await screen.findByText("There is no such test.")).toBeInTheDocument();
});

test("one mailbox is tested beside the list, rung by rung", async () => {
  const user = userEvent.setup();
  const fake = open("healthy", "/mailboxes?open=amy@contoso.test");
  const test = await screen.findByTestId(testIds.mailboxTestEnable);
  await waitFor(() => expect(test).toHaveTextContent("Test & enable 1 mailbox"));
  await user.click(test);
  const start = await screen.findByTestId(testIds.testPlanStart);
  await waitFor(() => expect(start).toBeEnabled());
  await user.click(start);
  expect(await screen.findByText(/2 enabled, 0 failed/)).toBeInTheDocument();
  expect(requestsOf(fake, "start_test_enable")).toEqual([{ addresses: ["amy@contoso.test"] }]);
}, 60_000);

test("a test that waits because no engine runs says so", async () => {
  const user = userEvent.setup();
  const fake = open("standing", "/mailboxes/tests");
  await screen.findByText("No test yet");
  await act(async () => {
    await tested(fake, { addresses: ["amy@contoso.test"] });
    fake.tests.find("job-1").view.progress.state = "running";
  });
  await user.click(await screen.findByTestId(testIds.testJobRow("job-1"), undefined, { timeout: 3_000 }));
  expect(await screen.findByText(/nothing is tested here/)).toBeInTheDocument();
}, 60_000);
