import { expect, test } from "vitest";
import type { TestProgressView } from "../bindings";
import { howFar, isOver, pace, resultFilters, results, span } from "./test-progress";

const progress = (change: Partial<TestProgressView> = {}): TestProgressView => ({
  id: "job-1",
  state: "running",
  mailboxes: 1_000,
  done: 120,
  waiting: 1_700,
  running: 60,
  succeeded: 230,
  failed: 4,
  skipped: 6,
  cancelled: 0,
  an_hour: 900,
  seconds_left: 3_700,
  next_batch_at: null,
  ...change,
});

test("a span is as exact as anybody needs it", () => {
  expect([0.2, 45, 60, 3_599, 3_600, 19_200, 75_600, 200_000].map(span)).toEqual([
    "1 second",
    "45 seconds",
    "1 minute",
    "1 hour",
    "1 hour",
    "5 hours 20 minutes",
    "21 hours",
    "2 days",
  ]);
});

test("progress is said as n of m, with rate and time left", () => {
  expect(howFar(progress())).toBe("120 of 1,000 mailboxes");
  expect(howFar(progress({ done: 0, mailboxes: 1 }))).toBe("0 of 1 mailbox");
  expect(pace(progress())).toBe("900 mailboxes an hour, about 1 hour 2 minutes left");
  expect(pace(progress({ seconds_left: null }))).toBe("900 mailboxes an hour");
  expect(pace(progress({ an_hour: null, seconds_left: null }))).toBe("Not under way yet");
});

test("a job that does not move says so", () => {
  expect(pace(progress({ state: "paused" }))).toBe("Pausing: what is being tested is finished");
  expect(pace(progress({ state: "paused", running: 0 }))).toBe("Paused");
  expect(pace(progress({ state: "done" }))).toBe("");
  expect(["running", "paused", "cancelled", "done"].map((state) => isOver(progress({ state })))).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

test("results name only what there is", () => {
  expect(results(progress())).toBe("230 enabled, 4 failed, 6 skipped");
  expect(results(progress({ skipped: 0, cancelled: 3 }))).toBe("230 enabled, 4 failed, 3 cancelled");
});

test("filters that find nothing are left out, but for the chosen one", () => {
  const one = progress({ skipped: 0, running: 0 });
  expect(resultFilters(one, undefined).map(([state]) => state)).toEqual(["failed", "succeeded", "waiting"]);
  expect(resultFilters(one, "skipped")).toContainEqual(["skipped", 0]);
});
