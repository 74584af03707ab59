import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { Actions } from "../bindings";
import { call } from "./backend";

/** Asks the engine, and again when an event says that the answer is old. The first part of the key is the action. */
export function useAction<A extends keyof Actions>(
  action: A,
  request: Actions[A]["request"],
  options: { enabled?: boolean; refetchEvery?: number; keep?: "previous" } = {},
) {
  return useQuery<Actions[A]["response"]>({
    queryKey: [action, request],
    queryFn: () => call(action, request),
    enabled: options.enabled ?? true,
    refetchInterval: options.refetchEvery,
    placeholderData: options.keep ? keepPreviousData : undefined,
  });
}

/** Does something; afterwards all that is shown is asked again. */
export function useDo<A extends keyof Actions>(action: A) {
  const queries = useQueryClient();
  return useMutation<Actions[A]["response"], Error, Actions[A]["request"]>({
    mutationFn: (request) => call(action, request),
    onSettled: () => void queries.invalidateQueries(),
  });
}

/** The time, a few times a minute: for "3 minutes ago". */
export function useNow(every = 15_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** A value that follows after a pause: for search as you type. */
export function useSettled<T>(value: T, pause = 250): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pause);
    return () => clearTimeout(timer);
  }, [value, pause]);
  return settled;
}

/** A value that follows at most so often, however often it changes: for what is read aloud. */
export function useEvery<T>(value: T, pause: number): T {
  const [shown, setShown] = useState(value);
  const latest = useRef(value);
  latest.current = value;
  useEffect(() => {
    const timer = setInterval(() => setShown(latest.current), pause);
    return () => clearInterval(timer);
  }, [pause]);
  return shown;
}
