import type {
  Actions,
  EventView,
  MailboxView,
  MigrationMailboxView,
  MigrationPlanView,
  MigrationSummaryView,
  RouterFilesView,
  RouterPaths,
} from "../bindings";
import { ago, failure } from "./fake-data";
import * as data from "./fake-migration-data";

/** The actions of the Email Router migration. */
export type MigrationAction = {
  [A in keyof Actions]: A extends
    | `${string}migration${string}`
    | "read_router_files"
    | "write_sample_router_files"
    ? A
    : never;
}[keyof Actions];

type Handlers = {
  [A in MigrationAction]: (request: Actions[A]["request"]) => Promise<Actions[A]["response"]>;
};

const NAMES = {
  key: "EncryptionKey.xml",
  state: "Microsoft.Crm.Tools.EmailAgent.SystemState.xml",
  agent: "Microsoft.Crm.Tools.EmailAgent.xml",
};
type Slot = keyof typeof NAMES;
const SLOTS = ["key", "state", "agent"] as const;

/** The slot that a file's name promises. */
const slotOf = (path: string): Slot | undefined => SLOTS.find((slot) => path.endsWith(`/${NAMES[slot]}`));

/** A migration that only pretends. Names of files say what they hold: `.../dtd/EncryptionKey.xml` has a DTD. */
export class FakeMigration {
  private readonly outside: {
    emit: (event: EventView) => void;
    wait: () => Promise<void>;
    processEmailUsing: () => string;
    mailboxes: () => MailboxView[];
  };
  plan: MigrationPlanView | null = null;
  summary: MigrationSummaryView = data.noSummary;
  boxes: MigrationMailboxView[] = [];
  cancelled = false;

  constructor(outside: FakeMigration["outside"]) {
    this.outside = outside;
  }

  /** A plan is made already. */
  planned(file: string | null = null): void {
    this.boxes = data.mailboxes();
    this.plan = data.planOf(data.rows(), this.boxes, file);
  }

  /** It has been applied. */
  applied(): MigrationSummaryView {
    const plan = this.plan as MigrationPlanView;
    this.plan = null;
    this.summary = {
      ...data.noSummary,
      status: "applied",
      applied_at: ago(0),
      changed: true,
      counts: plan.counts,
      sentences: plan.sentences.slice(2, 6).map((s) => s.text),
      profiles: plan.rows.flatMap((row) =>
        row.profile && row.migrate
          ? [
              {
                id: `profile-${row.id}`,
                name: row.id === 0 ? "Contoso POP3" : row.profile.name,
                server_type: row.profile.server_type,
                created: true,
                mailboxes: row.users + row.queues,
                cannot_enable: row.profile.cannot_enable,
              },
            ]
          : [],
      ),
      skipped: [{ mailbox: "7f6f0c52-2c1d-e511-80c2-000000000033", why: "It has no usable address." }],
      passwords: data.PASSWORDS,
      passwords_missing: 3,
      can_undo: true,
    };
    return this.summary;
  }

  /** What waits: as if all mailboxes here had come with the migration. */
  private left() {
    const queue = (m: MailboxView) => m.owner.type === "queue";
    const waiting = this.outside
      .mailboxes()
      .filter((m) => !m.workloads.incoming.enabled && !m.workloads.outgoing.enabled)
      .sort((a, b) => Number(!queue(a)) - Number(!queue(b)));
    const queues = waiting.filter(queue).length;
    return {
      queues_to_test: queues,
      users_to_test: waiting.length - queues,
      to_test: waiting.map((m) => m.email),
      to_approve: waiting.filter((m) => m.approval === "pending").map((m) => m.email),
    };
  }

  private draft(): MigrationPlanView {
    if (!this.plan)
      throw failure({
        code: "no_migration_plan",
        object: "migration",
        message: "There is no migration plan.",
        remedy: "Choose the routers' files and make one, or open a plan's file.",
      });
    return this.plan;
  }

  private again(): MigrationPlanView {
    const plan = this.draft();
    this.plan = { ...data.planOf(plan.rows, this.boxes, plan.file), differences: plan.differences };
    return this.plan;
  }

