import { FluentProvider, makeStyles, tokens } from "@fluentui/react-components";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTheme } from "../lib/appearance";
import { listenToEngine } from "../lib/live";
import { CloseDialog } from "./CloseDialog";
import type { Routes } from "./routes";
import { StartupGate } from "./StartupGate";

const useStyles = makeStyles({
  // Inside the provider, whose own classes Fluent copies to dialogs and menus.
  root: {
    height: "100%",
    backgroundColor: tokens.colorNeutralBackground2,
    "& h1, & h2, & h3": { margin: 0 },
    // Fields are as wide as their place, not as their longest choice, and as high as their text.
    "& .fui-Field": { minWidth: 0 },
    "& .fui-Input, & .fui-Input > input, & .fui-Select, & .fui-Select > select": {
      minWidth: 0,
      maxWidth: "100%",
    },
    "& .fui-Select > select": { height: "auto", minHeight: "32px", textOverflow: "ellipsis" },
    "@media (prefers-reduced-motion: reduce)": {
      "& *": { animationDuration: "0.01ms !important", transitionDuration: "0.01ms !important" },
    },
  },
});

const createQueries = () =>
  new QueryClient({
    defaultOptions: {
      // The engine is in the same process: a failed call fails again at once. Events say when an answer is old.
      queries: { retry: false, staleTime: 5_000, networkMode: "always" },
      mutations: { retry: false, networkMode: "always" },
    },
  });

/** The window. */
export function App({ router }: { router: Routes }) {
  const styles = useStyles();
  const { theme } = useTheme();
  const [queries] = useState(createQueries);
  useEffect(() => listenToEngine(queries), [queries]);
  return (
    <FluentProvider theme={theme} style={{ height: "100%" }}>
      <QueryClientProvider client={queries}>
        <div className={styles.root}>
          <StartupGate>
            <RouterProvider router={router} />
          </StartupGate>
        </div>
        <CloseDialog />
      </QueryClientProvider>
    </FluentProvider>
  );
}
