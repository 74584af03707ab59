import {
  Button,
  Link,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  mergeClasses,
  ProgressBar,
  Text,
} from "@fluentui/react-components";
import { AddRegular, DocumentRegular, FolderOpenRegular } from "@fluentui/react-icons";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { ErrorPanel } from "../../components/ErrorPanel";
import { backend, call, type FileDrop } from "../../lib/backend";
import { useAction, useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { bytes } from "../../lib/time";
import { Footer } from "./Footer";
import type { PageProps } from "./MigrationPage";
import { useDoPlan, useOpenPlan, usePlan } from "./plan";
import { RouterBox } from "./RouterBox";
import { FILE_NAMES, hasFiles, isReading, MOST_BYTES, MOST_ROUTERS, missing, pathsOf, SLOTS } from "./state";
import { useWizardStyles } from "./styles";

/** Page 1: the three files of up to four routers. */
export function FilesPage({ state, change }: PageProps) {
  const styles = useWizardStyles();
  const plan = usePlan();
  const make = useDoPlan("plan_migration");
  const discard = useDo("discard_migration");
  const open = useOpenPlan(() => change({ type: "go", step: "profiles" }));
  const aimed = useDrops((router, paths) => change({ type: "drop", router, paths }));
  const reading = useReading({ state, change });
  const gaps = missing(state);
  const view = hasFiles(state) ? state.view : null;
  const used = view?.total_bytes ?? 0;
  const limit = view?.limit_bytes ?? MOST_BYTES;
  const loose = view?.problems.filter((problem) => !problem.slot) ?? [];

  const next = async () => {
    change({ type: "showErrors" });
    if (!view?.ready || gaps.length > 0) return;
    if (await make.run({ routers: pathsOf(state) })) change({ type: "go", step: "profiles" });
  };
  return (
    <form
      className={mergeClasses(styles.page, styles.narrow)}
      noValidate
      data-testid={testIds.migration}
      onSubmit={(event) => {
        event.preventDefault();
        void next();
      }}
    >
      <Text>
        Each Email Router has three files in its Service folder, for example C:\Program Files\Microsoft CRM
        Email\Service: {SLOTS.map((slot) => FILE_NAMES[slot]).join(", ")}. Copy them to this computer, then
        name them here: browse, type or paste a path, or drop a router’s folder or its three files on its box.
        They are only read.
      </Text>
      {plan.data && (
        <MessageBar layout="multiline">
          <MessageBarBody>
            A plan with {plan.data.rows.length} pairs of server profiles is kept.{" "}
            <Link as="button" type="button" inline onClick={() => change({ type: "go", step: "profiles" })}>
              Go on with it
            </Link>
            , or plan again: that replaces it and what you decided in it.
          </MessageBarBody>
          <MessageBarActions>
            <Button
              onClick={() => discard.mutate({})}
              disabled={discard.isPending}
              data-testid={testIds.migrationDiscard}
            >
              Discard the plan
            </Button>
          </MessageBarActions>
        </MessageBar>
      )}
      {state.routers.map((router, index) => (
        <RouterBox
          key={router.key}
          router={router}
          number={index + 1}
          state={state}
          loose={loose.filter((problem) => problem.router === index + 1)}
          aimed={aimed === index + 1}
          change={change}
        />
      ))}
      <div className={styles.bar}>
        <Button
          icon={<AddRegular />}
          disabled={state.routers.length >= MOST_ROUTERS}
          onClick={() => change({ type: "addRouter" })}
          data-testid={testIds.migrationMoreRouters}
        >
          More Email Routers
        </Button>
        <Text className={styles.quiet}>
          {state.routers.length >= MOST_ROUTERS
            ? "Four routers at once is the most. Migrate the others afterwards."
            : `${state.routers.length} of up to ${MOST_ROUTERS}`}
        </Text>
      </div>
      <div data-testid={testIds.migrationUsed} aria-live="polite">
        <Text>
          {bytes(used)} of {bytes(limit)} used by all files together
          {reading.isPending && ", reading…"}
        </Text>
        <ProgressBar
          value={Math.min(1, used / limit)}
          color={used > limit ? "error" : undefined}
          aria-label="Combined size of the files"
        />
      </div>
      {reading.error && <ErrorPanel error={reading.error} onRetry={() => reading.mutate(state.revision)} />}
      {state.showErrors && (gaps.length > 0 || (view && !view.ready)) && (
        <MessageBar intent="warning" layout="multiline" role="alert">
          <MessageBarBody>
            {gaps.length > 0 ? gaps.join(" ") : "Correct what is marked above, then go on."}
          </MessageBarBody>
        </MessageBar>
      )}
      {(make.error || open.error || discard.error) && (
        <ErrorPanel error={make.error ?? open.error ?? discard.error} />
      )}
      <Footer
        next={
          <Button
            type="submit"
            appearance="primary"
            disabled={make.isPending || isReading(state)}
            data-testid={testIds.migrationNext}
          >
            {make.isPending ? "Planning…" : isReading(state) && !reading.error ? "Reading…" : "Next"}
          </Button>
        }
      >
        <Button
          appearance="subtle"
          icon={<DocumentRegular />}
          onClick={open.choose}
          disabled={open.isPending}
          data-testid={testIds.migrationOpenPlan}
        >
          Open a plan file…
        </Button>
        <Samples onMade={(paths) => change({ type: "drop", router: null, paths })} />
      </Footer>
    </form>
  );
}

/** Looks at the files whenever they change. */
function useReading({ state, change }: PageProps) {
  const paths = pathsOf(state);
  const reading = useMutation({
    mutationFn: (_revision: number) => call("read_router_files", { routers: paths }),
    onSuccess: (view, revision) => change({ type: "read", revision, view }),
  });
  const { mutate } = reading;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each change of the files is looked at once
  useEffect(() => {
    if (isReading(state)) mutate(state.revision);
  }, [state.revision]);
  return reading;
}

/** The router that files are held over, and what to do with them when they are dropped. */
function useDrops(then: (router: number | null, paths: string[]) => void): number | null {
  const [aimed, setAimed] = useState<number | null>(null);
  const latest = useRef(then);
  latest.current = then;
  useEffect(
    () =>
      backend().onFileDrop((drop: FileDrop) => {
        const router = drop.type === "leave" ? null : routerAt(drop.x, drop.y);
        setAimed(drop.type === "over" ? router : null);
        if (drop.type === "drop" && drop.paths.length > 0) latest.current(router, drop.paths);
      }),
    [],
  );
  return aimed;
}

function routerAt(x: number, y: number): number | null {
  const box = document.elementFromPoint?.(x, y)?.closest<HTMLElement>("[data-router]");
  return box ? Number(box.dataset.router) : null;
}

/** In practice: files to rehearse with. */
function Samples({ onMade }: { onMade: (folders: string[]) => void }) {
  const practice = useAction("practice", {});
  const write = useMutation({
    mutationFn: () => call("write_sample_router_files", {}),
    onSuccess: (made) => onMade(made.routers),
  });
  if (!practice.data?.running) return null;
  return (
    <>
      <Button
        appearance="subtle"
        icon={<FolderOpenRegular />}
        disabled={write.isPending}
        onClick={() => write.mutate()}
        data-testid={testIds.migrationSamples}
      >
        Use sample files to practice with
      </Button>
      {write.error && <ErrorPanel error={write.error} />}
    </>
  );
}
