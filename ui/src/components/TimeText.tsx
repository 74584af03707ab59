import { Tooltip } from "@fluentui/react-components";
import { useNow } from "../lib/queries";
import { exact, relative, short } from "../lib/time";

/** An instant as people say it, exact with its zone on hover and for screen readers. */
export function TimeText({ at, style = "relative" }: { at: string | null; style?: "relative" | "short" }) {
  const now = useNow();
  if (!at) return <span>–</span>;
  return (
    <Tooltip content={exact(at)} relationship="description">
      <time dateTime={at}>{style === "relative" ? relative(at, now) : short(at, now)}</time>
    </Tooltip>
  );
}
