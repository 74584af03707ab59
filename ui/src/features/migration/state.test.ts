import { expect, test } from "vitest";
import type { RouterFilesView } from "../../bindings";
import { mailbox } from "../../lib/fake-data";
import { mailboxes, noCounts, noSummary, planOf, rows } from "../../lib/fake-migration-data";
import { decided, ownersOf } from "./decide";
import {
  type Change,
  entry,
  isReading,
  listed,
  missing,
  nextStep,
  pathsOf,
  reduce,
  START,
  startLabel,
  startRefused,
  type Wizard,
} from "./state";

const after = (...changes: Change[]): Wizard => changes.reduce(reduce, START);
const choose = (router: number, slot: "key" | "state" | "agent", path: string): Change => ({
  type: "choose",
  router,
  slot,
  path,
});
const NAMES = {
  key: "EncryptionKey.xml",
  state: "Microsoft.Crm.Tools.EmailAgent.SystemState.xml",
  agent: "Microsoft.Crm.Tools.EmailAgent.xml",
};

/** An answer of the engine: the paths of a router by slot. */
function view(
  number: number,
  paths: Partial<Record<keyof typeof NAMES, string>>,
  moved = "",
): RouterFilesView {
  const slots = (["key", "state", "agent"] as const).map((slot) => ({
    slot,
    file_name: NAMES[slot],
    path: paths[slot] ?? null,
    bytes: 10,
    moved: slot === "agent" && moved ? moved : null,
    problem: null,
  }));
  return {
    routers: [{ number, slots, complete: true, providers: 1, state_entries: 1 }],
    problems: [],
    total_bytes: 30,
    limit_bytes: 33_554_432,
    ready: true,
  };
}

test("there are at most four routers, and one at least", () => {
  const more: Change = { type: "addRouter" };
  expect(after(more, more, more, more, more).routers).toHaveLength(4);
  expect(after({ type: "removeRouter", router: 1 }).routers).toHaveLength(1);
});

test("a file of one router leaves the other routers' files chosen", () => {
  const state = after(choose(1, "key", "/1/k.xml"), { type: "addRouter" }, choose(2, "agent", "/2/a.xml"), {
    type: "clear",
    router: 2,
    slot: "agent",
  });
  expect(state.routers[0]?.files.key).toBe("/1/k.xml");
  expect(pathsOf(state)).toEqual([{ number: 1, key: "/1/k.xml", state: null, agent: null, dropped: [] }]);
});

test("what was dropped is sorted into the slots by the engine, and what was put right stays said", () => {
  const dropped = after({ type: "drop", router: 1, paths: ["/x/a.xml", "/x/b.xml", "/x/c.xml"] });
  expect(pathsOf(dropped)[0]?.dropped).toHaveLength(3);
  expect(isReading(dropped)).toBe(true);
  const read = reduce(dropped, {
    type: "read",
    revision: dropped.revision,
    view: view(1, { key: "/x/b.xml", state: "/x/c.xml", agent: "/x/a.xml" }, "It was put right."),
  });
  expect(read.routers[0]).toMatchObject({
    files: { key: "/x/b.xml", state: "/x/c.xml", agent: "/x/a.xml" },
    dropped: [],
    moved: ["It was put right."],
  });
  expect(isReading(read)).toBe(false);
  const again = reduce(read, { type: "read", revision: read.revision, view: view(1, { key: "/x/b.xml" }) });
  expect(again.routers[0]?.moved).toEqual(["It was put right."]);
  expect(reduce(again, choose(1, "key", "/y.xml")).routers[0]?.moved).toEqual([]);
});

test("an answer about older files is not taken", () => {
  const state = after(choose(1, "key", "/old.xml"), choose(1, "key", "/new.xml"));
  const late = reduce(state, { type: "read", revision: 1, view: view(1, { key: "/old.xml" }) });
  expect(late).toBe(state);
});

test("several folders dropped at once fill a router each; beyond four they are left", () => {
  const state = after({ type: "drop", router: null, paths: ["/r1", "/r2", "/r3", "/r4", "/r5"] });
  expect(state.routers.map((r) => r.dropped)).toEqual([["/r1"], ["/r2"], ["/r3"], ["/r4"]]);
});

test("a drop that was aimed at a complete router replaces its files; one that was not opens another", () => {
  const full = after(choose(1, "key", "/k.xml"), choose(1, "state", "/s.xml"), choose(1, "agent", "/a.xml"));
  const files = ["/n/k.xml", "/n/s.xml", "/n/a.xml"];
  expect(reduce(full, { type: "drop", router: 1, paths: files }).routers).toMatchObject([
    { files: { key: null }, dropped: files },
  ]);
  expect(reduce(full, { type: "drop", router: null, paths: files }).routers).toMatchObject([
    { files: { key: "/k.xml" }, dropped: [] },
    { files: { key: null }, dropped: files },
  ]);
});

