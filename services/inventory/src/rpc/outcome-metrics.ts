// Counts what items of batches came to. A refusal is an OK answer, so the metrics of calls do not show it.

import { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { Counter, type Registry } from "#shared/metrics";
import { reasonName } from "#shared/refusal";
import type { OutcomeMessage } from "./outcomes.ts";

/** Counts an item of `method`. */
export type CountOutcome = (method: string, message: OutcomeMessage) => void;

/** Returns the counter `boxoffice_inventory_outcomes_total`, by method and by the hold's state or the refusal's reason. */
export function createOutcomeMetrics(registry: Registry): CountOutcome {
  const counter = new Counter({
    name: "boxoffice_inventory_outcomes_total",
    help: "Items of batch calls, by what they came to.",
    labelNames: ["method", "outcome"],
    registers: [registry],
  });
  // Looking a child up by its labels costs more than counting: holds come by the ten thousand a second.
  const children = new Map<string, Counter.Internal>();
  return (method, { outcome }) => {
    const name =
      outcome?.case === "hold"
        ? (HoldState[outcome.value.state ?? HoldState.UNSPECIFIED] ?? "UNSPECIFIED")
        : reasonName(outcome?.value?.reason ?? 0);
    const key = `${method}/${name}`;
    let child = children.get(key);
    if (!child) children.set(key, (child = counter.labels(method, name)));
    child.inc();
  };
}
