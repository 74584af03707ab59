import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Actions, MigrationPlanView } from "../../bindings";
import { backend, call } from "../../lib/backend";
import { ActionError } from "../../lib/errors";
import { useDo } from "../../lib/queries";

/** The plan that is kept, or `null` when there is none. */
export function usePlan() {
  return useQuery<MigrationPlanView | null>({
    queryKey: ["migration_plan"],
    queryFn: async () => {
      try {
        return await call("migration_plan", {});
      } catch (thrown) {
        if (thrown instanceof ActionError && thrown.details.code === "no_migration_plan") return null;
        throw thrown;
      }
    },
  });
}

type PlanAction = "plan_migration" | "decide_migration" | "save_migration_plan" | "load_migration_plan";

/** Does something to the plan; what it answers is shown at once. */
export function useDoPlan<A extends PlanAction>(action: A) {
  const queries = useQueryClient();
  const done = useDo(action);
  const run = async (request: Actions[A]["request"]): Promise<boolean> => {
    try {
      const plan = await done.mutateAsync(request);
      queries.setQueryData(["migration_plan"], plan);
      return true;
    } catch {
      return false;
    }
  };
  return { run, error: done.error, isPending: done.isPending, reset: done.reset };
}

export const PLAN_FILES = [{ name: "Migration plan", extensions: ["json"] }];

/** Asks for a file and opens the plan in it. */
export function useOpenPlan(then: () => void) {
  const load = useDoPlan("load_migration_plan");
  const choose = async () => {
    const [path] = await backend().chooseFiles("Open a migration plan", PLAN_FILES, "one");
    if (path && (await load.run({ path }))) then();
  };
  return { choose: () => void choose(), error: load.error, isPending: load.isPending };
}

/** Asks for a file and saves something to it; says where it went. */
export function useSaveTo(save: (path: string) => Promise<unknown>) {
  const [saved, setSaved] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const choose = async (title: string, name: string, to = save) => {
    const path = await backend().chooseTarget(title, name);
    if (!path) return;
    setSaved(null);
    setError(null);
    try {
      await to(path);
      setSaved(path);
    } catch (thrown) {
      setError(thrown);
    }
  };
  return { choose, saved, error };
}
