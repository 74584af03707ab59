import type {
  ApiError,
  EventView,
  LadderView,
  MailboxView,
  PlannedBatch,
  TestEnableRequest,
  TestJobDetail,
  TestJobView,
  TestPlanView,
  TestResultsPage,
  TestResultsRequest,
  TestResultView,
} from "../bindings";
import { failure } from "./fake-data";

type Job = { view: TestJobView; results: TestResultView[]; batches: TestJobDetail["batches"] };

type House = {
  mailboxes: () => MailboxView[];
  emit: (event: EventView) => void;
  climb: (address: string, workload: string) => Promise<LadderView>;
  enabled: (address: string) => void;
  /** Mailboxes in one batch, hours between two. */
  rules: () => [number, number];
};

const WORKLOADS = ["incoming", "outgoing"];

/** Test & Enable jobs that only pretend: the first batch is tested at once, the later ones wait. */
export class FakeTests {
  readonly jobs: Job[] = [];
  private readonly house: House;

  constructor(house: House) {
    this.house = house;
  }

  private chosen(request: TestEnableRequest): MailboxView[] {
    const wanted = this.house
      .mailboxes()
      .filter(
        (m) =>
          request.all ||
          request.addresses?.includes(m.email) ||
          (request.profile && m.profile === request.profile),
      );
    return wanted.sort((a, b) => Number(a.owner.type !== "queue") - Number(b.owner.type !== "queue"));
  }

  plan(request: TestEnableRequest): TestPlanView {
    const [most, hours] = this.house.rules();
    const all = this.chosen(request);
    const tested = all.filter((m) => m.approval === "approved");
    const batches: PlannedBatch[] = [];
    for (let at = 0; at < tested.length; at += most) {
      const part = tested.slice(at, at + most);
      batches.push({
        number: batches.length + 1,
        due_at: new Date(Date.now() + batches.length * hours * 3_600_000).toISOString(),
        mailboxes: part.length,
        queues: part.filter((m) => m.owner.type === "queue").length,
        first: part[0]?.email ?? "",
        last: part.at(-1)?.email ?? "",
      });
    }
    return {
      mailboxes: tested.length,
      workloads: tested.length * 2,
      messages: tested.length,
      batches,
      skipped: all
        .filter((m) => m.approval !== "approved")
        .flatMap((m) =>
          WORKLOADS.map((workload) => ({
            mailbox: m.email,
            workload,
            reason: "waits_for_approval",
            why: "Its address waits for approval: approve it first.",
          })),
        ),
      batch_mailboxes: most,
      batch_hours: hours,
    };
  }

  /** Starts a job; the promise is done when its first batch is. */
  start(request: TestEnableRequest): { job: TestJobView; done: Promise<void> } {
    const plan = this.plan(request);
    const all = this.chosen(request);
    let place = 0;
    const results = all.flatMap((m) => {
      const tested = m.approval === "approved";
      const batch = tested ? Math.floor(place++ / plan.batch_mailboxes) + 1 : null;
      return WORKLOADS.map(
        (workload): TestResultView => ({
          mailbox: m.email,
          owner_type: m.owner.type,
          workload,
          batch,
          state: tested ? "waiting" : "skipped",
          rung: null,
          reason: tested ? null : "Its address waits for approval: approve it first.",
          error: null,
          started_at: null,
          ended_at: null,
        }),
      );
    });
    const title = request.profile ? `All mailboxes of ${request.profile}` : `${all.length} mailboxes`;
    const job: Job = {
      view: {
        title,
        created_at: new Date().toISOString(),
        ended_at: null,
        batch_mailboxes: plan.batch_mailboxes,
        batch_hours: plan.batch_hours,
        progress: {
          id: `job-${this.jobs.length + 1}`,
          state: "running",
          mailboxes: all.length,
          done: 0,
          waiting: 0,
          running: 0,
          succeeded: 0,
          failed: 0,
          skipped: 0,
          cancelled: 0,
          an_hour: null,
          seconds_left: null,
          next_batch_at: null,
        },
      },
      results,
      batches: plan.batches.map((b) => ({ ...b, started_at: null, done: 0 })),
    };
    this.jobs.unshift(job);
    this.count(job);
    return { job: job.view, done: this.run(job, 1) };
  }

