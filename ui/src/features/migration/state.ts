import type {
  MigrationCounts,
  MigrationPlanView,
  MigrationSummaryView,
  RouterFilesView,
  RouterPaths,
} from "../../bindings";
import { count } from "../../lib/words";

/** The steps in order. */
export const STEPS = ["files", "profiles", "review", "run", "summary"] as const;
export type Step = (typeof STEPS)[number];

/** A router's three files, in the order in which they are asked for. */
export const SLOTS = ["key", "state", "agent"] as const;
export type Slot = (typeof SLOTS)[number];

export const FILE_NAMES: Record<Slot, string> = {
  key: "EncryptionKey.xml",
  state: "Microsoft.Crm.Tools.EmailAgent.SystemState.xml",
  agent: "Microsoft.Crm.Tools.EmailAgent.xml",
};

export const MOST_ROUTERS = 4;
/** 32 MB, as the engine checks it too. */
export const MOST_BYTES = 33_554_432;

export type RouterDraft = {
  /** Stays while others are removed, for lists. */
  key: number;
  files: Record<Slot, string | null>;
  /** What was dropped and not sorted into the slots yet. */
  dropped: string[];
  /** Which files were put right, as sentences. */
  moved: string[];
};

/** How far applying is, as events tell. */
export type Progress = { step: string; done: number; total: number };

export type Wizard = {
  step: Step;
  routers: RouterDraft[];
  nextKey: number;
  /** Counts changes of the files: an answer about older files is not taken. */
  revision: number;
  view: RouterFilesView | null;
  /** The revision that `view` is about. */
  viewed: number;
  /** Whether what is missing is shown: not before the person wanted to go on. */
  showErrors: boolean;
  progress: Progress | null;
  /** The configuration whose differences were looked at before Start. */
  reviewed: string | null;
};

export type Change =
  | { type: "choose"; router: number; slot: Slot; path: string }
  | { type: "clear"; router: number; slot: Slot }
  | { type: "drop"; router: number | null; paths: string[] }
  | { type: "addRouter" }
  | { type: "removeRouter"; router: number }
  | { type: "read"; revision: number; view: RouterFilesView }
  | { type: "showErrors" }
  | { type: "go"; step: Step }
  | { type: "start"; reviewed: string | null }
  | { type: "progress"; progress: Progress }
  | { type: "restart" };

const router = (key: number): RouterDraft => ({
  key,
  files: { key: null, state: null, agent: null },
  dropped: [],
  moved: [],
});

export const START: Wizard = {
  step: "files",
  routers: [router(1)],
  nextKey: 2,
  revision: 0,
  view: null,
  viewed: 0,
  showErrors: false,
  progress: null,
  reviewed: null,
};

const isComplete = (r: RouterDraft) => SLOTS.every((slot) => r.files[slot] !== null);
const isEmpty = (r: RouterDraft) => SLOTS.every((slot) => r.files[slot] === null) && r.dropped.length === 0;

/** The wizard, pure: what a change makes of it. Routers are named by their number, from 1. */
export function reduce(state: Wizard, change: Change): Wizard {
  switch (change.type) {
    case "choose":
      return filed(state, change.router, (r) => ({
        ...r,
        files: { ...r.files, [change.slot]: change.path },
        moved: [],
      }));
    case "clear":
      return filed(state, change.router, (r) => ({
        ...r,
        files: { ...r.files, [change.slot]: null },
        moved: [],
      }));
    case "drop":
      return dropped(state, change.router, change.paths);
    case "addRouter":
      return state.routers.length >= MOST_ROUTERS ? state : withRouter(state);
    case "removeRouter": {
      const routers = state.routers.filter((_, index) => index !== change.router - 1);
      // Numbers move up, so what was said about the old numbers is not shown any more.
      const left = routers.length > 0 ? { ...state, routers } : withRouter({ ...state, routers });
      return { ...left, revision: state.revision + 1, view: null };
    }
    case "read":
      if (change.revision !== state.revision) return state;
      return {
        ...state,
        view: change.view,
        viewed: change.revision,
        routers: state.routers.map((draft, index) => sortedIn(draft, change.view, index + 1)),
      };
    case "showErrors":
      return { ...state, showErrors: true };
    case "go":
      return { ...state, step: change.step, showErrors: false };
    case "start":
      return { ...state, step: "run", progress: null, reviewed: change.reviewed };
    case "progress":
      return { ...state, progress: change.progress };
    case "restart":
      return { ...START, revision: state.revision + 1 };
  }
}

function filed(state: Wizard, number: number, edit: (r: RouterDraft) => RouterDraft): Wizard {
  return {
    ...state,
    revision: state.revision + 1,
    routers: state.routers.map((r, index) => (index === number - 1 ? edit(r) : r)),
  };
}

const withRouter = (state: Wizard): Wizard => ({
  ...state,
  routers: [...state.routers, router(state.nextKey)],
  nextKey: state.nextKey + 1,
});

