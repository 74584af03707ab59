import type { QueryClient } from "@tanstack/react-query";
import { call } from "../../lib/backend";

/** How applying went. */
export type Run = { status: "running" } | { status: "done" } | { status: "failed"; error: unknown };

/** What was started stays known until its end was seen, wherever one goes meanwhile: it is never started twice. */
const RUNS = new WeakMap<QueryClient, Promise<Run>>();

/** Starts applying, or joins what was started before. Never rejects. */
export function join(queries: QueryClient, reviewed: string | null): Promise<Run> {
  const known = RUNS.get(queries);
  if (known) return known;
  const started = start(queries, reviewed);
  RUNS.set(queries, started);
  return started;
}

async function start(queries: QueryClient, reviewed: string | null): Promise<Run> {
  try {
    await call("apply_migration", { reviewed });
    return { status: "done" };
  } catch (error) {
    return { status: "failed", error };
  } finally {
    await queries.invalidateQueries();
  }
}

export const isKnown = (queries: QueryClient): boolean => RUNS.has(queries);

/** Its end was seen. */
export const forgetRun = (queries: QueryClient): boolean => RUNS.delete(queries);
