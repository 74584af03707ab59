import { Field, MessageBar, MessageBarBody, makeStyles, Select, tokens } from "@fluentui/react-components";
import type { MigrationPlanView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { testIds } from "../../lib/testids";
import { useDoPlan } from "./plan";
import { hasFiles, pathsOf, type Wizard } from "./state";

const useStyles = makeStyles({
  options: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalL, alignItems: "flex-end" },
  field: { flex: "0 1 18rem" },
});

/** How the plan is made. A change plans again from the files, which is said, since decisions begin anew. */
export function PlanOptions({ plan, state }: { plan: MigrationPlanView; state: Wizard }) {
  const styles = useStyles();
  const make = useDoPlan("plan_migration");
  const named = plan.organizations.filter((one) => one.key !== "");
  const unnamed = plan.organizations.some((one) => one.key === "");
  const taken = named.find((one) => one.taken)?.key ?? null;
  const again = (change: { organization?: string; unnamed?: string; profile_date?: string }) =>
    void make.run({
      routers: pathsOf(state),
      organization: taken,
      unnamed: plan.unnamed,
      profile_date: plan.profile_date,
      ...change,
    });
  // Without the files in hand (a plan of a file, or of an earlier start) nothing can be planned again.
  const fixed = !hasFiles(state) || make.isPending;
  return (
    <>
      {plan.organization_unconfirmed && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            The files serve several organizations. Check that the one chosen here is this one.
          </MessageBarBody>
        </MessageBar>
      )}
      <div className={styles.options}>
        {named.length > 1 && (
          <Field label="Organization in the files" className={styles.field}>
            <Select
              value={taken ?? ""}
              disabled={fixed}
              onChange={(_, d) => again({ organization: d.value })}
            >
              {named.map((one) => (
                <option key={one.key} value={one.key}>
                  {one.name} ({one.providers} providers)
                </option>
              ))}
            </Select>
          </Field>
        )}
        {unnamed && (
          <Field label="Providers that name no organization" className={styles.field}>
            <Select value={plan.unnamed} disabled={fixed} onChange={(_, d) => again({ unnamed: d.value })}>
              <option value="treat_as_this">Take as this one’s</option>
              <option value="leave_out">Leave out</option>
            </Select>
          </Field>
        )}
        <Field label="New profiles process emails from" className={styles.field}>
          <Select
            value={plan.profile_date}
            disabled={fixed}
            onChange={(_, d) => again({ profile_date: d.value })}
            data-testid={testIds.migrationProfileDate}
          >
            <option value="one_day_back">24 hours back</option>
            <option value="earliest_mailbox">Their earliest mailbox’s date</option>
          </Select>
        </Field>
      </div>
      {make.error && <ErrorPanel error={make.error} />}
    </>
  );
}
