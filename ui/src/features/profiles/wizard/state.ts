import type {
  Discovered,
  EndpointView,
  LadderView,
  ProposalView,
  SaveMailboxRequest,
  SaveProfileRequest,
} from "../../../bindings";
import { fromLocalInput, toLocalInput } from "../../../lib/time";

/** The steps in order. */
export const STEPS = ["type", "servers", "credentials", "try", "mailboxes", "summary"] as const;
export type Step = (typeof STEPS)[number];
export type End = "incoming" | "outgoing";
export type Security = "tls" | "starttls" | "none";
export type ServerType = "pop3_smtp" | "imap_smtp";
export type Authentication = "user_or_queue" | "profile" | "anonymous";

export type EndpointDraft = {
  server: string;
  port: string;
  security: Security;
  caFile: string;
  trusted: string[];
  /** What the person typed stays, whatever is suggested later. */
  serverTyped: boolean;
  portTyped: boolean;
  securityTyped: boolean;
};

export type MailboxDraft = {
  key: number;
  email: string;
  ownerType: "user" | "queue";
  ownerName: string;
  filter: string;
  userName: string;
  password: string;
  from: string;
};

export type Wizard = {
  step: Step;
  furthest: number;
  serverType: ServerType;
  name: string;
  nameTyped: boolean;
  description: string;
  address: string;
  incoming: EndpointDraft;
  outgoing: EndpointDraft;
  maxConnections: string;
  authentication: Authentication;
  userName: string;
  password: string;
  tryAddress: string;
  tryUserName: string;
  tryPassword: string;
  /** The result of the last try, and of what. */
  /** What the address's domain said about its servers. */
  found: Discovered | null;
  tried: { of: string; ladders: LadderView[] } | null;
  mailboxes: MailboxDraft[];
  nextKey: number;
  /** Whether the errors of the step are shown: not before the person wanted to go on. */
  showErrors: boolean;
};

export type Change =
  | { type: "set"; field: TextField; value: string }
  | { type: "serverType"; value: ServerType }
  | { type: "authentication"; value: Authentication }
  | { type: "endpoint"; end: End; change: Partial<EndpointDraft> }
  | { type: "trust"; end: End; sha256: string }
  | { type: "found"; address: string; found: Discovered }
  | { type: "tried"; of: string; ladders: LadderView[] }
  | { type: "addMailbox"; now: number }
  | { type: "mailbox"; key: number; change: Partial<MailboxDraft> }
  | { type: "removeMailbox"; key: number }
  | { type: "next"; now: number }
  | { type: "back" }
  | { type: "go"; step: Step };

type TextField =
  | "name"
  | "description"
  | "address"
  | "maxConnections"
  | "userName"
  | "password"
  | "tryAddress"
  | "tryUserName"
  | "tryPassword";

const DAY = 86_400_000;

export const PORTS: Record<string, Record<Security, number>> = {
  pop3_smtp: { tls: 995, starttls: 110, none: 110 },
  imap_smtp: { tls: 993, starttls: 143, none: 143 },
  outgoing: { tls: 465, starttls: 587, none: 25 },
};

const endpoint = (security: Security, port: number): EndpointDraft => ({
  server: "",
  port: String(port),
  security,
  caFile: "",
  trusted: [],
  serverTyped: false,
  portTyped: false,
  securityTyped: false,
});

export const START: Wizard = {
  step: "type",
  furthest: 0,
  serverType: "imap_smtp",
  name: "",
  nameTyped: false,
  description: "",
  address: "",
  incoming: endpoint("tls", 993),
  outgoing: endpoint("starttls", 587),
  maxConnections: "10",
  authentication: "user_or_queue",
  userName: "",
  password: "",
  tryAddress: "",
  tryUserName: "",
  tryPassword: "",
  found: null,
  tried: null,
  mailboxes: [],
  nextKey: 1,
  showErrors: false,
};

