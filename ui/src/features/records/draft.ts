import type { EmailView, SendEmailRequest } from "../../bindings";

export type Draft = {
  from: string;
  to: string;
  cc: string;
  bcc: string;
  subject: string;
  body: string;
  attachments: string[];
};

export const EMPTY: Draft = { from: "", to: "", cc: "", bcc: "", subject: "", body: "", attachments: [] };

/** Splits a line of recipients at commas and semicolons that are not inside quotes or brackets. */
export function recipients(line: string): string[] {
  const found: string[] = [];
  let current = "";
  let quoted = false;
  let bracketed = false;
  for (const letter of line) {
    if (letter === '"') quoted = !quoted;
    if (!quoted && letter === "<") bracketed = true;
    if (!quoted && letter === ">") bracketed = false;
    if ((letter === "," || letter === ";" || letter === "\n") && !quoted && !bracketed) {
      found.push(current);
      current = "";
    } else current += letter;
  }
  return [...found, current].map((part) => part.trim()).filter(Boolean);
}

/** The recipients of a line that can't be addresses. */
export const notAddresses = (line: string): string[] =>
  recipients(line).filter((r) => !/^[^\s@<>]+@[^\s@<>]+$/.test(r) && !/^.*<[^\s@<>]+@[^\s@<>]+>$/.test(r));

const RE = /^\s*(re|aw|sv|antw)(\[\d+\])?:/i;

/** A reply to an email: to its sender, or, for our own, to those it went to. The text is quoted below. */
export function replyTo(email: EmailView, at: string): Draft {
  const people = email.direction === "outgoing" ? email.to : email.from;
  const quoted = email.body_text
    .trimEnd()
    .split("\n")
    .map((line) => (line.startsWith(">") ? `>${line}` : `> ${line}`))
    .join("\n");
  const who = email.from[0];
  return {
    ...EMPTY,
    from: email.receiving_mailbox ?? "",
    to: people.map((p) => (p.name ? `"${p.name.replaceAll('"', "")}" <${p.address}>` : p.address)).join(", "),
    subject: RE.test(email.subject) ? email.subject : `Re: ${email.subject}`,
    body: `\n\nOn ${at}, ${who?.name || who?.address || "somebody"} wrote:\n${quoted}\n`,
  };
}

/** What is wrong with a draft, by field. */
export function errorsOf(draft: Draft): Record<string, string> {
  const wrong: Record<string, string> = {};
  if (!draft.from) wrong.from = "Choose the mailbox it is sent from.";
  const all = [draft.to, draft.cc, draft.bcc];
  if (all.every((line) => recipients(line).length === 0)) wrong.to = "Enter at least one recipient.";
  for (const [field, line] of [
    ["to", draft.to],
    ["cc", draft.cc],
    ["bcc", draft.bcc],
  ] as const) {
    const bad = notAddresses(line);
    if (bad.length > 0) wrong[field] = `Not an address: ${bad.join(", ")}`;
  }
  return wrong;
}

/** The email to be made. */
export function requestOf(draft: Draft, reply: EmailView | null): SendEmailRequest {
  return {
    from: draft.from,
    to: recipients(draft.to),
    cc: recipients(draft.cc),
    bcc: recipients(draft.bcc),
    subject: draft.subject,
    body: draft.body,
    html: null,
    attachments: draft.attachments,
    at: null,
    in_reply_to: reply?.id ?? null,
    regarding: reply?.regarding ? `${reply.regarding.type}:${reply.regarding.id}` : null,
  };
}

/** The last part of a path, of any system. */
export const fileName = (path: string): string => path.split(/[\\/]/).pop() ?? path;
