const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "3 minutes ago", "in 2 hours"; "just now" within half a minute. */
export function relative(instant: string, now: number): string {
  const seconds = Math.round((Date.parse(instant) - now) / 1000);
  if (Number.isNaN(seconds)) return instant;
  if (Math.abs(seconds) < 30) return seconds > 5 ? "in a moment" : "just now";
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(seconds, "second");
}

/** Date, time and zone, in the person's own way of writing. */
export function exact(instant: string): string {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return instant;
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
}

/** Short: the time today, else the date. */
export function short(instant: string, now: number): string {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return instant;
  const today = new Date(now).toDateString() === date.toDateString();
  if (today) return date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  const sameYear = new Date(now).getFullYear() === date.getFullYear();
  return date.toLocaleDateString(undefined, {
    day: "numeric",
    month: "short",
    year: sameYear ? undefined : "numeric",
  });
}

/** The value of a `datetime-local` input for an instant, in the person's zone. */
export function toLocalInput(instant: string | null): string {
  if (!instant) return "";
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return "";
  const two = (n: number) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The instant of a `datetime-local` input; null when it is empty or no date. */
export function fromLocalInput(value: string): string | null {
  if (!value) return null;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** "12 ms", "1.3 s". */
export function duration(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** "512 bytes", "3.6 KB", "12 MB". */
export function bytes(size: number): string {
  if (size < 1024) return size === 1 ? "1 byte" : `${size} bytes`;
  const [value, unit] =
    size < 1_048_576
      ? [size / 1024, "KB"]
      : size < 1_073_741_824
        ? [size / 1_048_576, "MB"]
        : [size / 1_073_741_824, "GB"];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
