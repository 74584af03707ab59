import {
  Button,
  Checkbox,
  Field,
  Input,
  makeStyles,
  Subtitle2,
  Text,
  tokens,
} from "@fluentui/react-components";
import { FolderOpenRegular, ShieldErrorRegular } from "@fluentui/react-icons";
import { useState } from "react";
import type { Certificate } from "../bindings";
import { chooseCaFile, pathTyped } from "../lib/files";
import { testIds } from "../lib/testids";
import { exact } from "../lib/time";
import { sentence } from "../lib/words";

const useStyles = makeStyles({
  panel: {
    display: "grid",
    gap: tokens.spacingVerticalM,
    padding: tokens.spacingHorizontalL,
    border: `1px solid ${tokens.colorStatusWarningBorder1}`,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground1,
  },
  title: { display: "flex", gap: tokens.spacingHorizontalS, alignItems: "center" },
  heading: { margin: 0 },
  facts: {
    display: "grid",
    gridTemplateColumns: "minmax(80px, max-content) 1fr",
    gap: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalL}`,
    margin: 0,
    "& dt": { color: tokens.colorNeutralForeground3 },
    "& dd": { margin: 0, overflowWrap: "anywhere" },
  },
  fingerprint: {
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase300,
    lineHeight: "1.6",
  },
  group: { display: "inline-block" },
  path: { flex: "1 1 16rem", minWidth: 0 },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
});

/** A fingerprint in pairs, for comparing by eye and by telephone. */
export const inPairs = (hex: string): string => (hex.match(/.{1,2}/g) ?? []).join(":").toUpperCase();

/** A refused certificate: everything to compare, and the one safe next step. */
export function CertificatePanel(props: {
  certificate: Certificate;
  busy?: boolean;
  onTrust?: (sha256: string) => void;
  /** The other way: an authority of the organization's own. */
  onCaFile?: (path: string) => void;
  /** The file that is offered for it. */
  caFile?: string | null;
}) {
  const styles = useStyles();
  const [compared, setCompared] = useState(false);
  const { certificate } = props;
  return (
    <section
      className={styles.panel}
      data-testid={testIds.certificate}
      aria-label={`Certificate of ${certificate.host}`}
    >
      <div className={styles.title}>
        <ShieldErrorRegular fontSize={24} aria-hidden="true" />
        <Subtitle2 as="h3" className={styles.heading}>
          The certificate of {certificate.host} was refused
        </Subtitle2>
      </div>
      <Text>{sentence(certificate.why)}.</Text>
      <dl className={styles.facts}>
        <dt>Issued to</dt>
        <dd>{certificate.subject}</dd>
        <dt>For the names</dt>
        <dd>{certificate.names.join(", ") || "none"}</dd>
        <dt>Issued by</dt>
        <dd>{certificate.issuer}</dd>
        <dt>Valid</dt>
        <dd>
          {exact(certificate.not_before)} to {exact(certificate.not_after)}
        </dd>
        <dt>SHA-256</dt>
        <dd className={styles.fingerprint} data-testid={testIds.certificateFingerprint}>
          {(inPairs(certificate.sha256).match(/.{1,12}/g) ?? []).map((group) => (
            <span key={group} className={styles.group}>
              {group}
            </span>
          ))}
        </dd>
      </dl>
      <Text>
        Ask whoever runs {certificate.host} for its fingerprint, by telephone or in person, and compare all of
        it. If it differs, somebody may be between you and the server: do not trust it.
      </Text>
      {props.onTrust && (
        <Checkbox
          checked={compared}
          onChange={(_, d) => setCompared(d.checked === true)}
          label="I compared the fingerprint and it is the same"
          data-testid={testIds.certificateCompared}
        />
      )}
      <div className={styles.actions}>
        {props.onTrust && (
          <Button
            disabled={!compared || props.busy}
            onClick={() => props.onTrust?.(certificate.sha256)}
            data-testid={testIds.certificateTrust}
          >
            Trust this certificate for {certificate.host}
          </Button>
        )}
      </div>
      {props.onCaFile && (
        <CaFile offered={props.caFile ?? ""} busy={props.busy ?? false} onUse={props.onCaFile} />
      )}
    </section>
  );
}

/** A CA file, typed or browsed for, and then used. */
function CaFile(props: { offered: string; busy: boolean; onUse: (path: string) => void }) {
  const styles = useStyles();
  const [path, setPath] = useState(props.offered);
  const wanted = pathTyped(path);
  const use = () => wanted && !props.busy && props.onUse(wanted);
  return (
    <Field
      label="Or the CA file (PEM) of the authority that issued it"
      hint="For servers with an authority of their own. It also covers the server’s next certificate."
    >
      {(field) => (
        <div className={styles.actions}>
          <Input
            {...field}
            className={styles.path}
            value={path}
            spellCheck={false}
            placeholder="Type or paste its path"
            title={path || undefined}
            onChange={(_, d) => setPath(d.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault();
              use();
            }}
            data-testid={testIds.certificateCaPath}
          />
          <Button
            icon={<FolderOpenRegular />}
            aria-label="Browse for the CA file"
            onClick={() =>
              void chooseCaFile().then((file) => {
                if (file) setPath(file);
              })
            }
            data-testid={testIds.certificateCaFile}
          >
            Browse…
          </Button>
          <Button disabled={!wanted || props.busy} onClick={use} data-testid={testIds.certificateCaUse}>
            Use this file
          </Button>
        </div>
      )}
    </Field>
  );
}
