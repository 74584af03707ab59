import type { HistoryView, HourView, MonitoringRequest, StretchView } from "../../bindings";
import type { Sort } from "../../components/VirtualTable";

export type MonitoringSearch = { filter?: string; q?: string; open?: string; sort?: string };

export const FILTERS: [string, string][] = [
  ["late", "Late"],
  ["stopped", "Stopped"],
  ["unproven", "Not proven yet"],
  ["failing", "Failing"],
];

/** The columns that the engine sorts by. What it puts first is ascending. */
const SORTS = ["name", "workload", "late", "last", "next", "duration", "rate", "waiting", "alerts"];

/** The order in the address: "name" or "-name". Anything else is worst first. */
export function sortOf(text: string | undefined): Sort {
  const column = text?.replace(/^-/, "") ?? "late";
  if (!SORTS.includes(column)) return { column: "late", direction: "ascending" };
  return { column, direction: text?.startsWith("-") ? "descending" : "ascending" };
}

/** The reverse of `sortOf`; the usual order needs no words. */
export function sortText(sort: Sort): string | undefined {
  const text = `${sort.direction === "descending" ? "-" : ""}${sort.column}`;
  return text === "late" ? undefined : text;
}

/** What is asked for. */
export function requestOf(search: MonitoringSearch, q: string, limit: number): MonitoringRequest {
  const sort = sortOf(search.sort);
  return {
    search: q.trim() || null,
    filter: FILTERS.some(([value]) => value === search.filter) ? (search.filter ?? null) : null,
    mailbox: null,
    sort: sort.column,
    descending: sort.direction === "descending",
    offset: 0,
    limit,
  };
}

/** Workloads' hours as hours of all together, the oldest first, without gaps between the first and the last. */
export function together(history: HistoryView): HourView[] {
  const sums = new Map<number, HourView>();
  for (const hour of history.hours) {
    const at = Date.parse(hour.hour);
    const sum = sums.get(at);
    const took = (one: HourView) => (one.average_ms ?? 0) * one.cycles;
    if (!sum) sums.set(at, { ...hour, workload: null });
    else {
      const cycles = sum.cycles + hour.cycles;
      sums.set(at, {
        ...sum,
        cycles,
        failures: sum.failures + hour.failures,
        messages: sum.messages + hour.messages,
        average_ms: cycles === 0 ? null : Math.round((took(sum) + took(hour)) / cycles),
      });
    }
  }
  const times = [...sums.keys()].sort((a, b) => a - b);
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return [];
  const hours: HourView[] = [];
  for (let at = first; at <= last; at += 3_600_000)
    hours.push(
      sums.get(at) ?? {
        hour: new Date(at).toISOString(),
        workload: null,
        cycles: 0,
        failures: 0,
        messages: 0,
        average_ms: null,
      },
    );
  return hours;
}

export type Part = {
  kind: "seen" | "caught_up" | "gap";
  from: number;
  until: number;
  caughtUp: number | null;
};

/** A coverage bar from its first stretch to `now`: what was seen as it came, caught up later, or not yet. */
export function parts(stretches: StretchView[], now: number): Part[] {
  const found: Part[] = [];
  let at: number | undefined;
  for (const one of stretches) {
    const [from, until] = [Date.parse(one.from), Date.parse(one.until)];
    if (at !== undefined && from > at) found.push({ kind: "gap", from: at, until: from, caughtUp: null });
    const caughtUp = one.caught_up_at ? Date.parse(one.caught_up_at) : null;
    found.push({ kind: caughtUp === null ? "seen" : "caught_up", from, until, caughtUp });
    at = Math.max(at ?? until, until);
  }
  if (at !== undefined && now > at) found.push({ kind: "gap", from: at, until: now, caughtUp: null });
  return found;
}

/** "2 hours 5 minutes", for forecasts. */
export function span(seconds: number): string {
  const units: [number, string][] = [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
    [1, "second"],
  ];
  const words: string[] = [];
  let left = Math.max(0, Math.round(seconds));
  for (const [size, unit] of units) {
    const n = Math.floor(left / size);
    if (n > 0 && words.length < 2) words.push(`${n.toLocaleString()} ${unit}${n === 1 ? "" : "s"}`);
    left -= n * size;
  }
  return words.join(" ") || "at once";
}
