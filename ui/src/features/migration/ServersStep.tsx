import { Button, MessageBar, MessageBarBody, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Certificate, LadderView, MigratedProfile } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { CertificatePanel } from "../../components/CertificatePanel";
import { ErrorPanel } from "../../components/ErrorPanel";
import { StatusLabel } from "../../components/StatusLabel";
import { call } from "../../lib/backend";
import { useAction } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count, word } from "../../lib/words";
import { withCaFile } from "../profiles/profile";
import { useWizardStyles } from "./styles";

/** What trying a profile's servers came to. */
export type Tried = { ladders: LadderView[]; error: unknown };

/** A certificate that some of the profiles' servers showed and that is not trusted. */
type Refused = { certificate: Certificate; profiles: string[] };

const useStyles = makeStyles({
  results: {
    display: "grid",
    gap: tokens.spacingVerticalS,
    width: "100%",
    maxHeight: "22rem",
    overflow: "auto",
  },
  result: { display: "grid", gap: tokens.spacingVerticalXS },
  line: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "baseline" },
  name: { overflowWrap: "anywhere", minWidth: 0 },
  wide: { display: "grid", gap: tokens.spacingVerticalM, width: "100%" },
});

/** What broke first in a profile's ladders. */
const broke = (tried: Tried) => tried.ladders.flatMap((one) => one.rungs).find((rung) => rung.error !== null);

/** Whether every server answered as it should; a server without a password is proven below signing in. */
export const works = (tried: Tried | undefined): boolean =>
  tried !== undefined && !tried.error && !broke(tried) && tried.ladders.length > 0;

/** The refused certificates, each once with the profiles that met it. */
export function refusedBy(tried: Map<string, Tried>): Refused[] {
  const found = new Map<string, Refused>();
  for (const [profile, one] of tried) {
    const certificate = broke(one)?.error?.certificate;
    if (!certificate) continue;
    const known = found.get(`${certificate.host} ${certificate.sha256}`);
    if (known) known.profiles.push(profile);
    else found.set(`${certificate.host} ${certificate.sha256}`, { certificate, profiles: [profile] });
  }
  return [...found.values()];
}

/** Tries the servers of the migrated profiles, and trusts their certificates where a person says so. */
export function ServersStep(props: {
  profiles: MigratedProfile[];
  tried: Map<string, Tried>;
  onTried: (profile: string, tried: Tried) => void;
  primary: boolean;
}) {
  const styles = useStyles();
  const shared = useWizardStyles();
  const queries = useQueryClient();
  const profiles = useAction("profiles", {});
  const practice = useAction("practice", {});
  const [at, setAt] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const { tried } = props;
  const names = props.profiles.map((one) => one.name);
  const refused = refusedBy(tried);
  const good = names.filter((name) => works(tried.get(name))).length;
  const shown = names.filter((name) => tried.has(name));

  const tryAll = async (wanted: string[]) => {
    for (const name of wanted) {
      setAt(name);
      try {
        props.onTried(name, { ladders: await call("probe_profile", { name }), error: null });
      } catch (thrown) {
        props.onTried(name, { ladders: [], error: thrown });
      }
    }
    setAt(null);
  };
  /** Changes the profiles that met a certificate, then tries them again. */
  const change = async (wanted: string[], edit: (name: string) => Promise<unknown>) => {
    setError(null);
    setAt(wanted[0] ?? null);
    try {
      for (const name of wanted) await edit(name);
    } catch (thrown) {
      setError(thrown);
      setAt(null);
      return;
    } finally {
      await queries.invalidateQueries();
    }
    await tryAll(wanted);
  };

  return (
    <div className={styles.wide} data-testid={testIds.migrationServers}>
      <Text>
        Tandem connects, checks the certificates and signs in with the first mailbox that has a password.
        Nothing is stored and nothing is sent. A certificate that this computer does not know is shown for you
        to compare: better now than in the middle of a test.
      </Text>
      <div className={shared.bar}>
        <Button
          appearance={props.primary ? "primary" : "secondary"}
          disabled={at !== null || names.length === 0}
          onClick={() => void tryAll(names)}
          data-testid={testIds.migrationTryServers}
        >
          {at !== null
            ? "Trying…"
            : `Try the servers of ${count(names.length, "profile")}${shown.length > 0 ? " again" : ""}`}
        </Button>
        <Text className={shared.quiet} aria-live="polite">
          {at !== null
            ? at
            : shown.length > 0 && `${good.toLocaleString()} of ${names.length.toLocaleString()} work`}
        </Text>
      </div>
      {error !== null && <ErrorPanel error={error} />}
      {refused.map(({ certificate, profiles: met }) => (
        <div key={`${certificate.host} ${certificate.sha256}`} className={styles.wide}>
          {met.length > 1 && (
            <MessageBar layout="multiline">
              <MessageBarBody>
                {count(met.length, "profile")} met this certificate: {met.join(", ")}. What you decide counts
                for all of them.
              </MessageBarBody>
            </MessageBar>
          )}
          <CertificatePanel
            certificate={certificate}
            busy={at !== null}
            caFile={practice.data?.ca_file}
            onTrust={(sha256) =>
              void change(met, (profile) =>
                call("trust_certificate", { profile, host: certificate.host, sha256 }),
              )
            }
            onCaFile={(file) =>
              void change(met, async (name) => {
                const profile = profiles.data?.find((one) => one.name === name);
                if (profile) await call("save_profile", withCaFile(profile, certificate.host, file));
              })
            }
          />
        </div>
      ))}
      {shown.length > 0 && (
        <div className={styles.results}>
          {shown.map((name) => (
            <Result key={name} name={name} tried={tried.get(name)} />
          ))}
        </div>
      )}
    </div>
  );
}

function Result({ name, tried }: { name: string; tried: Tried | undefined }) {
  const styles = useStyles();
  if (!tried) return null;
  const rung = broke(tried);
  const status = works(tried) ? "succeeded" : "failed";
  const signedIn = tried.ladders.every((one) =>
    one.rungs.some((r) => r.name === "login" && r.status === "passed"),
  );
  return (
    <div
      className={styles.result}
      data-testid={testIds.migrationServer(name)}
      data-status={works(tried) ? "works" : "failed"}
    >
      <div className={styles.line}>
        <StatusLabel
          status={status}
          text={
            works(tried) ? (signedIn ? "Works" : "Answers; nobody could sign in yet") : "Does not work yet"
          }
        />
        <span className={styles.name}>
          <AppLink to="/profiles" search={{ open: name }}>
            {name}
          </AppLink>
        </span>
      </div>
      {rung?.error && !rung.error.certificate && <ErrorPanel error={rung.error} />}
      {rung?.error?.certificate && (
        <Text>
          {word("rung", rung.name)}: the certificate of {rung.error.certificate.host} is not trusted. Compare
          it above.
        </Text>
      )}
      {tried.error !== null && <ErrorPanel error={tried.error} />}
    </div>
  );
}
