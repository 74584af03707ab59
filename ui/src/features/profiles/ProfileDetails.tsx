import { Button, makeStyles, Subtitle2, Text, tokens } from "@fluentui/react-components";
import { BeakerRegular, EditRegular, PlayRegular } from "@fluentui/react-icons";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { EndpointView, ProfileView } from "../../bindings";
import { CertificatePanel } from "../../components/CertificatePanel";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Facts } from "../../components/Facts";
import { asLive, Ladder } from "../../components/Ladder";
import { SidePanel } from "../../components/SidePanel";
import { StatusLabel } from "../../components/StatusLabel";
import { TestPlanDialog } from "../../components/TestPlanDialog";
import { forgetLadders, useLive } from "../../lib/live";
import { asRequest, trusting } from "../../lib/profile";
import { useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { exact } from "../../lib/time";
import { count, word } from "../../lib/words";
import { ProfileAlerts } from "./ProfileAlerts";
import { ProfileEdit } from "./ProfileEdit";

const useStyles = makeStyles({
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  title: { margin: 0 },
});

/** Everything about one profile, and the ladder of its servers. */
export function ProfileDetails(props: {
  profile: ProfileView;
  onClose: () => void;
  onRenamed: (name: string) => void;
}) {
  const styles = useStyles();
  const { profile } = props;
  const navigate = useNavigate();
  const probe = useDo("probe_profile");
  const save = useDo("save_profile");
  const live = useLive();
  const [editing, setEditing] = useState(false);
  const [testing, setTesting] = useState(false);
  const ladders = probe.isPending ? (live.ladders.get(profile.name) ?? []) : asLive(probe.data ?? []);
  const refused = ladders.flatMap((l) => l.rungs).find((rung) => rung.error?.certificate)?.error?.certificate;

  const climb = () => {
    forgetLadders([profile.name]);
    probe.mutate({ name: profile.name });
  };

  if (editing)
    return (
      <SidePanel
        title={`Edit ${profile.name}`}
        testId={testIds.profileDetails}
        onClose={() => setEditing(false)}
      >
        <ProfileEdit
          profile={profile}
          onDone={(name) => {
            setEditing(false);
            if (name && name !== profile.name) props.onRenamed(name);
          }}
        />
      </SidePanel>
    );

  return (
    <SidePanel title={profile.name} testId={testIds.profileDetails} onClose={props.onClose}>
      <div className={styles.actions}>
        <Button
          icon={<PlayRegular />}
          onClick={climb}
          disabled={probe.isPending}
          data-testid={testIds.profileProbe}
        >
          {probe.isPending ? "Trying…" : "Try the servers"}
        </Button>
        <Button icon={<EditRegular />} onClick={() => setEditing(true)} data-testid={testIds.profileEdit}>
          Edit
        </Button>
        <Button onClick={() => void navigate({ to: "/mailboxes", search: { q: profile.name } })}>
          {count(profile.mailboxes, "mailbox", "mailboxes")}
        </Button>
        {profile.mailboxes > 0 && (
          <Button
            icon={<BeakerRegular />}
            onClick={() => setTesting(true)}
            data-testid={testIds.profileTestEnable}
          >
            Test & enable {count(profile.mailboxes, "mailbox", "mailboxes")}
          </Button>
        )}
      </div>
      {testing && (
        <TestPlanDialog
          request={{ profile: profile.name }}
          onClose={() => setTesting(false)}
          onStarted={(job) => void navigate({ to: "/mailboxes/tests", search: { job: job.progress.id } })}
        />
      )}
      {(probe.error ?? save.error) && <ErrorPanel error={probe.error ?? save.error} />}
      {refused && (
        <CertificatePanel
          certificate={refused}
          busy={save.isPending}
          onTrust={(sha256) => save.mutate(trusting(profile, refused.host, sha256), { onSuccess: climb })}
        />
      )}
      {ladders.map((l) => (
        <Ladder key={l.workload} workload={l.workload} rungs={l.rungs} result={l.result} />
      ))}
      <Facts
        facts={[
          ["Status", <StatusLabel key="s" status={profile.status} />],
          ["Processed", profile.active ? "Yes" : "No, the profile is not active"],
          ["Kind", word("serverType", profile.server_type)],
          ["Description", profile.description || null],
          ["Incoming", profile.incoming && endpoint(profile.incoming)],
          ["Outgoing", profile.outgoing && endpoint(profile.outgoing)],
          ["Signing in", word("authentication", profile.authenticate_using)],
          ["User name", profile.user_name],
          [
            "Password",
            profile.authenticate_using === "profile" ? (profile.password_set ? "Stored" : "Missing") : null,
          ],
          [
            "Emails from",
            profile.process_emails_from ? exact(profile.process_emails_from) : "The mailbox decides",
          ],
          ["Why", profile.why || null],
          ["Since", profile.since ? exact(profile.since) : null],
          ["Sending limits", limits(profile)],
          ["Connections", `At most ${profile.max_concurrent_connections} at the same time`],
        ]}
      />
      <Subtitle2 as="h3" className={styles.title}>
        Trusted certificates
      </Subtitle2>
      <Text>
        {trusted(profile) === 0
          ? "None by fingerprint: certificates are checked against this computer's authorities and the CA file."
          : `${count(trusted(profile), "certificate")} trusted by fingerprint. Edit the profile to end that.`}
      </Text>
      <ProfileAlerts profile={profile.name} />
    </SidePanel>
  );
}

const limits = (p: ProfileView) => {
  const parts = [
    p.send_limit_recipients_per_day === null ? null : `${p.send_limit_recipients_per_day} recipients a day`,
    p.send_limit_messages_per_minute === null
      ? null
      : `${p.send_limit_messages_per_minute} messages a minute`,
  ].filter(Boolean);
  return parts.length ? `${parts.join(", ")}, for each account that sends` : "None";
};

const endpoint = (e: EndpointView) =>
  `${e.server}, port ${e.port}, ${word("security", e.security)}${e.ca_file ? `, CA file ${e.ca_file}` : ""}`;

const trusted = (p: ProfileView) =>
  (asRequest(p).incoming.trusted_certificate_sha256?.length ?? 0) +
  (asRequest(p).outgoing.trusted_certificate_sha256?.length ?? 0);