/** The part of an address after its last `@`, in small letters. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0
    ? ""
    : address
        .slice(at + 1)
        .trim()
        .toLowerCase();
}

/** The wizard, pure: what a change makes of it. */
export function reduce(state: Wizard, change: Change): Wizard {
  switch (change.type) {
    case "set":
      return suggest({
        ...state,
        found: change.field === "address" && change.value !== state.address ? null : state.found,
        [change.field]: change.value,
        nameTyped: state.nameTyped || change.field === "name",
      });
    case "serverType":
      return suggest({ ...state, serverType: change.value });
    case "authentication":
      return { ...state, authentication: change.value };
    case "endpoint": {
      const next = { ...state[change.end], ...change.change };
      if (change.change.server !== undefined) {
        next.serverTyped = true;
        // A certificate is trusted for the host it was compared for, and for no other.
        next.trusted = [];
      }
      if (change.change.port !== undefined) next.portTyped = true;
      if (change.change.security !== undefined) {
        next.portTyped = false;
        next.securityTyped = true;
      }
      return suggest({ ...state, [change.end]: next });
    }
    case "trust": {
      const before = state[change.end];
      if (before.trusted.includes(change.sha256)) return state;
      return { ...state, [change.end]: { ...before, trusted: [...before.trusted, change.sha256] } };
    }
    case "found":
      // What comes back for another address than the one that stands there now is old.
      return change.address === state.address ? suggest({ ...state, found: change.found }) : state;
    case "tried":
      return { ...state, tried: { of: change.of, ladders: change.ladders } };
    case "addMailbox":
      return withMailbox(state, change.now, "");
    case "mailbox":
      return {
        ...state,
        mailboxes: state.mailboxes.map((m) => (m.key === change.key ? edited(m, change.change) : m)),
      };
    case "removeMailbox":
      return { ...state, mailboxes: state.mailboxes.filter((m) => m.key !== change.key) };
    case "next":
      return next(state, change.now);
    case "back":
      return {
        ...state,
        step: STEPS[Math.max(0, STEPS.indexOf(state.step) - 1)] ?? "type",
        showErrors: false,
      };
    case "go":
      return STEPS.indexOf(change.step) <= state.furthest
        ? { ...state, step: change.step, showErrors: false }
        : state;
  }
}

/** What the domain itself says about servers of the chosen kind, the most believable first. */
export const proposalOf = (state: Wizard): ProposalView | undefined =>
  state.found?.proposals.find((one) => one.server_type === state.serverType);

/** Fills in what the domain said, or what can be guessed, and was not typed. */
function suggest(state: Wizard): Wizard {
  const domain = domainOf(state.address);
  const proposal = proposalOf(state);
  const guess = (end: End, before: EndpointDraft): EndpointDraft => {
    // A named server goes with its own port and security, so whoever typed one of them gets none of them.
    const typed = before.serverTyped || before.portTyped || before.securityTyped;
    const named = typed ? undefined : proposal?.[end];
    if (named)
      return {
        ...before,
        server: named.server,
        port: String(named.port),
        security: named.security as Security,
      };
    const prefix = end === "outgoing" ? "smtp" : state.serverType === "pop3_smtp" ? "pop" : "imap";
    const ports = PORTS[end === "outgoing" ? "outgoing" : state.serverType];
    const security = before.securityTyped ? before.security : START[end].security;
    return {
      ...before,
      security,
      server: before.serverTyped ? before.server : domain ? `${prefix}.${domain}` : "",
      port: before.portTyped ? before.port : String(ports?.[security] ?? before.port),
    };
  };
  return {
    ...state,
    name: state.nameTyped ? state.name : domain,
    incoming: guess("incoming", state.incoming),
    outgoing: guess("outgoing", state.outgoing),
  };
}

function next(state: Wizard, now: number): Wizard {
  if (Object.keys(errorsOf(state, state.step)).length > 0) return { ...state, showErrors: true };
  const at = Math.min(STEPS.length - 1, STEPS.indexOf(state.step) + 1);
  const step = STEPS[at] ?? state.step;
  let after: Wizard = { ...state, step, furthest: Math.max(state.furthest, at), showErrors: false };
  if (step === "try" && !after.tryAddress)
    after = { ...after, tryAddress: after.address, tryUserName: after.address };
  if (step === "mailboxes" && after.mailboxes.length === 0) after = withMailbox(after, now, after.tryAddress);
  return after;
}

function withMailbox(state: Wizard, now: number, email: string): Wizard {
  const own = state.authentication === "user_or_queue";
  const draft: MailboxDraft = {
    key: state.nextKey,
    email,
    ownerType: "user",
    ownerName: nameFrom(email),
    filter: "all",
    userName: own && email ? state.tryUserName || email : "",
    password: own && email ? state.tryPassword : "",
    from: toLocalInput(new Date(now - DAY).toISOString()),
  };
  return { ...state, mailboxes: [...state.mailboxes, draft], nextKey: state.nextKey + 1 };
}

function edited(before: MailboxDraft, change: Partial<MailboxDraft>): MailboxDraft {
  const after = { ...before, ...change };
  if (change.email !== undefined) {
    if (before.userName === before.email) after.userName = change.email;
    if (before.ownerName === nameFrom(before.email)) after.ownerName = nameFrom(change.email);
  }
  return after;
}

/** "amy.alberts@contoso.test" is probably "Amy Alberts". */
export function nameFrom(email: string): string {
  const local = email.split("@")[0] ?? "";
  return local
    .split(/[._-]+/)
    .filter(Boolean)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join(" ");
}

