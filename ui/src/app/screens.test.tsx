import { createMemoryHistory } from "@tanstack/react-router";
import { act, cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, expect, test, vi } from "vitest";
import { setBackend } from "../lib/backend";
import { FakeBackend, type Scenario } from "../lib/fake";
import { failure } from "../lib/fake-data";
import { forgetAll } from "../lib/live";
import { testIds } from "../lib/testids";
import { App } from "./App";
import { createRoutes } from "./routes";

function open(scenario: Scenario, path: string): FakeBackend {
  const fake = new FakeBackend(scenario, 0);
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

/** Rules that need a layout, which jsdom has not. Contrast is looked at in screenshots. */
const NEEDS_LAYOUT = ["color-contrast", "scrollable-region-focusable", "target-size"];

test.each([
  ["empty", "/", "Nothing is set up yet"],
  ["healthy", "/", "What happens now"],
  ["broken", "/", "Needs attention"],
  ["startup_error", "/", "Tandem can't open its data"],
  ["healthy", "/profiles?open=Contoso+POP3", "Trusted certificates"],
  ["empty", "/profiles/new", "What kind of mail server is it?"],
  ["broken", "/mailboxes?open=ben@contoso.test", "Appointments, contacts and tasks"],
  ["broken", "/mailboxes?open=ben@contoso.test&edit=ben@contoso.test", "Save mailbox"],
  ["broken", "/records?open=email-3", "It is not known whether this was delivered"],
  ["healthy", "/records/new", "Attach files"],
  ["broken", "/ledger", "Messages seen"],
  ["broken", "/ledger?tab=quarantine", "A header line of 1.2 MB could not be read."],
  ["healthy", "/settings", "Follow the system"],
] as [Scenario, string, string][])(
  "%s %s has no accessibility fault that a machine finds",
  async (scenario, path, shows) => {
    open(scenario, path);
    await waitFor(() => expect(document.body.innerHTML).toContain(shows.replaceAll("&", "&amp;")));
    const found = await axe.run(document.body, {
      rules: Object.fromEntries(NEEDS_LAYOUT.map((rule) => [rule, { enabled: false }])),
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
      // A sandboxed frame can't be looked into.
      iframes: false,
    });
    expect(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`)).toEqual([]);
  },
);

test("when the data can't be opened the window says why, and goes on as soon as it can", async () => {
  open("startup_error", "/");
  expect(await screen.findByTestId(testIds.errorMessage)).toHaveTextContent("in use by another Tandem");
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByTestId(testIds.homeHeadline)).toBeInTheDocument();
});

test("an engine that can't run is said over everything, and tried again", async () => {
  open("standing", "/mailboxes");
  expect(await screen.findByTestId(testIds.errorMessage)).toHaveTextContent("Another Tandem synchronizes");
  await userEvent.click(screen.getByText("Try again"));
  await waitFor(() => expect(screen.queryByTestId(testIds.error)).not.toBeInTheDocument());
});

test("a window says that the engine runs as a service, and when that stops and comes back", async () => {
  const fake = new FakeBackend("healthy", 0);
  fake.engine = { running: true, place: "service", since: "2026-11-21T08:00:00Z", process: 812 };
  setBackend(fake);
  render(<App router={createRoutes(createMemoryHistory({ initialEntries: ["/"] }))} />);
  expect(await screen.findByTestId(testIds.homeEngine)).toHaveTextContent("as a service, since");

  fake.engine = { running: false, place: "none", since: null, process: null };
  fake.problem = failure({ code: "engine_stopped_elsewhere", message: "The process has stopped." });
  act(() => fake.emit({ type: "engine", running: false }));
  expect(await screen.findByText("The process has stopped.")).toBeInTheDocument();
  await waitFor(() => expect(screen.queryByTestId(testIds.homeEngine)).not.toBeInTheDocument());

  fake.engine = { running: true, place: "window", since: "2026-11-21T08:01:00Z", process: 900 };
  fake.problem = null;
  act(() => fake.emit({ type: "engine", running: true }));
  expect(await screen.findByTestId(testIds.homeEngine)).toHaveTextContent("the engine runs in this window");
  expect(screen.queryByText("The process has stopped.")).not.toBeInTheDocument();
});

test("the wizard writes nothing before its last button, and then the profile and its mailboxes", async () => {
  const user = userEvent.setup();
  const fake = open("empty", "/profiles/new");
  await user.type(await screen.findByTestId(testIds.wizardAddress), "amy@contoso.test");
  await user.click(screen.getByTestId(testIds.wizardNext));
  const server = await screen.findByTestId(testIds.wizardServer("incoming"));
  await screen.findByText("contoso.test names these servers in its autoconfig file.");
  expect(server).toHaveValue("mail.contoso.test");
  await user.clear(server);
  await user.type(server, "mail.contoso.test");
  await user.click(screen.getByTestId(testIds.wizardNext));
  await user.click(await screen.findByTestId(testIds.wizardNext));
  await user.type(await screen.findByTestId(testIds.wizardTryPassword), "secret");
  await user.click(screen.getByTestId(testIds.wizardTry));
  const certificate = await screen.findByTestId(testIds.certificate);
  expect(within(certificate).getByTestId(testIds.certificateTrust)).toBeDisabled();
  await user.click(within(certificate).getByTestId(testIds.certificateCompared));
  await user.click(within(certificate).getByTestId(testIds.certificateTrust));
  await user.click(screen.getByTestId(testIds.wizardTry));
  expect(await screen.findByText("Both servers answer as they should.")).toBeInTheDocument();
  await user.click(screen.getByTestId(testIds.wizardNext));
  expect(await screen.findByTestId(testIds.wizardMailbox("email", 0))).toHaveValue("amy@contoso.test");
  await user.click(screen.getByTestId(testIds.wizardNext));
  expect(requestsOf(fake, "save_profile")).toEqual([]);
  expect(requestsOf(fake, "save_mailbox")).toEqual([]);
  const finish = await screen.findByTestId(testIds.wizardFinish);
  expect(finish).toHaveTextContent("Create profile and add 1 mailbox");
  await user.click(finish);
  await user.click(await screen.findByTestId(testIds.wizardTestEnable));
  expect(await screen.findByText(/2 workloads enabled/)).toBeInTheDocument();
  expect(requestsOf(fake, "save_profile")).toMatchObject([
    { name: "contoso.test", incoming: { server: "mail.contoso.test" } },
  ]);
  expect(requestsOf(fake, "save_mailbox")).toMatchObject([{ email: "amy@contoso.test", password: "secret" }]);
}, 60_000);

test("after a failure in the middle the last button goes on from there", async () => {
  const user = userEvent.setup();
  const fake = open("empty", "/profiles/new");
  await user.type(await screen.findByTestId(testIds.wizardAddress), "amy@contoso.test");
  for (let step = 0; step < 5; step++) await user.click(await screen.findByTestId(testIds.wizardNext));
  fake.failing.set(
    "save_mailbox",
    failure({ code: "secrets_locked", object: "amy@contoso.test", message: "The keyring is locked." }),
  );
  await user.click(await screen.findByTestId(testIds.wizardFinish));
  expect(await screen.findByText("The keyring is locked.")).toBeInTheDocument();
  fake.failing.clear();
  await user.click(screen.getByTestId(testIds.wizardFinish));
  expect(await screen.findByTestId(testIds.wizardDone)).toBeInTheDocument();
  expect(requestsOf(fake, "save_profile").map((r) => r.id)).toEqual([null, "profile-contoso.test"]);
}, 60_000);

test("leaving a started wizard asks first", async () => {
  const user = userEvent.setup();
  open("empty", "/profiles/new");
  await user.type(await screen.findByTestId(testIds.wizardAddress), "amy@contoso.test");
  await user.click(screen.getByTestId(testIds.nav("records")));
  await waitFor(() => expect(document.body.textContent).toContain("Stay here"));
  await user.click(screen.getByText("Stay here"));
  expect(screen.getByTestId(testIds.wizardAddress)).toHaveValue("amy@contoso.test");
});

test("a new page's title takes the focus, but not from somebody who types there already", async () => {
  const user = userEvent.setup();
  open("empty", "/");
  await screen.findByTestId(testIds.homeSetUpProfile);
  const late: FrameRequestCallback[] = [];
  const frames = vi.spyOn(window, "requestAnimationFrame").mockImplementation((one) => late.push(one));
  const draw = () => act(() => late.splice(0).forEach((one) => void one(0)));

  await user.click(screen.getByTestId(testIds.nav("records")));
  await waitFor(() => expect(document.getElementById("page-title")).toHaveTextContent("Records"));
  draw();
  expect(document.getElementById("page-title")).toHaveFocus();

  await user.click(screen.getByTestId(testIds.nav("home")));
  await user.click(await screen.findByTestId(testIds.homeSetUpProfile));
  const address = await screen.findByTestId(testIds.wizardAddress);
  await user.type(address, "amy@co");
  draw();
  await user.keyboard("ntoso.test");
  expect(address).toHaveValue("amy@contoso.test");
  frames.mockRestore();
});

test("diagnostics are saved where one chooses, and what is missing in them is named", async () => {
  const user = userEvent.setup();
  const fake = open("broken", "/settings");
  await user.click(await screen.findByTestId(testIds.settingsDiagnostics));
  expect(await screen.findByText(/2 files in .*tandem-diagnostics\.zip\./)).toHaveTextContent(
    "say why: alerts.json.",
  );
  expect(requestsOf(fake, "diagnostics")).toEqual([{ path: "/home/admin/tandem-diagnostics.zip" }]);
});

test("mailboxes are chosen by keyboard and tested in bulk", async () => {
  const user = userEvent.setup();
  const fake = open("broken", "/mailboxes");
  const row = await screen.findByTestId(testIds.mailboxRow("ben@contoso.test"));
  act(() => row.focus());
  await user.keyboard(" ");
  await user.keyboard("{ArrowDown}");
  await waitFor(() => expect(screen.getByTestId(testIds.mailboxRow("chris@contoso.test"))).toHaveFocus());
  await user.keyboard(" ");
  const test = screen.getByTestId(testIds.mailboxTestEnable);
  expect(test).toHaveTextContent("Test & enable 2 mailboxes");
  await user.click(test);
  const start = await screen.findByTestId(testIds.testPlanStart);
  await waitFor(() => expect(start).toHaveTextContent("Test & enable 2 mailboxes"));
  await user.click(start);
  await waitFor(() =>
    expect(screen.getByTestId(testIds.testJobProgress)).toHaveTextContent("4 enabled, 0 failed"),
  );
  expect(requestsOf(fake, "start_test_enable")).toEqual([
    { addresses: ["ben@contoso.test", "chris@contoso.test"] },
  ]);
}, 60_000);

test("an address of another owner is not taken without telling what breaks", async () => {
  const user = userEvent.setup();
  const fake = open("healthy", "/mailboxes");
  await user.click(await screen.findByTestId(testIds.mailboxAdd));
  await user.type(await screen.findByTestId(testIds.mailboxFormField("email")), "amy@contoso.test");
  await user.type(screen.getByTestId(testIds.mailboxFormField("owner")), "Susan Burk");
  await user.click(screen.getByTestId(testIds.mailboxFormSave));
  expect(await screen.findByTestId(testIds.remapBreaks)).toHaveTextContent(
    "Amy Alberts has no mailbox any more",
  );
  expect(requestsOf(fake, "save_mailbox")).toEqual([]);
  await user.click(screen.getByTestId(testIds.remapConfirm));
  await waitFor(() =>
    expect(requestsOf(fake, "save_mailbox")).toMatchObject([
      { owner_name: "Susan Burk", confirm_remap: true },
    ]),
  );
}, 60_000);

test("an edited mailbox starts from the filter of its owner and keeps it", async () => {
  const user = userEvent.setup();
  const fake = open("healthy", "/mailboxes");
  await user.click(await screen.findByTestId(testIds.mailboxRow("amy@contoso.test")));
  await user.click(await screen.findByTestId(testIds.mailboxEdit));
  const filter = await screen.findByTestId(testIds.mailboxFormField("filter"));
  expect(filter).toHaveDisplayValue("From leads, contacts and accounts");
  expect([...(filter as HTMLSelectElement).options].map((o) => o.value)).toEqual([
    "all",
    "replies",
    "leads_contacts_accounts",
    "email_enabled",
    "none",
  ]);
  await user.clear(screen.getByTestId(testIds.mailboxFormField("user-name")));
  await user.type(screen.getByTestId(testIds.mailboxFormField("user-name")), "amy.alberts");
  await user.click(screen.getByTestId(testIds.mailboxFormSave));
  await waitFor(() =>
    expect(requestsOf(fake, "save_mailbox")).toMatchObject([
      { user_name: "amy.alberts", incoming_filter: "leads_contacts_accounts" },
    ]),
  );
}, 60_000);

test("a mail body is shown in a frame where nothing runs, and blocked pictures are counted", async () => {
  open("healthy", "/records?open=email-1");
  const frame = await screen.findByTestId(testIds.recordBody);
  expect(frame).toHaveAttribute("sandbox", "");
  expect(await screen.findByTestId(testIds.recordBlocked)).toHaveTextContent("3 remote pictures blocked");
});

test("a reply is sent from the mailbox that received, to the sender, and names what it answers", async () => {
  const user = userEvent.setup();
  const fake = open("healthy", "/records/new?reply=email-1");
  const body = await screen.findByTestId(testIds.composerField("body"));
  await waitFor(() => expect((body as HTMLTextAreaElement).value).toContain("> Hello Amy,"));
  await user.click(screen.getByTestId(testIds.composerSend));
  await waitFor(() => expect(requestsOf(fake, "send_email")).toHaveLength(1));
  expect(requestsOf(fake, "send_email")[0]).toMatchObject({
    from: "amy@contoso.test",
    to: ['"Susan Burk" <susan.burk@fabrikam.test>'],
    subject: "Re: Delivery on Thursday",
    in_reply_to: "email-1",
  });
});

test("a person settles a delivery that could not be confirmed", async () => {
  const user = userEvent.setup();
  const fake = open("broken", "/records?open=email-3");
  await user.click(await screen.findByTestId(testIds.recordMarkSent));
  await waitFor(() =>
    expect(requestsOf(fake, "resolve_delivery")).toEqual([{ id: "email-3", verdict: "sent" }]),
  );
  await waitFor(() => expect(screen.queryByTestId(testIds.recordMarkSent)).not.toBeInTheDocument());
});

test("what changes in the engine is asked again without a click", async () => {
  const fake = open("healthy", "/");
  await screen.findByTestId(testIds.homeHeadline);
  const before = requestsOf(fake, "home").length;
  act(() => fake.emit({ type: "changed", kind: "email" }));
  await waitFor(() => expect(requestsOf(fake, "home").length).toBeGreaterThan(before), { timeout: 3000 });
});

test("closing the window for the first time is explained, and the choice is handed on", async () => {
  const user = userEvent.setup();
  const fake = open("healthy", "/");
  await screen.findByTestId(testIds.homeHeadline);
  act(() => fake.close());
  await user.click(await screen.findByTestId(testIds.closeHide));
  expect(fake.closings).toEqual(["hide"]);
});

test("the practice organization is one click away and always marked", async () => {
  const user = userEvent.setup();
  open("empty", "/");
  await user.click(await screen.findByTestId(testIds.homeTryPractice));
  expect(await screen.findByTestId(testIds.practiceBanner)).toHaveTextContent("nothing leaves this computer");
});
