import {
  Button,
  Field,
  Input,
  MessageBar,
  MessageBarBody,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import { PlayRegular } from "@fluentui/react-icons";
import type { Certificate } from "../../../bindings";
import { CertificatePanel } from "../../../components/CertificatePanel";
import { ErrorPanel } from "../../../components/ErrorPanel";
import { asLive, Ladder } from "../../../components/Ladder";
import { forgetLadders, useLive } from "../../../lib/live";
import { useDo } from "../../../lib/queries";
import { testIds } from "../../../lib/testids";
import { type End, profileOf, proof, tryKey } from "./state";
import type { StepProps } from "./step";

const useStyles = makeStyles({
  pair: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(220px, 100%), 1fr))",
    gap: tokens.spacingHorizontalM,
    alignItems: "start",
  },
  ladders: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(300px, 100%), 1fr))",
    gap: tokens.spacingHorizontalXXL,
    alignItems: "start",
  },
  button: { justifySelf: "start" },
});

/** Step 4: climb the ladder of both servers, live. Nothing is stored, nothing is sent. */
export function TryStep({ state, change }: StepProps) {
  const styles = useStyles();
  const attempt = useDo("try_servers");
  const live = useLive();
  const own = state.authentication === "user_or_queue";
  const result = proof(state);
  const objects = [state.tryAddress.trim(), state.name.trim()].filter(Boolean);
  const climbing = objects.flatMap((object) => live.ladders.get(object) ?? []);
  const current = state.tried?.of === tryKey(state) ? state.tried.ladders : [];
  const shown = attempt.isPending ? climbing : asLive(current);

  const climb = () => {
    forgetLadders(objects);
    const of = tryKey(state);
    attempt.mutate(
      {
        profile: profileOf(state),
        address: state.tryAddress.trim() || null,
        user_name: (own ? state.tryUserName.trim() : state.userName.trim()) || null,
        password: (own ? state.tryPassword : state.password) || null,
      },
      { onSuccess: (ladders) => change({ type: "tried", of, ladders }) },
    );
  };

  const refused = new Map<string, { certificate: Certificate; ends: End[] }>();
  for (const ladder of current) {
    const certificate = ladder.rungs.find((rung) => rung.error?.certificate)?.error?.certificate;
    if (!certificate || (ladder.workload !== "incoming" && ladder.workload !== "outgoing")) continue;
    const known = refused.get(certificate.sha256);
    if (known) known.ends.push(ladder.workload);
    else refused.set(certificate.sha256, { certificate, ends: [ladder.workload] });
  }

  return (
    <>
      <Text>
        Each rung of the ladder is tried in turn, for both servers. Nothing is stored and nothing is sent.
        Without a password the ladder ends below signing in.
      </Text>
      <div className={styles.pair}>
        <Field label="Mailbox to try with">
          <Input
            type="email"
            value={state.tryAddress}
            onChange={(_, d) => change({ type: "set", field: "tryAddress", value: d.value })}
            data-testid={testIds.wizardTryAddress}
          />
        </Field>
        {own && (
          <>
            <Field label="User name">
              <Input
                value={state.tryUserName}
                autoComplete="username"
                onChange={(_, d) => change({ type: "set", field: "tryUserName", value: d.value })}
                data-testid={testIds.wizardTryUserName}
              />
            </Field>
            <Field label="Password">
              <Input
                type="password"
                value={state.tryPassword}
                autoComplete="current-password"
                onChange={(_, d) => change({ type: "set", field: "tryPassword", value: d.value })}
                data-testid={testIds.wizardTryPassword}
              />
            </Field>
          </>
        )}
      </div>
      <Button
        className={styles.button}
        appearance={result === "proven" ? "secondary" : "primary"}
        icon={<PlayRegular />}
        disabled={attempt.isPending}
        onClick={climb}
        data-testid={testIds.wizardTry}
      >
        {attempt.isPending ? "Trying…" : state.tried ? "Try again" : "Try the servers"}
      </Button>
      {attempt.error && <ErrorPanel error={attempt.error} />}
      {[...refused.values()].map(({ certificate, ends }) => (
        <CertificatePanel
          key={certificate.sha256}
          certificate={certificate}
          onTrust={(sha256) => {
            for (const end of ends) change({ type: "trust", end, sha256 });
          }}
          onCaFile={(caFile) => {
            for (const end of ends) change({ type: "endpoint", end, change: { caFile } });
          }}
        />
      ))}
      {shown.length > 0 && (
        <div className={styles.ladders}>
          {shown.map((ladder) => (
            <Ladder
              key={ladder.workload}
              workload={ladder.workload}
              rungs={ladder.rungs}
              result={ladder.result}
            />
          ))}
        </div>
      )}
      {result === "proven" && (
        <MessageBar intent="success">
          <MessageBarBody>Both servers answer as they should.</MessageBarBody>
        </MessageBar>
      )}
      {result === "not tried" && state.tried && !attempt.isPending && (
        <MessageBar intent="info">
          <MessageBarBody>Something changed since the last try. Try again to be sure.</MessageBarBody>
        </MessageBar>
      )}
    </>
  );
}
