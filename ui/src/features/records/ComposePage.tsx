import { Button, Field, Input, makeStyles, Select, Textarea, tokens } from "@fluentui/react-components";
import { AttachRegular, DismissRegular, SendRegular } from "@fluentui/react-icons";
import { useBlocker, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Confirm } from "../../components/Confirm";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Loading, Page } from "../../components/Page";
import { backend } from "../../lib/backend";
import { useAction, useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { exact } from "../../lib/time";
import { type Draft, EMPTY, errorsOf, fileName, replyTo, requestOf } from "./draft";

const useStyles = makeStyles({
  form: {
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalM,
    maxWidth: "900px",
    flex: 1,
    width: "100%",
  },
  text: { minHeight: "300px", maxHeight: "none" },
  files: {
    listStyle: "none",
    margin: 0,
    padding: 0,
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalS,
  },
  file: {
    display: "flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalXS,
    paddingLeft: tokens.spacingHorizontalS,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusMedium,
  },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
});

/** Writes a new email or a reply, and queues it for sending. */
export function ComposePage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const search = useSearch({ from: "/records/new" });
  const mailboxes = useAction("mailboxes", {});
  const original = useAction("email", { id: search.reply ?? "" }, { enabled: Boolean(search.reply) });
  const send = useDo("send_email");
  const [draft, setDraft] = useState<Draft>({ ...EMPTY, from: search.from ?? "" });
  const [start, setStart] = useState<Draft>({ ...EMPTY, from: search.from ?? "" });
  const [tried, setTried] = useState(false);
  const [copies, setCopies] = useState(false);
  const filled = useRef(false);
  const sent = useRef(false);

  useEffect(() => {
    if (filled.current || !original.data) return;
    filled.current = true;
    const email = original.data;
    const made = replyTo(email, exact(email.sent_on ?? email.received_on ?? ""));
    setDraft(made);
    setStart(made);
  }, [original.data]);

  const senders = (mailboxes.data ?? []).filter((m) => m.workloads.outgoing.method === "server_side_sync");
  const from = draft.from || (senders.length === 1 ? (senders[0]?.email ?? "") : "");
  const complete = { ...draft, from };
  const wrong = tried ? errorsOf(complete) : {};
  const sender = senders.find((m) => m.email === from);
  const dirty = JSON.stringify(draft) !== JSON.stringify(start);
  const blocker = useBlocker({
    shouldBlockFn: () => dirty && !sent.current,
    enableBeforeUnload: false,
    withResolver: true,
  });
  const set = (change: Partial<Draft>) => setDraft((before) => ({ ...before, ...change }));

  const submit = () => {
    setTried(true);
    if (Object.keys(errorsOf(complete)).length > 0) return;
    send.mutate(requestOf(complete, search.reply ? (original.data ?? null) : null), {
      onSuccess: (row) => {
        sent.current = true;
        void navigate({ to: "/records", search: { open: row.id } });
      },
    });
  };

  return (
    <Page
      title={search.reply ? "Reply" : "New email"}
      description="It is queued as pending send and sent with the mailbox's next cycle."
    >
      {search.reply && original.isPending && <Loading what="the email" />}
      {original.error && <ErrorPanel error={original.error} onRetry={() => void original.refetch()} />}
      {(!search.reply || original.data) && (
        <form
          className={styles.form}
          noValidate
          data-testid={testIds.composer}
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          <Field
            label="From"
            required
            validationMessage={wrong.from}
            hint={
              sender && !sender.workloads.outgoing.enabled
                ? "Outgoing mail of this mailbox is not enabled: the email waits until it is."
                : undefined
            }
          >
            <Select
              value={from}
              onChange={(_, d) => set({ from: d.value })}
              data-testid={testIds.composerField("from")}
            >
              <option value="">Choose a mailbox</option>
              {senders.map((m) => (
                <option key={m.id} value={m.email}>
                  {m.owner.name} ({m.email})
                </option>
              ))}
            </Select>
          </Field>
          <Field
            label="To"
            required
            validationMessage={wrong.to}
            hint="Addresses, or names with addresses, separated by commas."
          >
            <Input
              value={draft.to}
              onChange={(_, d) => set({ to: d.value })}
              data-testid={testIds.composerField("to")}
            />
          </Field>
          {copies || draft.cc || draft.bcc ? (
            <>
              <Field label="Cc" validationMessage={wrong.cc}>
                <Input
                  value={draft.cc}
                  onChange={(_, d) => set({ cc: d.value })}
                  data-testid={testIds.composerField("cc")}
                />
              </Field>
              <Field label="Bcc" validationMessage={wrong.bcc}>
                <Input
                  value={draft.bcc}
                  onChange={(_, d) => set({ bcc: d.value })}
                  data-testid={testIds.composerField("bcc")}
                />
              </Field>
            </>
          ) : (
            <div className={styles.actions}>
              <Button
                size="small"
                appearance="subtle"
                onClick={() => setCopies(true)}
                data-testid={testIds.composerField("copies")}
              >
                Add Cc and Bcc
              </Button>
            </div>
          )}
          <Field label="Subject">
            <Input
              value={draft.subject}
              onChange={(_, d) => set({ subject: d.value })}
              data-testid={testIds.composerField("subject")}
            />
          </Field>
          <Field label="Text">
            <Textarea
              resize="vertical"
              textarea={{ className: styles.text }}
              value={draft.body}
              onChange={(_, d) => set({ body: d.value })}
              data-testid={testIds.composerField("body")}
            />
          </Field>
          {draft.attachments.length > 0 && (
            <ul className={styles.files} aria-label="Attachments">
              {draft.attachments.map((path) => (
                <li key={path} className={styles.file}>
                  <AttachRegular aria-hidden="true" />
                  <span title={path}>{fileName(path)}</span>
                  <Button
                    appearance="subtle"
                    size="small"
                    icon={<DismissRegular />}
                    aria-label={`Remove ${fileName(path)}`}
                    onClick={() => set({ attachments: draft.attachments.filter((p) => p !== path) })}
                  />
                </li>
              ))}
            </ul>
          )}
          {send.error && <ErrorPanel error={send.error} />}
          <div className={styles.actions}>
            <Button
              type="submit"
              appearance="primary"
              icon={<SendRegular />}
              disabled={send.isPending}
              data-testid={testIds.composerSend}
            >
              {send.isPending ? "Queueing…" : "Send"}
            </Button>
            <Button
              icon={<AttachRegular />}
              onClick={() =>
                void backend()
                  .chooseFiles("Attach files", [], "several")
                  .then((files) => set({ attachments: [...new Set([...draft.attachments, ...files])] }))
              }
              data-testid={testIds.composerAttach}
            >
              Attach files
            </Button>
            <Button appearance="subtle" onClick={() => void navigate({ to: "/records" })}>
              Cancel
            </Button>
          </div>
        </form>
      )}
      {blocker.status === "blocked" && (
        <Confirm
          title="Discard this email?"
          no="Go on writing"
          yes="Discard"
          onNo={blocker.reset}
          onYes={blocker.proceed}
        >
          What you wrote is lost; nothing was sent.
        </Confirm>
      )}
    </Page>
  );
}
