import { convertFileSrc, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { getCurrentWebview } from "@tauri-apps/api/webview";
import { open, save } from "@tauri-apps/plugin-dialog";
import type { ApiError, EventView } from "../bindings";
import type { Backend, DesktopSettings } from "./backend";

function hear<T>(name: string, then: (payload: T) => void): () => void {
  const stop = listen<T>(name, (event) => then(event.payload));
  return () => {
    stop.then((unlisten) => unlisten()).catch(() => undefined);
  };
}

/** The backend of the real window: the shell behind Tauri's one command and one event. */
export const tauriBackend: Backend = {
  rpc: (action, request) => invoke("rpc", { action, request }),
  startup: (again) => invoke<ApiError | null>("startup", { again }),
  painted: () => invoke("painted"),
  onEvent: (then) => hear<EventView>("tandem://event", then),
  onClosing: (then) => hear<null>("tandem://closing", () => then()),
  closeWindow: (choice) => invoke("close_window", { choice }),
  desktopSettings: () => invoke<DesktopSettings>("desktop_settings"),
  saveDesktopSettings: (settings) => invoke("save_desktop_settings", { settings }),
  async chooseFiles(title, filters, several) {
    const chosen = await open({ title, filters, multiple: several === "several" });
    if (chosen === null) return [];
    return Array.isArray(chosen) ? chosen : [chosen];
  },
  chooseFolder: (title) => open({ title, directory: true, multiple: false }),
  onFileDrop(then) {
    const stop = getCurrentWebview().onDragDropEvent(({ payload }) => {
      if (payload.type === "leave") return then({ type: "leave" });
      const { x, y } = payload.position.toLogical(window.devicePixelRatio);
      then(payload.type === "drop" ? { type: "drop", x, y, paths: payload.paths } : { type: "over", x, y });
    });
    return () => {
      stop.then((unlisten) => unlisten()).catch(() => undefined);
    };
  },
  chooseTarget: (title, name) => save({ title, defaultPath: name }),
  bodyUrl: (emailId, textSize) => `${convertFileSrc(emailId, "mailbody")}?text=${textSize}`,
};
