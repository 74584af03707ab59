import { Checkbox, makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { ArrowDownRegular, ArrowUpRegular } from "@fluentui/react-icons";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { useAppearance } from "../lib/appearance";

export type Column<Row> = {
  id: string;
  title: string;
  /** A CSS grid track. */
  width: string;
  cell: (row: Row) => ReactNode;
  sortBy?: (row: Row) => string | number;
  /** Left out when there is little room. */
  extra?: boolean;
};

export type Sort = { column: string; direction: "ascending" | "descending" };

/** Rows in the order of a column; equal ones keep theirs. */
export function sorted<Row>(rows: Row[], columns: Column<Row>[], sort: Sort | null): Row[] {
  const by = columns.find((c) => c.id === sort?.column)?.sortBy;
  if (!by || !sort) return rows;
  const sign = sort.direction === "ascending" ? 1 : -1;
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;
  return [...rows].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    return sign * (typeof x === "number" && typeof y === "number" ? x - y : compare(String(x), String(y)));
  });
}

const useStyles = makeStyles({
  scroll: {
    overflow: "auto",
    flex: "1 1 0",
    minHeight: "220px",
    minWidth: 0,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
    backgroundColor: tokens.colorNeutralBackground1,
    position: "relative",
  },
  head: {
    position: "sticky",
    top: 0,
    zIndex: 1,
    backgroundColor: tokens.colorNeutralBackground1,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
    fontWeight: tokens.fontWeightSemibold,
  },
  line: {
    display: "grid",
    alignItems: "center",
    columnGap: tokens.spacingHorizontalM,
    paddingInline: tokens.spacingHorizontalM,
  },
  row: {
    position: "absolute",
    left: 0,
    right: 0,
    cursor: "pointer",
    borderBottom: `1px solid ${tokens.colorNeutralStroke3}`,
    ":hover": { backgroundColor: tokens.colorNeutralBackground2 },
    ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: "-2px" },
  },
  chosen: {
    // Not the theme's "selected": in high contrast that asks for another color of every text in the row.
    backgroundColor: tokens.colorNeutralBackground3,
    boxShadow: `inset 3px 0 0 ${tokens.colorCompoundBrandStroke}`,
  },
  cell: { minWidth: 0, overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
  wrap: {
    whiteSpace: "normal",
    lineHeight: tokens.lineHeightBase200,
    paddingBlock: tokens.spacingVerticalXS,
  },
  sort: {
    appearance: "none",
    border: "none",
    padding: 0,
    background: "none",
    color: "inherit",
    font: "inherit",
    cursor: "pointer",
    display: "inline-flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalXS,
    minHeight: "24px",
    borderRadius: tokens.borderRadiusSmall,
    ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
});

/** A table of any length: only what is seen is drawn. Arrow keys move, Space selects, Enter opens, Ctrl+A takes all. */
export function VirtualTable<Row>(props: {
  label: string;
  rows: Row[];
  columns: Column<Row>[];
  rowKey: (row: Row) => string;
  rowTestId: (row: Row) => string;
  rowName: (row: Row) => string;
  open: string | null;
  onOpen: (row: Row) => void;
  selection?: { keys: Set<string>; onChange: (keys: Set<string>) => void };
  sort?: { value: Sort | null; onChange: (sort: Sort) => void };
  total?: number;
  compact?: boolean;
  /** How many lines of text a row has; 1 without it. */
  lines?: number;
  onEnd?: () => void;
}) {
  const styles = useStyles();
  const scroll = useRef<HTMLDivElement>(null);
  const { textSize } = useAppearance();
  const [active, setActive] = useState(0);
  const anchor = useRef(0);
  const columns = props.columns.filter((c) => !(props.compact && c.extra));
  const height = Math.round(((20 + 20 * (props.lines ?? 1)) * textSize) / 100);
  const rows = useVirtualizer({
    count: props.rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => height,
    overscan: 12,
    getItemKey: (index) => {
      const row = props.rows[index];
      return row === undefined ? index : props.rowKey(row);
    },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are measured again when text gets larger
  useEffect(() => rows.measure(), [height]);
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const { onEnd } = props;
  const length = props.rows.length;
  useEffect(() => {
    if (length > 0 && last >= length - 20) onEnd?.();
  }, [last, length, onEnd]);

  const template = `${props.selection ? "32px " : ""}${columns.map((c) => c.width).join(" ")}`;
  const keys = props.selection?.keys;
  const current = Math.min(active, Math.max(0, props.rows.length - 1));

  const toggle = (index: number, range: "one" | "range") => {
    if (!props.selection) return;
    const next = new Set(keys);
    const [from, to] =
      range === "range" ? [Math.min(anchor.current, index), Math.max(anchor.current, index)] : [index, index];
    const on = range === "range" || !next.has(keyAt(index));
    for (let i = from; i <= to; i++) on ? next.add(keyAt(i)) : next.delete(keyAt(i));
    if (range === "one") anchor.current = index;
    props.selection.onChange(next);
  };
  const keyAt = (index: number) => {
    const row = props.rows[index];
    return row === undefined ? "" : props.rowKey(row);
  };
  const move = (to: number) => {
    const index = Math.max(0, Math.min(props.rows.length - 1, to));
    setActive(index);
    rows.scrollToIndex(index);
    requestAnimationFrame(() =>
      scroll.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus(),
    );
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!(event.target as HTMLElement).hasAttribute("data-index")) return;
    const page = Math.max(1, Math.floor((scroll.current?.clientHeight ?? height) / height) - 2);
    const steps: Record<string, number> = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      PageDown: current + page,
      PageUp: current - page,
      Home: 0,
      End: props.rows.length - 1,
    };
    const to = steps[event.key];
    if (to !== undefined) {
      event.preventDefault();
      move(to);
      if (event.shiftKey) toggle(Math.max(0, Math.min(props.rows.length - 1, to)), "range");
    } else if (event.key === "Enter") {
      const row = props.rows[current];
      if (row !== undefined) props.onOpen(row);
    } else if (event.key === " ") {
      event.preventDefault();
      const row = props.rows[current];
      if (props.selection) toggle(current, event.shiftKey ? "range" : "one");
      else if (row !== undefined) props.onOpen(row);
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey) && props.selection) {
      event.preventDefault();
      props.selection.onChange(new Set(props.rows.map(props.rowKey)));
    }
  };
  const all = props.rows.length > 0 && props.rows.every((row) => keys?.has(props.rowKey(row)));

  return (
    // biome-ignore lint/a11y/useSemanticElements: a table element can't be drawn in parts
    <div
      className={styles.scroll}
      ref={scroll}
      role="grid"
      aria-label={props.label}
      aria-rowcount={(props.total ?? props.rows.length) + 1}
      aria-multiselectable={props.selection ? true : undefined}
      onKeyDown={onKeyDown}
      tabIndex={-1}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the buttons in it take the focus */}
      <div
        role="row"
        aria-rowindex={1}
        className={mergeClasses(styles.head, styles.line)}
        style={{ gridTemplateColumns: template, minHeight: Math.round((40 * textSize) / 100) }}
      >
        {props.selection && (
          // biome-ignore lint/a11y/useSemanticElements: see above
          // biome-ignore lint/a11y/useFocusableInteractive: its checkbox takes the focus
          <div role="columnheader" aria-label="Selection">
            <Checkbox
              checked={all ? true : keys?.size ? "mixed" : false}
              aria-label={`Select all ${props.rows.length}`}
              onChange={() =>
                props.selection?.onChange(all ? new Set() : new Set(props.rows.map(props.rowKey)))
              }
            />
          </div>
        )}
        {columns.map((column) => {
          const sort = props.sort?.value?.column === column.id ? props.sort.value.direction : undefined;
          return (
            // biome-ignore lint/a11y/useSemanticElements: see above
            // biome-ignore lint/a11y/useFocusableInteractive: its button takes the focus
            <div
              key={column.id}
              role="columnheader"
              aria-sort={sort}
              className={mergeClasses(styles.cell, (props.lines ?? 1) > 1 && styles.wrap)}
            >
              {column.sortBy && props.sort ? (
                <button
                  type="button"
                  className={styles.sort}
                  onClick={() =>
                    props.sort?.onChange({
                      column: column.id,
                      direction: sort === "ascending" ? "descending" : "ascending",
                    })
                  }
                >
                  {column.title}
                  {sort === "ascending" && <ArrowUpRegular aria-hidden="true" />}
                  {sort === "descending" && <ArrowDownRegular aria-hidden="true" />}
                </button>
              ) : (
                column.title
              )}
            </div>
          );
        })}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      <div role="rowgroup" style={{ height: rows.getTotalSize(), position: "relative" }}>
        {items.map((item) => {
          const row = props.rows[item.index];
          if (row === undefined) return null;
          const key = props.rowKey(row);
          const selected = keys?.has(key) ?? false;
          return (
            // biome-ignore lint/a11y/useSemanticElements: see above
            // biome-ignore lint/a11y/useKeyWithClickEvents: the grid hears the keys
            <div
              key={key}
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={props.selection ? selected : props.open === key}
              aria-label={props.rowName(row)}
              data-index={item.index}
              data-testid={props.rowTestId(row)}
              tabIndex={item.index === current ? 0 : -1}
              onFocus={() => setActive(item.index)}
              onClick={(event) => {
                if (event.shiftKey) toggle(item.index, "range");
                else if (event.ctrlKey || event.metaKey) toggle(item.index, "one");
                else props.onOpen(row);
              }}
              className={mergeClasses(
                styles.row,
                styles.line,
                (selected || props.open === key) && styles.chosen,
              )}
              style={{
                gridTemplateColumns: template,
                height: item.size,
                transform: `translateY(${item.start}px)`,
              }}
            >
              {props.selection && (
                // biome-ignore lint/a11y/useSemanticElements: see above
                // biome-ignore lint/a11y/useFocusableInteractive: its checkbox takes the focus
                // biome-ignore lint/a11y/useKeyWithClickEvents: the click is only kept from the row
                <div role="gridcell" onClick={(event) => event.stopPropagation()}>
                  <Checkbox
                    checked={selected}
                    tabIndex={-1}
                    aria-label={`Select ${props.rowName(row)}`}
                    onChange={() => toggle(item.index, "one")}
                  />
                </div>
              )}
              {columns.map((column) => (
                // biome-ignore lint/a11y/useSemanticElements: see above
                // biome-ignore lint/a11y/useFocusableInteractive: rows take the focus, not cells
                <div key={column.id} role="gridcell" className={styles.cell}>
                  {column.cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}
