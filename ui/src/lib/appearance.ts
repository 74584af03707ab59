import { type Theme, teamsHighContrastTheme, webDarkTheme, webLightTheme } from "@fluentui/react-components";
import { useEffect, useMemo, useSyncExternalStore } from "react";

export type ThemeChoice = "system" | "light" | "dark" | "contrast";
export type Appearance = { theme: ThemeChoice; textSize: number };

/** Text sizes in percent. */
export const TEXT_SIZES = [100, 125, 150, 200];
const KEY = "tandem.appearance";
const DEFAULT: Appearance = { theme: "system", textSize: 100 };

/** What was kept from the last start; anything else is the default. */
export function parseAppearance(text: string | null): Appearance {
  try {
    const kept = JSON.parse(text ?? "{}") as Partial<Appearance>;
    return {
      theme: ["system", "light", "dark", "contrast"].includes(kept.theme ?? "")
        ? (kept.theme as ThemeChoice)
        : "system",
      textSize: TEXT_SIZES.includes(kept.textSize ?? 0) ? (kept.textSize as number) : 100,
    };
  } catch {
    return DEFAULT;
  }
}

/** The theme that a choice means on this system. */
export function resolveTheme(choice: ThemeChoice, system: { dark: boolean; moreContrast: boolean }): Theme {
  if (choice === "contrast") return teamsHighContrastTheme;
  if (choice === "system" && system.moreContrast) return teamsHighContrastTheme;
  const dark = choice === "dark" || (choice === "system" && system.dark);
  return dark ? DARK : LIGHT;
}

const LIGHT: Theme = { ...webLightTheme };
const DARK: Theme = { ...webDarkTheme };

/** All text of a theme, larger; distances stay. */
export function scaleText(theme: Theme, percent: number): Theme {
  if (percent === 100) return theme;
  const scaled: Record<string, unknown> = { ...theme };
  for (const [name, value] of Object.entries(theme)) {
    if (!/^(fontSize|lineHeight)/.test(name) || typeof value !== "string") continue;
    scaled[name] = `${(Number.parseFloat(value) * percent) / 100}px`;
  }
  return scaled as Theme;
}

let current = parseAppearance(typeof localStorage === "undefined" ? null : localStorage.getItem(KEY));
const listeners = new Set<() => void>();

/** Changes the appearance, and keeps it for the next start. */
export function setAppearance(change: Partial<Appearance>): void {
  current = { ...current, ...change };
  localStorage.setItem(KEY, JSON.stringify(current));
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The appearance that was chosen. */
export function useAppearance(): Appearance {
  return useSyncExternalStore(subscribe, () => current);
}

/** Whether a media query holds, and from then on. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => matchMedia(query).matches,
  );
}

/** The theme to show now: the system's, or the one that was chosen, in the chosen text size. */
export function useTheme(): { theme: Theme; textSize: number } {
  const { theme: choice, textSize } = useAppearance();
  const dark = useMedia("(prefers-color-scheme: dark)");
  const forced = useMedia("(forced-colors: active)");
  const more = useMedia("(prefers-contrast: more)");
  const theme = useMemo(
    // With forced colors the browser replaces every color itself: any theme with borders does.
    () => scaleText(resolveTheme(choice, { dark, moreContrast: more && !forced }), textSize),
    [choice, dark, more, forced, textSize],
  );
  useEffect(() => {
    document.documentElement.style.colorScheme =
      choice === "system" ? "light dark" : choice === "light" ? "light" : "dark";
    document.documentElement.style.fontSize = `${textSize}%`;
  }, [choice, textSize]);
  return { theme, textSize };
}

/** Whether there is too little height for a list that fills the page: a low window, or large text. */
export function useLow(height = 600): boolean {
  const { textSize } = useAppearance();
  return useMedia(`(max-height: ${Math.round((height * textSize) / 100)}px)`);
}

/** Whether there is too little room for columns side by side: a narrow window, or large text. */
export function useCompact(width = 900): boolean {
  const { textSize } = useAppearance();
  return useMedia(`(max-width: ${Math.round((width * textSize) / 100)}px)`);
}
