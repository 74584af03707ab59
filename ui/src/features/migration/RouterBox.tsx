import {
  Button,
  Field,
  Input,
  type InputProps,
  MessageBar,
  MessageBarBody,
  makeStyles,
  mergeClasses,
  tokens,
} from "@fluentui/react-components";
import { DeleteRegular, DismissRegular, FolderOpenRegular } from "@fluentui/react-icons";
import { type Dispatch, useState } from "react";
import type { RouterFileProblem, RouterSlotView } from "../../bindings";
import { backend } from "../../lib/backend";
import { pathTyped } from "../../lib/files";
import { testIds } from "../../lib/testids";
import { bytes } from "../../lib/time";
import { type Change, FILE_NAMES, isReading, type RouterDraft, SLOTS, type Slot, type Wizard } from "./state";
import { useWizardStyles } from "./styles";

const XML = [{ name: "XML files", extensions: ["xml"] }];

const useStyles = makeStyles({
  aimed: { outline: `2px dashed ${tokens.colorBrandStroke1}`, outlineOffset: "-2px" },
  head: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  legend: {
    fontSize: tokens.fontSizeBase400,
    fontWeight: tokens.fontWeightSemibold,
    paddingInline: tokens.spacingHorizontalXS,
  },
  choose: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalXS },
  path: { flex: "1 1 16rem", minWidth: 0 },
});

/** One router: its number, and its three files in their order. */
export function RouterBox(props: {
  router: RouterDraft;
  number: number;
  state: Wizard;
  loose: RouterFileProblem[];
  aimed: boolean;
  change: Dispatch<Change>;
}) {
  const styles = useStyles();
  const shared = useWizardStyles();
  const { router, number, state, change } = props;
  const seen = state.view?.routers.find((one) => one.number === number);
  const title = `Email Router ${number}`;

  const browse = async (slot: Slot) => {
    const [path] = await backend().chooseFiles(`${title}: ${FILE_NAMES[slot]}`, XML, "one");
    if (path) change({ type: "choose", router: number, slot, path });
  };
  const folder = async () => {
    const path = await backend().chooseFolder(`${title}: folder with its three files`);
    if (path) change({ type: "drop", router: number, paths: [path] });
  };
  return (
    <fieldset
      className={mergeClasses(shared.card, props.aimed && styles.aimed)}
      data-router={number}
      data-testid={testIds.migrationRouter(number)}
    >
      <legend className={styles.legend}>{title}</legend>
      {SLOTS.map((slot) => (
        <FileField
          key={slot}
          title={title}
          number={number}
          slot={slot}
          path={router.files[slot]}
          seen={seen?.slots.find((one) => one.slot === slot)}
          looking={isReading(state)}
          gap={state.showErrors && SLOTS.some((other) => router.files[other] !== null)}
          onBrowse={() => void browse(slot)}
          onTyped={(path) => change({ type: "choose", router: number, slot, path })}
          onClear={() => change({ type: "clear", router: number, slot })}
        />
      ))}
      {router.moved.length > 0 && (
        <MessageBar intent="info" layout="multiline" role="status">
          <MessageBarBody>Put right: {router.moved.join(" ")}</MessageBarBody>
        </MessageBar>
      )}
      <Field
        label={`Or the folder of ${title}, with all three`}
        validationState={props.loose.length > 0 ? "error" : "none"}
        validationMessage={
          props.loose.map((one) => `${one.message} ${one.remedy} (${one.code})`).join(" ") || undefined
        }
      >
        {(field) => (
          <div className={styles.choose}>
            <TypedPath
              {...field}
              className={styles.path}
              path={null}
              placeholder="Type or paste its path, or drop the folder or its files here"
              onTyped={(path) => change({ type: "drop", router: number, paths: [path] })}
              data-testid={testIds.migrationFolderPath(number)}
            />
            <Button
              icon={<FolderOpenRegular />}
              aria-label={`Choose the folder of ${title}`}
              onClick={() => void folder()}
              data-testid={testIds.migrationFolder(number)}
            >
              Choose…
            </Button>
          </div>
        )}
      </Field>
      <div className={styles.head}>
        <span className={shared.quiet} aria-live="polite">
          {seen?.complete &&
            `${seen.providers?.toLocaleString()} providers, ${seen.state_entries?.toLocaleString()} state entries`}
        </span>
        <span className={shared.grow} />
        {state.routers.length > 1 && (
          <Button
            appearance="subtle"
            icon={<DeleteRegular />}
            aria-label={`Remove ${title}`}
            onClick={() => change({ type: "removeRouter", router: number })}
            data-testid={testIds.migrationRemoveRouter(number)}
          >
            Remove
          </Button>
        )}
      </div>
    </fieldset>
  );
}

/** A path that can be typed or pasted; taken with Enter, or when the field is left. */
function TypedPath(props: InputProps & { path: string | null; onTyped: (path: string) => void }) {
  const { path, onTyped, ...rest } = props;
  const [typed, setTyped] = useState<string | null>(null);
  const take = () => {
    const wanted = pathTyped(typed ?? "");
    setTyped(null);
    if (wanted && wanted !== path) onTyped(wanted);
  };
  return (
    <Input
      {...rest}
      spellCheck={false}
      value={typed ?? path ?? ""}
      title={path ?? undefined}
      onChange={(_, d) => setTyped(d.value)}
      onBlur={take}
      onKeyDown={(event) => {
        if (event.key === "Escape") setTyped(null);
        if (event.key !== "Enter" || typed === null) return;
        // Enter takes the path; it does not go on to the next page as well.
        event.preventDefault();
        take();
      }}
    />
  );
}

function FileField(props: {
  title: string;
  number: number;
  slot: Slot;
  path: string | null;
  seen: RouterSlotView | undefined;
  looking: boolean;
  gap: boolean;
  onBrowse: () => void;
  onTyped: (path: string) => void;
  onClear: () => void;
}) {
  const styles = useStyles();
  const { path, slot, number } = props;
  const seen = props.seen?.path === path ? props.seen : undefined;
  const problem = path ? seen?.problem : null;
  const name = FILE_NAMES[slot];
  const said = problem
    ? `${problem.message} ${problem.remedy} (${problem.code})`
    : !path && props.gap
      ? `${name} is not chosen yet.`
      : path && seen?.bytes != null
        ? bytes(seen.bytes)
        : path && props.looking
          ? "Reading…"
          : undefined;
  return (
    <Field
      label={name}
      validationState={problem || (!path && props.gap) ? "error" : path && seen ? "success" : "none"}
      validationMessage={said}
    >
      {(field) => (
        <div className={styles.choose}>
          <TypedPath
            {...field}
            className={styles.path}
            path={path}
            placeholder="No file chosen: browse for it, or type or paste its path"
            onTyped={props.onTyped}
            data-testid={testIds.migrationFile(number, slot)}
          />
          <Button
            aria-label={`Browse for ${name} of ${props.title}`}
            onClick={props.onBrowse}
            data-testid={testIds.migrationBrowse(number, slot)}
          >
            Browse…
          </Button>
          {path && (
            <Button
              appearance="subtle"
              icon={<DismissRegular />}
              aria-label={`Take ${name} of ${props.title} out`}
              onClick={props.onClear}
            />
          )}
        </div>
      )}
    </Field>
  );
}
