import type {
  Actions,
  AlertSettingsView,
  AlertView,
  ApiError,
  EmailView,
  EngineView,
  EventView,
  LadderView,
  MailboxView,
  ProfileAlertsView,
  ProfileView,
  RungView,
  SaveProfileRequest,
  SettingsView,
} from "../bindings";
import type { Backend, DesktopSettings, FileDrop } from "./backend";
import * as data from "./fake-data";
import { FakeMigration, type MigrationAction } from "./fake-migration";
import * as monitored from "./fake-monitoring";
import { FakeTests } from "./fake-tests";
import { detailOf, homeOf, RUNGS, row, SAID } from "./fake-views";

/** `empty`: nothing is set up. `healthy`, `broken`: as named. `startup_error`: the data can't be opened. `standing`: the engine can't run. */
export type Scenario = "empty" | "healthy" | "broken" | "startup_error" | "standing";

type Handlers = {
  [A in Exclude<keyof Actions, MigrationAction>]: (
    request: Actions[A]["request"],
  ) => Promise<Actions[A]["response"]>;
};

/** An engine that only pretends: for tests, and for `npm run dev` in a plain browser. */
export class FakeBackend implements Backend {
  readonly calls: { action: string; request: unknown }[] = [];
  readonly closings: string[] = [];
  failing = new Map<string, unknown>();
  files: string[] = ["/home/admin/contoso-ca.pem"];
  readonly scenario: Scenario;
  private readonly pause: number;
  profiles: ProfileView[];
  mailboxes: MailboxView[];
  private emails: EmailView[];
  practicing = false;
  engine: EngineView = { running: true, place: "window", since: data.ago(60), process: 4711 };
  /** Why no engine runs, when it stopped after the start. */
  problem: ApiError | null = null;
  settings: SettingsView = {
    allow_plain_connections: false,
    require_approval: true,
    frequency: "online",
    cycle_interval_minutes: 0,
    max_delivery_attempts: 10,
    max_message_mib: 50,
    max_incoming_cycles: 32,
    max_outgoing_cycles: 16,
    max_operations: 8,
    cycle_seconds: 120,
    cycle_mib: 1024,
    cycle_timeout_minutes: 30,
    connect_timeout_seconds: 20,
    read_timeout_seconds: 60,
    push: true,
    test_batch_mailboxes: 200,
    test_batch_hours: 5,
    process_email_using: "server_side_synchronization",
    history_days: 30,
  };
  private alerts: AlertView[];
  private alertSettings: AlertSettingsView = {
    errors: true,
    warnings: true,
    information: true,
    notify_mailbox_owner: false,
    keep_cleared_days: 30,
  };
  private owners = new Map<string, ProfileAlertsView>();
  private desktop: DesktopSettings = { on_close: null };
  readonly tests = new FakeTests({
    mailboxes: () => this.mailboxes,
    emit: (event) => this.emit(event),
    climb: (address, workload) => {
      const stop = this.find(address).password_set
        ? undefined
        : { name: "login", error: { ...data.wrongPassword, object: address } };
      return this.climb(address, workload, RUNGS[workload] ?? [], stop);
    },
    enabled: (address) =>
      void this.change([address], (m) => ({
        status: "ok",
        workloads: { ...m.workloads, incoming: data.workload(), outgoing: data.workload() },
      })),
    rules: () => [this.settings.test_batch_mailboxes, this.settings.test_batch_hours],
  });
  private hearers = new Set<(event: EventView) => void>();
  private closingHearers = new Set<() => void>();
  private dropHearers = new Set<(drop: FileDrop) => void>();
  folder: string | null = "/home/admin/router-1";
  readonly migration: FakeMigration;