/** Files go to one router; folders to one router each. What is complete is replaced only when it was aimed at. */
function dropped(state: Wizard, aimed: number | null, paths: string[]): Wizard {
  const files = paths.filter((path) => /\.xml$/i.test(path));
  const folders = paths.filter((path) => !/\.xml$/i.test(path));
  const loads = [...folders.map((folder) => [folder]), ...(files.length > 0 ? [files] : [])];
  let next = state;
  let target = aimed;
  for (const load of loads) {
    let number = target ?? next.routers.findIndex((r) => !isComplete(r) && r.dropped.length === 0) + 1;
    if (number < 1) {
      if (next.routers.length >= MOST_ROUTERS) break;
      next = withRouter(next);
      number = next.routers.length;
    }
    next = filed(next, number, (r) => {
      const fresh = isComplete(r) || /* a folder has all three */ !load.some((path) => /\.xml$/i.test(path));
      return { ...r, files: fresh ? router(0).files : r.files, dropped: load, moved: [] };
    });
    target = null;
  }
  return next;
}

function sortedIn(draft: RouterDraft, view: RouterFilesView, number: number): RouterDraft {
  const seen = view.routers.find((r) => r.number === number);
  if (!seen) return draft;
  const files = { ...draft.files };
  for (const slot of SLOTS) files[slot] = seen.slots.find((s) => s.slot === slot)?.path ?? null;
  const moved = seen.slots.flatMap((s) => (s.moved ? [s.moved] : []));
  return { ...draft, files, dropped: [], moved: moved.length > 0 ? moved : draft.moved };
}

/** What is asked about: routers without any file are left out. */
export function pathsOf(state: Wizard): RouterPaths[] {
  return state.routers.flatMap((r, index) =>
    isEmpty(r) ? [] : [{ number: index + 1, ...r.files, dropped: r.dropped }],
  );
}

/** Whether the chosen files have not been looked at yet. */
export const isReading = (state: Wizard): boolean => state.viewed < state.revision;

/** Whether any file is chosen. */
export const hasFiles = (state: Wizard): boolean => state.routers.some((r) => !isEmpty(r));

/** Which files are still to choose, as sentences. An empty box beside a filled one is no fault. */
export function missing(state: Wizard): string[] {
  if (!hasFiles(state)) return ["Choose the three files of Email Router 1."];
  return state.routers.flatMap((r, index) => {
    if (isEmpty(r)) return [];
    return SLOTS.filter((slot) => r.files[slot] === null).map(
      (slot) => `Email Router ${index + 1}: ${FILE_NAMES[slot]} is not chosen yet.`,
    );
  });
}

/** Where the wizard opens: with the latest migration, with the plan that is kept, or at the beginning. */
export function entry(plan: MigrationPlanView | null, summary: MigrationSummaryView): Step {
  const applied = summary.status === "applied" ? summary.applied_at : null;
  if (plan && (!applied || plan.made_at > applied)) return "profiles";
  return applied ? "summary" : "files";
}

/** What Start would do: a verb and numbers. Empty when it would do nothing. */
export function startLabel(counts: MigrationCounts): string {
  const made = [
    [counts.profiles_created, "profile", "profiles"],
    [counts.forward_mailboxes, "forward mailbox", "forward mailboxes"],
    [counts.mailboxes_created, "mailbox", "mailboxes"],
  ] as const;
  const create = made.filter(([n]) => n > 0).map(([n, one, many]) => count(n, one, many));
  const parts: string[] = [];
  if (create.length > 0) parts.push(`create ${listed(create)}`);
  if (counts.mailboxes_updated > 0)
    parts.push(`update ${count(counts.mailboxes_updated, "mailbox", "mailboxes")}`);
  return parts.length > 0 ? `Start: ${parts.join(", ")}` : "";
}

/** "a", "a and b", "a, b and c". */
export function listed(parts: string[]): string {
  return parts.length < 2 ? (parts[0] ?? "") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** Why Start is not possible now, or nothing. */
export function startRefused(plan: MigrationPlanView, reviewed: "reviewed" | "not reviewed"): string | null {
  if (plan.cannot_apply) return plan.cannot_apply.message;
  if (plan.nothing_to_do)
    return "Nothing would be written: everything in this plan is here already, or left out.";
  if (reviewed === "not reviewed" && plan.differences.some((d) => d.concerns_plan))
    return "Confirm below what differs since the plan was made.";
  return null;
}

/** What a person has to do next after a migration; nothing when all is done. */
export function nextStep(
  summary: MigrationSummaryView,
  servers: "proven" | "not proven",
): "passwords" | "servers" | "approve" | "test" | "switch" | null {
  if (summary.passwords_missing > 0) return "passwords";
  if (servers === "not proven") return "servers";
  if (summary.to_approve.length > 0) return "approve";
  if (summary.to_test.length > 0) return "test";
  return summary.process_email_using === "server_side_synchronization" ? null : "switch";
}
