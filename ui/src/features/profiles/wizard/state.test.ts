import { expect, test } from "vitest";
import { verdict } from "./ServersFound";
import {
  type Change,
  errorsOf,
  finishLabel,
  isDirty,
  mailboxOf,
  nameFrom,
  profileOf,
  proof,
  reduce,
  START,
  tryKey,
} from "./state";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const after = (...changes: Change[]) => changes.reduce(reduce, START);
const typed = (field: "address" | "name", value: string): Change => ({ type: "set", field, value });
const next: Change = { type: "next", now: NOW };

test("the servers are guessed from the address and follow the kind of server", () => {
  const imap = after(typed("address", "amy@contoso.test"));
  expect([
    imap.incoming.server,
    imap.incoming.port,
    imap.outgoing.server,
    imap.outgoing.port,
    imap.name,
  ]).toEqual(["imap.contoso.test", "993", "smtp.contoso.test", "587", "contoso.test"]);
  const pop = reduce(imap, { type: "serverType", value: "pop3_smtp" });
  expect([pop.incoming.server, pop.incoming.port]).toEqual(["pop.contoso.test", "995"]);
});

const endpointView = (server: string, port: number, security: string) => ({
  server,
  port,
  security,
  ca_file: null,
  trusted_certificate_sha256: [],
});
const found = (address: string): Change => ({
  type: "found",
  address,
  found: {
    domain: "contoso.test",
    proposals: [
      {
        server_type: "imap_smtp",
        incoming: endpointView("mx7.hoster.test", 143, "starttls"),
        outgoing: endpointView("mx7.hoster.test", 465, "tls"),
        user_name: null,
        takes_password: true,
        source: "autoconfig",
      },
    ],
    hosted_by: null,
    advice: null,
    asked: [],
  },
});

test("the servers that the domain names are taken, of the kind that was chosen", () => {
  const state = after(typed("address", "amy@contoso.test"), found("amy@contoso.test"));
  expect([state.incoming.server, state.incoming.port, state.incoming.security, state.outgoing.port]).toEqual([
    "mx7.hoster.test",
    "143",
    "starttls",
    "465",
  ]);
  const pop = reduce(state, { type: "serverType", value: "pop3_smtp" });
  expect([pop.incoming.server, pop.incoming.port, pop.incoming.security]).toEqual([
    "pop.contoso.test",
    "995",
    "tls",
  ]);
});

test("what the domain says comes too late for what was typed, and for another address", () => {
  const change: Change = { type: "endpoint", end: "incoming", change: { security: "tls" } };
  const state = after(typed("address", "amy@contoso.test"), change, found("amy@contoso.test"));
  expect([state.incoming.server, state.outgoing.server]).toEqual(["imap.contoso.test", "mx7.hoster.test"]);
  const moved = after(typed("address", "amy@other.test"), found("amy@contoso.test"));
  expect([moved.found, moved.incoming.server]).toEqual([null, "imap.other.test"]);
  expect(reduce(state, typed("address", "amy@contoso.tes")).found).toBe(null);
});

test("what was typed is never overwritten by a guess", () => {
  const state = after(
    { type: "endpoint", end: "incoming", change: { server: "mail.example.org" } },
    typed("name", "Ours"),
    typed("address", "amy@contoso.test"),
    { type: "serverType", value: "pop3_smtp" },
  );
  expect([state.incoming.server, state.name, state.outgoing.server]).toEqual([
    "mail.example.org",
    "Ours",
    "smtp.contoso.test",
  ]);
});

test("the port follows the security until it is typed, and again after the security changed", () => {
  const endpoint = (change: object): Change => ({ type: "endpoint", end: "incoming", change });
  expect(after(endpoint({ security: "starttls" })).incoming.port).toBe("143");
  const odd = after(endpoint({ port: "10143" }), { type: "serverType", value: "pop3_smtp" });
  expect(odd.incoming.port).toBe("10143");
  expect(reduce(odd, endpoint({ security: "tls" })).incoming.port).toBe("995");
});

test("a certificate is trusted for the host that it was compared for, and for no other", () => {
  const trusted = after(
    { type: "endpoint", end: "incoming", change: { server: "mail.contoso.test" } },
    { type: "trust", end: "incoming", sha256: "ab" },
    { type: "trust", end: "incoming", sha256: "ab" },
  );
  expect(profileOf(trusted).incoming.trusted_certificate_sha256).toEqual(["ab"]);
  const moved = reduce(trusted, {
    type: "endpoint",
    end: "incoming",
    change: { server: "other.contoso.test" },
  });
  expect(profileOf(moved).incoming.trusted_certificate_sha256).toEqual([]);
});

test("a step with errors is not left, and its errors are shown only then", () => {
  expect(START.showErrors).toBe(false);
  const stuck = after(next);
  expect([stuck.step, stuck.showErrors]).toEqual(["type", true]);
  expect(Object.keys(errorsOf(stuck, "type"))).toEqual(["address", "name"]);
});