  /** `pause` is how long a rung takes, in milliseconds. */
  constructor(scenario: Scenario, pause = 250) {
    this.scenario = scenario;
    this.pause = pause;
    const empty = scenario === "empty";
    if (scenario === "standing") this.engine = { running: false, place: "none", since: null, process: null };
    this.profiles = empty ? [] : data.twoProfiles();
    this.mailboxes = empty ? [] : scenario === "broken" ? data.brokenMailboxes() : data.healthyMailboxes();
    this.emails = empty ? [] : data.emails();
    this.alerts = scenario === "broken" ? data.alerts() : [];
    this.migration = new FakeMigration({
      emit: (event) => this.emit(event),
      wait: () => this.wait(this.pause),
      processEmailUsing: () => this.settings.process_email_using,
      mailboxes: () => this.mailboxes,
    });
  }

  async rpc(action: string, request: unknown): Promise<unknown> {
    this.calls.push({ action, request });
    await this.wait(this.pause / 5);
    if (this.failing.has(action)) throw this.failing.get(action);
    const handler = { ...this.handlers, ...this.migration.handlers }[action as keyof Actions] as
      | ((request: unknown) => Promise<unknown>)
      | undefined;
    if (!handler)
      throw data.failure({ code: "unknown_action", message: "There is no such action.", object: action });
    return structuredClone(await handler(request));
  }

  async startup(again: boolean): Promise<ApiError | null> {
    if (this.scenario === "standing" && !again)
      return data.failure({
        code: "engine_locked",
        object: "/home/admin/.local/share/tandem",
        message: "Another Tandem synchronizes this data folder: process 4711.",
        remedy: "Nothing is lost. Stop `tandem run` there if this window shall synchronize, then try again.",
      });
    if (this.scenario !== "startup_error" || again) return this.problem;
    throw data.failure({
      code: "data_folder_locked",
      object: "/home/admin/.local/share/tandem",
      message: "The data folder is in use by another Tandem: the command line runs there with process 4711.",
      remedy: "Stop `tandem run`, then try again.",
      server_said: "database is locked",
    });
  }

  painted = async () => undefined;
  onEvent = (hear: (event: EventView) => void) => {
    this.hearers.add(hear);
    return () => this.hearers.delete(hear);
  };
  onClosing = (hear: () => void) => {
    this.closingHearers.add(hear);
    return () => this.closingHearers.delete(hear);
  };
  closeWindow = async (choice: "hide" | "quit" | null) => {
    this.closings.push(choice ?? "stay");
    if (choice) this.desktop = { on_close: choice };
  };
  desktopSettings = async () => this.desktop;
  saveDesktopSettings = async (settings: DesktopSettings) => {
    this.desktop = settings;
  };
  chooseFiles = async () => this.files;
  chooseFolder = async () => this.folder;
  onFileDrop = (hear: (drop: FileDrop) => void) => {
    this.dropHearers.add(hear);
    return () => this.dropHearers.delete(hear);
  };
  chooseTarget = async (_title: string, name: string) => `/home/admin/${name}`;
  bodyUrl = (id: string) =>
    `data:text/html;charset=utf-8,${encodeURIComponent(
      `<!doctype html><meta charset="utf-8"><body style="font:14px Segoe UI,sans-serif;margin:16px;color:#222;background:#fff"><p>Hello Amy,</p><p>the truck comes on <b>Thursday between 9 and 11</b>. Please have the ramp free.</p><table border=1 cellpadding=6 style="border-collapse:collapse"><tr><th>Position</th><th>Pieces</th></tr><tr><td>Chair C4</td><td>24</td></tr></table><p>Best regards<br>Susan</p><!-- ${id} -->`,
    )}`;

  /** Tells the window something, as the engine would. */
  emit(event: EventView): void {
    for (const hear of this.hearers) hear(event);
  }

  /** The person drags files. */
  drag(drop: FileDrop): void {
    for (const hear of this.dropHearers) hear(drop);
  }

  /** The person closes the window. */
  close(): void {
    for (const hear of this.closingHearers) hear();
  }

