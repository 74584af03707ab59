import { expect, test } from "vitest";
import { alerts } from "../../lib/fake-data";
import { many, passes, rank } from "./select";

const all = [
  ...alerts(),
  { ...(alerts()[0] as ReturnType<typeof alerts>[0]), id: "old", cleared_at: "2026-11-20T10:00:00Z" },
];
const ids = (filter: Parameters<typeof passes>[1]) => all.filter((a) => passes(a, filter)).map((a) => a.id);

test("open and cleared alerts are never mixed", () => {
  expect(ids({})).toEqual(["alert-1", "alert-2", "alert-3", "alert-4"]);
  expect(ids({ show: "cleared" })).toEqual(["old"]);
});

test("filters and words work together", () => {
  expect(ids({ level: "error", scope: "mailbox" })).toEqual(["alert-1"]);
  expect(ids({ q: "contoso UNKNOWNISSUER" })).toEqual(["alert-3"]);
  expect(ids({ q: "delivery_unconfirmed" })).toEqual(["alert-2"]);
  expect(ids({ q: "contoso nobody" })).toEqual([]);
});

test("errors come before warnings and information", () => {
  expect(["information", "error", "warning"].sort((a, b) => rank(a) - rank(b))).toEqual([
    "error",
    "warning",
    "information",
  ]);
  expect(many(all, "level", "error")).toBe(3);
});
