import { expect, test } from "vitest";
import type { HourView } from "../../bindings";
import { parts, requestOf, sortOf, sortText, span, together } from "./select";

test("the order in the address is what the engine is asked for, and nonsense is worst first", () => {
  expect(sortOf("-name")).toEqual({ column: "name", direction: "descending" });
  expect(sortOf("nonsense")).toEqual({ column: "late", direction: "ascending" });
  expect(sortText({ column: "late", direction: "ascending" })).toBeUndefined();
  expect(sortText(sortOf("-rate"))).toBe("-rate");
  expect(requestOf({ filter: "late", sort: "-next" }, " amy ", 200)).toEqual({
    search: "amy",
    filter: "late",
    mailbox: null,
    sort: "next",
    descending: true,
    offset: 0,
    limit: 200,
  });
  expect(requestOf({ filter: "nonsense" }, "", 200).filter).toBeNull();
});

const hour = (at: string, workload: string, messages: number): HourView => ({
  hour: `2026-11-21T${at}:00:00Z`,
  workload,
  cycles: 2,
  failures: 1,
  messages,
  average_ms: 100,
});

test("hours of workloads are added up, and an hour without cycles is a zero and no gap", () => {
  const found = together({
    kept_days: 30,
    hours: [hour("08", "incoming", 3), hour("08", "outgoing", 2), hour("10", "incoming", 1)],
  });
  expect(found.map((h) => [h.messages, h.cycles, h.average_ms])).toEqual([
    [5, 4, 100],
    [0, 0, null],
    [1, 2, 100],
  ]);
  expect(together({ kept_days: 30, hours: [] })).toEqual([]);
});

test("a coverage bar tells what was seen, what was caught up, and what nobody looked at yet", () => {
  const at = (minute: number) => new Date(Date.UTC(2026, 10, 21, 8, minute)).toISOString();
  const found = parts(
    [
      { from: at(0), until: at(10), caught_up_at: null },
      { from: at(10), until: at(30), caught_up_at: at(31) },
      { from: at(35), until: at(40), caught_up_at: null },
    ],
    Date.parse(at(42)),
  );
  expect(found.map((part) => part.kind)).toEqual(["seen", "caught_up", "gap", "seen", "gap"]);
  expect(parts([], 0)).toEqual([]);
});

test("spans are said in two units at most", () => {
  expect(span(3_600 * 26 + 120)).toBe("1 day 2 hours");
  expect(span(61)).toBe("1 minute 1 second");
  expect(span(0)).toBe("at once");
});