  private wait(ms: number): Promise<void> {
    return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve();
  }

  private async climb(
    object: string,
    workload: string,
    names: string[],
    stopAt?: { name: string; error: ReturnType<typeof data.failure> },
  ): Promise<LadderView> {
    const rungs: RungView[] = [];
    let failed = false;
    for (const name of names) {
      if (!failed) await this.wait(this.pause);
      const wrong = stopAt?.name === name;
      const rung: RungView = {
        name,
        status: failed ? "skipped" : wrong ? "failed" : "passed",
        took_ms: failed ? 0 : 7 + name.length * 13,
        server_said: failed
          ? "The rung below failed."
          : wrong
            ? (stopAt.error.server_said ?? "")
            : (SAID[name] ?? ""),
        error: wrong ? stopAt.error : null,
      };
      failed ||= wrong;
      rungs.push(rung);
      this.emit({ type: "rung", object, workload, rung });
    }
    const ladder: LadderView = {
      object,
      workload,
      status: failed ? "failure" : "success",
      reason: null,
      rungs,
    };
    this.emit({ type: "ladder", ladder });
    return ladder;
  }

  private async tryProfile(
    object: string,
    profile: SaveProfileRequest,
    login: string[],
  ): Promise<LadderView[]> {
    const untrusted = (end: {
      ca_file?: string | null;
      trusted_certificate_sha256?: string[];
      server: string;
    }) => end.server.startsWith("mail.") && !end.ca_file && !end.trusted_certificate_sha256?.length;
    const stop = { name: "tls", error: data.certificateRefused };
    return Promise.all([
      this.climb(
        object,
        "incoming",
        ["dns", "tcp", "tls", ...login, ...(login.length ? ["list"] : [])],
        untrusted(profile.incoming) ? stop : undefined,
      ),
      this.climb(
        object,
        "outgoing",
        ["dns", "tcp", "tls", ...login],
        untrusted(profile.outgoing) ? stop : undefined,
      ),
    ]);
  }

