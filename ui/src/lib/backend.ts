import type { Actions, ApiError, EventView } from "../bindings";
import { ActionError, toApiError } from "./errors";

/** What closing the window means; absent until the person was told and chose. */
export type OnClose = "hide" | "quit";
export type DesktopSettings = { on_close: OnClose | null };
export type FileFilter = { name: string; extensions: string[] };
/** Files or folders that are dragged over the window, with the place in CSS pixels. */
export type FileDrop =
  | { type: "over"; x: number; y: number }
  | { type: "leave" }
  | { type: "drop"; x: number; y: number; paths: string[] };

/** Everything that the window asks of the world outside. One for Tauri, one pretended for tests and plain browsers. */
export interface Backend {
  rpc(action: string, request: unknown): Promise<unknown>;
  /** Answers why the engine does not run, if so. */
  startup(again: boolean): Promise<ApiError | null>;
  painted(): Promise<void>;
  onEvent(hear: (event: EventView) => void): () => void;
  onClosing(hear: () => void): () => void;
  closeWindow(choice: OnClose | null): Promise<void>;
  desktopSettings(): Promise<DesktopSettings>;
  saveDesktopSettings(settings: DesktopSettings): Promise<void>;
  chooseFiles(title: string, filters: FileFilter[], several: "one" | "several"): Promise<string[]>;
  chooseFolder(title: string): Promise<string | null>;
  onFileDrop(hear: (drop: FileDrop) => void): () => void;
  chooseTarget(title: string, name: string): Promise<string | null>;
  bodyUrl(emailId: string, textSize: number): string;
}

let current: Backend | undefined;

/** Sets the backend; before the first render, and in tests. */
export function setBackend(backend: Backend): void {
  current = backend;
}

/** The backend in use. */
export function backend(): Backend {
  if (!current) throw new Error("no backend was chosen");
  return current;
}

/** Calls an action of the engine. Rejects with an `ActionError` and nothing else. */
export async function call<A extends keyof Actions>(
  action: A,
  request: Actions[A]["request"],
): Promise<Actions[A]["response"]> {
  try {
    return (await backend().rpc(action, request)) as Actions[A]["response"];
  } catch (thrown) {
    throw new ActionError(toApiError(thrown));
  }
}

/** How the start went: the data that can't be opened, or an engine that can't run over open data. */
export type Started = { closed: ApiError | null; standing: ApiError | null };

/** Waits until the data is open, or tries again what failed. */
export async function startup(again: boolean): Promise<Started> {
  try {
    return { closed: null, standing: await backend().startup(again) };
  } catch (thrown) {
    return { closed: toApiError(thrown), standing: null };
  }
}
