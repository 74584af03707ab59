import { Button, makeStyles, mergeClasses, Text, tokens } from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import { type ReactNode, useEffect, useRef } from "react";

const useStyles = makeStyles({
  panel: {
    display: "flex",
    flexDirection: "column",
    minHeight: 0,
    minWidth: 0,
    backgroundColor: tokens.colorNeutralBackground1,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
    overflow: "hidden",
  },
  header: {
    display: "flex",
    alignItems: "flex-start",
    gap: tokens.spacingHorizontalS,
    padding: `${tokens.spacingVerticalM} ${tokens.spacingHorizontalM} ${tokens.spacingVerticalM} ${tokens.spacingHorizontalL}`,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  title: { flex: 1, minWidth: 0, overflowWrap: "anywhere", margin: 0, outlineStyle: "none" },
  body: {
    overflow: "auto",
    flex: 1,
    minHeight: 0,
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalL,
    padding: tokens.spacingHorizontalL,
    "& > *": { flexShrink: 0 },
    // A list is as wide as its longest text by itself, shown or not.
    "& .fui-Select": { overflow: "hidden", minWidth: 0 },
  },
});

/** Details beside a list; Escape closes it. */
export function SidePanel(props: {
  title: string;
  titleTestId?: string;
  testId: string;
  onClose: () => void;
  actions?: ReactNode;
  className?: string;
  children: ReactNode;
}) {
  const styles = useStyles();
  const title = useRef<HTMLHeadingElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another object in the panel is announced by its title
  useEffect(() => {
    title.current?.scrollIntoView?.({ block: "nearest" });
  }, [props.title]);
  return (
    <aside
      className={mergeClasses(styles.panel, props.className)}
      aria-label={props.title || "Details"}
      data-testid={props.testId}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) props.onClose();
      }}
    >
      <div className={styles.header}>
        <Text
          as="h2"
          size={500}
          weight="semibold"
          className={styles.title}
          ref={title}
          data-testid={props.titleTestId}
        >
          {props.title}
        </Text>
        {props.actions}
        <Button
          appearance="subtle"
          icon={<DismissRegular />}
          aria-label="Close details"
          onClick={props.onClose}
        />
      </div>
      <div className={styles.body}>{props.children}</div>
    </aside>
  );
}
