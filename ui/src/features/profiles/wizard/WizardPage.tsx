import { Button, makeStyles, mergeClasses, Text, tokens } from "@fluentui/react-components";
import { CheckmarkCircleFilled } from "@fluentui/react-icons";
import { useBlocker, useNavigate } from "@tanstack/react-router";
import { type ReactElement, useEffect, useReducer, useRef, useState } from "react";
import { Confirm } from "../../../components/Confirm";
import { ErrorPanel } from "../../../components/ErrorPanel";
import { Page } from "../../../components/Page";
import { useDo } from "../../../lib/queries";
import { testIds } from "../../../lib/testids";
import { count } from "../../../lib/words";
import { CredentialsStep } from "./CredentialsStep";
import { DoneStep } from "./DoneStep";
import { MailboxesStep } from "./MailboxesStep";
import { ServersStep } from "./ServersStep";
import { SummaryStep } from "./SummaryStep";
import {
  errorsOf,
  finishLabel,
  isDirty,
  mailboxOf,
  profileOf,
  reduce,
  START,
  STEPS,
  type Step,
} from "./state";
import type { StepProps } from "./step";
import { TryStep } from "./TryStep";
import { TypeStep } from "./TypeStep";

const TITLES: Record<Step, string> = {
  type: "Kind of server",
  servers: "Servers",
  credentials: "Credentials",
  try: "Try it",
  mailboxes: "Mailboxes",
  summary: "Summary",
};

const VIEWS: Record<Step, (props: StepProps) => ReactElement> = {
  type: TypeStep,
  servers: ServersStep,
  credentials: CredentialsStep,
  try: TryStep,
  mailboxes: MailboxesStep,
  summary: SummaryStep,
};

const useStyles = makeStyles({
  steps: {
    listStyle: "none",
    display: "flex",
    flexWrap: "wrap",
    gap: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalXS}`,
    margin: 0,
    padding: 0,
  },
  step: { minHeight: "32px" },
  here: { fontWeight: tokens.fontWeightSemibold, color: tokens.colorBrandForeground1 },
  body: { display: "grid", gap: tokens.spacingVerticalL, maxWidth: "860px", width: "100%" },
  title: { margin: 0, outlineStyle: "none" },
  foot: {
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalS,
    paddingTop: tokens.spacingVerticalL,
    borderTop: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  grow: { flex: 1 },
});

/** The profile wizard. Nothing is written before its last step. */
export function WizardPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const [state, change] = useReducer(reduce, START);
  const saveProfile = useDo("save_profile");
  const saveMailbox = useDo("save_mailbox");
  const [written, setWritten] = useState<string[] | null>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const done = useRef<{ profileId: string | null; mailboxes: Set<number> }>({
    profileId: null,
    mailboxes: new Set(),
  });
  const title = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  const blocker = useBlocker({
    shouldBlockFn: () => isDirty(state) && written === null,
    enableBeforeUnload: false,
    withResolver: true,
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new step is announced by its title
  useEffect(() => {
    if (first.current) first.current = false;
    else title.current?.focus();
  }, [state.step]);

  const wrong = state.showErrors ? errorsOf(state, state.step) : {};
  const at = STEPS.indexOf(state.step);
  const View = VIEWS[state.step];

  const finish = async () => {
    setBusy(true);
    setFailure(null);
    try {
      // A second press after a failure goes on where the first one stopped.
      const profile = await saveProfile.mutateAsync({ ...profileOf(state), id: done.current.profileId });
      done.current.profileId = profile.id;
      for (const draft of state.mailboxes) {
        if (done.current.mailboxes.has(draft.key)) continue;
        await saveMailbox.mutateAsync(mailboxOf(state, draft));
        done.current.mailboxes.add(draft.key);
      }
      setWritten(state.mailboxes.map((m) => m.email.trim()));
    } catch (thrown) {
      setFailure(thrown);
    } finally {
      setBusy(false);
    }
  };

  if (written)
    return (
      <Page title="New profile">
        <DoneStep profile={state.name} addresses={written} />
      </Page>
    );

  return (
    <Page title="New profile" description="Nothing is written before the last step.">
      <nav aria-label="Steps">
        <ol className={styles.steps}>
          {STEPS.map((step, index) => (
            <li key={step}>
              <Button
                appearance="subtle"
                size="small"
                className={mergeClasses(styles.step, step === state.step && styles.here)}
                aria-current={step === state.step ? "step" : undefined}
                disabled={index > state.furthest}
                icon={index < at ? <CheckmarkCircleFilled /> : undefined}
                onClick={() => change({ type: "go", step })}
              >
                {index + 1}. {TITLES[step]}
              </Button>
            </li>
          ))}
        </ol>
      </nav>
      <form
        className={styles.body}
        noValidate
        data-testid={testIds.wizard}
        data-step={state.step}
        onSubmit={(event) => {
          event.preventDefault();
          if (state.step === "summary") void finish();
          else change({ type: "next", now: Date.now() });
        }}
      >
        <Text
          as="h2"
          size={500}
          weight="semibold"
          className={styles.title}
          ref={title}
          tabIndex={-1}
          data-testid={testIds.wizardStep(state.step)}
        >
          {TITLES[state.step]} ({at + 1} of {STEPS.length})
        </Text>
        <View state={state} change={change} wrong={wrong} />
        {failure !== null && <ErrorPanel error={failure} />}
        {failure !== null && done.current.profileId && (
          <span>
            The profile and {count(done.current.mailboxes.size, "mailbox", "mailboxes")} of{" "}
            {state.mailboxes.length} are written. Correct what is wrong and press the button again: it goes on
            from there.
          </span>
        )}
        <div className={styles.foot}>
          {at > 0 && (
            <Button onClick={() => change({ type: "back" })} data-testid={testIds.wizardBack}>
              Back
            </Button>
          )}
          <Button
            type="submit"
            appearance="primary"
            disabled={busy}
            data-testid={state.step === "summary" ? testIds.wizardFinish : testIds.wizardNext}
          >
            {state.step === "summary" ? (busy ? "Creating…" : finishLabel(state)) : "Next"}
          </Button>
          <span className={styles.grow} />
          <Button
            appearance="subtle"
            onClick={() => void navigate({ to: "/profiles" })}
            data-testid={testIds.wizardCancel}
          >
            Cancel
          </Button>
        </div>
      </form>
      {blocker.status === "blocked" && (
        <Confirm
          title="Leave without creating the profile?"
          no="Stay here"
          yes="Leave and discard"
          onNo={blocker.reset}
          onYes={blocker.proceed}
        >
          What you typed is lost. Nothing was written.
        </Confirm>
      )}
    </Page>
  );
}
