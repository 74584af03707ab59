import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Certificate, LadderView, MigratedProfile } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { CertificatePanel } from "../../components/CertificatePanel";
import { ErrorPanel } from "../../components/ErrorPanel";
import { StatusLabel } from "../../components/StatusLabel";
import { call } from "../../lib/backend";
import { withCaFile } from "../../lib/profile";
import { useAction } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count } from "../../lib/words";
import { listed } from "./state";
import { useWizardStyles } from "./styles";

/** What trying a profile's servers came to. */
export type Tried = { ladders: LadderView[]; error: unknown };

/** A certificate that servers showed and that is not trusted: who met it, at which host. */
type Refused = { certificate: Certificate; met: { profile: string; host: string }[] };

const useStyles = makeStyles({
  results: {
    display: "grid",
    gap: tokens.spacingVerticalS,
    width: "100%",
    maxHeight: "22rem",
    overflow: "auto",
  },
  result: { display: "grid", gap: tokens.spacingVerticalXS },
  line: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "center" },
  name: { overflowWrap: "anywhere", minWidth: 0 },
  wide: { display: "grid", gap: tokens.spacingVerticalM, width: "100%" },
});

const failed = (tried: Tried) =>
  tried.ladders.flatMap((one) => one.rungs).filter((rung) => rung.error !== null);

/** Whether every server answered as it should; a server without a password is proven below signing in. */
export const works = (tried: Tried | undefined): boolean =>
  tried !== undefined && !tried.error && failed(tried).length === 0 && tried.ladders.length > 0;

/** The refused certificates, each once, whatever profiles and hosts met it. */
export function refusedBy(tried: Map<string, Tried>): Refused[] {
  const found = new Map<string, Refused>();
  for (const [profile, one] of tried)
    for (const { error } of failed(one)) {
      const certificate = error?.certificate;
      if (!certificate) continue;
      const known = found.get(certificate.sha256) ?? { certificate, met: [] };
      const { host } = certificate;
      if (!known.met.some((met) => met.profile === profile && met.host === host))
        known.met.push({ profile, host });
      found.set(certificate.sha256, known);
    }
  return [...found.values()];
}

const once = (texts: string[]) => [...new Set(texts)];

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
  const change = async (met: Refused["met"], edit: (name: string, host: string) => Promise<unknown>) => {
    setError(null);
    try {
      for (const { profile, host } of met) {
        setAt(profile);
        await edit(profile, host);
      }
    } catch (thrown) {
      setError(thrown);
      setAt(null);
      return;
    } finally {
      await queries.invalidateQueries();
    }
    await tryAll(once(met.map((one) => one.profile)));
  };
  /** As it is now: the one that is shown may be older than another change of the same profile. */
  const believe = async (name: string, host: string, file: string) => {
    const profile = (await call("profiles", {})).find((one) => one.name === name);
    if (profile) await call("save_profile", withCaFile(profile, host, file));
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
      {refused.map(({ certificate, met }) => {
        const profiles = once(met.map((one) => one.profile));
        const hosts = once(met.map((one) => one.host)).join(" and ");
        return (
          <div key={certificate.sha256} className={styles.wide}>
            {profiles.length > 1 && (
              <Text>
                {count(profiles.length, "profile")} met this certificate:{" "}
                {listed(profiles.map((name) => `“${name}”`))}. What you decide counts for all of them.
              </Text>
            )}
            <CertificatePanel
              certificate={{ ...certificate, host: hosts }}
              busy={at !== null}
              caFile={practice.data?.ca_file}
              onTrust={(sha256) =>
                void change(met, (profile, host) => call("trust_certificate", { profile, host, sha256 }))
              }
              onCaFile={(file) => void change(met, (name, host) => believe(name, host, file))}
            />
          </div>
        );
      })}
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
  const broken = failed(tried);
  const refused = once(broken.flatMap((rung) => rung.error?.certificate?.host ?? []));
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
      {broken.map(
        (rung) => rung.error && !rung.error.certificate && <ErrorPanel key={rung.name} error={rung.error} />,
      )}
      {refused.length > 0 && (
        <Text>The certificate of {listed(refused)} is not trusted: compare it above.</Text>
      )}
      {tried.error !== null && <ErrorPanel error={tried.error} />}
    </div>
  );
}
