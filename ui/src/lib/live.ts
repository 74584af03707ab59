import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import type { EventView, LadderView, RungView } from "../bindings";
import { backend } from "./backend";

/** Which queries a change of this kind makes old. */
export const OLD_AFTER: Record<string, string[]> = {
  configuration: [
    "home",
    "monitoring",
    "profiles",
    "mailboxes",
    "mailbox",
    "settings",
    "practice",
    "health",
    "alert_settings",
    "profile_alerts",
    "migration_plan",
    "migration_summary",
    "migration_mailboxes",
  ],
  email: ["home", "emails", "email", "monitoring"],
  ledger: ["home", "ledger", "quarantine"],
  alert: ["home", "alerts", "monitoring"],
  schedule: ["home", "mailboxes", "mailbox", "health", "monitoring", "history", "coverage"],
  test_job: ["monitoring", "test_jobs", "test_job", "test_results"],
};

export type Progress = { mailbox: string; workload: string; done: number; total: number | null };
export type LiveLadder = { workload: string; rungs: RungView[]; result: LadderView | null };
type Live = { progress: Map<string, Progress>; ladders: Map<string, LiveLadder[]> };

/** What happened lately: progress of cycles and rungs of ladders, as the events told. A pure reducer. */
export function reduceLive(live: Live, event: EventView): Live {
  switch (event.type) {
    case "progress": {
      const progress = new Map(live.progress);
      const key = `${event.mailbox} ${event.workload}`;
      if (event.finished) progress.delete(key);
      else progress.set(key, event);
      return { ...live, progress };
    }
    case "rung":
      return withLadder(live, event.object, event.workload, (ladder) => ({
        ...(ladder.result ? { ...ladder, rungs: [], result: null } : ladder),
        rungs: [...(ladder.result ? [] : ladder.rungs.filter((r) => r.name !== event.rung.name)), event.rung],
      }));
    case "ladder":
      return withLadder(live, event.ladder.object, event.ladder.workload, (ladder) => ({
        ...ladder,
        rungs: event.ladder.rungs,
        result: event.ladder,
      }));
    case "engine":
      return event.running ? live : { ...live, progress: new Map() };
    default:
      return live;
  }
}

function withLadder(
  live: Live,
  object: string,
  workload: string,
  change: (ladder: LiveLadder) => LiveLadder,
): Live {
  const ladders = new Map(live.ladders);
  const known = ladders.get(object) ?? [];
  const found = known.find((l) => l.workload === workload) ?? { workload, rungs: [], result: null };
  ladders.set(object, [...known.filter((l) => l.workload !== workload), change(found)].sort(byWorkload));
  return { ...live, ladders };
}

const byWorkload = (a: { workload: string }, b: { workload: string }) =>
  ["incoming", "outgoing", "act"].indexOf(a.workload) - ["incoming", "outgoing", "act"].indexOf(b.workload);

let live: Live = { progress: new Map(), ladders: new Map() };
const listeners = new Set<() => void>();

function set(next: Live): void {
  if (next === live) return;
  live = next;
  for (const listener of listeners) listener();
}

/** Forgets the rungs of these objects: before a new test. */
export function forgetLadders(objects: string[]): void {
  const ladders = new Map(live.ladders);
  for (const object of objects) ladders.delete(object);
  set({ ...live, ladders });
}

/** Forgets everything; between tests. */
export function forgetAll(): void {
  set({ progress: new Map(), ladders: new Map() });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What the engine is doing now, as events told since the window opened. */
export function useLive(): Live {
  return useSyncExternalStore(subscribe, () => live);
}

/** Listens to the engine. Changes make queries old at most twice a second: a first sync changes things constantly. */
export function listenToEngine(queries: QueryClient): () => void {
  const old = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    timer = undefined;
    for (const key of old) void queries.invalidateQueries({ queryKey: [key] });
    old.clear();
  };
  const stop = backend().onEvent((event) => {
    if (event.type === "changed") for (const key of OLD_AFTER[event.kind] ?? []) old.add(key);
    // Where the engine runs, and why it does not, may have changed; whatever it was doing has ended.
    if (event.type === "engine") old.add("startup");
    if (event.type === "engine" || (event.type === "progress" && event.finished)) old.add("home");
    if (event.type === "ladder") for (const key of ["mailbox", "mailboxes"]) old.add(key);
    if (old.size > 0) timer ??= setTimeout(flush, 500);
    set(reduceLive(live, event));
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}
