import type { MailboxView, MigrationMailboxChoice, MigrationMailboxView, OwnerView } from "../../bindings";

/** What is decided about a mailbox, in words. */
export function decided(mailbox: MigrationMailboxView): string {
  if (mailbox.decision === "skip") return "Left as it is";
  if (!mailbox.migrated) return "Not migrated: its pair is not chosen";
  if (mailbox.decision === "create") return `Create the ${mailbox.kind === "queue" ? "queue" : "user"}`;
  return mailbox.owner ? `Give to ${mailbox.owner.name}` : "Match";
}

/** The users and queues that are here and own a mailbox, each once, by name. */
export function ownersOf(mailboxes: MailboxView[], also: OwnerView | null): OwnerView[] {
  const all = new Map(mailboxes.map((m) => [m.owner.id, m.owner]));
  if (also) all.set(also.id, also);
  const compare = new Intl.Collator().compare;
  return [...all.values()].sort((a, b) => compare(a.name, b.name));
}

/** A choice with nothing but what changes. */
export const choice = (
  mailbox: MigrationMailboxView,
  change: Omit<MigrationMailboxChoice, "mailbox">,
): MigrationMailboxChoice => ({ mailbox: mailbox.id, ...change });
