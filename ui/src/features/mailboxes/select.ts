import type { MailboxView } from "../../bindings";

/** Filters of the list: a state of the mailbox, or something that is missing. */
export const FILTERS: [string, string][] = [
  ["all", "All"],
  ["stopped", "Stopped"],
  ["late", "Late"],
  ["unproven", "Not proven"],
  ["pending", "Waits for approval"],
  ["password", "Password missing"],
  ["off", "Off"],
];

/** Whether a mailbox passes a filter and has all the words that are searched for. */
export function matches(mailbox: MailboxView, filter: string, search: string): boolean {
  if (filter === "pending" ? mailbox.approval !== "pending" : false) return false;
  if (filter === "password" && (mailbox.password_set || mailbox.user_name === null)) return false;
  if (!["all", "pending", "password"].includes(filter) && mailbox.status !== filter) return false;
  const text = `${mailbox.email} ${mailbox.owner.name} ${mailbox.profile ?? ""}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((part) => text.includes(part));
}

/** Worst first. */
export const rank = (status: string): number => {
  const at = ["stopped", "late", "unproven", "ok", "off"].indexOf(status);
  return at < 0 ? 9 : at;
};
