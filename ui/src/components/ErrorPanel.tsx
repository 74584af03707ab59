import {
  Accordion,
  AccordionHeader,
  AccordionItem,
  AccordionPanel,
  Button,
  Caption1,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import { CopyRegular } from "@fluentui/react-icons";
import { type ReactNode, useState } from "react";
import type { ApiError } from "../bindings";
import { errorAsText, toApiError } from "../lib/errors";
import { testIds } from "../lib/testids";
import { TimeText } from "./TimeText";

const useStyles = makeStyles({
  body: { paddingBlock: tokens.spacingVerticalS },
  words: {
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    margin: 0,
  },
  remedy: { display: "block" },
});

/** The one way an error is shown: what happened to which object, the next step, the server's words, and a copy. */
export function ErrorPanel(props: {
  error: unknown;
  intent?: "error" | "warning";
  actions?: ReactNode;
  onRetry?: () => void;
}) {
  const styles = useStyles();
  const [copied, setCopied] = useState(false);
  const error: ApiError = toApiError(props.error);
  const copy = async () => {
    await navigator.clipboard?.writeText(errorAsText(error)).catch(() => undefined);
    setCopied(true);
  };
  return (
    <MessageBar intent={props.intent ?? "error"} layout="multiline" data-testid={testIds.error} role="alert">
      <MessageBarBody className={styles.body}>
        <MessageBarTitle>{error.object}</MessageBarTitle>
        <span data-testid={testIds.errorMessage}>{error.message}</span>
        <span className={styles.remedy} data-testid={testIds.errorRemedy}>
          {error.remedy}
          {error.retry_at && (
            <>
              {" "}
              Tried again by itself <TimeText at={error.retry_at} />.
            </>
          )}
        </span>
        {error.server_said && (
          <Accordion collapsible>
            <AccordionItem value="words">
              <AccordionHeader size="small">In the server’s or system’s own words</AccordionHeader>
              <AccordionPanel>
                <pre className={styles.words}>{error.server_said}</pre>
                <Caption1>Code: {error.code}</Caption1>
              </AccordionPanel>
            </AccordionItem>
          </Accordion>
        )}
      </MessageBarBody>
      <MessageBarActions>
        {props.actions}
        {props.onRetry && <Button onClick={props.onRetry}>Try again</Button>}
        <Button appearance="transparent" icon={<CopyRegular />} onClick={() => void copy()}>
          {copied ? "Copied" : "Copy details"}
        </Button>
      </MessageBarActions>
    </MessageBar>
  );
}