  find(id: string): Job {
    const found = this.jobs.find((j) => j.view.progress.id === id);
    if (!found) throw failure({ code: "not_found", object: id, message: "There is no such test." });
    return found;
  }

  detail(id: string): TestJobDetail {
    const { view, batches } = this.find(id);
    return { job: view, batches };
  }

  results(request: TestResultsRequest): TestResultsPage {
    const found = this.find(request.id).results.filter(
      (r) => (!request.state || r.state === request.state) && r.mailbox.includes(request.search ?? ""),
    );
    const from = request.offset ?? 0;
    return { results: found.slice(from, from + (request.limit || found.length)), total: found.length };
  }

  set(id: string, state: "running" | "paused" | "cancelled"): TestJobView {
    const job = this.find(id);
    job.view.progress.state = state;
    if (state === "cancelled")
      for (const r of job.results) if (["waiting", "running"].includes(r.state)) r.state = "cancelled";
    this.count(job);
    if (state === "running") void this.run(job, 1);
    return job.view;
  }

  retry(id: string): TestJobView {
    const job = this.find(id);
    const batch = job.batches.length + 1;
    const failed = job.results.filter((r) => r.state === "failed");
    for (const r of failed) Object.assign(r, { state: "waiting", batch, error: null, rung: null });
    const mailboxes = new Set(failed.map((r) => r.mailbox)).size;
    job.batches.push({
      number: batch,
      due_at: new Date().toISOString(),
      started_at: null,
      mailboxes,
      done: 0,
    });
    job.view.progress.state = "running";
    this.count(job);
    void this.run(job, batch);
    return job.view;
  }

  private async run(job: Job, batch: number): Promise<void> {
    const started = Date.now();
    for (const result of job.results) {
      if (job.view.progress.state !== "running") return;
      if (result.batch !== batch || result.state !== "waiting") continue;
      result.state = "running";
      this.count(job);
      const ladder = await this.house.climb(result.mailbox, result.workload);
      const broken = ladder.rungs.find((r) => r.status === "failed");
      if (["paused", "running"].includes(job.view.progress.state)) {
        result.state = broken ? "failed" : "succeeded";
        result.rung = broken?.name ?? null;
        result.error = (broken?.error ?? null) as ApiError | null;
        result.ended_at = new Date().toISOString();
      }
      if (!broken && result.workload === "outgoing") this.house.enabled(result.mailbox);
      this.count(job, started);
    }
  }

  private count(job: Job, started?: number): void {
    const progress = job.view.progress;
    for (const state of ["waiting", "running", "succeeded", "failed", "skipped", "cancelled"] as const)
      progress[state] = job.results.filter((r) => r.state === state).length;
    const open = (r: TestResultView) => r.state === "waiting" || r.state === "running";
    const openBoxes = new Set(job.results.filter(open).map((r) => r.mailbox));
    progress.done = progress.mailboxes - openBoxes.size;
    for (const b of job.batches) {
      const mine = job.results.filter((r) => r.batch === b.number);
      b.done = b.mailboxes - new Set(mine.filter(open).map((r) => r.mailbox)).size;
      if (mine.some((r) => r.state !== "waiting")) b.started_at ??= new Date().toISOString();
    }
    progress.next_batch_at = job.batches.find((b) => !b.started_at && b.done < b.mailboxes)?.due_at ?? null;
    if (started && progress.done > 0 && openBoxes.size > 0) {
      const each = Math.max(1, (Date.now() - started) / progress.done);
      progress.an_hour = Math.round(3_600_000 / each);
      progress.seconds_left = Math.round((openBoxes.size * each) / 1000);
    }
    if (openBoxes.size === 0 && progress.state === "running") {
      progress.state = "done";
      job.view.ended_at = new Date().toISOString();
    }
    this.house.emit({ type: "test_job", progress: { ...progress } });
    this.house.emit({ type: "changed", kind: "test_job" });
  }
}
