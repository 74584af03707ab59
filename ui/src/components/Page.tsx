import { makeStyles, mergeClasses, Spinner, Text, Title2, Title3, tokens } from "@fluentui/react-components";
import type { ReactElement, ReactNode } from "react";
import { testIds } from "../lib/testids";

const useStyles = makeStyles({
  page: {
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalL,
    padding: `${tokens.spacingVerticalXXL} ${tokens.spacingHorizontalXXL}`,
    boxSizing: "border-box",
    minHeight: "100%",
    "& > .fui-MessageBar": { flexShrink: 0 },
    "@media (max-width: 640px)": { padding: tokens.spacingHorizontalL },
  },
  fill: {
    height: "100%",
    minHeight: 0,
    overflow: "hidden",
    "@media (max-height: 480px)": { height: "auto", minHeight: "100%" },
  },
  header: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalL, alignItems: "flex-start" },
  titles: { display: "grid", gap: tokens.spacingVerticalXXS, flex: "1 1 240px", minWidth: 0 },
  title: { margin: 0, outlineStyle: "none" },
  description: { color: tokens.colorNeutralForeground3 },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  empty: {
    display: "grid",
    justifyItems: "center",
    gap: tokens.spacingVerticalM,
    textAlign: "center",
    padding: `${tokens.spacingVerticalXXXL} ${tokens.spacingHorizontalL}`,
    marginInline: "auto",
    maxWidth: "520px",
  },
  emptyIcon: { fontSize: "48px", color: tokens.colorNeutralForeground3, display: "inline-flex" },
  emptyTitle: { margin: 0 },
  loading: { padding: tokens.spacingVerticalXXL },
});

/** A page: its title (which takes the focus after navigation), what it is for, its main actions. */
export function Page(props: {
  title: string;
  description?: ReactNode;
  actions?: ReactNode;
  layout?: "scroll" | "fill";
  children: ReactNode;
}) {
  const styles = useStyles();
  return (
    <div className={mergeClasses(styles.page, props.layout === "fill" && styles.fill)}>
      <div className={styles.header}>
        <div className={styles.titles}>
          <Title2
            as="h1"
            className={styles.title}
            tabIndex={-1}
            id="page-title"
            data-testid={testIds.pageTitle}
          >
            {props.title}
          </Title2>
          {props.description && <Text className={styles.description}>{props.description}</Text>}
        </div>
        {props.actions && <div className={styles.actions}>{props.actions}</div>}
      </div>
      {props.children}
    </div>
  );
}

/** What belongs here, why it is empty, and the one thing to do. */
export function EmptyState(props: {
  icon: ReactElement;
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  const styles = useStyles();
  return (
    <div className={styles.empty}>
      <span className={styles.emptyIcon} aria-hidden="true">
        {props.icon}
      </span>
      <Title3 as="h2" className={styles.emptyTitle}>
        {props.title}
      </Title3>
      {props.children && <Text align="center">{props.children}</Text>}
      {props.actions && <div className={styles.actions}>{props.actions}</div>}
    </div>
  );
}

/** While something is asked for; says what. */
export function Loading({ what }: { what: string }) {
  const styles = useStyles();
  return <Spinner className={styles.loading} label={`Loading ${what}…`} />;
}
