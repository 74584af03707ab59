import {
  Field,
  MessageBar,
  MessageBarBody,
  Radio,
  RadioGroup,
  Select,
  Text,
} from "@fluentui/react-components";
import type { MigrationMailboxChoice, MigrationMailboxView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Facts } from "../../components/Facts";
import { SidePanel } from "../../components/SidePanel";
import { useAction } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { exact } from "../../lib/time";
import { word } from "../../lib/words";
import { choice, ownersOf } from "./decide";
import { useDoPlan } from "./plan";

/** One mailbox of the plan: what to know, and what to decide: create its owner, match one, or leave it. */
export function MailboxPanel({ mailbox, onClose }: { mailbox: MigrationMailboxView; onClose: () => void }) {
  const decide = useDoPlan("decide_migration");
  const here = useAction("mailboxes", {});
  const set = (change: Omit<MigrationMailboxChoice, "mailbox">) =>
    void decide.run({ mailboxes: [choice(mailbox, change)] });
  const found = mailbox.found;
  const also = found ? { type: found.kind, id: found.id, name: found.name } : null;
  const owners = ownersOf(here.data ?? [], also);
  const owner = mailbox.owner?.id ?? found?.id ?? "";
  return (
    <SidePanel
      title={mailbox.address ?? "A mailbox without an address"}
      testId={testIds.migrationDetails}
      onClose={onClose}
    >
      {mailbox.conflicts.map((one) => (
        <MessageBar key={one.kind} intent="warning" layout="multiline">
          <MessageBarBody>{one.text}</MessageBarBody>
        </MessageBar>
      ))}
      {mailbox.findings.map((one) => (
        <Text key={one.code}>
          {one.text}
          {one.error_code && ` (${one.error_code})`}
        </Text>
      ))}
      {mailbox.skip_reason && <Text>{mailbox.skip_reason}</Text>}
      {mailbox.kind !== "forward" && (
        <Field label="What to do with it">
          <RadioGroup
            value={mailbox.decision}
            disabled={decide.isPending || (!mailbox.address && mailbox.decision === "skip")}
            onChange={(_, d) => set({ decision: d.value, owner: d.value === "match" ? owner || null : null })}
          >
            <Radio
              value="create"
              label={`Create the ${mailbox.kind} from its address`}
              data-testid={testIds.migrationDecision("create")}
            />
            <Radio
              value="match"
              disabled={owners.length === 0}
              label={
                found
                  ? `Match ${found.name}, found by ${mailbox.found_by === "id" ? "id" : "address"}`
                  : "Match a user or queue that is here"
              }
              data-testid={testIds.migrationDecision("match")}
            />
            <Radio
              value="skip"
              label="Skip: leave it as it is"
              data-testid={testIds.migrationDecision("skip")}
            />
          </RadioGroup>
        </Field>
      )}
      {mailbox.decision === "match" && (
        <Field label="User or queue">
          <Select
            value={owner}
            disabled={decide.isPending}
            onChange={(_, d) => set({ decision: "match", owner: d.value })}
            data-testid={testIds.migrationOwner}
          >
            {owners.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name} ({word("owner", one.type).toLowerCase()})
              </option>
            ))}
          </Select>
        </Field>
      )}
      {mailbox.candidates.length > 1 && (
        <Field label="Whose settings it gets">
          <RadioGroup
            value={String(mailbox.chosen)}
            disabled={decide.isPending}
            onChange={(_, d) => set({ candidate: Number(d.value) })}
            data-testid={testIds.migrationCandidate}
          >
            {mailbox.candidates.map((one, index) => (
              <Radio
                key={`${one.router} ${one.row}`}
                value={String(index)}
                label={`${one.router ? `Email Router ${one.router}` : "Several routers"}: ${one.profile ?? "a pair that can’t be migrated"}${one.user_name ? `, as ${one.user_name}` : ""}`}
              />
            ))}
          </RadioGroup>
        </Field>
      )}
      {decide.error && <ErrorPanel error={decide.error} />}
      <Facts
        facts={[
          ["Kind", word("mailboxKind", mailbox.kind)],
          ["Is here as", mailbox.existing],
          ["Process emails from", exact(mailbox.process_emails_from)],
          ["That is", word("dateFrom", mailbox.date)],
          ["User name", mailbox.candidates[mailbox.chosen]?.user_name ?? null],
          [
            "After processing",
            mailbox.delete_after_processing ? "Deleted at the server" : "Stays at the server",
          ],
          ["Router’s last error", mailbox.last_error],
          ["Id in the files", mailbox.source_id],
        ]}
      />
    </SidePanel>
  );
}
