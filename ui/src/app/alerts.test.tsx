import { createMemoryHistory } from "@tanstack/react-router";
import { cleanup, render, screen, waitFor, within } from "@testing-library/react";
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

function open(scenario: Scenario, path: string) {
  const fake = new FakeBackend(scenario, 0);
  setBackend(fake);
  const history = createMemoryHistory({ initialEntries: [path] });
  render(<App router={createRoutes(history)} />);
  return { fake, history };
}

afterEach(() => {
  cleanup();
  forgetAll();
});

const requestsOf = (fake: FakeBackend, action: string) =>
  fake.calls.filter((c) => c.action === action).map((c) => c.request as Record<string, unknown>);

test("alerts are listed errors first, filtered by chips and words, and the filter is in the address", async () => {
  const user = userEvent.setup();
  const { history } = open("broken", "/alerts");
  expect(await screen.findByTestId(testIds.alertRow("alert-1"))).toBeInTheDocument();
  expect(screen.getByTestId(testIds.alertRow("alert-4"))).toBeInTheDocument();
  await user.click(screen.getByTestId(testIds.alertFilter("warning")));
  await waitFor(() => expect(screen.queryByTestId(testIds.alertRow("alert-1"))).not.toBeInTheDocument());
  expect(screen.getByTestId(testIds.alertRow("alert-3"))).toBeInTheDocument();
  expect(history.location.search).toContain("level=warning");
  await user.type(screen.getByTestId(testIds.alertSearch), "nothing like it");
  expect(await screen.findByText("No alert passes the filter")).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "Show all" }));
  expect(await screen.findByTestId(testIds.alertRow("alert-1"))).toBeInTheDocument();
}, 60_000);

test("an alert tells its facts, and its button does what the engine says", async () => {
  const user = userEvent.setup();
  const { fake, history } = open("broken", "/alerts");
  await user.click(await screen.findByTestId(testIds.alertRow("alert-1")));
  const details = await screen.findByTestId(testIds.alertDetails);
  for (const words of ["authentication_failed", "-ERR [AUTH] Authentication failed.", "Owner of the mailbox"])
    expect(within(details).getByText(words)).toBeInTheDocument();
  const button = within(details).getByTestId(testIds.alertRemedy("alert-1"));
  expect(button).toHaveTextContent("Enter password");
  await user.click(button);
  await waitFor(() => expect(history.location.pathname).toBe("/mailboxes"));
  expect(history.location.search).toContain("edit=");
  expect(fake.calls.some((c) => c.action === "test_enable")).toBe(false);
}, 60_000);

test("a certificate is trusted only after it was compared", async () => {
  const user = userEvent.setup();
  const { fake } = open("broken", "/alerts?open=alert-3");
  await user.click(await screen.findByTestId(testIds.alertRemedy("alert-3")));
  const trust = await screen.findByTestId(testIds.certificateTrust);
  expect(trust).toBeDisabled();
  await user.click(screen.getByTestId(testIds.certificateCompared));
  await user.click(trust);
  await waitFor(() =>
    expect(requestsOf(fake, "trust_certificate")).toMatchObject([
      { profile: "Contoso IMAP", host: "imap.contoso.test" },
    ]),
  );
}, 60_000);

test("what is dismissed moves to those that are over", async () => {
  const user = userEvent.setup();
  const { fake } = open("broken", "/alerts");
  await user.click(await screen.findByTestId(testIds.alertDismissNews));
  await waitFor(() => expect(screen.queryByTestId(testIds.alertRow("alert-4"))).not.toBeInTheDocument());
  expect(requestsOf(fake, "dismiss_alerts")).toEqual([{ ids: ["alert-4"] }]);
  await user.click(screen.getByTestId(testIds.alertFilter("cleared")));
  expect(await screen.findByTestId(testIds.alertRow("alert-4"))).toBeInTheDocument();
  expect(screen.queryByTestId(testIds.alertRow("alert-1"))).not.toBeInTheDocument();
}, 60_000);

test("no alerts is good news, and a failure to list them says what to do", async () => {
  open("healthy", "/alerts");
  expect(await screen.findByText("Nothing needs you")).toBeInTheDocument();
  cleanup();
  const fake = new FakeBackend("broken", 0);
  setBackend(fake);
  fake.failing.set(
    "alerts",
    failure({ code: "store_failed", object: "alerts", message: "The disk failed." }),
  );
  render(<App router={createRoutes(createMemoryHistory({ initialEntries: ["/alerts"] }))} />);
  expect(await screen.findByText("The disk failed.")).toBeInTheDocument();
  expect(screen.getByRole("button", { name: "Try again" })).toBeInTheDocument();
});

test("levels are switched off in the settings", async () => {
  const user = userEvent.setup();
  const { fake } = open("healthy", "/settings");
  await user.click(await screen.findByTestId(testIds.settingsField("warnings")));
  await user.click(screen.getByTestId(testIds.settingsSaveAlerts));
  await waitFor(() =>
    expect(requestsOf(fake, "save_alert_settings")).toMatchObject([{ warnings: false, errors: true }]),
  );
}, 60_000);

test("a profile's owner gets an email only when there is an owner", async () => {
  const user = userEvent.setup();
  const { fake } = open("healthy", "/profiles?open=Contoso+POP3");
  await user.click(await screen.findByTestId(testIds.profileSendAlertEmail));
  await user.click(screen.getByTestId(testIds.profileSaveAlerts));
  expect(await screen.findByText(/no owner with an email address/)).toBeInTheDocument();
  await user.type(screen.getByTestId(testIds.profileOwner), "Amy Alberts");
  await user.click(screen.getByTestId(testIds.profileSaveAlerts));
  await waitFor(() =>
    expect(requestsOf(fake, "save_profile_alerts").at(-1)).toMatchObject({
      profile: "Contoso POP3",
      owner: "Amy Alberts",
      send_alert_email: true,
    }),
  );
}, 60_000);

test("the page has no accessibility fault that a machine finds", async () => {
  open("broken", "/alerts?open=alert-3");
  await screen.findByTestId(testIds.alertDetails);
  const found = await axe.run(document.body, {
    rules: Object.fromEntries(
      ["color-contrast", "scrollable-region-focusable", "target-size"].map((rule) => [
        rule,
        { enabled: false },
      ]),
    ),
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    iframes: false,
  });
  expect(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`)).toEqual([]);
});
