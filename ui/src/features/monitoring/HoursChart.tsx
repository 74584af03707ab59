import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useId, useState } from "react";
import type { HourView } from "../../bindings";
import { exact } from "../../lib/time";
import { count } from "../../lib/words";

const useStyles = makeStyles({
  chart: { display: "grid", gap: tokens.spacingVerticalXS, minWidth: 0 },
  head: {
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalM,
    alignItems: "center",
    justifyContent: "space-between",
  },
  title: { margin: 0 },
  svg: { display: "block", width: "100%", height: "88px" },
  bar: { fill: tokens.colorCompoundBrandForeground1, forcedColorAdjust: "none" },
  failed: { fill: tokens.colorStatusDangerForeground1, forcedColorAdjust: "none" },
  axis: {
    stroke: tokens.colorNeutralStrokeAccessible,
    strokeWidth: "1px",
    vectorEffect: "non-scaling-stroke",
  },
  feet: { display: "flex", justifyContent: "space-between", color: tokens.colorNeutralForeground3 },
  scroll: { overflow: "auto", maxHeight: "220px" },
  table: {
    borderCollapse: "collapse",
    width: "100%",
    fontVariantNumeric: "tabular-nums",
    "& th, & td": {
      textAlign: "right",
      fontWeight: "normal",
      padding: `${tokens.spacingVerticalXXS} ${tokens.spacingHorizontalS}`,
    },
    "& th:first-child": { textAlign: "left" },
    "& thead th": { color: tokens.colorNeutralForeground3 },
  },
});

const clock = (hour: string) =>
  new Date(hour).toLocaleString(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });

/** Messages an hour as bars, and as a table for whoever reads better there. Failed cycles stand below the line. */
export function HoursChart({ title, hours }: { title: string; hours: HourView[] }) {
  const styles = useStyles();
  const id = useId();
  const [shown, setShown] = useState<"chart" | "table">("chart");
  const most = Math.max(1, ...hours.map((h) => h.messages));
  const all = hours.reduce((sum, h) => sum + h.messages, 0);
  const failed = hours.reduce((sum, h) => sum + h.failures, 0);
  const peak = hours.find((h) => h.messages === most);
  const summary = `${count(all, "message")} in ${count(hours.length, "hour")}${
    peak ? `, at most ${most.toLocaleString()} in one hour` : ""
  }; ${failed === 0 ? "no cycle failed" : `${count(failed, "cycle")} failed`}`;
  const width = 100 / Math.max(1, hours.length);
  return (
    <section className={styles.chart} aria-labelledby={id}>
      <div className={styles.head}>
        <Text as="h2" weight="semibold" className={styles.title} id={id}>
          {title}
        </Text>
        <Text size={200}>{summary}</Text>
        <Button
          size="small"
          appearance="subtle"
          onClick={() => setShown(shown === "chart" ? "table" : "chart")}
        >
          {shown === "chart" ? "Show as a table" : "Show as a chart"}
        </Button>
      </div>
      {shown === "chart" ? (
        <div>
          <svg
            className={styles.svg}
            viewBox="0 0 100 48"
            preserveAspectRatio="none"
            role="img"
            aria-label={`${title}: ${summary}`}
          >
            {hours.map((h, i) => {
              const height = (h.messages / most) * 40;
              return (
                <g key={h.hour}>
                  <title>{`${exact(h.hour)}: ${count(h.messages, "message")}, ${count(h.cycles, "cycle")}, ${h.failures} failed`}</title>
                  {/* The whole column tells its numbers, however low its bar is. */}
                  <rect x={i * width} y={0} width={width} height={48} fill="transparent" />
                  <rect
                    className={styles.bar}
                    x={i * width + width * 0.12}
                    y={41 - height}
                    width={width * 0.76}
                    height={height}
                  />
                  {h.failures > 0 && (
                    <rect
                      className={styles.failed}
                      x={i * width + width * 0.12}
                      y={43}
                      width={width * 0.76}
                      height={5}
                    />
                  )}
                </g>
              );
            })}
            <line className={styles.axis} x1={0} x2={100} y1={41.5} y2={41.5} />
          </svg>
          <div className={styles.feet} aria-hidden="true">
            <Text size={200}>{hours[0] && clock(hours[0].hour)}</Text>
            <Text size={200}>{hours.length > 0 && clock(hours.at(-1)?.hour ?? "")}</Text>
          </div>
        </div>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard
        <section className={styles.scroll} tabIndex={0} aria-label={`${title}, as a table`}>
          <table className={styles.table}>
            <thead>
              <tr>
                {["Hour", "Messages", "Cycles", "Failed"].map((head) => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {hours.map((h) => (
                <tr key={h.hour}>
                  <th scope="row">{clock(h.hour)}</th>
                  <td>{h.messages.toLocaleString()}</td>
                  <td>{h.cycles.toLocaleString()}</td>
                  <td>{h.failures.toLocaleString()}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  );
}
