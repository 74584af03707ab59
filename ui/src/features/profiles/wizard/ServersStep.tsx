import {
  Accordion,
  AccordionHeader,
  AccordionItem,
  AccordionPanel,
  Field,
  Input,
  MessageBar,
  MessageBarBody,
} from "@fluentui/react-components";
import { EndpointFields } from "../EndpointFields";
import { ServersFound } from "./ServersFound";
import type { StepProps } from "./step";

/** Step 2: where the servers listen, as the domain says or as guessed from the address. */
export function ServersStep({ state, change, wrong }: StepProps) {
  const plain = state.incoming.security === "none" || state.outgoing.security === "none";
  return (
    <>
      <ServersFound state={state} change={change} />
      {(["incoming", "outgoing"] as const).map((end) => (
        <EndpointFields
          key={end}
          end={end}
          serverType={state.serverType}
          value={state[end]}
          onChange={(value) => change({ type: "endpoint", end, change: value })}
          wrong={{ server: wrong[`${end}.server`], port: wrong[`${end}.port`] }}
        />
      ))}
      {plain && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            Without TLS everybody on the way can read passwords and mail. Tandem does this only where Settings
            allow plain connections.
          </MessageBarBody>
        </MessageBar>
      )}
      <Accordion collapsible>
        <AccordionItem value="advanced">
          <AccordionHeader>Advanced</AccordionHeader>
          <AccordionPanel>
            <Field
              label="Connections at the same time"
              hint="1 to 300. Many servers cut off whoever opens more than ten."
              validationMessage={wrong.maxConnections}
            >
              <Input
                type="number"
                min={1}
                max={300}
                value={state.maxConnections}
                onChange={(_, d) => change({ type: "set", field: "maxConnections", value: d.value })}
              />
            </Field>
          </AccordionPanel>
        </AccordionItem>
      </Accordion>
    </>
  );
}
