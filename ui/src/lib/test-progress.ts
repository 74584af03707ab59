import type { TestProgressView } from "../bindings";
import { count } from "./words";

/** "45 s", "3 minutes", "5 hours 20 minutes", "2 days": as exact as anybody needs it. */
export function span(seconds: number): string {
  if (seconds < 60) return count(Math.max(1, Math.round(seconds)), "second");
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return count(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours < 48) return count(hours, "hour") + (rest > 0 && hours < 10 ? ` ${count(rest, "minute")}` : "");
  return count(Math.round(hours / 24), "day");
}

/** Whether nothing more happens by itself. */
export const isOver = (progress: TestProgressView): boolean =>
  progress.state === "done" || progress.state === "cancelled";

/** "120 of 1,000 mailboxes". */
export const howFar = (progress: TestProgressView): string =>
  `${progress.done.toLocaleString()} of ${count(progress.mailboxes, "mailbox", "mailboxes")}`;

/** How fast it goes and how long it will take, or why it does not move. */
export function pace(progress: TestProgressView): string {
  if (progress.state === "paused")
    return progress.running > 0 ? "Pausing: what is being tested is finished" : "Paused";
  if (isOver(progress)) return "";
  const rate =
    progress.an_hour === null ? [] : [`${count(progress.an_hour, "mailbox", "mailboxes")} an hour`];
  const left = progress.seconds_left === null ? [] : [`about ${span(progress.seconds_left)} left`];
  return [...rate, ...left].join(", ") || "Not under way yet";
}

/** What came of it so far: only what there is. */
export function results(progress: TestProgressView): string {
  const parts = [
    `${progress.succeeded.toLocaleString()} enabled`,
    `${progress.failed.toLocaleString()} failed`,
  ];
  if (progress.skipped > 0) parts.push(`${progress.skipped.toLocaleString()} skipped`);
  if (progress.cancelled > 0) parts.push(`${progress.cancelled.toLocaleString()} cancelled`);
  return parts.join(", ");
}

/** The filters of a job's results, with how many each finds; those that find nothing are left out. */
export function resultFilters(progress: TestProgressView, chosen: string | undefined): [string, number][] {
  const states = ["failed", "skipped", "succeeded", "running", "waiting", "cancelled"] as const;
  return states
    .map((state): [string, number] => [state, progress[state]])
    .filter(([state, n]) => n > 0 || state === chosen);
}
