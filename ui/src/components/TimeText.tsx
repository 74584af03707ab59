import { useNow } from "../lib/queries";
import { exact, relative, short } from "../lib/time";

/** An instant as people say it, exact with its zone on hover. Lists have hundreds of these: no tooltip component. */
export function TimeText({ at, style = "relative" }: { at: string | null; style?: "relative" | "short" }) {
  const now = useNow();
  if (!at) return <span>–</span>;
  return (
    <time dateTime={at} title={exact(at)}>
      {style === "relative" ? relative(at, now) : short(at, now)}
    </time>
  );
}
