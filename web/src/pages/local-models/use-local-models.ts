import { useState } from "react";
import type { LocalModels } from "@/api/outcrop.gen";
import { useOperator } from "@/client";
import { busy } from "./words";

const [often, seldom] = [1000, 10_000];

/** The models of this machine, asked again every second while something happens. */
export function useLocalModels() {
  const [fast, setFast] = useState(false);
  const local = useOperator<LocalModels>("local-models", {}, { refetchInterval: fast ? often : seldom });
  const now = local.data !== undefined && busy(local.data.models, local.data.pulls);
  if (now !== fast) setFast(now);
  return local;
}