  readonly handlers: Handlers = {
    read_router_files: async ({ routers }) => read(routers),
    plan_migration: async () => {
      this.planned();
      return this.draft();
    },
    migration_plan: async () => this.draft(),
    decide_migration: async ({ rows, mailboxes }) => {
      const plan = this.draft();
      for (const choice of rows ?? []) {
        if (choice.name && plan.rows.some((r) => r.id !== choice.row && r.profile?.name === choice.name))
          throw failure({
            code: "name_taken",
            object: choice.name,
            message: "Another row of the plan has this name.",
            remedy: "Choose another name.",
          });
        plan.rows = plan.rows.map((row) =>
          row.id === choice.row && row.profile
            ? {
                ...row,
                migrate: choice.migrate ?? row.migrate,
                profile: { ...row.profile, name: choice.name ?? row.profile.name },
              }
            : row,
        );
      }
      for (const choice of mailboxes ?? [])
        this.boxes = this.boxes.map((m) =>
          m.id === choice.mailbox
            ? {
                ...m,
                decision: choice.decision ?? m.decision,
                migrated: (choice.decision ?? m.decision) !== "skip",
                skip_reason: choice.decision === "skip" ? "You chose to leave it out." : null,
                chosen: choice.candidate ?? m.chosen,
                owner: choice.owner ? { kind: "user", id: choice.owner, name: choice.owner } : m.owner,
              }
            : m,
        );
      return this.again();
    },
    migration_mailboxes: async ({ only, row, search, offset, limit }) => {
      const keep: Record<string, (m: MigrationMailboxView) => boolean> = {
        migrated: (m) => m.migrated,
        skipped: (m) => !m.migrated,
        conflicts: (m) => m.conflicts.length > 0,
        older_than_two_weeks: (m) => m.findings.length > 0,
        dates_fallback: (m) => m.date !== "last_processed",
        not_reached: () => false,
      };
      const found = this.boxes
        .filter(keep[only ?? "all"] ?? (() => true))
        .filter((m) => row == null || m.candidates[m.chosen]?.row === row)
        .filter((m) => `${m.address} ${m.owner?.name}`.toLowerCase().includes((search ?? "").toLowerCase()));
      const from = offset ?? 0;
      return { total: found.length, mailboxes: found.slice(from, from + (limit || 200)) };
    },
    migration_provenance: async ({ row, fate, search, offset, limit }) => {
      this.draft();
      const wanted = data
        .fields()
        .filter((f) => row == null || (row === 0 ? f.router === 1 : f.router === 2))
        .filter((f) =>
          `${f.field} ${f.value} ${f.target}`.toLowerCase().includes((search ?? "").toLowerCase()),
        );
      const found = wanted.filter((f) => !fate || f.fate === fate);
      const from = offset ?? 0;
      return {
        total: found.length,
        counts: data.provenanceCounts(wanted),
        fields: found.slice(from, from + (limit || 200)),
      };
    },
    save_migration_plan: async ({ path }) => {
      this.plan = { ...this.draft(), file: path };
      return this.plan;
    },
    load_migration_plan: async ({ path }) => {
      if (!path.endsWith(".json"))
        throw failure({
          code: "migration_plan_invalid",
          object: path,
          message: "This is not a migration plan.",
          remedy: "Choose a file that a migration plan was saved to, or make the plan again.",
        });
      this.planned(path);
      return this.draft();
    },
    apply_migration: async () => {
      this.cancelled = false;
      this.draft();
      for (const [step, total] of [
        ["profiles", 2],
        ["forward_mailboxes", 1],
        ["mailboxes", 239],
      ] as const)
        for (const done of [0, Math.ceil(total / 2), total]) {
          if (this.cancelled) {
            this.outside.emit({ type: "migration", step: "cancelled", done: 0, total: 0 });
            throw failure({
              code: "migration_cancelled",
              object: "migration",
              message: "The migration was cancelled. Nothing was written.",
              remedy: "Start it again when you like; the plan is kept.",
            });
          }
          this.outside.emit({ type: "migration", step, done, total });
          await this.outside.wait();
        }
      this.outside.emit({ type: "migration", step: "done", done: 1, total: 1 });
      return this.applied();
    },
    cancel_migration: async () => {
      this.cancelled = true;
      return {};
    },
    discard_migration: async () => {
      this.plan = null;
      return {};
    },
    migration_summary: async () => ({
      ...this.summary,
      ...(this.summary.status === "applied" ? this.left() : {}),
      process_email_using: this.outside.processEmailUsing(),
    }),
    save_migration_report: async () => ({}),
    enter_migration_passwords: async ({ passwords }) => {
      const given = new Set(passwords.map((p) => p.credential));
      const all = this.summary.passwords.map((p) => ({ ...p, is_set: p.is_set || given.has(p.credential) }));
      this.summary = {
        ...this.summary,
        passwords: all,
        passwords_missing: all.filter((p) => !p.is_set).length,
      };
      return this.summary;
    },
    undo_migration: async () => {
      this.summary = { ...this.summary, status: "undone", undone_at: ago(0), can_undo: false };
      return this.summary;
    },
    write_sample_router_files: async ({ folder }) => ({
      routers: [1, 2].map((number) => `${folder ?? "/tmp/practice/routers"}/router-${number}`),
      text: "Two routers with the mailboxes of the practice organization.",
    }),
  };
}

function read(routers: RouterPaths[]): RouterFilesView {
  const views = routers.map((paths) => {
    const number = paths.number ?? 1;
    const given = new Map<Slot, { path: string; moved: string | null }>();
    for (const slot of SLOTS) {
      const path = paths[slot];
      if (!path) continue;
      const right = slotOf(path) ?? slot;
      const moved =
        right === slot ? null : `${NAMES[right]} was chosen as ${NAMES[slot]} and was put in its own place.`;
      given.set(right, { path, moved });
    }
    for (const one of paths.dropped ?? [])
      for (const slot of SLOTS) {
        const path = one.endsWith(".xml") ? one : `${one}/${NAMES[slot]}`;
        if (slotOf(path) === slot && !given.has(slot)) given.set(slot, { path, moved: null });
      }
    const slots = SLOTS.map((slot) => {
      const chosen = given.get(slot);
      return {
        slot,
        file_name: NAMES[slot],
        path: chosen?.path ?? null,
        bytes: chosen ? (chosen.path.includes("huge") ? 33_000_000 : 412_345) : null,
        moved: chosen?.moved ?? null,
        problem: chosen ? data.damageOf(chosen.path, number, slot, NAMES[slot]) : null,
      };
    });
    const complete = slots.every((s) => s.path !== null && s.problem === null);
    return {
      number,
      slots,
      complete,
      providers: complete ? 142 : null,
      state_entries: complete ? 221 : null,
    };
  });
  const problems = views.flatMap((v) => v.slots.flatMap((s) => (s.problem ? [s.problem] : [])));
  const total = views.flatMap((v) => v.slots).reduce((n, s) => n + (s.bytes ?? 0), 0);
  return {
    routers: views,
    problems,
    total_bytes: total,
    limit_bytes: 33_554_432,
    ready: views.length > 0 && views.every((v) => v.complete) && total <= 33_554_432,
  };
}
