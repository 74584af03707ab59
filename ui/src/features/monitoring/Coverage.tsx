import { Button, makeStyles, mergeClasses, Text, tokens } from "@fluentui/react-components";
import type { VerificationView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Loading } from "../../components/Page";
import { TimeText } from "../../components/TimeText";
import { useAction, useDo, useNow } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { exact } from "../../lib/time";
import { count } from "../../lib/words";
import { type Part, parts } from "./select";

const useStyles = makeStyles({
  stack: { display: "grid", gap: tokens.spacingVerticalS, minWidth: 0 },
  title: { margin: 0 },
  bar: {
    position: "relative",
    height: "20px",
    borderRadius: tokens.borderRadiusMedium,
    border: `1px solid ${tokens.colorNeutralStrokeAccessible}`,
    backgroundColor: tokens.colorNeutralBackground1,
    overflow: "hidden",
    forcedColorAdjust: "none",
  },
  part: { position: "absolute", top: 0, bottom: 0, minWidth: "3px" },
  seen: { backgroundColor: tokens.colorStatusSuccessForeground1 },
  caught_up: {
    // Stripes, so that color is not all that tells them apart.
    backgroundImage: `repeating-linear-gradient(45deg, ${tokens.colorCompoundBrandForeground1} 0 5px, ${tokens.colorNeutralBackground1} 5px 9px)`,
  },
  gap: { backgroundColor: tokens.colorNeutralBackground1 },
  feet: { display: "flex", justifyContent: "space-between", gap: tokens.spacingHorizontalM },
  keys: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalL },
  key: { display: "inline-flex", alignItems: "center", gap: tokens.spacingHorizontalXS },
  swatch: {
    width: "16px",
    height: "12px",
    border: `1px solid ${tokens.colorNeutralStrokeAccessible}`,
    forcedColorAdjust: "none",
  },
  list: { margin: 0, paddingInlineStart: tokens.spacingHorizontalXL },
  quiet: { color: tokens.colorNeutralForeground3 },
});

const KINDS: Record<Part["kind"], string> = {
  seen: "Seen as it came",
  caught_up: "Caught up after an outage",
  gap: "Not looked at yet",
};

/** Of which times everything in a mailbox was seen, and what its last verification found. */
export function Coverage({ mailbox }: { mailbox: string }) {
  const styles = useStyles();
  const now = useNow(60_000);
  const coverage = useAction("coverage", { address: mailbox });
  const verify = useDo("verify");
  const shown = coverage.data ? parts(coverage.data.stretches, now) : [];
  const [first, last] = [shown[0]?.from ?? now, shown.at(-1)?.until ?? now];
  const place = (at: number) => `${((at - first) / Math.max(1, last - first)) * 100}%`;
  const late = shown.filter((part) => part.kind === "caught_up").slice(-5);
  const span = (part: Part) =>
    `${exact(new Date(part.from).toISOString())} to ${exact(new Date(part.until).toISOString())}`;
  const until = shown.filter((part) => part.kind !== "gap").at(-1)?.until;
  return (
    <section className={styles.stack} aria-label="Coverage" data-testid={testIds.coverage}>
      <Text as="h3" weight="semibold" className={styles.title}>
        Coverage
      </Text>
      {coverage.error && <ErrorPanel error={coverage.error} onRetry={() => void coverage.refetch()} />}
      {coverage.isPending && <Loading what="coverage" />}
      {coverage.data && shown.length === 0 && (
        <Text className={styles.quiet}>No incoming cycle completed yet, so nothing is proven.</Text>
      )}
      {shown.length > 0 && until !== undefined && (
        <>
          <div
            className={styles.bar}
            role="img"
            aria-label={`Everything was seen from ${exact(new Date(first).toISOString())} to ${exact(new Date(until).toISOString())}; ${count(late.length, "gap")} caught up later.`}
          >
            {shown.map((part) => (
              <div
                key={part.from}
                className={mergeClasses(styles.part, styles[part.kind])}
                style={{ left: place(part.from), width: `calc(${place(part.until)} - ${place(part.from)})` }}
                title={`${KINDS[part.kind]}: ${span(part)}`}
              />
            ))}
          </div>
          <div className={styles.feet}>
            <Text size={200}>
              <TimeText at={new Date(first).toISOString()} />
            </Text>
            <Text size={200}>
              seen until <TimeText at={new Date(until).toISOString()} />
            </Text>
          </div>
          <div className={styles.keys} aria-hidden="true">
            {(Object.keys(KINDS) as Part["kind"][]).map((kind) => (
              <span key={kind} className={styles.key}>
                <span className={mergeClasses(styles.swatch, styles[kind])} />
                <Text size={200}>{KINDS[kind]}</Text>
              </span>
            ))}
          </div>
          {late.length > 0 && (
            <ul className={styles.list}>
              {late.map((part) => (
                <li key={part.from}>
                  <Text size={200}>
                    {span(part)}: caught up{" "}
                    <TimeText at={part.caughtUp === null ? null : new Date(part.caughtUp).toISOString()} />
                  </Text>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
      {coverage.data && <Verified found={newer(verify.data?.[0] ?? null, coverage.data.verification)} />}
      {verify.error && <ErrorPanel error={verify.error} />}
      <div>
        <Button
          disabled={verify.isPending}
          onClick={() => verify.mutate({ addresses: [mailbox], repair: false })}
          data-testid={testIds.coverageVerify}
        >
          {verify.isPending ? "Comparing with the server…" : "Verify now"}
        </Button>
      </div>
    </section>
  );
}

/** What was asked for here is shown until a later verification is known. */
function newer(a: VerificationView | null, b: VerificationView | null): VerificationView | null {
  return a && b ? (Date.parse(a.verified_at) >= Date.parse(b.verified_at) ? a : b) : (a ?? b);
}

function Verified({ found }: { found: VerificationView | null }) {
  const styles = useStyles();
  if (!found) return <Text className={styles.quiet}>It was never compared with its server.</Text>;
  return (
    <div className={styles.stack} role="status">
      <Text>
        Verified <TimeText at={found.verified_at} />: {count(found.on_server, "message")} on the server,{" "}
        {found.seen.toLocaleString()} seen, {found.waiting.toLocaleString()} arrived since,{" "}
        {found.missing.toLocaleString()} missing
        {found.missing > 0 && ` (${found.repaired.toLocaleString()} repaired)`}.{" "}
        {found.complete ? "Nothing is missing." : "Missing messages get their decision in the next cycles."}
      </Text>
      {found.failure && <ErrorPanel error={found.failure} />}
    </div>
  );
}
