// Processes stand still, have a wrong clock, or are replaced one after the other.

import { usual, type FaultCase } from "../fault-case.ts";

const freezeMs = 30_000;
const jumpMs = 300_000;
const clockForMs = 3_000;

/** The rows. */
export const processes: FaultCase[] = [
  ...(["gateway", "reservation", "inventory", "payment", "sandbox"] as const).map((victim): FaultCase => ({
    ...usual,
    name: `freeze/${victim}`,
    fault: { kind: "freeze", victim, forMs: freezeMs },
  })),
  ...(["gateway-2", "reservation-2", "inventory-2", "payment-2"] as const).map((victim): FaultCase => ({
    ...usual,
    name: `freeze-one-of-two/${victim}`,
    shape: "pairs",
    fault: { kind: "freeze", victim, forMs: freezeMs },
    expects: { ...usual.expects, goesOn: true },
  })),
  ...(["gateway", "reservation", "inventory", "payment"] as const).flatMap((victim) =>
    [jumpMs, -jumpMs].map((by): FaultCase => ({
      ...usual,
      name: `clock/${victim}/${by > 0 ? "ahead" : "behind"}`,
      fault: { kind: "clock", victim, jumpMs: by, forMs: clockForMs },
    })),
  ),
  {
    ...usual,
    name: "rolling-restart",
    shape: "pairs",
    fault: {
      kind: "restart-all",
      victims: ["inventory", "payment", "reservation", "gateway"].flatMap((name) => [name, `${name}-2`]),
    },
    expects: { ...usual.expects, goesOn: true },
  },
];