/** What is wrong with a step, by field. Empty means that one can go on. */
export function errorsOf(state: Wizard, step: Step): Record<string, string> {
  const wrong: Record<string, string> = {};
  if (step === "type") {
    if (!isAddress(state.address)) wrong.address = "Enter an address such as amy@contoso.com.";
    if (!state.name.trim()) wrong.name = "Give the profile a name.";
    else if (state.name.length > 100) wrong.name = "At most 100 characters.";
  }
  if (step === "servers") {
    for (const end of ["incoming", "outgoing"] as const) {
      if (!/^[^\s@/]+$/.test(state[end].server.trim()))
        wrong[`${end}.server`] = "Enter a host name or an address.";
      if (!isWhole(state[end].port, 1, 65_535)) wrong[`${end}.port`] = "1 to 65535.";
    }
    if (!isWhole(state.maxConnections, 1, 300)) wrong.maxConnections = "1 to 300.";
  }
  if (step === "credentials" && state.authentication === "profile") {
    if (!state.userName.trim()) wrong.userName = "Enter the user name.";
    if (!state.password) wrong.password = "Enter the password.";
  }
  if (step === "mailboxes") {
    const seen = new Set<string>();
    for (const m of state.mailboxes) {
      const email = m.email.trim().toLowerCase();
      if (!isAddress(m.email)) wrong[`${m.key}.email`] = "Enter an address.";
      else if (seen.has(email)) wrong[`${m.key}.email`] = "This address is in the list already.";
      seen.add(email);
      if (!m.ownerName.trim()) wrong[`${m.key}.ownerName`] = "Whose mailbox is it?";
      if (state.authentication === "user_or_queue" && !m.userName.trim())
        wrong[`${m.key}.userName`] = "Enter the user name at the server.";
      if (m.from && fromLocalInput(m.from) === null) wrong[`${m.key}.from`] = "Enter a date and time.";
    }
  }
  return wrong;
}

const isAddress = (text: string) => /^[^\s@]+@[^\s@]+$/.test(text.trim());
const isWhole = (text: string, least: number, most: number) =>
  /^\d+$/.test(text.trim()) && Number(text) >= least && Number(text) <= most;

/** Whether anything was typed that would be lost. */
export const isDirty = (state: Wizard): boolean =>
  state.address !== "" || state.name !== "" || state.furthest > 0;

/** The profile as it would be saved. */
export function profileOf(state: Wizard): SaveProfileRequest {
  const own = state.authentication === "profile";
  return {
    id: null,
    name: state.name.trim(),
    description: state.description.trim(),
    server_type: state.serverType,
    incoming: endpointOf(state.incoming),
    outgoing: endpointOf(state.outgoing),
    authenticate_using: state.authentication,
    user_name: own ? state.userName.trim() : null,
    password: own ? state.password : null,
    process_emails_from: null,
    max_concurrent_connections: Number(state.maxConnections),
  };
}

function endpointOf(draft: EndpointDraft): EndpointView {
  return {
    server: draft.server.trim(),
    port: Number(draft.port),
    security: draft.security,
    ca_file: draft.caFile.trim() || null,
    trusted_certificate_sha256: draft.trusted,
  };
}

/** A mailbox as it would be saved. */
export function mailboxOf(state: Wizard, draft: MailboxDraft): SaveMailboxRequest {
  const own = state.authentication === "user_or_queue";
  return {
    id: null,
    email: draft.email.trim(),
    owner_type: draft.ownerType,
    owner_name: draft.ownerName.trim(),
    incoming_filter: draft.filter,
    profile: state.name.trim(),
    incoming: "server_side_sync",
    outgoing: "server_side_sync",
    user_name: own ? draft.userName.trim() : null,
    password: own && draft.password ? draft.password : null,
    process_emails_from: fromLocalInput(draft.from),
    delete_after_processing: false,
    confirm_remap: false,
  };
}

/** What a try is a try of: when this changes, its result is old. Passwords by length only. */
export const tryKey = (state: Wizard): string =>
  JSON.stringify([
    state.serverType,
    endpointOf(state.incoming),
    endpointOf(state.outgoing),
    state.authentication,
    state.userName,
    state.password.length,
    state.tryAddress,
    state.tryUserName,
    state.tryPassword.length,
  ]);

/** "proven", "failed", or "not tried" for the servers as they are typed now. */
export function proof(state: Wizard): "proven" | "failed" | "not tried" {
  if (!state.tried || state.tried.of !== tryKey(state)) return "not tried";
  return state.tried.ladders.every((l) => l.status === "success") ? "proven" : "failed";
}

/** The last button: a verb and a number. */
export function finishLabel(state: Wizard): string {
  const n = state.mailboxes.length;
  if (n === 0) return "Create profile";
  return `Create profile and add ${n} ${n === 1 ? "mailbox" : "mailboxes"}`;
}
