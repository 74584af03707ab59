import { makeStyles, Text, Title2, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ErrorPanel } from "../components/ErrorPanel";
import { startup } from "../lib/backend";
import { testIds } from "../lib/testids";

const useStyles = makeStyles({
  page: {
    maxWidth: "640px",
    margin: "0 auto",
    padding: tokens.spacingHorizontalXXL,
    display: "grid",
    gap: tokens.spacingVerticalL,
  },
  title: { margin: 0 },
  rows: { display: "grid", gridTemplateRows: "auto minmax(0, 1fr)", height: "100%" },
});

/** Until the data is open there is nothing to ask; if it can't be opened, that is all there is to say. */
export function StartupGate({ children }: { children: ReactNode }) {
  const styles = useStyles();
  const [attempt, setAttempt] = useState(0);
  const opened = useQuery({
    queryKey: ["startup", attempt],
    queryFn: () => startup(attempt > 0),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const again = () => setAttempt(attempt + 1);
  const { closed = null, standing = null } = opened.data ?? {};
  if (!closed)
    return (
      <div className={styles.rows}>
        <div>{standing && <ErrorPanel error={standing} intent="warning" onRetry={again} />}</div>
        {children}
      </div>
    );
  return (
    <main className={styles.page} data-testid={testIds.startupError}>
      <Title2 as="h1" className={styles.title}>
        Tandem can't open its data
      </Title2>
      <Text>Nothing was changed, and nothing is synchronized until this is solved.</Text>
      <ErrorPanel error={closed} onRetry={again} />
    </main>
  );
}
