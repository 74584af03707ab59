import type { Change, Wizard } from "./state";

/** What each step is given. */
export type StepProps = {
  state: Wizard;
  change: (change: Change) => void;
  /** What is wrong, by field; empty until the person wanted to go on. */
  wrong: Record<string, string>;
};
