import { createMemoryHistory } from "@tanstack/react-router";
import { act, cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
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

const LAYOUT = ["color-contrast", "scrollable-region-focusable", "target-size"];

async function faults(): Promise<string[]> {
  const found = await axe.run(document.body, {
    rules: Object.fromEntries(LAYOUT.map((rule) => [rule, { enabled: false }])),
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  });
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`);
}

test("totals, chart and rows are shown; a filter and an order are the engine's work", async () => {
  const user = userEvent.setup();
  const fake = open("broken", "/monitoring");
  expect(await screen.findByTestId(testIds.monitoringTotals)).toHaveTextContent("incoming 4 of 32");
  expect(screen.getByRole("img", { name: /Messages an hour: .* messages in 24 hours/ })).toBeInTheDocument();
  await user.click(screen.getByTestId(testIds.monitoringFilter("stopped")));
  await waitFor(() => expect(requestsOf(fake, "monitoring").at(-1)).toMatchObject({ filter: "stopped" }));
  await user.click(screen.getByRole("button", { name: "Mailbox" }));
  await waitFor(() => expect(requestsOf(fake, "monitoring").at(-1)).toMatchObject({ sort: "name" }));
  await user.type(screen.getByRole("searchbox"), "nobody");
  expect(await screen.findByText("No workload passes the filter")).toBeInTheDocument();
  await user.click(screen.getByText("Show all"));
  expect(await screen.findByRole("grid")).toBeInTheDocument();
  expect(await faults()).toEqual([]);
}, 60_000);

test("the chart can be read as a table", async () => {
  open("healthy", "/monitoring");
  await userEvent.click(await screen.findByRole("button", { name: "Show as a table" }));
  const table = screen.getByRole("table");
  expect(within(table).getAllByRole("row")).toHaveLength(25);
  expect(await faults()).toEqual([]);
}, 60_000);

test("a workload's details show why, its history, what was seen, and a verification on request", async () => {
  const user = userEvent.setup();
  const address = "support@contoso.test";
  const fake = open("healthy", `/monitoring?q=${address}`);
  const row = await screen.findByTestId(testIds.monitoringRow(address, "incoming"));
  act(() => row.focus());
  await user.keyboard("{Enter}");
  const details = await screen.findByTestId(testIds.monitoringDetails);
  expect(details).toHaveTextContent("5 minutes after the last cycle ended (online policy)");
  const coverage = await within(details).findByTestId(testIds.coverage);
  expect(await within(coverage).findByRole("img", { name: /1 gap caught up later/ })).toBeInTheDocument();
  expect(coverage).toHaveTextContent("214 messages on the server");
  await user.click(within(coverage).getByTestId(testIds.coverageVerify));
  await waitFor(() => expect(coverage).toHaveTextContent("215 messages on the server"));
  expect(requestsOf(fake, "verify")).toEqual([{ addresses: [address], repair: false }]);
  expect(await faults()).toEqual([]);
  // News do not close what is open.
  act(() => fake.emit({ type: "changed", kind: "schedule" }));
  await waitFor(() => expect(requestsOf(fake, "monitoring").length).toBeGreaterThan(1));
  expect(screen.getByTestId(testIds.monitoringDetails)).toBeInTheDocument();
  await user.keyboard("{Escape}");
}, 60_000);

test("a forecast is asked with the numbers of the form", async () => {
  const user = userEvent.setup();
  const fake = open("healthy", "/monitoring");
  await user.click(await screen.findByTestId(testIds.monitoringForecast));
  const panel = await screen.findByTestId(testIds.forecast);
  await waitFor(() => expect(within(panel).getByTestId(testIds.forecastStart)).toBeEnabled());
  await user.click(within(panel).getByTestId(testIds.forecastStart));
  await waitFor(() => expect(panel).toHaveTextContent("15 batches of at most 200 every 5 hours"));
  expect(requestsOf(fake, "forecast").at(-1)).toMatchObject({ mailboxes: 3000, messages: 500 });
  expect(await faults()).toEqual([]);
}, 60_000);

test("table and history are saved as CSV, and a failure is shown with its next step", async () => {
  const user = userEvent.setup();
  const fake = open("healthy", "/monitoring");
  await user.click(await screen.findByTestId(testIds.monitoringExport));
  await user.click(await screen.findByTestId(testIds.monitoringExportOf("history")));
  expect(await screen.findByText("720 rows saved.")).toBeInTheDocument();
  expect(requestsOf(fake, "export_history").at(-1)).toMatchObject({ path: "/home/admin/history.csv" });
  fake.failing.set("export_monitoring", failure({ code: "disk_full", message: "The disk is full." }));
  await user.click(screen.getByTestId(testIds.monitoringExport));
  await user.click(await screen.findByTestId(testIds.monitoringExportOf("table")));
  expect(await screen.findByText("The disk is full.")).toBeInTheDocument();
}, 60_000);

test("nothing to monitor and a failure to load are different texts", async () => {
  open("empty", "/monitoring");
  expect(await screen.findByText("No workload is synchronized yet")).toBeInTheDocument();
  cleanup();
  open("healthy", "/monitoring", (fake) =>
    fake.failing.set("monitoring", failure({ code: "storage", message: "The database does not answer." })),
  );
  expect(await screen.findByText("The database does not answer.")).toBeInTheDocument();
}, 60_000);
