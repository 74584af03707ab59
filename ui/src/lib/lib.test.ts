import { webLightTheme } from "@fluentui/react-components";
import { expect, test } from "vitest";
import { parseAppearance, resolveTheme, scaleText } from "./appearance";
import { reduceLive } from "./live";
import { bytes, fromLocalInput, relative, toLocalInput } from "./time";
import { count, word } from "./words";

const NOW = Date.parse("2026-11-21T12:00:00Z");

test("times are said as people say them", () => {
  expect(relative("2026-11-21T11:57:00Z", NOW)).toBe("3 minutes ago");
  expect(relative("2026-11-21T14:00:00Z", NOW)).toBe("in 2 hours");
  expect(relative("2026-11-21T11:59:50Z", NOW)).toBe("just now");
  expect(relative("2026-11-20T11:59:50Z", NOW)).toBe("yesterday");
  expect(relative("nonsense", NOW)).toBe("nonsense");
});

test("a local date and time survives the way through its input, to the minute", () => {
  const instant = "2026-11-20T08:15:00.000Z";
  expect(fromLocalInput(toLocalInput(instant))).toBe(instant);
  expect(fromLocalInput("")).toBeNull();
  expect(toLocalInput("nonsense")).toBe("");
});

test("sizes and counts have their units", () => {
  expect([bytes(1), bytes(512), bytes(3_686), bytes(50_331_648)]).toEqual([
    "1 byte",
    "512 bytes",
    "3.6 KB",
    "48 MB",
  ]);
  expect([count(1, "mailbox", "mailboxes"), count(2, "mailbox", "mailboxes")]).toEqual([
    "1 mailbox",
    "2 mailboxes",
  ]);
});

test("a word that the window does not know is shown as it is", () => {
  expect(word("decision", "not_accepted")).toBe("Not accepted");
  expect(word("decision", "something_new")).toBe("something new");
});

test("a damaged or foreign appearance is the default", () => {
  expect(parseAppearance("{")).toEqual({ theme: "system", textSize: 100 });
  expect(parseAppearance('{"theme":"pink","textSize":7}')).toEqual({ theme: "system", textSize: 100 });
  expect(parseAppearance('{"theme":"dark","textSize":150}')).toEqual({ theme: "dark", textSize: 150 });
});

test("the theme follows the system unless a person chose one", () => {
  const system = { dark: true, moreContrast: false };
  expect(resolveTheme("light", system).colorNeutralBackground1).toBe(webLightTheme.colorNeutralBackground1);
  expect(resolveTheme("system", system)).toEqual(resolveTheme("dark", system));
  expect(resolveTheme("system", { dark: false, moreContrast: true })).toEqual(
    resolveTheme("contrast", system),
  );
});

test("text of 200 % doubles fonts and lines, and leaves distances", () => {
  const large = scaleText(webLightTheme, 200);
  expect(large.fontSizeBase300).toBe("28px");
  expect(large.lineHeightBase300).toBe("40px");
  expect(large.spacingHorizontalM).toBe(webLightTheme.spacingHorizontalM);
});

const rung = (name: string, status = "passed") => ({
  name,
  status,
  took_ms: 1,
  server_said: "",
  error: null,
});
const none = { progress: new Map(), ladders: new Map() };

test("rungs gather under their object and workload until the ladder is done", () => {
  let live = reduceLive(none, { type: "rung", object: "a@b.c", workload: "outgoing", rung: rung("dns") });
  live = reduceLive(live, { type: "rung", object: "a@b.c", workload: "incoming", rung: rung("dns") });
  live = reduceLive(live, { type: "rung", object: "a@b.c", workload: "incoming", rung: rung("tcp") });
  expect(live.ladders.get("a@b.c")?.map((l) => [l.workload, l.rungs.length])).toEqual([
    ["incoming", 2],
    ["outgoing", 1],
  ]);
  const ladder = {
    object: "a@b.c",
    workload: "incoming",
    status: "success",
    reason: null,
    rungs: [rung("dns")],
  };
  live = reduceLive(live, { type: "ladder", ladder });
  expect(live.ladders.get("a@b.c")?.[0]?.result).toEqual(ladder);
});

test("the first rung of another test clears the last one", () => {
  const ladder = {
    object: "a@b.c",
    workload: "incoming",
    status: "failure",
    reason: null,
    rungs: [rung("dns"), rung("tcp", "failed")],
  };
  let live = reduceLive(none, { type: "ladder", ladder });
  live = reduceLive(live, { type: "rung", object: "a@b.c", workload: "incoming", rung: rung("dns") });
  expect(live.ladders.get("a@b.c")?.[0]).toEqual({
    workload: "incoming",
    rungs: [rung("dns")],
    result: null,
  });
});

test("finished progress goes away", () => {
  const event = {
    type: "progress",
    mailbox: "a@b.c",
    workload: "incoming",
    done: 3,
    total: 9,
    finished: false,
  } as const;
  const live = reduceLive(none, event);
  expect(live.progress.size).toBe(1);
  expect(reduceLive(live, { ...event, finished: true }).progress.size).toBe(0);
});
