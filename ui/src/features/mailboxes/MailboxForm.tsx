import { Button, Checkbox, Field, Input, makeStyles, Select, tokens } from "@fluentui/react-components";
import { useState } from "react";
import type { MailboxView, SaveMailboxRequest } from "../../bindings";
import { Confirm } from "../../components/Confirm";
import { ErrorPanel } from "../../components/ErrorPanel";
import { call } from "../../lib/backend";
import { toApiError } from "../../lib/errors";
import { useAction, useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { fromLocalInput, toLocalInput } from "../../lib/time";
import { wordsOf } from "../../lib/words";
import { Breaks } from "./RemapDialog";

const useStyles = makeStyles({
  form: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingVerticalM,
  },
  pair: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(180px, 100%), 1fr))",
    gap: tokens.spacingHorizontalM,
    alignItems: "start",
  },
  actions: { display: "flex", gap: tokens.spacingHorizontalS },
});

const DAY = 86_400_000;

/** Adds or changes a mailbox. An address that another owner has is asked about first. */
export function MailboxForm(props: {
  mailbox: MailboxView | null;
  others: MailboxView[];
  onDone: (saved?: MailboxView) => void;
}) {
  const styles = useStyles();
  const before = props.mailbox;
  const profiles = useAction("profiles", {});
  const save = useDo("save_mailbox");
  const [email, setEmail] = useState(before?.email ?? "");
  const [ownerType, setOwnerType] = useState(before?.owner.type ?? "user");
  const [ownerName, setOwnerName] = useState(before?.owner.name ?? "");
  const [filter, setFilter] = useState(before?.incoming_filter ?? "all");
  const [profile, setProfile] = useState(before?.profile ?? "");
  const [incoming, setIncoming] = useState(before?.workloads.incoming.method ?? "server_side_sync");
  const [outgoing, setOutgoing] = useState(before?.workloads.outgoing.method ?? "server_side_sync");
  const [userName, setUserName] = useState(before?.user_name ?? "");
  const [password, setPassword] = useState("");
  const [from, setFrom] = useState(
    before
      ? toLocalInput(before.process_emails_from)
      : toLocalInput(new Date(Date.now() - DAY).toISOString()),
  );
  const [deleteAfter, setDeleteAfter] = useState(before?.delete_after_processing ?? false);
  const [tried, setTried] = useState(false);
  const [breaks, setBreaks] = useState<string[] | null>(null);
  const [failure, setFailure] = useState<unknown>(null);

  const chosenProfile = profile || profiles.data?.[0]?.name || "";
  const own = profiles.data?.find((p) => p.name === chosenProfile)?.authenticate_using === "user_or_queue";
  const wrong = {
    email: /^[^\s@]+@[^\s@]+$/.test(email.trim()) ? undefined : "Enter an address such as amy@contoso.com.",
    owner: ownerName.trim() ? undefined : "Whose mailbox is it?",
    profile: chosenProfile ? undefined : "Create a profile first.",
  };
  const request: SaveMailboxRequest = {
    id: before?.id ?? null,
    email: email.trim(),
    owner_type: ownerType,
    owner_name: ownerName.trim(),
    incoming_filter: filter,
    profile: chosenProfile,
    incoming,
    outgoing,
    user_name: own ? userName.trim() || email.trim() : userName.trim() || null,
    password: password || null,
    process_emails_from: fromLocalInput(from),
    delete_after_processing: ownerType === "queue" && deleteAfter,
    confirm_remap: false,
  };

  const write = (confirm: "ask" | "confirmed") =>
    save.mutateAsync({ ...request, confirm_remap: confirm === "confirmed" }).then(props.onDone);

  const submit = async () => {
    setTried(true);
    setFailure(null);
    if (wrong.email || wrong.owner || wrong.profile) return;
    const taken = props.others.find(
      (m) =>
        m.email.toLowerCase() === email.trim().toLowerCase() &&
        (m.id !== before?.id || m.owner.name !== ownerName.trim() || m.owner.type !== ownerType),
    );
    try {
      if (taken) {
        const told = await call("remap_mailbox", {
          address: taken.email,
          to: ownerName.trim(),
          confirm: false,
        });
        setBreaks(told.breaks);
        return;
      }
      await write("ask");
    } catch (thrown) {
      const error = toApiError(thrown);
      if (/remap|owner_has_mailbox|address_taken/.test(error.code)) setBreaks([error.message]);
      else setFailure(thrown);
    }
  };

  return (
    <form
      className={styles.form}
      noValidate
      data-testid={testIds.mailboxForm}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Field label="Address" required validationMessage={tried ? wrong.email : undefined}>
        <Input
          type="email"
          value={email}
          onChange={(_, d) => setEmail(d.value)}
          data-testid={testIds.mailboxFormField("email")}
        />
      </Field>
      <div className={styles.pair}>
        <Field label="Owner" required validationMessage={tried ? wrong.owner : undefined}>
          <Input
            value={ownerName}
            onChange={(_, d) => setOwnerName(d.value)}
            data-testid={testIds.mailboxFormField("owner")}
          />
        </Field>
        <Field label="Kind of owner">
          <Select
            value={ownerType}
            onChange={(_, d) => setOwnerType(d.value)}
            data-testid={testIds.mailboxFormField("owner-type")}
          >
            <option value="user">User (a person)</option>
            <option value="queue">Queue (a shared mailbox)</option>
          </Select>
        </Field>
      </div>
      <Field label="Profile" required validationMessage={tried ? wrong.profile : undefined}>
        <Select
          value={chosenProfile}
          onChange={(_, d) => setProfile(d.value)}
          data-testid={testIds.mailboxFormField("profile")}
        >
          {profiles.data?.map((p) => (
            <option key={p.id} value={p.name}>
              {p.name}
            </option>
          ))}
        </Select>
      </Field>
      <div className={styles.pair}>
        <Field
          label="User name at the server"
          hint={own ? "Empty means the address." : "Only where the profile asks for it."}
        >
          <Input
            value={userName}
            onChange={(_, d) => setUserName(d.value)}
            data-testid={testIds.mailboxFormField("user-name")}
          />
        </Field>
        <Field
          label="Password"
          hint={before?.password_set ? "A password is stored. Leave this empty to keep it." : undefined}
        >
          <Input
            type="password"
            value={password}
            onChange={(_, d) => setPassword(d.value)}
            data-testid={testIds.mailboxFormField("password")}
          />
        </Field>
      </div>
      <div className={styles.pair}>
        <Field label="Incoming mail">
          <Select value={incoming} onChange={(_, d) => setIncoming(d.value)}>
            <option value="server_side_sync">Server-side synchronization</option>
            <option value="none">None</option>
          </Select>
        </Field>
        <Field label="Outgoing mail">
          <Select value={outgoing} onChange={(_, d) => setOutgoing(d.value)}>
            <option value="server_side_sync">Server-side synchronization</option>
            <option value="none">None</option>
          </Select>
        </Field>
      </div>
      <Field label="Which mail becomes a record">
        <Select
          value={filter}
          onChange={(_, d) => setFilter(d.value)}
          data-testid={testIds.mailboxFormField("filter")}
        >
          {wordsOf("filter").map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
      </Field>
      <Field label="Process emails from" hint="Mail received before is not looked at.">
        <Input
          type="datetime-local"
          value={from}
          onChange={(_, d) => setFrom(d.value)}
          data-testid={testIds.mailboxFormField("from")}
        />
      </Field>
      {ownerType === "queue" && (
        <Checkbox
          checked={deleteAfter}
          onChange={(_, d) => setDeleteAfter(d.checked === true)}
          label="Delete emails from the server after they are recorded"
        />
      )}
      {failure !== null && <ErrorPanel error={failure} />}
      <div className={styles.actions}>
        <Button
          type="submit"
          appearance="primary"
          disabled={save.isPending}
          data-testid={testIds.mailboxFormSave}
        >
          {before ? "Save mailbox" : "Add mailbox"}
        </Button>
        <Button type="button" onClick={() => props.onDone()}>
          Cancel
        </Button>
      </div>
      {breaks && (
        <Confirm
          title={`${email.trim()} belongs to another owner`}
          no="Leave it as it is"
          yes={`Move it to ${ownerName.trim()}`}
          busy={save.isPending}
          yesTestId={testIds.remapConfirm}
          onNo={() => setBreaks(null)}
          onYes={() => {
            setBreaks(null);
            void write("confirmed").catch(setFailure);
          }}
        >
          <Breaks breaks={breaks} />
        </Confirm>
      )}
    </form>
  );
}