test("removing a router moves the numbers of the others up and asks about them again", () => {
  const state = after(choose(1, "key", "/1.xml"), { type: "addRouter" }, choose(2, "key", "/2.xml"), {
    type: "removeRouter",
    router: 1,
  });
  expect(pathsOf(state)).toMatchObject([{ number: 1, key: "/2.xml" }]);
  expect(isReading(state)).toBe(true);
});

test("what is missing is said by router and file; an empty box beside a filled one is no fault", () => {
  expect(missing(START)).toEqual(["Choose the three files of Email Router 1."]);
  const state = after(choose(1, "key", "/k.xml"), choose(1, "agent", "/a.xml"), { type: "addRouter" });
  expect(missing(state)).toEqual([
    "Email Router 1: Microsoft.Crm.Tools.EmailAgent.SystemState.xml is not chosen yet.",
  ]);
});

test("the wizard opens with the migration that was applied, a newer plan, or the files", () => {
  const plan = planOf(rows(), mailboxes(), null);
  const applied = { ...noSummary, status: "applied", applied_at: "2020-01-01T00:00:00Z" };
  expect(entry(null, noSummary)).toBe("files");
  expect(entry(plan, noSummary)).toBe("profiles");
  expect(entry(plan, applied)).toBe("profiles");
  expect(entry({ ...plan, made_at: "2019-01-01T00:00:00Z" }, applied)).toBe("summary");
  expect(entry(null, applied)).toBe("summary");
  expect(entry(null, { ...applied, status: "undone" })).toBe("files");
});

test("Start says what it does in numbers", () => {
  expect(startLabel(noCounts)).toBe("");
  expect(startLabel({ ...noCounts, profiles_created: 1, mailboxes_created: 1 })).toBe(
    "Start: create 1 profile and 1 mailbox",
  );
  expect(
    startLabel({
      ...noCounts,
      profiles_created: 2,
      forward_mailboxes: 1,
      mailboxes_created: 14,
      mailboxes_updated: 3,
    }),
  ).toBe("Start: create 2 profiles, 1 forward mailbox and 14 mailboxes, update 3 mailboxes");
  expect(startLabel({ ...noCounts, mailboxes_updated: 1 })).toBe("Start: update 1 mailbox");
  expect(listed(["a", "b"])).toBe("a and b");
});

test("Start waits until differences that concern the plan were looked at", () => {
  const plan = planOf(rows(), mailboxes(), null);
  expect(startRefused(plan, "not reviewed")).toBeNull();
  const changed = { ...plan, differences: [{ text: "Contoso POP3 was renamed.", concerns_plan: true }] };
  expect(startRefused(changed, "not reviewed")).toContain("Confirm");
  expect(startRefused(changed, "reviewed")).toBeNull();
  expect(startRefused({ ...plan, nothing_to_do: true }, "reviewed")).toContain("Nothing would be written");
});

test("after a migration one step comes after the other", () => {
  const left = {
    ...noSummary,
    passwords_missing: 1,
    to_test: ["q@contoso.com", "u@contoso.com"],
    to_approve: ["u@contoso.com"],
  };
  expect(nextStep(left, "not proven")).toBe("passwords");
  const entered = { ...left, passwords_missing: 0 };
  expect(nextStep(entered, "not proven")).toBe("servers");
  expect(nextStep(entered, "proven")).toBe("approve");
  expect(nextStep({ ...entered, to_approve: [] }, "proven")).toBe("test");
  const tested = { ...entered, to_approve: [], to_test: [] };
  expect(nextStep(tested, "proven")).toBe("switch");
  const here = { ...tested, process_email_using: "server_side_synchronization" };
  expect(nextStep(here, "proven")).toBeNull();
});

test("a decision is said with whom it is for", () => {
  const [first] = mailboxes();
  if (!first) throw new Error("no mailbox");
  expect(decided(first)).toBe("Give to Amy 0");
  expect(decided({ ...first, decision: "create" })).toBe("Create the queue");
  expect(decided({ ...first, migrated: false })).toBe("Not migrated: its pair is not chosen");
  expect(decided({ ...first, decision: "skip", migrated: false })).toBe("Left as it is");
});

test("owners are listed once each, by name", () => {
  const owner = { type: "user", id: "b", name: "Ben" };
  const all = [mailbox("z@x", "Zoe"), mailbox("z2@x", "Zoe"), mailbox("a@x", "Amy")];
  expect(ownersOf(all, owner).map((one) => one.name)).toEqual(["Amy", "Ben", "Zoe"]);
});