  private handlers: Handlers = {
    home: async () => homeOf(this),
    monitoring: async (request) => monitored.monitoring(this.mailboxes, request),
    export_monitoring: async () => ({ rows: this.mailboxes.length * 2 }),
    history: async () => monitored.history(),
    export_history: async () => ({ rows: 720 }),
    engine_load: async () => ({ load: null }),
    coverage: async ({ address }) => monitored.coverage(address),
    verify: async ({ addresses }) => monitored.verify(addresses ?? []),
    forecast: async (wanted) => monitored.forecast(wanted),
    wake_engine: async () => ({}),
    diagnostics: async ({ path }) => data.bundle(path),
    health: async () => ({
      status: "ok",
      since: null,
      why: "",
      engine_running: this.engine.running,
      objects: [],
      engine: this.engine,
    }),
    alerts: async ({ include_cleared }) => this.alerts.filter((a) => include_cleared || !a.cleared_at),
    dismiss_alerts: async ({ ids }) => {
      const open = this.alerts.filter((a) => ids.includes(a.id) && !a.cleared_at);
      this.alerts = this.alerts.map((a) => (open.includes(a) ? { ...a, cleared_at: data.ago(0) } : a));
      return { cleared: open.length };
    },
    alert_settings: async () => this.alertSettings,
    save_alert_settings: async (settings) => {
      this.alertSettings = settings;
      return settings;
    },
    profile_alerts: async ({ profile }) => this.owners.get(profile) ?? data.noOwner(profile),
    save_profile_alerts: async (wanted) => {
      if (wanted.send_alert_email && !wanted.owner)
        throw data.failure({
          code: "profile_invalid",
          object: wanted.profile,
          message: "The profile has no owner with an email address, so nobody could be told.",
          remedy: "Choose an owner who has an address in the directory.",
        });
      const saved = { ...wanted, owner: wanted.owner ?? null, owner_email: null };
      this.owners.set(wanted.profile, saved);
      return saved;
    },
    trust_certificate: async ({ profile, host, sha256 }) => {
      const found = this.profiles.find((p) => p.name === profile);
      if (!found) throw data.failure({ code: "not_found", object: profile });
      for (const end of [found.incoming, found.outgoing])
        if (end?.server === host) end.trusted_certificate_sha256 = [sha256];
      return found;
    },
    profiles: async () => this.profiles,
    save_profile: async (request) => {
      if (request.incoming.security === "none" && !this.settings.allow_plain_connections)
        throw data.failure({
          code: "plain_connections_not_allowed",
          object: request.name,
          message: "The incoming server would be used without TLS, and the settings do not allow that.",
          remedy: "Choose TLS or STARTTLS, or allow plain connections in Settings.",
        });
      const before = this.profiles.find((p) => p.id === request.id);
      const saved = data.profile(request.name, {
        ...request,
        id: request.id ?? `profile-${request.name}`,
        description: request.description ?? "",
        password_set: Boolean(request.password) || Boolean(before?.password_set),
        user_name: request.user_name ?? null,
        process_emails_from: request.process_emails_from ?? null,
        mailboxes: before?.mailboxes ?? 0,
        status: before?.status ?? "unproven",
      });
      this.profiles = before
        ? this.profiles.map((p) => (p === before ? saved : p))
        : [...this.profiles, saved];
      this.emit({ type: "changed", kind: "configuration" });
      return saved;
    },
    discover_servers: async ({ address }) => data.discovered(address),
    probe_profile: async ({ name }) => {
      const found = this.profiles.find((p) => p.name === name);
      if (!found?.incoming || !found.outgoing) throw data.failure({ code: "not_found", object: name });
      return this.tryProfile(
        name,
        { ...found, incoming: found.incoming, outgoing: found.outgoing } as SaveProfileRequest,
        [],
      );
    },
    try_servers: async ({ profile, address, user_name }) =>
      this.tryProfile(address || profile.name, profile, user_name ? ["login"] : []),
    mailboxes: async () => this.mailboxes,
    mailbox: async ({ address }) => detailOf(this.find(address)),
    save_mailbox: async (request) => {
      const other = this.mailboxes.find(
        (m) => m.email === request.email && m.owner.name !== request.owner_name,
      );
      if (other && !request.confirm_remap)
        throw data.failure({
          code: "remap_needs_confirmation",
          object: request.email,
          message: `${request.email} belongs to ${other.owner.name}.`,
          remedy: `Confirm to move it to ${request.owner_name}.`,
        });
      const before = this.mailboxes.find((m) => m.id === request.id || m.email === request.email);
      const saved = data.mailbox(request.email, request.owner_name, {
        owner: { type: request.owner_type, id: `owner-${request.owner_name}`, name: request.owner_name },
        incoming_filter: request.incoming_filter,
        profile: request.profile,
        approval: before?.approval ?? "pending",
        status: before?.status ?? "unproven",
        user_name: request.user_name ?? null,
        password_set: Boolean(request.password) || Boolean(before?.password_set),
        process_emails_from: request.process_emails_from ?? null,
        delete_after_processing: request.delete_after_processing ?? false,
        workloads: before?.workloads ?? {
          incoming: data.newWorkload,
          outgoing: data.newWorkload,
          act: { ...data.newWorkload, method: "none", state: "off", why: "Not synchronized." },
        },
      });
      this.mailboxes = [saved, ...this.mailboxes.filter((m) => m !== before)];
      this.emit({ type: "changed", kind: "configuration" });
      return saved;
    },
    approve_mailboxes: async ({ addresses }) => this.change(addresses, () => ({ approval: "approved" })),
    reject_mailboxes: async ({ addresses }) => this.change(addresses, () => ({ approval: "rejected" })),
    disable_mailboxes: async ({ addresses }) =>
      this.change(addresses, (m) => ({
        status: "off",
        workloads: {
          ...m.workloads,
          incoming: { ...m.workloads.incoming, enabled: false, state: "off", why: "Disabled by you." },
          outgoing: { ...m.workloads.outgoing, enabled: false, state: "off", why: "Disabled by you." },
        },
      })),
    test_enable: async (request) => {
      const { job, done } = this.tests.start(request);
      await done;
      const { results } = this.tests.results({ id: job.progress.id });
      const { succeeded, failed, skipped, waiting } = job.progress;
      const ladders = results.map((r) => ({
        object: r.mailbox,
        workload: r.workload,
        status: r.state === "succeeded" ? "success" : r.state === "failed" ? "failure" : r.state,
        reason: r.reason,
        rungs: [],
      }));
      return { ladders, succeeded, failed, skipped, waiting, job };
    },
    plan_test_enable: async (request) => this.tests.plan(request),
    start_test_enable: async (request) => this.tests.start(request).job,
    test_jobs: async () => this.tests.jobs.map((j) => j.view),
    test_job: async ({ id }) => this.tests.detail(id),
    test_results: async (request) => this.tests.results(request),
    pause_test_job: async ({ id }) => this.tests.set(id, "paused"),
    resume_test_job: async ({ id }) => this.tests.set(id, "running"),
    cancel_test_job: async ({ id }) => this.tests.set(id, "cancelled"),
    retry_failed_tests: async ({ id }) => this.tests.retry(id),
    export_test_job: async () => ({}),
    remap_mailbox: async ({ address, to, confirm }) => {
      const found = this.find(address);
      if (confirm) this.change([address], (m) => ({ owner: { ...m.owner, name: to, id: `owner-${to}` } }));
      return {
        done: confirm ?? false,
        breaks: [
          `${found.owner.name} has no mailbox any more: email from ${found.owner.name} can't be sent.`,
          `New email to ${address} is promoted for ${to}, with the filtering method of ${to}.`,
          "Records that exist stay with their owner.",
          "The mailbox has to be approved and tested again.",
        ],
      };
    },
    sync_now: async ({ address }) => {
      for (let done = 0; done <= 40; done += 10) {
        this.emit({
          type: "progress",
          mailbox: address,
          workload: "incoming",
          done,
          total: 40,
          finished: done === 40,
        });
        await this.wait(this.pause);
      }
      return this.find(address);
    },
    emails: async ({ mailbox, status, search, limit, after }) => {
      const words = (search ?? "").toLowerCase();
      const found = this.emails.filter(
        (e) =>
          (!mailbox || e.receiving_mailbox === mailbox) &&
          (!status || e.status === status) &&
          (!words || `${e.subject} ${e.from[0]?.name} ${e.to[0]?.name}`.toLowerCase().includes(words)),
      );
      const from = Number(after ?? 0);
      const end = from + (limit || 100);
      return {
        emails: found.slice(from, end).map(row),
        next: end < found.length ? String(end) : null,
        total: found.length,
      };
    },
    email: async ({ id }) => {
      const at = this.emails.findIndex((e) => e.id === id);
      const found = this.emails[at];
      if (!found)
        throw data.failure({
          code: "not_found",
          object: id,
          message: "There is no such email any more.",
          remedy: "Choose another one from the list.",
        });
      return {
        ...found,
        conversation: found.correlation
          ? this.emails
              .slice(at + 1, at + 3)
              .map(row)
              .reverse()
          : [],
      };
    },
    email_body: async () => ({ html: "<p>Hello</p>", blocked_remote: 3 }),
    save_attachment: async () => ({}),
    send_email: async (request) => {
      const first = this.emails[0];
      if (!first) throw data.failure({ code: "not_found" });
      const made: EmailView = {
        ...first,
        id: `email-new-${this.emails.length}`,
        subject: request.subject ?? "",
        direction: "outgoing",
        status: "pending_send",
        sent_on: null,
        received_on: null,
        receiving_mailbox: request.from ?? null,
        attachments: [],
        last_attempt: null,
        to: (request.to ?? []).map((address) => ({
          address,
          name: "",
          resolved: [],
          delivery: "pending",
          delivery_said: null,
        })),
      };
      this.emails = [made, ...this.emails];
      this.emit({ type: "changed", kind: "email" });
      return row(made);
    },
    resolve_delivery: async ({ id, verdict }) => {
      this.emails = this.emails.map((e) =>
        e.id === id ? { ...e, status: verdict === "sent" ? "sent" : "pending_send", last_attempt: null } : e,
      );
      return row(this.emails.find((e) => e.id === id) as EmailView);
    },
    ledger: async ({ mailbox, decision, limit }) => {
      const rows = this.emails.length ? data.ledger() : [];
      return rows
        .filter((r) => (!mailbox || r.mailbox === mailbox) && (!decision || r.decision === decision))
        .slice(0, limit || rows.length);
    },
    explain: async () => [
      {
        mailbox: "amy@contoso.test",
        happened: true,
        decision: "promoted",
        summary: "An email activity was made, because Amy Alberts takes all email messages.",
        trace: data.trace,
        what_would_change_it:
          "Another incoming filtering method of Amy Alberts, or a later start date of the mailbox.",
        email_id: "email-1",
        decided_at: data.ago(7),
      },
    ],
    quarantine: async () => (this.scenario === "broken" ? data.quarantine() : []),
    send_limit_presets: async () => [
      { word: "gmail", name: "Gmail", recipients_per_day: 500, messages_per_minute: null },
      {
        word: "exchange_online",
        name: "Exchange Online",
        recipients_per_day: 10_000,
        messages_per_minute: 30,
      },
    ],
    retry_quarantine: async () => ({ released: 1, still_unreadable: 1, asked_again: 0 }),
    apply: async () => ({ applied: true, changes: [] }),
    export: async () => ({ text: '[[profile]]\nname = "Contoso POP3"\n' }),
    settings: async () => this.settings,
    save_settings: async (settings) => {
      this.settings = settings;
      return settings;
    },
    practice: async () => this.practiceView(),
    start_practice: async () => {
      this.practicing = true;
      this.mailboxes = data.healthyMailboxes().slice(0, 5);
      this.profiles = data.twoProfiles().slice(0, 1);
      this.emails = data.emails().slice(0, 40);
      this.emit({ type: "changed", kind: "configuration" });
      return this.practiceView();
    },
    stop_practice: async () => {
      this.practicing = false;
      this.mailboxes = [];
      this.profiles = [];
      this.emails = [];
      this.emit({ type: "changed", kind: "configuration" });
      return this.practiceView();
    },
  };

  private practiceView() {
    return {
      running: this.practicing,
      since: this.practicing ? data.ago(1) : null,
      servers: this.practicing ? ["POP3 on 127.0.0.1:40995", "SMTP on 127.0.0.1:40465"] : [],
      mailboxes: this.practicing ? this.mailboxes.map((m) => m.email) : [],
      ca_file: this.practicing ? "/tmp/practice/ca.pem" : null,
    };
  }

  private find(address: string): MailboxView {
    const found = this.mailboxes.find((m) => m.email === address);
    if (!found)
      throw data.failure({
        code: "not_found",
        object: address,
        message: `There is no mailbox ${address}.`,
        remedy: "Choose another one from the list.",
      });
    return found;
  }

  private change(addresses: string[], over: (m: MailboxView) => Partial<MailboxView>): MailboxView[] {
    this.mailboxes = this.mailboxes.map((m) => (addresses.includes(m.email) ? { ...m, ...over(m) } : m));
    this.emit({ type: "changed", kind: "configuration" });
    return this.mailboxes.filter((m) => addresses.includes(m.email));
  }
}
