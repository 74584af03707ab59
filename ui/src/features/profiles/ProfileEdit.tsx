import {
  Button,
  Field,
  Input,
  makeStyles,
  Radio,
  RadioGroup,
  Textarea,
  tokens,
} from "@fluentui/react-components";
import { useState } from "react";
import type { EndpointView, ProfileView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { asRequest } from "../../lib/profile";
import { useDo } from "../../lib/queries";
import { fromLocalInput, toLocalInput } from "../../lib/time";
import { EndpointFields } from "./EndpointFields";
import { draftOfLimits, limitOf, MOST_PER_DAY, MOST_PER_MINUTE, SendLimits, wrongLimit } from "./SendLimits";
import type { EndpointDraft, Security } from "./wizard/state";

const useStyles = makeStyles({
  form: { display: "grid", gridTemplateColumns: "minmax(0, 1fr)", gap: tokens.spacingVerticalM },
  actions: { display: "flex", gap: tokens.spacingHorizontalS },
});

const draftOf = (end: EndpointView | null): EndpointDraft => ({
  server: end?.server ?? "",
  port: String(end?.port ?? ""),
  security: (end?.security ?? "tls") as Security,
  caFile: end?.ca_file ?? "",
  trusted: end?.trusted_certificate_sha256 ?? [],
  serverTyped: true,
  securityTyped: true,
  portTyped: true,
});

/** A server that was changed is another server: what was trusted for the old one is not trusted for it. */
const endOf = (draft: EndpointDraft, before: EndpointView | null): EndpointView => ({
  server: draft.server.trim(),
  port: Number(draft.port),
  security: draft.security,
  ca_file: draft.caFile.trim() || null,
  trusted_certificate_sha256: draft.server.trim() === before?.server ? draft.trusted : [],
});

/** Changes a saved profile. */
export function ProfileEdit({ profile, onDone }: { profile: ProfileView; onDone: (name?: string) => void }) {
  const styles = useStyles();
  const save = useDo("save_profile");
  const [name, setName] = useState(profile.name);
  const [description, setDescription] = useState(profile.description);
  const [incoming, setIncoming] = useState(draftOf(profile.incoming));
  const [outgoing, setOutgoing] = useState(draftOf(profile.outgoing));
  const [using, setUsing] = useState(profile.authenticate_using);
  const [userName, setUserName] = useState(profile.user_name ?? "");
  const [password, setPassword] = useState("");
  const [from, setFrom] = useState(toLocalInput(profile.process_emails_from));
  const [connections, setConnections] = useState(String(profile.max_concurrent_connections));
  const [limits, setLimits] = useState(
    draftOfLimits(profile.send_limit_recipients_per_day, profile.send_limit_messages_per_minute),
  );
  const port = (draft: EndpointDraft) => (/^\d+$/.test(draft.port) ? undefined : "1 to 65535.");
  const bad =
    !name.trim() ||
    port(incoming) ||
    port(outgoing) ||
    !/^\d+$/.test(connections) ||
    wrongLimit(limits.perDay, MOST_PER_DAY) ||
    wrongLimit(limits.perMinute, MOST_PER_MINUTE);

  return (
    <form
      className={styles.form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (bad) return;
        const own = using === "profile";
        save.mutate(
          {
            ...asRequest(profile),
            name: name.trim(),
            description,
            incoming: endOf(incoming, profile.incoming),
            outgoing: endOf(outgoing, profile.outgoing),
            authenticate_using: using,
            user_name: own ? userName.trim() : null,
            password: own && password ? password : null,
            process_emails_from: fromLocalInput(from),
            max_concurrent_connections: Number(connections),
            send_limit_recipients_per_day: limitOf(limits.perDay),
            send_limit_messages_per_minute: limitOf(limits.perMinute),
          },
          { onSuccess: (saved) => onDone(saved.name) },
        );
      }}
    >
      <Field label="Name" required validationMessage={name.trim() ? undefined : "Give the profile a name."}>
        <Input value={name} maxLength={100} onChange={(_, d) => setName(d.value)} />
      </Field>
      <Field label="Description">
        <Textarea value={description} onChange={(_, d) => setDescription(d.value)} />
      </Field>
      <EndpointFields
        end="incoming"
        serverType={profile.server_type}
        value={incoming}
        onChange={(change) => setIncoming({ ...incoming, ...change })}
        wrong={{ port: port(incoming) }}
      />
      <EndpointFields
        end="outgoing"
        serverType={profile.server_type}
        value={outgoing}
        onChange={(change) => setOutgoing({ ...outgoing, ...change })}
        wrong={{ port: port(outgoing) }}
      />
      {incoming.trusted.length + outgoing.trusted.length > 0 && (
        <Button
          type="button"
          onClick={() => {
            setIncoming({ ...incoming, trusted: [] });
            setOutgoing({ ...outgoing, trusted: [] });
          }}
        >
          Trust no certificate by fingerprint any more
        </Button>
      )}
      <Field label="How does Tandem sign in?">
        <RadioGroup value={using} onChange={(_, d) => setUsing(d.value)}>
          <Radio value="user_or_queue" label="Each mailbox has its own user name and password" />
          <Radio value="profile" label="One account opens all mailboxes of this profile" />
        </RadioGroup>
      </Field>
      {using === "profile" && (
        <>
          <Field label="User name">
            <Input value={userName} onChange={(_, d) => setUserName(d.value)} />
          </Field>
          <Field
            label="Password"
            hint={profile.password_set ? "A password is stored. Leave this empty to keep it." : undefined}
          >
            <Input type="password" value={password} onChange={(_, d) => setPassword(d.value)} />
          </Field>
        </>
      )}
      <Field label="Process emails from" hint="The later of this and the mailbox's own date decides.">
        <Input type="datetime-local" value={from} onChange={(_, d) => setFrom(d.value)} />
      </Field>
      <Field label="Connections at the same time" hint="1 to 300">
        <Input
          type="number"
          min={1}
          max={300}
          value={connections}
          onChange={(_, d) => setConnections(d.value)}
        />
      </Field>
      <SendLimits value={limits} onChange={setLimits} />
      {save.error && <ErrorPanel error={save.error} />}
      <div className={styles.actions}>
        <Button type="submit" appearance="primary" disabled={save.isPending || Boolean(bad)}>
          Save profile
        </Button>
        <Button type="button" onClick={() => onDone()}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
