import { expect, test } from "vitest";
import { sorted } from "../../components/VirtualTable";
import { brokenMailboxes } from "../../lib/fake-data";
import { matches, rank } from "./select";

const all = brokenMailboxes();
const found = (filter: string, search = "") =>
  all.filter((m) => matches(m, filter, search)).map((m) => m.email);

test("filters find what is stopped, unapproved or without a password", () => {
  expect(found("stopped")).toEqual(["ben@contoso.test"]);
  expect(found("pending")).toEqual(["dana@contoso.test"]);
  expect(found("password")).toEqual(["eric@contoso.test"]);
  expect(found("all").length).toBe(all.length);
});

test("a search needs all of its words, in any field", () => {
  expect(found("all", "contoso burton")).toEqual(["ben@contoso.test"]);
  expect(found("all", "burton nobody")).toEqual([]);
});

test("the worst come first, and equal ones keep their order", () => {
  const columns = [
    { id: "status", title: "", width: "", cell: () => null, sortBy: (m: (typeof all)[0]) => rank(m.status) },
  ];
  const order = sorted(all, columns, { column: "status", direction: "ascending" }).map((m) => m.email);
  expect(order.slice(0, 5)).toEqual([
    "ben@contoso.test",
    "chris@contoso.test",
    "dana@contoso.test",
    "eric@contoso.test",
    "support@contoso.test",
  ]);
});
