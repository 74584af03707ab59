import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
} from "@fluentui/react-components";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { AlertView } from "../bindings";
import { alertAsText } from "../lib/errors";
import { forgetLadders } from "../lib/live";
import { useDo } from "../lib/queries";
import { testIds } from "../lib/testids";
import { CertificatePanel } from "./CertificatePanel";
import { ErrorPanel } from "./ErrorPanel";

/** The words on the button of each action; an action that is not here is done outside Tandem. */
const LABELS: Record<string, string> = {
  test_enable: "Test & Enable",
  enter_password: "Enter password",
  open_mailbox: "Open mailbox",
  open_profile: "Open profile",
  trust_certificate: "Compare certificate",
  approve: "Approve",
  open_email: "Open email",
  retry_item: "Settle delivery",
  open_quarantine: "Open quarantine",
  open_settings: "Open settings",
  unlock_secrets: "See passwords",
};

/** The next step of an alert as one button: what it does is the engine's word, never guessed from the text. */
export function RemedyButton({ alert }: { alert: AlertView }) {
  const navigate = useNavigate();
  const test = useDo("test_enable");
  const approve = useDo("approve_mailboxes");
  const [comparing, setComparing] = useState(false);
  const [copied, setCopied] = useState(false);
  if (alert.cleared_at || alert.action === "nothing") return null;

  const profile = alert.profile ?? (alert.scope === "profile" ? alert.object : undefined);
  const openMailbox = (edit: boolean) =>
    void navigate({
      to: "/mailboxes",
      search: { open: alert.object, edit: edit ? alert.object : undefined },
    });
  const openProfile = () => void navigate({ to: "/profiles", search: { open: profile } });
  const about = (mailbox: () => void) => (alert.scope === "mailbox" ? mailbox() : openProfile());
  const run: Record<string, () => void> = {
    test_enable: () =>
      about(() => {
        forgetLadders([alert.object]);
        test.mutate({ addresses: [alert.object] });
        openMailbox(false);
      }),
    enter_password: () => about(() => openMailbox(true)),
    open_mailbox: () => about(() => openMailbox(false)),
    open_profile: openProfile,
    trust_certificate: () => (alert.certificate && profile ? setComparing(true) : openProfile()),
    approve: () => approve.mutate({ addresses: [alert.object] }),
    open_email: () => void navigate({ to: "/records", search: { open: alert.object_id } }),
    retry_item: () => void navigate({ to: "/records", search: { open: alert.object_id } }),
    open_quarantine: () => void navigate({ to: "/ledger", search: { tab: "quarantine" } }),
    open_settings: () => void navigate({ to: "/settings" }),
    unlock_secrets: () => void navigate({ to: "/settings" }),
  };
  const act = run[alert.action];
  if (!act)
    return (
      <Button
        data-testid={testIds.alertRemedy(alert.id)}
        onClick={() => {
          void navigator.clipboard?.writeText(alertAsText(alert)).catch(() => undefined);
          setCopied(true);
        }}
      >
        {copied ? "Copied" : "Copy details"}
      </Button>
    );
  return (
    <>
      <Button
        appearance={alert.needs_person ? "primary" : "secondary"}
        disabled={test.isPending || approve.isPending}
        onClick={act}
        data-testid={testIds.alertRemedy(alert.id)}
      >
        {LABELS[alert.action] ?? "Show"}
      </Button>
      {(test.error || approve.error) && <ErrorPanel error={test.error ?? approve.error} />}
      {comparing && alert.certificate && profile && (
        <Compare alert={alert} profile={profile} onDone={() => setComparing(false)} />
      )}
    </>
  );
}

function Compare(props: { alert: AlertView; profile: string; onDone: () => void }) {
  const trust = useDo("trust_certificate");
  const certificate = props.alert.certificate;
  if (!certificate) return null;
  return (
    <Dialog open onOpenChange={(_, d) => !d.open && props.onDone()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{props.profile}</DialogTitle>
          <DialogContent>
            {trust.error && <ErrorPanel error={trust.error} />}
            <CertificatePanel
              certificate={certificate}
              busy={trust.isPending}
              onTrust={(sha256) =>
                trust.mutate(
                  { profile: props.profile, host: hostOf(certificate.host), sha256 },
                  { onSuccess: props.onDone },
                )
              }
            />
          </DialogContent>
          <DialogActions>
            <Button onClick={props.onDone}>Do not trust it</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

/** "mail.contoso.test:993" is the server mail.contoso.test; an IPv6 address keeps its colons. */
const hostOf = (host: string): string => host.replace(/^([^:]+):\d+$/, "$1");
