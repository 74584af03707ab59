import {
  Accordion,
  AccordionHeader,
  AccordionItem,
  AccordionPanel,
  MessageBar,
  MessageBarBody,
  makeStyles,
  Spinner,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useEffect } from "react";
import { useDo } from "../../../lib/queries";
import { testIds } from "../../../lib/testids";
import { domainOf, proposalOf, type Wizard } from "./state";
import type { StepProps } from "./step";

const SOURCES: Record<string, string> = {
  autoconfig: "its autoconfig file",
  service_records: "its service records",
  known_provider: "its mail provider's published settings",
};

const useStyles = makeStyles({
  all: { display: "grid", gap: tokens.spacingVerticalS },
  asked: { margin: 0, paddingLeft: tokens.spacingHorizontalL, overflowWrap: "anywhere" },
});

/** Asks the address's domain for its servers, once, and says what came of it. Typing goes on meanwhile. */
export function ServersFound({ state, change }: Pick<StepProps, "state" | "change">) {
  const styles = useStyles();
  const ask = useDo("discover_servers");
  const domain = domainOf(state.address);
  const { found, address } = state;

  // biome-ignore lint/correctness/useExhaustiveDependencies: once per address
  useEffect(() => {
    if (found === null && domain)
      ask.mutate({ address }, { onSuccess: (answer) => change({ type: "found", address, found: answer }) });
  }, [address]);

  return (
    <div className={styles.all} aria-live="polite" data-testid={testIds.wizardFound}>
      {ask.isPending && (
        <Spinner size="tiny" labelPosition="after" label={`Asking ${domain} for its mail servers…`} />
      )}
      {(found || ask.isError) && <Text>{verdict(state, domain)}</Text>}
      {found?.advice && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>{found.advice}</MessageBarBody>
        </MessageBar>
      )}
      {proposalOf(state)?.takes_password === false && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            {domain} says that these servers accept no passwords, only OAuth, which is not in this version.
          </MessageBarBody>
        </MessageBar>
      )}
      {found && found.asked.length > 0 && (
        <Accordion collapsible>
          <AccordionItem value="asked">
            <AccordionHeader size="small">What was asked</AccordionHeader>
            <AccordionPanel>
              <ul className={styles.asked}>
                {found.asked.map((one) => (
                  <li key={one.source}>
                    {one.source}: {one.outcome}
                  </li>
                ))}
              </ul>
            </AccordionPanel>
          </AccordionItem>
        </Accordion>
      )}
    </div>
  );
}

/** One sentence about where the names below come from: the domain, the person, or a guess. */
export function verdict(state: Wizard, domain: string): string {
  const proposal = proposalOf(state);
  const ends = [state.incoming, state.outgoing];
  if (proposal) {
    const named = [proposal.incoming.server, proposal.outgoing.server];
    const source = SOURCES[proposal.source] ?? "its settings";
    if (ends.every((end, index) => end.server.trim() === named[index]))
      return `${domain} names these servers in ${source}.`;
    return `${domain} names other servers in ${source}: ${[...new Set(named)].join(" and ")}. Those below are used.`;
  }
  const said =
    state.found && state.found.proposals.length > 0
      ? `${domain} names servers, but none of the kind that you chose.`
      : `${domain} does not say which servers it has.`;
  const typed = ends.filter((end) => end.serverTyped).length;
  if (typed === ends.length) return `${said} The names below are yours.`;
  if (typed > 0) return `${said} One of the names below is yours, the other is a guess: check it.`;
  return `${said} The names below are guesses: check them.`;
}
