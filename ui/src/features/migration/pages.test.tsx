import { createMemoryHistory } from "@tanstack/react-router";
import { act, cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import { App } from "../../app/App";
import { createRoutes } from "../../app/routes";
import { setBackend } from "../../lib/backend";
import { FakeBackend, type Scenario } from "../../lib/fake";
import { failure } from "../../lib/fake-data";
import { forgetAll } from "../../lib/live";
import { testIds } from "../../lib/testids";
import { FILE_NAMES } from "./state";

/** Opens the wizard; `prepare` says what the engine has already. */
function open(
  prepare: (fake: FakeBackend) => void = () => undefined,
  scenario: Scenario = "healthy",
  pause = 0,
) {
  const fake = new FakeBackend(scenario, pause);
  prepare(fake);
  setBackend(fake);
  render(<App router={createRoutes(createMemoryHistory({ initialEntries: ["/migration"] }))} />);
  return fake;
}
const planned = (fake: FakeBackend) => fake.migration.planned();
const applied = (fake: FakeBackend) => {
  fake.settings.process_email_using = "email_router";
  fake.migration.planned();
  fake.migration.applied();
};

afterEach(() => {
  cleanup();
  forgetAll();
});

const requestsOf = (fake: FakeBackend, action: string) =>
  fake.calls.filter((c) => c.action === action).map((c) => c.request as Record<string, unknown>);

/** Rules that need a layout, which jsdom has not. Contrast is looked at in screenshots. */
const NEEDS_LAYOUT = ["color-contrast", "scrollable-region-focusable", "target-size"];

async function faults(): Promise<string[]> {
  const found = await axe.run(document.body, {
    rules: Object.fromEntries(NEEDS_LAYOUT.map((rule) => [rule, { enabled: false }])),
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  });
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`);
}

test("no page has an accessibility fault that a machine finds", async () => {
  const user = userEvent.setup();
  open(planned);
  await user.click(await screen.findByTestId(testIds.migrationRow(1)));
  await screen.findByRole("grid", { name: "Fields of the files" });
  expect(await faults()).toEqual([]);
  await user.click(screen.getByTestId(testIds.migrationNext));
  await user.click(await screen.findByTestId(testIds.migrationMailbox(15)));
  await screen.findByTestId(testIds.migrationCandidate);
  expect(await faults()).toEqual([]);
  await user.click(screen.getByTestId(testIds.migrationStart));
  await screen.findByTestId(testIds.migrationSummary);
  expect(await faults()).toEqual([]);
  await user.click(screen.getByTestId(testIds.migrationPasswords));
  await screen.findByTestId(testIds.migrationPassword(0));
  expect(await faults()).toEqual([]);
}, 120_000);

test("from three files to the summary, by browsing; nothing is written before Start", async () => {
  const user = userEvent.setup();
  const fake = open();
  for (const slot of ["key", "state", "agent"] as const) {
    fake.files = [`/router/${FILE_NAMES[slot]}`];
    await user.click(await screen.findByTestId(testIds.migrationBrowse(1, slot)));
    await waitFor(() =>
      expect(screen.getByTestId(testIds.migrationFile(1, slot))).toHaveValue(`/router/${FILE_NAMES[slot]}`),
    );
  }
  expect(await screen.findByText("142 providers, 221 state entries")).toBeInTheDocument();
  expect(screen.getByTestId(testIds.migrationUsed)).toHaveTextContent("1.2 MB of 32 MB");
  await waitFor(() => expect(screen.getByTestId(testIds.migrationNext)).toBeEnabled());
  expect(await faults()).toEqual([]);
  await user.click(screen.getByTestId(testIds.migrationNext));
  await screen.findByTestId(testIds.migrationRow(0));
  await user.click(screen.getByTestId(testIds.migrationNext));
  const start = await screen.findByTestId(testIds.migrationStart);
  expect(start).toHaveTextContent("Start: create 2 profiles, 1 forward mailbox and 239 mailboxes");
  expect(requestsOf(fake, "apply_migration")).toEqual([]);
  await user.click(start);
  expect(await screen.findByText("The migration is done")).toBeInTheDocument();
  expect(requestsOf(fake, "apply_migration")).toEqual([{ reviewed: null }]);
}, 120_000);

test("a dropped folder fills a router, and files in each other's place are put right and said so", async () => {
  const fake = open();
  await screen.findByTestId(testIds.migrationRouter(1));
  act(() => fake.drag({ type: "drop", x: 0, y: 0, paths: ["/srv/router"] }));
  await waitFor(() =>
    expect(screen.getByTestId(testIds.migrationFile(1, "agent"))).toHaveValue(
      `/srv/router/${FILE_NAMES.agent}`,
    ),
  );
  fireEvent.click(screen.getByTestId(testIds.migrationMoreRouters));
  fake.files = [`/srv/other/${FILE_NAMES.agent}`];
  fireEvent.click(await screen.findByTestId(testIds.migrationBrowse(2, "key")));
  expect(await screen.findByText(/Put right:/)).toHaveTextContent(
    "Microsoft.Crm.Tools.EmailAgent.xml was chosen as EncryptionKey.xml",
  );
  expect(screen.getByTestId(testIds.migrationFile(2, "key"))).toHaveValue("");
  expect(screen.getByTestId(testIds.migrationFile(2, "agent"))).toHaveValue(`/srv/other/${FILE_NAMES.agent}`);
});

test("an error names router, file and line, and the other router's files stay chosen", async () => {
  const user = userEvent.setup();
  const fake = open();
  await screen.findByTestId(testIds.migrationRouter(1));
  act(() => fake.drag({ type: "drop", x: 0, y: 0, paths: ["/good", "/cut_short"] }));
  const second = await screen.findByTestId(testIds.migrationRouter(2));
  await waitFor(() =>
    expect(second).toHaveTextContent("Router 2, EncryptionKey.xml, line 38: the file is cut short"),
  );
  expect(second).toHaveTextContent("Copy the file again");
  expect(screen.getByTestId(testIds.migrationFile(1, "key"))).toHaveValue("/good/EncryptionKey.xml");
  await user.click(screen.getByTestId(testIds.migrationNext));
  expect(await screen.findByText(/Correct what is marked/)).toBeInTheDocument();
  expect(requestsOf(fake, "plan_migration")).toEqual([]);
  await user.click(screen.getByTestId(testIds.migrationRemoveRouter(2)));
  await waitFor(() => expect(screen.getByTestId(testIds.migrationNext)).toBeEnabled());
  await user.click(screen.getByTestId(testIds.migrationNext));
  expect(await screen.findByTestId(testIds.migrationRow(0))).toBeInTheDocument();
}, 60_000);

test("without files Next says what is missing", async () => {
  const user = userEvent.setup();
  open();
  await user.click(await screen.findByTestId(testIds.migrationNext));
  expect(await screen.findByRole("alert")).toHaveTextContent("Choose the three files of Email Router 1.");
});

test("chosen files are still there after a look at another page", async () => {
  const user = userEvent.setup();
  const fake = open();
  await user.click(await screen.findByTestId(testIds.migrationFolder(1)));
  await waitFor(() =>
    expect(screen.getByTestId(testIds.migrationFile(1, "key"))).toHaveValue(
      `${fake.folder}/EncryptionKey.xml`,
    ),
  );
  await user.click(screen.getByTestId(testIds.nav("settings")));
  await screen.findByText("Follow the system");
  await user.click(screen.getByTestId(testIds.nav("migration")));
  expect(await screen.findByTestId(testIds.migrationFile(1, "key"))).toHaveValue(
    `${fake.folder}/EncryptionKey.xml`,
  );
});

test("names are edited in the row, pairs are declined, and what can't be migrated says why", async () => {
  const user = userEvent.setup();
  const fake = open(planned);
  const name = await screen.findByTestId(testIds.migrationRowName(0));
  await user.clear(name);
  await user.type(name, "Contoso POP3{Enter}");
  await waitFor(() =>
    expect(requestsOf(fake, "decide_migration")).toEqual([{ rows: [{ row: 0, name: "Contoso POP3" }] }]),
  );
  const migrate = screen.getByTestId(testIds.migrationRowMigrate(1));
  expect(migrate).toBeChecked();
  await user.click(migrate);
  await waitFor(() =>
    expect(requestsOf(fake, "decide_migration")).toContainEqual({ rows: [{ row: 1, migrate: false }] }),
  );
  await waitFor(() => expect(screen.getByTestId(testIds.migrationRowMigrate(1))).not.toBeChecked());
  const custom = screen.getByTestId(testIds.migrationRow(3));
  expect(custom).toHaveTextContent("A provider of another maker");
  expect(within(custom).queryByRole("switch")).not.toBeInTheDocument();
}, 60_000);

test("a refused name is said with a next step, and the row keeps its name", async () => {
  const user = userEvent.setup();
  const fake = open(planned);
  fake.failing.set(
    "decide_migration",
    failure({ code: "name_taken", object: "Contoso", message: "Another row of the plan has this name." }),
  );
  const name = await screen.findByTestId(testIds.migrationRowName(0));
  await user.clear(name);
  await user.type(name, "Contoso{Enter}");
  expect(await screen.findByTestId(testIds.errorMessage)).toHaveTextContent("Another row");
}, 60_000);

test("provenance names file and line of every field and is filtered by what became of it", async () => {
  const user = userEvent.setup();
  const fake = open(planned);
  const row = await screen.findByTestId(testIds.migrationRow(0));
  act(() => row.focus());
  await user.keyboard("{Enter}");
  expect(
    await screen.findByTestId(testIds.migrationField("1-agent-20-IncomingServerType")),
  ).toHaveTextContent("Line 20");
  await user.click(screen.getByTestId(testIds.migrationFate("unreadable")));
  expect(await screen.findByTestId(testIds.migrationField("1-state-27-LastProcessed"))).toHaveTextContent(
    "24 hours back is used",
  );
  expect(requestsOf(fake, "migration_provenance").at(-1)).toMatchObject({ row: 0, fate: "unreadable" });
  await user.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByTestId(testIds.migrationDetails)).not.toBeInTheDocument());
}, 60_000);

test("a conflict is decided in its panel: skip, or the other router's settings", async () => {
  const user = userEvent.setup();
  const fake = open(planned);
  await user.click(await screen.findByTestId(testIds.migrationNext));
  await user.click(await screen.findByTestId(testIds.migrationMailbox(15)));
  await user.click(await screen.findByRole("radio", { name: /Email Router 2/ }));
  await waitFor(() =>
    expect(requestsOf(fake, "decide_migration")).toEqual([{ mailboxes: [{ mailbox: 15, candidate: 1 }] }]),
  );
  await waitFor(() => expect(screen.getByTestId(testIds.migrationDecision("skip"))).toBeEnabled());
  await user.click(screen.getByTestId(testIds.migrationDecision("skip")));
  await waitFor(() =>
    expect(screen.getByTestId(testIds.migrationMailbox(15))).toHaveTextContent("Left as it is"),
  );
}, 60_000);

test("Start waits until what differs was looked at, and says then which configuration that was", async () => {
  const user = userEvent.setup();
  const fake = open((one) => {
    one.migration.planned("/home/admin/plan.json");
    if (one.migration.plan)
      one.migration.plan.differences = [
        { text: "The profile Contoso POP3 was renamed.", concerns_plan: true },
      ];
  });
  await user.click(await screen.findByTestId(testIds.migrationNext));
  const start = await screen.findByTestId(testIds.migrationStart);
  expect(start).toBeDisabled();
  await user.click(screen.getByTestId(testIds.migrationReviewed));
  expect(start).toBeEnabled();
  await user.click(start);
  await screen.findByTestId(testIds.migrationSummary);
  expect(requestsOf(fake, "apply_migration")).toEqual([{ reviewed: "c0ffee" }]);
}, 60_000);

test("a plan is saved to a file and opened from one; another file is refused with a next step", async () => {
  const user = userEvent.setup();
  const fake = open(planned);
  await user.click(await screen.findByTestId(testIds.migrationNext));
  await user.click(await screen.findByTestId(testIds.migrationSavePlan));
  expect(await screen.findByText(/Saved to/)).toHaveTextContent("It holds no passwords");
  expect(requestsOf(fake, "save_migration_plan")).toEqual([
    { path: "/home/admin/email-router-migration-plan.json" },
  ]);
  await user.click(screen.getByTestId(testIds.migrationBack));
  await user.click(await screen.findByTestId(testIds.migrationBack));
  fake.files = ["/home/admin/notes.txt"];
  await user.click(await screen.findByTestId(testIds.migrationOpenPlan));
  expect(await screen.findByTestId(testIds.errorMessage)).toHaveTextContent("not a migration plan");
  fake.files = ["/home/admin/plan.json"];
  await user.click(screen.getByTestId(testIds.migrationOpenPlan));
  expect(await screen.findByTestId(testIds.migrationRow(0))).toBeInTheDocument();
}, 60_000);

test("the plan that is kept is named on the files page, and can be discarded", async () => {
  const user = userEvent.setup();
  open(planned);
  await user.click(await screen.findByTestId(testIds.migrationBack));
  expect(await screen.findByText(/A plan with 4 pairs/)).toBeInTheDocument();
  await user.click(screen.getByTestId(testIds.migrationDiscard));
  await waitFor(() => expect(screen.queryByTestId(testIds.migrationDiscard)).not.toBeInTheDocument());
});

test("all fields are saved as CSV", async () => {
  const user = userEvent.setup();
  const fake = open(planned);
  await user.click(await screen.findByTestId(testIds.migrationAllFields));
  await user.click(await screen.findByTestId(testIds.migrationReport("provenance")));
  expect(await screen.findByText(/Saved to/)).toHaveTextContent("email-router-fields.csv");
  expect(requestsOf(fake, "save_migration_report")).toMatchObject([{ format: "provenance_csv" }]);
});

test("while it runs, progress is shown, leaving asks, and a cancel writes nothing", async () => {
  const user = userEvent.setup();
  const fake = open(planned, "healthy", 400);
  await user.click(await screen.findByTestId(testIds.migrationNext));
  await user.click(await screen.findByTestId(testIds.migrationStart));
  expect(await screen.findByText("1 of 2")).toBeInTheDocument();
  await user.click(screen.getByTestId(testIds.nav("records")));
  await user.click(await screen.findByText("Stay here"));
  await user.click(screen.getByTestId(testIds.migrationCancel));
  expect(await screen.findByTestId(testIds.errorMessage)).toHaveTextContent("Nothing was written");
  expect(fake.migration.summary.status).toBe("none");
  await user.click(screen.getByTestId(testIds.migrationBack));
  expect(await screen.findByTestId(testIds.migrationStart)).toBeEnabled();
}, 60_000);

test("coming back to a running migration joins it and does not start it again", async () => {
  const user = userEvent.setup();
  const fake = open(planned, "healthy", 400);
  await user.click(await screen.findByTestId(testIds.migrationNext));
  await user.click(await screen.findByTestId(testIds.migrationStart));
  await screen.findByText("1 of 2");
  await user.click(screen.getByTestId(testIds.nav("records")));
  await user.click(await screen.findByText("Leave; it goes on"));
  await waitFor(() => expect(screen.getByTestId(testIds.pageTitle)).toHaveTextContent("Records"));
  await user.click(screen.getByTestId(testIds.nav("migration")));
  await screen.findByTestId(testIds.migrationSummary);
  expect(requestsOf(fake, "apply_migration")).toHaveLength(1);
}, 60_000);

test("passwords are entered once per account and are not kept in the page", async () => {
  const user = userEvent.setup();
  const fake = open(applied);
  await user.click(await screen.findByTestId(testIds.migrationPasswords));
  expect(screen.getByTestId(testIds.migrationKeepPasswords)).toBeDisabled();
  await user.type(await screen.findByTestId(testIds.migrationPassword(1)), "secret");
  expect(screen.getByTestId(testIds.migrationKeepPasswords)).toHaveTextContent("Keep 1 password");
  await user.keyboard("{Enter}");
  await waitFor(() => expect(screen.queryByTestId(testIds.migrationPassword(1))).not.toBeInTheDocument());
  expect(requestsOf(fake, "enter_migration_passwords")).toEqual([
    { passwords: [{ credential: 1, password: "secret" }] },
  ]);
  await user.click(screen.getByTestId(testIds.migrationBack));
  expect(await screen.findByTestId(testIds.migrationPasswords)).toHaveTextContent("Enter 2 passwords");
}, 60_000);

test("the switch to Server-Side Synchronization says first that the router stops", async () => {
  const user = userEvent.setup();
  const fake = open(applied);
  await user.click(await screen.findByTestId(testIds.migrationSwitch));
  expect(await screen.findByRole("alertdialog")).toHaveTextContent("the Email Router stops");
  expect(requestsOf(fake, "save_settings")).toEqual([]);
  await user.click(screen.getByTestId(testIds.migrationSwitchConfirm));
  await waitFor(() =>
    expect(requestsOf(fake, "save_settings")).toMatchObject([
      { process_email_using: "server_side_synchronization" },
    ]),
  );
  expect(await screen.findByText("5. Email is processed by Server-Side Synchronization")).toBeInTheDocument();
}, 60_000);

/** Everything that was migrated waits: nothing is tested, nobody is approved. */
const untested = (fake: FakeBackend) => {
  applied(fake);
  fake.migration.summary = { ...fake.migration.summary, passwords_missing: 0 };
  fake.mailboxes = fake.mailboxes.map((m) => ({
    ...m,
    approval: "pending",
    workloads: {
      incoming: { ...m.workloads.incoming, enabled: false },
      outgoing: { ...m.workloads.outgoing, enabled: false },
      act: m.workloads.act,
    },
  }));
};

test("addresses are named before they are approved, and the test is planned with queues first", async () => {
  const user = userEvent.setup();
  const fake = open(untested);
  const n = fake.mailboxes.length;
  await user.click(await screen.findByTestId(testIds.migrationApprove));
  const asked = await screen.findByRole("alertdialog");
  expect(asked).toHaveTextContent("support@contoso.test");
  expect(await faults()).toEqual([]);
  expect(requestsOf(fake, "approve_mailboxes")).toEqual([]);
  await user.click(screen.getByTestId(testIds.migrationApproveConfirm));
  expect(await screen.findByText("3. Every address is approved")).toBeInTheDocument();
  const plan = await screen.findByTestId(testIds.migrationTest);
  expect(plan).toHaveTextContent(`Plan the test of ${n} mailboxes…`);
  await user.click(plan);
  const start = await screen.findByTestId(testIds.testPlanStart);
  await waitFor(() => expect(start).toHaveTextContent(`Test & enable ${n} mailboxes`));
  const planned = requestsOf(fake, "plan_test_enable")[0]?.addresses as string[];
  expect(planned[0]).toBe("support@contoso.test");
  expect(planned).toHaveLength(n);
  await user.click(start);
  expect(await screen.findByTestId(testIds.testJob)).toBeInTheDocument();
  await user.click(screen.getByText("Back to the migration"));
  expect(await screen.findByTestId(testIds.migrationTestJob)).toHaveTextContent(`of ${n} mailboxes`);
}, 60_000);

test("a certificate that is met is compared once for all profiles, then their servers work", async () => {
  const user = userEvent.setup();
  const fake = open((one) => {
    untested(one);
    const [first] = one.profiles;
    if (!first) throw new Error("no profile");
    one.profiles = ["North", "South"].map((name) => ({
      ...structuredClone(first),
      id: name,
      name,
    }));
    for (const profile of one.profiles)
      for (const end of [profile.incoming, profile.outgoing]) if (end) end.trusted_certificate_sha256 = [];
    one.migration.summary.profiles = one.profiles.map(({ id, name }) => ({
      id,
      name,
      server_type: "pop3_smtp",
      created: true,
      mailboxes: 3,
      cannot_enable: null,
    }));
  });
  await user.click(await screen.findByTestId(testIds.migrationTryServers));
  const panel = await screen.findByTestId(testIds.certificate);
  expect(screen.getByText(/2 profiles met this certificate: “North” and “South”/)).toBeInTheDocument();
  await waitFor(() => expect(screen.getByTestId(testIds.migrationTryServers)).toBeEnabled());
  expect(await faults()).toEqual([]);
  expect(within(panel).getByTestId(testIds.certificateTrust)).toBeDisabled();
  await user.click(within(panel).getByTestId(testIds.certificateCompared));
  await user.click(within(panel).getByTestId(testIds.certificateTrust));
  expect(await screen.findByText("2. The servers work")).toBeInTheDocument();
  expect(requestsOf(fake, "trust_certificate")).toMatchObject([{ profile: "North" }, { profile: "South" }]);
}, 60_000);

test("the CA file of an own authority is typed once for all profiles that need it", async () => {
  const user = userEvent.setup();
  const fake = open((one) => {
    untested(one);
    const [first] = one.profiles;
    if (!first) throw new Error("no profile");
    for (const end of [first.incoming, first.outgoing]) if (end) end.trusted_certificate_sha256 = [];
    one.migration.summary.profiles = [
      {
        id: first.id,
        name: first.name,
        server_type: "pop3_smtp",
        created: true,
        mailboxes: 3,
        cannot_enable: null,
      },
    ];
  });
  await user.click(await screen.findByTestId(testIds.migrationTryServers));
  const path = await screen.findByTestId(testIds.certificateCaPath);
  await waitFor(() => expect(screen.getByTestId(testIds.migrationTryServers)).toBeEnabled());
  await user.type(path, '"/etc/ssl/contoso ca.pem"{Enter}');
  await waitFor(() =>
    expect(requestsOf(fake, "save_profile")).toMatchObject([
      { incoming: { ca_file: "/etc/ssl/contoso ca.pem" }, outgoing: { ca_file: "/etc/ssl/contoso ca.pem" } },
    ]),
  );
}, 60_000);

test("while the router still runs, Tandem is told to wait, which is said before", async () => {
  const user = userEvent.setup();
  const fake = open((one) => {
    untested(one);
    one.settings.process_email_using = "server_side_synchronization";
  });
  await user.click(await screen.findByTestId(testIds.migrationHold));
  expect(await screen.findByRole("alertdialog")).toHaveTextContent("processes no email of this organization");
  await user.click(screen.getByTestId(testIds.migrationHoldConfirm));
  expect(await screen.findByTestId(testIds.migrationSwitch)).toBeInTheDocument();
  expect(requestsOf(fake, "save_settings")).toMatchObject([{ process_email_using: "email_router" }]);
}, 60_000);

test("paths are typed or pasted: a folder fills a router, a file its slot, and Enter does not go on", async () => {
  const user = userEvent.setup();
  const fake = open();
  await user.type(await screen.findByTestId(testIds.migrationFolderPath(1)), '"/srv/router"{Enter}');
  await waitFor(() =>
    expect(screen.getByTestId(testIds.migrationFile(1, "key"))).toHaveValue(`/srv/router/${FILE_NAMES.key}`),
  );
  const key = screen.getByTestId(testIds.migrationFile(1, "key"));
  await user.clear(key);
  await user.type(key, "/srv/elsewhere/EncryptionKey.xml{Enter}");
  await waitFor(() =>
    expect(requestsOf(fake, "read_router_files").at(-1)).toMatchObject({
      routers: [{ key: "/srv/elsewhere/EncryptionKey.xml" }],
    }),
  );
  expect(requestsOf(fake, "plan_migration")).toEqual([]);
  await user.type(key, "x{Escape}");
  expect(key).toHaveValue("/srv/elsewhere/EncryptionKey.xml");
}, 60_000);

test("in practice the sample files come without a question", async () => {
  const user = userEvent.setup();
  open((fake) => {
    fake.practicing = true;
  });
  await user.click(await screen.findByTestId(testIds.migrationSamples));
  await waitFor(() =>
    expect(screen.getByTestId(testIds.migrationFile(2, "agent"))).toHaveValue(
      `/tmp/practice/routers/router-2/${FILE_NAMES.agent}`,
    ),
  );
}, 60_000);

test("undo asks first, and says its condition when it is too late", async () => {
  const user = userEvent.setup();
  const fake = open(applied);
  await user.click(await screen.findByTestId(testIds.migrationUndo));
  await user.click(await screen.findByTestId(testIds.migrationUndoConfirm));
  expect(await screen.findByText("The migration was undone")).toBeInTheDocument();
  expect(requestsOf(fake, "undo_migration")).toHaveLength(1);
  cleanup();
  open((late) => {
    applied(late);
    late.migration.summary = {
      ...late.migration.summary,
      can_undo: false,
      undo_refused: "amy@contoso.com has completed a cycle.",
    };
  });
  expect(await screen.findByText("amy@contoso.com has completed a cycle.")).toBeInTheDocument();
  expect(screen.getByTestId(testIds.migrationUndo)).toBeDisabled();
}, 60_000);

test("when the engine can't say what is planned, that is said with a way to ask again", async () => {
  const user = userEvent.setup();
  const fake = open((one) =>
    one.failing.set("migration_summary", failure({ code: "storage", message: "The data can't be read." })),
  );
  expect(await screen.findByTestId(testIds.errorMessage)).toHaveTextContent("can't be read");
  fake.failing.clear();
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByTestId(testIds.migrationRouter(1))).toBeInTheDocument();
});
