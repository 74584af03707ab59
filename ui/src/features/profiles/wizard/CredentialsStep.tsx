import { Field, Input, Radio, RadioGroup } from "@fluentui/react-components";
import { testIds } from "../../../lib/testids";
import type { Authentication } from "./state";
import type { StepProps } from "./step";

/** Step 3: whose user name and password are used. */
export function CredentialsStep({ state, change, wrong }: StepProps) {
  return (
    <>
      <Field label="How does Tandem sign in?">
        <RadioGroup
          value={state.authentication}
          onChange={(_, d) => change({ type: "authentication", value: d.value as Authentication })}
        >
          <Radio
            value="user_or_queue"
            label="Each mailbox has its own user name and password"
            data-testid={testIds.wizardAuthentication("user_or_queue")}
          />
          <Radio
            value="profile"
            label="One account opens all mailboxes of this profile"
            data-testid={testIds.wizardAuthentication("profile")}
          />
        </RadioGroup>
      </Field>
      {state.authentication === "profile" && (
        <>
          <Field label="User name" required validationMessage={wrong.userName}>
            <Input
              value={state.userName}
              autoComplete="username"
              onChange={(_, d) => change({ type: "set", field: "userName", value: d.value })}
              data-testid={testIds.wizardUserName}
            />
          </Field>
          <Field
            label="Password"
            required
            hint="Kept in this computer's credential store, and nowhere else."
            validationMessage={wrong.password}
          >
            <Input
              type="password"
              value={state.password}
              autoComplete="current-password"
              onChange={(_, d) => change({ type: "set", field: "password", value: d.value })}
              data-testid={testIds.wizardPassword}
            />
          </Field>
        </>
      )}
    </>
  );
}