test("one can go back without losing anything, and forward again only as far as one was", () => {
  const far = after(typed("address", "amy@contoso.test"), next, next);
  expect(far.step).toBe("credentials");
  const back = reduce(reduce(far, { type: "back" }), { type: "back" });
  expect([back.step, back.address]).toEqual(["type", "amy@contoso.test"]);
  expect(reduce(back, { type: "go", step: "credentials" }).step).toBe("credentials");
  expect(reduce(back, { type: "go", step: "summary" }).step).toBe("type");
});

test("the mailbox that was tried is the first one to add, with its credentials, one day back", () => {
  let state = after(typed("address", "amy.alberts@contoso.test"), next, next, next);
  state = reduce(state, { type: "set", field: "tryPassword", value: "secret" });
  state = reduce(state, next);
  expect(state.step).toBe("mailboxes");
  const draft = state.mailboxes[0];
  if (!draft) throw new Error("no mailbox");
  expect(mailboxOf(state, draft)).toMatchObject({
    email: "amy.alberts@contoso.test",
    owner_name: "Amy Alberts",
    user_name: "amy.alberts@contoso.test",
    password: "secret",
    process_emails_from: "2026-11-20T12:00:00.000Z",
  });
  expect(finishLabel(state)).toBe("Create profile and add 1 mailbox");
  state = reduce(state, { type: "mailbox", key: draft.key, change: { filter: "replies" } });
  expect(state.mailboxes.map((m) => mailboxOf(state, m).incoming_filter)).toEqual(["replies"]);
});

test("the same address twice is refused", () => {
  let state = after({ type: "addMailbox", now: NOW }, { type: "addMailbox", now: NOW });
  for (const key of [1, 2])
    state = reduce(state, { type: "mailbox", key, change: { email: "amy@contoso.test" } });
  expect(errorsOf(state, "mailboxes")).toEqual({ "2.email": "This address is in the list already." });
});

test("the user name and the owner follow the address until they are typed", () => {
  let state = after({ type: "addMailbox", now: NOW });
  state = reduce(state, { type: "mailbox", key: 1, change: { email: "ben@contoso.test" } });
  expect(state.mailboxes[0]).toMatchObject({ userName: "ben@contoso.test", ownerName: "Ben" });
  state = reduce(state, { type: "mailbox", key: 1, change: { userName: "CONTOSO\\ben" } });
  state = reduce(state, { type: "mailbox", key: 1, change: { email: "ben.burton@contoso.test" } });
  expect(state.mailboxes[0]).toMatchObject({ userName: "CONTOSO\\ben", ownerName: "Ben Burton" });
});

test("a try proves only the servers as they were typed then", () => {
  const before = after(typed("address", "amy@contoso.test"));
  expect(proof(before)).toBe("not tried");
  const ladders = [{ object: "x", workload: "incoming", status: "success", reason: null, rungs: [] }];
  const tried = reduce(before, { type: "tried", of: tryKey(before), ladders });
  expect(proof(tried)).toBe("proven");
  expect(proof(reduce(tried, { type: "endpoint", end: "outgoing", change: { port: "25" } }))).toBe(
    "not tried",
  );
});

test("secrets of one kind of signing in do not travel with the other", () => {
  const own = after({ type: "set", field: "password", value: "secret" });
  expect(profileOf(own).password).toBeNull();
  const shared = reduce(own, { type: "authentication", value: "profile" });
  expect(profileOf(shared).password).toBe("secret");
  expect(tryKey(shared)).not.toContain("secret");
});

test("an untouched wizard can be left without a question", () => {
  expect(isDirty(START)).toBe(false);
  expect(isDirty(after(typed("address", "a")))).toBe(true);
});

test("names are guessed from addresses", () => {
  expect([nameFrom("amy.alberts@contoso.test"), nameFrom("support@contoso.test"), nameFrom("")]).toEqual([
    "Amy Alberts",
    "Support",
    "",
  ]);
});

test("where the servers' names come from is said as it is: the domain, the person, or a guess", () => {
  const server = (end: "incoming" | "outgoing", value: string): Change => ({
    type: "endpoint",
    end,
    change: { server: value },
  });
  const said = (...changes: Change[]) =>
    verdict(after(typed("address", "amy@contoso.test"), ...changes), "contoso.test");
  expect(said()).toBe(
    "contoso.test does not say which servers it has. The names below are guesses: check them.",
  );
  expect(said(server("incoming", "localhost"))).toContain("One of the names below is yours");
  const both = [server("incoming", "localhost"), server("outgoing", "localhost")];
  expect(said(...both)).toBe("contoso.test does not say which servers it has. The names below are yours.");
  const named = found("amy@contoso.test");
  expect(said(named)).toBe("contoso.test names these servers in its autoconfig file.");
  expect(said(named, ...both)).toBe(
    "contoso.test names other servers in its autoconfig file: mx7.hoster.test. Those below are used.",
  );
  expect(said({ type: "serverType", value: "pop3_smtp" }, named, ...both)).toBe(
    "contoso.test names servers, but none of the kind that you chose. The names below are yours.",
  );
});
