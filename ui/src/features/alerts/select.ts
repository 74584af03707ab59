import type { AlertView } from "../../bindings";

export type AlertSearch = { open?: string; level?: string; scope?: string; show?: string; q?: string };

export const LEVELS: [string, string][] = [
  ["error", "Errors"],
  ["warning", "Warnings"],
  ["information", "Information"],
];

export const SCOPES: [string, string][] = [
  ["profile", "Profiles"],
  ["mailbox", "Mailboxes"],
  ["email", "Emails"],
];

/** Whether an alert passes the filter and has all the words that are searched for. */
export function passes(alert: AlertView, filter: AlertSearch): boolean {
  if (filter.level && alert.level !== filter.level) return false;
  if (filter.scope && alert.scope !== filter.scope) return false;
  if ((filter.show === "cleared") !== (alert.cleared_at !== null)) return false;
  const text = [
    alert.object,
    alert.profile,
    alert.message,
    alert.remedy,
    alert.code,
    alert.server_said,
    alert.workload,
  ]
    .join(" ")
    .toLowerCase();
  return (filter.q ?? "")
    .toLowerCase()
    .split(/\s+/)
    .every((part) => text.includes(part));
}

/** Errors first. */
export const rank = (level: string): number => ["error", "warning", "information"].indexOf(level);

/** How many of each: for the chips. */
export const many = (alerts: AlertView[], key: "level" | "scope", value: string): number =>
  alerts.filter((alert) => alert[key] === value).length;
